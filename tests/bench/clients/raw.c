/* SPDX-License-Identifier: MIT
 *
 * The limit: poll (epoll for several ports), read, write, and no more parsing
 * than it takes to see the end of an answer. Does each workload once.
 *
 *     raw at N          N times AT+GMR, on every port at once
 *     raw urc LINES     counts the lines of AT+BENCHURC
 *     raw qisend N      N times AT+QISEND with 1024 bytes
 *     raw echo BYTES    the passthrough echo
 *     raw timing N      how late N timers of 10 ms are, while all ports but the
 *                       first ones are busy
 *     raw first         one AT+GMR, without marks
 *     raw disk FILE     fdatasync, 4 KiB at a time, as often as it goes in 1 s
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 65536u
#define WINDOW 16384u /* bytes on their way in the echo */
#define MOST_PORTS 4096u
#define IDLE_PORTS 16u /* of the timing */
#define TIMER_NS 10000000

struct port {
    int fd;
    uint64_t left; /* commands still to be answered */
    size_t length;
    char tail[64]; /* the last bytes of the answer so far */
};

static struct port ports[MOST_PORTS];
static size_t port_count;
static char chunk[CHUNK];

static void fail(const char *what)
{
    fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void mark(const char *name, uint64_t units)
{
    char line[16];

    printf("mark %s %llu\n", name, (unsigned long long)units);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(1);
}

static void open_ports(void)
{
    char *paths = getenv("BENCH_PORTS");
    struct termios raw;

    for (char *path = strtok(paths, " "); path != NULL;
         path = strtok(NULL, " ")) {
        int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || tcgetattr(fd, &raw) < 0)
            fail(path);
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
        ports[port_count++].fd = fd;
    }
}

static void put(int fd, const char *bytes, size_t length)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    while (length > 0) {
        ssize_t n = write(fd, bytes, length);
        if (n < 0 && errno != EAGAIN)
            fail("write");
        if (n < 0) {
            poll(&p, 1, -1);
            continue;
        }
        bytes += n;
        length -= (size_t)n;
    }
}

static size_t get(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n;

    do {
        poll(&p, 1, -1);
        n = read(fd, chunk, CHUNK);
    } while (n < 0 && errno == EAGAIN);
    if (n <= 0)
        fail("read");
    return (size_t)n;
}

/* Keeps the end of what came; whether it ends in `end`. */
static int ends(struct port *p, size_t n, const char *end)
{
    size_t room = sizeof p->tail;
    size_t wanted = strlen(end);

    if (n >= room) {
        memcpy(p->tail, chunk + n - room, room);
        p->length = room;
    } else {
        if (p->length + n > room) {
            size_t kept = room - n;
            memmove(p->tail, p->tail + p->length - kept, kept);
            p->length = kept;
        }
        memcpy(p->tail + p->length, chunk, n);
        p->length += n;
    }
    return p->length >= wanted &&
           memcmp(p->tail + p->length - wanted, end, wanted) == 0;
}

static void await(struct port *p, const char *end)
{
    p->length = 0;
    while (!ends(p, get(p->fd), end))
        continue;
}

static void one_port(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        put(ports[0].fd, "AT+GMR\r\n", 8);
        await(&ports[0], "\r\nOK\r\n");
    }
}

static void answered(struct port *p)
{
    p->length = 0;
    if (--p->left > 0)
        put(p->fd, "AT+GMR\r\n", 8);
}

static void all_ports(uint64_t count)
{
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    size_t busy = port_count;

    for (size_t i = 0; i < port_count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &ports[i]};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, ports[i].fd, &e);
        ports[i].left = count;
        put(ports[i].fd, "AT+GMR\r\n", 8);
    }
    while (busy > 0) {
        struct epoll_event events[256];
        int n = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct port *p = events[i].data.ptr;
            ssize_t got = read(p->fd, chunk, CHUNK);
            if (got > 0 && ends(p, (size_t)got, "\r\nOK\r\n")) {
                answered(p);
                busy -= p->left == 0;
            }
        }
    }
    close(poll_fd);
}

static void do_at(uint64_t count)
{
    if (port_count == 1)
        one_port(100);
    else
        all_ports(1);
    mark("begin", 1);
    if (port_count == 1)
        one_port(count);
    else
        all_ports(count);
    mark("end", count * port_count);
}

static void do_urc(uint64_t count)
{
    struct port *p = &ports[0];
    uint64_t lines = 0;
    char text[64];
    size_t n;

    snprintf(text, sizeof text, "AT+BENCHURC=%llu\r\n",
             (unsigned long long)count);
    mark("begin", 1);
    put(p->fd, text, strlen(text));
    do {
        n = get(p->fd);
        const char *at = chunk;
        const char *end = chunk + n;
        while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
            at++;
            lines++;
        }
    } while (!ends(p, n, "+BENCHEND\r\n"));
    mark("end", lines - 4);
}

static void do_qisend(uint64_t count)
{
    char payload[1024];

    memset(payload, 'U', sizeof payload);
    mark("begin", 1);
    for (uint64_t i = 0; i < count; i++) {
        put(ports[0].fd, "AT+QISEND=3,1024\r\n", 18);
        await(&ports[0], "\r\n>");
        put(ports[0].fd, payload, sizeof payload);
        await(&ports[0], "\r\nSEND OK\r\n");
    }
    mark("end", count);
}

static void do_echo(uint64_t total)
{
    struct port *p = &ports[0];
    uint64_t sent = 0;
    uint64_t back = 0;
    char text[64];
    static char block[WINDOW];

    snprintf(text, sizeof text, "AT+BENCHECHO=%llu\r\n",
             (unsigned long long)total);
    put(p->fd, text, strlen(text));
    await(p, "\r\nOK\r\n");
    mark("begin", 1);
    while (back < total) {
        uint64_t room = WINDOW - (sent - back);
        if (room > total - sent)
            room = total - sent;
        put(p->fd, block, (size_t)room);
        sent += room;
        back += get(p->fd);
    }
    mark("end", total);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* As tests/bench/clients/attest.lua tells its own. */
static void tell(double *late, size_t count)
{
    FILE *file = fopen(getenv("BENCH_FIGURES"), "a");
    size_t busy = port_count - IDLE_PORTS;

    if (file == NULL)
        fail("BENCH_FIGURES");
    qsort(late, count, sizeof *late, compare);
    fprintf(file, "raw C, timerfd of 10 ms, ");
    if (busy > 0)
        fprintf(file, "%zu busy ports", busy);
    else
        fprintf(file, "idle");
    fprintf(file, "\t%.1f\t%.1f\t%.1f\t%zu\n", late[(count + 1) / 2 - 1],
            late[(count * 99 + 99) / 100 - 1], late[count - 1], count);
    fclose(file);
}

static void do_timing(uint64_t count)
{
    const struct itimerspec after = {.it_value.tv_nsec = TIMER_NS};
    int poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    double *late = calloc(count, sizeof *late);
    uint64_t done = 0;

    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &e);
    for (size_t i = IDLE_PORTS; i < port_count; i++) {
        e.data.ptr = &ports[i];
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, ports[i].fd, &e);
        ports[i].left = UINT64_MAX;
        put(ports[i].fd, "AT+GMR\r\n", 8);
    }
    timerfd_settime(timer, 0, &after, NULL);
    for (double from = seconds(); done < count;) {
        struct epoll_event events[256];
        int n = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct port *p = events[i].data.ptr;
            if (p == NULL) {
                late[done++] = (seconds() - from) * 1e6 - TIMER_NS / 1e3;
                from = seconds();
                timerfd_settime(timer, 0, &after, NULL);
                continue;
            }
            ssize_t got = read(p->fd, chunk, CHUNK);
            if (got > 0 && ends(p, (size_t)got, "\r\nOK\r\n"))
                answered(p);
        }
    }
    tell(late, count);
    free(late);
    close(timer);
    close(poll_fd);
}

static void do_disk(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    double start = seconds();
    long count = 0;

    if (fd < 0)
        fail(path);
    while (seconds() - start < 1) {
        if (pwrite(fd, chunk, 4096, count * 4096) != 4096 || fdatasync(fd) < 0)
            fail(path);
        count++;
    }
    printf("%.0f\n", (double)count / (seconds() - start));
    unlink(path);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    if (strcmp(what, "disk") == 0 && argc > 2)
        return do_disk(argv[2]), 0;
    open_ports();
    if (strcmp(what, "at") == 0)
        do_at(count);
    else if (strcmp(what, "urc") == 0)
        do_urc(count);
    else if (strcmp(what, "qisend") == 0)
        do_qisend(count);
    else if (strcmp(what, "echo") == 0)
        do_echo(count);
    else if (strcmp(what, "timing") == 0)
        do_timing(count);
    else if (strcmp(what, "first") == 0)
        one_port(1), puts("OK"), fflush(stdout);
    else
        return 2;
    return 0;
}
