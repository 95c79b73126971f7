/* SPDX-License-Identifier: MIT
 *
 * Which lines of a port are worth a Lua call, for Lua: while nothing was
 * asked, lines that nobody listens to are only counted.
 */
#include "lport.h"

#include <stdlib.h>
#include <string.h>

void hearing_clean(struct lport *lp)
{
    for (size_t i = 0; i < lp->heard_count; i++)
        free(lp->heard[i].text);
    free(lp->heard);
    lp->heard = NULL;
    lp->heard_count = 0;
}

bool hearing_drops(struct lport *lp, const struct frame *f)
{
    if (!lp->is_resting || f->kind != FRAME_LINE)
        return false;
    for (size_t i = 0; i < lp->heard_count; i++) {
        const struct word *w = &lp->heard[i];
        if (f->length >= w->length && memcmp(f->bytes, w->text, w->length) == 0)
            return false;
    }
    lp->unheard++;
    return true;
}

static void add(lua_State *L, struct lport *lp, const char *word)
{
    char *copy = strdup(word);

    if (copy == NULL)
        luaL_error(L, "out of memory");
    lp->heard[lp->heard_count++] = (struct word){copy, strlen(copy)};
}

/***
Hands only lines that start with one of some texts to the listener, until
something is written; the others are counted. Called again with nothing it
goes on with the texts of last time.

@function port:hear
@tparam[opt] {string,...}|boolean texts; false: every line again
*/
static int l_hear(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);

    if (lua_isnoneornil(L, 2)) {
        lp->is_resting = lp->heard != NULL;
        return 0;
    }
    hearing_clean(lp);
    lp->is_resting = false;
    if (!lua_toboolean(L, 2))
        return 0;
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_Integer count = luaL_len(L, 2);
    lp->heard = calloc((size_t)count + 1, sizeof *lp->heard);
    if (lp->heard == NULL)
        return luaL_error(L, "out of memory");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 2, i);
        add(L, lp, luaL_checkstring(L, -1));
        lua_pop(L, 1);
    }
    lp->is_resting = true;
    return 0;
}

/***
Tells how many lines the listener was not handed.

@function port:unheard
@treturn integer
*/
static int l_unheard(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)lport_check(L, 1)->unheard);
    return 1;
}

void lport_hearing_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"hear", l_hear},
        {"unheard", l_unheard},
        {NULL, NULL},
    };

    luaL_setfuncs(L, methods, 0);
}
