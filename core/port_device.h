/* SPDX-License-Identifier: MIT
 *
 * What a serial device and a plain tty have in common once they are open:
 * the exclusive open, the line, the modem lines and the orderly end.
 *
 * DTR and RTS: Linux raises both by itself when the first program opens a
 * device, before any of our code runs, and nothing prevents that; a module
 * wired to reset on that edge must be opened once and stay open. From there
 * PORT_LEAVE is kept: the settings do not touch the lines, and since HUPCL
 * is off (and stays off after us) the close does not drop them.
 */
#ifndef ATTEST_PORT_DEVICE_H
#define ATTEST_PORT_DEVICE_H

#include "port.h"

/* Opens the path and, unless shared, locks it. On success *fd is owned by
   the caller: non-blocking, closed on exec, not a controlling terminal. */
int port_device_acquire(const char *path, const struct port_config *config,
                        int *fd, struct port_reason *why);

/* Whether any device could be set so; UV_EINVAL and the reason if not. */
int port_device_check(const struct port_config *config,
                      struct port_reason *why);

/* Sets the line. UV_EINVAL and the reason when the device cannot. */
int port_device_set_line(int fd, const struct port_config *config,
                         struct port_reason *why);

/* Sets the line, then DTR and RTS as the configuration wants them at open,
   and completes the lock. */
int port_device_setup(int fd, const struct port_config *config,
                      struct port_reason *why);

/* Before the close: what would keep the close waiting is dropped. */
void port_device_settle(int fd, const struct port_config *config);

/* The callbacks of struct port_backend. */
int port_device_configure(struct port *p, const struct port_config *config,
                          struct port_reason *why);
int port_device_get_lines(struct port *p, unsigned *lines);
int port_device_set_lines(struct port *p, unsigned mask, unsigned values);
int port_device_set_break(struct port *p, bool on);

#endif
