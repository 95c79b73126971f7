/* SPDX-License-Identifier: MIT
 *
 * Two ports and their users. See port_bench.h.
 */
#include "port_bench.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void on_bytes(void *arg, const char *bytes, size_t length, uint64_t at)
{
    struct user *u = arg;

    assert_true(length > 0);
    assert_true(at <= loop_now(&u->bench->loop));
    assert_int_equal(u->freed, 0);
    if (u->length + length > u->capacity) {
        u->capacity = 2 * (u->length + length);
        u->bytes = realloc(u->bytes, u->capacity);
        assert_non_null(u->bytes);
    }
    memcpy(u->bytes + u->length, bytes, length);
    u->length += length;
    u->most = length > u->most ? length : u->most;
    u->calls++;
    if (u->answers != NULL) {
        const char *answer = u->answers;
        u->answers = NULL;
        assert_int_equal(port_write(u->port, answer, strlen(answer)), 0);
    }
    if (u->closes != NULL) {
        port_close(u->closes);
        u->closes = NULL;
    }
}

static void on_drained(void *arg)
{
    struct user *u = arg;

    u->drained++;
    assert_false(port_is_busy(u->port));
}

static void on_closed(void *arg, int err)
{
    struct user *u = arg;

    u->closed++;
    u->reason = err;
    if (u->closes_itself)
        port_close(u->port);
}

static void on_freed(void *arg)
{
    ((struct user *)arg)->freed++;
}

void port_bench_start(struct user *u)
{
    static const struct port_events events = {on_bytes, on_drained, on_closed,
                                              on_freed};

    port_start(u->port, &events, u);
}

int port_bench_set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    assert_int_equal(uv_loop_init(&b->uv), 0);
    assert_int_equal(loop_init(&b->loop, &b->uv), 0);
    b->config = (struct port_config)PORT_CONFIG_DEFAULT;
    b->a.bench = b->b.bench = b;
    *state = b;
    return 0;
}

int port_bench_tear_down(void **state)
{
    struct bench *b = *state;

    loop_clean(&b->loop);
    assert_int_equal(uv_loop_close(&b->uv), 0); /* no handle is left */
    free(b->a.bytes);
    free(b->b.bytes);
    free(b);
    return 0;
}

void port_bench_turn(struct bench *b, int count)
{
    while (count-- > 0)
        loop_turn(&b->loop);
}

void port_bench_receive(struct user *u, size_t length)
{
    while (u->length < length && u->closed == 0)
        assert_true(loop_turn(&u->bench->loop));
    assert_int_equal(u->length, length);
}

void port_bench_receive_text(struct user *u, const char *text)
{
    port_bench_receive(u, strlen(text));
    assert_memory_equal(u->bytes, text, strlen(text));
}

void port_bench_end(struct bench *b)
{
    if (b->a.freed == 0)
        port_close(b->a.port);
    if (b->b.freed == 0)
        port_close(b->b.port);
    while (b->a.freed + b->b.freed < 2)
        assert_true(loop_turn(&b->loop));
    assert_false(loop_turn(&b->loop));
    assert_int_equal(b->a.freed, 1);
    assert_int_equal(b->b.freed, 1);
    assert_true(b->a.closed <= 1 && b->b.closed <= 1);
}

void port_bench_write_text(struct user *u, const char *text)
{
    assert_int_equal(port_write(u->port, text, strlen(text)), 0);
}

char *port_bench_big_text(void)
{
    char *text = malloc(BIG);

    assert_non_null(text);
    for (size_t i = 0; i < BIG; i++)
        text[i] = (char)(unsigned char)(i * 7 + i / 251);
    return text;
}
