/* SPDX-License-Identifier: MIT
 *
 * A port as Lua holds it; shared by lport.c (life), lport_frame.c (frames),
 * lport_use.c (bytes), lport_hear.c (which lines), lport_exchange.c (a command
 * and its answer) and lport_line.c (rate and modem lines).
 */
#ifndef ATTEST_LPORT_H
#define ATTEST_LPORT_H

#include "framer.h"
#include "lcore.h"
#include "port.h"

struct trace;

/* User values of a port's userdata. */
enum port_value { VALUE_HANDLER = 1, VALUE_OWNER };

enum exchange_state { EXCHANGE_NONE, EXCHANGE_SENT, EXCHANGE_ECHOED };

/* A command under way whose answer needs nobody's judgement so far. Its
   strings are borrowed from the stack of the task that waits for it. */
struct exchange {
    struct ltask *waiter; /* NULL: none */
    const char *last;     /* the line that ends it */
    size_t last_length;
    const char *before; /* a line that may come before the prompt */
    size_t before_length;
    const char *payload; /* sent at the prompt; NULL: there is none */
    size_t payload_length;
    char *lines; /* the answer: each line and a line feed */
    size_t length;
    size_t capacity;
    unsigned count;
    uint8_t state;
    bool has_echo;
    bool is_done;
    bool had_before;
    bool had_prompt;
    uint64_t received; /* bytes before it */
    uint64_t began;    /* ns: when the command was handed to the OS */
    /* of the last command that ended, whoever judged it; 0: never */
    uint64_t sent;  /* ns: the last byte of it, payload included */
    uint64_t first; /* ns: when the first bytes came back */
    uint64_t ended; /* ns: when the last line came */
};

/* Outlives its box: freed when the port's last callback ran. */
struct lport {
    struct port *port; /* NULL once closed */
    struct core *core;
    struct framer framer;
    struct deadline idle;
    struct ltask *drainer; /* waits until all is written */
    struct trace *trace;   /* one reference, or NULL */
    char *held;            /* received, not yet in the transcript */
    size_t held_length;
    uint64_t held_at;
    bool holds_trace;
    uint64_t stamp; /* when the last chunk was read, ns */
    uint64_t first; /* when the first chunk after the last write was read */
    struct exchange exchange;
    struct word *heard; /* starts of lines that the handler wants; NULL: all */
    size_t heard_count;
    uint64_t unheard;        /* lines that it did not want */
    struct account *account; /* of the owner; borrowed while a frame is told */
    int calls;       /* stack index of what this chunk's frames are called
                        with; 0: none was yet */
    bool is_stale;   /* another handler was set since */
    bool in_chunk;   /* a chunk is being parsed */
    bool is_resting; /* `heard` holds */
    int status;      /* why the far side went */
    bool has_handler;
    bool has_owner;
};

/* The userdata's content: NULL once closed. */
struct lport **lport_box(lua_State *L, int arg);

/* Raises when the argument is no port, or a closed one. */
struct lport *lport_check(lua_State *L, int arg);

/* Writes what was kept from the transcript, and keeps nothing more. */
void lport_release_trace(struct lport *lp);

/* Writes, instead of what was kept so far, that it was. */
void lport_withhold_trace(struct lport *lp);

/* Returns true, or the failure when `err` is negative. */
int lport_done(lua_State *L, int err, const char *detail);

/* Hands bytes to the port and its transcript. 0 or UV_*. */
int lport_write(struct lport *lp, const char *bytes, size_t length);

/* Calling the handler: lport_begin() makes ready, the caller pushes the kind of
   event and its values, lport_call() calls and leaves nothing. 0: nobody
   listens, and there is nothing to call. */
int lport_begin(struct lport *lp, lua_State *L);
void lport_call(struct lport *lp, lua_State *L, int calls, int nargs);

/* Pushes the userdata; false, with nil, when the script has lost it. */
bool lport_push_box(lua_State *L, const struct lport *lp);

/* Hears the framer. */
void lport_on_frame(void *arg, const struct frame *f);

/* The chunk that was parsed with `in_chunk` set is over. */
void lport_end_chunk(struct lport *lp);

/* Offers a frame to the exchange; false when it is for the handler. */
bool exchange_take(struct lport *lp, const struct frame *f);

/* Hands a command under way, if there is one, to the handler. */
void exchange_leave(struct lport *lp, lua_State *L);

/* Whether a line is one that nobody wants to hear; counts it. */
bool hearing_drops(struct lport *lp, const struct frame *f);
void hearing_clean(struct lport *lp);

/* Methods, for the metatable on top of the stack. */
void lport_exchange_methods(lua_State *L);
void lport_hearing_methods(lua_State *L);
void lport_use_methods(lua_State *L);
void lport_line_methods(lua_State *L);

#endif
