/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else is on the nodes, and what volumes they reach: six nodes in three zones, of which zone c
 * has no label zone; pods as "NAMESPACE/NAME NODE LABELS [AFFINITY]".
 */
#include <string.h>

#include "model/host.h"
#include "schedule/near.h"
#include "schedule/spread.h"
#include "schedule/targets-private.h"

static const char *const zones[] = { "a", "a", "b", "b", NULL, NULL };

static cJSON *parse(const char *text)
{
	cJSON *value = cJSON_Parse(text);

	g_assert_nonnull(value);
	return value;
}

static cJSON *labels_of(guint node)
{
	cJSON *labels = cJSON_CreateObject();
	g_autofree char *name = g_strdup_printf("n%u", node + 1);

	cJSON_AddStringToObject(labels, "kubernetes.io/hostname", name);
	if (zones[node])
		cJSON_AddStringToObject(labels, "zone", zones[node]);
	return labels;
}

typedef struct {
	const char *ns, *name, *node, *labels, *affinity;
} Pod;

static cJSON *make_pod(const Pod *pod)
{
	g_autofree char *text = g_strdup_printf(
		"{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\",\"labels\":%s},"
		"\"spec\":{\"affinity\":%s}}",
		pod->ns, pod->name, pod->labels, pod->affinity ? pod->affinity : "{}");

	return parse(text);
}

static Target *make_target(guint node, cJSON *labels)
{
	g_autofree char *name = g_strdup_printf("n%u", node + 1);
	const Host host = { .name = name, .labels = labels };

	return target_new(&host);
}

/* ---- affinity to pods ------------------------------------------------------------------------ */

static void destroy_object(gpointer data)
{
	cJSON_Delete(data);
}

/* The nodes that are left, as "n1 n3"; *ret_why: what stands against the first that is not. */
static char *left(const char *affinity_text, const Pod *pods, gboolean namespaces, char **ret_why)
{
	g_autoptr(cJSON) affinity = parse(affinity_text);
	g_autoptr(cJSON) labels = parse("{\"app\":\"web\",\"rev\":\"2\"}");
	g_autoptr(GHashTable) table =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, destroy_object);
	g_autoptr(Near) near = near_new(affinity, "prod", labels);
	g_autoptr(GString) names = g_string_new(NULL);

	g_hash_table_insert(table, (gpointer) "prod", parse("{\"team\":\"x\"}"));
	g_hash_table_insert(table, (gpointer) "other", parse("{\"team\":\"y\"}"));
	if (namespaces)
		near_set_namespaces(near, table);
	for (; pods && pods->name; pods++) {
		g_autoptr(cJSON) pod = make_pod(pods);

		near_see_pod(near, pod, pods->node);
	}
	near_settle(near, namespaces ? g_hash_table_lookup(table, "prod") : NULL);
	for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
		g_autoptr(cJSON) there = labels_of(i);
		g_autofree char *name = g_strdup_printf("n%u", i + 1);

		near_see_node(near, name, there);
	}
	for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
		g_autoptr(cJSON) there = labels_of(i);
		g_autoptr(Target) target = make_target(i, there);
		const TargetObstacle *first;

		near_judge(near, target);
		if (target->obstacles->len == 0) {
			g_string_append_printf(names, "%s%s", names->len ? " " : "", target->node);
			continue;
		}
		first = g_ptr_array_index(target->obstacles, 0);
		g_assert_cmpstr(first->reason, ==, REASON_TGT_POD_AFFINITY);
		g_assert_nonnull(first->subject);
		if (ret_why && !*ret_why)
			*ret_why = g_strdup(first->message);
	}
	if (near_unjudged(near) > 0)
		g_string_append_printf(names, " (%u unjudged)", near_unjudged(near));
	return g_strdup(names->str);
}

#define REQUIRED(kind, term)                                                                       \
	"{\"" kind "\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[" term "]}}"
#define SELECTS(key, value) "\"labelSelector\":{\"matchLabels\":{\"" key "\":\"" value "\"}}"
#define BY(key, rest) "{\"topologyKey\":\"" key "\"," rest "}"
#define HOSTNAME "kubernetes.io/hostname"
#define OF_TEAM(team) ",\"namespaceSelector\":{\"matchLabels\":{\"team\":\"" team "\"}}"

static void test_affinity_to_pods(void)
{
	static const Pod db = { "prod", "db-1", "n1", "{\"app\":\"db\"}", NULL };
	static const Pod db_of_other = { "other", "db-2", "n3", "{\"app\":\"db\"}", NULL };
	static const Pod big_db = { "prod", "db-3", "n4", "{\"app\":\"db\",\"big\":\"yes\"}",
				    NULL };
	static const Pod old_web = { "prod", "web", "n2", "{\"app\":\"web\",\"rev\":\"1\"}", NULL };
	static const Pod web = { "prod", "web", "n2", "{\"app\":\"web\",\"rev\":\"2\"}", NULL };
	static const Pod shy = { "other", "shy", "n3", "{}",
				 REQUIRED("podAntiAffinity",
					  BY("zone",
					     SELECTS("app", "web") ",\"namespaces\":[\"prod\"]")) };
	static const Pod shy_of_its_own = { "other", "shy", "n3", "{}",
					    REQUIRED("podAntiAffinity",
						     BY("zone", SELECTS("app", "web"))) };
	static const Pod shy_of_team = {
		"other", "shy", "n4", "{}",
		REQUIRED("podAntiAffinity", BY(HOSTNAME, SELECTS("app", "web") OF_TEAM("x")))
	};
	const struct { /* not static: clang takes no variable in a constant */
		const char *affinity;
		Pod pods[4];
		const char *left;
		gboolean no_namespaces;
	} cases[] = {
		/* away from, by host name and by zone; a node without a zone is in none */
		{ REQUIRED("podAntiAffinity", BY(HOSTNAME, SELECTS("app", "db"))),
		  { db },
		  "n2 n3 n4 n5 n6",
		  FALSE },
		{ REQUIRED("podAntiAffinity", BY("zone", SELECTS("app", "db"))),
		  { db },
		  "n3 n4 n5 n6",
		  FALSE },
		{ REQUIRED("podAntiAffinity", BY("zone", SELECTS("app", "db"))),
		  { db_of_other },
		  "n1 n2 n3 n4 n5 n6",
		  FALSE },
		{ REQUIRED("podAntiAffinity", BY("zone", SELECTS("app", "db") OF_TEAM("y"))),
		  { db, db_of_other },
		  "n1 n2 n5 n6",
		  FALSE },
		{ REQUIRED("podAntiAffinity", BY("zone", SELECTS("app", "db") OF_TEAM("y"))),
		  { db, db_of_other },
		  "n1 n2 n3 n4 n5 n6 (1 unjudged)",
		  TRUE },
		{ REQUIRED("podAntiAffinity",
			   BY("zone", SELECTS("app", "web") ",\"matchLabelKeys\":[\"rev\"]")),
		  { old_web },
		  "n1 n2 n3 n4 n5 n6",
		  FALSE },
		{ REQUIRED("podAntiAffinity",
			   BY("zone", SELECTS("app", "web") ",\"mismatchLabelKeys\":[\"rev\"]")),
		  { old_web },
		  "n3 n4 n5 n6",
		  FALSE },
		/* near to; one pod has to meet all terms */
		{ REQUIRED("podAffinity", BY(HOSTNAME, SELECTS("app", "db"))),
		  { db },
		  "n1",
		  FALSE },
		{ REQUIRED("podAffinity", BY("zone", SELECTS("app", "db"))),
		  { db },
		  "n1 n2",
		  FALSE },
		{ REQUIRED("podAffinity", BY("zone", SELECTS("app", "db"))), { { 0 } }, "", FALSE },
		{ REQUIRED("podAffinity",
			   BY("zone", SELECTS("app", "db")) "," BY("zone", SELECTS("big", "yes"))),
		  { db, big_db },
		  "n3 n4",
		  FALSE },
		/* the first of a group goes anywhere, the next to it */
		{ REQUIRED("podAffinity", BY("zone", SELECTS("app", "web"))),
		  { { 0 } },
		  "n1 n2 n3 n4",
		  FALSE },
		{ REQUIRED("podAffinity", BY("zone", SELECTS("app", "web"))),
		  { web },
		  "n1 n2",
		  FALSE },
		{ REQUIRED("podAffinity", BY("zone", SELECTS("app", "web") OF_TEAM("x"))),
		  { web },
		  "n1 n2 n3 n4 n5 n6 (1 unjudged)",
		  TRUE },
		/* what is there keeps the VM away */
		{ "{}", { shy }, "n1 n2 n5 n6", FALSE },
		{ "{}", { shy_of_its_own }, "n1 n2 n3 n4 n5 n6", FALSE },
		{ "{}", { shy_of_team }, "n1 n2 n3 n5 n6", FALSE },
		{ "{}", { shy_of_team }, "n1 n2 n3 n4 n5 n6 (1 unjudged)", TRUE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *names =
			left(cases[i].affinity, cases[i].pods, !cases[i].no_namespaces, NULL);

		g_test_message("case %zu", i);
		g_assert_cmpstr(names, ==, cases[i].left);
	}
}

static void test_affinity_words(void)
{
	static const Pod db[] = { { "prod", "db-1", "n1", "{\"app\":\"db\"}", NULL }, { 0 } };
	static const Pod shy[] = { { "prod", "shy", "n1", "{}",
				     REQUIRED("podAntiAffinity",
					      BY("zone", SELECTS("app", "web"))) },
				   { 0 } };
	g_autofree char *away = NULL, *zone = NULL, *theirs = NULL, *near = NULL, *lacks = NULL;

	g_free(left(REQUIRED("podAntiAffinity", BY(HOSTNAME, SELECTS("app", "db"))), db, TRUE,
		    &away));
	g_free(left(REQUIRED("podAntiAffinity", BY("zone", SELECTS("app", "db"))), db, TRUE,
		    &zone));
	g_free(left("{}", shy, TRUE, &theirs));
	g_free(left(REQUIRED("podAffinity", BY("zone", SELECTS("app", "x"))), db, TRUE, &near));
	g_free(left(REQUIRED("podAffinity", BY("rack", SELECTS("app", "db"))), db, TRUE, &lacks));
	g_assert_cmpstr(away, ==,
			"pod 'prod/db-1' runs there, which the VM's anti-affinity keeps away from");
	g_assert_cmpstr(zone, ==,
			"pod 'prod/db-1' runs in zone=a, which the VM's anti-affinity keeps away "
			"from");
	g_assert_cmpstr(theirs, ==, "pod 'prod/shy' in zone=a has an anti-affinity to the VM");
	g_assert_cmpstr(near, ==, "no pod runs in zone=a that the VM's affinity wants to be with");
	g_assert_cmpstr(lacks, ==,
			"the node lacks rack, by which the VM's affinity wants to be with pods");
}

/* ---- spreading ------------------------------------------------------------------------------- */

/* The nodes that are left; counts: how many pods of the group are on each. Node n4 is one that
 * the VM's selector does not take, n2 has a taint. */
static char *left_of_spread(const char *constraint, const guint *counts, const char *labels_text)
{
	g_autofree char *text = g_strdup_printf("[%s]", constraint);
	g_autoptr(cJSON) constraints = parse(text), labels = parse(labels_text);
	g_autoptr(Spread) spread = spread_new(constraints, "prod", labels);
	g_autoptr(GString) names = g_string_new(NULL);

	if (!spread)
		return g_strdup("no constraint");
	for (guint i = 0; i < G_N_ELEMENTS(zones); i++)
		for (guint j = 0; j < counts[i]; j++) {
			g_autofree char *node = g_strdup_printf("n%u", i + 1);
			g_autoptr(cJSON) pod =
				make_pod(&(Pod){ "prod", "web", NULL, "{\"app\":\"web\"}", NULL });
			g_autoptr(cJSON) other =
				make_pod(&(Pod){ "other", "web", NULL, "{\"app\":\"web\"}", NULL });
			g_autoptr(cJSON) going =
				make_pod(&(Pod){ "prod", "web", NULL, "{\"app\":\"web\"}", NULL });

			cJSON_AddStringToObject(json_get(going, "metadata"), "deletionTimestamp",
						"2026-01-01T00:00:00Z");
			spread_see_pod(spread, pod, node);
			spread_see_pod(spread, other, node);
			spread_see_pod(spread, going, node);
		}
	for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
		g_autofree char *name = g_strdup_printf("n%u", i + 1);
		g_autoptr(cJSON) there = labels_of(i);
		const Host host = { .name = name, .labels = there };

		spread_see_node(spread, &host, i != 3, i != 1);
	}
	for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
		g_autoptr(cJSON) there = labels_of(i);
		g_autoptr(Target) target = make_target(i, there);

		spread_judge(spread, target);
		if (target->obstacles->len == 0)
			g_string_append_printf(names, "%s%s", names->len ? " " : "", target->node);
		else
			g_assert_cmpstr(((TargetObstacle *)target->obstacles->pdata[0])->reason, ==,
					REASON_TGT_SPREAD);
	}
	return g_strdup(names->str);
}

#define WEB "{\"app\":\"web\"}"
#define SPREAD(key, rest)                                                                          \
	"{\"topologyKey\":\"" key "\",\"whenUnsatisfiable\":\"DoNotSchedule\"," rest               \
	"," SELECTS("app", "web") "}"

static void test_spread(void)
{
	static const struct {
		const char *constraint;
		guint counts[6];
		const char *labels, *left;
	} cases[] = {
		/* 1 in a and 1 in b: one more is 2, the least 1 */
		{ SPREAD("zone", "\"maxSkew\":1"), { 1, 0, 1, 0, 0, 0 }, WEB, "n1 n2 n3 n4" },
		{ SPREAD("zone", "\"maxSkew\":1"), { 1, 1, 1, 0, 0, 0 }, WEB, "n3 n4" },
		{ SPREAD("zone", "\"maxSkew\":2"), { 1, 1, 1, 0, 0, 0 }, WEB, "n1 n2 n3 n4" },
		/* what is on nodes without the key counts nowhere, nor may the VM go there */
		{ SPREAD("zone", "\"maxSkew\":1"), { 0, 0, 0, 0, 5, 0 }, WEB, "n1 n2 n3 n4" },
		/* n4 is not taken by the selector: its pods count only where that is ignored */
		{ SPREAD("zone", "\"maxSkew\":1"), { 0, 0, 0, 3, 0, 0 }, WEB, "n1 n2 n3 n4" },
		{ SPREAD("zone", "\"maxSkew\":1,\"nodeAffinityPolicy\":\"Ignore\""),
		  { 0, 0, 0, 3, 0, 0 },
		  WEB,
		  "n1 n2" },
		/* n2 has a taint: its pods count unless taints are honoured */
		{ SPREAD("zone", "\"maxSkew\":1"), { 0, 2, 0, 0, 0, 0 }, WEB, "n3 n4" },
		{ SPREAD("zone", "\"maxSkew\":1,\"nodeTaintsPolicy\":\"Honor\""),
		  { 0, 2, 0, 0, 0, 0 },
		  WEB,
		  "n1 n2 n3 n4" },
		/* fewer domains than asked for: the least is nothing */
		{ SPREAD("zone", "\"maxSkew\":1,\"minDomains\":3"), { 1, 0, 1, 0, 0, 0 }, WEB, "" },
		/* a VM that its own constraint does not take adds nothing */
		{ SPREAD("zone", "\"maxSkew\":1"), { 1, 1, 1, 0, 0, 0 }, "{}", "n1 n2 n3 n4" },
		{ SPREAD(HOSTNAME, "\"maxSkew\":1"), { 1, 0, 0, 0, 0, 0 }, WEB, "n2 n3 n4 n5 n6" },
		{ "{\"topologyKey\":\"zone\",\"maxSkew\":1,\"whenUnsatisfiable\":"
		  "\"ScheduleAnyway\"}",
		  { 0 },
		  WEB,
		  "no constraint" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *names =
			left_of_spread(cases[i].constraint, cases[i].counts, cases[i].labels);

		g_test_message("case %zu", i);
		g_assert_cmpstr(names, ==, cases[i].left);
	}
}

/* ---- volumes --------------------------------------------------------------------------------- */

static char *against_volume(const char *affinity, const char *labels, const char *node_labels)
{
	g_autoptr(GPtrArray) volumes = g_ptr_array_new();
	g_autoptr(cJSON) vmi_object = parse("{}"), there = parse(node_labels);
	TargetVolume volume = { .claim = (char *)"prod/root", .name = (char *)"pv-1" };
	const Host host = { .name = "n1", .labels = there, .is_node = TRUE };
	const Vmi vmi = { .object = vmi_object, .name = "web" };
	const TargetQuestion question = { .vmi = &vmi, .volumes = volumes };
	g_autoptr(TargetSieve) sieve = target_sieve_new(&question);
	g_autoptr(Target) target = target_new(&host);
	g_autoptr(cJSON) node_affinity = affinity ? parse(affinity) : NULL;
	g_autoptr(cJSON) volume_labels = labels ? parse(labels) : NULL;

	volume.node_affinity = node_affinity;
	volume.labels = volume_labels;
	g_ptr_array_add(volumes, &volume);
	target_check_volumes(sieve, &host, target);
	if (target->obstacles->len == 0)
		return g_strdup("");
	g_assert_cmpstr(((TargetObstacle *)target->obstacles->pdata[0])->reason, ==,
			REASON_TGT_VOLUME);
	g_assert_cmpstr(((TargetObstacle *)target->obstacles->pdata[0])->subject, ==, "pv-1");
	return g_strdup(((TargetObstacle *)target->obstacles->pdata[0])->message);
}

#define ON(key, value)                                                                             \
	"{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"" key             \
	"\",\"operator\":\"In\",\"values\":[\"" value "\"]}]}]}}"
#define ZONE "topology.kubernetes.io/zone"

static void test_volumes(void)
{
	static const struct {
		const char *affinity, *labels, *node, *message;
	} cases[] = {
		{ NULL, NULL, "{}", "" },
		{ ON("zone", "a"), NULL, "{\"zone\":\"a\"}", "" },
		{ ON("zone", "a"), NULL, "{\"zone\":\"b\"}",
		  "volume 'pv-1' of claim 'prod/root' is only where zone In (a): the node has "
		  "zone=b" },
		{ "{}", NULL, "{}", "" },
		{ "{\"required\":{}}", NULL, "{}",
		  "volume 'pv-1' of claim 'prod/root' is only where no terms, which no node "
		  "meets" },
		{ NULL, "{\"" ZONE "\":\"a\"}", "{}", "" }, /* a cluster without zones */
		{ NULL, "{\"" ZONE "\":\"a\"}", "{\"" ZONE "\":\"a\"}", "" },
		{ NULL, "{\"" ZONE "\":\"a__b\"}", "{\"" ZONE "\":\"b\"}", "" },
		{ NULL, "{\"failure-domain.beta.kubernetes.io/zone\":\"a\"}",
		  "{\"" ZONE "\":\"a\"}", "" },
		{ NULL, "{\"" ZONE "\":\"a\"}", "{\"" ZONE "\":\"b\"}",
		  "volume 'pv-1' of claim 'prod/root' is only where " ZONE
		  " is a: the node has b" },
		{ NULL, "{\"" ZONE "\":\"a\"}", "{\"topology.kubernetes.io/region\":\"b\"}",
		  "volume 'pv-1' of claim 'prod/root' is only where " ZONE
		  " is a: the node has none" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message =
			against_volume(cases[i].affinity, cases[i].labels, cases[i].node);

		g_assert_cmpstr(message, ==, cases[i].message);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/near/affinity", test_affinity_to_pods);
	g_test_add_func("/near/words", test_affinity_words);
	g_test_add_func("/near/spread", test_spread);
	g_test_add_func("/near/volumes", test_volumes);
	return g_test_run();
}
