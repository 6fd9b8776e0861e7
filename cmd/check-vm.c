/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig check VM…: finds the VMs, reads what belongs to them once for all, has them judged. */
#include "check.h"

#include <string.h>

#include "check/targets.h"
#include "observe.h"

/* With more claims than these in a namespace a list is less than a request for each. */
#define CLAIMS_ASKED_FOR 4

/* What belongs to the VMs of one namespace. */
typedef struct {
	GPtrArray *vmis;     /* borrowed */
	CheckClaims *claims; /* NULL: they may not be read */
	CheckTries *tries;
} Place;

typedef struct {
	CheckGather gather;
	CheckBasis basis;
	GPtrArray *vmis;
	GHashTable *places; /* namespace, "" for none -> Place */
	CheckNodes *nodes;  /* those that the VMs are on */
} Round;

static void place_free(gpointer data)
{
	Place *place = data;

	g_ptr_array_unref(place->vmis);
	check_claims_free(place->claims);
	check_tries_free(place->tries);
	g_free(place);
}

static void round_init(Round *round, const CommandContext *context, GPtrArray *findings)
{
	*round = (Round){ .gather = { context, findings },
			  .vmis = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete),
			  .places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							  place_free),
			  .nodes = check_nodes_new() };
}

static void round_clear(Round *round)
{
	check_basis_clear(&round->basis);
	g_clear_pointer(&round->places, g_hash_table_unref);
	g_clear_pointer(&round->vmis, g_ptr_array_unref);
	g_clear_pointer(&round->nodes, check_nodes_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Round, round_clear)

/* ---- the VMs -------------------------------------------------------------------------------- */

static Place *place_of(const Round *round, const cJSON *vmi)
{
	const char *ns = object_namespace(vmi);

	return g_hash_table_lookup(round->places, ns ? ns : "");
}

static gboolean is_known(const Round *round, const cJSON *vmi)
{
	g_autofree char *ref = object_ref(vmi);

	for (guint i = 0; i < round->vmis->len; i++) {
		g_autofree char *other = object_ref(g_ptr_array_index(round->vmis, i));

		if (strcmp(ref, other) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Takes it. One that was named twice is looked at once. */
static void add_vmi(Round *round, cJSON *vmi)
{
	const char *ns = object_namespace(vmi);
	Place *place = place_of(round, vmi);

	if (is_known(round, vmi)) {
		cJSON_Delete(vmi);
		return;
	}
	if (!place) {
		place = g_new0(Place, 1);
		place->vmis = g_ptr_array_new();
		g_hash_table_insert(round->places, g_strdup(ns ? ns : ""), place);
	}
	g_ptr_array_add(place->vmis, vmi);
	g_ptr_array_add(round->vmis, vmi);
}

/* A word that names a node is no VM by mistake. */
static void hint_at_node(const CommandContext *context, const char *word, GError **error)
{
	const Kind *kind = cluster_caps(context->cluster)->node_kind;
	g_autoptr(cJSON) node = cluster_get(context->cluster, kind, NULL, word, NULL);

	if (node)
		error_hint(error, "'%s' is a node: 'kvmig check --node %s'", word, word);
}

static void find_vms(Round *round, Tally *tally)
{
	const CommandContext *context = round->gather.context;

	for (guint i = 0; i < context->n_args; i++) {
		g_autoptr(GError) failure = NULL;
		cJSON *vmi = observe_find_vmi(context, context->args[i], &failure);

		if (vmi)
			add_vmi(round, vmi);
		else if (error_code(failure) == KVMIG_ERROR_NOT_FOUND)
			hint_at_node(context, context->args[i], &failure);
		if (tally_add(tally, NULL, g_steal_pointer(&failure)))
			continue;
		tally_tell_left(context, tally, context->n_args);
		return;
	}
}

/* ---- claims --------------------------------------------------------------------------------- */

static GPtrArray *claim_names(const Place *place)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < place->vmis->len; i++) {
		g_autoptr(GPtrArray) names = check_claim_names(g_ptr_array_index(place->vmis, i));

		while (names->len)
			g_ptr_array_add(all, g_ptr_array_steal_index(names, 0));
	}
	return all;
}

static gboolean take_claim(const cJSON *claim, gpointer data)
{
	check_claims_add(data, claim);
	return TRUE;
}

static gboolean get_claims(Cluster *cluster, const char *ns, const GPtrArray *names,
			   CheckClaims *claims, GError **error)
{
	for (guint i = 0; i < names->len; i++) {
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) claim =
			cluster_get(cluster, &KIND_PVC, ns, g_ptr_array_index(names, i), &cause);

		if (claim)
			check_claims_add(claims, claim);
		if (claim || error_code(cause) == KVMIG_ERROR_NOT_FOUND)
			continue;
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return TRUE;
}

static gboolean read_claims(Cluster *cluster, const char *ns, Place *place, GError **error)
{
	g_autoptr(CheckClaims) claims = check_claims_new();
	g_autoptr(GPtrArray) names = claim_names(place);
	const ClusterListOptions options = { .ns = ns };
	g_autoptr(GError) cause = NULL;

	if (names->len > CLAIMS_ASKED_FOR
		    ? cluster_each(cluster, &KIND_PVC, &options, take_claim, claims, NULL, &cause)
		    : get_claims(cluster, ns, names, claims, &cause))
		place->claims = g_steal_pointer(&claims);
	else if (error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return TRUE;
}

/* ---- migrations and nodes ------------------------------------------------------------------- */

static gboolean take_migration(const cJSON *migration, gpointer data)
{
	check_tries_add(data, migration);
	return TRUE;
}

/* A node that may not be read is no finding of its own: targets say so. */
static gboolean read_node(Round *round, const char *name, GError **error)
{
	Cluster *cluster = round->gather.context->cluster;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) node =
		cluster_get(cluster, cluster_caps(cluster)->node_kind, NULL, name, &cause);

	if (node)
		check_nodes_add(round->nodes, node);
	if (node || error_code(cause) == KVMIG_ERROR_FORBIDDEN ||
	    error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static const char *node_of(const cJSON *vmi)
{
	return json_string(json_get(vmi, "status"), "nodeName", NULL);
}

/* The names of the nodes that the VMs are on; borrowed. */
static GHashTable *node_names(const Round *round)
{
	GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < round->vmis->len; i++) {
		const char *node = node_of(g_ptr_array_index(round->vmis, i));

		if (node && *node)
			g_hash_table_add(names, (gpointer)node);
	}
	return names;
}

static gboolean read_nodes(Round *round, GHashTable *names, GError **error)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, names);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!read_node(round, name, error))
			return FALSE;
	return TRUE;
}

static gboolean read_places(Round *round, GError **error)
{
	Cluster *cluster = round->gather.context->cluster;
	GHashTableIter iter;
	gpointer ns, value;

	g_hash_table_iter_init(&iter, round->places);
	while (g_hash_table_iter_next(&iter, &ns, &value)) {
		Place *place = value;

		place->tries = check_tries_new();
		if ((round->basis.kubevirt && !read_claims(cluster, ns, place, error)) ||
		    !check_each(&round->gather, &KIND_VMIM, ns, "migrations", take_migration,
				place->tries, NULL, error) ||
		    !check_rights(&round->gather, ns, CHECK_BLOCKS, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- judging -------------------------------------------------------------------------------- */

static void judge_one(Round *round, const cJSON *vmi)
{
	const Place *place = place_of(round, vmi);
	CheckVm vm;

	check_vm_init(&vm, vmi, place->claims, round->gather.findings);
	check_basis_apply(&round->basis, &vm);
	vm.qemu_version = check_nodes_qemu(round->nodes, node_of(vmi));
	vm.node_problem = check_nodes_problem(round->nodes, node_of(vmi));
	check_vm(&vm);
	check_tries_judge(place->tries, &vm.object, round->gather.findings);
}

/* What a namespace lacks, or may not be seen, is the same for all VMs there. */
static void report_note(const CheckObject *vm, const TargetsNote *note, GPtrArray *findings)
{
	if (note->reason)
		check_add(findings, vm, CHECK_WARNING, note->reason, NULL, "%s", note->text);
	else
		check_add(findings, vm, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "where it can go: %s", note->text);
	check_mark_common(findings);
}

static void report_targets(const cJSON *vmi, const TargetsAnswer *answer, GPtrArray *findings)
{
	const CheckObject vm = { "vm", object_namespace(vmi), object_name(vmi) };
	g_autofree char *summary = NULL;

	for (guint i = 0; i < answer->notes->len; i++)
		report_note(&vm, g_ptr_array_index(answer->notes, i), findings);
	if (answer->fitting > 0 || answer->no_nodes)
		return;
	summary = schedule_summarize(answer->targets);
	check_add(findings, &vm, CHECK_BLOCKS, REASON_PEND_NO_TARGET,
		  "'kvmig targets VM' shows what each node lacks", "%s", summary);
}

static void report_unseen(const char *why, GPtrArray *findings)
{
	const CheckObject cluster = { "cluster", NULL, NULL };

	check_add(findings, &cluster, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL, "where VMs can go: %s",
		  why);
}

/* Where those that run can go. */
static gboolean judge_targets(const Round *round, GError **error)
{
	g_autofree TargetsWanted *wanted = g_new0(TargetsWanted, round->vmis->len);
	g_autoptr(Hyper) hyper =
		round->basis.kubevirt ? NULL : hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	const TargetsOptions options = { .hyper = hyper,
					 .first_only = round->basis.kubevirt,
					 .quotas = TRUE,
					 .without_nodes = TRUE };
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) answers = NULL;
	const char *unseen;
	guint n = 0;

	for (guint i = 0; i < round->vmis->len; i++) {
		const cJSON *vmi = g_ptr_array_index(round->vmis, i);

		if (strcmp(json_string(json_get(vmi, "status"), "phase", ""), "Running") == 0)
			wanted[n++].vmi = vmi;
	}
	if (n == 0)
		return TRUE;
	answers = targets_find(round->gather.context->cluster, wanted, n, &options, &cause);
	if (!answers && error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	unseen = answers ? ((TargetsAnswer *)g_ptr_array_index(answers, 0))->no_nodes
			 : cause->message;
	if (unseen)
		report_unseen(unseen, round->gather.findings);
	for (guint i = 0; answers && i < n; i++)
		report_targets(wanted[i].vmi, g_ptr_array_index(answers, i),
			       round->gather.findings);
	return TRUE;
}

/* What all VMs have in common; of nodes only what is said of those that they are on. */
static gboolean judge_common(const Round *round, GHashTable *nodes, GError **error)
{
	check_basis_judge(&round->basis, round->gather.findings);
	return !round->basis.kubevirt ||
	       (check_kubevirt_works(&round->gather, error) &&
		check_judge_network(&round->gather, &round->basis, nodes, error));
}

/* Fleet and local: what the hosts themselves know of them. */
static gboolean judge_by_hosts(const Round *round, GError **error)
{
	g_auto(CheckLooking) looking = { 0 };

	if (!check_looking_open(round->gather.context, TRUE, &looking, error))
		return FALSE;
	for (guint i = 0; i < round->vmis->len; i++)
		check_looking_add(&looking, g_ptr_array_index(round->vmis, i));
	check_looking_finish(&looking, round->gather.findings);
	return TRUE;
}

gboolean check_run_vms(const CommandContext *context, GPtrArray *findings, Tally *tally,
		       GError **error)
{
	g_auto(Round) round;
	g_autoptr(GHashTable) nodes = NULL;
	const char *ns = NULL;

	round_init(&round, context, findings);
	if (!observe_cluster(context, error) ||
	    !check_basis_read(&round.gather, &round.basis, error))
		return FALSE;
	find_vms(&round, tally);
	if (round.vmis->len == 0)
		return TRUE;
	if (g_hash_table_size(round.places) == 1)
		ns = object_namespace(g_ptr_array_index(round.vmis, 0));
	nodes = node_names(&round);
	if (!check_policies_read(&round.gather, &round.basis, ns, error) ||
	    !read_places(&round, error) || !read_nodes(&round, nodes, error))
		return FALSE;
	for (guint i = 0; i < round.vmis->len; i++)
		judge_one(&round, g_ptr_array_index(round.vmis, i));
	return judge_targets(&round, error) && judge_by_hosts(&round, error) &&
	       judge_common(&round, nodes, error);
}
