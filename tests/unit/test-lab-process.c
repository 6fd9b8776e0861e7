/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the lab: records, waiting, ending, and what must never be signalled. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "lab/process.h"

typedef struct {
	char *dir, *record;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	fixture->dir = g_dir_make_tmp("kvmig-process-XXXXXX", NULL);
	g_assert_nonnull(fixture->dir);
	fixture->record = g_build_filename(fixture->dir, "processes", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	(void)g_unlink(fixture->record);
	g_assert_cmpint(g_rmdir(fixture->dir), ==, 0);
	g_free(fixture->dir);
	g_free(fixture->record);
}

static void start_sleep(const Fixture *fixture, const char *name, LabProcess *ret_process)
{
	static const char *const argv[] = { "sleep", "60", NULL };
	const LabSpawn spawn = { .argv = argv, .name = name, .record = fixture->record };
	g_autoptr(GError) error = NULL;

	g_assert_true(lab_spawn(&spawn, ret_process, &error));
	g_assert_no_error(error);
}

static void test_record(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	LabProcess process, found;

	g_assert_false(lab_record_find(fixture->record, "n1-daemon", &found));
	start_sleep(fixture, "n1-daemon", &process);
	g_assert_true(lab_process_alive(&process));
	g_assert_true(lab_record_find(fixture->record, "n1-daemon", &found));
	g_assert_cmpint(found.pid, ==, process.pid);
	g_assert_cmpuint(found.start, ==, process.start);
	g_assert_false(lab_record_find(fixture->record, "n1", &found));
	g_assert_true(lab_process_kill(&process, 1, NULL));
	g_assert_false(lab_process_alive(&process));
	g_assert_false(lab_record_find(fixture->record, "n1-daemon", &found));
}

static void test_reused_pid(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	LabProcess process, other;

	start_sleep(fixture, "bystander", &process);
	other = process;
	other.start++; /* as if the pid had been another's before */
	g_assert_false(lab_process_alive(&other));
	g_assert_true(lab_process_kill(&other, 1, NULL));
	g_assert_true(lab_process_alive(&process));
	g_assert_true(lab_process_kill(&process, 1, NULL));
}

static void test_damaged_record(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char text[] = "\n1\n-1 5 a\n0 5 a\nx 5 a\n1 y a\n"
				   "99999999999999999999 5 a\n12 5 good one\n7 8";
	g_autoptr(GArray) list = NULL;

	g_assert_true(g_file_set_contents(fixture->record, text, -1, NULL));
	list = lab_record_list(fixture->record);
	g_assert_cmpuint(list->len, ==, 1);
	g_assert_cmpint(g_array_index(list, LabProcess, 0).pid, ==, 12);
}

static void test_zombie_is_dead(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	LabProcess process;

	start_sleep(fixture, "n1", &process);
	g_assert_cmpint(kill((pid_t)process.pid, SIGKILL), ==, 0);
	for (guint i = 0; i < 500 && lab_process_alive(&process); i++)
		g_usleep(10000);
	g_assert_false(lab_process_alive(&process)); /* although nobody has waited for it */
	g_assert_cmpint(waitpid((pid_t)process.pid, NULL, 0), ==, (pid_t)process.pid);
}

static void test_not_found(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const argv[] = { "kvmig-no-such-program", NULL };
	const LabSpawn spawn = { .argv = argv, .name = "n1", .record = fixture->record };
	g_autoptr(GError) error = NULL;
	LabProcess process;

	g_assert_false(lab_spawn(&spawn, &process, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNSUPPORTED);
	g_assert_nonnull(error_get_hint(error));
}

static const char *fail_to_prepare(gconstpointer data)
{
	errno = ENOSPC;
	return data;
}

/* The child's own words arrive. */
static void test_setup_fails(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const argv[] = { "sleep", "60", NULL };
	const LabSpawn spawn = { .argv = argv,
				 .name = "n1",
				 .record = fixture->record,
				 .setup = fail_to_prepare,
				 .setup_data = "mount the moon" };
	g_autoptr(GError) error = NULL;
	LabProcess process;

	g_assert_false(lab_spawn(&spawn, &process, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "mount the moon"));
	g_assert_nonnull(strstr(error->message, g_strerror(ENOSPC)));
	g_assert_false(lab_record_find(fixture->record, "n1", &process));
}

static void test_run(Fixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const good[] = { "printf", "a\\nb", NULL };
	static const char *const bad[] = { "sh", "-c",
					   "echo 'error: one' >&2; echo error: two >&2; exit 3",
					   NULL };
	static const char *const slow[] = { "sleep", "60", NULL };
	LabSpawn spawn = { .argv = good, .name = "good" };
	g_autofree char *output = NULL;
	g_autoptr(GError) error = NULL;
	gint64 began;

	g_assert_true(lab_run(&spawn, 10000, &output, &error));
	g_assert_cmpstr(output, ==, "a\nb");
	spawn.argv = bad;
	g_assert_false(lab_run(&spawn, 10000, &output, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FAILED);
	g_assert_nonnull(strstr(error->message, "one: two"));
	g_clear_error(&error);
	spawn.argv = slow;
	began = g_get_monotonic_time();
	g_assert_false(lab_run(&spawn, 100, &output, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
	g_assert_cmpint(g_get_monotonic_time() - began, <, 30 * G_USEC_PER_SEC);
}

#define ADD(name, func) g_test_add("/lab/process/" name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("record", test_record);
	ADD("reused-pid", test_reused_pid);
	ADD("damaged-record", test_damaged_record);
	ADD("zombie-is-dead", test_zombie_is_dead);
	ADD("program-not-found", test_not_found);
	ADD("setup-fails", test_setup_fails);
	ADD("run", test_run);
	return g_test_run();
}
