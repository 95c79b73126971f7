/* SPDX-License-Identifier: MIT
 *
 * What a port does with bytes, for Lua: writing, and what its framer expects.
 */
#include "lport.h"

#include "ltask.h"
#include "ltrace.h"
#include "lvocabulary.h"
#include "trace.h"

int lport_write(struct lport *lp, const char *bytes, size_t length)
{
    int err = port_write(lp->port, bytes, length);

    lp->first = 0;
    if (err == 0 && lp->trace != NULL)
        trace_bytes(lp->trace, TRACE_SENT, bytes, length,
                    loop_now(&lp->core->loop));
    return err;
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
    struct lport *lp = lport_check(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);

    lp->is_resting = false;
    return lport_done(L, lport_write(lp, bytes, length), NULL);
}

static int finish_drain(lua_State *L, int status, lua_KContext ctx)
{
    struct lport *lp = *lport_box(L, 1);

    (void)status;
    (void)ctx;
    if (lp != NULL)
        lp->drainer = NULL;
    if (task_woken(core_get(L), L) == TASK_TIMEOUT)
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
    struct lport *lp = lport_check(L, 1);
    double seconds = luaL_optnumber(L, 2, -1);

    if (lp->drainer != NULL)
        return luaL_error(L, "another task drains this port");
    if (lp->status < 0)
        return push_failure(L, lp->status, NULL);
    if (!port_is_busy(lp->port))
        return lport_done(L, 0, NULL);
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
    struct lport *lp = lport_check(L, 1);
    lp->framer.in_data = lua_toboolean(L, 2);
    return 0;
}

/***
Stops reading, or reads again: what comes meanwhile waits on the line.

@function port:pause
@tparam boolean on
*/
static int l_pause(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    port_pause(lp->port, lua_toboolean(L, 2));
    return 0;
}

/***
Takes bytes for received now: what was kept as data and turned out to be lines.

@function port:feed
@tparam string bytes
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOMEM"`
*/
static int l_feed(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);

    return lport_done(L, framer_feed(&lp->framer, bytes, length), NULL);
}

/***
Announces bytes that the module may send back as they were sent.

@function port:expect_echo
@tparam string bytes
@tparam[opt=false] boolean eol the echo counts only before a line end
@tparam[opt=false] boolean whole a line that comes in its middle ends it
*/
static int l_expect_echo(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    size_t length;
    const char *bytes = luaL_checklstring(L, 2, &length);

    if (framer_expect_echo(&lp->framer, bytes, length, lua_toboolean(L, 3)) < 0)
        return luaL_error(L, "out of memory");
    lp->framer.echo_whole = lua_toboolean(L, 4);
    return 0;
}

/***
Forgets an announced echo.

@function port:forget_echo
*/
static int l_forget_echo(lua_State *L)
{
    framer_forget_echo(&lport_check(L, 1)->framer);
    return 0;
}

/***
Makes a `>` at the start of a line a prompt, once.

@function port:expect_prompt
@tparam boolean on
*/
static int l_expect_prompt(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
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
    struct lport *lp = lport_check(L, 1);
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
    struct lport *lp = lport_check(L, 1);
    struct vocabulary *v = NULL;

    if (!lua_isnoneornil(L, 2))
        v = lvocabulary_check(L, 2);
    framer_set_vocabulary(&lp->framer, v);
    return 0;
}

/***
Returns when the last chunk was read, on the clock of `core.now`.

@function port:stamp
@treturn number seconds
*/
static int l_stamp(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)lport_check(L, 1)->stamp / 1e9);
    return 1;
}

/***
Returns when the last byte was handed to the OS, on the clock of `core.now`.

@function port:written
@treturn number seconds
*/
static int l_written(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    lua_pushnumber(L, (lua_Number)lp->port->written_at / 1e9);
    return 1;
}

/***
Returns how many bytes were read since the port was opened.

@function port:received
@treturn int
*/
static int l_received(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lport_check(L, 1)->port->received);
    return 1;
}

/***
Returns the path; for a PTY, the client's side.

@function port:path
@treturn string
*/
static int l_path(lua_State *L)
{
    lua_pushstring(L, lport_check(L, 1)->port->path);
    return 1;
}

/***
Returns the rate.

@function port:baud
@treturn number bits per second
*/
static int l_baud(lua_State *L)
{
    lua_pushinteger(L, lport_check(L, 1)->port->config.baud);
    return 1;
}

/***
Tells whether the port was closed.

@function port:is_closed
@treturn boolean
*/
static int l_is_closed(lua_State *L)
{
    lua_pushboolean(L, *lport_box(L, 1) == NULL);
    return 1;
}

/***
Writes every chunk to a transcript; nil for none.

@function port:trace
@tparam attest.trace|nil trace
*/
static int l_trace(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    struct trace *trace = lua_isnoneornil(L, 2) ? NULL : ltrace_check(L, 2);

    if (trace != NULL) {
        trace_hold(trace);
        trace_opened(trace, loop_now(&lp->core->loop));
    }
    if (lp->trace != NULL)
        trace_release(lp->trace);
    lp->trace = trace;
    return 0;
}

/***
Keeps what is received out of the transcript until it is known what in it is
secret; false writes it.

@function port:hold_trace
@tparam boolean on
@tparam[opt=false] boolean withhold do not write it, only that it was withheld
*/
static int l_hold_trace(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    if (lua_toboolean(L, 2)) {
        lp->holds_trace = true;
        return 0;
    }
    if (lua_toboolean(L, 3))
        lport_withhold_trace(lp);
    lport_release_trace(lp);
    return 0;
}

void lport_use_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"write", l_write},
        {"drain", l_drain},
        {"data", l_data},
        {"pause", l_pause},
        {"feed", l_feed},
        {"expect_echo", l_expect_echo},
        {"forget_echo", l_forget_echo},
        {"expect_prompt", l_expect_prompt},
        {"quoted_crlf", l_quoted_crlf},
        {"vocabulary", l_vocabulary},
        {"trace", l_trace},
        {"hold_trace", l_hold_trace},
        {"stamp", l_stamp},
        {"written", l_written},
        {"received", l_received},
        {"path", l_path},
        {"baud", l_baud},
        {"is_closed", l_is_closed},
        {NULL, NULL},
    };

    luaL_setfuncs(L, methods, 0);
}
