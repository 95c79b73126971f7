/* SPDX-License-Identifier: MIT
 *
 * Tasks of the scheduler, for Lua. See ltask.h.
 *
 * A task lives in its userdata; while it is not done the registry anchors it
 * under its own address. Only the loop resumes: wake, deadline and cancel
 * post the task.
 */
#include "ltask.h"

#include <stddef.h>

#define TASK_TYPE "attest.task"

enum status { READY, RUNNING, WAITING, DONE, FAILED };
enum task_value {
    VALUE_COROUTINE = 1,
    VALUE_OWNER,
    VALUE_CANCEL,
    VALUE_ACCOUNT,
    VALUE_RESULT
};

struct ltask {
    struct post post;
    struct deadline deadline;
    struct core *core;
    struct account *account; /* its owner's, or NULL */
    lua_State *coroutine;
    struct ltask *joiners; /* tasks that wait for this one */
    struct ltask *next_joiner;
    struct ltask *joined; /* the task that this one waits for */
    int arguments;        /* values on the stack for the next resume */
    uint8_t status;
    uint8_t reason;
    bool cancelled;
    bool awaited; /* core.run returns its error */
    bool in_wait; /* suspended by core.wait, so core.wake may end it */
};

void task_push(lua_State *L, const struct ltask *t)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, t);
}

static struct ltask *check_task(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, TASK_TYPE);
}

/* running */

static void schedule(struct ltask *t, enum task_reason reason)
{
    if (t->status != WAITING)
        return;
    t->status = READY;
    t->reason = (uint8_t)reason;
    loop_cancel(&t->core->loop, &t->deadline);
    loop_post(&t->core->loop, &t->post);
}

static void on_deadline(struct deadline *d)
{
    struct ltask *t =
        (struct ltask *)((char *)d - offsetof(struct ltask, deadline));
    schedule(t, TASK_TIMEOUT);
}

static void wake_joiners(struct ltask *t)
{
    while (t->joiners != NULL) {
        struct ltask *joiner = t->joiners;
        t->joiners = joiner->next_joiner;
        joiner->joined = NULL;
        schedule(joiner, TASK_WOKEN);
    }
}

/* Keeps the `count` values on top as a list in the task's user value: its
   results, or its error and a traceback. */
static void keep_result(lua_State *L, struct ltask *t, int count)
{
    lua_createtable(L, count, 1);
    lua_insert(L, -1 - count);
    for (int i = count; i >= 1; i--)
        lua_rawseti(L, -1 - i, i);
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
    task_push(L, t);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, VALUE_RESULT);
    lua_pop(L, 1);
}

static void forget(lua_State *L, struct ltask *t)
{
    t->core->tasks--;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, t);
}

static void finish(struct ltask *t, int results)
{
    lua_State *L = t->core->L;

    t->status = DONE;
    luaL_checkstack(L, results + 4, "too many results");
    lua_xmove(t->coroutine, L, results);
    keep_result(L, t, results);
    wake_joiners(t);
    forget(L, t);
}

/* Nobody waits for this task: its error would be lost. */
static void report_failure(lua_State *L, struct ltask *t)
{
    task_push(L, t);
    lua_getiuservalue(L, -1, VALUE_OWNER);
    lua_getiuservalue(L, -2, VALUE_RESULT);
    lua_rawgeti(L, -1, 2);
    lua_rawgeti(L, -2, 1);
    core_report(t->core, L, lua_tostring(L, -2), lua_gettop(L) - 3);
    lua_pop(L, 4);
}

/* Whether the error on top is what it was cancelled with: whoever did knows. */
static bool is_cancel(lua_State *L, const struct ltask *t)
{
    if (!t->cancelled)
        return false;
    task_push(L, t);
    lua_getiuservalue(L, -1, VALUE_CANCEL);
    bool is_it = lua_rawequal(L, -1, -3);
    lua_pop(L, 2);
    return is_it;
}

static void fail(struct ltask *t)
{
    lua_State *L = t->core->L;

    t->status = FAILED;
    lua_checkstack(L, 8);
    lua_xmove(t->coroutine, L, 1);
    bool is_told = t->awaited || is_cancel(L, t);
    if (t->cancelled && t->joiners == NULL)
        lua_pushnil(L); /* it is known why, and a traceback takes its time */
    else
        luaL_traceback(L, t->coroutine, NULL, 0);
    keep_result(L, t, 2);
    if (t->joiners == NULL && !is_told)
        report_failure(L, t);
    wake_joiners(t);
    core_close(t->core, t->coroutine, t->account);
    forget(L, t);
}

static int resume_task(lua_State *L)
{
    struct ltask *t = lua_touserdata(L, 1);
    struct core *c = t->core;
    int arguments = t->arguments;
    int results = 0;

    t->arguments = 0;
    t->status = RUNNING;
    c->current = t;
    core_enter(c, t->account);
    int status = lua_resume(t->coroutine, L, arguments, &results);
    core_leave(c);
    c->current = NULL;

    if (status == LUA_OK) {
        finish(t, results);
    } else if (status != LUA_YIELD) {
        fail(t);
    } else if (t->status == RUNNING) {
        lua_pop(t->coroutine, results);
        if (!watchdog_push_error(t->coroutine))
            lua_pushliteral(t->coroutine, "a task called coroutine.yield "
                                          "outside of a coroutine of its own");
        fail(t);
    }
    return 0;
}

static void resume(struct post *post)
{
    struct ltask *t = (struct ltask *)post;

    core_guard(t->core, resume_task, t);
}

/* for bindings */

struct ltask *task_current(lua_State *L)
{
    return core_get(L)->current;
}

lua_State *task_coroutine(struct ltask *t)
{
    return t->coroutine;
}

bool task_may_wait(const struct core *c, lua_State *L)
{
    return c->current != NULL && c->current->coroutine == L &&
           lua_isyieldable(L);
}

void task_check(lua_State *L)
{
    const struct core *c = core_get(L);

    if (c->current == NULL)
        luaL_error(L, "this call waits: run it in a task (attest.run)");
    if (!task_may_wait(c, L))
        luaL_error(L, "this call waits: it cannot run in a coroutine of the "
                      "script's own");
}

static void raise_cancel(lua_State *L, struct ltask *t)
{
    task_push(L, t);
    lua_getiuservalue(L, -1, VALUE_CANCEL);
    lua_error(L);
}

static int suspend(struct core *c, lua_State *L, uint64_t at, lua_KContext ctx,
                   lua_KFunction k)
{
    struct ltask *t = c->current;

    t->status = WAITING;
    t->reason = TASK_WOKEN;
    if (t->cancelled) {
        t->status = RUNNING;
        /* through k, so that the object forgets its waiter */
        return k(L, LUA_YIELD, ctx);
    }
    if (at != CLOCK_NEVER)
        loop_set(&c->loop, &t->deadline, at);
    return lua_yieldk(L, 0, ctx, k);
}

int task_suspend(lua_State *L, double seconds, lua_KContext ctx,
                 lua_KFunction k)
{
    task_check(L);
    struct core *c = core_get(L);
    uint64_t at =
        seconds < 0 ? CLOCK_NEVER : task_time_after(&c->loop, seconds);
    return suspend(c, L, at, ctx, k);
}

int task_suspend_until(struct core *c, lua_State *L, uint64_t at,
                       lua_KContext ctx, lua_KFunction k)
{
    c->current->in_wait = true;
    return suspend(c, L, at, ctx, k);
}

bool task_is_cancelled(const struct core *c)
{
    return c->current->cancelled;
}

void task_wake(struct ltask *t)
{
    schedule(t, TASK_WOKEN);
}

enum task_reason task_woken(const struct core *c, lua_State *L)
{
    struct ltask *t = c->current;

    t->in_wait = false;
    if (t->cancelled)
        raise_cancel(L, t);
    return t->reason;
}

/* Lua */

/***
Starts a task: a coroutine that the loop resumes. It runs from the loop, not
at once. An error that nobody joins goes to the handler of `core.on_error`.

@function spawn
@tparam function fn
@param ... its arguments
@treturn attest.task
*/
static int l_spawn(lua_State *L)
{
    struct core *c = core_get(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    int count = lua_gettop(L);

    core_reserve(L, 1);
    struct ltask *t = lua_newuserdatauv(L, sizeof *t, VALUE_RESULT);
    *t = (struct ltask){.core = c, .status = READY, .arguments = count - 1};
    t->post.run = resume;
    t->deadline.fire = on_deadline;
    luaL_setmetatable(L, TASK_TYPE);
    t->coroutine = lua_newthread(L);
    lua_setiuservalue(L, -2, VALUE_COROUTINE);
    core_push_owner(c, L);
    t->account = push_account(L, -1);
    lua_setiuservalue(L, -3, VALUE_ACCOUNT);
    lua_setiuservalue(L, -2, VALUE_OWNER);
    luaL_checkstack(t->coroutine, count, "too many arguments");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, t);
    c->tasks++;

    lua_insert(L, 1);
    lua_xmove(L, t->coroutine, count);
    loop_post(&c->loop, &t->post);
    return 1;
}

/***
Returns the task that runs now.

@function current
@treturn attest.task|nil
*/
static int l_current(lua_State *L)
{
    struct core *c = core_get(L);

    if (c->current == NULL)
        lua_pushnil(L);
    else
        task_push(L, c->current);
    return 1;
}

static int finish_wait(lua_State *L, int status, lua_KContext base)
{
    (void)status;
    if (task_woken(core_get(L), L) == TASK_TIMEOUT) {
        lua_settop(L, (int)base);
        return push_failure(L, UV_ETIMEDOUT, NULL);
    }
    lua_pushboolean(L, 1);
    lua_insert(L, (int)base + 1);
    return lua_gettop(L) - (int)base;
}

/***
Waits until another task or a callback calls `core.wake` on this one.

@function wait
@tparam[opt] number seconds longest wait; for ever without
@treturn[1] true
@return[1] ... the values given to `core.wake`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ETIMEDOUT"`
*/
static int l_wait(lua_State *L)
{
    double seconds = lua_isnoneornil(L, 1) ? -1 : task_check_seconds(L, 1);

    task_check(L);
    task_current(L)->in_wait = true;
    lua_settop(L, 1);
    return task_suspend(L, seconds, 1, finish_wait);
}

/***
Ends a task's `core.wait`. Quiet when the task waits for something else.

@function wake
@tparam attest.task task
@param ... values that its `core.wait` returns
@treturn boolean whether the task was waiting
*/
static int l_wake(lua_State *L)
{
    struct ltask *t = check_task(L, 1);
    int count = lua_gettop(L) - 1;
    bool waits = t->status == WAITING && t->in_wait;

    if (waits) {
        t->in_wait = false;
        luaL_checkstack(t->coroutine, count + 1, "too many values");
        lua_xmove(L, t->coroutine, count);
        t->arguments = count;
        schedule(t, TASK_WOKEN);
    }
    lua_pushboolean(L, waits);
    return 1;
}

/***
Makes the task's pending wait raise an error, and each later one. A task that
ends with it has not failed: the handler of `core.on_error` does not hear of it.

@function task:cancel
@param err the error to raise, any value but nil
*/
static int l_cancel(lua_State *L)
{
    struct ltask *t = check_task(L, 1);
    luaL_checkany(L, 2);
    lua_settop(L, 2);

    if (t->status == DONE || t->status == FAILED)
        return 0;
    lua_setiuservalue(L, 1, VALUE_CANCEL);
    t->cancelled = true;
    schedule(t, TASK_WOKEN);
    return 0;
}

static void leave_joined(struct ltask *t)
{
    if (t->joined == NULL)
        return;
    struct ltask **link = &t->joined->joiners;
    while (*link != t)
        link = &(*link)->next_joiner;
    *link = t->next_joiner;
    t->joined = NULL;
}

static int push_result(lua_State *L, int index, const struct ltask *t)
{
    lua_getiuservalue(L, index, VALUE_RESULT);
    int list = lua_gettop(L);
    lua_getfield(L, list, "n");
    int count = (int)lua_tointeger(L, -1);

    luaL_checkstack(L, count + 1, "too many results");
    if (t->status == DONE)
        lua_pushboolean(L, 1);
    else
        lua_pushnil(L);
    for (int i = 1; i <= count; i++)
        lua_rawgeti(L, list, i);
    return count + 1;
}

static int finish_join(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    struct ltask *t = check_task(L, 1);
    const struct core *c = core_get(L);

    leave_joined(c->current);
    if (task_woken(c, L) == TASK_TIMEOUT)
        return push_failure(L, UV_ETIMEDOUT, NULL);
    return push_result(L, 1, t);
}

/***
Waits until a task ends.

@function task:join
@tparam[opt] number seconds longest wait
@treturn[1] true
@return[1] ... what its function returned
@treturn[2] nil
@return[2] the error that ended it, or a message
@treturn[2] string|nil traceback (of a task that was not cancelled), or
`"ETIMEDOUT"`
*/
static int l_join(lua_State *L)
{
    struct ltask *t = check_task(L, 1);
    double seconds = lua_isnoneornil(L, 2) ? -1 : task_check_seconds(L, 2);

    if (t->status == DONE || t->status == FAILED)
        return push_result(L, 1, t);
    task_check(L);
    struct ltask *self = task_current(L);
    luaL_argcheck(L, self != t, 1, "a task cannot join itself");
    self->joined = t;
    self->next_joiner = t->joiners;
    t->joiners = self;
    return task_suspend(L, seconds, 0, finish_join);
}

/***
Tells what a task does: "ready", "waiting", "done" or "failed".

@function task:status
@treturn string
*/
static int l_status(lua_State *L)
{
    static const char *const names[] = {"ready", "running", "waiting", "done",
                                        "failed"};
    lua_pushstring(L, names[check_task(L, 1)->status]);
    return 1;
}

static int l_task_tostring(lua_State *L)
{
    struct ltask *t = check_task(L, 1);
    l_status(L);
    lua_pushfstring(L, "attest.task (%s): %p", lua_tostring(L, -1), (void *)t);
    return 1;
}

static bool is_done(lua_State *L, int index)
{
    struct ltask *t = lua_touserdata(L, index);
    return t->status == DONE || t->status == FAILED;
}

/***
Turns the loop until a task is done; without one, until every task is. Only
on the main thread.

@function run
@tparam[opt] attest.task task
@return as `task:join`
*/
static int l_run(lua_State *L)
{
    struct core *c = core_get(L);
    bool one = !lua_isnoneornil(L, 1);

    if (one)
        check_task(L, 1)->awaited = true;
    if (c->current != NULL || L != c->L)
        return luaL_error(L, "core.run: the loop is running already");
    while (one ? !is_done(L, 1) : c->tasks > 0) {
        if (!loop_turn(&c->loop))
            return luaL_error(L, "core.run: every task waits and nothing can "
                                 "wake them");
        core_check_memory(c, L);
    }
    if (!one)
        return lua_pushboolean(L, 1), 1;
    return push_result(L, 1, lua_touserdata(L, 1));
}

void core_set_owner(struct core *c, lua_State *L)
{
    if (c->current == NULL) {
        memory_charge(&c->memory, push_account(L, 1));
        lua_settop(L, 1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &c->tasks);
        return;
    }
    task_push(L, c->current);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, VALUE_OWNER);
    lua_pop(L, 1);
}

void core_push_owner(struct core *c, lua_State *L)
{
    if (c->current == NULL) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &c->tasks);
    } else {
        task_push(L, c->current);
        lua_getiuservalue(L, -1, VALUE_OWNER);
        lua_remove(L, -2);
    }
}

void ltask_register(lua_State *L)
{
    static const luaL_Reg task[] = {
        {"cancel", l_cancel}, {"join", l_join},
        {"status", l_status}, {"__tostring", l_task_tostring},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"spawn", l_spawn}, {"current", l_current}, {"wait", l_wait},
        {"wake", l_wake},   {"run", l_run},         {NULL, NULL},
    };

    luaL_newmetatable(L, TASK_TYPE);
    luaL_setfuncs(L, task, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
