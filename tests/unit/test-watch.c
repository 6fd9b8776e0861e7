/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the embedded store: order, completeness, selectors, other processes, expiry. */
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/wellknown.h"
#include "store-fixture.h"

/* What a watch has heard, as "+a *a -a !": added, modified, deleted, error. */
typedef struct Ear Ear;
struct Ear {
	GString *heard;
	ClusterWatch *watch;
	GArray *at_us;       /* when, monotonic */
	gint64 last_version; /* each must be larger */
	KvmigError code;
	gboolean stop_at_once;
	Cluster *start_in; /* start `second` from version 0 within the callback */
	Ear *second;
};

static void listen_to(Ear *ear, Cluster *cluster, const ClusterListOptions *options,
		      const char *version);

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	static const char marks[] = "+*-!";
	Ear *ear = data;
	gint64 now_us = g_get_monotonic_time();

	g_string_append_printf(ear->heard, "%s%c%s", ear->heard->len ? " " : "", marks[type],
			       object ? object_name(object) : "");
	g_array_append_val(ear->at_us, now_us);
	if (type == CLUSTER_EVENT_ERROR) {
		g_assert_nonnull(error);
		g_assert_null(object);
		ear->code = error_code(error);
	} else {
		gint64 version = g_ascii_strtoll(object_resource_version(object), NULL, 10);

		g_assert_null(error);
		g_assert_cmpint(version, >, ear->last_version);
		ear->last_version = version;
	}
	if (ear->start_in) {
		listen_to(ear->second, ear->start_in, NULL, "0");
		ear->start_in = NULL;
	}
	if (ear->stop_at_once)
		g_clear_pointer(&ear->watch, cluster_watch_stop);
}

static void listen_to(Ear *ear, Cluster *cluster, const ClusterListOptions *options,
		      const char *version)
{
	g_autoptr(GError) error = NULL;

	ear->heard = g_string_new(NULL);
	ear->at_us = g_array_new(FALSE, FALSE, sizeof(gint64));
	ear->watch = cluster_watch(cluster, &KIND_VMI, options, version, on_event, ear, &error);
	g_assert_no_error(error);
	g_assert_nonnull(ear->watch);
}

static void ear_clear(Ear *ear)
{
	cluster_watch_stop(ear->watch);
	g_string_free(ear->heard, TRUE);
	g_array_unref(ear->at_us);
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static gboolean wake(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Runs the loop until the ear has heard `n` events, at most a minute. */
static void wait_for(Ear *ear, guint n)
{
	gboolean late = FALSE;
	guint id = g_timeout_add_seconds(60, wake, &late);

	while (ear->at_us->len < n && !late)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(late);
	g_source_remove(id);
}

#define assert_heard(ear, wanted) g_assert_cmpstr((ear)->heard->str, ==, wanted)

static void create_in(Cluster *cluster, const char *ns, const char *name, const char *app)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMI, ns, name);
	g_autoptr(cJSON) made = NULL;
	g_autoptr(GError) error = NULL;

	if (app)
		object_set_label(object, "app", app);
	made = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

static void create(Cluster *cluster, const char *name)
{
	create_in(cluster, "default", name, NULL);
}

static void set_app(Cluster *cluster, const char *name, const char *app)
{
	g_autofree char *text =
		g_strdup_printf("{\"metadata\":{\"labels\":{\"app\":\"%s\"}}}", app);
	g_autoptr(cJSON) patch = cJSON_Parse(text);
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;

	stored = cluster_patch(cluster, &KIND_VMI, "default", name, CLUSTER_PATCH_MERGE, patch,
			       CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

static void delete (Cluster *cluster, const char *name)
{
	g_assert_true(cluster_delete(cluster, &KIND_VMI, "default", name, NULL, CLUSTER_WRITE_NONE,
				     NULL));
}

/* ---- own writes ----------------------------------------------------------------------------- */

static void test_own(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) lease = object_new(&KIND_LEASE, "default", "l");
	g_autoptr(cJSON) made = NULL;
	Ear ear = { 0 };

	create(fixture->cluster, "before");
	listen_to(&ear, fixture->cluster, NULL, NULL);
	create(fixture->cluster, "a");
	set_app(fixture->cluster, "a", "web");
	set_app(fixture->cluster, "a", "web"); /* changes nothing */
	made = cluster_create(fixture->cluster, lease, CLUSTER_WRITE_NONE, NULL);
	delete (fixture->cluster, "a");
	assert_heard(&ear, ""); /* only from the main loop */
	settle();
	assert_heard(&ear, "+a *a -a");
	settle();
	assert_heard(&ear, "+a *a -a");
	ear_clear(&ear);
}

static void test_since_version(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *version = NULL;
	Ear ear = { 0 };

	create(fixture->cluster, "a");
	g_ptr_array_unref(cluster_list(fixture->cluster, &KIND_VMI, NULL, &version, NULL));
	create(fixture->cluster, "b");
	delete (fixture->cluster, "a");
	listen_to(&ear, fixture->cluster, NULL, version);
	create(fixture->cluster, "c");
	settle();
	assert_heard(&ear, "+b -a +c");
	ear_clear(&ear);
}

/* More than are read at once. */
static void test_many(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Ear ear = { 0 };

	listen_to(&ear, fixture->cluster, NULL, NULL);
	g_assert_true(cluster_batch_begin(fixture->cluster, NULL));
	for (int i = 0; i < 1000; i++) {
		g_autofree char *name = g_strdup_printf("vm-%d", i);

		create(fixture->cluster, name);
	}
	g_assert_true(cluster_batch_commit(fixture->cluster, NULL));
	wait_for(&ear, 1000);
	settle();
	g_assert_cmpuint(ear.at_us->len, ==, 1000);
	ear_clear(&ear);
}

static void test_selector(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Selector) selector = selector_parse("app=web", NULL);
	ClusterListOptions options = { .ns = "default", .selector = selector };
	Ear ear = { 0 };

	listen_to(&ear, fixture->cluster, &options, NULL);
	create_in(fixture->cluster, "default", "web", "web");
	create_in(fixture->cluster, "default", "db", "db");
	create_in(fixture->cluster, "other", "far", "web");
	set_app(fixture->cluster, "db", "web"); /* begins to match */
	set_app(fixture->cluster, "web", "db"); /* ceases */
	delete (fixture->cluster, "web");       /* was gone for this watch */
	delete (fixture->cluster, "db");
	settle();
	assert_heard(&ear, "+web +db -web -db");
	ear_clear(&ear);
}

static void test_batch(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Cluster) other = fixture_open(FALSE);
	g_autoptr(GError) error = NULL;
	Ear ear = { 0 };

	listen_to(&ear, fixture->cluster, NULL, NULL);
	g_assert_true(cluster_batch_begin(fixture->cluster, NULL));
	create(fixture->cluster, "undone");
	g_assert_null(
		cluster_watch(fixture->cluster, &KIND_VMI, NULL, NULL, on_event, &ear, &error));
	assert_error(error, KVMIG_ERROR_INTERNAL, "in a batch");
	settle();
	cluster_batch_rollback(fixture->cluster);
	settle();
	assert_heard(&ear, "");
	g_assert_true(cluster_batch_begin(fixture->cluster, NULL));
	create(fixture->cluster, "a");
	settle();
	assert_heard(&ear, "");
	g_assert_true(cluster_batch_commit(fixture->cluster, NULL));
	settle();
	create(other, "b"); /* of the same versions that were undone */
	wait_for(&ear, 2);
	assert_heard(&ear, "+a +b");
	ear_clear(&ear);
}

static void test_stop_inside(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Ear first = { .stop_at_once = TRUE };
	Ear second = { 0 };

	listen_to(&first, fixture->cluster, NULL, NULL);
	listen_to(&second, fixture->cluster, NULL, NULL);
	create(fixture->cluster, "a");
	create(fixture->cluster, "b");
	settle();
	assert_heard(&first, "+a");
	assert_heard(&second, "+a +b");
	ear_clear(&first);
	ear_clear(&second);
}

static void test_start_inside(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Ear second = { 0 };
	Ear first = { .start_in = fixture->cluster, .second = &second };

	create(fixture->cluster, "old");
	listen_to(&first, fixture->cluster, NULL, NULL);
	create(fixture->cluster, "a");
	create(fixture->cluster, "b");
	settle();
	assert_heard(&first, "+a +b");
	assert_heard(&second, "+old +a +b");
	ear_clear(&first);
	ear_clear(&second);
}

static void test_bad_version(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	Ear ear = { 0 };

	g_assert_null(
		cluster_watch(fixture->cluster, &KIND_VMI, NULL, "-1", on_event, &ear, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "'-1' is not a resourceVersion");
	/* a version that this store never gave: another file was put in its place */
	listen_to(&ear, fixture->cluster, NULL, "999999");
	settle();
	assert_heard(&ear, "!");
	g_assert_cmpint(ear.code, ==, KVMIG_ERROR_EXPIRED);
	ear_clear(&ear);
}

/* ---- expiry --------------------------------------------------------------------------------- */

static gint64 number(const char *file, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	gint64 value;

	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
	value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
	return value;
}

static void run_sql(const char *file, const char *sql)
{
	sqlite3 *db = NULL;

	g_assert_cmpint(sqlite3_open(file, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

static void write_many(Cluster *cluster, int n)
{
	g_assert_true(cluster_batch_begin(cluster, NULL));
	for (int i = 0; i < n; i++)
		set_app(cluster, "a", i % 2 ? "x" : "y");
	g_assert_true(cluster_batch_commit(cluster, NULL));
}

static void test_expired(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *version = NULL;
	Ear ear = { 0 };

	create(fixture->cluster, "a");
	g_ptr_array_unref(cluster_list(fixture->cluster, &KIND_VMI, NULL, &version, NULL));
	write_many(fixture->cluster, 9000);
	g_assert_cmpint(number(fixture->db, "SELECT count(*) FROM events"), ==, 8192);
	listen_to(&ear, fixture->cluster, NULL, version);
	settle();
	assert_heard(&ear, "!");
	g_assert_cmpint(ear.code, ==, KVMIG_ERROR_EXPIRED);
	create(fixture->cluster, "b");
	settle();
	assert_heard(&ear, "!"); /* nothing follows */
	ear_clear(&ear);
}

static void test_expired_by_age(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	create(fixture->cluster, "a");
	write_many(fixture->cluster, 100);
	run_sql(fixture->db, "UPDATE events SET at_us = at_us - 3600000000 WHERE version <= 50");
	write_many(fixture->cluster, 64);
	g_assert_cmpint(number(fixture->db, "SELECT min(version) FROM events"), ==, 51);
	g_assert_cmpint(number(fixture->db, "SELECT trimmed FROM state"), ==, 50);
}

/* ---- others' writes ------------------------------------------------------------------------- */

/* A process of its own that creates vm-0, vm-1, …, one for each byte that it reads, and answers
 * each with the time of its commit. It is forked before this process opens the store: SQLite's
 * handles do not survive fork(). */
typedef struct {
	pid_t pid;
	int orders, answers;
} Writer;

static void writer_main(int orders, int answers)
{
	Cluster *cluster = NULL;
	char order;

	for (int i = 0; read(orders, &order, 1) == 1; i++) {
		g_autofree char *name = g_strdup_printf("vm-%d", i);
		gint64 now_us;

		if (!cluster)
			cluster = fixture_open(FALSE);
		create(cluster, name);
		now_us = g_get_monotonic_time();
		if (write(answers, &now_us, sizeof(now_us)) != sizeof(now_us))
			break;
	}
	cluster_close(cluster);
	_exit(0);
}

static Writer writer_start(void)
{
	int orders[2], answers[2];
	pid_t pid;

	g_assert_cmpint(pipe(orders), ==, 0);
	g_assert_cmpint(pipe(answers), ==, 0);
	pid = fork();
	g_assert_cmpint(pid, >=, 0);
	if (pid == 0) {
		close(orders[1]);
		close(answers[0]);
		writer_main(orders[0], answers[1]);
	}
	close(orders[0]);
	close(answers[1]);
	return (Writer){ pid, orders[1], answers[0] };
}

static gint64 writer_order(Writer *writer)
{
	gint64 at_us = 0;

	g_assert_cmpint(write(writer->orders, "x", 1), ==, 1);
	g_assert_cmpint(read(writer->answers, &at_us, sizeof(at_us)), ==, sizeof(at_us));
	return at_us;
}

static void writer_end(Writer *writer)
{
	int status = 0;

	close(writer->orders);
	close(writer->answers);
	g_assert_cmpint(waitpid(writer->pid, &status, 0), ==, writer->pid);
	g_assert_cmpint(status, ==, 0);
}

static int compare_times(gconstpointer a, gconstpointer b)
{
	gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

	return x < y ? -1 : x > y;
}

/* Below the slow poll, of one change a second as each is waited for, which would hide that nobody
 * was told. */
static void test_other_process(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GArray) late_us = g_array_new(FALSE, FALSE, sizeof(gint64));
	Writer writer = writer_start();
	Ear ear = { 0 };

	fixture->cluster = fixture_open(TRUE);
	listen_to(&ear, fixture->cluster, NULL, NULL);
	for (guint i = 0; i < 21; i++) {
		gint64 at_us = writer_order(&writer);

		wait_for(&ear, i + 1);
		at_us = g_array_index(ear.at_us, gint64, i) - at_us;
		g_array_append_val(late_us, at_us);
	}
	writer_end(&writer);
	g_array_sort(late_us, compare_times);
	g_test_message("noticed after %" G_GINT64_FORMAT " us (median), %" G_GINT64_FORMAT
		       " us (longest)",
		       g_array_index(late_us, gint64, 10), g_array_index(late_us, gint64, 20));
	g_assert_cmpint(g_array_index(late_us, gint64, 10), <, 500 * 1000);
	ear_clear(&ear);
}

/* A writer that dies between its commit and the touch is noticed by the slow poll. */
static void test_untold(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Ear ear = { 0 };

	create(fixture->cluster, "a");
	listen_to(&ear, fixture->cluster, NULL, NULL);
	run_sql(fixture->db,
		"UPDATE state SET version = version + 1;"
		"INSERT INTO events SELECT version + 1, at_us, 2, kind, ns,"
		" replace(object, '\"resourceVersion\":\"' || version, '\"resourceVersion\":\"9'),"
		" NULL FROM events ORDER BY version DESC LIMIT 1;");
	wait_for(&ear, 1);
	assert_heard(&ear, "-a");
	ear_clear(&ear);
}

/* No descriptor left for inotify: polled, but not by the second. */
static void test_without_inotify(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Writer writer = writer_start();
	struct rlimit old, none;
	Ear ear = { 0 };
	int next;

	fixture->cluster = fixture_open(TRUE);
	next = dup(0);
	close(next);
	g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
	none = (struct rlimit){ (rlim_t)next, old.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
	listen_to(&ear, fixture->cluster, NULL, NULL);
	g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
	for (guint i = 0; i < 3; i++) {
		writer_order(&writer);
		wait_for(&ear, i + 1);
	}
	writer_end(&writer);
	assert_heard(&ear, "+vm-0 +vm-1 +vm-2");
	ear_clear(&ear);
}

static void test_removed(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Ear ear = { 0 };

	listen_to(&ear, fixture->cluster, NULL, NULL);
	g_assert_cmpint(g_unlink(fixture->db), ==, 0);
	wait_for(&ear, 1);
	assert_heard(&ear, "!");
	g_assert_cmpint(ear.code, ==, KVMIG_ERROR_IO);
	ear_clear(&ear);
}

#define ADD(path, up, func)                                                                        \
	g_test_add("/watch/" path, StoreFixture, NULL, up, func, fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("own", fixture_set_up, test_own);
	ADD("since-version", fixture_set_up, test_since_version);
	ADD("many", fixture_set_up, test_many);
	ADD("selector", fixture_set_up, test_selector);
	ADD("batch", fixture_set_up, test_batch);
	ADD("stop-inside", fixture_set_up, test_stop_inside);
	ADD("start-inside", fixture_set_up, test_start_inside);
	ADD("bad-version", fixture_set_up, test_bad_version);
	ADD("expired", fixture_set_up, test_expired);
	ADD("expired/age", fixture_set_up, test_expired_by_age);
	ADD("other-process", fixture_set_up_bare, test_other_process);
	ADD("untold", fixture_set_up, test_untold);
	ADD("without-inotify", fixture_set_up_bare, test_without_inotify);
	ADD("removed", fixture_set_up, test_removed);
	return g_test_run();
}
