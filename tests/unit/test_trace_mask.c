/* SPDX-License-Identifier: MIT
 *
 * Secrets in streams of chunks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "trace_mask.h"

struct sink {
    char bytes[256]; /* hidden ones as '*' */
    size_t length;
    char parts[256]; /* the time of each part and its length: "1:3 " */
};

static void on_part(void *arg, struct trace_time time, const char *bytes,
                    const bool *hidden, size_t length)
{
    struct sink *s = arg;
    size_t n = strlen(s->parts);

    assert_true(s->length + length < sizeof s->bytes);
    for (size_t i = 0; i < length; i++)
        s->bytes[s->length++] = hidden != NULL && hidden[i] ? '*' : bytes[i];
    snprintf(s->parts + n, sizeof s->parts - n, "%u:%u ", (unsigned)time.at_ns,
             (unsigned)length);
}

struct masker {
    struct trace_secrets secrets;
    struct trace_stream stream;
    struct sink sink;
    unsigned time;
};

static struct masker *new_masker(const char *const *secrets)
{
    struct masker *m = calloc(1, sizeof *m);

    assert_non_null(m);
    m->stream.part = on_part;
    m->stream.arg = &m->sink;
    for (; *secrets != NULL; secrets++)
        assert_int_equal(
            trace_secrets_add(&m->secrets, *secrets, strlen(*secrets)), 0);
    return m;
}

static void put(struct masker *m, const char *chunk)
{
    struct trace_time time = {++m->time, 0};

    assert_int_equal(
        trace_stream_feed(&m->stream, &m->secrets, time, chunk, strlen(chunk)),
        0);
}

static void assert_shown(const struct masker *m, const char *text)
{
    assert_int_equal(m->sink.length, strlen(text));
    assert_memory_equal(m->sink.bytes, text, m->sink.length);
}

static void free_masker(struct masker *m)
{
    trace_secrets_clean(&m->secrets);
    trace_stream_clean(&m->stream);
    free(m);
}

#define SECRETS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_a_secret_is_hidden(void **state)
{
    struct masker *m = new_masker(SECRETS("pass"));

    (void)state;
    put(m, "AT+X=\"pass\",passpas\r");
    assert_shown(m, "AT+X=\"****\",****pas\r");
    free_masker(m);
}

static void test_a_secret_over_many_chunks_is_hidden(void **state)
{
    struct masker *m = new_masker(SECRETS("pass"));

    (void)state;
    put(m, "xp");
    put(m, "a");
    put(m, "s");
    assert_shown(m, "x");
    put(m, "sy");
    assert_shown(m, "x****y");
    /* Chunks keep their own times. */
    assert_string_equal(m->sink.parts, "1:1 1:1 2:1 3:1 4:2 ");
    free_masker(m);
}

static void test_a_start_that_comes_to_nothing_is_shown(void **state)
{
    struct masker *m = new_masker(SECRETS("pass"));

    (void)state;
    put(m, "xpa");
    put(m, "pas");
    put(m, "t");
    assert_shown(m, "xpapast");
    free_masker(m);
}

static void test_the_start_of_a_secret_at_the_end_is_hidden(void **state)
{
    struct masker *m = new_masker(SECRETS("pass"));

    (void)state;
    put(m, "xpa");
    put(m, "s");
    trace_stream_end(&m->stream);
    assert_shown(m, "x***");
    assert_string_equal(m->sink.parts, "1:1 1:2 2:1 ");
    trace_stream_end(&m->stream);
    assert_shown(m, "x***");
    free_masker(m);
}

static void test_overlapping_secrets_are_all_hidden(void **state)
{
    struct masker *m = new_masker(SECRETS("abcab", "cabx", "abc"));

    (void)state;
    put(m, "abcab");
    put(m, "x.abcabcab.abc");
    put(m, ".");
    assert_shown(m, "******.********.***.");
    free_masker(m);
}

static void test_secrets_hold_nul_and_high_bytes(void **state)
{
    struct masker *m = new_masker(SECRETS("x"));
    struct trace_time time = {1, 0};

    (void)state;
    assert_int_equal(trace_secrets_add(&m->secrets, "\0\xff", 2), 0);
    assert_int_equal(trace_stream_feed(&m->stream, &m->secrets, time,
                                       "a\0\xff"
                                       "b",
                                       4),
                     0);
    assert_shown(m, "a**b");
    free_masker(m);
}

static void test_an_empty_secret_is_refused(void **state)
{
    struct trace_secrets s = {0};

    (void)state;
    assert_int_equal(trace_secrets_add(&s, "", 0), UV_EINVAL);
    assert_int_equal(trace_secrets_add(&s, "a", 1), 0);
    assert_int_equal(trace_secrets_add(&s, "a", 1), 0);
    assert_int_equal(s.count, 1);
    trace_secrets_clean(&s);
}

/* Any slicing hides the same bytes as one chunk does. */
static void test_slicing_changes_nothing(void **state)
{
    const char *const *secrets = SECRETS("aab", "aba", "abab", "bb");
    unsigned random = 7;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        char text[33] = "";
        bool hidden[32] = {false};
        struct masker *m = new_masker(secrets);
        for (int i = 0; i < 32; i++) {
            random = random * 1103515245u + 12345u;
            text[i] = "abc"[(random >> 16) % 3];
        }
        trace_secrets_find(&m->secrets, text, 32, hidden);
        for (size_t at = 0; at < 32;) {
            char chunk[8] = "";
            random = random * 1103515245u + 12345u;
            size_t n = 1 + (random >> 16) % 5;
            memcpy(chunk, text + at, n > 32 - at ? 32 - at : n);
            put(m, chunk);
            at += n;
            assert_true(m->stream.count <= 3);
        }
        size_t kept = m->stream.count;
        trace_stream_end(&m->stream);
        assert_int_equal(m->sink.length, 32);
        for (size_t i = 0; i < 32 - kept; i++)
            assert_int_equal(m->sink.bytes[i], hidden[i] ? '*' : text[i]);
        free_masker(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_secret_is_hidden),
        cmocka_unit_test(test_a_secret_over_many_chunks_is_hidden),
        cmocka_unit_test(test_a_start_that_comes_to_nothing_is_shown),
        cmocka_unit_test(test_the_start_of_a_secret_at_the_end_is_hidden),
        cmocka_unit_test(test_overlapping_secrets_are_all_hidden),
        cmocka_unit_test(test_secrets_hold_nul_and_high_bytes),
        cmocka_unit_test(test_an_empty_secret_is_refused),
        cmocka_unit_test(test_slicing_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
