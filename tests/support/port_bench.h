/* SPDX-License-Identifier: MIT
 *
 * Two ports and all that their owners are told: the bench of the tests of
 * ports. `set_up` and `tear_down` are cmocka fixtures; the tear-down fails
 * when a handle is left.
 */
#ifndef ATTEST_PORT_BENCH_H
#define ATTEST_PORT_BENCH_H

#include "port.h"

#define BIG (1u << 20)

/* A port and all that its owner was told. */
struct user {
    struct port *port;
    struct bench *bench;
    char *bytes;
    size_t length, capacity;
    size_t most; /* in one call */
    unsigned calls, drained, closed, freed;
    int reason;
    struct port *closes; /* closed from inside the bytes callback */
    bool closes_itself;  /* from inside closed() */
    const char *answers; /* written from inside the bytes callback, once */
};

struct bench {
    struct loop loop;
    uv_loop_t uv;
    struct user a, b;
    struct port_config config;
    struct port_reason why;
};

int port_bench_set_up(void **state);
int port_bench_tear_down(void **state);

#define PORT_TEST(name)                                                        \
    cmocka_unit_test_setup_teardown(name, port_bench_set_up,                   \
                                    port_bench_tear_down)

/* From here on the user is told. */
void port_bench_start(struct user *u);

void port_bench_turn(struct bench *b, int count);

/* Turns until so many bytes came, and no more. */
void port_bench_receive(struct user *u, size_t length);
void port_bench_receive_text(struct user *u, const char *text);
void port_bench_write_text(struct user *u, const char *text);

/* Closes what is open and waits until both ports are gone, once. */
void port_bench_end(struct bench *b);

/* BIG bytes. Owned. */
char *port_bench_big_text(void);

#endif
