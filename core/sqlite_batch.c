/* SPDX-License-Identifier: MIT
 *
 * Three arrays that grow by doubling: statements, values, and the bytes that
 * both point into by offset, since a growing array moves.
 */
#include "sqlite_batch.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* Records repeat a few statements: so many stay prepared on a connection. */
#define MOST_KEPT 16u

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_DOUBLE, VALUE_TEXT, VALUE_BLOB };

struct value {
    enum value_kind kind;
    union {
        int64_t integer;
        double number;
        struct {
            size_t at; /* in the batch's bytes */
            size_t length;
        } bytes;
    } as;
};

struct statement {
    size_t sql; /* in the batch's bytes */
    size_t sql_length;
    size_t first; /* of its values */
    size_t count;
};

struct sqlite_batch {
    struct statement *statements;
    size_t count, capacity;
    struct value *values;
    size_t value_count, value_capacity;
    char *bytes;
    size_t length, size;
};

struct sqlite_batch *sqlite_batch_new(void)
{
    return calloc(1, sizeof(struct sqlite_batch));
}

void sqlite_batch_free(struct sqlite_batch *b)
{
    if (b == NULL)
        return;
    free(b->statements);
    free(b->values);
    free(b->bytes);
    free(b);
}

/* Makes room for `count` items of `size` bytes; items may move. */
static int reserve(void **items, size_t *capacity, size_t count, size_t size)
{
    size_t wanted = *capacity == 0 ? 16 : *capacity;

    while (wanted < count)
        wanted *= 2;
    if (wanted == *capacity)
        return 0;
    void *moved = realloc(*items, wanted * size);
    if (moved == NULL)
        return UV_ENOMEM;
    *items = moved;
    *capacity = wanted;
    return 0;
}

/* Bytes are followed by a NUL, and never empty: SQLite takes NULL as null. */
static int keep_bytes(struct sqlite_batch *b, const char *bytes, size_t length,
                      size_t *at)
{
    void *place = b->bytes;

    if (reserve(&place, &b->size, b->length + length + 1, 1) < 0)
        return UV_ENOMEM;
    b->bytes = place;
    *at = b->length;
    if (length > 0)
        memcpy(b->bytes + b->length, bytes, length);
    b->bytes[b->length + length] = '\0';
    b->length += length + 1;
    return 0;
}

int sqlite_batch_add(struct sqlite_batch *b, const char *sql, size_t length)
{
    void *place = b->statements;
    size_t at = 0;

    if (reserve(&place, &b->capacity, b->count + 1, sizeof *b->statements) < 0)
        return UV_ENOMEM;
    b->statements = place;
    if (keep_bytes(b, sql, length, &at) < 0)
        return UV_ENOMEM;
    b->statements[b->count++] = (struct statement){
        .sql = at, .sql_length = length, .first = b->value_count};
    return 0;
}

static int add_value(struct sqlite_batch *b, const struct value *v)
{
    void *place = b->values;

    if (reserve(&place, &b->value_capacity, b->value_count + 1, sizeof *v) < 0)
        return UV_ENOMEM;
    b->values = place;
    b->values[b->value_count++] = *v;
    b->statements[b->count - 1].count++;
    return 0;
}

int sqlite_batch_null(struct sqlite_batch *b)
{
    return add_value(b, &(struct value){.kind = VALUE_NULL});
}

int sqlite_batch_int(struct sqlite_batch *b, int64_t value)
{
    return add_value(b, &(struct value){VALUE_INT, .as.integer = value});
}

int sqlite_batch_double(struct sqlite_batch *b, double value)
{
    return add_value(b, &(struct value){VALUE_DOUBLE, .as.number = value});
}

static int add_bytes(struct sqlite_batch *b, enum value_kind kind,
                     const char *bytes, size_t length)
{
    struct value v = {.kind = kind, .as.bytes.length = length};

    if (keep_bytes(b, bytes, length, &v.as.bytes.at) < 0)
        return UV_ENOMEM;
    return add_value(b, &v);
}

int sqlite_batch_text(struct sqlite_batch *b, const char *bytes, size_t length)
{
    return add_bytes(b, VALUE_TEXT, bytes, length);
}

int sqlite_batch_blob(struct sqlite_batch *b, const char *bytes, size_t length)
{
    return add_bytes(b, VALUE_BLOB, bytes, length);
}

/* The batch outlives the statement's run: nothing is copied again. */
static int bind_value(const struct sqlite_batch *b, sqlite3_stmt *statement,
                      int place, const struct value *v)
{
    switch (v->kind) {
    case VALUE_NULL:
        return sqlite3_bind_null(statement, place);
    case VALUE_INT:
        return sqlite3_bind_int64(statement, place, v->as.integer);
    case VALUE_DOUBLE:
        return sqlite3_bind_double(statement, place, v->as.number);
    case VALUE_TEXT:
        return sqlite3_bind_text64(statement, place, b->bytes + v->as.bytes.at,
                                   v->as.bytes.length, SQLITE_STATIC,
                                   SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(statement, place, b->bytes + v->as.bytes.at,
                                   v->as.bytes.length, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static int run_statement(const struct sqlite_batch *b, sqlite3 *db,
                         sqlite3_stmt *statement, const struct statement *s,
                         struct sqlite_failure *why)
{
    int rc = SQLITE_OK;

    if ((size_t)sqlite3_bind_parameter_count(statement) != s->count) {
        why->err = UV_EINVAL;
        snprintf(why->text, sizeof why->text, "%zu values for %d parameters",
                 s->count, sqlite3_bind_parameter_count(statement));
        return why->err;
    }
    for (size_t i = 0; i < s->count && rc == SQLITE_OK; i++)
        rc = bind_value(b, statement, (int)i + 1, &b->values[s->first + i]);
    if (rc == SQLITE_OK) {
        do
            rc = sqlite3_step(statement);
        while (rc == SQLITE_ROW);
    }
    if (rc != SQLITE_DONE)
        return sqlite_explain(why, db, rc);
    /* The error of the last step was told already. The values are the batch's
       and go with it. */
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return 0;
}

static bool is_text(const char *text, const char *sql, size_t length)
{
    return strlen(text) == length && memcmp(text, sql, length) == 0;
}

/* Finds the statement among those that stayed on the connection, which lists
   the newest first, or prepares it; the oldest one makes room. */
static int take_statement(sqlite3 *db, const char *sql, size_t length,
                          sqlite3_stmt **out, struct sqlite_failure *why)
{
    sqlite3_stmt *kept = sqlite3_next_stmt(db, NULL);
    sqlite3_stmt *oldest = NULL;
    size_t count = 0;

    for (; kept != NULL; kept = sqlite3_next_stmt(db, kept)) {
        if (is_text(sqlite3_sql(kept), sql, length)) {
            *out = kept;
            return 0;
        }
        oldest = kept;
        count++;
    }
    if (count == MOST_KEPT)
        sqlite3_finalize(oldest);
    return sqlite_prepare(db, sql, length, out, why);
}

/* What has no values is not kept: it hardly repeats, and some of it acts when
   it is prepared. */
int sqlite_batch_run(const struct sqlite_batch *b, sqlite3 *db,
                     struct sqlite_failure *why)
{
    int err = 0;

    for (size_t i = 0; i < b->count && err == 0; i++) {
        const struct statement *s = &b->statements[i];
        sqlite3_stmt *statement = NULL;

        err = take_statement(db, b->bytes + s->sql, s->sql_length, &statement,
                             why);
        if (err == 0)
            err = run_statement(b, db, statement, s, why);
        if (err < 0 || s->count == 0)
            sqlite3_finalize(statement);
    }
    return err;
}

void sqlite_batch_forget(sqlite3 *db)
{
    sqlite3_stmt *kept;

    while ((kept = sqlite3_next_stmt(db, NULL)) != NULL)
        sqlite3_finalize(kept);
}
