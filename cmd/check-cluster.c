/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig check --cluster and --node: all VMs, one after the other as they arrive, and what they have
 * in common. */
#include "check.h"

#include "cli/option.h"
#include "model/quantity.h"
#include "network.h"
#include "observe.h"

typedef struct {
	CheckGather gather;
	const char *ns;   /* only VMs of it are judged; NULL: all */
	const char *node; /* only VMs on it; NULL: all */
	Capacity capacity;
	CheckClaims *claims; /* NULL: may not be read */
	CheckTries *tries;   /* likewise */
	CheckNodes *nodes;
	CheckFits *fits; /* NULL: kvmig migrates */
	CheckBasis basis;
	CheckLooking looking;
	guint notes_left_out;
} Round;

static void round_clear(Round *round)
{
	capacity_clear(&round->capacity);
	g_clear_pointer(&round->claims, check_claims_free);
	g_clear_pointer(&round->tries, check_tries_free);
	g_clear_pointer(&round->nodes, check_nodes_free);
	g_clear_pointer(&round->fits, check_fits_free);
	check_basis_clear(&round->basis);
	check_looking_clear(&round->looking);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Round, round_clear)

/* ---- VMs ------------------------------------------------------------------------------------ */

/* Of a whole cluster, what is only to know of single VMs would bury the rest. */
static void drop_notes(Round *round, guint from)
{
	GPtrArray *findings = round->gather.findings;

	for (guint i = findings->len; i > from; i--) {
		const CheckFinding *finding = g_ptr_array_index(findings, i - 1);

		if (finding->severity != CHECK_NOTE || !g_str_equal(finding->kind, "vm"))
			continue;
		g_ptr_array_remove_index(findings, i - 1);
		round->notes_left_out++;
	}
}

static gboolean is_running(const cJSON *vmi)
{
	return g_str_equal(json_string(json_get(vmi, "status"), "phase", ""), "Running");
}

static gboolean is_judged(const Round *round, const cJSON *vmi)
{
	const cJSON *status = json_get(vmi, "status");
	const char *node = json_string(status, "nodeName", NULL);

	return (is_running(vmi) ||
		check_vm_is_unheard(vmi, check_nodes_problem(round->nodes, node))) &&
	       (!round->ns || g_strcmp0(round->ns, object_namespace(vmi)) == 0) &&
	       (!round->node || g_strcmp0(round->node, node) == 0);
}

static gboolean take_vmi(const cJSON *vmi, gpointer data)
{
	Round *round = data;
	const guint from = round->gather.findings->len;
	const char *node = json_string(json_get(vmi, "status"), "nodeName", NULL);
	CheckVm vm;

	capacity_add_vm(&round->capacity, vmi);
	if (!is_judged(round, vmi))
		return TRUE;
	check_vm_init(&vm, vmi, round->claims, round->gather.findings);
	check_basis_apply(&round->basis, &vm);
	vm.qemu_version = check_nodes_qemu(round->nodes, node);
	vm.node_problem = check_nodes_problem(round->nodes, node);
	check_vm(&vm);
	if (round->tries)
		check_tries_judge(round->tries, &vm.object, round->gather.findings);
	if (round->fits && is_running(vmi))
		check_fits_add_vm(round->fits, vmi);
	if (is_running(vmi))
		check_looking_add(&round->looking, vmi);
	if (!round->node)
		drop_notes(round, from);
	return TRUE;
}

static gboolean take_claim(const cJSON *claim, gpointer data)
{
	check_claims_add(data, claim);
	return TRUE;
}

static gboolean take_migration(const cJSON *migration, gpointer data)
{
	check_tries_add(data, migration);
	return TRUE;
}

static gboolean take_volume(const cJSON *volume, gpointer data)
{
	check_fits_add_volume(data, volume);
	return TRUE;
}

static gboolean take_quota(const cJSON *quota, gpointer data)
{
	check_fits_add_quota(data, quota);
	return TRUE;
}

/* For where VMs can go; quotas tell something without the nodes, too. */
static gboolean gather_for_fits(Round *round, gboolean nodes_known, GError **error)
{
	return (!nodes_known ||
		check_each(&round->gather, &KIND_PV, NULL, "whether volumes are tied to nodes",
			   take_volume, round->fits, NULL, error)) &&
	       check_each(&round->gather, &KIND_RESOURCE_QUOTA, round->ns,
			  "whether quotas have room for a second pod of each VM", take_quota,
			  round->fits, NULL, error);
}

/* What the VMs are judged by, before them. */
static gboolean gather_beside(Round *round, gboolean nodes_known, GError **error)
{
	const gboolean kubevirt = !cluster_caps(round->gather.context->cluster)->kvmig_migrates;
	gboolean known = FALSE;

	round->claims = kubevirt ? check_claims_new() : NULL;
	if (kubevirt && !check_each(&round->gather, &KIND_PVC, round->ns,
				    "access modes that the VMs do not tell themselves", take_claim,
				    round->claims, &known, error))
		return FALSE;
	if (!known)
		g_clear_pointer(&round->claims, check_claims_free);
	if (round->fits && !gather_for_fits(round, nodes_known, error))
		return FALSE;
	round->tries = check_tries_new();
	return check_each(&round->gather, &KIND_VMIM, round->ns, "migrations", take_migration,
			  round->tries, NULL, error);
}

/* Those of one namespace, where one was given and all may not be listed. */
static gboolean gather_vms(Round *round, gboolean *ret_all, GError **error)
{
	Cluster *cluster = round->gather.context->cluster;
	g_autoptr(GError) cause = NULL;
	const ClusterListOptions options = { .ns = round->ns };

	*ret_all = cluster_each(cluster, &KIND_VMI, NULL, take_vmi, round, NULL, &cause);
	if (*ret_all)
		return TRUE;
	if (round->ns && error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return cluster_each(cluster, &KIND_VMI, &options, take_vmi, round, NULL, error);
	g_propagate_error(error, g_steal_pointer(&cause));
	error_hint(error, "with -n only the VMs of one namespace are looked at");
	return FALSE;
}

/* ---- the cluster ---------------------------------------------------------------------------- */

static gboolean take_lease(const cJSON *lease, gpointer data)
{
	check_nodes_add_lease(data, lease);
	return TRUE;
}

static gboolean judge_nodes(Round *round, GError **error)
{
	if (round->basis.kubevirt &&
	    !check_each(&round->gather, &KIND_LEASE, "kube-node-lease", "the clocks of the nodes",
			take_lease, round->nodes, NULL, error))
		return FALSE;
	check_nodes_judge(round->nodes, round->node, round->basis.tls,
			  round->basis.post_copy && round->basis.disruption,
			  round->gather.findings);
	return TRUE;
}

static gboolean judge_network(const Round *round, GError **error)
{
	g_autoptr(GHashTable) only = round->node ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;

	if (only)
		g_hash_table_add(only, (gpointer)round->node);
	return check_judge_network(&round->gather, &round->basis, only, error);
}

static gboolean judge_common(Round *round, GError **error)
{
	check_basis_judge(&round->basis, round->gather.findings);
	return check_kubevirt_works(&round->gather, error) &&
	       (round->node || check_rights(&round->gather, round->ns, CHECK_WARNING, error)) &&
	       judge_nodes(round, error) && judge_network(round, error);
}

/* Where there is too little the finding says all this. */
static void tell_capacity(const Round *round)
{
	const Capacity *capacity = &round->capacity;
	g_autofree char *needed = quantity_human_bytes(capacity->needed_bytes);
	g_autofree char *spare = quantity_human_bytes(capacity->spare_bytes);

	if (!round->node && capacity->enough && capacity->fullest)
		say(round->gather.context,
		    "memory to drain %u node%s at once (%s): %s needed, %s spare",
		    capacity->parallel, capacity->parallel == 1 ? "" : "s", capacity->parallel_why,
		    needed, spare);
}

/* Sums take all VMs. */
static void judge_capacity(Round *round, const CheckValues *values)
{
	round->capacity.drain_parallel = values->drain_parallel;
	capacity_judge(&round->capacity);
	capacity_report(&round->capacity, round->node, round->gather.findings);
	tell_capacity(round);
}

static gboolean check_node_exists(const Round *round, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	if (!round->node || g_hash_table_contains(round->capacity.by_name, round->node))
		return TRUE;
	for (guint i = 0; i < round->capacity.nodes->len; i++) {
		const CapacityNode *node = g_ptr_array_index(round->capacity.nodes, i);

		g_ptr_array_add(names, node->name);
	}
	g_ptr_array_add(names, NULL);
	near = option_nearest(round->node, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no node '%s'", round->node);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig capacity' shows the nodes");
	return FALSE;
}

static void look_at_hosts(Round *round)
{
	const guint from = round->gather.findings->len;

	check_looking_finish(&round->looking, round->gather.findings);
	if (!round->node)
		drop_notes(round, from);
}

/* Nodes, pods and what else is beside the VMs, before them. */
static gboolean gather(Round *round, gboolean *ret_nodes_known, gboolean *ret_all_vms,
		       GError **error)
{
	if (!check_basis_read(&round->gather, &round->basis, error) ||
	    !check_policies_read(&round->gather, &round->basis, round->ns, error) ||
	    !check_gather_nodes(&round->gather, &round->capacity, round->nodes, ret_nodes_known,
				error) ||
	    (*ret_nodes_known && !check_node_exists(round, error)))
		return FALSE;
	if (round->basis.kubevirt)
		round->fits = check_fits_new();
	return (!*ret_nodes_known || check_gather_pods(&round->gather, &round->capacity,
						       round->nodes, round->fits, error)) &&
	       gather_beside(round, *ret_nodes_known, error) &&
	       check_looking_open(round->gather.context, round->node != NULL, &round->looking,
				  error) &&
	       gather_vms(round, ret_all_vms, error);
}

gboolean check_run_cluster(const CommandContext *context, const CheckValues *values,
			   GPtrArray *findings, GError **error)
{
	g_auto(Round) round = { .gather = { context, findings },
				.ns = context->ns_given ? context->ns : NULL,
				.node = values->node };
	gboolean nodes_known, all_vms;

	capacity_init(&round.capacity);
	round.nodes = check_nodes_new();
	if (!observe_cluster(context, error) || !gather(&round, &nodes_known, &all_vms, error))
		return FALSE;
	look_at_hosts(&round);
	if (nodes_known && all_vms)
		judge_capacity(&round, values);
	if (round.fits && !check_fits_judge(round.fits, context->cluster, findings, error))
		return FALSE;
	if (!judge_common(&round, error))
		return FALSE;
	if (round.notes_left_out)
		say(context, "%u note%s about single VMs left out; 'kvmig check VM' has them",
		    round.notes_left_out, round.notes_left_out == 1 ? " is" : "s are");
	return TRUE;
}
