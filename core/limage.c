/* SPDX-License-Identifier: MIT
 *
 * A searcher of `require`. It finds the file of a module as Lua itself does
 * and only then asks the image for its code, so that what package.path says
 * stays true. Code that does not load is left to Lua's own searcher.
 */
#include "limage.h"

#include "image.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#define IMAGE_TYPE "attest.image"

static int image_gc(lua_State *L)
{
    struct image **box = lua_touserdata(L, 1);

    image_free(*box);
    *box = NULL;
    return 0;
}

/* Pushes package.searchpath(name, package.path): a path, or nil. */
static const char *search(lua_State *L, const char *name)
{
    lua_getfield(L, lua_upvalueindex(2), "searchpath");
    lua_pushstring(L, name);
    lua_getfield(L, lua_upvalueindex(2), "path");
    lua_call(L, 2, 1);
    return lua_tostring(L, -1);
}

/* Returns the loader and the file; nothing when Lua's searchers shall look. */
static int search_image(lua_State *L)
{
    struct image **box = lua_touserdata(L, lua_upvalueindex(1));
    const char *name = luaL_checkstring(L, 1);
    size_t length = 0;

    if (*box == NULL)
        return 0;
    const char *file = search(L, name);
    const char *code = image_find(*box, name, file, &length);
    if (code == NULL || luaL_loadbufferx(L, code, length, name, "b") != LUA_OK)
        return 0;
    lua_pushstring(L, file == NULL ? ":image:" : file);
    return 2;
}

void limage_register(lua_State *L, const char *path, const char *folder)
{
    struct image **box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = NULL;
    lua_createtable(L, 0, 2);
    lua_pushliteral(L, IMAGE_TYPE);
    lua_setfield(L, -2, "__name");
    lua_pushcfunction(L, image_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    *box = image_open(path, folder);

    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "searchers");
    lua_insert(L, -3); /* searchers, box, package */
    lua_pushcclosure(L, search_image, 2);
    for (lua_Integer i = luaL_len(L, -2); i >= 2; i--) {
        lua_rawgeti(L, -2, i); /* after what is preloaded */
        lua_rawseti(L, -3, i + 1);
    }
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
}
