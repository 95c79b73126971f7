/* SPDX-License-Identifier: MIT
 *
 * Turns of the loop: posted work, deadlines in real and virtual time, and
 * what keeps a loop alive. Nothing sleeps: real waits are a few ms of
 * loop_turn().
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

#define MS 1000000ull
#define HOUR (3600 * 1000 * MS)

struct bench;

struct work {
    struct post post;
    struct bench *bench;
    char name;
    struct work *posts;   /* posted by this one's run */
    struct work *unposts; /* taken back by this one's run */
    struct wait *sets;    /* set to now by this one's run */
    uint64_t until;       /* when this one's run seems to end */
    unsigned runs;
};

struct wait {
    struct deadline deadline;
    struct bench *bench;
    char name;
    struct work *posts;
    struct work *unposts;
    uint64_t fired_at; /* 0: not yet */
};

struct bench {
    struct loop loop;
    uv_loop_t uv;
    char order[64]; /* what ran */
    struct work works[4];
    struct wait waits[4];
    uv_poll_t poll;
    int pipe[2];
};

static void note(struct bench *b, char name)
{
    size_t n = strlen(b->order);

    assert_true(n + 1 < sizeof b->order);
    b->order[n] = name;
}

/* Sets the clock, and to the millisecond, however busy the machine is; a
   timer of libuv's is due, too. */
static void go_to(struct loop *l, uint64_t at)
{
    for (uint64_t start = uv_hrtime(); uv_hrtime() < start + 2 * MS;)
        continue;
    do
        clock_skip(&l->clock, loop_now(l) - at);
    while (loop_now(l) - at > MS);
}

static void run(struct post *p)
{
    struct work *w = (struct work *)p;

    struct loop *l = &w->bench->loop;

    w->runs++;
    note(w->bench, w->name);
    if (w->until > 0)
        go_to(l, w->until);
    if (w->sets != NULL)
        loop_set(l, &w->sets->deadline, loop_now(l));
    if (w->posts != NULL)
        loop_post(&w->bench->loop, &w->posts->post);
    if (w->unposts != NULL)
        loop_unpost(&w->bench->loop, &w->unposts->post);
}

static void fire(struct deadline *d)
{
    struct wait *w = (struct wait *)d;

    w->fired_at = loop_now(&w->bench->loop);
    assert_true(w->fired_at >= d->at);
    note(w->bench, w->name);
    if (w->posts != NULL)
        loop_post(&w->bench->loop, &w->posts->post);
    if (w->unposts != NULL)
        loop_unpost(&w->bench->loop, &w->unposts->post);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    assert_int_equal(uv_loop_init(&b->uv), 0);
    assert_int_equal(loop_init(&b->loop, &b->uv), 0);
    for (int i = 0; i < 4; i++) {
        b->works[i] =
            (struct work){.post.run = run, .bench = b, .name = (char)('a' + i)};
        b->waits[i] = (struct wait){
            .deadline.fire = fire, .bench = b, .name = (char)('1' + i)};
    }
    b->pipe[0] = b->pipe[1] = -1;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    loop_clean(&b->loop);
    assert_int_equal(uv_loop_close(&b->uv), 0); /* no handle is left */
    for (int i = 0; i < 2; i++)
        if (b->pipe[i] >= 0)
            close(b->pipe[i]);
    free(b);
    return 0;
}

static void post(struct bench *b, int i)
{
    loop_post(&b->loop, &b->works[i].post);
}

static void set(struct bench *b, int i, uint64_t ns)
{
    loop_set(&b->loop, &b->waits[i].deadline, loop_now(&b->loop) + ns);
}

static void turn_until_nothing_is_left(struct bench *b)
{
    for (int i = 0; loop_turn(&b->loop); i++)
        assert_true(i < 1000);
}

/* A pipe that is polled; reading it notes 'p'. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct bench *b = poll->data;
    char byte;

    (void)events;
    assert_int_equal(status, 0);
    assert_int_equal(read(b->pipe[0], &byte, 1), 1);
    note(b, 'p');
    if (b->works[3].posts == &b->works[3])
        b->works[3].posts = NULL; /* ends the one that posts itself */
    else
        post(b, 2);
}

static void open_pipe(struct bench *b)
{
    assert_int_equal(pipe(b->pipe), 0);
    assert_int_equal(uv_poll_init(&b->uv, &b->poll, b->pipe[0]), 0);
    b->poll.data = b;
    assert_int_equal(uv_poll_start(&b->poll, UV_READABLE, on_readable), 0);
}

static void close_pipe(struct bench *b)
{
    uv_close((uv_handle_t *)&b->poll, NULL);
    turn_until_nothing_is_left(b);
}

/* ----------------------------------------------------------------- posts */

static void test_an_empty_loop_has_nothing_left(void **state)
{
    struct bench *b = *state;

    assert_false(loop_turn(&b->loop));
    assert_false(loop_turn(&b->loop));
}

static void test_posts_run_in_order_and_once(void **state)
{
    struct bench *b = *state;

    post(b, 1);
    post(b, 0);
    post(b, 1);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "ba");
}

static void test_a_post_from_a_poll_runs_in_the_same_turn(void **state)
{
    struct bench *b = *state;

    open_pipe(b);
    assert_int_equal(write(b->pipe[1], "x", 1), 1);
    assert_true(loop_turn(&b->loop));
    assert_string_equal(b->order, "pc");
    close_pipe(b);
}

static void test_a_post_from_a_post_waits_for_the_next_phase(void **state)
{
    struct bench *b = *state;

    b->works[0].posts = &b->works[2];
    post(b, 0);
    post(b, 1);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "abc");
}

static void test_a_post_may_post_itself(void **state)
{
    struct bench *b = *state;

    b->works[0].posts = &b->works[0];
    post(b, 0);
    for (unsigned i = 0; i < 10; i++)
        assert_true(loop_turn(&b->loop));
    assert_true(b->works[0].runs >= 10);
    assert_true(b->works[0].runs <= 20); /* two phases a turn */
    b->works[0].posts = NULL;
    turn_until_nothing_is_left(b);
}

static void test_a_post_that_posts_itself_starves_no_io(void **state)
{
    struct bench *b = *state;

    open_pipe(b);
    b->works[3].posts = &b->works[3];
    post(b, 3);
    assert_true(loop_turn(&b->loop));
    assert_int_equal(write(b->pipe[1], "x", 1), 1);
    assert_true(loop_turn(&b->loop));
    assert_non_null(strchr(b->order, 'p'));
    close_pipe(b);
}

static void test_a_post_that_posts_itself_starves_no_deadline(void **state)
{
    struct bench *b = *state;

    b->works[3].posts = &b->works[3];
    set(b, 0, 2 * MS);
    loop_post(&b->loop, &b->works[3].post);
    while (b->waits[0].fired_at == 0) {
        assert_true(loop_turn(&b->loop));
        memset(b->order, 0, sizeof b->order);
    }
    b->works[3].posts = NULL;
    turn_until_nothing_is_left(b);
}

static void test_an_unposted_piece_does_not_run(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 4; i++)
        post(b, i);
    loop_unpost(&b->loop, &b->works[1].post);
    loop_unpost(&b->loop, &b->works[3].post);
    loop_unpost(&b->loop, &b->works[3].post);
    post(b, 1); /* at the end now */
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "acb");
}

static void test_a_post_may_unpost_a_later_one(void **state)
{
    struct bench *b = *state;

    b->works[0].unposts = &b->works[1];
    b->works[2].unposts = &b->works[3];
    for (int i = 0; i < 4; i++)
        post(b, i);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "ac");
    assert_false(b->works[1].post.queued);
}

static void test_a_post_may_unpost_what_waits_for_the_next_phase(void **state)
{
    struct bench *b = *state;

    b->works[0].posts = &b->works[2];
    b->works[1].unposts = &b->works[2];
    post(b, 0);
    post(b, 1);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "ab");
}

static void test_taking_everything_back_leaves_nothing(void **state)
{
    struct bench *b = *state;

    post(b, 0);
    loop_unpost(&b->loop, &b->works[0].post);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "");
    post(b, 1);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "b");
}

/* ------------------------------------------------------------- real time */

static void test_deadlines_fire_in_order_and_never_early(void **state)
{
    struct bench *b = *state;

    const uint64_t after[] = {5 * MS, 2 * MS + 1, 3 * MS - 1, 0};
    const uint64_t now = loop_now(&b->loop);

    for (int i = 0; i < 4; i++)
        loop_set(&b->loop, &b->waits[i].deadline, now + after[i]);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "4231");
}

static void test_fractions_of_a_millisecond_are_not_cut(void **state)
{
    struct bench *b = *state;

    for (uint64_t ns = 1; ns < 2 * MS; ns += 97001) {
        memset(b->order, 0, sizeof b->order);
        set(b, 0, ns);
        turn_until_nothing_is_left(b); /* fire() checks the time */
        assert_string_equal(b->order, "1");
    }
}

static void test_a_cancelled_deadline_keeps_no_loop_alive(void **state)
{
    struct bench *b = *state;

    set(b, 0, HOUR);
    loop_cancel(&b->loop, &b->waits[0].deadline);
    assert_false(loop_turn(&b->loop));
    set(b, 0, HOUR);
    set(b, 1, MS);
    loop_cancel(&b->loop, &b->waits[0].deadline);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "2");
}

static void
test_a_deadline_may_be_set_after_a_cancelled_earlier_one(void **state)
{
    struct bench *b = *state;

    set(b, 0, MS);
    set(b, 1, 3 * MS);
    loop_cancel(&b->loop, &b->waits[0].deadline);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "2");
    set(b, 2, MS);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "23");
}

static void test_what_a_deadline_posts_runs(void **state)
{
    struct bench *b = *state;

    b->waits[0].posts = &b->works[0];
    set(b, 0, MS);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "1a");
}

/* ---------------------------------------------------------- virtual time */

static void test_virtual_time_jumps_from_deadline_to_deadline(void **state)
{
    struct bench *b = *state;
    const uint64_t real = uv_hrtime();

    clock_make_virtual(&b->loop.clock);
    const uint64_t start = loop_now(&b->loop);
    set(b, 0, HOUR);
    set(b, 1, 60 * 1000 * MS);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "21");
    assert_true(b->waits[1].fired_at == start + 60 * 1000 * MS);
    assert_true(b->waits[0].fired_at == start + HOUR);
    assert_true(uv_hrtime() - real < 60 * 1000 * MS);
}

static void test_virtual_time_does_not_jump_over_posted_work(void **state)
{
    struct bench *b = *state;

    clock_make_virtual(&b->loop.clock);
    b->works[0].posts = &b->works[1];
    b->works[1].posts = &b->works[2];
    set(b, 0, 1);
    post(b, 0);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "abc1");
}

static void test_virtual_time_stands_while_it_is_held(void **state)
{
    struct bench *b = *state;

    clock_make_virtual(&b->loop.clock);
    const uint64_t start = loop_now(&b->loop);
    open_pipe(b);
    loop_hold(&b->loop);
    loop_hold(&b->loop);
    set(b, 0, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(b->pipe[1], "x", 1), 1);
        assert_true(loop_turn(&b->loop));
    }
    loop_release(&b->loop);
    assert_int_equal(write(b->pipe[1], "x", 1), 1);
    assert_true(loop_turn(&b->loop));
    assert_string_equal(b->order, "pcpcpcpc");
    assert_true(loop_now(&b->loop) == start);

    loop_release(&b->loop);
    assert_true(loop_turn(&b->loop));
    assert_string_equal(b->order, "pcpcpcpc1");
    assert_true(loop_now(&b->loop) == start + 1);
    close_pipe(b);
}

/* A deadline that sets itself again for now. */
static void fire_again(struct deadline *d)
{
    struct wait *w = (struct wait *)d;

    w->fired_at++;
    loop_set(&w->bench->loop, d, loop_now(&w->bench->loop));
}

static void test_a_virtual_deadline_for_now_starves_no_io(void **state)
{
    struct bench *b = *state;

    clock_make_virtual(&b->loop.clock);
    b->waits[0].deadline.fire = fire_again;
    set(b, 0, 0);
    open_pipe(b);
    assert_int_equal(write(b->pipe[1], "x", 1), 1);
    for (int i = 0; i < 3; i++)
        assert_true(loop_turn(&b->loop));
    assert_string_equal(b->order, "pc");
    assert_true(b->waits[0].fired_at >= 3);
    loop_cancel(&b->loop, &b->waits[0].deadline);
    close_pipe(b);
}

static void test_a_change_to_virtual_time_takes_waiting_deadlines(void **state)
{
    struct bench *b = *state;

    set(b, 0, HOUR);
    clock_make_virtual(&b->loop.clock);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "1");
}

static void test_a_loop_is_cleaned_with_work_left(void **state)
{
    struct bench *b = *state;

    post(b, 0);
    set(b, 0, HOUR);
    loop_hold(&b->loop);
    /* the tear-down looks for handles that are left */
}

static void test_what_is_due_goes_before_the_rest_of_a_turn(void **state)
{
    struct bench *b = *state;

    b->waits[0].posts = &b->works[3];
    b->works[3].unposts = &b->works[1];
    set(b, 0, HOUR);
    b->works[0].until = b->waits[0].deadline.at;
    post(b, 0);
    post(b, 1);
    post(b, 2);
    loop_turn(&b->loop);
    assert_string_equal(b->order, "a1dc");
}

static void test_what_is_due_takes_back_what_waits_for_the_next_phase(void **s)
{
    struct bench *b = *s;

    b->works[0].posts = &b->works[3];
    b->waits[0].unposts = &b->works[3];
    b->waits[1].posts = b->waits[1].unposts = &b->works[2];
    set(b, 0, HOUR);
    loop_set(&b->loop, &b->waits[1].deadline, b->waits[0].deadline.at);
    b->works[0].until = b->waits[0].deadline.at;
    post(b, 0);
    post(b, 1);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "a12b");
    post(b, 3);
    turn_until_nothing_is_left(b);
    assert_string_equal(b->order, "a12bd");
}

static void test_what_came_goes_before_what_is_late(void **state)
{
    struct bench *b = *state;

    open_pipe(b);
    b->works[0].sets = &b->waits[0];
    b->works[2].until = loop_now(&b->loop) + HOUR;
    post(b, 0);
    assert_int_equal(write(b->pipe[1], "xy", 2), 2);
    while (b->waits[0].fired_at == 0)
        loop_turn(&b->loop);
    assert_string_equal(b->order, "apcpc1");
    close_pipe(b);
}

static void test_a_wait_of_no_time_lets_the_others_run(void **state)
{
    struct bench *b = *state;

    b->works[0].sets = b->works[3].sets = &b->waits[0];
    b->waits[0].posts = &b->works[3];
    post(b, 0);
    post(b, 1);
    post(b, 2);
    loop_turn(&b->loop);
    assert_memory_equal(b->order, "abc", 3); /* who waits lets the others run */
    assert_true(strlen(b->order) < 16);      /* and the turn comes to its end */
    loop_cancel(&b->loop, &b->waits[0].deadline);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_empty_loop_has_nothing_left),
        TEST(test_posts_run_in_order_and_once),
        TEST(test_a_post_from_a_poll_runs_in_the_same_turn),
        TEST(test_a_post_from_a_post_waits_for_the_next_phase),
        TEST(test_a_post_may_post_itself),
        TEST(test_a_post_that_posts_itself_starves_no_io),
        TEST(test_a_post_that_posts_itself_starves_no_deadline),
        TEST(test_an_unposted_piece_does_not_run),
        TEST(test_a_post_may_unpost_a_later_one),
        TEST(test_a_post_may_unpost_what_waits_for_the_next_phase),
        TEST(test_taking_everything_back_leaves_nothing),
        TEST(test_deadlines_fire_in_order_and_never_early),
        TEST(test_fractions_of_a_millisecond_are_not_cut),
        TEST(test_a_cancelled_deadline_keeps_no_loop_alive),
        TEST(test_a_deadline_may_be_set_after_a_cancelled_earlier_one),
        TEST(test_what_a_deadline_posts_runs),
        TEST(test_virtual_time_jumps_from_deadline_to_deadline),
        TEST(test_virtual_time_does_not_jump_over_posted_work),
        TEST(test_virtual_time_stands_while_it_is_held),
        TEST(test_a_virtual_deadline_for_now_starves_no_io),
        TEST(test_a_change_to_virtual_time_takes_waiting_deadlines),
        TEST(test_a_loop_is_cleaned_with_work_left),
        TEST(test_what_is_due_goes_before_the_rest_of_a_turn),
        TEST(test_what_is_due_takes_back_what_waits_for_the_next_phase),
        TEST(test_what_came_goes_before_what_is_late),
        TEST(test_a_wait_of_no_time_lets_the_others_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
