/* SPDX-License-Identifier: MIT
 *
 * Ports for Lua: a port, its framer and the function that hears its frames.
 *
 * The handler is called for each frame while the chunk is parsed, so what it
 * changes (an expected prompt, passthrough, a write) holds from the next
 * byte. The port's userdata is found through a weak table: a port that the
 * script lost is collected and closed like any other value.
 */
#include "framer.h"
#include "ltask.h"
#if __has_include("ltrace.h")
#include "ltrace.h"
#else
#define ltrace_check(L, i) NULL
#endif
#include "port.h"
#include "trace.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PORT_TYPE "attest.port"
#define VOCABULARY_TYPE "attest.vocabulary"

enum port_value { VALUE_HANDLER = 1, VALUE_OWNER, VALUE_TRACE };

/* Outlives its box: freed when the port's last callback ran. */
struct lport {
    struct port *port; /* NULL once closed */
    struct core *core;
    struct framer framer;
    struct deadline idle;
    struct ltask *drainer; /* waits until all is written */
    struct trace *trace;   /* anchored by VALUE_TRACE */
    uint64_t stamp;        /* when the last chunk was read, ns */
    int status;            /* why the far side went */
    bool has_handler;
    bool has_owner;
};

static const char ports_key; /* weak table: struct lport * -> box */

static struct lport **box_of(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, PORT_TYPE);
}

static struct lport *check_port(lua_State *L, int arg)
{
    struct lport **box = box_of(L, arg);
    if (*box == NULL)
        luaL_error(L, "the port is closed");
    return *box;
}

/* frames to Lua */

static bool push_box(lua_State *L, const struct lport *lp)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ports_key);
    lua_rawgetp(L, -1, lp);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

/* Pushes box, owner and handler. Returns the owner's index, or 0. */
static int push_handler(lua_State *L, struct lport *lp)
{
    int top = lua_gettop(L);

    if (!lp->has_handler || !push_box(L, lp)) {
        lua_settop(L, top);
        return -1;
    }
    if (lp->has_owner)
        lua_getiuservalue(L, top + 1, VALUE_OWNER);
    else
        lua_pushnil(L);
    lua_getiuservalue(L, top + 1, VALUE_HANDLER);
    return lp->has_owner ? top + 2 : 0;
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

static void on_frame(void *arg, const struct frame *f)
{
    struct lport *lp = arg;
    lua_State *L = lp->core->L;
    int top = lua_gettop(L);
    int owner = push_handler(L, lp);

    if (owner >= 0)
        core_call(lp->core, L, push_frame(L, f), owner);
    lua_settop(L, top);
}

/* events of the port */

static uint64_t idle_after(const struct lport *lp)
{
    return lp->stamp + FRAMER_IDLE_MS * UINT64_C(1000000);
}

/* A line that is out of memory is a port that cannot be trusted any more. */
static void check_fed(struct lport *lp, int err)
{
    if (err < 0 && lp->port != NULL) {
        lp->status = err;
        lp->framer.stopped = true;
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

static void on_bytes(void *arg, const char *bytes, size_t length, uint64_t at)
{
    struct lport *lp = arg;

    lp->stamp = at;
    if (lp->trace != NULL)
        trace_bytes(lp->trace, TRACE_RECEIVED, bytes, length, at);
    check_fed(lp, framer_feed(&lp->framer, bytes, length));
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
    lua_State *L = lp->core->L;
    int top = lua_gettop(L);

    lp->status = err;
    if (lp->trace != NULL)
        trace_closed(lp->trace, err == UV_EOF ? 0 : err,
                     loop_now(&lp->core->loop));
    on_drained(lp);
    int owner = push_handler(L, lp);
    if (owner >= 0) {
        lua_pushliteral(L, "closed");
        push_failure(L, err, NULL);
        lua_remove(L, -3);
        core_call(lp->core, L, 3, owner);
    }
    lua_settop(L, top);
}

static void on_freed(void *arg)
{
    struct lport *lp = arg;

    framer_clean(&lp->framer);
    lp->core->ports--;
    free(lp);
}

/* opening and closing */

/***
Closes the port. Never waits; closing twice is quiet.

@function port:close
*/
static int l_close(lua_State *L)
{
    struct lport **box = box_of(L, 1);
    struct lport *lp = *box;

    if (lp == NULL)
        return 0;
    *box = NULL;
    lp->framer.stopped = true;
    lp->trace = NULL;
    loop_cancel(&lp->core->loop, &lp->idle);
    if (lp->drainer != NULL)
        task_wake(lp->drainer);
    struct port *port = lp->port;
    lp->port = NULL;
    port_close(port);
    return 0;
}

/* Pushes a closed box; the port is acquired after, so a raise leaks nothing */
static struct lport **new_box(lua_State *L)
{
    struct lport **box = lua_newuserdatauv(L, sizeof *box, VALUE_TRACE);
    *box = NULL;
    luaL_setmetatable(L, PORT_TYPE);
    return box;
}

static struct lport *new_lport(lua_State *L)
{
    struct lport *lp = calloc(1, sizeof *lp);
    if (lp == NULL) {
        luaL_error(L, "out of memory");
        return NULL;
    }
    lp->core = core_get(L);
    lp->idle.fire = on_idle;
    framer_init(&lp->framer, on_frame, lp);
    return lp;
}

/* Puts an open port into the box on top of the stack. */
static void fill_box(lua_State *L, struct lport **box, struct lport *lp,
                     struct port *port)
{
    static const struct port_events events = {on_bytes, on_drained, on_closed,
                                              on_freed};
    lp->port = port;
    lp->core->ports++;
    *box = lp;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &ports_key);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, lp);
    lua_pop(L, 1);
    lp->stamp = loop_now(&lp->core->loop);
    port_start(port, &events, lp);
}

static unsigned check_count(lua_State *L, int index, const char *name,
                            unsigned standard)
{
    lua_getfield(L, index, name);
    lua_Integer value = standard;
    int is_integer = 1;
    if (!lua_isnil(L, -1))
        value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || value < 1 || value > INT32_MAX)
        luaL_error(L, "%s: %s is no whole number from 1", name,
                   luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return (unsigned)value;
}

/* Reads a word option; returns its place in the list. */
static unsigned check_word(lua_State *L, int index, const char *name,
                           unsigned standard, const char *const words[])
{
    unsigned found = standard;

    lua_getfield(L, index, name);
    if (!lua_isnil(L, -1)) {
        const char *word = luaL_tolstring(L, -1, NULL);
        for (found = 0; words[found] != NULL; found++) {
            if (strcmp(words[found], word) == 0)
                break;
        }
        if (words[found] == NULL)
            luaL_error(L, "%s: '%s' is none of its words (such as '%s')", name,
                       word, words[0]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return found;
}

static unsigned check_stop_bits(lua_State *L, int index, unsigned standard)
{
    lua_getfield(L, index, "stop_bits");
    lua_Number value =
        lua_isnil(L, -1) ? standard / 10.0 : lua_tonumber(L, -1);
    if (value != 1 && value != 1.5 && value != 2)
        luaL_error(L, "stop_bits: %s is none of 1, 1.5, 2",
                   luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return (unsigned)(value * 10);
}

static void read_config(lua_State *L, int index, struct port_config *c)
{
    static const char *const names[] = {
        "baud",      "data_bits", "parity",   "stop_bits", "flow",
        "dtr",       "rts",       "max_line", "dtr_close", "rts_close",
        "shared",    NULL};
    static const char *const parities[] = {"none", "odd", "even", "mark",
                                           "space", NULL};
    static const char letters[] = "NOEMS";
    static const char *const flows[] = {"none", "rtscts", "xonxoff", NULL};
    static const char *const policies[] = {"leave", "on", "off", NULL};
    unsigned parity = (unsigned)(strchr(letters, c->parity) - letters);

    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    check_options(L, index, names);
    c->baud = check_count(L, index, "baud", c->baud);
    c->data_bits = check_count(L, index, "data_bits", c->data_bits);
    if (c->data_bits < 5 || c->data_bits > 8)
        luaL_error(L, "data_bits: %d is not from 5 to 8", (int)c->data_bits);
    c->parity = letters[check_word(L, index, "parity", parity, parities)];
    c->stop_bits = check_stop_bits(L, index, c->stop_bits);
    c->flow = check_word(L, index, "flow", c->flow, flows);
    c->dtr = check_word(L, index, "dtr", c->dtr, policies);
    c->rts = check_word(L, index, "rts", c->rts, policies);
    c->dtr_close = check_word(L, index, "dtr_close", c->dtr_close, policies);
    c->rts_close = check_word(L, index, "rts_close", c->rts_close, policies);
    lua_getfield(L, index, "shared");
    c->shared = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

static size_t read_max_line(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return FRAMER_MAX_LINE;
    return check_count(L, index, "max_line", FRAMER_MAX_LINE);
}

/* Finishes an open: the new port's box, or the failure. */
static int opened(lua_State *L, struct lport **box, struct lport *lp, int err,
                  struct port *port, const struct port_reason *why)
{
    if (err < 0) {
        framer_clean(&lp->framer);
        free(lp);
        return push_failure(L, err, why->text);
    }
    fill_box(L, box, lp, port);
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

    read_config(L, 2, &config);
    size_t max_line = read_max_line(L, 2);
    struct lport **box = new_box(L);
    struct lport *lp = new_lport(L);
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

    read_config(L, 1, &config);
    size_t max_line = read_max_line(L, 1);
    struct lport **box = new_box(L);
    struct lport *lp = new_lport(L);
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
    int err = port_open_pair(&lp->core->loop, (size_t)chunk, &a, &b);
    if (err < 0)
        return luaL_error(L, "%s", uv_strerror(err));
    fill_box(L, second, lq, b);
    lua_insert(L, 1);
    fill_box(L, first, lp, a);
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
    struct lport *lp = check_port(L, 1);

    if (!lua_isnoneornil(L, 2))
        luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lp->has_handler = !lua_isnil(L, 2);
    lua_setiuservalue(L, 1, VALUE_HANDLER);
    core_push_owner(lp->core, L);
    lp->has_owner = !lua_isnil(L, -1);
    lua_setiuservalue(L, 1, VALUE_OWNER);
    return 0;
}

static int done(lua_State *L, int err, const char *detail)
{
    if (err < 0)
        return push_failure(L, err, detail);
    lua_pushboolean(L, 1);
    return 1;
}

/***
Hands bytes to the port; what the OS does not take now it gets later.

@function port:write
@tparam string bytes
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EPIPE"` after a hang-up, `"ENOBUFS"`
*/
static int l_write(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);

    int err = port_write(lp->port, bytes, length);
    if (err == 0 && lp->trace != NULL)
        trace_bytes(lp->trace, TRACE_SENT, bytes, length,
                    loop_now(&lp->core->loop));
    return done(L, err, NULL);
}

static int finish_drain(lua_State *L, int status, lua_KContext ctx)
{
    struct lport *lp = *box_of(L, 1);

    (void)status;
    (void)ctx;
    if (lp != NULL)
        lp->drainer = NULL;
    if (task_woken(L) == TASK_TIMEOUT)
        return push_failure(L, UV_ETIMEDOUT, NULL);
    if (lp == NULL)
        return push_failure(L, UV_ECANCELED, "the port was closed");
    if (lp->status < 0)
        return push_failure(L, lp->status, NULL);
    lua_pushboolean(L, 1);
    return 1;
}

/***
Waits until the OS took every byte.

@function port:drain
@tparam[opt] number seconds longest wait
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ETIMEDOUT"`, `"ECANCELED"`, or why the port went
*/
static int l_drain(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    double seconds = luaL_optnumber(L, 2, -1);

    if (lp->drainer != NULL)
        return luaL_error(L, "another task drains this port");
    if (lp->status < 0)
        return push_failure(L, lp->status, NULL);
    if (!port_is_busy(lp->port))
        return done(L, 0, NULL);
    lp->drainer = task_current(L);
    return task_suspend(L, seconds, 0, finish_drain);
}

/***
Switches passthrough: every byte is data, from the very next one.

@function port:data
@tparam boolean on
*/
static int l_data(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    lp->framer.in_data = lua_toboolean(L, 2);
    return 0;
}

/***
Announces bytes that the module may send back as they were sent.

@function port:expect_echo
@tparam string bytes
@tparam[opt=false] boolean eol the echo counts only before a line end
*/
static int l_expect_echo(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);

    if (framer_expect_echo(&lp->framer, bytes, length, lua_toboolean(L, 3)) < 0)
        return luaL_error(L, "out of memory");
    return 0;
}

/***
Forgets an announced echo.

@function port:forget_echo
*/
static int l_forget_echo(lua_State *L)
{
    framer_forget_echo(&check_port(L, 1)->framer);
    return 0;
}

/***
Makes a `>` at the start of a line a prompt, once.

@function port:expect_prompt
@tparam boolean on
*/
static int l_expect_prompt(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    lp->framer.prompt = lua_toboolean(L, 2);
    return 0;
}

/***
Lets line ends inside quotes belong to the line.

@function port:quoted_crlf
@tparam boolean on
*/
static int l_quoted_crlf(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    lp->framer.quoted_crlf = lua_toboolean(L, 2);
    return 0;
}

/***
Tells the framer the module's words.

@function port:vocabulary
@tparam attest.vocabulary|nil vocabulary
*/
static int l_vocabulary(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    struct vocabulary **v = NULL;

    if (!lua_isnoneornil(L, 2))
        v = luaL_checkudata(L, 2, VOCABULARY_TYPE);
    framer_set_vocabulary(&lp->framer, v == NULL ? NULL : *v);
    return 0;
}

/***
Changes the line: rate, bits, parity, flow, lines.

@function port:set
@tparam table options as for `open`
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EINVAL"`, `"ENOTSUP"`
*/
static int l_set(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    struct port_config config = lp->port->config;
    struct port_reason why;

    luaL_checktype(L, 2, LUA_TTABLE);
    read_config(L, 2, &config);
    lua_getfield(L, 2, "max_line");
    if (!lua_isnil(L, -1))
        lp->framer.max_line = read_max_line(L, 2);
    return done(L, port_configure(lp->port, &config, &why), why.text);
}

static int set_line(lua_State *L, unsigned mask)
{
    struct lport *lp = check_port(L, 1);
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    unsigned values = lua_toboolean(L, 2) ? mask : 0;
    return done(L, port_set_lines(lp->port, mask, values), NULL);
}

/***
Sets DTR.

@function port:dtr
@tparam boolean on
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOTSUP"` where the device has no modem lines
*/
static int l_dtr(lua_State *L)
{
    return set_line(L, PORT_DTR);
}

/***
Sets RTS.

@function port:rts
@tparam boolean on
@treturn as `port:dtr`
*/
static int l_rts(lua_State *L)
{
    return set_line(L, PORT_RTS);
}

/***
Starts or ends a break condition.

@function port:brk
@tparam boolean on
@treturn as `port:dtr`
*/
static int l_brk(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    return done(L, port_set_break(lp->port, lua_toboolean(L, 2)), NULL);
}

/***
Reads the modem lines.

@function port:lines
@treturn[1] table booleans `dtr rts cts dsr dcd ri`
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOTSUP"` where the device has none
*/
static int l_lines(lua_State *L)
{
    static const char *const names[] = {"dtr", "rts", "cts",
                                        "dsr", "dcd", "ri"};
    struct lport *lp = check_port(L, 1);
    unsigned lines = 0;
    int err = port_get_lines(lp->port, &lines);

    if (err < 0)
        return push_failure(L, err, NULL);
    lua_createtable(L, 0, 6);
    for (unsigned i = 0; i < 6; i++) {
        lua_pushboolean(L, (lines >> i & 1u) != 0);
        lua_setfield(L, -2, names[i]);
    }
    return 1;
}

/***
Returns the rate that the client of a PTY set on its side.

@function port:client_baud
@treturn number|nil bits per second
*/
static int l_client_baud(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    unsigned baud = 0;

    if (port_client_baud(lp->port, &baud) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, baud);
    return 1;
}

/***
Returns when the last chunk was read, on the clock of `core.now`.

@function port:stamp
@treturn number seconds
*/
static int l_stamp(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)check_port(L, 1)->stamp / 1e9);
    return 1;
}

/***
Returns when the last byte was handed to the OS, on the clock of `core.now`.

@function port:written
@treturn number seconds
*/
static int l_written(lua_State *L)
{
    struct lport *lp = check_port(L, 1);
    lua_pushnumber(L, (lua_Number)lp->port->written_at / 1e9);
    return 1;
}

/***
Returns the path; for a PTY, the client's side.

@function port:path
@treturn string
*/
static int l_path(lua_State *L)
{
    lua_pushstring(L, check_port(L, 1)->port->path);
    return 1;
}

/***
Returns the rate.

@function port:baud
@treturn number bits per second
*/
static int l_baud(lua_State *L)
{
    lua_pushinteger(L, check_port(L, 1)->port->config.baud);
    return 1;
}

/***
Tells whether the port was closed.

@function port:is_closed
@treturn boolean
*/
static int l_is_closed(lua_State *L)
{
    lua_pushboolean(L, *box_of(L, 1) == NULL);
    return 1;
}

/***
Writes every chunk to a transcript; nil for none.

@function port:trace
@tparam attest.trace|nil trace
*/
static int l_trace(lua_State *L)
{
    struct lport *lp = check_port(L, 1);

    lp->trace = lua_isnoneornil(L, 2) ? NULL : ltrace_check(L, 2);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, VALUE_TRACE);
    return 0;
}

static int l_port_tostring(lua_State *L)
{
    struct lport *lp = *box_of(L, 1);
    lua_pushfstring(L, "attest.port (%s)",
                    lp == NULL ? "closed" : lp->port->path);
    return 1;
}

/* vocabularies */

static void read_words(lua_State *L, const char *name, struct vocabulary *v,
                       int (*add)(struct vocabulary *, const char *))
{
    if (lua_getfield(L, 1, name) == LUA_TTABLE) {
        lua_Integer count = luaL_len(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_geti(L, -1, i);
            if (add(v, luaL_checkstring(L, -1)) < 0)
                luaL_error(L, "out of memory");
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

static void read_counted(lua_State *L, struct vocabulary *v)
{
    static const char *const names[] = {"prefix", "field", "next_line", NULL};

    if (lua_getfield(L, 1, "counted") == LUA_TTABLE) {
        lua_Integer count = luaL_len(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            lua_geti(L, -1, i);
            check_options(L, lua_gettop(L), names);
            unsigned field = check_count(L, lua_gettop(L), "field", 1);
            lua_getfield(L, -1, "next_line");
            lua_getfield(L, -2, "prefix");
            if (vocabulary_add_counted(v, luaL_checkstring(L, -1), field,
                                       lua_toboolean(L, -2)) < 0)
                luaL_error(L, "out of memory");
            lua_pop(L, 3);
        }
    }
    lua_pop(L, 1);
}

/***
Makes the words of a module ready for the framer; shared by many ports.

@function vocabulary
@tparam table words `known` (lines, or starts of lines when they end in `:`,
  `=` or `,`), `boot` (lines that a reboot prints), `counted` (headers of
  counted payloads: `prefix`, `field`, `next_line`)
@treturn attest.vocabulary
*/
static int l_new_vocabulary(lua_State *L)
{
    static const char *const names[] = {"known", "boot", "counted", NULL};

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    check_options(L, 1, names);
    struct vocabulary **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, VOCABULARY_TYPE);
    *box = vocabulary_new();
    if (*box == NULL)
        return luaL_error(L, "out of memory");
    read_words(L, "known", *box, vocabulary_add_known);
    read_words(L, "boot", *box, vocabulary_add_boot);
    read_counted(L, *box);
    return 1;
}

static int vocabulary_gc(lua_State *L)
{
    struct vocabulary **box = luaL_checkudata(L, 1, VOCABULARY_TYPE);

    vocabulary_release(*box);
    *box = NULL;
    return 0;
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
        {"write", l_write},
        {"drain", l_drain},
        {"data", l_data},
        {"expect_echo", l_expect_echo},
        {"forget_echo", l_forget_echo},
        {"expect_prompt", l_expect_prompt},
        {"quoted_crlf", l_quoted_crlf},
        {"vocabulary", l_vocabulary},
        {"set", l_set},
        {"dtr", l_dtr},
        {"rts", l_rts},
        {"brk", l_brk},
        {"lines", l_lines},
        {"client_baud", l_client_baud},
        {"stamp", l_stamp},
        {"written", l_written},
        {"path", l_path},
        {"baud", l_baud},
        {"is_closed", l_is_closed},
        {"trace", l_trace},
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
        {"vocabulary", l_new_vocabulary},
        {NULL, NULL},
    };

    luaL_newmetatable(L, PORT_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    luaL_newmetatable(L, VOCABULARY_TYPE);
    lua_pushcfunction(L, vocabulary_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    open_ports_table(L);
    luaL_setfuncs(L, functions, 0);
}
