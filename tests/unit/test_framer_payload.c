/* SPDX-License-Identifier: MIT
 *
 * Counted payloads: headers of both forms, counts that are wrong, and what
 * a payload swallowed. Every case holds for every slicing of its bytes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/frame_log.h"

static const struct given plain;

/* --------------------------------------------------------------- whole */

static void test_both_forms_of_a_header(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("\r\n+RECV:3,abc\r\nOK\r\n"),
               "payload[abc|+RECV:3] line[OK]");
    frames_are(&plain, BYTES("\r\n+QIRD:1,3\r\nabc\r\nOK\r\n"),
               "payload[abc|+QIRD:1,3] line[OK]");
    frames_are(&plain, BYTES("+RECV: 3,abc\r\n+QIRD: 1,3 \r\nabc\n"),
               "payload[abc|+RECV: 3] payload[abc|+QIRD: 1,3]");
}

static void test_any_bytes_are_a_payload(void **state)
{
    (void)state;
    frames_are(&plain,
               BYTES("+RECV:23,A\r\nOK\r\n\"+++\0\r\nERROR\r\n> "
                     "\r\nOK\r\n"),
               "payload[A\\r\\nOK\\r\\n\"+++\\x00\\r\\nERROR\\r\\n> |+RECV:23] "
               "line[OK]");
    frames_are(&plain, BYTES("+RECV:2,\r\n\r\n"), "payload[\\r\\n|+RECV:2]");
    frames_are(&plain, BYTES("+QIRD:3,2\r\n\r\n\r\n"),
               "payload[\\r\\n|+QIRD:3,2]");
    frames_are(&plain, BYTES("+RECV:4,\xff\x80\0\"\r\n"),
               "payload[\\xff\\x80\\x00\"|+RECV:4]");
}

static void test_payloads_come_back_to_back(void **state)
{
    (void)state;
    frames_are(&plain,
               BYTES("+RECV:1,a\r\n+RECV:1,b\r\n\r\n+QIRD:1,1\r\nc\r\n"),
               "payload[a|+RECV:1] payload[b|+RECV:1] payload[c|+QIRD:1,1]");
    frames_are(&plain, BYTES("+RECV:9,+RECV:1,a\r\n+RECV:1,b\r\n"),
               "payload[+RECV:1,a|+RECV:9] payload[b|+RECV:1]");
}

static void test_no_bytes_are_a_payload_too(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:0,\r\nOK\r\n"),
               "payload[|+RECV:0] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,0\r\n\r\nOK\r\n"),
               "payload[|+QIRD:1,0] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,0\r\nOK\r\n"),
               "payload[|+QIRD:1,0] line[OK]");
}

static void test_a_payload_needs_no_line_end_before_silence(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:2,ab" IDLE "OK\r\n"),
               "payload[ab|+RECV:2] line[OK]");
    frames_are(&plain, BYTES("+RECV:2,ab\r" IDLE "\nOK\r\n"),
               "payload[ab|+RECV:2] line[OK]");
}

static void test_a_payload_may_pause(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RE" IDLE "CV:1" IDLE "0,12345" IDLE "67890\r\n"),
               "payload[1234567890|+RECV:10]");
    frames_are(&plain,
               BYTES("+RECV:4,a\r\n"
                     "b\r\n"),
               "payload[a\\r\\nb|+RECV:4]");
}

static void test_a_long_payload_arrives(void **state)
{
    enum { COUNT = 1 << 20 };
    char *text = malloc(COUNT + 32);

    assert_non_null(text);
    int head = snprintf(text, 32, "+RECV:%d,", COUNT);

    (void)state;
    memset(text + head, '\n', COUNT);
    memcpy(text + head + COUNT, "\r\n", 2);
    char *log = frames_of(&plain, text, (size_t)head + COUNT + 2);
    assert_int_equal(strlen(log),
                     2 * COUNT + strlen("payload[|+RECV:1048576]"));
    free(log);
    free(text);
}

/* --------------------------------------------------------------- topics */

static void test_a_quoted_topic_may_hold_commas(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,\"a,9,b\",3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,\"a,9,b\",3]");
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,\",9,\",3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,\",9,\",3]");
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,\"\",3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,\"\",3]");
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,\"a\"b\",3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,\"a\"b\",3]");
}

static void test_an_unquoted_topic_may_hold_commas(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,t,3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,t,3]");
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,a,b,3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,a,b,3]");
    frames_are(&plain, BYTES("+PUB: 0,1,0,7,5,3,xyz\r\n"),
               "payload[xyz|+PUB: 0,1,0,7,5,3]");
}

/* --------------------------------------------------------------- counts */

static void test_a_header_without_a_count_is_a_line(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:a,bc\r\nOK\r\n"),
               "line[+RECV:a,bc] line[OK]");
    frames_are(&plain, BYTES("+RECV:,b\r\n+RECV:-1,b\r\n+RECV:\r\n"),
               "line[+RECV:,b] line[+RECV:-1,b] line[+RECV:]");
    frames_are(&plain, BYTES("+QIRD:1\r\nOK\r\n"), "line[+QIRD:1] line[OK]");
    frames_are(&plain, BYTES("+RECVX:3,abc\r\n +RECV:1,a\r\n"),
               "line[+RECVX:3,abc] line[ +RECV:1,a]");
}

static void test_a_huge_count_is_a_line(void **state)
{
    static const char *const counts[] = {
        "1048577",    "4294967296",           "4294967299",
        "9999999999", "18446744073709551617", "99999999999999999999999"};
    char text[128];
    char expected[128];

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        int n =
            snprintf(text, sizeof text, "+RECV:%s,1,abc\r\nOK\r\n", counts[i]);
        snprintf(expected, sizeof expected, "line[+RECV:%s,1,abc] line[OK]",
                 counts[i]);
        frames_are(&plain, text, (size_t)n, expected);
        n = snprintf(text, sizeof text, "+QIRD:1,%s\r\nOK\r\n", counts[i]);
        snprintf(expected, sizeof expected, "line[+QIRD:1,%s] line[OK]",
                 counts[i]);
        frames_are(&plain, text, (size_t)n, expected);
    }
}

static void test_a_count_may_have_zeros_in_front(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:00000000000000000003,abc\r\n"),
               "payload[abc|+RECV:00000000000000000003]");
}

static void test_ten_thousand_digits_are_an_over_long_line(void **state)
{
    static char text[10040] = "+RECV:";

    (void)state;
    memset(text + 6, '1', 10000);
    strcpy(text + 10006, ",abc\r\nOK\r\n");
    frames_are(&plain, text, strlen(text), "overflow line[OK]");
    memset(text + 6, '0', 10000);
    frames_are(&plain, text, strlen(text), "overflow line[OK]");
}

/* ------------------------------------------------------------ too short */

static void test_a_payload_declared_longer_ends_by_silence(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:14,abxxxxabc\r\n" IDLE "\r\nOK\r\n"),
               "short[abxxxxabc|+RECV:14] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,9\r\nab\r\n" IDLE),
               "short[ab|+QIRD:1,9]");
    frames_are(&plain, BYTES("+RECV:14,abc" IDLE IDLE), "");
}

static void test_a_swallowed_line_is_given_back(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:30,abc\r\n\r\nOK\r\n" IDLE),
               "short[abc|+RECV:30] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,30\r\nabc\r\n+CREG: 5\r\n" IDLE),
               "short[abc|+QIRD:1,30] line[+CREG: 5]");
    frames_are(&plain, BYTES("+QIRD:1,30\r\nabc\r\n+QIRD:1,1\r\n" IDLE "z\r\n"),
               "short[abc|+QIRD:1,30] payload[z|+QIRD:1,1]");
    frames_are(&plain, BYTES("+RECV:6,abc\r\nOK\r\n"),
               "short[abc|+RECV:6] line[OK]");
}

static void test_a_line_instead_of_the_payload_is_given_back(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+QIRD:1,30\r\n\r\nOK\r\n" IDLE),
               "short[|+QIRD:1,30] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,30\r\nRDY\r\n" IDLE "OK\r\n"),
               "cut[|+QIRD:1,30] line[RDY] line[OK]");
    frames_are(&plain, BYTES("+RECV:30,OK\r\n" IDLE), "short[OK|+RECV:30]");
}

static void test_a_reboot_cuts_a_payload(void **state)
{
    (void)state;
    frames_are(&plain,
               BYTES("+RECV:100,{\"a\":\0\xfe\r\nRDY\r\n" IDLE "OK\r\n"),
               "cut[{\"a\":\\x00\\xfe|+RECV:100] line[RDY] line[OK]");
    frames_are(&plain, BYTES("+RECV:100,{\xfe~RDY\r\n" IDLE),
               "cut[{\\xfe~|+RECV:100] line[RDY]");
}

static void test_words_inside_a_payload_split_nothing(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:12,a\r\nOKAY\r\nxyz" IDLE "\r\nOK\r\n"),
               "payload[a\\r\\nOKAY\\r\\nxyz|+RECV:12] line[OK]");
    frames_are(&plain, BYTES("+RECV:12,a\r\nOK\r\nRDY" IDLE "xy\r\n"),
               "cut[a\\r\\nOK|+RECV:12] line[RDYxy]");
}

/* ------------------------------------------------------------- too long */

static void
test_a_payload_declared_shorter_goes_on_to_the_line_end(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+RECV:6,hello world!\r\nOK\r\n"),
               "long[hello world!|+RECV:6] line[OK]");
    frames_are(&plain, BYTES("+RECV:1,a\rb\r\nOK\r\n"),
               "long[a\\rb|+RECV:1] line[OK]");
    frames_are(&plain, BYTES("+RECV:0,ab\r\nOK\r\n"),
               "long[ab|+RECV:0] line[OK]");
    frames_are(&plain, BYTES("+QIRD:1,1\r\nOK\r\nOK\r\n"),
               "long[OK|+QIRD:1,1] line[OK]");
}

static void test_a_long_payload_without_an_end_is_bounded(void **state)
{
    const struct given small = {.max_line = 8};

    (void)state;
    frames_are(&small, BYTES("+RECV:1,abcdefghijkl\r\nOK\r\n"),
               "long[abcdefghi|+RECV:1] line[jkl] line[OK]");
}

static void test_a_header_within_the_line_limit_starts_any_payload(void **state)
{
    const struct given small = {.max_line = 8};

    (void)state;
    frames_are(&small, BYTES("+RECV:9,123456789\r\nOK\r\n"),
               "payload[123456789|+RECV:9] line[OK]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_forms_of_a_header),
        cmocka_unit_test(test_any_bytes_are_a_payload),
        cmocka_unit_test(test_payloads_come_back_to_back),
        cmocka_unit_test(test_no_bytes_are_a_payload_too),
        cmocka_unit_test(test_a_payload_needs_no_line_end_before_silence),
        cmocka_unit_test(test_a_payload_may_pause),
        cmocka_unit_test(test_a_long_payload_arrives),
        cmocka_unit_test(test_a_quoted_topic_may_hold_commas),
        cmocka_unit_test(test_an_unquoted_topic_may_hold_commas),
        cmocka_unit_test(test_a_header_without_a_count_is_a_line),
        cmocka_unit_test(test_a_huge_count_is_a_line),
        cmocka_unit_test(test_a_count_may_have_zeros_in_front),
        cmocka_unit_test(test_ten_thousand_digits_are_an_over_long_line),
        cmocka_unit_test(test_a_payload_declared_longer_ends_by_silence),
        cmocka_unit_test(test_a_swallowed_line_is_given_back),
        cmocka_unit_test(test_a_line_instead_of_the_payload_is_given_back),
        cmocka_unit_test(test_a_reboot_cuts_a_payload),
        cmocka_unit_test(test_words_inside_a_payload_split_nothing),
        cmocka_unit_test(
            test_a_payload_declared_shorter_goes_on_to_the_line_end),
        cmocka_unit_test(test_a_long_payload_without_an_end_is_bounded),
        cmocka_unit_test(
            test_a_header_within_the_line_limit_starts_any_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
