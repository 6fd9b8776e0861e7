/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h" /* _GNU_SOURCE: open-file-description locks */

#include "engine/controller-lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define LINE_MAX_BYTES 256

struct ControllerLock {
	int fd;
};

/* Field 22 of /proc/PID/stat, in clock ticks since boot; 0 where there is no such process. The
 * second field, the name, may hold anything, ')' too: count from the last one. */
static guint64 process_start_time(gint64 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
	g_autofree char *text = NULL;
	g_auto(GStrv) fields = NULL;
	const char *rest;
	guint64 ticks = 0;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !(rest = strrchr(text, ')')))
		return 0;
	fields = g_strsplit(rest + 1, " ", -1); /* "", then field 3 onwards */
	if (g_strv_length(fields) > 20)
		(void)g_ascii_string_to_unsigned(fields[20], 10, 0, G_MAXUINT64, &ticks, NULL);
	return ticks;
}

typedef struct {
	gint64 pid;
	guint64 start_time;
	char *version;
} HolderLine;

static void holder_line_clear(HolderLine *line)
{
	g_free(line->version);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HolderLine, holder_line_clear)

/* Anything else than a whole line of ours is as good as none: pid 0. */
static HolderLine read_line(int fd)
{
	char text[LINE_MAX_BYTES];
	HolderLine line = { 0 };
	g_auto(GStrv) words = NULL;
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	if (length <= 0 || text[length - 1] != '\n')
		return line;
	text[length - 1] = '\0';
	words = g_strsplit(text, " ", 4);
	if (g_strv_length(words) != 3 ||
	    !g_ascii_string_to_signed(words[0], 10, 1, G_MAXINT32, &line.pid, NULL) ||
	    !g_ascii_string_to_unsigned(words[1], 10, 1, G_MAXUINT64, &line.start_time, NULL))
		return (HolderLine){ 0 };
	line.version = g_strdup(words[2]);
	return line;
}

static gboolean line_is_of_living_process(const HolderLine *line)
{
	return line->pid > 0 && process_start_time(line->pid) == line->start_time;
}

/* ---- taking --------------------------------------------------------------------------------- */

static gboolean conflict(int fd, GError **error)
{
	g_auto(HolderLine) line = read_line(fd);

	if (!line_is_of_living_process(&line))
		return error_set(error, KVMIG_ERROR_CONFLICT, "another controller runs already");
	return error_set(error, KVMIG_ERROR_CONFLICT,
			 "another controller runs already: process %" G_GINT64_FORMAT ", kvmig %s",
			 line.pid, line.version);
}

static gboolean write_line(int fd, const char *version, const char *path, GError **error)
{
	g_autofree char *text =
		g_strdup_printf("%ld %" G_GUINT64_FORMAT " %s\n", (long)getpid(),
				process_start_time(getpid()), version);
	size_t length = strlen(text);

	/* A reader meanwhile sees no whole line. */
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, length, 0) != (ssize_t)length)
		return error_set_errno(error, errno, "cannot write lock file '%s'", path);
	return TRUE;
}

ControllerLock *controller_lock_take(const char *path, const char *version, GError **error)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	ControllerLock *lock;

	if (fd < 0) {
		error_set_errno(error, errno, "cannot open lock file '%s'", path);
		return NULL;
	}
	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			(void)conflict(fd, error);
		else
			error_set_errno(error, errno, "cannot lock '%s'", path);
		(void)close(fd);
		return NULL;
	}
	if (!write_line(fd, version, path, error)) {
		(void)close(fd);
		return NULL;
	}
	lock = g_new0(ControllerLock, 1);
	lock->fd = fd;
	return lock;
}

void controller_lock_release(ControllerLock *lock)
{
	if (!lock)
		return;
	if (ftruncate(lock->fd, 0) < 0)
		g_debug("cannot empty the controller's lock file: %s", g_strerror(errno));
	(void)close(lock->fd);
	g_free(lock);
}

gboolean controller_lock_is_intact(const ControllerLock *lock, const char *path)
{
	struct stat ours, there;

	return fstat(lock->fd, &ours) == 0 && lstat(path, &there) == 0 &&
	       ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/* ---- looking -------------------------------------------------------------------------------- */

void controller_holder_clear(ControllerHolder *holder)
{
	g_free(holder->version);
	memset(holder, 0, sizeof(*holder));
}

/* -1 with *error set; -1 without: there is no such file. */
static int open_to_look(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno != ENOENT)
		error_set_errno(error, errno, "cannot open lock file '%s'", path);
	return fd;
}

static gboolean is_held(int fd, gboolean *ret_held)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_GETLK, &whole) < 0)
		return FALSE;
	*ret_held = whole.l_type != F_UNLCK;
	return TRUE;
}

gboolean controller_lock_look(const char *path, ControllerHolder *ret_holder, GError **error)
{
	g_autoptr(GError) cause = NULL;
	int fd = open_to_look(path, &cause);
	gboolean held = FALSE;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	memset(ret_holder, 0, sizeof(*ret_holder));
	if (fd < 0)
		return TRUE;
	if (!is_held(fd, &held)) {
		error_set_errno(error, errno, "cannot ask who holds the lock on '%s'", path);
		(void)close(fd);
		return FALSE;
	}
	ret_holder->held = held;
	if (held) {
		g_auto(HolderLine) line = read_line(fd);

		if (line_is_of_living_process(&line)) {
			ret_holder->pid = line.pid;
			ret_holder->version = g_steal_pointer(&line.version);
		}
	}
	(void)close(fd);
	return TRUE;
}

/* The pidfd is opened first and the start time compared afterwards: from then on it can only
 * mean that process. */
static gboolean terminate(gint64 pid, guint64 start_time, GError **error)
{
	int process = pidfd_open((pid_t)pid, 0);
	gboolean asked;

	if (process < 0)
		return error_set_errno(error, errno, "cannot ask controller %" G_GINT64_FORMAT
				       " to end", pid);
	asked = process_start_time(pid) == start_time &&
		pidfd_send_signal(process, SIGTERM, NULL, 0) == 0;
	(void)close(process);
	if (!asked)
		error_set(error, KVMIG_ERROR_FAILED,
			  "cannot ask controller %" G_GINT64_FORMAT " to end: it is gone", pid);
	return asked;
}

gboolean controller_lock_ask_to_end(const char *path, GError **error)
{
	g_autoptr(GError) cause = NULL;
	int fd = open_to_look(path, &cause);
	gboolean held = FALSE, asked = FALSE;

	if (fd >= 0 && is_held(fd, &held) && held) {
		g_auto(HolderLine) line = read_line(fd);

		if (line.pid > 0)
			asked = terminate(line.pid, line.start_time, &cause);
		else
			error_set(&cause, KVMIG_ERROR_FAILED,
				  "the controller's lock file '%s' does not tell who holds it",
				  path);
	}
	if (fd >= 0)
		(void)close(fd);
	if (asked)
		return TRUE;
	if (!cause)
		error_set(&cause, KVMIG_ERROR_NOT_FOUND, "no controller runs");
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}
