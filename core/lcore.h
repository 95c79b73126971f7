/* SPDX-License-Identifier: MIT
 *
 * What the Lua bindings share: the core of one Lua state and a few helpers.
 */
#ifndef ATTEST_LCORE_H
#define ATTEST_LCORE_H

#include "lmemory.h"
#include "loop.h"

#include <lauxlib.h>
#include <lua.h>

struct ltask;

struct core {
    struct loop loop;
    struct memory memory;
    lua_State *L;          /* the main thread; callbacks run on it */
    struct ltask *current; /* the task that runs now, or NULL */
    lua_State *closing;    /* a failed task whose variables close, or NULL */
    unsigned tasks;        /* not yet done */
    unsigned ports;        /* open, or closing */
    unsigned timers;       /* waiting */
    uint64_t resumes;      /* so far; the watchdog watches it change */
    double wall_offset;    /* s since the epoch at clock 0, virtual time */
    bool is_virtual;
    bool in_turn;      /* between core_enter() and core_leave() */
    bool lacks_memory; /* a callback had not enough; core.run raises it */
};

/* The core of this state; raises when it was closed. */
struct core *core_get(lua_State *L);
struct loop *core_loop(lua_State *L);

/* What runs from here on counts as one turn, at the cost of that account (or
   NULL): the watchdog times it. Turns do not nest. */
void core_enter(struct core *c, struct account *account);
void core_leave(struct core *c);

/* Takes the turn's time off the clock when the watchdog had to end it. */
void watchdog_leave(struct core *c);

/* Closes the variables of a failed task, as a turn of its own. */
void core_close(struct core *c, lua_State *thread, struct account *account);

/* Calls the function below its `nargs` arguments on the main thread, outside
   any task. An error goes to the handler of core.on_error with the owner that
   stands at stack index `owner` (0: none). Leaves no results. */
void core_call(struct core *c, lua_State *L, int nargs, int owner);

/* Runs a part of a callback of the loop, fn(arg) as light userdata, so that
   an error in it does not jump over libuv. Only memory can be wanting there:
   the loop stops, and core.run raises. Leaves the stack as it is. */
void core_guard(struct core *c, lua_CFunction fn, void *arg);

/* Raises when a callback had not enough memory since the last look. */
void core_check_memory(struct core *c, lua_State *L);

/* Makes room in the clock for `count` more tasks, timers or ports. */
void core_reserve(lua_State *L, unsigned count);

/* The same in pieces, for callbacks in a row that have one owner: core_begin()
   pushes a message handler and returns the owner's account; core_do() calls the
   function below its arguments; core_end() leaves the handler there. What is
   called in the middle of a turn belongs to it and to its owner. */
struct account *core_begin(struct core *c, lua_State *L, int owner);
void core_do(struct core *c, lua_State *L, int nargs, int handler, int owner,
             struct account *account);
void core_end(struct core *c, lua_State *L, int owner);

/* Hands an error (on top, popped) to the handler of core.on_error. */
void core_report(struct core *c, lua_State *L, const char *traceback,
                 int owner);

/* The owner of what runs now: a task's or a callback's; pushes one value. */
void core_push_owner(struct core *c, lua_State *L);

/* Makes the value on top, which is popped, the owner. */
void core_set_owner(struct core *c, lua_State *L);

/* Pushes nil, "NAME: text", "NAME"; returns 3. `detail` replaces the text. */
int push_failure(lua_State *L, int err, const char *detail);

/* Finds an option by name in a constant list; raises on an unknown key. */
void check_options(lua_State *L, int index, const char *const names[]);

void ltask_register(lua_State *L);
void lport_register(lua_State *L);

#endif
