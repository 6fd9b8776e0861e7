/* SPDX-License-Identifier: Apache-2.0 */
/* KubeVirt's feature gates, for the subcommands of `kvmig policy` that check what is to be stored.
 */
#include "policy.h"

#include "policy/gated.h"

PolicyPlatform policy_platform(const Cluster *cluster)
{
	return (PolicyPlatform){
		.in_force = policy_rule_in_force(cluster),
		.has_gates = cluster_caps(cluster)->kind == CLUSTER_KUBEVIRT,
		.kubevirt = cluster_kubevirt(cluster),
	};
}

/* Which the admission will refuse, if it is so. */
static void warn_unknown(const CommandContext *context, const cJSON *object, const cJSON *before,
			 const cJSON *kubevirt)
{
	const PolicyGated *field;
	guint at = 0;

	while ((field = policy_gated_next(object, before, &at))) {
		g_autofree char *text = gate_text(kubevirt, field->gates);

		if (gate_state_any(kubevirt, field->gates) == GATE_UNKNOWN)
			say_warning(context, "%s does nothing without %s", field->path, text);
	}
}

gboolean policy_check_here(const CommandContext *context, const cJSON *object, const cJSON *before,
			   GError **error)
{
	const PolicyPlatform platform = policy_platform(context->cluster);

	if (!policy_check(object, error))
		return FALSE;
	if (!platform.has_gates)
		return TRUE;
	if (!policy_check_gates(object, before, platform.kubevirt, error))
		return FALSE;
	warn_unknown(context, object, before, platform.kubevirt);
	return TRUE;
}
