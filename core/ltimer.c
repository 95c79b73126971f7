/* SPDX-License-Identifier: MIT
 *
 * Time for Lua: tasks that sleep, and timers, a function called once, later, on
 * the main thread. While it waits the registry anchors the timer under its own
 * address.
 */
#include "ltask.h"

#define TIMER_TYPE "attest.timer"

struct ltimer {
    struct deadline deadline;
    struct core *core;
};

uint64_t task_time_from(uint64_t start, double seconds)
{
    if (!(seconds < 1e9))
        return CLOCK_NEVER;
    /* Rounded up: a wait for what is left of a second ends after it, or a
       loop that waits until a time would never get there. */
    return start + (seconds <= 0 ? 0 : (uint64_t)(seconds * 1e9) + 1);
}

uint64_t task_time_after(struct loop *l, double seconds)
{
    return task_time_from(loop_now(l), seconds);
}

double task_check_seconds(lua_State *L, int arg)
{
    double seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, seconds >= 0, arg, "seconds must not be negative");
    return seconds;
}

static int finish_sleep(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    task_woken(core_get(L), L);
    return 0;
}

/***
Lets other tasks run for some time.

@function sleep
@tparam number seconds
*/
static int l_sleep(lua_State *L)
{
    return task_suspend(L, task_check_seconds(L, 1), 0, finish_sleep);
}

static void stop_timer(struct ltimer *timer)
{
    lua_State *L = timer->core->L;

    timer->core->timers--;
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, timer);
}

static int fire_timer(lua_State *L)
{
    struct ltimer *timer = lua_touserdata(L, 1);

    lua_rawgetp(L, LUA_REGISTRYINDEX, timer);
    lua_getiuservalue(L, 2, 2);
    lua_getiuservalue(L, 2, 1);
    stop_timer(timer);
    core_call(timer->core, L, 0, 3);
    return 0;
}

static void on_timer(struct deadline *d)
{
    struct ltimer *timer = (struct ltimer *)d;

    core_guard(timer->core, fire_timer, timer);
}

/***
Calls a function once, later, outside any task (so it cannot wait).

@function after
@tparam number seconds
@tparam function fn
@treturn attest.timer
*/
static int l_after(lua_State *L)
{
    struct core *c = core_get(L);
    double seconds = task_check_seconds(L, 1);
    luaL_checktype(L, 2, LUA_TFUNCTION);

    core_reserve(L, 1);
    struct ltimer *timer = lua_newuserdatauv(L, sizeof *timer, 2);
    *timer = (struct ltimer){.core = c};
    timer->deadline.fire = on_timer;
    luaL_setmetatable(L, TIMER_TYPE);
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    core_push_owner(c, L);
    lua_setiuservalue(L, -2, 2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, timer);
    c->timers++;
    uint64_t at = task_time_after(&c->loop, seconds);
    loop_set(&c->loop, &timer->deadline, at);
    return 1;
}

/***
Stops a timer; quiet when it ran or was stopped already.

@function timer:stop
*/
static int l_stop(lua_State *L)
{
    struct ltimer *timer = luaL_checkudata(L, 1, TIMER_TYPE);

    if (timer->deadline.place != 0) {
        loop_cancel(&timer->core->loop, &timer->deadline);
        stop_timer(timer);
    }
    return 0;
}

void ltimer_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"stop", l_stop}, {"__close", l_stop}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"sleep", l_sleep}, {"after", l_after}, {NULL, NULL}};

    luaL_newmetatable(L, TIMER_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
