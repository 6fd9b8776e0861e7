/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests: reading, places, and what was probably meant. */
#include <string.h>

#include "base/error.h"
#include "model/locate.h"
#include "model/manifest-hints.h"
#include "model/manifest.h"
#include "model/yaml.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = yaml_parse(text, strlen(text), "the test", &error);

	g_assert_no_error(error);
	return value;
}

static void assert_says(const char *text, const char *wanted)
{
	if (!text || !strstr(text, wanted))
		g_error("'%s' does not say '%s'", text ? text : "(nothing)", wanted);
}

/* ---- places --------------------------------------------------------------------------------- */

static const char text[] = "# a remark\n"
			   "---\n"
			   "---\n"
			   "a: 1\n"
			   "---\n"
			   "metadata:\n"
			   "  labels:\n"
			   "    app.kubernetes.io/name: web\n"
			   "    app: x\n"
			   "spec:\n"
			   "  rules:\n"
			   "  - verbs: [get,\n"
			   "      list]\n"
			   "  - verbs:   []\n";

static void test_locate(void)
{
	static const struct {
		const char *path;
		gsize line, column;
	} cases[] = {
		{ "", 6, 1 },
		{ "metadata", 6, 1 },
		{ "metadata.labels", 7, 3 },
		{ ".metadata.labels", 7, 3 },
		{ "metadata.labels.app", 9, 10 },
		{ "metadata.labels[app]", 9, 10 },
		{ "metadata.labels.app.kubernetes.io/name", 8, 29 },
		{ "metadata.labels[app.kubernetes.io/name]", 8, 29 },
		{ "metadata.labels.gone", 7, 3 }, /* what there is of the way */
		{ "metadata.name", 6, 1 },
		{ "spec.rules[0].verbs[1]", 13, 7 },
		{ "spec.rules[1].verbs", 14, 5 },
		{ "spec.rules[2].verbs", 11, 3 },
		{ "gone", 6, 1 },
	};
	g_autoptr(GPtrArray) documents = yaml_parse_all(text, strlen(text), "the test", NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gsize line = 0, column = 0;

		g_test_message("%s", cases[i].path);
		g_assert_true(path_locate(text, strlen(text), 1, documents->pdata[1], cases[i].path,
					  &line, &column));
		g_assert_cmpuint(line, ==, cases[i].line);
		g_assert_cmpuint(column, ==, cases[i].column);
	}
}

static void test_locate_json(void)
{
	const char *json = "{\n\t\"metadata\": {\n\t\t\"labels\": \"a=b\"\n\t}\n}\n";
	g_autoptr(cJSON) value = json_parse(json, strlen(json), "the test", NULL);
	gsize line = 0, column = 0;

	g_assert_true(path_locate(json, strlen(json), 0, value, "metadata.labels", &line, &column));
	g_assert_cmpuint(line, ==, 3);
	g_assert_cmpuint(column, ==, 13);
	g_assert_false(path_locate("{", 1, 0, value, "metadata", &line, &column));
}

/* ---- call-outs ------------------------------------------------------------------------------ */

static void test_callouts(void)
{
	static const struct {
		const char *text, *wanted; /* NULL: none */
	} cases[] = {
		{ "64Mi 1", "64Mi" },
		{ "64Mi  12", "64Mi" },
		{ "64Mi <1>", "64Mi" },
		{ "64Mi (1)", "64Mi" },
		{ "64Mi ①", "64Mi" },
		{ "64Mi ❷", "64Mi" },
		{ "two words 3", "two words" },
		{ "64Mi", NULL },
		{ "64Mi 123", NULL },
		{ "64Mi x", NULL },
		{ "1", NULL },
		{ " 1", NULL },
		{ "", NULL },
		{ "64Mi <>", NULL },
		{ "64Mi <1", NULL },
		{ "64Mi ", NULL },
		{ "64Mi \377", NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *clean = manifest_without_callout(cases[i].text);

		g_assert_cmpstr(clean, ==, cases[i].wanted);
	}
}

/* ---- mistakes ------------------------------------------------------------------------------- */

#define VM "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\n"

static void test_mistakes(void)
{
	static const struct {
		const char *text, *path, *wrong,
			*meant; /* path NULL: none; meant NULL: not known */
	} cases[] = {
		{ VM "metadata: {name: a, labels: {app: web}}", NULL, NULL, NULL },
		{ VM "metadata:\n  name: a\n  labels:\n    kubevirt.io/environment=production\n",
		  "metadata.labels", "not a string: \"kubevirt.io/environment=production\"",
		  "labels: {kubevirt.io/environment: \"production\"}" },
		{ VM "metadata:\n  name: a\n  labels:\n  - app=web\n  - tier=\n", "metadata.labels",
		  "not a list", "labels: {app: \"web\", tier: \"\"}" },
		{ VM "metadata: {name: a, labels: [app]}", "metadata.labels", "not a list", NULL },
		{ VM "metadata: {name: a, labels: {hot: true}}", "metadata.labels[hot]",
		  "must be a string", "hot: \"true\"" },
		{ VM "metadata: {name: a, annotations: {n: 5}}", "metadata.annotations[n]",
		  "must be a string", "n: \"5\"" },
		{ "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: VirtualMachine\n"
		  "metadata: {name: a}",
		  "apiVersion", "no VirtualMachine in 'migrations.kubevirt.io/v1alpha1'",
		  "apiVersion: kubevirt.io/v1" },
		{ "apiVersion: kubevirt.io/v1\nkind: MigrationPolicy\nmetadata: {name: a}",
		  "apiVersion", "no MigrationPolicy",
		  "apiVersion: migrations.kubevirt.io/v1alpha1" },
		/* what only the cluster can know */
		{ "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}", NULL, NULL, NULL },
		{ "apiVersion: cluster.x-k8s.io/v1\nkind: Node\nmetadata: {name: a}", NULL, NULL,
		  NULL },
		{ "apiVersion: kubevirt.io/v9\nkind: VirtualMachine\nmetadata: {name: a}", NULL,
		  NULL, NULL },
		{ "apiVersion: kubevirt.io/v1 1\nkind: VirtualMachine\nmetadata: {name: a}",
		  "apiVersion", "'kubevirt.io/v1 1'", "kubevirt.io/v1 ('1'" },
		{ "kind: VirtualMachine\nmetadata: {name: a}", "apiVersion", "is missing",
		  "apiVersion: kubevirt.io/v1" },
		{ "apiVersion: 1\nkind: X\nmetadata: {name: a}", "apiVersion", "not a number",
		  NULL },
		{ "apiVersion: v1\nmetadata: {name: a}", "kind", "is missing", NULL },
		{ VM "spec: {}", "metadata", "is missing", NULL },
		{ VM "metadata: web", "metadata", "must be a map", NULL },
		{ VM "metadata: {namespace: x}", "metadata", "neither name nor generateName",
		  NULL },
		{ VM "metadata: {name: 12}", "metadata.name", "not a number", "name: \"12\"" },
		{ VM "metadata: {name: web-1 1}", "metadata.name", "'web-1 1'", "web-1" },
		{ VM "metadata: {name: <vm_name>}", "metadata.name", "'<vm_name>'",
		  "in the place of '<vm_name>'" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) object = parse(cases[i].text);
		g_autoptr(GPtrArray) mistakes = manifest_mistakes(object);
		const ManifestMistake *first = mistakes->len ? mistakes->pdata[0] : NULL;

		g_test_message("%s", cases[i].text);
		g_assert_cmpuint(mistakes->len, ==, cases[i].path ? 1 : 0);
		g_assert_cmpstr(first ? first->path : NULL, ==, cases[i].path);
		if (first)
			assert_says(first->wrong, cases[i].wrong);
		if (cases[i].meant)
			assert_says(first->meant, cases[i].meant);
		else if (first)
			g_assert_null(first->meant);
	}
}

static void test_doubts(void)
{
	static const struct {
		const Kind *kind;
		const char *text, *path, *meant;
	} cases[] = {
		{ &KIND_HYPERCONVERGED,
		  "spec: {liveMigrationConfig: {bandwidthPerMigration: 64Mi 1}}",
		  "spec.liveMigrationConfig.bandwidthPerMigration", "probably meant: 64Mi ('1'" },
		{ &KIND_HYPERCONVERGED, "spec: {liveMigrationConfig: {progressTimeout: 150 4}}",
		  "spec.liveMigrationConfig.progressTimeout", "probably meant: 150 ('4'" },
		{ &KIND_HYPERCONVERGED, "spec: {liveMigrationConfig: {allowPostCopy: true <2>}}",
		  "spec.liveMigrationConfig.allowPostCopy", "probably meant: true ('<2>'" },
		{ &KIND_HYPERCONVERGED, "spec: {liveMigrationConfig: {progressTimeout: '150'}}",
		  "spec.liveMigrationConfig.progressTimeout", "without quotes: 150" },
		{ &KIND_HYPERCONVERGED, "spec: {liveMigrationConfig: {bandwidthPerMigration: 64}}",
		  "spec.liveMigrationConfig.bandwidthPerMigration", "in quotes: \"64\"" },
		{ &KIND_HYPERCONVERGED, "spec: {liveMigrationConfig: {ProgressTimeout: 5}}",
		  "spec.liveMigrationConfig.ProgressTimeout", "did you mean 'progressTimeout'" },
		{ &KIND_MIGRATION_POLICY, "spec: {selectors: {}, bandwithPerMigration: 64Mi}",
		  "spec.bandwithPerMigration", "did you mean 'bandwidthPerMigration'" },
		{ &KIND_MIGRATION_POLICY,
		  "spec: {selectors: {}, virtualMachineInstanceSelector: {a: b}}",
		  "spec.virtualMachineInstanceSelector", "belongs to spec.selectors" },
		{ &KIND_MIGRATION_POLICY,
		  "spec: {selectors: {namespaceSelector: [hpc-workloads=True]}}",
		  "spec.selectors.namespaceSelector",
		  "namespaceSelector: {hpc-workloads: \"True\"}" },
		{ &KIND_MIGRATION_POLICY, "spec: {selectors: {namespaceSelector: {hpc: True}}}",
		  "spec.selectors.namespaceSelector[hpc]", "hpc: \"true\"" },
		{ &KIND_VMIM, "spec: {vmiName: a, addedNodeSelector: zone=b}",
		  "spec.addedNodeSelector", "addedNodeSelector: {zone: \"b\"}" },
		{ &KIND_HOST, "spec: {uri: x, taints: [{key: a, effect: NoSchedule 3}]}",
		  "spec.taints[0].effect", "probably meant: NoSchedule" },
		{ &KIND_MIGRATION_POLICY, "spec: {selectors: {}, allowPostCopy: true}", NULL,
		  NULL },
		{ &KIND_NAMESPACE, "spec: {anything: 1 2}", NULL, NULL }, /* no schema */
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) object = parse(cases[i].text);
		g_autoptr(GPtrArray) doubts = manifest_doubts(cases[i].kind, object);
		const ManifestMistake *first = doubts->len ? doubts->pdata[0] : NULL;

		g_test_message("%s", cases[i].text);
		g_assert_cmpuint(doubts->len, ==, cases[i].path ? 1 : 0);
		g_assert_cmpstr(first ? first->path : NULL, ==, cases[i].path);
		if (first)
			assert_says(first->meant, cases[i].meant);
	}
}

static void test_syntax(void)
{
	static const struct {
		const char *text;
		gsize line;
		const char *meant; /* NULL: not known */
	} cases[] = {
		{ "a:\n\tb: 1\n", 2, "line 2 begins with a tab" },
		{ "a:\n  \tb: 1\n", 2, "line 2 begins with a tab" },
		{ "labels:\n  a/b=c\n  d: e\n", 3, "line 2, probably meant: a/b: \"c\"" },
		{ "selectors: 1\n  a: b\n", 2, "line 1: the number at its end" },
		{ "selectors: <1>\n\n  a: b\n", 3, "line 1: the number at its end" },
		{ "a: b: c\n", 1, NULL },
		{ "", 1, NULL },
		{ "a", 9, NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *meant =
			manifest_syntax_hint(cases[i].text, strlen(cases[i].text), cases[i].line);

		g_test_message("%s", cases[i].text);
		if (cases[i].meant)
			assert_says(meant, cases[i].meant);
		else
			g_assert_null(meant);
	}
}

/* ---- manifests ------------------------------------------------------------------------------ */

static gboolean add(Manifest *manifest, const char *yaml, GError **error)
{
	return manifest_add(manifest, "web.yaml", yaml, strlen(yaml), error);
}

static void test_read(void)
{
	g_autoptr(Manifest) manifest = manifest_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *place = NULL, *inner = NULL;

	g_assert_true(add(manifest, "# nothing\n---\n---\n", &error));
	g_assert_cmpuint(manifest_length(manifest), ==, 0);
	g_assert_true(add(manifest,
			  "---\n" VM "metadata: {name: a}\n---\n" VM "metadata: {name: b}\n",
			  &error));
	g_assert_true(add(manifest,
			  "apiVersion: v1\nkind: List\nitems:\n"
			  "- {apiVersion: v1, kind: Namespace, metadata: {name: c}}\n"
			  "- apiVersion: v1\n  kind: Namespace\n  metadata: {name: d}\n",
			  &error));
	g_assert_true(add(manifest,
			  " {\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":"
			  "{\"name\":\"\\ud83d\\ude00\"}}",
			  &error));
	g_assert_true(add(manifest, "{apiVersion: v1, kind: X, metadata: {name: e}}\n", &error));
	g_assert_no_error(error);
	g_assert_cmpuint(manifest_length(manifest), ==, 6);
	place = manifest_place(manifest_nth(manifest, 1), "metadata.name");
	g_assert_cmpstr(place, ==, "'web.yaml', line 8, column 18");
	inner = manifest_place(manifest_nth(manifest, 3), "metadata.name");
	g_assert_cmpstr(inner, ==, "'web.yaml', line 7, column 20");
}

static void test_read_bad(void)
{
	static const struct {
		const char *text, *says, *hint;
	} cases[] = {
		{ "- a\n- b\n", "'web.yaml', line 1, column 1: this is no object", "apiVersion" },
		{ "just words", "this is no object", "apiVersion" },
		{ "apiVersion: v1\nkind: List\nitems: [7]\n", "line 3, column 9: this is no object",
		  "apiVersion" },
		{ "a: 1\na: 2\n", "line 2, column 1: key 'a' is there twice", NULL },
		{ "{\"a\":1,\n\"a\":2}", "line 2", NULL },
		{ "a:\n\tb: 1\n", "line 2, column 1", "begins with a tab" },
		{ VM "metadata:\n  name: a\n  labels:\n    a=b\n    c: d\n", "line 7",
		  "line 6, probably meant: a: \"b\"" },
		{ "\377\376", "not UTF-8", NULL },
		{ VM "metadata:\n  name: a\n  labels:\n    a=b\n",
		  "'web.yaml', line 6, column 5: metadata.labels: must be a map",
		  "labels: {a: \"b\"}" },
		{ VM "metadata: {name: 1, labels: a=b}\n",
		  "column 18: metadata.name: must be a string, "
		  "not a number; 'web.yaml', line 3",
		  "name: \"1\"; probably meant: labels: {a: \"b\"}" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Manifest) manifest = manifest_new();
		g_autoptr(GError) error = NULL;

		g_test_message("%s", cases[i].text);
		g_assert_false(add(manifest, cases[i].text, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		assert_says(error->message, cases[i].says);
		if (cases[i].hint)
			assert_says(error_get_hint(error), cases[i].hint);
	}
}

static void test_read_nul(void)
{
	static const char nul[] = "a\0b";
	g_autoptr(Manifest) manifest = manifest_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(manifest_add(manifest, "x", nul, sizeof(nul) - 1, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
}

/* What the cluster says gets the place of the field that it speaks of. */
static void test_explain(void)
{
	static const struct {
		const char *message, *says, *hint;
	} cases[] = {
		{ "policy 'p': spec.bandwidthPerMigration: '64Mi 1' does not match",
		  "'web.yaml', line 5, column 26: policy 'p': spec.bandwidth",
		  "probably meant: 64Mi" },
		{ "strict decoding error: unknown field \"spec.selectors\"",
		  "'web.yaml', line 4, column 9: strict", "probably meant: 64Mi" },
		{ "it does not like it", "'web.yaml', line 5, column 26: it does", "64Mi" },
		{ "spec.gone: is required", "'web.yaml', line 4, column 1: spec.gone", NULL },
	};
	const char *policy = "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\n"
			     "metadata: {name: p}\n"
			     "spec: { selectors: {},\n  bandwidthPerMigration: 64Mi 1 }\n";

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(Manifest) manifest = manifest_new();
		g_autoptr(GError) error = NULL;

		g_assert_true(add(manifest, policy, NULL));
		error_set(&error, KVMIG_ERROR_INVALID, "%s", cases[i].message);
		manifest_explain(manifest_nth(manifest, 0), &KIND_MIGRATION_POLICY, &error);
		assert_says(error->message, cases[i].says);
		if (cases[i].hint)
			assert_says(error_get_hint(error), cases[i].hint);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/manifest/locate", test_locate);
	g_test_add_func("/manifest/locate-json", test_locate_json);
	g_test_add_func("/manifest/callouts", test_callouts);
	g_test_add_func("/manifest/mistakes", test_mistakes);
	g_test_add_func("/manifest/doubts", test_doubts);
	g_test_add_func("/manifest/syntax", test_syntax);
	g_test_add_func("/manifest/read", test_read);
	g_test_add_func("/manifest/read-bad", test_read_bad);
	g_test_add_func("/manifest/read-nul", test_read_nul);
	g_test_add_func("/manifest/explain", test_explain);
	return g_test_run();
}
