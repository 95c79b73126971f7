/* SPDX-License-Identifier: MIT
 *
 * What the files of the framer share: framer.c (lines, echo, prompt) and
 * framer_payload.c (counted payloads). Nobody else includes it.
 */
#ifndef ATTEST_FRAMER_INNER_H
#define ATTEST_FRAMER_INNER_H

#include "framer.h"

/*  START    at a line's first byte: echo, prompt, noise are tried here
    LINE     inside a line
    DROP     inside a line over the limit, up to its line feed
    RAW      inside a counted payload
    TAIL     after the counted bytes, where a line end must follow
    OVERRUN  after the counted bytes, something else followed */
enum state { START, LINE, DROP, RAW, TAIL, OVERRUN, AFTER_PROMPT };

/* The text: forget it, make room, add to it. 0 or UV_ENOMEM. */
void framer_restart(struct framer *f);
int framer_reserve(struct framer *f, size_t more);
int framer_append(struct framer *f, const char *bytes, size_t length);

/* Frames are handed out from a buffer that the callback cannot disturb: the
   framer's text is detached while it runs, and given back when the callback
   left none of its own. */
char *framer_detach(struct framer *f);
void framer_attach(struct framer *f, char *text, size_t capacity);

/* Counted payloads. */
int framer_start_payload(struct framer *f, uint64_t count);
int framer_end_payload(struct framer *f, size_t length,
                       enum payload_fault fault);
bool framer_split_back(struct framer *f, int *err);
int framer_feed_raw(struct framer *f, const char *bytes, size_t length,
                    size_t *taken);
int framer_feed_tail(struct framer *f, char byte);
int framer_feed_overrun(struct framer *f, char byte);

#endif
