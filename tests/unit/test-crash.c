/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several processes write to one store and are killed with SIGKILL at random moments, a hundred
 * times over. What they had acknowledged must be there afterwards, and the file must be whole.
 *
 * Only children open the store while others run: SQLite's handles do not survive fork().
 */
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/wellknown.h"
#include "store-fixture.h"

#define WRITERS 3
#define ROUNDS 100
#define CREATION_ROUNDS 30
#define INCREMENTS 50

/* What counts here is when a process dies, not its memory: valgrind sees a few. */
static int rounds_of(int all)
{
	return g_getenv("KVMIG_TEST_UNDER_VALGRIND") ? all / 10 : all;
}

/* Below PIPE_BUF, so that each arrives whole or not at all. */
typedef struct {
	char name[48]; /* of the object that was created; "" where the counter was raised */
} Ack;

/* ---- the writers ---------------------------------------------------------------------------- */

static void die(const char *what, const GError *error)
{
	g_printerr("writer: %s: %s\n", what, error ? error->message : "?");
	_exit(1);
}

static void acknowledge(int fd, const char *name)
{
	Ack ack = { 0 };

	g_strlcpy(ack.name, name, sizeof(ack.name));
	if (write(fd, &ack, sizeof(ack)) != sizeof(ack))
		_exit(1);
}

static void create_one(Cluster *cluster, const char *name)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMI, "default", name);
	g_autoptr(cJSON) made = NULL;
	g_autoptr(GError) error = NULL;

	object_set_label(object, "app", name);
	made = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error);
	if (!made)
		die("create", error);
}

static gint64 count_of(const cJSON *counter)
{
	return g_ascii_strtoll(object_label(counter, "count"), NULL, 10);
}

/* Read, add one, write back if nobody was faster. */
static gboolean raise_counter(Cluster *cluster)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) stored = NULL;
	g_autofree char *text = NULL;
	g_autoptr(cJSON) counter = cluster_get(cluster, &KIND_NAMESPACE, NULL, "counter", &error);

	if (!counter)
		die("get", error);
	text = g_strdup_printf("%" G_GINT64_FORMAT, count_of(counter) + 1);
	object_set_label(counter, "count", text);
	stored = cluster_update(cluster, counter, CLUSTER_WRITE_NONE, &error);
	if (!stored && error_code(error) != KVMIG_ERROR_CONFLICT)
		die("update", error);
	return stored != NULL;
}

static void writer_main(int fd, int round, int writer)
{
	const ClusterOptions options = { .context = "local", .create = TRUE };
	g_autoptr(GError) error = NULL;
	Cluster *cluster = cluster_open(&options, &error);

	if (!cluster)
		die("open", error);
	for (int i = 0;; i++) {
		g_autofree char *name = g_strdup_printf("vm-%d-%d-%d", ABS(round), writer, i);

		create_one(cluster, name);
		acknowledge(fd, name);
		if (round >= 0 && raise_counter(cluster))
			acknowledge(fd, "");
	}
}

/* ---- the parent ----------------------------------------------------------------------------- */

typedef struct {
	GPtrArray *names; /* acknowledged and not yet looked for */
	gint64 created, raised, killed;
} Tally;

static void start_writers(pid_t *pids, int fd, int round)
{
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		g_assert_cmpint(pids[i], >=, 0);
		if (pids[i] == 0)
			writer_main(fd, round, i);
	}
}

static void kill_writers(const pid_t *pids, Tally *tally)
{
	for (int i = 0; i < WRITERS; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < WRITERS; i++) {
		int status = 0;

		g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
		/* one that ended by itself has met an error */
		g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		tally->killed++;
	}
}

static gboolean collect_one(int fd, Tally *tally)
{
	Ack ack;

	if (read(fd, &ack, sizeof(ack)) != sizeof(ack))
		return FALSE;
	if (*ack.name) {
		tally->created++;
		g_ptr_array_add(tally->names, g_strdup(ack.name));
	} else {
		tally->raised++;
	}
	return TRUE;
}

/* One generation of writers. Every other one is killed early, while it opens the store; of the
 * rest, one writer at least gets to its second write, however slow this machine is. */
static void run_round(int round, Tally *tally)
{
	pid_t pids[WRITERS];
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	start_writers(pids, fds[1], round);
	close(fds[1]);
	for (int i = 0; ABS(round) % 2 == 0 && i <= WRITERS; i++)
		g_assert_true(collect_one(fds[0], tally));
	g_usleep((gulong)g_random_int_range(0, 8000));
	kill_writers(pids, tally);
	while (collect_one(fds[0], tally))
		;
	close(fds[0]);
}

static void check_file(const char *path)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;

	g_assert_cmpint(sqlite3_open(path, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_step(stmt), ==, SQLITE_ROW);
	g_assert_cmpstr((const char *)sqlite3_column_text(stmt, 0), ==, "ok");
	sqlite3_finalize(stmt);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
}

/* Every acknowledged object is there. */
static void check_names(Cluster *cluster, Tally *tally)
{
	for (guint i = 0; i < tally->names->len; i++) {
		const char *name = g_ptr_array_index(tally->names, i);
		g_autoptr(GError) error = NULL;
		g_autoptr(cJSON) object = cluster_get(cluster, &KIND_VMI, "default", name, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(object_label(object, "app"), ==, name);
	}
	g_ptr_array_set_size(tally->names, 0);
}

/* Beyond what was acknowledged there may be one write of each killed writer, no more. */
static void check_counts(Cluster *cluster, const Tally *tally)
{
	g_autoptr(GPtrArray) items = cluster_list(cluster, &KIND_VMI, NULL, NULL, NULL);
	g_autoptr(cJSON) counter = cluster_get(cluster, &KIND_NAMESPACE, NULL, "counter", NULL);

	g_assert_nonnull(items);
	g_assert_cmpint(items->len, >=, tally->created);
	g_assert_cmpint(items->len, <=, tally->created + tally->killed);
	g_assert_cmpint(count_of(counter), >=, tally->raised);
	g_assert_cmpint(count_of(counter), <=, tally->raised + tally->killed);
	g_test_message("%" G_GINT64_FORMAT " objects and %" G_GINT64_FORMAT
		       " increments acknowledged, %" G_GINT64_FORMAT " writers killed",
		       tally->created, tally->raised, tally->killed);
	g_assert_cmpint(tally->created, >=, rounds_of(ROUNDS) / 2);
	g_assert_cmpint(tally->raised, >, 0);
}

static void make_counter(void)
{
	g_autoptr(Cluster) cluster = fixture_open(TRUE);
	g_autoptr(cJSON) counter = object_new(&KIND_NAMESPACE, NULL, "counter");
	g_autoptr(cJSON) made = NULL;

	object_set_label(counter, "count", "0");
	made = cluster_create(cluster, counter, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(made);
}

static void test_writers(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	Tally tally = { .names = names };

	make_counter();
	for (int round = 0; round < rounds_of(ROUNDS); round++) {
		run_round(round, &tally);
		if (round % 10 == 9) {
			g_autoptr(Cluster) cluster = fixture_open(FALSE);

			check_names(cluster, &tally);
		}
	}
	check_file(fixture->db);
	{
		g_autoptr(Cluster) cluster = fixture_open(FALSE);

		check_counts(cluster, &tally);
	}
}

/* Killed while they make the store, all at once: the next one opens it or makes it. */
static void test_creation(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *top = g_build_filename(fixture->folder, "kvmig", NULL);
	Tally tally = { .names = names };

	for (int round = 0; round < rounds_of(CREATION_ROUNDS); round++) {
		Cluster *cluster;

		run_round(-1 - round, &tally);
		cluster = fixture_open(TRUE);
		check_names(cluster, &tally);
		create_one(cluster, "after");
		cluster_close(cluster);
		check_file(fixture->db);
		fixture_remove(top);
	}
}

/* Nobody is killed: every increment counts exactly once, whoever was in whose way. */
static void counter_main(void)
{
	Cluster *cluster = fixture_open(FALSE);

	for (int done = 0; done < INCREMENTS;)
		done += raise_counter(cluster);
	cluster_close(cluster);
	_exit(0);
}

static void test_contention(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) counter = NULL;
	pid_t pids[WRITERS];

	make_counter();
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		g_assert_cmpint(pids[i], >=, 0);
		if (pids[i] == 0)
			counter_main();
	}
	for (int i = 0; i < WRITERS; i++) {
		int status = 0;

		g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
		g_assert_cmpint(status, ==, 0);
	}
	fixture->cluster = fixture_open(FALSE);
	counter = cluster_get(fixture->cluster, &KIND_NAMESPACE, NULL, "counter", NULL);
	g_assert_cmpint(count_of(counter), ==, WRITERS * INCREMENTS);
}

#define ADD(path, func)                                                                            \
	g_test_add("/crash/" path, StoreFixture, NULL, fixture_set_up_bare, func, fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("writers", test_writers);
	ADD("creation", test_creation);
	ADD("contention", test_contention);
	return g_test_run();
}
