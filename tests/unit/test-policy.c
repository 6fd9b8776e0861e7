/* SPDX-License-Identifier: Apache-2.0 */
/* Which policy wins, by both rules: the vectors of KubeVirt's own tests, those of the documents,
 * and the index against a plain loop. */
#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "policy/policy.h"

/* "k:v,k2:v2" to a map; "" is an empty one. */
static cJSON *labels_of(const char *text)
{
	cJSON *map = cJSON_CreateObject();
	g_auto(GStrv) pairs = g_strsplit(text, ",", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *colon = strchr(*pair, ':');

		if (!**pair)
			continue;
		g_assert_nonnull(colon);
		*colon = '\0';
		json_set_string(map, *pair, colon + 1);
	}
	return map;
}

static cJSON *policy_object(const char *name, cJSON *vm, cJSON *ns)
{
	cJSON *object = object_new(&KIND_MIGRATION_POLICY, NULL, name);
	cJSON *selectors = json_ensure_object(json_ensure_object(object, "spec"), "selectors");

	json_set(selectors, "virtualMachineInstanceSelector", vm);
	json_set(selectors, "namespaceSelector", ns);
	return object;
}

/* "name{vm labels/namespace labels}": several, blanks between them. "name{}" has empty selectors,
 * "name-" none at all. */
static GPtrArray *policies_of(const char *text)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word; word++) {
		char *brace = strchr(*word, '{');
		char *slash = strchr(*word, '/');

		if (!brace) {
			(*word)[strlen(*word) - 1] = '\0';
			g_ptr_array_add(objects, object_new(&KIND_MIGRATION_POLICY, NULL, *word));
			continue;
		}
		*brace = '\0';
		brace[strlen(brace + 1)] = '\0';
		if (slash)
			*slash = '\0';
		g_ptr_array_add(objects, policy_object(*word, labels_of(brace + 1),
						       slash ? labels_of(slash + 1) : NULL));
	}
	return objects;
}

static PolicySet *set_of(const GPtrArray *objects)
{
	return policy_set_new((const cJSON *const *)objects->pdata, objects->len);
}

static const char *name_of(const Policy *policy)
{
	return policy ? policy->name : "none";
}

static const Policy *first_of(const PolicySet *set, PolicyRule rule, const cJSON *vm,
			      const cJSON *ns)
{
	for (guint i = 0; i < policy_set_size(set); i++) {
		const Policy *policy = policy_set_ranked(set, rule, i);

		if (policy_matches(policy, vm, ns))
			return policy;
	}
	return NULL;
}

static void expect(const char *policies, const char *vm_text, const char *ns_text,
		   const char *kubevirt, const char *documented)
{
	g_autoptr(GPtrArray) objects = policies_of(policies);
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(cJSON) vm = labels_of(vm_text);
	g_autoptr(cJSON) ns = labels_of(ns_text);
	g_autoptr(PolicyScope) scope = policy_scope_new(set, ns);
	PolicyVerdict verdict = policy_match(set, scope, vm);

	g_test_message("%s on {%s/%s}", policies, vm_text, ns_text);
	g_assert_cmpstr(name_of(verdict.winner[POLICY_RULE_KUBEVIRT]), ==, kubevirt);
	g_assert_cmpstr(name_of(verdict.winner[POLICY_RULE_DOCUMENTED]), ==, documented);
	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++)
		g_assert_true(first_of(set, rule, vm, ns) == verdict.winner[rule]);
}

/* ---- vectors -------------------------------------------------------------------------------- */

#define V "size:small,os:fedora,gpu:nvidia"
#define N "priority:high,bandwidth:medium,hpc-workload:true"
#define P1 "{size:small,gpu:nvidia/priority:high,bandwidth:medium}"
#define P2 "{size:small,gpu:nvidia/priority:high,hpc-workload:true}"
#define P3 "{size:small,gpu:nvidia/priority:high}"
#define P4 "{size:small/priority:high,hpc-workload:true}"
#define P5 "{gpu:nvidia/priority:high}"
#define P6 "{gpu:nvidia}"
#define P7 "{gpu:intel/priority:high}"

/* What KubeVirt's function answered for these, and what the documents say. */
static void test_documents_example(void)
{
	/* keys: bandwidth,gpu,priority,size before gpu,hpc-workload,priority,size */
	expect("p1" P1 " p2" P2 " p3" P3 " p4" P4 " p5" P5 " p6" P6 " p7" P7, V, N, "p1", "p1");
	/* by name the second would win; the documents look at the keys */
	expect("zz-doc1" P1 " aa-doc2" P2, V, N, "aa-doc2", "zz-doc1");
	/* three labels each: KubeVirt takes more VM labels; keys: gpu,priority,size before
	 * hpc-workload,priority,size */
	expect("p3" P3 " p4" P4, V, N, "p3", "p3");
	expect("p3" P3 " a4" P4, V, N, "p3", "p3");
	expect("p7" P7, V, N, "none", "none");
	expect("p7" P7 " p6" P6, V, N, "p6", "p6");
}

static void test_selectors(void)
{
	expect("catchall{}", V, N, "catchall", "catchall");
	expect("catchall{/}", V, N, "catchall", "catchall");
	expect("unset-", V, N, "none", "none");
	expect("aaa{} zzz{os:fedora}", V, N, "zzz", "zzz");
	expect("b{} a{}", V, N, "a", "a");
	expect("v{os:fedora}", "", N, "none", "none");
	expect("n{/priority:high}", "", N, "n", "n");
	/* one label that is not there, and the policy is out, whatever else matches */
	expect("many{size:small,os:fedora,gpu:intel/priority:high} one{os:fedora}", V, N, "one",
	       "one");
	/* an empty value asks for an empty value, not for any */
	expect("e{size:}", V, N, "none", "none");
	expect("e{size:}", "size:", N, "e", "e");
}

/* Ties: KubeVirt by name, bytewise; the documents by keys first. */
static void test_ties(void)
{
	expect("b{x:1} B{x:1}", "x:1", "", "B", "B");
	expect("p9{x:1} p10{x:1}", "x:1", "", "p10", "p10");
	expect("p.1{x:1} p-1{x:1}", "x:1", "", "p-1", "p-1");
	expect("abc{x:1} ab{x:1}", "x:1", "", "ab", "ab");
	/* equal keys on different sides: the names decide for the documents, the VM's for KubeVirt
	 */
	expect("a{/k:1} b{k:1}", "k:1", "k:1", "b", "a");
	/* the list is of both selectors together: a,z before b,c, wherever they stand */
	expect("late{a:1/z:1} early{b:1/c:1}", "a:1,b:1", "z:1,c:1", "early", "late");
	/* the first key decides, not the number of small ones */
	expect("x{a:1,y:1,z:1} y{a:1,b:1,c:1}", "a:1,b:1,c:1,y:1,z:1", "", "x", "y");
	/* upper case stands before lower case, '-' before '.' and digits */
	expect("one{Zone:1} two{app:1}", "Zone:1,app:1", "", "one", "one");
	expect("two{a-b:1} one{a.b:1}", "a-b:1,a.b:1", "", "one", "two");
	/* a key twice, on both sides, stands twice in the list: k,k before k,l */
	expect("b{k:1/l:1} c{k:1/k:1}", "k:1", "k:1,l:1", "b", "c");
}

/* P(v,n) of KubeVirt's unit tests: selectors with keys of their own, all of which match. */
static void add_sized(GPtrArray *objects, cJSON *vm, cJSON *ns, const char *name, guint v, guint n)
{
	cJSON *vm_selector = cJSON_CreateObject(), *ns_selector = cJSON_CreateObject();

	for (guint i = 0; i < v + n; i++) {
		g_autofree char *key = g_strdup_printf("%s-%u", name, i);

		json_set_string(i < v ? vm_selector : ns_selector, key, "yes");
		json_set_string(i < v ? vm : ns, key, "yes");
	}
	g_ptr_array_add(objects, policy_object(name, vm_selector, ns_selector));
}

typedef struct {
	const char *name;
	guint v, n;
} Sized;

static void expect_sized(const Sized *sized, guint n_sized, const char *winner)
{
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(cJSON) vm = cJSON_CreateObject();
	g_autoptr(cJSON) ns = cJSON_CreateObject();
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(PolicyScope) scope = NULL;

	for (guint i = 0; i < n_sized; i++)
		add_sized(objects, vm, ns, sized[i].name, sized[i].v, sized[i].n);
	set = set_of(objects);
	scope = policy_scope_new(set, ns);
	g_assert_cmpstr(name_of(policy_match(set, scope, vm).winner[POLICY_RULE_KUBEVIRT]), ==,
			winner);
}

static void test_kubevirt_sizes(void)
{
	expect_sized((Sized[]){ { "one", 1, 4 } }, 1, "one");
	expect_sized((Sized[]){ { "one", 1, 4 }, { "two", 4, 2 } }, 2, "two");
	expect_sized((Sized[]){ { "aa", 2, 2 }, { "zz", 2, 2 } }, 2, "aa");
	expect_sized((Sized[]){ { "zz", 2, 2 }, { "aa", 2, 2 } }, 2, "aa");
	expect_sized(NULL, 0, "none");
	for (guint k = 1; k <= 5; k++)
		expect_sized((Sized[]){ { "ns", 0, k }, { "vmi", k, 0 } }, 2, "vmi");
}

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

static Settings apply(const char *spec, const Settings *base)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
	g_autoptr(cJSON) patch = json_parse(spec, strlen(spec), "spec", &error);
	const cJSON *objects[] = { object };
	g_autoptr(PolicySet) set = NULL;
	Settings settings = *base;

	g_assert_no_error(error);
	json_merge_patch(json_ensure_object(object, "spec"), patch);
	set = policy_set_new(objects, 1);
	g_assert_true(policy_apply(policy_set_nth(set, 0), &settings, &error));
	g_assert_no_error(error);
	return settings;
}

static void test_merge(void)
{
	const Settings plain = { .progress_timeout_seconds = 300,
				 .completion_timeout_per_gib = 150 };
	const Settings disruptive = { .allow_workload_disruption = TRUE };
	Settings none = plain;

	g_assert_true(apply("{\"allowAutoConverge\":true}", &plain).allow_auto_converge);
	g_assert_false(apply("{\"allowAutoConverge\":false}", &plain).allow_auto_converge);
	g_assert_cmpint(
		apply("{\"bandwidthPerMigration\":\"25Mi\"}", &plain).bandwidth_bytes_per_second,
		==, 25 << 20);
	g_assert_cmpint(
		apply("{\"completionTimeoutPerGiB\":33425}", &plain).completion_timeout_per_gib, ==,
		33425);
	g_assert_cmpint(apply("{\"allowAutoConverge\":true}", &plain).progress_timeout_seconds, ==,
			300);
	g_assert_true(
		apply("{\"allowWorkloadDisruption\":true}", &plain).allow_workload_disruption);
	/* the shim, both ways, and where the policy says it itself */
	g_assert_true(apply("{\"allowPostCopy\":true}", &plain).allow_workload_disruption);
	g_assert_false(apply("{\"allowPostCopy\":false}", &disruptive).allow_workload_disruption);
	g_assert_false(apply("{\"allowPostCopy\":true,\"allowWorkloadDisruption\":false}", &plain)
			       .allow_workload_disruption);
	g_assert_true(apply("{\"allowAutoConverge\":true}", &disruptive).allow_workload_disruption);
	/* not a policy's to say */
	g_assert_cmpint(apply("{\"progressTimeout\":1}", &plain).progress_timeout_seconds, ==, 300);
	g_assert_true(policy_apply(NULL, &none, NULL));
	g_assert_cmpmem(&none, sizeof(none), &plain, sizeof(plain));
}

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
		g_autofree char *name = g_strdup_printf("p%u", g_rand_int_range(rand, 0, 30));

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
				g_assert_true(first_of(set, rule, vm, ns) == verdict.winner[rule]);
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

/* KubeVirt's admission vectors, as far as they need no feature gate; and labels. */
static void test_check(void)
{
	static const struct {
		const char *spec;
		const char *said; /* NULL: accepted */
	} cases[] = {
		{ "{\"bandwidthPerMigration\":\"-1Mi\"}", "bandwidthPerMigration" },
		{ "{\"bandwidthPerMigration\":0}", NULL },
		{ "{\"completionTimeoutPerGiB\":-1}", "completionTimeoutPerGiB" },
		{ "{\"completionTimeoutPerGiB\":0}", NULL },
		{ "{\"completionTimeoutPerGiB\":1}", NULL },
		{ "{}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{\"precopyPossibleFactor\":\"-1\"}}}",
		  "precopyPossibleFactor" },
		{ "{\"experimental\":{\"stallDetector\":{\"precopyPossibleFactor\":\"0.5\"}}}",
		  "at least 1" },
		{ "{\"experimental\":{\"stallDetector\":{\"precopyPossibleFactor\":2}}}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":0}}}", "ewmaAlpha" },
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":\"1.1\"}}}", "ewmaAlpha" },
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":\"0.123456\"}}}",
		  "three decimals" },
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":\"500m\"}}}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{\"ewmaAlpha\":\"0.4\"}}}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{\"patienceWindowDecayFactor\":\"1.5\"}}}",
		  "from 0 to 1" },
		{ "{\"experimental\":{\"stallDetector\":{\"completionTimeoutFactor\":3}}}", NULL },
		{ "{\"experimental\":{\"stallDetector\":{},\"downtimeTuning\":{}}}",
		  "exclude each other" },
		{ "{\"maxDowntimeMs\":0}", "maxDowntimeMs" },
		{ "{\"maxDowntimeMs\":900}", NULL },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a b\":\"x\"}}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":\"x y\"}}}", "namespaceSelector" },
		{ "{\"selectors\":{\"namespaceSelector\":{\"a\":\"\"}}}", NULL },
		{ "{\"selectors\":{\"namespaceSelector\":{\"hpc-workloads\":true}}}",
		  "quote it, as in \"true\"" },
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
	g_autoptr(GPtrArray) findings = policy_lint(set, rule);
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

static void test_lint_fields(void)
{
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
	cJSON *spec = json_get(object, "spec");
	const cJSON *objects[] = { object };
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(GPtrArray) findings = NULL;

	json_set_bool(spec, "allowPostCopy", FALSE);
	json_set_int(spec, "maxDowntimeMs", 500);
	json_ensure_object(json_ensure_object(spec, "experimental"), "downtimeTuning");
	set = policy_set_new(objects, 1);
	findings = policy_lint(set, POLICY_RULE_KUBEVIRT);
	g_assert_cmpuint(findings->len, ==, 3);
	g_assert_cmpstr(((PolicyFinding *)findings->pdata[0])->code, ==,
			"KVMIG-LINT-POLICY-DISRUPTION-OFF");
	g_assert_cmpstr(((PolicyFinding *)findings->pdata[1])->code, ==, "KVMIG-LINT-POLICY-GATED");
	g_assert_nonnull(strstr(((PolicyFinding *)findings->pdata[2])->text, "downtimeTuning"));
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
	g_autoptr(PolicyScope) known = policy_scope_new(set, NULL), any = policy_scope_any(set);

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
	g_test_add_func("/policy/documents-example", test_documents_example);
	g_test_add_func("/policy/selectors", test_selectors);
	g_test_add_func("/policy/ties", test_ties);
	g_test_add_func("/policy/kubevirt-sizes", test_kubevirt_sizes);
	g_test_add_func("/policy/reasons", test_reasons);
	g_test_add_func("/policy/merge", test_merge);
	g_test_add_func("/policy/merge-bad", test_merge_bad);
	g_test_add_func("/policy/index-is-the-loop", test_index_is_the_loop);
	g_test_add_func("/policy/many-labels", test_many_labels);
	g_test_add_func("/policy/odd-selectors", test_odd_selectors);
	g_test_add_func("/policy/set-field", test_set_field);
	g_test_add_func("/policy/check", test_check);
	g_test_add_func("/policy/lint", test_lint);
	g_test_add_func("/policy/lint-fields", test_lint_fields);
	g_test_add_func("/policy/match-all", test_match_all);
	g_test_add_func("/policy/unknown-project", test_unknown_project);
	g_test_add_func("/policy/asked-labels", test_asked_labels);
	return g_test_run();
}
