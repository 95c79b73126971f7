/* SPDX-License-Identifier: MIT
 *
 * The master side of a PTY: what a simulated module speaks through.
 *
 * The far side is made raw and set to the module's rate before anybody knows
 * its name, and it is held open: what is written before a client comes waits
 * for it, and a client's close is no hang-up (EIO). From then on the line
 * belongs to the client; configuring this port changes nothing there, so that
 * a client at the wrong rate can be told from one at the right rate.
 */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "port_device.h"
#include "port_line.h"

/* The far side, held open; in p->data. */
struct far_side {
    int fd;
    char path[64];
};

/* The master must not block; neither side is for our child processes. */
static int set_flags(int master, int far)
{
    if (fcntl(master, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(far, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return uv_translate_sys_error(errno);
    return 0;
}

static void release(struct port *p)
{
    struct far_side *far = p->data;

    close(far->fd);
    free(far);
    p->data = NULL;
}

static int configure(struct port *p, const struct port_config *config,
                     struct port_reason *why)
{
    (void)p;
    return port_device_check(config, why);
}

static int client_baud(struct port *p, unsigned *baud)
{
    struct port_line line;
    int err = port_line_get(p->fd, &line); /* the master shows the far side */
    if (err == 0)
        *baud = line.baud;
    return err;
}

static int client_unread(struct port *p, unsigned *bytes)
{
    const struct far_side *far = p->data;
    int count = 0;

    if (ioctl(far->fd, FIONREAD, &count) < 0)
        return uv_translate_sys_error(errno);
    *bytes = (unsigned)count;
    return 0;
}

static const struct port_backend pty_backend = {
    .name = "pty",
    .configure = configure,
    .client_baud = client_baud,
    .client_unread = client_unread,
    .release = release,
};

static int open_both(const struct port_config *c, int *master,
                     struct far_side *far, struct port_reason *why)
{
    if (openpty(master, &far->fd, NULL, NULL, NULL) < 0)
        return uv_translate_sys_error(errno);
    int err = set_flags(*master, far->fd);
    if (err == 0)
        err = port_device_set_line(far->fd, c, why);
    if (err == 0)
        err = uv_translate_sys_error(
            ttyname_r(far->fd, far->path, sizeof far->path));
    if (err < 0) {
        close(far->fd);
        close(*master);
    }
    return err;
}

int port_open_pty(struct loop *l, const struct port_config *c,
                  struct port **out, struct port_reason *why)
{
    struct far_side *far = malloc(sizeof *far);
    int master = -1;

    why->text[0] = '\0';
    if (far == NULL)
        return UV_ENOMEM;
    int err = open_both(c, &master, far, why);
    if (err < 0)
        goto free_far;
    struct port *p = port_new(l, &pty_backend, master, far->path, c);
    if (p == NULL) {
        err = UV_ENOMEM;
        goto close_both;
    }
    p->data = far;
    *out = p;
    return 0;

close_both:
    close(far->fd);
    close(master);
free_far:
    free(far);
    return err;
}
