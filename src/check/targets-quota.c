/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotas that have no room for the pod that is to receive a VM. No obstacle: the migration waits,
 * and room may come while it does.
 */
#include "check/targets-private.h"

#include "base/reason.h"
#include "schedule/quota.h"

/* Those of a namespace, read once. */
typedef struct {
	GPtrArray *quotas; /* NULL: they cannot be read */
	GError *error;
} Quotas;

static void quotas_free(gpointer data)
{
	Quotas *quotas = data;

	g_clear_pointer(&quotas->quotas, g_ptr_array_unref);
	g_clear_error(&quotas->error);
	g_free(quotas);
}

static const Quotas *quotas_of(Cluster *cluster, GHashTable *by_ns, const char *ns)
{
	const ClusterListOptions list = { .ns = ns };
	Quotas *quotas = g_hash_table_lookup(by_ns, ns);

	if (quotas)
		return quotas;
	quotas = g_new0(Quotas, 1);
	quotas->quotas = cluster_list(cluster, &KIND_RESOURCE_QUOTA, &list, NULL, &quotas->error);
	g_hash_table_insert(by_ns, g_strdup(ns), quotas);
	return quotas;
}

static void warn(TargetsAnswer *answer, const cJSON *quota, const char *lack)
{
	TargetsNote *note;

	targets_note(answer, TARGETS_ABOUT_QUOTA,
		     "quota '%s' of namespace '%s' has no room now for the pod that is to receive "
		     "the VM (%s): until it has, the migration waits",
		     object_name(quota), answer->vmi.ns, lack);
	note = g_ptr_array_index(answer->notes, answer->notes->len - 1);
	note->reason = REASON_PEND_QUOTA;
	note->quota = g_strdup(object_name(quota));
	note->lack = g_strdup(lack);
}

static void judge(const TargetsCase *one, const GPtrArray *quotas)
{
	g_auto(QuotaPod) pod = { 0 };

	quota_pod_init(&pod, one->demand->resources, one->pod, one->wanted->vmi);
	for (guint i = 0; quotas && i < quotas->len; i++) {
		const cJSON *quota = g_ptr_array_index(quotas, i);
		g_autofree char *lack = quota_lacks(quota, &pod);

		if (lack)
			warn(one->answer, quota, lack);
	}
}

static void judge_read(const TargetsCase *one, const Quotas *quotas)
{
	judge(one, quotas->quotas);
	if (quotas->error)
		targets_note(one->answer, TARGETS_ABOUT_QUOTA,
			     "whether quotas have room for the pod that is to receive the VM is "
			     "not known: %s",
			     quotas->error->message);
}

void targets_read_quotas(Cluster *cluster, GHashTable *known, const GPtrArray *cases)
{
	g_autoptr(GHashTable) by_ns =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, quotas_free);

	for (guint i = 0; i < cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(cases, i);
		const char *ns = one->answer->vmi.ns;

		if (ns && known)
			judge(one, g_hash_table_lookup(known, ns));
		else if (ns)
			judge_read(one, quotas_of(cluster, by_ns, ns));
	}
}
