/* SPDX-License-Identifier: MIT
 *
 * Stops a script that runs on without waiting. A thread looks a few times a
 * second whether the loop still resumes; when one resume lasts too long, a
 * signal makes the main thread set a count hook in the running coroutine, and
 * the hook raises there. Nothing is paid per instruction until then.
 *
 * The first raise leaves the script as much time again to clean up; a script
 * that swallows it and runs on is then stopped at its next instruction, and
 * at each one after.
 */
#include "ltask.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#define WATCHDOG_SIGNAL SIGUSR2
#define LOOKS 4u /* per limit */

static struct watchdog {
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    pthread_t main;
    struct core *core;
    uint64_t limit; /* ns; 0: nobody is watched */
    volatile sig_atomic_t strikes;
    bool runs;
    bool ends;
} dog;

static const char handler_key;

/* The innermost coroutine that runs, when it is one of the script's own: a
   hook belongs to one coroutine only. */
static lua_State *volatile innermost;

static void raise_in_script(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    if (dog.strikes > 1)
        lua_sethook(L, raise_in_script, LUA_MASKCOUNT, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handler_key);
    luaL_where(L, 0);
    lua_pushnumber(L, (lua_Number)dog.limit / 1e9);
    lua_call(L, 2, 1);
    lua_error(L);
}

/* On the main thread, between two of its instructions: lua_sethook is made
   for this. */
static void on_signal(int number)
{
    (void)number;
    struct core *c = dog.core;

    if (c == NULL || (c->resumes & 1u) == 0)
        return; /* back in the loop meanwhile */
    /* a callback runs on the main thread, outside any task */
    lua_State *task = c->current == NULL ? c->L : task_coroutine(c->current);
    dog.strikes++;
    lua_sethook(innermost != NULL ? innermost : task, raise_in_script,
                LUA_MASKCOUNT, 1);
    if (dog.strikes > 1)
        lua_sethook(task, raise_in_script, LUA_MASKCOUNT, 1);
}

/* Calls the function that coroutine.resume was, or one that coroutine.wrap
   made, below the arguments; remembers meanwhile that `co` runs. */
static int call_inside(lua_State *L, lua_State *co)
{
    lua_State *outer = innermost;

    innermost = co;
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    innermost = outer;
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

static int l_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return call_inside(L, co);
}

/* upvalues: coroutine.resume as it was, the coroutine */
static int l_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(2));

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 2);
    int count = call_inside(L, co);
    if (lua_toboolean(L, 1))
        return count - 1;
    if (lua_type(L, 2) == LUA_TSTRING) { /* as coroutine.wrap does */
        luaL_where(L, 1);
        lua_insert(L, 2);
        lua_concat(L, 2);
    }
    lua_resetthread(co); /* closes its variables */
    return lua_error(L);
}

static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);

    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushcclosure(L, l_wrapped, 2);
    return 1;
}

/* Replaces coroutine.resume and coroutine.wrap by ones that tell which
   coroutine runs. Doing it again would only nest them. */
static void track_coroutines(lua_State *L)
{
    static const char done_key;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &done_key) == LUA_TNIL) {
        lua_pushboolean(L, 1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &done_key);
        lua_getglobal(L, "coroutine");
        lua_getfield(L, -1, "resume");
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, l_resume, 1);
        lua_setfield(L, -3, "resume");
        lua_pushcclosure(L, l_wrap, 1);
        lua_setfield(L, -2, "wrap");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void look(uint64_t *seen, uint64_t *since)
{
    uint64_t resumes = __atomic_load_n(&dog.core->resumes, __ATOMIC_RELAXED);
    uint64_t now = uv_hrtime();

    /* odd: inside a resume */
    if (resumes != *seen || (resumes & 1u) == 0) {
        *seen = resumes;
        *since = now;
        dog.strikes = 0;
    } else if (now - *since >= dog.limit) {
        *since = now;
        pthread_kill(dog.main, WATCHDOG_SIGNAL);
    }
}

static void watch(void *arg)
{
    uint64_t seen = 0;
    uint64_t since = uv_hrtime();

    (void)arg;
    uv_mutex_lock(&dog.mutex);
    while (!dog.ends) {
        uv_cond_timedwait(&dog.wake, &dog.mutex, dog.limit / LOOKS);
        if (!dog.ends)
            look(&seen, &since);
    }
    uv_mutex_unlock(&dog.mutex);
}

static void stop_watching(void)
{
    if (!dog.runs)
        return;
    uv_mutex_lock(&dog.mutex);
    dog.ends = true;
    uv_cond_signal(&dog.wake);
    uv_mutex_unlock(&dog.mutex);
    uv_thread_join(&dog.thread);
    uv_cond_destroy(&dog.wake);
    uv_mutex_destroy(&dog.mutex);
    memset(&dog, 0, sizeof dog);
}

static void start_watching(lua_State *L, struct core *c, double seconds)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    dog.core = c;
    dog.limit = (uint64_t)(seconds * 1e9);
    dog.main = pthread_self();
    sigaction(WATCHDOG_SIGNAL, &action, NULL);
    uv_mutex_init(&dog.mutex);
    uv_cond_init(&dog.wake);
    dog.runs = uv_thread_create(&dog.thread, watch, NULL) == 0;
    if (!dog.runs)
        luaL_error(L, "core.watchdog: no thread");
}

static int watchdog_gc(lua_State *L)
{
    (void)L;
    stop_watching();
    return 0;
}

/***
Stops tasks that run for too long without waiting: `fn` is called inside the
task, with where it is and the limit, and what it returns is raised there.

@function watchdog
@tparam number seconds longest time between two waits; 0 ends watching
@tparam[opt] function fn
*/
static int l_watchdog(lua_State *L)
{
    struct core *c = core_get(L);
    double seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e6, 1, "seconds from 0");

    stop_watching();
    if (seconds == 0)
        return 0;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handler_key);
    track_coroutines(L);
    start_watching(L, c, seconds);
    return 0;
}

void lwatchdog_register(lua_State *L)
{
    lua_pushcfunction(L, l_watchdog);
    lua_setfield(L, -2, "watchdog");
    /* the thread must end before the core does: collected first */
    lua_newuserdatauv(L, 0, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, watchdog_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &dog);
}
