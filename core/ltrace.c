/* SPDX-License-Identifier: MIT
 *
 * Transcripts for Lua: `core.trace{}` and a reader of their lines. See
 * trace.h; a box holds one reference.
 */
#include "ltrace.h"

#include "lcore.h"
#include "trace.h"
#include "trace_line.h"

#define TRACE_TYPE "attest.trace"

static struct trace **box_of(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, TRACE_TYPE);
}

struct trace *ltrace_check(lua_State *L, int arg)
{
    struct trace **box = box_of(L, arg);

    if (*box == NULL)
        luaL_error(L, "the trace is closed");
    return *box;
}

/* -------------------------------------------------------------- options */

static const char *text_option(lua_State *L, const char *name)
{
    if (lua_getfield(L, 1, name) == LUA_TNIL)
        return NULL;
    if (!lua_isstring(L, -1)) /* a slot may be a number */
        luaL_error(L, "%s must be a string", name);
    return lua_tostring(L, -1); /* stays on the stack */
}

static void read_options(lua_State *L, struct trace_options *o)
{
    static const char *const names[] = {"path", "slot",  "port",
                                        "keep", "limit", NULL};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    check_options(L, 1, names);
    o->path = text_option(L, "path");
    o->slot = text_option(L, "slot");
    o->port = text_option(L, "port");
    lua_getfield(L, 1, "keep");
    o->keep = lua_toboolean(L, -1);
    lua_getfield(L, 1, "limit");
    int is_integer = 1;
    lua_Integer limit = TRACE_KEEP;
    if (!lua_isnil(L, -1))
        limit = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || limit <= 0)
        luaL_error(L, "limit must be a positive integer");
    o->keep_limit = (size_t)limit;
}

/***
Begins a transcript, in a file that is continued, in memory, or both.

@function trace
@tparam[opt] string options.path file
@tparam[opt] string|number options.slot name of the slot
@tparam[opt] string options.port name of the port
@tparam[opt=false] boolean options.keep keep the text, for `text`
@tparam[opt] number options.limit bytes of text kept at most
@treturn[1] attest.trace
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOENT"`, `"EACCES"` or another name of an open's failure
*/
static int l_open(lua_State *L)
{
    struct trace_options options = {0};

    read_options(L, &options);
    struct loop *loop = core_loop(L);
    core_reserve(L, 1);
    struct trace **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, TRACE_TYPE);
    int err = trace_open(loop, &options, box);
    if (err == 0)
        return 1;
    return push_failure(
        L, err,
        options.path == NULL
            ? NULL
            : lua_pushfstring(L, "%s: %s", options.path, uv_strerror(err)));
}

/* -------------------------------------------------------------- methods */

static int l_close(lua_State *L)
{
    struct trace **box = box_of(L, 1);
    struct trace *t = *box;

    *box = NULL;
    if (t != NULL) {
        trace_close(t);
        trace_release(t);
    }
    return 0;
}

static int l_tostring(lua_State *L)
{
    struct trace **box = box_of(L, 1);

    if (*box == NULL)
        lua_pushliteral(L, TRACE_TYPE " (closed)");
    else
        lua_pushfstring(L, TRACE_TYPE " (%p)", (void *)*box);
    return 1;
}

/***
Returns where the next line begins: in the file, or in the kept text when
there is no file.

@function trace:offset
@treturn integer bytes
*/
static int l_offset(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)trace_offset(ltrace_check(L, 1)));
    return 1;
}

/***
Returns where the first line of this trace begins; not 0 when a file was
continued.

@function trace:start
@treturn integer bytes
*/
static int l_start(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)trace_start(ltrace_check(L, 1)));
    return 1;
}

static uint64_t offset_argument(lua_State *L, int arg, uint64_t otherwise)
{
    if (lua_isnoneornil(L, arg))
        return otherwise;
    lua_Integer offset = luaL_checkinteger(L, arg);
    luaL_argcheck(L, offset >= 0, arg, "must not be negative");
    return (uint64_t)offset;
}

/***
Returns the kept text between two offsets, as far as it was kept.

@function trace:text
@tparam[opt] integer from default: the start
@tparam[opt] integer to default: the end
@treturn string lines; empty without `keep`
*/
static int l_text(lua_State *L)
{
    struct trace *t = ltrace_check(L, 1);
    const char *text;
    size_t length;

    trace_text(t, offset_argument(L, 2, 0), offset_argument(L, 3, UINT64_MAX),
               &text, &length);
    lua_pushlstring(L, text, length);
    return 1;
}

/***
Hides these bytes from now on: sent, received and in marks, also when they
come in pieces. Each form on the wire (quoted, escaped) is a secret of its own.

@function trace:mask
@tparam string secret not empty
*/
static int l_mask(lua_State *L)
{
    struct trace *t = ltrace_check(L, 1);
    size_t length;
    const char *secret = luaL_checklstring(L, 2, &length);

    luaL_argcheck(L, length > 0, 2, "must not be empty");
    if (trace_mask(t, secret, length) < 0)
        return luaL_error(L, "not enough memory");
    return 0;
}

/***
Writes a mark.

@function trace:mark
@tparam string text
*/
static int l_mark(lua_State *L)
{
    struct trace *t = ltrace_check(L, 1);
    size_t length;
    const char *text = luaL_checklstring(L, 2, &length);

    trace_mark(t, text, length, loop_now(core_loop(L)));
    return 0;
}

/***
Tells whether the file could be written so far.

@function trace:status
@treturn[1] boolean true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOSPC"`, `"EIO"` or another name of a write's failure
*/
static int l_status(lua_State *L)
{
    int err = trace_status(ltrace_check(L, 1));

    if (err < 0)
        return push_failure(L, err, NULL);
    lua_pushboolean(L, true);
    return 1;
}

/***
Tells how much of the file is still to be written: `status` does not know of it.

@function trace:behind
@treturn integer bytes; 0 without a file
*/
static int l_behind(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)trace_behind(ltrace_check(L, 1)));
    return 1;
}

/* --------------------------------------------------------- reading lines */

/* Pushes the bytes, and a list of { place, count } of the masked ones (which
   are '?' in the bytes) or nil. */
static void push_bytes(lua_State *L, struct trace_field f)
{
    luaL_Buffer b;
    lua_Integer masks = 0;
    size_t total = 0;

    lua_newtable(L);
    int list = lua_gettop(L);
    luaL_buffinit(L, &b);
    while (f.length > 0) {
        char byte = '?';
        size_t wild;
        size_t n = trace_line_next(f.text, f.length, &byte, &wild);
        size_t count = wild > 0 ? wild : 1;
        for (size_t i = 0; i < count; i++)
            luaL_addchar(&b, byte);
        if (wild > 0) {
            lua_createtable(L, 2, 0);
            lua_pushinteger(L, (lua_Integer)total + 1);
            lua_rawseti(L, -2, 1);
            lua_pushinteger(L, (lua_Integer)wild);
            lua_rawseti(L, -2, 2);
            lua_rawseti(L, list, ++masks);
        }
        total += count;
        f.text += n;
        f.length -= n;
    }
    luaL_pushresult(&b);
    lua_insert(L, list);
    if (masks == 0) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
}

/* A lone "-" is an empty field; a real one is escaped. */
static void set_field(lua_State *L, const char *name, struct trace_field f)
{
    if (f.length == 1 && f.text[0] == '-')
        return;
    push_bytes(L, f);
    lua_pop(L, 1);
    lua_setfield(L, -2, name);
}

/***
Reads a line of a transcript.

@function trace_line
@tparam string line with or without its end
@treturn[1] table `at` (monotonic seconds), `wall` (seconds since 1970),
`direction` (`">"`, `"<"` or `"!"`), `slot` and `port` unless empty, `bytes`,
and `masks` when a secret was hidden: a list of { place, count } of bytes, `"?"`
in `bytes`, that stand for any
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EINVAL"`
*/
static int l_line(lua_State *L)
{
    struct trace_line l;
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    const int err = trace_line_parse(text, length, &l);

    if (err < 0)
        return push_failure(L, err, "not a line of a transcript");
    const char direction = (char)l.direction;
    lua_createtable(L, 0, 7);
    lua_pushnumber(L, (lua_Number)l.at_us / 1e6);
    lua_setfield(L, -2, "at");
    lua_pushnumber(L, (lua_Number)l.wall_ms / 1e3);
    lua_setfield(L, -2, "wall");
    lua_pushlstring(L, &direction, 1);
    lua_setfield(L, -2, "direction");
    set_field(L, "slot", l.slot);
    set_field(L, "port", l.port);
    push_bytes(L, l.bytes);
    lua_setfield(L, -3, "masks");
    lua_setfield(L, -2, "bytes");
    return 1;
}

void ltrace_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"offset", l_offset}, {"start", l_start},         {"text", l_text},
        {"mask", l_mask},     {"mark", l_mark},           {"status", l_status},
        {"behind", l_behind}, {"close", l_close},         {"__gc", l_close},
        {"__close", l_close}, {"__tostring", l_tostring}, {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"trace", l_open},
        {"trace_line", l_line},
        {NULL, NULL},
    };

    luaL_newmetatable(L, TRACE_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
