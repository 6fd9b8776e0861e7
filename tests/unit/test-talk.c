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

static void assert_hint(const char *hint, const char *expected)
{
	g_autofree char *text = hint_text(hint);

	g_assert_cmpstr(text, ==, expected);
}

/* A hint's command line finds what the command found that gives it. */
static void test_hints(void)
{
	hint_set_place("local/default", NULL, "default");
	assert_hint("'kvmig status -w m' follows it", "'kvmig status -w m' follows it");
	hint_set_place("local/lab", NULL, "default");
	assert_hint("'kvmig status -w m' follows it, 'kvmig cancel m' ends it",
		    "'kvmig --context local/lab status -w m' follows it, "
		    "'kvmig --context local/lab cancel m' ends it");
	assert_hint("run 'kvmig node uncordon NODE'",
		    "run 'kvmig --context local/lab node uncordon NODE'");
	/* what takes no context, or has one */
	assert_hint("start one with 'kvmig lab up'", "start one with 'kvmig lab up'");
	assert_hint("'kvmig migrate -h' shows how", "'kvmig migrate -h' shows how");
	assert_hint("'kvmig node add --help' tells more", "'kvmig node add --help' tells more");
	assert_hint("'kvmig --context kube/a controller'", "'kvmig --context kube/a controller'");
	assert_hint("see 'kvmig nonsense', 'kvmig", "see 'kvmig nonsense', 'kvmig");
	assert_hint("name another node", "name another node");
	hint_set_place("kube/a b", "/k", "prod");
	assert_hint("'kvmig vm show web'",
		    "'kvmig --kubeconfig /k --context 'kube/a b' -n prod vm show web'");
	assert_hint("'kvmig vm list -A'",
		    "'kvmig --kubeconfig /k --context 'kube/a b' vm list -A'");
	assert_hint("'kvmig -n test cancel m'",
		    "'kvmig --kubeconfig /k --context 'kube/a b' -n test cancel m'");
	assert_hint("'kvmig node list'", "'kvmig --kubeconfig /k --context 'kube/a b' node list'");
	hint_set_place(NULL, NULL, NULL);
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

/* One that comes between two waits ends the next: whether or not the guard has had its turn. */
static void test_guard(void)
{
	for (guint seen = 0; seen < 2; seen++) {
		const gboolean done = FALSE;
		gboolean interrupted = FALSE;
		InterruptGuard guard;

		interrupt_guard_begin(&guard);
		g_assert_false(interrupt_guard_check(&guard));
		g_assert_false(run_until(&done, 1, &interrupted));
		g_assert_false(interrupted);
		raise(SIGINT);
		if (!seen)
			g_usleep(100000); /* GLib's thread gives it to the sources there are */
		while (seen && !interrupt_guard_check(&guard))
			g_usleep(1000);
		g_assert_false(run_until(&done, 10000, &interrupted));
		g_assert_true(interrupted);
		interrupt_guard_end(&guard);
		g_assert_false(run_until(&done, 1, &interrupted));
		g_assert_false(interrupted);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/talk/confirm", test_confirm);
	g_test_add_func("/talk/hints", test_hints);
	g_test_add_func("/talk/done", test_done);
	g_test_add_func("/talk/timeout", test_timeout);
	g_test_add_func("/talk/signals", test_signals);
	g_test_add_func("/talk/guard", test_guard);
	return g_test_run();
}
