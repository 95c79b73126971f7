/* SPDX-License-Identifier: MIT
 *
 * A connection to a SQLite file, set up so that a commit is durable (WAL,
 * synchronous=FULL), and its failures in this project's terms.
 *
 * Knows no Lua, no loop and no schema. A connection is used by one thread at
 * a time.
 */
#ifndef ATTEST_SQLITE_LINK_H
#define ATTEST_SQLITE_LINK_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Why something failed: a UV_* code (0: it did not) and SQLite's words. */
struct sqlite_failure {
    int err;
    char text[240];
};

/* Fills `why` from a connection's last error; returns why->err, negative.
   `db` may be NULL. */
int sqlite_explain(struct sqlite_failure *why, sqlite3 *db, int code);

/* Fills `why`; returns `err`. */
int sqlite_refuse(struct sqlite_failure *why, int err, const char *text);

/* Opens a file, which is created unless read-only. `busy_ms`: how long to
   wait for another's lock. `*out` is owned: sqlite3_close. */
int sqlite_connect(const char *path, bool is_readonly, int busy_ms,
                   sqlite3 **out, struct sqlite_failure *why);

/* Prepares the one statement in `sql`; text after it is refused. `*out` is
   owned: sqlite3_finalize. */
int sqlite_prepare(sqlite3 *db, const char *sql, size_t length,
                   sqlite3_stmt **out, struct sqlite_failure *why);

#endif
