/* SPDX-License-Identifier: Apache-2.0 */
/* For reasons that no suite can bring about: the case that got one from the code under test records
 * it, for tests/cli/reason-coverage.sh, which lists them with why. */
#pragma once

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

/* One write, as tests run side by side. */
static inline void reason_log(const char *reason)
{
	const char *log = g_getenv("KVMIG_REASON_LOG");
	g_autofree char *line = NULL;
	int fd;

	if (!log || !reason)
		return;
	line = g_strdup_printf("unit%s %s\n", g_test_get_path(), reason);
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, line, strlen(line)), ==, (gssize)strlen(line));
	(void)close(fd);
}
