/* SPDX-License-Identifier: MIT
 *
 * Statements with their values, gathered on one thread and run on another.
 *
 * Everything is copied in: a batch depends on nothing but its own memory.
 * Knows no transaction; the writer wraps one around it. Text and blobs have
 * a length and may hold NULs.
 */
#ifndef ATTEST_SQLITE_BATCH_H
#define ATTEST_SQLITE_BATCH_H

#include "sqlite_link.h"

#include <stdint.h>

struct sqlite_batch;

struct sqlite_batch *sqlite_batch_new(void);    /* owned, or NULL */
void sqlite_batch_free(struct sqlite_batch *b); /* NULL is quiet */

/* Adds a statement; its values follow, in order. 0 or UV_ENOMEM. */
int sqlite_batch_add(struct sqlite_batch *b, const char *sql, size_t length);
int sqlite_batch_null(struct sqlite_batch *b);
int sqlite_batch_int(struct sqlite_batch *b, int64_t value);
int sqlite_batch_double(struct sqlite_batch *b, double value);
int sqlite_batch_text(struct sqlite_batch *b, const char *bytes, size_t length);
int sqlite_batch_blob(struct sqlite_batch *b, const char *bytes, size_t length);

/* Runs the statements up to the first that fails; some stay prepared on the
   connection, which can only be closed after sqlite_batch_forget(). */
int sqlite_batch_run(const struct sqlite_batch *b, sqlite3 *db,
                     struct sqlite_failure *why);
void sqlite_batch_forget(sqlite3 *db);

#endif
