/* SPDX-License-Identifier: Apache-2.0 */
#include "policy-projects.h"

static void put(Projects *projects, const char *ns, PolicyScope *scope)
{
	g_hash_table_insert(projects->scopes, g_strdup(ns), scope);
}

static gboolean take_namespace(const cJSON *object, gpointer data)
{
	Projects *projects = data;

	put(projects, object_name(object), policy_scope_new(projects->set, object_labels(object)));
	return TRUE;
}

static gboolean read_one(Projects *projects, Cluster *cluster, const char *ns, GError **error)
{
	g_autoptr(cJSON) object = NULL;
	gboolean known;

	if (!namespace_labels(cluster, ns, &object, &known, error))
		return FALSE;
	put(projects, ns, known ? policy_scope_new(projects->set, object_labels(object)) : NULL);
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

gboolean projects_read(Projects *projects, Cluster *cluster, PolicySet *set, const char *ns,
		       GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	g_autoptr(GError) cause = NULL;

	projects->set = set;
	projects->scopes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						 (GDestroyNotify)policy_scope_free);
	projects->any = policy_scope_any(set);
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
	g_clear_pointer(&projects->scopes, g_hash_table_unref);
	g_clear_pointer(&projects->any, policy_scope_free);
}

static const PolicyScope *no_labels(Projects *projects, const char *ns)
{
	PolicyScope *scope = policy_scope_new(projects->set, NULL);

	put(projects, ns, scope);
	return scope;
}

const PolicyScope *projects_scope(Projects *projects, const char *ns, gboolean *ret_known)
{
	gpointer scope = NULL;

	/* a namespace that has come since has what a new one has, for all that is known */
	*ret_known = !g_hash_table_lookup_extended(projects->scopes, ns, NULL, &scope) || scope;
	if (scope)
		return scope;
	if (*ret_known)
		return no_labels(projects, ns);
	/* those that ask for no label of a project are the same for all that are unknown */
	scope = g_hash_table_lookup(projects->scopes, "");
	return scope ? scope : no_labels(projects, "");
}

const Policy *projects_winner(Projects *projects, PolicyRule rule, const char *ns,
			      const cJSON *labels, gboolean *ret_certain)
{
	gboolean known;
	const PolicyScope *scope = projects_scope(projects, ns, &known);
	const Policy *winner = policy_match(projects->set, scope, labels).winner[rule];

	*ret_certain =
		known || policy_match(projects->set, projects->any, labels).winner[rule] == winner;
	return winner;
}
