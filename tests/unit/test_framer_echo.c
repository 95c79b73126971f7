/* SPDX-License-Identifier: MIT
 *
 * What was sent comes back: whole, torn, split by somebody else's lines, or
 * not at all. Every case holds for every slicing of its bytes.
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

static const struct given csq = {ECHO_OF("AT+CSQ"), .echo_eol = true};
static const struct given creg = {ECHO_OF("AT+CREG?"), .echo_eol = true};

/* ------------------------------------------------------------- commands */

static void test_an_echo_is_whole(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("AT+CSQ\r\r\n+CSQ: 1,2\r\n"),
               "echo line[+CSQ: 1,2]");
    frames_are(&csq, BYTES("\r\nAT+CSQ\n\nOK\r\n"), "echo line[OK]");
    frames_are(&csq, BYTES("AT+CSQ\r"), "echo");
    frames_are(&csq, BYTES("AT+CSQ"), "");
}

static void test_noise_before_an_echo_ends_with_it(void **state)
{
    (void)state;
    frames_are(&csq,
               BYTES("\xff\xfe"
                     "AT+CSQ\rNOTRDY\r\n"),
               "noise[\\xff\\xfe] echo line[NOTRDY]");
}

static void test_no_echo_is_no_loss(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("\r\n+CSQ: 1,2\r\n\r\nOK\r\n"),
               "line[+CSQ: 1,2] line[OK]");
    frames_are(&csq, BYTES("AT+CS: 1\r\nB\r\n"), "line[AT+CS: 1] line[B]");
}

static void test_final_words_in_an_echo_are_no_lines(void **state)
{
    const struct given g = {ECHO_OF("AT+LOOKUP=1,\"ERROR\""), .echo_eol = true};

    (void)state;
    frames_are(&g, BYTES("AT+LOOKUP=1,\"ERROR\"\r\r\nERROR\r\n"),
               "echo line[ERROR]");
}

static void test_blanks_come_back_as_typed(void **state)
{
    const struct given g = {ECHO_OF("AT+CREG?  "), .echo_eol = true};

    (void)state;
    frames_are(&g, BYTES("AT+CREG?  \r\r\nOK\r\n"), "echo line[OK]");
}

static void test_a_line_that_looks_like_the_echo_is_a_line(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("AT+CSQ\r\nAT+CSQ\r\nOK\r\n"),
               "echo line[AT+CSQ] line[OK]");
    frames_are(&csq, BYTES("AT+CSQ=1\r\nAT\r\nOK\r\n"),
               "line[AT+CSQ=1] line[OK]");
    frames_are(&csq, BYTES("+X: AT+CSQ\r\nAT+CSQ\r\n"),
               "line[+X: AT+CSQ] echo");
}

static void test_an_echo_after_noise_is_found(void **state)
{
    (void)state;
    frames_are(&csq,
               BYTES("\0\xff"
                     "AT+CSQ\r\nOK\r\n"),
               "noise[\\x00\\xff] echo line[OK]");
    frames_are(&csq, BYTES("\r\n\0\r\nAT+CSQ\r\nOK\r\n"),
               "noise[\\x00] echo line[OK]");
}

static void test_noise_inside_an_echo_spoils_it(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("AT\0+CSQ\r\nOK\r\n"), "line[AT\\x00+CSQ] line[OK]");
}

static void test_a_torn_echo_is_text_or_nothing(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("T+CSQ\r\r\nOK\r\n"), "line[T+CSQ] line[OK]");
    frames_are(&csq, BYTES("CSQ\r\n\r\nOK\r\n"), "line[CSQ] line[OK]");
    frames_are(&csq, BYTES("AT+C\r\n\r\nOK\r\n"), "line[OK]");
}

static void test_a_whole_echo_after_a_torn_one_counts(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("AT+C\r\nAT+CSQ\r\nOK\r\n"), "echo line[OK]");
    frames_are(&csq, BYTES("A\r\nT\r\nAT+CSQ\r\r\nOK\r\n"), "echo line[OK]");
}

static void test_a_forgotten_echo_is_text(void **state)
{
    struct framer f;

    (void)state;
    framer_init(&f, NULL, NULL);
    assert_int_equal(framer_expect_echo(&f, "AT", 2, true), 0);
    framer_forget_echo(&f);
    assert_int_equal(framer_feed(&f, "AT", 2), 0);
    assert_int_equal(f.length, 2);
    framer_clean(&f);
}

/* ------------------------------------------------------ split by others */

static void test_a_line_splits_an_echo_anywhere(void **state)
{
    static const char command[] = "AT+CREG?";
    static const char urc[] = "\r\n+CREG: 5\r\n";
    char text[128];
    const int whole = (int)strlen(command);

    (void)state;
    for (int at = 0; at <= whole; at++) {
        int n = snprintf(text, sizeof text, "%.*s%s%s\r\r\nOK\r\n", at, command,
                         urc, command + at);
        frames_are(&creg, text, (size_t)n,
                   at < whole ? "line[+CREG: 5] echo line[OK]"
                              : "echo line[+CREG: 5] line[OK]");
    }
}

static void test_two_lines_split_an_echo(void **state)
{
    (void)state;
    frames_are(&creg,
               BYTES("AT+\r\n+CREG: 1\r\nCR\r\n\r\nRING\r\nEG?\r\r\nOK\r\n"),
               "line[+CREG: 1] line[RING] echo line[OK]");
}

static void test_a_splitting_line_may_start_like_the_rest(void **state)
{
    (void)state;
    frames_are(&csq, BYTES("AT\r\n+CS: 1\r\n+CSQ\r\nOK\r\n"),
               "line[+CS: 1] echo line[OK]");
    frames_are(&csq, BYTES("AT\r\n+CSQ: 1\r\n+CSQ\r\nOK\r\n"),
               "line[+CSQ: 1] echo line[OK]");
}

static void
test_quotes_and_counts_hold_in_a_line_once_taken_for_echo(void **state)
{
    const struct given g = {ECHO_OF("+X: \"+RECV:2,abc"), .echo_eol = true,
                            .quoted_crlf = true};
    const struct given counted = {ECHO_OF("+RECV:2,abc"), .echo_eol = true};

    (void)state;
    frames_are(&g, BYTES("+X: \"a\r\nb\"\r\n"), "line[+X: \"a\\r\\nb\"]");
    frames_are(&counted, BYTES("+RECV:2,aX\r\nOK\r\n"),
               "payload[aX|+RECV:2] line[OK]");
}

/* ------------------------------------------------------------- payloads */

static void test_a_payload_comes_back_without_a_line_end(void **state)
{
    const struct given g = {ECHO_OF("hello"), .prompt = true};

    (void)state;
    frames_are(&g, BYTES("> hello\r\nSEND OK\r\n"),
               "prompt echo line[SEND OK]");
    frames_are(&g, BYTES(">\r\nhelloSEND OK\r\n"), "prompt echo line[SEND OK]");
}

static void test_a_payload_that_looks_like_lines_is_one_echo(void **state)
{
    const struct given g = {ECHO_OF("a\r\nOK\r\n\r\nERROR\r\n> \0+++")};

    (void)state;
    frames_are(&g, BYTES("a\r\nOK\r\n\r\nERROR\r\n> \0+++\r\nSEND OK\r\n"),
               "echo line[SEND OK]");
}

static void test_a_payload_may_start_like_what_follows_a_prompt(void **state)
{
    const struct given crlf = {ECHO_OF("\r\nab"), .prompt = true};
    const struct given blank = {ECHO_OF(" ab"), .prompt = true};

    (void)state;
    frames_are(&crlf, BYTES(">\r\nab\r\nSEND OK\r\n"),
               "prompt echo line[SEND OK]");
    frames_are(&blank, BYTES("> ab\r\nSEND OK\r\n"),
               "prompt echo line[SEND OK]");
}

static void test_bytes_over_127_come_back(void **state)
{
    const struct given g = {ECHO_OF("\xe4\xb8\xad\0")};

    (void)state;
    frames_are(&g, BYTES("\xe4\xb8\xad\0\r\nSEND OK\r\n"),
               "echo line[SEND OK]");
}

static void test_lines_once_taken_for_a_payload_are_lines(void **state)
{
    const struct given g = {ECHO_OF("a\r\nOK\r\nb")};

    (void)state;
    frames_are(&g, BYTES("a\r\nOK\r\nc\r\n"), "line[a] line[OK] line[c]");
    frames_are(&g, BYTES("a\r\na\r\nOK\r\nb"), "line[a] echo");
    frames_are(&g, BYTES("a\r\nOK\r\na\r\nOK\r\nb\r\n"),
               "line[a] line[OK] echo");
}

static void test_an_answer_that_a_payload_starts_with_is_an_answer(void **state)
{
    const struct given g = {ECHO_OF("ERROR 5 at sea")};
    const struct given urc = {ECHO_OF("+CREG: 1,1 is the answer")};

    (void)state;
    frames_are(&g, BYTES("\r\nERROR\r\n"), "line[ERROR]");
    frames_are(&g, BYTES("\r\nERROR 5 at sea\r\nOK\r\n"), "echo line[OK]");
    frames_are(&urc, BYTES("\r\n+CREG: 1\r\nOK\r\n"),
               "line[+CREG: 1] line[OK]");
}

static void test_noise_once_taken_for_a_payload_is_noise(void **state)
{
    const struct given g = {ECHO_OF("\xff\xff"
                                    "ab")};

    (void)state;
    frames_are(&g, BYTES("\xff\xff\r\nOK\r\n"), "line[OK]");
    frames_are(&g,
               BYTES("\xff\xff"
                     "aOK\r\n"),
               "noise[\\xff\\xff] line[aOK]");
}

static void test_many_lines_once_taken_for_a_payload_cost_no_stack(void **state)
{
    enum { COUNT = 20000 };
    char *echo = malloc(COUNT * 2 + 1);
    size_t lines = 0;

    (void)state;
    assert_non_null(echo);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(echo + i * 2, "a\n", 2);
    echo[COUNT * 2] = 'x';
    const struct given g = {.echo = echo, .echo_length = COUNT * 2 + 1};
    char *log = frames_of(&g, echo, COUNT * 2);
    assert_string_equal(log, "");
    free(log);

    echo[COUNT * 2] = 'y';
    char *stream = malloc(COUNT * 2 + 2);
    assert_non_null(stream);
    memcpy(stream, echo, COUNT * 2);
    memcpy(stream + COUNT * 2, "x\n", 2);
    log = frames_of(&g, stream, COUNT * 2 + 2);
    for (const char *p = log; (p = strstr(p, "line[")) != NULL; p++)
        lines++;
    assert_int_equal(lines, COUNT + 1);
    free(log);
    free(stream);
    free(echo);
}

/* A new command from inside the callback. */
static void send_next(struct framer *f, const struct frame *frame)
{
    if (frame->kind == FRAME_LINE && frame->length == 2)
        assert_int_equal(framer_expect_echo(f, "ATI", 3, true), 0);
}

static void test_an_echo_may_be_announced_by_the_callback(void **state)
{
    const struct given g = {ECHO_OF("AT"), .echo_eol = true,
                            .react = send_next};
    const struct given torn = {ECHO_OF("OK\r\nATx"), .react = send_next};

    (void)state;
    frames_are(&g, BYTES("AT\r\nOK\r\nATI\r\nct12\r\nOK\r\nATI\r\n"),
               "echo line[OK] echo line[ct12] line[OK] echo");
    frames_are(&torn, BYTES("OK\r\nATI\r\nATI\r\n"), "line[OK] echo line[ATI]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_echo_is_whole),
        cmocka_unit_test(test_noise_before_an_echo_ends_with_it),
        cmocka_unit_test(test_no_echo_is_no_loss),
        cmocka_unit_test(test_final_words_in_an_echo_are_no_lines),
        cmocka_unit_test(test_blanks_come_back_as_typed),
        cmocka_unit_test(test_a_line_that_looks_like_the_echo_is_a_line),
        cmocka_unit_test(test_an_echo_after_noise_is_found),
        cmocka_unit_test(test_noise_inside_an_echo_spoils_it),
        cmocka_unit_test(test_a_torn_echo_is_text_or_nothing),
        cmocka_unit_test(test_a_whole_echo_after_a_torn_one_counts),
        cmocka_unit_test(test_a_forgotten_echo_is_text),
        cmocka_unit_test(test_a_line_splits_an_echo_anywhere),
        cmocka_unit_test(test_two_lines_split_an_echo),
        cmocka_unit_test(test_a_splitting_line_may_start_like_the_rest),
        cmocka_unit_test(
            test_quotes_and_counts_hold_in_a_line_once_taken_for_echo),
        cmocka_unit_test(test_a_payload_comes_back_without_a_line_end),
        cmocka_unit_test(test_a_payload_that_looks_like_lines_is_one_echo),
        cmocka_unit_test(test_a_payload_may_start_like_what_follows_a_prompt),
        cmocka_unit_test(test_bytes_over_127_come_back),
        cmocka_unit_test(test_lines_once_taken_for_a_payload_are_lines),
        cmocka_unit_test(
            test_an_answer_that_a_payload_starts_with_is_an_answer),
        cmocka_unit_test(test_noise_once_taken_for_a_payload_is_noise),
        cmocka_unit_test(
            test_many_lines_once_taken_for_a_payload_cost_no_stack),
        cmocka_unit_test(test_an_echo_may_be_announced_by_the_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
