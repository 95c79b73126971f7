/* SPDX-License-Identifier: MIT
 *
 * Two properties of the framer: any slicing of the same bytes gives the same
 * frames, and no byte is invented, doubled or (but for separators, echo and
 * over-long lines) lost.
 *
 * The input: options, the seed of the slicing, then the stream; in it 0x1e
 * stands for a silence. The callback changes expectations as a dialog does.
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
    WITH_REACTIONS = 64,
    WITH_PAYLOAD_ECHO = 128,
};

#define SILENCE 0x1e
/* Bytes that separate or announce, and so may be in no frame. */
#define SEPARATORS "\r\n \t>,"

struct side {
    struct framer framer;
    unsigned options;
    char *log;
    size_t length, capacity;
    size_t seen[256]; /* how often each byte came out */
    bool may_lose;
};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void append(struct side *s, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    if (s->length + length > s->capacity) {
        s->capacity = 2 * (s->length + length);
        s->log = realloc(s->log, s->capacity);
        must(s->log != NULL);
    }
    memcpy(s->log + s->length, bytes, length);
    s->length += length;
}

static void count(struct side *s, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        s->seen[(unsigned char)bytes[i]]++;
}

static bool is_line(const struct frame *f, const char *text)
{
    return f->kind == FRAME_LINE && f->length == strlen(text) &&
           memcmp(f->bytes, text, f->length) == 0;
}

static void react(struct side *s, const struct frame *f)
{
    struct framer *framer = &s->framer;

    if (is_line(f, "CONNECT"))
        framer->in_data = true;
    else if (is_line(f, "OK"))
        framer->prompt = framer->quoted_crlf = true;
    else if (is_line(f, "ERROR"))
        framer_forget_echo(framer);
    else if (is_line(f, "A"))
        s->may_lose = framer_expect_echo(framer, "AA\r\nA", 5, false) == 0;
    else if (is_line(f, "RDY"))
        framer_reset(framer);
    else if (is_line(f, "!"))
        framer->stopped = s->may_lose = true;
}

/* What a frame promises whatever came in. */
static void check(const struct side *s, const struct frame *f)
{
    if (f->kind == FRAME_LINE) {
        must(f->length > 0 && f->length <= s->framer.max_line);
        must(memchr(" \t\r\n", f->bytes[f->length - 1], 4) == NULL);
        must((s->options & (WITH_QUOTED | WITH_REACTIONS)) != 0 ||
             memchr(f->bytes, '\n', f->length) == NULL);
    }
    must(f->kind != FRAME_NOISE || f->length > 0);
    must(f->kind != FRAME_PAYLOAD || f->header_length > 0);
}

/* Noise and data have no boundaries of their own: only their bytes count. */
static void on_frame(void *arg, const struct frame *f)
{
    struct side *s = arg;

    check(s, f);
    count(s, f->bytes, f->length);
    count(s, f->header, f->header_length);
    if (f->kind == FRAME_ECHO || f->kind == FRAME_OVERFLOW)
        s->may_lose = true;
    if (f->kind == FRAME_NOISE || f->kind == FRAME_DATA) {
        append(s, f->bytes, f->length);
    } else {
        append(s, &f->kind, sizeof f->kind);
        append(s, &f->fault, sizeof f->fault);
        append(s, &f->length, sizeof f->length);
        append(s, f->bytes, f->length);
        append(s, f->header, f->header_length);
    }
    if ((s->options & WITH_REACTIONS) != 0)
        react(s, f);
}

static struct vocabulary *words(void)
{
    struct vocabulary *v = vocabulary_new();

    must(v != NULL);
    must(vocabulary_add_known(v, "+CREG:") == 0);
    must(vocabulary_add_known(v, "OK") == 0);
    must(vocabulary_add_known(v, "RDY") == 0);
    must(vocabulary_add_boot(v, "RDY") == 0);
    must(vocabulary_add_counted(v, "+QIRD:", 2, true) == 0);
    must(vocabulary_add_counted(v, "+RECV:", 1, false) == 0);
    must(vocabulary_add_counted(v, "+PUB:", 3, false) == 0);
    return v;
}

static void begin(struct side *s, struct vocabulary *v, unsigned options)
{
    struct framer *f = &s->framer;
    const bool eol = (options & WITH_ECHO_EOL) != 0;

    *s = (struct side){.options = options};
    framer_init(f, on_frame, s);
    if ((options & WITH_VOCABULARY) != 0)
        framer_set_vocabulary(f, v);
    if ((options & WITH_SMALL_LINE) != 0)
        f->max_line = 16;
    f->prompt = (options & WITH_PROMPT) != 0;
    f->quoted_crlf = (options & WITH_QUOTED) != 0;
    if ((options & WITH_ECHO) != 0)
        must(framer_expect_echo(f, "AT+CSQ", 6, eol) == 0);
    else if ((options & WITH_PAYLOAD_ECHO) != 0)
        must(framer_expect_echo(f,
                                "\xff"
                                "A\r\nOK\r\nAB",
                                10, eol) == 0);
    s->may_lose = (options & (WITH_ECHO | WITH_PAYLOAD_ECHO)) != 0;
}

/* Feeds in slices of 1 to `most` bytes; a silence ends a slice too. */
static void feed(struct side *s, const uint8_t *data, size_t size, size_t most,
                 unsigned seed)
{
    while (size > 0) {
        seed = seed * 1103515245u + 12345u;
        size_t n = 1 + (seed >> 16) % most;
        n = n < size ? n : size;
        const uint8_t *silence = memchr(data, SILENCE, n);
        if (silence == data) {
            must(framer_idle(&s->framer) == 0);
            n = 1;
        } else {
            n = silence == NULL ? n : (size_t)(silence - data);
            must(framer_feed(&s->framer, (const char *)data, n) == 0);
        }
        data += n;
        size -= n;
    }
}

static void check_bytes(struct side *s, const uint8_t *data, size_t size)
{
    size_t fed[256] = {0};

    count(s, s->framer.text, s->framer.length); /* not finished yet */
    for (size_t i = 0; i < size; i++)
        fed[data[i]] += data[i] != SILENCE;
    for (int c = 0; c < 256; c++) {
        must(s->seen[c] <= fed[c]);
        must(s->may_lose || s->framer.stopped || s->seen[c] == fed[c] ||
             (c != 0 && strchr(SEPARATORS, c) != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct vocabulary *v = words();
    struct side whole, sliced;

    begin(&whole, v, data[0]);
    begin(&sliced, v, data[0]);
    feed(&whole, data + 2, size - 2, SIZE_MAX, 0);
    feed(&sliced, data + 2, size - 2, data[1] % 13u + 1, data[1]);
    must(whole.framer.length == sliced.framer.length);
    must(framer_is_pending(&whole.framer) == framer_is_pending(&sliced.framer));
    check_bytes(&whole, data + 2, size - 2);
    must(framer_idle(&whole.framer) == 0 && framer_idle(&sliced.framer) == 0);
    must(whole.length == sliced.length);
    must(whole.length == 0 || memcmp(whole.log, sliced.log, whole.length) == 0);

    framer_clean(&whole.framer);
    framer_clean(&sliced.framer);
    vocabulary_release(v);
    free(whole.log);
    free(sliced.log);
    return 0;
}
