/* SPDX-License-Identifier: MIT
 *
 * Vocabularies for Lua: what the framers of one kind of module must know.
 */
#include "lvocabulary.h"

#include "lcore.h"
#include "lport_config.h"

#define VOCABULARY_TYPE "attest.vocabulary"

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
            unsigned field = lport_count(L, lua_gettop(L), "field", 1);
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
static int l_vocabulary(lua_State *L)
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

struct vocabulary *lvocabulary_check(lua_State *L, int arg)
{
    struct vocabulary **box = luaL_checkudata(L, arg, VOCABULARY_TYPE);
    return *box;
}

void lvocabulary_register(lua_State *L)
{
    luaL_newmetatable(L, VOCABULARY_TYPE);
    lua_pushcfunction(L, vocabulary_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_pushcfunction(L, l_vocabulary);
    lua_setfield(L, -2, "vocabulary");
}
