/* SPDX-License-Identifier: MIT
 *
 * Appending through the thread pool. See trace_file.h. Two texts: one is in
 * flight while the other collects; then they swap.
 */
#include "trace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each write wakes a thread, which takes longer than the lines of a command:
   they collect for a moment, and on a busy port from one write to the next. */
#define COLLECT_NS UINT64_C(10000000)
#define PACE_NS UINT64_C(100000000)

struct text {
    char *bytes;
    size_t length;
    size_t capacity;
};

struct trace_file {
    struct loop *loop;
    struct deadline deadline; /* writes what has collected */
    uint64_t wrote_at;        /* the last write */
    int fd;
    int status;
    bool is_closing;
    bool is_writing;
    uv_fs_t request;
    struct text pending; /* collects */
    struct text flying;  /* in the thread pool */
    size_t written;      /* of `flying` */
};

static void proceed(struct trace_file *f);

/* ----------------------------------------------------------------- close */

static void on_closed(uv_fs_t *request)
{
    struct trace_file *f = request->data;

    uv_fs_req_cleanup(request);
    f->loop->open--;
    f->loop->files--;
    free(f->pending.bytes);
    free(f->flying.bytes);
    free(f);
}

static void start_close(struct trace_file *f)
{
    f->request.data = f;
    if (uv_fs_close(f->loop->uv, &f->request, f->fd, on_closed) < 0) {
        close(f->fd);
        on_closed(&f->request);
    }
}

void trace_file_close(struct trace_file *f)
{
    f->is_closing = true;
    f->loop->open++;
    loop_cancel(f->loop, &f->deadline);
    proceed(f);
}

/* ----------------------------------------------------------------- write */

static void collect(struct trace_file *f)
{
    if (f->deadline.place != 0)
        return;
    uint64_t soon = loop_now(f->loop) + COLLECT_NS;
    uint64_t next = f->wrote_at + PACE_NS;
    loop_set(f->loop, &f->deadline, soon > next ? soon : next);
}

static void on_written(uv_fs_t *request)
{
    struct trace_file *f = request->data;
    ssize_t result = request->result;

    uv_fs_req_cleanup(request);
    f->is_writing = false;
    if (result < 0)
        f->status = (int)result;
    else
        f->written += (size_t)result;
    if (f->is_closing || f->written < f->flying.length)
        proceed(f);
    else if (f->pending.length > 0)
        collect(f);
}

static void start_write(struct trace_file *f)
{
    uv_buf_t rest = uv_buf_init(f->flying.bytes + f->written,
                                (unsigned)(f->flying.length - f->written));

    f->request.data = f;
    f->is_writing = true;
    f->wrote_at = loop_now(f->loop);
    int err =
        uv_fs_write(f->loop->uv, &f->request, f->fd, &rest, 1, -1, on_written);
    if (err < 0) {
        f->is_writing = false;
        f->status = err;
    }
}

static void swap(struct trace_file *f)
{
    struct text empty = f->flying;

    empty.length = 0;
    f->flying = f->pending;
    f->pending = empty;
    f->written = 0;
}

static void proceed(struct trace_file *f)
{
    if (f->is_writing)
        return;
    if (f->written == f->flying.length)
        swap(f);
    if (f->status == 0 && f->flying.length > 0)
        start_write(f);
    if (!f->is_writing && f->is_closing)
        start_close(f);
}

static void on_deadline(struct deadline *d)
{
    proceed((struct trace_file *)((char *)d -
                                  offsetof(struct trace_file, deadline)));
}

static int reserve(struct text *t, size_t more)
{
    size_t capacity = t->capacity == 0 ? 1024 : t->capacity;

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

size_t trace_file_behind(const struct trace_file *f)
{
    return f->pending.length + f->flying.length - f->written;
}

int trace_file_append(struct trace_file *f, const char *bytes, size_t length)
{
    if (f->status < 0)
        return f->status;
    if (f->pending.length + f->flying.length + length > TRACE_FILE_BACKLOG)
        return UV_ENOBUFS;
    if (reserve(&f->pending, length) < 0)
        return UV_ENOMEM;
    memcpy(f->pending.bytes + f->pending.length, bytes, length);
    f->pending.length += length;
    if (!f->is_writing)
        collect(f);
    return 0;
}

int trace_file_status(const struct trace_file *f)
{
    return f->status;
}

/* ------------------------------------------------------------------ open */

/* What a killed program left may end inside a line. */
static int end_last_line(int fd, uint64_t *size)
{
    struct stat st;
    char last = '\n';

    if (fstat(fd, &st) < 0)
        return uv_translate_sys_error(errno);
    *size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (*size > 0 && pread(fd, &last, 1, st.st_size - 1) < 0)
        return uv_translate_sys_error(errno);
    if (last == '\n')
        return 0;
    if (write(fd, "\n", 1) != 1)
        return uv_translate_sys_error(errno);
    ++*size;
    return 0;
}

int trace_file_open(struct loop *l, const char *path, struct trace_file **out,
                    uint64_t *size)
{
    struct trace_file *f = calloc(1, sizeof *f);
    int err = UV_ENOMEM;

    if (f == NULL)
        return err;
    f->loop = l;
    f->deadline.fire = on_deadline;
    f->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (f->fd < 0) {
        err = uv_translate_sys_error(errno);
        free(f);
        return err;
    }
    err = end_last_line(f->fd, size);
    if (err < 0) {
        close(f->fd);
        free(f);
        return err;
    }
    l->files++;
    *out = f;
    return 0;
}
