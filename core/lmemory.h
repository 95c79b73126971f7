/* SPDX-License-Identifier: MIT
 *
 * How much memory each run may hold in Lua.
 *
 * The allocator sees bytes, not who asks; the core knows who runs. What the
 * state grows by while an owner's code runs is charged to that owner's
 * account, and past its limit the allocator refuses: Lua then collects, tries
 * again and raises "not enough memory" right there. Code of the runner has no
 * account and is refused nothing.
 *
 * After a refusal an account gets room to clean up, at most as much again.
 *
 * Garbage may be freed while somebody else runs, who is credited for it: the
 * allocator does not know whose a block was. An account can therefore stand
 * too high, though never above what the whole state holds. Nobody is refused
 * before the state has grown past one account's limit, and what grows within
 * one turn is charged exactly; but while one slot holds nearly all that it may,
 * another that makes much garbage can be refused in its place.
 */
#ifndef ATTEST_LMEMORY_H
#define ATTEST_LMEMORY_H

#include <lua.h>
#include <stddef.h>

struct account;

struct memory {
    lua_Alloc allocate; /* the state's own, or NULL while nothing is charged */
    void *ud;           /* its argument */
    size_t total;       /* bytes that the state holds */
    size_t before;      /* the same when the account was taken up */
    struct account *account; /* charged now, or NULL */
};

/* Settles what is charged now and charges another account, or nobody. */
void memory_charge(struct memory *m, struct account *account);

/* Gives the state its allocator back. */
void memory_unwatch(struct memory *m, lua_State *L);

/* Pushes the account of the owner at that index, or nil; returns it. */
struct account *push_account(lua_State *L, int owner);

/* Who is charged, for a message, or NULL; static. Any thread may ask. */
const char *memory_label(const struct memory *m);

void lmemory_register(lua_State *L);

#endif
