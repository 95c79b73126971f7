/* SPDX-License-Identifier: MIT
 *
 * The escape from passthrough: silence, exactly "+++", silence. Both sides.
 *
 * Pure: knows no port and no timer. Time comes in as nanoseconds of one
 * monotonic clock and must not run backwards; each side says when it next
 * wants to be asked. Anything else with pluses in it is data: "+++a",
 * "a+++b", "++++", and three pluses in a stream.
 *
 *     silence >= before   + + +   silence >= after
 *
 * The far end may see the pluses of the host (real modules forward them), so
 * an escape is no harmless probe. Two bursts that the OS hands over in one
 * piece cannot be told apart: such pluses stay data.
 */
#ifndef ATTEST_ESCAPE_H
#define ATTEST_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ESCAPE_NEVER UINT64_MAX /* the same as CLOCK_NEVER */

/* Guard times of the CT12 and of most modules. */
#define ESCAPE_GUARD_NS 1000000000u

/* ------------------------------------------------------------------ host */

enum escape_step {
    ESCAPE_IDLE,   /* application writes may go out */
    ESCAPE_QUIET,  /* wanted; waiting for our own silence */
    ESCAPE_SENT,   /* "+++" is out; silence again */
    ESCAPE_PASSED, /* both silences kept; the module may answer now */
};

struct escape_host {
    uint64_t before, after; /* guard times */
    uint64_t last;          /* when our last byte left */
    enum escape_step step;
    uint8_t counts; /* of pluses that the module may hold, as a set */
};

/* `last`: when our last byte before the passthrough left. */
void escape_host_init(struct escape_host *e, uint64_t before, uint64_t after,
                      uint64_t last);

/* Bytes of the application were written; the last one left at `now`. */
void escape_host_wrote(struct escape_host *e, const char *bytes, size_t length,
                       uint64_t now);

/* What was written left a queue only at `now`: the silence begins there. */
void escape_host_left(struct escape_host *e, uint64_t now);

/* Whether writing these bytes now, and then nothing for a guard time, might
   be an escape that nobody asked for. In doubt it might: from half a guard
   time on a pause may be a silence for the module. */
bool escape_host_would(const struct escape_host *e, const char *bytes,
                       size_t length, uint64_t now);

/* From here on application writes are held until the end or a cancel. */
void escape_host_begin(struct escape_host *e);

/* Held application writes must wait. */
bool escape_host_holds(const struct escape_host *e);

/* True exactly once per begin: write "+++" now, in one write. */
bool escape_host_take(struct escape_host *e, uint64_t now);

/* True once both silences were kept. Application writes stay held, since
   what comes next is a command or, after escape_host_end(), data again. */
bool escape_host_is_done(struct escape_host *e, uint64_t now);

/* Ends or gives up; writes are free again. After a "+++" that was sent the
   first byte written too early makes the pluses data for the module. */
void escape_host_end(struct escape_host *e);

/* When escape_host_take() or escape_host_is_done() next turns true. */
uint64_t escape_host_next(const struct escape_host *e);

/* ---------------------------------------------------------------- module */

enum escape_verdict {
    ESCAPE_DATA, /* the chunk is data */
    ESCAPE_HELD, /* the chunk may be (part of) an escape and is kept */
    ESCAPE_DONE, /* the escape was complete before this chunk: a command */
};

struct escape_module {
    uint64_t before, after;
    uint64_t last; /* when the last byte came */
    uint8_t held;  /* pluses kept back, 0-3 */
};

/* `now`: when the passthrough began; the silence counts from there. */
void escape_module_init(struct escape_module *e, uint64_t before,
                        uint64_t after, uint64_t now);

/* A chunk that came at `now`, judged as a whole: a chunk is kept only when
   it and what is held already are nothing but one to three pluses after a
   silence. *released: pluses held before that turn out to be data; they come
   before the chunk, whatever the verdict on it. Keeps no bytes: what is held
   is known to be pluses. */
enum escape_verdict escape_module_feed(struct escape_module *e,
                                       const char *bytes, size_t length,
                                       uint64_t now, unsigned *released);

/* Nothing came until `now`. ESCAPE_DONE: the escape is complete; ESCAPE_DATA:
   `released` pluses (maybe none) are data; ESCAPE_HELD: still open. */
enum escape_verdict escape_module_tick(struct escape_module *e, uint64_t now,
                                       unsigned *released);

/* The passthrough ends; returns the held pluses, which are data. */
unsigned escape_module_end(struct escape_module *e);

/* When escape_module_tick() next settles something. */
uint64_t escape_module_next(const struct escape_module *e);

#endif
