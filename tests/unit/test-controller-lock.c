/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/controller-lock.h"

typedef struct {
	char *dir, *path;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	fixture->dir = g_dir_make_tmp("kvmig-lock-XXXXXX", NULL);
	g_assert_nonnull(fixture->dir);
	fixture->path = g_build_filename(fixture->dir, "controller.lock", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	(void)g_remove(fixture->path);
	g_assert_cmpint(g_rmdir(fixture->dir), ==, 0);
	g_free(fixture->path);
	g_free(fixture->dir);
}

static void assert_holder(const char *path, gboolean held, gint64 pid, const char *version)
{
	g_autoptr(GError) error = NULL;
	ControllerHolder holder;

	g_assert_true(controller_lock_look(path, &holder, &error));
	g_assert_no_error(error);
	g_assert_cmpint(holder.held, ==, held);
	g_assert_cmpint(holder.pid, ==, pid);
	g_assert_cmpstr(holder.version, ==, version);
	controller_holder_clear(&holder);
}

static void test_take_and_look(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	ControllerLock *lock;
	struct stat st;

	assert_holder(fixture->path, FALSE, 0, NULL); /* no file: nobody */
	lock = controller_lock_take(fixture->path, "0.1.0", &error);
	g_assert_no_error(error);
	assert_holder(fixture->path, TRUE, getpid(), "0.1.0");
	g_assert_cmpint(stat(fixture->path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	controller_lock_release(lock);
	assert_holder(fixture->path, FALSE, 0, NULL);
}

static void test_conflict(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ControllerLock) first = controller_lock_take(fixture->path, "0.1.0", NULL);
	g_autofree char *pid = g_strdup_printf("process %ld,", (long)getpid());

	g_assert_nonnull(first);

	g_assert_null(controller_lock_take(fixture->path, "0.2.0", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_CONFLICT);
	g_assert_nonnull(strstr(error->message, pid));
	g_assert_nonnull(strstr(error->message, "kvmig 0.1.0"));
	/* The loser has not touched what the winner wrote. */
	assert_holder(fixture->path, TRUE, getpid(), "0.1.0");
}

/* In place: a file of another inode would not be locked. */
static void overwrite(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, text, strlen(text)), ==, (gssize)strlen(text));
	g_assert_cmpint(close(fd), ==, 0);
}

/* What a file says without the lock, or about a process that is gone, is not believed. */
static void test_stale_line(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *wrong_start = g_strdup_printf("%ld 1 0.0.9\n", (long)getpid());
	const char *const texts[] = { wrong_start, "12345", "x y z\n", "-1 5 1\n", "\n", "" };

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		ControllerLock *lock;

		g_assert_true(g_file_set_contents(fixture->path, texts[i], -1, NULL));
		assert_holder(fixture->path, FALSE, 0, NULL);
		lock = controller_lock_take(fixture->path, "0.1.0", &error);
		g_assert_no_error(error);
		overwrite(fixture->path, texts[i]);
		assert_holder(fixture->path, TRUE, 0, NULL);
		controller_lock_release(lock);
		(void)g_remove(fixture->path);
	}
}

/* A pid that another process has got meanwhile is never signalled. */
static void test_ask_spares_others(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL, nobody = NULL;
	g_autofree char *wrong_start = g_strdup_printf("%ld 1 0.0.9\n", (long)getpid());
	g_autoptr(ControllerLock) lock = NULL;

	g_assert_false(controller_lock_ask_to_end(fixture->path, &nobody));
	g_assert_error(nobody, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
	lock = controller_lock_take(fixture->path, "0.1.0", NULL);
	overwrite(fixture->path, wrong_start);
	g_assert_false(controller_lock_ask_to_end(fixture->path, &error)); /* and we live */
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FAILED);
}

static pid_t fork_holder(const char *path)
{
	int ready[2];
	char byte;
	pid_t child;

	g_assert_cmpint(pipe(ready), ==, 0);
	child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0) {
		ControllerLock *lock = controller_lock_take(path, "0.1.0", NULL);

		if (!lock || write(ready[1], "x", 1) != 1)
			_exit(1);
		(void)sleep(30);
		_exit(2);
	}
	(void)close(ready[1]);
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	(void)close(ready[0]);
	return child;
}

static void test_ask_to_end(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	pid_t child = fork_holder(fixture->path);
	int status = 0;

	assert_holder(fixture->path, TRUE, child, "0.1.0");
	g_assert_true(controller_lock_ask_to_end(fixture->path, &error));
	g_assert_no_error(error);
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGTERM);
	assert_holder(fixture->path, FALSE, 0, NULL);
}

/* kill -9 leaves its line behind, but not the lock. */
static void test_killed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ControllerLock) lock = NULL;
	pid_t child = fork_holder(fixture->path);

	g_assert_cmpint(kill(child, SIGKILL), ==, 0);
	g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
	assert_holder(fixture->path, FALSE, 0, NULL);
	lock = controller_lock_take(fixture->path, "0.1.0", &error);
	g_assert_no_error(error);
}

static void test_removed(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(ControllerLock) lock = controller_lock_take(fixture->path, "0.1.0", NULL);

	g_assert_true(controller_lock_is_intact(lock, fixture->path));
	g_assert_cmpint(g_remove(fixture->path), ==, 0);
	g_assert_false(controller_lock_is_intact(lock, fixture->path));
	g_assert_true(g_file_set_contents(fixture->path, "", 0, NULL));
	g_assert_false(controller_lock_is_intact(lock, fixture->path));
}

static void test_symlink(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(symlink("/dev/null", fixture->path), ==, 0);
	g_assert_null(controller_lock_take(fixture->path, "0.1.0", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_IO);
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/controller-lock/take-and-look", test_take_and_look);
	ADD("/controller-lock/conflict", test_conflict);
	ADD("/controller-lock/stale-line", test_stale_line);
	ADD("/controller-lock/ask-spares-others", test_ask_spares_others);
	ADD("/controller-lock/ask-to-end", test_ask_to_end);
	ADD("/controller-lock/killed", test_killed);
	ADD("/controller-lock/removed", test_removed);
	ADD("/controller-lock/symlink", test_symlink);
	return g_test_run();
}
