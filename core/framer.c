/* SPDX-License-Identifier: MIT
 *
 * Byte by byte, one state at a time; see framer.h for the frames.
 *
 *     START    at a line's first byte: echo, prompt, noise are tried here
 *     LINE     inside a line
 *     DROP     inside a line over the limit, up to its line feed
 *     RAW      inside a counted payload
 *     TAIL     after the counted bytes, where a line end must follow
 *     OVERRUN  after the counted bytes, something else followed
 *
 * The unfinished line is in `text`. A counted payload follows its header in
 * the same buffer, so that a payload that turns out broken can be read again
 * as lines.
 */
#include "framer.h"

#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum state { START, LINE, DROP, RAW, TAIL, OVERRUN, AFTER_PROMPT };

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

static void restart(struct framer *f)
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
    restart(f);
}

static int reserve(struct framer *f, size_t more)
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

static int append(struct framer *f, const char *bytes, size_t length)
{
    int err = reserve(f, length);
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

/* Lines are handed out from a buffer that the callback cannot disturb: the
   framer's text is detached while it runs. */
static char *detach(struct framer *f)
{
    char *text = f->text;
    f->text = NULL;
    f->length = f->capacity = 0;
    return text;
}

/* Gives a detached buffer back when the callback left none of its own. */
static void attach(struct framer *f, char *text, size_t capacity)
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
        restart(f);
        finish_echo(f);
        return;
    }
    char *text = detach(f);

    restart(f);
    emit_line(f, text, length, noisy);
    attach(f, text, capacity);
}

/* counted payloads */

static int start_payload(struct framer *f, uint64_t count)
{
    f->header_length = f->length;
    f->wanted = count;
    f->state = count == 0 ? TAIL : RAW;
    return reserve(f, 1);
}

static void emit_payload(struct framer *f, size_t length,
                         enum payload_fault fault)
{
    size_t header =
        text_trimmed(f->text, text_without_line_end(f->text, f->header_length));
    if (header > 0 && f->text[header - 1] == ',')
        header--;
    struct frame frame = {
        .kind = FRAME_PAYLOAD,
        .fault = fault,
        .bytes = f->text + f->header_length,
        .length = length,
        .header = f->text,
        .header_length = header,
    };
    f->emit(f->arg, &frame);
}

/* Ends a payload after `length` bytes; what follows it in the buffer is read
   again as lines. */
static int end_payload(struct framer *f, size_t length,
                       enum payload_fault fault)
{
    struct framer whole = *f;
    size_t rest = f->header_length + length;
    char *text = detach(f);
    int err = 0;
    restart(f);
    whole.text = text;
    /* The line ends between are no data either, should the callee want it. */
    while (rest < whole.length && (text[rest] == '\r' || text[rest] == '\n'))
        rest++;
    emit_payload(&whole, length, fault);
    if (!f->stopped && rest < whole.length)
        err = framer_feed(f, text + rest, whole.length - rest);
    attach(f, text, whole.capacity);
    return err;
}

/* Whether a known line may stand where the payload was to begin: none was
   announced, or what was announced did not come. */
static bool may_be_empty(const struct framer *f)
{
    return f->text[f->header_length - 1] != ',' &&
           (f->wanted == 0 || f->state == RAW);
}

/* The declared count was wrong: looks for a line that the payload swallowed.
   Returns true when the payload was ended there. */
static bool split_back(struct framer *f, int *err)
{
    const struct vocabulary *v = f->vocabulary;
    size_t start;

    if (!vocabulary_ends(v, f->text, f->header_length, f->length, &start) ||
        (start == f->header_length && !may_be_empty(f)))
        return false;
    bool reboot =
        vocabulary_reboots(v, f->text, f->header_length, f->length, &start);
    size_t length = start - f->header_length;
    /* Every line end before the swallowed line separates, none belongs. */
    const char *payload = f->text + f->header_length;
    size_t kept = length;
    while (kept > 0 && (payload[kept - 1] == '\r' || payload[kept - 1] == '\n'))
        kept--;
    enum payload_fault fault = f->wanted == 0 ? PAYLOAD_WHOLE : PAYLOAD_SHORT;
    *err = end_payload(f, kept, reboot ? PAYLOAD_CUT : fault);
    return true;
}

static int feed_raw(struct framer *f, const char *bytes, size_t length,
                    size_t *taken)
{
    uint64_t missing = f->wanted - (f->length - f->header_length);
    size_t take = length < missing ? length : (size_t)missing;
    int err = append(f, bytes, take);
    if (err < 0)
        return err;
    *taken = take;
    if (take == missing)
        f->state = TAIL;
    return 0;
}

/* After the counted bytes: CR LF ends the payload, anything else means that
   the count was wrong and the payload goes on to the next line end. */
static int feed_tail(struct framer *f, char byte)
{
    size_t extra = f->length - f->header_length - (size_t)f->wanted;
    int err;

    if (byte == '\n' && extra <= 1)
        return end_payload(f, (size_t)f->wanted, PAYLOAD_WHOLE);
    err = append(f, &byte, 1);
    if (err == 0 && !(byte == '\r' && extra == 0))
        f->state = OVERRUN;
    return err;
}

static int feed_overrun(struct framer *f, char byte)
{
    int err = append(f, &byte, 1);
    if (err < 0 || (byte != '\n' &&
                    f->length - f->header_length < f->wanted + f->max_line))
        return err;
    if (split_back(f, &err))
        return err;
    size_t length = f->length - f->header_length;
    size_t kept = text_without_line_end(f->text + f->header_length, length);
    return end_payload(f, kept, PAYLOAD_LONG);
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
    char *text = detach(f);

    if (length > 0) {
        f->is_noisy = true;
        emit(f, FRAME_NOISE, text, length);
    }
    attach(f, text, capacity);
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
        return append(f, &byte, 1);
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
            return start_payload(f, count);
        end_line(f);
        return 0;
    }
    if (f->length >= f->max_line) {
        restart(f);
        f->state = DROP;
        emit(f, FRAME_OVERFLOW, NULL, 0);
        return 0;
    }
    if (byte == '"')
        f->in_quotes = !f->in_quotes;
    if (byte == ',' &&
        vocabulary_count(f->vocabulary, f->text, f->length, false, &count)) {
        err = append(f, &byte, 1);
        return err < 0 ? err : start_payload(f, count);
    }
    return append(f, &byte, 1);
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
            restart(f);
        return 0;
    case RAW:
        break; /* in chunks, see framer_feed */
    case TAIL:
        return feed_tail(f, byte);
    case OVERRUN:
        return feed_overrun(f, byte);
    case AFTER_PROMPT:
        return feed_after_prompt(f, byte);
    }
    return 0;
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
        err = f->state == RAW ? feed_raw(f, bytes + i, length - i, &taken)
                              : feed_byte(f, bytes[i]);
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
    char *text = detach(f);

    for (size_t i = 0; i < length; i++)
        text[i] = text[i] == '\r' ? '\n' : text[i];
    f->quoted_crlf = f->quoted_crlf && !f->in_quotes;
    restart(f);
    f->is_noisy = noisy;
    f->state = LINE;
    int err = framer_feed(f, text, length);
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
        return end_payload(f, text_without_line_end(payload, wanted),
                           PAYLOAD_SHORT);
    return end_payload(f, wanted, PAYLOAD_WHOLE);
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
        if (split_back(f, &err))
            return err;
        if (f->length > f->header_length && f->text[f->length - 1] == '\n') {
            size_t length = f->length - f->header_length;
            return end_payload(
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
