/* SPDX-License-Identifier: MIT
 *
 * Ports as their owner sees them: bytes, the write queue, hang-ups and the
 * close, of a pair in memory and of both sides of a PTY.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port.h"

#define BIG (1u << 20)

/* ------------------------------------------------------------- fixtures */

/* A port and all that its owner was told. */
struct user {
    struct port *port;
    struct bench *bench;
    char *bytes;
    size_t length, capacity;
    size_t most; /* in one call */
    unsigned calls, drained, closed, freed;
    int reason;
    struct port *closes; /* closed from inside the bytes callback */
    bool closes_itself;  /* from inside closed() */
    const char *answers; /* written from inside the bytes callback, once */
};

struct bench {
    struct loop loop;
    uv_loop_t uv;
    struct user a, b;
    struct port_config config;
    struct port_reason why;
};

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

static void start(struct user *u)
{
    static const struct port_events events = {on_bytes, on_drained, on_closed,
                                              on_freed};

    port_start(u->port, &events, u);
}

static int set_up(void **state)
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

static int tear_down(void **state)
{
    struct bench *b = *state;

    loop_clean(&b->loop);
    assert_int_equal(uv_loop_close(&b->uv), 0); /* no handle is left */
    free(b->a.bytes);
    free(b->b.bytes);
    free(b);
    return 0;
}

static void turn(struct bench *b, int count)
{
    while (count-- > 0)
        loop_turn(&b->loop);
}

/* Turns until so many bytes came. */
static void receive(struct user *u, size_t length)
{
    while (u->length < length && u->closed == 0)
        assert_true(loop_turn(&u->bench->loop));
    assert_int_equal(u->length, length);
}

static void receive_text(struct user *u, const char *text)
{
    receive(u, strlen(text));
    assert_memory_equal(u->bytes, text, strlen(text));
}

/* Closes what is open and waits until both ports are gone, once. */
static void end(struct bench *b)
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

static void write_text(struct user *u, const char *text)
{
    assert_int_equal(port_write(u->port, text, strlen(text)), 0);
}

static char *big_text(void)
{
    char *text = malloc(BIG);

    assert_non_null(text);
    for (size_t i = 0; i < BIG; i++)
        text[i] = (char)(unsigned char)(i * 7 + i / 251);
    return text;
}

/* ----------------------------------------------------------------- pairs */

static void open_pair(struct bench *b, size_t chunk)
{
    assert_int_equal(
        port_open_pair(&b->loop, chunk, &b->a.port, &b->b.port), 0);
}

static void test_a_pair_carries_bytes_both_ways(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    write_text(&b->a, "AT");
    write_text(&b->a, "\r");
    write_text(&b->b, "OK");
    assert_int_equal(b->b.calls, 0); /* never from inside the write */
    receive_text(&b->b, "AT\r");
    receive_text(&b->a, "OK");
    assert_int_equal(b->a.drained, 1);
    end(b);
    assert_int_equal(b->a.closed + b->b.closed, 0); /* both closed first */
}

static void test_a_chunk_is_the_most_of_a_delivery(void **state)
{
    struct bench *b = *state;

    open_pair(b, 3);
    start(&b->a);
    start(&b->b);
    write_text(&b->a, "12345678");
    assert_true(port_is_busy(b->a.port));
    receive_text(&b->b, "12345678");
    assert_int_equal(b->b.calls, 3);
    assert_int_equal(b->b.most, 3);
    assert_int_equal(b->a.drained, 1);
    assert_false(port_is_busy(b->a.port));
    end(b);
}

static void test_a_large_write_comes_in_buffers(void **state)
{
    struct bench *b = *state;
    char *text = big_text();

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    assert_int_equal(port_write(b->a.port, text, BIG), 0);
    receive(&b->b, BIG);
    assert_memory_equal(b->b.bytes, text, BIG);
    assert_int_equal(b->b.most, LOOP_BUFFER);
    assert_int_equal(b->a.drained, 1);
    free(text);
    end(b);
}

static void test_a_pair_queues_so_much_and_no_more(void **state)
{
    struct bench *b = *state;
    char *text = big_text();

    open_pair(b, 0);
    start(&b->a);
    for (size_t i = 0; i < PORT_QUEUE / BIG; i++)
        assert_int_equal(port_write(b->a.port, text, BIG), 0);
    assert_int_equal(port_write(b->a.port, text, 1), UV_ENOBUFS);
    assert_int_equal(port_write(b->a.port, text, 0), 0);
    free(text);
    start(&b->b);
    end(b);
}

static void test_bytes_wait_for_an_end_that_starts_later(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    write_text(&b->a, "RDY");
    turn(b, 3);
    assert_true(port_is_busy(b->a.port));
    start(&b->b);
    receive_text(&b->b, "RDY");
    end(b);
}

static void test_an_answer_from_inside_the_callback_arrives(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    b->b.answers = "OK";
    write_text(&b->a, "AT");
    receive_text(&b->a, "OK");
    end(b);
}

static void test_the_close_of_an_end_is_told_to_the_other(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    port_close(b->a.port);
    assert_int_equal(b->b.closed, 0); /* from the loop */
    turn(b, 3);
    assert_int_equal(b->a.freed, 1);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.reason, UV_EOF);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    assert_int_equal(b->b.freed, 0);
    port_close(b->b.port);
    port_close(b->b.port);
    turn(b, 3);
    assert_int_equal(b->b.freed, 1);
    assert_int_equal(b->a.closed, 0);
}

static void test_a_close_before_the_other_started_is_told_at_its_start(
    void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    port_close(b->a.port);
    turn(b, 3);
    assert_int_equal(b->a.freed, 1);
    start(&b->b);
    turn(b, 3);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.reason, UV_EOF);
    port_close(b->b.port);
    turn(b, 3);
    assert_int_equal(b->b.freed, 1);
}

static void test_an_end_may_close_itself_when_told(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    b->b.closes_itself = true;
    port_close(b->a.port);
    turn(b, 5);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.freed, 1);
    assert_int_equal(b->a.freed, 1);
}

static void test_either_end_may_be_closed_from_inside_the_callback(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 2; i++) {
        memset(&b->a, 0, offsetof(struct user, closes));
        memset(&b->b, 0, offsetof(struct user, closes));
        b->a.bench = b->b.bench = b;
        open_pair(b, 2);
        start(&b->a);
        start(&b->b);
        b->b.closes = i == 0 ? b->a.port : b->b.port;
        write_text(&b->a, "12345");
        turn(b, 5);
        assert_int_equal(b->b.length, 2); /* the rest is dropped */
        assert_int_equal(b->a.freed, i == 0);
        assert_int_equal(b->b.freed, i == 1);
        port_close(i == 0 ? b->b.port : b->a.port);
        turn(b, 5);
        assert_int_equal(b->a.freed, 1);
        assert_int_equal(b->b.freed, 1);
        free(b->b.bytes);
        b->b.bytes = NULL;
    }
}

static void test_nothing_is_heard_after_a_close(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    write_text(&b->a, "lost");
    port_close(b->b.port);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    turn(b, 5);
    assert_int_equal(b->b.calls, 0);
    assert_int_equal(b->b.freed, 1);
    port_close(b->a.port);
    turn(b, 5);
    assert_int_equal(b->a.freed, 1);
}

static void test_a_pair_has_no_lines_and_takes_any_setting(void **state)
{
    struct bench *b = *state;
    struct port_config c = b->config;
    unsigned lines;
    unsigned baud;

    open_pair(b, 0);
    start(&b->a);
    start(&b->b);
    assert_int_equal(port_get_lines(b->a.port, &lines), UV_ENOTSUP);
    assert_int_equal(port_set_lines(b->a.port, PORT_DTR, 0), UV_ENOTSUP);
    assert_int_equal(port_set_break(b->a.port, true), UV_ENOTSUP);
    assert_int_equal(port_client_baud(b->a.port, &baud), UV_ENOTSUP);
    c.baud = 9600;
    assert_int_equal(port_configure(b->a.port, &c, &b->why), 0);
    assert_int_equal(b->a.port->config.baud, 9600);
    end(b);
}

/* ------------------------------------------------------------------ PTYs */

/* a: the master, b: the client. */
static void open_pty(struct bench *b)
{
    assert_int_equal(
        port_open_pty(&b->loop, &b->config, &b->a.port, &b->why), 0);
    assert_int_equal(port_open(&b->loop, b->a.port->path, &b->config,
                               &b->b.port, &b->why),
                     0);
}

static void test_a_pty_carries_bytes_both_ways(void **state)
{
    static const char text[] = "\r\n\x03\x04\x11\x13\x1a\x7f\xff+++";
    struct bench *b = *state;

    open_pty(b);
    start(&b->a);
    start(&b->b);
    b->a.answers = text;
    write_text(&b->b, text);
    receive_text(&b->a, text);
    receive_text(&b->b, text);
    assert_int_equal(b->b.port->sent, strlen(text));
    assert_int_equal(b->b.port->received, strlen(text));
    assert_true(b->b.port->written_at <= loop_now(&b->loop));
    end(b);
}

static void carry_much(struct bench *b, struct user *from, struct user *to)
{
    char *text = big_text();

    assert_int_equal(port_write(from->port, text, BIG / 2), 0);
    assert_int_equal(port_write(from->port, text + BIG / 2, BIG / 2), 0);
    assert_true(port_is_busy(from->port));
    receive(to, BIG);
    assert_memory_equal(to->bytes, text, BIG);
    while (from->drained == 0)
        assert_true(loop_turn(&b->loop));
    assert_int_equal(from->drained, 1);
    assert_int_equal(from->port->sent, BIG);
    free(text);
}

static void test_a_large_write_is_queued_and_drained(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    start(&b->a);
    start(&b->b);
    carry_much(b, &b->a, &b->b);
    carry_much(b, &b->b, &b->a);
    end(b);
}

static void test_a_pty_queues_so_much_and_no_more(void **state)
{
    struct bench *b = *state;
    char *text = big_text();
    int err = 0;

    open_pty(b);
    start(&b->a);
    for (int i = 0; i < 10 && err == 0; i++)
        err = port_write(b->a.port, text, BIG);
    assert_int_equal(err, UV_ENOBUFS);
    free(text);
    start(&b->b);
    end(b);
}

static void test_a_hang_up_is_told_once(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    start(&b->a);
    start(&b->b);
    port_close(b->a.port);
    while (b->b.closed == 0)
        assert_true(loop_turn(&b->loop));
    assert_true(b->b.reason == UV_EIO || b->b.reason == UV_EOF);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    assert_int_equal(port_configure(b->b.port, &b->config, &b->why), UV_EPIPE);
    turn(b, 5);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.freed, 0);
    end(b);
    assert_int_equal(b->a.closed, 0);
}

static void test_a_hang_up_drops_what_is_queued(void **state)
{
    struct bench *b = *state;
    char *text = big_text();

    open_pty(b);
    start(&b->b);
    assert_int_equal(port_write(b->b.port, text, BIG), 0);
    assert_true(port_is_busy(b->b.port));
    start(&b->a);
    port_close(b->a.port);
    while (b->b.closed == 0)
        assert_true(loop_turn(&b->loop));
    assert_false(port_is_busy(b->b.port));
    assert_int_equal(b->b.drained, 0);
    free(text);
    end(b);
}

static void test_a_port_closes_with_writes_queued(void **state)
{
    struct bench *b = *state;
    char *text = big_text();

    open_pty(b);
    start(&b->a);
    start(&b->b);
    assert_int_equal(port_write(b->a.port, text, BIG), 0);
    assert_int_equal(port_write(b->b.port, text, BIG), 0);
    free(text);
    end(b);
    assert_int_equal(b->a.drained + b->b.drained, 0);
}

static void test_a_pty_may_be_closed_from_inside_the_callback(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    start(&b->a);
    start(&b->b);
    b->a.closes = b->a.port;
    b->b.closes_itself = true;
    write_text(&b->b, "bye");
    while (b->a.freed == 0 || b->b.freed == 0)
        assert_true(loop_turn(&b->loop));
    assert_int_equal(b->a.calls, 1);
    assert_int_equal(b->a.closed, 0);
    assert_int_equal(b->b.closed, 1);
    assert_false(loop_turn(&b->loop));
}

static void test_a_port_that_was_never_started_closes(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    port_close(b->a.port);
    port_close(b->b.port);
    assert_false(loop_turn(&b->loop));
    assert_int_equal(b->a.freed, 0); /* nobody was asked to be told */

    open_pair(b, 0);
    port_close(b->a.port);
    port_close(b->b.port);
    turn(b, 3);
}

static void test_a_second_exclusive_open_names_the_holder(void **state)
{
    struct bench *b = *state;
    struct port *second = NULL;
    char text[64];

    open_pty(b);
    start(&b->a);
    start(&b->b);
    snprintf(text, sizeof text, "(pid %ld)", (long)getpid());
    assert_int_equal(port_open(&b->loop, b->a.port->path, &b->config, &second,
                               &b->why),
                     UV_EBUSY);
    assert_null(second);
    assert_non_null(strstr(b->why.text, "held by test_port"));
    assert_non_null(strstr(b->why.text, text));
    end(b);
}

static void test_a_port_opens_again_right_after_its_close(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    start(&b->a);
    for (unsigned i = 0; i < 3; i++) {
        start(&b->b);
        write_text(&b->b, "x");
        receive(&b->a, i + 1);
        port_close(b->b.port);
        assert_int_equal(port_open(&b->loop, b->a.port->path, &b->config,
                                   &b->b.port, &b->why),
                         0);
    }
    assert_int_equal(b->a.closed, 0);
    while (b->b.freed < 3)
        assert_true(loop_turn(&b->loop));
    b->b.freed = 0;
    start(&b->b);
    end(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_pair_carries_bytes_both_ways),
        TEST(test_a_chunk_is_the_most_of_a_delivery),
        TEST(test_a_large_write_comes_in_buffers),
        TEST(test_a_pair_queues_so_much_and_no_more),
        TEST(test_bytes_wait_for_an_end_that_starts_later),
        TEST(test_an_answer_from_inside_the_callback_arrives),
        TEST(test_the_close_of_an_end_is_told_to_the_other),
        TEST(test_a_close_before_the_other_started_is_told_at_its_start),
        TEST(test_an_end_may_close_itself_when_told),
        TEST(test_either_end_may_be_closed_from_inside_the_callback),
        TEST(test_nothing_is_heard_after_a_close),
        TEST(test_a_pair_has_no_lines_and_takes_any_setting),
        TEST(test_a_pty_carries_bytes_both_ways),
        TEST(test_a_large_write_is_queued_and_drained),
        TEST(test_a_pty_queues_so_much_and_no_more),
        TEST(test_a_hang_up_is_told_once),
        TEST(test_a_hang_up_drops_what_is_queued),
        TEST(test_a_port_closes_with_writes_queued),
        TEST(test_a_pty_may_be_closed_from_inside_the_callback),
        TEST(test_a_port_that_was_never_started_closes),
        TEST(test_a_second_exclusive_open_names_the_holder),
        TEST(test_a_port_opens_again_right_after_its_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
