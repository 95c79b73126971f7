/* SPDX-License-Identifier: MIT
 *
 * The writer's thread: what it reports is durable, whole, in order, and each
 * batch gets its own answer.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "sqlite_writer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MANY 200

struct fixture {
    uv_loop_t loop;
    char folder[64];
    char path[80];
    struct sqlite_writer *writer;
    int results[MANY]; /* UV_* codes in order of arrival */
    struct sqlite_failure last;
    int count;
    bool is_closed;
};

/* -------------------------------------------------------------- support */

static void on_written(void *arg, const struct sqlite_failure *why)
{
    struct fixture *f = arg;

    assert_in_range(f->count, 0, MANY - 1);
    f->results[f->count++] = why->err;
    f->last = *why;
}

static void on_closed(void *arg)
{
    struct fixture *f = arg;

    f->is_closed = true;
}

static int on_value(void *arg, int count, char **values, char **names)
{
    (void)names;
    assert_int_equal(count, 1);
    snprintf(arg, 64, "%s", values[0] == NULL ? "NULL" : values[0]);
    return 0;
}

/* What another program sees: the one value of a query, as text. */
static void assert_value(struct fixture *f, const char *sql,
                         const char *expected)
{
    char value[64] = "";
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, on_value, value, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_string_equal(value, expected);
}

static void execute(struct fixture *f, const char *sql)
{
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static struct sqlite_batch *new_batch(const char *sql)
{
    struct sqlite_batch *b = sqlite_batch_new();

    assert_non_null(b);
    assert_int_equal(sqlite_batch_add(b, sql, strlen(sql)), 0);
    return b;
}

static void submit(struct fixture *f, struct sqlite_batch *b)
{
    assert_int_equal(sqlite_writer_submit(f->writer, b, on_written, f), 0);
}

static void submit_sql(struct fixture *f, const char *sql)
{
    submit(f, new_batch(sql));
}

static void submit_key(struct fixture *f, int64_t key)
{
    struct sqlite_batch *b = new_batch("INSERT INTO t(k) VALUES(?)");

    assert_int_equal(sqlite_batch_int(b, key), 0);
    submit(f, b);
}

/* The writer holds the loop alive exactly while something is to be reported. */
static void run(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void open_writer(struct fixture *f, int busy_ms)
{
    struct sqlite_failure why = {0};

    assert_int_equal(
        sqlite_writer_open(&f->loop, f->path, busy_ms, &f->writer, &why), 0);
}

static void close_writer(struct fixture *f)
{
    sqlite_writer_close(f->writer, on_closed, f);
    run(f);
    assert_true(f->is_closed);
    f->writer = NULL;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    *state = f;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    strcpy(f->folder, "/tmp/attest-writer-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/t.db", f->folder);
    open_writer(f, 2000);
    execute(f, "CREATE TABLE t(k INTEGER PRIMARY KEY, v)");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char path[96];

    if (f->writer != NULL)
        close_writer(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    unlink(f->path);
    snprintf(path, sizeof path, "%s-wal", f->path);
    unlink(path);
    snprintf(path, sizeof path, "%s-shm", f->path);
    unlink(path);
    rmdir(f->folder);
    free(f);
    return 0;
}

/* ---------------------------------------------------------------- facts */

static void a_batch_is_there_when_it_was_reported(void **state)
{
    struct fixture *f = *state;

    submit_key(f, 1);
    run(f);
    assert_int_equal(f->count, 1);
    assert_int_equal(f->results[0], 0);
    assert_value(f, "SELECT count(*) FROM t", "1");
}

static void an_idle_writer_does_not_keep_the_loop_alive(void **state)
{
    struct fixture *f = *state;

    assert_false(uv_loop_alive(&f->loop));
    submit_key(f, 1);
    assert_true(uv_loop_alive(&f->loop));
    run(f);
    assert_false(uv_loop_alive(&f->loop));
}

static void the_file_is_in_wal_mode(void **state)
{
    assert_value(*state, "PRAGMA journal_mode", "wal");
}

/* Another writer holds the lock while the batches queue up. Each commit adds
   at least one page to the log: few pages are few commits. */
static void what_is_queued_shares_a_commit(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    struct stat log;
    char path[96];

    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    for (int i = 0; i < MANY; i++)
        submit_key(f, i);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    run(f);
    assert_int_equal(f->count, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(f->results[i], 0);
    assert_value(f, "SELECT count(*) FROM t", "200");
    snprintf(path, sizeof path, "%s-wal", f->path);
    assert_int_equal(stat(path, &log), 0);
    assert_in_range(log.st_size, 1, 20 * 4120);
}

static void a_failing_batch_harms_no_other(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t(k) VALUES(100)");

    submit_key(f, 1);
    /* Its first statement works: it must leave no trace all the same. */
    assert_int_equal(sqlite_batch_add(b, "INSERT INTO t(k) VALUES(1)", 26), 0);
    submit(f, b);
    submit_key(f, 2);
    run(f);
    assert_int_equal(f->results[0], 0);
    assert_int_equal(f->results[1], UV_EEXIST);
    assert_int_equal(f->results[2], 0);
    assert_value(f, "SELECT group_concat(k) FROM t", "1,2");
}

static void submit_with_one(struct fixture *f, const char *sql)
{
    struct sqlite_batch *b = new_batch(sql);

    assert_int_equal(sqlite_batch_int(b, 1), 0);
    submit(f, b);
}

/* A statement is kept for the next one, if that is the same. */
static void a_statement_that_begins_a_kept_one_is_another(void **state)
{
    struct fixture *f = *state;

    submit_key(f, 1);
    submit_key(f, 2);
    submit_with_one(f, "DELETE FROM t WHERE k = ? AND k = 2");
    submit_with_one(f, "DELETE FROM t WHERE k = ?");
    run(f);
    assert_int_equal(f->results[3], 0);
    assert_value(f, "SELECT group_concat(k) FROM t", "2");
}

static void a_kept_statement_still_needs_its_values(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t(k) VALUES(?)");

    submit_key(f, 1);
    submit(f, b); /* the same without a value */
    submit_key(f, 2);
    run(f);
    assert_int_equal(f->results[1], UV_EINVAL);
    assert_int_equal(f->results[2], 0);
    assert_value(f, "SELECT group_concat(k) FROM t", "1,2");
}

static void a_kept_statement_outlives_a_change_of_its_table(void **state)
{
    struct fixture *f = *state;

    submit_key(f, 1);
    run(f);
    execute(f, "DROP TABLE t; CREATE TABLE t(v DEFAULT 7, k)");
    submit_key(f, 2);
    run(f);
    assert_int_equal(f->results[1], 0);
    assert_value(f, "SELECT v || ',' || k FROM t", "7,2");
}

/* More than are kept, each three times. */
static void many_statements_take_turns(void **state)
{
    struct fixture *f = *state;
    char sql[64];

    execute(f, "INSERT INTO t VALUES(1, 0)");
    for (int i = 0; i < 60; i++) {
        snprintf(sql, sizeof sql, "UPDATE t SET v = v + %d WHERE k = ?",
                 i % 20);
        submit_with_one(f, sql);
    }
    run(f);
    assert_value(f, "SELECT v FROM t", "570");
}

static void a_lost_transaction_is_tried_again_batch_by_batch(void **state)
{
    struct fixture *f = *state;

    submit_key(f, 1);
    submit_sql(f, "INSERT OR ROLLBACK INTO t(k) VALUES(1)");
    submit_key(f, 2);
    run(f);
    assert_int_equal(f->results[0], 0);
    assert_int_equal(f->results[1], UV_EEXIST);
    assert_int_equal(f->results[2], 0);
    assert_value(f, "SELECT group_concat(k) FROM t", "1,2");
}

static void a_constraint_checked_at_commit_fails_its_batch_only(void **state)
{
    struct fixture *f = *state;

    execute(f, "CREATE TABLE child(k REFERENCES t(k) "
               "DEFERRABLE INITIALLY DEFERRED)");
    submit_key(f, 1);
    submit_sql(f, "INSERT INTO child VALUES(77)");
    submit_sql(f, "INSERT INTO child VALUES(1)");
    run(f);
    assert_int_equal(f->results[0], 0);
    assert_int_equal(f->results[1], UV_EINVAL);
    assert_int_equal(f->results[2], 0);
    assert_value(f, "SELECT group_concat(k) FROM child", "1");
}

static void a_batch_cannot_touch_the_transaction(void **state)
{
    static const char *const forbidden[] = {
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT mine",
        "PRAGMA synchronous=OFF",
        "ATTACH ':memory:' AS other",
    };
    struct fixture *f = *state;

    for (int i = 0; i < 5; i++)
        submit_sql(f, forbidden[i]);
    submit_key(f, 1);
    run(f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(f->results[i], UV_EPERM);
    assert_int_equal(f->results[5], 0);
}

static void misuse_is_explained(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t(k, v) VALUES(?, ?)");

    assert_int_equal(sqlite_batch_int(b, 1), 0);
    submit(f, b);
    run(f);
    assert_int_equal(f->last.err, UV_EINVAL);
    assert_string_equal(f->last.text, "1 values for 2 parameters");
    submit_sql(f, "INSERT INTO t(k) VALUES(1); INSERT INTO t(k) VALUES(2)");
    run(f);
    assert_string_equal(f->last.text, "more than one statement");
    submit_sql(f, "INSERT INTO nowhere VALUES(1)");
    run(f);
    assert_int_equal(f->last.err, UV_EINVAL);
    assert_string_equal(f->last.text, "no such table: nowhere");
    assert_value(f, "SELECT count(*) FROM t", "0");
}

static void values_arrive_as_they_were(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t VALUES(1, ?)");
    static const char insert[] = "INSERT INTO t VALUES(?, ?)";

    sqlite_batch_text(b, "a\0b", 3);
    for (int64_t key = 2; key <= 6; key++) {
        sqlite_batch_add(b, insert, sizeof insert - 1);
        sqlite_batch_int(b, key);
        if (key == 2)
            sqlite_batch_int(b, INT64_MIN);
        else if (key == 3)
            sqlite_batch_double(b, 0.1);
        else if (key == 4)
            sqlite_batch_null(b);
        else if (key == 5)
            sqlite_batch_blob(b, "\0\xff", 2);
        else
            sqlite_batch_text(b, "", 0);
    }
    submit(f, b);
    run(f);
    assert_int_equal(f->results[0], 0);
    assert_value(f, "SELECT hex(v) FROM t WHERE k = 1", "610062");
    assert_value(f, "SELECT v FROM t WHERE k = 2", "-9223372036854775808");
    assert_value(f, "SELECT v = 0.1 FROM t WHERE k = 3", "1");
    assert_value(f, "SELECT v FROM t WHERE k = 4", "NULL");
    assert_value(f, "SELECT typeof(v) || hex(v) FROM t WHERE k = 5",
                 "blob00FF");
    assert_value(f, "SELECT typeof(v) || length(v) FROM t WHERE k = 6",
                 "text0");
}

static void closing_with_a_full_queue_writes_all_of_it(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < MANY; i++)
        submit_key(f, i);
    close_writer(f);
    assert_int_equal(f->count, MANY);
    assert_value(f, "SELECT count(*) FROM t", "200");
}

static void closing_at_once_is_quiet(void **state)
{
    struct fixture *f = *state;

    close_writer(f);
    assert_int_equal(f->count, 0);
}

static void submit_more(void *arg, const struct sqlite_failure *why)
{
    struct fixture *f = arg;

    on_written(f, why);
    submit_key(f, f->count);
    if (f->count == 1)
        sqlite_writer_close(f->writer, on_closed, f);
}

static void a_report_may_submit_and_close(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t(k) VALUES(0)");

    assert_int_equal(sqlite_writer_submit(f->writer, b, submit_more, f), 0);
    run(f);
    assert_true(f->is_closed);
    f->writer = NULL;
    assert_int_equal(f->count, 2);
    assert_value(f, "SELECT group_concat(k) FROM t", "0,1");
}

static void a_locked_database_is_busy(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;

    close_writer(f);
    open_writer(f, 20);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
                     SQLITE_OK);
    submit_key(f, 1);
    submit_key(f, 2);
    run(f);
    assert_int_equal(f->results[0], UV_EBUSY);
    assert_int_equal(f->results[1], UV_EBUSY);
    assert_string_equal(f->last.text, "database is locked");
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    submit_key(f, 3);
    run(f);
    assert_int_equal(f->results[2], 0);
    sqlite3_close(db);
}

/* A limit on the size of files stands for a disk that refuses. */
static void a_disk_that_refuses_fails_the_big_batch_only(void **state)
{
    struct fixture *f = *state;
    struct sqlite_batch *b = new_batch("INSERT INTO t VALUES(2, ?)");
    char *big = calloc(1, 1 << 20);
    struct rlimit before;

    assert_non_null(big);
    getrlimit(RLIMIT_FSIZE, &before);
    struct rlimit small = {1 << 18, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    submit_key(f, 1);
    assert_int_equal(sqlite_batch_blob(b, big, 1 << 20), 0);
    submit(f, b);
    submit_key(f, 3);
    run(f);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    free(big);
    assert_int_equal(f->results[0], 0);
    assert_true(f->results[1] == UV_EFBIG || f->results[1] == UV_EIO);
    assert_int_equal(f->results[2], 0);
    assert_value(f, "SELECT group_concat(k) FROM t", "1,3");
}

static int try_open(struct fixture *f, const char *path,
                    struct sqlite_failure *why)
{
    struct sqlite_writer *w = NULL;

    return sqlite_writer_open(&f->loop, path, 20, &w, why);
}

static void what_cannot_be_opened_is_named(void **state)
{
    struct fixture *f = *state;
    struct sqlite_failure why = {0};

    assert_int_equal(try_open(f, "/nonexistent/a.db", &why), UV_ENOENT);
    assert_int_equal(try_open(f, f->folder, &why), UV_EISDIR);
    assert_int_equal(try_open(f, ":memory:", &why), UV_EINVAL);
    assert_int_equal(try_open(f, "", &why), UV_EINVAL);
    close_writer(f);
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 100; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_int_equal(try_open(f, f->path, &why), UV_EFTYPE);
    assert_string_equal(why.text, "file is not a database");
}

/* Eight processes meet at a file that does not exist: each must get in. */
static void processes_may_open_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    sqlite3 *db = NULL;
    struct sqlite_failure why;
    int status;

    close_writer(f);
    unlink(f->path);
    for (int i = 0; i < 8; i++) {
        if (fork() == 0)
            _exit(sqlite_connect(f->path, false, 60000, &db, &why) < 0);
    }
    for (int i = 0; i < 8; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

/* Killed at any instant: what was reported is there. */
static void a_killed_writer_loses_nothing_that_was_reported(void **state)
{
    struct fixture *f = *state;
    int ends[2];
    char reported[MANY];

    close_writer(f);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct fixture own = {0};

        uv_loop_init(&own.loop);
        strcpy(own.path, f->path);
        open_writer(&own, 5000);
        for (int i = 0; i < MANY; i++) {
            submit_key(&own, i);
            run(&own);
            if (own.results[i] != 0 || write(ends[1], "x", 1) != 1)
                _exit(1);
        }
        for (;;)
            pause();
    }
    close(ends[1]);
    ssize_t count = 0;
    while (count < 20) {
        ssize_t got = read(ends[0], reported, sizeof reported);
        assert_true(got > 0);
        count += got;
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ssize_t rest;
    while ((rest = read(ends[0], reported, sizeof reported)) > 0)
        count += rest;
    close(ends[0]);

    sqlite3 *db = NULL;
    char value[64] = "";
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_exec(db, "SELECT count(*) FROM t", on_value, value, NULL);
    sqlite3_close(db);
    assert_true(strtol(value, NULL, 10) >= count);
}

static void few_statements_are_kept(void **state)
{
    sqlite3 *db = NULL;
    struct sqlite_failure why = {0};
    char sql[32];
    int kept = 0;

    (void)state;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(sql, sizeof sql, "SELECT ? + %d", i);
        struct sqlite_batch *b = new_batch(sql);
        assert_int_equal(sqlite_batch_int(b, 1), 0);
        assert_int_equal(sqlite_batch_run(b, db, &why), 0);
        sqlite_batch_free(b);
    }
    for (sqlite3_stmt *s = NULL; (s = sqlite3_next_stmt(db, s)) != NULL;)
        kept++;
    assert_in_range(kept, 1, 20);
    sqlite_batch_forget(db);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_there_when_it_was_reported),
        TEST(an_idle_writer_does_not_keep_the_loop_alive),
        TEST(the_file_is_in_wal_mode),
        TEST(what_is_queued_shares_a_commit),
        TEST(a_failing_batch_harms_no_other),
        TEST(a_statement_that_begins_a_kept_one_is_another),
        TEST(a_kept_statement_still_needs_its_values),
        TEST(a_kept_statement_outlives_a_change_of_its_table),
        TEST(many_statements_take_turns),
        TEST(few_statements_are_kept),
        TEST(a_lost_transaction_is_tried_again_batch_by_batch),
        TEST(a_constraint_checked_at_commit_fails_its_batch_only),
        TEST(a_batch_cannot_touch_the_transaction),
        TEST(misuse_is_explained),
        TEST(values_arrive_as_they_were),
        TEST(closing_with_a_full_queue_writes_all_of_it),
        TEST(closing_at_once_is_quiet),
        TEST(a_report_may_submit_and_close),
        TEST(a_locked_database_is_busy),
        TEST(a_disk_that_refuses_fails_the_big_batch_only),
        TEST(what_cannot_be_opened_is_named),
        TEST(processes_may_open_at_the_same_time),
        TEST(a_killed_writer_loses_nothing_that_was_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
