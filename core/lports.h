/* SPDX-License-Identifier: MIT
 *
 * The list of serial ports for Lua. See lports.c.
 */
#ifndef ATTEST_LPORTS_H
#define ATTEST_LPORTS_H

#include <lua.h>

/* Adds core.ports to the table on top of the stack. */
void lports_register(lua_State *L);

#endif
