/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are towards the server: headers, token files that change, credentials that expire. */
#include <sys/prctl.h>
#include <sys/stat.h>

#include "cluster/kube/credential.h"
#include "cluster/kube/exec.h"
#include "store-fixture.h"

static const ClusterOptions no_options;

static char *headers_of(Credential *credential, GError **error)
{
	g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(credential_line_free);
	GString *text;

	if (!credential_add_headers(credential, headers, error))
		return NULL;
	text = g_string_new(NULL);
	for (guint i = 0; i < headers->len; i++)
		g_string_append_printf(text, "%s%s", i ? "|" : "", (char *)headers->pdata[i]);
	return g_string_free(text, FALSE);
}

static void assert_sends(Credential *credential, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = headers_of(credential, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(text, ==, wanted);
}

static void assert_target_sends(const KubeTarget *target, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Credential) credential = credential_new(target, &no_options, &error);

	g_assert_no_error(error);
	assert_sends(credential, wanted);
}

static void assert_refused(const KubeTarget *target, const char *says)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(credential_new(target, &no_options, &error));
	assert_error(error, KVMIG_ERROR_INVALID, says);
	g_assert_null(strchr(error->message, '\n'));
}

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *json = json_parse(text, strlen(text), "extra", &error);

	g_assert_no_error(error);
	return json;
}

static void test_headers(void)
{
	char *groups[] = { (char *)"a", (char *)"b c", NULL };
	g_autoptr(cJSON) extra = parse("{\"acme.com/x\":[\"1\",\"2\"],\"a%\\u00e4B\":[\"3\"]}");
	KubeTarget target = { .as = (char *)"jane", .as_uid = (char *)"7", .as_groups = groups };

	assert_target_sends(&(KubeTarget){ 0 }, "");
	assert_target_sends(&(KubeTarget){ .token = (char *)"t" }, "Authorization: Bearer t");
	assert_target_sends(&(KubeTarget){ .username = (char *)"me", .password = (char *)"pw" },
			    "Authorization: Basic bWU6cHc=");
	assert_target_sends(&(KubeTarget){ .username = (char *)"me" }, "Authorization: Basic bWU6");
	assert_target_sends(&(KubeTarget){ .password = (char *)"pw" }, "");
	target.as_extra = extra;
	assert_target_sends(&target, "Impersonate-User: jane|Impersonate-Uid: 7|"
				     "Impersonate-Group: a|Impersonate-Group: b c|"
				     "Impersonate-Extra-acme.com%2Fx: 1|"
				     "Impersonate-Extra-acme.com%2Fx: 2|"
				     "Impersonate-Extra-a%25%C3%A4B: 3");
}

/* Nothing that comes from a file can add a header of its own. */
static void test_injection(void)
{
	char *groups[] = { (char *)"a\r\nX: y", NULL };
	g_autoptr(cJSON) extra = parse("{\"k\":[\"a\\nb\"]}");

	assert_refused(&(KubeTarget){ .token = (char *)"t\n" }, "the token of user ''");
	assert_refused(&(KubeTarget){ .as = (char *)"j\nX: y" }, "the user to impersonate");
	assert_refused(&(KubeTarget){ .as_uid = (char *)"7\r" }, "the UID to impersonate");
	assert_refused(&(KubeTarget){ .as_groups = groups }, "the group to impersonate");
	assert_refused(&(KubeTarget){ .as_extra = extra }, "'as-user-extra'");
}

static void write_text(const char *path, const char *text)
{
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void test_token_file(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = g_build_filename(fixture->folder, "token", NULL);
	KubeTarget target = { .token_file = path };
	g_autoptr(Credential) credential = credential_new(&target, &no_options, NULL);
	gboolean certificate = TRUE;
	g_autoptr(GError) error = NULL;

	g_assert_null(headers_of(credential, &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND, path);
	g_clear_error(&error);
	write_text(path, " \n");
	g_assert_null(headers_of(credential, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "is empty");
	g_clear_error(&error);
	write_text(path, " one\n");
	assert_sends(credential, "Authorization: Bearer one");
	g_assert_false(credential_refresh(credential, &certificate, &error));
	g_assert_no_error(error);
	g_assert_false(certificate);
	write_text(path, "second\n");
	assert_sends(credential, "Authorization: Bearer second");
	write_text(path, "third_\n");
	g_assert_true(credential_refresh(credential, &certificate, &error));
	assert_sends(credential, "Authorization: Bearer third_");
	/* gone, or being written: the last one stays in use */
	g_assert_cmpint(g_unlink(path), ==, 0);
	assert_sends(credential, "Authorization: Bearer third_");
	g_assert_false(credential_refresh(credential, &certificate, &error));
	g_assert_no_error(error);
	g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*cannot read token file*");
	assert_sends(credential, "Authorization: Bearer third_");
	g_test_assert_expected_messages();
}

/* The file goes before a token beside it, which is better than nothing. */
static void test_token_beside_file(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = g_build_filename(fixture->folder, "token", NULL);
	KubeTarget target = { .token_file = path, .token = (char *)"t" };
	g_autoptr(Credential) credential = credential_new(&target, &no_options, NULL);

	g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*cannot read token file*");
	assert_sends(credential, "Authorization: Bearer t");
	g_test_assert_expected_messages();
	write_text(path, "file");
	assert_sends(credential, "Authorization: Bearer file");
}

/* ---- plugins -------------------------------------------------------------------------------- */

/* Each run prints another token, certificate where there is a file "cert", expiry from "expiry". */
static const char plugin[] =
	"#!/bin/sh\ncd \"${0%/*}\" || exit 1\necho x >>runs\nn=$(wc -l <runs)\n"
	"[ -e same ] && n=0\n[ -e fail ] && { echo logged out >&2; exit 4; }\n"
	"cert=\n[ -e cert ] && "
	"cert=',\"clientCertificateData\":\"C'$n'\",\"clientKeyData\":\"K\"'\n"
	"expiry=null\n[ -e expiry ] && expiry=\\\"$(date -u -d \"$(cat expiry)\" +%FT%TZ)\\\"\n"
	"echo '{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","
	"\"status\":{\"token\":\"t'$n'\",\"expirationTimestamp\":'$expiry''$cert'}}'\n";

static KubeTarget *plugin_target(StoreFixture *fixture)
{
	KubeTarget *target = g_new0(KubeTarget, 1);

	target->server = g_strdup("https://api");
	target->user_name = g_strdup("u");
	target->exec = g_new0(ExecConfig, 1);
	target->exec->api_version = g_strdup(EXEC_V1);
	target->exec->command = g_build_filename(fixture->folder, "plugin", NULL);
	target->exec->env = g_new0(char *, 1);
	write_text(target->exec->command, plugin);
	g_assert_cmpint(g_chmod(target->exec->command, 0700), ==, 0);
	return target;
}

static void write_beside(const KubeTarget *target, const char *name, const char *text)
{
	g_autofree char *folder = g_path_get_dirname(target->exec->command);
	g_autofree char *path = g_build_filename(folder, name, NULL);

	write_text(path, text);
}

static void test_plugin(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = plugin_target(fixture);
	const ClusterOptions none = { .no_plugins = TRUE };
	g_autoptr(Credential) credential = credential_new(target, &no_options, NULL);
	HttpPem certificate = { 0 }, key = { 0 };
	gboolean changed = TRUE;
	g_autoptr(GError) error = NULL;

	g_assert_null(credential_new(target, &none, &error));
	assert_error(error, KVMIG_ERROR_UNSUPPORTED, "credential plugin");
	g_clear_error(&error);
	/* one run serves all, until the server refuses it */
	g_assert_true(credential_certificate(credential, &certificate, &key, &error));
	g_assert_null(certificate.data);
	assert_sends(credential, "Authorization: Bearer t1");
	assert_sends(credential, "Authorization: Bearer t1");
	g_assert_true(credential_refresh(credential, &changed, &error));
	g_assert_false(changed);
	assert_sends(credential, "Authorization: Bearer t2");
	write_beside(target, "cert", "");
	g_assert_true(credential_refresh(credential, &changed, &error));
	g_assert_true(changed);
	g_assert_true(credential_certificate(credential, &certificate, &key, &error));
	g_assert_cmpstr(certificate.data, ==, "C3");
	g_assert_cmpstr(key.data, ==, "K");
	g_assert_cmpuint(key.length, ==, 1);
	g_assert_nonnull(certificate.where);
	/* the same again: no sense in trying */
	write_beside(target, "same", "");
	g_assert_true(credential_refresh(credential, &changed, &error));
	g_assert_false(credential_refresh(credential, &changed, &error));
	g_assert_no_error(error);
	write_beside(target, "fail", "");
	g_assert_false(credential_refresh(credential, &changed, &error));
	assert_error(error, KVMIG_ERROR_FAILED, "no credential for user 'u'");
	assert_error(error, KVMIG_ERROR_FAILED, "exit status 4: logged out");
}

/* One that is about to expire is not sent any more; a short-lived one not renewed at each use. */
static void test_expiry(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(KubeTarget) target = plugin_target(fixture);
	g_autoptr(Credential) credential = credential_new(target, &no_options, NULL);
	gint64 begun_us;

	write_beside(target, "expiry", "1 hour");
	assert_sends(credential, "Authorization: Bearer t1");
	assert_sends(credential, "Authorization: Bearer t1");
	credential_free(g_steal_pointer(&credential));
	credential = credential_new(target, &no_options, NULL);
	write_beside(target, "expiry", "4 seconds");
	begun_us = g_get_monotonic_time();
	assert_sends(credential, "Authorization: Bearer t2");
	/* rounded down, and less what is kept in reserve, it is good for two: not on a machine that
	 * stands still meanwhile */
	if (g_get_monotonic_time() - begun_us > 2 * G_USEC_PER_SEC) {
		g_test_message("that took too long: the rest was not looked at");
		return;
	}
	assert_sends(credential, "Authorization: Bearer t2");
	g_usleep(4 * G_USEC_PER_SEC);
	assert_sends(credential, "Authorization: Bearer t3");
}

/* In a child, so that this process stays as it is for the debugger and the leak checker. */
static void test_protection(void)
{
	if (g_test_subprocess()) {
		const KubeTarget secret = { .token = (char *)"t" };
		g_autoptr(Credential) credential = NULL;

		g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 1);
		credential = credential_new(&secret, &no_options, NULL);
		g_assert_nonnull(credential);
		g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 0);
		return;
	}
	g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
}

/* What is in the file is in memory before anybody knows whether it is a secret. */
static void test_protection_of_files(void)
{
	if (g_test_subprocess()) {
		g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 1);
		g_assert_null(kubeconfig_load("/nowhere", NULL));
		g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 0);
		return;
	}
	g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
	g_test_trap_assert_passed();
}

static void assert_scrubs(const KubeTarget *target, const char *text, const char *wanted)
{
	g_autoptr(Credential) credential = credential_new(target, &no_options, NULL);
	g_autofree char *safe = NULL;

	if (target->token_file)
		g_free(headers_of(credential, NULL));
	safe = credential_scrub(credential, text, -1);
	g_assert_cmpstr(safe, ==, wanted);
}

static void test_scrub(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = g_build_filename(fixture->folder, "token", NULL);

	write_text(path, "in-the-file\n");
	assert_scrubs(&(KubeTarget){ .token = (char *)"hunter2" }, "no 'hunter2', hunter2",
		      "no '[secret]', [secret]");
	assert_scrubs(&(KubeTarget){ .token = (char *)"or" }, "for or", "for or");
	assert_scrubs(&(KubeTarget){ .token_file = path }, "Bearer in-the-file", "Bearer [secret]");
	assert_scrubs(&(KubeTarget){ .username = (char *)"me", .password = (char *)"hunter2" },
		      "hunter2 bWU6aHVudGVyMg== me", "[secret] [secret] me");
	assert_scrubs(&(KubeTarget){ 0 }, "nothing", "nothing");
}

#define TEST(path, func)                                                                           \
	g_test_add("/credential/" path, StoreFixture, NULL, fixture_set_up_bare, func,             \
		   fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/credential/protection", test_protection);
	g_test_add_func("/credential/protection-of-files", test_protection_of_files);
	TEST("scrub", test_scrub);
	g_test_add_func("/credential/headers", test_headers);
	g_test_add_func("/credential/injection", test_injection);
	TEST("token-file", test_token_file);
	TEST("token-beside-file", test_token_beside_file);
	TEST("plugin", test_plugin);
	TEST("expiry", test_expiry);
	return g_test_run();
}
