/* SPDX-License-Identifier: Apache-2.0 */
/*
 * src/rbac against the API server that KUBECONFIG names, whose admin it must be:
 *
 *   rbac-random ROUNDS CASES SEED
 *
 * Each round makes random roles and bindings (wildcards, names, subresources, aggregation, groups,
 * service accounts, roles that do not exist), reads them as kvmig does, and asks CASES random
 * questions of both sides: rbac_allows(), rbac_who_can() and a SubjectAccessReview. Needs
 * namespaces r1 and r2, and the controller that aggregates. An answer that differs is asked for
 * again for some seconds: the server's own view lags behind its writes; and once more of objects
 * read anew. Prints what differs, then "CASES asked, N yes, N through aggregation, N differ";
 * status 1 where something differs.
 */
#include <stdio.h>
#include <string.h>

#include "../../cmd/review.h"
#include "base/error.h"
#include "cluster/cluster.h"
#include "rbac/rbac.h"

#define SETTLE_US ((gint64)10 * G_USEC_PER_SEC)
#define MAX_GROUPS 4

static const char *const verbs[] = { "create", "get", "delete", "update", "*" };
static const char *const groups_of_api[] = { "", "kubevirt.io", "subresources.kubevirt.io", "*" };
static const char *const resources[] = { "virtualmachineinstancemigrations",
					 "virtualmachines",
					 "virtualmachines/migrate",
					 "virtualmachines/*",
					 "*/migrate",
					 "*/*",
					 "*",
					 "pods/eviction",
					 "nodes" };
static const char *const names[] = { "a", "b", "c" };
static const char *const namespaces[] = { "r1", "r2" };
static const char *const users[] = { "u1",
				     "u 2@example.org",
				     "system:u3",
				     "system:serviceaccount:r1:robot",
				     "system:serviceaccount:r2:robot",
				     "system:serviceaccount:r1:robot:more",
				     "system:anonymous" };
static const char *const groups[] = { "g1",
				      "g:2",
				      "system:authenticated",
				      "system:unauthenticated",
				      "system:serviceaccounts",
				      "system:serviceaccounts:r1",
				      "u1" };
static const char *const asked_resources[] = { "virtualmachineinstancemigrations",
					       "virtualmachines", "pods", "nodes", "migrate" };
static const char *const asked_subresources[] = { NULL, NULL, "migrate", "eviction", "status" };

typedef struct {
	GRand *rand;
	Cluster *cluster;
	guint round, made;
	GPtrArray *objects; /* cJSON: as they were made */
	guint asked, yes, aggregated, differ;
} Run;

#define PICK(run, array) (array)[g_rand_int_range((run)->rand, 0, G_N_ELEMENTS(array))]

static gboolean one_in(const Run *run, gint32 n)
{
	return g_rand_int_range(run->rand, 0, n) == 0;
}

static G_NORETURN void die(const char *what, const GError *error)
{
	(void)fprintf(stderr, "%s: %s\n", what, error ? error->message : "?");
	exit(2);
}

/* ---- what is made --------------------------------------------------------------------------- */

static void add_words(const Run *run, cJSON *rule, const char *key, const char *const *words,
		      gint32 n)
{
	cJSON *array = json_ensure_array(rule, key);
	int count = g_rand_int_range(run->rand, 1, 4);

	while (count-- > 0)
		cJSON_AddItemToArray(array,
				     cJSON_CreateString(words[g_rand_int_range(run->rand, 0, n)]));
}

static void add_rules(const Run *run, cJSON *role, gboolean of_cluster)
{
	cJSON *rules = json_ensure_array(role, "rules");
	int count = g_rand_int_range(run->rand, 0, 5);

	for (int i = 0; i < count; i++) {
		cJSON *rule = cJSON_CreateObject();

		add_words(run, rule, "verbs", verbs, G_N_ELEMENTS(verbs));
		if (of_cluster && one_in(run, 8)) {
			cJSON_AddItemToArray(json_ensure_array(rule, "nonResourceURLs"),
					     cJSON_CreateString("*"));
		} else {
			add_words(run, rule, "apiGroups", groups_of_api,
				  G_N_ELEMENTS(groups_of_api));
			add_words(run, rule, "resources", resources, G_N_ELEMENTS(resources));
			if (one_in(run, 4))
				add_words(run, rule, "resourceNames", names, G_N_ELEMENTS(names));
		}
		cJSON_AddItemToArray(rules, rule);
	}
}

static const char *make(Run *run, cJSON *object)
{
	g_autoptr(GError) error = NULL;
	cJSON *stored = cluster_create(run->cluster, object, CLUSTER_WRITE_NONE, &error);

	if (!stored)
		die("create", error);
	cJSON_Delete(object);
	g_ptr_array_add(run->objects, stored);
	return object_name(stored);
}

static char *new_name(Run *run)
{
	return g_strdup_printf("random:%u-%u", run->round, run->made++);
}

static const char *make_role(Run *run, const char *ns)
{
	static const char *const values[] = { "x", "y", "z" };
	g_autofree char *name = new_name(run);
	cJSON *role = object_new(ns ? &KIND_ROLE : &KIND_CLUSTER_ROLE, ns, name);

	add_rules(run, role, ns == NULL);
	if (!ns && one_in(run, 2))
		object_set_label(role, "random/one", PICK(run, values));
	if (!ns && one_in(run, 3))
		object_set_label(role, "random/two", PICK(run, values));
	return make(run, role);
}

/* From what label to what: {one: x}, two in (x, y), one exists, two does not. */
static cJSON *random_selector(const Run *run)
{
	static const char *const texts[] = {
		"{\"matchLabels\":{\"random/one\":\"x\"}}",
		"{\"matchLabels\":{\"random/one\":\"y\",\"random/two\":\"x\"}}",
		"{\"matchExpressions\":[{\"key\":\"random/two\",\"operator\":\"In\","
		"\"values\":[\"x\",\"y\"]}]}",
		"{\"matchExpressions\":[{\"key\":\"random/one\",\"operator\":\"Exists\"},"
		"{\"key\":\"random/two\",\"operator\":\"DoesNotExist\"}]}",
		"{\"matchExpressions\":[{\"key\":\"random/one\",\"operator\":\"Exists\"},"
		"{\"key\":\"random/one\",\"operator\":\"NotIn\",\"values\":[\"x\"]}]}",
	};
	const char *text = PICK(run, texts);

	return json_parse(text, strlen(text), "selector", NULL);
}

static const char *make_aggregate(Run *run)
{
	g_autofree char *name = new_name(run);
	cJSON *role = object_new(&KIND_CLUSTER_ROLE, NULL, name);
	cJSON *rule = json_ensure_object(role, "aggregationRule");
	int count = g_rand_int_range(run->rand, 1, 3);

	while (count-- > 0)
		cJSON_AddItemToArray(json_ensure_array(rule, "clusterRoleSelectors"),
				     random_selector(run));
	if (one_in(run, 2)) /* others may be aggregated from it */
		object_set_label(role, "random/one", "x");
	return make(run, role);
}

static void add_subject(const Run *run, cJSON *binding)
{
	static const RbacSubject accounts[] = { { RBAC_SERVICE_ACCOUNT, "r1", "robot" },
						{ RBAC_SERVICE_ACCOUNT, "r2", "robot" } };
	RbacSubject subject = { RBAC_USER, NULL, NULL };

	switch (g_rand_int_range(run->rand, 0, 3)) {
	case 0:
		subject = PICK(run, accounts);
		break;
	case 1:
		subject.kind = RBAC_SUBJECT_GROUP;
		subject.name = PICK(run, groups);
		break;
	default:
		subject.name = PICK(run, users);
	}
	cJSON_AddItemToArray(json_ensure_array(binding, "subjects"),
			     rbac_subject_to_json(&subject));
}

static void make_binding(Run *run, const char *ns, const Kind *role_kind, const char *role)
{
	g_autofree char *name = new_name(run);
	cJSON *binding = object_new(ns ? &KIND_ROLE_BINDING : &KIND_CLUSTER_ROLE_BINDING, ns, name);
	cJSON *reference = json_ensure_object(binding, "roleRef");
	int count = g_rand_int_range(run->rand, 0, 5);

	json_set_string(reference, "apiGroup", "rbac.authorization.k8s.io");
	json_set_string(reference, "kind", role_kind->kind);
	json_set_string(reference, "name", one_in(run, 12) ? "random:none" : role);
	while (count-- > 0)
		add_subject(run, binding);
	make(run, binding);
}

static void make_all(Run *run)
{
	const char *cluster_roles[6];
	const char *roles[2];

	for (guint i = 0; i < 6; i++)
		cluster_roles[i] = i < 4 ? make_role(run, NULL) : make_aggregate(run);
	for (guint i = 0; i < 2; i++)
		roles[i] = make_role(run, namespaces[i]);
	for (guint i = 0; i < 4; i++)
		make_binding(run, NULL, &KIND_CLUSTER_ROLE, PICK(run, cluster_roles));
	for (guint i = 0; i < 2; i++) {
		make_binding(run, namespaces[i], &KIND_CLUSTER_ROLE, PICK(run, cluster_roles));
		make_binding(run, namespaces[i], &KIND_CLUSTER_ROLE, PICK(run, cluster_roles));
		make_binding(run, namespaces[i], &KIND_ROLE, roles[i]);
	}
}

static void unmake_all(Run *run)
{
	for (guint i = 0; i < run->objects->len; i++) {
		const cJSON *object = run->objects->pdata[i];
		g_autoptr(GError) error = NULL;

		if (!cluster_delete(run->cluster, object_kind(object), object_namespace(object),
				    object_name(object), NULL, CLUSTER_WRITE_NONE, &error))
			die("delete", error);
	}
	g_ptr_array_set_size(run->objects, 0);
}

/* ---- what is read --------------------------------------------------------------------------- */

static RbacObjects *read_all(const Run *run)
{
	static const Kind *const kinds[] = { &KIND_CLUSTER_ROLE, &KIND_CLUSTER_ROLE_BINDING,
					     &KIND_ROLE, &KIND_ROLE_BINDING };
	RbacObjects *objects = rbac_objects_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(GPtrArray) items =
			cluster_list(run->cluster, kinds[i], NULL, NULL, &error);

		if (!items)
			die("list", error);
		for (guint j = 0; j < items->len; j++)
			if (!rbac_objects_add(objects, items->pdata[j], &error))
				die("add", error);
	}
	return objects;
}

/* ---- questions ------------------------------------------------------------------------------ */

typedef struct {
	RbacAttributes attributes;
	const char *user;
	const char *groups[MAX_GROUPS + 1];
	GStrv implied;
} Case;

static void case_clear(Case *asked)
{
	g_strfreev(asked->implied);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static void random_case(const Run *run, Case *asked)
{
	guint n = 0;

	memset(asked, 0, sizeof(*asked));
	asked->attributes.verb = verbs[g_rand_int_range(run->rand, 0, 4)];
	asked->attributes.group = groups_of_api[g_rand_int_range(run->rand, 0, 3)];
	asked->attributes.resource = PICK(run, asked_resources);
	asked->attributes.subresource = PICK(run, asked_subresources);
	asked->attributes.name = one_in(run, 2) ? PICK(run, names) : "";
	asked->attributes.ns = one_in(run, 4) ? "" : PICK(run, namespaces);
	asked->user = PICK(run, users);
	if (one_in(run, 2)) {
		asked->implied = rbac_implied_groups(asked->user);
		for (char **group = asked->implied; *group && n < MAX_GROUPS; group++)
			asked->groups[n++] = *group;
	}
	while (n < MAX_GROUPS && one_in(run, 2))
		asked->groups[n++] = PICK(run, groups);
	if (n < MAX_GROUPS && one_in(run, 60))
		asked->groups[n++] = RBAC_GROUP_MASTERS;
}

/* Whether one of those who can is this user, or a group of his. */
static gboolean is_among(const GPtrArray *holders, const RbacUser *user)
{
	for (guint i = 0; i < holders->len; i++) {
		const RbacHolder *holder = holders->pdata[i];
		g_autofree char *name = rbac_subject_user_name(&holder->subject);

		if (holder->subject.kind == RBAC_SUBJECT_GROUP ? g_strv_contains(user->groups, name)
							       : g_str_equal(name, user->user))
			return TRUE;
	}
	return g_strv_contains(user->groups, RBAC_GROUP_MASTERS);
}

static char *case_text(const Case *asked)
{
	g_autofree char *what = rbac_attributes_text(&asked->attributes);
	g_autofree char *in = g_strjoinv(" ", (char **)asked->groups);

	return g_strdup_printf("%s in '%s' by '%s' of [%s]", what, asked->attributes.ns,
			       asked->user, in);
}

static gboolean has_aggregated(const GPtrArray *paths)
{
	for (guint i = 0; i < paths->len; i++)
		if (((const RbacPath *)paths->pdata[i])->chain->len > 1)
			return TRUE;
	return FALSE;
}

static void differ(Run *run, const Case *asked, const char *what)
{
	g_autofree char *text = case_text(asked);

	run->differ++;
	(void)printf("round %u: %s: %s\n", run->round, text, what);
}

/* The server is asked until it says the same, or time is up. */
static RbacVerdict ask_server(const Run *run, const RbacUser *user, const Case *asked,
			      RbacVerdict expected)
{
	const gint64 until = g_get_monotonic_time() + SETTLE_US;
	RbacVerdict verdict;

	do {
		g_autoptr(GError) error = NULL;

		verdict = review_user(run->cluster, user, &asked->attributes, FALSE, &error);
		if (error)
			die("review", error);
		if (verdict == expected)
			break;
		g_usleep(20000);
	} while (g_get_monotonic_time() < until);
	return verdict;
}

static RbacVerdict ask_kvmig(Run *run, RbacObjects *objects, const RbacUser *user,
			     const Case *asked, gboolean *ret_aggregated)
{
	g_autoptr(GPtrArray) paths = NULL;
	g_autoptr(GPtrArray) holders = rbac_who_can(objects, &asked->attributes, 1);
	const RbacVerdict ours = rbac_allows(objects, user, &asked->attributes, &paths);

	*ret_aggregated = has_aggregated(paths);
	if (is_among(holders, user) != (ours == RBAC_YES))
		differ(run, asked, "who-can and the single question disagree");
	return ours;
}

static gboolean agrees(const Run *run, const RbacUser *user, const Case *asked, RbacVerdict ours)
{
	return ask_server(run, user, asked, ours) == ours;
}

/* *objects, where they turn out to be old, are read anew. */
static void ask(Run *run, RbacObjects **objects)
{
	g_auto(Case) asked;
	RbacUser user;
	RbacVerdict ours;
	gboolean aggregated, same;

	random_case(run, &asked);
	user = (RbacUser){ asked.user, asked.groups };
	ours = ask_kvmig(run, *objects, &user, &asked, &aggregated);
	same = agrees(run, &user, &asked, ours);
	if (!same) {
		/* the controller may have had more to do than settle() saw */
		rbac_objects_free(*objects);
		*objects = read_all(run);
		ours = ask_kvmig(run, *objects, &user, &asked, &aggregated);
		same = agrees(run, &user, &asked, ours);
	}
	run->asked++;
	run->yes += ours == RBAC_YES;
	run->aggregated += aggregated;
	if (!same)
		differ(run, &asked,
		       ours == RBAC_YES ? "kvmig yes, server no" : "kvmig no, server yes");
}

/* What the controller comes to is what reaggregate() says it will: waits until both agree. */
static gboolean is_settled(const Run *run)
{
	g_autoptr(RbacObjects) now = read_all(run);
	g_autoptr(RbacObjects) later = read_all(run);
	GRand *rand = g_rand_new_with_seed(run->round);
	const Run probe = { .rand = rand };
	gboolean same = TRUE;
	const RbacRole *role;

	rbac_objects_reaggregate(later);
	for (guint i = 0; same && (role = rbac_nth_role(now, RBAC_CLUSTER_ROLES, i)); i++) {
		for (guint j = 0; role->aggregated && same && j < 200; j++) {
			g_auto(Case) asked;

			random_case(&probe, &asked);
			same = rbac_role_allows(now, role, &asked.attributes) ==
			       rbac_role_allows(later, rbac_find_role(later, NULL, role->name),
						&asked.attributes);
		}
	}
	g_rand_free(rand);
	return same;
}

static void settle(const Run *run)
{
	const gint64 until = g_get_monotonic_time() + SETTLE_US;

	while (!is_settled(run)) {
		if (g_get_monotonic_time() > until) {
			(void)printf("round %u: the controller's rules are not those of "
				     "rbac_objects_reaggregate()\n",
				     run->round);
			exit(1);
		}
		g_usleep(20000);
	}
}

int main(int argc, char **argv)
{
	const ClusterOptions options = { 0 };
	g_autoptr(GError) error = NULL;
	guint64 rounds, cases, seed;
	Run run = { .objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete) };

	if (argc != 4 || !g_ascii_string_to_unsigned(argv[1], 10, 1, 10000, &rounds, &error) ||
	    !g_ascii_string_to_unsigned(argv[2], 10, 1, 10000, &cases, &error) ||
	    !g_ascii_string_to_unsigned(argv[3], 10, 0, G_MAXUINT32, &seed, &error))
		die("usage: rbac-random ROUNDS CASES SEED", error);
	run.cluster = cluster_open(&options, &error);
	if (!run.cluster)
		die("open", error);
	run.rand = g_rand_new_with_seed((guint32)seed);
	for (run.round = 0; run.round < rounds; run.round++) {
		g_autoptr(RbacObjects) objects = NULL;

		make_all(&run);
		settle(&run);
		objects = read_all(&run);
		for (guint i = 0; i < cases; i++)
			ask(&run, &objects);
		unmake_all(&run);
	}
	(void)printf("%u asked, %u yes, %u through aggregation, %u differ\n", run.asked, run.yes,
		     run.aggregated, run.differ);
	g_rand_free(run.rand);
	g_ptr_array_unref(run.objects);
	cluster_close(run.cluster);
	return run.differ ? 1 : 0;
}
