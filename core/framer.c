/* SPDX-License-Identifier: MIT
 *
 * Byte by byte, one state at a time (framer_inner.h); lines that came whole,
 * as most do, in one piece. See framer.h for the frames.
 *
 * The unfinished line is in `text`.
 */
#include "framer_inner.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define NOISE_CHUNK 256u
/* A larger buffer is not kept between lines: ports are many. */
#define KEPT_BUFFER 512u

/* life */

void framer_init(struct framer *f, frame_fn emit, void *arg)
{
    *f = (struct framer){.emit = emit, .arg = arg, .max_line = FRAMER_MAX_LINE};
}

void framer_clean(struct framer *f)
{
    vocabulary_release(f->vocabulary);
    free(f->text);
    free(f->echo);
    *f = (struct framer){.stopped = true};
}

void framer_set_vocabulary(struct framer *f, struct vocabulary *v)
{
    if (v != NULL)
        vocabulary_hold(v);
    vocabulary_release(f->vocabulary);
    f->vocabulary = v;
}

void framer_restart(struct framer *f)
{
    f->length = 0;
    f->header_length = 0;
    f->in_quotes = false;
    f->is_noisy = false;
    f->state = START;
    if (f->capacity > KEPT_BUFFER) {
        free(f->text);
        f->text = NULL;
        f->capacity = 0;
    }
}

void framer_reset(struct framer *f)
{
    framer_forget_echo(f);
    framer_restart(f);
}

int framer_reserve(struct framer *f, size_t more)
{
    if (f->length + more <= f->capacity)
        return 0;
    size_t capacity = f->capacity == 0 ? 64 : f->capacity * 2;
    while (capacity < f->length + more)
        capacity *= 2;
    char *text = realloc(f->text, capacity);
    if (text == NULL)
        return UV_ENOMEM;
    f->text = text;
    f->capacity = capacity;
    return 0;
}

int framer_append(struct framer *f, const char *bytes, size_t length)
{
    int err = framer_reserve(f, length);
    if (err < 0)
        return err;
    memcpy(f->text + f->length, bytes, length);
    f->length += length;
    return 0;
}

static void emit(struct framer *f, enum frame_kind kind, const char *bytes,
                 size_t length)
{
    struct frame frame = {.kind = kind, .bytes = bytes, .length = length};
    f->emit(f->arg, &frame);
}

char *framer_detach(struct framer *f)
{
    char *text = f->text;
    f->text = NULL;
    f->length = f->capacity = 0;
    return text;
}

void framer_attach(struct framer *f, char *text, size_t capacity)
{
    if (f->text == NULL && !f->stopped && capacity <= KEPT_BUFFER) {
        f->text = text;
        f->capacity = capacity;
    } else {
        free(text);
    }
}

/* lines */

static void emit_line(struct framer *f, const char *text, size_t length,
                      bool noisy)
{
    length = text_trimmed(text, length);
    if (length == 0)
        return;

    size_t at = vocabulary_boot_at(f->vocabulary, text, length, noisy);
    if (at < length) {
        emit(f, FRAME_NOISE, text, at);
        if (!f->stopped)
            emit(f, FRAME_LINE, text + at, length - at);
    } else {
        emit(f, FRAME_LINE, text, length);
    }
}

static void finish_echo(struct framer *f)
{
    framer_forget_echo(f);
    f->length = 0;
    f->is_noisy = false;
    f->state = START;
    emit(f, FRAME_ECHO, NULL, 0);
}

/* Our own text in one piece counts as the echo even after a torn one: what
   looked like a URC in the middle of it was somebody else's line. */
static bool is_echo(const struct framer *f)
{
    size_t length = f->length;

    while (length > 0 && f->text[length - 1] == '\r')
        length--;
    return f->echo_eol && f->echo_length > 0 && length == f->echo_length &&
           memcmp(f->text, f->echo, length) == 0;
}

static void end_line(struct framer *f)
{
    size_t length = f->length;
    size_t capacity = f->capacity;
    bool noisy = f->is_noisy;

    if (is_echo(f)) {
        framer_restart(f);
        finish_echo(f);
        return;
    }
    char *text = framer_detach(f);

    framer_restart(f);
    emit_line(f, text, length, noisy);
    framer_attach(f, text, capacity);
}

/* echo */

int framer_expect_echo(struct framer *f, const char *bytes, size_t length,
                       bool eol)
{
    char *copy = realloc(f->echo, length == 0 ? 1 : length);
    if (copy == NULL)
        return UV_ENOMEM;
    memcpy(copy, bytes, length);
    f->echo = copy;
    f->echo_length = length;
    f->echo_at = f->echo_start = 0;
    f->echo_eol = eol;
    f->blank_spare = false;
    return 0;
}

void framer_forget_echo(struct framer *f)
{
    f->echo_length = f->echo_at = f->echo_start = 0;
}

/* What matched since the line's start was no echo after all: it is read
   again as if none were expected. */
static int give_back_echo(struct framer *f)
{
    size_t count = f->echo_at - f->echo_start;
    char *copy = malloc(count);

    if (copy == NULL)
        return UV_ENOMEM;
    memcpy(copy, f->echo + f->echo_start, count);
    f->echo_at = f->echo_start;
    f->is_reading = true;
    int err = framer_feed(f, copy, count);
    f->is_reading = false;
    free(copy);
    return err;
}

/* Without echo, an answer may be all that a payload starts with. */
static bool is_answer(const struct framer *f)
{
    return vocabulary_knows(f->vocabulary, f->echo + f->echo_start,
                            f->echo_at - f->echo_start);
}

/* Tries a byte as the next of the echo. Returns true when it was taken.
   A line end in the middle is a URC that splits the echo: what came so far
   stays matched and the next line may go on with it. */
static bool match_echo(struct framer *f, char byte, int *err)
{
    bool is_eol = byte == '\r' || byte == '\n';

    if (f->echo_length == 0 || f->length > 0 || f->is_reading)
        return false;
    if (f->echo_at < f->echo_length) {
        if (byte == f->echo[f->echo_at]) {
            f->echo_at++;
            f->blank_spare = f->blank_spare && byte == ' ';
            if (f->echo_at == f->echo_length && !f->echo_eol)
                finish_echo(f);
            return true;
        }
        if (f->blank_spare && byte == ' ') {
            f->blank_spare = false; /* the first was the prompt's own */
            return true;
        }
        if (is_eol && !f->echo_whole && !is_answer(f)) {
            f->echo_start = f->echo_at;
            return true;
        }
    } else if (is_eol) {
        finish_echo(f);
        return true;
    }
    if (f->echo_at == f->echo_start)
        return false;
    *err = give_back_echo(f);
    if (*err == 0)
        *err = framer_feed(f, &byte, 1);
    return true;
}

/* bytes */

static bool is_noise(char byte)
{
    unsigned char b = (unsigned char)byte;
    return b >= 0x80 || (b < 0x20 && b != '\r' && b != '\n' && b != '\t');
}

/* Noise before a line's first printable byte is kept in `text` until it
   ends, so that it comes as one frame. */
static void flush_noise(struct framer *f)
{
    size_t length = f->length;
    size_t capacity = f->capacity;
    char *text = framer_detach(f);

    if (length > 0) {
        f->is_noisy = true;
        emit(f, FRAME_NOISE, text, length);
    }
    framer_attach(f, text, capacity);
}

static int feed_line(struct framer *f, char byte);

static int feed_start(struct framer *f, char byte)
{
    int err = 0;
    if (f->length > 0 && (!is_noise(byte) || f->length >= NOISE_CHUNK)) {
        flush_noise(f);
        return framer_feed(f, &byte, 1);
    }
    if (match_echo(f, byte, &err))
        return err;
    if (is_noise(byte))
        return framer_append(f, &byte, 1);
    if (byte == '\r' || byte == '\n') {
        f->is_noisy = false;
        return 0;
    }
    if (f->prompt && byte == '>') {
        f->prompt = false;
        f->state = AFTER_PROMPT;
        emit(f, FRAME_PROMPT, NULL, 0);
        return 0;
    }
    f->state = LINE;
    return feed_line(f, byte);
}

/* A blank and a line end may follow a prompt and belong to it. */
static int feed_after_prompt(struct framer *f, char byte)
{
    if (f->echo_length > 0 && byte == f->echo[0]) {
        f->state = START; /* the payload comes back and looks like that */
        f->blank_spare = true;
        return feed_start(f, byte);
    }
    if (byte == '\r')
        return 0;
    f->state = START;
    return byte == ' ' || byte == '\n' ? 0 : feed_start(f, byte);
}

static int feed_line(struct framer *f, char byte)
{
    uint64_t count;
    int err;
    if (byte == '\n' && !(f->quoted_crlf && f->in_quotes)) {
        if (f->length > 0 &&
            vocabulary_count(f->vocabulary, f->text,
                             text_trimmed(f->text, f->length), true, &count))
            return framer_start_payload(f, count);
        end_line(f);
        return 0;
    }
    if (f->length >= f->max_line) {
        framer_restart(f);
        f->state = DROP;
        emit(f, FRAME_OVERFLOW, NULL, 0);
        return 0;
    }
    if (byte == '"')
        f->in_quotes = !f->in_quotes;
    if (byte == ',' &&
        vocabulary_count(f->vocabulary, f->text, f->length, false, &count)) {
        err = framer_append(f, &byte, 1);
        return err < 0 ? err : framer_start_payload(f, count);
    }
    return framer_append(f, &byte, 1);
}

static int feed_byte(struct framer *f, char byte)
{
    switch ((enum state)f->state) {
    case START:
        return feed_start(f, byte);
    case LINE:
        return feed_line(f, byte);
    case DROP:
        if (byte == '\n')
            framer_restart(f);
        return 0;
    case RAW:
        break; /* in chunks, see framer_feed */
    case TAIL:
        return framer_feed_tail(f, byte);
    case OVERRUN:
        return framer_feed_overrun(f, byte);
    case AFTER_PROMPT:
        return feed_after_prompt(f, byte);
    }
    return 0;
}

/* Our own text in one piece, with the line end after it. */
static bool feed_whole_echo(struct framer *f, const char *bytes, size_t length,
                            size_t *taken)
{
    size_t n = f->echo_length;

    if (f->echo_at > 0 || f->echo_start > 0 || !f->echo_eol || f->is_reading ||
        length <= n || (bytes[n] != '\r' && bytes[n] != '\n') ||
        memcmp(bytes, f->echo, n) != 0)
        return false;
    *taken = n + 1;
    finish_echo(f);
    return true;
}

/* A line that is all there and that no hook asks about needs no copy. */
static bool feed_whole(struct framer *f, const char *bytes, size_t length,
                       size_t *taken)
{
    if (f->state != START || f->length > 0 || f->quoted_crlf)
        return false;
    if (f->echo_length > 0)
        return feed_whole_echo(f, bytes, length, taken);
    if (*bytes == '\r' || *bytes == '\n') { /* an empty line */
        f->is_noisy = false;
        *taken = length > 1 && bytes[1] == '\n' ? 2 : 1;
        return true;
    }
    if (is_noise(*bytes) || (f->prompt && *bytes == '>'))
        return false;
    const char *end =
        memchr(bytes, '\n', length <= f->max_line ? length : f->max_line + 1);
    if (end == NULL)
        return false;
    size_t n = (size_t)(end - bytes);
    if (vocabulary_may_count(f->vocabulary, bytes, n))
        return false;
    bool noisy = f->is_noisy;
    framer_restart(f);
    *taken = n + 1;
    emit_line(f, bytes, n, noisy);
    return true;
}

int framer_feed(struct framer *f, const char *bytes, size_t length)
{
    int err = 0;
    for (size_t i = 0; i < length && err == 0 && !f->stopped;) {
        if (f->in_data) {
            emit(f, FRAME_DATA, bytes + i, length - i);
            return 0;
        }
        size_t taken = 1;
        if (feed_whole(f, bytes + i, length - i, &taken))
            err = 0;
        else if (f->state == RAW)
            err = framer_feed_raw(f, bytes + i, length - i, &taken);
        else
            err = feed_byte(f, bytes[i]);
        i += taken;
    }
    return err;
}

/* silence */

bool framer_is_pending(const struct framer *f)
{
    if (f->in_data || f->stopped)
        return false;
    return f->state != START || f->length > 0;
}

/* Lines that were held together, by a quote that never closed or by a module
   that ends them with CR alone. */
static int release_lines(struct framer *f)
{
    size_t length = f->length;
    bool noisy = f->is_noisy;
    char *text = framer_detach(f);
    int err = 0;

    f->quoted_crlf = f->quoted_crlf && !f->in_quotes;
    framer_restart(f);
    f->is_noisy = noisy;
    f->state = LINE;
    for (size_t at = 0; at < length && err == 0 && !f->stopped;) {
        const char *cr = memchr(text + at, '\r', length - at);
        size_t end = cr == NULL ? length : (size_t)(cr - text);
        err = framer_feed(f, text + at, end - at);
        at = end + 1;
        if (err < 0 || cr == NULL || f->stopped)
            break;
        if (!f->in_data && f->state == LINE &&
            !(f->quoted_crlf && f->in_quotes))
            end_line(f);
        else
            err = framer_feed(f, cr, 1);
    }
    free(text);
    return err;
}

/* All counted bytes came and no line end behind them: where the payload stood
   in its header's line and ends in one, that was counted, too. */
static int end_counted(struct framer *f)
{
    const char *payload = f->text + f->header_length;
    size_t wanted = (size_t)f->wanted;

    if (f->text[f->header_length - 1] == ',' && wanted > 0 &&
        payload[wanted - 1] == '\n')
        return framer_end_payload(f, text_without_line_end(payload, wanted),
                                  PAYLOAD_SHORT);
    return framer_end_payload(f, wanted, PAYLOAD_WHOLE);
}

int framer_idle(struct framer *f)
{
    const struct vocabulary *v = f->vocabulary;
    int err = 0;
    size_t start;

    switch ((enum state)f->state) {
    case START:
        flush_noise(f);
        return 0;
    case LINE:
        if (f->in_quotes && f->quoted_crlf)
            return vocabulary_ends(v, f->text, 0, f->length, &start)
                       ? release_lines(f)
                       : 0;
        if (f->length > 0 && f->text[f->length - 1] == '\r')
            return release_lines(f);
        return 0;
    case TAIL:
        return end_counted(f);
    case RAW:
    case OVERRUN:
        if (framer_split_back(f, &err))
            return err;
        if (f->length > f->header_length && f->text[f->length - 1] == '\n') {
            size_t length = f->length - f->header_length;
            return framer_end_payload(
                f, text_without_line_end(f->text + f->header_length, length),
                f->state == RAW ? PAYLOAD_SHORT : PAYLOAD_LONG);
        }
        break;
    case DROP:
        break;
    case AFTER_PROMPT:
        f->state = START;
    }
    return err;
}
