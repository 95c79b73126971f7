/* SPDX-License-Identifier: MIT
 *
 * Terminals that libserialport refuses: PTYs, which have no entry in
 * /sys/class/tty, and devices without modem lines. Plain termios; modem lines
 * are tried and answer UV_ENOTSUP where there are none.
 */
#include "port.h"

#include <unistd.h>

#include "port_device.h"

static void release(struct port *p)
{
    port_device_settle(p->fd, &p->config);
}

static const struct port_backend tty_backend = {
    .name = "tty",
    .configure = port_device_configure,
    .get_lines = port_device_get_lines,
    .set_lines = port_device_set_lines,
    .set_break = port_device_set_break,
    .release = release,
};

int port_tty_open(struct loop *l, const char *path, const struct port_config *c,
                  struct port **out, struct port_reason *why)
{
    int fd;
    int err = port_device_acquire(path, c, &fd, why);

    if (err < 0)
        return err;
    err = port_device_setup(fd, c, why);
    if (err < 0) {
        close(fd);
        return err;
    }
    struct port *p = port_new(l, &tty_backend, fd, path, c);
    if (p == NULL) {
        close(fd);
        return UV_ENOMEM;
    }
    *out = p;
    return 0;
}
