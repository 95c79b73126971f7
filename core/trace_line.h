/* SPDX-License-Identifier: MIT
 *
 * One line of a transcript: written and read. Pure.
 *
 *     81234.567 2026-11-21T03:45:12.123Z > 1 /dev/ttyUSB0 AT+CSQ\r
 *     81239.120 2026-11-21T03:45:12.127Z < 1 /dev/ttyUSB0 \r\n+CSQ: 15,99\r\n
 *     81239.500 2026-11-21T03:45:12.128Z ! 1 /dev/ttyUSB0 closed EIO: i/o error
 *
 * Monotonic ms with us, wall time, direction, slot, port, then the bytes of
 * one chunk: printable ASCII as it is, \r \n \t \\ and \xNN. \m{N} stands for
 * N bytes of a secret; a replay takes any N bytes there. Slot and port are
 * escaped too, blanks included; "-" is an empty one. Whatever is written
 * reads back the same, bytes and text.
 */
#ifndef ATTEST_TRACE_LINE_H
#define ATTEST_TRACE_LINE_H

#include <stddef.h>
#include <stdint.h>

enum trace_direction {
    TRACE_SENT = '>',     /* to the module */
    TRACE_RECEIVED = '<', /* from the module */
    TRACE_MARK = '!',     /* about the port; the text's first word says what */
};

/* Escaped text, borrowed from the line it was read from. */
struct trace_field {
    const char *text;
    size_t length;
};

struct trace_line {
    uint64_t at_us;  /* monotonic */
    int64_t wall_ms; /* since the epoch, UTC */
    enum trace_direction direction;
    struct trace_field slot, port, bytes;
};

/* Room for the two times, the direction and the blanks around them. */
#define TRACE_LINE_HEAD 64
/* Room a byte takes at most, escaped (\xNN) or masked (\m{1}). */
#define TRACE_LINE_BYTE 5
/* The largest N; longer secrets are several masks. */
#define TRACE_LINE_MASK_MAX 1048576u
/* Bytes of one chunk, masked ones too: what a port takes in one write. A few
   masks could stand for more than there is memory. */
#define TRACE_LINE_MAX (4u << 20)

/* Each returns the length written; a mask also writes a NUL. */
size_t trace_line_put_head(char *out, uint64_t at_us, int64_t wall_ms,
                           enum trace_direction direction);
size_t trace_line_put_bytes(char *out, const char *bytes, size_t length);
size_t trace_line_put_mask(char *out, size_t count);
/* A slot or a port. Room: TRACE_LINE_BYTE a byte, and 1 for an empty one. */
size_t trace_line_put_field(char *out, const char *text);

/* Reads a line, with or without its line end. 0, or UV_EINVAL: then it is no
   line of a transcript and *out is untouched. */
int trace_line_parse(const char *line, size_t length, struct trace_line *out);

/* Reads one piece of escaped text: a byte (*wild 0) or `*wild` masked bytes.
   Returns the characters it took; 0 at the end or when malformed. */
size_t trace_line_next(const char *text, size_t length, char *byte,
                       size_t *wild);

#endif
