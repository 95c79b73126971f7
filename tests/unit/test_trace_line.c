/* SPDX-License-Identifier: MIT
 *
 * The lines of a transcript, written and read.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "trace_line.h"

static struct trace_line parse(const char *text)
{
    struct trace_line l;

    if (trace_line_parse(text, strlen(text), &l) != 0)
        fail_msg("not a line: %s", text);
    return l;
}

static void assert_field(struct trace_field f, const char *text)
{
    assert_int_equal(f.length, strlen(text));
    assert_memory_equal(f.text, text, f.length);
}

/* Decodes into `out`; masked bytes become '?'. */
static size_t decode(struct trace_field f, char *out, size_t size)
{
    size_t n = 0;

    while (f.length > 0) {
        size_t wild;
        char byte;
        size_t taken = trace_line_next(f.text, f.length, &byte, &wild);
        assert_true(taken > 0);
        for (size_t i = 0; i < (wild > 0 ? wild : 1); i++) {
            assert_true(n < size);
            out[n++] = wild > 0 ? '?' : byte;
        }
        f.text += taken;
        f.length -= taken;
    }
    return n;
}

static void test_a_line_reads(void **state)
{
    char bytes[16];

    (void)state;
    struct trace_line l = parse(
        "81234.567 2026-11-21T03:45:12.123Z > 1 /dev/ttyUSB0 AT \\r\\x00\n");
    assert_int_equal(l.at_us, 81234567);
    assert_int_equal(l.wall_ms, 1795232712123);
    assert_int_equal(l.direction, TRACE_SENT);
    assert_field(l.slot, "1");
    assert_field(l.port, "/dev/ttyUSB0");
    assert_int_equal(decode(l.bytes, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "AT \r\0", 5);
}

static void test_a_mask_reads_as_any_bytes(void **state)
{
    char bytes[16];

    (void)state;
    struct trace_line l =
        parse("0.000 1970-01-01T00:00:00.000Z < - - a\\m{3}b");
    assert_int_equal(decode(l.bytes, bytes, sizeof bytes), 5);
    assert_memory_equal(bytes, "a???b", 5);
}

static void test_what_is_no_line_is_refused(void **state)
{
#define WALL "2026-11-21T03:45:12.123Z"
    static const char *const texts[] = {
        "",
        "\n",
        "1.000",
        "1.000 " WALL " > 1",
        "1.00 " WALL " > 1 p x",
        "x.000 " WALL " > 1 p x",
        "99999999999999999.999 " WALL " > 1 p x",
        "99999999999999999999.999 " WALL " > 1 p x",
        "1.000 2026-02-31T03:45:12.123Z > 1 p x",
        "1.000 2026-11-21T24:00:00.000Z > 1 p x",
        "1.000 2026-11-21 03:45:12.123Z > 1 p x",
        "1.000 " WALL " ? 1 p x",
        "1.000 " WALL " >  p x",
        "1.000 " WALL " > 1 p \\q",
        "1.000 " WALL " > 1 p \\x0",
        "1.000 " WALL " > 1 p \\x0g",
        "1.000 " WALL " > 1 p \\",
        "1.000 " WALL " > 1 p \\m{}",
        "1.000 " WALL " > 1 p \\m{0}",
        "1.000 " WALL " > 1 p \\m{07}",
        "1.000 " WALL " > 1 p \\m{7",
        "1.000 " WALL " > 1 p \\m{1048577}",
        "1.000 " WALL " > 1 p \xc3\xa4",
        "1.000 " WALL " > 1 p a\nb",
        "1.000 " WALL " > 1 p a\x7f",
    };
    struct trace_line l;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (trace_line_parse(texts[i], strlen(texts[i]), &l) != UV_EINVAL)
            fail_msg("taken for a line: %s", texts[i]);
}

static void test_masks_stand_for_what_a_port_takes_in_one_write(void **state)
{
    char text[128] = "1.000 " WALL " > 1 p \\m{1048576}\\m{1048576}"
                     "\\m{1048576}\\m{1048576}";
    struct trace_line l;

    (void)state;
    assert_int_equal(trace_line_parse(text, strlen(text), &l), 0);
    strcat(text, "x");
    assert_int_equal(trace_line_parse(text, strlen(text), &l), UV_EINVAL);
}

static void test_all_bytes_come_back(void **state)
{
    char bytes[256], again[256];
    char text[TRACE_LINE_HEAD + 256 * TRACE_LINE_BYTE];
    struct trace_line l;

    (void)state;
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    size_t n = trace_line_put_head(text, UINT64_MAX, INT64_MAX, TRACE_RECEIVED);
    n += trace_line_put_field(text + n, "a b");
    text[n++] = ' ';
    n += trace_line_put_field(text + n, "-");
    text[n++] = ' ';
    n += trace_line_put_bytes(text + n, bytes, 256);
    assert_int_equal(trace_line_parse(text, n, &l), 0);
    assert_int_equal(l.at_us, UINT64_MAX);
    assert_field(l.slot, "a\\x20b");
    assert_field(l.port, "\\x2d");
    assert_int_equal(decode(l.bytes, again, sizeof again), 256);
    assert_memory_equal(again, bytes, 256);
}

static void test_times_come_back(void **state)
{
    uint64_t random = 88172645463325252u;
    char text[TRACE_LINE_HEAD + 8];
    struct trace_line l;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t wall_ms = (int64_t)(random % 253402300800000u);
        size_t n = trace_line_put_head(text, random, wall_ms, TRACE_MARK);
        memcpy(text + n, "1 p ", 4);
        assert_int_equal(trace_line_parse(text, n + 4, &l), 0);
        assert_int_equal(l.at_us, random);
        assert_int_equal(l.wall_ms, wall_ms);
    }
}

/* What is written and read by hand is what the C library makes of it. */
static void test_dates_are_those_of_the_calendar(void **state)
{
    char text[TRACE_LINE_HEAD];
    char wanted[64];

    (void)state;
    for (int64_t day = 0; day < 2932897; day += day < 50000 ? 1 : 97) {
        time_t second = (time_t)(day * 86400 + day * 37 % 86400);
        struct tm tm;
        gmtime_r(&second, &tm);
        size_t length = strftime(wanted, sizeof wanted,
                                 "0.000 %Y-%m-%dT%H:%M:%S.007Z ! ", &tm);
        size_t n = trace_line_put_head(text, 0, (int64_t)second * 1000 + 7,
                                       TRACE_MARK);
        assert_int_equal(n, length);
        assert_memory_equal(text, wanted, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_reads),
        cmocka_unit_test(test_a_mask_reads_as_any_bytes),
        cmocka_unit_test(test_what_is_no_line_is_refused),
        cmocka_unit_test(test_masks_stand_for_what_a_port_takes_in_one_write),
        cmocka_unit_test(test_all_bytes_come_back),
        cmocka_unit_test(test_times_come_back),
        cmocka_unit_test(test_dates_are_those_of_the_calendar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
