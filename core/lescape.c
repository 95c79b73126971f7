/* SPDX-License-Identifier: MIT
 *
 * The escape from passthrough for Lua: `core.escape{}`. See escape.h. Every
 * method takes an optional last argument, the time in seconds of core.now();
 * left out, it is exactly now.
 */
#include "lescape.h"

#include <string.h>

#include "escape.h"
#include "lcore.h"

#define HOST_TYPE "attest.escape_host"
#define MODULE_TYPE "attest.escape_module"

static struct escape_host *check_host(lua_State *L)
{
    return luaL_checkudata(L, 1, HOST_TYPE);
}

static struct escape_module *check_module(lua_State *L)
{
    return luaL_checkudata(L, 1, MODULE_TYPE);
}

static uint64_t time_argument(lua_State *L, int arg)
{
    if (lua_isnoneornil(L, arg))
        return loop_now(core_loop(L));
    lua_Number seconds = luaL_checknumber(L, arg);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e10, arg, "not a time");
    return (uint64_t)(seconds * 1e9 + 0.5);
}

/* Seconds until `at`, rounded up to a microsecond so that a timer of so long
   is never too early for ever; nil for never. */
static int push_wait(lua_State *L, uint64_t at, uint64_t now)
{
    if (at == ESCAPE_NEVER) {
        lua_pushnil(L);
        return 1;
    }
    uint64_t us = at > now ? (at - now + 999) / 1000 : 0;
    lua_pushnumber(L, (lua_Number)us / 1e6);
    return 1;
}

static uint64_t guard_option(lua_State *L, const char *name)
{
    lua_Number seconds = ESCAPE_GUARD_NS / 1e9;
    int is_number = 1;

    if (lua_getfield(L, 1, name) != LUA_TNIL)
        seconds = lua_tonumberx(L, -1, &is_number);
    lua_pop(L, 1);
    if (!is_number || !(seconds >= 0 && seconds < 3600))
        luaL_error(L, "%s must be 0 to 3600 seconds", name);
    return (uint64_t)(seconds * 1e9 + 0.5);
}

/***
Makes one side of the escape from passthrough.

@function escape
@tparam string options.side `"host"` (sends it) or `"module"` (detects it)
@tparam[opt=1] number options.before seconds of silence before the pluses
@tparam[opt=1] number options.after seconds of silence after them
@tparam[opt] number at when the last byte before the passthrough went
@treturn attest.escape_host|attest.escape_module
*/
static int l_escape(lua_State *L)
{
    static const char *const names[] = {"side", "before", "after", NULL};

    luaL_checktype(L, 1, LUA_TTABLE);
    check_options(L, 1, names);
    uint64_t now = time_argument(L, 2);
    uint64_t before = guard_option(L, "before");
    uint64_t after = guard_option(L, "after");
    lua_getfield(L, 1, "side");
    const char *side = lua_tostring(L, -1);
    if (side != NULL && strcmp(side, "host") == 0) {
        escape_host_init(lua_newuserdatauv(L, sizeof(struct escape_host), 0),
                         before, after, now);
        luaL_setmetatable(L, HOST_TYPE);
    } else if (side != NULL && strcmp(side, "module") == 0) {
        escape_module_init(
            lua_newuserdatauv(L, sizeof(struct escape_module), 0), before,
            after, now);
        luaL_setmetatable(L, MODULE_TYPE);
    } else {
        return luaL_error(L, "side must be \"host\" or \"module\"");
    }
    return 1;
}

/* ------------------------------------------------------------------ host */

/***
Notes that the application's bytes went out.

@function escape_host:wrote
@tparam string bytes
*/
static int l_wrote(lua_State *L)
{
    size_t length;
    struct escape_host *e = check_host(L);
    const char *bytes = luaL_checklstring(L, 2, &length);

    escape_host_wrote(e, bytes, length, time_argument(L, 3));
    return 0;
}

/***
Notes that the last byte left a queue only now.

@function escape_host:left
*/
static int l_left(lua_State *L)
{
    escape_host_left(check_host(L), time_argument(L, 2));
    return 0;
}

/***
Tells whether writing these bytes now could be an escape nobody asked for.

@function escape_host:would
@tparam string bytes
@treturn boolean
*/
static int l_would(lua_State *L)
{
    size_t length;
    const struct escape_host *e = check_host(L);
    const char *bytes = luaL_checklstring(L, 2, &length);

    lua_pushboolean(L,
                    escape_host_would(e, bytes, length, time_argument(L, 3)));
    return 1;
}

/***
Wants the escape: from now on the application's writes are held.

@function escape_host:begin
*/
static int l_begin(lua_State *L)
{
    escape_host_begin(check_host(L));
    return 0;
}

/***
Tells whether the application's writes must wait.

@function escape_host:holds
@treturn boolean
*/
static int l_holds(lua_State *L)
{
    lua_pushboolean(L, escape_host_holds(check_host(L)));
    return 1;
}

/***
Tells, once, that `+++` must be written now, in one write.

@function escape_host:take
@treturn boolean
*/
static int l_take(lua_State *L)
{
    struct escape_host *e = check_host(L);

    lua_pushboolean(L, escape_host_take(e, time_argument(L, 2)));
    return 1;
}

/***
Tells whether both silences were kept.

@function escape_host:is_done
@treturn boolean
*/
static int l_is_done(lua_State *L)
{
    struct escape_host *e = check_host(L);

    lua_pushboolean(L, escape_host_is_done(e, time_argument(L, 2)));
    return 1;
}

/***
Ends or gives up the escape; the application may write again.

@function escape_host:finish
*/
static int l_host_finish(lua_State *L)
{
    escape_host_end(check_host(L));
    return 0;
}

/***
Returns how long until `take` or `is_done` turns true.

@function escape_host:wait
@treturn number|nil seconds
*/
static int l_host_wait(lua_State *L)
{
    const struct escape_host *e = check_host(L);

    return push_wait(L, escape_host_next(e), time_argument(L, 2));
}

/* ---------------------------------------------------------------- module */

static int push_verdict(lua_State *L, enum escape_verdict verdict,
                        unsigned released)
{
    switch (verdict) {
    case ESCAPE_DATA:
        lua_pushliteral(L, "data");
        break;
    case ESCAPE_HELD:
        lua_pushliteral(L, "held");
        break;
    case ESCAPE_DONE:
        lua_pushliteral(L, "done");
        break;
    }
    lua_pushlstring(L, "+++", released);
    return 2;
}

/***
Judges a chunk from the host.

@function escape_module:feed
@tparam string chunk
@treturn string `"data"`; `"held"`: it may be an escape and is kept; `"done"`:
the escape was complete before it, so it is a command
@treturn string pluses kept before that are data and come before the chunk
*/
static int l_feed(lua_State *L)
{
    size_t length;
    unsigned released;
    struct escape_module *e = check_module(L);
    const char *chunk = luaL_checklstring(L, 2, &length);
    enum escape_verdict verdict =
        escape_module_feed(e, chunk, length, time_argument(L, 3), &released);

    return push_verdict(L, verdict, released);
}

/***
Judges the silence so far.

@function escape_module:tick
@treturn string `"done"`: the escape is complete; `"held"`: still open;
`"data"`: nothing is kept
@treturn string pluses that turned out to be data
*/
static int l_tick(lua_State *L)
{
    unsigned released;
    struct escape_module *e = check_module(L);
    enum escape_verdict verdict =
        escape_module_tick(e, time_argument(L, 2), &released);

    return push_verdict(L, verdict, released);
}

/***
Ends the passthrough by other means.

@function escape_module:finish
@treturn string pluses that were kept and are data
*/
static int l_module_finish(lua_State *L)
{
    lua_pushlstring(L, "+++", escape_module_end(check_module(L)));
    return 1;
}

/***
Returns how long until `tick` settles something.

@function escape_module:wait
@treturn number|nil seconds
*/
static int l_module_wait(lua_State *L)
{
    const struct escape_module *e = check_module(L);

    return push_wait(L, escape_module_next(e), time_argument(L, 2));
}

static void new_type(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void lescape_register(lua_State *L)
{
    static const luaL_Reg host[] = {
        {"wrote", l_wrote},        {"left", l_left},
        {"would", l_would},        {"begin", l_begin},
        {"holds", l_holds},        {"take", l_take},
        {"is_done", l_is_done},    {"wait", l_host_wait},
        {"finish", l_host_finish}, {NULL, NULL},
    };
    static const luaL_Reg module[] = {
        {"feed", l_feed},
        {"tick", l_tick},
        {"wait", l_module_wait},
        {"finish", l_module_finish},
        {NULL, NULL},
    };

    new_type(L, HOST_TYPE, host);
    new_type(L, MODULE_TYPE, module);
    lua_pushcfunction(L, l_escape);
    lua_setfield(L, -2, "escape");
}
