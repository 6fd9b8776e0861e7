/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vectors by their names: U and D and E are what KubeVirt's own function answers, each with
 * what the documents' rule says of the same; K are our own for the documents' rule; M is how values
 * are merged; A what the admission takes.
 */
#include <string.h>

#include "base/error.h"
#include "policy-naive.h"
#include "policy/gated.h"

#define V "size:small,os:fedora,gpu:nvidia"
#define N "priority:high,bandwidth:medium,hpc-workload:true"
#define P1 "{size:small,gpu:nvidia/priority:high,bandwidth:medium}"
#define P2 "{size:small,gpu:nvidia/priority:high,hpc-workload:true}"
#define P3 "{size:small,gpu:nvidia/priority:high}"
#define P4 "{size:small/priority:high,hpc-workload:true}"
#define P5 "{gpu:nvidia/priority:high}"
#define P6 "{gpu:nvidia}"
#define P7 "{gpu:intel/priority:high}"

typedef struct {
	const char *name, *policies;
	const char *vm, *ns; /* NULL: no labels at all */
	const char *kubevirt, *documented;
} Vector;

/* ---- which one wins ------------------------------------------------------------------------- */

static void check_winner(const GPtrArray *objects, const cJSON *vm, const cJSON *ns,
			 PolicyRule rule, const char *wanted)
{
	g_autoptr(PolicySet) set = set_of(objects);
	g_autoptr(PolicyScope) scope = policy_scope_new(set, ns);
	const Policy *winner = policy_match(set, scope, vm).winner[rule];

	g_assert_cmpstr(name_of(winner), ==, wanted);
	/* the same by the rule as it is written */
	g_assert_true((winner ? winner->object : NULL) == naive_winner(objects, rule, vm, ns));
}

static void test_winner(gconstpointer data)
{
	const Vector *vector = data;
	g_autoptr(GPtrArray) objects = policies_of(vector->policies);
	g_autoptr(cJSON) vm = vector->vm ? labels_of(vector->vm) : NULL;
	g_autoptr(cJSON) ns = vector->ns ? labels_of(vector->ns) : NULL;

	check_winner(objects, vm, ns, POLICY_RULE_KUBEVIRT, vector->kubevirt);
	check_winner(objects, vm, ns, POLICY_RULE_DOCUMENTED, vector->documented);
}

static const Vector vectors[] = {
	/* keys: bandwidth,gpu,priority,size before gpu,hpc-workload,priority,size */
	{ "D1", "p1" P1 " p2" P2 " p3" P3 " p4" P4 " p5" P5 " p6" P6 " p7" P7, V, N, "p1", "p1" },
	/* KubeVirt looks at the names, the documents at the keys */
	{ "D2", "zz-doc1" P1 " aa-doc2" P2, V, N, "aa-doc2", "zz-doc1" },
	/* three labels each: more of the VM's; gpu,priority,size before hpc-workload,... */
	{ "D3", "p3" P3 " p4" P4, V, N, "p3", "p3" },
	{ "D4", "p3" P3 " a4" P4, V, N, "p3", "p3" },
	{ "D5", "p7" P7, V, N, "none", "none" },
	{ "D6", "p7" P7 " p6" P6, V, N, "p6", "p6" },
	{ "E1", "catchall{}", V, N, "catchall", "catchall" },
	{ "E2", "catchall{/}", V, N, "catchall", "catchall" },
	{ "E3", "unset-", V, N, "none", "none" },
	{ "E4", "aaa{} zzz{os:fedora}", V, N, "zzz", "zzz" },
	/* no keys at all on either side: the names are what is left */
	{ "E5", "b{} a{}", V, N, "a", "a" },
	/*
	 * E6 to E8: with a label map that is nil KubeVirt's function looks at no selector and
	 * answers v, n and a. Its controller never calls it so: it sets the label of the target
	 * first. What will happen to such a VM is what kvmig says, by both rules: its labels are
	 * none.
	 */
	{ "E6", "v{os:fedora}", NULL, N, "none", "none" },
	{ "E6-at-hand-over", "v{os:fedora}", "kubevirt.io\\migrationTargetNodeName:n2", N, "none",
	  "none" },
	{ "E7", "n{/priority:low}", NULL, N, "none", "none" },
	{ "E7-at-hand-over", "n{/priority:low}", "kubevirt.io\\migrationTargetNodeName:n2", N,
	  "none", "none" },
	{ "E8", "b{x:y} a{/q:w}", NULL, N, "none", "none" },
	{ "E8-at-hand-over", "b{x:y} a{/q:w}", "kubevirt.io\\migrationTargetNodeName:n2", N, "none",
	  "none" },
	{ "E9", "v{os:fedora}", "", N, "none", "none" },
	{ "E10", "n{/priority:high}", "", N, "n", "n" },

	/* ---- our own for the documents' rule ---- */

	/* all labels must match: one that differs, and three others are of no use */
	{ "K1-all-must-match", "many{size:small,os:fedora,gpu:intel/priority:high} one{os:fedora}",
	  V, N, "one", "one" },
	/* an empty value asks for an empty value, not for any */
	{ "K2-empty-value", "e{size:}", V, N, "none", "none" },
	{ "K3-empty-value", "e{size:}", "size:", N, "e", "e" },
	/* most labels, wherever they are: 0+3 beats 2+0 by both rules */
	{ "K4-most-labels",
	  "vm{size:small,gpu:nvidia} "
	  "ns{/priority:high,bandwidth:medium,hpc-workload:true}",
	  V, N, "ns", "ns" },
	/* as many: the documents know no precedence of the VM's labels; bandwidth before size */
	{ "K5-sides-are-equal", "vm{size:small} ns{/bandwidth:medium}", V, N, "vm", "ns" },
	/* the list is of both selectors together: a,z before b,c, wherever they stand */
	{ "K6-one-list", "late{a:1/z:1} early{b:1/c:1}", "a:1,b:1", "z:1,c:1", "early", "late" },
	/* element by element: the first that differs decides, not how many small ones follow */
	{ "K7-first-key-decides", "x{a:1,b:1,z:1} y{a:1,c:1,d:1}", "a:1,b:1,c:1,d:1,z:1", "", "x",
	  "x" },
	{ "K8-first-key-decides", "y{a:1,b:1,z:1} x{a:1,c:1,d:1}", "a:1,b:1,c:1,d:1,z:1", "", "x",
	  "y" },
	/* bytes: upper case before lower case, '-' before '.' before digits before '_' */
	{ "K9-bytewise", "two{app:1} one{Zone:1}", "Zone:1,app:1", "", "one", "one" },
	{ "K10-bytewise", "b{a-b:1} a{a.b:1}", "a-b:1,a.b:1", "", "a", "b" },
	{ "K11-bytewise", "b{a.b:1} a{a1:1}", "a.b:1,a1:1", "", "a", "b" },
	{ "K12-bytewise", "b{a1:1} a{a_b:1}", "a1:1,a_b:1", "", "a", "b" },
	/* a key that begins another one stands before it; the prefix counts as a part of the key */
	{ "K13-shorter-key", "b{app:1} a{apple:1}", "app:1,apple:1", "", "a", "b" },
	{ "K14-prefix", "b{a.io\\z:1} a{b:1}", "a.io\\z:1,b:1", "", "a", "b" },
	/* values are no part of it: two policies can have one key only with one value on a VM */
	{ "K15-values-do-not-count", "b{x:1/k:1} a{x:1/l:0}", "x:1", "k:1,l:0", "a", "b" },
	/* equal keys, on other sides: the name for the documents, the VM's side for KubeVirt */
	{ "K16-equal-keys", "a{/k:1} b{k:1}", "k:1", "k:1", "b", "a" },
	/* a key on both sides stands twice in the list: k,k before k,l */
	{ "K17-twice", "b{k:1/l:1} c{k:1/k:1}", "k:1", "k:1,l:1", "b", "c" },
	/* identical selectors: nothing but the name is left, bytewise in both rules */
	{ "K18-name", "b{x:1} B{x:1}", "x:1", "", "B", "B" },
	{ "K19-name", "p9{x:1} p10{x:1}", "x:1", "", "p10", "p10" },
	{ "K20-name", "p.1{x:1} p-1{x:1}", "x:1", "", "p-1", "p-1" },
	{ "K21-name", "abc{x:1} ab{x:1}", "x:1", "", "ab", "ab" },
	/* three rounds of it: a circle cannot be, the order is one for all */
	{ "K22-three", "c{a:1,d:1} b{b:1,c:1} a{b:1/d:1}", "a:1,b:1,c:1,d:1", "d:1", "b", "c" },
	/* a project's label of the same key and value is no VM label */
	{ "K23-side-matters", "p{priority:high}", V, N, "none", "none" },
	/* nothing is known of the project: what asks for none of its labels still applies */
	{ "K24-no-project", "p{os:fedora} q{/x:1}", V, NULL, "p", "p" },
};

/* ---- U: sizes ------------------------------------------------------------------------------- */

typedef struct {
	const char *name, *policies; /* "one:1,4": P(1,4) */
	const char *kubevirt, *documented;
	gboolean one_differs; /* one VM value of the selector is not the VM's */
} Sized;

static const Sized sized_vectors[] = {
	{ "U1", "one:1,4", "one", "one", FALSE },
	{ "U2", "one:1,4 two:4,2", "two", "two", FALSE },
	{ "U3", "aa:2,2 zz:2,2", "aa", "aa", FALSE },
	{ "U4", "zz:2,2 aa:2,2", "aa", "aa", FALSE },
	{ "U5", "t:4,3", "none", "none", TRUE },
	{ "U6", "", "none", "none", FALSE },
	/* the documents do not ask whose label it is: the keys ns-0... come before vmi-0... */
	{ "U7.1", "ns:0,1 vmi:1,0", "vmi", "ns", FALSE },
	{ "U7.2", "ns:0,2 vmi:2,0", "vmi", "ns", FALSE },
	{ "U7.3", "ns:0,3 vmi:3,0", "vmi", "ns", FALSE },
	{ "U7.4", "ns:0,4 vmi:4,0", "vmi", "ns", FALSE },
	{ "U7.5", "ns:0,5 vmi:5,0", "vmi", "ns", FALSE },
};

/* Selectors with keys of their own, NAME-0, NAME-1..., all of which match. */
static void add_sized(GPtrArray *objects, cJSON *vm, cJSON *ns, const char *word)
{
	g_auto(GStrv) parts = g_strsplit_set(word, ":,", 3);
	cJSON *vm_selector = cJSON_CreateObject(), *ns_selector = cJSON_CreateObject();
	guint64 v, n;

	g_assert_true(g_ascii_string_to_unsigned(parts[1], 10, 0, 9, &v, NULL));
	g_assert_true(g_ascii_string_to_unsigned(parts[2], 10, 0, 9, &n, NULL));
	for (guint i = 0; i < v + n; i++) {
		g_autofree char *key = g_strdup_printf("%s-%u", parts[0], i);

		json_set_string(i < v ? vm_selector : ns_selector, key, "yes");
		json_set_string(i < v ? vm : ns, key, "yes");
	}
	g_ptr_array_add(objects, policy_object(parts[0], vm_selector, ns_selector));
}

static void test_sized(gconstpointer data)
{
	const Sized *sized = data;
	g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(cJSON) vm = cJSON_CreateObject();
	g_autoptr(cJSON) ns = cJSON_CreateObject();
	g_auto(GStrv) words = g_strsplit(sized->policies, " ", -1);

	for (char **word = words; *word; word++)
		if (**word)
			add_sized(objects, vm, ns, *word);
	if (sized->one_differs)
		json_set_string(json_path(objects->pdata[0], "spec", "selectors",
					  "virtualMachineInstanceSelector", NULL),
				"t-0", "XYZ");
	check_winner(objects, vm, ns, POLICY_RULE_KUBEVIRT, sized->kubevirt);
	check_winner(objects, vm, ns, POLICY_RULE_DOCUMENTED, sized->documented);
}

/* ---- M: merging ----------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	const char *cluster; /* its migrations */
	const char *policy;  /* its spec; NULL: none matches */
	const char *expected;
} Merge;

static const Merge merges[] = {
	{ "M1", "{}", "{\"allowAutoConverge\":true}", "{\"allowAutoConverge\":true}" },
	{ "M2", "{\"allowAutoConverge\":true}", "{\"allowAutoConverge\":false}",
	  "{\"allowAutoConverge\":false}" },
	{ "M3", "{}", "{\"bandwidthPerMigration\":\"25Mi\"}",
	  "{\"bandwidthPerMigration\":\"25Mi\"}" },
	{ "M4", "{}", "{\"completionTimeoutPerGiB\":33425}",
	  "{\"completionTimeoutPerGiB\":33425}" },
	{ "M5", "{}", "{\"allowWorkloadDisruption\":true}", "{\"allowWorkloadDisruption\":true}" },
	{ "M6", "{\"allowPostCopy\":true,\"allowWorkloadDisruption\":true}",
	  "{\"allowPostCopy\":false}",
	  "{\"allowPostCopy\":false,\"allowWorkloadDisruption\":false}" },
	{ "M7", "{\"bandwidthPerMigration\":\"7Mi\",\"allowWorkloadDisruption\":true}", "{}",
	  "{\"bandwidthPerMigration\":\"7Mi\",\"allowWorkloadDisruption\":true}" },
	{ "M8", "{\"bandwidthPerMigration\":\"7Mi\",\"progressTimeout\":9}", NULL,
	  "{\"bandwidthPerMigration\":\"7Mi\",\"progressTimeout\":9}" },
	{ "M9", "{\"allowAutoConverge\":true,\"progressTimeout\":200}", NULL,
	  "{\"allowAutoConverge\":true,\"progressTimeout\":200}" },
	{ "M10", "{\"allowAutoConverge\":false,\"progressTimeout\":300}",
	  "{\"allowAutoConverge\":true}", "{\"allowAutoConverge\":true,\"progressTimeout\":300}" },
	{ "M11", "{}", "{\"completionTimeoutPerGiB\":600,\"allowPostCopy\":true}",
	  "{\"completionTimeoutPerGiB\":600,\"allowPostCopy\":true,"
	  "\"allowWorkloadDisruption\":true}" },
	{ "M12", "{}", "{\"allowPostCopy\":true}",
	  "{\"allowWorkloadDisruption\":true,"
	  "\"allowPostCopy\":true}" },
	{ "M13", "{\"allowWorkloadDisruption\":true}", "{\"allowPostCopy\":false}",
	  "{\"allowWorkloadDisruption\":false}" },
	/* not in KubeVirt's list: what the policy says itself goes before the shim */
	{ "M15-said-itself", "{}", "{\"allowPostCopy\":true,\"allowWorkloadDisruption\":false}",
	  "{\"allowPostCopy\":true,\"allowWorkloadDisruption\":false}" },
	{ "M16-not-a-policys-to-say", "{\"progressTimeout\":300}", "{\"progressTimeout\":1}",
	  "{\"progressTimeout\":300}" },
	{ "M17-null-is-not-set", "{\"bandwidthPerMigration\":\"7Mi\"}",
	  "{\"bandwidthPerMigration\":null}", "{\"bandwidthPerMigration\":\"7Mi\"}" },
};

static Settings settings_of(const char *migrations)
{
	g_autoptr(cJSON) object = object_new(&KIND_KUBEVIRT, "kubevirt", "kubevirt");
	g_autoptr(GError) error = NULL;
	Settings settings;

	json_set(json_ensure_object(json_ensure_object(object, "spec"), "configuration"),
		 "migrations", json_parse(migrations, strlen(migrations), "migrations", &error));
	g_assert_no_error(error);
	g_assert_true(settings_read(object, &settings, &error));
	g_assert_no_error(error);
	return settings;
}

static void expect_settings(const Settings *found, const Settings *wanted)
{
	g_assert_cmpint(found->bandwidth_bytes_per_second, ==, wanted->bandwidth_bytes_per_second);
	g_assert_cmpint(found->completion_timeout_per_gib, ==, wanted->completion_timeout_per_gib);
	g_assert_cmpint(found->progress_timeout_seconds, ==, wanted->progress_timeout_seconds);
	g_assert_cmpint(found->allow_auto_converge, ==, wanted->allow_auto_converge);
	g_assert_cmpint(found->allow_post_copy, ==, wanted->allow_post_copy);
	g_assert_cmpint(found->allow_workload_disruption, ==, wanted->allow_workload_disruption);
	g_assert_cmpint(found->parallel_per_cluster, ==, wanted->parallel_per_cluster);
	g_assert_cmpint(found->max_downtime_ms, ==, wanted->max_downtime_ms);
}

/* M14 in each of them: neither the policy nor the cluster's values are changed by merging. */
static void test_merge(gconstpointer data)
{
	const Merge *merge = data;
	const Settings base = settings_of(merge->cluster), wanted = settings_of(merge->expected);
	Settings untouched = settings_of(merge->cluster), merged = base;
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
	g_autoptr(cJSON) spec =
		merge->policy ? json_parse(merge->policy, strlen(merge->policy), "spec", NULL)
			      : NULL;
	const cJSON *objects[] = { object };
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(cJSON) before = NULL;
	g_autoptr(GError) error = NULL;
	const cJSON *entry;

	cJSON_ArrayForEach(entry, spec)
		json_set(json_get(object, "spec"), entry->string, cJSON_Duplicate(entry, TRUE));
	before = cJSON_Duplicate(object, TRUE);
	set = policy_set_new(objects, 1);
	g_assert_true(policy_apply(spec ? policy_set_nth(set, 0) : NULL, &merged, &error));
	g_assert_no_error(error);
	expect_settings(&merged, &wanted);
	expect_settings(&base, &untouched);
	g_assert_true(json_equal(before, object));
}

/* ---- A: what the admission takes ------------------------------------------------------------ */

#define DETECTOR(field) "{\"experimental\":{\"stallDetector\":{" field "}}}"

typedef struct {
	const char *name, *spec;
	const char *said; /* NULL: accepted */
} Admission;

static const Admission admissions[] = {
	{ "A-bandwidth-negative", "{\"bandwidthPerMigration\":\"-1Mi\"}", "bandwidthPerMigration" },
	{ "A-bandwidth-0", "{\"bandwidthPerMigration\":0}", NULL },
	{ "A-completionTimeoutPerGiB-negative", "{\"completionTimeoutPerGiB\":-1}",
	  "completionTimeoutPerGiB" },
	{ "A-completionTimeoutPerGiB-0", "{\"completionTimeoutPerGiB\":0}", NULL },
	{ "A-completionTimeoutPerGiB-1", "{\"completionTimeoutPerGiB\":1}", NULL },
	{ "A-empty", "{}", NULL },
	{ "A-precopyPossibleFactor-negative", DETECTOR("\"precopyPossibleFactor\":\"-1\""),
	  "precopyPossibleFactor" },
	{ "A-precopyPossibleFactor-0.5", DETECTOR("\"precopyPossibleFactor\":\"0.5\""),
	  "at least 1" },
	{ "A-precopyPossibleFactor-2", DETECTOR("\"precopyPossibleFactor\":2"), NULL },
	{ "A-ewmaAlpha-0", DETECTOR("\"ewmaAlpha\":0"), "more than 0" },
	{ "A-ewmaAlpha-1.1", DETECTOR("\"ewmaAlpha\":\"1.1\""), "at most 1" },
	{ "A-ewmaAlpha-0.123456", DETECTOR("\"ewmaAlpha\":\"0.123456\""), "three decimals" },
	{ "A-ewmaAlpha-500m", DETECTOR("\"ewmaAlpha\":\"500m\""), NULL },
	{ "A-patienceWindowDecayFactor-1.5", DETECTOR("\"patienceWindowDecayFactor\":\"1.5\""),
	  "from 0 to 1" },
	{ "A-completionTimeoutFactor-3", DETECTOR("\"completionTimeoutFactor\":3"), NULL },
	{ "A-stallDetector-and-downtimeTuning",
	  "{\"experimental\":{\"stallDetector\":{},\"downtimeTuning\":{}}}", "exclude each other" },
};

static void test_admission(gconstpointer data)
{
	const Admission *admission = data;
	g_autoptr(cJSON) object = policy_object("p", cJSON_CreateObject(), NULL);
	g_autoptr(cJSON) spec = json_parse(admission->spec, strlen(admission->spec), "spec", NULL);
	g_autoptr(GError) error = NULL;

	json_merge_patch(json_get(object, "spec"), spec);
	g_assert_cmpint(policy_check(object, &error), ==, admission->said == NULL);
	if (!admission->said)
		return;
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, admission->said));
}

/* The five with maxDowntimeMs, which hang on gates, are /gates/admission in test-gates.c. */

/* ---- all ------------------------------------------------------------------------------------ */

static void add(const char *name, gconstpointer data, GTestDataFunc func)
{
	g_autofree char *path = g_strconcat("/policy/vectors/", name, NULL);

	g_test_add_data_func(path, data, func);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(sized_vectors); i++)
		add(sized_vectors[i].name, &sized_vectors[i], test_sized);
	for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++)
		add(vectors[i].name, &vectors[i], test_winner);
	for (gsize i = 0; i < G_N_ELEMENTS(merges); i++)
		add(merges[i].name, &merges[i], test_merge);
	for (gsize i = 0; i < G_N_ELEMENTS(admissions); i++)
		add(admissions[i].name, &admissions[i], test_admission);
	return g_test_run();
}
