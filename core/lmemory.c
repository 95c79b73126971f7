/* SPDX-License-Identifier: MIT
 *
 * Accounts of memory, for Lua. See lmemory.h.
 *
 * An account is a userdata that a weak table in the registry keeps as long as
 * its owner lives: no script can reach it.
 */
#include "lcore.h"

#include <stdint.h>
#include <stdio.h>

#define LABEL_SIZE 160
#define GRACES 8

struct account {
    size_t limit;
    size_t held;     /* when it was charged last */
    size_t grant;    /* what it was allowed */
    int graces;      /* how often more, after a refusal */
    bool is_refused; /* in this turn */
    char label[LABEL_SIZE];
};

static const char accounts_key;

/* What an account holds now, in the middle of its turn. */
static size_t held_now(const struct memory *m, const struct account *a)
{
    if (m->total >= m->before)
        return a->held + (m->total - m->before);
    size_t freed = m->before - m->total;
    return a->held > freed ? a->held - freed : 0;
}

static bool is_refused(const struct memory *m, size_t more)
{
    const struct account *a = m->account;

    if (a == NULL)
        return false;
    size_t held = held_now(m, a);
    return held > a->limit || more > a->limit - held;
}

static void *allocate(void *ud, void *block, size_t old, size_t size)
{
    struct memory *m = ud;
    size_t had = block == NULL ? 0 : old; /* else a type, not a size */

    if (size > had && is_refused(m, size - had)) {
        m->account->is_refused = true;
        return NULL;
    }
    void *result = m->allocate(m->ud, block, old, size);
    if (result != NULL || size == 0)
        m->total = m->total - had + size;
    return result;
}

/* Each refusal costs a whole collection. The turns after it get some room, or
   thousands of tasks would be refused one by one. */
static void give_grace(struct account *a)
{
    if (a->is_refused && a->graces < GRACES) {
        a->limit += a->grant / GRACES;
        a->graces++;
    }
    a->is_refused = false;
}

void memory_charge(struct memory *m, struct account *account)
{
    struct account *a = m->account;

    if (a != NULL) {
        size_t held = held_now(m, a);
        a->held = held < m->total ? held : m->total;
        give_grace(a);
    }
    m->before = m->total;
    __atomic_store_n(&m->account, account, __ATOMIC_RELAXED);
}

const char *memory_label(const struct memory *m)
{
    const struct account *a = __atomic_load_n(&m->account, __ATOMIC_RELAXED);
    return a == NULL ? NULL : a->label;
}

static void watch(struct memory *m, lua_State *L)
{
    if (m->allocate != NULL)
        return;
    m->allocate = lua_getallocf(L, &m->ud);
    m->total = (size_t)lua_gc(L, LUA_GCCOUNT) * 1024;
    m->total += (size_t)lua_gc(L, LUA_GCCOUNTB);
    m->before = m->total;
    lua_setallocf(L, allocate, m);
}

void memory_unwatch(struct memory *m, lua_State *L)
{
    if (m->allocate == NULL)
        return;
    memory_charge(m, NULL);
    lua_setallocf(L, m->allocate, m->ud);
    m->allocate = NULL;
}

struct account *push_account(lua_State *L, int owner)
{
    lua_pushvalue(L, owner);
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &accounts_key) == LUA_TNIL) {
        lua_replace(L, -2);
        return NULL;
    }
    lua_insert(L, -2);
    lua_rawget(L, -2);
    lua_replace(L, -2);
    return lua_touserdata(L, -1);
}

/* Pushes the table of owners and their accounts. */
static void push_accounts(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &accounts_key) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &accounts_key);
}

static struct account *open_account(lua_State *L, int owner)
{
    struct account *a = push_account(L, owner);

    if (a != NULL)
        return a;
    push_accounts(L);
    lua_pushvalue(L, owner);
    a = lua_newuserdatauv(L, sizeof *a, 0);
    *a = (struct account){0};
    lua_rawset(L, -3);
    return a;
}

/***
Lets an owner hold so many bytes more than it holds now: tasks that are started
for it and callbacks of its own are charged. Past that, what asks for memory
there raises "not enough memory".

@function allow
@tparam table owner as for `core.set_owner`
@tparam integer bytes
@tparam string label who that is, for messages
*/
static int l_allow(lua_State *L)
{
    struct core *c = core_get(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer bytes = luaL_checkinteger(L, 2);
    const char *label = luaL_checkstring(L, 3);
    luaL_argcheck(L, bytes > 0 && bytes <= INT64_MAX / 4, 2, "bytes from 1");

    watch(&c->memory, L);
    struct account *a = open_account(L, 1);
    a->grant = (size_t)bytes;
    a->limit = a->held + a->grant;
    a->graces = 0;
    snprintf(a->label, sizeof a->label, "%s", label);
    return 0;
}

void lmemory_register(lua_State *L)
{
    lua_pushcfunction(L, l_allow);
    lua_setfield(L, -2, "allow");
}
