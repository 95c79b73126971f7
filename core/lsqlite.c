/* SPDX-License-Identifier: MIT
 *
 * SQLite for Lua: `core.sqlite`. Reads are small and run at once, on a
 * connection of their own; writes go to the writer's thread and the task
 * waits until they are durable.
 *
 * Text holds any bytes, NUL included; integers have 64 bits. A write that was
 * queued is carried out even when its task is cancelled or the database is
 * closed meanwhile.
 */
#include "lsqlite.h"

#include "ltask.h"
#include "sqlite_writer.h"

#include <stdlib.h>
#include <string.h>

#define DB_TYPE "attest.sqlite"
#define WRITE_TYPE "attest.sqlite.write"
#define STATEMENT_TYPE "attest.sqlite.statement"
#define DEFAULT_TIMEOUT 10.0 /* s */
#define QUERY_BUSY_MS 250    /* a query runs on the loop's thread */

/* An open database; the box is empty when it is closed. */
struct ldb {
    struct loop *loop;
    sqlite3 *reader;
    struct sqlite_writer *writer; /* NULL: read-only */
    int busy_ms;
};

/* A write under way: held by its box on the task's stack until that is
   collected, and by the writer until it was done. */
struct lwrite {
    struct loop *loop;
    struct ltask *waiter;
    struct sqlite_batch *batch; /* until it is moved to the writer */
    struct sqlite_failure why;
    unsigned references;
    bool is_done;
};

static struct ldb **check_box(lua_State *L)
{
    return luaL_checkudata(L, 1, DB_TYPE);
}

static struct ldb *check_db(lua_State *L)
{
    struct ldb *db = *check_box(L);

    if (db == NULL)
        luaL_error(L, "the database is closed");
    return db;
}

static int push_why(lua_State *L, const struct sqlite_failure *why)
{
    return push_failure(L, why->err, why->text);
}

/* ----------------------------------------------------------------- open */

static void on_writer_closed(void *arg)
{
    struct ldb *db = arg;

    db->loop->open--;
    free(db);
}

/***
Closes the database; legal twice. Queued writes are still carried out.

@function db:close
*/
static int l_close(lua_State *L)
{
    struct ldb **box = check_box(L);
    struct ldb *db = *box;

    if (db == NULL)
        return 0;
    *box = NULL;
    /* The writer closes last: the checkpoint is then its thread's. A query
       that raised has left its statement to the collector. */
    sqlite3_close_v2(db->reader);
    if (db->writer == NULL)
        free(db);
    else
        sqlite_writer_close(db->writer, on_writer_closed, db);
    return 0;
}

static int l_tostring(lua_State *L)
{
    struct ldb *db = *check_box(L);

    if (db == NULL)
        lua_pushliteral(L, DB_TYPE " (closed)");
    else
        lua_pushfstring(L, DB_TYPE ": %p", (void *)db);
    return 1;
}

static int acquire(struct ldb *db, const char *path, bool is_readonly,
                   struct sqlite_failure *why)
{
    int err = sqlite_connect(path, is_readonly, db->busy_ms, &db->reader, why);

    if (err < 0 || is_readonly)
        return err;
    err = sqlite_writer_open(db->loop->uv, path, db->busy_ms, &db->writer, why);
    if (err < 0) {
        sqlite3_close(db->reader);
        return err;
    }
    db->loop->open++;
    return 0;
}

static double get_timeout(lua_State *L, int index)
{
    lua_getfield(L, index, "timeout");
    double seconds = luaL_optnumber(L, -1, DEFAULT_TIMEOUT);
    luaL_argcheck(L, seconds >= 0 && seconds <= 1e6, index,
                  "timeout must be 0 to 1e6 seconds");
    lua_pop(L, 1);
    return seconds;
}

/***
Opens a database file; it is created unless read-only. Runs at once: it may
take as long as the timeout when another process holds a lock.

@function open
@tparam string path
@tparam[opt] table options `timeout` in seconds that a write waits for another
process's lock (10), `readonly` (false)
@treturn[1] attest.sqlite
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"ENOENT"`, `"EACCES"`, `"EROFS"`, `"EBUSY"`, `"EFTYPE"`
(not a database), `"ENOSPC"`, `"EIO"`...
*/
static int l_open(lua_State *L)
{
    static const char *const names[] = {"timeout", "readonly", NULL};
    const char *path = luaL_checkstring(L, 1);
    double seconds = DEFAULT_TIMEOUT;
    bool is_readonly = false;
    struct sqlite_failure why = {0};

    luaL_argcheck(L, lua_rawlen(L, 1) == strlen(path), 1, "contains a NUL");
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        check_options(L, 2, names);
        seconds = get_timeout(L, 2);
        lua_getfield(L, 2, "readonly");
        is_readonly = lua_toboolean(L, -1);
    }

    struct ldb **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, DB_TYPE);
    struct loop *loop = core_loop(L);
    struct ldb *db = calloc(1, sizeof *db);
    if (db == NULL)
        return push_failure(L, UV_ENOMEM, NULL);
    db->loop = loop;
    db->busy_ms = (int)(seconds * 1e3);
    if (acquire(db, path, is_readonly, &why) < 0) {
        free(db);
        return push_why(L, &why);
    }
    *box = db;
    return 1;
}

/* ----------------------------------------------------------------- read */

/***
Runs statements at once, on the reader's connection: for the schema, when
nothing else runs yet. A transaction may span several calls.

@function db:exec
@tparam string sql one or more statements
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EBUSY"`, `"EROFS"`, `"ENOSPC"`, `"EIO"`, `"EINVAL"`...
*/
static int l_exec(lua_State *L)
{
    struct ldb *db = check_db(L);
    const char *sql = luaL_checkstring(L, 2);
    struct sqlite_failure why;

    sqlite3_busy_timeout(db->reader, db->busy_ms);
    int rc = sqlite3_exec(db->reader, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        sqlite_explain(&why, db->reader, rc);
        return push_why(L, &why);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* A statement in a box whose __gc finalizes, so that a Lua error between
   two rows leaks nothing. */
static sqlite3_stmt **new_statement_box(lua_State *L)
{
    sqlite3_stmt **box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = NULL;
    luaL_setmetatable(L, STATEMENT_TYPE);
    return box;
}

static int l_statement_gc(lua_State *L)
{
    sqlite3_stmt **box = lua_touserdata(L, 1);

    sqlite3_finalize(*box);
    *box = NULL;
    return 0;
}

static int bind_argument(lua_State *L, sqlite3_stmt *statement, int place,
                         int index)
{
    size_t length;
    const char *bytes;

    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA:
        return sqlite3_bind_null(statement, place);
    case LUA_TBOOLEAN:
        return sqlite3_bind_int(statement, place, lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            return sqlite3_bind_int64(statement, place,
                                      lua_tointeger(L, index));
        return sqlite3_bind_double(statement, place, lua_tonumber(L, index));
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &length);
        return sqlite3_bind_text64(statement, place, bytes, length,
                                   SQLITE_STATIC, SQLITE_UTF8);
    default:
        return luaL_argerror(L, index, "a value SQLite can hold expected");
    }
}

static void push_column(lua_State *L, sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        lua_pushinteger(L, sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        lua_pushnumber(L, sqlite3_column_double(statement, column));
        break;
    case SQLITE_NULL:
        lua_pushnil(L);
        break;
    default: {
        /* The bytes first: they may convert; an empty blob has none. */
        const char *bytes = sqlite3_column_blob(statement, column);
        int length = sqlite3_column_bytes(statement, column);
        lua_pushlstring(L, length == 0 ? "" : bytes, (size_t)length);
    }
    }
}

static void push_row(lua_State *L, sqlite3_stmt *statement)
{
    int count = sqlite3_column_count(statement);

    lua_createtable(L, 0, count);
    for (int i = 0; i < count; i++) {
        lua_pushstring(L, sqlite3_column_name(statement, i));
        push_column(L, statement, i);
        lua_rawset(L, -3);
    }
}

static int bind_arguments(lua_State *L, sqlite3_stmt *statement, int first)
{
    int count = lua_gettop(L) - first; /* the box is on top */
    int rc = SQLITE_OK;

    if (sqlite3_bind_parameter_count(statement) != count)
        return luaL_error(L, "%d values for %d parameters", count,
                          sqlite3_bind_parameter_count(statement));
    for (int i = 1; i <= count && rc == SQLITE_OK; i++)
        rc = bind_argument(L, statement, i, first + i - 1);
    return rc;
}

/***
Reads rows, at once: meant for few. A row is a table by column name in which
NULL is absent.

@function db:query
@tparam string sql one statement that only reads
@param ... values for its parameters: nil, boolean, number or string
@treturn[1] table list of rows
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EBUSY"`, `"EIO"`, `"EFTYPE"`, `"EINVAL"`...
*/
static int l_query(lua_State *L)
{
    struct ldb *db = check_db(L);
    size_t length;
    const char *sql = luaL_checklstring(L, 2, &length);
    struct sqlite_failure why;
    sqlite3_stmt **statement = new_statement_box(L);

    sqlite3_busy_timeout(db->reader, QUERY_BUSY_MS);
    if (sqlite_prepare(db->reader, sql, length, statement, &why) < 0)
        return push_why(L, &why);
    if (!sqlite3_stmt_readonly(*statement))
        return luaL_argerror(L, 2, "a query only reads; use db:write");
    int rc = bind_arguments(L, *statement, 3);

    lua_newtable(L);
    for (lua_Integer row = 1; rc == SQLITE_OK || rc == SQLITE_ROW; row++) {
        rc = sqlite3_step(*statement);
        if (rc != SQLITE_ROW)
            break;
        push_row(L, *statement);
        lua_rawseti(L, -2, row);
    }
    if (rc != SQLITE_DONE) {
        sqlite_explain(&why, db->reader, rc);
        return push_why(L, &why);
    }
    /* A statement that is not reset would keep its snapshot, and with it the
       log from being reused. */
    sqlite3_finalize(*statement);
    *statement = NULL;
    return 1;
}

/* ---------------------------------------------------------------- write */

static void release_write(struct lwrite *w)
{
    if (--w->references > 0)
        return;
    sqlite_batch_free(w->batch);
    free(w);
}

static void on_written(void *arg, const struct sqlite_failure *why)
{
    struct lwrite *w = arg;

    w->is_done = true;
    w->why = *why;
    loop_release(w->loop);
    if (w->waiter != NULL) {
        struct ltask *waiter = w->waiter;
        w->waiter = NULL;
        task_wake(waiter);
    }
    release_write(w);
}

static int l_write_gc(lua_State *L)
{
    struct lwrite **box = lua_touserdata(L, 1);

    if (*box == NULL)
        return 0;
    (*box)->waiter = NULL;
    release_write(*box);
    *box = NULL;
    return 0;
}

static struct lwrite *new_write(lua_State *L, struct loop *loop)
{
    struct lwrite **box = lua_newuserdatauv(L, sizeof *box, 0);

    *box = NULL;
    luaL_setmetatable(L, WRITE_TYPE);
    struct lwrite *w = calloc(1, sizeof *w);
    if (w == NULL)
        luaL_error(L, "out of memory");
    w->loop = loop;
    w->references = 1;
    *box = w;
    w->batch = sqlite_batch_new();
    if (w->batch == NULL)
        luaL_error(L, "out of memory");
    return w;
}

static int add_blob(lua_State *L, struct sqlite_batch *b)
{
    size_t length;

    if (lua_getfield(L, -1, "blob") != LUA_TSTRING)
        return luaL_error(L, "a value in a table must be { blob = string }");
    const char *bytes = lua_tolstring(L, -1, &length);
    int err = sqlite_batch_blob(b, bytes, length);
    lua_pop(L, 1);
    return err;
}

/* Adds the value on top of the stack. */
static int add_value(lua_State *L, struct sqlite_batch *b)
{
    size_t length;
    const char *bytes;

    switch (lua_type(L, -1)) {
    case LUA_TNIL:
    case LUA_TLIGHTUSERDATA:
        return sqlite_batch_null(b);
    case LUA_TBOOLEAN:
        return sqlite_batch_int(b, lua_toboolean(L, -1));
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1))
            return sqlite_batch_int(b, lua_tointeger(L, -1));
        return sqlite_batch_double(b, lua_tonumber(L, -1));
    case LUA_TSTRING:
        bytes = lua_tolstring(L, -1, &length);
        return sqlite_batch_text(b, bytes, length);
    case LUA_TTABLE:
        return add_blob(L, b);
    default:
        return luaL_error(L, "SQLite cannot hold a %s", luaL_typename(L, -1));
    }
}

/* Adds the statement on top of the stack: { sql, values... [, n = count] }. */
static int add_statement(lua_State *L, struct sqlite_batch *b)
{
    size_t length;
    int list = lua_gettop(L);

    if (!lua_istable(L, list))
        return luaL_error(L, "a statement must be a table");
    lua_getfield(L, list, "n");
    lua_Integer count =
        luaL_optinteger(L, -1, (lua_Integer)lua_rawlen(L, list));
    if (lua_rawgeti(L, list, 1) != LUA_TSTRING)
        return luaL_error(L, "a statement starts with its SQL text");
    const char *sql = lua_tolstring(L, -1, &length);
    int err = sqlite_batch_add(b, sql, length);
    lua_settop(L, list);
    for (lua_Integer i = 2; i <= count && err == 0; i++) {
        lua_rawgeti(L, list, i);
        err = add_value(L, b);
        lua_settop(L, list);
    }
    return err;
}

static void fill_batch(lua_State *L, int list, struct sqlite_batch *b)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, list);
    int err = 0;

    luaL_argcheck(L, count > 0, list, "no statement");
    for (lua_Integer i = 1; i <= count && err == 0; i++) {
        lua_rawgeti(L, list, i);
        err = add_statement(L, b);
        lua_pop(L, 1);
    }
    if (err < 0)
        luaL_error(L, "out of memory");
}

static int finish_write(lua_State *L, int status, lua_KContext ctx)
{
    struct lwrite *w = *(struct lwrite **)lua_touserdata(L, 3);

    (void)status;
    (void)ctx;
    w->waiter = NULL;
    task_woken(core_get(L), L);
    if (!w->is_done)
        return luaL_error(L, "woken before the write was done");
    if (w->why.err < 0)
        return push_why(L, &w->why);
    lua_pushboolean(L, 1);
    return 1;
}

/***
Writes statements, all or none; waits until they are durable. Virtual time
stands meanwhile.

@function db:write
@tparam table statements list of `{ sql, values... }`; a value is nil (give
the count as `n` then), boolean, number, string or `{ blob = string }`
@treturn[1] true
@treturn[2] nil
@treturn[2] string message
@treturn[2] string `"EBUSY"` (another process held the lock too long),
`"EROFS"`, `"ENOSPC"`, `"EIO"`, `"EEXIST"` (not unique), `"EINVAL"`...
*/
static int l_write(lua_State *L)
{
    struct ldb *db = check_db(L);

    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_argcheck(L, db->writer != NULL, 1, "the database is read-only");
    task_check(L);
    lua_settop(L, 2);
    struct lwrite *w = new_write(L, db->loop);
    fill_batch(L, 2, w->batch);

    struct sqlite_batch *batch = w->batch;
    w->batch = NULL;
    int err = sqlite_writer_submit(db->writer, batch, on_written, w);
    if (err < 0)
        return push_failure(L, err, NULL);
    w->references++;
    loop_hold(w->loop);
    w->waiter = task_current(L);
    return task_suspend(L, -1, 0, finish_write);
}

/* ------------------------------------------------------------- register */

static void new_type(lua_State *L, const char *name, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static void register_db(lua_State *L)
{
    static const luaL_Reg metamethods[] = {
        {"__gc", l_close}, {"__close", l_close}, {"__tostring", l_tostring},
        {"__index", NULL}, {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"close", l_close}, {"exec", l_exec}, {"query", l_query},
        {"write", l_write}, {NULL, NULL},
    };

    luaL_newmetatable(L, DB_TYPE);
    luaL_setfuncs(L, metamethods, 0);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void lsqlite_register(lua_State *L)
{
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};

    register_db(L);
    new_type(L, WRITE_TYPE, l_write_gc);
    new_type(L, STATEMENT_TYPE, l_statement_gc);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "sqlite");
}
