/* SPDX-License-Identifier: Apache-2.0 */
/* Reads for `kvmig check` and `kvmig capacity` what the judges of src/check look at: one list
 * request a kind, of which little is kept. */
#include "check.h"

#include "check/settings.h"

gboolean check_each(const CheckGather *gather, const Kind *kind, const char *ns, const char *what,
		    ClusterEachFunc func, gpointer data, gboolean *ret_known, GError **error)
{
	const CheckObject cluster = { "cluster", NULL, NULL };
	const ClusterListOptions options = { .ns = ns };
	g_autoptr(GError) cause = NULL;
	const gboolean ok =
		cluster_each(gather->context->cluster, kind, &options, func, data, NULL, &cause);
	KvmigError code;

	if (ret_known)
		*ret_known = ok;
	if (ok)
		return TRUE;
	code = error_code(cause);
	/* UNSUPPORTED: a kind that is not served there */
	if (code != KVMIG_ERROR_FORBIDDEN && code != KVMIG_ERROR_NOT_FOUND &&
	    code != KVMIG_ERROR_UNSUPPORTED) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (what)
		check_add(gather->findings, &cluster, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "%s: %s", what, cause->message);
	return TRUE;
}

static gboolean take_pool(const cJSON *object, gpointer data)
{
	pools_add(((Capacity *)data)->pools, object);
	return TRUE;
}

typedef struct {
	Capacity *capacity;
	CheckNodes *nodes;
} NodeTakers;

static gboolean take_node(const cJSON *object, gpointer data)
{
	const NodeTakers *takers = data;

	capacity_add_node(takers->capacity, object);
	if (takers->nodes)
		check_nodes_add(takers->nodes, object);
	return TRUE;
}

typedef struct {
	Capacity *capacity;
	CheckNodes *nodes;
	CheckFits *fits;
} PodTakers;

static gboolean take_pod(const cJSON *object, gpointer data)
{
	const PodTakers *takers = data;

	capacity_add_pod(takers->capacity, object);
	if (takers->nodes)
		check_nodes_add_pod(takers->nodes, object);
	if (takers->fits)
		check_fits_add_pod(takers->fits, object);
	return TRUE;
}

gboolean check_gather_nodes(const CheckGather *gather, Capacity *capacity, CheckNodes *nodes,
			    gboolean *ret_known, GError **error)
{
	NodeTakers takers = { capacity, nodes };
	const ClusterCaps *caps = cluster_caps(gather->context->cluster);

	/* a cluster that is no OpenShift has no such kind: nothing to tell */
	if (!caps->kvmig_migrates && !check_each(gather, &KIND_MACHINE_CONFIG_POOL, NULL, NULL,
						 take_pool, capacity, NULL, error))
		return FALSE;
	return check_each(gather, caps->node_kind, NULL, "nodes, and the memory to drain them into",
			  take_node, &takers, ret_known, error);
}

gboolean check_gather_pods(const CheckGather *gather, Capacity *capacity, CheckNodes *nodes,
			   CheckFits *fits, GError **error)
{
	PodTakers takers = { capacity, nodes, fits };

	if (cluster_caps(gather->context->cluster)->kvmig_migrates)
		return TRUE;
	/* capacity_report() tells where they are missing */
	if (!check_each(gather, &KIND_POD, NULL, NULL, take_pod, &takers, &capacity->pods_known,
			error))
		return FALSE;
	if (fits && capacity->pods_known)
		check_fits_pods_known(fits);
	return TRUE;
}

/* ---- what holds for each VM ----------------------------------------------------------------- */

static const cJSON *kubevirt_object(const ConfigOwner *owner)
{
	return owner->kubevirt ? owner->kubevirt : owner->object;
}

gboolean check_basis_read(const CheckGather *gather, CheckBasis *basis, GError **error)
{
	Cluster *cluster = gather->context->cluster;
	const CheckObject settings = { "settings", NULL, NULL };
	const cJSON *values;

	basis->kubevirt = !cluster_caps(cluster)->kvmig_migrates;
	basis->owner = config_owner_find(cluster, error);
	if (!basis->owner)
		return FALSE;
	for (guint i = 0; i < basis->owner->notes->len; i++)
		check_add(gather->findings, &settings, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL, "%s",
			  (const char *)g_ptr_array_index(basis->owner->notes, i));
	basis->settings = config_effective_object(basis->owner);
	values = settings_map(basis->settings);
	basis->post_copy = json_bool(values, "allowPostCopy", FALSE);
	basis->disruption = json_bool(values, "allowWorkloadDisruption", FALSE);
	basis->tls = !json_bool(values, "disableTLS", FALSE);
	basis->eviction_default =
		json_string(json_path(kubevirt_object(basis->owner), "spec", "configuration", NULL),
			    "evictionStrategy", NULL);
	return TRUE;
}

void check_basis_apply(CheckBasis *basis, CheckVm *vm)
{
	vm->kubevirt = basis->kubevirt;
	vm->eviction_default = basis->eviction_default;
	check_policies_apply(basis, vm);
}

void check_basis_clear(CheckBasis *basis)
{
	check_policies_clear(basis);
	g_clear_pointer(&basis->settings, cJSON_Delete);
	g_clear_pointer(&basis->owner, config_owner_free);
}

/* KubeVirt migrates VMs itself while it is being upgraded. */
static void judge_upgrade(const CheckBasis *basis, GPtrArray *findings)
{
	const cJSON *status =
		basis->kubevirt ? json_get(kubevirt_object(basis->owner), "status") : NULL;
	const char *is = json_string(status, "observedKubeVirtVersion", NULL);
	const char *target = json_string(status, "targetKubeVirtVersion", NULL);
	const CheckObject object = { "cluster", NULL, NULL };

	if (is && target && !g_str_equal(is, target))
		check_add(findings, &object, CHECK_WARNING, REASON_CHK_UPGRADE, NULL,
			  "KubeVirt %s is being replaced by %s", is, target);
}

void check_basis_judge(const CheckBasis *basis, GPtrArray *findings)
{
	check_settings(settings_map(basis->settings), basis->kubevirt, findings);
	judge_upgrade(basis, findings);
}
