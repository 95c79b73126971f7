/* SPDX-License-Identifier: MIT
 *
 * Frames of a port on their way to Lua: what the handler is called with, once
 * for a chunk.
 *
 * Invariant: what is called in the middle of a chunk never uses what the chunk
 * has on the stack; it stands in another function's frame.
 */
#include "lport.h"

#include "ltask.h"

/* What a handler is called with, from this stack index on. */
enum { CALL_BOX, CALL_OWNER, CALL_MESSAGE, CALL_FUNCTION, CALL_LINE };

/* Pushes it. Returns its index, or 0 when nobody listens. */
static int begin_calls(lua_State *L, struct lport *lp)
{
    int top = lua_gettop(L);

    lua_checkstack(L, 16);
    if (!lp->has_handler || !lport_push_box(L, lp)) {
        lua_settop(L, top);
        return 0;
    }
    if (lp->has_owner)
        lua_getiuservalue(L, top + 1, VALUE_OWNER);
    else
        lua_pushnil(L);
    lp->account =
        core_begin(lp->core, L, lp->has_owner ? top + 1 + CALL_OWNER : 0);
    lua_getiuservalue(L, top + 1, VALUE_HANDLER);
    lua_pushliteral(L, "line"); /* what most frames are */
    return top + 1;
}

static int owner_of(lua_State *L, int calls)
{
    return lua_isnil(L, calls + CALL_OWNER) ? 0 : calls + CALL_OWNER;
}

static void end_calls(lua_State *L, struct lport *lp, int calls)
{
    if (calls == 0)
        return;
    core_end(lp->core, L, owner_of(L, calls));
    lua_settop(L, calls - 1);
}

/* Pushes what a frame holds; the kind of a line is there already. */
static int push_frame(lua_State *L, const struct frame *f)
{
    static const char *const faults[] = {NULL, "short", "long", "cut"};

    switch (f->kind) {
    case FRAME_LINE:
        break;
    case FRAME_PROMPT:
        lua_pushliteral(L, "prompt");
        return 1;
    case FRAME_PAYLOAD:
        lua_pushliteral(L, "payload");
        lua_pushlstring(L, f->bytes, f->length);
        lua_pushlstring(L, f->header, f->header_length);
        lua_pushstring(L, faults[f->fault]);
        return 4;
    case FRAME_ECHO:
        lua_pushliteral(L, "echo");
        return 1;
    case FRAME_NOISE:
        lua_pushliteral(L, "noise");
        break;
    case FRAME_DATA:
        lua_pushliteral(L, "data");
        break;
    case FRAME_OVERFLOW:
        lua_pushliteral(L, "overflow");
        return 1;
    }
    lua_pushlstring(L, f->bytes, f->length);
    return 2;
}

/* Takes a frame, the handler and, for a line, its kind; calls the handler in
   protected mode: what is pushed may be more than there is memory for. */
static int deliver(lua_State *L)
{
    const struct frame *f = lua_touserdata(L, 1);

    lua_call(L, push_frame(L, f), 0);
    return 0;
}

/* Frames of one chunk share what they are called with; not what a function
   that they called does to the port. */
static bool is_in_chunk(const struct lport *lp, const lua_State *L)
{
    return lp->in_chunk && L == lp->core->L && !lp->core->in_turn;
}

/* Makes ready what the handler is called with. */
static int begin(struct lport *lp, lua_State *L)
{
    bool is_shared = is_in_chunk(lp, L);
    int calls = is_shared ? lp->calls : 0;

    if (!lp->has_handler)
        return 0;
    if (calls == 0) {
        calls = begin_calls(L, lp);
    } else if (lp->is_stale) { /* the former handler set another */
        lua_getiuservalue(L, calls + CALL_BOX, VALUE_HANDLER);
        lua_replace(L, calls + CALL_FUNCTION);
    }
    if (is_shared) {
        lp->calls = calls;
        lp->is_stale = false;
    }
    return calls;
}

int lport_begin(struct lport *lp, lua_State *L)
{
    int calls = begin(lp, L);

    if (calls != 0)
        lua_pushvalue(L, calls + CALL_FUNCTION);
    return calls;
}

void lport_call(struct lport *lp, lua_State *L, int calls, int nargs)
{
    core_do(lp->core, L, nargs, calls + CALL_MESSAGE, owner_of(L, calls),
            lp->account);
    if (!is_in_chunk(lp, L))
        end_calls(L, lp, calls);
}

void lport_on_frame(void *arg, const struct frame *f)
{
    struct lport *lp = arg;
    lua_State *L = lp->core->L;

    if (lp->exchange.state != EXCHANGE_NONE && exchange_take(lp, f))
        return;
    if (!lp->has_handler || hearing_drops(lp, f))
        return;
    int calls = begin(lp, L);
    if (calls != 0) {
        bool is_line = f->kind == FRAME_LINE;
        lua_pushcfunction(L, deliver);
        lua_pushlightuserdata(L, (void *)f);
        lua_pushvalue(L, calls + CALL_FUNCTION);
        if (is_line)
            lua_pushvalue(L, calls + CALL_LINE);
        lport_call(lp, L, calls, is_line ? 3 : 2);
    }
}

void lport_end_chunk(struct lport *lp)
{
    lp->in_chunk = false;
    end_calls(lp->core->L, lp, lp->calls);
    lp->calls = 0;
}
