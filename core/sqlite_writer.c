/* SPDX-License-Identifier: MIT
 *
 * The loop's thread and the writer's share two lists under one mutex: `queue`
 * (to be written) and `done` (to be reported). The connection belongs to the
 * writer's thread from its start to its end.
 *
 * What a transaction costs is its fdatasync; hence one for all that is
 * queued. When that transaction falls as a whole (disk full, a constraint
 * checked at commit), its batches are tried again one by one, so that each
 * gets the answer it deserves and none harms another.
 *
 * https://www.sqlite.org/wal.html, https://www.sqlite.org/lang_savepoint.html
 */
#include "sqlite_writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* A batch on its way through the writer. */
struct job {
    struct job *next;
    struct sqlite_batch *batch;
    sqlite_written_fn fn;
    void *arg;
    struct sqlite_failure why;
};

struct job_list {
    struct job *head;
    struct job **tail;
};

struct sqlite_writer {
    uv_async_t async; /* first to go: its close callback frees the writer */
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    /* Under the mutex. */
    struct job_list queue;
    struct job_list done;
    bool is_closing;
    bool is_finished;
    /* The writer thread's own. */
    sqlite3 *db;
    bool is_in_batch;
    /* The loop thread's own. */
    size_t pending;
    bool is_closed;
    sqlite_closed_fn closed;
    void *closed_arg;
};

/* ---------------------------------------------------- the writer's thread */

static void list_clear(struct job_list *list)
{
    list->head = NULL;
    list->tail = &list->head;
}

static void list_append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->tail = job;
    list->tail = &job->next;
}

/* A statement of a batch must not end the transaction that other batches
   share, nor change how it is made durable. */
static int authorize(void *arg, int action, const char *a, const char *b,
                     const char *c, const char *d)
{
    const struct sqlite_writer *w = arg;

    (void)a, (void)b, (void)c, (void)d;
    if (!w->is_in_batch)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_PRAGMA:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

static int control(struct sqlite_writer *w, const char *sql,
                   struct sqlite_failure *why)
{
    int rc = sqlite3_exec(w->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : sqlite_explain(why, w->db, rc);
}

/* Writes one batch inside the open transaction, or leaves no trace of it.
   Returns negative only when the transaction itself is lost. */
static int write_job(struct sqlite_writer *w, struct job *job)
{
    struct sqlite_failure ignored;

    job->why.err = 0;
    if (control(w, "SAVEPOINT batch", &job->why) < 0)
        return job->why.err;
    w->is_in_batch = true;
    int err = sqlite_batch_run(job->batch, w->db, &job->why);
    w->is_in_batch = false;
    if (err == 0)
        return control(w, "RELEASE batch", &job->why);
    if (sqlite3_get_autocommit(w->db) != 0)
        return err;
    return control(w, "ROLLBACK TO batch; RELEASE batch", &ignored);
}

static void fail_all(struct job *first, const struct job *end,
                     const struct sqlite_failure *why)
{
    for (struct job *job = first; job != end; job = job->next) {
        if (job->why.err == 0)
            job->why = *why;
    }
}

/* Writes the jobs from `first` up to `end` in one transaction. Returns 0 when
   each has its answer, negative when nothing was written. */
static int write_jobs(struct sqlite_writer *w, struct job *first,
                      const struct job *end)
{
    struct sqlite_failure why = {0};

    if (control(w, "BEGIN IMMEDIATE", &why) < 0) {
        fail_all(first, end, &why);
        return 0;
    }
    for (struct job *job = first; job != end && why.err == 0; job = job->next) {
        if (write_job(w, job) < 0)
            why = job->why;
    }
    if (why.err == 0 && control(w, "COMMIT", &why) == 0)
        return 0;
    if (sqlite3_get_autocommit(w->db) == 0)
        sqlite3_exec(w->db, "ROLLBACK", NULL, NULL, NULL);
    if (why.err == 0)
        sqlite_refuse(&why, UV_EIO, "the transaction was lost");
    fail_all(first, end, &why);
    return why.err;
}

static void write_group(struct sqlite_writer *w, struct job *group)
{
    if (write_jobs(w, group, NULL) == 0 || group->next == NULL)
        return;
    for (struct job *job = group; job != NULL; job = job->next) {
        job->why.err = 0;
        write_jobs(w, job, job->next);
    }
}

/* Waits for work; NULL when the writer is closing and the queue is empty. */
static struct job *take_group(struct sqlite_writer *w)
{
    uv_mutex_lock(&w->mutex);
    while (w->queue.head == NULL && !w->is_closing)
        uv_cond_wait(&w->wake, &w->mutex);
    struct job *group = w->queue.head;
    list_clear(&w->queue);
    uv_mutex_unlock(&w->mutex);
    return group;
}

static void hand_back(struct sqlite_writer *w, struct job *group)
{
    uv_mutex_lock(&w->mutex);
    while (group != NULL) {
        struct job *next = group->next;

        list_append(&w->done, group);
        group = next;
    }
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

static void work(void *arg)
{
    struct sqlite_writer *w = arg;
    struct job *group;

    while ((group = take_group(w)) != NULL) {
        write_group(w, group);
        hand_back(w, group);
    }
    sqlite_batch_forget(w->db);
    sqlite3_close(w->db);
    uv_mutex_lock(&w->mutex);
    w->is_finished = true;
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

/* ------------------------------------------------------ the loop's thread */

static void on_async_closed(uv_handle_t *handle)
{
    struct sqlite_writer *w = handle->data;
    sqlite_closed_fn fn = w->closed;
    void *arg = w->closed_arg;

    uv_cond_destroy(&w->wake);
    uv_mutex_destroy(&w->mutex);
    free(w);
    if (fn != NULL)
        fn(arg);
}

static void report(struct sqlite_writer *w, struct job *job)
{
    while (job != NULL) {
        struct job *next = job->next;

        w->pending--;
        if (w->pending == 0 && !w->is_closed)
            uv_unref((uv_handle_t *)&w->async);
        job->fn(job->arg, &job->why);
        sqlite_batch_free(job->batch);
        free(job);
        job = next;
    }
}

static void on_async(uv_async_t *async)
{
    struct sqlite_writer *w = async->data;

    uv_mutex_lock(&w->mutex);
    struct job *done = w->done.head;
    bool is_finished = w->is_finished;
    list_clear(&w->done);
    uv_mutex_unlock(&w->mutex);
    report(w, done);
    if (is_finished) {
        uv_thread_join(&w->thread);
        uv_close((uv_handle_t *)async, on_async_closed);
    }
}

/* Signals are the loop thread's: a watchdog's must not land in the writer. */
static int start_thread(struct sqlite_writer *w)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = uv_thread_create(&w->thread, work, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

/* Returns 0, or an error with the async handle closing (it frees `w`). */
static int start(struct sqlite_writer *w, uv_loop_t *loop)
{
    int err = uv_async_init(loop, &w->async, on_async);

    if (err < 0) {
        uv_cond_destroy(&w->wake);
        uv_mutex_destroy(&w->mutex);
        free(w);
        return err;
    }
    w->async.data = w;
    uv_unref((uv_handle_t *)&w->async);
    err = start_thread(w);
    if (err < 0)
        uv_close((uv_handle_t *)&w->async, on_async_closed);
    return err;
}

int sqlite_writer_open(uv_loop_t *loop, const char *path, int busy_ms,
                       struct sqlite_writer **out, struct sqlite_failure *why)
{
    sqlite3 *db = NULL;
    struct sqlite_writer *w = calloc(1, sizeof *w);

    if (w == NULL)
        return sqlite_refuse(why, UV_ENOMEM, "out of memory");
    if (sqlite_connect(path, false, busy_ms, &db, why) < 0) {
        free(w);
        return why->err;
    }
    w->db = db;
    sqlite3_set_authorizer(db, authorize, w);
    list_clear(&w->queue);
    list_clear(&w->done);
    int err = uv_mutex_init(&w->mutex);
    if (err == 0) {
        err = uv_cond_init(&w->wake);
        if (err < 0)
            uv_mutex_destroy(&w->mutex);
    }
    if (err < 0)
        free(w);
    else
        err = start(w, loop);
    if (err < 0) {
        sqlite3_close(db);
        return sqlite_refuse(why, err, "the writer did not start");
    }
    *out = w;
    return 0;
}

int sqlite_writer_submit(struct sqlite_writer *w, struct sqlite_batch *batch,
                         sqlite_written_fn fn, void *arg)
{
    struct job *job = calloc(1, sizeof *job);

    if (job == NULL) {
        sqlite_batch_free(batch);
        return UV_ENOMEM;
    }
    job->batch = batch;
    job->fn = fn;
    job->arg = arg;
    if (w->pending++ == 0)
        uv_ref((uv_handle_t *)&w->async);
    uv_mutex_lock(&w->mutex);
    list_append(&w->queue, job);
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->mutex);
    return 0;
}

void sqlite_writer_close(struct sqlite_writer *w, sqlite_closed_fn fn,
                         void *arg)
{
    w->is_closed = true;
    w->closed = fn;
    w->closed_arg = arg;
    uv_ref((uv_handle_t *)&w->async);
    uv_mutex_lock(&w->mutex);
    w->is_closing = true;
    uv_cond_signal(&w->wake);
    uv_mutex_unlock(&w->mutex);
}
