/* SPDX-License-Identifier: Apache-2.0 */
#include "base/db.h"

#include "base/db-file.h"
#include "base/error.h"

#define BUSY_TIMEOUT_MS 5000
/* Pages in the log before it is copied into the file: few, so that opening after a crash, which
 * reads the whole log, stays a matter of a millisecond. */
#define CHECKPOINT_PAGES "256"
#define LOG_BYTES_KEPT "4194304"

struct Db {
	sqlite3 *handle;
	char *path;
	char *what;
	char *product;
	GHashTable *statements; /* SQL text -> sqlite3_stmt */
	gboolean read_only, created;
	guint busy_timeout_ms;
	gint64 busy_since_us, gave_up_us;
};

static int last_errno_of(sqlite3_file *file)
{
	int errnum = 0;

	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &errnum);
	return errnum;
}

/* The failed write's errno: each file keeps it, while errno itself, which SQLite reports, has
 * seen other calls since. */
static int system_errno(Db *db)
{
	sqlite3_file *log = NULL, *main_file = NULL;
	int errnum;

	if (!db->handle)
		return 0;
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &main_file);
	errnum = last_errno_of(log);
	if (!errnum)
		errnum = last_errno_of(main_file);
	return errnum ? errnum : sqlite3_system_errno(db->handle);
}

static gboolean set_error_of_system(Db *db, GError **error)
{
	int errnum = system_errno(db);

	if (errnum)
		return error_set_errno(error, errnum, "%s: cannot use '%s'", db->what, db->path);
	return error_set(error, KVMIG_ERROR_IO, "%s: cannot use '%s': %s", db->what, db->path,
			 db->handle ? sqlite3_errmsg(db->handle) : "no memory");
}

static gboolean set_error_read_only(Db *db, int rc, GError **error)
{
	if (rc == SQLITE_READONLY_DBMOVED) {
		error_set(error, KVMIG_ERROR_IO,
			  "%s: '%s' was removed or replaced while kvmig used it", db->what,
			  db->path);
		error_hint(error, "run the command again");
	} else {
		error_set(error, KVMIG_ERROR_FORBIDDEN, "%s: '%s' or its file system is read-only",
			  db->what, db->path);
		error_hint(error, "chmod u+w '%s', or remount its file system read-write",
			   db->path);
	}
	return FALSE;
}

static gboolean set_error_not_ours(Db *db, GError **error)
{
	error_set(error, KVMIG_ERROR_IO, "%s: '%s' is not a %s", db->what, db->path, db->product);
	error_hint(error, "move that file away, or set XDG_STATE_HOME");
	return FALSE;
}

gboolean db_set_error(Db *db, int rc, GError **error)
{
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		error_set(error, KVMIG_ERROR_TIMEOUT,
			  "%s: '%s' is locked by another process (waited %.1f s)", db->what,
			  db->path, db->busy_timeout_ms / 1000.0);
		error_hint(error, "see who holds it: fuser -v '%s'", db->path);
		return FALSE;
	case SQLITE_FULL:
		error_set(error, KVMIG_ERROR_IO,
			  "%s: no space left to write '%s'; nothing was changed", db->what,
			  db->path);
		error_hint(error, "free space on its file system and try again");
		return FALSE;
	case SQLITE_READONLY:
		return set_error_read_only(db, rc, error);
	case SQLITE_NOTADB:
		return set_error_not_ours(db, error);
	case SQLITE_CORRUPT:
		error_set(error, KVMIG_ERROR_IO, "%s: '%s' is damaged or cut short", db->what,
			  db->path);
		error_hint(error,
			   "restore it from a backup, or save what is left: "
			   "sqlite3 '%s' .recover",
			   db->path);
		return FALSE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		set_error_of_system(db, error);
		error_hint(error, "check the disk and the rights on '%s' and its folder", db->path);
		return FALSE;
	default:
		return error_set(error, KVMIG_ERROR_INTERNAL, "%s: '%s': %s", db->what, db->path,
				 db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc));
	}
}

/* SQLite's own handler backs off to 100 ms; writers here hold the lock for a fsync. */
static int busy_handler(void *data, int attempt)
{
	Db *db = data;
	gint64 now_us = g_get_monotonic_time();
	const gint64 limit_us = (gint64)db->busy_timeout_ms * 1000;

	/* one limit for all that a command writes: after a wait in vain none begins anew */
	if (attempt == 0 && now_us >= db->gave_up_us + limit_us)
		db->busy_since_us = now_us;
	if (now_us - db->busy_since_us >= limit_us) {
		db->gave_up_us = MAX(db->gave_up_us, db->busy_since_us + limit_us);
		return 0;
	}
	g_usleep(attempt < 50 ? 500 + (gulong)g_random_int_range(0, 1000) : 5000);
	return 1;
}

/* ---- opening -------------------------------------------------------------------------------- */

static gboolean exec(Db *db, const char *sql, GError **error)
{
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK || db_set_error(db, rc, error);
}

static gboolean read_number(Db *db, const char *sql, gint64 *ret_value, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(db, sql, error);

	if (!stmt || !db_expect_row(db, stmt, error))
		return FALSE;
	*ret_value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return TRUE;
}

typedef struct {
	gint64 application_id, version, tables;
} Identity;

static gboolean read_identity(Db *db, Identity *ret_identity, GError **error)
{
	Identity id = { 0 };

	if (!read_number(db, "PRAGMA application_id", &id.application_id, error) ||
	    !read_number(db, "PRAGMA user_version", &id.version, error) ||
	    !read_number(db, "SELECT count(*) FROM sqlite_schema", &id.tables, error))
		return FALSE;
	*ret_identity = id;
	return TRUE;
}

static gboolean is_empty(const Identity *id)
{
	return !id->application_id && !id->version && !id->tables;
}

static gboolean check_identity(Db *db, const DbSpec *spec, const Identity *id, gint64 newest,
			       GError **error)
{
	if (is_empty(id))
		return TRUE;
	if (id->application_id != (gint64)spec->application_id)
		return set_error_not_ours(db, error);
	if (id->version > newest) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "%s: '%s' was made by a newer kvmig (format %" G_GINT64_FORMAT
			  ", this one knows %" G_GINT64_FORMAT ")",
			  db->what, db->path, id->version, newest);
		error_hint(error, "use that newer kvmig, or set XDG_STATE_HOME");
		return FALSE;
	}
	return TRUE;
}

static gint64 newest_version(const DbSpec *spec)
{
	return (gint64)g_strv_length((char **)spec->upgrades);
}

/* Within a write transaction, so that of several processes one does it and the others find it
 * done. */
static gboolean upgrade_locked(Db *db, const DbSpec *spec, GError **error)
{
	g_autofree char *stamp = NULL;
	gint64 newest = newest_version(spec);
	Identity id;

	if (!read_identity(db, &id, error) || !check_identity(db, spec, &id, newest, error))
		return FALSE;
	for (gint64 version = id.version; version < newest; version++) {
		if (!exec(db, spec->upgrades[version], error))
			return FALSE;
	}
	stamp = g_strdup_printf("PRAGMA application_id = %u; PRAGMA user_version = %d",
				spec->application_id, (int)newest);
	return exec(db, stamp, error);
}

/* The change to WAL needs the file for itself for a moment, and does not wait for it. */
static gboolean switch_to_wal(Db *db, GError **error)
{
	gint64 end_us = g_get_monotonic_time() + (gint64)db->busy_timeout_ms * 1000;
	int rc;

	for (;;) {
		rc = sqlite3_exec(db->handle, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY || g_get_monotonic_time() > end_us)
			break;
		g_usleep(2000);
	}
	return rc == SQLITE_OK || db_set_error(db, rc, error);
}

static gboolean upgrade(Db *db, const DbSpec *spec, GError **error)
{
	if (!switch_to_wal(db, error) || !db_begin(db, DB_WRITE, error))
		return FALSE;
	if (!upgrade_locked(db, spec, error)) {
		db_rollback(db);
		return FALSE;
	}
	return db_commit(db, error);
}

/* Opens the handle; `immutable`: without locks and log, for a file that cannot change. */
static gboolean open_handle(Db *db, gboolean immutable, GError **error)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW;
	g_autofree char *uri = NULL;
	int rc;

	if (immutable) {
		g_autofree char *plain = g_filename_to_uri(db->path, NULL, NULL);

		uri = g_strconcat(plain, "?immutable=1", NULL);
		flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
	} else {
		flags |= SQLITE_OPEN_READWRITE;
	}
	rc = sqlite3_open_v2(uri ? uri : db->path, &db->handle, flags, NULL);
	if (rc != SQLITE_OK)
		return db_set_error(db, rc, error);
	sqlite3_busy_handler(db->handle, busy_handler, db);
	/* A file that somebody tampered with must not run what its schema says. */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return exec(db,
		    "PRAGMA synchronous = FULL;"
		    "PRAGMA wal_autocheckpoint = " CHECKPOINT_PAGES ";"
		    "PRAGMA journal_size_limit = " LOG_BYTES_KEPT,
		    error);
}

static void finalize(gpointer stmt)
{
	sqlite3_finalize(stmt);
}

static void close_handle(Db *db)
{
	g_hash_table_remove_all(db->statements);
	sqlite3_close(db->handle);
	db->handle = NULL;
}

/* In one transaction: another process may be making the tables at this moment. */
static gboolean open_and_identify(Db *db, gboolean immutable, Identity *ret_identity,
				  GError **error)
{
	gboolean ok;

	if (!open_handle(db, immutable, error) || !db_begin(db, DB_READ, error))
		return FALSE;
	ok = read_identity(db, ret_identity, error);
	db_rollback(db);
	return ok;
}

/* SQLite reads a WAL file only where it may write a log and an index beside it; a file that
 * cannot change is read without. */
static gboolean open_any(Db *db, Identity *ret_identity, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (open_and_identify(db, FALSE, ret_identity, &cause))
		return TRUE;
	if (!db_file_is_frozen(db->path)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	close_handle(db);
	return open_and_identify(db, TRUE, ret_identity, error);
}

static gboolean open_checked(Db *db, const DbSpec *spec, GError **error)
{
	gint64 newest = newest_version(spec);
	Identity id = { 0 };

	if (!open_any(db, &id, error) || !check_identity(db, spec, &id, newest, error))
		return FALSE;
	db->read_only = sqlite3_db_readonly(db->handle, "main") == 1;
	if (id.version == newest)
		return TRUE;
	if (db->read_only && is_empty(&id))
		return set_error_not_ours(db, error);
	return upgrade(db, spec, error);
}

static Db *db_new(const DbSpec *spec)
{
	Db *db = g_new0(Db, 1);

	db->what = g_strdup(spec->what);
	db->product = g_strdup(spec->product);
	db->busy_timeout_ms = spec->busy_timeout_ms ? spec->busy_timeout_ms : BUSY_TIMEOUT_MS;
	db->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, finalize);
	return db;
}

Db *db_open(const char *path, const DbSpec *spec, GError **error)
{
	Db *db = db_new(spec);

	db->path = db_file_prepare(path, spec->what, spec->create, &db->created, error);
	if (db->path && open_checked(db, spec, error))
		return db;
	db_close(db);
	return NULL;
}

void db_close(Db *db)
{
	if (!db)
		return;
	close_handle(db);
	g_hash_table_unref(db->statements);
	g_free(db->path);
	g_free(db->what);
	g_free(db->product);
	g_free(db);
}

const char *db_path(const Db *db)
{
	return db->path;
}

gboolean db_is_read_only(const Db *db)
{
	return db->read_only;
}

gboolean db_was_created(const Db *db)
{
	return db->created;
}

sqlite3 *db_handle(Db *db)
{
	return db->handle;
}

/* ---- transactions --------------------------------------------------------------------------- */

static gboolean run_sql(Db *db, const char *sql, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(db, sql, error);

	return stmt && db_run(db, stmt, error);
}

gboolean db_check_not_moved(Db *db, GError **error)
{
	int moved = 0;

	if (sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
	    moved)
		return db_set_error(db, SQLITE_READONLY_DBMOVED, error);
	return TRUE;
}

gboolean db_begin(Db *db, DbMode mode, GError **error)
{
	if (mode == DB_READ)
		return run_sql(db, "BEGIN", error);
	if (db->read_only)
		return db_set_error(db, SQLITE_READONLY, error);
	if (!db_check_not_moved(db, error) || !run_sql(db, "BEGIN IMMEDIATE", error))
		return FALSE;
	db->gave_up_us = 0;
	return TRUE;
}

gboolean db_commit(Db *db, GError **error)
{
	if (run_sql(db, "COMMIT", error))
		return TRUE;
	db_rollback(db);
	return FALSE;
}

void db_rollback(Db *db)
{
	if (db_in_transaction(db) && !run_sql(db, "ROLLBACK", NULL))
		g_warning("%s: cannot roll back: %s", db->what, sqlite3_errmsg(db->handle));
}

gboolean db_in_transaction(Db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

gboolean db_savepoint(Db *db, GError **error)
{
	return run_sql(db, "SAVEPOINT part", error);
}

gboolean db_savepoint_release(Db *db, GError **error)
{
	return run_sql(db, "RELEASE part", error);
}

void db_savepoint_rollback(Db *db)
{
	if (!db_in_transaction(db))
		return;
	if (!run_sql(db, "ROLLBACK TO part", NULL) || !run_sql(db, "RELEASE part", NULL))
		g_warning("%s: cannot roll back: %s", db->what, sqlite3_errmsg(db->handle));
}

/* ---- statements ----------------------------------------------------------------------------- */

sqlite3_stmt *db_prepare(Db *db, const char *sql, GError **error)
{
	sqlite3_stmt *stmt = g_hash_table_lookup(db->statements, sql);
	int rc;

	if (stmt) {
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
		return stmt;
	}
	rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK) {
		db_set_error(db, rc, error);
		return NULL;
	}
	g_hash_table_insert(db->statements, g_strdup(sql), stmt);
	return stmt;
}

void db_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
	sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

void db_bind_int(sqlite3_stmt *stmt, int index, gint64 value)
{
	sqlite3_bind_int64(stmt, index, value);
}

DbStep db_step(Db *db, sqlite3_stmt *stmt, GError **error)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return DB_STEP_ROW;
	if (rc != SQLITE_DONE)
		db_set_error(db, rc, error); /* before the reset, which forgets the message */
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? DB_STEP_DONE : DB_STEP_ERROR;
}

gboolean db_expect_row(Db *db, sqlite3_stmt *stmt, GError **error)
{
	switch (db_step(db, stmt, error)) {
	case DB_STEP_ROW:
		return TRUE;
	case DB_STEP_DONE:
		return db_set_error(db, SQLITE_CORRUPT, error);
	default:
		return FALSE;
	}
}

gboolean db_run(Db *db, sqlite3_stmt *stmt, GError **error)
{
	DbStep step;

	do
		step = db_step(db, stmt, error);
	while (step == DB_STEP_ROW);
	return step == DB_STEP_DONE;
}
