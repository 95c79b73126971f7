/* SPDX-License-Identifier: MIT
 *
 * The escape from passthrough for Lua. See lescape.c.
 */
#ifndef ATTEST_LESCAPE_H
#define ATTEST_LESCAPE_H

#include <lua.h>

/* Adds core.escape to the table on top of the stack. */
void lescape_register(lua_State *L);

#endif
