/* SPDX-License-Identifier: MIT
 *
 * A module at the far end of N PTYs, as fast as one epoll loop can be it: what
 * is measured is then the client. Prints the path of each PTY, one a line, and
 * ends at the end of its standard input.
 *
 *     AT+GMR             echo, +VERSION=CT12_V1.0.1, OK
 *     AT+QISEND=<l>,<n>  echo, OK, prompt; after n bytes SEND OK
 *     AT+BENCHURC=<n>    echo, OK, then n lines of 64 bytes, then +BENCHEND
 *     AT+BENCHECHO=<n>   echo, OK, then sends back the next n bytes
 *     anything else      echo, OK
 *
 * Both ends of each PTY stay open here, so a client may come and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#define LINE 256u
#define OUT (128u * 1024u)
#define BACKLOG (64u * 1024u) /* no input is taken while more is unsent */
#define URC 64u
#define URC_BLOCK (64u * URC)

struct line {
    int master;
    int slave;
    uint32_t events;
    size_t length; /* of text */
    size_t from;   /* first unsent byte of out */
    size_t to;
    uint64_t urcs;    /* lines still to be sent */
    uint64_t payload; /* bytes still to be taken */
    uint64_t echo;    /* bytes still to be sent back */
    char text[LINE];
    char *out; /* owned, OUT bytes; NULL while nothing is unsent */
};

static char urc_block[URC_BLOCK];

static void fail(const char *what)
{
    fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void put(struct line *l, const void *bytes, size_t length)
{
    if (l->out == NULL) {
        l->out = malloc(OUT);
        if (l->out == NULL)
            fail("out of memory");
        l->from = l->to = 0;
    }
    if (l->to + length > OUT) {
        memmove(l->out, l->out + l->from, l->to - l->from);
        l->to -= l->from;
        l->from = 0;
    }
    if (l->to + length > OUT) {
        errno = ENOBUFS;
        fail("the client does not read");
    }
    memcpy(l->out + l->to, bytes, length);
    l->to += length;
}

static void say(struct line *l, const char *text)
{
    put(l, text, strlen(text));
}

static size_t unsent(const struct line *l)
{
    return l->out == NULL ? 0 : l->to - l->from;
}

static void refill(struct line *l)
{
    while (l->urcs > 0 && unsent(l) < BACKLOG) {
        uint64_t n = l->urcs < 64 ? l->urcs : 64;
        put(l, urc_block, (size_t)n * URC);
        l->urcs -= n;
        if (l->urcs == 0)
            say(l, "+BENCHEND\r\n");
    }
}

static void flush_out(struct line *l)
{
    for (;;) {
        refill(l);
        if (unsent(l) == 0)
            break;
        ssize_t n = write(l->master, l->out + l->from, unsent(l));
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail("write");
        if (n <= 0)
            return;
        l->from += (size_t)n;
    }
    free(l->out);
    l->out = NULL;
}

static bool starts_with(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* text: the line with its line end, echoed as it came */
static void command(struct line *l, const char *text, size_t length)
{
    put(l, text, length);
    if (starts_with(text, "AT+GMR")) {
        say(l, "\r\n+VERSION=CT12_V1.0.1\r\n\r\nOK\r\n");
        return;
    }
    say(l, "\r\nOK\r\n");
    if (starts_with(text, "AT+QISEND=")) {
        const char *comma = strchr(text, ',');
        l->payload = comma == NULL ? 0 : strtoull(comma + 1, NULL, 10);
        say(l, "\r\n>");
    } else if (starts_with(text, "AT+BENCHURC=")) {
        l->urcs = strtoull(text + strlen("AT+BENCHURC="), NULL, 10);
    } else if (starts_with(text, "AT+BENCHECHO=")) {
        l->echo = strtoull(text + strlen("AT+BENCHECHO="), NULL, 10);
    }
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static void take(struct line *l, const char *bytes, size_t length)
{
    while (length > 0) {
        size_t n = 1;
        if (l->echo > 0) {
            n = least(l->echo, length);
            put(l, bytes, n);
            l->echo -= n;
        } else if (l->payload > 0) {
            n = least(l->payload, length);
            l->payload -= n;
            if (l->payload == 0)
                say(l, "\r\nSEND OK\r\n");
        } else {
            if (l->length + 1 < LINE)
                l->text[l->length++] = *bytes;
            if (*bytes == '\n') {
                l->text[l->length] = '\0';
                command(l, l->text, l->length);
                l->length = 0;
            }
        }
        bytes += n;
        length -= n;
    }
}

static void serve(struct line *l, uint32_t events)
{
    char bytes[8192];

    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        ssize_t n = read(l->master, bytes, sizeof bytes);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail("read");
        if (n > 0)
            take(l, bytes, (size_t)n);
    }
    flush_out(l);
}

static void watch(int poll, struct line *l, int operation)
{
    uint32_t events = (unsent(l) < BACKLOG ? (uint32_t)EPOLLIN : 0u) |
                      (unsent(l) > 0 ? (uint32_t)EPOLLOUT : 0u);
    struct epoll_event event = {.events = events, .data.ptr = l};

    if (operation == EPOLL_CTL_MOD && events == l->events)
        return;
    l->events = events;
    if (epoll_ctl(poll, operation, l->master, &event) < 0)
        fail("epoll_ctl");
}

static void open_line(struct line *l)
{
    struct termios raw;
    const char *path;

    l->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (l->master < 0 || grantpt(l->master) < 0 || unlockpt(l->master) < 0)
        fail("PTY");
    path = ptsname(l->master);
    if (path == NULL)
        fail("ptsname");
    l->slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (l->slave < 0 || tcgetattr(l->slave, &raw) < 0)
        fail(path);
    cfmakeraw(&raw);
    if (tcsetattr(l->slave, TCSANOW, &raw) < 0)
        fail(path);
    puts(path);
}

static void raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void fill_urcs(void)
{
    memset(urc_block, 'x', sizeof urc_block);
    for (size_t at = 0; at < URC_BLOCK; at += URC) {
        memcpy(urc_block + at, "+BENCH: ", 8);
        memcpy(urc_block + at + URC - 2, "\r\n", 2);
    }
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    struct line *lines = calloc(count, sizeof *lines);
    int poll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = NULL};

    if (lines == NULL || poll < 0)
        fail("set-up");
    raise_limit();
    fill_urcs();
    for (size_t i = 0; i < count; i++) {
        open_line(&lines[i]);
        watch(poll, &lines[i], EPOLL_CTL_ADD);
    }
    if (epoll_ctl(poll, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0)
        fail("standard input");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[64];
        int n = epoll_wait(poll, events, 64, -1);
        for (int i = 0; i < n; i++) {
            struct line *l = events[i].data.ptr;
            if (l == NULL)
                return 0; /* whoever started this is gone */
            serve(l, events[i].events);
            watch(poll, l, EPOLL_CTL_MOD);
        }
    }
}
