/* SPDX-License-Identifier: MIT
 *
 * Writes to a SQLite file in a thread of its own, so that a slow disk never
 * stalls the loop.
 *
 * Batches of statements are queued; everything queued is committed as one
 * transaction (WAL, synchronous=FULL), each batch in a savepoint of its own.
 * Knows no Lua and no schema. The invariant: a batch is reported as written
 * only after its transaction is durable, and a batch is written whole or not
 * at all.
 */
#ifndef ATTEST_SQLITE_WRITER_H
#define ATTEST_SQLITE_WRITER_H

#include "sqlite_batch.h"

#include <uv.h>

struct sqlite_writer;

/* Called on the loop's thread, once per batch, in order; `why` is borrowed
   for the call. */
typedef void (*sqlite_written_fn)(void *arg, const struct sqlite_failure *why);
typedef void (*sqlite_closed_fn)(void *arg);

/* Opens a connection and starts its thread. `busy_ms`: how long to wait for
   another process's lock. The writer is owned: sqlite_writer_close. */
int sqlite_writer_open(uv_loop_t *loop, const char *path, int busy_ms,
                       struct sqlite_writer **out, struct sqlite_failure *why);

/* Queues a batch, which is moved to the writer also on failure. Returns 0 or
   UV_ENOMEM; `fn` is called only after 0. Keeps the loop alive until then. */
int sqlite_writer_submit(struct sqlite_writer *w, struct sqlite_batch *batch,
                         sqlite_written_fn fn, void *arg);

/* Never waits: what is queued is still written and reported, then the thread
   ends, the memory goes and `fn` (or NULL) is called. Call it once. */
void sqlite_writer_close(struct sqlite_writer *w, sqlite_closed_fn fn,
                         void *arg);

#endif
