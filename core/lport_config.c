/* SPDX-License-Identifier: MIT
 *
 * Options of a port, from Lua. Unknown names and wrong values raise, naming
 * the option and what it takes; nothing is opened then.
 */
#include "lport_config.h"

#include "framer.h"
#include "lcore.h"

#include <string.h>

unsigned lport_count(lua_State *L, int index, const char *name,
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

static const char *const parities[] = {"none", "odd",   "even",
                                       "mark", "space", NULL};
static const char parity_letters[] = "NOEMS";

static unsigned parity_place(const struct port_config *c)
{
    return (unsigned)(strchr(parity_letters, c->parity) - parity_letters);
}

const char *lport_parity(const struct port_config *c)
{
    return parities[parity_place(c)];
}

static unsigned check_stop_bits(lua_State *L, int index, unsigned standard)
{
    lua_getfield(L, index, "stop_bits");
    lua_Number value = lua_isnil(L, -1) ? standard / 10.0 : lua_tonumber(L, -1);
    if (value != 1 && value != 1.5 && value != 2)
        luaL_error(L, "stop_bits: %s is none of 1, 1.5, 2",
                   luaL_tolstring(L, -1, NULL));
    lua_pop(L, 1);
    return (unsigned)(value * 10);
}

void lport_config(lua_State *L, int index, struct port_config *c)
{
    static const char *const names[] = {
        "baud", "data_bits", "parity",    "stop_bits", "flow",   "dtr",
        "rts",  "max_line",  "dtr_close", "rts_close", "shared", NULL};
    static const char *const flows[] = {"none", "rtscts", "xonxoff", NULL};
    static const char *const policies[] = {"leave", "on", "off", NULL};
    unsigned parity = parity_place(c);

    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    check_options(L, index, names);
    c->baud = lport_count(L, index, "baud", c->baud);
    c->data_bits = lport_count(L, index, "data_bits", c->data_bits);
    if (c->data_bits < 5 || c->data_bits > 8)
        luaL_error(L, "data_bits: %d is not from 5 to 8", (int)c->data_bits);
    c->parity =
        parity_letters[check_word(L, index, "parity", parity, parities)];
    c->stop_bits = check_stop_bits(L, index, c->stop_bits);
    c->flow = check_word(L, index, "flow", c->flow, flows);
    c->dtr = check_word(L, index, "dtr", c->dtr, policies);
    c->rts = check_word(L, index, "rts", c->rts, policies);
    c->dtr_close = check_word(L, index, "dtr_close", c->dtr_close, policies);
    c->rts_close = check_word(L, index, "rts_close", c->rts_close, policies);
    lua_getfield(L, index, "shared");
    if (!lua_isnil(L, -1))
        c->shared = lua_toboolean(L, -1);
    lua_pop(L, 1);
}

size_t lport_max_line(lua_State *L, int index)
{
    if (lua_isnoneornil(L, index))
        return FRAMER_MAX_LINE;
    return lport_count(L, index, "max_line", FRAMER_MAX_LINE);
}
