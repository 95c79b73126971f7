/* SPDX-License-Identifier: MIT
 *
 * Open, line and end of a terminal device. See port_device.h.
 */
#include "port_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "port_line.h"
#include "port_lock.h"

_Static_assert(PORT_DTR == 1 && PORT_RTS == 2 && PORT_CTS == 4 &&
                   PORT_DSR == 8 && PORT_DCD == 16 && PORT_RI == 32,
               "port_line.c uses the same bits");

/* A close waits until the OS sent everything, up to 30 s when the far side
   stops the flow. So much, in ms, we are ready to wait. */
#define CLOSE_WAIT_MS 10u

static int open_device(const char *path, int *fd, struct port_reason *why)
{
    *fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (*fd >= 0)
        return 0;
    int err = uv_translate_sys_error(errno);
    if (err == UV_EBUSY)
        port_lock_explain(path, why);
    return err;
}

int port_device_acquire(const char *path, const struct port_config *config,
                        int *fd, struct port_reason *why)
{
    int err = config->shared ? 0 : port_lock_check(path, why);
    if (err < 0)
        return err;
    err = open_device(path, fd, why);
    if (err < 0)
        return err;
    if (!isatty(*fd)) {
        snprintf(why->text, sizeof why->text, "not a terminal device");
        err = UV_ENOTTY;
    } else if (!config->shared) {
        err = port_lock_take(*fd, path, why);
    }
    if (err < 0)
        close(*fd);
    return err;
}

static int refuse(struct port_reason *why, const char *text)
{
    snprintf(why->text, sizeof why->text, "%s", text);
    return UV_EINVAL;
}

int port_device_check(const struct port_config *c, struct port_reason *why)
{
    if (c->baud == 0)
        return refuse(why, "baud must not be 0");
    if (c->data_bits < 5 || c->data_bits > 8)
        return refuse(why, "data_bits must be 5 to 8");
    if (c->parity == '\0' || strchr("NOEMS", c->parity) == NULL)
        return refuse(why, "unknown parity");
    if (c->stop_bits == 15)
        return refuse(why, "1.5 stop bits: this OS cannot");
    if (c->stop_bits != 10 && c->stop_bits != 20)
        return refuse(why, "stop_bits must be 1, 1.5 or 2");
    return 0;
}

/* Drivers take what they can and say nothing. 3 % is what a UART that
   samples in the middle of the tenth bit still stands. */
static int verify_line(int fd, const struct port_line *want,
                       struct port_reason *why)
{
    struct port_line got;
    int err = port_line_get(fd, &got);

    if (err < 0)
        return err;
    unsigned off =
        got.baud > want->baud ? got.baud - want->baud : want->baud - got.baud;
    if (off > want->baud * 3ull / 100) {
        snprintf(why->text, sizeof why->text, "%u baud: the device takes %u",
                 want->baud, got.baud);
        return UV_EINVAL;
    }
    /* A PTY drops these silently; nothing is sent over a wire there. */
    if (port_line_is_pty(fd))
        return 0;
    if (got.data_bits != want->data_bits)
        return refuse(why, "the device does not take these data bits");
    if (got.parity != want->parity)
        return refuse(why, "the device does not take this parity");
    if (got.two_stop_bits != want->two_stop_bits)
        return refuse(why, "the device does not take these stop bits");
    if (got.rtscts != want->rtscts)
        return refuse(why, "the device has no RTS/CTS flow control");
    return 0;
}

int port_device_set_line(int fd, const struct port_config *c,
                         struct port_reason *why)
{
    const struct port_line line = {
        .baud = c->baud,
        .data_bits = c->data_bits,
        .parity = c->parity,
        .two_stop_bits = c->stop_bits == 20,
        .rtscts = c->flow == PORT_FLOW_RTSCTS,
        .xonxoff = c->flow == PORT_FLOW_XONXOFF,
    };
    int err = port_device_check(c, why);

    if (err == 0)
        err = port_line_set(fd, &line);
    if (err == 0)
        err = verify_line(fd, &line, why);
    return err;
}

static void add_policy(enum port_policy policy, unsigned line, unsigned *mask,
                       unsigned *values)
{
    if (policy == PORT_LEAVE)
        return;
    *mask |= line;
    if (policy == PORT_ON)
        *values |= line;
}

int port_device_setup(int fd, const struct port_config *config,
                      struct port_reason *why)
{
    unsigned mask = 0;
    unsigned values = 0;
    int err = port_device_set_line(fd, config, why);

    if (err < 0)
        return err;
    add_policy(config->dtr, PORT_DTR, &mask, &values);
    add_policy(config->rts, PORT_RTS, &mask, &values);
    if (mask != 0)
        err = port_line_set_modem(fd, mask, values);
    if (err < 0 && err != UV_ENOTSUP) /* a device without such lines */
        return err;
    if (!config->shared)
        port_lock_seal(fd);
    return 0;
}

void port_device_settle(int fd, const struct port_config *config)
{
    unsigned bytes = 0;

    if (!config->shared)
        port_lock_unseal(fd);
    /* The client's close of a PTY does not wait, and what it wrote last must
       still reach the other side. */
    if (port_line_is_pty(fd) || port_line_unsent(fd, &bytes) < 0)
        return;
    unsigned long long ms = bytes * 10000ull / config->baud;
    if (bytes > 0 && (ms > CLOSE_WAIT_MS || config->flow != PORT_FLOW_NONE))
        port_line_drop_unsent(fd);
}

int port_device_configure(struct port *p, const struct port_config *config,
                          struct port_reason *why)
{
    int err = port_device_set_line(p->fd, config, why);

    if (err < 0) {
        struct port_reason ignored;
        port_device_set_line(p->fd, &p->config, &ignored); /* as it was */
    }
    return err;
}

int port_device_get_lines(struct port *p, unsigned *lines)
{
    return port_line_get_modem(p->fd, lines);
}

int port_device_set_lines(struct port *p, unsigned mask, unsigned values)
{
    return port_line_set_modem(p->fd, mask, values);
}

int port_device_set_break(struct port *p, bool on)
{
    return port_line_set_break(p->fd, on);
}
