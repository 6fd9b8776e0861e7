/* SPDX-License-Identifier: Apache-2.0 */
/* src/ logs; this decides what of it is shown, and how: the controller's lines carry the time. */
#include "cmd.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static gboolean show_all, as_log_file;

static const char *field(const GLogField *fields, gsize n_fields, const char *key)
{
	for (gsize i = 0; i < n_fields; i++)
		if (strcmp(fields[i].key, key) == 0 && fields[i].length < 0)
			return fields[i].value;
	return NULL;
}

static const char *level_word(GLogLevelFlags level)
{
	if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return "error";
	if (level & G_LOG_LEVEL_WARNING)
		return "warning";
	return level & G_LOG_LEVEL_DEBUG ? "debug" : "info";
}

/* One write a line: stderr is unbuffered, and the log may have more than one writer. */
static void write_log_line(GLogLevelFlags level, const char *safe)
{
	g_autofree char *now = clock_format_unix(clock_unix_us(clock_real()));
	g_autofree char *line = g_strdup_printf("%s %s: %s\n", now, level_word(level), safe);

	(void)fputs(line, stderr);
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
				  gpointer data)
{
	const char *message = field(fields, n_fields, "MESSAGE");
	const gboolean grave =
		(level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) != 0;
	g_autofree char *safe = NULL;

	(void)data;
	if (!message || (!grave && !show_all && (!as_log_file || (level & G_LOG_LEVEL_DEBUG))))
		return G_LOG_WRITER_HANDLED;
	safe = output_escape(message);
	if (as_log_file)
		write_log_line(level, safe);
	else
		(void)fprintf(stderr, "%s%s\n", grave ? "warning: " : "debug: ", safe);
	return G_LOG_WRITER_HANDLED;
}

void log_setup(void)
{
	g_log_set_writer_func(write_log, NULL, NULL);
}

void log_set_verbose(gboolean verbose)
{
	show_all = verbose;
}

void log_for_controller(void)
{
	as_log_file = TRUE;
}

static GString *used;

static void note_option(const Option *row, gpointer data)
{
	g_string_append_printf(data, "--%s\n", row->name);
}

void option_log_start(void)
{
	if (!g_getenv("KVMIG_OPTION_LOG"))
		return;
	used = g_string_new(NULL);
	option_set_trace(note_option, used);
}

/* One write, so that tests that run at the same time do not mix their lines. */
void option_log_write(const char *command)
{
	g_autoptr(GString) text = g_steal_pointer(&used);
	g_autoptr(GString) lines = g_string_new(NULL);
	g_auto(GStrv) names = NULL;
	int fd;

	if (!text)
		return;
	option_set_trace(NULL, NULL);
	names = g_strsplit(text->str, "\n", -1);
	for (char **name = names; *name; name++)
		if (**name)
			g_string_append_printf(lines, "%s %s\n", command, *name);
	fd = open(g_getenv("KVMIG_OPTION_LOG"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, lines->str, lines->len) != (ssize_t)lines->len)
		g_debug("cannot write to KVMIG_OPTION_LOG");
	if (fd >= 0)
		(void)close(fd);
}
