/* SPDX-License-Identifier: MIT
 *
 * Two properties of the escape. The detector loses, doubles and moves no byte
 * of a passthrough, for any chunks and pauses. And a host that asks before it
 * writes is escaped from where it wants to be and nowhere else.
 *
 * The input: which property and how long the second silence is, then pairs of
 * a pause and what happens after it.
 */
#include "escape.h"

#include <stdlib.h>

#define GUARD 100u

/* The second silence need not be as long as the first. */
static const uint64_t afters[4] = {GUARD, 2 * GUARD, GUARD / 2, GUARD + 1};

static const struct chunk {
    char text[5];
    size_t length;
} chunks[8] = {{"+", 1}, {"++", 2}, {"+++", 3}, {"++++", 4},
               {"a", 1}, {"+a", 2}, {"a+", 2},  {"\xff", 1}};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void detect(const uint8_t *data, size_t size)
{
    struct escape_module e;
    unsigned released;
    uint64_t now = 0;
    size_t in = 0;
    size_t out = 0;

    escape_module_init(&e, GUARD, GUARD, now);
    for (size_t i = 0; i + 1 < size; i += 2) {
        const struct chunk *c = &chunks[data[i + 1] % 8];
        now += data[i];
        enum escape_verdict v =
            escape_module_feed(&e, c->text, c->length, now, &released);
        out += released;
        if (v == ESCAPE_DONE) {
            /* Only a silence ends an escape; the chunk is a command. */
            must(data[i] >= GUARD && released == 0);
            out += 3;
            escape_module_init(&e, GUARD, GUARD, now);
            continue;
        }
        in += c->length;
        if (v == ESCAPE_DATA)
            out += c->length;
        must(e.held <= 3 && in == out + e.held);
        must((e.held > 0) == (escape_module_next(&e) != ESCAPE_NEVER));
    }
}

/* Host and module on one wire without delay. */
struct wire {
    struct escape_host host;
    struct escape_module module;
    uint64_t now;
    bool is_wanted; /* the host sent its "+++" */
    bool is_over;
};

static void module_says(struct wire *w, enum escape_verdict v)
{
    if (v != ESCAPE_DONE)
        return;
    must(w->is_wanted && escape_host_is_done(&w->host, w->now));
    w->is_over = true;
}

static void carry(struct wire *w, const char *bytes, size_t length)
{
    unsigned released;

    module_says(
        w, escape_module_feed(&w->module, bytes, length, w->now, &released));
}

static void write_chunk(struct wire *w, const struct chunk *c)
{
    if (escape_host_holds(&w->host) ||
        escape_host_would(&w->host, c->text, c->length, w->now))
        return;
    carry(w, c->text, c->length);
    escape_host_wrote(&w->host, c->text, c->length, w->now);
}

static void happens(struct wire *w, unsigned what)
{
    if (what < 8)
        write_chunk(w, &chunks[what]);
    else if (what == 8)
        escape_host_begin(&w->host);
    else if (what == 9 && !w->is_wanted)
        escape_host_end(&w->host); /* thought better of it in time */
    if (escape_host_take(&w->host, w->now)) {
        must(!w->is_wanted);
        w->is_wanted = true;
        carry(w, "+++", 3);
    }
}

static void escape(const uint8_t *data, size_t size, uint64_t after)
{
    struct wire w = {.now = 0};
    unsigned released;

    escape_host_init(&w.host, GUARD, after, 0);
    escape_module_init(&w.module, GUARD, after, 0);
    for (size_t i = 0; i + 1 < size && !w.is_over; i += 2) {
        w.now += data[i];
        module_says(&w, escape_module_tick(&w.module, w.now, &released));
        if (!w.is_over)
            happens(&w, data[i + 1] % 11);
    }
    w.now += after;
    if (!w.is_over)
        module_says(&w, escape_module_tick(&w.module, w.now, &released));
    must(w.is_over == w.is_wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 0)
        detect(data + 1, size - 1);
    else
        escape(data + 1, size - 1, afters[data[0] / 2 % 4]);
    return 0;
}
