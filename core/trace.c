/* SPDX-License-Identifier: MIT
 *
 * The transcript of a port. See trace.h.
 */
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace_file.h"
#include "trace_mask.h"

/* How old what is known of the wall's time may be: it can be set anew. */
#define WALL_NS 10000000
/* Room for any mark but a user's. */
#define MARK_ROOM 128

struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

struct trace {
    struct loop *loop;
    unsigned references;
    bool is_closed;

    char *label; /* "slot port ", escaped */
    size_t label_length;
    int64_t wall_offset_ns; /* wall time minus the clock */
    uint64_t wall_read_at;  /* when that was so */

    struct trace_secrets secrets;
    struct trace_stream sent, received;

    uint64_t start, offset;
    unsigned lost;    /* chunks, since the last mark */
    struct text line; /* the one being made */

    struct trace_file *file; /* NULL: none */
    int status;

    bool keep;
    size_t keep_limit;
    struct text kept;
};

static int reserve(struct text *t, size_t more)
{
    size_t capacity = t->capacity == 0 ? 512 : t->capacity;

    if (t->length + more <= t->capacity)
        return 0;
    while (capacity < t->length + more)
        capacity *= 2;
    char *bytes = realloc(t->bytes, capacity);
    if (bytes == NULL)
        return UV_ENOMEM;
    t->bytes = bytes;
    t->capacity = capacity;
    return 0;
}

/* ----------------------------------------------------------------- lines */

static int64_t real_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void read_wall(struct trace *t)
{
    t->wall_read_at = loop_now(t->loop);
    t->wall_offset_ns = real_ns() - (int64_t)t->wall_read_at;
}

/* Wall time of `at`; under virtual time it moves with the clock. */
static struct trace_time when(struct trace *t, uint64_t at)
{
    if (!t->loop->clock.is_virtual && at > t->wall_read_at + WALL_NS)
        read_wall(t);
    return (struct trace_time){at, ((int64_t)at + t->wall_offset_ns) / 1000000};
}

/* Puts the bytes, runs of hidden ones as masks. There is room. */
static size_t put_chunk(char *out, const char *bytes, const bool *hidden,
                        size_t length)
{
    size_t n = 0;
    size_t i = 0;

    while (i < length) {
        size_t end = i + 1;
        while (end < length && hidden[end] == hidden[i] &&
               end - i < TRACE_LINE_MASK_MAX)
            end++;
        n += hidden[i] ? trace_line_put_mask(out + n, end - i)
                       : trace_line_put_bytes(out + n, bytes + i, end - i);
        i = end;
    }
    return n;
}

/* Adds a line to t->line. */
static int add_line(struct trace *t, enum trace_direction direction,
                    struct trace_time time, const char *bytes,
                    const bool *hidden, size_t length)
{
    size_t room = TRACE_LINE_HEAD + t->label_length + length * TRACE_LINE_BYTE +
                  sizeof "\n";

    if (reserve(&t->line, room) < 0)
        return UV_ENOMEM;
    char *out = t->line.bytes + t->line.length;
    size_t n =
        trace_line_put_head(out, time.at_ns / 1000, time.wall_ms, direction);
    memcpy(out + n, t->label, t->label_length);
    n += t->label_length;
    n += hidden != NULL ? put_chunk(out + n, bytes, hidden, length)
                        : trace_line_put_bytes(out + n, bytes, length);
    out[n++] = '\n';
    t->line.length += n;
    return 0;
}

static int add_mark(struct trace *t, struct trace_time time, const char *text)
{
    return add_line(t, TRACE_MARK, time, text, NULL, strlen(text));
}

static int append(struct text *to, const struct text *from)
{
    if (reserve(to, from->length) < 0)
        return UV_ENOMEM;
    memcpy(to->bytes + to->length, from->bytes, from->length);
    to->length += from->length;
    return 0;
}

/* Ends what is kept. The mark has no place in the file, so it comes last and
   changes no offset. */
static void stop_keeping(struct trace *t)
{
    struct text line = t->line;

    t->keep = false;
    t->line = (struct text){0};
    if (add_mark(t, when(t, loop_now(t->loop)),
                 "lost: the text kept in memory ends here") == 0)
        append(&t->kept, &t->line);
    free(t->line.bytes);
    t->line = line;
}

static void keep_line(struct trace *t)
{
    if (!t->keep)
        return;
    if (t->kept.length + t->line.length > t->keep_limit ||
        append(&t->kept, &t->line) < 0)
        stop_keeping(t);
}

/* A line is in the file and in memory, or in neither: offsets must agree. A
   file that failed is given up; memory goes on. */
static int put_line(struct trace *t)
{
    if (t->file != NULL && t->status == 0) {
        int err = trace_file_append(t->file, t->line.bytes, t->line.length);
        if (err == UV_ENOBUFS || err == UV_ENOMEM)
            return err;
        t->status = err;
    }
    keep_line(t);
    t->offset += t->line.length;
    return 0;
}

static void log_line(struct trace *t, enum trace_direction direction,
                     struct trace_time time, const char *bytes,
                     const bool *hidden, size_t length)
{
    char mark[MARK_ROOM];
    int err = 0;

    t->line.length = 0;
    if (t->lost > 0) {
        snprintf(mark, sizeof mark, "lost %u chunks", t->lost);
        err = add_mark(t, time, mark);
    }
    if (err == 0)
        err = add_line(t, direction, time, bytes, hidden, length);
    if (err == 0)
        err = put_line(t);
    t->lost = err == 0 ? 0 : t->lost + 1;
}

static void on_sent(void *arg, struct trace_time time, const char *bytes,
                    const bool *hidden, size_t length)
{
    log_line(arg, TRACE_SENT, time, bytes, hidden, length);
}

static void on_received(void *arg, struct trace_time time, const char *bytes,
                        const bool *hidden, size_t length)
{
    log_line(arg, TRACE_RECEIVED, time, bytes, hidden, length);
}

/* --------------------------------------------------------------- logging */

void trace_bytes(struct trace *t, enum trace_direction direction,
                 const char *bytes, size_t length, uint64_t at)
{
    struct trace_stream *stream =
        direction == TRACE_SENT ? &t->sent : &t->received;

    if (t->is_closed)
        return;
    if (trace_stream_feed(stream, &t->secrets, when(t, at), bytes, length) < 0)
        t->lost++;
}

static void log_mark(struct trace *t, const char *text, size_t length,
                     uint64_t at)
{
    bool *hidden = NULL;

    if (t->is_closed)
        return;
    if (t->secrets.count > 0) {
        hidden = calloc(length + 1, sizeof *hidden);
        if (hidden == NULL) {
            t->lost++;
            return;
        }
        trace_secrets_find(&t->secrets, text, length, hidden);
    }
    log_line(t, TRACE_MARK, when(t, at), text, hidden, length);
    free(hidden);
}

static void end_streams(struct trace *t)
{
    trace_stream_end(&t->sent);
    trace_stream_end(&t->received);
}

void trace_opened(struct trace *t, uint64_t at)
{
    log_mark(t, "opened", 6, at);
}

void trace_closed(struct trace *t, int err, uint64_t at)
{
    char mark[MARK_ROOM] = "closed";
    char name[32];
    char text[64];

    if (t->is_closed)
        return;
    end_streams(t);
    if (err < 0)
        snprintf(mark, sizeof mark, "closed %s: %s",
                 uv_err_name_r(err, name, sizeof name),
                 uv_strerror_r(err, text, sizeof text));
    log_mark(t, mark, strlen(mark), at);
}

void trace_mark(struct trace *t, const char *text, size_t length, uint64_t at)
{
    static const char word[] = "mark ";
    char *mark = malloc(sizeof word + length);

    if (mark == NULL) {
        t->lost++;
        return;
    }
    memcpy(mark, word, sizeof word - 1);
    memcpy(mark + sizeof word - 1, text, length);
    log_mark(t, mark, sizeof word - 1 + length, at);
    free(mark);
}

int trace_mask(struct trace *t, const char *bytes, size_t length)
{
    return trace_secrets_add(&t->secrets, bytes, length);
}

/* --------------------------------------------------------------- reading */

uint64_t trace_start(const struct trace *t)
{
    return t->start;
}

uint64_t trace_offset(const struct trace *t)
{
    return t->offset;
}

static size_t clip(const struct trace *t, uint64_t offset)
{
    if (offset <= t->start)
        return 0;
    uint64_t at = offset - t->start;
    return at < t->kept.length ? (size_t)at : t->kept.length;
}

void trace_text(const struct trace *t, uint64_t from, uint64_t to,
                const char **text, size_t *length)
{
    size_t first = clip(t, from);
    size_t last = clip(t, to);

    *text = t->kept.bytes != NULL ? t->kept.bytes + first : "";
    *length = last > first ? last - first : 0;
}

int trace_status(const struct trace *t)
{
    if (t->status == 0 && t->file != NULL)
        return trace_file_status(t->file);
    return t->status;
}

size_t trace_behind(const struct trace *t)
{
    return t->file != NULL ? trace_file_behind(t->file) : 0;
}

/* -------------------------------------------------------- open and close */

static int make_label(struct trace *t, const char *slot, const char *port)
{
    size_t room = (strlen(slot) + strlen(port) + 2) * TRACE_LINE_BYTE;
    size_t n;

    t->label = malloc(room);
    if (t->label == NULL)
        return UV_ENOMEM;
    n = trace_line_put_field(t->label, slot);
    t->label[n++] = ' ';
    n += trace_line_put_field(t->label + n, port);
    t->label[n++] = ' ';
    t->label_length = n;
    return 0;
}

static void free_trace(struct trace *t)
{
    trace_secrets_clean(&t->secrets);
    trace_stream_clean(&t->sent);
    trace_stream_clean(&t->received);
    free(t->label);
    free(t->line.bytes);
    free(t->kept.bytes);
    free(t);
}

int trace_open(struct loop *l, const struct trace_options *options,
               struct trace **out)
{
    struct trace *t = calloc(1, sizeof *t);

    if (t == NULL)
        return UV_ENOMEM;
    t->loop = l;
    t->references = 1;
    read_wall(t);
    t->keep = options->keep;
    t->keep_limit = options->keep_limit > 0 ? options->keep_limit : TRACE_KEEP;
    t->sent = (struct trace_stream){.part = on_sent, .arg = t};
    t->received = (struct trace_stream){.part = on_received, .arg = t};
    int err = make_label(t, options->slot != NULL ? options->slot : "",
                         options->port != NULL ? options->port : "");
    if (err == 0 && options->path != NULL)
        err = trace_file_open(l, options->path, &t->file, &t->start);
    if (err < 0) {
        free_trace(t);
        return err;
    }
    t->offset = t->start;
    *out = t;
    return 0;
}

void trace_hold(struct trace *t)
{
    t->references++;
}

void trace_release(struct trace *t)
{
    if (--t->references > 0)
        return;
    trace_close(t);
    free_trace(t);
}

void trace_close(struct trace *t)
{
    if (t->is_closed)
        return;
    end_streams(t);
    t->is_closed = true;
    t->status = trace_status(t);
    if (t->file != NULL)
        trace_file_close(t->file);
    t->file = NULL;
}
