/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a credential plugin and waits for it.
 *
 * One that may talk to the user stays in our process group, so that the terminal is its too, and
 * has our stderr. Any other gets a group of its own, so that the time limit ends whatever it has
 * started, and its stderr comes through us: it goes to the user as it arrives, and its last line
 * into the error.
 */
#include "cluster/kube/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"

#define TAIL_MAX_BYTES 4096 /* of stderr, kept for its last line */
#define LAST_LINE_MAX 300
#define TICK_MS 100
/* A helper that it left behind may keep its stdout open: that long it is waited for. */
#define AFTER_EXIT_MS 1000

void exec_config_free(ExecConfig *exec)
{
	if (!exec)
		return;
	g_free(exec->api_version);
	g_free(exec->command);
	g_strfreev(exec->args);
	g_strfreev(exec->env);
	g_free(exec->install_hint);
	cJSON_Delete(exec->cluster_config);
	g_free(exec);
}

/* ---- what it is told ------------------------------------------------------------------------ */

static cJSON *cluster_info(const KubeTarget *target)
{
	cJSON *cluster = cJSON_CreateObject();
	g_autofree char *proxy = NULL;

	json_set_string(cluster, "server", target->server);
	json_set_string(cluster, "tls-server-name", target->tls_server_name);
	if (target->insecure)
		json_set_bool(cluster, "insecure-skip-tls-verify", TRUE);
	if (target->ca_pem) {
		g_autofree char *data =
			g_base64_encode((const guchar *)target->ca_pem, strlen(target->ca_pem));

		json_set_string(cluster, "certificate-authority-data", data);
	}
	if (target->proxy && g_str_has_prefix(target->proxy, "socks5h:"))
		proxy = g_strconcat("socks5", target->proxy + strlen("socks5h"), NULL);
	json_set_string(cluster, "proxy-url", proxy ? proxy : target->proxy);
	if (target->disable_compression)
		json_set_bool(cluster, "disable-compression", TRUE);
	json_set(cluster, "config",
		 target->exec->cluster_config ? cJSON_Duplicate(target->exec->cluster_config, TRUE)
					      : cJSON_CreateNull());
	return cluster;
}

static char *exec_info(const KubeTarget *target, gboolean interactive)
{
	g_autoptr(cJSON) info = cJSON_CreateObject();
	cJSON *spec;

	json_set_string(info, "kind", "ExecCredential");
	json_set_string(info, "apiVersion", target->exec->api_version);
	spec = json_ensure_object(info, "spec");
	if (target->exec->provide_cluster_info)
		json_set(spec, "cluster", cluster_info(target));
	json_set_bool(spec, "interactive", interactive);
	return json_print(info);
}

static GStrv environment(const KubeTarget *target, gboolean interactive)
{
	g_autofree char *info = exec_info(target, interactive);
	GStrv list = g_get_environ();

	for (char **line = target->exec->env; *line; line++) {
		const char *equals = strchr(*line, '=');
		g_autofree char *name = g_strndup(*line, (gsize)(equals - *line));

		list = g_environ_setenv(list, name, equals + 1, TRUE);
	}
	return g_environ_setenv(list, "KUBERNETES_EXEC_INFO", info, TRUE);
}

/* ---- starting ------------------------------------------------------------------------------- */

typedef struct {
	const char *command;
	GPid pid;
	gboolean interactive; /* then err_fd is -1 */
	int out_fd, err_fd;
	GString *out;
	GString *tail;      /* the end of its stderr */
	gint64 deadline_us; /* 0: none */
	int status;
	gboolean ended, too_long;
} Run;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void run_clear(Run *run)
{
	close_fd(&run->out_fd);
	close_fd(&run->err_fd);
	if (run->out) {
		explicit_bzero(run->out->str, run->out->allocated_len);
		g_string_free(run->out, TRUE);
	}
	if (run->tail)
		g_string_free(run->tail, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* In the child, between fork and exec: only what is safe there. */
static void set_up_child(gpointer data)
{
	if (!*(const gboolean *)data)
		(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static gboolean set_error_missing(const ExecConfig *exec, GError **error)
{
	g_autofree char *hint = NULL;

	error_set(error, KVMIG_ERROR_NOT_FOUND, "credential plugin '%s' is not installed",
		  exec->command);
	if (exec->install_hint) {
		hint = g_utf8_make_valid(exec->install_hint, -1);
		for (char *c = hint; *c; c++)
			if (g_ascii_iscntrl(*c))
				*c = ' ';
		error_hint(error, "%s", g_strstrip(hint));
	} else {
		error_hint(error, "install it, or put its folder into PATH");
	}
	return FALSE;
}

static gboolean may_run(const char *path)
{
	return g_file_test(path, G_FILE_TEST_IS_EXECUTABLE) &&
	       !g_file_test(path, G_FILE_TEST_IS_DIR);
}

/* A bare name is looked for in PATH, but not in relative entries such as ".", where anybody may put
 * a program of that name. */
static char *search_path(const char *name)
{
	const char *variable = g_getenv("PATH");
	g_auto(GStrv) folders = g_strsplit(variable ? variable : "", ":", -1);

	if (g_path_is_absolute(name))
		return may_run(name) ? g_strdup(name) : NULL;
	for (char **folder = folders; *folder; folder++) {
		g_autofree char *path = g_build_filename(*folder, name, NULL);

		if (g_path_is_absolute(*folder) && may_run(path))
			return g_steal_pointer(&path);
	}
	return NULL;
}

static char *find_program(const ExecConfig *exec, GError **error)
{
	g_autofree char *path = search_path(exec->command);
	struct stat st;

	if (!path) {
		if (g_path_is_absolute(exec->command) && stat(exec->command, &st) == 0) {
			error_set(error, KVMIG_ERROR_FORBIDDEN,
				  "credential plugin '%s' is not a program that may be run",
				  exec->command);
			error_hint(error, "chmod +x it, or correct 'command' in the kubeconfig");
		} else {
			set_error_missing(exec, error);
		}
		return NULL;
	}
	if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH))
		g_warning("anybody may change the credential plugin '%s': chmod o-w", path);
	return g_steal_pointer(&path);
}

static GPtrArray *arguments(const ExecConfig *exec, char *path)
{
	GPtrArray *argv = g_ptr_array_new();

	g_ptr_array_add(argv, path);
	g_ptr_array_add(argv, exec->command);
	for (char **argument = exec->args; argument && *argument; argument++)
		g_ptr_array_add(argv, *argument);
	g_ptr_array_add(argv, NULL);
	return argv;
}

static gboolean start(Run *run, const KubeTarget *target, GError **error)
{
	const ExecConfig *exec = target->exec;
	g_auto(GStrv) env = environment(target, run->interactive);
	g_autofree char *path = find_program(exec, error);
	g_autoptr(GPtrArray) argv = NULL;
	g_autoptr(GError) cause = NULL;
	GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_FILE_AND_ARGV_ZERO;

	if (!path)
		return FALSE;
	argv = arguments(exec, path);
	if (run->interactive)
		flags |= G_SPAWN_CHILD_INHERITS_STDIN;
	g_info("running credential plugin '%s'", path);
	if (g_spawn_async_with_pipes(NULL, (char **)argv->pdata, env, flags, set_up_child,
				     &run->interactive, &run->pid, NULL, &run->out_fd,
				     run->interactive ? NULL : &run->err_fd, &cause))
		return TRUE;
	run->pid = 0;
	error_set(error,
		  g_error_matches(cause, G_SPAWN_ERROR, G_SPAWN_ERROR_ACCES) ? KVMIG_ERROR_FORBIDDEN
									     : KVMIG_ERROR_FAILED,
		  "cannot run credential plugin '%s': %s", exec->command, cause->message);
	return FALSE;
}

/* ---- signals -------------------------------------------------------------------------------- */

/* Ctrl-C reaches a plugin in a group of its own only through us. */
static volatile sig_atomic_t child_group, caught;

static void pass_on(int number)
{
	const int errnum = errno;

	caught = number;
	if (child_group > 0)
		(void)kill(-(pid_t)child_group, number);
	errno = errnum;
}

static const int passed[] = { SIGINT, SIGTERM, SIGHUP };

static void catch_signals(const Run *run, struct sigaction *old)
{
	const struct sigaction action = { .sa_handler = pass_on };

	caught = 0;
	child_group = run->interactive ? 0 : run->pid;
	for (guint i = 0; i < G_N_ELEMENTS(passed); i++)
		(void)sigaction(passed[i], &action, &old[i]);
}

/* What was caught is then ours again: it ends us, or sets off whoever waits for it. */
static void release_signals(const struct sigaction *old)
{
	for (guint i = 0; i < G_N_ELEMENTS(passed); i++)
		(void)sigaction(passed[i], &old[i], NULL);
	child_group = 0;
	if (caught)
		(void)raise(caught);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static void end_child(const Run *run, int number)
{
	(void)kill(run->interactive ? run->pid : -run->pid, number);
}

static void look_for_end(Run *run)
{
	if (!run->ended && waitpid(run->pid, &run->status, WNOHANG) == run->pid)
		run->ended = TRUE;
}

static void keep_tail(GString *tail, const char *bytes, gsize length)
{
	g_string_append_len(tail, bytes, (gssize)length);
	if (tail->len > TAIL_MAX_BYTES)
		g_string_erase(tail, 0, (gssize)(tail->len - TAIL_MAX_BYTES));
}

static void read_out(Run *run)
{
	char buffer[4096];
	ssize_t n = read(run->out_fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_fd(&run->out_fd);
		return;
	}
	if (run->out->len + (gsize)n > EXEC_OUTPUT_MAX_BYTES) {
		run->too_long = TRUE;
		close_fd(&run->out_fd);
		end_child(run, SIGKILL);
	} else {
		g_string_append_len(run->out, buffer, n);
	}
	explicit_bzero(buffer, sizeof(buffer));
}

static void read_err(Run *run)
{
	char buffer[4096];
	ssize_t n = read(run->err_fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		close_fd(&run->err_fd);
		return;
	}
	keep_tail(run->tail, buffer, (gsize)n);
	for (ssize_t done = 0, m; done < n; done += m) {
		m = write(STDERR_FILENO, buffer + done, (size_t)(n - done));
		if (m <= 0)
			return; /* nobody listens */
	}
}

static void read_what_is_there(Run *run, gint64 timeout_ms)
{
	struct pollfd fds[] = { { .fd = run->out_fd, .events = POLLIN },
				{ .fd = run->err_fd, .events = POLLIN } };

	if (poll(fds, G_N_ELEMENTS(fds), (int)timeout_ms) <= 0)
		return;
	if (fds[0].revents)
		read_out(run);
	if (fds[1].revents)
		read_err(run);
}

/* FALSE: the deadline came first. */
static gboolean wait_for_end(Run *run)
{
	gint64 ended_us = 0;

	for (;;) {
		gint64 now = g_get_monotonic_time();
		gboolean closed = run->out_fd < 0 && run->err_fd < 0;

		look_for_end(run);
		if (run->ended && !ended_us)
			ended_us = now;
		if (run->ended && (closed || now > ended_us + AFTER_EXIT_MS * (gint64)1000))
			return TRUE;
		if (run->deadline_us && now >= run->deadline_us && !run->ended)
			return FALSE;
		/* its end is not heard of, but the pipes close with it: after that, look often */
		read_what_is_there(run, closed ? 1 : TICK_MS);
	}
}

static void kill_and_reap(Run *run)
{
	end_child(run, SIGTERM);
	for (int i = 0; i < 20 && !run->ended; i++) {
		g_usleep(10000);
		look_for_end(run);
	}
	end_child(run, SIGKILL);
	while (!run->ended && waitpid(run->pid, &run->status, 0) < 0 && errno == EINTR)
		continue;
	run->ended = TRUE;
}

/* ---- how it went ---------------------------------------------------------------------------- */

/* ": LINE", the last one of its stderr that is not empty; "" where there is none. */
static char *last_line(const Run *run)
{
	g_autofree char *text = g_utf8_make_valid(run->tail->str, (gssize)run->tail->len);
	g_autofree char *piece = NULL;
	char *start;

	g_strchomp(text);
	start = strrchr(text, '\n');
	start = start ? start + 1 : text;
	for (char *c = start; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	g_strstrip(start);
	piece = g_utf8_substring(start, 0, MIN(g_utf8_strlen(start, -1), LAST_LINE_MAX));
	return *piece ? g_strconcat(": ", piece, NULL) : g_strdup("");
}

static gboolean check_status(const Run *run, GError **error)
{
	g_autofree char *line = last_line(run);

	if (run->too_long)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "credential plugin '%s' printed more than %u bytes", run->command,
				 EXEC_OUTPUT_MAX_BYTES);
	if (WIFSIGNALED(run->status))
		return error_set(error, KVMIG_ERROR_FAILED,
				 "credential plugin '%s' was ended by signal %d (%s)%s",
				 run->command, WTERMSIG(run->status),
				 g_strsignal(WTERMSIG(run->status)), line);
	if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != 0)
		return error_set(error, KVMIG_ERROR_FAILED,
				 "credential plugin '%s' failed with exit status %d%s",
				 run->command, WEXITSTATUS(run->status), line);
	return TRUE;
}

static gboolean set_error_late(const Run *run, gint64 timeout_ms, GError **error)
{
	g_autofree char *line = last_line(run);

	error_set(error, KVMIG_ERROR_TIMEOUT,
		  "credential plugin '%s' did not end within %" G_GINT64_FORMAT
		  " s and was killed%s",
		  run->command, (timeout_ms + 999) / 1000, line);
	error_hint(error, "run it by hand: it may wait for an answer, which it can get only on a "
			  "terminal");
	return FALSE;
}

static gboolean set_error_interrupted(const Run *run, GError **error)
{
	return error_set(error, KVMIG_ERROR_CANCELLED, "credential plugin '%s' was interrupted",
			 run->command);
}

static gboolean run_plugin(Run *run, const KubeTarget *target, gint64 timeout_ms, GError **error)
{
	struct sigaction old[G_N_ELEMENTS(passed)];
	gboolean in_time, interrupted;

	if (!start(run, target, error))
		return FALSE;
	catch_signals(run, old);
	if (!run->interactive && timeout_ms > 0)
		run->deadline_us = g_get_monotonic_time() + timeout_ms * 1000;
	in_time = wait_for_end(run);
	if (!in_time)
		kill_and_reap(run);
	interrupted = caught != 0;
	release_signals(old);
	g_spawn_close_pid(run->pid);
	if (interrupted)
		return set_error_interrupted(run, error);
	return in_time ? check_status(run, error) : set_error_late(run, timeout_ms, error);
}

gboolean exec_run(const KubeTarget *target, gboolean interactive, gint64 timeout_ms,
		  ExecResult *ret_result, GError **error)
{
	const ExecConfig *exec = target->exec;
	g_auto(Run) run = { .command = exec->command,
			    .interactive = interactive && exec->interactive != EXEC_NEVER,
			    .out_fd = -1,
			    .err_fd = -1 };

	if (exec->interactive == EXEC_ALWAYS && !interactive) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "credential plugin '%s' must ask on a terminal, and stdin is none",
			  exec->command);
		error_hint(error, "run kvmig on a terminal, or use another user's credentials");
		return FALSE;
	}
	run.out = g_string_sized_new(EXEC_OUTPUT_MAX_BYTES);
	run.tail = g_string_new(NULL);
	return run_plugin(&run, target, timeout_ms, error) &&
	       exec_parse_reply(run.out->str, run.out->len, exec->api_version, exec->command,
				clock_unix_us(clock_real()), ret_result, error);
}
