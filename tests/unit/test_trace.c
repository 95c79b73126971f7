/* SPDX-License-Identifier: MIT
 *
 * Transcripts in memory and in files.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"
#include "trace_line.h"

#define MS 1000000ull

struct bench {
    struct loop loop;
    uv_loop_t uv;
    struct trace *trace;
    char path[40];
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    assert_non_null(b);
    assert_int_equal(uv_loop_init(&b->uv), 0);
    assert_int_equal(loop_init(&b->loop, &b->uv), 0);
    strcpy(b->path, "/tmp/attest-trace-XXXXXX");
    int fd = mkstemp(b->path);
    assert_true(fd >= 0);
    close(fd);
    *state = b;
    return 0;
}

/* The loop's end waits for the file; a handle left open fails. */
static void end(struct bench *b)
{
    if (b->trace != NULL)
        trace_release(b->trace);
    b->trace = NULL;
    loop_clean(&b->loop);
    assert_int_equal(uv_loop_close(&b->uv), 0);
    b->loop.uv = NULL;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    if (b->loop.uv != NULL)
        end(b);
    unlink(b->path);
    free(b);
    return 0;
}

static struct trace *open_trace(struct bench *b, bool file, bool keep)
{
    const struct trace_options options = {.path = file ? b->path : NULL,
                                          .slot = "2",
                                          .port = "/dev/tty A",
                                          .keep = keep};

    assert_int_equal(trace_open(&b->loop, &options, &b->trace), 0);
    return b->trace;
}

static void sent(struct trace *t, const char *text, uint64_t ms)
{
    trace_bytes(t, TRACE_SENT, text, strlen(text), ms * MS);
}

static void received(struct trace *t, const char *text, uint64_t ms)
{
    trace_bytes(t, TRACE_RECEIVED, text, strlen(text), ms * MS);
}

/* A transcript without its wall times, which nobody can foresee. */
static char *strip(const char *text, size_t length)
{
    char *out = calloc(1, length + 1);
    size_t n = 0;

    assert_non_null(out);
    for (size_t i = 0; i < length; i++) {
        const char *space = memchr(text + i, ' ', length - i);
        const char *end_of_line = memchr(text + i, '\n', length - i);
        struct trace_line l;
        assert_non_null(space);
        assert_non_null(end_of_line);
        size_t line = (size_t)(end_of_line - (text + i));
        assert_int_equal(trace_line_parse(text + i, line, &l), 0);
        size_t head = (size_t)(space - (text + i));
        memcpy(out + n, text + i, head);
        n += head;
        memcpy(out + n, space + 25, line - head - 25 + 1);
        n += line - head - 25 + 1;
        i += line;
    }
    return out;
}

static void assert_kept(struct trace *t, const char *expected)
{
    const char *text;
    size_t length;

    trace_text(t, 0, UINT64_MAX, &text, &length);
    char *stripped = strip(text, length);
    assert_string_equal(stripped, expected);
    free(stripped);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *f = fopen(path, "r");
    char *text = malloc(1 << 22);

    assert_non_null(f);
    assert_non_null(text);
    *length = fread(text, 1, 1 << 22, f);
    fclose(f);
    return text;
}

static void test_a_transcript_is_kept(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, false, true);

    trace_opened(t, 1 * MS);
    sent(t, "AT\r", 2);
    received(t, "\r\nOK\r\n", 3);
    trace_mark(t, "hello \n", 7, 4 * MS);
    trace_closed(t, UV_EIO, 5 * MS + 1500);
    trace_closed(t, 0, 6 * MS);
    assert_kept(t, "1.000 ! 2 /dev/tty\\x20A opened\n"
                   "2.000 > 2 /dev/tty\\x20A AT\\r\n"
                   "3.000 < 2 /dev/tty\\x20A \\r\\nOK\\r\\n\n"
                   "4.000 ! 2 /dev/tty\\x20A mark hello \\n\n"
                   "5.001 ! 2 /dev/tty\\x20A closed EIO: i/o error\n"
                   "6.000 ! 2 /dev/tty\\x20A closed\n");
}

static void test_a_range_of_offsets_is_found(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, false, true);
    const char *text;
    size_t length;

    assert_int_equal(trace_offset(t), 0);
    sent(t, "first", 1);
    uint64_t from = trace_offset(t);
    sent(t, "second", 2);
    uint64_t to = trace_offset(t);
    sent(t, "third", 3);
    trace_text(t, from, to, &text, &length);
    assert_int_equal(length, to - from);
    assert_memory_equal(text + length - 7, "second\n", 7);
    trace_text(t, to, from, &text, &length);
    assert_int_equal(length, 0);
    trace_text(t, 1 << 20, 1 << 21, &text, &length);
    assert_int_equal(length, 0);
}

static void test_what_is_kept_has_a_limit(void **state)
{
    struct bench *b = *state;
    const struct trace_options options = {.keep = true, .keep_limit = 120};
    const char *text;
    size_t length;

    assert_int_equal(trace_open(&b->loop, &options, &b->trace), 0);
    for (uint64_t i = 0; i < 10; i++)
        sent(b->trace, "0123456789", i);
    trace_text(b->trace, 0, UINT64_MAX, &text, &length);
    assert_true(length < 240);
    assert_non_null(strstr(text, "! - - lost: the text kept in memory ends "
                                 "here\n"));
    /* Offsets go on as if nothing was lost. */
    assert_int_equal(trace_offset(b->trace) % 10, 0);
    assert_true(trace_offset(b->trace) > 400);
}

static void test_the_file_is_written(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, true, false);
    size_t length;

    assert_int_equal(trace_behind(t), 0);
    sent(t, "AT\r", 1);
    received(t, "OK\r\n", 2);
    uint64_t offset = trace_offset(t);
    assert_int_equal(trace_behind(t), offset);
    while (trace_behind(t) > 0)
        uv_run(&b->uv, UV_RUN_ONCE);
    end(b);
    char *text = read_file(b->path, &length);
    assert_int_equal(length, offset);
    char *stripped = strip(text, length);
    assert_string_equal(stripped, "1.000 > 2 /dev/tty\\x20A AT\\r\n"
                                  "2.000 < 2 /dev/tty\\x20A OK\\r\\n\n");
    free(stripped);
    free(text);
}

static void test_the_file_is_written_while_the_loop_turns(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, true, false);
    size_t length = 0;

    for (uint64_t i = 1; i <= 20; i++) {
        for (int j = 0; j < 50; j++)
            sent(t, "0123456789012345678901234567890123456789", i);
        do {
            uv_run(&b->uv, UV_RUN_NOWAIT);
            free(read_file(b->path, &length));
        } while (length < trace_offset(t));
    }
    assert_int_equal(trace_status(t), 0);
}

static void test_a_file_is_continued_on_a_line_of_its_own(void **state)
{
    struct bench *b = *state;
    FILE *f = fopen(b->path, "w");
    size_t length;

    fputs("a line\nand a cut", f);
    fclose(f);
    struct trace *t = open_trace(b, true, true);
    assert_int_equal(trace_start(t), 17);
    sent(t, "AT", 1);
    const char *kept;
    size_t kept_length;
    trace_text(t, 17, trace_offset(t), &kept, &kept_length);
    uint64_t offset = trace_offset(t);
    char *copy = strndup(kept, kept_length);
    end(b);
    char *text = read_file(b->path, &length);
    assert_int_equal(length, offset);
    assert_memory_equal(text, "a line\nand a cut\n", 17);
    assert_int_equal(kept_length, length - 17);
    assert_memory_equal(text + 17, copy, kept_length);
    free(copy);
    free(text);
}

static void test_a_file_that_cannot_be_opened_is_an_error(void **state)
{
    struct bench *b = *state;
    const struct trace_options options = {.path = "/nowhere/trace"};
    struct trace *t = NULL;

    assert_int_equal(trace_open(&b->loop, &options, &t), UV_ENOENT);
    assert_null(t);
}

static void test_a_full_disk_ends_the_file_not_the_memory(void **state)
{
    struct bench *b = *state;
    const struct trace_options options = {.path = "/dev/full", .keep = true};

    assert_int_equal(trace_open(&b->loop, &options, &b->trace), 0);
    sent(b->trace, "AT", 1);
    while (trace_status(b->trace) == 0)
        uv_run(&b->uv, UV_RUN_ONCE);
    assert_int_equal(trace_status(b->trace), UV_ENOSPC);
    sent(b->trace, "AT", 2);
    assert_kept(b->trace, "1.000 > - - AT\n2.000 > - - AT\n");
}

static void test_a_disk_that_stands_still_loses_chunks_with_a_mark(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, true, true);
    char *chunk = malloc(1 << 20);

    assert_non_null(chunk);
    memset(chunk, 'x', 1 << 20);
    for (int i = 0; i < 17; i++) /* the loop does not turn: no byte leaves */
        trace_bytes(t, TRACE_RECEIVED, chunk, 1 << 20, 1);
    free(chunk);
    uint64_t offset = trace_offset(t);
    while (uv_run(&b->uv, UV_RUN_NOWAIT) != 0)
        ;
    sent(t, "AT", 7); /* now there is room again */
    end(b);
    FILE *f = fopen(b->path, "r");
    char tail[200] = "";
    assert_int_equal(fseek(f, (long)offset, SEEK_SET), 0);
    assert_true(fread(tail, 1, sizeof tail - 1, f) > 0);
    fclose(f);
    char *stripped = strip(tail, strlen(tail));
    assert_string_equal(stripped, "7.000 ! 2 /dev/tty\\x20A lost 2 chunks\n"
                                  "7.000 > 2 /dev/tty\\x20A AT\n");
    free(stripped);
}

static void test_secrets_are_masked_everywhere(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, false, true);

    assert_int_equal(trace_mask(t, "s3cret", 6), 0);
    assert_int_equal(trace_mask(t, "", 0), UV_EINVAL);
    sent(t, "AT+P=\"s3cret\"\r", 1);
    received(t, "AT+P=\"s3c", 2);
    sent(t, "x", 3); /* the other direction decides nothing */
    received(t, "ret\"\r", 4);
    received(t, "s3", 5);
    received(t, "4", 6);
    trace_mark(t, "it was s3cret", 13, 7 * MS);
    received(t, "s3cre", 8);
    trace_closed(t, 0, 9 * MS);
    assert_kept(t, "1.000 > 2 /dev/tty\\x20A AT+P=\"\\m{6}\"\\r\n"
                   "2.000 < 2 /dev/tty\\x20A AT+P=\"\n"
                   "3.000 > 2 /dev/tty\\x20A x\n"
                   "2.000 < 2 /dev/tty\\x20A \\m{3}\n"
                   "4.000 < 2 /dev/tty\\x20A \\m{3}\"\\r\n"
                   "5.000 < 2 /dev/tty\\x20A s3\n"
                   "6.000 < 2 /dev/tty\\x20A 4\n"
                   "7.000 ! 2 /dev/tty\\x20A mark it was \\m{6}\n"
                   "8.000 < 2 /dev/tty\\x20A \\m{5}\n"
                   "9.000 ! 2 /dev/tty\\x20A closed\n");
}

static void test_a_closed_trace_ignores_bytes(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, true, true);

    trace_hold(t); /* a port */
    sent(t, "AT", 1);
    trace_close(t);
    trace_close(t);
    uint64_t offset = trace_offset(t);
    sent(t, "AT", 2);
    trace_mark(t, "late", 4, 3 * MS);
    trace_closed(t, 0, 4 * MS);
    assert_int_equal(trace_offset(t), offset);
    assert_kept(t, "1.000 > 2 /dev/tty\\x20A AT\n");
    trace_release(t);
}

static void test_virtual_time_moves_the_wall_too(void **state)
{
    struct bench *b = *state;
    struct trace *t = open_trace(b, false, true);
    const char *text;
    size_t length;
    struct trace_line first, second;

    clock_make_virtual(&b->loop.clock);
    uint64_t now = loop_now(&b->loop);
    trace_bytes(t, TRACE_SENT, "a", 1, now);
    uint64_t offset = trace_offset(t);
    clock_advance(&b->loop.clock, now + 3600000 * MS);
    trace_bytes(t, TRACE_SENT, "b", 1, loop_now(&b->loop));
    trace_text(t, 0, UINT64_MAX, &text, &length);
    assert_int_equal(trace_line_parse(text, offset, &first), 0);
    assert_int_equal(trace_line_parse(text + offset, length - offset, &second),
                     0);
    assert_int_equal(second.wall_ms - first.wall_ms, 3600000);
    assert_int_equal(second.at_us - first.at_us, 3600000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_transcript_is_kept),
        TEST(test_a_range_of_offsets_is_found),
        TEST(test_what_is_kept_has_a_limit),
        TEST(test_the_file_is_written),
        TEST(test_the_file_is_written_while_the_loop_turns),
        TEST(test_a_file_is_continued_on_a_line_of_its_own),
        TEST(test_a_file_that_cannot_be_opened_is_an_error),
        TEST(test_a_full_disk_ends_the_file_not_the_memory),
        TEST(test_a_disk_that_stands_still_loses_chunks_with_a_mark),
        TEST(test_secrets_are_masked_everywhere),
        TEST(test_a_closed_trace_ignores_bytes),
        TEST(test_virtual_time_moves_the_wall_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
