/* SPDX-License-Identifier: MIT
 *
 * What port.c needs of the in-memory pair. Nobody else includes this.
 */
#ifndef ATTEST_PORT_PAIR_H
#define ATTEST_PORT_PAIR_H

#include "port.h"

/* Delivers what the other end wrote while nobody listened here. */
void pair_start(struct port *p);

int pair_write(struct port *p, const char *bytes, size_t length);

/* Closes one end; the other hears an end of file. `done` frees the port. */
void pair_close(struct port *p, void (*done)(struct port *p));

#endif
