/* SPDX-License-Identifier: MIT
 *
 * Stops a script that runs on without waiting. A thread looks a few times a
 * second whether the loop still resumes; when one resume lasts too long, a
 * signal makes the main thread set a count hook in the running coroutine, and
 * the hook raises there. Nothing is paid per instruction until then.
 *
 * The first raise leaves the script as much time again to clean up; a script
 * that swallows it and runs on is then stopped at its next instruction, and
 * at each one after. One that is not out by the next look, because Lua needs
 * long to unwind a hundred thousand nested pcalls, is never resumed again. A
 * system call that blocks is interrupted by the signal.
 *
 * A C function that loops sees no hook. The last resort, after a much longer
 * time or when the operator asks twice, is to end the process: from the
 * thread, since the loop does not come back. What was told is on disk then.
 */
#include "ltask.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WATCHDOG_SIGNAL SIGUSR2
#define LOOKS 4u                /* per limit */
#define LONGEST_LOOK 250000000u /* ns */
#define FORCE_DELAY 500000000u  /* ns: the loop's own end comes first */
#define SIGNALS 3               /* that end a run */
#define EXIT_INTERNAL 70

static struct watchdog {
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    pthread_t main;
    struct core *core;
    uint64_t limit; /* ns; 0: nobody is watched */
    uint64_t last;  /* ns: when the process ends; 0: never */
    volatile sig_atomic_t strikes;
    uint64_t struck;                /* the resume that the strikes are for */
    uint64_t entered;               /* when that began */
    volatile sig_atomic_t asked;    /* how often to stop */
    volatile sig_atomic_t asked_by; /* by which signal */
    volatile sig_atomic_t patience; /* what runs may take its time */
    bool runs;
    bool ends;
} dog;

static const int signals[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static void (*passed_on[SIGNALS])(int); /* what libuv set for them */

static const char handler_key;

/* The innermost coroutine that runs, when it is one of the script's own: a
   hook belongs to one coroutine only. */
static lua_State *volatile innermost;

/* Calls the handler, on L, with where `at` is and the limit; pushes what it
   returns. */
static void push_error(lua_State *L, lua_State *at)
{
    lua_Debug ar;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &handler_key);
    if (lua_getstack(at, 0, &ar) && lua_getinfo(at, "Sl", &ar) &&
        ar.currentline > 0)
        lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
    else
        lua_pushliteral(L, "");
    lua_pushnumber(L, (lua_Number)dog.limit / 1e9);
    lua_call(L, 2, 1);
}

static bool is_task(const lua_State *L)
{
    const struct core *c = dog.core;
    return c->current != NULL && task_coroutine(c->current) == L;
}

static void raise_in_script(lua_State *L, lua_Debug *ar)
{
    bool is_stale = dog.core == NULL || dog.core->resumes != dog.struck;

    (void)ar;
    /* The hook stays for those who swallow it: setting it again would walk the
       whole stack for each of a hundred thousand nested pcalls. */
    if (is_stale || dog.strikes <= 1)
        lua_sethook(L, NULL, 0, 0);
    if (is_stale)
        return; /* set for something that has ended */
    if (dog.strikes > 2 && is_task(L) && lua_isyieldable(L)) {
        lua_yield(L, 0); /* returns, and Lua yields after the hook */
        return;
    }
    push_error(L, L);
    lua_error(L);
}

/* Other slots had no part in the time that a script took from all. */
void watchdog_leave(struct core *c)
{
    if (dog.core == c && dog.strikes > 0 && dog.struck == c->resumes)
        clock_skip(&c->loop.clock, uv_hrtime() - dog.entered);
}

bool watchdog_push_error(lua_State *task)
{
    struct core *c = dog.core;

    if (c == NULL || dog.strikes <= 2 || dog.struck + 1 != c->resumes)
        return false;
    push_error(c->L, task); /* the task's own stack may be full */
    lua_xmove(c->L, task, 1);
    return true;
}

/* On the main thread, between two of its instructions: lua_sethook is made
   for this. */
static void on_signal(int number)
{
    (void)number;
    struct core *c = dog.core;

    if (c == NULL || (c->resumes & 1u) == 0)
        return; /* back in the loop meanwhile */
    /* a callback runs on the main thread, outside any task */
    lua_State *task = c->closing != NULL   ? c->closing
                      : c->current != NULL ? task_coroutine(c->current)
                                           : c->L;
    dog.strikes++;
    dog.struck = c->resumes;
    lua_sethook(innermost != NULL ? innermost : task, raise_in_script,
                LUA_MASKCOUNT, 1);
    if (dog.strikes > 1)
        lua_sethook(task, raise_in_script, LUA_MASKCOUNT, 1);
}

/* A task belongs to the loop: its bindings count on being resumed by it. Only
   what coroutine.yield suspended is the script's. */
static void check_own(lua_State *L, lua_State *co)
{
    lua_Debug ar;

    if (lua_status(co) != LUA_YIELD || !lua_getstack(co, 0, &ar))
        return;
    lua_getinfo(co, "f", &ar);
    lua_xmove(co, L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    bool is_own = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!is_own)
        luaL_error(L, "a task waits in this coroutine: only the loop resumes "
                      "it; task:cancel ends it");
}

/* Calls the function that coroutine.resume or coroutine.close was, or one that
   coroutine.wrap made, below the arguments; remembers meanwhile that `co`
   runs. */
static int call_inside(lua_State *L, lua_State *co)
{
    lua_State *outer = innermost;

    innermost = co;
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    innermost = outer;
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* upvalues: coroutine.resume or coroutine.close as it was, coroutine.yield */
static int l_resume(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);

    if (co != NULL)
        check_own(L, co);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    return call_inside(L, co);
}

/* upvalues: coroutine.resume as it was, the coroutine */
static int l_wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(2));

    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 2);
    int count = call_inside(L, co);
    if (lua_toboolean(L, 1))
        return count - 1;
    if (lua_type(L, 2) == LUA_TSTRING) { /* as coroutine.wrap does */
        luaL_where(L, 1);
        lua_insert(L, 2);
        lua_concat(L, 2);
    }
    lua_State *outer = innermost;
    innermost = co;
    lua_resetthread(co); /* closes its variables */
    innermost = outer;
    return lua_error(L);
}

static int l_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);

    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_pushcclosure(L, l_wrapped, 2);
    return 1;
}

/* Replaces a function of the library on top by l_resume around it. */
static void track(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    lua_getfield(L, -2, "yield");
    lua_pushcclosure(L, l_resume, 2);
    lua_setfield(L, -2, name);
}

/* Replaces coroutine.resume, .close and .wrap by ones that tell which
   coroutine runs. Doing it again would only nest them. */
static void track_coroutines(lua_State *L)
{
    static const char done_key;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &done_key) == LUA_TNIL) {
        lua_pushboolean(L, 1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &done_key);
        lua_getglobal(L, "coroutine");
        lua_getfield(L, -1, "resume");
        lua_pushcclosure(L, l_wrap, 1);
        lua_setfield(L, -2, "wrap");
        track(L, "resume");
        track(L, "close");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* A terminal that is stopped must not hold this thread too. */
static void say(const char *line)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    if (poll(&out, 1, 100) == 1 && write(out.fd, line, strlen(line)) < 0)
        return;
}

static void end_process(const char *why, uint64_t ns, int status)
{
    const char *who = memory_label(&dog.core->memory);
    char line[512];

    snprintf(line, sizeof line,
             "\nattest: %s: %s has not returned to the loop for %.3g s; runs "
             "that have not ended will be ABORTED\n",
             why, who == NULL ? "a function" : who, (double)ns / 1e9);
    say(line);
    _exit(status);
}

struct sight {
    uint64_t resumes; /* seen at the last look */
    uint64_t entered; /* when they were seen first */
    uint64_t began;   /* the same, or when patience ended */
    uint64_t since;   /* the same, or the last strike */
};

/* Inside one resume all the time since `s->entered`. */
static void judge(struct sight *s, uint64_t now)
{
    if (dog.asked > 1 && now - s->entered >= FORCE_DELAY)
        end_process("forced to stop", now - s->entered, 128 + dog.asked_by);
    if (dog.patience > 0) {
        s->began = s->since = now;
        return;
    }
    if (dog.last > 0 && now - s->began >= dog.last)
        end_process("stopped", now - s->began, EXIT_INTERNAL);
    if (now - s->since >= dog.limit) {
        s->since = now;
        dog.entered = s->entered;
        pthread_kill(dog.main, WATCHDOG_SIGNAL);
    }
}

static void look(struct sight *s)
{
    uint64_t resumes = __atomic_load_n(&dog.core->resumes, __ATOMIC_RELAXED);
    uint64_t now = uv_hrtime();

    /* odd: inside a resume */
    if (resumes != s->resumes || (resumes & 1u) == 0) {
        *s = (struct sight){resumes, now, now, now};
        dog.strikes = 0;
    } else {
        judge(s, now);
    }
}

static void watch(void *arg)
{
    struct sight sight = {0};
    uint64_t pause = dog.limit / LOOKS;

    (void)arg;
    if (pause > LONGEST_LOOK)
        pause = LONGEST_LOOK;
    uv_mutex_lock(&dog.mutex);
    while (!dog.ends) {
        uv_cond_timedwait(&dog.wake, &dog.mutex, pause);
        if (!dog.ends)
            look(&sight);
    }
    uv_mutex_unlock(&dog.mutex);
}

static void stop_watching(void)
{
    if (!dog.runs)
        return;
    uv_mutex_lock(&dog.mutex);
    dog.ends = true;
    uv_cond_signal(&dog.wake);
    uv_mutex_unlock(&dog.mutex);
    uv_thread_join(&dog.thread);
    uv_cond_destroy(&dog.wake);
    uv_mutex_destroy(&dog.mutex);
    memset(&dog, 0, sizeof dog);
}

static void start_watching(lua_State *L, struct core *c, double seconds,
                           double last)
{
    struct sigaction action = {.sa_handler = on_signal};

    dog.core = c;
    dog.limit = (uint64_t)(seconds * 1e9);
    dog.last = (uint64_t)(last * 1e9);
    dog.main = pthread_self();
    sigaction(WATCHDOG_SIGNAL, &action, NULL);
    uv_mutex_init(&dog.mutex);
    uv_cond_init(&dog.wake);
    dog.runs = uv_thread_create(&dog.thread, watch, NULL) == 0;
    if (!dog.runs)
        luaL_error(L, "core.watchdog: no thread");
}

static int watchdog_gc(lua_State *L)
{
    (void)L;
    stop_watching();
    return 0;
}

/***
Stops tasks that run for too long without waiting: `fn` is called inside the
task, with where it is and the limit, and what it returns is raised there. A C
function that loops cannot be stopped so: the process ends with status 70 after
the last resort's time.

@function watchdog
@tparam number seconds longest time between two waits; 0 ends watching
@tparam[opt] function fn
@tparam[opt=0] number last seconds until the last resort; 0: there is none
*/
static int l_watchdog(lua_State *L)
{
    struct core *c = core_get(L);
    double seconds = luaL_checknumber(L, 1);
    double last = luaL_optnumber(L, 3, 0);
    luaL_argcheck(L, seconds >= 0 && seconds < 1e6, 1, "seconds from 0");
    luaL_argcheck(L, last >= 0 && last < 1e6, 3, "seconds from 0");

    stop_watching();
    if (seconds == 0)
        return 0;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handler_key);
    track_coroutines(L);
    start_watching(L, c, seconds, last);
    return 0;
}

/***
Tells the watchdog that what runs now waits for a person or a pipe: their time
is not the script's.

@function patience
@tparam boolean on
*/
static int l_patience(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    dog.patience = lua_toboolean(L, 1);
    return 0;
}

static void on_stop(int number)
{
    dog.asked_by = number;
    dog.asked++;
    for (int i = 0; i < SIGNALS; i++) {
        if (signals[i] == number && passed_on[i] != NULL)
            passed_on[i](number);
    }
}

/***
Lets a second SIGINT, SIGTERM or SIGHUP end the process even when the loop is
stuck, while the watchdog watches. For signals that luv's handles are started
for already, which still get them.

@function force_on_signals
*/
static int l_force_on_signals(lua_State *L)
{
    (void)L;
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) < 0 ||
            action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN ||
            action.sa_handler == on_stop)
            continue;
        passed_on[i] = action.sa_handler;
        action.sa_handler = on_stop;
        sigaction(signals[i], &action, NULL);
    }
    return 0;
}

void lwatchdog_register(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"watchdog", l_watchdog},
        {"patience", l_patience},
        {"force_on_signals", l_force_on_signals},
        {NULL, NULL},
    };

    luaL_setfuncs(L, functions, 0);
    /* the thread must end before the core does: collected first */
    lua_newuserdatauv(L, 0, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, watchdog_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &dog);
}
