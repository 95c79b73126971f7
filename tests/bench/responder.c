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
 *     AT+BENCHTIME=<n>   echo, OK, then n lines "+T: <ns>", each with the time
 *                        at which it is written, STAMP_GAP apart
 *     AT+QIOPEN=...,1    echo, CONNECT, then takes any bytes in silence until
 *                        +++ alone; GUARD later OK
 *     AT+BENCHGUARD?     echo, "+BENCHGUARD: <ns>,<ns>": silence before the
 *                        last +++; from its OK to the next byte; OK
 *     anything else      echo, OK
 *
 * Times are on CLOCK_MONOTONIC, which the client reads as well. Both ends of
 * each PTY stay open here, so a client may come and go.
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
#include <time.h>
#include <unistd.h>

#define LINE 256u
#define OUT (128u * 1024u)
#define BACKLOG (64u * 1024u) /* no input is taken while more is unsent */
#define URC 64u
#define URC_BLOCK (64u * URC)
#define MS UINT64_C(1000000)
#define STAMP_GAP (2 * MS)
#define GUARD (200 * MS)

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
    uint64_t stamps;  /* lines of AT+BENCHTIME still to be sent */
    uint64_t due;     /* when the next one, or the OK to +++; 0: never */
    bool forwards;    /* direct mode */
    uint64_t heard;   /* when the last byte of direct mode came */
    uint64_t left;    /* when +++ was answered; 0: a byte came since */
    uint64_t before;  /* the silences that AT+BENCHGUARD? tells */
    uint64_t after;
    char text[LINE];
    char *out; /* owned, OUT bytes; NULL while nothing is unsent */
};

static char urc_block[URC_BLOCK];
static size_t waiting; /* lines on which something is due */

static uint64_t now_ns(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "responder: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void set_due(struct line *l, uint64_t due)
{
    waiting += (due != 0) - (size_t)(l->due != 0);
    l->due = due;
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

static void tell_guard(struct line *l)
{
    char text[80];

    snprintf(text, sizeof text, "\r\n+BENCHGUARD: %llu,%llu\r\n\r\nOK\r\n",
             (unsigned long long)l->before, (unsigned long long)l->after);
    say(l, text);
}

/* text: the line with its line end, echoed as it came */
static void command(struct line *l, const char *text, size_t length)
{
    put(l, text, length);
    if (starts_with(text, "AT+BENCHGUARD?")) {
        tell_guard(l);
        return;
    }
    if (starts_with(text, "AT+QIOPEN=")) {
        say(l, "\r\nCONNECT,ID:3\r\n");
        l->forwards = true;
        l->heard = now_ns();
        return;
    }
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
    } else if (starts_with(text, "AT+BENCHTIME=")) {
        l->stamps = strtoull(text + strlen("AT+BENCHTIME="), NULL, 10);
        set_due(l, now_ns() + STAMP_GAP);
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

/* Direct mode. What a client writes at once is read at once. */
static void forward(struct line *l, const char *bytes, size_t length)
{
    uint64_t now = now_ns();

    if (length == 3 && memcmp(bytes, "+++", 3) == 0) {
        l->before = now - l->heard;
        set_due(l, now + GUARD);
    }
    l->heard = now;
}

static void hear(struct line *l, const char *bytes, size_t length)
{
    if (l->forwards) {
        forward(l, bytes, length);
        return;
    }
    if (l->left != 0)
        l->after = now_ns() - l->left;
    l->left = 0;
    take(l, bytes, length);
}

/* What is due by time; returns when the next of all lines is. */
static uint64_t on_time(struct line *l)
{
    char text[32];
    uint64_t now;

    if (l->due == 0 || (now = now_ns()) < l->due)
        return l->due;
    if (l->forwards) {
        l->forwards = false;
        l->left = now;
        set_due(l, 0);
        say(l, "\r\nOK\r\n");
    } else {
        snprintf(text, sizeof text, "+T: %llu\r\n", (unsigned long long)now);
        say(l, text);
        set_due(l, --l->stamps == 0 ? 0 : now + STAMP_GAP);
    }
    return l->due;
}

static void serve(struct line *l, uint32_t events)
{
    char bytes[8192];

    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        ssize_t n = read(l->master, bytes, sizeof bytes);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            fail("read");
        if (n > 0)
            hear(l, bytes, (size_t)n);
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

/* Serves what is due; returns how long epoll may wait, in ms. */
static int serve_time(int poll, struct line *lines, size_t count)
{
    uint64_t first = 0;

    for (size_t i = 0; waiting > 0 && i < count; i++) {
        struct line *l = &lines[i];
        if (l->due == 0)
            continue;
        uint64_t due = on_time(l);
        flush_out(l);
        watch(poll, l, EPOLL_CTL_MOD);
        if (due != 0 && (first == 0 || due < first))
            first = due;
    }
    if (first == 0)
        return -1;
    uint64_t now = now_ns();
    return first <= now ? 0 : (int)((first - now) / MS) + 1;
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
        int n = epoll_wait(poll, events, 64, serve_time(poll, lines, count));
        for (int i = 0; i < n; i++) {
            struct line *l = events[i].data.ptr;
            if (l == NULL)
                return 0; /* whoever started this is gone */
            serve(l, events[i].events);
            watch(poll, l, EPOLL_CTL_MOD);
        }
    }
}
