/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig migrate of several VMs: at most so many at a time, in order. One list and one watch tell of
 * all migrations, ours and others'; beyond them each VM costs one request, its creation.
 */
#include "batch.h"

#include "base/clock.h"
#include "config/owner.h"
#include "engine/controller.h"
#include "follow.h"
#include "model/wellknown.h"

#define TICK_MS 250
#define DEFAULT_PARALLEL 5 /* KubeVirt's, where it cannot be read */

static void batch_clear(Batch *batch)
{
	cluster_watch_stop(batch->watch);
	clock_cancel(clock_real(), &batch->timer);
	g_clear_pointer(&batch->show, batch_show_free);
	g_clear_pointer(&batch->record, batch_record_free);
	g_clear_pointer(&batch->by_vm, g_hash_table_unref);
	g_clear_pointer(&batch->busy, g_hash_table_unref);
	g_clear_pointer(&batch->barred, g_hash_table_unref);
	g_clear_pointer(&batch->items, g_ptr_array_unref);
	g_clear_error(&batch->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Batch, batch_clear)

/* ---- waiting -------------------------------------------------------------------------------- */

static gboolean has_come_to(const BatchItem *item, MigrationPhase wanted)
{
	Migration migration;

	migration_read(item->object, &migration);
	return wanted != MIGRATION_PHASE_SUCCEEDED && migration.phase >= wanted &&
	       migration.phase < MIGRATION_PHASE_FAILED;
}

/* Without --wait until all are started and the watch has shown each: by then a second one of a VM
 * would have been seen. */
static gboolean is_done(Batch *batch)
{
	if (batch_next_item(batch))
		return FALSE;
	for (guint i = 0; i < batch->items->len; i++) {
		const BatchItem *item = g_ptr_array_index(batch->items, i);

		if (item->state != ITEM_STARTED)
			continue;
		if (!item->acquainted || item->rivalled)
			return FALSE;
		if (batch->values.wait && !has_come_to(item, (MigrationPhase)batch->values.wait))
			return FALSE;
	}
	return TRUE;
}

static void on_tick(gpointer data)
{
	Batch *batch = data;

	batch->timer = clock_after(clock_real(), TICK_MS, on_tick, batch);
	batch_end_some(batch, FALSE);
	batch_show_draw(batch->show, FALSE);
	if (batch->active)
		follow_ensure_controller(batch->context);
}

static gboolean has_timed_out(const Batch *batch)
{
	return batch->end_us && clock_monotonic_us(clock_real()) >= batch->end_us;
}

static gboolean recover(Batch *batch)
{
	return !batch->stale || (preflight_gather(batch->preflight, &batch->error) &&
				 batch_watch(batch, &batch->error));
}

static void run(Batch *batch)
{
	on_tick(batch);
	while (!batch->error && recover(batch)) {
		gint64 left_ms = (batch->end_us - clock_monotonic_us(clock_real())) / 1000;

		batch->wake = FALSE;
		batch_withdraw_some(batch);
		batch_start_some(batch);
		if (batch->error || is_done(batch) || batch->guard.interrupted ||
		    has_timed_out(batch))
			return;
		(void)run_until(&batch->wake, batch->end_us ? MAX(left_ms, 1) : 0, NULL);
	}
}

/* ---- the end -------------------------------------------------------------------------------- */

static void tell_how_to_go_on(const Batch *batch, gboolean done)
{
	const gboolean everywhere = batch->preflight->ns == NULL;
	g_autofree char *left = batch_not_started(batch->items, everywhere);
	const BatchCounts counts = batch_count(batch->items);

	if (left)
		say_warning(batch->context, "not started: %s", left);
	if (!done)
		say_hint(batch->context, "'kvmig migrate --resume %s' goes on%s",
			 batch_record_id(batch->record),
			 counts.waiting > BATCH_NAMED ? ", with --dry-run it names them all" : "");
	else if (counts.started)
		say(batch->context, "'kvmig status%s -w' follows them", everywhere ? " -A" : "");
}

static int status_of(const Batch *batch, const BatchCounts *counts)
{
	const guint done = counts->moved +
			   (batch->values.wait && batch->values.wait == MIGRATION_PHASE_SUCCEEDED
				    ? 0
				    : counts->started);

	if (batch->guard.interrupted)
		return STATUS_INTERRUPTED;
	if (has_timed_out(batch) && (counts->waiting || counts->started))
		return STATUS_TIMEOUT;
	if (done == counts->all)
		return STATUS_DONE;
	return done ? STATUS_PARTIAL : STATUS_FAILED;
}

static int finish(Batch *batch, GError **error)
{
	const CommandContext *context = batch->context;
	const BatchCounts counts = batch_count(batch->items);
	g_autofree char *summary = batch_summary(batch->items);
	const gboolean done = is_done(batch);

	g_clear_pointer(&batch->show, batch_show_free);
	if (counts.started)
		follow_ensure_controller(context);
	say(context, "%s", summary);
	tell_how_to_go_on(batch, done);
	if (context->output->format == OUTPUT_JSON || context->output->format == OUTPUT_YAML)
		batch_print_document(context, batch_record_id(batch->record), batch->items);
	if (done)
		batch_record_finish(batch->record);
	if (batch->error && !counts.moved && !counts.started) {
		g_propagate_error(error, g_steal_pointer(&batch->error));
		return STATUS_FAILED;
	}
	if (batch->error)
		report_error(batch->error);
	return status_of(batch, &counts);
}

/* ---- the beginning -------------------------------------------------------------------------- */

/* As many at a time as the cluster lets run: what is beyond would only wait there, in no order. */
static guint limit_of(const Batch *batch)
{
	Settings settings = batch->preflight->settings;
	g_autoptr(ConfigOwner) owner = NULL;
	g_autoptr(cJSON) effective = NULL;

	if (batch->values.max_parallel)
		return batch->values.max_parallel;
	if (!batch->preflight->kubevirt)
		return (guint)CLAMP(settings.parallel_per_cluster, 1, G_MAXUINT);
	owner = config_owner_find(batch->context->cluster, NULL);
	effective = owner ? config_effective_object(owner) : NULL;
	if (effective && settings_read(effective, &settings, NULL))
		return (guint)CLAMP(settings.parallel_per_cluster, 1, G_MAXUINT);
	say_warning(batch->context, "the cluster's limit cannot be read: %u at a time",
		    DEFAULT_PARALLEL);
	return DEFAULT_PARALLEL;
}

static gboolean ask(const Batch *batch, GError **error)
{
	const CommandContext *context = batch->context;
	g_autofree char *question = NULL;

	if (!batch->values.all && context->ns)
		return TRUE;
	question = g_strdup_printf("migrate %u VM%s in %s%s%s?", batch->items->len,
				   batch->items->len == 1 ? "" : "s",
				   context->ns ? "namespace '" : "all namespaces",
				   context->ns ? context->ns : "", context->ns ? "'" : "");
	return confirm(context, question, error);
}

static void index_items(Batch *batch)
{
	for (guint i = 0; i < batch->items->len; i++) {
		BatchItem *item = g_ptr_array_index(batch->items, i);

		g_hash_table_insert(batch->by_vm, batch_key(item->ns, item->vm), item);
		if (item->state == ITEM_STARTED)
			batch->active++;
	}
}

static gboolean begin_new(Batch *batch, GError **error)
{
	batch->items = batch_select(batch->preflight, error);
	if (!batch->items)
		return FALSE;
	if (batch->items->len == 0)
		return error_set(error, KVMIG_ERROR_NOT_FOUND, "no running VM is meant by that");
	if (batch->values.dry_run)
		return TRUE;
	if (!ask(batch, error))
		return FALSE;
	batch->record = batch_record_new(batch->preflight, batch->items, error);
	return batch->record != NULL;
}

/* Not what this command line has, which cannot be told from its default. */
static void tell_check(const Batch *batch)
{
	if (batch->values.check != CHECK_STRICT)
		say(batch->context, "batch %s was begun with --check=%s, and goes on with it",
		    batch_record_id(batch->record),
		    batch->values.check == CHECK_WARN ? "warn" : "off");
}

static gboolean begin_again(Batch *batch, GError **error)
{
	batch->record = batch_record_open(batch->context, batch->values.resume, error);
	if (!batch->record)
		return FALSE;
	batch_record_restore(batch->record, batch->preflight, &batch->values);
	batch->preflight->values = &batch->values;
	tell_check(batch);
	batch->items = batch_record_items(batch->record);
	return preflight_gather(batch->preflight, error);
}

static void tell_refused(Batch *batch)
{
	for (guint i = 0; i < batch->items->len; i++) {
		const BatchItem *item = g_ptr_array_index(batch->items, i);

		if (item->state == ITEM_REFUSED)
			batch_show_item(batch->show, item);
	}
}

/* Nothing was begun: of a new batch nothing is to be gone on with. */
static int give_up(Batch *batch)
{
	if (!batch->values.resume)
		batch_record_finish(batch->record);
	return STATUS_FAILED;
}

static int carry_out(Batch *batch, GError **error)
{
	batch->limit = limit_of(batch);
	batch->show = batch_show_new(batch->context, batch->items, batch->preflight->ns == NULL);
	if (batch->values.timeout_ms)
		batch->end_us = clock_monotonic_us(clock_real()) + batch->values.timeout_ms * 1000;
	index_items(batch);
	if (batch->values.resume && !batch_know_vms(batch, error))
		return give_up(batch);
	say(batch->context, "batch %s: %u VM%s, %u at a time", batch_record_id(batch->record),
	    batch->items->len, batch->items->len == 1 ? "" : "s", batch->limit);
	tell_refused(batch);
	if (!batch_watch(batch, error))
		return give_up(batch);
	interrupt_guard_begin(&batch->guard);
	run(batch);
	batch_end_some(batch, TRUE);
	interrupt_guard_end(&batch->guard);
	return finish(batch, error);
}

/* Those that this batch has started, ended or not, though it did not live to write that down. */
static void recall_started(Batch *batch)
{
	const GPtrArray *objects = batch->preflight->migration_objects;

	for (guint i = 0; i < objects->len; i++) {
		const cJSON *object = g_ptr_array_index(objects, i);
		g_autofree char *key =
			batch_key(object_namespace(object),
				  json_string(json_get(object, "spec"), "vmiName", NULL));
		BatchItem *item = g_hash_table_lookup(batch->by_vm, key);

		if (item && g_strcmp0(object_label(object, LABEL_BATCH),
				      batch_record_id(batch->record)) == 0)
			item->state = ITEM_STARTED;
	}
}

/* What --resume would start. */
static int rehearse_rest(Batch *batch, GError **error)
{
	index_items(batch);
	recall_started(batch);
	g_hash_table_remove_all(batch->by_vm);
	for (guint i = batch->items->len; i > 0; i--) {
		const BatchItem *item = g_ptr_array_index(batch->items, i - 1);

		if (item->state != ITEM_WAITING)
			g_ptr_array_remove_index(batch->items, i - 1);
	}
	index_items(batch);
	if (!batch_know_vms(batch, error))
		return STATUS_FAILED;
	return batch_rehearse(batch->preflight, batch->items);
}

int migrate_many(Preflight *preflight, GError **error)
{
	g_auto(Batch) batch = {
		.preflight = preflight,
		.context = preflight->context,
		.values = *preflight->values,
		.by_vm = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		.busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					      (GDestroyNotify)cJSON_Delete),
		.barred = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						(GDestroyNotify)g_error_free),
	};

	preflight->many = TRUE;
	if (!(batch.values.resume ? begin_again(&batch, error) : begin_new(&batch, error)))
		return STATUS_FAILED;
	if (batch.values.dry_run && batch.values.resume)
		return rehearse_rest(&batch, error);
	if (batch.values.dry_run)
		return batch_rehearse(preflight, batch.items);
	return carry_out(&batch, error);
}
