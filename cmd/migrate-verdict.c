/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate --dry-run: which node fits, and why each other one does not. */
#include "migrate.h"

#include "model/quantity.h"
#include "resource.h"

static cJSON *target_row(const Target *target)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *list;

	json_set_string(row, "node", target->node);
	json_set_bool(row, "fits", target->fits);
	if (target->fits)
		json_set_int(row, "memoryFreeAfterBytes", target->memory_free_after_bytes);
	list = json_ensure_array(row, "obstacles");
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);
		cJSON *item = cJSON_CreateObject();

		json_set_string(item, "reason", obstacle->reason);
		json_set_string(item, "message", obstacle->message);
		cJSON_AddItemToArray(list, item);
	}
	return row;
}

static char *cell_node(const cJSON *row)
{
	return g_strdup(json_string(row, "node", NULL));
}

static char *cell_fits(const cJSON *row)
{
	return g_strdup(json_bool(row, "fits", FALSE) ? "yes" : "no");
}

static char *cell_free_after(const cJSON *row)
{
	gint64 bytes = json_int(row, "memoryFreeAfterBytes", -1);

	return bytes < 0 ? NULL : quantity_human_bytes(bytes);
}

static char *cell_why(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *obstacle;

	cJSON_ArrayForEach(obstacle, json_get(row, "obstacles")) g_string_append_printf(
		text, "%s%s [%s]", text->len ? "; " : "", json_string(obstacle, "message", ""),
		json_string(obstacle, "reason", ""));
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static const Kind *node_kind;

static char *row_name(const cJSON *row)
{
	return resource_id(node_kind, json_string(row, "node", "?"));
}

static const OutputColumn columns[] = { { "NODE", FALSE, FALSE, cell_node },
					{ "FITS", FALSE, FALSE, cell_fits },
					{ "FREE-AFTER", FALSE, TRUE, cell_free_after },
					{ "WHY-NOT", FALSE, FALSE, cell_why },
					{ NULL, FALSE, FALSE, NULL } };

/* One that never came to be judged, as it does not run, has but the name that it was given. */
static cJSON *make_document(const CommandContext *context, const Verdict *verdict,
			    const GPtrArray *rows, const GError *refusal)
{
	const Vmi *vmi = &verdict->vmi;
	cJSON *document = cJSON_CreateObject();
	cJSON *list;

	json_set_string(document, "namespace", vmi->name ? vmi->ns : context->ns);
	json_set_string(document, "vm", vmi->name ? vmi->name : context->args[0]);
	json_set_bool(document, "migratable", refusal == NULL);
	if (refusal) {
		json_set_string(document, "reason", error_get_reason(refusal));
		json_set_string(document, "message", refusal->message);
	}
	json_set_string(document, "sourceNode", vmi->node_name);
	json_set_string(document, "targetNode", verdict_target(verdict));
	if (vmi->name)
		json_set_int(document, "memoryBytes", vmi->memory_bytes);
	list = json_ensure_array(document, "targets");
	for (guint i = 0; i < rows->len; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(g_ptr_array_index(rows, i), TRUE));
	return document;
}

void verdict_print(const CommandContext *context, const Verdict *verdict, const GError *refusal)
{
	static const OutputSpec spec = { .list_kind = "TargetList",
					 .columns = columns,
					 .name = row_name };
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	OutputFormat format = context->output->format;

	node_kind = cluster_caps(context->cluster)->node_kind;
	for (guint i = 0; verdict->targets && i < verdict->targets->len; i++) {
		const Target *target = g_ptr_array_index(verdict->targets, i);

		/* A list of names says nothing of fitting: only those that do. */
		if (format != OUTPUT_NAME || target->fits)
			g_ptr_array_add(rows, target_row(target));
	}
	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		g_autoptr(cJSON) document = make_document(context, verdict, rows, refusal);

		output_document(context->output, "MigrationVerdict", document);
	} else if (!refusal) { /* which tells it all, and the rest is of 'kvmig targets' */
		output_rows(context->output, &spec, rows);
	}
}
