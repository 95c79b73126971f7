/* SPDX-License-Identifier: MIT
 *
 * Serial devices, by libserialport; the only place that knows it for opening
 * and the only one that translates SP_ERR_*.
 *
 * libserialport says what a serial port is, opens it and sends breaks. What
 * 0.1.1 gets wrong is done by port_device.c on a descriptor of our own: its
 * RTS/CTS setting does nothing, its VMIN=0 makes an empty read look like a
 * hang-up, it leaves HUPCL on, and each sp_set_* rewrites the whole line.
 * Never called: sp_blocking_*(), which abort the process for descriptors from
 * 1024 on and spin after a hang-up.
 *
 * Our descriptor comes first, so that a device somebody else has locked is
 * refused before sp_open() could change its settings.
 */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <stdlib.h>
#include <unistd.h>

#include "port_device.h"

static int translate(enum sp_return result)
{
    switch (result) {
    case SP_OK:
        return 0;
    case SP_ERR_ARG:
        return UV_EINVAL;
    case SP_ERR_FAIL:
        break;
    case SP_ERR_MEM:
        return UV_ENOMEM;
    case SP_ERR_SUPP:
        return UV_ENOTSUP;
    }
    /* errno of the failed call; a device without modem lines, which
       libserialport insists on, is left to the tty backend. */
    int code = sp_last_error_code();
    if (code == ENOTTY)
        return UV_ENOTSUP;
    return code != 0 ? uv_translate_sys_error(code) : UV_EIO;
}

/* Links such as /dev/serial/by-id/... are followed, for libserialport looks
   the last part of the name up in /sys/class/tty. */
static int find_device(const char *path, struct sp_port **out)
{
    char *real = realpath(path, NULL);

    if (real == NULL)
        return errno == ENOMEM ? UV_ENOMEM : UV_ENOTSUP;
    enum sp_return result = sp_get_port_by_name(real, out);
    free(real);
    return result == SP_ERR_ARG ? UV_ENOTSUP : translate(result);
}

static int open_device(struct sp_port *device)
{
    int fd;
    int err = translate(sp_open(device, SP_MODE_READ_WRITE));

    if (err < 0)
        return err;
    err = translate(sp_get_port_handle(device, &fd));
    if (err == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        err = uv_translate_sys_error(errno);
    if (err < 0)
        sp_close(device);
    return err;
}

static int set_break(struct port *p, bool on)
{
    return translate(on ? sp_start_break(p->data) : sp_end_break(p->data));
}

static void release(struct port *p)
{
    port_device_settle(p->fd, &p->config);
    sp_close(p->data);
    sp_free_port(p->data);
    p->data = NULL;
}

static const struct port_backend serial_backend = {
    .name = "serial",
    .configure = port_device_configure,
    .get_lines = port_device_get_lines,
    .set_lines = port_device_set_lines,
    .set_break = set_break,
    .release = release,
};

int port_serial_open(struct loop *l, const char *path,
                     const struct port_config *c, struct port **out,
                     struct port_reason *why)
{
    struct sp_port *device;
    int fd;
    int err = find_device(path, &device);

    if (err < 0)
        return err;
    err = port_device_acquire(path, c, &fd, why);
    if (err < 0)
        goto free_device;
    err = open_device(device);
    if (err < 0)
        goto close_fd;
    err = port_device_setup(fd, c, why);
    if (err < 0)
        goto close_device;
    struct port *p = port_new(l, &serial_backend, fd, path, c);
    if (p == NULL) {
        err = UV_ENOMEM;
        goto close_device;
    }
    p->data = device;
    *out = p;
    return 0;

close_device:
    sp_close(device);
close_fd:
    close(fd);
free_device:
    sp_free_port(device);
    return err;
}
