/* SPDX-License-Identifier: MIT
 *
 * The escape sequence, sent and detected. See escape.h.
 */
#include "escape.h"

#define PLUSES 3
#define OTHER 4 /* a count: not only pluses */

static uint64_t later(uint64_t at, uint64_t delay)
{
    return at > UINT64_MAX - delay ? ESCAPE_NEVER : at + delay;
}

/* Returns how many pluses the bytes are, or OTHER if they are more or not
   only pluses. */
static uint8_t count_pluses(const char *bytes, size_t length)
{
    if (length > PLUSES)
        return OTHER;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != '+')
            return OTHER;
    return (uint8_t)length;
}

static uint8_t add_pluses(uint8_t before, uint8_t more)
{
    unsigned sum = (unsigned)before + more;

    return sum > PLUSES ? OTHER : (uint8_t)sum;
}

/* ------------------------------------------------------------------ host */

/* A line that stalls makes a pause longer for the module than it was for the
   host, or shorter. So the host keeps a set of what the module may have
   counted: bit n stands for n pluses since a silence. */
#define NO_PLUSES 1u
#define ALL_COUNTS ((1u << (PLUSES + 1)) - 1)

static uint64_t longer(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void escape_host_init(struct escape_host *e, uint64_t before, uint64_t after,
                      uint64_t last)
{
    /* Nobody knows for how long the module has heard nothing. */
    *e = (struct escape_host){
        .before = before, .after = after, .last = last, .counts = NO_PLUSES};
}

static uint8_t host_counts(const struct escape_host *e, uint64_t now)
{
    uint64_t gap = now - e->last;

    if (gap / 2 >= longer(e->before, e->after))
        return NO_PLUSES;
    if (gap >= e->before / 2)
        return e->counts | NO_PLUSES;
    return e->counts;
}

static uint8_t host_adds(const struct escape_host *e, const char *bytes,
                         size_t length, uint64_t now)
{
    unsigned counts = host_counts(e, now);

    return (uint8_t)(counts << count_pluses(bytes, length) & ALL_COUNTS);
}

void escape_host_wrote(struct escape_host *e, const char *bytes, size_t length,
                       uint64_t now)
{
    if (length == 0)
        return;
    e->counts = host_adds(e, bytes, length, now);
    e->last = now;
}

void escape_host_left(struct escape_host *e, uint64_t now)
{
    e->last = longer(e->last, now);
}

bool escape_host_would(const struct escape_host *e, const char *bytes,
                       size_t length, uint64_t now)
{
    return length > 0 && (host_adds(e, bytes, length, now) & 1u << PLUSES) != 0;
}

/* The module may hold pluses until its second silence is over: three more
   would be too many. */
static uint64_t host_silence(const struct escape_host *e)
{
    if ((e->counts & ~NO_PLUSES) != 0)
        return longer(e->before, e->after);
    return e->before;
}

void escape_host_begin(struct escape_host *e)
{
    if (e->step == ESCAPE_IDLE)
        e->step = ESCAPE_QUIET;
}

bool escape_host_holds(const struct escape_host *e)
{
    return e->step != ESCAPE_IDLE;
}

bool escape_host_take(struct escape_host *e, uint64_t now)
{
    if (e->step != ESCAPE_QUIET || now < later(e->last, host_silence(e)))
        return false;
    e->step = ESCAPE_SENT;
    e->last = now;
    e->counts = 1u << PLUSES;
    return true;
}

bool escape_host_is_done(struct escape_host *e, uint64_t now)
{
    if (e->step == ESCAPE_SENT && now >= later(e->last, e->after))
        e->step = ESCAPE_PASSED;
    return e->step == ESCAPE_PASSED;
}

void escape_host_end(struct escape_host *e)
{
    e->step = ESCAPE_IDLE;
}

uint64_t escape_host_next(const struct escape_host *e)
{
    switch (e->step) {
    case ESCAPE_QUIET:
        return later(e->last, host_silence(e));
    case ESCAPE_SENT:
        return later(e->last, e->after);
    case ESCAPE_IDLE:
    case ESCAPE_PASSED:
        break;
    }
    return ESCAPE_NEVER;
}

/* ---------------------------------------------------------------- module */

void escape_module_init(struct escape_module *e, uint64_t before,
                        uint64_t after, uint64_t now)
{
    *e = (struct escape_module){.before = before, .after = after, .last = now};
}

unsigned escape_module_end(struct escape_module *e)
{
    unsigned held = e->held;

    e->held = 0;
    return held;
}

enum escape_verdict escape_module_tick(struct escape_module *e, uint64_t now,
                                       unsigned *released)
{
    *released = 0;
    if (e->held == 0)
        return ESCAPE_DATA;
    if (now < later(e->last, e->after))
        return ESCAPE_HELD;
    if (e->held == PLUSES) {
        e->held = 0;
        return ESCAPE_DONE;
    }
    *released = escape_module_end(e);
    return ESCAPE_DATA;
}

enum escape_verdict escape_module_feed(struct escape_module *e,
                                       const char *bytes, size_t length,
                                       uint64_t now, unsigned *released)
{
    enum escape_verdict verdict = escape_module_tick(e, now, released);

    if (verdict == ESCAPE_DONE || length == 0)
        return verdict;
    bool is_candidate = e->held > 0 || now >= later(e->last, e->before);
    uint8_t held = add_pluses(e->held, count_pluses(bytes, length));
    e->last = now;
    if (is_candidate && held <= PLUSES) {
        e->held = held;
        return ESCAPE_HELD;
    }
    *released += escape_module_end(e);
    return ESCAPE_DATA;
}

uint64_t escape_module_next(const struct escape_module *e)
{
    return e->held > 0 ? later(e->last, e->after) : ESCAPE_NEVER;
}
