/* SPDX-License-Identifier: MIT
 *
 * Devices under a port: line settings, opens and PTYs. Everything runs on
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
#include <termios.h>
#include <unistd.h>

#include "port.h"
#include "port_line.h"

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

static void test_what_the_client_did_not_read_is_seen(void **state)
{
    struct bench *b = *state;
    struct port *p = open_pty(b);
    unsigned bytes = 1;
    char byte;

    assert_int_equal(port_client_unread(p, &bytes), 0);
    assert_int_equal(bytes, 0);
    assert_int_equal(port_write(p, "abc", 3), 0);
    int client = open(p->path, O_RDWR | O_NOCTTY);
    assert_int_equal(read(client, &byte, 1), 1);
    assert_int_equal(port_client_unread(p, &bytes), 0);
    assert_int_equal(bytes, 2);
    close(client);
    port_close(p);
}

static void test_only_a_pty_has_a_client(void **state)
{
    struct bench *b = *state;
    struct port *p = open_port(b);
    unsigned number;

    assert_int_equal(port_client_baud(p, &number), UV_ENOTSUP);
    assert_int_equal(port_client_unread(p, &number), UV_ENOTSUP);
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
        TEST(test_a_pty_starts_at_its_rate),
        TEST(test_the_rate_of_the_client_is_seen_and_left_alone),
        TEST(test_what_the_client_did_not_read_is_seen),
        TEST(test_only_a_pty_has_a_client),
        TEST(test_what_is_printed_before_a_client_waits_for_it),
        TEST(test_clients_come_and_go_without_a_hang_up),
        TEST(test_an_unknown_setting_makes_no_pty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
