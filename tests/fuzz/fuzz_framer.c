/* SPDX-License-Identifier: MIT
 *
 * Any slicing of the same bytes gives the same frames.
 *
 * The input's first byte chooses what the framer expects; the rest is fed
 * whole to one framer and in slices to another, and their logs are compared.
 */
#include "framer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    WITH_VOCABULARY = 1,
    WITH_PROMPT = 2,
    WITH_ECHO = 4,
    WITH_ECHO_EOL = 8,
    WITH_QUOTED = 16,
    WITH_SMALL_LINE = 32,
};

struct log {
    char *bytes;
    size_t length;
    size_t capacity;
};

static void append(struct log *log, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    if (log->length + length > log->capacity) {
        log->capacity = 2 * (log->length + length);
        log->bytes = realloc(log->bytes, log->capacity);
        if (log->bytes == NULL)
            abort();
    }
    memcpy(log->bytes + log->length, bytes, length);
    log->length += length;
}

/* Noise and data have no boundaries of their own: only their bytes count. */
static void on_frame(void *arg, const struct frame *f)
{
    struct log *log = arg;

    if (f->kind == FRAME_NOISE || f->kind == FRAME_DATA) {
        append(log, f->bytes, f->length);
        return;
    }
    append(log, &f->kind, sizeof f->kind);
    append(log, &f->fault, sizeof f->fault);
    append(log, &f->length, sizeof f->length);
    append(log, f->bytes, f->length);
    append(log, f->header, f->header_length);
}

static struct vocabulary *words(void)
{
    struct vocabulary *v = vocabulary_new();

    if (v == NULL || vocabulary_add_known(v, "+CREG:") < 0 ||
        vocabulary_add_known(v, "OK") < 0 || vocabulary_add_boot(v, "RDY") < 0 ||
        vocabulary_add_counted(v, "+QIRD:", 2, true) < 0 ||
        vocabulary_add_counted(v, "+RECV:", 1, false) < 0)
        abort();
    return v;
}

static void begin(struct framer *f, struct log *log, struct vocabulary *v,
                  unsigned options)
{
    framer_init(f, on_frame, log);
    if ((options & WITH_VOCABULARY) != 0)
        framer_set_vocabulary(f, v);
    if ((options & WITH_SMALL_LINE) != 0)
        f->max_line = 16;
    f->prompt = (options & WITH_PROMPT) != 0;
    f->quoted_crlf = (options & WITH_QUOTED) != 0;
    if ((options & WITH_ECHO) != 0 &&
        framer_expect_echo(f, "AT+CSQ", 6, (options & WITH_ECHO_EOL) != 0) < 0)
        abort();
}

static void feed(struct framer *f, const uint8_t *data, size_t size,
                 size_t slice)
{
    for (size_t at = 0; at < size; at += slice) {
        size_t n = size - at < slice ? size - at : slice;
        if (framer_feed(f, (const char *)data + at, n) < 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct vocabulary *v = words();
    struct log whole = {0};
    struct log sliced = {0};
    struct framer one;
    struct framer other;

    begin(&one, &whole, v, data[0]);
    begin(&other, &sliced, v, data[0]);
    feed(&one, data + 2, size - 2, size);
    feed(&other, data + 2, size - 2, (size_t)(data[1] % 7) + 1);
    if (framer_is_pending(&one) != framer_is_pending(&other))
        abort();
    if (framer_idle(&one) < 0 || framer_idle(&other) < 0)
        abort();
    if (whole.length != sliced.length ||
        (whole.length > 0 &&
         memcmp(whole.bytes, sliced.bytes, whole.length) != 0))
        abort();

    framer_clean(&one);
    framer_clean(&other);
    vocabulary_release(v);
    free(whole.bytes);
    free(sliced.bytes);
    return 0;
}
