/* SPDX-License-Identifier: MIT
 *
 * Two ends in memory. What one writes waits in its own queue and is delivered
 * to the other from the loop, at most `chunk` bytes a turn, never from inside
 * the write: so a pair splits and orders bytes as a wire would. Each end has a
 * rate, which the other can ask for; it delays nothing.
 */
#include "port_pair.h"

#include <stdlib.h>
#include <string.h>

/* As much in one turn as a tty gives: others want their turn, too. */
#define MOST 4096u

/* The close of an end: posted, so that the owner's freed() never runs inside
   its own port_close(). */
struct farewell {
    struct post post;
    struct port *port;
    void (*done)(struct port *p);
};

struct pair_end {
    struct post post;  /* delivers this end's queue to the other */
    struct port *port; /* this end, or NULL once closed */
    struct pair_end *other;
    struct farewell farewell; /* here, since closing cannot fail */
    size_t chunk;
};

static struct pair_end *end_of(const struct port *p)
{
    return p->data;
}

static void say_closed(struct port *p)
{
    if (p->is_dead || p->is_closing || p->events.bytes == NULL)
        return; /* who starts later is told then */
    p->is_dead = true;
    p->status = UV_EOF;
    if (p->events.closed != NULL)
        p->events.closed(p->arg, UV_EOF);
}

/* Takes the next chunk out of the writer's queue; the buffer is the loop's,
   as with every read. */
static size_t take(struct port *from, size_t chunk)
{
    size_t n = from->queue_length < MOST ? from->queue_length : MOST;
    if (chunk > 0 && n > chunk)
        n = chunk;
    memcpy(from->loop->buffer, from->queue, n);
    from->queue_length -= n;
    memmove(from->queue, from->queue + n, from->queue_length);
    return n;
}

static void deliver(struct post *post)
{
    struct pair_end *end = (struct pair_end *)post;
    struct port *from = end->port;
    struct port *to = end->other->port;

    if (from == NULL || to == NULL || to->is_closing || to->is_dead)
        return;
    if (to->events.bytes == NULL || to->is_paused)
        return; /* nobody listens now: the bytes wait */
    size_t n = take(from, end->chunk);
    bool was_last = from->queue_length == 0;
    if (was_last) {
        free(from->queue);
        from->queue = NULL;
        from->queue_capacity = 0;
    } else {
        loop_post(from->loop, post);
    }
    to->received += n;
    to->events.bytes(to->arg, from->loop->buffer, n, loop_now(from->loop));
    if (was_last && end->port == from && !from->is_closing &&
        from->events.drained != NULL && from->queue_length == 0)
        from->events.drained(from->arg);
}

void pair_start(struct port *p)
{
    struct pair_end *other = end_of(p)->other;

    if (other->port == NULL)
        say_closed(p);
    else if (other->port->queue_length > 0)
        loop_post(p->loop, &other->post);
}

int pair_write(struct port *p, const char *bytes, size_t length)
{
    size_t need = p->queue_length + length;

    if (need > PORT_QUEUE)
        return UV_ENOBUFS;
    if (length == 0)
        return 0;
    if (need > p->queue_capacity) {
        char *queue = realloc(p->queue, need);
        if (queue == NULL)
            return UV_ENOMEM;
        p->queue = queue;
        p->queue_capacity = need;
    }
    memcpy(p->queue + p->queue_length, bytes, length);
    p->queue_length = need;
    p->sent += length;
    p->written_at = loop_now(p->loop);
    loop_post(p->loop, &end_of(p)->post);
    return 0;
}

static void say_farewell(struct post *post)
{
    struct farewell *f = (struct farewell *)post;
    struct pair_end *end = end_of(f->port);
    struct pair_end *other = end->other;
    struct port *port = f->port;
    void (*done)(struct port *) = f->done;

    end->port = NULL;
    if (other->port != NULL) {
        if (!other->port->is_closing)
            say_closed(other->port);
    } else {
        free(end);
        free(other);
    }
    done(port);
}

void pair_close(struct port *p, void (*done)(struct port *p))
{
    struct farewell *f = &end_of(p)->farewell;

    f->post.run = say_farewell;
    f->port = p;
    f->done = done;
    loop_unpost(p->loop, &end_of(p)->post);
    loop_post(p->loop, &f->post);
}

static int client_baud(struct port *p, unsigned *baud)
{
    const struct port *other = end_of(p)->other->port;

    if (other == NULL || other->is_closing)
        return UV_EPIPE;
    *baud = other->config.baud;
    return 0;
}

static const struct port_backend backend = {
    .name = "pair",
    .client_baud = client_baud,
};

static struct port *new_end(struct loop *l, size_t chunk)
{
    const struct port_config config = PORT_CONFIG_DEFAULT;
    struct pair_end *end = calloc(1, sizeof *end);
    struct port *p = port_new(l, &backend, -1, "pair", &config);

    if (end == NULL || p == NULL) {
        free(end);
        if (p != NULL)
            free(p->path);
        free(p);
        return NULL;
    }
    end->post.run = deliver;
    end->port = p;
    end->chunk = chunk;
    p->data = end;
    return p;
}

int port_open_pair(struct loop *l, size_t chunk, struct port **a,
                   struct port **b)
{
    struct port *first = new_end(l, chunk);
    struct port *second = new_end(l, chunk);

    if (first == NULL || second == NULL) {
        for (int i = 0; i < 2; i++) {
            struct port *p = i == 0 ? first : second;
            if (p != NULL) {
                free(p->data);
                free(p->path);
                free(p);
            }
        }
        return UV_ENOMEM;
    }
    end_of(first)->other = end_of(second);
    end_of(second)->other = end_of(first);
    *a = first;
    *b = second;
    return 0;
}
