/* SPDX-License-Identifier: MIT
 *
 * A binary min-heap of deadlines, 1-based so that place 0 means "idle".
 * See clock.h.
 */
#include "clock.h"

#include <stdlib.h>
#include <uv.h>

void clock_init(struct clock *c)
{
    *c = (struct clock){0};
}

void clock_clean(struct clock *c)
{
    for (size_t i = 1; i <= c->count; i++)
        c->heap[i]->place = 0;
    free(c->heap);
    *c = (struct clock){0};
}

uint64_t clock_now(const struct clock *c)
{
    return c->is_virtual ? c->virtual_now : uv_hrtime() - c->skipped;
}

void clock_skip(struct clock *c, uint64_t ns)
{
    if (!c->is_virtual)
        c->skipped += ns;
}

static bool is_before(const struct deadline *a, const struct deadline *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void put(struct clock *c, size_t place, struct deadline *d)
{
    c->heap[place] = d;
    d->place = place;
}

static void sift_up(struct clock *c, size_t place, struct deadline *d)
{
    while (place > 1 && is_before(d, c->heap[place / 2])) {
        put(c, place, c->heap[place / 2]);
        place /= 2;
    }
    put(c, place, d);
}

static void sift_down(struct clock *c, size_t place, struct deadline *d)
{
    for (size_t child = place * 2; child <= c->count; child = place * 2) {
        if (child < c->count && is_before(c->heap[child + 1], c->heap[child]))
            child++;
        if (!is_before(c->heap[child], d))
            break;
        put(c, place, c->heap[child]);
        place = child;
    }
    put(c, place, d);
}

int clock_reserve(struct clock *c, size_t count)
{
    if (count < c->size)
        return 0;
    size_t size = c->size == 0 ? 16 : c->size * 2;
    while (size <= count)
        size *= 2;
    struct deadline **heap = realloc(c->heap, size * sizeof *heap);
    if (heap == NULL)
        return UV_ENOMEM;
    c->heap = heap;
    c->size = size;
    return 0;
}

int clock_set(struct clock *c, struct deadline *d, uint64_t at)
{
    size_t place = d->place;

    if (place == 0) {
        int err = clock_reserve(c, c->count + 1);
        if (err < 0)
            return err;
        place = ++c->count;
    }
    d->at = at > c->earliest ? at : c->earliest;
    d->order = c->sets++;
    sift_up(c, place, d);
    sift_down(c, d->place, d);
    return 0;
}

void clock_cancel(struct clock *c, struct deadline *d)
{
    size_t place = d->place;
    if (place == 0)
        return;

    struct deadline *last = c->heap[c->count--];
    d->place = 0;
    if (last == d)
        return;
    sift_up(c, place, last);
    sift_down(c, last->place, last);
}

uint64_t clock_next(const struct clock *c)
{
    return c->count == 0 ? CLOCK_NEVER : c->heap[1]->at;
}

size_t clock_fire(struct clock *c, uint64_t sets)
{
    /* One reading of the clock: a deadline set by fire() for "now" waits for
       the next call, or a zero wait in a loop would starve all I/O. Virtual
       time stands, so that this needs to be said. */
    uint64_t now = clock_now(c);
    size_t fired = 0;

    c->earliest = now + 1;
    while (c->count > 0 && c->heap[1]->at <= now && c->heap[1]->order < sets) {
        struct deadline *d = c->heap[1];
        clock_cancel(c, d);
        d->fire(d);
        fired++;
    }
    c->earliest = 0;
    return fired;
}

void clock_make_virtual(struct clock *c)
{
    if (c->is_virtual)
        return;
    c->virtual_now = clock_now(c);
    c->is_virtual = true;
}

void clock_advance(struct clock *c, uint64_t to)
{
    if (to > c->virtual_now)
        c->virtual_now = to;
}
