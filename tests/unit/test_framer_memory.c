/* SPDX-License-Identifier: MIT
 *
 * Out of memory: every allocation of the framer fails once; each failure is
 * told, breaks nothing and leaks nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <uv.h>

#include "../support/short_memory.h"
#include "framer.h"

static void ignore(void *arg, const struct frame *f)
{
    (void)f;
    ++*(int *)arg;
}

static int fill(struct vocabulary *v)
{
    int err = vocabulary_add_known(v, "OK");

    if (err == 0)
        err = vocabulary_add_known(v, "+CREG:");
    if (err == 0)
        err = vocabulary_add_boot(v, "RDY");
    if (err == 0)
        err = vocabulary_add_counted(v, "+RECV:", 1, false);
    if (err == 0)
        err = vocabulary_add_counted(v, "+QIRD:", 2, true);
    return err;
}

static void test_a_vocabulary_tells_that_memory_is_out(void **state)
{
    int err = UV_ENOMEM;

    (void)state;
    for (int n = 0; err != 0; n++) {
        assert_true(n < 100);
        short_memory_after = n;
        struct vocabulary *v = vocabulary_new();
        err = v == NULL ? UV_ENOMEM : fill(v);
        short_memory_after = SHORT_MEMORY_NEVER;
        if (err != 0)
            assert_int_equal(err, UV_ENOMEM);
        vocabulary_release(v);
    }
}

/* Takes every path that needs memory. */
static int feed_all(struct framer *f)
{
    static const char *const pieces[] = {
        "\xff\xfe~RDY\r\n",     "AT+CS: 1\r\n",
        "AT+CSQ\r\nOK\r\n",     "+RECV:3,abc\r\n",
        "+RECV:30,a\r\nOK\r\n", "+RECV:1,abcdefgh\r\n",
        "+QIRD:1,1000\r\n",     "\r\nOK\r\n",
        "say\"x\r\nOK\r\n",     "0\r",
        "x\xfeRDY\r\n",         "\xfe\xfe",
    };
    char longer[300];

    memset(longer, 'A', sizeof longer);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        int err = framer_feed(f, pieces[i], strlen(pieces[i]));
        if (err == 0)
            err = framer_feed(f, longer, i % 2 == 0 ? 0 : sizeof longer);
        if (err == 0 && i % 2 != 0)
            err = framer_feed(f, "\r\n", 2);
        if (err == 0)
            err = framer_idle(f);
        if (err < 0)
            return err;
    }
    return 0;
}

static void test_a_framer_tells_that_memory_is_out(void **state)
{
    struct vocabulary *v = vocabulary_new();
    int failures = 0;
    int err = UV_ENOMEM;

    (void)state;
    assert_non_null(v);
    assert_int_equal(fill(v), 0);
    for (int n = 0; err != 0; n++) {
        struct framer f;
        int frames = 0;

        assert_true(n < 1000);
        framer_init(&f, ignore, &frames);
        framer_set_vocabulary(&f, v);
        f.quoted_crlf = true;
        short_memory_after = n;
        err = framer_expect_echo(&f, "AT+CSQ", 6, true);
        if (err == 0)
            err = feed_all(&f);
        short_memory_after = SHORT_MEMORY_NEVER;
        if (err != 0) {
            assert_int_equal(err, UV_ENOMEM);
            failures++;
            /* Whatever state it was left in, it goes on. */
            assert_int_equal(feed_all(&f), 0);
        }
        framer_clean(&f);
    }
    assert_true(failures > 10);
    vocabulary_release(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vocabulary_tells_that_memory_is_out),
        cmocka_unit_test(test_a_framer_tells_that_memory_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
