/* SPDX-License-Identifier: MIT
 *
 * Secrets in streams. See trace_mask.h.
 */
#include "trace_mask.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

static bool is_known(const struct trace_secrets *s, const char *bytes,
                     size_t length)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->list[i].length == length &&
            memcmp(s->list[i].bytes, bytes, length) == 0)
            return true;
    return false;
}

int trace_secrets_add(struct trace_secrets *s, const char *bytes, size_t length)
{
    if (length == 0)
        return UV_EINVAL;
    if (is_known(s, bytes, length))
        return 0;
    struct trace_secret *list = realloc(s->list, (s->count + 1) * sizeof *list);
    if (list == NULL)
        return UV_ENOMEM;
    s->list = list;
    char *copy = malloc(length);
    if (copy == NULL)
        return UV_ENOMEM;
    memcpy(copy, bytes, length);
    list[s->count++] = (struct trace_secret){copy, length};
    if (length > s->longest)
        s->longest = length;
    return 0;
}

void trace_secrets_clean(struct trace_secrets *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->list[i].bytes);
    free(s->list);
    *s = (struct trace_secrets){0};
}

static void find_one(const struct trace_secret *secret, const char *bytes,
                     size_t length, bool *hidden)
{
    const char *at = bytes;
    const char *end = bytes + length;

    while ((size_t)(end - at) >= secret->length) {
        at = memchr(at, secret->bytes[0],
                    (size_t)(end - at) - secret->length + 1);
        if (at == NULL)
            return;
        if (memcmp(at, secret->bytes, secret->length) == 0)
            memset(hidden + (at - bytes), true, secret->length);
        at++; /* they may overlap */
    }
}

void trace_secrets_find(const struct trace_secrets *s, const char *bytes,
                        size_t length, bool *hidden)
{
    for (size_t i = 0; i < s->count; i++)
        find_one(&s->list[i], bytes, length, hidden);
}

/* Whether these bytes are the start, but not the whole, of a secret. */
static bool is_start(const struct trace_secrets *s, const char *bytes,
                     size_t length)
{
    for (size_t i = 0; i < s->count; i++)
        if (length < s->list[i].length &&
            memcmp(bytes, s->list[i].bytes, length) == 0)
            return true;
    return false;
}

/* Where the bytes that must be kept back begin. */
static size_t decided(const struct trace_secrets *s, const char *bytes,
                      size_t length)
{
    size_t i = 0;

    if (s->longest > 0 && length >= s->longest)
        i = length - s->longest + 1;
    while (i < length && !is_start(s, bytes + i, length - i))
        i++;
    return i;
}

/* What was kept back and the new chunk, side by side. */
struct window {
    char *bytes;
    bool *hidden;
    size_t length;
    size_t kept; /* how many of them were kept back */
};

static int open_window(struct window *w, const struct trace_stream *t,
                       const char *bytes, size_t length)
{
    w->kept = t->count;
    w->length = t->count + length;
    w->bytes = malloc(w->length);
    w->hidden = calloc(w->length, sizeof *w->hidden);
    if (w->bytes == NULL || w->hidden == NULL) {
        free(w->bytes);
        free(w->hidden);
        return UV_ENOMEM;
    }
    for (size_t i = 0; i < t->count; i++) {
        w->bytes[i] = t->kept[i].byte;
        w->hidden[i] = t->kept[i].hidden;
    }
    memcpy(w->bytes + t->count, bytes, length);
    return 0;
}

static void close_window(struct window *w)
{
    free(w->bytes);
    free(w->hidden);
}

static bool is_same_time(struct trace_time a, struct trace_time b)
{
    return a.at_ns == b.at_ns && a.wall_ms == b.wall_ms;
}

/* Hands on w[from, to), one part per chunk the bytes came in. */
static void hand_on(const struct trace_stream *t, const struct window *w,
                    size_t to, struct trace_time now)
{
    size_t from = 0;

    while (from < to) {
        size_t end = from + 1;
        struct trace_time time = now;
        if (from < w->kept) {
            time = t->kept[from].time;
            while (end < to && end < w->kept &&
                   is_same_time(time, t->kept[end].time))
                end++;
        } else {
            end = to;
        }
        t->part(t->arg, time, w->bytes + from, w->hidden + from, end - from);
        from = end;
    }
}

/* Keeps w[from, end) back. There is room: see reserve(). */
static void keep(struct trace_stream *t, const struct window *w, size_t from,
                 struct trace_time now)
{
    size_t count = 0;

    for (size_t i = from; i < w->length; i++)
        t->kept[count++] = (struct trace_kept){
            .time = i < w->kept ? t->kept[i].time : now,
            .byte = w->bytes[i],
            .hidden = w->hidden[i],
        };
    t->count = count;
}

static int reserve(struct trace_stream *t, size_t capacity)
{
    if (capacity <= t->capacity)
        return 0;
    struct trace_kept *kept = realloc(t->kept, capacity * sizeof *kept);
    if (kept == NULL)
        return UV_ENOMEM;
    t->kept = kept;
    t->capacity = capacity;
    return 0;
}

int trace_stream_feed(struct trace_stream *t, const struct trace_secrets *s,
                      struct trace_time time, const char *bytes, size_t length)
{
    struct window w;

    if (length == 0)
        return 0;
    if (s->count == 0) {
        t->part(t->arg, time, bytes, NULL, length);
        return 0;
    }
    int err = reserve(t, s->longest);
    if (err == 0)
        err = open_window(&w, t, bytes, length);
    if (err < 0)
        return err;
    trace_secrets_find(s, w.bytes, w.length, w.hidden);
    size_t end = decided(s, w.bytes, w.length);
    hand_on(t, &w, end, time);
    keep(t, &w, end, time);
    close_window(&w);
    return 0;
}

void trace_stream_end(struct trace_stream *t)
{
    struct window w;

    /* Without memory they are lost: they were to be hidden anyway. */
    if (t->count > 0 && open_window(&w, t, "", 0) == 0) {
        memset(w.hidden, true, w.length);
        hand_on(t, &w, w.length, t->kept[0].time);
        close_window(&w);
    }
    t->count = 0;
}

void trace_stream_clean(struct trace_stream *t)
{
    free(t->kept);
    t->kept = NULL;
    t->count = t->capacity = 0;
}
