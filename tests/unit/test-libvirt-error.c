/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of libvirt's errors: code, reason, hint, and whether the outcome is known. Most of
 * them cannot be had of a daemon on demand, so libvirt's last error is this file's own: it is not
 * linked with libvirt.
 */
#include <string.h>

#include "hyper/libvirt/driver.h"

static virError last;
static gboolean alive;

virErrorPtr virGetLastError(void)
{
	return &last;
}

int virGetLastErrorCode(void)
{
	return last.code;
}

/* As libvirt's own, it resets the last error. */
int virConnectIsAlive(virConnectPtr conn G_GNUC_UNUSED)
{
	memset(&last, 0, sizeof(last));
	return alive;
}

static struct {
	KvmigError code;
	char *message;
	const char *hint, *reason;
} given;

static void take_error(HyperAnswer *answer G_GNUC_UNUSED, KvmigError code, const char *message,
		       const char *hint, const char *reason)
{
	g_clear_pointer(&given.message, g_free);
	given.code = code;
	given.message = g_strdup(message);
	given.hint = hint;
	given.reason = reason;
}

static const HyperCore core = { .set_error = take_error };
const HyperCore *lv_core = &core;

typedef struct {
	int libvirt;
	const char *words;
	KvmigError code;
	const char *reason; /* NULL: none */
	const char *hint;   /* in it; NULL: there is none */
	gboolean known;     /* of a migration: it has not begun */
} ErrorVector;

static const ErrorVector calls[] = {
	{ VIR_ERR_OPERATION_TIMEOUT, "cannot acquire state change lock (held by monitor=remote)",
	  KVMIG_ERROR_TIMEOUT, "KVMIG-PEND-VM-BUSY", "virsh domjobinfo", FALSE },
	{ VIR_ERR_NO_DOMAIN, "Domain not found", KVMIG_ERROR_NOT_FOUND, NULL, NULL, FALSE },
	{ VIR_ERR_ACCESS_DENIED, "access denied", KVMIG_ERROR_FORBIDDEN, NULL, NULL, FALSE },
	{ VIR_ERR_OPERATION_UNSUPPORTED, "no", KVMIG_ERROR_UNSUPPORTED, NULL, NULL, FALSE },
	{ VIR_ERR_INTERNAL_ERROR, "client socket is closed", KVMIG_ERROR_FAILED, NULL, NULL,
	  FALSE },
};

static const ErrorVector migrations[] = {
	{ VIR_ERR_MIGRATE_UNSAFE, "Unsafe migration", KVMIG_ERROR_REFUSED, "KVMIG-BLK-LIBVIRT",
	  NULL, TRUE },
	{ VIR_ERR_OPERATION_INVALID, "domain is not running", KVMIG_ERROR_REFUSED,
	  "KVMIG-BLK-LIBVIRT", NULL, FALSE },
	{ VIR_ERR_CONFIG_UNSUPPORTED, "TLS directory not configured", KVMIG_ERROR_REFUSED,
	  "KVMIG-BLK-TLS-CERTS", "migrate_tls_x509_cert_dir", TRUE },
	{ VIR_ERR_INTERNAL_ERROR, "The certificate is not trusted", KVMIG_ERROR_FAILED,
	  "KVMIG-BLK-TLS-CERTS", "disableTLS", FALSE },
	{ VIR_ERR_OPERATION_ABORTED, "canceled by client", KVMIG_ERROR_CANCELLED,
	  "KVMIG-FAIL-CANCELLED", NULL, FALSE },
	{ VIR_ERR_OPERATION_TIMEOUT, "Timed out during operation: cannot acquire state change lock",
	  KVMIG_ERROR_TIMEOUT, "KVMIG-PEND-VM-BUSY", "virsh domjobinfo", FALSE },
	{ VIR_ERR_OPERATION_FAILED, "unable to connect to server at 'b:49152': Connection refused",
	  KVMIG_ERROR_FAILED, "KVMIG-FAIL-LIBVIRT", "firewall", FALSE },
};

static void expect_given(const ErrorVector *vector)
{
	g_assert_cmpint(given.code, ==, vector->code);
	g_assert_cmpstr(given.message, ==, vector->words);
	g_assert_cmpstr(given.reason, ==, vector->reason);
	if (vector->hint)
		g_assert_nonnull(strstr(given.hint, vector->hint));
	else
		g_assert_null(given.hint);
}

/* Any pointer: nobody looks into it. */
static virConnectPtr fail_with(const ErrorVector *vector, gboolean connected)
{
	alive = connected;
	last = (virError){ .code = vector->libvirt, .message = (char *)vector->words };
	return (virConnectPtr)&last;
}

static void test_calls(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(calls); i++) {
		HyperAnswer answer = { 0 };

		lv_set_error(&answer, fail_with(&calls[i], TRUE));
		expect_given(&calls[i]);
		g_assert_false(answer.outcome_unknown);
	}
}

static void test_migrations(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(migrations); i++) {
		HyperAnswer answer = { 0 };

		lv_set_migrate_error(&answer, fail_with(&migrations[i], TRUE));
		expect_given(&migrations[i]);
		g_assert_cmpint(answer.outcome_unknown, ==, !migrations[i].known);
	}
}

/* Whatever libvirt said last: the host is to be asked again. */
static void test_broken(void)
{
	HyperAnswer answer = { 0 };

	lv_set_error(&answer, fail_with(&calls[0], FALSE));
	g_assert_cmpint(given.code, ==, KVMIG_ERROR_UNREACHABLE);
	g_assert_cmpstr(given.message, ==, calls[0].words);
	lv_set_migrate_error(&answer, fail_with(&migrations[0], FALSE));
	g_assert_cmpint(given.code, ==, KVMIG_ERROR_UNREACHABLE);
	g_assert_cmpstr(given.reason, ==, "KVMIG-FAIL-HOST-UNREACHABLE");
	g_assert_true(answer.outcome_unknown);
	(void)fail_with(&calls[0], TRUE);
	lv_set_error(&answer, NULL);
	g_assert_cmpint(given.code, ==, KVMIG_ERROR_UNREACHABLE);
}

/* One line, valid, of bounded length. */
static void test_text(void)
{
	g_autofree char *many = g_strnfill(5000, 'x');
	g_autofree char *line = NULL, *none = NULL, *cut = NULL;

	last.message = (char *)"a\tb\xff\x1b[1m  \r\nsecond";
	line = lv_error_text();
	g_assert_cmpstr(line, ==, "a b\xef\xbf\xbd [1m");
	last.message = NULL;
	none = lv_error_text();
	g_assert_cmpstr(none, ==, "no reason given");
	last.message = many;
	cut = lv_error_text();
	g_assert_cmpuint(strlen(cut), ==, 1000);
}

int main(int argc, char **argv)
{
	int failed;

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/libvirt-error/calls", test_calls);
	g_test_add_func("/libvirt-error/migrations", test_migrations);
	g_test_add_func("/libvirt-error/broken", test_broken);
	g_test_add_func("/libvirt-error/text", test_text);
	failed = g_test_run();
	g_free(given.message);
	return failed;
}
