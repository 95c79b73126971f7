/* SPDX-License-Identifier: MIT
 *
 * Deadlines against a model: a plain array that is searched from end to end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "clock.h"

enum { COUNT = 500, ROUNDS = 20000 };

/* A deadline that notes when it fired. First member: the deadline. */
struct entry {
    struct deadline deadline;
    struct bench *bench;
    uint64_t expected; /* the model's time, or CLOCK_NEVER when idle */
    unsigned fired;
    void (*then)(struct entry *e);
};

struct bench {
    struct clock clock;
    struct entry entries[COUNT];
    unsigned seed;
    uint64_t last; /* time of the deadline that fired last */
};

static void on_fire(struct deadline *d)
{
    struct entry *e = (struct entry *)d;

    assert_int_equal(d->place, 0);
    assert_true(d->at <= clock_now(&e->bench->clock));
    assert_true(d->at >= e->bench->last);
    e->bench->last = d->at;
    e->expected = CLOCK_NEVER;
    e->fired++;
    if (e->then != NULL)
        e->then(e);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    clock_init(&b->clock);
    clock_make_virtual(&b->clock);
    b->seed = 7;
    for (size_t i = 0; i < COUNT; i++)
        b->entries[i] = (struct entry){
            .deadline.fire = on_fire, .bench = b, .expected = CLOCK_NEVER};
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    clock_clean(&b->clock);
    free(b);
    return 0;
}

static unsigned pick(struct bench *b, unsigned below)
{
    b->seed = b->seed * 1103515245u + 12345u;
    return (b->seed >> 16) % below;
}

static void set(struct bench *b, struct entry *e, uint64_t at)
{
    e->expected = at;
    assert_int_equal(clock_set(&b->clock, &e->deadline, at), 0);
}

static void cancel(struct bench *b, struct entry *e)
{
    e->expected = CLOCK_NEVER;
    clock_cancel(&b->clock, &e->deadline);
    assert_int_equal(e->deadline.place, 0);
}

/* Each deadline is in its place and no parent is later than its child. */
static void check_heap(struct bench *b)
{
    const struct clock *c = &b->clock;
    uint64_t first = CLOCK_NEVER;
    size_t waiting = 0;

    for (size_t i = 1; i <= c->count; i++) {
        assert_int_equal(c->heap[i]->place, i);
        assert_true(i == 1 || c->heap[i / 2]->at <= c->heap[i]->at);
    }
    for (size_t i = 0; i < COUNT; i++) {
        const struct entry *e = &b->entries[i];
        assert_int_equal(e->deadline.place != 0, e->expected != CLOCK_NEVER);
        waiting += e->expected != CLOCK_NEVER;
        if (e->expected < first)
            first = e->expected;
    }
    assert_int_equal(c->count, waiting);
    assert_true(clock_next(c) == first);
}

/* ------------------------------------------------------------------ heap */

static void test_the_heap_agrees_with_a_model(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct entry *e = &b->entries[pick(b, COUNT)];
        if (pick(b, 3) == 0)
            cancel(b, e);
        else /* few different times: many are equal */
            set(b, e, base + pick(b, 1000));
        if (i % 16 == 0)
            check_heap(b);
    }
    check_heap(b);
}

static void test_deadlines_fire_in_order(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);
    size_t fired = 0;
    size_t waiting = 0;

    for (size_t i = 0; i < COUNT; i++)
        set(b, &b->entries[i], base + 1 + pick(b, 5000));
    for (size_t i = 0; i < COUNT; i += 3)
        cancel(b, &b->entries[i]);
    for (size_t i = 0; i < COUNT; i++)
        waiting += b->entries[i].expected != CLOCK_NEVER;
    while (b->clock.count > 0) {
        clock_advance(&b->clock, clock_now(&b->clock) + 1 + pick(b, 50));
        fired += clock_fire(&b->clock, UINT64_MAX);
        check_heap(b);
        assert_true(clock_next(&b->clock) > clock_now(&b->clock));
    }
    assert_int_equal(fired, waiting);
}

static void test_each_deadline_fires_once_and_on_time(void **state)
{
    struct bench *b = *state;
    struct entry *e = &b->entries[0];
    const uint64_t base = clock_now(&b->clock);

    set(b, e, base + 10);
    clock_advance(&b->clock, base + 9);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 0);
    clock_advance(&b->clock, base + 10);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 1);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 0);
    assert_int_equal(e->fired, 1);
}

static void test_those_set_since_wait(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    set(b, &b->entries[0], base);
    uint64_t sets = b->clock.sets;
    set(b, &b->entries[1], base);
    assert_int_equal(clock_fire(&b->clock, sets), 1);
    assert_int_equal(b->entries[0].fired, 1);
    assert_int_equal(clock_fire(&b->clock, sets), 0);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 1);
    assert_int_equal(b->entries[1].fired, 1);
}

static void test_a_deadline_moves_both_ways(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    for (size_t i = 0; i < 20; i++)
        set(b, &b->entries[i], base + 100 + i);
    set(b, &b->entries[19], base + 1);
    assert_true(clock_next(&b->clock) == base + 1);
    set(b, &b->entries[19], base + 500);
    assert_true(clock_next(&b->clock) == base + 100);
    assert_int_equal(b->clock.count, 20);
    check_heap(b);
}

static struct entry *latest;

static void note_latest(struct entry *e)
{
    latest = e;
}

static void test_a_deadline_that_is_set_again_goes_last(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    for (size_t i = 0; i < 3; i++) {
        b->entries[i].then = note_latest;
        set(b, &b->entries[i], base + 5);
    }
    set(b, &b->entries[0], base + 5);
    clock_advance(&b->clock, base + 5);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 3);
    assert_ptr_equal(latest, &b->entries[0]);
}

static void test_cancelling_twice_is_quiet(void **state)
{
    struct bench *b = *state;

    cancel(b, &b->entries[0]);
    set(b, &b->entries[0], clock_now(&b->clock));
    cancel(b, &b->entries[0]);
    cancel(b, &b->entries[0]);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 0);
    assert_true(clock_next(&b->clock) == CLOCK_NEVER);
}

static void test_cleaning_leaves_deadlines_idle(void **state)
{
    struct bench *b = *state;

    set(b, &b->entries[0], 5);
    set(b, &b->entries[1], 6);
    clock_clean(&b->clock);
    assert_int_equal(b->entries[0].deadline.place, 0);
    assert_int_equal(b->entries[1].deadline.place, 0);
}

/* ----------------------------------------------------- changes in fire() */

/* For now or, every other time, for what is past already. */
static void again_now(struct entry *e)
{
    set(e->bench, e, e->fired % 2 == 0 ? 0 : clock_now(&e->bench->clock));
}

static void
test_a_deadline_set_in_fire_for_now_waits_for_the_next_call(void **state)
{
    struct bench *b = *state;
    struct entry *e = &b->entries[0];

    e->then = again_now;
    set(b, e, clock_now(&b->clock));
    for (unsigned i = 1; i <= 4; i++) {
        assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 1);
        assert_int_equal(e->fired, i);
        assert_int_not_equal(e->deadline.place, 0);
        assert_true(clock_next(&b->clock) > clock_now(&b->clock));
        clock_advance(&b->clock, clock_next(&b->clock));
    }
}

/* Both others were due in this very call. */
static void set_another(struct entry *e)
{
    struct entry *other = e + 1;

    other->then = NULL;
    set(e->bench, other, clock_now(&e->bench->clock) + 1);
    cancel(e->bench, e + 2);
}

static void test_fire_may_set_and_cancel_others(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    b->entries[0].then = set_another;
    for (size_t i = 0; i < 4; i++)
        set(b, &b->entries[i], base + i);
    clock_advance(&b->clock, base + 3);
    assert_int_equal(clock_fire(&b->clock, UINT64_MAX), 2); /* 0 and 3 */
    assert_int_equal(b->entries[1].fired, 0);
    assert_int_equal(b->entries[2].fired, 0);
    assert_int_equal(b->entries[3].fired, 1);
    check_heap(b);
}

/* ------------------------------------------------------------------ time */

static void test_virtual_time_stands_until_it_is_moved(void **state)
{
    struct bench *b = *state;
    const uint64_t base = clock_now(&b->clock);

    assert_true(clock_now(&b->clock) == base);
    clock_advance(&b->clock, base + 5);
    assert_true(clock_now(&b->clock) == base + 5);
    clock_advance(&b->clock, base);
    assert_true(clock_now(&b->clock) == base + 5);
    clock_make_virtual(&b->clock);
    assert_true(clock_now(&b->clock) == base + 5);
}

static void test_virtual_time_starts_where_the_real_one_stands(void **state)
{
    struct clock c;

    (void)state;
    clock_init(&c);
    const uint64_t before = clock_now(&c);
    assert_true(clock_now(&c) >= before);
    clock_make_virtual(&c);
    assert_true(clock_now(&c) >= before);
    clock_clean(&c);
}

static void test_time_that_is_skipped_was_never_there(void **state)
{
    const uint64_t hour = 3600u * UINT64_C(1000000000);
    struct clock c;

    (void)state;
    clock_init(&c);
    const uint64_t before = clock_now(&c);
    clock_skip(&c, hour);
    assert_true(clock_now(&c) < before);
    assert_true(clock_now(&c) + hour >= before);
    clock_make_virtual(&c);
    assert_true(clock_now(&c) < before);
    clock_clean(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_heap_agrees_with_a_model),
        TEST(test_deadlines_fire_in_order),
        TEST(test_each_deadline_fires_once_and_on_time),
        TEST(test_those_set_since_wait),
        TEST(test_a_deadline_moves_both_ways),
        TEST(test_a_deadline_that_is_set_again_goes_last),
        TEST(test_cancelling_twice_is_quiet),
        TEST(test_cleaning_leaves_deadlines_idle),
        TEST(test_a_deadline_set_in_fire_for_now_waits_for_the_next_call),
        TEST(test_fire_may_set_and_cancel_others),
        TEST(test_virtual_time_stands_until_it_is_moved),
        TEST(test_virtual_time_starts_where_the_real_one_stands),
        TEST(test_time_that_is_skipped_was_never_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
