/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a batch's migrations, and of others of the same VMs: one watch tells of all. */
#include "batch.h"

#include <string.h>

#include "base/clock.h"
#include "model/wellknown.h"

/* So long KubeVirt gets to say where to, or why not; it takes some 50 ms, and longer where it has
 * hundreds to see to. */
#define TOLD_US ((gint64)5 * G_USEC_PER_SEC)

char *batch_key(const char *ns, const char *vm)
{
	return g_strdup_printf("%s/%s", ns ? ns : "", vm ? vm : "");
}

/* ---- states --------------------------------------------------------------------------------- */

void batch_set_state(Batch *batch, BatchItem *item, ItemState state)
{
	batch->active -= item->state == ITEM_STARTED;
	item->state = state;
	batch->active += item->state == ITEM_STARTED;
	batch_record_note(batch->record, item);
	batch_show_item(batch->show, item);
	batch->wake = TRUE;
}

/* Takes the error. */
void batch_refuse(Batch *batch, BatchItem *item, GError *cause)
{
	item->error = cause;
	batch_set_state(batch, item, ITEM_REFUSED);
}

/* ---- what the watch tells ------------------------------------------------------------------- */

static void end_item(Batch *batch, BatchItem *item, gboolean succeeded)
{
	g_autoptr(cJSON) document = NULL;

	batch_set_state(batch, item, succeeded ? ITEM_MOVED : ITEM_FAILED);
	document = batch_item_document(item);
	migration_remember(batch->context, document);
}

/* Whoever waits for a phase wants to hear of it. */
static gboolean comes_to(const Batch *batch, MigrationPhase before, MigrationPhase now)
{
	const MigrationPhase wanted = (MigrationPhase)batch->values.wait;

	return wanted != MIGRATION_PHASE_UNSET && before < wanted && now >= wanted;
}

static MigrationPhase phase_of(const BatchItem *item)
{
	Migration migration;

	if (!item->object)
		return MIGRATION_PHASE_UNSET;
	migration_read(item->object, &migration);
	return migration.phase;
}

/* KubeVirt ends a migration first, and writes into it what became of it with its next change: until
 * then nothing tells from where to where, or why not. Of one that failed before it was handed over
 * it never does. */
static gboolean is_told(const Batch *batch, const cJSON *object)
{
	const cJSON *status = json_get(object, "status");
	const cJSON *entry;

	if (!batch->preflight->kubevirt ||
	    json_string(json_get(status, "migrationState"), "migrationUid", NULL))
		return TRUE;
	cJSON_ArrayForEach(entry, json_get(status, "phaseTransitionTimestamps"))
	{
		if (migration_phase_from_string(json_string(entry, "phase", NULL)) ==
		    MIGRATION_PHASE_PREPARING_TARGET)
			return FALSE;
	}
	return TRUE;
}

static void end_if_told(Batch *batch, BatchItem *item, gboolean whatever)
{
	const MigrationPhase phase = phase_of(item);
	const gint64 now_us = clock_monotonic_us(clock_real());

	if (item->state != ITEM_STARTED || !migration_phase_is_final(phase))
		return;
	if (!item->ended_us)
		item->ended_us = now_us;
	if (whatever || is_told(batch, item->object) || now_us - item->ended_us >= TOLD_US)
		end_item(batch, item, phase == MIGRATION_PHASE_SUCCEEDED);
}

void batch_end_some(Batch *batch, gboolean whatever)
{
	for (guint i = 0; i < batch->items->len; i++)
		end_if_told(batch, g_ptr_array_index(batch->items, i), whatever);
}

static void take_own(Batch *batch, BatchItem *item, const cJSON *object, gboolean deleted)
{
	const MigrationPhase before = phase_of(item);
	Migration migration;

	if (item_state_has_ended(item->state))
		return;
	cJSON_Delete(item->object);
	item->object = cJSON_Duplicate(object, TRUE);
	if (!item->acquainted || comes_to(batch, before, phase_of(item)))
		batch->wake = TRUE;
	item->acquainted = TRUE;
	migration_read(item->object, &migration);
	if (item->state == ITEM_WAITING) { /* of an earlier run of this batch */
		item->migration = g_strdup(migration.name);
		batch_set_state(batch, item, ITEM_STARTED);
	}
	if (migration_phase_is_final(migration.phase))
		end_if_told(batch, item, deleted);
	else if (deleted)
		batch_set_state(batch, item, ITEM_GONE);
	batch_show_draw(batch->show, FALSE);
}

/* Somebody else's migration of a VM of ours. The watch shows them in the order in which they came,
 * the same to everybody: what it shows before ours was there before ours, and stays. */
static void take_other(Batch *batch, const char *key, BatchItem *item, const cJSON *object,
		       gboolean deleted)
{
	const cJSON *first = g_hash_table_lookup(batch->busy, key);
	Migration other;

	migration_read(object, &other);
	if (deleted || migration_phase_is_final(other.phase)) {
		if (first && g_strcmp0(object_uid(first), other.uid) == 0)
			g_hash_table_remove(batch->busy, key);
		return;
	}
	if (!first || g_strcmp0(object_uid(first), other.uid) == 0)
		g_hash_table_replace(batch->busy, g_strdup(key), cJSON_Duplicate(object, TRUE));
	if (item->state == ITEM_STARTED && !item->acquainted && !other.abort_requested)
		item->rivalled = TRUE;
}

static gboolean is_own(const Batch *batch, const cJSON *object)
{
	return g_strcmp0(object_label(object, LABEL_BATCH), batch_record_id(batch->record)) == 0;
}

static void take(Batch *batch, const cJSON *object, gboolean deleted)
{
	const char *vm = json_string(json_get(object, "spec"), "vmiName", NULL);
	g_autofree char *key = batch_key(object_namespace(object), vm);
	BatchItem *item = g_hash_table_lookup(batch->by_vm, key);

	if (!item)
		return;
	if (is_own(batch, object))
		take_own(batch, item, object, deleted);
	else
		take_other(batch, key, item, object, deleted);
}

static void take_listed(Batch *batch, const GPtrArray *objects, gboolean own)
{
	for (guint i = 0; i < objects->len; i++)
		if (is_own(batch, g_ptr_array_index(objects, i)) == own)
			take(batch, g_ptr_array_index(objects, i), FALSE);
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Batch *batch = data;

	if (type == CLUSTER_EVENT_ERROR) {
		batch->stale = error_code(error) == KVMIG_ERROR_EXPIRED;
		if (!batch->stale && !batch->error)
			batch->error = g_error_copy(error);
		batch->wake = TRUE;
		return;
	}
	take(batch, object, type == CLUSTER_EVENT_DELETED);
}

/* From the list that the preflight has read; what of ours is not in it has gone. */
gboolean batch_watch(Batch *batch, GError **error)
{
	const ClusterListOptions list = { .ns = batch->preflight->ns };
	const GPtrArray *objects = batch->preflight->migration_objects;

	cluster_watch_stop(g_steal_pointer(&batch->watch));
	batch->stale = FALSE;
	g_hash_table_remove_all(batch->busy);
	for (guint i = 0; i < batch->items->len; i++)
		((BatchItem *)g_ptr_array_index(batch->items, i))->acquainted = FALSE;
	/* in no order of time: ours first, so that no other seems to have come before them */
	take_listed(batch, objects, TRUE);
	take_listed(batch, objects, FALSE);
	for (guint i = 0; i < batch->items->len; i++) {
		BatchItem *item = g_ptr_array_index(batch->items, i);

		if (item->state == ITEM_STARTED && !item->acquainted)
			batch_set_state(batch, item, ITEM_GONE);
	}
	batch->watch = cluster_watch(batch->context->cluster, &KIND_VMIM, &list,
				     batch->preflight->version, on_event, batch, error);
	return batch->watch != NULL;
}
