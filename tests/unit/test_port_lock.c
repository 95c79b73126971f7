/* SPDX-License-Identifier: MIT
 *
 * Who has a port: locks, the search for holders, and the list of ports.
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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "port.h"
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

static void refuse(struct bench *b, const char *path, int err,
                   const char *reason)
{
    struct port *p = NULL;

    assert_int_equal(port_open(&b->loop, path, &b->config, &p, &b->why), err);
    assert_null(p);
    assert_string_equal(b->why.text, reason);
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

/* The kernel keeps 15 letters of a program's name; under valgrind it is that
   of its tool. */
#define NAME_BYTES 16

static void own_name(char name[NAME_BYTES])
{
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
}

static void test_a_second_open_names_the_holder(void **state)
{
    struct bench *b = *state;
    struct holder h = start_holder(b->path, 1);
    char name[NAME_BYTES];
    char text[300];

    own_name(name);
    snprintf(text, sizeof text, "held by %s (pid %ld)", name, (long)h.pid);
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
    char name[NAME_BYTES];

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
    own_name(name);
    assert_string_equal(holders[1].name, name);
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
    write_lock_file(file, "1\n\0", 4); /* binary 2609, not process 1 */
    assert_int_not_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 1);
    write_lock_file(file, "junk", 5);
    assert_int_equal(port_lock_file_owner(directory, "/dev/ttyUSB7"), 0);

    unlink(file);
    rmdir(directory);
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
        TEST(test_a_second_open_names_the_holder),
        TEST(test_a_shared_open_takes_no_lock),
        TEST(test_the_lock_is_free_at_once_after_a_close),
        TEST(test_a_link_and_its_device_are_one_port),
        TEST(test_whoever_has_it_open_is_found),
        cmocka_unit_test(test_lock_files_of_the_living_count),
        cmocka_unit_test(test_the_place_of_a_port_is_found),
        cmocka_unit_test(test_names_are_ordered_by_their_numbers),
        cmocka_unit_test(test_listing_ports_opens_none_and_leaks_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
