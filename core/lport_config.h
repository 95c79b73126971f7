/* SPDX-License-Identifier: MIT
 *
 * Options of a port, from Lua: what lport.c and lvocabulary.c read them with.
 */
#ifndef ATTEST_LPORT_CONFIG_H
#define ATTEST_LPORT_CONFIG_H

#include "port.h"

#include <lua.h>

/* Reads the options at `index` into `c`; absent ones stay as they are. */
void lport_config(lua_State *L, int index, struct port_config *c);

/* The word of the option parity. Static. */
const char *lport_parity(const struct port_config *c);

/* The option max_line, or the framer's standard. */
size_t lport_max_line(lua_State *L, int index);

/* A whole number from 1; absent: `standard`. */
unsigned lport_count(lua_State *L, int index, const char *name,
                     unsigned standard);

#endif
