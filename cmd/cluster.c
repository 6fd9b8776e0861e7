/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig cluster. */
#include "cluster-info.h"

#include <string.h>

#include "observe.h"

/* ---- info for people ------------------------------------------------------------------------ */

/* Why it is not known, or NULL. */
static const char *why_unknown(const cJSON *document, const char *what)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "unknown"))
	{
		if (g_str_equal(json_string(row, "what", ""), what))
			return json_string(row, "message", "");
	}
	return NULL;
}

/* The text, or why there is none. */
static void show(const CommandContext *context, const char *label, const char *text,
		 const cJSON *document, const char *what)
{
	const char *why = text ? NULL : why_unknown(document, what);
	g_autofree char *unknown = why ? g_strdup_printf("not known: %s", why) : NULL;

	if (text || unknown)
		show_field(context, label, text ? text : unknown);
}

static void show_kind(const CommandContext *context, const cJSON *document)
{
	const char *kind = json_string(document, "clusterKind", NULL);
	g_autofree char *text = kind ? g_strdup_printf("%s: %s carries out the migrations", kind,
						       json_string(document, "migratedBy", ""))
				     : NULL;

	show(context, "Kind", text, document, "clusterKind");
}

static void show_kubevirt(const CommandContext *context, const cJSON *document)
{
	const char *version = json_string(document, "kubevirtVersion", NULL);
	const char *phase = json_string(document, "kubevirtPhase", NULL);
	g_autofree char *text =
		version || phase
			? g_strdup_printf("%s%s%s%s", version ? version : "no version yet",
					  phase ? " (" : "", phase ? phase : "", phase ? ")" : "")
			: NULL;

	show(context, "KubeVirt", text, document, "kubevirtVersion");
}

static void show_settings(const CommandContext *context, const cJSON *document)
{
	const cJSON *settings = json_get(document, "settings");
	const char *kind = json_string(settings, "kind", NULL);
	const char *why = why_unknown(document, "settings");
	g_autofree char *text = NULL;

	if (!kind) {
		show(context, "Settings", NULL, document, "settings");
		return;
	}
	if (json_string(settings, "name", NULL))
		text = g_strdup_printf("%s '%s' in namespace '%s'", kind,
				       json_string(settings, "name", NULL),
				       json_string(settings, "namespace", ""));
	else if (why)
		text = g_strdup_printf("%s, but where it is is not known: %s", kind, why);
	else
		text = g_strdup_printf("%s: there is none yet, all settings have their defaults",
				       kind);
	show_field(context, "Settings", text);
}

static void show_controller(const CommandContext *context, const cJSON *document)
{
	const cJSON *controller = json_get(document, "controller");
	g_autofree char *pid =
		json_get(controller, "pid") ? json_number_text(json_get(controller, "pid")) : NULL;
	g_autofree char *text = NULL;

	if (json_bool(controller, "running", FALSE))
		text = g_strdup_printf("runs%s%s%s%s", pid ? ", process " : "", pid ? pid : "",
				       json_get(controller, "version") ? ", version " : "",
				       json_string(controller, "version", ""));
	else if (controller)
		text = g_strdup("none runs");
	show(context, "Controller", text, document, "controller");
}

static void show_nodes(const CommandContext *context, const cJSON *document)
{
	const cJSON *nodes = json_get(document, "nodes");
	g_autofree char *text = NULL;
	const cJSON *node;
	int ready = 0, cordoned = 0;

	cJSON_ArrayForEach(node, nodes)
	{
		ready += json_bool(node, "ready", FALSE);
		cordoned += json_bool(node, "cordoned", FALSE);
	}
	if (nodes)
		text = g_strdup_printf("%d: %d ready, %d cordoned", cJSON_GetArraySize(nodes),
				       ready, cordoned);
	show(context, "Nodes", text, document, "nodes");
}

static void show_fields(const CommandContext *context, const cJSON *document)
{
	show_field(context, "Context", json_string(document, "context", NULL));
	show_kind(context, document);
	show(context, "Server", json_string(document, "server", NULL), document, "");
	show(context, "Kubernetes", json_string(document, "kubernetesVersion", NULL), document,
	     "kubernetesVersion");
	show_kubevirt(context, document);
	show(context, "HyperConverged", json_string(document, "hyperconvergedVersion", NULL),
	     document, "");
	show_settings(context, document);
	show(context, "Store", json_string(document, "storeFile", NULL), document, "");
	show_controller(context, document);
	show_nodes(context, document);
	show(context, "User", json_string(document, "user", NULL), document, "user");
	show(context, "Permissions", NULL, document, "permissions");
}

/* ---- permissions ---------------------------------------------------------------------------- */

static char *cell_what(const cJSON *row)
{
	return g_strdup(json_string(row, "what", NULL));
}

static char *answer(const cJSON *row, const char *key)
{
	return json_get(row, key) ? g_strdup(json_bool(row, key, FALSE) ? "yes" : "no") : NULL;
}

static char *cell_here(const cJSON *row)
{
	return answer(row, "allowed");
}

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", NULL));
}

static char *cell_everywhere(const cJSON *row)
{
	return answer(row, "allowedEverywhere");
}

static char *cell_verbs(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *verb;

	cJSON_ArrayForEach(verb, json_get(row, "verbs"))
		g_string_append_printf(text, "%s%s", text->len ? "," : "", verb->valuestring);
	g_string_append_printf(text, " %s", json_string(row, "resource", ""));
	if (*json_string(row, "group", ""))
		g_string_append_printf(text, ".%s", json_string(row, "group", ""));
	return g_strdup(text->str);
}

static const OutputColumn columns[] = {
	{ "MAY", FALSE, FALSE, cell_what },   { "NAMESPACE", FALSE, FALSE, cell_namespace },
	{ "THERE", FALSE, FALSE, cell_here }, { "EVERYWHERE", FALSE, FALSE, cell_everywhere },
	{ "VERBS", TRUE, FALSE, cell_verbs }, { NULL, FALSE, FALSE, NULL },
};

static void show_permissions(const CommandContext *context, const cJSON *document)
{
	const OutputSpec spec = { .columns = columns };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "permissions")) g_ptr_array_add(rows, row);
	if (!rows->len)
		return;
	(void)fputc('\n', context->output->stream);
	output_rows(context->output, &spec, rows);
}

/* ---- the command ---------------------------------------------------------------------------- */

static void hint_at_unknown(const CommandContext *context, const cJSON *document)
{
	g_autoptr(GHashTable) said = g_hash_table_new(g_str_hash, g_str_equal);
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "unknown"))
	{
		const char *hint = json_string(row, "hint", NULL);

		if (hint && g_hash_table_add(said, (gpointer)hint))
			say_hint(context, "%s", hint);
	}
}

static int run_info(CommandContext *context, const void *values, GError **error)
{
	const OutputFormat format = context->output->format;
	gboolean told = FALSE;
	g_autoptr(cJSON) document = cluster_info_document(context, &told, error);

	(void)values;
	if (!document)
		return STATUS_FAILED;
	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		output_document(context->output, "ClusterInfo", document);
	} else if (format == OUTPUT_NAME) {
		(void)fprintf(context->output->stream, "%s\n", cluster_context(context->cluster));
	} else {
		show_fields(context, document);
		show_permissions(context, document);
		hint_at_unknown(context, document);
	}
	return told ? STATUS_DONE : STATUS_FAILED;
}

static const char *const info_examples[] = { "kvmig cluster info", "kvmig cluster info -o json",
					     NULL };

static const Command info_command = {
	.name = "info",
	.summary = "which cluster this is, and what you may do there",
	.needs = NEED_CLUSTER | ANY_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_info,
	.examples = info_examples,
};

static const Command *const subcommands[] = { &info_command, NULL };

const Command cluster_command = {
	.name = "cluster",
	.summary = "which cluster this is, and what you may do there",
	.group = COMMAND_GROUP_CLUSTER,
	.subcommands = subcommands,
};
