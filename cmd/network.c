/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig network: the group, and what its members read. */
#include "network.h"

/* The cluster's own object, whoever holds the settings. */
const char *network_namespace(const ConfigOwner *owner)
{
	const cJSON *kubevirt = owner->kubevirt ? owner->kubevirt : owner->object;
	const char *ns = kubevirt ? object_namespace(kubevirt) : NULL;

	return ns ? ns : owner->ns;
}

static gboolean read_attachment(const CommandContext *context, CheckNetwork *network,
				GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = cluster_get(context->cluster, &KIND_NETWORK_ATTACHMENT,
					      network->ns, network->name, &cause);

	if (object)
		check_network_read(network, object);
	else if (error_code(cause) == KVMIG_ERROR_NOT_FOUND ||
		 error_code(cause) == KVMIG_ERROR_UNSUPPORTED) /* no Multus, no such kind */
		network->missing = TRUE;
	else if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		network->unknown = TRUE;
	else {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return TRUE;
}

static gboolean take_handler(const cJSON *pod, gpointer data)
{
	check_network_add_handler(data, pod);
	return TRUE;
}

static gboolean take_node(const cJSON *node, gpointer data)
{
	check_network_add_node(data, node);
	return TRUE;
}

static gboolean gather_handlers(const CheckGather *gather, CheckNetwork *network, GError **error)
{
	g_autoptr(Selector) selector = selector_parse(LABEL_VIRT_HANDLER, NULL);
	const ClusterListOptions options = { .ns = network->ns, .selector = selector };
	const CheckObject object = { "network", network->ns, network->name };
	g_autoptr(GError) cause = NULL;

	if (cluster_each(gather->context->cluster, &KIND_POD, &options, take_handler, network, NULL,
			 &cause))
		/* nodes that have none: only where the others have some */
		return network->nodes->len == 0 ||
		       check_each(gather, &KIND_NODE, NULL, NULL, take_node, network, NULL, error);
	if (error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	check_add(gather->findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
		  "which nodes have the network: %s", cause->message);
	return TRUE;
}

gboolean network_gather(const CommandContext *context, const ConfigOwner *owner,
			CheckNetwork *network, GPtrArray *findings, GError **error)
{
	const gboolean kubevirt = !cluster_caps(context->cluster)->kvmig_migrates;
	const CheckGather gather = { context, findings };
	g_autoptr(cJSON) effective = config_effective_object(owner);
	const char *name = kubevirt ? json_string(settings_map(effective), "network", NULL) : NULL;

	check_network_init(network, name && *name ? name : NULL,
			   kubevirt ? network_namespace(owner) : NULL);
	if (!kubevirt)
		return check_each(&gather, &KIND_HOST, NULL, "hosts", take_node, network, NULL,
				  error);
	return (!network->name || read_attachment(context, network, error)) &&
	       gather_handlers(&gather, network, error);
}

gboolean check_judge_network(const CheckGather *gather, const CheckBasis *basis, GHashTable *only,
			     GError **error)
{
	g_autoptr(GPtrArray) found = check_findings_new();
	g_auto(CheckNetwork) network = { 0 };

	if (!network_gather(gather->context, basis->owner, &network, found, error))
		return FALSE;
	check_network_judge(&network, basis->kubevirt, found);
	while (found->len > 0) {
		CheckFinding *finding = g_ptr_array_steal_index(found, 0);
		gboolean of_node = g_str_equal(finding->kind, "node");

		if (only && of_node && !g_hash_table_contains(only, finding->name))
			check_finding_free(finding);
		else
			g_ptr_array_add(gather->findings, finding);
	}
	return TRUE;
}

static const Command *const subcommands[] = { &network_check_command, &network_create_command,
					      NULL };

const Command network_command = {
	.name = "network",
	.summary = "the network that migrations use",
	.group = COMMAND_GROUP_HOSTS,
	.subcommands = subcommands,
};
