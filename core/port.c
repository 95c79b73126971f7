/* SPDX-License-Identifier: MIT
 *
 * Reading, the write queue and the close of every port that has a descriptor.
 * See port.h.
 */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port_pair.h"

static void update_poll(struct port *p);

struct port *port_new(struct loop *l, const struct port_backend *backend,
                      int fd, const char *path,
                      const struct port_config *config)
{
    struct port *p = calloc(1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->path = strdup(path);
    if (p->path == NULL) {
        free(p);
        return NULL;
    }
    p->loop = l;
    p->backend = backend;
    p->fd = fd;
    p->config = *config;
    return p;
}

int port_open(struct loop *l, const char *path, const struct port_config *c,
              struct port **out, struct port_reason *why)
{
    why->text[0] = '\0';
    int err = port_serial_open(l, path, c, out, why);
    if (err == UV_ENOTSUP)
        err = port_tty_open(l, path, c, out, why);
    return err;
}

/* Reports a hang-up once; the port stays open until its owner closes it. */
static void hang_up(struct port *p, int err)
{
    if (p->is_dead || p->is_closing)
        return;
    p->is_dead = true;
    p->status = err;
    p->queue_length = 0;
    update_poll(p);
    if (p->events.closed != NULL)
        p->events.closed(p->arg, err);
}

static void read_some(struct port *p)
{
    ssize_t n = read(p->fd, p->loop->buffer, LOOP_BUFFER);

    if (n > 0) {
        p->received += (uint64_t)n;
        p->events.bytes(p->arg, p->loop->buffer, (size_t)n, loop_now(p->loop));
    } else if (n == 0) {
        hang_up(p, UV_EOF);
    } else if (errno != EAGAIN && errno != EINTR) {
        hang_up(p, uv_translate_sys_error(errno));
    }
}

static void take_from_queue(struct port *p, size_t n)
{
    p->queue_length -= n;
    memmove(p->queue, p->queue + n, p->queue_length);
    if (p->queue_length == 0) {
        free(p->queue);
        p->queue = NULL;
        p->queue_capacity = 0;
    }
}

static ssize_t write_some(struct port *p, const char *bytes, size_t length)
{
    ssize_t n = write(p->fd, bytes, length);

    if (n > 0) {
        p->sent += (uint64_t)n;
        p->written_at = loop_now(p->loop);
        return n;
    }
    if (n == 0 || errno == EAGAIN || errno == EINTR)
        return 0;
    return uv_translate_sys_error(errno);
}

static void flush_queue(struct port *p)
{
    ssize_t n = write_some(p, p->queue, p->queue_length);

    if (n < 0) {
        hang_up(p, (int)n);
        return;
    }
    take_from_queue(p, (size_t)n);
    if (p->queue_length == 0) {
        update_poll(p);
        if (p->events.drained != NULL)
            p->events.drained(p->arg);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct port *p = poll->data;

    /* A hang-up of the far side of a PTY comes as UV_EBADF (POLLERR): only
       read() tells EIO from an end of file. */
    if (status < 0 || (events & UV_READABLE) != 0)
        read_some(p);
    if (status < 0 && !p->is_dead && !p->is_closing)
        hang_up(p, status == UV_EBADF ? UV_EIO : status);
    if ((events & UV_WRITABLE) != 0 && !p->is_dead && !p->is_closing &&
        p->queue_length > 0)
        flush_queue(p);
}

static void update_poll(struct port *p)
{
    if (p->poll == NULL || p->is_closing)
        return;
    int events = 0;
    if (!p->is_dead)
        events = (p->is_paused ? 0 : UV_READABLE) |
                 (p->queue_length > 0 ? UV_WRITABLE : 0);
    if (events == p->poll_events)
        return;
    p->poll_events = events;
    if (events == 0)
        uv_poll_stop(p->poll);
    else
        uv_poll_start(p->poll, events, on_poll);
}

void port_start(struct port *p, const struct port_events *events, void *arg)
{
    p->events = *events;
    p->arg = arg;
    if (p->poll != NULL)
        return;
    if (p->fd < 0) {
        pair_start(p);
        return;
    }
    p->poll = malloc(sizeof *p->poll);
    int err =
        p->poll == NULL ? UV_ENOMEM : uv_poll_init(p->loop->uv, p->poll, p->fd);
    if (err < 0) {
        free(p->poll);
        p->poll = NULL;
        hang_up(p, err);
        return;
    }
    p->poll->data = p;
    update_poll(p);
}

void port_pause(struct port *p, bool on)
{
    p->is_paused = on;
    if (p->fd >= 0)
        update_poll(p);
    else if (!on && !p->is_closing)
        pair_start(p);
}

static int enqueue(struct port *p, const char *bytes, size_t length)
{
    size_t need = p->queue_length + length;

    if (need > p->queue_capacity) {
        char *queue = realloc(p->queue, need);
        if (queue == NULL)
            return UV_ENOMEM;
        p->queue = queue;
        p->queue_capacity = need;
    }
    memcpy(p->queue + p->queue_length, bytes, length);
    p->queue_length = need;
    update_poll(p);
    return 0;
}

int port_write(struct port *p, const char *bytes, size_t length)
{
    ssize_t n = 0;

    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    if (p->fd < 0)
        return pair_write(p, bytes, length);
    if (p->queue_length + length > PORT_QUEUE)
        return UV_ENOBUFS;
    if (p->queue_length == 0 && length > 0)
        n = write_some(p, bytes, length);
    if (n < 0) {
        /* The read side reports the hang-up, from the loop. */
        return UV_EPIPE;
    }
    if ((size_t)n == length)
        return 0;
    return enqueue(p, bytes + n, length - (size_t)n);
}

bool port_is_busy(const struct port *p)
{
    return p->queue_length > 0;
}

int port_configure(struct port *p, const struct port_config *config,
                   struct port_reason *why)
{
    why->text[0] = '\0';
    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    int err = 0;
    if (p->backend->configure != NULL)
        err = p->backend->configure(p, config, why);
    if (err == 0)
        p->config = *config;
    return err;
}

int port_get_lines(struct port *p, unsigned *lines)
{
    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    if (p->backend->get_lines == NULL)
        return UV_ENOTSUP;
    return p->backend->get_lines(p, lines);
}

int port_set_lines(struct port *p, unsigned mask, unsigned values)
{
    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    if (p->backend->set_lines == NULL)
        return UV_ENOTSUP;
    return p->backend->set_lines(p, mask, values);
}

int port_set_break(struct port *p, bool on)
{
    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    if (p->backend->set_break == NULL)
        return UV_ENOTSUP;
    return p->backend->set_break(p, on);
}

int port_client_baud(struct port *p, unsigned *baud)
{
    if (p->is_closing)
        return UV_EPIPE;
    if (p->backend->client_baud == NULL)
        return UV_ENOTSUP;
    return p->backend->client_baud(p, baud);
}

int port_client_unread(struct port *p, unsigned *bytes)
{
    if (p->is_dead || p->is_closing)
        return UV_EPIPE;
    if (p->backend->client_unread == NULL)
        return UV_ENOTSUP;
    return p->backend->client_unread(p, bytes);
}

static void free_port(struct port *p)
{
    void (*freed)(void *) = p->events.freed;
    void *arg = p->arg;

    free(p->queue);
    free(p->path);
    free(p);
    if (freed != NULL)
        freed(arg);
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct port *p = handle->data;

    free(handle);
    p->poll = NULL;
    free_port(p);
}

static void apply_close_policy(struct port *p)
{
    unsigned mask = 0;
    unsigned values = 0;

    if (p->config.dtr_close != PORT_LEAVE) {
        mask |= PORT_DTR;
        values |= p->config.dtr_close == PORT_ON ? PORT_DTR : 0u;
    }
    if (p->config.rts_close != PORT_LEAVE) {
        mask |= PORT_RTS;
        values |= p->config.rts_close == PORT_ON ? PORT_RTS : 0u;
    }
    if (mask != 0)
        port_set_lines(p, mask, values);
}

void port_close(struct port *p)
{
    if (p->is_closing)
        return;
    if (!p->is_dead)
        apply_close_policy(p);
    p->is_closing = true;
    if (p->fd < 0) {
        pair_close(p, free_port);
        return;
    }
    /* The descriptor is closed at once: the next open of this path must find
       the lock free. The poll is stopped first, since the number may be
       given to somebody else. */
    if (p->poll != NULL)
        uv_poll_stop(p->poll);
    if (p->backend->release != NULL)
        p->backend->release(p);
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    if (p->poll != NULL)
        uv_close((uv_handle_t *)p->poll, on_poll_closed);
    else
        free_port(p);
}
