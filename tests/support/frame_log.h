/* SPDX-License-Identifier: MIT
 *
 * Frames as text, and a judge that feeds the same bytes in many slicings.
 *
 *     line[OK] echo prompt payload[ab|+RECV:2] short[..] long[..] cut[..]
 *     noise[\xff] data[..] overflow
 *
 * Neighbours of noise and of data are shown as one: they have no boundaries
 * of their own. Bytes outside printable ASCII are shown as \r \n \xNN.
 */
#ifndef ATTEST_FRAME_LOG_H
#define ATTEST_FRAME_LOG_H

#include "framer.h"

/* Stands in the fed bytes for FRAMER_IDLE_MS without any. */
#define IDLE "\x1e"

struct given {
    const char *echo; /* announced before the first byte, or NULL */
    size_t echo_length;
    bool echo_eol;
    bool prompt;
    bool quoted_crlf;
    bool is_bare; /* no vocabulary */
    size_t max_line;
    /* Called for each frame after it was logged; may change the framer. */
    void (*react)(struct framer *f, const struct frame *frame);
};

/* A text that holds NULs: its bytes and their number. */
#define BYTES(text) (text), sizeof(text) - 1
#define ECHO_OF(text) .echo = (text), .echo_length = sizeof(text) - 1

/* What a module of this test knows: OK, ERROR, +CREG: and +QIRD: start lines;
   RDY and SIM_SUCCESS are boot words; +QIRD:<link>,<count>, +RECV:<count>,
   and +PUB: <a>,<b>,<c>,<d>,<topic>,<count>, announce bytes. Owned. */
struct vocabulary *frame_log_words(void);

/* Feeds the bytes whole, byte by byte, cut at every position and in random
   slices; every log must be `expected`. */
void frames_are(const struct given *g, const char *bytes, size_t length,
                const char *expected);

/* The same bytes in one piece only; the log is owned by the caller. */
char *frames_of(const struct given *g, const char *bytes, size_t length);

#endif
