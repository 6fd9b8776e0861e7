/* SPDX-License-Identifier: Apache-2.0 */
#include "policy-projects.h"

/* What a project has for certain, and what it, and a hand-over, may turn out to have; NULL: the
 * same. */
typedef struct {
	PolicyScope *least, *most;
	gboolean known;
} Project;

static void project_free(gpointer data)
{
	Project *project = data;

	policy_scope_free(project->least);
	policy_scope_free(project->most);
	g_free(project);
}

static Project *project_new(const PolicySet *set, const cJSON *labels, gboolean known)
{
	Project *project = g_new0(Project, 1);

	project->known = known;
	project->least = policy_scope_new(set, labels);
	if (known && !policy_set_asks_handover(set))
		return project;
	project->most = known ? policy_scope_new(set, labels) : policy_scope_any(set, NULL);
	policy_scope_set_ahead(project->most);
	return project;
}

static Project *put(Projects *projects, const char *ns, const cJSON *labels)
{
	Project *project = project_new(projects->set, labels, TRUE);

	g_hash_table_insert(projects->by_name, g_strdup(ns), project);
	return project;
}

static gboolean take_namespace(const cJSON *object, gpointer data)
{
	Projects *projects = data;

	put(projects, object_name(object), object_labels(object));
	return TRUE;
}

static gboolean read_one(Projects *projects, Cluster *cluster, const char *ns, GError **error)
{
	g_autoptr(cJSON) object = NULL;
	gboolean known;

	if (!namespace_labels(cluster, ns, &object, &known, error))
		return FALSE;
	if (known)
		put(projects, ns, object_labels(object));
	else /* not owned by the table: it is one for all of them */
		g_hash_table_insert(projects->by_name, g_strdup(ns), NULL);
	projects->some_unknown = projects->some_unknown || !known;
	return TRUE;
}

static gboolean note_namespace(const cJSON *object, gpointer data)
{
	const char *ns = object_namespace(object);

	if (ns && !g_hash_table_contains(data, ns))
		g_hash_table_add(data, g_strdup(ns));
	return TRUE;
}

/* Whoever may not list namespaces may often read those that are his. */
static gboolean read_each(Projects *projects, Cluster *cluster, GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	GHashTableIter iter;
	gpointer name;

	projects->some_unknown = TRUE;
	if (!cluster_each(cluster, &KIND_VMI, &options, note_namespace, names, NULL, error))
		return FALSE;
	projects->some_unknown = FALSE;
	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!read_one(projects, cluster, name, error))
			return FALSE;
	return TRUE;
}

static void free_if_any(gpointer data)
{
	if (data)
		project_free(data);
}

gboolean projects_read(Projects *projects, Cluster *cluster, PolicySet *set, const char *ns,
		       GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	g_autoptr(GError) cause = NULL;

	projects->set = set;
	projects->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_if_any);
	projects->unknown = project_new(set, NULL, FALSE);
	if (ns)
		return read_one(projects, cluster, ns, error);
	if (cluster_each(cluster, &KIND_NAMESPACE, &options, take_namespace, projects, NULL,
			 &cause))
		return TRUE;
	if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return read_each(projects, cluster, error);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

void projects_clear(Projects *projects)
{
	g_clear_pointer(&projects->by_name, g_hash_table_unref);
	g_clear_pointer(&projects->unknown, project_free);
}

static const Project *find(Projects *projects, const char *ns)
{
	gpointer project = NULL;

	if (g_hash_table_lookup_extended(projects->by_name, ns, NULL, &project))
		return project ? project : projects->unknown;
	/* a namespace that has come since has what a new one has, for all that is known */
	return put(projects, ns, NULL);
}

const PolicyScope *projects_scope(Projects *projects, const char *ns)
{
	return find(projects, ns)->least;
}

const PolicyScope *projects_scope_at_best(Projects *projects, const char *ns)
{
	const Project *project = find(projects, ns);

	return project->most ? project->most : project->least;
}

const Policy *projects_winner(Projects *projects, PolicyRule rule, const char *ns,
			      const cJSON *labels, ProjectsDoubt *ret_doubt)
{
	const Project *project = find(projects, ns);
	const Policy *winner = policy_match(projects->set, project->least, labels).winner[rule];

	*ret_doubt = PROJECTS_CERTAIN;
	if (project->most &&
	    policy_match(projects->set, project->most, labels).winner[rule] != winner)
		*ret_doubt = project->known ? PROJECTS_HANDOVER : PROJECTS_LABELS_UNKNOWN;
	return winner;
}

gboolean policy_ahead_of(Cluster *cluster, const cJSON *vmi, char **ret_name,
			 ProjectsDoubt *ret_doubt, GError **error)
{
	g_auto(Policies) policies = { 0 };
	g_auto(Projects) projects = { 0 };
	g_autoptr(cJSON) copy = NULL;
	const char *ns = object_namespace(vmi);
	const Policy *winner;
	const cJSON *labels;

	if (!policies_read(cluster, &policies, error) ||
	    !projects_read(&projects, cluster, policies.set, ns, error))
		return FALSE;
	labels = policy_labels_ahead(policies.set, object_labels(vmi), &copy);
	winner = projects_winner(&projects, policy_rule_in_force(cluster), ns, labels, ret_doubt);
	*ret_name = winner ? g_strdup(winner->name) : NULL;
	return TRUE;
}
