/* SPDX-License-Identifier: Apache-2.0 */
#include "targets.h"

#include "model/quantity.h"
#include "resource.h"

/* ---- rows ------------------------------------------------------------------------------------ */

static cJSON *obstacle_row(const TargetObstacle *obstacle)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "reason", obstacle->reason);
	json_set_string(row, "message", obstacle->message);
	json_set_string(row, "subject", obstacle->subject);
	for (char **name = obstacle->missing; name && *name; name++)
		cJSON_AddItemToArray(json_ensure_array(row, "missingFeatures"),
				     cJSON_CreateString(*name));
	if (obstacle->needed >= 0)
		json_set_int(row, "needed", obstacle->needed);
	if (obstacle->available >= 0)
		json_set_int(row, "available", obstacle->available);
	if (obstacle->allocatable >= 0)
		json_set_int(row, "allocatable", obstacle->allocatable);
	if (obstacle->requested >= 0)
		json_set_int(row, "requested", obstacle->requested);
	if (obstacle->needed >= 0 && obstacle->available >= 0)
		json_set_int(row, "missing", obstacle->needed - obstacle->available);
	return row;
}

cJSON *targets_row(const Target *target, guint rank)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *list;

	json_set_string(row, "node", target->node);
	json_set_bool(row, "fits", target->fits);
	if (rank > 0)
		json_set_int(row, "rank", rank);
	if (target->fits)
		json_set_int(row, "memoryFreeAfterBytes", target->memory_free_after_bytes);
	if (target->memory_allocatable_bytes > 0)
		json_set_int(row, "memoryAllocatableBytes", target->memory_allocatable_bytes);
	if (target->memory_requested_bytes >= 0)
		json_set_int(row, "memoryRequestedBytes", target->memory_requested_bytes);
	list = json_ensure_array(row, "rankReasons");
	for (guint i = 0; target->fits && i < target->merits->len; i++)
		cJSON_AddItemToArray(list,
				     cJSON_CreateString(g_ptr_array_index(target->merits, i)));
	list = json_ensure_array(row, "obstacles");
	for (guint i = 0; i < target->obstacles->len; i++)
		cJSON_AddItemToArray(list, obstacle_row(g_ptr_array_index(target->obstacles, i)));
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

static char *cell_rank(const cJSON *row)
{
	gint64 rank = json_int(row, "rank", 0);

	return rank > 0 ? g_strdup_printf("%" G_GINT64_FORMAT, rank) : NULL;
}

static char *bytes_cell(const cJSON *row, const char *key)
{
	gint64 bytes = json_int(row, key, -1);

	return bytes < 0 ? NULL : quantity_human_bytes(bytes);
}

static char *cell_allocatable(const cJSON *row)
{
	return bytes_cell(row, "memoryAllocatableBytes");
}

static char *cell_requested(const cJSON *row)
{
	return bytes_cell(row, "memoryRequestedBytes");
}

static char *cell_free_after(const cJSON *row)
{
	return bytes_cell(row, "memoryFreeAfterBytes");
}

static char *cell_why(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(row, "rankReasons"))
		g_string_append_printf(text, "%s%s", text->len ? "; " : "", item->valuestring);
	cJSON_ArrayForEach(item, json_get(row, "obstacles")) g_string_append_printf(
		text, "%s%s [%s]", text->len ? "; " : "", json_string(item, "message", ""),
		json_string(item, "reason", ""));
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static const OutputColumn columns[] = {
	{ "NODE", FALSE, FALSE, cell_node },
	{ "FITS", FALSE, FALSE, cell_fits },
	{ "RANK", FALSE, TRUE, cell_rank },
	{ "ALLOCATABLE", TRUE, TRUE, cell_allocatable },
	{ "REQUESTED", TRUE, TRUE, cell_requested },
	{ "FREE-AFTER", FALSE, TRUE, cell_free_after },
	{ "WHY", FALSE, FALSE, cell_why },
	{ NULL, FALSE, FALSE, NULL },
};

static const Kind *node_kind;

static char *row_name(const cJSON *row)
{
	return resource_id(node_kind, json_string(row, "node", "?"));
}

/* ---- the document ---------------------------------------------------------------------------- */

static void add_counts(cJSON *document, const GPtrArray *targets)
{
	g_autoptr(GArray) counts = schedule_count_reasons(targets);
	cJSON *list = json_ensure_array(document, "reasonCounts");

	for (guint i = 0; i < counts->len; i++) {
		const ReasonCount *count = &g_array_index(counts, ReasonCount, i);
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "reason", count->reason);
		json_set_int(row, "nodes", count->nodes);
		cJSON_AddItemToArray(list, row);
	}
}

static void add_notes(cJSON *document, const GPtrArray *notes)
{
	cJSON *list = json_ensure_array(document, "notes");

	for (guint i = 0; i < notes->len; i++) {
		const TargetsNote *note = g_ptr_array_index(notes, i);
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "about", note->about);
		json_set_string(row, "reason", note->reason);
		json_set_string(row, "message", note->text);
		cJSON_AddItemToArray(list, row);
	}
}

static cJSON *make_document(const TargetsAnswer *answer, const cJSON *asked)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *list;
	guint rank = 0;

	json_set_string(document, "namespace", answer->vmi.ns);
	json_set_string(document, "vm", answer->vmi.name);
	json_set_string(document, "sourceNode", answer->vmi.node_name);
	if (asked)
		json_set(document, "addedNodeSelector", cJSON_Duplicate(asked, TRUE));
	json_set_int(document, "memoryBytes", answer->memory_bytes);
	json_set_bool(document, "memoryFromPod", answer->from_pod);
	json_set_int(document, "nodeCount", answer->targets->len);
	json_set_int(document, "fittingCount", answer->fitting);
	add_counts(document, answer->targets);
	add_notes(document, answer->notes);
	list = json_ensure_array(document, "targets");
	for (guint i = 0; i < answer->targets->len; i++) {
		const Target *target = g_ptr_array_index(answer->targets, i);

		cJSON_AddItemToArray(list, targets_row(target, target->fits ? ++rank : 0));
	}
	return document;
}

/* ---- both ------------------------------------------------------------------------------------ */

void targets_print(const CommandContext *context, const TargetsAnswer *answer, const cJSON *asked)
{
	static const OutputSpec spec = { .columns = columns, .name = row_name };
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	OutputFormat format = context->output->format;
	guint rank = 0;

	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		g_autoptr(cJSON) document = make_document(answer, asked);

		output_document(context->output, "TargetReport", document);
		return;
	}
	node_kind = cluster_caps(context->cluster)->node_kind;
	for (guint i = 0; i < answer->targets->len; i++) {
		const Target *target = g_ptr_array_index(answer->targets, i);

		/* A list of names says nothing of fitting: only those that do. */
		if (format != OUTPUT_NAME || target->fits)
			g_ptr_array_add(rows, targets_row(target, target->fits ? ++rank : 0));
	}
	output_rows(context->output, &spec, rows);
}

void targets_say_note(const CommandContext *context, const TargetsNote *note)
{
	if (note->reason)
		say_warning(context, "%s [%s]", note->text, note->reason);
	else
		say(context, "%s", note->text);
}
