/* SPDX-License-Identifier: MIT
 *
 * attest.core, the C half of attest, as a Lua module: time, tasks and ports
 * on the loop that luv uses. The runner and a stock lua5.4 load the same code.
 *
 * Invariant: the core's userdata is made after luv's and before every port's,
 * so that at the end of the state ports close first, the core's own handles
 * next and luv's loop last.
 */
#include "lcore.h"

#include "lsqlite.h"
#include "ltask.h"
#include "lvocabulary.h"
#include "lescape.h"
#include "lports.h"
#include "ltrace.h"

#include <luv/luv.h>
#include <sha2.h>
#include <string.h>
#include <time.h>

#define CORE_TYPE "attest.core"

#ifndef ATTEST_VERSION
#define ATTEST_VERSION "0.0.0"
#endif

static const char core_key; /* its address names the core in the registry */
static const char error_key;
static const char traceback_key;

struct core *core_get(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &core_key);
    struct core *c = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (c == NULL || c->L == NULL)
        luaL_error(L, "attest.core is closed");
    return c;
}

struct loop *core_loop(lua_State *L)
{
    return &core_get(L)->loop;
}

int push_failure(lua_State *L, int err, const char *detail)
{
    const char *name = uv_err_name(err);

    lua_pushnil(L);
    if (detail == NULL || detail[0] == '\0')
        detail = uv_strerror(err);
    lua_pushfstring(L, "%s: %s", name, detail);
    lua_pushstring(L, name);
    return 3;
}

void check_options(lua_State *L, int index, const char *const names[])
{
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
                                                         : luaL_typename(L, -2);
        int i = 0;
        while (names[i] != NULL && strcmp(names[i], key) != 0)
            i++;
        if (names[i] == NULL)
            luaL_error(L, "unknown option '%s'", key);
        lua_pop(L, 1);
    }
}

/* errors in callbacks */

static int keep_traceback(lua_State *L)
{
    luaL_traceback(L, L, NULL, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
    return 1;
}

void core_report(struct core *c, lua_State *L, const char *traceback, int owner)
{
    int err = lua_gettop(L);

    lua_rawgetp(L, LUA_REGISTRYINDEX, &error_key);
    if (lua_isnil(L, -1)) {
        lua_writestringerror("attest: error in a callback: %s\n",
                             luaL_tolstring(L, err, NULL));
        lua_writestringerror("%s\n", traceback == NULL ? "" : traceback);
        lua_settop(L, err - 1);
        return;
    }
    lua_pushvalue(L, err);
    lua_pushstring(L, traceback);
    if (owner == 0)
        lua_pushnil(L);
    else
        lua_pushvalue(L, owner);
    core_enter(c, NULL); /* it may look at what a script raised */
    int status = lua_pcall(L, 3, 0, 0);
    core_leave(c);
    if (status != LUA_OK)
        lua_writestringerror("attest: error in the handler of errors: %s\n",
                             luaL_tolstring(L, -1, NULL));
    lua_settop(L, err - 1);
}

static void set_callback_owner(struct core *c, lua_State *L, int owner)
{
    if (owner == 0)
        lua_pushnil(L);
    else
        lua_pushvalue(L, owner);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &c->tasks);
}

void core_enter(struct core *c, struct account *account)
{
    c->resumes++;
    c->in_turn = true;
    memory_charge(&c->memory, account);
}

void core_leave(struct core *c)
{
    memory_charge(&c->memory, NULL);
    watchdog_leave(c);
    c->in_turn = false;
    c->resumes++;
}

void core_close(struct core *c, lua_State *thread, struct account *account)
{
    c->closing = thread;
    core_enter(c, account);
    lua_resetthread(thread);
    core_leave(c);
    c->closing = NULL;
}

struct account *core_begin(struct core *c, lua_State *L, int owner)
{
    struct account *account = NULL;

    lua_pushcfunction(L, keep_traceback);
    if (owner != 0 && !c->in_turn) {
        set_callback_owner(c, L, owner);
        account = push_account(L, owner);
        lua_pop(L, 1); /* the owner anchors it */
    }
    return account;
}

void core_do(struct core *c, lua_State *L, int nargs, int handler, int owner,
             struct account *account)
{
    bool is_nested = c->in_turn; /* in a task's, or another callback's */

    if (!is_nested)
        core_enter(c, account);
    int status = lua_pcall(L, nargs, 0, handler);
    if (!is_nested)
        core_leave(c);
    if (status != LUA_OK) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key);
        lua_insert(L, -2);
        lua_pushnil(L); /* out of memory makes no traceback */
        lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
        core_report(c, L, lua_tostring(L, -2), owner);
        lua_pop(L, 1);
    }
}

void core_end(struct core *c, lua_State *L, int owner)
{
    if (owner != 0 && !c->in_turn)
        set_callback_owner(c, L, 0);
}

void core_call(struct core *c, lua_State *L, int nargs, int owner)
{
    int base = lua_gettop(L) - nargs;
    struct account *account = core_begin(c, L, owner);

    lua_insert(L, base);
    core_do(c, L, nargs, base, owner, account);
    core_end(c, L, owner);
    lua_remove(L, base);
}

void core_guard(struct core *c, lua_CFunction fn, void *arg)
{
    lua_State *L = c->L;

    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        c->lacks_memory = true;
        uv_stop(c->loop.uv);
    }
}

void core_check_memory(struct core *c, lua_State *L)
{
    if (c->lacks_memory) {
        c->lacks_memory = false;
        luaL_error(L, "not enough memory");
    }
}

void core_reserve(lua_State *L, unsigned count)
{
    struct core *c = core_get(L);
    size_t all =
        (size_t)c->tasks + c->timers + c->ports + c->loop.files + count;

    if (clock_reserve(&c->loop.clock, all) < 0)
        luaL_error(L, "not enough memory");
}

/***
Sets who is told of errors in callbacks and in tasks that nobody joins.

@function on_error
@tparam function fn called with the error, its traceback and its owner
*/
static int l_on_error(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &error_key);
    return 0;
}

/***
Sets who answers for errors in the running task, or callback, and in what it
starts.

@function set_owner
@param owner any value
*/
static int l_set_owner(lua_State *L)
{
    lua_settop(L, 1);
    core_set_owner(core_get(L), L);
    return 0;
}

/***
Returns who answers for errors in the running task or callback.

@function owner
@return the owner, or nil
*/
static int l_owner(lua_State *L)
{
    core_push_owner(core_get(L), L);
    return 1;
}

/* time */

/***
Returns monotonic time.

@function now
@treturn number seconds since some start
*/
static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)loop_now(core_loop(L)) / 1e9);
    return 1;
}

/***
Tells whether a file descriptor is a terminal: what is shown there is read by a
person, and must not command it.

@function is_terminal
@tparam integer fd 0, 1 or 2
@treturn boolean
*/
static int l_is_terminal(lua_State *L)
{
    uv_file fd = (uv_file)luaL_checkinteger(L, 1);

    lua_pushboolean(L, uv_guess_handle(fd) == UV_TTY);
    return 1;
}

static double real_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/***
Returns the time of day.

@function wall
@treturn number seconds since 1970, with fraction
*/
static int l_wall(lua_State *L)
{
    struct core *c = core_get(L);
    double now = (double)loop_now(&c->loop) / 1e9;

    lua_pushnumber(L, c->is_virtual ? c->wall_offset + now : real_wall());
    return 1;
}

/***
Switches to virtual time: it stands still while anything can run and jumps to
the next deadline when nothing can. There is no way back.

@function virtual
*/
static int l_virtual(lua_State *L)
{
    struct core *c = core_get(L);

    if (!c->is_virtual) {
        clock_make_virtual(&c->loop.clock);
        c->is_virtual = true;
        c->wall_offset = real_wall() - (double)loop_now(&c->loop) / 1e9;
    }
    return 0;
}

/***
Raises where nothing may wait: outside of tasks, and in a coroutine of the
script's own. For who does something before it waits.

@function check_wait
*/
static int l_check_wait(lua_State *L)
{
    task_check(L);
    return 0;
}

/***
Makes virtual time stand while something real is under way.

@function hold
*/
static int l_hold(lua_State *L)
{
    loop_hold(core_loop(L));
    return 0;
}

/***
Lets virtual time go on; ends one `core.hold`.

@function release
*/
static int l_release(lua_State *L)
{
    struct loop *loop = core_loop(L);

    if (loop->holds == 0)
        return luaL_error(L, "core.release without core.hold");
    loop_release(loop);
    return 0;
}

/* the rest */

/***
Counts what is alive, for tests that check that nothing is left.

@function live
@treturn table `tasks`, `ports`, `timers`
*/
static int l_live(lua_State *L)
{
    struct core *c = core_get(L);

    lua_createtable(L, 0, 3);
    lua_pushinteger(L, c->tasks);
    lua_setfield(L, -2, "tasks");
    lua_pushinteger(L, c->ports);
    lua_setfield(L, -2, "ports");
    lua_pushinteger(L, c->timers);
    lua_setfield(L, -2, "timers");
    return 1;
}

/***
Returns the SHA-256 of some bytes.

@function sha256
@tparam string bytes
@treturn string 64 hexadecimal digits
*/
static int l_sha256(lua_State *L)
{
    size_t length;
    const char *bytes = luaL_checklstring(L, 1, &length);
    char hex[SHA256_DIGEST_STRING_LENGTH];

    SHA256Data((const uint8_t *)bytes, length, hex);
    lua_pushstring(L, hex);
    return 1;
}

static int core_gc(lua_State *L)
{
    struct core *c = lua_touserdata(L, 1);

    if (c->L == NULL)
        return 0;
    while (c->ports > 0)
        uv_run(c->loop.uv, UV_RUN_NOWAIT);
    loop_clean(&c->loop);
    memory_unwatch(&c->memory, L);
    c->L = NULL;
    return 0;
}

static void open_core(lua_State *L)
{
    struct core *c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (struct core){0};
    if (luaL_newmetatable(L, CORE_TYPE)) {
        lua_pushcfunction(L, core_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    int err = loop_init(&c->loop, luv_loop(L));
    if (err < 0)
        luaL_error(L, "attest.core: %s", uv_strerror(err));
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    c->L = lua_tothread(L, -1);
    lua_pop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &core_key);
}

/* luv has a loop: the runner's, which is there before luv is, or its own. */
static void require_loop(lua_State *L)
{
    if (luv_loop(L) != NULL)
        return;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "luv");
    lua_call(L, 1, 0);
}

__attribute__((visibility("default"))) int luaopen_attest_core(lua_State *L);

int luaopen_attest_core(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"now", l_now},
        {"is_terminal", l_is_terminal},
        {"wall", l_wall},
        {"virtual", l_virtual},
        {"hold", l_hold},
        {"release", l_release},
        {"on_error", l_on_error},
        {"live", l_live},
        {"sha256", l_sha256},
        {"owner", l_owner},
        {"set_owner", l_set_owner},
        {"check_wait", l_check_wait},
        {NULL, NULL},
    };

    require_loop(L);
    open_core(L);
    luaL_newlib(L, functions);
    lua_pushliteral(L, ATTEST_VERSION);
    lua_setfield(L, -2, "version");
    ltask_register(L);
    ltimer_register(L);
    lport_register(L);
    lvocabulary_register(L);
    lports_register(L);
    ltrace_register(L);
    lescape_register(L);
    lsqlite_register(L);
    lwatchdog_register(L);
    lmemory_register(L);
    return 1;
}
