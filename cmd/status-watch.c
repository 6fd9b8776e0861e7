/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig status --watch, of the table. A change is printed as it comes. Where from and where to one
 * goes KubeVirt tells in the VM's object: the VMs are watched too. Why one waits KubeVirt tells
 * nowhere, and it takes some requests to work out: they are made for all that wait together, a
 * moment after a change, so that scheduler and kubelet have had their say, and not more often than
 * follow.c does it for one.
 */
#include "status-watch.h"

#include <string.h>

#include "base/clock.h"
#include "migration-waits.h"

#define SETTLE_US (1 * G_TIME_SPAN_SECOND) /* from a change to the questions */
#define ROUND_US (5 * G_TIME_SPAN_SECOND)  /* between questions, whatever changes */
#define AGAIN_US (30 * G_TIME_SPAN_SECOND) /* ... and where nothing has changed */

/* One that waits. */
typedef struct {
	cJSON *object; /* as last seen */
	cJSON *why;    /* its document when it was last worked out, or NULL */
} Waiter;

typedef struct {
	const CommandContext *context;
	Output output; /* the command's, with the widths of what was printed so far */
	GError *error;
	gboolean done;

	GHashTable *waiters; /* uid -> Waiter; NULL where kvmig migrates, which tells by itself */
	GHashTable *vms;     /* "ns/name" -> migration_part_of_vmi() */
	GHashTable *told_of; /* uid -> what its last row told */
	GHashTable *moving;  /* "ns/name" of the VM -> its migration that is past waiting */
	ClusterWatch *vm_watch;
	gboolean vms_lost; /* it has ended, and is to begin anew */
	guint timer;
	gint64 due_us, asked_us; /* of clock_monotonic_us() */
	gboolean asking, told; /* ... of what cannot be seen */
} TableWatch;

static void waiter_free(gpointer data)
{
	Waiter *waiter = data;

	cJSON_Delete(waiter->object);
	cJSON_Delete(waiter->why);
	g_free(waiter);
}

/* FALSE: its row told the same when it was printed last. */
static gboolean is_news(TableWatch *watch, const cJSON *document)
{
	const char *uid = json_string(document, "uid", "");
	g_autofree char *key = migration_row_key(document);

	if (g_strcmp0(g_hash_table_lookup(watch->told_of, uid), key) == 0)
		return FALSE;
	g_hash_table_insert(watch->told_of, g_strdup(uid), g_steal_pointer(&key));
	return TRUE;
}

/* KubeVirt writes much that rows do not show: of them those that differ are enough. */
static gboolean shows_all(const TableWatch *watch)
{
	return !watch->waiters || watch->output.format == OUTPUT_JSON ||
	       watch->output.format == OUTPUT_YAML;
}

static cJSON *make_document(const TableWatch *watch, const cJSON *object)
{
	g_autofree char *ref = migration_vm_ref(object);

	return migration_document(object, g_hash_table_lookup(watch->vms, ref));
}

/* Takes the document; always: though it is no news. */
static void print_row(TableWatch *watch, cJSON *document, gboolean always)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);

	g_ptr_array_add(rows, document);
	if (!always && !is_news(watch, document))
		return;
	output_rows(&watch->output, &migration_table, rows);
	watch->output.no_headers = TRUE;
	(void)fflush(watch->output.stream);
}

/* ---- why they wait -------------------------------------------------------------------------- */

/* The object as it was asked about is still what was seen last. */
static Waiter *find_same(const TableWatch *watch, const cJSON *object)
{
	Waiter *waiter = g_hash_table_lookup(watch->waiters, object_uid(object));

	return waiter && g_strcmp0(object_resource_version(waiter->object),
				   object_resource_version(object)) == 0
		       ? waiter
		       : NULL;
}

static void take_answer(TableWatch *watch, const cJSON *object, cJSON *document)
{
	Waiter *waiter = find_same(watch, object);
	const cJSON *waiting = json_get(document, "waiting");

	if (!waiter || watch->done) {
		cJSON_Delete(document);
		return;
	}
	if (waiting && !json_equal(waiting, json_get(waiter->why, "waiting")))
		print_row(watch, cJSON_Duplicate(document, TRUE), shows_all(watch));
	cJSON_Delete(waiter->why);
	waiter->why = document;
}

/* While the server is asked other changes can come: what is asked about are copies. */
static GPtrArray *copy_objects(const TableWatch *watch)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	GHashTableIter iter;
	gpointer waiter;

	g_hash_table_iter_init(&iter, watch->waiters);
	while (g_hash_table_iter_next(&iter, NULL, &waiter))
		g_ptr_array_add(objects, cJSON_Duplicate(((Waiter *)waiter)->object, TRUE));
	return objects;
}

static void ask(TableWatch *watch)
{
	g_autoptr(GPtrArray) objects = copy_objects(watch);
	g_autoptr(WaitFacts) facts = wait_facts_new(watch->context, watch->context->ns);

	for (guint i = 0; i < objects->len; i++)
		wait_facts_expect(facts, g_ptr_array_index(objects, i));
	for (guint i = 0; i < objects->len && !watch->done; i++) {
		const cJSON *object = g_ptr_array_index(objects, i);
		cJSON *document = make_document(watch, object);

		wait_facts_explain(facts, object, document);
		take_answer(watch, object, document);
	}
	if (!watch->told)
		wait_facts_tell(facts);
	watch->told |= objects->len > 0;
}

static void schedule(TableWatch *watch, gint64 at_us);
static void watch_vms_anew(TableWatch *watch);

static void on_due(gpointer data)
{
	TableWatch *watch = data;

	watch->timer = 0;
	watch->due_us = 0;
	watch->asking = TRUE;
	if (watch->vms_lost)
		watch_vms_anew(watch);
	ask(watch);
	watch->asking = FALSE;
	watch->asked_us = clock_monotonic_us(clock_real());
	if (g_hash_table_size(watch->waiters) > 0 || watch->vms_lost)
		schedule(watch, watch->asked_us + (watch->due_us ? ROUND_US : AGAIN_US));
}

/* Sooner than it is planned; never in the midst of the questions, after which it is looked at. */
static void schedule(TableWatch *watch, gint64 at_us)
{
	const gint64 now_us = clock_monotonic_us(clock_real());

	if (watch->timer && watch->due_us <= at_us)
		return;
	watch->due_us = at_us;
	if (watch->asking)
		return;
	clock_cancel(clock_real(), &watch->timer);
	watch->timer = clock_after(clock_real(), (guint)(MAX(at_us - now_us, 0) / 1000), on_due,
				   watch);
}

static Waiter *waiter_of(TableWatch *watch, const char *uid)
{
	Waiter *waiter = g_hash_table_lookup(watch->waiters, uid);

	if (!waiter) {
		waiter = g_new0(Waiter, 1);
		g_hash_table_insert(watch->waiters, g_strdup(uid), waiter);
	}
	return waiter;
}

/* What was found out holds while the phase does. */
static void take_note(TableWatch *watch, const cJSON *object, cJSON *document)
{
	const char *uid = object_uid(object);
	Waiter *waiter;

	if (!uid || !migration_waits(object)) {
		g_hash_table_remove(watch->waiters, uid ? uid : "");
		return;
	}
	waiter = waiter_of(watch, uid);
	cJSON_Delete(waiter->object);
	waiter->object = cJSON_Duplicate(object, TRUE);
	if (!migration_take_why(document, waiter->why))
		g_clear_pointer(&waiter->why, cJSON_Delete);
	schedule(watch, MAX(clock_monotonic_us(clock_real()) + SETTLE_US,
			    watch->asked_us + ROUND_US));
}

/* ---- the VMs --------------------------------------------------------------------------------- */

static void take_vm(TableWatch *watch, const cJSON *vmi)
{
	char *ref = object_ref(vmi);
	const cJSON *moving = g_hash_table_lookup(watch->moving, ref);

	g_hash_table_insert(watch->vms, ref, migration_part_of_vmi(vmi));
	if (moving)
		print_row(watch, make_document(watch, moving), FALSE);
}

/* Without it less is shown, and nothing old. */
static void lose_vms(TableWatch *watch)
{
	g_hash_table_remove_all(watch->vms);
	watch->vms_lost = TRUE;
	schedule(watch, clock_monotonic_us(clock_real()) + ROUND_US);
}

static void on_vm(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	TableWatch *watch = data;
	g_autofree char *ref = error ? NULL : object_ref(object);

	if (!ref)
		lose_vms(watch);
	else if (type == CLUSTER_EVENT_DELETED)
		g_hash_table_remove(watch->vms, ref);
	else
		take_vm(watch, object);
}

/* vmis: as of that version; NULL: they cannot be seen, and are not followed. */
static void watch_vms(TableWatch *watch, const GPtrArray *vmis, const char *version)
{
	const ClusterListOptions list = { .ns = watch->context->ns };

	watch->vms_lost = FALSE;
	for (guint i = 0; vmis && i < vmis->len; i++)
		take_vm(watch, g_ptr_array_index(vmis, i));
	cluster_watch_stop(g_steal_pointer(&watch->vm_watch));
	if (vmis)
		watch->vm_watch = cluster_watch(watch->context->cluster, &KIND_VMI, &list, version,
						on_vm, watch, NULL);
}

static void watch_vms_anew(TableWatch *watch)
{
	const ClusterListOptions list = { .ns = watch->context->ns };
	g_autoptr(GError) error = NULL;
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) vmis =
		cluster_list(watch->context->cluster, &KIND_VMI, &list, &version, &error);

	watch_vms(watch, vmis, version);
	if (vmis)
		return;
	g_debug("the VMs are not followed: %s", error->message);
	if (error_code(error) != KVMIG_ERROR_FORBIDDEN) /* it may be well again later */
		lose_vms(watch);
}

/* Those under way: of them news of the VM makes a row. */
static void take_moving(TableWatch *watch, const cJSON *object)
{
	g_autofree char *ref = migration_vm_ref(object);
	const cJSON *known = g_hash_table_lookup(watch->moving, ref);
	Migration migration;

	migration_read(object, &migration);
	if (!migration_phase_is_final(migration.phase) && !migration_waits(object))
		g_hash_table_insert(watch->moving, g_steal_pointer(&ref),
				    cJSON_Duplicate(object, TRUE));
	else if (g_strcmp0(object_uid(known), object_uid(object)) == 0)
		g_hash_table_remove(watch->moving, ref);
}

/* ---- changes -------------------------------------------------------------------------------- */

static void forget(TableWatch *watch, const cJSON *object)
{
	const char *uid = object_uid(object) ? object_uid(object) : "";
	g_autofree char *ref = migration_vm_ref(object);

	g_hash_table_remove(watch->waiters, uid);
	g_hash_table_remove(watch->told_of, uid);
	if (g_strcmp0(object_uid(g_hash_table_lookup(watch->moving, ref)), uid) == 0)
		g_hash_table_remove(watch->moving, ref);
}

static void on_change(ClusterEventType type, const cJSON *object, const GError *error,
		      gpointer data)
{
	TableWatch *watch = data;
	cJSON *document;

	if (type == CLUSTER_EVENT_ERROR) {
		watch->error = g_error_copy(error);
		watch->done = TRUE;
		return;
	}
	if (type == CLUSTER_EVENT_DELETED) {
		if (watch->waiters)
			forget(watch, object);
		return;
	}
	document = make_document(watch, object);
	if (watch->waiters) {
		take_note(watch, object, document);
		take_moving(watch, object);
	}
	print_row(watch, document, shows_all(watch));
}

/* One that the table has shown: what it was told is no news, and what it waits for may change. */
static void take_shown(TableWatch *watch, const cJSON *object, const cJSON *document)
{
	Waiter *waiter;

	(void)is_news(watch, document);
	take_moving(watch, object);
	if (!migration_waits(object))
		return;
	waiter = waiter_of(watch, object_uid(object));
	waiter->object = cJSON_Duplicate(object, TRUE);
	waiter->why = cJSON_Duplicate(document, TRUE);
	watch->told = TRUE;
	schedule(watch, clock_monotonic_us(clock_real()) + AGAIN_US);
}

static void take_table(TableWatch *watch, const StatusSeen *seen, const GPtrArray *rows)
{
	g_autoptr(GHashTable) by_uid = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < rows->len; i++) {
		cJSON *row = g_ptr_array_index(rows, i);

		g_hash_table_insert(by_uid, (gpointer)json_string(row, "uid", ""), row);
	}
	for (guint i = 0; i < seen->objects->len; i++) {
		const cJSON *object = g_ptr_array_index(seen->objects, i);
		const char *uid = object_uid(object);
		const cJSON *row = uid ? g_hash_table_lookup(by_uid, uid) : NULL;

		if (row) /* not one of the many that ended long ago */
			take_shown(watch, object, row);
	}
}

static GHashTable *new_map(GDestroyNotify free_value)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_value);
}

int status_watch(const CommandContext *context, const StatusSeen *seen, const GPtrArray *rows,
		 GError **error)
{
	const ClusterListOptions list = { .ns = context->ns };
	g_autoptr(GHashTable) waiters = new_map(waiter_free);
	g_autoptr(GHashTable) vms = new_map((GDestroyNotify)cJSON_Delete);
	g_autoptr(GHashTable) moving = new_map((GDestroyNotify)cJSON_Delete);
	g_autoptr(GHashTable) told_of = new_map(g_free);
	TableWatch watch = { .context = context, .output = *context->output, .vms = vms,
			     .moving = moving, .told_of = told_of };
	ClusterWatch *handle;
	gboolean interrupted = FALSE;

	if (!cluster_caps(context->cluster)->kvmig_migrates) {
		watch.waiters = waiters;
		take_table(&watch, seen, rows);
		watch_vms(&watch, seen->vmis, seen->vmi_version);
	}
	handle = cluster_watch(context->cluster, &KIND_VMIM, &list, seen->version, on_change,
			       &watch, error);
	watch.output.no_headers = watch.output.no_headers || rows->len > 0;
	if (handle)
		(void)run_until(&watch.done, 0, &interrupted);
	clock_cancel(clock_real(), &watch.timer);
	cluster_watch_stop(watch.vm_watch);
	cluster_watch_stop(handle);
	if (watch.error)
		g_propagate_error(error, watch.error);
	return interrupted ? STATUS_INTERRUPTED : STATUS_FAILED;
}
