/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node selectors that admission adds to all pods of a namespace: OpenShift's of a project, and
 * PodNodeSelector's. The VM does not have them, the pod that runs it does; whether its successor
 * will the namespace tells, which is read only where such a pod selects what nobody else asks for.
 */
#include "check/targets-private.h"

/* With more namespaces than these they are listed. */
#define NAMESPACES_ASKED_FOR 8

/* known: name -> cJSON*, the annotations; not there, or NULL: not known. */
static gboolean see_namespace(const cJSON *object, gpointer data)
{
	GHashTable *known = data;
	cJSON *annotations = cJSON_Duplicate(
		json_path(object, "metadata", "annotations", NULL), TRUE);

	g_hash_table_insert(known, g_strdup(object_name(object)),
			    annotations ? annotations : cJSON_CreateObject());
	return TRUE;
}

static gboolean read_all(Cluster *cluster, GHashTable *known, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (cluster_each(cluster, &KIND_NAMESPACE, NULL, see_namespace, known, NULL, &cause) ||
	    targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean read_one(Cluster *cluster, GHashTable *known, const char *ns, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = NULL;

	if (g_hash_table_contains(known, ns))
		return TRUE;
	object = cluster_get(cluster, &KIND_NAMESPACE, NULL, ns, &cause);
	if (object)
		return see_namespace(object, known);
	if (!targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN) &&
	    !targets_tolerate(&cause, KVMIG_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	g_hash_table_insert(known, g_strdup(ns), NULL);
	return TRUE;
}

static void note_strange(const TargetsCase *one, gboolean known)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, one->demand->strange)
	{
		targets_note(one->answer, "selector",
			     "the pod that runs the VM selects %s=%s, for which neither the VM nor "
			     "%s asks%s: what is left from an earlier migration, or from a VM "
			     "since changed, does not come again, what the %s adds does; it is "
			     "not judged",
			     label->string, label->valuestring,
			     known ? "its namespace" : "KubeVirt",
			     known ? "" : ", and its namespace may not be read",
			     known ? "cluster" : "cluster or the namespace");
	}
}

/* Whoever may not list them may be allowed to read his own. */
static gboolean read_namespace(Cluster *cluster, GHashTable *known, const char *ns,
			       gboolean *listed, GError **error)
{
	if (!*listed && !g_hash_table_contains(known, ns) &&
	    g_hash_table_size(known) >= NAMESPACES_ASKED_FOR) {
		*listed = TRUE;
		if (!read_all(cluster, known, error))
			return FALSE;
	}
	return read_one(cluster, known, ns, error);
}

gboolean targets_read_selectors(Cluster *cluster, const GPtrArray *cases, GError **error)
{
	g_autoptr(GHashTable) known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							    (GDestroyNotify)cJSON_Delete);
	gboolean listed = FALSE;

	for (guint i = 0; i < cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(cases, i);
		const char *ns = one->answer->vmi.ns;
		const cJSON *annotations;

		if (!ns || !one->demand->strange->child)
			continue;
		if (!read_namespace(cluster, known, ns, &listed, error))
			return FALSE;
		annotations = g_hash_table_lookup(known, ns);
		target_demand_adopt(one->demand, annotations);
		note_strange(one, annotations != NULL);
	}
	return TRUE;
}
