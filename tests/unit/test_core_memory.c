/* SPDX-License-Identifier: MIT
 *
 * Out of memory: for each part of the core (core_memory.lua) every allocation
 * fails once, the core's own and Lua's. Each failure is raised or returned as
 * one of memory, and when the state is closed no handle, no descriptor and no
 * byte of Lua's is left; of the core's leaks, LeakSanitizer and valgrind tell.
 *
 * Only the thread of the loop is short of memory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <lauxlib.h>
#include <luv/luv.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../support/short_memory.h"

#define MOST 20000 /* allocations of one scenario */

int luaopen_attest_core(lua_State *L);

/* Allocations of Lua until one fails. */
static _Thread_local int lua_after = SHORT_MEMORY_NEVER;
static size_t lua_bytes;

/* Lua collects its garbage and tries once more: that fails, too. */
static void *allocate(void *arg, void *p, size_t old, size_t size)
{
    static bool again;

    (void)arg;
    old = p == NULL ? 0 : old;
    if (size > old && (again || short_memory_fails(&lua_after))) {
        again = !again;
        return NULL;
    }
    lua_bytes += size - old;
    if (size == 0) {
        free(p);
        return NULL;
    }
    return __real_realloc(p, size);
}

static int count_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");

    assert_non_null(d);
    while (readdir(d) != NULL)
        count++;
    closedir(d);
    return count;
}

struct bench {
    uv_loop_t loop;
    lua_State *L;
};

static void preload(lua_State *L, const char *name, lua_CFunction open)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, open);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static void open_bench(struct bench *b)
{
    lua_bytes = 0;
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->L = lua_newstate(allocate, NULL);
    assert_non_null(b->L);
    luaL_openlibs(b->L);
    luv_set_loop(b->L, &b->loop);
    preload(b->L, "luv", luaopen_luv);
    preload(b->L, "attest.core", luaopen_attest_core);
    luaL_dostring(b->L, "require 'luv'");
    lua_settop(b->L, 0);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_bench(struct bench *b)
{
    lua_close(b->L);
    assert_int_equal(lua_bytes, 0);
    uv_walk(&b->loop, close_handle, NULL); /* luv's own */
    uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
}

/* Loads the core and, but for "open", runs a scenario; leaves its error. */
static int run(struct bench *b, const char *name, int *countdown, int n)
{
    const bool only_opens = strcmp(name, "open") == 0;
    int status = LUA_OK;

    if (!only_opens) {
        status = luaL_dofile(b->L, CORE_MEMORY_LUA);
        if (status != LUA_OK)
            fail_msg("%s", lua_tostring(b->L, -1));
        lua_getfield(b->L, -1, name);
    } else {
        lua_getglobal(b->L, "require");
        lua_pushliteral(b->L, "attest.core");
    }
    short_memory_has_failed = false;
    *countdown = n;
    status = lua_pcall(b->L, only_opens, 0, 0);
    *countdown = SHORT_MEMORY_NEVER;
    return status;
}

static bool is_of_memory(const char *why)
{
    return strstr(why, "not enough memory") != NULL ||
           strstr(why, "out of memory") != NULL ||
           strstr(why, "ENOMEM") != NULL;
}

static void sweep(const char *name, int *countdown)
{
    int failures = 0;

    for (int n = 0; n < MOST; n++) {
        int before = count_descriptors();
        struct bench b;
        open_bench(&b);
        int status = run(&b, name, countdown, n);
        if (status != LUA_OK) {
            const char *why = luaL_tolstring(b.L, -1, NULL);
            if (!short_memory_has_failed || !is_of_memory(why))
                fail_msg("%s, allocation %d: %s", name, n, why);
            failures++;
        }
        close_bench(&b);
        assert_int_equal(count_descriptors(), before);
        if (!short_memory_has_failed) {
            assert_int_equal(status, LUA_OK);
            assert_true(countdown == &short_memory_after || failures > 10);
            return;
        }
    }
    fail_msg("%s takes too many allocations", name);
}

/* What libuv makes once for the process is made here. */
static int warm_up(void **state)
{
    struct bench b;

    (void)state;
    open_bench(&b);
    close_bench(&b);
    return 0;
}

static void sweep_both(void **state)
{
    sweep(*state, &short_memory_after);
    sweep(*state, &lua_after);
}

int main(void)
{
    static char *const names[] = {"open",   "pair",   "pty",
                                  "tasks",  "timers", "trace",
                                  "sqlite", "escape", "ports"};
    struct CMUnitTest tests[sizeof names / sizeof *names];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        tests[i] =
            (struct CMUnitTest){names[i], sweep_both, NULL, NULL, names[i]};
    return cmocka_run_group_tests_name("out of memory", tests, warm_up, NULL);
}
