/* SPDX-License-Identifier: MIT
 *
 * Both sides of a PTY: bytes, the write queue, hang-ups, the close, and the
 * exclusive open.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../support/port_bench.h"

/* a: the master, b: the client. */
static void open_pty(struct bench *b)
{
    assert_int_equal(port_open_pty(&b->loop, &b->config, &b->a.port, &b->why),
                     0);
    assert_int_equal(
        port_open(&b->loop, b->a.port->path, &b->config, &b->b.port, &b->why),
        0);
}

static void test_a_pty_carries_bytes_both_ways(void **state)
{
    static const char text[] = "\r\n\x03\x04\x11\x13\x1a\x7f\xff+++";
    struct bench *b = *state;

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    b->a.answers = text;
    port_bench_write_text(&b->b, text);
    port_bench_receive_text(&b->a, text);
    port_bench_receive_text(&b->b, text);
    assert_int_equal(b->b.port->sent, strlen(text));
    assert_int_equal(b->b.port->received, strlen(text));
    assert_true(b->b.port->written_at <= loop_now(&b->loop));
    port_bench_end(b);
}

static void test_bytes_wait_for_a_port_that_is_paused(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_pause(b->a.port, true);
    assert_int_equal(port_write(b->b.port, text, BIG), 0);
    assert_true(port_is_busy(b->b.port)); /* the OS takes no more */
    port_bench_write_text(&b->a, "OK");   /* the other way is open */
    port_bench_receive_text(&b->b, "OK");
    assert_int_equal(b->a.calls, 0);
    port_pause(b->a.port, false);
    port_bench_receive(&b->a, BIG);
    assert_memory_equal(b->a.bytes, text, BIG);
    free(text);
    port_bench_end(b);
}

static void test_a_hang_up_is_told_to_a_port_that_is_read_again(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_pause(b->b.port, true);
    port_close(b->a.port);
    while (b->a.freed == 0)
        assert_true(loop_turn(&b->loop));
    assert_int_equal(b->b.closed, 0);
    port_pause(b->b.port, false);
    while (b->b.closed == 0)
        assert_true(loop_turn(&b->loop));
    port_bench_end(b);
}

static void carry_much(struct bench *b, struct user *from, struct user *to)
{
    char *text = port_bench_big_text();

    assert_int_equal(port_write(from->port, text, BIG / 2), 0);
    assert_int_equal(port_write(from->port, text + BIG / 2, BIG / 2), 0);
    assert_true(port_is_busy(from->port));
    port_bench_receive(to, BIG);
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
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    carry_much(b, &b->a, &b->b);
    carry_much(b, &b->b, &b->a);
    port_bench_end(b);
}

static void test_a_pty_queues_so_much_and_no_more(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();
    int err = 0;

    open_pty(b);
    port_bench_start(&b->a);
    for (int i = 0; i < 10 && err == 0; i++)
        err = port_write(b->a.port, text, BIG);
    assert_int_equal(err, UV_ENOBUFS);
    free(text);
    port_bench_start(&b->b);
    port_bench_end(b);
}

static void test_a_hang_up_is_told_once(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_close(b->a.port);
    while (b->b.closed == 0)
        assert_true(loop_turn(&b->loop));
    assert_true(b->b.reason == UV_EIO || b->b.reason == UV_EOF);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    assert_int_equal(port_configure(b->b.port, &b->config, &b->why), UV_EPIPE);
    port_bench_turn(b, 5);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.freed, 0);
    port_bench_end(b);
    assert_int_equal(b->a.closed, 0);
}

static void test_a_hang_up_drops_what_is_queued(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();

    open_pty(b);
    port_bench_start(&b->b);
    assert_int_equal(port_write(b->b.port, text, BIG), 0);
    assert_true(port_is_busy(b->b.port));
    port_bench_start(&b->a);
    port_close(b->a.port);
    while (b->b.closed == 0)
        assert_true(loop_turn(&b->loop));
    assert_false(port_is_busy(b->b.port));
    assert_int_equal(b->b.drained, 0);
    free(text);
    port_bench_end(b);
}

static void test_a_port_closes_with_writes_queued(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    assert_int_equal(port_write(b->a.port, text, BIG), 0);
    assert_int_equal(port_write(b->b.port, text, BIG), 0);
    free(text);
    port_bench_end(b);
    assert_int_equal(b->a.drained + b->b.drained, 0);
}

static void test_no_end_of_a_pty_is_inherited(void **state)
{
    struct bench *b = *state;
    int count = 0;

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    for (int fd = 3; fd < 256; fd++) {
        int flags = isatty(fd) ? fcntl(fd, F_GETFD) : -1;
        if (flags < 0)
            continue;
        assert_true((flags & FD_CLOEXEC) != 0);
        count++;
    }
    assert_int_equal(count, 3); /* both ends, and the client's */
    port_bench_end(b);
}

static void test_a_pty_may_be_closed_from_inside_the_callback(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    b->a.closes = b->a.port;
    b->b.closes_itself = true;
    port_bench_write_text(&b->b, "bye");
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
}

static void test_a_second_exclusive_open_names_the_holder(void **state)
{
    struct bench *b = *state;
    struct port *second = NULL;
    char name[16];
    char text[64];

    open_pty(b);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    snprintf(text, sizeof text, "held by %s (pid %ld)", name, (long)getpid());
    assert_int_equal(
        port_open(&b->loop, b->a.port->path, &b->config, &second, &b->why),
        UV_EBUSY);
    assert_null(second);
    assert_non_null(strstr(b->why.text, text));
    port_bench_end(b);
}

static void test_a_port_opens_again_right_after_its_close(void **state)
{
    struct bench *b = *state;

    open_pty(b);
    port_bench_start(&b->a);
    for (unsigned i = 0; i < 3; i++) {
        port_bench_start(&b->b);
        port_bench_write_text(&b->b, "x");
        port_bench_receive(&b->a, i + 1);
        port_close(b->b.port);
        assert_int_equal(port_open(&b->loop, b->a.port->path, &b->config,
                                   &b->b.port, &b->why),
                         0);
    }
    assert_int_equal(b->a.closed, 0);
    while (b->b.freed < 3)
        assert_true(loop_turn(&b->loop));
    b->b.freed = 0;
    port_bench_start(&b->b);
    port_bench_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORT_TEST(test_a_pty_carries_bytes_both_ways),
        PORT_TEST(test_bytes_wait_for_a_port_that_is_paused),
        PORT_TEST(test_a_hang_up_is_told_to_a_port_that_is_read_again),
        PORT_TEST(test_a_large_write_is_queued_and_drained),
        PORT_TEST(test_a_pty_queues_so_much_and_no_more),
        PORT_TEST(test_a_hang_up_is_told_once),
        PORT_TEST(test_a_hang_up_drops_what_is_queued),
        PORT_TEST(test_a_port_closes_with_writes_queued),
        PORT_TEST(test_no_end_of_a_pty_is_inherited),
        PORT_TEST(test_a_pty_may_be_closed_from_inside_the_callback),
        PORT_TEST(test_a_port_that_was_never_started_closes),
        PORT_TEST(test_a_second_exclusive_open_names_the_holder),
        PORT_TEST(test_a_port_opens_again_right_after_its_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
