/* SPDX-License-Identifier: MIT
 *
 * Vocabularies for Lua.
 */
#ifndef ATTEST_LVOCABULARY_H
#define ATTEST_LVOCABULARY_H

#include "framer.h"

#include <lua.h>

/* Raises unless the argument is a vocabulary; borrowed. */
struct vocabulary *lvocabulary_check(lua_State *L, int arg);

void lvocabulary_register(lua_State *L);

#endif
