/* SPDX-License-Identifier: MIT
 *
 * The line of a port, for Lua: rate, format and modem lines.
 */
#include "lport.h"
#include "lport_config.h"
#include "port_line.h"

/***
Changes the line: rate, bits, parity, flow, lines. What was received of a line
that has not ended is forgotten when the rate changes.

@function port:set
@tparam table options as for `open`
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EINVAL"`, `"ENOTSUP"`
*/
static int l_set(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    struct port_config config = lp->port->config;
    struct port_reason why;

    luaL_checktype(L, 2, LUA_TTABLE);
    lport_config(L, 2, &config);
    lua_getfield(L, 2, "max_line");
    if (!lua_isnil(L, -1))
        lp->framer.max_line = lport_max_line(L, 2);
    unsigned before = lp->port->config.baud;
    int err = port_configure(lp->port, &config, &why);
    if (err == 0 && config.baud != before)
        framer_reset(&lp->framer);
    return lport_done(L, err, why.text);
}

/***
Returns the rate and the format of the line, as `port:set` takes them.

@function port:format
@treturn table `baud`, `data_bits`, `parity`, `stop_bits`
*/
static int l_format(lua_State *L)
{
    const struct port_config *c = &lport_check(L, 1)->port->config;

    lua_createtable(L, 0, 4);
    lua_pushinteger(L, c->baud);
    lua_setfield(L, -2, "baud");
    lua_pushinteger(L, c->data_bits);
    lua_setfield(L, -2, "data_bits");
    lua_pushstring(L, lport_parity(c));
    lua_setfield(L, -2, "parity");
    lua_pushnumber(L, c->stop_bits / 10.0);
    lua_setfield(L, -2, "stop_bits");
    return 1;
}

static int set_line(lua_State *L, unsigned mask)
{
    struct lport *lp = lport_check(L, 1);
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    unsigned values = lua_toboolean(L, 2) ? mask : 0;
    return lport_done(L, port_set_lines(lp->port, mask, values), NULL);
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
    struct lport *lp = lport_check(L, 1);
    luaL_checktype(L, 2, LUA_TBOOLEAN);
    return lport_done(L, port_set_break(lp->port, lua_toboolean(L, 2)), NULL);
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
    struct lport *lp = lport_check(L, 1);
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
Returns the rate that was set on the far side of a PTY or of a pair.

@function port:client_baud
@treturn number|nil bits per second; nil on a wire, which does not tell
*/
static int l_client_baud(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    unsigned baud = 0;

    if (port_client_baud(lp->port, &baud) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, baud);
    return 1;
}

/***
Returns how many bytes the client of a PTY has not read yet: what a close
would take from it.

@function port:client_unread
@treturn number|nil bytes
*/
static int l_client_unread(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    unsigned bytes = 0;

    if (port_client_unread(lp->port, &bytes) < 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, bytes);
    return 1;
}

/***
Returns how many bytes the OS took and has not put on the line yet, as far as
it can tell.

@function port:unsent
@treturn integer
*/
static int l_unsent(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    unsigned count = 0;

    if (lp->port->fd < 0 || port_line_unsent(lp->port->fd, &count) < 0)
        count = 0;
    lua_pushinteger(L, count);
    return 1;
}

void lport_line_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"set", l_set},
        {"format", l_format},
        {"dtr", l_dtr},
        {"rts", l_rts},
        {"brk", l_brk},
        {"lines", l_lines},
        {"client_baud", l_client_baud},
        {"client_unread", l_client_unread},
        {"unsent", l_unsent},
        {NULL, NULL},
    };

    luaL_setfuncs(L, methods, 0);
}
