/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to people: messages on stderr, questions, and waiting that Ctrl-C ends. */
#include "cmd.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Foreign text comes in through the arguments: names, libvirt's words. */
static void print_line(const char *prefix, const char *text)
{
	g_autofree char *safe = output_escape(text);

	(void)fprintf(stderr, "%s%s\n", prefix, safe);
}

static void print_valist(const char *prefix, const char *format, va_list ap) G_GNUC_PRINTF(2, 0);
static void print_valist(const char *prefix, const char *format, va_list ap)
{
	g_autofree char *text = g_strdup_vprintf(format, ap);
	g_autofree char *full = hint_text(text);

	print_line(prefix, full);
}

void say(const CommandContext *context, const char *format, ...)
{
	va_list ap;

	if (context->quiet)
		return;
	va_start(ap, format);
	print_valist("kvmig: ", format, ap);
	va_end(ap);
}

void say_warning(const CommandContext *context, const char *format, ...)
{
	va_list ap;

	(void)context;
	va_start(ap, format);
	print_valist("warning: ", format, ap);
	va_end(ap);
}

void say_hint(const CommandContext *context, const char *format, ...)
{
	va_list ap;

	(void)context;
	va_start(ap, format);
	print_valist("hint: ", format, ap);
	va_end(ap);
}

void report_error(const GError *error)
{
	const char *reason = error_get_reason(error);
	g_autofree char *text = reason ? g_strdup_printf("%s [%s]", error->message, reason) : NULL;
	g_autofree char *hint = NULL;

	print_line("kvmig: ", text ? text : error->message);
	if (!error_get_hint(error))
		return;
	hint = hint_text(error_get_hint(error));
	print_line("hint: ", hint);
}

gboolean confirm(const CommandContext *context, const char *question, GError **error)
{
	g_autofree char *safe = NULL;
	char answer[16];

	if (context->yes)
		return TRUE;
	if (!context->stdin_tty || !context->stderr_tty) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "this needs a yes, and nobody can be asked: %s", question);
		error_hint(error, "say it beforehand with --yes");
		return FALSE;
	}
	safe = output_escape(question);
	(void)fprintf(stderr, "%s [y/N] ", safe);
	(void)fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) &&
	    (g_ascii_strcasecmp(g_strstrip(answer), "y") == 0 ||
	     g_ascii_strcasecmp(answer, "yes") == 0))
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED, "not confirmed; nothing was changed");
	return FALSE;
}

/* ---- waiting, and Ctrl-C -------------------------------------------------------------------- */

static const InterruptGuard *guarding;

static gboolean on_event(gpointer flag)
{
	*(gboolean *)flag = TRUE;
	return G_SOURCE_CONTINUE;
}

void interrupt_guard_begin(InterruptGuard *guard)
{
	guard->interrupted = FALSE;
	guard->sources[0] = g_unix_signal_add(SIGINT, on_event, &guard->interrupted);
	guard->sources[1] = g_unix_signal_add(SIGTERM, on_event, &guard->interrupted);
	guarding = guard;
}

gboolean interrupt_guard_check(InterruptGuard *guard)
{
	while (!guard->interrupted && g_main_context_iteration(NULL, FALSE))
		;
	return guard->interrupted;
}

void interrupt_guard_end(InterruptGuard *guard)
{
	guarding = NULL;
	g_source_remove(guard->sources[0]);
	g_source_remove(guard->sources[1]);
}

gboolean run_until(const gboolean *done, gint64 timeout_ms, gboolean *ret_interrupted)
{
	gboolean interrupted = FALSE, timed_out = FALSE;
	guint sources[3] = { g_unix_signal_add(SIGINT, on_event, &interrupted),
			     g_unix_signal_add(SIGTERM, on_event, &interrupted), 0 };

	if (timeout_ms > 0)
		sources[2] = g_timeout_add((guint)MIN(timeout_ms, G_MAXUINT), on_event,
					   &timed_out);
	/* A signal from before these sources were there has reached the guard's alone. */
	while (!*done && !timed_out && !interrupted && !(guarding && guarding->interrupted))
		g_main_context_iteration(NULL, TRUE);
	for (guint i = 0; i < G_N_ELEMENTS(sources); i++)
		if (sources[i])
			g_source_remove(sources[i]);
	if (ret_interrupted)
		*ret_interrupted = !*done && (interrupted || (guarding && guarding->interrupted));
	return *done;
}
