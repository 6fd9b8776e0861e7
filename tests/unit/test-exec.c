/* SPDX-License-Identifier: Apache-2.0 */
/* Credential plugins: what they are told, how they end, and what they may print. Each is a small
 * shell script. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/kube/exec.h"
#include "store-fixture.h"

#define CREDENTIAL(fields)                                                                         \
	"{\"apiVersion\":\"" EXEC_V1 "\",\"kind\":\"ExecCredential\",\"status\":{" fields "}}"
#define PRINT(fields) "echo '" CREDENTIAL(fields) "'\n"
#define TOKEN PRINT("\"token\":\"secret-t\"")
/* No message may show any of it. */
#define SECRET "secret-t"

static char *write_plugin(StoreFixture *fixture, const char *script, guint mode)
{
	char *path = g_build_filename(fixture->folder, "plugin", NULL);
	g_autofree char *text = g_strdup_printf("#!/bin/sh\n%s", script);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	g_assert_cmpint(chmod(path, mode), ==, 0);
	return path;
}

static KubeTarget *make_target(const char *command)
{
	KubeTarget *target = g_new0(KubeTarget, 1);

	target->server = g_strdup("https://api:6443");
	target->user_name = g_strdup("u");
	target->exec = g_new0(ExecConfig, 1);
	target->exec->api_version = g_strdup(EXEC_V1);
	target->exec->command = g_strdup(command);
	target->exec->env = g_new0(char *, 1);
	return target;
}

static KubeTarget *make_plugin(StoreFixture *fixture, const char *script)
{
	g_autofree char *path = write_plugin(fixture, script, 0700);

	return make_target(path);
}

static void assert_fails(const KubeTarget *target, gboolean interactive, gint64 timeout_ms,
			 KvmigError code, const char *says)
{
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(exec_run(target, interactive, timeout_ms, &result, &error));
	assert_error(error, code, says);
	g_assert_null(strstr(error->message, SECRET));
	g_assert_null(result.token);
}

/* ---- what it prints ------------------------------------------------------------------------- */

static const struct {
	const char *text, *token, *certificate;
	gboolean expires;
} good[] = {
	{ CREDENTIAL("\"token\":\"t\""), "t", NULL, FALSE },
	{ "\n \t" CREDENTIAL("\"token\":\"t\",\"clientKeyData\":\"\",\"more\":[1]") "\n", "t", NULL,
	  FALSE },
	{ CREDENTIAL("\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\",\"token\":null"),
	  NULL, "C", FALSE },
	{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":\"2001-09-09T01:46:41Z\""), "t", NULL,
	  TRUE },
	{ CREDENTIAL("\"token\":\"t\",\"expirationTimestamp\":null"), "t", NULL, FALSE },
	{ "apiVersion: " EXEC_V1 "\nkind: ExecCredential\nstatus:\n  token: t\n", "t", NULL,
	  FALSE },
};

/* A second before the time above. */
#define NOW_US (G_GINT64_CONSTANT(1000000000) * G_USEC_PER_SEC)

static void test_good_replies(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_auto(ExecResult) result = { 0 };
		g_autoptr(GError) error = NULL;

		g_test_message("%s", good[i].text);
		g_assert_true(exec_parse_reply(good[i].text, strlen(good[i].text), EXEC_V1, "p",
					       NOW_US, &result, &error));
		g_assert_no_error(error);
		g_assert_cmpstr(result.token, ==, good[i].token);
		g_assert_cmpstr(result.certificate_pem, ==, good[i].certificate);
		g_assert_cmpint(result.expires_us, ==,
				good[i].expires ? NOW_US + G_USEC_PER_SEC : 0);
	}
}

static const struct {
	const char *text, *says;
} bad[] = {
	{ "", "printed nothing" },
	{ "\n", "printed nothing" },
	{ SECRET, "no ExecCredential (8 bytes)" },
	{ "{\"token\": " SECRET "}", "is no ExecCredential" },
	{ "token: [" SECRET, "is no ExecCredential" },
	{ "[\"" SECRET "\"]", "is no ExecCredential" },
	{ "{\"" SECRET "\":1}", "its kind is another one" },
	{ "{\"apiVersion\":\"" EXEC_V1 "\",\"kind\":\"" SECRET "\"}", "its kind is another one" },
	{ "{\"apiVersion\":\"" EXEC_V1BETA1 "\",\"kind\":\"ExecCredential\"}",
	  "of " EXEC_V1BETA1 ", but the kubeconfig asks for " EXEC_V1 },
	{ "{\"apiVersion\":\"" SECRET "\",\"kind\":\"ExecCredential\"}", "without an apiVersion" },
	{ "{\"apiVersion\":\"" EXEC_V1 "\",\"kind\":\"ExecCredential\"}", "without a status" },
	{ "{\"apiVersion\":\"" EXEC_V1 "\",\"kind\":\"ExecCredential\",\"status\":\"" SECRET "\"}",
	  "without a status" },
	{ CREDENTIAL(""), "neither a token nor a certificate" },
	{ CREDENTIAL("\"token\":\"\""), "neither a token nor a certificate" },
	{ CREDENTIAL("\"token\":17"), "'token' is not a string" },
	{ CREDENTIAL("\"clientCertificateData\":\"" SECRET "\""), "but not both" },
	{ CREDENTIAL("\"clientKeyData\":\"" SECRET "\""), "but not both" },
	{ CREDENTIAL("\"token\":\"" SECRET "\",\"expirationTimestamp\":\"" SECRET "\""),
	  "not a time" },
	{ CREDENTIAL("\"token\":\"" SECRET "\",\"expirationTimestamp\":\"2001-09-09T01:46:30Z\""),
	  "expired 10 s ago" },
};

static void test_bad_replies(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_auto(ExecResult) result = { 0 };
		g_autoptr(GError) error = NULL;

		g_test_message("%s", bad[i].text);
		g_assert_false(exec_parse_reply(bad[i].text, strlen(bad[i].text), EXEC_V1, "p",
						NOW_US, &result, &error));
		assert_error(error, KVMIG_ERROR_INVALID, bad[i].says);
		g_assert_null(strstr(error->message, SECRET));
		g_assert_nonnull(error_get_hint(error));
		g_assert_null(result.token);
	}
}

/* ---- what it is told ------------------------------------------------------------------------ */

static cJSON *told(StoreFixture *fixture, KubeTarget *target, gboolean interactive)
{
	g_autofree char *path = g_build_filename(fixture->folder, "info", NULL);
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	cJSON *info;

	g_setenv("OUT", path, TRUE);
	g_assert_true(exec_run(target, interactive, 10000, &result, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(result.token, ==, "secret-t");
	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	info = json_parse(text, strlen(text), "info", &error);
	g_assert_no_error(error);
	return info;
}

#define TELL "printf %s \"$KUBERNETES_EXEC_INFO\" >\"$OUT\"\n" TOKEN

static void test_info(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = make_plugin(fixture, TELL);
	g_autoptr(cJSON) plain = NULL;
	g_autoptr(cJSON) full = NULL;
	g_autofree char *text = NULL, *full_text = NULL;

	plain = told(fixture, target, FALSE);
	text = json_print(plain);
	g_assert_cmpstr(text, ==,
			"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" EXEC_V1
			"\",\"spec\":{\"interactive\":false}}");
	target->exec->provide_cluster_info = TRUE;
	target->exec->interactive = EXEC_IF_AVAILABLE;
	target->exec->cluster_config = cJSON_CreateString("x");
	target->ca_pem = g_strdup("CA");
	target->tls_server_name = g_strdup("kube");
	target->proxy = g_strdup("socks5h://p:1");
	target->disable_compression = TRUE;
	full = told(fixture, target, TRUE);
	full_text = json_print(full);
	g_assert_cmpstr(full_text, ==,
			"{\"kind\":\"ExecCredential\",\"apiVersion\":\"" EXEC_V1
			"\",\"spec\":{\"cluster\":{\"server\":\"https://api:6443\","
			"\"tls-server-name\":\"kube\",\"certificate-authority-data\":\"Q0E=\","
			"\"proxy-url\":\"socks5://p:1\",\"disable-compression\":true,"
			"\"config\":\"x\"},\"interactive\":true}}");
}

static void test_arguments(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = make_plugin(
		fixture, "[ \"$#/$1/$2/$A/$B/$HOME\" = '2/a b/$(c)/1/over/'\"$WANT\" ] || exit 9\n"
			 "read -r line && exit 8\n" TOKEN);
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;

	g_setenv("B", "under", TRUE);
	g_setenv("WANT", fixture->folder, TRUE);
	target->exec->args = g_strsplit("a b|$(c)", "|", -1);
	g_strfreev(target->exec->env);
	target->exec->env = g_strsplit("A=1|B=over", "|", -1);
	g_assert_true(exec_run(target, FALSE, 10000, &result, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(result.token, ==, "secret-t");
}

/* stdin is its own only where it may ask. */
static void test_stdin(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = make_plugin(
		fixture, "read -r line || exit 9\n[ \"$line\" = yes ] || exit 8\n" TOKEN);
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;
	int fds[2], saved = dup(STDIN_FILENO);

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(write(fds[1], "yes\nyes\n", 8), ==, 8);
	g_assert_cmpint(dup2(fds[0], STDIN_FILENO), ==, STDIN_FILENO);
	target->exec->interactive = EXEC_NEVER;
	assert_fails(target, TRUE, 10000, KVMIG_ERROR_FAILED, "exit status 9");
	target->exec->interactive = EXEC_IF_AVAILABLE;
	assert_fails(target, FALSE, 10000, KVMIG_ERROR_FAILED, "exit status 9");
	g_assert_true(exec_run(target, TRUE, 10000, &result, &error));
	g_assert_no_error(error);
	target->exec->interactive = EXEC_ALWAYS;
	assert_fails(target, FALSE, 10000, KVMIG_ERROR_REFUSED, "stdin is none");
	(void)dup2(saved, STDIN_FILENO);
	(void)close(saved);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* ---- how it ends ---------------------------------------------------------------------------- */

static void test_failing(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *script;
		KvmigError code;
		const char *says;
	} rows[] = {
		{ "exit 3\n", KVMIG_ERROR_FAILED, "failed with exit status 3" },
		{ TOKEN "echo one >&2; printf 'two \\033[1m\\n\\n' >&2; exit 1\n",
		  KVMIG_ERROR_FAILED, "exit status 1: two" },
		{ "kill -9 $$\n", KVMIG_ERROR_FAILED, "ended by signal 9" },
		{ "echo junk secret-t\n", KVMIG_ERROR_INVALID, "no ExecCredential" },
		{ "yes | head -c 1100000\nsleep 60\n", KVMIG_ERROR_INVALID, "more than 1048576" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(KubeTarget) target = make_plugin(fixture, rows[i].script);

		assert_fails(target, FALSE, 20000, rows[i].code, rows[i].says);
	}
}

static gboolean is_gone(const char *pid_file)
{
	g_autofree char *text = NULL;
	gint64 pid;

	g_assert_true(g_file_get_contents(pid_file, &text, NULL, NULL));
	g_assert_true(g_ascii_string_to_signed(g_strchomp(text), 10, 2, G_MAXINT, &pid, NULL));
	for (int i = 0; i < 3000; i++) {
		g_autofree char *stat_file = g_strdup_printf("/proc/%d/stat", (int)pid);
		g_autofree char *stat_text = NULL;

		if (!g_file_get_contents(stat_file, &stat_text, NULL, NULL) ||
		    strstr(stat_text, ") Z "))
			return TRUE;
		g_usleep(20000);
	}
	return FALSE;
}

/* What it has started ends with it. */
static void test_hanging(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *pid_file = g_build_filename(fixture->folder, "pid", NULL);
	g_autoptr(KubeTarget) target =
		make_plugin(fixture, "trap '' TERM\nsleep 300 &\necho $! >\"$OUT\"\necho waiting "
				     ">&2\nwait\nsleep 300\n");
	gint64 start = g_get_monotonic_time();

	g_setenv("OUT", pid_file, TRUE);
	assert_fails(target, FALSE, 8000, KVMIG_ERROR_TIMEOUT, "killed: waiting");
	g_assert_cmpint(g_get_monotonic_time() - start, <, 60 * G_USEC_PER_SEC);
	g_assert_true(is_gone(pid_file));
}

/* A helper that stays behind and keeps stdout open is not waited for. */
static void test_left_behind(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = make_plugin(fixture, "sleep 20 &\n" TOKEN);
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	g_assert_true(exec_run(target, FALSE, 60000, &result, &error));
	g_assert_no_error(error);
	g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_USEC_PER_SEC);
}

static volatile sig_atomic_t seen;

static void see(int number)
{
	seen = number;
}

/* Ctrl-C ends the plugin and is then ours. */
static void test_interrupt(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	const struct sigaction action = { .sa_handler = see };
	g_autofree char *pid_file = g_build_filename(fixture->folder, "pid", NULL);
	g_autoptr(KubeTarget) target = make_plugin(
		fixture, "echo $$ >\"$OUT\"\n"
			 /* SIGHUP too: it is exec_run()'s handlers, not this test's own */
			 "until grep -q '^SigCgt:.*[37bf]$' /proc/$PPID/status\n"
			 "do sleep 0.05; done\n"
			 "sleep 0.3\n" /* under valgrind, which has one for SIGHUP itself */
			 "kill -INT $PPID\nexec sleep 300\n");
	struct sigaction old;

	g_setenv("OUT", pid_file, TRUE);
	g_assert_cmpint(sigaction(SIGINT, &action, &old), ==, 0);
	assert_fails(target, FALSE, 20000, KVMIG_ERROR_CANCELLED, "interrupted");
	(void)sigaction(SIGINT, &old, NULL);
	g_assert_cmpint(seen, ==, SIGINT);
	g_assert_true(is_gone(pid_file));
}

/* ---- where it is ---------------------------------------------------------------------------- */

static void assert_hint(const KubeTarget *target, KvmigError code, const char *says,
			const char *hint)
{
	g_auto(ExecResult) result = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(exec_run(target, FALSE, 1000, &result, &error));
	assert_error(error, code, says);
	g_assert_cmpstr(error_get_hint(error), ==, hint);
}

static void test_missing(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = write_plugin(fixture, TOKEN, 0600);
	g_autoptr(KubeTarget) closed = make_target(path);
	g_autoptr(KubeTarget) folder = make_target(fixture->folder);
	g_autoptr(KubeTarget) absolute = make_target("/nowhere/plugin");
	g_autoptr(KubeTarget) missing = make_target("kvmig-no-such-plugin");

	assert_fails(closed, FALSE, 1000, KVMIG_ERROR_FORBIDDEN, "not a program");
	assert_fails(folder, FALSE, 1000, KVMIG_ERROR_FORBIDDEN, "not a program");
	assert_fails(absolute, FALSE, 1000, KVMIG_ERROR_NOT_FOUND, "is not installed");
	assert_hint(missing, KVMIG_ERROR_NOT_FOUND, "'kvmig-no-such-plugin' is not installed",
		    "install it, or put its folder into PATH");
	missing->exec->install_hint = g_strdup("get it\n\tfrom \033[1mhere\n");
	assert_hint(missing, KVMIG_ERROR_NOT_FOUND, "not installed", "get it  from  [1mhere");
}

static void test_path(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *old = g_strdup(g_getenv("PATH"));
	g_autofree char *both = g_strdup_printf("%s:%s", fixture->folder, old);
	g_autofree char *here = g_get_current_dir();
	g_autoptr(KubeTarget) target = make_target("plugin");
	g_auto(ExecResult) result = { 0 };

	g_free(write_plugin(fixture, TOKEN, 0700));
	/* never from a relative entry of PATH */
	g_assert_cmpint(chdir(fixture->folder), ==, 0);
	g_setenv("PATH", ".:/nowhere", TRUE);
	assert_fails(target, FALSE, 1000, KVMIG_ERROR_NOT_FOUND, "is not installed");
	g_assert_cmpint(chdir(here), ==, 0);
	g_setenv("PATH", both, TRUE);
	g_assert_true(exec_run(target, FALSE, 10000, &result, NULL));
	g_setenv("PATH", old, TRUE);
}

#define TEST(path, func)                                                                           \
	g_test_add("/exec/" path, StoreFixture, NULL, fixture_set_up_bare, func, fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/exec/good-replies", test_good_replies);
	g_test_add_func("/exec/bad-replies", test_bad_replies);
	TEST("info", test_info);
	TEST("arguments", test_arguments);
	TEST("stdin", test_stdin);
	TEST("failing", test_failing);
	TEST("hanging", test_hanging);
	TEST("left-behind", test_left_behind);
	TEST("interrupt", test_interrupt);
	TEST("missing", test_missing);
	TEST("path", test_path);
	return g_test_run();
}
