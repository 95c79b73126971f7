/* SPDX-License-Identifier: MIT
 *
 * The submodule `core.sqlite`. See lsqlite.c.
 */
#ifndef ATTEST_LSQLITE_H
#define ATTEST_LSQLITE_H

#include <lua.h>

/* Sets the field "sqlite" of the table on top of the stack. */
void lsqlite_register(lua_State *L);

#endif
