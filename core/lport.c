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
/* More than an answer with a secret in it has. */
#define MOST_HELD (2u * LOOP_BUFFER)

static const char ports_key; /* weak table: struct lport * -> box */
static const char type_key;  /* the metatable of a box */

struct lport **lport_box(lua_State *L, int arg)
{
    /* Asked by every method: luaL_checkudata looks the type up by name. */
    if (lua_getmetatable(L, arg)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &type_key);
        bool is_port = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
        if (is_port)
            return lua_touserdata(L, arg);
    }
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

bool lport_push_box(lua_State *L, const struct lport *lp)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ports_key);
    lua_rawgetp(L, -1, lp);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
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

void lport_withhold_trace(struct lport *lp)
{
    static const char mark[] = "withheld: it may hold a secret";

    if (lp->held_length > 0 && lp->trace != NULL)
        trace_mark(lp->trace, mark, sizeof mark - 1, lp->held_at);
    lp->held_length = 0;
}

/* Keeps a chunk until it is known what in it is secret. Where there is no room
   for it, what came before is never told: better a gap than a password. */
static void hold_chunk(struct lport *lp, const char *bytes, size_t length,
                       uint64_t at)
{
    if (lp->held_length + length > MOST_HELD)
        lport_withhold_trace(lp);
    char *held = realloc(lp->held, lp->held_length + length);

    if (held == NULL) {
        lport_withhold_trace(lp);
        return;
    }
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
    lport_end_chunk(lp);
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
    lport_withhold_trace(lp);
    lport_release_trace(lp);
    if (lp->trace != NULL)
        trace_closed(lp->trace, err, loop_now(&lp->core->loop));
    on_drained(lp);
    exchange_leave(lp, lp->core->L);
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

/* Who listens still must hear of a close by somebody else; a port that was
   lost and is collected has nobody. */
static int say_shut(lua_State *L)
{
    struct lport *lp = lua_touserdata(L, 1);
    bool by_itself = lp->in_chunk;

    exchange_leave(lp, L);
    int calls = lp->status == 0 && !by_itself ? lport_begin(lp, L) : 0;
    if (calls != 0) {
        lua_pushliteral(L, "shut");
        lport_call(lp, L, calls, 1);
    }
    return 0;
}

static void close_box(lua_State *L, struct lport **box)
{
    struct lport *lp = *box;

    if (lp == NULL)
        return;
    *box = NULL;
    lp->framer.stopped = true;
    lua_pushcfunction(L, say_shut);
    lua_pushlightuserdata(L, lp);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) /* no memory: it closes all the same */
        lua_pop(L, 1);
    lp->exchange.state = EXCHANGE_NONE;
    if (lp->exchange.waiter != NULL)
        task_wake(lp->exchange.waiter);
    lport_withhold_trace(lp);
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
    close_box(L, lport_box(L, 1));
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
    framer_init(&lp->framer, lport_on_frame, lp);
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
        close_box(L, box);
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
  "noise", "data", "overflow", "closed", "shut": it was closed here) and its
  values
*/
static int l_listen(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lp->has_handler = !lua_isnil(L, 2);
    lp->is_stale = true;
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
    lua_rawsetp(L, LUA_REGISTRYINDEX, &type_key);
    open_ports_table(L);
    luaL_setfuncs(L, functions, 0);
}
