/* SPDX-License-Identifier: MIT
 *
 * Devices under a port: line settings, locks and PTYs. Everything runs on
 * PTYs, so what a PTY drops silently (7 bits, parity) is checked as dropped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "port.h"
#include "port_device.h"
#include "port_line.h"
#include "port_list.h"
#include "port_lock.h"

/* ------------------------------------------------------------- fixtures */

struct bench {
    struct loop loop;
    uv_loop_t uv;
    int master, far;
    char path[64];
    struct port_config config;
    struct port_reason why;
    int freed;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    assert_int_equal(uv_loop_init(&b->uv), 0);
    assert_int_equal(loop_init(&b->loop, &b->uv), 0);
    assert_int_equal(openpty(&b->master, &b->far, NULL, NULL, NULL), 0);
    assert_int_equal(ttyname_r(b->far, b->path, sizeof b->path), 0);
    b->config = (struct port_config)PORT_CONFIG_DEFAULT;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    close(b->far);
    close(b->master);
    loop_clean(&b->loop);
    assert_int_equal(uv_loop_close(&b->uv), 0); /* no handle is left */
    free(b);
    return 0;
}

static struct port *open_port(struct bench *b)
{
    struct port *p = NULL;

    assert_int_equal(port_open(&b->loop, b->path, &b->config, &p, &b->why), 0);
    return p;
}

/* A child that opens the path, locks it if told, and holds it until told. */
struct holder {
    pid_t pid;
    int stop;
};

static void hold(const char *path, int lock, int ready, int stop)
{
    char byte = 0;
    int fd = open(path, O_RDWR | O_NOCTTY);

    if (fd < 0 || (lock && flock(fd, LOCK_EX | LOCK_NB) < 0))
        _exit(1);
    if (write(ready, &byte, 1) != 1)
        _exit(1);
    if (read(stop, &byte, 1) < 0)
        _exit(1);
    _exit(0);
}

static struct holder start_holder(const char *path, int lock)
{
    int ready[2];
    int stop[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(stop), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(stop[1]);
        hold(path, lock, ready[1], stop[0]);
    }
    close(ready[1]);
    close(stop[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return (struct holder){pid, stop[1]};
}

static void stop_holder(struct holder h)
{
    int status;

    close(h.stop);
    assert_int_equal(waitpid(h.pid, &status, 0), h.pid);
    assert_int_equal(status, 0);
}

/* ----------------------------------------------------------------- line */

static const struct port_line plain = {
    .baud = 115200, .data_bits = 8, .parity = 'N'};

static void test_any_rate_is_set(void **state)
{
    static const unsigned rates[] = {50,     1200,   9600,    115200,
                                     250000, 128000, 1000000, 4000000};
    struct bench *b = *state;
    struct port_line line = plain;
    struct port_line got;

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        line.baud = rates[i];
        assert_int_equal(port_line_set(b->far, &line), 0);
        assert_int_equal(port_line_get(b->master, &got), 0);
        assert_int_equal(got.baud, rates[i]);
    }
}

static void test_named_rates_are_seen_by_old_programs(void **state)
{
    struct bench *b = *state;
    struct termios t;

    assert_int_equal(port_line_set(b->far, &plain), 0);
    assert_int_equal(tcgetattr(b->far, &t), 0);
    assert_int_equal(cfgetospeed(&t), B115200);
    assert_int_equal(cfgetispeed(&t), B115200);
}

static void test_line_is_raw_and_quiet(void **state)
{
    struct bench *b = *state;
    struct termios t;

    assert_int_equal(port_line_set(b->far, &plain), 0);
    assert_int_equal(tcgetattr(b->far, &t), 0);
    assert_int_equal(t.c_iflag, 0);
    assert_int_equal(t.c_oflag, 0);
    assert_int_equal(t.c_lflag, 0);
    assert_int_equal(t.c_cc[VMIN], 1);
    assert_int_equal(t.c_cc[VTIME], 0);
    assert_int_equal(t.c_cflag & HUPCL, 0);
    assert_int_equal(t.c_cflag & CRTSCTS, 0);
    assert_int_equal(t.c_cflag & (CLOCAL | CREAD), CLOCAL | CREAD);
}

static void test_flow_and_stop_bits_are_set(void **state)
{
    struct bench *b = *state;
    struct port_line line = plain;
    struct port_line got;

    line.rtscts = line.two_stop_bits = true;
    assert_int_equal(port_line_set(b->far, &line), 0);
    assert_int_equal(port_line_get(b->far, &got), 0);
    assert_true(got.rtscts && got.two_stop_bits && !got.xonxoff);

    line = plain;
    line.xonxoff = true;
    assert_int_equal(port_line_set(b->far, &line), 0);
    assert_int_equal(port_line_get(b->far, &got), 0);
    assert_true(!got.rtscts && !got.two_stop_bits && got.xonxoff);
}

static void test_a_pty_drops_seven_bits_and_parity(void **state)
{
    struct bench *b = *state;
    struct port_line line = plain;
    struct port_line got;

    line.data_bits = 7;
    line.parity = 'E';
    assert_int_equal(port_line_set(b->far, &line), 0);
    assert_int_equal(port_line_get(b->far, &got), 0);
    assert_int_equal(got.data_bits, 8);
    assert_int_equal(got.parity, 'N');
}

static void test_impossible_lines_are_refused(void **state)
{
    struct bench *b = *state;
    struct port_line line = plain;

    line.baud = 0;
    assert_int_equal(port_line_set(b->far, &line), -EINVAL);
    line = plain;
    line.data_bits = 9;
    assert_int_equal(port_line_set(b->far, &line), -EINVAL);
}

static void test_a_pty_has_no_modem_lines(void **state)
{
    struct bench *b = *state;
    unsigned lines = 77;

    assert_int_equal(port_line_get_modem(b->far, &lines), -ENOTSUP);
    assert_int_equal(lines, 77);
    assert_int_equal(port_line_set_modem(b->far, PORT_DTR, 0), -ENOTSUP);
    assert_int_equal(port_line_set_modem(b->far, PORT_CTS, 0), -EINVAL);
}

static void test_both_sides_of_a_pty_are_known(void **state)
{
    struct bench *b = *state;
    int null = open("/dev/null", O_RDWR);

    assert_true(port_line_is_pty(b->master));
    assert_true(port_line_is_pty(b->far));
    assert_false(port_line_is_pty(null));
    close(null);
}

/* ----------------------------------------------------------------- open */

static void test_a_tty_opens_and_closes(void **state)
{
    struct bench *b = *state;
    struct port *p = open_port(b);

    assert_string_equal(p->backend->name, "tty");
    assert_string_equal(p->path, b->path);
    assert_int_equal(fcntl(p->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(p->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    port_close(p);
}

static void test_a_policy_for_lines_does_not_fail_without_lines(void **state)
{
    struct bench *b = *state;
    unsigned lines;

    b->config.dtr = PORT_ON;
    b->config.rts_close = PORT_OFF;
    struct port *p = open_port(b);
    assert_int_equal(port_get_lines(p, &lines), UV_ENOTSUP);
    port_close(p);
}

static void refuse(struct bench *b, const char *path, int err,
                   const char *reason)
{
    struct port *p = NULL;

    assert_int_equal(port_open(&b->loop, path, &b->config, &p, &b->why), err);
    assert_null(p);
    assert_string_equal(b->why.text, reason);
}

static void test_what_is_no_port_is_refused(void **state)
{
    struct bench *b = *state;

    refuse(b, "/nowhere/ttyUSB0", UV_ENOENT, "");
    refuse(b, "/dev/null", UV_ENOTTY, "not a terminal device");
}

static void test_one_and_a_half_stop_bits_are_refused(void **state)
{
    struct bench *b = *state;

    b->config.stop_bits = 15;
    refuse(b, b->path, UV_EINVAL, "1.5 stop bits: this OS cannot");
}

static void test_a_bad_setting_leaves_the_line_as_it_was(void **state)
{
    struct bench *b = *state;
    struct port *p = open_port(b);
    struct port_config c = b->config;
    struct port_line got;

    c.baud = 9600;
    c.parity = 'x';
    assert_int_equal(port_configure(p, &c, &b->why), UV_EINVAL);
    assert_string_equal(b->why.text, "unknown parity");
    assert_int_equal(port_line_get(b->far, &got), 0);
    assert_int_equal(got.baud, 115200);
    c.parity = 'N';
    assert_int_equal(port_configure(p, &c, &b->why), 0);
    assert_int_equal(port_line_get(b->far, &got), 0);
    assert_int_equal(got.baud, 9600);
    port_close(p);
}

static void test_what_was_written_last_survives_the_close(void **state)
{
    struct bench *b = *state;
    struct port *p = open_port(b);
    char got[8] = "";

    assert_int_equal(port_write(p, "AT\r", 3), 0);
    port_close(p);
    assert_int_equal(read(b->master, got, sizeof got), 3);
    assert_string_equal(got, "AT\r");
}

/* ---------------------------------------------------------------- locks */

static void test_a_second_open_names_the_holder(void **state)
{
    struct bench *b = *state;
    struct holder h = start_holder(b->path, 1);
    char text[300];

    /* The kernel keeps 15 letters of a program's name. */
    snprintf(text, sizeof text, "held by test_port_line (pid %ld)",
             (long)h.pid);
    refuse(b, b->path, UV_EBUSY, text);
    stop_holder(h);
    port_close(open_port(b)); /* the lock died with its owner */
}

static void test_a_shared_open_takes_no_lock(void **state)
{
    struct bench *b = *state;

    b->config.shared = true;
    struct port *first = open_port(b);
    struct port *second = open_port(b);
    b->config.shared = false;
    struct port *third = open_port(b);
    port_close(first);
    port_close(second);
    port_close(third);
}

static void test_the_lock_is_free_at_once_after_a_close(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 3; i++)
        port_close(open_port(b));
}

static void test_a_link_and_its_device_are_one_port(void **state)
{
    struct bench *b = *state;
    char directory[] = "/tmp/attest-lock-XXXXXX";
    char link[64];

    assert_non_null(mkdtemp(directory));
    snprintf(link, sizeof link, "%s/port", directory);
    assert_int_equal(symlink(b->path, link), 0);
    struct port *p = open_port(b);
    struct port *other = NULL;
    assert_int_equal(port_open(&b->loop, link, &b->config, &other, &b->why),
                     UV_EBUSY);
    port_close(p);
    unlink(link);
    rmdir(directory);
}

static void test_whoever_has_it_open_is_found(void **state)
{
    struct bench *b = *state;
    int master, far;
    char path[64];

    assert_int_equal(openpty(&master, &far, NULL, NULL, NULL), 0);
    assert_int_equal(ttyname_r(far, path, sizeof path), 0);
    close(b->far); /* from here on only the child has it */
    struct holder h = start_holder(b->path, 0);
    close(far);
    struct port_holder holders[] = {
        {.path = path}, {.path = b->path}, {.path = "/nowhere/ttyUSB0"}};
    port_lock_find(holders, 3);
    assert_int_equal(holders[0].pid, h.pid); /* inherited by the fork */
    assert_int_equal(holders[1].pid, h.pid);
    assert_string_equal(holders[1].name, "test_port_line");
    assert_int_equal(holders[2].pid, 0);
    stop_holder(h);
    close(master);
    b->far = open(b->path, O_RDWR | O_NOCTTY);
}

static void write_lock_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static pid_t dead_process(void)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return pid;
}

static void test_lock_files_of_the_living_count(void **state)
{
    char directory[] = "/tmp/attest-lock-XXXXXX";
    char file[64];
    char text[32];
    const int binary = (int)getppid();

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(file, sizeof file, "%s/LCK..ttyUSB7", directory);
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 0);

    snprintf(text, sizeof text, "%10ld\n", (long)getppid());
    write_lock_file(file, text, strlen(text));
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"),
                     getppid());
    write_lock_file(file, &binary, sizeof binary);
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"),
                     getppid());
    snprintf(text, sizeof text, "%10ld\n", (long)getpid());
    write_lock_file(file, text, strlen(text));
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 0);
    snprintf(text, sizeof text, "%10ld\n", (long)dead_process());
    write_lock_file(file, text, strlen(text));
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 0);
    write_lock_file(file, "junk", 5);
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 0);

    unlink(file);
    rmdir(directory);
}

/* ------------------------------------------------------------------ PTY */

static struct port *open_pty(struct bench *b)
{
    struct port *p = NULL;

    assert_int_equal(port_open_pty(&b->loop, &b->config, &p, &b->why), 0);
    return p;
}

static void test_a_pty_starts_at_its_rate(void **state)
{
    struct bench *b = *state;
    unsigned baud = 0;
    struct termios t;

    b->config.baud = 9600;
    struct port *p = open_pty(b);
    assert_int_equal(port_client_baud(p, &baud), 0);
    assert_int_equal(baud, 9600);
    int client = open(p->path, O_RDWR | O_NOCTTY);
    assert_int_equal(tcgetattr(client, &t), 0);
    assert_int_equal(cfgetospeed(&t), B9600);
    assert_int_equal(t.c_lflag & ECHO, 0);
    close(client);
    port_close(p);
}

static void test_the_rate_of_the_client_is_seen_and_left_alone(void **state)
{
    struct bench *b = *state;
    struct port *p = open_pty(b);
    struct port_line line = plain;
    struct port_config c = b->config;
    unsigned baud = 0;
    int client = open(p->path, O_RDWR | O_NOCTTY);

    line.baud = 250000;
    assert_int_equal(port_line_set(client, &line), 0);
    assert_int_equal(port_client_baud(p, &baud), 0);
    assert_int_equal(baud, 250000);
    c.baud = 57600;
    assert_int_equal(port_configure(p, &c, &b->why), 0);
    assert_int_equal(p->config.baud, 57600);
    assert_int_equal(port_client_baud(p, &baud), 0);
    assert_int_equal(baud, 250000);
    c.stop_bits = 15;
    assert_int_equal(port_configure(p, &c, &b->why), UV_EINVAL);
    close(client);
    port_close(p);
}

static void test_only_a_pty_has_a_client(void **state)
{
    struct bench *b = *state;
    struct port *p = open_port(b);
    unsigned baud;

    assert_int_equal(port_client_baud(p, &baud), UV_ENOTSUP);
    port_close(p);
}

static void test_what_is_printed_before_a_client_waits_for_it(void **state)
{
    struct bench *b = *state;
    struct port *p = open_pty(b);
    char got[16] = "";

    assert_int_equal(port_write(p, "RDY\r\n", 5), 0);
    int client = open(p->path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_int_equal(read(client, got, sizeof got), 5);
    assert_string_equal(got, "RDY\r\n");
    close(client);
    port_close(p);
}

static void count_close(void *arg, int err)
{
    (void)err;
    ++*(int *)arg;
}

static void count_bytes(void *arg, const char *bytes, size_t length,
                        uint64_t at)
{
    (void)bytes;
    (void)at;
    *(int *)arg += 1000 * (int)length;
}

static void test_clients_come_and_go_without_a_hang_up(void **state)
{
    struct bench *b = *state;
    struct port *p = open_pty(b);
    const struct port_events events = {.bytes = count_bytes,
                                       .closed = count_close};
    int seen = 0;

    port_start(p, &events, &seen);
    for (int i = 1; i <= 3; i++) {
        int client = open(p->path, O_RDWR | O_NOCTTY);
        assert_int_equal(write(client, "AT", 2), 2);
        close(client);
        while (seen < 2000 * i)
            uv_run(&b->uv, UV_RUN_ONCE);
    }
    assert_int_equal(seen, 6000); /* all bytes, no `closed` */
    port_close(p);
}

static void test_an_unknown_setting_makes_no_pty(void **state)
{
    struct bench *b = *state;
    struct port *p = NULL;

    b->config.data_bits = 4;
    assert_int_equal(port_open_pty(&b->loop, &b->config, &p, &b->why),
                     UV_EINVAL);
    assert_string_equal(b->why.text, "data_bits must be 5 to 8");
}

/* ----------------------------------------------------------------- list */

static void test_the_place_of_a_port_is_found(void **state)
{
    static const char *const places[][2] = {
        {"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/"
         "ttyUSB0",
         "1-1.2:1.0"},
        {"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0", "1-1:1.0"},
        {"/sys/devices/pnp0/00:04", "00:04"},
        {"/sys/devices/platform/serial8250/", "serial8250"},
        {"", ""},
    };
    char place[64];

    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        port_list_topology(places[i][0], place, sizeof place);
        assert_string_equal(place, places[i][1]);
    }
}

static void test_names_are_ordered_by_their_numbers(void **state)
{
    (void)state;
    assert_true(port_list_compare("ttyUSB2", "ttyUSB10") < 0);
    assert_true(port_list_compare("ttyUSB10", "ttyUSB2") > 0);
    assert_true(port_list_compare("ttyACM9", "ttyUSB1") < 0);
    assert_true(port_list_compare("ttyS", "ttyS0") < 0);
    assert_int_equal(port_list_compare("ttyS1", "ttyS1"), 0);
}

static void test_listing_ports_opens_none_and_leaks_nothing(void **state)
{
    struct port_list list;

    (void)state;
    assert_int_equal(port_list_init(&list), 0);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(strncmp(list.entries[i].path, "/dev/", 5), 0);
        assert_int_not_equal(list.entries[i].holder.pid, getpid());
    }
    port_list_clean(&list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_any_rate_is_set),
        TEST(test_named_rates_are_seen_by_old_programs),
        TEST(test_line_is_raw_and_quiet),
        TEST(test_flow_and_stop_bits_are_set),
        TEST(test_a_pty_drops_seven_bits_and_parity),
        TEST(test_impossible_lines_are_refused),
        TEST(test_a_pty_has_no_modem_lines),
        TEST(test_both_sides_of_a_pty_are_known),
        TEST(test_a_tty_opens_and_closes),
        TEST(test_a_policy_for_lines_does_not_fail_without_lines),
        TEST(test_what_is_no_port_is_refused),
        TEST(test_one_and_a_half_stop_bits_are_refused),
        TEST(test_a_bad_setting_leaves_the_line_as_it_was),
        TEST(test_what_was_written_last_survives_the_close),
        TEST(test_a_second_open_names_the_holder),
        TEST(test_a_shared_open_takes_no_lock),
        TEST(test_the_lock_is_free_at_once_after_a_close),
        TEST(test_a_link_and_its_device_are_one_port),
        TEST(test_whoever_has_it_open_is_found),
        TEST(test_lock_files_of_the_living_count),
        TEST(test_a_pty_starts_at_its_rate),
        TEST(test_the_rate_of_the_client_is_seen_and_left_alone),
        TEST(test_only_a_pty_has_a_client),
        TEST(test_what_is_printed_before_a_client_waits_for_it),
        TEST(test_clients_come_and_go_without_a_hang_up),
        TEST(test_an_unknown_setting_makes_no_pty),
        cmocka_unit_test(test_the_place_of_a_port_is_found),
        cmocka_unit_test(test_names_are_ordered_by_their_numbers),
        cmocka_unit_test(test_listing_ports_opens_none_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
