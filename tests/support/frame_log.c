/* SPDX-License-Identifier: MIT
 *
 * Frames as text. See frame_log.h.
 */
#include "frame_log.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANDOM_SLICINGS 40

struct log {
    struct framer framer;
    void (*react)(struct framer *f, const struct frame *frame);
    char *text;
    size_t length, capacity;
    enum frame_kind last;
};

static void put(struct log *log, const char *bytes, size_t length)
{
    if (log->length + length + 1 > log->capacity) {
        log->capacity = 2 * (log->length + length + 1);
        log->text = realloc(log->text, log->capacity);
        assert_non_null(log->text);
    }
    memcpy(log->text + log->length, bytes, length);
    log->length += length;
    log->text[log->length] = '\0';
}

static void put_escaped(struct log *log, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char hex[8];
        if (bytes[i] == '\r')
            put(log, "\\r", 2);
        else if (bytes[i] == '\n')
            put(log, "\\n", 2);
        else if (bytes[i] >= ' ' && bytes[i] <= '~')
            put(log, bytes + i, 1);
        else
            put(log, hex,
                (size_t)snprintf(hex, sizeof hex, "\\x%02x",
                                 (unsigned)(unsigned char)bytes[i]));
    }
}

static const char *name_of(const struct frame *f)
{
    static const char *const faults[] = {"payload", "short", "long", "cut"};

    switch (f->kind) {
    case FRAME_LINE:
        return "line";
    case FRAME_PROMPT:
        return "prompt";
    case FRAME_PAYLOAD:
        return faults[f->fault];
    case FRAME_ECHO:
        return "echo";
    case FRAME_NOISE:
        return "noise";
    case FRAME_DATA:
        return "data";
    case FRAME_OVERFLOW:
        return "overflow";
    }
    return "?";
}

static bool has_bytes(enum frame_kind kind)
{
    return kind != FRAME_PROMPT && kind != FRAME_ECHO && kind != FRAME_OVERFLOW;
}

static void on_frame(void *arg, const struct frame *f)
{
    struct log *log = arg;
    bool goes_on = log->length > 0 && f->kind == log->last &&
                   (f->kind == FRAME_NOISE || f->kind == FRAME_DATA);

    if (goes_on)
        log->length--; /* the bracket */
    else if (log->length > 0)
        put(log, " ", 1);
    if (!goes_on)
        put(log, name_of(f), strlen(name_of(f)));
    if (!goes_on && has_bytes(f->kind))
        put(log, "[", 1);
    put_escaped(log, f->bytes, f->length);
    if (f->kind == FRAME_PAYLOAD) {
        put(log, "|", 1);
        put_escaped(log, f->header, f->header_length);
    }
    if (has_bytes(f->kind))
        put(log, "]", 1);
    log->last = f->kind;
    if (log->react != NULL)
        log->react(&log->framer, f);
}

struct vocabulary *frame_log_words(void)
{
    struct vocabulary *v = vocabulary_new();

    assert_non_null(v);
    assert_int_equal(vocabulary_add_known(v, "OK"), 0);
    assert_int_equal(vocabulary_add_known(v, "ERROR"), 0);
    assert_int_equal(vocabulary_add_known(v, "+CREG:"), 0);
    assert_int_equal(vocabulary_add_known(v, "+QIRD:"), 0);
    assert_int_equal(vocabulary_add_known(v, "RDY"), 0);
    assert_int_equal(vocabulary_add_boot(v, "RDY"), 0);
    assert_int_equal(vocabulary_add_boot(v, "SIM_SUCCESS"), 0);
    assert_int_equal(vocabulary_add_counted(v, "+QIRD:", 2, true), 0);
    assert_int_equal(vocabulary_add_counted(v, "+RECV:", 1, false), 0);
    assert_int_equal(vocabulary_add_counted(v, "+PUB:", 6, false), 0);
    return v;
}

static void start(struct log *log, const struct given *g, struct vocabulary *v)
{
    struct framer *f = &log->framer;

    *log = (struct log){.react = g->react};
    put(log, "", 0);
    framer_init(f, on_frame, log);
    framer_set_vocabulary(f, g->is_bare ? NULL : v);
    f->prompt = g->prompt;
    f->quoted_crlf = g->quoted_crlf;
    if (g->max_line > 0)
        f->max_line = g->max_line;
    if (g->echo != NULL)
        assert_int_equal(
            framer_expect_echo(f, g->echo, g->echo_length, g->echo_eol), 0);
}

/* From a heap block of its own size, so that reading past it is seen. */
static void feed(struct framer *f, const char *bytes, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1);

    assert_non_null(copy);
    memcpy(copy, bytes, length);
    assert_int_equal(framer_feed(f, copy, length), 0);
    free(copy);
}

static void feed_slice(struct framer *f, const char *bytes, size_t length)
{
    size_t from = 0;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != *IDLE)
            continue;
        feed(f, bytes + from, i - from);
        assert_int_equal(framer_idle(f), 0);
        from = i + 1;
    }
    feed(f, bytes + from, length - from);
}

static char *finish(struct log *log)
{
    framer_clean(&log->framer);
    return log->text;
}

static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

/* `cut`: the first slice's length; after it, slices of 1 to `most` bytes, or
   one for all the rest when `most` is 0. */
static char *sliced(const struct given *g, struct vocabulary *v,
                    const char *bytes, size_t length, size_t cut, unsigned most,
                    unsigned *seed)
{
    struct log log;

    start(&log, g, v);
    feed_slice(&log.framer, bytes, cut);
    for (size_t at = cut; at < length;) {
        size_t n = length - at;
        size_t pick = most == 0 ? n : 1 + next_random(seed) % most;
        n = pick < n ? pick : n;
        feed_slice(&log.framer, bytes + at, n);
        at += n;
    }
    return finish(&log);
}

static void judge(char *text, const char *expected, const char *how,
                  size_t number)
{
    if (strcmp(text, expected) != 0)
        print_error("%s %zu\n", how, number);
    assert_string_equal(text, expected);
    free(text);
}

void frames_are(const struct given *g, const char *bytes, size_t length,
                const char *expected)
{
    struct vocabulary *v = frame_log_words();
    unsigned seed = 1;

    /* A long input is cut around its ends only: the middle is all alike. */
    for (size_t cut = 0; cut <= length; cut++)
        if (cut < 300 || length - cut < 300)
            judge(sliced(g, v, bytes, length, cut, 0, &seed), expected,
                  "cut at", cut);
    judge(sliced(g, v, bytes, length, 0, 1, &seed), expected, "bytewise", 0);
    for (unsigned i = 0; i < RANDOM_SLICINGS; i++)
        judge(sliced(g, v, bytes, length, 0, 2 + i, &seed), expected,
              "random slicing", i);
    vocabulary_release(v);
}

char *frames_of(const struct given *g, const char *bytes, size_t length)
{
    struct vocabulary *v = frame_log_words();
    unsigned seed = 1;
    char *text = sliced(g, v, bytes, length, 0, 0, &seed);

    vocabulary_release(v);
    return text;
}
