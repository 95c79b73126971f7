/* SPDX-License-Identifier: MIT
 *
 * Settings that every connection has, and the table of failures.
 *
 * https://www.sqlite.org/rescode.html, https://www.sqlite.org/wal.html
 */
#include "sqlite_link.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static int code_of_errno(int number, int otherwise)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
        return UV_ENOSPC;
    case ENOENT:
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case EISDIR:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
        return uv_translate_sys_error(number);
    default:
        return otherwise;
    }
}

static int code_of_sqlite(int code, int number)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return UV_EBUSY;
    case SQLITE_READONLY:
        return UV_EROFS;
    case SQLITE_FULL:
        return UV_ENOSPC;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        return code_of_errno(number, UV_EIO);
    case SQLITE_NOMEM:
        return UV_ENOMEM;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return UV_EFTYPE;
    case SQLITE_CONSTRAINT:
        if (code == SQLITE_CONSTRAINT_UNIQUE ||
            code == SQLITE_CONSTRAINT_PRIMARYKEY)
            return UV_EEXIST;
        return UV_EINVAL;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return UV_EPERM;
    case SQLITE_TOOBIG:
        return UV_E2BIG;
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
        return UV_ECANCELED;
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return UV_EINVAL;
    default:
        return UV_EIO;
    }
}

/* `number`: the errno behind it, or 0. */
static int tell(struct sqlite_failure *why, int err, const char *words,
                int number)
{
    why->err = err;
    if (number != 0)
        snprintf(why->text, sizeof why->text, "%s (%s)", words,
                 strerror(number));
    else
        snprintf(why->text, sizeof why->text, "%s", words);
    return err;
}

int sqlite_explain(struct sqlite_failure *why, sqlite3 *db, int code)
{
    if (db == NULL)
        return tell(why, code_of_sqlite(code, 0), sqlite3_errstr(code), 0);

    int extended = sqlite3_extended_errcode(db);
    int number = sqlite3_system_errno(db);
    if ((extended & 0xff) == (code & 0xff))
        code = extended;
    /* errno is a leftover unless the system was what failed. */
    if ((code & 0xff) != SQLITE_CANTOPEN && (code & 0xff) != SQLITE_IOERR)
        number = 0;
    return tell(why, code_of_sqlite(code, number), sqlite3_errmsg(db), number);
}

int sqlite_refuse(struct sqlite_failure *why, int err, const char *text)
{
    why->err = err;
    snprintf(why->text, sizeof why->text, "%s", text);
    return err;
}

static int on_journal_mode(void *arg, int count, char **values, char **names)
{
    bool *is_wal = arg;

    (void)names;
    *is_wal = count == 1 && values[0] != NULL && strcmp(values[0], "wal") == 0;
    return 0;
}

/* The change to WAL needs the file for itself, and SQLite does not call the
   busy handler for that: whoever is in the way is waited for first. */
static int switch_to_wal(sqlite3 *db, struct sqlite_failure *why)
{
    bool is_wal = false;
    int rc = SQLITE_OK;

    for (int tries = 0; rc == SQLITE_OK && tries < 100; tries++) {
        rc = sqlite3_exec(db, "PRAGMA journal_mode=WAL", on_journal_mode,
                          &is_wal, NULL);
        if (rc != SQLITE_BUSY)
            break;
        rc = sqlite3_exec(db, "BEGIN EXCLUSIVE; COMMIT", NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK)
        return sqlite_explain(why, db, rc);
    if (!is_wal)
        return sqlite_refuse(why, UV_ENOTSUP,
                             "no write-ahead log is possible here");
    return 0;
}

static int set_up(sqlite3 *db, bool is_readonly, int busy_ms,
                  struct sqlite_failure *why)
{
    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, busy_ms);
    /* A file that cannot be written is opened read-only without a word. */
    if (!is_readonly && sqlite3_db_readonly(db, "main") == 1)
        return sqlite_refuse(why, UV_EROFS, "the file can only be read");
    if (!is_readonly && switch_to_wal(db, why) < 0)
        return why->err;
    int rc = sqlite3_exec(db,
                          "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                          "SELECT count(*) FROM sqlite_master",
                          NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : sqlite_explain(why, db, rc);
}

/* Why a file cannot be opened for writing, as an errno, or 0. SQLite's own
   comes from its second try, for reading, and says ENOENT for a new file in
   a folder that cannot be written. */
static int find_obstacle(const char *path)
{
    char folder[PATH_MAX];

    if (access(path, F_OK) == 0)
        return access(path, R_OK | W_OK) == 0 ? 0 : errno;
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        strcpy(folder, ".");
    else
        slash[slash == folder] = '\0';
    return access(folder, W_OK | X_OK) == 0 ? 0 : errno;
}

static int open_failed(sqlite3 *db, int rc, const char *path, bool is_readonly,
                       struct sqlite_failure *why)
{
    int number = is_readonly ? 0 : find_obstacle(path);

    if ((rc & 0xff) == SQLITE_CANTOPEN && number != 0)
        return tell(why, code_of_errno(number, UV_EIO),
                    "unable to open database file", number);
    return sqlite_explain(why, db, rc);
}

int sqlite_connect(const char *path, bool is_readonly, int busy_ms,
                   sqlite3 **out, struct sqlite_failure *why)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_NOMUTEX;

    /* SQLite's names for databases in memory or in a file without a name. */
    if (path[0] == '\0' || strcmp(path, ":memory:") == 0)
        return sqlite_refuse(why, UV_EINVAL, "a database needs a file");
    flags |= is_readonly ? SQLITE_OPEN_READONLY
                         : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int rc = sqlite3_open_v2(path, &db, flags, NULL);
    int err = rc == SQLITE_OK ? set_up(db, is_readonly, busy_ms, why)
                              : open_failed(db, rc, path, is_readonly, why);
    if (err < 0) {
        sqlite3_close(db);
        return err;
    }
    *out = db;
    return 0;
}

int sqlite_prepare(sqlite3 *db, const char *sql, size_t length,
                   sqlite3_stmt **out, struct sqlite_failure *why)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = NULL;

    if (length > INT32_MAX)
        return sqlite_refuse(why, UV_E2BIG, "the statement is too long");
    int rc = sqlite3_prepare_v2(db, sql, (int)length, &statement, &tail);
    if (rc != SQLITE_OK)
        return sqlite_explain(why, db, rc);
    if (statement == NULL)
        return sqlite_refuse(why, UV_EINVAL, "an empty statement");
    size_t used = (size_t)(tail - sql);
    if (used + strspn(tail, " \t\r\n;") < length) {
        sqlite3_finalize(statement);
        return sqlite_refuse(why, UV_EINVAL, "more than one statement");
    }
    *out = statement;
    return 0;
}
