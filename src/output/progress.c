/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/ioctl.h>

#include "output/printer.h"

struct Progress {
	FILE *stream;
	gboolean terminal;
	gboolean shown; /* the line on the terminal has no end yet */
	char *last_key;
};

Progress *progress_new(FILE *stream, gboolean terminal)
{
	Progress *progress = g_new0(Progress, 1);

	progress->stream = stream;
	progress->terminal = terminal;
	return progress;
}

/* Asked each time: windows change their size. */
static gsize terminal_columns(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return 80;
}

/* A line that does not fit would wrap, and then not be rewritten. */
static void cut_to(char *line, gsize columns)
{
	char *end = line + strlen(line);

	while (end > line && output_width(line) > columns) {
		end = g_utf8_prev_char(end);
		*end = '\0';
	}
}

void progress_update(Progress *progress, const char *plain_key, const char *line)
{
	g_autofree char *safe = output_escape(line);

	if (progress->terminal) {
		cut_to(safe, terminal_columns(progress->stream) - 1);
		(void)fprintf(progress->stream, "\r%s\x1b[K", safe);
		progress->shown = TRUE;
	} else if (g_strcmp0(progress->last_key, plain_key) != 0) {
		g_free(progress->last_key);
		progress->last_key = g_strdup(plain_key);
		(void)fprintf(progress->stream, "%s\n", safe);
	}
	(void)fflush(progress->stream);
}

void progress_finish(Progress *progress)
{
	if (progress->shown)
		(void)fputc('\n', progress->stream);
	progress->shown = FALSE;
	(void)fflush(progress->stream);
}

void progress_free(Progress *progress)
{
	if (!progress)
		return;
	progress_finish(progress);
	g_free(progress->last_key);
	g_free(progress);
}
