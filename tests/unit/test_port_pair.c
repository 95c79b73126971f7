/* SPDX-License-Identifier: MIT
 *
 * Two ends in memory: order, chunks, and the close of either end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../support/port_bench.h"

static void open_pair(struct bench *b, size_t chunk)
{
    assert_int_equal(port_open_pair(&b->loop, chunk, &b->a.port, &b->b.port),
                     0);
}

static void test_a_pair_carries_bytes_both_ways(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_bench_write_text(&b->a, "AT");
    port_bench_write_text(&b->a, "\r");
    port_bench_write_text(&b->b, "OK");
    assert_int_equal(b->b.calls, 0); /* never from inside the write */
    port_bench_receive_text(&b->b, "AT\r");
    port_bench_receive_text(&b->a, "OK");
    assert_int_equal(b->a.drained, 1);
    port_bench_end(b);
    assert_int_equal(b->a.closed + b->b.closed, 0); /* both closed first */
}

static void test_a_chunk_is_the_most_of_a_delivery(void **state)
{
    struct bench *b = *state;

    open_pair(b, 3);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_bench_write_text(&b->a, "12345678");
    assert_true(port_is_busy(b->a.port));
    port_bench_receive_text(&b->b, "12345678");
    assert_int_equal(b->b.calls, 3);
    assert_int_equal(b->b.most, 3);
    assert_int_equal(b->a.drained, 1);
    assert_false(port_is_busy(b->a.port));
    port_bench_end(b);
}

static void test_a_large_write_comes_in_pieces(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    assert_int_equal(port_write(b->a.port, text, BIG), 0);
    port_bench_receive(&b->b, BIG);
    assert_memory_equal(b->b.bytes, text, BIG);
    assert_int_equal(b->b.most, 4096); /* as from a tty */
    assert_int_equal(b->a.drained, 1);
    free(text);
    port_bench_end(b);
}

static void test_a_pair_queues_so_much_and_no_more(void **state)
{
    struct bench *b = *state;
    char *text = port_bench_big_text();

    open_pair(b, 0);
    port_bench_start(&b->a);
    for (size_t i = 0; i < PORT_QUEUE / BIG; i++)
        assert_int_equal(port_write(b->a.port, text, BIG), 0);
    assert_int_equal(port_write(b->a.port, text, 1), UV_ENOBUFS);
    assert_int_equal(port_write(b->a.port, text, 0), 0);
    free(text);
    port_bench_start(&b->b);
    port_bench_end(b);
}

static void test_bytes_wait_for_an_end_that_starts_later(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_write_text(&b->a, "RDY");
    port_bench_turn(b, 3);
    assert_true(port_is_busy(b->a.port));
    port_bench_start(&b->b);
    port_bench_receive_text(&b->b, "RDY");
    port_bench_end(b);
}

static void test_bytes_wait_for_an_end_that_is_paused(void **state)
{
    struct bench *b = *state;

    open_pair(b, 2);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_pause(b->b.port, true);
    port_bench_write_text(&b->a, "one");
    port_bench_turn(b, 3);
    assert_int_equal(b->b.calls, 0);
    port_pause(b->b.port, false);
    port_bench_receive_text(&b->b, "one");
    port_bench_end(b);
}

static void test_an_answer_from_inside_the_callback_arrives(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    b->b.answers = "OK";
    port_bench_write_text(&b->a, "AT");
    port_bench_receive_text(&b->a, "OK");
    port_bench_end(b);
}

static void test_the_close_of_an_end_is_told_to_the_other(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_close(b->a.port);
    assert_int_equal(b->b.closed, 0); /* from the loop */
    port_bench_turn(b, 3);
    assert_int_equal(b->a.freed, 1);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.reason, UV_EOF);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    assert_int_equal(b->b.freed, 0);
    port_close(b->b.port);
    port_close(b->b.port);
    port_bench_turn(b, 3);
    assert_int_equal(b->b.freed, 1);
    assert_int_equal(b->a.closed, 0);
}

static void
test_a_close_before_the_other_started_is_told_at_its_start(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_close(b->a.port);
    port_bench_turn(b, 3);
    assert_int_equal(b->a.freed, 1);
    port_bench_start(&b->b);
    port_bench_turn(b, 3);
    assert_int_equal(b->b.closed, 1);
    assert_int_equal(b->b.reason, UV_EOF);
    port_close(b->b.port);
    port_bench_turn(b, 3);
    assert_int_equal(b->b.freed, 1);
}

static void test_an_end_may_close_itself_when_told(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    b->b.closes_itself = true;
    port_close(b->a.port);
    port_bench_turn(b, 5);
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
        port_bench_start(&b->a);
        port_bench_start(&b->b);
        b->b.closes = i == 0 ? b->a.port : b->b.port;
        port_bench_write_text(&b->a, "12345");
        port_bench_turn(b, 5);
        assert_int_equal(b->b.length, 2); /* the rest is dropped */
        assert_int_equal(b->a.freed, i == 0);
        assert_int_equal(b->b.freed, i == 1);
        port_close(i == 0 ? b->b.port : b->a.port);
        port_bench_turn(b, 5);
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
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    port_bench_write_text(&b->a, "lost");
    port_close(b->b.port);
    assert_int_equal(port_write(b->b.port, "x", 1), UV_EPIPE);
    port_bench_turn(b, 5);
    assert_int_equal(b->b.calls, 0);
    assert_int_equal(b->b.freed, 1);
    port_close(b->a.port);
    port_bench_turn(b, 5);
    assert_int_equal(b->a.freed, 1);
}

static void test_a_pair_has_no_lines_and_takes_any_setting(void **state)
{
    struct bench *b = *state;
    struct port_config c = b->config;
    unsigned lines;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    assert_int_equal(port_get_lines(b->a.port, &lines), UV_ENOTSUP);
    assert_int_equal(port_set_lines(b->a.port, PORT_DTR, 0), UV_ENOTSUP);
    assert_int_equal(port_set_break(b->a.port, true), UV_ENOTSUP);
    c.baud = 9600;
    assert_int_equal(port_configure(b->a.port, &c, &b->why), 0);
    assert_int_equal(b->a.port->config.baud, 9600);
    port_bench_end(b);
}

static void test_an_end_knows_the_rate_of_the_other(void **state)
{
    struct bench *b = *state;
    struct port_config c = b->config;
    unsigned baud = 0;

    open_pair(b, 0);
    port_bench_start(&b->a);
    port_bench_start(&b->b);
    assert_int_equal(port_client_baud(b->a.port, &baud), 0);
    assert_int_equal(baud, 115200);
    c.baud = 9600;
    assert_int_equal(port_configure(b->b.port, &c, &b->why), 0);
    assert_int_equal(port_client_baud(b->a.port, &baud), 0);
    assert_int_equal(baud, 9600);
    assert_int_equal(port_client_baud(b->b.port, &baud), 0);
    assert_int_equal(baud, 115200);
    port_close(b->b.port);
    assert_int_equal(port_client_baud(b->a.port, &baud), UV_EPIPE);
    assert_int_equal(port_client_baud(b->b.port, &baud), UV_EPIPE);
    port_close(b->a.port);
    port_bench_turn(b, 5);
}

static void test_a_pair_that_was_never_started_closes(void **state)
{
    struct bench *b = *state;

    open_pair(b, 0);
    port_close(b->a.port);
    port_close(b->b.port);
    port_bench_turn(b, 3);
    assert_int_equal(b->a.freed, 0); /* nobody asked to be told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PORT_TEST(test_a_pair_carries_bytes_both_ways),
        PORT_TEST(test_a_chunk_is_the_most_of_a_delivery),
        PORT_TEST(test_a_large_write_comes_in_pieces),
        PORT_TEST(test_a_pair_queues_so_much_and_no_more),
        PORT_TEST(test_bytes_wait_for_an_end_that_starts_later),
        PORT_TEST(test_bytes_wait_for_an_end_that_is_paused),
        PORT_TEST(test_an_answer_from_inside_the_callback_arrives),
        PORT_TEST(test_the_close_of_an_end_is_told_to_the_other),
        PORT_TEST(test_a_close_before_the_other_started_is_told_at_its_start),
        PORT_TEST(test_an_end_may_close_itself_when_told),
        PORT_TEST(test_either_end_may_be_closed_from_inside_the_callback),
        PORT_TEST(test_nothing_is_heard_after_a_close),
        PORT_TEST(test_a_pair_has_no_lines_and_takes_any_setting),
        PORT_TEST(test_an_end_knows_the_rate_of_the_other),
        PORT_TEST(test_a_pair_that_was_never_started_closes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
