/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig context: which clusters there are, and which of them a command would use. Reads files, and
 * neither connects nor runs a credential plugin. */
#include "observe.h"

/* ---- documents ------------------------------------------------------------------------------ */

/* The words of "origin" in documents, and what people read. */
static const struct {
	const char *word, *text;
} origins[] = {
	[CLUSTER_CONTEXT_OPTION] = { "option", "--context names it" },
	[CLUSTER_CONTEXT_ENVIRONMENT] = { "environment", "KVMIG_CONTEXT names it" },
	[CLUSTER_CONTEXT_KUBECONFIG] = { "kubeconfig", "current-context of the kubeconfig" },
	[CLUSTER_CONTEXT_SERVER] = { "server", "a server is named, and no context" },
	[CLUSTER_CONTEXT_SERVICE_ACCOUNT] = { "service-account",
					      "the service account of this pod" },
	[CLUSTER_CONTEXT_DEFAULT] = { "default", "nothing is named, and there is no kubeconfig" },
};

static cJSON *document_of(const ClusterContext *context)
{
	cJSON *document = cJSON_CreateObject();

	json_set_string(document, "name", context->name);
	json_set_string(document, "type", context->local ? "local" : "kube");
	json_set_bool(document, "current", context->current);
	json_set_string(document, "cluster", context->cluster);
	json_set_string(document, "server", context->server);
	json_set_string(document, "user", context->user);
	json_set_string(document, "namespace", context->ns);
	if (!context->current)
		return document;
	json_set_string(document, "origin", origins[context->origin].word);
	json_set_string(document, "kubeconfig", context->file);
	json_set_string(document, "problem", context->problem);
	return document;
}

static void warn_unusable(const CommandContext *context, const char *name, const char *problem)
{
	if (problem)
		say_warning(context, "'%s' cannot be used: %s", name, problem);
}

/* ---- list ----------------------------------------------------------------------------------- */

static char *cell_current(const cJSON *row)
{
	return g_strdup(json_bool(row, "current", FALSE) ? "*" : " ");
}

static char *cell_name(const cJSON *row)
{
	return g_strdup(json_string(row, "name", NULL));
}

static char *cell_cluster(const cJSON *row)
{
	return g_strdup(json_string(row, "cluster", NULL));
}

static char *cell_server(const cJSON *row)
{
	return g_strdup(json_string(row, "server", NULL));
}

static char *cell_user(const cJSON *row)
{
	return g_strdup(json_string(row, "user", NULL));
}

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", NULL));
}

static const OutputColumn columns[] = {
	{ "CURRENT", FALSE, FALSE, cell_current },
	{ "NAME", FALSE, FALSE, cell_name },
	{ "CLUSTER", TRUE, FALSE, cell_cluster },
	{ "SERVER", FALSE, FALSE, cell_server },
	{ "USER", FALSE, FALSE, cell_user },
	{ "NAMESPACE", FALSE, FALSE, cell_namespace },
	{ NULL, FALSE, FALSE, NULL },
};

/* Why none is in force. */
static void warn_none(const CommandContext *context)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ClusterContext) current = cluster_current_context(context->choice, &error);

	if (current) {
		warn_unusable(context, current->name, current->problem);
		return;
	}
	say_warning(context, "none is current: %s", error->message);
	if (error_get_hint(error))
		say_hint(context, "%s", error_get_hint(error));
}

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "ContextList",
				  .columns = columns,
				  .name = cell_name };
	g_autoptr(GPtrArray) contexts = cluster_describe_contexts(context->choice, error);
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	(void)values;
	if (!contexts)
		return STATUS_FAILED;
	for (guint i = 0; i < contexts->len; i++)
		g_ptr_array_add(rows, document_of(contexts->pdata[i]));
	output_rows(context->output, &spec, rows);
	if (rows->len)
		warn_none(context);
	else
		say(context,
		    "there is no context: no kubeconfig, and no local cluster has been set "
		    "up");
	return STATUS_DONE;
}

/* ---- current -------------------------------------------------------------------------------- */

static void show(const CommandContext *context, const ClusterContext *current)
{
	const char *text = origins[current->origin].text;
	g_autofree char *why =
		current->file ? g_strdup_printf("%s '%s'", text, current->file) : g_strdup(text);

	show_field(context, "Context", current->name);
	show_field(context, "Why", why);
	if (current->local)
		return;
	show_field(context, "Server", current->server);
	show_field(context, "Cluster", current->cluster);
	show_field(context, "User", current->user);
	show_field(context, "Namespace", current->ns);
}

static int run_current(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(ClusterContext) current = cluster_current_context(context->choice, error);
	const OutputFormat format = context->output->format;
	g_autoptr(cJSON) document = NULL;
	g_autofree char *name = NULL;

	(void)values;
	if (!current)
		return STATUS_FAILED;
	document = document_of(current);
	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		output_document(context->output, "Context", document);
	} else if (format == OUTPUT_NAME) {
		name = output_escape(current->name);
		(void)fprintf(context->output->stream, "%s\n", name);
	} else {
		show(context, current);
	}
	warn_unusable(context, current->name, current->problem);
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const list_examples[] = { "kvmig context list", "kvmig context list -o json",
					     NULL };
static const char *const current_examples[] = { "kvmig context current",
						"kvmig context current -o name", NULL };

static const Command list_command = {
	.name = "list",
	.summary = "list the clusters that --context can name",
	.needs = NAMES_CLUSTER | HAS_OUTPUT,
	.run = run_list,
	.examples = list_examples,
};

static const Command current_command = {
	.name = "current",
	.summary = "tell which cluster commands use, and why",
	.needs = NAMES_CLUSTER | HAS_OUTPUT,
	.run = run_current,
	.examples = current_examples,
};

static const Command *const subcommands[] = { &list_command, &current_command, NULL };

const Command context_command = {
	.name = "context",
	.summary = "which clusters there are, and which one is in force",
	.group = COMMAND_GROUP_CLUSTER,
	.subcommands = subcommands,
};
