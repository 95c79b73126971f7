/* SPDX-License-Identifier: MIT
 *
 * A command and its answer without Lua in between, for Lua: the common case
 * of one command, its echo, lines that nothing else could be, and the line
 * that ends it.
 *
 * Knows no command: what is sent and what ends it come as bytes. Invariant:
 * whatever may mean anything else (a line of the vocabulary, any other frame,
 * a line before the echo, silence) ends the shortcut: the handler gets "left"
 * with what was seen so far, then the frame, and judges all of it as if it had
 * heard every frame itself.
 */
#include "lport.h"

#include <stdlib.h>
#include <string.h>

#include "ltask.h"
#include "text.h"

/* A longer answer, and whatever else a module sends, is the handler's. */
#define MOST_LINES 1024u
#define MOST_TEXT 65536u
/* A larger buffer is not kept between commands: ports are many. */
#define KEPT_TEXT 512u

static bool is_text(const struct frame *f, const char *text, size_t length)
{
    return f->length == length && memcmp(f->bytes, text, length) == 0;
}

static void push_lines(lua_State *L, const struct exchange *x)
{
    const char *line = x->lines;
    lua_Integer i = 0;

    lua_createtable(L, (int)x->count, 0);
    while (line != x->lines + x->length) {
        const char *end =
            memchr(line, '\n', (size_t)(x->lines + x->length - line));
        lua_pushlstring(L, line, (size_t)(end - line));
        lua_rawseti(L, -2, ++i);
        line = end + 1;
    }
}

static bool add_line(struct exchange *x, const struct frame *f)
{
    size_t need = x->length + f->length + 1;

    if (x->count == MOST_LINES || need > MOST_TEXT)
        return false;
    if (need > x->capacity) {
        size_t capacity = need < 64 ? 64 : need * 2;
        char *lines = realloc(x->lines, capacity);
        if (lines == NULL)
            return false;
        x->lines = lines;
        x->capacity = capacity;
    }
    memcpy(x->lines + x->length, f->bytes, f->length);
    x->lines[need - 1] = '\n';
    x->length = need;
    x->count++;
    return true;
}

static void forget_lines(struct exchange *x)
{
    x->length = 0;
    x->count = 0;
    if (x->capacity > KEPT_TEXT) {
        free(x->lines);
        x->lines = NULL;
        x->capacity = 0;
    }
}

/* Calls the handler, the first argument, with what is known of the command; in
   protected mode, since it may be more than there is memory for. */
static int deliver(lua_State *L)
{
    const struct exchange *x = lua_touserdata(L, 2);

    lua_settop(L, 1);
    lua_pushliteral(L, "left");
    task_push(L, x->waiter);
    lua_pushnumber(L, (lua_Number)x->began / 1e9);
    lua_pushboolean(L, x->has_echo);
    push_lines(L, x);
    lua_pushboolean(L, x->had_before);
    lua_pushboolean(L, x->had_prompt);
    lua_pushinteger(L, (lua_Integer)x->received);
    lua_call(L, 8, 0);
    return 0;
}

void exchange_leave(struct lport *lp, lua_State *L)
{
    struct exchange *x = &lp->exchange;
    if (x->state == EXCHANGE_NONE)
        return;
    x->has_echo = x->state == EXCHANGE_ECHOED;
    x->state = EXCHANGE_NONE;
    lp->is_resting = false;
    int calls = lport_begin(lp, L);
    if (calls != 0) {
        lua_pushcfunction(L, deliver);
        lua_insert(L, -2);
        lua_pushlightuserdata(L, x);
        lport_call(lp, L, calls, 2);
    }
    forget_lines(x);
}

/* Keeps the times of the command that ends now. An answer in the chunk that
   asked for what it answers was read before that was written. */
static void keep_times(struct lport *lp, bool is_answered)
{
    struct exchange *x = &lp->exchange;

    x->sent = lp->port->written_at;
    x->ended = lp->stamp > x->sent ? lp->stamp : x->sent;
    if (!is_answered)
        x->ended = 0;
    x->first = lp->first != 0 ? lp->first : x->ended;
}

static bool finish(struct lport *lp)
{
    struct exchange *x = &lp->exchange;

    lp->framer.prompt = false; /* in the same read it asks for nothing */
    x->state = EXCHANGE_NONE;
    x->is_done = true;
    keep_times(lp, true);
    task_wake(x->waiter);
    return true;
}

static bool may_be_meant(const struct lport *lp, const struct frame *f)
{
    return vocabulary_may_know(lp->framer.vocabulary, f->bytes, f->length);
}

static bool take_line(struct lport *lp, const struct frame *f)
{
    struct exchange *x = &lp->exchange;
    bool is_waited_for = x->payload == NULL || x->had_prompt;

    if (x->state != EXCHANGE_ECHOED)
        return false;
    if (is_waited_for && is_text(f, x->last, x->last_length))
        return finish(lp);
    if (!is_waited_for && !x->had_before &&
        is_text(f, x->before, x->before_length)) {
        x->had_before = true;
        return true;
    }
    if (x->payload != NULL || may_be_meant(lp, f))
        return false;
    return add_line(x, f);
}

static size_t until(const char *text, size_t length, int byte)
{
    const char *at = length == 0 ? NULL : memchr(text, byte, length);
    return at == NULL ? length : (size_t)(at - text);
}

/* Whether a payload may come back as an echo: not when its first line is one
   that may answer it. */
static bool may_come_back(const struct lport *lp)
{
    const struct exchange *x = &lp->exchange;
    const char *start = x->payload;
    const char *end = start + x->payload_length;

    while (start < end && (*start == '\r' || *start == '\n'))
        start++;
    size_t length = until(start, (size_t)(end - start), '\r');
    return !vocabulary_may_know(lp->framer.vocabulary, start,
                                until(start, length, '\n'));
}

static bool take_prompt(struct lport *lp)
{
    struct exchange *x = &lp->exchange;

    if (x->state != EXCHANGE_ECHOED || x->payload == NULL || x->had_prompt ||
        !may_come_back(lp))
        return false;
    if (framer_expect_echo(&lp->framer, x->payload, x->payload_length, false) <
            0 ||
        lport_write(lp, x->payload, x->payload_length) < 0)
        return false;
    x->had_prompt = true;
    return true;
}

static bool take_echo(struct exchange *x)
{
    if (x->state == EXCHANGE_SENT)
        x->state = EXCHANGE_ECHOED;
    return true;
}

bool exchange_take(struct lport *lp, const struct frame *f)
{
    bool taken = false;

    switch (f->kind) {
    case FRAME_ECHO:
        taken = take_echo(&lp->exchange);
        break;
    case FRAME_LINE:
        taken = take_line(lp, f);
        break;
    case FRAME_PROMPT:
        taken = take_prompt(lp);
        break;
    case FRAME_PAYLOAD:
    case FRAME_NOISE:
    case FRAME_DATA:
    case FRAME_OVERFLOW:
        break;
    }
    if (!taken)
        exchange_leave(lp, lp->core->L);
    return taken;
}

static int push_answer(lua_State *L, struct exchange *x)
{
    lua_pushboolean(L, 1);
    push_lines(L, x);
    forget_lines(x);
    lua_pushnumber(L, (lua_Number)x->sent / 1e9);
    lua_pushnumber(L, (lua_Number)x->first / 1e9);
    lua_pushnumber(L, (lua_Number)x->ended / 1e9);
    return 5;
}

/* A cancelled task will not come back to what it sent, and one that may not
   wait never sends it. */
static void abandon(lua_State *L, struct lport *lp)
{
    exchange_leave(lp, L);
    int calls = lport_begin(lp, L);
    if (calls != 0) {
        lua_pushliteral(L, "abandoned");
        lport_call(lp, L, calls, 1);
    }
}

static int finish_exchange(lua_State *L, int status, lua_KContext ctx)
{
    struct lport *lp = *(struct lport **)lua_touserdata(L, 1);

    (void)status;
    (void)ctx;
    if (lp != NULL) {
        if (task_is_cancelled(lp->core))
            abandon(L, lp);
        else
            exchange_leave(lp, L); /* silence, if it is still here */
        lp->exchange.waiter = NULL;
    }
    task_woken(lp != NULL ? lp->core : core_get(L), L);
    if (lp == NULL)
        return push_failure(L, UV_ECANCELED, "the port was closed");
    if (lp->exchange.is_done)
        return push_answer(L, &lp->exchange);
    lua_pushboolean(L, 0);
    return 1;
}

/* Writes the command; nothing of it was written when it fails. */
static int begin(struct lport *lp, const char *wire, size_t length,
                 size_t echo_length)
{
    struct exchange *x = &lp->exchange;

    lp->framer.prompt = x->payload != NULL;
    lp->framer.quoted_crlf = lp->framer.echo_whole = false;
    int err = framer_expect_echo(&lp->framer, wire, echo_length, true);
    if (err == 0)
        err = lport_write(lp, wire, length);
    return err;
}

/***
Sends a command and waits for its answer, as long as it is one that needs no
judgement: an echo, lines that are no words of the vocabulary, and the last
line. Anything else goes to the listener: first `"left"` with the task that
waits, when the command was sent (seconds on the clock of `core.now`), whether
its echo came, the lines so far, whether the line before the prompt and whether
the prompt came, and how many bytes the port had received before it; then
whatever it was. A task that is cancelled meanwhile, and a caller that may not
wait, tells the listener `"abandoned"`.

@function port:exchange
@tparam string wire the command with its line end
@tparam int echo how many bytes of it come back before a line end
@tparam number seconds longest wait
@tparam string last line that ends it
@tparam[opt] string payload to send at the prompt
@tparam[opt] string before line that may come before the prompt
@treturn[1] boolean true
@treturn[1] table lines between the echo and the last line
@treturn[1] number when the last byte was handed to the OS, on `core.now`'s
clock
@treturn[1] number when the first chunk came back
@treturn[1] number when the last line came
@treturn[2] boolean false: the listener has it
@treturn[3] nil
@treturn[3] string message
@treturn[3] string why nothing was sent: `"EPIPE"`, `"ENOBUFS"`; `"ECANCELED"`
when the port was closed meanwhile
*/
static int l_exchange(lua_State *L)
{
    struct lport *lp = lport_check(L, 1);
    struct exchange *x = &lp->exchange;
    size_t length;
    const char *wire = luaL_checklstring(L, 2, &length);
    lua_Integer echo_length = luaL_checkinteger(L, 3);
    double seconds = task_check_seconds(L, 4);

    luaL_argcheck(L, echo_length >= 0 && (size_t)echo_length <= length, 3,
                  "is not within the command");
    if (x->waiter != NULL)
        return luaL_error(L, "another task exchanges on this port");
    if (!task_may_wait(lp->core, L)) {
        abandon(L, lp);
        task_check(L);
    }
    x->last = luaL_checklstring(L, 5, &x->last_length);
    x->payload = luaL_optlstring(L, 6, NULL, &x->payload_length);
    x->before = luaL_optlstring(L, 7, "", &x->before_length);
    x->is_done = x->had_before = x->had_prompt = false;
    x->received = lp->port->received;
    forget_lines(x);
    int err = begin(lp, wire, length, (size_t)echo_length);
    if (err < 0)
        return push_failure(L, err, NULL);
    x->began = loop_now(&lp->core->loop); /* the OS may take it later */
    x->state = EXCHANGE_SENT;
    x->waiter = lp->core->current;
    return task_suspend_until(lp->core, L, task_time_from(x->began, seconds), 0,
                              finish_exchange);
}

/***
Hands a command under way to the listener, as silence would.

@function port:leave
*/
static int l_leave(lua_State *L)
{
    exchange_leave(lport_check(L, 1), L);
    return 0;
}

static void push_time(lua_State *L, uint64_t at)
{
    if (at != 0)
        lua_pushnumber(L, (lua_Number)at / 1e9);
    else
        lua_pushnil(L);
}

/***
Returns the times of the last command that ended, on the clock of `core.now`.

@function port:times
@treturn ?number seconds: its last byte was handed to the OS; nil: none has
ended
@treturn ?number seconds: the first chunk after that was read; nil: none was
@treturn ?number seconds: its last line was read; nil: it had none
*/
static int l_times(lua_State *L)
{
    const struct exchange *x = &lport_check(L, 1)->exchange;

    push_time(L, x->sent);
    push_time(L, x->first);
    push_time(L, x->ended);
    return 3;
}

/***
Keeps the times of a command that the listener judged and that ends now.

@function port:conclude
@tparam boolean is_answered the last chunk has its last line
@treturn ... what `times` returns
*/
static int l_conclude(lua_State *L)
{
    keep_times(lport_check(L, 1), lua_toboolean(L, 2));
    return l_times(L);
}

void lport_exchange_methods(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"exchange", l_exchange}, {"leave", l_leave}, {"times", l_times},
        {"conclude", l_conclude}, {NULL, NULL},
    };

    luaL_setfuncs(L, methods, 0);
}
