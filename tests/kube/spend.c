/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	spend FILE COMMAND…
 *
 * Runs it with its output in FILE, without input, and prints what it took: seconds of wall
 * time, seconds of CPU time, peak memory in KiB. A small program, because the peak that the kernel
 * counts for a process begins with that of the one that started it: an interpreter's would hide it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void become(const char *file, char **argv)
{
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (in >= 0 && out >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0)
		execvp(argv[0], argv);
	(void)fprintf(stderr, "spend: %s into %s: %s\n", argv[0], file, strerror(errno));
	_exit(127);
}

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
	struct timespec begin, end;
	struct rusage usage;
	int status = 0;
	pid_t pid;

	if (argc < 3) {
		(void)fputs("usage: spend FILE COMMAND...\n", stderr);
		return 2;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = fork();
	if (pid == 0)
		become(argv[1], argv + 2);
	if (pid < 0 || wait4(pid, &status, 0, &usage) < 0) {
		perror("spend");
		return 1;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	if (!WIFEXITED(status))
		return 1;
	printf("%.6f %.6f %ld\n",
	       (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
	       seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
	return WEXITSTATUS(status);
}
