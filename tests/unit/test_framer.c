/* SPDX-License-Identifier: MIT
 *
 * Bytes to frames: lines, noise, boot words, quotes, prompts and data mode.
 * Echo and counted payloads have files of their own. Every case holds for
 * every slicing of its bytes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../support/frame_log.h"

static const struct given plain;
static const struct given quoted = {.quoted_crlf = true};
static const struct given prompted = {.prompt = true};

/* A line of `count` letters between two texts. Owned. */
static char *with_run(const char *before, size_t count, const char *after,
                      size_t *length)
{
    *length = strlen(before) + count + strlen(after);
    char *text = malloc(*length + 1);

    assert_non_null(text);
    memcpy(text, before, strlen(before));
    memset(text + strlen(before), 'A', count);
    memcpy(text + strlen(before) + count, after, strlen(after) + 1);
    return text;
}

/* ---------------------------------------------------------------- lines */

static void test_any_line_end_ends_a_line(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("\r\nOK\r\n"), "line[OK]");
    frames_are(&plain, BYTES("OK\r\n"), "line[OK]");
    frames_are(&plain, BYTES("\nOK\n"), "line[OK]");
    frames_are(&plain, BYTES("OK\r\r\n"), "line[OK]");
    frames_are(&plain, BYTES("AT\r\r\nOK\r\n\n"), "line[AT] line[OK]");
    frames_are(&plain, BYTES("OK\r\n+CREG: 5\r\n"), "line[OK] line[+CREG: 5]");
}

static void test_a_line_waits_for_its_end(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("OK"), "");
    frames_are(&plain, BYTES("OK\r"), "");
    frames_are(&plain, BYTES("OK" IDLE), "");
    frames_are(&plain, BYTES("ERROR" IDLE "=104\r\n"), "line[ERROR=104]");
}

static void test_a_lone_cr_ends_a_line_after_silence(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("0\r" IDLE), "line[0]");
    frames_are(&plain, BYTES("0\r" IDLE "\n1\r" IDLE), "line[0] line[1]");
}

static void test_only_trailing_blanks_are_trimmed(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+X: a  b \t \r\n"), "line[+X: a  b]");
    frames_are(&plain, BYTES("  +X:\r\n"), "line[  +X:]");
    frames_are(&plain, BYTES("\r\n  \r\n\t\n\r\n"), "");
}

static void test_bytes_over_127_are_text_inside_a_line(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("+COPS: 0,0,\"\xe4\xb8\xad\",7\r\n"),
               "line[+COPS: 0,0,\"\\xe4\\xb8\\xad\",7]");
    frames_are(&plain, BYTES("A\0B\xff\r\n"), "line[A\\x00B\\xff]");
}

static void test_noise_around_lines_is_set_apart(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("\0\0\xff\r\nOK\r\n\0" IDLE),
               "noise[\\x00\\x00\\xff] line[OK] noise[\\x00]");
    frames_are(&plain, BYTES("\0OK\r\n"), "noise[\\x00] line[OK]");
    frames_are(&plain, BYTES("\x1b\r\n"), "noise[\\x1b]");
}

static void test_endless_noise_takes_no_memory(void **state)
{
    struct framer f;
    char noise[1000];

    (void)state;
    memset(noise, 0xfe, sizeof noise);
    char *log = frames_of(&plain, noise, sizeof noise);
    assert_int_equal(strlen(log), strlen("noise[]") + 3 * 4 * 256);
    free(log); /* the rest waits */

    framer_init(&f, NULL, NULL);
    assert_int_equal(framer_feed(&f, noise, 200), 0);
    assert_true(framer_is_pending(&f));
    assert_true(f.capacity <= 512);
    framer_clean(&f);
}

/* ----------------------------------------------------------- boot words */

static void test_boot_words_are_found_behind_noise(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("\xff\xfe\x80\0RDY\r\nSIM_SUCCESS\r\n"),
               "noise[\\xff\\xfe\\x80\\x00] line[RDY] line[SIM_SUCCESS]");
    frames_are(&plain, BYTES("\xffx\x80RDY\r\n"),
               "noise[\\xffx\\x80] line[RDY]");
    frames_are(&plain, BYTES("x\xfe~RDY\r\n"), "noise[x\\xfe~] line[RDY]");
}

static void test_boot_words_are_found_behind_printable_garbage(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("\xff\xfe~xRDY\r\n"),
               "noise[\\xff\\xfe~x] line[RDY]");
    frames_are(&plain, BYTES("\xff" IDLE "~RDY \r\n"),
               "noise[\\xff~] line[RDY]");
}

static void test_boot_words_are_not_looked_for_in_clean_lines(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("NOTRDY\r\n"), "line[NOTRDY]");
    frames_are(&plain, BYTES("\xff\r\nNOTRDY\r\n"),
               "noise[\\xff] line[NOTRDY]");
    frames_are(&plain, BYTES("\xffNOT\r\nNOTRDY\r\n"),
               "noise[\\xff] line[NOT] line[NOTRDY]");
    frames_are(&plain, BYTES("\xe4RDY,\r\n"), "noise[\\xe4] line[RDY,]");
}

static void test_without_a_vocabulary_no_word_means_anything(void **state)
{
    const struct given bare = {.is_bare = true};

    (void)state;
    frames_are(&bare, BYTES("x\xfeRDY\r\n+RECV:2,ab\r\n"),
               "line[x\\xfeRDY] line[+RECV:2,ab]");
}

/* ------------------------------------------------------------ over-long */

static void test_an_over_long_line_is_dropped_whole(void **state)
{
    size_t length;
    char *text = with_run("\r\n+X: ", 9000, " OK\r\n\r\nOK\r\n", &length);

    (void)state;
    frames_are(&plain, text, length, "overflow line[OK]");
    free(text);
}

static void test_the_limit_is_the_longest_line(void **state)
{
    const struct given small = {.max_line = 8};

    (void)state;
    frames_are(&small, BYTES("12345678\nOK\r\n"), "line[12345678] line[OK]");
    frames_are(&small, BYTES("123456789\nOK\r\n"), "overflow line[OK]");
    frames_are(&small, BYTES("123456789" IDLE "OK\r\nOK\r\n"),
               "overflow line[OK]");
}

static void test_a_stream_without_line_ends_takes_no_memory(void **state)
{
    char bytes[1000];

    (void)state;
    memset(bytes, 'U', sizeof bytes);
    char *log = frames_of(&(struct given){.max_line = 16}, bytes, sizeof bytes);
    assert_string_equal(log, "overflow");
    free(log);
}

/* --------------------------------------------------------------- quotes */

static void test_a_quote_does_not_hold_a_line(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("say\"hi\r\nOK\r\n"), "line[say\"hi] line[OK]");
}

static void test_quoted_line_ends_belong_to_the_line(void **state)
{
    (void)state;
    frames_are(&quoted, BYTES("+X: \"a\r\nOK\r\nb\",1\r\nOK\r\n"),
               "line[+X: \"a\\r\\nOK\\r\\nb\",1] line[OK]");
    frames_are(&quoted, BYTES("+X: \"a\",\"b\r\n\"\r\n"),
               "line[+X: \"a\",\"b\\r\\n\"]");
}

static void test_a_lone_quote_is_released_by_silence(void **state)
{
    (void)state;
    frames_are(&quoted, BYTES("say\"hi\r\n\r\nOK\r\n" IDLE),
               "line[say\"hi] line[OK]");
    frames_are(&quoted, BYTES("say\"hi\r\n+CREG: 1\r\n" IDLE "+CREG: 5\r\n"),
               "line[say\"hi] line[+CREG: 1] line[+CREG: 5]");
}

static void test_silence_releases_no_quote_without_a_known_line(void **state)
{
    (void)state;
    frames_are(&quoted, BYTES("+X: \"a\r\nb\r\n" IDLE "c\"\r\nOK\r\n"),
               "line[+X: \"a\\r\\nb\\r\\nc\"] line[OK]");
    frames_are(&quoted, BYTES("+X: \"a\r\nb\r" IDLE "\nc\"\r\n"),
               "line[+X: \"a\\r\\nb\\r\\nc\"]");
}

static void test_a_quote_stays_inside_the_line_limit(void **state)
{
    const struct given g = {.quoted_crlf = true, .max_line = 16};

    (void)state;
    frames_are(&g, BYTES("+X: \"a\r\nb\r\nc\r\nddddddddd\"\r\nOK\r\n"),
               "overflow line[OK]");
}

/* -------------------------------------------------------------- prompts */

static void test_six_forms_of_a_prompt(void **state)
{
    (void)state;
    frames_are(&prompted, BYTES("> "), "prompt");
    frames_are(&prompted, BYTES(">"), "prompt");
    frames_are(&prompted, BYTES("\r\n>"), "prompt");
    frames_are(&prompted, BYTES("\r\n> "), "prompt");
    frames_are(&prompted, BYTES(">\r\n"), "prompt");
    frames_are(&prompted, BYTES("OK\r\n>"), "line[OK] prompt");
}

static void test_what_follows_a_prompt_is_a_new_line(void **state)
{
    (void)state;
    frames_are(&prompted, BYTES("> \r\nSEND OK\r\n"), "prompt line[SEND OK]");
    frames_are(&prompted, BYTES(">\r\nSEND OK\r\n"), "prompt line[SEND OK]");
    frames_are(&prompted, BYTES(">SEND OK\r\n"), "prompt line[SEND OK]");
    frames_are(&prompted, BYTES("> " IDLE "SEND OK\r\n"),
               "prompt line[SEND OK]");
    frames_are(&prompted, BYTES(">" IDLE "  x\r\n"), "prompt line[  x]");
    frames_are(&prompted, BYTES("\0> \0OK\r\n"),
               "noise[\\x00] prompt noise[\\x00] line[OK]");
}

static void test_only_one_prompt_is_expected(void **state)
{
    (void)state;
    frames_are(&prompted, BYTES("> > x\r\n"), "prompt line[> x]");
}

static void test_a_prompt_nobody_expects_is_text(void **state)
{
    (void)state;
    frames_are(&plain, BYTES("> \r\n"), "line[>]");
    frames_are(&plain, BYTES("\r\n>"), "");
    frames_are(&prompted, BYTES("a>\r\n>"), "line[a>] prompt");
}

static void test_an_error_may_come_instead_of_a_prompt(void **state)
{
    (void)state;
    frames_are(&prompted, BYTES("\r\nERROR=101\r\n"), "line[ERROR=101]");
}

/* ---------------------------------------------- changes by the callback */

static void go_raw(struct framer *f, const struct frame *frame)
{
    if (frame->kind != FRAME_DATA)
        f->in_data = true;
}

static void test_data_starts_with_the_very_next_byte(void **state)
{
    const struct given g = {.react = go_raw};
    const struct given echoed = {
        .react = go_raw, ECHO_OF("ATO"), .echo_eol = true};
    const struct given ready = {.react = go_raw, .prompt = true};

    (void)state;
    frames_are(&g, BYTES("CONNECT\r\nHELLO\r\nOK\r\n\0\xff"),
               "line[CONNECT] data[HELLO\\r\\nOK\\r\\n\\x00\\xff]");
    frames_are(&echoed, BYTES("ATO\rtick9\r\n"), "echo data[tick9\\r\\n]");
    frames_are(&ready, BYTES("> x"), "prompt data[ x]");
    frames_are(&g, BYTES("\0\xffOK\r\n"), "noise[\\x00\\xff] data[OK\\r\\n]");
    frames_are(&g, BYTES("+RECV:2,ab\r\ncd"), "payload[ab|+RECV:2] data[cd]");
    frames_are(&g, BYTES("x\xfeRDY\r\nab"), "noise[x\\xfe] line[RDY] data[ab]");
}

static void stop(struct framer *f, const struct frame *frame)
{
    (void)frame;
    f->stopped = true;
}

static void clean(struct framer *f, const struct frame *frame)
{
    (void)frame;
    framer_clean(f);
}

static void reset(struct framer *f, const struct frame *frame)
{
    (void)frame;
    framer_reset(f);
}

static const char everything[] = "\xff~RDY\r\nOK\r\nOK\r\n+RECV:2,"
                                 "ab\r\nx\xfeRDY\r\n+QIRD:1,1\r\nc\r\nOK\r\n";

static void test_nothing_comes_after_a_stop(void **state)
{
    const struct given stopping[] = {{.react = stop}, {.react = clean}};
    static const char *const texts[][2] = {
        {"\xffOK\r\nOK\r\n", "noise[\\xff]"},
        {"OK\r\nOK\r\n", "line[OK]"},
        {"x\xfeRDY\r\nOK\r\n", "noise[x\\xfe]"},
        {"+RECV:2,ab\r\nOK\r\n", "payload[ab|+RECV:2]"},
        {"+RECV:1,abc\r\nOK\r\n", "long[abc|+RECV:1]"},
        {"+RECV:20,abc\r\nOK\r\n" IDLE "OK\r\n", "short[abc|+RECV:20]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t k = 0; k < 2; k++)
            frames_are(&stopping[k], texts[i][0], strlen(texts[i][0]),
                       texts[i][1]);
}

static void test_a_stop_holds_for_prompts_echo_and_overflow(void **state)
{
    const struct given ready = {.react = clean, .prompt = true};
    const struct given echoed = {
        .react = clean, ECHO_OF("AT"), .echo_eol = true};
    const struct given small = {.react = clean, .max_line = 4};

    (void)state;
    frames_are(&ready, BYTES("> OK\r\n"), "prompt");
    frames_are(&echoed, BYTES("AT\r\nOK\r\n"), "echo");
    frames_are(&small, BYTES("12345\r\nOK\r\n"), "overflow");
}

static void test_a_reset_forgets_what_is_unfinished(void **state)
{
    const struct given g = {.react = reset};
    struct framer f;

    (void)state;
    frames_are(&g, everything, sizeof everything - 1,
               "noise[\\xff] line[~RDY] line[OK] line[OK] "
               "payload[ab|+RECV:2] noise[x\\xfe] line[RDY] "
               "payload[c|+QIRD:1,1] line[OK]");

    framer_init(&f, NULL, NULL);
    assert_int_equal(framer_feed(&f, "unfinished", 10), 0);
    assert_int_equal(framer_expect_echo(&f, "AT", 2, true), 0);
    assert_true(framer_is_pending(&f));
    framer_reset(&f);
    assert_false(framer_is_pending(&f));
    assert_int_equal(f.echo_length, 0);
    framer_clean(&f);
}

static void test_silence_is_asked_for_only_where_it_can_settle(void **state)
{
    struct framer f;

    (void)state;
    framer_init(&f, NULL, NULL);
    assert_false(framer_is_pending(&f));
    assert_int_equal(framer_feed(&f, "\r\n", 2), 0);
    assert_false(framer_is_pending(&f));
    assert_int_equal(framer_feed(&f, "O", 1), 0);
    assert_true(framer_is_pending(&f));
    f.in_data = true;
    assert_false(framer_is_pending(&f));
    framer_clean(&f);
    assert_false(framer_is_pending(&f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_line_end_ends_a_line),
        cmocka_unit_test(test_a_line_waits_for_its_end),
        cmocka_unit_test(test_a_lone_cr_ends_a_line_after_silence),
        cmocka_unit_test(test_only_trailing_blanks_are_trimmed),
        cmocka_unit_test(test_bytes_over_127_are_text_inside_a_line),
        cmocka_unit_test(test_noise_around_lines_is_set_apart),
        cmocka_unit_test(test_endless_noise_takes_no_memory),
        cmocka_unit_test(test_boot_words_are_found_behind_noise),
        cmocka_unit_test(test_boot_words_are_found_behind_printable_garbage),
        cmocka_unit_test(test_boot_words_are_not_looked_for_in_clean_lines),
        cmocka_unit_test(test_without_a_vocabulary_no_word_means_anything),
        cmocka_unit_test(test_an_over_long_line_is_dropped_whole),
        cmocka_unit_test(test_the_limit_is_the_longest_line),
        cmocka_unit_test(test_a_stream_without_line_ends_takes_no_memory),
        cmocka_unit_test(test_a_quote_does_not_hold_a_line),
        cmocka_unit_test(test_quoted_line_ends_belong_to_the_line),
        cmocka_unit_test(test_a_lone_quote_is_released_by_silence),
        cmocka_unit_test(test_silence_releases_no_quote_without_a_known_line),
        cmocka_unit_test(test_a_quote_stays_inside_the_line_limit),
        cmocka_unit_test(test_six_forms_of_a_prompt),
        cmocka_unit_test(test_what_follows_a_prompt_is_a_new_line),
        cmocka_unit_test(test_only_one_prompt_is_expected),
        cmocka_unit_test(test_a_prompt_nobody_expects_is_text),
        cmocka_unit_test(test_an_error_may_come_instead_of_a_prompt),
        cmocka_unit_test(test_data_starts_with_the_very_next_byte),
        cmocka_unit_test(test_nothing_comes_after_a_stop),
        cmocka_unit_test(test_a_stop_holds_for_prompts_echo_and_overflow),
        cmocka_unit_test(test_a_reset_forgets_what_is_unfinished),
        cmocka_unit_test(test_silence_is_asked_for_only_where_it_can_settle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
