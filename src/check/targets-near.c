/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who else is on the nodes: affinity to pods and spread constraints (schedule/near.h, spread.h).
 * Where these go by the host name alone a node is judged as it comes; else once all have come,
 * since only then it is known who is in which zone.
 */
#include <string.h>

#include "check/targets-private.h"
#include "model/wellknown.h"

static const cJSON *affinity_of(const cJSON *object)
{
	return json_path(object, "spec", "affinity", NULL);
}

static const cJSON *constraints_of(const TargetsCase *one)
{
	return json_path(one->wanted->vmi, "spec", "topologySpreadConstraints", NULL);
}

/* As KubeVirt labels it. */
static cJSON *labels_of_pod(const TargetsCase *one)
{
	cJSON *labels = cJSON_Duplicate(object_labels(one->wanted->vmi), TRUE);

	if (!labels)
		labels = cJSON_CreateObject();
	json_set_string(labels, LABEL_KUBEVIRT, "virt-launcher");
	json_set_string(labels, LABEL_CREATED_BY, one->uid);
	json_set_string(labels, LABEL_VM_NAME, one->answer->vmi.name);
	return labels;
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static gboolean see_namespace(const cJSON *object, gpointer data)
{
	cJSON *labels = cJSON_Duplicate(object_labels(object), TRUE);

	g_hash_table_insert(data, g_strdup(object_name(object)),
			    labels ? labels : cJSON_CreateObject());
	return TRUE;
}

/* Their labels, where a VM's own terms go by them; *ret stays NULL where they may not be read. */
static gboolean read_namespaces(Cluster *cluster, GHashTable **ret, GError **error)
{
	g_autoptr(GHashTable) table =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				      (GDestroyNotify)cJSON_Delete);
	g_autoptr(GError) cause = NULL;

	if (cluster_each(cluster, &KIND_NAMESPACE, NULL, see_namespace, table, NULL, &cause)) {
		*ret = g_steal_pointer(&table);
		return TRUE;
	}
	if (targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* ---- before and during the pods -------------------------------------------------------------- */

gboolean targets_near_begin(Cluster *cluster, GPtrArray *cases, GError **error)
{
	g_autoptr(GHashTable) namespaces = NULL;
	gboolean wanted = FALSE;

	for (guint i = 0; i < cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(cases, i);

		one->labels = labels_of_pod(one);
		one->near =
			near_new(affinity_of(one->wanted->vmi), one->answer->vmi.ns, one->labels);
		one->spread = spread_new(constraints_of(one), one->answer->vmi.ns, one->labels);
		wanted |= near_wants_namespaces(one->near);
	}
	if (wanted && !read_namespaces(cluster, &namespaces, error))
		return FALSE;
	for (guint i = 0; namespaces && i < cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(cases, i);

		one->namespaces = g_hash_table_ref(namespaces);
		near_set_namespaces(one->near, namespaces);
	}
	return TRUE;
}

gboolean targets_near_wants_pods(const TargetsCase *one)
{
	return one->spread || near_has_terms(affinity_of(one->wanted->vmi));
}

void targets_near_see(TargetsCase *one, const cJSON *pod, const char *node)
{
	near_see_pod(one->near, pod, node);
	if (one->spread)
		spread_see_pod(one->spread, pod, node);
}

/* ---- after them ------------------------------------------------------------------------------ */

static void note_unjudged_pods(TargetsCase *one, gboolean pods_seen)
{
	if (!pods_seen && targets_near_wants_pods(one))
		targets_note(one->answer, "affinity",
			     "the VM's affinity to pods, or over what it is to be spread, is not "
			     "judged, since pods may not be read; the scheduler does");
}

static void note_unjudged_terms(TargetsCase *one)
{
	guint count = near_unjudged(one->near);

	if (count > 0)
		targets_note(one->answer, "affinity",
			     "%u term%s of affinity to pods %s not judged, since %s by the labels "
			     "of namespaces, which may not be read; the scheduler does",
			     count, count == 1 ? "" : "s", count == 1 ? "is" : "are",
			     count == 1 ? "it goes" : "they go");
}

gboolean targets_near_settle(Cluster *cluster, TargetsCase *one, gboolean pods_seen, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) own = NULL;
	const cJSON *labels = NULL;

	if (near_wants_own_namespace(one->near)) {
		own = cluster_get(cluster, &KIND_NAMESPACE, NULL, one->answer->vmi.ns, &cause);
		if (!own && !targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		labels = own ? object_labels(own) : NULL;
	}
	note_unjudged_pods(one, pods_seen);
	if (!pods_seen) { /* not one was shown: nothing follows from that */
		g_clear_pointer(&one->near, near_free);
		one->near = near_new(NULL, one->answer->vmi.ns, one->labels);
		g_clear_pointer(&one->spread, spread_free);
	}
	near_settle(one->near, labels);
	note_unjudged_terms(one);
	one->late = one->spread || near_wants_nodes(one->near);
	return TRUE;
}

/* Of a node that has been judged its obstacles tell: no second look at some hundred labels. Not of
 * the source, which is not judged; nor of a CPU as its host has it, of which there is more to say
 * than the scheduler knows. */
static gboolean is_selected(const TargetsCase *one, const Host *host, const Target *target)
{
	static const char *const reasons[] = {
		REASON_TGT_ADDED_SELECTOR, REASON_TGT_VM_SELECTOR,   REASON_TGT_CLUSTER_SELECTOR,
		REASON_TGT_AFFINITY,       REASON_TGT_ARCH,          REASON_TGT_NOT_SCHEDULABLE,
		REASON_TGT_CPU_MODEL,      REASON_TGT_CPU_FEATURE,   REASON_TGT_CAPABILITY,
		REASON_TGT_MACHINE_TYPE,
	};

	if (g_strcmp0(host->name, one->answer->vmi.node_name) == 0 ||
	    g_strcmp0(one->answer->vmi.cpu_model, "host-passthrough") == 0)
		return target_sieve_selects(one->sieve, host);
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		for (gsize j = 0; j < G_N_ELEMENTS(reasons); j++)
			if (strcmp(obstacle->reason, reasons[j]) == 0)
				return FALSE;
	}
	return TRUE;
}

void targets_near_see_node(TargetsCase *one, const Host *host, const Target *target)
{
	near_see_node(one->near, host->name, host->labels);
	if (one->spread)
		spread_see_node(one->spread, host, is_selected(one, host, target),
				target_sieve_tolerates(one->sieve, host));
}

/* Where the VM runs it is, whoever else is there. */
void targets_near_judge(TargetsCase *one, Target *target)
{
	if (g_strcmp0(target->node, one->answer->vmi.node_name) == 0)
		return;
	near_judge(one->near, target);
	if (one->spread)
		spread_judge(one->spread, target);
	target->fits = target->obstacles->len == 0;
}
