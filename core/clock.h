/* SPDX-License-Identifier: MIT
 *
 * Monotonic time in nanoseconds and the deadlines that wait for it.
 *
 * Pure: a min-heap of caller-owned deadlines over a clock that is either the
 * machine's or virtual. It arms no timer and calls no loop; loop.c does that.
 * A deadline's memory must stay until it fired or was cancelled.
 */
#ifndef ATTEST_CLOCK_H
#define ATTEST_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_NEVER UINT64_MAX

struct deadline {
    uint64_t at;                      /* ns on the clock */
    uint64_t order;                   /* of being set: breaks ties */
    size_t place;                     /* 1-based heap slot; 0: not waiting */
    void (*fire)(struct deadline *d); /* called once, already removed */
};

struct clock {
    struct deadline **heap;
    size_t count;
    size_t size;
    uint64_t sets; /* so far */
    uint64_t virtual_now;
    uint64_t earliest; /* while firing: when a new deadline may fire */
    uint64_t skipped;  /* ns of the machine's time that were not counted */
    bool is_virtual;
};

void clock_init(struct clock *c);
void clock_clean(struct clock *c);

/* Nanoseconds since an arbitrary start; never runs backwards. */
uint64_t clock_now(const struct clock *c);

/* Makes room for `count` deadlines that wait at a time; they can all be set
   without memory then. Returns 0 or UV_ENOMEM. */
int clock_reserve(struct clock *c, size_t count);

/* Starts (or restarts) waiting. From inside fire() never before the next
   nanosecond. Returns 0 or UV_ENOMEM. */
int clock_set(struct clock *c, struct deadline *d, uint64_t at);

/* Stops waiting; cancelling an idle deadline is legal and quiet. */
void clock_cancel(struct clock *c, struct deadline *d);

/* The earliest deadline's time, or CLOCK_NEVER. */
uint64_t clock_next(const struct clock *c);

/* Fires what is due now, in order of time, and for one time in the order in
   which it was set, until one that was not when the clock had so many `sets`
   (UINT64_MAX: everything); returns how many fired. */
size_t clock_fire(struct clock *c, uint64_t sets);

/* Takes so many ns, just gone by, off the clock: it never ran then. */
void clock_skip(struct clock *c, uint64_t ns);

/* Switches to virtual time, which starts where the real one stands. */
void clock_make_virtual(struct clock *c);

/* Moves virtual time forward to `to`; never backwards. */
void clock_advance(struct clock *c, uint64_t to);

#endif
