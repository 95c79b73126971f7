/* SPDX-License-Identifier: MIT
 *
 * The runner: a Lua state on one libuv loop, the core preloaded, and
 * attest.cli in charge. Everything else is Lua.
 */
#include "lcore.h"
#include "limage.h"

#include <fcntl.h>
#include <limits.h>
#include <luv/luv.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_INTERNAL 70
#define PLACE (PATH_MAX + 64)

int luaopen_attest_core(lua_State *L);

/* luv's own handler ends the process at an error in a callback; ours tells
   the owner. luv leaves the function below its arguments. */
static int call_back(lua_State *L, int nargs, int nresults, int flags)
{
    struct core *c = core_get(L);

    (void)nresults;
    (void)flags;
    core_call(c, c->L, nargs, 0);
    return 0;
}

struct places {
    char lua[PLACE];   /* the Lua half: beside an installed runner, else in the
                          source */
    char image[PLACE]; /* the same, compiled */
};

static void find_places(struct places *places)
{
    char folder[PATH_MAX] = ".";
    size_t length = sizeof folder;
    const char *share = "/../share/attest";

    if (uv_exepath(folder, &length) == 0 && strrchr(folder, '/') != NULL)
        *strrchr(folder, '/') = '\0';
    snprintf(places->lua, PLACE, "%s%s/lua", folder, share);
    if (access(places->lua, R_OK) < 0) {
        snprintf(places->lua, PLACE, "%s", ATTEST_SOURCE_LUA);
        share = "";
    }
    snprintf(places->image, PLACE, "%s%s/attest.image", folder, share);
}

static void set_path(lua_State *L, const char *lua)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", lua, lua,
                    lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
}

static void preload(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_luv);
    lua_setfield(L, -2, "luv");
    lua_pushcfunction(L, luaopen_attest_core);
    lua_setfield(L, -2, "attest.core");
    lua_pop(L, 1);
}

static void set_arg(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_setglobal(L, "arg");
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* Runs attest.cli's main function in protected mode; its result is the exit
   status. */
static int run(lua_State *L)
{
    struct places places;

    /* What is loaded to begin with stays; attest.cli restarts the collector. */
    lua_gc(L, LUA_GCSTOP);
    luaL_openlibs(L);
    preload(L);
    find_places(&places);
    set_path(L, places.lua);
    limage_register(L, places.image, places.lua);
    lua_pushcfunction(L, traceback);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "attest.cli");
    if (lua_pcall(L, 1, 1, -3) == LUA_OK) {
        lua_getfield(L, -1, "main");
        lua_getglobal(L, "arg");
        if (lua_pcall(L, 1, 1, 1) == LUA_OK)
            return (int)lua_tointeger(L, -1);
    }
    fprintf(stderr, "attest: internal error: %s\n", lua_tostring(L, -1));
    return EXIT_INTERNAL;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* A standard descriptor that is closed would become the next file or socket,
   and a message to the user would be written into it. */
static void open_standard(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* What the loop's threads still do, such as the end of a transcript, gets some
   time. */
static bool is_settled(uv_loop_t *loop)
{
    uint64_t deadline = uv_hrtime() + UINT64_C(2000000000);

    uv_run(loop, UV_RUN_NOWAIT);
    while (loop->active_reqs.count > 0 && uv_hrtime() < deadline) {
        uv_sleep(1);
        uv_run(loop, UV_RUN_NOWAIT);
    }
    return loop->active_reqs.count == 0;
}

int main(int argc, char **argv)
{
    uv_loop_t loop;

    open_standard();
    signal(SIGPIPE, SIG_IGN); /* a reader that left is an error like others */
    lua_State *L = luaL_newstate();

    if (L == NULL || uv_loop_init(&loop) < 0) {
        fputs("attest: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    argv = uv_setup_args(argc, argv);
    luv_set_loop(L, &loop);
    luv_set_callback(L, call_back);
    set_arg(L, argc, argv);
    int status = run(L);

    fflush(NULL);
    /* A thread of libuv's that does not come back would be waited for, and
       meanwhile works with what the state holds. */
    if (!is_settled(&loop))
        _exit(status);
    lua_close(L);
    /* What Lua left is luv's memory; callbacks into a closed state are not. */
    uv_walk(&loop, close_handle, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_loop_close(&loop);
    uv_library_shutdown();
    return status;
}
