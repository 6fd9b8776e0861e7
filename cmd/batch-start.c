/* SPDX-License-Identifier: Apache-2.0 */
/* Starting the migrations of a batch, and taking those back that came second. */
#include "batch.h"

#include "base/clock.h"
#include "model/wellknown.h"

/* What was read longer ago is read anew before a start. */
#define STALE_US ((gint64)30 * G_USEC_PER_SEC)

/* ---- the VMs as they are now ---------------------------------------------------------------- */

static gboolean fill_in(const cJSON *object, gpointer data)
{
	const Batch *batch = data;
	g_autofree char *key = batch_key(object_namespace(object), object_name(object));
	BatchItem *item = g_hash_table_lookup(batch->by_vm, key);
	Vmi view;

	if (item && item->state == ITEM_WAITING && !item->vmi) {
		item->vmi = cJSON_Duplicate(object, TRUE);
		json_unset(json_get(item->vmi, "metadata"), "managedFields");
		vmi_read(item->vmi, &view);
		item->memory_bytes = view.memory_bytes;
	}
	return TRUE;
}

/* One that has vanished has none then, and is refused when it is its turn. */
gboolean batch_know_vms(Batch *batch, GError **error)
{
	const ClusterListOptions list = { .ns = batch->preflight->ns };

	preflight_forget_targets(batch->preflight); /* which borrow from them */
	for (guint i = batch->next; i < batch->items->len; i++) {
		BatchItem *item = g_ptr_array_index(batch->items, i);

		if (item->state == ITEM_WAITING)
			g_clear_pointer(&item->vmi, cJSON_Delete);
	}
	return cluster_each(batch->context->cluster, &KIND_VMI, &list, fill_in, batch, NULL, error);
}

gboolean batch_judge_ahead(Preflight *preflight, const GPtrArray *items, guint from, GError **error)
{
	const guint most = preflight_targets_at_once(preflight);
	g_autoptr(GPtrArray) vmis = g_ptr_array_new();

	for (guint i = from; i < items->len && vmis->len < most; i++) {
		const BatchItem *item = g_ptr_array_index(items, i);

		if (item->vmi && item->state == ITEM_WAITING)
			g_ptr_array_add(vmis, item->vmi);
	}
	return preflight_find_targets(preflight, vmis, error);
}

/* ---- starting ------------------------------------------------------------------------------- */

static gboolean check_busy(const Batch *batch, const BatchItem *item, GError **error)
{
	g_autofree char *key = batch_key(item->ns, item->vm);
	const cJSON *other = g_hash_table_lookup(batch->busy, key);

	return !other || migrate_refuse_in_flight(other, item->vm, error);
}

/* It was not among the others: whether it is there at all. */
static gboolean know_vm(Batch *batch, BatchItem *item, GError **error)
{
	if (item->vmi)
		return TRUE;
	item->vmi = cluster_get(batch->context->cluster, &KIND_VMI, item->ns, item->vm, error);
	if (!item->vmi && error_code(*error) == KVMIG_ERROR_NOT_FOUND)
		error_prefix(error, "cannot migrate VM '%s'", item->vm);
	return item->vmi != NULL;
}

/* Created by an earlier run, which did not live to hear of it. */
static cJSON *adopt(const Batch *batch, const BatchItem *item, const char *name, GError **error)
{
	cJSON *object = cluster_get(batch->context->cluster, &KIND_VMIM, item->ns, name, error);

	if (object &&
	    g_strcmp0(object_label(object, LABEL_BATCH), batch_record_id(batch->record)) == 0)
		return object;
	if (object)
		error_set(error, KVMIG_ERROR_EXISTS, "there is another migration '%s'", name);
	cJSON_Delete(object);
	return NULL;
}

static cJSON *create(Batch *batch, const BatchItem *item, GError **error)
{
	const char *id = batch_record_id(batch->record);
	g_autofree char *name = batch_migration_name(id, item->vm);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = NULL;
	cJSON *created;
	Vmi vmi;

	vmi_read(item->vmi, &vmi);
	object = migrate_object(batch->preflight, &vmi, name, id);
	created = migrate_create(batch->preflight, &vmi, object, CLUSTER_WRITE_NONE, &cause);
	if (created)
		return created;
	if (error_code(cause) == KVMIG_ERROR_EXISTS)
		return adopt(batch, item, name, error);
	g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

static gboolean is_the_end(const GError *cause)
{
	const KvmigError code = error_code(cause);

	return code == KVMIG_ERROR_UNREACHABLE || code == KVMIG_ERROR_TIMEOUT ||
	       code == KVMIG_ERROR_IO || code == KVMIG_ERROR_UNSUPPORTED;
}

/* Takes the error. A server that is gone ends it all; what a namespace does not permit or has no
 * room for it refuses once. */
static void cannot_start(Batch *batch, BatchItem *item, GError *cause)
{
	if (is_the_end(cause) && error_get_reason(cause) == NULL) {
		batch->error = cause;
		return;
	}
	if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		g_hash_table_replace(batch->barred, g_strdup(item->ns), g_error_copy(cause));
	batch_refuse(batch, item, cause);
}

/* The reservations of other migrations, and what else the judgement rests on, change. */
static gboolean renew_preflight(Batch *batch, GError **error)
{
	if (clock_monotonic_us(clock_real()) - batch->preflight->read_us < STALE_US)
		return TRUE;
	return preflight_gather(batch->preflight, error) && batch_watch(batch, error) &&
	       batch_know_vms(batch, error);
}

static void start_item(Batch *batch, BatchItem *item)
{
	const GError *barred = g_hash_table_lookup(batch->barred, item->ns);
	g_auto(Verdict) verdict = { 0 };
	g_autoptr(GError) cause = NULL;
	cJSON *created = NULL;

	if (barred) {
		batch_refuse(batch, item, g_error_copy(barred));
		return;
	}
	if (renew_preflight(batch, &cause) && item->state == ITEM_WAITING &&
	    check_busy(batch, item, &cause) && know_vm(batch, item, &cause) &&
	    batch_judge_ahead(batch->preflight, batch->items, batch->next, &cause) &&
	    preflight_judge(batch->preflight, item->vmi, &verdict, &cause))
		created = create(batch, item, &cause);
	if (cause)
		cannot_start(batch, item, g_steal_pointer(&cause));
	if (!created)
		return;
	item->object = created;
	item->migration = g_strdup(object_name(created));
	batch_set_state(batch, item, ITEM_STARTED);
}

BatchItem *batch_next_item(Batch *batch)
{
	for (; batch->next < batch->items->len; batch->next++) {
		BatchItem *item = g_ptr_array_index(batch->items, batch->next);

		if (item->state == ITEM_WAITING)
			return item;
	}
	return NULL;
}

void batch_start_some(Batch *batch)
{
	BatchItem *item;

	while (batch->active < batch->limit && !batch->error && !batch->stale &&
	       !interrupt_guard_check(&batch->guard) && (item = batch_next_item(batch))) {
		start_item(batch, item);
		batch_show_draw(batch->show, FALSE);
	}
}

/* Ours that came second. */
void batch_withdraw_some(Batch *batch)
{
	for (guint i = 0; i < batch->items->len; i++) {
		BatchItem *item = g_ptr_array_index(batch->items, i);
		g_autofree char *key = batch_key(item->ns, item->vm);
		const cJSON *rival = g_hash_table_lookup(batch->busy, key);
		GError *cause = NULL;
		Migration ours;

		if (!item->rivalled || item->state != ITEM_STARTED)
			continue;
		item->rivalled = FALSE;
		if (!rival)
			continue;
		migration_read(item->object, &ours);
		(void)migrate_withdraw(batch->context, &ours, rival, &cause);
		batch_refuse(batch, item, cause);
	}
}
