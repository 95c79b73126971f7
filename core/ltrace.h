/* SPDX-License-Identifier: MIT
 *
 * Transcripts for Lua. See ltrace.c.
 */
#ifndef ATTEST_LTRACE_H
#define ATTEST_LTRACE_H

#include <lua.h>

struct trace;

/* Adds core.trace and core.trace_line to the table on top of the stack. */
void ltrace_register(lua_State *L);

/* The trace at `arg`; raises when it is none or closed. Borrowed: whoever
   keeps it calls trace_hold(), since the script may close it any time. */
struct trace *ltrace_check(lua_State *L, int arg);

#endif
