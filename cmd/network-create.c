/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig network create: the network and the setting that names it. The definition first: KubeVirt
 * starts virt-handler anew on every node as soon as the setting changes, and those would find none.
 */
#include "network.h"

#include <string.h>

#include "config-common.h"
#include "node.h"
#include "observe.h"

typedef struct {
	ConfigDryRun dry_run;
	const char *interface;
	const char *range;
	int type;
	GPtrArray *addresses;
} CreateValues;

static const char *const types[] = { "macvlan", "bridge", NULL };

/* ---- on KubeVirt ---------------------------------------------------------------------------- */

static gboolean check_kubevirt(const CommandContext *context, const CreateValues *values,
			       GError **error)
{
	if (values->addresses->len > 0) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "--address is for hosts: on KubeVirt the "
			  "range gives each node its address");
		return FALSE;
	}
	if (context->n_args == 1 && values->interface && values->range)
		return name_check_dns_label(context->args[0], "network name", error)
			       ? network_check_range(values->range, error) || error_usage(error)
			       : error_usage(error);
	error_set(error, KVMIG_ERROR_USAGE, "a network needs a name, --interface and --range");
	error_hint(error, "kvmig network create migration --interface eth1 --range 192.0.2.0/24");
	return FALSE;
}

static gboolean write_attachment(const CommandContext *context, const CreateValues *values,
				 const char *ns, GError **error)
{
	const ClusterWriteFlags flags = config_flags(&values->dry_run);
	g_autoptr(cJSON) object = network_attachment_new(ns, context->args[0], types[values->type],
							 values->interface, values->range);
	g_autoptr(cJSON) made = NULL;

	if (values->dry_run.dry_run != DRY_RUN_CLIENT) {
		made = cluster_create(context->cluster, object, flags, error);
		if (!made) {
			error_hint(error,
				   "nothing was changed; 'kvmig config set network=%s' uses "
				   "one that is there already",
				   context->args[0]);
			return FALSE;
		}
	}
	say(context, "NetworkAttachmentDefinition '%s/%s' made%s", ns, context->args[0],
	    values->dry_run.dry_run == DRY_RUN_NO ? "" : " (dry run)");
	return TRUE;
}

static cJSON *make_setting(const ConfigOwner *owner, gpointer data, ConfigRecord *record,
			   GError **error)
{
	cJSON *changes = cJSON_CreateObject();

	(void)owner;
	(void)record;
	(void)error;
	json_set_string(changes, "network", data);
	return changes;
}

/* The definition stays: a second `network create` would be refused for it. */
static void say_what_is_left(const CommandContext *context, GError **error)
{
	g_autofree char *hint = error ? g_strdup(error_get_hint(*error)) : NULL;

	error_prefix(error, "the network is there, but the setting does not name it");
	error_hint(error, "%s%sonce that is mended: 'kvmig config set network=%s'",
		   hint ? hint : "", hint ? "; " : "", context->args[0]);
}

static int create_on_kubevirt(CommandContext *context, const CreateValues *values, GError **error)
{
	const ConfigWrite write = { .make = make_setting,
				    .data = context->args[0],
				    .how = "network create",
				    .flags = config_flags(&values->dry_run) };
	const gboolean dry_run = values->dry_run.dry_run != DRY_RUN_NO;
	g_autoptr(ConfigOwner) owner = NULL;

	if (!check_kubevirt(context, values, error))
		return STATUS_FAILED;
	owner = config_open(context, error);
	/* who may not set it is to leave no network behind */
	if (!owner || !config_may_write(owner, error) ||
	    !write_attachment(context, values, network_namespace(owner), error))
		return STATUS_FAILED;
	if (!config_carry_out(context, owner, &write, error)) {
		if (!dry_run)
			say_what_is_left(context, error);
		return STATUS_FAILED;
	}
	if (!dry_run)
		say_warning(context,
			    "KubeVirt starts virt-handler anew on every node: migrations wait "
			    "meanwhile; 'kvmig network check' shows which nodes have the network");
	return STATUS_DONE;
}

/* ---- on libvirt hosts ----------------------------------------------------------------------- */

/* "NODE=ADDRESS". */
static gboolean split(const char *text, char **ret_node, const char **ret_address, GError **error)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text || !equals[1]) {
		error_set(error, KVMIG_ERROR_USAGE, "'%s' is not NODE=ADDRESS", text);
		return FALSE;
	}
	*ret_node = g_strndup(text, (gsize)(equals - text));
	*ret_address = equals + 1;
	return node_check_address(*ret_address, error);
}

static gboolean set_address(const CommandContext *context, const CreateValues *values,
			    const char *text, gboolean only_look, GError **error)
{
	g_autofree char *node = NULL;
	g_autoptr(cJSON) host = NULL, stored = NULL;
	const char *address;

	if (!split(text, &node, &address, error))
		return FALSE;
	host = observe_host(context->cluster, node, error);
	if (!host || only_look)
		return host != NULL;
	json_set_string(json_ensure_object(host, "spec"), "migrationAddress", address);
	if (values->dry_run.dry_run != DRY_RUN_CLIENT) {
		stored = cluster_update(context->cluster, host, config_flags(&values->dry_run),
					error);
		if (!stored)
			return FALSE;
	}
	say(context, "node '%s': migration address %s%s", node, address,
	    values->dry_run.dry_run == DRY_RUN_NO ? "" : " (dry run)");
	return TRUE;
}

/* All are looked at before the first is changed. */
static int create_on_hosts(CommandContext *context, const CreateValues *values, GError **error)
{
	if (context->n_args || values->interface || values->range || values->addresses->len == 0) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "on libvirt hosts the network is there: say which address each has");
		error_hint(error, "kvmig network create --address n1=192.0.2.1 --address "
				  "n2=192.0.2.2");
		return STATUS_FAILED;
	}
	for (int look = TRUE; look >= FALSE; look--)
		for (guint i = 0; i < values->addresses->len; i++)
			if (!set_address(context, values, g_ptr_array_index(values->addresses, i),
					 look, error))
				return STATUS_FAILED;
	return STATUS_DONE;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int run_create(CommandContext *context, const void *data, GError **error)
{
	return cluster_caps(context->cluster)->kvmig_migrates
		       ? create_on_hosts(context, data, error)
		       : create_on_kubevirt(context, data, error);
}

#define V CreateValues
static const Option options[] = {
	OPT_STRING(0, "interface", V, interface, "NAME", "the nodes' interface for migrations"),
	OPT_STRING(0, "range", V, range, "CIDR", "where the nodes' addresses are taken from"),
	OPT_CHOICE(0, "type", V, type, "TYPE", "how pods are put on the interface", types,
		   .defval = "macvlan"),
	OPT_LIST(0, "address", V, addresses, "NODE=ADDR", "libvirt: the host's address there"),
	OPT_INHERIT(config_dry_run_options, V, dry_run),
	OPT_END,
};
#undef V

static const char *const examples[] = { "kvmig network create --address n1=192.0.2.1 --dry-run",
					NULL };

const Command network_create_command = {
	.name = "create",
	.summary = "give migrations a network of their own",
	.options = options,
	.values_size = sizeof(CreateValues),
	.args = { "NAME", 0, 1, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_create,
	.examples = examples,
};
