/* SPDX-License-Identifier: MIT
 *
 * The image (image.h) as a place where `require` looks first.
 */
#ifndef ATTEST_LIMAGE_H
#define ATTEST_LIMAGE_H

#include <lua.h>

/* Adds a searcher to package.searchers that takes code from the image at
   `path`, if there is one; `folder` is where the Lua files are. */
void limage_register(lua_State *L, const char *path, const char *folder);

#endif
