/* SPDX-License-Identifier: MIT
 *
 * The escape from passthrough, with time in ms of a made-up clock.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "escape.h"

#define MS 1000000ull
#define BEFORE (1000 * MS)
#define AFTER (1200 * MS)

_Static_assert(ESCAPE_NEVER == CLOCK_NEVER, "one word for never");

/* --------------------------------------------------------------- module */

struct module {
    struct escape_module escape;
    char data[64]; /* what was passed on */
    bool escaped;
    const char *command; /* the chunk that came after the escape */
};

static struct module new_module(void)
{
    struct module m = {.data = ""};

    escape_module_init(&m.escape, BEFORE, AFTER, 0);
    return m;
}

static void pass_on(struct module *m, const char *bytes, size_t n)
{
    assert_true(strlen(m->data) + n < sizeof m->data);
    strncat(m->data, bytes, n);
}

static void feed(struct module *m, uint64_t ms, const char *chunk)
{
    unsigned released = 99;
    enum escape_verdict verdict = escape_module_feed(
        &m->escape, chunk, strlen(chunk), ms * MS, &released);

    pass_on(m, "+++", released);
    switch (verdict) {
    case ESCAPE_DATA:
        pass_on(m, chunk, strlen(chunk));
        break;
    case ESCAPE_HELD:
        break;
    case ESCAPE_DONE:
        m->escaped = true;
        m->command = chunk;
        break;
    }
}

static void tick(struct module *m, uint64_t ms)
{
    unsigned released = 99;

    if (escape_module_tick(&m->escape, ms * MS, &released) == ESCAPE_DONE)
        m->escaped = true;
    pass_on(m, "+++", released);
}

static void expect(const struct module *m, const char *data, bool escaped)
{
    assert_string_equal(m->data, data);
    assert_int_equal(m->escaped, escaped);
}

static void test_three_pluses_between_silences_escape(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+++");
    assert_int_equal(escape_module_next(&m.escape), 2200 * MS);
    tick(&m, 2199);
    expect(&m, "", false);
    tick(&m, 2200);
    expect(&m, "", true);
    assert_int_equal(escape_module_next(&m.escape), ESCAPE_NEVER);
}

static void test_the_pluses_may_come_one_by_one(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+");
    feed(&m, 1300, "+");
    feed(&m, 1600, "+");
    assert_int_equal(escape_module_next(&m.escape), 2800 * MS);
    tick(&m, 2800);
    expect(&m, "", true);
}

static void test_pluses_that_come_too_slowly_are_data(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+");
    tick(&m, 2200);
    expect(&m, "+", false);
    feed(&m, 2300, "++"); /* a silence before, but only two */
    tick(&m, 3500);
    expect(&m, "+++", false);
}

static void test_a_late_chunk_does_what_the_tick_would(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "++");
    feed(&m, 2300, "+++"); /* nobody ticked; this is a new start */
    expect(&m, "++", false);
    feed(&m, 3600, "AT\r");
    expect(&m, "++", true);
    assert_string_equal(m.command, "AT\r");
}

static void test_pluses_among_other_bytes_are_data(void **state)
{
    static const char *const chunks[] = {"a+++b",   "+++a", "a+++", "++++",
                                         "+++AT\r", "+a",   "-"};

    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct module m = new_module();
        feed(&m, 1000, chunks[i]);
        expect(&m, chunks[i], false);
        tick(&m, 9000);
        expect(&m, chunks[i], false);
    }
}

static void test_a_byte_within_the_second_silence_makes_it_data(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+++");
    feed(&m, 2199, "a");
    expect(&m, "+++a", false);
    tick(&m, 9000);
    expect(&m, "+++a", false);
}

static void test_a_fourth_plus_makes_it_data(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+++");
    feed(&m, 1500, "+");
    expect(&m, "++++", false);
    tick(&m, 9000);
    expect(&m, "++++", false);
}

static void test_no_silence_before_makes_it_data(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "x");
    feed(&m, 1999, "+++");
    expect(&m, "x+++", false);
    tick(&m, 9000);
    expect(&m, "x+++", false);
}

static void test_pluses_at_the_start_need_a_silence_too(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 999, "+++");
    tick(&m, 9000);
    expect(&m, "+++", false);
}

static void test_the_end_of_passthrough_gives_back_what_is_held(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "++");
    assert_int_equal(escape_module_end(&m.escape), 2);
    assert_int_equal(escape_module_end(&m.escape), 0);
}

static void test_an_empty_chunk_is_a_tick(void **state)
{
    struct module m = new_module();

    (void)state;
    feed(&m, 1000, "+++");
    feed(&m, 1100, "");
    expect(&m, "", false);
    feed(&m, 2200, "");
    expect(&m, "", true);
}

static void test_without_guard_times_pluses_escape_at_once(void **state)
{
    struct module m = new_module();

    (void)state;
    escape_module_init(&m.escape, 0, 0, 0);
    feed(&m, 1, "data");
    feed(&m, 1, "+++");
    assert_int_equal(escape_module_next(&m.escape), 1 * MS);
    tick(&m, 1);
    expect(&m, "data", true);
}

/* Whatever the chunks and pauses: bytes in are bytes out, or three pluses
   less per escape. */
static void test_no_byte_is_lost_or_doubled(void **state)
{
    unsigned random = 1;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct module m = new_module();
        char all[64] = "";
        uint64_t now = 0;
        size_t escapes = 0;
        for (int i = 0; i < 12; i++) {
            static const char *const chunks[] = {"+", "++", "+++", "a"};
            random = random * 1103515245u + 12345u;
            now += (random >> 8) % 1500;
            if ((random >> 4) % 2 == 0)
                tick(&m, now);
            const char *chunk = chunks[(random >> 24) % 4];
            m.command = NULL;
            escapes += m.escaped;
            m.escaped = false;
            feed(&m, now, chunk);
            if (m.command != NULL) {
                escape_module_init(&m.escape, BEFORE, AFTER, now * MS);
                continue; /* a command, no data */
            }
            strcat(all, chunk);
        }
        escapes += m.escaped;
        pass_on(&m, "+++", escape_module_end(&m.escape));
        assert_int_equal(strlen(m.data) + 3 * escapes, strlen(all));
    }
}

/* ----------------------------------------------------------------- host */

static void test_the_host_keeps_both_silences(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_wrote(&h, "data", 4, 500 * MS);
    assert_false(escape_host_holds(&h));
    assert_int_equal(escape_host_next(&h), ESCAPE_NEVER);

    escape_host_begin(&h);
    assert_true(escape_host_holds(&h));
    assert_int_equal(escape_host_next(&h), 1500 * MS);
    assert_false(escape_host_take(&h, 1499 * MS));
    assert_true(escape_host_take(&h, 1500 * MS));
    assert_false(escape_host_take(&h, 1500 * MS)); /* once */

    assert_int_equal(escape_host_next(&h), 2700 * MS);
    assert_false(escape_host_is_done(&h, 2699 * MS));
    assert_true(escape_host_is_done(&h, 2700 * MS));
    assert_true(escape_host_is_done(&h, 2800 * MS));
    assert_true(escape_host_holds(&h));
    assert_int_equal(escape_host_next(&h), ESCAPE_NEVER);
    escape_host_end(&h);
    assert_false(escape_host_holds(&h));
}

static void test_bytes_still_under_way_prolong_the_silence(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_begin(&h);
    escape_host_wrote(&h, "late", 4, 900 * MS); /* was in the queue */
    assert_false(escape_host_take(&h, 1000 * MS));
    assert_int_equal(escape_host_next(&h), 1900 * MS);
}

static void test_a_given_up_escape_can_be_tried_again(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_begin(&h);
    assert_true(escape_host_take(&h, 1000 * MS));
    escape_host_end(&h);
    escape_host_begin(&h);
    /* The module may still hold the pluses of the first. */
    assert_false(escape_host_take(&h, 1000 * MS + AFTER - 1));
    assert_true(escape_host_take(&h, 1000 * MS + AFTER));
}

/* A module whose second silence is the longer one still holds what came at
   the end of the data. */
static void test_pluses_at_the_end_of_the_data_are_outwaited(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        struct escape_host h;
        struct module m = new_module();

        escape_host_init(&h, BEFORE, AFTER, 0);
        escape_host_wrote(&h, "++", n, 1000 * MS);
        feed(&m, 1000, n == 1 ? "+" : "++");
        escape_host_begin(&h);
        assert_false(escape_host_take(&h, 1000 * MS + BEFORE));
        uint64_t at = escape_host_next(&h);
        assert_int_equal(at, 1000 * MS + AFTER);
        assert_true(escape_host_take(&h, at));
        feed(&m, at / MS, "+++");
        tick(&m, (at + AFTER) / MS);
        expect(&m, n == 1 ? "+" : "++", true);
    }
}

static void test_the_silence_begins_when_the_queue_is_empty(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_wrote(&h, "data", 4, 100 * MS);
    escape_host_begin(&h);
    escape_host_left(&h, 700 * MS);
    escape_host_left(&h, 600 * MS); /* not earlier again */
    assert_false(escape_host_take(&h, 1699 * MS));
    assert_true(escape_host_take(&h, 1700 * MS));
}

static void test_an_unasked_escape_is_foreseen(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    assert_true(escape_host_would(&h, "+++", 3, 0)); /* silent since when? */
    assert_true(escape_host_would(&h, "+++", 3, 1000 * MS));
    assert_false(escape_host_would(&h, "++++", 4, 1000 * MS));
    assert_false(escape_host_would(&h, "++a", 3, 1000 * MS));
    assert_false(escape_host_would(&h, "++", 2, 1000 * MS));
    assert_false(escape_host_would(&h, "", 0, 1000 * MS));

    escape_host_wrote(&h, "+", 1, 1000 * MS);
    assert_true(escape_host_would(&h, "++", 2, 1100 * MS));
    assert_false(escape_host_would(&h, "+++", 3, 1100 * MS));
    escape_host_wrote(&h, "++", 2, 1100 * MS);
    assert_false(escape_host_would(&h, "", 0, 1200 * MS));
    assert_false(escape_host_would(&h, "+", 1, 1200 * MS));
    assert_true(escape_host_would(&h, "+++", 3, 2100 * MS));
}

/* A pause of nearly the guard time may be a silence for the module, or none
   for it when it was one for us. */
static void test_a_doubtful_pause_is_both_a_silence_and_none(void **state)
{
    struct escape_host h;

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_wrote(&h, "x", 1, 0);
    assert_false(escape_host_would(&h, "+++", 3, BEFORE / 2 - 1));
    assert_true(escape_host_would(&h, "+++", 3, BEFORE / 2));
    escape_host_wrote(&h, "+", 1, 3000 * MS);
    assert_true(escape_host_would(&h, "++", 2, 3000 * MS + AFTER));
    assert_true(escape_host_would(&h, "+++", 3, 3000 * MS + AFTER));
    assert_false(escape_host_would(&h, "++", 2, 3000 * MS + 2 * AFTER));
}

static void test_the_module_takes_what_the_host_sends(void **state)
{
    struct escape_host h;
    struct module m = new_module();

    (void)state;
    escape_host_init(&h, BEFORE, AFTER, 0);
    escape_host_wrote(&h, "data", 4, 100 * MS);
    feed(&m, 100, "data");
    escape_host_begin(&h);
    uint64_t at = escape_host_next(&h);
    assert_true(escape_host_take(&h, at));
    feed(&m, at / MS, "+++");
    at = escape_host_next(&h);
    assert_true(escape_host_is_done(&h, at));
    tick(&m, at / MS);
    expect(&m, "data", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_pluses_between_silences_escape),
        cmocka_unit_test(test_the_pluses_may_come_one_by_one),
        cmocka_unit_test(test_pluses_that_come_too_slowly_are_data),
        cmocka_unit_test(test_a_late_chunk_does_what_the_tick_would),
        cmocka_unit_test(test_pluses_among_other_bytes_are_data),
        cmocka_unit_test(test_a_byte_within_the_second_silence_makes_it_data),
        cmocka_unit_test(test_a_fourth_plus_makes_it_data),
        cmocka_unit_test(test_no_silence_before_makes_it_data),
        cmocka_unit_test(test_pluses_at_the_start_need_a_silence_too),
        cmocka_unit_test(test_the_end_of_passthrough_gives_back_what_is_held),
        cmocka_unit_test(test_an_empty_chunk_is_a_tick),
        cmocka_unit_test(test_without_guard_times_pluses_escape_at_once),
        cmocka_unit_test(test_no_byte_is_lost_or_doubled),
        cmocka_unit_test(test_the_host_keeps_both_silences),
        cmocka_unit_test(test_bytes_still_under_way_prolong_the_silence),
        cmocka_unit_test(test_a_given_up_escape_can_be_tried_again),
        cmocka_unit_test(test_pluses_at_the_end_of_the_data_are_outwaited),
        cmocka_unit_test(test_the_silence_begins_when_the_queue_is_empty),
        cmocka_unit_test(test_an_unasked_escape_is_foreseen),
        cmocka_unit_test(test_a_doubtful_pause_is_both_a_silence_and_none),
        cmocka_unit_test(test_the_module_takes_what_the_host_sends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
