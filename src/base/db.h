/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite files of kvmig: the rules for opening one, and a thin layer over transactions and
 * statements that turns SQLite's results into errors an admin can act on.
 *
 * Rules of the file. It and its folder belong to the effective user and nobody else may write to
 * them; neither is a symbolic link; it is on no network file system, which has neither the
 * shared memory nor the locks that SQLite's WAL needs; it bears our application_id, and a version
 * (user_version) that this program knows. It is made with mode 0600. An older version is brought up
 * to ours; a newer one is refused. WAL, synchronous=FULL: what db_commit() acknowledged survives
 * kill -9 and power loss. Where the file or its file system is read-only, reading works.
 *
 * One Db belongs to one thread and one process (do not use it across fork()).
 */
#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <sys/vfs.h>

typedef struct Db Db;

typedef struct {
	const char *what;    /* begins every message: "store 'local/default'" */
	const char *product; /* "kvmig store": for "is not a …" */
	guint32 application_id;
	const char *const *upgrades; /* [n]: SQL that makes version n + 1 of version n; ends NULL */
	gboolean create;             /* make the file (not its folder) where there is none */
	guint busy_timeout_ms;       /* 0: 5000 */
} DbSpec;

/* NOT_FOUND where there is no file and `create` is FALSE. */
Db *db_open(const char *path, const DbSpec *spec, GError **error);
void db_close(Db *db); /* NULL is ignored; an open transaction is rolled back */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Db, db_close)

const char *db_path(const Db *db); /* with the folder's links resolved; borrowed */
gboolean db_is_read_only(const Db *db);
gboolean db_was_created(const Db *db); /* by this db_open() */
/* FALSE with IO where the file was removed or replaced since: what is written then is lost.
 * db_begin(DB_WRITE) checks this too. */
gboolean db_check_not_moved(Db *db, GError **error);
/* For PRAGMAs in tests and the like. */
sqlite3 *db_handle(Db *db);

typedef enum { DB_READ, DB_WRITE } DbMode;

/* DB_WRITE takes the write lock at once (BEGIN IMMEDIATE), so that nothing inside can fail for
 * another writer's sake; DB_READ is one consistent view of several statements. */
gboolean db_begin(Db *db, DbMode mode, GError **error);
gboolean db_commit(Db *db, GError **error); /* on failure the transaction is rolled back */
void db_rollback(Db *db);                   /* nothing where none is open */
/* FALSE too after a failure (disk full, …) that made SQLite roll back by itself. */
gboolean db_in_transaction(Db *db);

/* A nested part of a transaction that can fail alone. */
gboolean db_savepoint(Db *db, GError **error);
gboolean db_savepoint_release(Db *db, GError **error);
void db_savepoint_rollback(Db *db);

/* A statement, reset and without bindings, from the cache; borrowed, never finalized by the
 * caller. Text that is bound with db_bind_text() must live until the statement is reset. */
sqlite3_stmt *db_prepare(Db *db, const char *sql, GError **error);
void db_bind_text(sqlite3_stmt *stmt, int index, const char *text); /* NULL binds NULL */
void db_bind_int(sqlite3_stmt *stmt, int index, gint64 value);

typedef enum { DB_STEP_ERROR, DB_STEP_ROW, DB_STEP_DONE } DbStep;
/* The statement is reset when there are no more rows or it failed; a caller that stops early
 * resets it with sqlite3_reset(). */
DbStep db_step(Db *db, sqlite3_stmt *stmt, GError **error);
/* The first row, for a query that has one in every sound file: without it the error is that the
 * file is damaged. The caller resets the statement. */
gboolean db_expect_row(Db *db, sqlite3_stmt *stmt, GError **error);
/* Runs a statement that returns no rows the caller wants. */
gboolean db_run(Db *db, sqlite3_stmt *stmt, GError **error);

/* Sets an error for a result code of SQLite, in our words, with a hint. Returns FALSE. */
gboolean db_set_error(Db *db, int rc, GError **error);

/* The rules for the folder alone, for folders further up that are ours. `what` begins the
 * message. */
gboolean db_check_folder(const char *folder, const char *what, GError **error);

/* The check of the file system, apart from the files, so that it can be tested: `fs` from
 * fstatfs(), `mountinfo` the text of /proc/self/mountinfo (asked for FUSE only, may be NULL),
 * `device` the st_dev. Returns the name of a network file system, NULL for a local one. Free. */
char *db_network_file_system(const struct statfs *fs, const char *mountinfo, dev_t device);
