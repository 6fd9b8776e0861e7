/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for opening an SQLite file of ours, and what is said when one is broken. */
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/db.h"
#include "store-fixture.h"

#define NOBODY 65534u

static const char *const version_1[] = { "CREATE TABLE t (n INTEGER) STRICT;", NULL };
static const char *const version_2[] = { "CREATE TABLE t (n INTEGER) STRICT;",
					 "ALTER TABLE t ADD COLUMN more TEXT;", NULL };

typedef struct {
	char *folder;
	char *path;
} DbFixture;

static void set_up(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	fixture->folder = g_dir_make_tmp("kvmig-db-XXXXXX", NULL);
	g_assert_nonnull(fixture->folder);
	fixture->path = g_build_filename(fixture->folder, "x.db", NULL);
}

static void tear_down(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_chmod(fixture->folder, 0700);
	fixture_remove(fixture->folder);
	g_free(fixture->folder);
	g_free(fixture->path);
}

static Db *open_as(const char *path, const char *const *upgrades, gboolean create, GError **error)
{
	const DbSpec spec = {
		.what = "store 'x'",
		.product = "kvmig store",
		.application_id = 0x12345678,
		.upgrades = upgrades,
		.create = create,
		.busy_timeout_ms = 200,
	};

	return db_open(path, &spec, error);
}

static Db *make(DbFixture *fixture)
{
	g_autoptr(GError) error = NULL;
	Db *db = open_as(fixture->path, version_1, TRUE, &error);

	g_assert_no_error(error);
	return db;
}

static gboolean insert(Db *db, gint64 n, GError **error)
{
	sqlite3_stmt *stmt;

	if (!db_begin(db, DB_WRITE, error))
		return FALSE;
	stmt = db_prepare(db, "INSERT INTO t (n) VALUES (?)", error);
	if (stmt)
		db_bind_int(stmt, 1, n);
	if (!stmt || !db_run(db, stmt, error)) {
		db_rollback(db);
		return FALSE;
	}
	return db_commit(db, error);
}

static gint64 number(Db *db, const char *sql)
{
	sqlite3_stmt *stmt = db_prepare(db, sql, NULL);
	gint64 value;

	g_assert_nonnull(stmt);
	g_assert_cmpint(db_step(db, stmt, NULL), ==, DB_STEP_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return value;
}

#define COUNT "SELECT count(*) FROM t"

static void assert_opens_not(DbFixture *fixture, KvmigError code, const char *says)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(open_as(fixture->path, version_1, FALSE, &error));
	assert_error(error, code, says);
	g_assert_nonnull(strstr(error->message, "store 'x'"));
	g_assert_nonnull(strstr(error->message, fixture->folder));
	g_assert_null(strchr(error->message, '\n'));
}

/* ---- the good path -------------------------------------------------------------------------- */

static void test_create(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *wal = g_strconcat(fixture->path, "-wal", NULL);
	g_autoptr(GError) error = NULL;
	mode_t mask = umask(0);
	struct stat st;
	Db *db;

	assert_opens_not(fixture, KVMIG_ERROR_NOT_FOUND, "No such file");
	db = make(fixture);
	g_assert_true(db_was_created(db));
	g_assert_true(insert(db, 1, &error));
	g_assert_cmpint(stat(fixture->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	g_assert_cmpint(stat(wal, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	umask(mask);
	g_assert_cmpint(number(db, "PRAGMA synchronous"), ==, 2);
	g_assert_cmpint(number(db, "PRAGMA application_id"), ==, 0x12345678);
	db_close(db);
	db = open_as(fixture->path, version_1, FALSE, &error);
	g_assert_no_error(error);
	g_assert_false(db_was_created(db));
	g_assert_cmpint(number(db, COUNT), ==, 1);
	db_close(db);
}

/* Killed between making the file and its tables. */
static void test_empty_file(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Db) db = NULL;

	g_assert_true(g_file_set_contents(fixture->path, "", 0, NULL));
	g_chmod(fixture->path, 0600);
	db = open_as(fixture->path, version_1, FALSE, &error);
	g_assert_no_error(error);
	g_assert_true(insert(db, 1, NULL));
}

static void test_upgrade(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	Db *db = make(fixture);

	g_assert_true(insert(db, 7, NULL));
	db_close(db);
	db = open_as(fixture->path, version_2, FALSE, &error);
	g_assert_no_error(error);
	g_assert_cmpint(number(db, "SELECT n FROM t WHERE more IS NULL"), ==, 7);
	g_assert_cmpint(number(db, "PRAGMA user_version"), ==, 2);
	db_close(db);
	assert_opens_not(fixture, KVMIG_ERROR_UNSUPPORTED, "made by a newer kvmig");
}

static void test_savepoint(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Db) db = make(fixture);

	g_assert_true(db_begin(db, DB_WRITE, NULL));
	g_assert_true(db_run(db, db_prepare(db, "INSERT INTO t (n) VALUES (1)", NULL), NULL));
	g_assert_true(db_savepoint(db, NULL));
	g_assert_true(db_run(db, db_prepare(db, "INSERT INTO t (n) VALUES (2)", NULL), NULL));
	db_savepoint_rollback(db);
	g_assert_true(db_in_transaction(db));
	g_assert_true(db_commit(db, NULL));
	g_assert_cmpint(number(db, "SELECT sum(n) FROM t"), ==, 1);
}

/* ---- whose file ----------------------------------------------------------------------------- */

static void test_modes(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	db_close(make(fixture));
	g_chmod(fixture->path, 0620);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "other users may write to");
	g_chmod(fixture->path, 0602);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "other users may write to");
	g_chmod(fixture->path, 0600);
	g_chmod(fixture->folder, 0777);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "other users may write to");
	g_chmod(fixture->folder, 0755);
	db_close(open_as(fixture->path, version_1, FALSE, NULL));
}

static void test_link(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *real = g_build_filename(fixture->folder, "real.db", NULL);
	g_autoptr(GError) error = NULL;

	db_close(make(fixture));
	g_assert_cmpint(g_rename(fixture->path, real), ==, 0);
	g_assert_cmpint(symlink(real, fixture->path), ==, 0);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "is a symbolic link");
	/* nor is one followed to make a file somewhere else */
	g_assert_cmpint(g_unlink(real), ==, 0);
	g_assert_null(open_as(fixture->path, version_1, TRUE, &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "is a symbolic link");
	g_assert_false(g_file_test(real, G_FILE_TEST_EXISTS));
}

static void test_linked_folder(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *real = g_build_filename(fixture->folder, "real", NULL);
	g_autofree char *link = g_build_filename(fixture->folder, "link", NULL);
	g_autofree char *direct = g_build_filename(link, "x.db", NULL);
	g_autofree char *below = g_build_filename(link, "sub", NULL);
	g_autofree char *deep = g_build_filename(below, "x.db", NULL);
	g_autoptr(GError) error = NULL;
	Db *db;

	g_assert_cmpint(g_mkdir(real, 0700), ==, 0);
	g_assert_cmpint(symlink(real, link), ==, 0);
	g_assert_null(open_as(direct, version_1, TRUE, &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "is a symbolic link");
	g_clear_error(&error);
	/* a link further up, as /home may be one, is the admin's business */
	g_assert_cmpint(g_mkdir(below, 0700), ==, 0);
	db = open_as(deep, version_1, TRUE, &error);
	g_assert_no_error(error);
	g_assert_null(strstr(db_path(db), "/link/"));
	db_close(db);
}

static void test_not_a_file(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpint(g_mkdir(fixture->path, 0700), ==, 0);
	assert_opens_not(fixture, KVMIG_ERROR_IO, "is not a file");
	g_assert_cmpint(g_rmdir(fixture->path), ==, 0);
	g_assert_cmpint(mkfifo(fixture->path, 0600), ==, 0);
	assert_opens_not(fixture, KVMIG_ERROR_IO, "is not a file"); /* and does not block */
}

/* Runs func in a child, as an ordinary user where we are root; the fixture's files are made that
 * user's first. */
static void as_user(DbFixture *fixture, void (*func)(DbFixture *))
{
	int status = 0;
	pid_t pid;

	if (geteuid() == 0) {
		g_assert_cmpint(chown(fixture->folder, NOBODY, NOBODY), ==, 0);
		g_assert_cmpint(chown(fixture->path, NOBODY, NOBODY), ==, 0);
	}
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(2);
		func(fixture);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	if (geteuid() == 0)
		g_assert_cmpint(chown(fixture->folder, 0, 0), ==, 0);
}

static void test_other_owner(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	db_close(make(fixture));
	if (geteuid() != 0) {
		g_test_skip("only root can give a file away");
		return;
	}
	g_assert_cmpint(chown(fixture->path, NOBODY, NOBODY), ==, 0);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "belongs to another user (uid 65534, not");
	g_assert_cmpint(chown(fixture->path, 0, 0), ==, 0);
	g_assert_cmpint(chown(fixture->folder, NOBODY, NOBODY), ==, 0);
	assert_opens_not(fixture, KVMIG_ERROR_FORBIDDEN, "belongs to another user (uid 65534, not");
	g_assert_cmpint(chown(fixture->folder, 0, 0), ==, 0);
}

static void assert_reads_only(DbFixture *fixture)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Db) db = open_as(fixture->path, version_1, FALSE, &error);

	g_assert_no_error(error);
	g_assert_true(db_is_read_only(db));
	g_assert_cmpint(number(db, COUNT), ==, 1);
	g_assert_false(insert(db, 2, &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "read-only");
	g_assert_nonnull(error_get_hint(error));
}

static void test_read_only_file(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Db *db = make(fixture);

	g_assert_true(insert(db, 1, NULL));
	db_close(db);
	g_chmod(fixture->path, 0400);
	as_user(fixture, assert_reads_only);
	/* file and folder: as on a read-only file system */
	g_chmod(fixture->folder, 0500);
	as_user(fixture, assert_reads_only);
}

static void assert_needs_log(DbFixture *fixture)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(open_as(fixture->path, version_1, FALSE, &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, fixture->path));
}

/* A log that holds commits must not be passed over in silence. */
static void test_read_only_with_log(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *wal = g_strconcat(fixture->path, "-wal", NULL);
	g_autofree char *shm = g_strconcat(fixture->path, "-shm", NULL);
	g_autofree char *kept = NULL;
	gsize length;
	Db *db = make(fixture);

	g_assert_true(insert(db, 1, NULL));
	g_assert_true(g_file_get_contents(wal, &kept, &length, NULL));
	db_close(db);
	g_assert_true(g_file_set_contents(wal, kept, (gssize)length, NULL));
	g_unlink(shm);
	if (geteuid() == 0)
		g_assert_cmpint(chown(wal, NOBODY, NOBODY), ==, 0);
	g_chmod(wal, 0400);
	g_chmod(fixture->path, 0400);
	g_chmod(fixture->folder, 0500);
	as_user(fixture, assert_needs_log);
}

static void test_network(DbFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	static const char mountinfo[] =
		"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
		"40 22 0:51 / /mnt/far rw,nosuid - fuse.sshfs host:/ rw,user_id=0\n"
		"41 22 0:52 / /mnt/near rw,nosuid master:3 - fuse.fuse-overlayfs x rw\n"
		"damaged line\n";
	static const struct {
		guint32 type;
		unsigned minor;
		const char *wanted;
	} cases[] = {
		{ NFS_SUPER_MAGIC, 1, "NFS" },    { 0xff534d42, 1, "SMB" },
		{ SMB2_SUPER_MAGIC, 1, "SMB" },   { CEPH_SUPER_MAGIC, 1, "Ceph" },
		{ V9FS_MAGIC, 1, "9p" },          { EXT4_SUPER_MAGIC, 1, NULL },
		{ TMPFS_MAGIC, 1, NULL },         { BTRFS_SUPER_MAGIC, 1, NULL },
		{ XFS_SUPER_MAGIC, 1, NULL },     { OVERLAYFS_SUPER_MAGIC, 1, NULL },
		{ 0x65735546, 51, "fuse.sshfs" }, { 0x65735546, 52, NULL },
		{ 0x65735546, 53, "fuse" }, /* not known: not trusted */
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct statfs fs = { 0 };
		g_autofree char *name = NULL;

		fs.f_type = (__typeof__(fs.f_type))cases[i].type;
		name = db_network_file_system(&fs, mountinfo, makedev(0, cases[i].minor));
		g_assert_cmpstr(name, ==, cases[i].wanted);
	}
}

/* ---- what is in it -------------------------------------------------------------------------- */

static void test_not_ours(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char text[] =
		"This is a letter and no database, however long one looks at it.";
	sqlite3 *db = NULL;
	g_autofree char *before = NULL;
	g_autofree char *after = NULL;
	gsize length, length_after;

	g_assert_true(g_file_set_contents(fixture->path, text, -1, NULL));
	g_chmod(fixture->path, 0600);
	assert_opens_not(fixture, KVMIG_ERROR_IO, "is not a kvmig store");
	g_unlink(fixture->path);
	/* somebody else's database stays as it was, to the byte */
	g_assert_cmpint(sqlite3_open(fixture->path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "CREATE TABLE theirs (x)", NULL, NULL, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
	g_chmod(fixture->path, 0600);
	g_assert_true(g_file_get_contents(fixture->path, &before, &length, NULL));
	assert_opens_not(fixture, KVMIG_ERROR_IO, "is not a kvmig store");
	g_assert_true(g_file_get_contents(fixture->path, &after, &length_after, NULL));
	g_assert_cmpmem(before, length, after, length_after);
}

static void fill(Db *db)
{
	g_assert_true(db_begin(db, DB_WRITE, NULL));
	for (int i = 0; i < 5000; i++) {
		sqlite3_stmt *stmt = db_prepare(db, "INSERT INTO t (n) VALUES (?)", NULL);

		db_bind_int(stmt, 1, i);
		g_assert_true(db_run(db, stmt, NULL));
	}
	g_assert_true(db_commit(db, NULL));
}

static void test_cut_short(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const off_t lengths[] = { 3 * 4096, 5000, 4096, 2048, 50 };
	g_autofree char *whole = NULL;
	gsize length;
	Db *db = make(fixture);

	fill(db);
	db_close(db);
	g_assert_true(g_file_get_contents(fixture->path, &whole, &length, NULL));
	g_assert_cmpuint(length, >, 8 * 4096);
	for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_cmpint(truncate(fixture->path, lengths[i]), ==, 0);
		g_assert_null(open_as(fixture->path, version_1, FALSE, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_IO);
		g_assert_nonnull(strstr(error->message, fixture->path));
		g_assert_nonnull(error_get_hint(error));
		g_assert_true(g_file_set_contents(fixture->path, whole, (gssize)length, NULL));
		g_chmod(fixture->path, 0600);
	}
	db_close(open_as(fixture->path, version_1, FALSE, NULL));
}

static void test_damaged(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *bytes = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(Db) db = NULL;
	sqlite3_stmt *stmt;
	gsize length;
	DbStep step;

	db = make(fixture);
	fill(db);
	g_clear_pointer(&db, db_close);
	g_assert_true(g_file_get_contents(fixture->path, &bytes, &length, NULL));
	memset(bytes + 4096, 0xa5, 3 * 4096);
	g_assert_true(g_file_set_contents(fixture->path, bytes, (gssize)length, NULL));
	g_chmod(fixture->path, 0600);
	db = open_as(fixture->path, version_1, FALSE, &error);
	g_assert_no_error(error);
	stmt = db_prepare(db, "SELECT sum(n) FROM t", &error);
	step = stmt ? db_step(db, stmt, &error) : DB_STEP_ERROR;
	g_assert_cmpint(step, ==, DB_STEP_ERROR);
	assert_error(error, KVMIG_ERROR_IO, "damaged");
}

/* ---- bad luck ------------------------------------------------------------------------------- */

static void test_locked(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Db) holder = make(fixture);
	g_autoptr(Db) db = make(fixture);
	g_autoptr(GError) error = NULL;
	gint64 start_us = g_get_monotonic_time(), least_us = G_MAXINT64;

	g_assert_true(db_begin(holder, DB_WRITE, NULL));
	g_assert_false(insert(db, 1, &error));
	assert_error(error, KVMIG_ERROR_TIMEOUT, "is locked by another process (waited 0.2 s)");
	g_assert_nonnull(strstr(error->message, fixture->path));
	g_assert_cmpint(g_get_monotonic_time() - start_us, >=, 200 * 1000);
	g_assert_cmpint(number(db, COUNT), ==, 0); /* readers do not wait */
	/* what a command writes after that does not wait as long again */
	g_clear_error(&error);
	for (int i = 0; i < 10; i++) {
		start_us = g_get_monotonic_time();
		g_assert_false(insert(db, 1, &error));
		assert_error(error, KVMIG_ERROR_TIMEOUT, "is locked by another process");
		g_clear_error(&error);
		least_us = MIN(least_us, g_get_monotonic_time() - start_us);
	}
	g_assert_cmpint(least_us, <, 200 * 1000);
	db_rollback(holder);
	g_assert_true(db_begin(db, DB_WRITE, &error));
	db_rollback(db);
	/* it was free in between: now it is waited for again */
	g_assert_true(db_begin(holder, DB_WRITE, NULL));
	start_us = g_get_monotonic_time();
	g_assert_false(db_begin(db, DB_WRITE, &error));
	g_assert_cmpint(g_get_monotonic_time() - start_us, >=, 200 * 1000);
	db_rollback(holder);
	g_clear_error(&error);
	g_assert_true(insert(db, 1, &error));
}

/* Held by one that shuts out even opening, as a backup program may. */
static void test_locked_at_open(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	sqlite3 *holder = NULL;

	db_close(make(fixture));
	g_assert_cmpint(sqlite3_open(fixture->path, &holder), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(holder,
				     "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;"
				     "INSERT INTO t (n) VALUES (1); COMMIT",
				     NULL, NULL, NULL),
			==, SQLITE_OK);
	assert_opens_not(fixture, KVMIG_ERROR_TIMEOUT, "is locked by another process");
	g_assert_cmpint(sqlite3_close(holder), ==, SQLITE_OK);
}

static void test_full(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Db) db = make(fixture);
	g_autoptr(GError) error = NULL;
	gint64 rows;
	int i;

	g_assert_true(insert(db, 1, NULL));
	g_assert_cmpint(number(db, "PRAGMA max_page_count = 4"), ==, 4);
	for (i = 0; i < 10000 && insert(db, i, &error); i++)
		;
	assert_error(error, KVMIG_ERROR_IO, "no space left");
	g_assert_false(db_in_transaction(db));
	rows = number(db, COUNT);
	g_assert_cmpint(rows, ==, i + 1);
	g_assert_cmpint(number(db, "PRAGMA max_page_count = 1000"), ==, 1000);
	g_clear_error(&error);
	g_assert_true(insert(db, 1, &error));
	g_assert_cmpint(number(db, COUNT), ==, rows + 1);
}

/* The file system says no in the middle of a write. */
static void test_file_limit(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Db) db = make(fixture);
	g_autoptr(GError) error = NULL;
	struct rlimit old, small;
	gint64 rows = 0;

	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	small = (struct rlimit){ 64 * 1024, old.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	while (rows < 1000 && insert(db, rows, &error))
		rows++;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	assert_error(error, KVMIG_ERROR_IO, "File too large");
	g_assert_cmpint(number(db, COUNT), ==, rows);
	g_clear_error(&error);
	g_assert_true(insert(db, 1, &error));
	g_assert_cmpint(number(db, COUNT), ==, rows + 1);
	g_assert_cmpint(number(db, "SELECT count(*) FROM pragma_integrity_check"
				   " WHERE integrity_check = 'ok'"),
			==, 1);
}

static void test_removed(DbFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Db) db = make(fixture);
	g_autoptr(GError) error = NULL;

	g_assert_true(insert(db, 1, NULL));
	g_assert_cmpint(g_unlink(fixture->path), ==, 0);
	g_assert_false(insert(db, 2, &error));
	assert_error(error, KVMIG_ERROR_IO, "removed or replaced");
}

#define ADD(path, func) g_test_add("/db/" path, DbFixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create", test_create);
	ADD("empty-file", test_empty_file);
	ADD("upgrade", test_upgrade);
	ADD("savepoint", test_savepoint);
	ADD("modes", test_modes);
	ADD("link", test_link);
	ADD("link/folder", test_linked_folder);
	ADD("not-a-file", test_not_a_file);
	ADD("other-owner", test_other_owner);
	ADD("read-only", test_read_only_file);
	ADD("read-only/log", test_read_only_with_log);
	ADD("network", test_network);
	ADD("not-ours", test_not_ours);
	ADD("cut-short", test_cut_short);
	ADD("damaged", test_damaged);
	ADD("locked", test_locked);
	ADD("locked/open", test_locked_at_open);
	ADD("full", test_full);
	ADD("full/file-limit", test_file_limit);
	ADD("removed", test_removed);
	return g_test_run();
}
