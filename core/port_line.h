/* SPDX-License-Identifier: MIT
 *
 * Line settings and modem lines of a terminal descriptor, by Linux' termios2:
 * any rate, not only the named ones.
 *
 * Stands alone because <asm/termbits.h>, which termios2 needs, cannot be
 * included together with <termios.h>, which uv.h includes. Hence the bool
 * fields instead of struct port_config, and errors are negative errno values
 * (on Unix libuv's UV_* codes are the same numbers).
 */
#ifndef ATTEST_PORT_LINE_H
#define ATTEST_PORT_LINE_H

#include <stdbool.h>

struct port_line {
    unsigned baud;      /* bits per second */
    unsigned data_bits; /* 5-8 */
    char parity;        /* 'N' 'O' 'E' 'M' 'S' */
    bool two_stop_bits; /* with 5 data bits most UARTs send 1.5 then */
    bool rtscts;
    bool xonxoff;
};

/* Makes the line raw: no echo, no translation, VMIN=1 (an empty read is
   EAGAIN, so that 0 can only mean a hang-up), HUPCL off (the close leaves
   DTR and RTS alone), modem lines ignored by the driver. Takes effect at
   once; bytes not sent yet go out with the new settings. */
int port_line_set(int fd, const struct port_line *line);

/* What the driver made of the settings; they may differ from those set. */
int port_line_get(int fd, struct port_line *line);

/* Modem lines as the PORT_* bits of port.h. -ENOTSUP where there are none. */
int port_line_get_modem(int fd, unsigned *lines);
int port_line_set_modem(int fd, unsigned mask, unsigned values);

int port_line_set_break(int fd, bool on);

/* Whether this is one of the two sides of a PTY. */
bool port_line_is_pty(int fd);

/* Bytes handed to the OS that have not left yet. */
int port_line_unsent(int fd, unsigned *bytes);

/* Drops the bytes that have not left yet. */
int port_line_drop_unsent(int fd);

/* Refuses, or allows again, further opens by programs without privileges. */
int port_line_set_exclusive(int fd, bool on);

#endif
