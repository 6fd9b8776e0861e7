/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: why one wins, the index against a plain loop, objects, lint. The vectors of which one
 * wins are in test-policy-vectors.c. */
#include <string.h>

#include "base/error.h"
#include "model/yaml.h"
#include "policy-naive.h"

/* ---- words ---------------------------------------------------------------------------------- */

#define V "size:small,os:fedora,gpu:nvidia"
#define N "priority:high,bandwidth:medium,hpc-workload:true"
#define P1 "{size:small,gpu:nvidia/priority:high,bandwidth:medium}"
#define P2 "{size:small,gpu:nvidia/priority:high,hpc-workload:true}"
#define P3 "{size:small,gpu:nvidia/priority:high}"
#define P7 "{gpu:intel/priority:high}"

/* ---- why ------------------------------------------------------------------------------------ */

static void expect_text(const PolicySet *set, PolicyRule rule, const char *name, const char *text)
{
	g_autoptr(cJSON) vm = labels_of(V);
	g_autoptr(cJSON) ns = labels_of(N);
	g_autoptr(GArray) places = policy_rank(set, rule, vm, ns);
	const Policy *winner = g_array_index(places, PolicyPlace, 0).policy;

	g_assert_cmpuint(places->len, ==, policy_set_size(set));
	for (guint i = 0; i < places->len; i++) {
		const PolicyPlace *place = &g_array_index(places, PolicyPlace, i);
		g_autofree char *said = policy_place_text(place, winner);

		if (strcmp(place->policy->name, name) != 0)
			continue;
		g_assert_cmpstr(said, ==, text);
		return;
	}
	g_assert_not_reached();
}

static void test_reasons(void)
{
	g_autoptr(GPtrArray) objects = policies_of(
		"p1" P1 " p2" P2 " q1" P1 " p3" P3 " p7" P7
		" miss{rack:a1} far{/zone:b} low{/priority:low} none- vm{size:small,gpu:nvidia,"
		"os:fedora/priority:high}");
	g_autoptr(PolicySet) set = set_of(objects);

	expect_text(set, POLICY_RULE_DOCUMENTED, "p1", "applies");
	expect_text(set, POLICY_RULE_DOCUMENTED, "q1",
		    "'p1' is equal but for its name, which comes first");
	expect_text(set, POLICY_RULE_DOCUMENTED, "p2",
		    "'p1' matches as many labels, and 'bandwidth' comes first among the keys");
	expect_text(set, POLICY_RULE_DOCUMENTED, "p3", "'p1' matches more labels: 4 to 3");
	expect_text(set, POLICY_RULE_DOCUMENTED, "p7", "VM label 'gpu' is 'nvidia', not 'intel'");
	expect_text(set, POLICY_RULE_DOCUMENTED, "miss",
		    "VM label 'rack' is missing (wanted: 'a1')");
	expect_text(set, POLICY_RULE_DOCUMENTED, "far",
		    "project label 'zone' is missing (wanted: 'b')");
	expect_text(set, POLICY_RULE_DOCUMENTED, "low",
		    "project label 'priority' is 'high', not 'low'");
	expect_text(set, POLICY_RULE_DOCUMENTED, "none", "has no selectors: it matches no VM");
	expect_text(set, POLICY_RULE_KUBEVIRT, "vm", "applies");
	expect_text(set, POLICY_RULE_KUBEVIRT, "p1",
		    "'vm' matches as many labels, but more of the VM's: 3 to 2");
}

/* ---- what it changes ------------------------------------------------------------------------ */

static void test_merge_bad(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = policy_object("web", cJSON_CreateObject(), NULL);
	const cJSON *objects[] = { object };
	g_autoptr(PolicySet) set = NULL;
	Settings settings = { .bandwidth_bytes_per_second = 7 };

	json_set_bool(json_get(object, "spec"), "allowPostCopy", TRUE);
	json_set_string(json_get(object, "spec"), "bandwidthPerMigration", "-3");
	set = policy_set_new(objects, 1);
	g_assert_false(policy_apply(policy_set_nth(set, 0), &settings, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "migration policy 'web': bandwidthPerMigration"));
	/* nothing of it was applied */
	g_assert_cmpint(settings.bandwidth_bytes_per_second, ==, 7);
	g_assert_false(settings.allow_post_copy);
}

/* ---- the index against a plain loop --------------------------------------------------------- */

static cJSON *random_labels(GRand *rand, guint max)
{
	static const char *const keys[] = { "a", "b", "c", "d", "e", "f" };
	static const char *const values[] = { "", "1", "2" };
	cJSON *map = cJSON_CreateObject();

	for (guint n = g_rand_int_range(rand, 0, (gint32)max + 1); n > 0; n--)
		json_set_string(map, keys[g_rand_int_range(rand, 0, G_N_ELEMENTS(keys))],
				values[g_rand_int_range(rand, 0, G_N_ELEMENTS(values))]);
	return map;
}

static void compare_once(GRand *rand)
{
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(PolicySet) set = NULL;

	for (guint n = g_rand_int_range(rand, 0, 12); n > 0; n--) {
		g_autofree char *name = g_strdup_printf("p%u-%u", g_rand_int_range(rand, 0, 30), n);

		g_ptr_array_add(objects, policy_object(name, random_labels(rand, 3),
						       random_labels(rand, 2)));
	}
	set = set_of(objects);
	for (guint i = 0; i < 10; i++) {
		g_autoptr(cJSON) ns = random_labels(rand, 4);
		g_autoptr(PolicyScope) scope = policy_scope_new(set, ns);

		for (guint j = 0; j < 5; j++) {
			g_autoptr(cJSON) vm = random_labels(rand, 6);
			PolicyVerdict verdict = policy_match(set, scope, vm);

			for (PolicyRule rule = 0; rule < POLICY_RULES; rule++)
				g_assert_true(naive_winner(objects, rule, vm, ns) ==
					      (verdict.winner[rule] ? verdict.winner[rule]->object
								    : NULL));
		}
	}
}

static void test_index_is_the_loop(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed((guint32)g_test_rand_int());

	for (guint i = 0; i < 2000; i++) /* 50 VMs each: 100,000 cases */
		compare_once(rand);
}

/* More labels than there is room for on the stack. */
static void test_many_labels(void)
{
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(cJSON) vm = cJSON_CreateObject();
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(PolicyScope) scope = NULL;

	for (guint i = 0; i < 200; i++) {
		g_autofree char *name = g_strdup_printf("p%03u", i);
		cJSON *selector = cJSON_CreateObject();

		json_set_string(vm, name, "1");
		json_set_string(selector, name, "1");
		g_ptr_array_add(objects, policy_object(name, selector, NULL));
	}
	set = set_of(objects);
	scope = policy_scope_new(set, NULL);
	g_assert_cmpstr(name_of(policy_match(set, scope, vm).winner[POLICY_RULE_DOCUMENTED]), ==,
			"p000");
}

/* A value that is no string cannot be asked for. */
static void test_odd_selectors(void)
{
	g_autoptr(cJSON) bad = policy_object("bad", cJSON_CreateObject(), NULL);
	g_autoptr(cJSON) vm = labels_of("x:true");
	const cJSON *objects[] = { bad };
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(PolicyScope) scope = NULL;

	json_set_bool(json_path(bad, "spec", "selectors", "virtualMachineInstanceSelector", NULL),
		      "x", TRUE);
	set = policy_set_new(objects, 1);
	scope = policy_scope_new(set, NULL);
	g_assert_null(policy_match(set, scope, vm).winner[POLICY_RULE_KUBEVIRT]);
	g_assert_true(policy_set_find(set, "bad") == policy_set_nth(set, 0));
	g_assert_null(policy_set_find(set, "good"));
	g_assert_null(policy_set_nth(set, 1));
}

/* ---- objects -------------------------------------------------------------------------------- */

static gboolean set_field(const char *key, const char *text, char **ret_spec)
{
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);

	if (!policy_set_field(object, key, text, NULL))
		return FALSE;
	json_unset(json_get(object, "spec"), "selectors");
	*ret_spec = json_print(json_get(object, "spec"));
	return TRUE;
}

static void test_set_field(void)
{
	static const struct {
		const char *key, *text, *spec; /* spec NULL: refused */
	} cases[] = {
		{ "bandwidthPerMigration", "64MiB/s", "{\"bandwidthPerMigration\":\"64Mi\"}" },
		{ "completionTimeoutPerGiB", "0", "{\"completionTimeoutPerGiB\":0}" },
		{ "allowPostCopy", "true", "{\"allowPostCopy\":true}" },
		{ "experimental.compression", "zstd",
		  "{\"experimental\":{\"compression\":\"zstd\"}}" },
		{ "experimental.stallDetector.stallMargin", "4",
		  "{\"experimental\":{\"stallDetector\":{\"stallMargin\":4}}}" },
		{ "experimental.stallDetector.searchLocalMinima", "false",
		  "{\"experimental\":{\"stallDetector\":{\"searchLocalMinima\":false}}}" },
		{ "experimental.compression", "lz4", NULL },
		{ "experimental.stallDetector.stallMargin", "101", NULL },
		{ "experimental.stallDetector.stallMargin", "many", NULL },
		{ "experimental.stallDetector", "4", NULL },
		{ "experimental", "4", NULL },
		{ "experimental.", "4", NULL },
		{ "progressTimeout", "4", NULL },
		{ "selectors", "x", NULL },
		{ "allowPostCopy", "yes", NULL },
		{ "bandwidthPerMigration", "-1", NULL },
		{ "", "1", NULL },
	};
	g_auto(GStrv) names = policy_field_names();

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *spec = NULL;

		g_test_message("%s=%s", cases[i].key, cases[i].text);
		g_assert_cmpint(set_field(cases[i].key, cases[i].text, &spec), ==,
				cases[i].spec != NULL);
		g_assert_cmpstr(spec, ==, cases[i].spec);
	}
	g_assert_true(g_strv_contains((const char *const *)names, "maxDowntimeMs"));
	g_assert_true(
		g_strv_contains((const char *const *)names, "experimental.downtimeTuning.steps"));
}

/* What the schema and Kubernetes' syntax of labels say. */
static void test_check(void)
{
	static const struct {
		const char *spec;
		const char *said; /* NULL: accepted */
	} cases[] = {
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":\"0.4\"}}}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{\"completionTimeoutFactor\":\"2000\"}}}",
		  NULL },
		{ "{\"maxDowntimeMs\":0}", "maxDowntimeMs" },
		{ "{\"maxDowntimeMs\":900}", NULL },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a b\":\"x\"}}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":\"x y\"}}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":\"\"}}}", NULL },
		{ "{\"selectors\":{\"namespaceSelector\":{\"hpc-workloads\":true}}}",
		  "quote it, as in \"true\"" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"hpc-workloads\":2.5}}}",
		  "quote it, as in \"2.5\"" },
		{ "{\"selectors\":{\"namespaceSelector\":[\"a\"]}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":\"a\"}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":{}}}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":[null]}}}", "namespaceSelector" },
		{ "{\"selectors\":null}", "selectors" },
		{ "{\"bandwidth\":1}", "unknown field" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
		g_autoptr(cJSON) patch =
			json_parse(cases[i].spec, strlen(cases[i].spec), "spec", NULL);
		g_autoptr(GError) error = NULL;

		g_test_message("%s", cases[i].spec);
		json_merge_patch(json_get(object, "spec"), patch);
		g_assert_cmpint(policy_check(object, &error), ==, cases[i].said == NULL);
		if (cases[i].said) {
			g_test_message("%s", error->message);
			g_assert_nonnull(strstr(error->message, cases[i].said));
		}
	}
}

/* ---- lint ----------------------------------------------------------------------------------- */

static char *lint(const char *policies, PolicyRule rule)
{
	g_autoptr(GPtrArray) objects = policies_of(policies);
	g_autoptr(PolicySet) set = set_of(objects);
	const PolicyPlatform platform = { .in_force = rule };
	g_autoptr(GPtrArray) findings = policy_lint(set, &platform);
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < findings->len; i++) {
		const PolicyFinding *finding = g_ptr_array_index(findings, i);

		g_assert_cmpstr(finding->text, !=, "");
		g_assert_cmpstr(finding->fix, !=, "");
		g_string_append_printf(text, "%s%s:%s%s%s", i ? " " : "", finding->policy->name,
				       finding->code + strlen("KVMIG-LINT-POLICY-"),
				       finding->other ? "/" : "",
				       finding->other ? finding->other->name : "");
	}
	return g_string_free(text, FALSE);
}

static void expect_lint(const char *policies, PolicyRule rule, const char *wanted)
{
	g_autofree char *found = lint(policies, rule);

	g_assert_cmpstr(found, ==, wanted);
}

static void test_lint(void)
{
	expect_lint("a{x:1} b{x:1,y:1}", POLICY_RULE_DOCUMENTED, "");
	expect_lint("b{x:1} a{x:1}", POLICY_RULE_DOCUMENTED, "b:DUPLICATE/a");
	/* they ask for different values: no VM has both */
	expect_lint("b{x:1} a{x:2}", POLICY_RULE_DOCUMENTED, "");
	expect_lint("b{x:1} a{/x:2}", POLICY_RULE_DOCUMENTED, "a:RULES-DIFFER/b");
	/* by keys for the documents, by name for KubeVirt: the same here */
	expect_lint("a{x:1} b{y:1}", POLICY_RULE_DOCUMENTED, "");
	expect_lint("a{x:1} b{y:1}", POLICY_RULE_KUBEVIRT, "b:TIE/a");
	expect_lint("a{y:1} b{x:1}", POLICY_RULE_KUBEVIRT, "a:RULES-DIFFER/b");
	expect_lint("n-", POLICY_RULE_KUBEVIRT, "n:INVALID n:NO-SELECTORS");
}

/* A third policy that always goes before both: the pair is of no importance. */
static void test_lint_settled(void)
{
	expect_lint("a{x:1} b{y:1} c{x:1,y:1}", POLICY_RULE_KUBEVIRT, "");
	expect_lint("a{y:1} b{x:1} c{x:1,y:1}", POLICY_RULE_KUBEVIRT, "");
	expect_lint("b{x:1} a{/x:2} c{x:1/x:2}", POLICY_RULE_DOCUMENTED, "");
	/* it asks for more than they do, or for another value: some VMs are left */
	expect_lint("a{x:1} b{y:1} c{x:1,y:1,z:1}", POLICY_RULE_KUBEVIRT, "b:TIE/a");
	expect_lint("a{x:1} b{y:1} c{x:1,y:2}", POLICY_RULE_KUBEVIRT, "b:TIE/a");
	expect_lint("a{x:1} b{y:1} c{x:1/y:1}", POLICY_RULE_KUBEVIRT, "b:TIE/a");
	/* all three meet: b is first for KubeVirt, c for the documents, and a for nobody */
	expect_lint("c{x:1/y:1} b{x:1,z:1} a{z:1/y:1}", POLICY_RULE_KUBEVIRT, "b:RULES-DIFFER/c");
}

static gboolean says_rules_differ(const PolicySet *set)
{
	const PolicyPlatform platform = { .in_force = POLICY_RULE_KUBEVIRT };
	g_autoptr(GPtrArray) findings = policy_lint(set, &platform);

	for (guint i = 0; i < findings->len; i++)
		if (g_str_has_suffix(((PolicyFinding *)findings->pdata[i])->code, "RULES-DIFFER"))
			return TRUE;
	return FALSE;
}

/* Digits to the base of three: no such label, value 1, value 2. */
static char *labels_text(const char *keys, guint number)
{
	GString *text = g_string_new(NULL);

	for (; *keys; keys++, number /= 3)
		if (number % 3)
			g_string_append_printf(text, "%s%c:%u", text->len ? "," : "", *keys,
					       number % 3);
	return g_string_free(text, FALSE);
}

/* On any VM of all that there can be. */
static gboolean rules_differ(PolicySet *set)
{
	for (guint n = 0; n < 27 * 9; n++) {
		g_autofree char *vm_text = labels_text("xyz", n % 27);
		g_autofree char *ns_text = labels_text("xm", n / 27);
		g_autoptr(cJSON) vm = labels_of(vm_text), ns = labels_of(ns_text);
		g_autoptr(PolicyScope) scope = policy_scope_new(set, ns);
		PolicyVerdict verdict = policy_match(set, scope, vm);

		if (verdict.winner[POLICY_RULE_DOCUMENTED] != verdict.winner[POLICY_RULE_KUBEVIRT])
			return TRUE;
	}
	return FALSE;
}

/* Lint says that the rules differ if, and only if, there can be a VM where they do. */
static void test_lint_is_exact(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(6);
	guint differ = 0;

	for (guint round = 0; round < 1000; round++) {
		const guint n = (guint)g_rand_int_range(rand, 2, 6);
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(GPtrArray) objects = NULL;
		g_autoptr(PolicySet) set = NULL;

		for (guint i = 0; i < n; i++) {
			guint number = (guint)g_rand_int_range(rand, 0, 27 * 9);
			g_autofree char *vm = labels_text("xyz", number % 27);
			g_autofree char *ns = labels_text("xm", number / 27);

			g_string_append_printf(text, "%s%c{%s/%s}", i ? " " : "", 'a' + (char)i, vm,
					       ns);
		}
		g_test_message("%s", text->str);
		objects = policies_of(text->str);
		set = set_of(objects);
		differ += rules_differ(set);
		g_assert_cmpint(says_rules_differ(set), ==, rules_differ(set));
	}
	g_assert_cmpuint(differ, >, 100);
	g_assert_cmpuint(differ, <, 900);
}

/* The fix makes a policy of both, with what the one that wins now sets. */
static void test_lint_pair_fix(void)
{
	const PolicyPlatform platform = { .in_force = POLICY_RULE_KUBEVIRT };
	g_autoptr(GPtrArray) objects = policies_of("a{y:1,z:1} b{x:1,z:1} b-c{w:2} c{w:3}");
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(GPtrArray) findings = NULL;
	const PolicyFinding *finding;

	g_assert_true(policy_set_field(objects->pdata[0], "bandwidthPerMigration", "64Mi", NULL));
	g_assert_true(
		policy_set_field(objects->pdata[0], "experimental.compression", "zstd", NULL));
	g_assert_true(policy_set_field(objects->pdata[1], "allowPostCopy", "true", NULL));
	set = set_of(objects);
	findings = policy_lint(set, &platform);
	finding = findings->pdata[0];
	g_assert_cmpstr(finding->fix, ==,
			"kvmig policy create a-b --vm-label x=1,y=1,z=1 --set "
			"bandwidthPerMigration=64Mi --set experimental.compression=zstd");
}

/* No fix lets guests be paused where the cluster does not. */
static void test_lint_disruption(void)
{
	static const struct {
		PolicyClusterFlag cluster;
		const char *fix;
	} rows[] = {
		{ POLICY_CLUSTER_UNKNOWN, "false" },
		{ POLICY_CLUSTER_OFF, "false" },
		{ POLICY_CLUSTER_ON, "true" },
	};
	g_autoptr(GPtrArray) objects = policies_of("p{x:1}");
	g_autoptr(PolicySet) set = NULL;

	g_assert_true(policy_set_field(objects->pdata[0], "allowPostCopy", "false", NULL));
	set = set_of(objects);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const PolicyPlatform platform = { .disruption = rows[i].cluster };
		g_autoptr(GPtrArray) findings = policy_lint(set, &platform);
		g_autofree char *fix = g_strdup_printf(
			"kvmig policy edit p --set allowWorkloadDisruption=%s", rows[i].fix);

		g_assert_cmpuint(findings->len, ==, 1);
		g_assert_cmpstr(((PolicyFinding *)findings->pdata[0])->fix, ==, fix);
	}
}

static const PolicyFinding *nth_finding(const GPtrArray *findings, guint n)
{
	return g_ptr_array_index(findings, n);
}

static void test_lint_fields(void)
{
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
	cJSON *spec = json_get(object, "spec");
	const cJSON *objects[] = { object };
	const PolicyPlatform kubevirt = { .in_force = POLICY_RULE_KUBEVIRT, .has_gates = TRUE };
	const PolicyPlatform local = { .in_force = POLICY_RULE_DOCUMENTED };
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(GPtrArray) findings = NULL;
	g_autoptr(GPtrArray) at_home = NULL;

	json_set_bool(spec, "allowPostCopy", FALSE);
	json_set_int(spec, "maxDowntimeMs", 500);
	json_ensure_object(json_ensure_object(spec, "experimental"), "downtimeTuning");
	set = policy_set_new(objects, 1);
	findings = policy_lint(set, &kubevirt);
	g_assert_cmpuint(findings->len, ==, 3);
	g_assert_cmpstr(nth_finding(findings, 0)->code, ==, "KVMIG-LINT-POLICY-DISRUPTION-OFF");
	g_assert_cmpstr(nth_finding(findings, 1)->code, ==, "KVMIG-LINT-POLICY-GATED");
	g_assert_nonnull(strstr(nth_finding(findings, 1)->text, "cannot be told"));
	g_assert_nonnull(strstr(nth_finding(findings, 2)->text, "downtimeTuning"));
	/* where kvmig migrates there are no gates */
	at_home = policy_lint(set, &local);
	g_assert_cmpuint(at_home->len, ==, 1);
}

static void count_match(const Policy *policy, gpointer data)
{
	g_string_append_printf(data, "%s ", policy->name);
}

static void test_match_all(void)
{
	g_autoptr(GPtrArray) objects = policies_of("all{} one{x:1} two{x:1,y:1} no{z:1} ns{/n:1}");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(cJSON) vm = labels_of("x:1,y:1");
	g_autoptr(cJSON) ns = labels_of("n:1");
	g_autoptr(PolicyScope) scope = policy_scope_new(set, ns);
	g_autoptr(GString) names = g_string_new(NULL);

	policy_match_all(set, scope, vm, count_match, names);
	g_assert_cmpstr(names->str, ==, "two ns one all ");
}

/* A winner that no label of the project could beat is certain, whatever these labels are. */
static void test_unknown_project(void)
{
	static const struct {
		const char *vm, *known, *best;
	} rows[] = {
		{ "x:1", "one", "one-ns" },
		{ "x:1,y:1,z:1", "three", "three" },
		{ "w:1", "all", "ns" },
		{ "v:1", "all", "v-ns" },
	};
	g_autoptr(GPtrArray) objects =
		policies_of("all{} one{x:1} one-ns{x:1/n:1} three{x:1,y:1,z:1} ns{/n:1} "
			    "v-ns{v:1/n:2,m:1} none-");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(PolicyScope) known = policy_scope_new(set, NULL);
	g_autoptr(PolicyScope) any = policy_scope_any(set, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) vm = labels_of(rows[i].vm);

		for (PolicyRule rule = 0; rule < POLICY_RULES; rule++) {
			g_assert_cmpstr(name_of(policy_match(set, known, vm).winner[rule]), ==,
					rows[i].known);
			g_assert_cmpstr(name_of(policy_match(set, any, vm).winner[rule]), ==,
					rows[i].best);
		}
	}
}

/* What is said of such a project is not all that it has. */
static void test_half_known_project(void)
{
	static const struct {
		const char *ns, *least, *best;
	} rows[] = {
		{ "{}", "none", "p1" },
		{ "{zone: b}", "p2", "p1" },
		{ "{zone: c}", "none", "none" },
		{ "{zone: b, hpc: null}", "p2", "p2" },
		{ "{hpc: 'no'}", "none", "p2" },
		{ "{zone: null, hpc: 'yes'}", "none", "none" },
	};
	g_autoptr(GPtrArray) objects =
		policies_of("p1{x:1/zone:b,hpc:yes} p2{x:1/zone:b}");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(cJSON) vm = labels_of("x:1");

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) ns = yaml_parse(rows[i].ns, strlen(rows[i].ns), "labels", NULL);
		g_autoptr(PolicyScope) least = policy_scope_new(set, ns);
		g_autoptr(PolicyScope) most = policy_scope_any(set, ns);

		for (PolicyRule rule = 0; rule < POLICY_RULES; rule++) {
			g_assert_cmpstr(name_of(policy_match(set, least, vm).winner[rule]), ==,
					rows[i].least);
			g_assert_cmpstr(name_of(policy_match(set, most, vm).winner[rule]), ==,
					rows[i].best);
		}
	}
}

/* Ahead of a hand-over nobody knows where the VM goes, nor where one that does not run comes from.
 */
static void test_handover(void)
{
#define SOURCE "kubevirt.io\\nodeName"
#define TARGET "kubevirt.io\\migrationTargetNodeName"
	static const struct {
		const char *vm, *certain, *best, *at_handover;
	} rows[] = {
		/* labels; winner for certain, at best, and once it goes from n1 to n2 */
		{ "x:1," SOURCE ":n1", "from-n1", "to-n2", "to-n2" },
		{ "x:1", "x", "to-n2", "to-n2" },
		{ SOURCE ":n1", "from-n1", "from-n1", "from-n1" },
		{ "", "all", "from-n1", "from-n1" },
		{ "x:1,y:1,z:1," SOURCE ":n1", "three", "three", "three" },
	};
	g_autoptr(GPtrArray) objects =
		policies_of("all{} x{x:1} to-n2{x:1," TARGET ":n2} to-n3{x:1," TARGET ":n3} "
			    "from-n1{" SOURCE ":n1} three{x:1,y:1,z:1}");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(PolicyScope) now = policy_scope_new(set, NULL);
	g_autoptr(PolicyScope) ahead = policy_scope_new(set, NULL);

	policy_scope_set_ahead(ahead);
	g_assert_true(policy_set_asks_handover(set));
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) vm = labels_of(rows[i].vm);
		const PolicyRule rule = POLICY_RULE_KUBEVIRT;

		g_test_message("%s", rows[i].vm);
		g_assert_cmpstr(name_of(policy_match(set, now, vm).winner[rule]), ==,
				rows[i].certain);
		g_assert_cmpstr(name_of(policy_match(set, ahead, vm).winner[rule]), ==,
				rows[i].best);
		json_set_string(vm, "kubevirt.io/nodeName", "n1");
		json_set_string(vm, "kubevirt.io/migrationTargetNodeName", "n2");
		g_assert_cmpstr(name_of(policy_match(set, now, vm).winner[rule]), ==,
				rows[i].at_handover);
	}
}

/* The target that a VM still has is that of the migration before. */
static void test_labels_ahead(void)
{
	g_autoptr(GPtrArray) asking = policies_of("p{" TARGET ":n2}");
	g_autoptr(GPtrArray) other = policies_of("p{x:1}");
	g_autoptr(PolicySet) asks = set_of(asking), asks_not = set_of(other);
	g_autoptr(cJSON) vm = labels_of("x:1," TARGET ":n2");
	g_autoptr(cJSON) copy = NULL, none = NULL;
	const cJSON *ahead = policy_labels_ahead(asks, vm, &copy);

	g_assert_true(ahead == copy);
	g_assert_null(json_get(ahead, "kubevirt.io/migrationTargetNodeName"));
	g_assert_cmpstr(json_string(ahead, "x", NULL), ==, "1");
	g_assert_true(policy_labels_ahead(asks_not, vm, &none) == vm);
	g_assert_null(none);
	g_assert_false(policy_set_asks_handover(asks_not));
	g_assert_null(policy_labels_ahead(asks, NULL, &none));
}

/* What misses another label is out, wherever the VM goes. */
static void test_handover_reason(void)
{
	g_autoptr(GPtrArray) objects =
		policies_of("later{" TARGET ":n2} out{" TARGET ":n2,x:1} differs{" SOURCE ":n2} "
			    "far{" TARGET ":n2/zone:a}");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(cJSON) vm = labels_of(SOURCE ":n1");
	g_autoptr(GArray) places = policy_rank(set, POLICY_RULE_KUBEVIRT, vm, NULL);
	g_autoptr(GString) said = g_string_new(NULL);

	for (guint i = 0; i < places->len; i++) {
		const PolicyPlace *place = &g_array_index(places, PolicyPlace, i);

		g_string_append_printf(said, "%s:%s ", place->policy->name,
				       policy_reason_to_string(place->reason));
		if (place->reason == POLICY_VM_LABEL_LATER) {
			g_autofree char *text = policy_place_text(place, NULL);

			g_assert_cmpstr(text, ==,
					"a hand-over sets the VM label "
					"'kubevirt.io/migrationTargetNodeName': it matches where "
					"that is 'n2'");
		}
	}
	g_assert_cmpstr(said->str, ==,
			"out:vm-label-missing far:project-label-missing differs:vm-label-differs "
			"later:vm-label-later ");
}

static void test_asked_labels(void)
{
	g_autoptr(GPtrArray) objects = policies_of("a{x:1,y:1} b{x:2} c{/z:1}");
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(cJSON) vm = labels_of("w:1,x:2,y:1,z:1");
	g_autoptr(cJSON) none = labels_of("x:3");
	g_autoptr(GArray) asked = policy_asked_labels(set, vm);
	g_autoptr(GArray) nothing = policy_asked_labels(set, none);
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < asked->len; i++) {
		PolicyLabel label = policy_asked_label(set, g_array_index(asked, guint, i));

		g_string_append_printf(text, "%s=%s ", label.key, label.value);
	}
	g_assert_cmpstr(text->str, ==, "x=2 y=1 ");
	g_assert_cmpuint(nothing->len, ==, 0);
	g_assert_true(policy_matches_vm(policy_set_find(set, "b"), vm));
	g_assert_false(policy_matches_vm(policy_set_find(set, "a"), vm));
	g_assert_true(policy_matches_vm(policy_set_find(set, "c"), NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/policy/reasons", test_reasons);
	g_test_add_func("/policy/merge-bad", test_merge_bad);
	g_test_add_func("/policy/index-is-the-loop", test_index_is_the_loop);
	g_test_add_func("/policy/many-labels", test_many_labels);
	g_test_add_func("/policy/odd-selectors", test_odd_selectors);
	g_test_add_func("/policy/set-field", test_set_field);
	g_test_add_func("/policy/check", test_check);
	g_test_add_func("/policy/lint", test_lint);
	g_test_add_func("/policy/lint-settled", test_lint_settled);
	g_test_add_func("/policy/lint-is-exact", test_lint_is_exact);
	g_test_add_func("/policy/lint-pair-fix", test_lint_pair_fix);
	g_test_add_func("/policy/lint-disruption", test_lint_disruption);
	g_test_add_func("/policy/lint-fields", test_lint_fields);
	g_test_add_func("/policy/match-all", test_match_all);
	g_test_add_func("/policy/unknown-project", test_unknown_project);
	g_test_add_func("/policy/half-known-project", test_half_known_project);
	g_test_add_func("/policy/handover", test_handover);
	g_test_add_func("/policy/handover-labels", test_labels_ahead);
	g_test_add_func("/policy/handover-reason", test_handover_reason);
	g_test_add_func("/policy/asked-labels", test_asked_labels);
	return g_test_run();
}
