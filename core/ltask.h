/* SPDX-License-Identifier: MIT
 *
 * Tasks: coroutines that the loop resumes. For bindings that wait.
 *
 *     obj->waiter = task_current(L);
 *     return task_suspend(L, seconds, 0, finish);
 *
 *     static int finish(lua_State *L, int status, lua_KContext ctx)
 *     {
 *         obj->waiter = NULL;                  first: task_woken may raise
 *         if (task_woken(core_get(L), L) == TASK_TIMEOUT) ...
 *
 * Whoever wakes calls task_wake(obj->waiter) and never resumes. A task that
 * waits is anchored by the scheduler; its stack anchors the object.
 */
#ifndef ATTEST_LTASK_H
#define ATTEST_LTASK_H

#include "lcore.h"

enum task_reason { TASK_WOKEN, TASK_TIMEOUT };

/* Whether L is the coroutine of the running task. */
bool task_may_wait(const struct core *c, lua_State *L);

/* Raises unless it is. */
void task_check(lua_State *L);

/* The running task; borrowed until it is woken. */
struct ltask *task_current(lua_State *L);

/* Yields until task_wake() or for `seconds` (negative: for ever). Use as
   `return task_suspend(...)`. Raises at once in a cancelled task. */
int task_suspend(lua_State *L, double seconds, lua_KContext ctx,
                 lua_KFunction k);

/* The same for who has the core already, until `at` (ns, or CLOCK_NEVER);
   core.wake may end the wait. Checked with task_check() before. */
int task_suspend_until(struct core *c, lua_State *L, uint64_t at,
                       lua_KContext ctx, lua_KFunction k);

/* Whether a cancel waits to be raised in the running task. */
bool task_is_cancelled(const struct core *c);

/* Pushes the task as Lua knows it; it must not be done. */
void task_push(lua_State *L, const struct ltask *t);

/* Schedules the task; a second wake before it ran is quiet. */
void task_wake(struct ltask *t);

/* Why the wait ended. Raises the cancel error of a cancelled task. */
enum task_reason task_woken(const struct core *c, lua_State *L);

/* `seconds` after a time of the clock, or CLOCK_NEVER. */
uint64_t task_time_from(uint64_t start, double seconds);

/* A time on the clock so many seconds from now; for ever is CLOCK_NEVER. */
uint64_t task_time_after(struct loop *l, double seconds);

/* Raises unless the argument is a number of seconds from 0. */
double task_check_seconds(lua_State *L, int arg);

/* How long a script may run without waiting, in seconds; 0 ends watching.
   Registered as core.watchdog by lwatchdog.c. */
void lwatchdog_register(lua_State *L);
void ltimer_register(lua_State *L);

/* Pushes the error of a task that the watchdog made yield, if it did. */
bool watchdog_push_error(lua_State *task);

/* For lwatchdog.c: the running task's coroutine, or NULL. */
lua_State *task_coroutine(struct ltask *t);

#endif
