/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lab/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

#define OUTPUT_MAX ((gsize)1024 * 1024)
#define RECORD_MAX ((gsize)1024 * 1024)
#define KILL_WAIT_MS 5000
#define STAT_START_FIELD 22 /* of /proc/PID/stat */

/* ---- finding --------------------------------------------------------------------------------- */

/* Start time and state from the text of /proc/PID/stat. Async-signal-safe. The name, in brackets,
 * may hold anything, brackets too. */
static gboolean parse_stat(const char *text, char *ret_state, guint64 *ret_start)
{
	const char *at = strrchr(text, ')');
	guint64 value = 0;

	if (!at || at[1] != ' ')
		return FALSE;
	at += 2;
	*ret_state = *at;
	for (int field = 3; field < STAT_START_FIELD; field++) {
		at = strchr(at, ' ');
		if (!at)
			return FALSE;
		at++;
	}
	for (; g_ascii_isdigit(*at); at++)
		value = value * 10 + (guint64)(*at - '0');
	*ret_start = value;
	return TRUE;
}

static gboolean read_stat(const char *path, char *ret_state, guint64 *ret_start)
{
	char text[1024];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return FALSE;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return FALSE;
	text[n] = '\0';
	return parse_stat(text, ret_state, ret_start);
}

gboolean lab_process_find(gint64 pid, LabProcess *ret_process)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
	guint64 start;
	char state;

	if (pid <= 0 || !read_stat(path, &state, &start) || state == 'Z' || state == 'X')
		return FALSE;
	*ret_process = (LabProcess){ .pid = pid, .start = start };
	return TRUE;
}

gboolean lab_process_alive(const LabProcess *process)
{
	LabProcess now;

	return lab_process_find(process->pid, &now) && now.start == process->start;
}

char *lab_find_program(const char *name, const char *package, GError **error)
{
	static const char *const folders[] = { "/usr/sbin", "/usr/local/sbin", "/sbin" };
	char *path = g_find_program_in_path(name);

	for (guint i = 0; !path && i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *candidate = g_build_filename(folders[i], name, NULL);

		if (access(candidate, X_OK) == 0)
			path = g_steal_pointer(&candidate);
	}
	if (!path) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "the lab needs '%s', which is not installed", name);
		error_hint(error, "apt-get install %s", package);
	}
	return path;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* What the child tells its parent when it fails: the parent is the same image, so a pointer to a
 * constant means the same in both. */
typedef struct {
	const char *what;
	int errnum;
} ChildFailure;

typedef struct {
	const LabSpawn *spawn;
	const char *path;
	char *const *argv;
	char *const *envp;
	int output_fd, error_fd, record_fd, pid_fd, failure_fd;
	sigset_t signals; /* of the parent, before it blocked all */
} Child;

/* Room for "PID START NAME\n", put together without malloc or stdio. */
static char *append_number(char *at, guint64 value)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		*at++ = digits[--n];
	return at;
}

static const char *child_record(const Child *child)
{
	char line[128], *at;
	guint64 start;
	char state;
	gsize name_length = strlen(child->spawn->name);

	if (child->record_fd < 0)
		return NULL;
	if (!read_stat("/proc/self/stat", &state, &start))
		return "read its own start time";
	at = append_number(line, (guint64)getpid());
	*at++ = ' ';
	at = append_number(at, start);
	*at++ = ' ';
	if (name_length > 64)
		name_length = 64;
	memcpy(at, child->spawn->name, name_length);
	at += name_length;
	*at++ = '\n';
	if (write(child->record_fd, line, (size_t)(at - line)) != at - line)
		return "write its record";
	return NULL;
}

static const char *child_prepare(const Child *child)
{
	const LabSpawn *spawn = child->spawn;
	const char *problem = child_record(child);
	struct sigaction action = { .sa_handler = SIG_DFL };
	const struct rlimit cpu = { spawn->cpu_seconds, spawn->cpu_seconds + 1 };
	int null;

	if (problem)
		return problem;
	for (int i = 1; i < NSIG; i++)
		sigaction(i, &action, NULL);
	sigprocmask(SIG_SETMASK, &child->signals, NULL);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC); /* exec closes it */
	if (null < 0 || dup2(null, 0) < 0 ||
	    dup2(child->output_fd >= 0 ? child->output_fd : null, 1) < 0 ||
	    dup2(child->error_fd >= 0 ? child->error_fd : null, 2) < 0)
		return "open its files";
	if (spawn->cpu_seconds && setrlimit(RLIMIT_CPU, &cpu) < 0)
		return "limit its processor time";
	if (child->pid_fd >= 0 && setns(child->pid_fd, spawn->enter) < 0)
		return "enter the namespaces of its node";
	if (spawn->setup)
		return spawn->setup(spawn->setup_data);
	return NULL;
}

static G_NORETURN void child_run(const Child *child)
{
	ChildFailure failure = { child_prepare(child), 0 };

	if (!failure.what) {
		/* What our caller left open is not for what outlives us: who waits for the end of a
		 * pipe would wait for the lab's end. */
		(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
		if (chdir("/") == 0)
			execve(child->path, child->argv, child->envp);
		failure.what = "start the program";
	}
	failure.errnum = errno;
	if (write(child->failure_fd, &failure, sizeof(failure)) < 0)
		_exit(126);
	_exit(127);
}

static gboolean wait_for_exec(int fd, pid_t pid, const LabSpawn *spawn, GError **error)
{
	ChildFailure failure;
	ssize_t n;

	do
		n = read(fd, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return TRUE;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(failure))
		return error_set(error, KVMIG_ERROR_FAILED, "cannot start '%s'", spawn->name);
	error_set(error, KVMIG_ERROR_FAILED, "cannot start '%s' (%s): it could not %s: %s",
		  spawn->name, spawn->argv[0], failure.what, g_strerror(failure.errnum));
	return FALSE;
}

static gboolean child_open(Child *child, GError **error)
{
	const LabSpawn *spawn = child->spawn;

	child->output_fd = child->error_fd = child->record_fd = child->pid_fd = -1;
	if (spawn->output_fd > 0)
		child->output_fd = fcntl(spawn->output_fd, F_DUPFD_CLOEXEC, 3);
	if (spawn->error_fd > 0)
		child->error_fd = fcntl(spawn->error_fd, F_DUPFD_CLOEXEC, 3);
	if (spawn->output) {
		child->output_fd =
			open(spawn->output, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		child->error_fd = fcntl(child->output_fd, F_DUPFD_CLOEXEC, 3);
		if (child->output_fd < 0)
			return error_set_errno(error, errno, "cannot open '%s'", spawn->output);
	}
	if (spawn->record) {
		child->record_fd =
			open(spawn->record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
		if (child->record_fd < 0)
			return error_set_errno(error, errno, "cannot open '%s'", spawn->record);
	}
	if (spawn->enter_pid) {
		child->pid_fd = pidfd_open((pid_t)spawn->enter_pid, 0);
		if (child->pid_fd < 0)
			return error_set_errno(error, errno,
					       "cannot start '%s' in the namespaces of process %d",
					       spawn->name, (int)spawn->enter_pid);
	}
	return TRUE;
}

static void child_close(Child *child)
{
	const int fds[] = { child->output_fd, child->error_fd, child->record_fd, child->pid_fd };

	for (guint i = 0; i < G_N_ELEMENTS(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static gboolean child_fork(Child *child, LabProcess *ret_process, GError **error)
{
	sigset_t all;
	int fds[2];
	gboolean ok;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set_errno(error, errno, "cannot make a pipe");
	child->failure_fd = fds[1];
	/* No handler of ours may run in the child before it has reset them. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &child->signals);
	pid = fork();
	if (pid == 0)
		child_run(child);
	sigprocmask(SIG_SETMASK, &child->signals, NULL);
	close(fds[1]);
	if (pid < 0)
		ok = error_set_errno(error, errno, "cannot start '%s'", child->spawn->name);
	else
		ok = wait_for_exec(fds[0], pid, child->spawn, error);
	close(fds[0]);
	if (ok && !lab_process_find(pid, ret_process))
		*ret_process = (LabProcess){ .pid = pid }; /* it has ended already */
	return ok;
}

gboolean lab_spawn(const LabSpawn *spawn, LabProcess *ret_process, GError **error)
{
	g_autofree char *path = lab_find_program(spawn->argv[0], spawn->argv[0], error);
	Child child = { .spawn = spawn,
			.path = path,
			.argv = (char *const *)spawn->argv,
			.envp = spawn->envp ? (char *const *)spawn->envp : environ };
	gboolean ok;

	if (!path)
		return FALSE;
	ok = child_open(&child, error) && child_fork(&child, ret_process, error);
	child_close(&child);
	return ok;
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* Waits until the process has ended. fd is its pidfd, -1 where the kernel (or valgrind) has none.
 */
static gboolean wait_end(const LabProcess *process, int fd, gint64 deadline_us)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	for (;;) {
		gint64 left = deadline_us - g_get_monotonic_time();
		int wait_ms = left > 0 ? (int)(left / 1000 + 1) : 0;
		int n = poll(&poll_fd, 1, fd < 0 ? MIN(wait_ms, 10) : wait_ms);

		if (n > 0 || (fd < 0 && !lab_process_alive(process)))
			return TRUE;
		if ((n < 0 && errno != EINTR) || left <= 0)
			return FALSE;
	}
}

int lab_process_wait(const LabProcess *child, guint timeout_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	int fd = pidfd_open((pid_t)child->pid, 0), status = -1;
	gboolean ended = wait_end(child, fd, deadline);

	if (!ended)
		kill((pid_t)child->pid, SIGKILL);
	while (waitpid((pid_t)child->pid, &status, 0) < 0)
		if (errno != EINTR) {
			status = -1;
			break;
		}
	if (fd >= 0)
		close(fd);
	return ended ? status : -1;
}

/* The pidfd is opened first, then compared: from there on the pid cannot become another's. */
static gboolean kill_one(const LabProcess *process, int *ret_fd, GError **error)
{
	int fd = pidfd_open((pid_t)process->pid, 0), failed = 0;
	gboolean unknown = fd < 0 && errno == ENOSYS;

	*ret_fd = fd;
	if (!lab_process_alive(process))
		return TRUE;
	if (fd >= 0)
		failed = pidfd_send_signal(fd, SIGKILL, NULL, 0);
	else if (unknown)
		failed = kill((pid_t)process->pid, SIGKILL);
	if (failed && errno != ESRCH)
		return error_set_errno(error, errno, "cannot end process %d", (int)process->pid);
	return TRUE;
}

gboolean lab_process_kill(const LabProcess *processes, guint n, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)KILL_WAIT_MS * 1000;
	g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
	gboolean ok = TRUE;

	for (guint i = 0; i < n; i++) {
		int fd = -1;

		ok = kill_one(&processes[i], &fd, ok ? error : NULL) && ok;
		g_array_append_val(fds, fd);
	}
	for (guint i = 0; i < n; i++) {
		int fd = g_array_index(fds, int, i);

		if (ok && lab_process_alive(&processes[i]) &&
		    !wait_end(&processes[i], fd, deadline))
			ok = error_set(error, KVMIG_ERROR_TIMEOUT, "process %d does not end",
				       (int)processes[i].pid);
		if (fd >= 0)
			close(fd);
		waitpid((pid_t)processes[i].pid, NULL, WNOHANG); /* where it was our child */
	}
	return ok;
}

/* ---- records --------------------------------------------------------------------------------- */

static gboolean parse_record(const char *line, LabProcess *ret_process, const char **ret_name)
{
	g_auto(GStrv) words = g_strsplit(line, " ", 3);
	guint64 pid, start;

	if (g_strv_length(words) != 3 ||
	    !g_ascii_string_to_unsigned(words[0], 10, 1, G_MAXINT, &pid, NULL) ||
	    !g_ascii_string_to_unsigned(words[1], 10, 0, G_MAXUINT64, &start, NULL))
		return FALSE;
	*ret_process = (LabProcess){ .pid = (gint64)pid, .start = start };
	*ret_name = strchr(strchr(line, ' ') + 1, ' ') + 1;
	return TRUE;
}

static GStrv record_lines(const char *record)
{
	g_autofree char *text = NULL;
	gsize length;

	/* Half a line, where the disk was full, matches no process. */
	if (!g_file_get_contents(record, &text, &length, NULL) || length > RECORD_MAX)
		return g_strsplit("", "\n", -1);
	return g_strsplit(text, "\n", -1);
}

gboolean lab_record_find(const char *record, const char *name, LabProcess *ret_process)
{
	g_auto(GStrv) lines = record_lines(record);

	for (guint i = g_strv_length(lines); i > 0; i--) {
		LabProcess process;
		const char *other;

		if (parse_record(lines[i - 1], &process, &other) && g_str_equal(name, other) &&
		    lab_process_alive(&process)) {
			*ret_process = process;
			return TRUE;
		}
	}
	return FALSE;
}

GArray *lab_record_list(const char *record)
{
	GArray *list = g_array_new(FALSE, FALSE, sizeof(LabProcess));
	g_auto(GStrv) lines = record_lines(record);

	for (guint i = 0; lines[i]; i++) {
		LabProcess process;
		const char *name;

		if (parse_record(lines[i], &process, &name))
			g_array_append_val(list, process);
	}
	return list;
}

/* ---- running to the end ---------------------------------------------------------------------- */

struct LabRun {
	LabProcess process;
	char *name;
	int output_fd, error_fd; /* files in memory: no pipe can fill up and no one has to read */
};

LabRun *lab_run_begin(const LabSpawn *spawn, GError **error)
{
	LabRun *run = g_new0(LabRun, 1);
	LabSpawn copy = *spawn;

	run->name = g_path_get_basename(spawn->argv[0]);
	run->output_fd = memfd_create("output", MFD_CLOEXEC);
	run->error_fd = memfd_create("errors", MFD_CLOEXEC);
	copy.output_fd = run->output_fd;
	copy.error_fd = run->error_fd;
	if (run->output_fd > 0 && run->error_fd > 0 && lab_spawn(&copy, &run->process, error))
		return run;
	if (error && !*error)
		error_set_errno(error, errno, "cannot run '%s'", spawn->argv[0]);
	if (run->output_fd >= 0)
		close(run->output_fd);
	if (run->error_fd >= 0)
		close(run->error_fd);
	g_free(run->name);
	g_free(run);
	return NULL;
}

static char *read_all(int fd)
{
	GString *text = g_string_new(NULL);
	char part[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while (text->len < OUTPUT_MAX && (n = read(fd, part, sizeof(part))) > 0)
		g_string_append_len(text, part, n);
	return g_string_free(text, FALSE);
}

/* The words of a program that failed, on one line, without its "error: ". */
static char *error_words(int fd)
{
	g_autofree char *text = read_all(fd);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	GString *words = g_string_new(NULL);

	for (guint i = 0; lines[i]; i++) {
		const char *line = g_strstrip(lines[i]);

		if (g_str_has_prefix(line, "error: "))
			line += strlen("error: ");
		if (!*line)
			continue;
		g_string_append_printf(words, "%s%s", words->len ? ": " : "", line);
	}
	return g_string_free(words, FALSE);
}

gboolean lab_run_end(LabRun *run, guint timeout_ms, char **ret_output, GError **error)
{
	int status = lab_process_wait(&run->process, timeout_ms);
	g_autofree char *words = error_words(run->error_fd);
	gboolean ok = status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;

	if (ok && ret_output)
		*ret_output = read_all(run->output_fd);
	if (status < 0)
		error_set(error, KVMIG_ERROR_TIMEOUT, "'%s' did not end within %u s", run->name,
			  (timeout_ms + 999) / 1000);
	else if (!ok)
		error_set(error, KVMIG_ERROR_FAILED, "'%s' failed: %s", run->name,
			  *words ? words : "it does not say why");
	close(run->output_fd);
	close(run->error_fd);
	g_free(run->name);
	g_free(run);
	return ok;
}

gboolean lab_run(const LabSpawn *spawn, guint timeout_ms, char **ret_output, GError **error)
{
	LabRun *run = lab_run_begin(spawn, error);

	return run && lab_run_end(run, timeout_ms, ret_output, error);
}
