/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster and the namespace that the options and the kubeconfig choose. */
#include "cmd.h"

#include "model/wellknown.h"

static void show_server_warning(const char *text, gpointer data)
{
	say_warning(data, "%s", text);
}

ClusterOptions choose_cluster(CommandContext *context, const GlobalValues *globals,
			      GPtrArray *groups)
{
	for (guint i = 0; globals->as_groups && i < globals->as_groups->len; i++)
		g_ptr_array_add(groups, globals->as_groups->pdata[i]);
	g_ptr_array_add(groups, NULL);
	return (ClusterOptions){
		.context = globals->context,
		.kubeconfig = globals->kubeconfig,
		.read_only = globals->read_only,
		.create = (context->command->needs & MAY_CREATE_CLUSTER) != 0,
		.cluster = globals->cluster,
		.user = globals->user,
		.server = globals->server,
		.certificate_authority = globals->certificate_authority,
		.tls_server_name = globals->tls_server_name,
		.insecure_skip_tls_verify = globals->insecure_skip_tls_verify,
		.token = globals->token,
		.token_file = globals->token_file,
		.as = globals->as,
		.as_uid = globals->as_uid,
		.as_groups = (const char *const *)groups->pdata,
		.request_timeout_ms = globals->request_timeout_ms,
		.interactive = context->stdin_tty,
		.warn = show_server_warning,
		.warn_data = context,
	};
}

static void refuse_change(const Command *command, GError **error)
{
	const gboolean can_try =
		command->options && option_find(command->options, OPTION_DRY_RUN, NULL);

	error_set(error, KVMIG_ERROR_FORBIDDEN,
		  "'%s' changes the cluster, and --read-only forbids that", command->name);
	error_hint(error, "leave out --read-only%s",
		   can_try ? ", or add --dry-run to see what it would do" : "");
}

Cluster *open_cluster(const CommandContext *context, const GlobalValues *globals, GError **error)
{
	const unsigned needs = context->command->needs;
	Cluster *cluster;

	if (globals->token)
		say_warning(context, "others may have seen the token of --token: --token-file "
				     "keeps it from them");
	/* what a dry run writes is not kept; should it write anything else, the cluster refuses */
	if ((needs & MAY_CHANGE) && globals->read_only && !context->dry_run) {
		refuse_change(context->command, error);
		return NULL;
	}
	cluster = cluster_open(context->choice, error);
	if (cluster && !(needs & ANY_CLUSTER) && !cluster_probe(cluster, error))
		g_clear_pointer(&cluster, cluster_close);
	if (cluster && (needs & MAY_CHANGE))
		say(context, "context %s", cluster_context(cluster));
	return cluster;
}

gboolean choose_namespace(CommandContext *context, const GlobalValues *globals,
			  const Cluster *cluster, GError **error)
{
	const char *of_context = cluster ? cluster_default_namespace(cluster) : NULL;

	if (globals->ns && !name_check_dns_label(globals->ns, "namespace", error))
		return error_usage(error);
	if (globals->all_namespaces)
		return TRUE;
	context->ns = globals->ns ? globals->ns : of_context;
	if (!context->ns)
		context->ns = NAMESPACE_DEFAULT;
	else if (!globals->ns && !name_check_dns_label(of_context, "namespace", error)) {
		error_prefix(error, "context '%s'", cluster_context(cluster));
		return FALSE;
	}
	return TRUE;
}
