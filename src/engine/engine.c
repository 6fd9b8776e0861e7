/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine watches, and what it does on hearing of it. */
#include <string.h>

#include "engine/engine-private.h"
#include "model/wellknown.h"

#define REWATCH_MS 1000

enum { WATCH_MIGRATIONS, WATCH_VMIS, WATCH_HOSTS, WATCH_SETTINGS };

static void on_rewatch(gpointer data);

/* Of Job: a copy, for loops in which jobs may end. */
static GPtrArray *list_jobs(GHashTable *table)
{
	GPtrArray *jobs = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(jobs, value);
	return jobs;
}

/* ---- hosts and settings --------------------------------------------------------------------- */

static void host_entry_free(gpointer data)
{
	HostEntry *entry = data;

	cJSON_Delete(entry->object);
	g_free(entry);
}

static void list_host_views(Engine *engine)
{
	GHashTableIter iter;
	gpointer value;

	g_ptr_array_set_size(engine->host_views, 0);
	g_hash_table_iter_init(&iter, engine->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		g_ptr_array_add(engine->host_views, &((HostEntry *)value)->host);
}

static void take_host(Engine *engine, const cJSON *object)
{
	HostEntry *entry = g_new0(HostEntry, 1);

	entry->object = cJSON_Duplicate(object, TRUE);
	host_read(entry->object, &entry->host);
	g_hash_table_replace(engine->hosts, g_strdup(object_name(object)), entry);
	list_host_views(engine);
}

static void take_settings(Engine *engine, const cJSON *object)
{
	g_autoptr(GError) error = NULL;
	Settings settings;

	if (!settings_read(object, &settings, &error)) {
		g_warning("the settings stay as they were: %s", error->message);
		return;
	}
	engine->settings = settings;
	cJSON_Delete(engine->settings_object);
	engine->settings_object = object ? cJSON_Duplicate(object, TRUE) : NULL;
}

/* ---- migrations ----------------------------------------------------------------------------- */

static void fetch_vmi(Job *job)
{
	if (job->view.vmi_name)
		job_take_vmi(job, cluster_get(job->engine->cluster, &KIND_VMI, job->view.ns,
					      job->view.vmi_name, NULL));
}

/* KubeVirt's rule: a VM has one unfinished migration, and a second one fails. */
static void fail_second(Job *job, const Job *first)
{
	g_autofree char *message =
		g_strdup_printf("migration '%s' of this VM is not finished", first->view.name);

	end_failed(job, REASON_BLK_IN_FLIGHT, message, NULL);
	job_wake_in(job, 0);
}

static void adopt(Engine *engine, const cJSON *object)
{
	Job *job = job_new(engine, object);
	Job *first = g_hash_table_lookup(engine->by_vmi, job->vmi_key);

	fetch_vmi(job);
	journal_claim(job);
	if (first) {
		fail_second(job, first);
		return;
	}
	g_hash_table_insert(engine->by_vmi, job->vmi_key, job);
	recover_job(job);
	if (job->view.abort_requested)
		follow_cancel(job, "user");
	if (job->state != STATE_QUEUED || job->cancel_by)
		job_wake_in(job, 0);
}

static void watch_again(Engine *engine, int which)
{
	cluster_watch_stop(engine->watches[which]);
	engine->watches[which] = NULL;
	if (!engine->rewatch_timer)
		engine->rewatch_timer = clock_after(engine->clock, REWATCH_MS, on_rewatch, engine);
}

/* An event may be older than the store: what was written just before the end is heard of when the
 * job is gone. Taken up by that, a migration that has ended would never end again. */
static void adopt_fresh(Engine *engine, const cJSON *object)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) fresh = cluster_get(engine->cluster, &KIND_VMIM, object_namespace(object),
					     object_name(object), &error);
	Migration view;

	if (!fresh) {
		if (error_code(error) == KVMIG_ERROR_NOT_FOUND)
			return;
		g_info("migrations are listed anew: %s", error->message);
		watch_again(engine, WATCH_MIGRATIONS);
		return;
	}
	migration_read(fresh, &view);
	if (g_strcmp0(view.uid, object_uid(object)) == 0 && !migration_phase_is_final(view.phase))
		adopt(engine, fresh);
}

static void on_deleted(Job *job)
{
	/* with a step in the journal autostart may be off */
	if (!job->view.step && (job->state == STATE_QUEUED || job->state == STATE_PROBING)) {
		job_free(job); /* nothing has been begun, and nobody is left to be told */
		return;
	}
	job->orphan = TRUE;
	follow_cancel(job, "user");
	job_run(job);
}

/* take_up: gets a job for one that has none and has not ended. */
static void hear_of(Engine *engine, ClusterEventType type, const cJSON *object,
		    void (*take_up)(Engine *engine, const cJSON *object))
{
	const char *uid = object_uid(object);
	Job *job = uid ? g_hash_table_lookup(engine->jobs, uid) : NULL;
	Migration view;

	migration_read(object, &view);
	if (type == CLUSTER_EVENT_DELETED)
		finished_forget(engine, &view);
	else if (migration_phase_is_final(view.phase))
		finished_note(engine, &view);
	if (type == CLUSTER_EVENT_DELETED) {
		if (job)
			on_deleted(job);
	} else if (!job && uid && !migration_phase_is_final(view.phase)) {
		take_up(engine, object);
	} else if (job && view.abort_requested && !job->cancel_by) {
		follow_cancel(job, "user");
		job_run(job);
	} else {
		return; /* our own write, most often */
	}
	queue_schedule_round(engine);
}

static void on_migration(Engine *engine, ClusterEventType type, const cJSON *object)
{
	hear_of(engine, type, object, adopt_fresh);
}

static void on_vmi(Engine *engine, ClusterEventType type, const cJSON *object)
{
	const char *ns = object_namespace(object);
	g_autofree char *key = g_strdup_printf("%s/%s", ns ? ns : "", object_name(object));
	Job *job = g_hash_table_lookup(engine->by_vmi, key);

	if (!job)
		return;
	job_take_vmi(job, type == CLUSTER_EVENT_DELETED ? NULL : cJSON_Duplicate(object, TRUE));
	if (job->state == STATE_QUEUED)
		queue_schedule_round(engine);
}

static void on_host(Engine *engine, ClusterEventType type, const cJSON *object)
{
	if (type == CLUSTER_EVENT_DELETED) {
		g_hash_table_remove(engine->hosts, object_name(object));
		list_host_views(engine);
	} else {
		take_host(engine, object);
	}
	if (!engine_is_idle(engine))
		queue_schedule_round(engine);
}

static void on_settings(Engine *engine, ClusterEventType type, const cJSON *object)
{
	if (g_strcmp0(object_name(object), HYPERCONVERGED_NAME) != 0)
		return;
	take_settings(engine, type == CLUSTER_EVENT_DELETED ? NULL : object);
	queue_schedule_round(engine);
}

/* ---- watching ------------------------------------------------------------------------------- */

static gint by_age(gconstpointer a, gconstpointer b)
{
	Migration left, right;

	migration_read(*(cJSON *const *)a, &left);
	migration_read(*(cJSON *const *)b, &right);
	return migration_compare_age(&left, &right);
}

/* What was begun comes first: the unfinished migration of a VM that is under way is the one that
 * counts, whichever is older. */
static void take_migrations(Engine *engine, GPtrArray *objects)
{
	g_ptr_array_sort(objects, by_age);
	for (int begun = 1; begun >= 0; begun--) {
		for (guint i = 0; i < objects->len; i++) {
			const cJSON *object = g_ptr_array_index(objects, i);
			Migration view;

			migration_read(object, &view);
			if (view.uid && (view.step != NULL) == begun)
				hear_of(engine, CLUSTER_EVENT_ADDED, object, adopt);
		}
	}
}

static void drop_vanished(GHashTable *table, const GPtrArray *objects)
{
	g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer key;

	for (guint i = 0; i < objects->len; i++)
		g_hash_table_add(names, (gpointer)object_name(g_ptr_array_index(objects, i)));
	g_hash_table_iter_init(&iter, table);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		if (!g_hash_table_contains(names, key))
			g_hash_table_iter_remove(&iter);
}

static void take_hosts(Engine *engine, GPtrArray *objects)
{
	drop_vanished(engine->hosts, objects);
	list_host_views(engine);
	for (guint i = 0; i < objects->len; i++)
		take_host(engine, g_ptr_array_index(objects, i));
}

static void take_vmis(Engine *engine, GPtrArray *objects)
{
	for (guint i = 0; i < objects->len; i++)
		on_vmi(engine, CLUSTER_EVENT_MODIFIED, g_ptr_array_index(objects, i));
}

static void take_settings_list(Engine *engine, GPtrArray *objects)
{
	const cJSON *found = NULL;

	for (guint i = 0; i < objects->len; i++)
		if (g_strcmp0(object_name(g_ptr_array_index(objects, i)), HYPERCONVERGED_NAME) == 0)
			found = g_ptr_array_index(objects, i);
	take_settings(engine, found);
}

/* In the order in which they are read: a migration needs the rest. VMIs are not kept, only those
 * of migrations in hand; these are fetched one by one, and the watch keeps them fresh. */
static const struct {
	const Kind *kind;
	int watch;
	void (*take)(Engine *engine, GPtrArray *objects);
	void (*event)(Engine *engine, ClusterEventType type, const cJSON *object);
} watched[] = {
	{ &KIND_HYPERCONVERGED, WATCH_SETTINGS, take_settings_list, on_settings },
	{ &KIND_HOST, WATCH_HOSTS, take_hosts, on_host },
	{ &KIND_VMI, WATCH_VMIS, take_vmis, on_vmi },
	{ &KIND_VMIM, WATCH_MIGRATIONS, take_migrations, on_migration },
};

static void on_event(Engine *engine, int which, ClusterEventType type, const cJSON *object,
		     const GError *error)
{
	if (engine->halted)
		return;
	if (type != CLUSTER_EVENT_ERROR) {
		watched[which].event(engine, type, object);
		return;
	}
	g_info("watching %s starts anew: %s", watched[which].kind->plural, error->message);
	watch_again(engine, watched[which].watch);
}

#define WATCH_FUNC(which)                                                                          \
	static void on_event_##which(ClusterEventType type, const cJSON *object,                   \
				     const GError *error, gpointer data)                           \
	{                                                                                          \
		on_event(data, which, type, object, error);                                        \
	}
WATCH_FUNC(0)
WATCH_FUNC(1)
WATCH_FUNC(2)
WATCH_FUNC(3)
#undef WATCH_FUNC

static gboolean watch(Engine *engine, guint which, GError **error)
{
	static const ClusterWatchFunc funcs[] = { on_event_0, on_event_1, on_event_2, on_event_3 };
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) objects = NULL;
	ClusterWatch **slot = &engine->watches[watched[which].watch];

	if (*slot)
		return TRUE;
	objects = cluster_list(engine->cluster, watched[which].kind, NULL, &version, error);
	if (!objects)
		return FALSE;
	watched[which].take(engine, objects);
	*slot = cluster_watch(engine->cluster, watched[which].kind, NULL, version, funcs[which],
			      engine, error);
	return *slot != NULL;
}

static gboolean watch_all(Engine *engine, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(watched); i++)
		if (!watch(engine, i, error))
			return FALSE;
	return TRUE;
}

static void on_rewatch(gpointer data)
{
	Engine *engine = data;
	g_autoptr(GError) error = NULL;

	engine->rewatch_timer = 0;
	if (engine->halted)
		return;
	if (!watch_all(engine, &error)) {
		g_warning("cannot watch the cluster: %s", error->message);
		engine->rewatch_timer = clock_after(engine->clock, REWATCH_MS, on_rewatch, engine);
	}
	queue_schedule_round(engine);
}

/* ---- events of hosts ------------------------------------------------------------------------ */

static void note_state(Job *job, int side, const HyperEvent *event)
{
	if (job->handed_over && event->state == HYPER_DOMAIN_RUNNING)
		job->sides[side].began_us = event->when_us;
}

static void poke_all(Engine *engine, const char *node, gboolean heard)
{
	g_autoptr(GPtrArray) jobs = list_jobs(engine->by_domain);

	for (guint i = 0; i < jobs->len; i++) {
		Job *job = g_ptr_array_index(jobs, i);
		gboolean target = g_strcmp0(job->target, node) == 0;

		/* a new connection tells of a gap as well: the old one may have gone silently */
		if (target)
			job->target_heard = FALSE;
		if (heard && (target || g_strcmp0(job->source, node) == 0))
			settle_poke(job);
	}
}

void engine_handle_event(Engine *engine, HyperHost *host, const HyperEvent *event)
{
	const char *node = hyper_host_name(host);
	Job *job = event->uuid ? g_hash_table_lookup(engine->by_domain, event->uuid) : NULL;
	int side = job && g_strcmp0(job->target, node) == 0 ? TARGET : SOURCE;

	if (engine->halted)
		return;
	/* a third host that has a domain of that UUID is the inventory's to tell of */
	if (job && side == SOURCE && g_strcmp0(job->source, node) != 0)
		job = NULL;
	switch (event->type) {
	case HYPER_EVENT_CONNECTED:
		poke_all(engine, node, TRUE);
		break;
	case HYPER_EVENT_DISCONNECTED:
		poke_all(engine, node, FALSE);
		break;
	case HYPER_EVENT_ITERATION:
		if (job && side == SOURCE)
			follow_iteration(job);
		break;
	case HYPER_EVENT_STATE:
		if (job)
			note_state(job, side, event);
		G_GNUC_FALLTHROUGH;
	case HYPER_EVENT_DOMAIN:
		if (job)
			settle_poke(job);
		break;
	}
}

/* ---- life ----------------------------------------------------------------------------------- */

Engine *engine_new(const EngineOptions *options, GError **error)
{
	Engine *engine = g_new0(Engine, 1);

	engine->options = *options;
	engine->cluster = options->cluster;
	engine->clock = options->clock;
	engine->jobs = g_hash_table_new(g_str_hash, g_str_equal);
	engine->by_vmi = g_hash_table_new(g_str_hash, g_str_equal);
	engine->by_domain = g_hash_table_new(g_str_hash, g_str_equal);
	engine->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, host_entry_free);
	engine->host_views = g_ptr_array_new();
	engine->finished = finished_new();
	if (!watch_all(engine, error)) {
		engine_free(engine);
		return NULL;
	}
	queue_schedule_round(engine);
	return engine;
}

void engine_free(Engine *engine)
{
	g_autoptr(GPtrArray) jobs = NULL;

	if (!engine)
		return;
	engine->halted = TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(engine->watches); i++)
		cluster_watch_stop(engine->watches[i]);
	jobs = list_jobs(engine->jobs);
	for (guint i = 0; i < jobs->len; i++)
		job_free(g_ptr_array_index(jobs, i));
	clock_cancel(engine->clock, &engine->round_timer);
	clock_cancel(engine->clock, &engine->progress_timer);
	clock_cancel(engine->clock, &engine->rewatch_timer);
	g_hash_table_unref(engine->jobs);
	g_hash_table_unref(engine->by_vmi);
	g_hash_table_unref(engine->by_domain);
	g_hash_table_unref(engine->hosts);
	g_ptr_array_unref(engine->host_views);
	g_hash_table_unref(engine->finished);
	cJSON_Delete(engine->settings_object);
	g_free(engine);
}

gboolean engine_is_idle(const Engine *engine)
{
	return g_hash_table_size(engine->jobs) == 0;
}

void engine_set_step_hook(Engine *engine, EngineStepHook hook, gpointer data)
{
	engine->hook = hook;
	engine->hook_data = data;
}

void engine_halt(Engine *engine)
{
	engine->halted = TRUE;
}
