/* SPDX-License-Identifier: MIT
 *
 * Bytes from a module become frames: line, prompt, counted payload, echo,
 * noise, passthrough data.
 *
 * A push state machine, pure: no loop, no Lua, no AT command; the words it
 * needs come as data (struct vocabulary). Three hooks act before a newline:
 * an expected prompt, the header of a counted payload, our own echo. Any
 * slicing of the same bytes gives the same frames. The callback may change
 * the framer's expectations; they hold from the very next byte.
 *
 *     \r\n+CSQ: 15,99\r\n         LINE "+CSQ: 15,99"
 *     \r\n>                       PROMPT, when one is expected
 *     +QIRD:3,2\r\n\r\n\r\n       PAYLOAD "\r\n", header "+QIRD:3,2"
 */
#ifndef ATTEST_FRAMER_H
#define ATTEST_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vocabulary.h"

enum frame_kind {
    FRAME_LINE,     /* without its line end, trailing blanks trimmed */
    FRAME_PROMPT,   /* no bytes */
    FRAME_PAYLOAD,  /* counted bytes; `header` is the line before them */
    FRAME_ECHO,     /* no bytes: what was announced came back */
    FRAME_NOISE,    /* bytes that belong to no line */
    FRAME_DATA,     /* passthrough */
    FRAME_OVERFLOW, /* a line over the limit was dropped; no bytes */
};

enum payload_fault {
    PAYLOAD_WHOLE,
    PAYLOAD_SHORT, /* fewer bytes came than the header said */
    PAYLOAD_LONG,  /* more bytes came */
    PAYLOAD_CUT,   /* a reboot ended it; the bytes are not delivered */
};

struct frame {
    enum frame_kind kind;
    enum payload_fault fault; /* of a FRAME_PAYLOAD */
    const char *bytes;        /* borrowed for the callback */
    size_t length;
    const char *header; /* borrowed for the callback */
    size_t header_length;
};

typedef void (*frame_fn)(void *arg, const struct frame *f);

#define FRAMER_MAX_LINE 4096u
/* Idle time in ms after which framer_idle() must be called. */
#define FRAMER_IDLE_MS 300u

struct framer {
    frame_fn emit;
    void *arg;
    struct vocabulary *vocabulary; /* one reference, or NULL */
    char *text;                    /* unfinished line or payload */
    size_t length;
    size_t capacity;
    size_t max_line;
    char *echo; /* announced, not yet come back */
    size_t echo_length;
    size_t echo_at;    /* bytes that came back so far */
    size_t echo_start; /* where the current line resumed the echo */
    size_t header_length;
    uint64_t wanted; /* bytes of a counted payload */
    uint8_t state;
    bool in_data;
    bool prompt;      /* a prompt is expected */
    bool quoted_crlf; /* line ends inside quotes belong to the line */
    bool echo_eol;    /* the echo must end with a line end */
    bool echo_whole;  /* no other line splits the echo */
    bool blank_spare; /* a blank was taken for the echo's, or is the prompt's */
    bool in_quotes;
    bool is_noisy;   /* noise came before the line, with no line end between */
    bool is_reading; /* bytes that were taken for an echo are read again */
    bool stopped;
};

void framer_init(struct framer *f, frame_fn emit, void *arg);
void framer_clean(struct framer *f);

/* Takes a reference of its own; NULL clears. */
void framer_set_vocabulary(struct framer *f, struct vocabulary *v);

/* Announces what was sent and may come back. `eol`: it counts only when a
   line end follows. Returns 0 or UV_ENOMEM; a former echo is forgotten. */
int framer_expect_echo(struct framer *f, const char *bytes, size_t length,
                       bool eol);
void framer_forget_echo(struct framer *f);

/* Returns 0, or UV_ENOMEM with everything before the failure delivered. */
int framer_feed(struct framer *f, const char *bytes, size_t length);

/* Nothing came for FRAMER_IDLE_MS: settles what only silence can settle. */
int framer_idle(struct framer *f);

/* Whether framer_idle() would do anything. */
bool framer_is_pending(const struct framer *f);

/* Forgets the unfinished line, payload and echo (a port was reopened). */
void framer_reset(struct framer *f);

#endif
