/* SPDX-License-Identifier: MIT
 *
 * Ports for Lua: a port, its framer and the function that hears its frames.
 *
 * The handler is called for each frame while the chunk is parsed, so what it
 * changes (an expected prompt, passthrough, a write) holds from the next
 * byte. The port's userdata is found through a weak table: a port that the
 * script lost is collected and closed like any other value.
 */
#include "lport.h"

#include "lport_config.h"
#include "ltask.h"
#include "trace.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PORT_TYPE "attest.port"

static const char ports_key; /* weak table: struct lport * -> box */

struct lport **lport_box(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, PORT_TYPE);
}

struct lport *lport_check(lua_State *L, int arg)
{
    struct lport **box = lport_box(L, arg);
    if (*box == NULL)
        luaL_error(L, "the port is closed");
    return *box;
}

int lport_done(lua_State *L, int err, const char *detail)
{
    if (err < 0)
        return push_failure(L, err, detail);
    lua_pushboolean(L, 1);
    return 1;
}

/* frames to Lua */

static bool push_box(lua_State *L, const struct lport *lp)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ports_key);
    lua_rawgetp(L, -1, lp);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

/* What a handler is called with, from this stack index on. */
enum { CALL_BOX, CALL_OWNER, CALL_MESSAGE, CALL_FUNCTION };

/* Pushes it. Returns its index, or 0 when nobody listens. */
static int begin_calls(lua_State *L, struct lport *lp)
{
    int top = lua_gettop(L);

    lua_checkstack(L, 16);
    if (!lp->has_handler || !push_box(L, lp)) {
        lua_settop(L, top);
        return 0;
    }
    if (lp->has_owner)
        lua_getiuservalue(L, top + 1, VALUE_OWNER);
    else
        lua_pushnil(L);
    lp->account =
        core_begin(lp->core, L, lp->has_owner ? top + 1 + CALL_OWNER : 0);
    lua_getiuservalue(L, top + 1, VALUE_HANDLER);
    return top + 1;
}

static int owner_of(lua_State *L, int calls)
{
    return lua_isnil(L, calls + CALL_OWNER) ? 0 : calls + CALL_OWNER;
}

static void end_calls(lua_State *L, struct lport *lp, int calls)
{
    if (calls == 0)
        return;
    core_end(lp->core, L, owner_of(L, calls));
    lua_settop(L, calls - 1);
}

static int push_frame(lua_State *L, const struct frame *f)
{
    static const char *const faults[] = {NULL, "short", "long", "cut"};

    switch (f->kind) {
    case FRAME_LINE:
        lua_pushliteral(L, "line");
        break;
    case FRAME_PROMPT:
        lua_pushliteral(L, "prompt");
        return 1;
    case FRAME_PAYLOAD:
        lua_pushliteral(L, "payload");
        lua_pushlstring(L, f->bytes, f->length);
        lua_pushlstring(L, f->header, f->header_length);
        lua_pushstring(L, faults[f->fault]);
        return 4;
    case FRAME_ECHO:
        lua_pushliteral(L, "echo");
        return 1;
    case FRAME_NOISE:
        lua_pushliteral(L, "noise");
        break;
    case FRAME_DATA:
        lua_pushliteral(L, "data");
        break;
    case FRAME_OVERFLOW:
        lua_pushliteral(L, "overflow");
        return 1;
    }
    lua_pushlstring(L, f->bytes, f->length);
    return 2;
}

/* Calls the handler with a frame, both arguments, in protected mode: what is
   pushed may be more than there is memory for. */
static int deliver(lua_State *L)
{
    const struct frame *f = lua_touserdata(L, 2);

    lua_settop(L, 1);
    lua_call(L, push_frame(L, f), 0);
    return 0;
}

/* Frames of one chunk share what they are called with. */
static bool is_in_chunk(const struct lport *lp, const lua_State *L)
{
    return lp->in_chunk && L == lp->core->L;
}

int lport_begin(struct lport *lp, lua_State *L)
{
    int calls = is_in_chunk(lp, L) ? lp->calls : 0;

    if (calls == 0)
        calls = begin_calls(L, lp);
    if (is_in_chunk(lp, L))
        lp->calls = calls;
    if (calls != 0)
        lua_pushvalue(L, calls + CALL_FUNCTION);
    return calls;
}

void lport_call(struct lport *lp, lua_State *L, int calls, int nargs)
{
    core_do(lp->core, L, nargs, calls + CALL_MESSAGE, owner_of(L, calls),
            lp->account);
    if (!is_in_chunk(lp, L))
        end_calls(L, lp, calls);
}

static void on_frame(void *arg, const struct frame *f)
{
    struct lport *lp = arg;
    lua_State *L = lp->core->L;

    if (lp->exchange.state != EXCHANGE_NONE && exchange_take(lp, f))
        return;
    if (!lp->has_handler || hearing_drops(lp, f))
        return;
    int calls = lport_begin(lp, L);
    if (calls != 0) {
        lua_pushcfunction(L, deliver);
        lua_insert(L, -2);
        lua_pushlightuserdata(L, (void *)f);
        lport_call(lp, L, calls, 2);
    }
}

/* events of the port */

static uint64_t idle_after(const struct lport *lp)
{
    return lp->stamp + FRAMER_IDLE_MS * UINT64_C(1000000);
}

static int say_closed(lua_State *L)
{
    struct lport *lp = lua_touserdata(L, 1);
    int calls = lport_begin(lp, L);

    if (calls == 0)
        return 0;
    lua_pushliteral(L, "closed");
    push_failure(L, lp->status, NULL);
    lua_remove(L, -3);
    lport_call(lp, L, calls, 3);
    return 0;
}

/* A line that is out of memory is a port that cannot be trusted any more. */
static void check_fed(struct lport *lp, int err)
{
    if (err < 0 && lp->port != NULL && !lp->framer.stopped) {
        lp->status = err;
        lp->framer.stopped = true;
        core_guard(lp->core, say_closed, lp);
    }
}

static void watch_idle(struct lport *lp)
{
    struct loop *l = &lp->core->loop;

    if (lp->port == NULL || !framer_is_pending(&lp->framer))
        loop_cancel(l, &lp->idle);
    else if (lp->idle.place == 0)
        loop_set(l, &lp->idle, idle_after(lp));
}

static void on_idle(struct deadline *d)
{
    struct lport *lp =
        (struct lport *)((char *)d - offsetof(struct lport, idle));
    struct loop *l = &lp->core->loop;

    if (idle_after(lp) > loop_now(l))
        loop_set(l, &lp->idle, idle_after(lp));
    else
        check_fed(lp, framer_idle(&lp->framer));
}

/* Keeps a chunk until it is known what in it is secret. Without memory the
   chunk is not in the transcript: better a gap than a password. */
static void hold_chunk(struct lport *lp, const char *bytes, size_t length,
                       uint64_t at)
{
    char *held = realloc(lp->held, lp->held_length + length);

    if (held == NULL)
        return;
    if (lp->held_length == 0)
        lp->held_at = at;
    memcpy(held + lp->held_length, bytes, length);
    lp->held = held;
    lp->held_length += length;
}

void lport_release_trace(struct lport *lp)
{
    lp->holds_trace = false;
    if (lp->held_length > 0 && lp->trace != NULL)
        trace_bytes(lp->trace, TRACE_RECEIVED, lp->held, lp->held_length,
                    lp->held_at);
    free(lp->held);
    lp->held = NULL;
    lp->held_length = 0;
}

static void log_received(struct lport *lp, const char *bytes, size_t length)
{
    if (lp->trace != NULL && lp->holds_trace)
        hold_chunk(lp, bytes, length, lp->stamp);
    else if (lp->trace != NULL)
        trace_bytes(lp->trace, TRACE_RECEIVED, bytes, length, lp->stamp);
}

static void on_bytes(void *arg, const char *bytes, size_t length, uint64_t at)
{
    struct lport *lp = arg;

    lp->stamp = at;
    if (lp->first == 0)
        lp->first = at;
    log_received(lp, bytes, length);
    lp->in_chunk = true;
    int err = framer_feed(&lp->framer, bytes, length);
    lp->in_chunk = false;
    end_calls(lp->core->L, lp, lp->calls);
    lp->calls = 0;
    check_fed(lp, err);
    watch_idle(lp);
}

static void on_drained(void *arg)
{
    struct lport *lp = arg;

    if (lp->drainer != NULL)
        task_wake(lp->drainer);
}

static void on_closed(void *arg, int err)
{
    struct lport *lp = arg;

    lp->status = err;
    lport_release_trace(lp);
    if (lp->trace != NULL)
        trace_closed(lp->trace, err, loop_now(&lp->core->loop));
    on_drained(lp);
    if (lp->exchange.state != EXCHANGE_NONE)
        exchange_close(lp);
    core_guard(lp->core, say_closed, lp);
}

static void on_freed(void *arg)
{
    struct lport *lp = arg;

    framer_clean(&lp->framer);
    hearing_clean(lp);
    free(lp->exchange.lines);
    lp->core->ports--;
    free(lp);
}

/* opening and closing */

static void close_box(struct lport **box)
{
    struct lport *lp = *box;

    if (lp == NULL)
        return;
    *box = NULL;
    lp->framer.stopped = true;
    lp->exchange.state = EXCHANGE_NONE;
    if (lp->exchange.waiter != NULL)
        task_wake(lp->exchange.waiter);
    lport_release_trace(lp);
    if (lp->trace != NULL) {
        if (lp->status == 0)
            trace_closed(lp->trace, 0, loop_now(&lp->core->loop));
        trace_release(lp->trace);
        lp->trace = NULL;
    }
    loop_cancel(&lp->core->loop, &lp->idle);
    if (lp->drainer != NULL)
        task_wake(lp->drainer);
    struct port *port = lp->port;
    lp->port = NULL;
    port_close(port);
}

/***
Closes the port. Never waits; closing twice is quiet.

@function port:close
*/
static int l_close(lua_State *L)
{
    close_box(lport_box(L, 1));
    return 0;
}

/* Pushes a closed box; the port is acquired after, so a raise leaks nothing */
static struct lport **new_box(lua_State *L)
{
    struct lport **box = lua_newuserdatauv(L, sizeof *box, VALUE_OWNER);
    *box = NULL;
    luaL_setmetatable(L, PORT_TYPE);
    return box;
}

static struct lport *new_lport(lua_State *L)
{
    core_reserve(L, 2); /* a pair has two */
    struct lport *lp = calloc(1, sizeof *lp);
    if (lp == NULL)
        return NULL;
    lp->core = core_get(L);
    lp->idle.fire = on_idle;
    framer_init(&lp->framer, on_frame, lp);
    return lp;
}

/* Moves an open port to its box and begins with it. */
static void fill_box(struct lport **box, struct lport *lp, struct port *port)
{
    static const struct port_events events = {on_bytes, on_drained, on_closed,
                                              on_freed};
    lp->port = port;
    lp->core->ports++;
    *box = lp;
    lp->stamp = loop_now(&lp->core->loop);
    port_start(port, &events, lp);
}

/* Makes the box on top of the stack findable by its port. */
static void register_box(lua_State *L, struct lport *lp)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ports_key);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, lp);
    lua_pop(L, 1);
}

static void free_lport(struct lport *lp)
{
    if (lp != NULL)
        framer_clean(&lp->framer);
    free(lp);
}

/* Finishes an open: the new port's box, or the failure. */
static int opened(lua_State *L, struct lport **box, struct lport *lp, int err,
                  struct port *port, const struct port_reason *why)
{
    if (err < 0) {
        free_lport(lp);
        return push_failure(L, err, why->text);
    }
    fill_box(box, lp, port);
    if (lp->status < 0) { /* it could not begin */
        err = lp->status;
        close_box(box);
        return push_failure(L, err, NULL);
    }
    register_box(L, lp);
    return 1;
}

/***
Opens a serial device or any other tty, for itself alone.

@function open
@tparam string path
@tparam[opt] table options `baud`, `data_bits`, `parity`, `stop_bits`, `flow`,
  `dtr`, `rts`, `dtr_close`, `rts_close` ("leave", "on", "off"), `shared`,
  `max_line`
@treturn[1] attest.port
@treturn[2] nil
@treturn[2] string message; for a port in use, who holds it
@treturn[2] string such as `"ENOENT"`, `"EBUSY"`, `"EINVAL"`
*/
static int l_open(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct port_config config = PORT_CONFIG_DEFAULT;
    struct port_reason why = {""};
    struct port *port = NULL;

    lport_config(L, 2, &config);
    size_t max_line = lport_max_line(L, 2);
    struct lport **box = new_box(L);
    struct lport *lp = new_lport(L);
    if (lp == NULL)
        return push_failure(L, UV_ENOMEM, NULL);
    lp->framer.max_line = max_line;
    int err = port_open(&lp->core->loop, path, &config, &port, &why);
    return opened(L, box, lp, err, port, &why);
}

/***
Opens the master side of a new PTY; `port:path` is what a client opens.

@function pty
@tparam[opt] table options as for `open`
@treturn[1] attest.port
@treturn[2] nil
@treturn[2] string message
@treturn[2] string such as `"EMFILE"`
*/
static int l_pty(lua_State *L)
{
    struct port_config config = PORT_CONFIG_DEFAULT;
    struct port_reason why = {""};
    struct port *port = NULL;

    lport_config(L, 1, &config);
    size_t max_line = lport_max_line(L, 1);
    struct lport **box = new_box(L);
    struct lport *lp = new_lport(L);
    if (lp == NULL)
        return push_failure(L, UV_ENOMEM, NULL);
    lp->framer.max_line = max_line;
    int err = port_open_pty(&lp->core->loop, &config, &port, &why);
    return opened(L, box, lp, err, port, &why);
}

/***
Opens two ends in memory: what one writes the other hears, from the loop.

@function pair
@tparam[opt=0] int chunk most bytes delivered in one turn; 0: all
@treturn attest.port
@treturn attest.port
*/
static int l_pair(lua_State *L)
{
    lua_Integer chunk = luaL_optinteger(L, 1, 0);
    struct port *a = NULL;
    struct port *b = NULL;

    luaL_argcheck(L, chunk >= 0, 1, "must not be negative");
    lua_settop(L, 0);
    struct lport **first = new_box(L);
    struct lport **second = new_box(L);
    struct lport *lp = new_lport(L);
    struct lport *lq = new_lport(L);
    int err = lp == NULL || lq == NULL
                  ? UV_ENOMEM
                  : port_open_pair(&lp->core->loop, (size_t)chunk, &a, &b);
    if (err < 0) {
        free_lport(lp);
        free_lport(lq);
        return luaL_error(L, "%s", uv_strerror(err));
    }
    fill_box(first, lp, a);
    fill_box(second, lq, b);
    register_box(L, lq);
    lua_insert(L, 1);
    register_box(L, lp);
    lua_insert(L, 1);
    return 2;
}

/* using */

/***
Sets the function that hears every frame, synchronously; nil for none.

@function port:listen
@tparam function fn called with the kind ("line", "prompt", "payload", "echo",
  "noise", "data", "overflow", "closed") and its values
*/
static int l_listen(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lp->has_handler = !lua_isnil(L, 2);
    if (lp->calls !=
        0) { /* called by the former one, in the middle of a chunk */
        lua_State *M = lp->core->L;
        lua_pushvalue(L, 2);
        if (L != M)
            lua_xmove(L, M, 1);
        lua_replace(M, lp->calls + CALL_FUNCTION);
    }
    lua_setiuservalue(L, 1, VALUE_HANDLER);
    core_push_owner(lp->core, L);
    lp->has_owner = !lua_isnil(L, -1);
    lua_setiuservalue(L, 1, VALUE_OWNER);
    return 0;
}

static int l_port_tostring(lua_State *L)
{
    struct lport *lp = *lport_box(L, 1);
    lua_pushfstring(L, "attest.port (%s)",
                    lp == NULL ? "closed" : lp->port->path);
    return 1;
}

static void open_ports_table(lua_State *L)
{
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &ports_key);
}

void lport_register(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"listen", l_listen},
        {"close", l_close},
        {"__gc", l_close},
        {"__close", l_close},
        {"__tostring", l_port_tostring},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"open", l_open},
        {"pty", l_pty},
        {"pair", l_pair},
        {NULL, NULL},
    };

    luaL_newmetatable(L, PORT_TYPE);
    luaL_setfuncs(L, methods, 0);
    lport_exchange_methods(L);
    lport_hearing_methods(L);
    lport_use_methods(L);
    lport_line_methods(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    open_ports_table(L);
    luaL_setfuncs(L, functions, 0);
}
