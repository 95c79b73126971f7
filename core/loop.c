/* SPDX-License-Identifier: MIT
 *
 * Posted work runs in the prepare and check phases, so after timers and right
 * after the poll; an idle handle keeps the loop from blocking while work is
 * left. One uv timer serves all deadlines and is only moved to an earlier
 * time: a fire that finds nothing due is cheaper than a re-arm per command.
 * A long turn looks for what is due between two pieces of work, too: the last
 * of a hundred busy ports would make every deadline late. But where one piece
 * took long, or the process was kept from running, a deadline waits for a look
 * at the sockets: what came in time counts.
 */
#include "loop.h"

#include <stdlib.h>

#define LATE 50000000u /* ns that no turn takes by itself */

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void empty(struct queue *q)
{
    q->head = NULL;
    q->tail = &q->head;
}

static bool is_runnable(const struct loop *l)
{
    if (l->posted.head != NULL)
        return true;
    return l->clock.is_virtual && l->holds == 0 && l->clock.count > 0;
}

static bool is_late(const struct loop *l, uint64_t now)
{
    uint64_t next = clock_next(&l->clock);

    return next < now && now - next > LATE;
}

static void fire(struct loop *l, uint64_t sets)
{
    clock_fire(&l->clock, sets);
    if (l->clock.count == 0)
        uv_unref((uv_handle_t *)&l->timer); /* armed for nobody */
}

static void run_first(struct loop *l)
{
    struct post *p = l->running;

    l->running = p->next;
    p->queued = false;
    p->run(p);
}

/* Fires what is due and puts the work that it posts before the rest; returns
   how much that is. */
static size_t fire_between(struct loop *l, uint64_t sets)
{
    size_t count = 0;

    l->into = &l->due;
    fire(l, sets);
    l->into = &l->posted;
    for (struct post *p = l->due.head; p != NULL; p = p->next)
        count++;
    *l->due.tail = l->running;
    l->running = l->due.head;
    empty(&l->due);
    return count;
}

/* Runs what is posted now; what that posts waits for the next phase, so a
   pair of tasks that wake each other cannot keep the sockets waiting. What is
   due goes before the rest, but for what was set meanwhile: who waits for no
   time lets the others run. */
static void run_posts(struct loop *l)
{
    uint64_t sets = l->clock.sets;

    /* loop_unpost() may take out pieces of this list while it runs, so it
       hangs off the loop's own running pointer. */
    l->running = l->posted.head;
    empty(&l->posted);
    while (l->running != NULL) {
        run_first(l);
        bool is_due = !l->clock.is_virtual &&
                      l->seen >= clock_next(&l->clock) && !is_late(l, l->seen);
        for (size_t n = is_due ? fire_between(l, sets) : 0;
             n > 0 && l->running != NULL; n--)
            run_first(l);
    }
}

static void on_timer(uv_timer_t *timer);

static void arm(struct loop *l)
{
    uint64_t next = clock_next(&l->clock);

    if (l->clock.is_virtual || next >= l->armed)
        return;
    uint64_t now = clock_now(&l->clock);
    uint64_t ms = next > now ? (next - now + 999999) / 1000000 : 0;
    /* A 0 ms timer re-armed in its own callback starves all I/O. */
    uv_update_time(l->uv);
    uv_timer_start(&l->timer, on_timer, ms == 0 ? 1 : ms, 0);
    l->armed = next;
}

static void on_timer(uv_timer_t *timer)
{
    struct loop *l = timer->data;

    if (l->look != LOOKED && is_late(l, clock_now(&l->clock))) {
        l->look = LOOK_FIRST;
        uv_timer_start(timer, on_timer, 1, 0);
        return;
    }
    l->look = LOOK_AS_EVER;
    l->armed = CLOCK_NEVER;
    fire(l, UINT64_MAX);
    arm(l);
}

static void advance(struct loop *l)
{
    if (l->posted.head == NULL && is_runnable(l)) {
        clock_advance(&l->clock, clock_next(&l->clock));
        fire(l, UINT64_MAX);
    }
}

static void drain(struct loop *l)
{
    run_posts(l);
    advance(l);
    if (is_runnable(l))
        uv_idle_start(&l->idle, on_idle);
    else
        uv_idle_stop(&l->idle);
}

static void on_prepare(uv_prepare_t *prepare)
{
    drain(prepare->data);
}

static void on_check(uv_check_t *check)
{
    struct loop *l = check->data;

    if (l->look == LOOK_FIRST)
        l->look = LOOKED;
    drain(l);
}

int loop_init(struct loop *l, uv_loop_t *uv)
{
    *l = (struct loop){.uv = uv, .armed = CLOCK_NEVER};
    empty(&l->posted);
    empty(&l->due);
    l->into = &l->posted;
    l->buffer = malloc(LOOP_BUFFER);
    if (l->buffer == NULL)
        return UV_ENOMEM;

    clock_init(&l->clock);
    uv_timer_init(uv, &l->timer);
    uv_prepare_init(uv, &l->prepare);
    uv_check_init(uv, &l->check);
    uv_idle_init(uv, &l->idle);
    l->timer.data = l->prepare.data = l->check.data = l->idle.data = l;
    l->open = 4;
    uv_prepare_start(&l->prepare, on_prepare);
    uv_check_start(&l->check, on_check);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_unref((uv_handle_t *)&l->check);
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct loop *l = handle->data;
    l->open--;
}

void loop_clean(struct loop *l)
{
    uv_close((uv_handle_t *)&l->timer, on_closed);
    uv_close((uv_handle_t *)&l->prepare, on_closed);
    uv_close((uv_handle_t *)&l->check, on_closed);
    uv_close((uv_handle_t *)&l->idle, on_closed);
    while (l->open > 0)
        uv_run(l->uv, UV_RUN_NOWAIT);
    clock_clean(&l->clock);
    free(l->buffer);
    l->buffer = NULL;
}

void loop_post(struct loop *l, struct post *p)
{
    if (p->queued)
        return;
    p->queued = true;
    p->next = NULL;
    *l->into->tail = p;
    l->into->tail = &p->next;
    uv_idle_start(&l->idle, on_idle);
}

static bool take_out(struct post **link, struct post *p)
{
    for (; *link != NULL; link = &(*link)->next) {
        if (*link == p) {
            *link = p->next;
            return true;
        }
    }
    return false;
}

static bool take_from(struct queue *q, struct post *p)
{
    if (!take_out(&q->head, p))
        return false;
    q->tail = &q->head;
    while (*q->tail != NULL)
        q->tail = &(*q->tail)->next;
    return true;
}

void loop_unpost(struct loop *l, struct post *p)
{
    if (!p->queued)
        return;
    p->queued = false;
    if (!take_out(&l->running, p) && !take_from(&l->posted, p))
        take_from(&l->due, p);
}

uint64_t loop_now(struct loop *l)
{
    l->seen = clock_now(&l->clock);
    return l->seen;
}

void loop_set(struct loop *l, struct deadline *d, uint64_t at)
{
    if (clock_set(&l->clock, d, at) < 0)
        abort();
    if (l->clock.is_virtual)
        uv_idle_start(&l->idle, on_idle);
    else
        arm(l);
    uv_ref((uv_handle_t *)&l->timer);
}

void loop_cancel(struct loop *l, struct deadline *d)
{
    clock_cancel(&l->clock, d);
    if (l->clock.count == 0)
        uv_unref((uv_handle_t *)&l->timer); /* armed for nobody */
}

void loop_hold(struct loop *l)
{
    l->holds++;
}

void loop_release(struct loop *l)
{
    l->holds--;
    if (is_runnable(l))
        uv_idle_start(&l->idle, on_idle);
}

bool loop_turn(struct loop *l)
{
    if (!uv_loop_alive(l->uv))
        return false;
    uv_run(l->uv, UV_RUN_ONCE);
    return true;
}
