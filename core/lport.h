/* SPDX-License-Identifier: MIT
 *
 * A port as Lua holds it; shared by lport.c (life and frames), lport_use.c
 * (bytes) and lport_line.c (rate and modem lines).
 */
#ifndef ATTEST_LPORT_H
#define ATTEST_LPORT_H

#include "framer.h"
#include "lcore.h"
#include "port.h"

struct trace;

/* User values of a port's userdata. */
enum port_value { VALUE_HANDLER = 1, VALUE_OWNER };

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
    int status;     /* why the far side went */
    bool has_handler;
    bool has_owner;
};

/* The userdata's content: NULL once closed. */
struct lport **lport_box(lua_State *L, int arg);

/* Raises when the argument is no port, or a closed one. */
struct lport *lport_check(lua_State *L, int arg);

/* Writes what was kept from the transcript, and keeps nothing more. */
void lport_release_trace(struct lport *lp);

/* Returns true, or the failure when `err` is negative. */
int lport_done(lua_State *L, int err, const char *detail);

/* Methods, for the metatable on top of the stack. */
void lport_use_methods(lua_State *L);
void lport_line_methods(lua_State *L);

#endif
