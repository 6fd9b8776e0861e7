/* SPDX-License-Identifier: Apache-2.0 */
/* Start and end of the program: standard streams that exist, and what was printed really got
 * out. */
#include "cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* A file opened later must not become one of the standard streams. In the place of a closed
 * stdout goes something that cannot be written to, so that losing the output is an error. */
static void fill_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    /* cppcheck-suppress leakReturnValNotUsed ; it is meant to stay open */
		    open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(STATUS_FAILED);
}

/* As a shell's pipeline expects of a program whose reader has gone: quietly, by the signal. */
static G_GNUC_NORETURN void end_by_sigpipe(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)sigaction(SIGPIPE, &action, NULL);
	(void)raise(SIGPIPE);
	_exit(STATUS_FAILED);
}

static gboolean reader_has_gone(void)
{
	struct pollfd poll_fd = { .fd = STDOUT_FILENO };

	return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & POLLERR);
}

/* What went wrong with an earlier write is not known any more, only that something did. */
static gboolean close_stdout(GError **error)
{
	const gboolean failed_before = ferror(stdout) != 0;
	int errnum = 0;

	if (fflush(stdout) == EOF)
		errnum = errno;
	if (errnum == EPIPE || (failed_before && reader_has_gone()))
		end_by_sigpipe();
	if (close(STDOUT_FILENO) < 0 && errno != EBADF && !errnum)
		errnum = errno;
	if (errnum)
		return error_set_errno(error, errnum, "cannot write to the standard output");
	if (failed_before)
		return error_set(error, KVMIG_ERROR_IO, "cannot write all of the output");
	return TRUE;
}

/* Before anything else: what `ps` shows of us has no token. The copies live as long as we do, in
 * memory that goes into no core file. */
static void hide_tokens(char **argv)
{
	static const char option[] = "--token", with_value[] = "--token=";

	for (; *argv; argv++) {
		const gboolean attached = strncmp(*argv, with_value, strlen(with_value)) == 0;
		char *value = attached ? *argv + strlen(with_value) : argv[1];

		if (!attached && (strcmp(*argv, option) != 0 || !value))
			continue;
		argv[!attached] = g_strdup(attached ? *argv : value);
		explicit_bzero(value, strlen(value));
		cluster_protect_process();
	}
}

static int run(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) write_error = NULL;
	int status;

	hide_tokens(argv);
	fill_standard_streams();
	(void)setlocale(LC_CTYPE, "");
	log_setup();
	status = dispatch(argc, argv, &error);
	if (error) {
		report_error(error);
		status = exit_status_of_error(error);
	}
	if (!close_stdout(&write_error)) {
		report_error(write_error);
		if (status == STATUS_DONE)
			status = STATUS_FAILED;
	}
	return status;
}

/* Where the sanitizer looks for leaks at the end. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_LEAK_CHECK 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LEAK_CHECK 1
#endif
#endif

int main(int argc, char **argv)
{
	const int status = run(argc, argv);

	(void)fflush(NULL);
#ifndef HAS_LEAK_CHECK
	/* Without the destructors of all that was loaded: what is ours is closed, the kernel takes
	 * the rest, and OpenSSL's alone are a twentieth of a short command's time. */
	_exit(status);
#endif
	return status;
}
