/* SPDX-License-Identifier: Apache-2.0 */
/* Who the controller is, starting one on demand, and asking it to end. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/error.h"
#include "base/paths.h"
#include "engine/controller-lease.h"
#include "engine/controller-lock.h"
#include "engine/controller.h"

#define START_LIMIT_US (5 * (gint64)G_USEC_PER_SEC)
#define HAND_OVER_LIMIT_US (5 * (gint64)G_USEC_PER_SEC)
#define POLL_US 5000
#define IDLE_TIMEOUT "60s" /* of a controller that was started on demand */
#define LOG_MAX_BYTES ((gint64)4 << 20)
#define LOG_TAIL_BYTES 4096

static char *state_file(Cluster *cluster, const char *name)
{
	return g_build_filename(cluster_state_dir(cluster), name, NULL);
}

static gboolean has_lock_file(const Cluster *cluster)
{
	return cluster_caps(cluster)->kind == CLUSTER_LOCAL && cluster_state_dir(cluster);
}

/* ---- state ---------------------------------------------------------------------------------- */

void controller_state_clear(ControllerState *state)
{
	g_free(state->version);
	memset(state, 0, sizeof(*state));
}

gboolean controller_state(Cluster *cluster, ControllerState *ret_state, GError **error)
{
	ControllerState state = { 0 };

	if (has_lock_file(cluster)) {
		g_autofree char *path = state_file(cluster, "controller.lock");
		ControllerHolder holder;

		if (!controller_lock_look(path, &holder, error))
			return FALSE;
		state = (ControllerState){ .running = holder.held, .pid = holder.pid,
					   .version = holder.version };
	} else if (!controller_lease_look(cluster, clock_real(), &state.running, &state.version,
					  error)) {
		return FALSE;
	}
	*ret_state = state;
	return TRUE;
}

/* Compares "0.10.1" and "0.9": part by part, as numbers. */
static gboolean version_is_older(const char *version, const char *than)
{
	g_auto(GStrv) a = g_strsplit(version, ".", -1), b = g_strsplit(than, ".", -1);
	guint n_a = g_strv_length(a), n_b = g_strv_length(b);

	for (guint i = 0; i < MAX(n_a, n_b); i++) {
		guint64 x = i < n_a ? g_ascii_strtoull(a[i], NULL, 10) : 0;
		guint64 y = i < n_b ? g_ascii_strtoull(b[i], NULL, 10) : 0;

		if (x != y)
			return x < y;
	}
	return FALSE;
}

/* Waits until nobody holds the lock. */
static gboolean wait_until_free(const char *path, gint64 limit_us, GError **error)
{
	gint64 give_up = g_get_monotonic_time() + limit_us;

	for (;;) {
		ControllerHolder holder;
		gint64 pid;

		if (!controller_lock_look(path, &holder, error))
			return FALSE;
		if (!holder.held)
			return TRUE;
		pid = holder.pid;
		controller_holder_clear(&holder);
		if (g_get_monotonic_time() >= give_up)
			return error_set(error, KVMIG_ERROR_TIMEOUT,
					 "controller %" G_GINT64_FORMAT " was asked to end and "
					 "has not done so yet", pid);
		g_usleep(POLL_US);
	}
}

gboolean controller_stop(Cluster *cluster, guint timeout_ms, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *path = NULL;

	if (!has_lock_file(cluster))
		return error_set(error, KVMIG_ERROR_UNSUPPORTED,
				 "the controller of context '%s' is not this machine's",
				 cluster_context(cluster));
	path = state_file(cluster, "controller.lock");
	if (!controller_lock_ask_to_end(path, &cause)) {
		if (error_code(cause) == KVMIG_ERROR_NOT_FOUND)
			return TRUE;
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return wait_until_free(path, (gint64)timeout_ms * 1000, error);
}

/* ---- starting ------------------------------------------------------------------------------- */

static gboolean env_is_wanted(const char *name)
{
	static const char *const names[] = { "HOME", "PATH", "LANG", "SSH_AUTH_SOCK", NULL };

	return g_strv_contains(names, name) || g_str_has_prefix(name, "XDG_") ||
	       g_str_has_prefix(name, "LC_") || g_str_has_prefix(name, "KVMIG_");
}

static GStrv clean_environment(void)
{
	g_auto(GStrv) names = g_listenv();
	GPtrArray *environment = g_ptr_array_new();

	for (char **name = names; *name; name++)
		if (env_is_wanted(*name))
			g_ptr_array_add(environment,
					g_strconcat(*name, "=", g_getenv(*name), NULL));
	g_ptr_array_add(environment, NULL);
	return (GStrv)g_ptr_array_free(environment, FALSE);
}

/* Opens the log for appending; the old one is put aside once it is large. */
static int open_log(const char *path, GError **error)
{
	g_autofree char *old = g_strconcat(path, ".1", NULL);
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0 && st.st_size > LOG_MAX_BYTES && g_rename(path, old) < 0)
		g_warning("cannot put '%s' aside: %s", path, g_strerror(errno));
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		error_set_errno(error, errno, "cannot open the controller's log '%s'", path);
	return fd;
}

/* Default handling and no blocked signal, whatever the caller has; a session of its own; no file
 * but the log. errno, or 0. */
static int spawn_detached(char **argv, char **environment, int log, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	int result;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETSIGMASK);
	result = posix_spawn_file_actions_adddup2(&files, log, STDERR_FILENO);
	if (!result)
		result = posix_spawn_file_actions_adddup2(&files, log, STDOUT_FILENO);
	if (!result)
		result = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null",
							  O_RDONLY, 0);
	if (!result)
		result = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	if (!result)
		result = posix_spawn_file_actions_addchdir_np(&files, "/");
	if (!result)
		result = posix_spawn(ret_pid, argv[0], &files, &attributes, argv, environment);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attributes);
	return result;
}

/* The last line that was written to the log after `offset`, for an error message. */
static char *last_log_line(const char *path, gint64 offset)
{
	char text[LOG_TAIL_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gint64 size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	ssize_t length = 0;
	char *line;

	if (fd >= 0 && size > offset)
		length = pread(fd, text, LOG_TAIL_BYTES, MAX(offset, size - LOG_TAIL_BYTES));
	if (fd >= 0)
		(void)close(fd);
	if (length <= 0)
		return g_strdup("it ended without a word");
	text[length] = '\0';
	g_strchomp(text);
	line = strrchr(text, '\n');
	return g_utf8_make_valid(line ? line + 1 : text, -1);
}

static void reap(GPid pid, gint status G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	g_spawn_close_pid(pid);
}

/* Waits until somebody holds the lock: the child, or whoever was faster than it. */
static gboolean wait_until_held(Cluster *cluster, pid_t child, const char *log, gint64 log_offset,
				GError **error)
{
	gint64 give_up = g_get_monotonic_time() + START_LIMIT_US;

	for (;;) {
		ControllerState state;
		gboolean running, ended = waitpid(child, NULL, WNOHANG) == child;

		if (!controller_state(cluster, &state, error))
			return FALSE;
		/* our child has the lock a moment before it has written down who it is */
		running = state.running && (state.pid > 0 || ended);
		controller_state_clear(&state);
		if (running && !ended)
			(void)g_child_watch_add(child, reap, NULL);
		if (running)
			return TRUE;
		if (ended) {
			g_autofree char *line = last_log_line(log, log_offset);

			error_set(error, KVMIG_ERROR_FAILED, "cannot start the controller: %s",
				  line);
			error_hint(error, "see '%s', or run 'kvmig --context %s controller'", log,
				   cluster_context(cluster));
			return FALSE;
		}
		if (g_get_monotonic_time() >= give_up) {
			(void)g_child_watch_add(child, reap, NULL);
			error_set(error, KVMIG_ERROR_TIMEOUT,
				  "the controller that was started (process %ld) is not ready "
				  "after 5 s",
				  (long)child);
			error_hint(error, "see '%s'", log);
			return FALSE;
		}
		g_usleep(POLL_US);
	}
}

/* systemd-run's path where the user's own service manager answers; else NULL. */
static char *find_systemd_run(void)
{
	g_autofree char *manager =
		g_build_filename(g_get_user_runtime_dir(), "systemd", "private", NULL);

	return g_file_test(manager, G_FILE_TEST_EXISTS) ? g_find_program_in_path("systemd-run") :
							  NULL;
}

/* In a scope of the user's manager, which a login session that ends does not take along, as logind
 * may be told to do (KillUserProcesses): systemd-run makes it and becomes the controller. */
static GPtrArray *command_line(Cluster *cluster, char *self, char *systemd_run)
{
	static const char *const scope[] = { "--user", "--scope", "--collect", "--quiet", "--" };
	const char *const controller[] = { self, "controller", "--context",
					   cluster_context(cluster), "--idle-timeout",
					   IDLE_TIMEOUT };
	GPtrArray *argv = g_ptr_array_new();

	if (systemd_run)
		g_ptr_array_add(argv, systemd_run);
	for (guint i = 0; systemd_run && i < G_N_ELEMENTS(scope); i++)
		g_ptr_array_add(argv, (gpointer)scope[i]);
	for (guint i = 0; i < G_N_ELEMENTS(controller); i++)
		g_ptr_array_add(argv, (gpointer)controller[i]);
	g_ptr_array_add(argv, NULL);
	return argv;
}

static gboolean start_by(Cluster *cluster, char *self, char *systemd_run, GError **error)
{
	g_autofree char *log = state_file(cluster, "controller.log");
	g_auto(GStrv) environment = clean_environment();
	g_autoptr(GPtrArray) argv = command_line(cluster, self, systemd_run);
	struct stat st = { 0 };
	int fd = open_log(log, error), failure;
	pid_t child;

	if (fd < 0)
		return FALSE;
	(void)fstat(fd, &st);
	failure = spawn_detached((char **)argv->pdata, environment, fd, &child);
	(void)close(fd);
	if (failure)
		return error_set_errno(error, failure, "cannot start the controller '%s'", self);
	return wait_until_held(cluster, child, log, st.st_size, error);
}

static gboolean start(Cluster *cluster, GError **error)
{
	g_autofree char *self = paths_self(error);
	g_autofree char *systemd_run = find_systemd_run();
	g_autoptr(GError) cause = NULL;

	if (!self)
		return FALSE;
	if (systemd_run && start_by(cluster, self, systemd_run, &cause))
		return TRUE;
	/* one that has not ended yet may still come to hold the lock */
	if (cause && error_code(cause) == KVMIG_ERROR_TIMEOUT) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (cause)
		g_info("systemd-run does not start the controller: %s", cause->message);
	return start_by(cluster, self, NULL, error);
}

/* One process starts, the others wait for what comes of it. */
static ControllerLock *take_turn(const char *path, GError **error)
{
	gint64 give_up = g_get_monotonic_time() + START_LIMIT_US + HAND_OVER_LIMIT_US;

	for (;;) {
		g_autoptr(GError) cause = NULL;
		ControllerLock *turn = controller_lock_take(path, PACKAGE_VERSION, &cause);

		if (turn)
			return turn;
		if (error_code(cause) != KVMIG_ERROR_CONFLICT ||
		    g_get_monotonic_time() >= give_up) {
			g_propagate_error(error, g_steal_pointer(&cause));
			error_prefix(error, "cannot start a controller");
			return NULL;
		}
		g_usleep(POLL_US);
	}
}

/* TRUE with *ret_running: a controller runs that need not be replaced. */
static gboolean look(Cluster *cluster, gboolean *ret_running, gboolean *ret_older, GError **error)
{
	ControllerState state;

	if (!controller_state(cluster, &state, error))
		return FALSE;
	*ret_older = state.running && state.version &&
		     version_is_older(state.version, PACKAGE_VERSION);
	*ret_running = state.running && !*ret_older;
	controller_state_clear(&state);
	return TRUE;
}

gboolean controller_ensure(Cluster *cluster, GError **error)
{
	g_autofree char *turn_path = NULL, *lock_path = NULL;
	g_autoptr(ControllerLock) turn = NULL;
	gboolean running, older;

	if (!has_lock_file(cluster))
		return TRUE;
	if (!look(cluster, &running, &older, error))
		return FALSE;
	if (running)
		return TRUE;
	turn_path = state_file(cluster, "controller.starting");
	turn = take_turn(turn_path, error);
	if (!turn || !look(cluster, &running, &older, error))
		return FALSE;
	if (running)
		return TRUE;
	lock_path = state_file(cluster, "controller.lock");
	if (older && (!controller_lock_ask_to_end(lock_path, error) ||
		      !wait_until_free(lock_path, HAND_OVER_LIMIT_US, error)))
		return FALSE;
	return start(cluster, error);
}
