/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, and waiting that a signal or the time ends. */
#include <signal.h>
#include <string.h>

#include "../../cmd/cmd.h"
#include "base/error.h"

const HelpPage help_pages[] = { { NULL, NULL } };

static void test_confirm(void)
{
	const CommandContext yes = { .yes = TRUE };
	const CommandContext nobody = { .stdin_tty = FALSE, .stderr_tty = TRUE };
	g_autoptr(GError) error = NULL;

	g_assert_true(confirm(&yes, "remove it?", &error));
	g_assert_no_error(error);
	g_assert_false(confirm(&nobody, "remove 'n1'?", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_nonnull(strstr(error->message, "remove 'n1'?"));
	g_assert_nonnull(strstr(error_get_hint(error), "--yes"));
}

static gboolean set_done(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

static gboolean raise_signal(gpointer data)
{
	g_assert_cmpint(raise(GPOINTER_TO_INT(data)), ==, 0);
	return G_SOURCE_REMOVE;
}

static void test_done(void)
{
	gboolean done = FALSE, interrupted = TRUE;

	(void)g_timeout_add(5, set_done, &done);
	g_assert_true(run_until(&done, 0, &interrupted));
	g_assert_false(interrupted);
	g_assert_true(run_until(&done, 1, NULL)); /* at once: it is done already */
}

static void test_timeout(void)
{
	const gboolean done = FALSE;
	gboolean interrupted = TRUE;
	const gint64 began = g_get_monotonic_time();

	g_assert_false(run_until(&done, 30, &interrupted));
	g_assert_false(interrupted);
	g_assert_cmpint(g_get_monotonic_time() - began, >=, 25 * 1000);
}

static void test_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM };

	for (guint i = 0; i < G_N_ELEMENTS(signals); i++) {
		const gboolean done = FALSE;
		gboolean interrupted = FALSE;

		(void)g_timeout_add(5, raise_signal, GINT_TO_POINTER(signals[i]));
		g_assert_false(run_until(&done, 10000, &interrupted));
		g_assert_true(interrupted);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/talk/confirm", test_confirm);
	g_test_add_func("/talk/done", test_done);
	g_test_add_func("/talk/timeout", test_timeout);
	g_test_add_func("/talk/signals", test_signals);
	return g_test_run();
}
