/* SPDX-License-Identifier: MIT
 *
 * The one loop of the process: libuv's, plus posted work and deadlines.
 *
 * Work posted from callbacks runs after the poll phase of the same turn, so
 * that a chunk read, the command it completes and the next write share one
 * turn. Under virtual time the clock jumps to the next deadline whenever
 * nothing is posted and nobody holds it. Knows no Lua and no port.
 */
#ifndef ATTEST_LOOP_H
#define ATTEST_LOOP_H

#include "clock.h"

#include <uv.h>

/* A piece of work, owned by the caller until run() was called. */
struct post {
    struct post *next;
    bool queued;
    void (*run)(struct post *p);
};

struct queue {
    struct post *head;
    struct post **tail;
};

/* Whether what is late waits for a poll. */
enum look { LOOK_AS_EVER, LOOK_FIRST, LOOKED };

struct loop {
    uv_loop_t *uv; /* borrowed until loop_clean */
    struct clock clock;
    struct queue posted;  /* for the next phase */
    struct queue due;     /* by deadlines that fire in the middle of one */
    struct queue *into;   /* of the two, for what is posted now */
    struct post *running; /* what this phase has still to run */
    unsigned holds;       /* work under way elsewhere: virtual time stands */
    unsigned open;        /* own handles whose close callback is to come */
    unsigned files;       /* transcripts, each of which may wait */
    uint64_t armed;       /* when the timer fires, or CLOCK_NEVER */
    uint64_t seen;        /* the last time that was read off the clock */
    enum look look;
    char *buffer; /* LOOP_BUFFER bytes, shared by every read */
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
};

#define LOOP_BUFFER 65536

int loop_init(struct loop *l, uv_loop_t *uv);

/* Closes the handles and turns the uv loop until they are gone. */
void loop_clean(struct loop *l);

/* Runs `p` once in this turn or the next; posting twice is quiet. */
void loop_post(struct loop *l, struct post *p);

/* Takes a piece of work back that has not run. */
void loop_unpost(struct loop *l, struct post *p);

uint64_t loop_now(struct loop *l);

/* Waits until `at` (ns). Who may wait has room in the clock since it was made
   (clock_reserve). Out of memory all the same ends the process: a deadline
   that is silently lost would hang a fixture. */
void loop_set(struct loop *l, struct deadline *d, uint64_t at);
void loop_cancel(struct loop *l, struct deadline *d);

/* While held, virtual time does not advance: something real is under way. */
void loop_hold(struct loop *l);
void loop_release(struct loop *l);

/* One turn. Returns false when nothing is left that could ever happen. */
bool loop_turn(struct loop *l);

#endif
