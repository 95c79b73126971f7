/* SPDX-License-Identifier: MIT
 *
 * Runs a fuzz target that is written in Lua, tests/fuzz/TARGET.lua: it returns
 * a function of the bytes, which raises when a property does not hold.
 *
 * libFuzzer sees the C code only. So that it finds its way through Lua too,
 * each pair of lines that run one after the other is a branch to it: the same
 * one in every process, since it is named by the text of the source's name.
 */
#include <lauxlib.h>
#include <luv/luv.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BRANCHES 65536u
#define NAME_BYTES 24u /* of a source's name that tell it from all others */

int luaopen_attest_core(lua_State *L);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((
    used,
    section("__libfuzzer_extra_counters"))) static uint8_t branches[BRANCHES];

static lua_State *L;
static uint32_t line_before;

static void on_line(lua_State *co, lua_Debug *ar)
{
    uint32_t hash = 2166136261u; /* FNV-1a */

    lua_getinfo(co, "S", ar);
    size_t from = ar->srclen > NAME_BYTES ? ar->srclen - NAME_BYTES : 0;
    for (size_t i = from; i < ar->srclen; i++)
        hash = (hash ^ (uint8_t)ar->source[i]) * 16777619u;
    hash = (hash ^ (uint32_t)ar->currentline) * 16777619u;
    uint8_t *count = &branches[(hash ^ line_before) % BRANCHES];
    if (*count < UINT8_MAX)
        ++*count;
    line_before = hash >> 1;
}

static void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", FUZZ_TARGET, what);
    abort();
}

/* luv's own handler would end the process without a word of ours. */
static int call_back(lua_State *M, int nargs, int nresults, int flags)
{
    (void)flags;
    if (lua_pcall(M, nargs, nresults, 0) != LUA_OK)
        fail(luaL_tolstring(M, -1, NULL));
    return 0;
}

static int traceback(lua_State *M)
{
    luaL_traceback(M, M, luaL_tolstring(M, 1, NULL), 1);
    return 1;
}

static void preload(const char *name, lua_CFunction open)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, open);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static void end(void)
{
    lua_close(L);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    L = luaL_newstate();
    if (L == NULL)
        fail("out of memory");
    luaL_openlibs(L);
    luv_set_loop(L, uv_default_loop());
    luv_set_callback(L, call_back);
    preload("luv", luaopen_luv);
    preload("attest.core", luaopen_attest_core);
    if (luaL_dostring(
            L, "package.path = '" FUZZ_ROOT "/?.lua;" FUZZ_ROOT
               "/lua/?.lua;" FUZZ_ROOT "/lua/?/init.lua;' .. package.path "
               "return require 'tests.fuzz." FUZZ_TARGET "'") != LUA_OK)
        fail(lua_tostring(L, -1));
    /* The function stays at 2, below it what makes its errors readable. */
    lua_settop(L, 1);
    lua_pushcfunction(L, traceback);
    lua_insert(L, 1);
    lua_sethook(L, on_line, LUA_MASKLINE, 0);
    atexit(end);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line_before = 0;
    lua_pushvalue(L, 2);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 1, 0, 1) != LUA_OK)
        fail(lua_tostring(L, -1));
    return 0;
}
