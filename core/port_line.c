/* SPDX-License-Identifier: MIT
 *
 * Termios2 settings of a descriptor. See port_line.h.
 */
#include "port_line.h"

#include <errno.h>
#include <stddef.h>

#include <asm/termbits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Same numbers as in port.h, which cannot be included here; port_device.c
   asserts that they agree. */
enum { DTR = 1, RTS = 2, CTS = 4, DSR = 8, DCD = 16, RI = 32 };

/* Rates with a name. Set by name, since programs on the other side of a PTY
   that use the old termios can read nothing else. */
static const struct {
    unsigned baud;
    tcflag_t flag;
} named_rates[] = {
    {50, B50},           {75, B75},           {110, B110},
    {134, B134},         {150, B150},         {200, B200},
    {300, B300},         {600, B600},         {1200, B1200},
    {1800, B1800},       {2400, B2400},       {4800, B4800},
    {9600, B9600},       {19200, B19200},     {38400, B38400},
    {57600, B57600},     {115200, B115200},   {230400, B230400},
    {460800, B460800},   {500000, B500000},   {576000, B576000},
    {921600, B921600},   {1000000, B1000000}, {1152000, B1152000},
    {1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000},
    {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
};

static tcflag_t rate_flag(unsigned baud)
{
    for (size_t i = 0; i < sizeof named_rates / sizeof *named_rates; i++)
        if (named_rates[i].baud == baud)
            return named_rates[i].flag;
    return BOTHER;
}

static int control(int fd, unsigned long request, void *arg)
{
    if (ioctl(fd, request, arg) == 0)
        return 0;
    /* Drivers without modem lines say so in either way. */
    if (errno == ENOTTY || errno == EINVAL)
        return -ENOTSUP;
    return -errno;
}

static tcflag_t parity_flags(char parity)
{
    switch (parity) {
    case 'O':
        return PARENB | PARODD;
    case 'E':
        return PARENB;
    case 'M':
        return PARENB | PARODD | CMSPAR;
    case 'S':
        return PARENB | CMSPAR;
    default:
        return 0;
    }
}

static char parity_letter(tcflag_t cflag)
{
    if ((cflag & PARENB) == 0)
        return 'N';
    if ((cflag & CMSPAR) != 0)
        return (cflag & PARODD) != 0 ? 'M' : 'S';
    return (cflag & PARODD) != 0 ? 'O' : 'E';
}

static tcflag_t size_flag(unsigned data_bits)
{
    static const tcflag_t sizes[] = {CS5, CS6, CS7, CS8};

    return sizes[data_bits - 5];
}

static unsigned size_bits(tcflag_t cflag)
{
    switch (cflag & CSIZE) {
    case CS5:
        return 5;
    case CS6:
        return 6;
    case CS7:
        return 7;
    default:
        return 8;
    }
}

static void make_raw(struct termios2 *t)
{
    t->c_iflag = 0;
    t->c_oflag = 0;
    t->c_lflag = 0;
    t->c_cflag &= ~(tcflag_t)(CBAUD | (CBAUD << IBSHIFT) | CSIZE | CSTOPB |
                              PARENB | PARODD | CMSPAR | CRTSCTS | HUPCL);
    t->c_cflag |= CREAD | CLOCAL;
    t->c_cc[VMIN] = 1;
    t->c_cc[VTIME] = 0;
    t->c_cc[VSTART] = 0x11;
    t->c_cc[VSTOP] = 0x13;
}

static bool is_valid(const struct port_line *line)
{
    if (line->baud == 0) /* would hang up */
        return false;
    return line->data_bits >= 5 && line->data_bits <= 8;
}

int port_line_set(int fd, const struct port_line *line)
{
    struct termios2 t;

    if (!is_valid(line))
        return -EINVAL;
    if (ioctl(fd, TCGETS2, &t) < 0)
        return -errno;
    make_raw(&t);
    t.c_cflag |= rate_flag(line->baud) | size_flag(line->data_bits) |
                 parity_flags(line->parity);
    t.c_ispeed = t.c_ospeed = line->baud;
    if (line->two_stop_bits)
        t.c_cflag |= CSTOPB;
    if (line->rtscts)
        t.c_cflag |= CRTSCTS;
    if (line->xonxoff)
        t.c_iflag |= IXON | IXOFF;
    return ioctl(fd, TCSETS2, &t) < 0 ? -errno : 0;
}

int port_line_get(int fd, struct port_line *line)
{
    struct termios2 t;

    if (ioctl(fd, TCGETS2, &t) < 0)
        return -errno;
    *line = (struct port_line){
        .baud = t.c_ospeed,
        .data_bits = size_bits(t.c_cflag),
        .parity = parity_letter(t.c_cflag),
        .two_stop_bits = (t.c_cflag & CSTOPB) != 0,
        .rtscts = (t.c_cflag & CRTSCTS) != 0,
        .xonxoff = (t.c_iflag & (IXON | IXOFF)) != 0,
    };
    return 0;
}

static const struct {
    unsigned line;
    int flag;
} modem_lines[] = {
    {DTR, TIOCM_DTR}, {RTS, TIOCM_RTS}, {CTS, TIOCM_CTS},
    {DSR, TIOCM_DSR}, {DCD, TIOCM_CAR}, {RI, TIOCM_RNG},
};

#define MODEM_LINES (sizeof modem_lines / sizeof *modem_lines)

int port_line_get_modem(int fd, unsigned *lines)
{
    int flags = 0;
    int err = control(fd, TIOCMGET, &flags);

    if (err < 0)
        return err;
    *lines = 0;
    for (size_t i = 0; i < MODEM_LINES; i++)
        if ((flags & modem_lines[i].flag) != 0)
            *lines |= modem_lines[i].line;
    return 0;
}

int port_line_set_modem(int fd, unsigned mask, unsigned values)
{
    int on = 0;
    int off = 0;

    if ((mask & ~(unsigned)(DTR | RTS)) != 0)
        return -EINVAL;
    for (size_t i = 0; i < MODEM_LINES; i++) {
        if ((mask & modem_lines[i].line) == 0)
            continue;
        if ((values & modem_lines[i].line) != 0)
            on |= modem_lines[i].flag;
        else
            off |= modem_lines[i].flag;
    }
    int err = on != 0 ? control(fd, TIOCMBIS, &on) : 0;
    if (err == 0 && off != 0)
        err = control(fd, TIOCMBIC, &off);
    return err;
}

int port_line_set_break(int fd, bool on)
{
    return control(fd, on ? TIOCSBRK : TIOCCBRK, NULL);
}

bool port_line_is_pty(int fd)
{
    struct stat st;
    unsigned number = 0;

    if (ioctl(fd, TIOCGPTN, &number) == 0)
        return true; /* the master's side */
    if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
        return false;
    /* Unix98 PTYs, see the kernel's devices.txt. */
    return major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

int port_line_unsent(int fd, unsigned *bytes)
{
    int n = 0;
    int err = control(fd, TIOCOUTQ, &n);

    if (err == 0)
        *bytes = (unsigned)n;
    return err;
}

int port_line_drop_unsent(int fd)
{
    return ioctl(fd, TCFLSH, TCOFLUSH) < 0 ? -errno : 0;
}

int port_line_set_exclusive(int fd, bool on)
{
    return control(fd, on ? TIOCEXCL : TIOCNXCL, NULL);
}
