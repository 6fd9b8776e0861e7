/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate --dry-run of several VMs: of each whether it can be migrated, and where to. */
#include "batch.h"

static gboolean judge(Preflight *preflight, BatchItem *item, Verdict *verdict, GError **error)
{
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) created = NULL;

	if (!preflight_judge(preflight, item->vmi, verdict, error))
		return FALSE;
	if (preflight->kubevirt && preflight->values->dry_run != MIGRATE_DRY_RUN_SERVER)
		return TRUE;
	object = migrate_object(preflight, &verdict->vmi, NULL, NULL);
	created = migrate_create(preflight, &verdict->vmi, object, CLUSTER_WRITE_DRY_RUN, error);
	return created != NULL;
}

static cJSON *row_of(Preflight *preflight, const GPtrArray *items, guint nth)
{
	BatchItem *item = g_ptr_array_index(items, nth);
	cJSON *row = cJSON_CreateObject();
	g_auto(Verdict) verdict = { 0 };
	gboolean fits;

	if (!item->vmi && !item->error)
		error_set(&item->error, KVMIG_ERROR_NOT_FOUND,
			  "cannot migrate VM '%s': it is not there any more", item->vm);
	fits = !item->error && batch_judge_ahead(preflight, items, nth, &item->error) &&
	       judge(preflight, item, &verdict, &item->error);
	json_set_string(row, "namespace", item->ns);
	json_set_string(row, "vm", item->vm);
	json_set_bool(row, "migratable", fits);
	if (item->vmi)
		json_set_string(row, "sourceNode", verdict.vmi.node_name);
	json_set_int(row, "memoryBytes", item->memory_bytes);
	if (fits) {
		json_set_string(row, "targetNode", verdict_target(&verdict));
		return row;
	}
	json_set_string(row, "reason", error_get_reason(item->error));
	json_set_string(row, "message", item->error->message);
	return row;
}

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", NULL));
}

static char *cell_vm(const cJSON *row)
{
	return g_strdup(json_string(row, "vm", NULL));
}

static char *cell_source(const cJSON *row)
{
	return g_strdup(json_string(row, "sourceNode", NULL));
}

static char *cell_target(const cJSON *row)
{
	return g_strdup(json_string(row, "targetNode", NULL));
}

static char *cell_migratable(const cJSON *row)
{
	return g_strdup(json_bool(row, "migratable", FALSE) ? "yes" : "no");
}

static char *cell_why(const cJSON *row)
{
	const char *reason = json_string(row, "reason", NULL);
	const char *message = json_string(row, "message", NULL);

	if (!message)
		return NULL;
	return reason ? g_strdup_printf("%s [%s]", message, reason) : g_strdup(message);
}

static const OutputColumn columns[] = {
	{ "NAMESPACE", TRUE, FALSE, cell_namespace },
	{ "VM", FALSE, FALSE, cell_vm },
	{ "FROM", FALSE, FALSE, cell_source },
	{ "CAN-MOVE", FALSE, FALSE, cell_migratable },
	{ "TO", FALSE, FALSE, cell_target },
	{ "WHY-NOT", FALSE, FALSE, cell_why },
	{ NULL, FALSE, FALSE, NULL },
};

int batch_rehearse(Preflight *preflight, const GPtrArray *items)
{
	static const OutputSpec spec = { .list_kind = "MigrationVerdictList",
					 .columns = columns,
					 .name = cell_vm };
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	guint fitting = 0;

	for (guint i = 0; i < items->len; i++) {
		cJSON *row = row_of(preflight, items, i);

		fitting += json_bool(row, "migratable", FALSE);
		g_ptr_array_add(rows, row);
	}
	output_rows(preflight->context->output, &spec, rows);
	say(preflight->context, "%u of %u VM%s can be migrated", fitting, items->len,
	    items->len == 1 ? "" : "s");
	if (fitting == items->len)
		return STATUS_DONE;
	return fitting ? STATUS_PARTIAL : STATUS_REFUSED;
}
