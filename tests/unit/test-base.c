/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/paths.h"
#include "base/reason.h"

static void test_error_parts(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) copy = NULL;

	g_assert_false(error_set(&error, KVMIG_ERROR_REFUSED, "no node fits '%s'", "web"));
	error_hint(&error, "first");
	error_hint(&error, "label a node");
	error_reason(&error, REASON_TGT_MEMORY);
	error_prefix(&error, "cannot migrate '%s'", "web");
	copy = g_error_copy(error);
	g_assert_error(copy, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_cmpstr(copy->message, ==, "cannot migrate 'web': no node fits 'web'");
	g_assert_cmpstr(error_get_hint(copy), ==, "label a node");
	g_assert_cmpstr(error_get_reason(copy), ==, "KVMIG-TGT-MEMORY");
	g_assert_false(error_set(NULL, KVMIG_ERROR_FAILED, "nobody cares"));
}

static void test_error_usage(void)
{
	g_autoptr(GError) invalid = NULL;
	g_autoptr(GError) refused = NULL;

	error_set(&invalid, KVMIG_ERROR_INVALID, "'x' is no label");
	error_hint(&invalid, "write key=value");
	g_assert_false(error_usage(&invalid));
	g_assert_error(invalid, KVMIG_ERROR, KVMIG_ERROR_USAGE);
	g_assert_cmpstr(invalid->message, ==, "'x' is no label");
	g_assert_cmpstr(error_get_hint(invalid), ==, "write key=value");
	error_set(&refused, KVMIG_ERROR_REFUSED, "not that one");
	error_usage(&refused);
	g_assert_error(refused, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	error_usage(NULL);
}

static void test_error_errno(void)
{
	g_autoptr(GError) error = NULL;

	error_set_errno(&error, EACCES, "cannot open '%s'", "x");
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FORBIDDEN);
	g_assert_cmpstr(error->message, ==, "cannot open 'x': Permission denied");
	g_assert_null(error_get_hint(error));
}

static void test_error_excerpt(void)
{
	g_autofree char *at60 = g_strnfill(60, 'x');
	g_autofree char *at61 = g_strnfill(61, 'x');
	const char *const rows[][2] = {
		{ NULL, "" },
		{ "plain", "plain" },
		{ "a\nb\033[31m\177\302\205", "a?b?[31m??" },
		{ "\303\244\377", "\303\244\357\277\275" },
		{ at60, at60 },
	};
	g_autofree char *cut = error_excerpt(at61);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = error_excerpt(rows[i][0]);

		g_assert_cmpstr(text, ==, rows[i][1]);
	}
	g_assert_cmpuint(strlen(cut), ==, 60);
	g_assert_true(g_str_has_suffix(cut, "x..."));
}

static void test_reasons(void)
{
	const Reason *reason;
	guint n = 0;

	g_assert_null(reason_find("KVMIG-NO-SUCH"));
	g_assert_null(reason_find(NULL));
	for (; (reason = reason_nth(n)); n++) {
		g_assert_true(reason_find(reason->code) == reason); /* no code stands there twice */
		g_assert_true(g_str_has_prefix(reason->code, "KVMIG-"));
		g_assert_cmpstr(reason->text, !=, "");
		g_assert_cmpstr(reason->hint, !=, "");
	}
	g_assert_cmpuint(n, >, 20);
}

static void note(gpointer data)
{
	GString *log = data;

	g_string_append_c(log, (char)('a' + log->len));
}

static void test_clock_virtual(void)
{
	g_autoptr(Clock) clock = clock_virtual_new(G_USEC_PER_SEC);
	g_autoptr(GString) log = g_string_new(NULL);
	guint id;

	clock_after(clock, 3000, note, log);
	id = clock_after(clock, 2000, note, log);
	clock_after(clock, 2000, note, log);
	clock_cancel(clock, &id);
	g_assert_cmpuint(id, ==, 0);
	g_assert_cmpuint(clock_virtual_run(clock, 2500 * 1000), ==, 1);
	g_assert_cmpint(clock_monotonic_us(clock), ==, 2000 * 1000);
	g_assert_cmpint(clock_unix_us(clock), ==, 3000 * 1000);
	g_assert_cmpuint(clock_virtual_run(clock, G_MAXINT64), ==, 1);
	g_assert_cmpstr(log->str, ==, "ab");
}

static void test_clock_real(void)
{
	Clock *clock = clock_real();
	g_autoptr(GString) log = g_string_new(NULL);
	guint id = clock_after(clock, 1, note, log);

	while (log->len == 0)
		g_main_context_iteration(NULL, TRUE);
	clock_cancel(clock, &id); /* has fired: nothing happens */
	g_assert_cmpuint(id, ==, 0);
}

static void test_clock_text(void)
{
	g_autofree char *seconds = clock_format_unix(1795247075123456);
	g_autofree char *micro = clock_format_unix_micro(1795247075123456);
	gint64 back = 0;

	g_assert_cmpstr(seconds, ==, "2026-11-21T07:44:35Z");
	g_assert_cmpstr(micro, ==, "2026-11-21T07:44:35.123456Z");
	g_assert_true(clock_parse_unix(micro, &back));
	g_assert_cmpint(back, ==, 1795247075123456);
	g_assert_true(clock_parse_unix("1970-01-01T01:00:00+01:00", &back));
	g_assert_cmpint(back, ==, 0);
	g_assert_false(clock_parse_unix("tomorrow", &back));
	g_assert_false(clock_parse_unix(NULL, &back));
}

static void test_private_dir(void)
{
	g_autofree char *top = g_dir_make_tmp("kvmig-test-XXXXXX", NULL);
	g_autofree char *dir = g_build_filename(top, "a", "b", NULL);
	g_autofree char *up = g_path_get_dirname(dir);
	g_autoptr(GError) error = NULL;

	g_assert_true(paths_make_private_dir(dir, &error));
	g_assert_no_error(error);
	g_assert_true(paths_make_private_dir(dir, &error));
	g_assert_cmpint(g_chmod(dir, 0777), ==, 0);
	g_assert_false(paths_make_private_dir(dir, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FORBIDDEN);
	g_assert_nonnull(error_get_hint(error));
	g_rmdir(dir);
	g_rmdir(up);
	g_rmdir(top);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/error/parts", test_error_parts);
	g_test_add_func("/base/error/usage", test_error_usage);
	g_test_add_func("/base/error/errno", test_error_errno);
	g_test_add_func("/base/error/excerpt", test_error_excerpt);
	g_test_add_func("/base/reason/table", test_reasons);
	g_test_add_func("/base/clock/virtual", test_clock_virtual);
	g_test_add_func("/base/clock/real", test_clock_real);
	g_test_add_func("/base/clock/text", test_clock_text);
	g_test_add_func("/base/paths/private", test_private_dir);
	return g_test_run();
}
