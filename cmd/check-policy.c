/* SPDX-License-Identifier: Apache-2.0 */
/* Post-copy as a VM will meet it: the cluster's settings, and over them those of the policy that
 * applies to the VM. Policies and projects are read once, and only where a policy speaks of it. */
#include "check.h"

#include "check/settings.h"

static const char *const keys[] = { "allowPostCopy", "allowWorkloadDisruption" };

static gboolean any_speaks(const PolicySet *set)
{
	for (guint i = 0; i < policy_set_size(set); i++)
		for (gsize j = 0; j < G_N_ELEMENTS(keys); j++)
			if (policy_value(policy_set_nth(set, i), keys[j], NULL))
				return TRUE;
	return FALSE;
}

/* Takes why they could not be read: old releases have no policies. */
static gboolean no_policies(const CheckGather *gather, GError *why, GError **error)
{
	const CheckObject object = { "settings", NULL, NULL };
	g_autoptr(GError) cause = why;
	const KvmigError code = error_code(cause);

	if (code == KVMIG_ERROR_FORBIDDEN)
		check_add(gather->findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "policies, which may give a VM other settings: %s", cause->message);
	if (code == KVMIG_ERROR_FORBIDDEN || code == KVMIG_ERROR_NOT_FOUND ||
	    code == KVMIG_ERROR_UNSUPPORTED)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean check_policies_read(const CheckGather *gather, CheckBasis *basis, const char *ns,
			     GError **error)
{
	Cluster *cluster = gather->context->cluster;
	g_autoptr(GError) cause = NULL;

	if (!policies_read(cluster, &basis->policies, &cause))
		return no_policies(gather, g_steal_pointer(&cause), error);
	basis->rule = policy_rule_in_force(cluster);
	if (!any_speaks(basis->policies.set))
		return TRUE;
	if (!projects_read(&basis->projects, cluster, basis->policies.set, ns, error))
		return FALSE;
	basis->told = g_hash_table_new(NULL, NULL);
	return TRUE;
}

static gboolean value_of(const Policy *policy, const char *key, gboolean of_cluster)
{
	const cJSON *value = policy_value(policy, key, NULL);

	return value ? cJSON_IsTrue(value) : of_cluster;
}

/* Once for each policy: it may apply to thousands of VMs. */
static void tell_policy(CheckBasis *basis, const Policy *policy, gboolean post_copy,
			gboolean disruption, GPtrArray *findings)
{
	if (basis->kubevirt && g_hash_table_add(basis->told, (gpointer)policy) &&
	    (policy_value(policy, keys[0], NULL) || policy_value(policy, keys[1], NULL)))
		check_policy(policy->name, post_copy, disruption, findings);
}

static void tell_doubt(CheckBasis *basis, ProjectsDoubt doubt, GPtrArray *findings)
{
	const CheckObject object = { "settings", NULL, NULL };

	if (doubt != PROJECTS_LABELS_UNKNOWN || basis->doubt_told)
		return;
	basis->doubt_told = TRUE;
	check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
		  "which policies apply: the labels of projects may not be read, and a policy asks "
		  "for them");
}

void check_policies_apply(CheckBasis *basis, CheckVm *vm)
{
	g_autoptr(cJSON) copy = NULL;
	const cJSON *labels;
	const Policy *policy;
	ProjectsDoubt doubt;
	gboolean post_copy, disruption;

	vm->post_copy = basis->post_copy && basis->disruption;
	if (!basis->told)
		return;
	labels = policy_labels_ahead(basis->policies.set, object_labels(vm->vmi), &copy);
	policy = projects_winner(&basis->projects, basis->rule, vm->object.ns ? vm->object.ns : "",
				 labels, &doubt);
	tell_doubt(basis, doubt, vm->findings);
	if (!policy)
		return;
	post_copy = value_of(policy, keys[0], basis->post_copy);
	disruption = value_of(policy, keys[1], basis->disruption);
	vm->post_copy = post_copy && disruption;
	vm->policy = policy_value(policy, keys[0], NULL) ? policy->name : NULL;
	tell_policy(basis, policy, post_copy, disruption, vm->findings);
}

void check_policies_clear(CheckBasis *basis)
{
	if (basis->told)
		projects_clear(&basis->projects);
	g_clear_pointer(&basis->told, g_hash_table_unref);
	policies_clear(&basis->policies);
}
