/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and queries that are sent, and what becomes of what the server refuses. Pure. */
#include <string.h>

#include "base/error.h"
#include "cluster/kube/path.h"
#include "cluster/kube/status-error.h"

/* ---- paths ---------------------------------------------------------------------------------- */

static void test_path(void)
{
	static const struct {
		const Kind *kind;
		const char *ns, *name, *subresource, *path;
	} rows[] = {
		{ &KIND_VMI, "a", "b", NULL,
		  "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstances/b" },
		{ &KIND_VMI, NULL, NULL, NULL, "/apis/kubevirt.io/v1/virtualmachineinstances" },
		{ &KIND_VMIM, "a", "b", "status",
		  "/apis/kubevirt.io/v1/namespaces/a/virtualmachineinstancemigrations/b/status" },
		{ &KIND_NODE, NULL, "n1", NULL, "/api/v1/nodes/n1" },
		{ &KIND_NODE, "ignored", "n1", NULL, "/api/v1/nodes/n1" },
		{ &KIND_CLUSTER_ROLE, NULL, "kubevirt.io:migrate", NULL,
		  "/apis/rbac.authorization.k8s.io/v1/clusterroles/kubevirt.io%3Amigrate" },
		{ &KIND_VMI, "a b", "c?d=e#f&", NULL,
		  "/apis/kubevirt.io/v1/namespaces/a%20b/virtualmachineinstances/"
		  "c%3Fd%3De%23f%26" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *path = path_of(rows[i].kind, rows[i].ns, rows[i].name,
						rows[i].subresource, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(path, ==, rows[i].path);
	}
}

/* What a server or a proxy might read as another path. */
static void test_path_bad(void)
{
	static const char *const bad[] = { ".", "..", "", "a/b", "../x", "a%2fb", "\xff" };

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) as_name = NULL, as_ns = NULL;

		g_assert_null(path_of(&KIND_VMI, "ns", bad[i], NULL, &as_name));
		g_assert_error(as_name, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_null(path_of(&KIND_VMI, bad[i], "x", NULL, &as_ns));
		g_assert_error(as_ns, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	}
}

static void test_query(void)
{
	g_auto(Query) query = { 0 };
	g_autoptr(Selector) selector = selector_parse("a in (x,y),!b", NULL);
	const ClusterListOptions options = { .selector = selector, .name = "n" };
	g_autofree char *plain = query_take(&query, "/p"), *list = NULL, *write = NULL;

	query_add_options(&query, &options);
	query_add_int(&query, "limit", 50);
	query_add(&query, "continue", NULL);
	list = query_take(&query, "/p");
	query_add_write(&query, CLUSTER_WRITE_DRY_RUN | CLUSTER_WRITE_FORCE);
	write = query_take(&query, "/p");
	g_assert_cmpstr(plain, ==, "/p");
	g_assert_cmpstr(list, ==,
			"/p?labelSelector=a%20in%20%28x%2Cy%29%2C%21b&"
			"fieldSelector=metadata.name%3Dn&limit=50");
	g_assert_cmpstr(write, ==,
			"/p?fieldManager=kvmig&fieldValidation=Strict&dryRun=All&force=true");
}

/* ---- refusals ------------------------------------------------------------------------------- */

typedef struct {
	const char *verb;
	const Kind *kind;
	const char *ns, *name;
	int http;
	const char *body;
	KvmigError code;
	const char *message; /* all of it */
	const char *hint;    /* a piece of it; NULL: none */
} Case;

#define STATUS(code, reason, message, details)                                                     \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","       \
	"\"message\":\"" message "\",\"reason\":\"" reason "\",\"details\":{" details              \
	"},\"code\":" #code "}"

static const Case cases[] = {
	{ "get", &KIND_VMI, "d", "x", 404,
	  STATUS(404, "NotFound", "virtualmachineinstances.kubevirt.io \\\"x\\\" not found",
		 "\"name\":\"x\",\"group\":\"kubevirt.io\",\"kind\":\"virtualmachineinstances\""),
	  KVMIG_ERROR_NOT_FOUND, "no virtualmachineinstance 'x' in namespace 'd' in 'kube/prod'",
	  NULL },
	{ "get", &KIND_VMI, "d", "x", 404, "404 page not found\n", KVMIG_ERROR_UNSUPPORTED,
	  "'kube/prod' serves no virtualmachineinstances of kubevirt.io/v1", "cluster info" },
	{ "list", &KIND_VMI, NULL, NULL, 404,
	  STATUS(404, "NotFound", "the server could not find the requested resource", ""),
	  KVMIG_ERROR_UNSUPPORTED,
	  "'kube/prod' serves no virtualmachineinstances of kubevirt.io/v1", "cluster info" },
	{ "create", &KIND_VMIM, "gone", "m", 404,
	  STATUS(404, "NotFound", "namespaces \\\"gone\\\" not found",
		 "\"name\":\"gone\",\"kind\":\"namespaces\""),
	  KVMIG_ERROR_NOT_FOUND, "no namespace 'gone' in 'kube/prod'", NULL },
	{ "create", &KIND_VMIM, "d", "m", 403,
	  STATUS(403, "Forbidden",
		 "virtualmachineinstancemigrations.kubevirt.io is forbidden: User \\\"jane\\\" "
		 "cannot create resource \\\"virtualmachineinstancemigrations\\\" in API group "
		 "\\\"kubevirt.io\\\" in the namespace \\\"d\\\"",
		 "\"group\":\"kubevirt.io\",\"kind\":\"virtualmachineinstancemigrations\""),
	  KVMIG_ERROR_FORBIDDEN,
	  "cannot create virtualmachineinstancemigration 'm' in namespace 'd': "
	  "virtualmachineinstancemigrations.kubevirt.io is forbidden: User \"jane\" cannot create "
	  "resource \"virtualmachineinstancemigrations\" in API group \"kubevirt.io\" in the "
	  "namespace \"d\"",
	  "namespace d: 'kvmig rbac grant jane -n d'" },
	{ "list", &KIND_NODE, NULL, NULL, 403,
	  STATUS(403, "Forbidden",
		 "nodes is forbidden: User \\\"jane\\\" cannot list resource \\\"nodes\\\"",
		 "\"kind\":\"nodes\""),
	  KVMIG_ERROR_FORBIDDEN,
	  "cannot list nodes: nodes is forbidden: User \"jane\" cannot list resource \"nodes\"",
	  "a role for nodes" },
	{ "create", &KIND_VMI, "d", "x", 403,
	  STATUS(403, "Forbidden", "pods \\\"x\\\" is forbidden: exceeded quota: q", ""),
	  KVMIG_ERROR_FORBIDDEN,
	  "cannot create virtualmachineinstance 'x' in namespace 'd': pods \"x\" is forbidden: "
	  "exceeded quota: q",
	  NULL },
	{ "get", &KIND_VMI, "d", "x", 401, STATUS(401, "Unauthorized", "Unauthorized", ""),
	  KVMIG_ERROR_FORBIDDEN,
	  "https://api:6443 does not accept the credentials of user 'jane': Unauthorized",
	  "log in again" },
	{ "create", &KIND_VMIM, "d", "m", 409,
	  STATUS(409, "AlreadyExists", "x already exists", "\"name\":\"m\""), KVMIG_ERROR_EXISTS,
	  "virtualmachineinstancemigration 'm' in namespace 'd' is there already in 'kube/prod'",
	  NULL },
	{ "create", &KIND_VMIM, "d", "m", 409,
	  STATUS(409, "AlreadyExists", "object is being deleted: x \\\"m\\\" already exists", ""),
	  KVMIG_ERROR_CONFLICT,
	  "cannot create virtualmachineinstancemigration 'm' in namespace 'd': object is being "
	  "deleted: x \"m\" already exists",
	  NULL },
	{ "apply", &KIND_MIGRATION_POLICY, NULL, "p", 409,
	  STATUS(409, "Conflict", "Apply failed with 2 conflicts",
		 "\"causes\":[{\"reason\":\"FieldManagerConflict\",\"message\":\"conflict with "
		 "\\\"kubectl\\\"\",\"field\":\".spec.a\"},{\"reason\":\"FieldManagerConflict\","
		 "\"message\":\"conflict with \\\"x\\\" using v1\",\"field\":\".spec.b\"}]"),
	  KVMIG_ERROR_CONFLICT,
	  "cannot apply migrationpolicy 'p': spec.a: conflict with \"kubectl\"; spec.b: conflict "
	  "with \"x\" using v1",
	  "--force-conflicts" },
	{ "apply", &KIND_MIGRATION_POLICY, NULL, "p", 500,
	  STATUS(500, "",
		 "failed to create typed patch object (/p; g/v1, Kind=P): .spec.a: expected "
		 "string, "
		 "got 1",
		 ""),
	  KVMIG_ERROR_INVALID, "cannot apply migrationpolicy 'p': spec.a: expected string, got 1",
	  NULL },
	{ "apply", &KIND_MIGRATION_POLICY, NULL, "p", 500,
	  STATUS(500, "",
		 "failed to create typed patch object (/p; g/v1, Kind=P): errors:\\n  .spec.a: "
		 "expected string\\n  .spec.b: field not declared in schema\\n",
		 ""),
	  KVMIG_ERROR_INVALID,
	  "cannot apply migrationpolicy 'p': spec.a: expected string; spec.b: field not declared "
	  "in schema",
	  NULL },
	{ "create", &KIND_MIGRATION_POLICY, NULL, "p", 413, "", KVMIG_ERROR_INVALID,
	  "cannot create migrationpolicy 'p': it is larger than 'kube/prod' takes (HTTP status "
	  "413)",
	  "3 MB" },
	{ "create", &KIND_MIGRATION_POLICY, NULL, "p", 422,
	  STATUS(422, "Invalid", "MigrationPolicy \\\"p\\\" is invalid: [a, b]",
		 "\"causes\":[{\"message\":\"Required value\",\"field\":\"spec.a\"},"
		 "{\"message\":\"Required value\",\"field\":\"spec.a\"},"
		 "{\"message\":\"Invalid value: \\\"x\\\":\\n too long.\",\"field\":\"spec.b\"}]"),
	  KVMIG_ERROR_INVALID,
	  "cannot create migrationpolicy 'p': spec.a: Required value; spec.b: Invalid value: "
	  "\"x\": too long",
	  NULL },
	{ "create", &KIND_VMIM, "d", "m", 400,
	  STATUS(400, "BadRequest", "strict decoding error: unknown field \\\"spec.vmName\\\"", ""),
	  KVMIG_ERROR_INVALID,
	  "cannot create virtualmachineinstancemigration 'm' in namespace 'd': strict decoding "
	  "error: unknown field \"spec.vmName\"",
	  NULL },
	{ "watch", &KIND_VMI, NULL, NULL, 410,
	  STATUS(410, "Expired", "too old resource version: 1 (9)", ""), KVMIG_ERROR_EXPIRED,
	  "cannot watch virtualmachineinstances in all namespaces in 'kube/prod': too old resource "
	  "version: 1 (9)",
	  NULL },
	{ "get", &KIND_NODE, NULL, "n", 429, STATUS(429, "TooManyRequests", "later", ""),
	  KVMIG_ERROR_UNREACHABLE, "cannot get node 'n' in 'kube/prod': later", "busy" },
	{ "get", &KIND_NODE, NULL, "n", 503, "<html><h1>oops</h1>", KVMIG_ERROR_UNREACHABLE,
	  "cannot get node 'n' in 'kube/prod': HTTP status 503 without an explanation", NULL },
	{ "get", &KIND_NODE, NULL, "n", 502, "upstream\x1b[31m\r\nrefused\xff.", /* terminal */
	  KVMIG_ERROR_UNREACHABLE,
	  "cannot get node 'n' in 'kube/prod': HTTP status 502: upstream [31m refused\xef\xbf\xbd",
	  NULL },
	{ "get", &KIND_NODE, NULL, "n", 500, "", KVMIG_ERROR_FAILED,
	  "cannot get node 'n' in 'kube/prod': HTTP status 500 without an explanation", NULL },
	{ "create", &KIND_VMIM, "d", "m", 500,
	  STATUS(500, "InternalError", "failed calling webhook \\\"w\\\": connection refused", ""),
	  KVMIG_ERROR_FAILED,
	  "cannot create virtualmachineinstancemigration 'm' in namespace 'd' in 'kube/prod': "
	  "failed calling webhook \"w\": connection refused",
	  NULL },
	{ "create", &KIND_MIGRATION_POLICY, NULL, "p", 500,
	  STATUS(500, "InternalError",
		 "failed calling webhook \\\"w\\\": failed to call webhook: Post "
		 "\\\"https://virt-api.kv.svc:443/x?timeout=10s\\\": connection refused",
		 ""),
	  KVMIG_ERROR_FAILED,
	  "cannot create migrationpolicy 'p' in 'kube/prod': failed calling webhook \"w\": failed "
	  "to call webhook: Post \"https://virt-api.kv.svc:443/x?timeout=10s\": connection refused",
	  "'kubectl get pods -n kv -l kubevirt.io=virt-api'" },
	{ "get", &KIND_NODE, NULL, "n", 504, STATUS(504, "Timeout", "slow", ""),
	  KVMIG_ERROR_TIMEOUT, "cannot get node 'n' in 'kube/prod': slow", NULL },
	{ "get", NULL, NULL, "/version", 404, "404 page not found", KVMIG_ERROR_NOT_FOUND,
	  "cannot get '/version' in 'kube/prod': HTTP status 404: 404 page not found", NULL },
	/* a Status whose code is none of a failure */
	{ "get", &KIND_NODE, NULL, "n", 500, "{\"kind\":\"Status\",\"code\":200,\"message\":7}",
	  KVMIG_ERROR_FAILED, "cannot get node 'n' in 'kube/prod': HTTP status 500", NULL },
};

static void test_refusals(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const Case *c = &cases[i];
		const StatusSubject subject = { .verb = c->verb,
						.kind = c->kind,
						.ns = c->ns,
						.name = c->name,
						.context = "kube/prod",
						.server = "https://api:6443",
						.user = "jane" };
		g_autoptr(GError) error = NULL;
		const char *hint;

		g_assert_false(
			status_error_set(&error, &subject, c->http, c->body, strlen(c->body)));
		g_assert_cmpstr(error->message, ==, c->message);
		g_assert_error(error, KVMIG_ERROR, (int)c->code);
		hint = error_get_hint(error);
		if (c->hint)
			g_assert_nonnull(strstr(hint ? hint : "", c->hint));
		else
			g_assert_null(hint);
	}
}

/* A value of any length stands before the reason, as the API server writes it. */
static void test_long_value(void)
{
	const StatusSubject subject = { .verb = "change",
					.kind = &KIND_HYPERCONVERGED,
					.name = "h",
					.context = "c",
					.server = "s" };
	static const struct {
		const char *tail, *field, *expected;
	} rows[] = {
		{ "\": strict decoding error: unknown field \"spec.x\"", "patch",
		  "cannot change hyperconverged 'h': strict decoding error: unknown field "
		  "\"spec.x\"" },
		{ "\": no such thing", "spec.y",
		  "cannot change hyperconverged 'h': spec.y: no such thing" },
		{ "\\\": not its end\": but this", "spec.y",
		  "cannot change hyperconverged 'h': spec.y: but this" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *value = g_strnfill(5000, 'v');
		g_autofree char *message =
			g_strconcat("Invalid value: \"{\\\"a\\\":", value, rows[i].tail, NULL);
		g_autoptr(cJSON) status = cJSON_CreateObject();
		g_autoptr(GError) error = NULL;
		g_autofree char *body = NULL;
		cJSON *causes, *cause = cJSON_CreateObject();

		json_set_string(status, "kind", "Status");
		json_set_string(status, "reason", "Invalid");
		json_set_int(status, "code", 422);
		causes = json_ensure_array(json_ensure_object(status, "details"), "causes");
		json_set_string(cause, "message", message);
		json_set_string(cause, "field", rows[i].field);
		cJSON_AddItemToArray(causes, cause);
		body = json_print(status);
		g_assert_false(status_error_set(&error, &subject, 422, body, strlen(body)));
		g_assert_cmpstr(error->message, ==, rows[i].expected);
	}
}

/* However many groups the user is in, what he must not do is told. */
static void test_groups(void)
{
	const StatusSubject subject = { .verb = "create",
					.kind = &KIND_CLUSTER_ROLE_BINDING,
					.name = "b",
					.context = "c",
					.server = "s" };
	g_autoptr(GString) message =
		g_string_new("clusterrolebindings \"b\" is forbidden: user \"x\" "
			     "(groups=[\"a\\\"])\"");
	g_autoptr(cJSON) status = cJSON_CreateObject();
	g_autoptr(GError) error = NULL, endless = NULL;

	for (int i = 0; i < 100; i++)
		g_string_append_printf(message, " \"group-of-some-length-%d\"", i);
	json_set_string(status, "message", message->str);
	g_assert_false(status_error_set_object(&endless, &subject, 403, status));
	g_assert_nonnull(strstr(endless->message, "(groups=["));
	g_string_append(message, "]) is attempting to grant");
	json_set_string(status, "message", message->str);
	g_assert_false(status_error_set_object(&error, &subject, 403, status));
	g_assert_cmpstr(error->message, ==,
			"cannot create clusterrolebinding 'b': clusterrolebindings \"b\" is "
			"forbidden: user \"x\" is attempting to grant");
}

/* Causes without end, and a text without end, come to a message of bounded length. */
static void test_bounded(void)
{
	const StatusSubject subject = {
		.verb = "create", .kind = &KIND_NODE, .name = "n", .context = "c", .server = "s"
	};
	g_autoptr(GString) body = g_string_new("{\"kind\":\"Status\",\"code\":422,\"details\":{"
					       "\"causes\":[{\"message\":\"m\"}");
	g_autofree char *mega = g_strnfill(200000, 'x');
	g_autoptr(GError) many = NULL, large = NULL;

	for (int i = 0; i < 500; i++)
		g_string_append_printf(body, ",{\"message\":\"m%d %.1000s\"}", i, mega);
	g_string_append(body, "]}}");
	status_error_set(&many, &subject, 422, body->str, body->len);
	g_assert_cmpuint(strlen(many->message), <, 4096);
	g_assert_nonnull(strstr(many->message, "; and 491 more"));
	g_string_printf(body, "{\"kind\":\"Status\",\"code\":500,\"message\":\"%s\"}", mega);
	status_error_set(&large, &subject, 500, body->str, body->len);
	g_assert_cmpuint(strlen(large->message), <, 2048);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/path", test_path);
	g_test_add_func("/kube/path/bad", test_path_bad);
	g_test_add_func("/kube/query", test_query);
	g_test_add_func("/kube/status", test_refusals);
	g_test_add_func("/kube/status/long-value", test_long_value);
	g_test_add_func("/kube/status/groups", test_groups);
	g_test_add_func("/kube/status/bounded", test_bounded);
	return g_test_run();
}
