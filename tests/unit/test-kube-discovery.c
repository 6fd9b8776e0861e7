/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds that a server says it serves, its marks, and the fields of its kinds. */
#include <glib/gstdio.h>
#include <string.h>

#include "cluster/kube/discovery-private.h"
#include "cluster/kube/openapi.h"
#include "kube-fake.h"
#include "store-fixture.h"

static void remove_cache(const char *folder)
{
	fixture_remove(folder);
	g_assert_false(g_file_test(folder, G_FILE_TEST_EXISTS));
}

#define SCRIPT(replies) fake_script(replies, G_N_ELEMENTS(replies), 17)

#define RESOURCE(plural, kind, scope, more)                                                        \
	"{\"resource\":\"" plural "\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\","        \
	"\"kind\":\"" kind "\"},\"scope\":\"" scope "\"" more "}"
#define DISCOVERY(items)                                                                           \
	"{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/v2\","           \
	"\"metadata\":{},\"items\":[" items "]}"

static const char core[] =
	DISCOVERY("{\"metadata\":{},\"versions\":[{\"version\":\"v1\",\"resources\":"
		  "[" RESOURCE("configmaps", "ConfigMap", "Namespaced",
			       ",\"singularResource\":\"configmap\",\"shortNames\":["
			       "\"cm\"]") "," RESOURCE("nodes", "Node", "Cluster",
						       ",\"subresources\":[{"
						       "\"subresource\":\"status\"}]") "]}]"
										       "}");
static const char groups[] = DISCOVERY(
	"{\"metadata\":{\"name\":\"apps\"},\"versions\":[{\"version\":\"v1\",\"resources\":"
	"[" RESOURCE(
		"deployments", "Deployment", "Namespaced",
		",\"shortNames\":[\"deploy\",\"cm\"],\"subresources\":[{\"subresource\":\"scale\"},"
		"{\"subresource\":\"status\"}]") "]},"
						 "{\"version\":\"v1beta1\",\"resources\":"
						 "[" RESOURCE(
							 "deployments", "Deployment", "Namespaced",
							 "") "]}]},"
							     "{\"metadata\":{\"name\":\"hco."
							     "kubevirt.io\"},\"versions\":[{"
							     "\"version\":\"v1\","
							     "\"resources\":[" RESOURCE(
								     "hyperconvergeds",
								     "HyperConverged", "Namespaced",
								     "") "]},"
									 "{\"version\":\"v1beta1\","
									 "\"resources\":[" RESOURCE(
										 "hyperconvergeds",
										 "HyperConverged",
										 "Namespaced",
										 "") "]}]}");

static const FakeReply first_look[] = {
	{ .target = "GET /api", .status = 200, .body = core, .etag = "\"a\"" },
	{ .target = "GET /apis", .status = 200, .body = groups, .etag = "\"b\"" },
};
static const FakeReply unchanged[] = {
	{ .target = "GET /api", .status = 304 },
	{ .target = "GET /apis", .status = 304 },
};

static void assert_finds(Cluster *cluster, const char *word, const char *api_version,
			 const char *kind)
{
	g_autoptr(GError) error = NULL;
	const Kind *found = cluster_find_kind(cluster, word, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(found->api_version, ==, api_version);
	g_assert_cmpstr(found->kind, ==, kind);
}

/* Kinds of the table need no request, the others two, and then none. */
static void test_words(void)
{
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
	const Kind *deployment;

	fake_script(NULL, 0, 1);
	g_assert_true(cluster_find_kind(cluster, "vmi", NULL) == &KIND_VMI);
	g_assert_true(cluster_find_kind(cluster, "no", NULL) == &KIND_NODE);
	SCRIPT(first_look);
	assert_finds(cluster, "DEPLOY", "apps/v1", "Deployment");
	deployment = cluster_find_kind(cluster, "deployments.v1beta1.apps", NULL);
	g_assert_cmpstr(deployment->api_version, ==, "apps/v1beta1");
	assert_finds(cluster, "deployment.apps", "apps/v1", "Deployment");
	g_assert_true(cluster_find_kind(cluster, "deployment", NULL)->has_status);
	assert_finds(cluster, "cm", "v1", "ConfigMap"); /* the core group goes first */
	assert_finds(cluster, "configmaps.v1", "v1", "ConfigMap");
	assert_finds(cluster, "hyperconvergeds.v1.hco.kubevirt.io", "hco.kubevirt.io/v1",
		     "HyperConverged");
	g_assert_true(cluster_kind_of(cluster, "hco.kubevirt.io/v1beta1", "HyperConverged", NULL) ==
		      &KIND_HYPERCONVERGED);
	g_assert_cmpstr(
		cluster_kind_of(cluster, "hco.kubevirt.io/v1", "HyperConverged", NULL)->plural, ==,
		"hyperconvergeds");
	g_assert_true(deployment->namespaced);
	fake_done();
}

/* Found on disk by the next process; what is not there is looked up once more, by ETag. */
static void test_cache(void)
{
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
	g_autoptr(GError) error = NULL, other = NULL;

	fake_script(NULL, 0, 1);
	assert_finds(cluster, "deploy", "apps/v1", "Deployment");
	SCRIPT(unchanged);
	g_assert_null(cluster_find_kind(cluster, "deploymant", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
	g_assert_nonnull(strstr(error_get_hint(error), "'deployment'"));
	g_assert_cmpstr(fake_last_header("If-None-Match"), ==, "\"b\"");
	fake_done();
	g_assert_null(cluster_kind_of(cluster, "apps/v7", "Deployment", &other));
	g_assert_nonnull(strstr(error_get_hint(other), "apps/v1"));
}

/* A kind that was just installed is found; what was found before stays valid. */
static void test_installed(void)
{
	static const char more[] = DISCOVERY(
		"{\"metadata\":{\"name\":\"apps\"},\"versions\":[{\"version\":\"v1\",\"resources\":"
		"[" RESOURCE("deployments", "Deployment", "Namespaced",
			     "") "," RESOURCE("newthings", "NewThing", "Cluster", "") "]}]}");
	static const FakeReply replies[] = {
		{ .target = "GET /api", .status = 304 },
		{ .target = "GET /apis", .status = 200, .body = more }
	};
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
	const Kind *before = cluster_find_kind(cluster, "deployment", NULL);

	SCRIPT(replies);
	assert_finds(cluster, "newthing", "apps/v1", "NewThing");
	g_assert_cmpstr(before->plural, ==, "deployments");
	assert_finds(cluster, "cm", "v1", "ConfigMap");
	fake_done();
}

/* Damaged, or another user's to write: as if it were not there. */
static void test_cache_bad(void)
{
	static const char *const texts[] = { "", "{", "[]", "{\"format\":99}",
					     "{\"format\":1,\"kinds\":[7,{\"k\":\"X\"}]}" };
	g_autofree char *top =
		g_build_filename(g_getenv("XDG_CACHE_HOME"), "kvmig", "discovery", NULL);
	g_autoptr(GDir) dir = g_dir_open(top, 0, NULL);
	g_autofree char *path = g_build_filename(top, g_dir_read_name(dir), "kinds.json", NULL);
	GStatBuf st;

	g_assert_cmpint(g_stat(path, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);
	for (gsize i = 0; i <= G_N_ELEMENTS(texts); i++) {
		g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);

		if (i < G_N_ELEMENTS(texts))
			g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
		g_assert_cmpint(g_chmod(path, i < G_N_ELEMENTS(texts) ? 0600 : 0666), ==, 0);
		SCRIPT(first_look);
		assert_finds(cluster, "deploy", "apps/v1", "Deployment");
		g_assert_null(fake_last_header("If-None-Match"));
		fake_done();
	}
}

/* A server before 1.26 answers with lists of groups. */
static void test_old_server(void)
{
	static const char versions[] = "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}";
	static const char group_list[] =
		"{\"kind\":\"APIGroupList\",\"groups\":[{\"name\":\"apps\",\"versions\":[{"
		"\"version\":"
		"\"v1beta1\"},{\"version\":\"v1\"}],\"preferredVersion\":{\"version\":\"v1\"}},"
		"{\"name\":\"down.io\",\"versions\":[{\"version\":\"v1\"}]}]}";
	static const char core_list[] =
		"{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods\",\"kind\":\"Pod\","
		"\"namespaced\":true},{\"name\":\"pods/status\",\"kind\":\"Pod\"},{\"name\":"
		"\"secrets\",\"singularName\":\"secret\",\"kind\":\"Secret\",\"namespaced\":true}]"
		"}";
	static const char apps_list[] =
		"{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"deployments\",\"kind\":"
		"\"Deployment\",\"namespaced\":true,\"shortNames\":[\"deploy\"]},{\"name\":"
		"\"deployments/status\",\"kind\":\"Deployment\"}]}";
	static const FakeReply replies[] = {
		{ .target = "GET /api", .status = 200, .body = versions },
		{ .target = "GET /api", .status = 200, .body = versions },
		{ .target = "GET /api/v1", .status = 200, .body = core_list },
		{ .target = "GET /apis", .status = 200, .body = group_list },
		{ .target = "GET /apis", .status = 200, .body = group_list },
		{ .target = "GET /apis/apps/v1", .status = 200, .body = apps_list },
		{ .target = "GET /apis/apps/v1beta1", .status = 200, .body = apps_list },
		{ .target = "GET /apis/down.io/v1", .status = 404, .body = "" },
	};
	g_autofree char *other = g_dir_make_tmp("kvmig-XXXXXX", NULL);
	g_autofree char *before = g_strdup(g_getenv("XDG_CACHE_HOME"));
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);

	g_setenv("XDG_CACHE_HOME", other, TRUE);
	SCRIPT(replies);
	assert_finds(cluster, "deploy", "apps/v1", "Deployment");
	g_assert_true(cluster_find_kind(cluster, "deploy", NULL)->has_status);
	assert_finds(cluster, "secret", "v1", "Secret");
	fake_done();
	g_setenv("XDG_CACHE_HOME", before, TRUE);
	remove_cache(other);
}

/* ---- which kind of cluster ------------------------------------------------------------------ */

#define KUBEVIRTS "GET /apis/kubevirt.io/v1/kubevirts?limit=1"
#define REPLY(t, s, b)                                                                             \
	{                                                                                          \
		.target = t, .status = s, .body = b                                                \
	}
#define ONE_ITEM "{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"kubevirt\"}}]}"

static const struct {
	FakeReply replies[3];
	guint count;
	int code; /* KVMIG_ERROR_LAST: none */
	ClusterKind kind;
	const Kind *node;
} probes[] = {
	{ { REPLY(KUBEVIRTS, 200, ONE_ITEM), REPLY("GET /apis/kvmig.io", 404, "") },
	  2,
	  KVMIG_ERROR_LAST,
	  CLUSTER_KUBEVIRT,
	  &KIND_NODE },
	{ { REPLY(KUBEVIRTS, 404, ""), REPLY("GET /apis/kvmig.io", 200, "{}") },
	  2,
	  KVMIG_ERROR_LAST,
	  CLUSTER_FLEET,
	  &KIND_HOST },
	/* neither; an operator without its object; both; forbidden; broken */
	{ { REPLY(KUBEVIRTS, 404, ""), REPLY("GET /apis/kvmig.io", 404, "") },
	  2,
	  KVMIG_ERROR_UNSUPPORTED,
	  0,
	  NULL },
	{ { REPLY(KUBEVIRTS, 200, "{\"items\":[]}"), REPLY("GET /apis/kvmig.io", 404, "") },
	  2,
	  KVMIG_ERROR_UNSUPPORTED,
	  0,
	  NULL },
	{ { REPLY(KUBEVIRTS, 200, ONE_ITEM), REPLY("GET /apis/kvmig.io", 200, "{}") },
	  2,
	  KVMIG_ERROR_UNSUPPORTED,
	  0,
	  NULL },
	{ { REPLY(KUBEVIRTS, 403, "") }, 1, KVMIG_ERROR_FORBIDDEN, 0, NULL },
	{ { REPLY(KUBEVIRTS, 200, "{\"items\":[]}"), REPLY("GET /apis/kvmig.io", 403, "") },
	  2,
	  KVMIG_ERROR_FORBIDDEN,
	  0,
	  NULL },
	{ { REPLY(KUBEVIRTS, 200, "junk") }, 1, KVMIG_ERROR_FAILED, 0, NULL },
};

static void test_probe(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(probes); i++) {
		g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
		g_autoptr(GError) error = NULL;
		gboolean ok;

		fake_script(probes[i].replies, probes[i].count, 1);
		ok = cluster_probe(cluster, &error);
		fake_done();
		g_assert_cmpint(ok, ==, probes[i].code == KVMIG_ERROR_LAST);
		if (!ok) {
			g_assert_error(error, KVMIG_ERROR, probes[i].code);
			g_assert_nonnull(strstr(error->message, "'kube/prod'"));
			continue;
		}
		g_assert_true(cluster_caps(cluster)->kind == probes[i].kind);
		g_assert_true(cluster_caps(cluster)->node_kind == probes[i].node);
		g_assert_cmpstr(object_name(cluster_kubevirt(cluster)), ==,
				probes[i].kind == CLUSTER_KUBEVIRT ? "kubevirt" : NULL);
		g_assert_true(cluster_probe(cluster, &error)); /* once is enough */
	}
}

/* ---- fields --------------------------------------------------------------------------------- */

static const char openapi[] =
	"{\"openapi\":\"3.0.0\",\"paths\":{\"/x\":{}},\"components\":{\"schemas\":{\"Other\":{"
	"\"type\":\"object\",\"properties\":{\"self\":{\"$ref\":\"#/components/schemas/Other\"},"
	"\"text\":{\"type\":\"string\"}}},\"io.kubevirt.v1.VMIM\":{\"type\":\"object\","
	"\"properties\":{\"metadata\":{\"allOf\":[{\"$ref\":\"#/components/schemas/Other\"}]},"
	"\"spec\":{\"type\":\"object\",\"properties\":{\"vmiName\":{\"type\":\"string\"},"
	"\"addedNodeSelector\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}"
	","
	"\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"in\":{"
	"\"type\":\"string\"}}}},\"free\":{\"type\":\"object\","
	"\"x-kubernetes-preserve-unknown-fields\":true}}}},\"x-kubernetes-group-version-kind\":[{"
	"\"group\":\"kubevirt.io\",\"kind\":\"VirtualMachineInstanceMigration\","
	"\"version\":\"v1\"}]}}}}";
#define OPENAPI_URL(hash) "/openapi/v3/apis/kubevirt.io/v1?hash=" hash
#define INDEX_OF(hash)                                                                             \
	{                                                                                          \
		.target = "GET /openapi/v3", .status = 200,                                        \
		.body = "{\"paths\":{\"apis/kubevirt.io/v1\":{\"serverRelativeURL\":\""            \
			OPENAPI_URL(hash) "\"}}}"                                                  \
	}

static void test_fields(void)
{
	static const FakeReply replies[] = {
		INDEX_OF("1"),
		{ .target = "GET " OPENAPI_URL("1"), .status = 200, .body = openapi },
	};
	static const struct {
		const char *path;
		ClusterFieldState state;
	} rows[] = {
		{ "spec", CLUSTER_FIELD_YES },
		{ "spec.addedNodeSelector", CLUSTER_FIELD_YES },
		{ "spec.addedNodeSelector.any", CLUSTER_FIELD_YES },
		{ "spec.vmiName.x", CLUSTER_FIELD_NO },
		{ "spec.priority", CLUSTER_FIELD_NO },
		{ "spec.list.in", CLUSTER_FIELD_YES },
		{ "spec.list.out", CLUSTER_FIELD_NO },
		{ "spec.free.any", CLUSTER_FIELD_UNKNOWN },
		{ "metadata.text", CLUSTER_FIELD_YES },
		{ "metadata.self.text", CLUSTER_FIELD_UNKNOWN }, /* it contains itself */
	};

	for (int round = 0; round < 2; round++) { /* the second from the disk */
		g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);

		/* what is on disk is not enough to say no */
		fake_script(replies, round == 0 ? 2 : 1, 1);
		for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
			g_assert_cmpint(cluster_has_field(cluster, &KIND_VMIM, rows[i].path), ==,
					rows[i].state);
		fake_done();
	}
}

/* An upgrade brings a field while what is on disk is young still. */
static void test_fields_upgrade(void)
{
	static const FakeReply replies[] = {
		INDEX_OF("2"),
		{ .target = "GET " OPENAPI_URL("2"), .status = 200 },
	};
	g_auto(GStrv) parts = g_strsplit(openapi, "vmiName", 2);
	g_autofree char *upgraded = g_strjoinv("priority", parts);
	FakeReply script[G_N_ELEMENTS(replies)];
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);

	memcpy(script, replies, sizeof(replies));
	script[1].body = upgraded;
	fake_script(script, G_N_ELEMENTS(script), 1);
	g_assert_cmpint(cluster_has_field(cluster, &KIND_VMIM, "spec.addedNodeSelector"), ==,
			CLUSTER_FIELD_YES);
	g_assert_cmpint(cluster_has_field(cluster, &KIND_VMIM, "spec.priority"), ==,
			CLUSTER_FIELD_YES);
	/* asked once in a process */
	g_assert_cmpint(cluster_has_field(cluster, &KIND_VMIM, "spec.vmiName"), ==,
			CLUSTER_FIELD_NO);
	fake_done();
}

#define GONE(hash)                                                                                 \
	{                                                                                          \
		.target = "GET " OPENAPI_URL(hash), .status = 404, .body = ""                      \
	}

/* A CRD changes between index and document: the index is looked at again; in the end what was read
 * before is believed. */
static void test_fields_moved(void)
{
	static const FakeReply moved[] = {
		INDEX_OF("2a"),
		/* that of another hash: kube-apiserver sends us on, which is not followed */
		{ .target = "GET " OPENAPI_URL("2a"), .fault = HTTP_FAULT_FINAL },
		INDEX_OF("3"), GONE("3"), INDEX_OF("4"),
		{ .target = "GET " OPENAPI_URL("4"), .status = 200 },
	};
	static const FakeReply forbidden[] = {
		INDEX_OF("4a"),
		{ .target = "GET " OPENAPI_URL("4a"), .status = 403, .body = "" },
	};
	static const FakeReply gone[] = { INDEX_OF("5"), GONE("5"), INDEX_OF("6"),
					  GONE("6"),     INDEX_OF("7"), GONE("7") };
	g_auto(GStrv) parts = g_strsplit(openapi, "vmiName", 2);
	g_autofree char *changed = g_strjoinv("other", parts);
	FakeReply script[G_N_ELEMENTS(moved)];
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
	g_autoptr(Cluster) denied = fake_open(0, NULL, NULL);
	g_autoptr(Cluster) later = fake_open(0, NULL, NULL);

	memcpy(script, moved, sizeof(moved));
	script[5].body = changed;
	fake_script(script, G_N_ELEMENTS(script), 1);
	g_assert_cmpint(cluster_has_field(cluster, &KIND_VMIM, "spec.other"), ==,
			CLUSTER_FIELD_YES);
	fake_done();
	SCRIPT(forbidden); /* asking again would not help */
	g_assert_cmpint(cluster_has_field(denied, &KIND_VMIM, "spec.absent"), ==, CLUSTER_FIELD_NO);
	fake_done();
	SCRIPT(gone);
	g_assert_cmpint(cluster_has_field(later, &KIND_VMIM, "spec.absent"), ==, CLUSTER_FIELD_NO);
	g_assert_cmpint(cluster_has_field(later, &KIND_VMIM, "spec.other"), ==, CLUSTER_FIELD_YES);
	fake_done();
}

/* Its own, then what a field above brings with it. */
static void test_field_default(void)
{
	static const char fields[] =
		"{\"p\":{\"spec\":{\"d\":{},\"p\":{\"map\":{\"d\":{\"both\":1,\"above\":2},\"p\":{"
		"\"both\":{\"d\":3},\"above\":{},\"own\":{\"d\":4},\"none\":{}}}}}}}";
	static const struct {
		const char *path;
		gint64 value; /* 0: none */
	} rows[] = {
		{ "spec.map.both", 3 }, { "spec.map.above", 2 }, { "spec.map.own", 4 },
		{ "spec.map.none", 0 }, { "spec.nothing", 0 },
	};
	g_autoptr(cJSON) tree = json_parse(fields, strlen(fields), "fields", NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) value = openapi_find_default(tree, rows[i].path);
		gint64 number = 0;

		g_assert_true(!value || json_integer_value(value, &number));
		g_assert_cmpint(number, ==, rows[i].value);
	}
}

static void test_fields_unknown(void)
{
	static const FakeReply replies[] = {
		{ .target = "GET /openapi/v3", .status = 403, .body = "" },
	};
	static const char *const bad[] = { "", "[]", "{}", "{\"components\":{\"schemas\":[]}}",
					   "{\"components\":{\"schemas\":{\"a\":{\"b\":}}}}" };
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);

	SCRIPT(replies);
	g_assert_cmpint(cluster_has_field(cluster, &KIND_MIGRATION_POLICY, "spec.x"), ==,
			CLUSTER_FIELD_UNKNOWN);
	g_assert_cmpint(cluster_has_field(cluster, &KIND_MIGRATION_POLICY, "spec.y"), ==,
			CLUSTER_FIELD_UNKNOWN);
	fake_done();
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(openapi_fields(bad[i], strlen(bad[i]), &KIND_VMIM, &error));
		g_assert_nonnull(error);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *cache = g_dir_make_tmp("kvmig-XXXXXX", NULL);
	int status;

	g_setenv("XDG_CACHE_HOME", cache, TRUE);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/discovery/words", test_words);
	g_test_add_func("/kube/discovery/cache", test_cache);
	g_test_add_func("/kube/discovery/installed", test_installed);
	g_test_add_func("/kube/discovery/cache-bad", test_cache_bad);
	g_test_add_func("/kube/discovery/old-server", test_old_server);
	g_test_add_func("/kube/probe", test_probe);
	g_test_add_func("/kube/fields", test_fields);
	g_test_add_func("/kube/fields/upgrade", test_fields_upgrade);
	g_test_add_func("/kube/fields/moved", test_fields_moved);
	g_test_add_func("/kube/fields/default", test_field_default);
	g_test_add_func("/kube/fields/unknown", test_fields_unknown);
	status = g_test_run();
	remove_cache(cache);
	return status;
}
