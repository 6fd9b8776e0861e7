/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pods of a KubeVirt cluster: what they ask for of each node, which of them run the VMs, which
 * nodes are on the migration network, who wants to be near whom. Where not all pods may be read the
 * VMs stand in for them, and the namespace's own for the VM's.
 */
#include <string.h>

#include "check/pods-seen.h"
#include "check/targets-private.h"
#include "model/resources.h"
#include "model/wellknown.h"

/* ---- one pod --------------------------------------------------------------------------------- */

/* A migration's target has the same labels as the pod that runs the VM, on another node. */
static void take_launcher(TargetsPods *pods, const cJSON *pod, const char *node)
{
	const char *uid = pod_launches(pod);
	TargetsCase *one = uid ? g_hash_table_lookup(pods->by_uid, uid) : NULL;

	if (one && !one->pod && g_strcmp0(one->answer->vmi.node_name, node) == 0)
		one->pod = pod_demand(pod);
}

static gboolean see_launcher(const cJSON *pod, gpointer data)
{
	const char *node = pod_burdened_node(pod);

	if (node)
		take_launcher(data, pod, node);
	return TRUE;
}

static void see_near(const cJSON *pod, const char *node, gpointer data)
{
	const TargetsPods *pods = data;

	if (!pods->wants_pods && !near_has_terms(json_path(pod, "spec", "affinity", NULL)))
		return;
	for (guint i = 0; i < pods->cases->len; i++)
		targets_near_see(g_ptr_array_index(pods->cases, i), pod, node);
}

static gboolean see_pod(const cJSON *pod, gpointer data)
{
	TargetsPods *pods = data;
	const char *node = pod_burdened_node(pod);

	if (!node)
		return TRUE;
	pods_seen_count(&pods->seen, pod, node);
	take_launcher(pods, pod, node);
	see_near(pod, node, pods);
	return TRUE;
}

/* Of all pods. */
static void take_counts(TargetsPods *pods, const PodsSeen *seen)
{
	pods->requested = g_hash_table_ref(seen->requested);
	if (pods->network && seen->on_network)
		pods->on_network = g_hash_table_ref(seen->on_network);
	pods->all_read = TRUE;
}

/* ---- pods that somebody has read already ----------------------------------------------------- */

static void take_seen(TargetsPods *pods, const PodsSeen *seen)
{
	take_counts(pods, seen);
	for (guint i = 0; i < pods->cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(pods->cases, i);
		const char *text =
			pods_seen_launcher(seen, one->answer->vmi.node_name, one->uid);

		one->pod = text ? json_parse(text, strlen(text), "a pod", NULL) : NULL;
	}
	if (pods->wants_pods || seen->has_terms)
		pods_seen_each(seen, see_near, pods);
}

/* ---- where pods may not be read -------------------------------------------------------------- */

static gboolean is_forbidden(GError **cause)
{
	if (error_code(*cause) != KVMIG_ERROR_FORBIDDEN)
		return FALSE;
	g_clear_error(cause);
	return TRUE;
}

static gboolean see_vmi(const cJSON *object, gpointer data)
{
	TargetsPods *pods = data;
	Vmi vmi;

	vmi_read(object, &vmi);
	if (vmi.node_name && strcmp(vmi.phase, "Succeeded") != 0 &&
	    strcmp(vmi.phase, "Failed") != 0)
		resources_add(pods_seen_requested(&pods->seen, vmi.node_name), RESOURCE_MEMORY,
			      vmi.memory_bytes);
	return TRUE;
}

static void note_all(const TargetsPods *pods, const char *about, const char *text)
{
	for (guint i = 0; i < pods->cases->len; i++)
		targets_note(((TargetsCase *)g_ptr_array_index(pods->cases, i))->answer, about,
			     "%s", text);
}

static gboolean read_vmis(TargetsPods *pods, GError **error)
{
	g_autoptr(GError) cause = NULL;

	pods_seen_clear(&pods->seen);
	pods_seen_init(&pods->seen);
	if (cluster_each(pods->cluster, &KIND_VMI, NULL, see_vmi, pods, NULL, &cause)) {
		pods->requested = g_hash_table_ref(pods->seen.requested);
		note_all(pods, "memory",
			 "pods may not be read: what is free on a node is counted from the VMs "
			 "alone, and other pods are not in it");
		return TRUE;
	}
	if (!is_forbidden(&cause)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	note_all(pods, "memory",
		 "neither pods nor the VMs of other namespaces may be read: nodes are judged by "
		 "what they have in all, not by what is free");
	return TRUE;
}

/* The pods of one namespace that run VMs; of a single VM only its own. */
static gboolean read_launchers(TargetsPods *pods, const char *ns, GError **error)
{
	const TargetsCase *first = g_ptr_array_index(pods->cases, 0);
	gboolean single = pods->cases->len == 1 && first->uid;
	g_autofree char *text = single ? g_strconcat(LABEL_CREATED_BY "=", first->uid, NULL)
				       : g_strdup(LABEL_KUBEVIRT "=virt-launcher");
	g_autoptr(Selector) selector = selector_parse(text, NULL);
	const ClusterListOptions list = { .ns = ns, .selector = selector };
	g_autoptr(GError) cause = NULL;

	if (cluster_each(pods->cluster, &KIND_POD, &list, see_launcher, pods, NULL, &cause) ||
	    is_forbidden(&cause))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean read_own_launchers(TargetsPods *pods, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < pods->cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(pods->cases, i);

		if (one->answer->vmi.ns && g_hash_table_add(seen, (gpointer)one->answer->vmi.ns) &&
		    !read_launchers(pods, one->answer->vmi.ns, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- all ------------------------------------------------------------------------------------- */

gboolean targets_read_pods(TargetsPods *pods, const PodsSeen *seen, GError **error)
{
	g_autoptr(GError) cause = NULL;

	for (guint i = 0; i < pods->cases->len; i++)
		pods->wants_pods |=
			targets_near_wants_pods(g_ptr_array_index(pods->cases, i));
	if (seen) {
		take_seen(pods, seen);
		return TRUE;
	}
	pods_seen_init(&pods->seen);
	if (cluster_each(pods->cluster, &KIND_POD, NULL, see_pod, pods, NULL, &cause)) {
		take_counts(pods, &pods->seen);
		return TRUE;
	}
	if (!is_forbidden(&cause)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return read_vmis(pods, error) && read_own_launchers(pods, error);
}

void targets_pods_clear(TargetsPods *pods)
{
	pods_seen_clear(&pods->seen);
	g_clear_pointer(&pods->by_uid, g_hash_table_unref);
	g_clear_pointer(&pods->requested, g_hash_table_unref);
	g_clear_pointer(&pods->on_network, g_hash_table_unref);
}
