/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller process. Everything happens in the main loop: events of the hosts go to engine
 * and inventory, Host objects come and go at run time, all hosts are looked at every few seconds
 * (events can be lost, figures of memory have none), and the Lease is renewed. An end in between
 * is always clean: the engine journals every step before it acts.
 */
#include "config.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "engine/controller-lease.h"
#include "engine/controller-lock.h"
#include "engine/controller.h"
#include "engine/engine.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/wellknown.h"

#define POLL_MS 10000
#define HOST_TIMEOUT_MS 8000
#define LEASE_MS 10000
#define IDLE_CHECK_MS 1000
#define REWATCH_MS 1000
#define UNSCHEDULABLE_TIMEOUT_S 300

typedef struct {
	Cluster *cluster;
	Clock *clock;
	Hyper *hyper;
	History *history;
	Inventory *inventory;
	Engine *engine;
	ClusterWatch *hosts;
	GHashTable *generations; /* Host name -> gint64*: the last one seen */
	guint poll_timer, lease_timer, idle_timer, rewatch_timer;
	guint idle_timeout_s;
	ControllerLock *lock;
	const char *lock_path;
	gint64 busy_us; /* when there was last something to do */
	gboolean refreshing;
	gboolean quit, idle_quit;
} Controller;

/* ---- hosts ---------------------------------------------------------------------------------- */

static void on_hyper_event(HyperHost *host, const HyperEvent *event, gpointer data)
{
	Controller *controller = data;
	const char *node = hyper_host_name(host);

	switch (event->type) {
	case HYPER_EVENT_CONNECTED:
		g_info("node '%s': connected", node);
		break;
	case HYPER_EVENT_DISCONNECTED:
		g_warning("node '%s': connection lost: %s", node, event->text ? event->text : "?");
		break;
	case HYPER_EVENT_DOMAIN:
	case HYPER_EVENT_STATE:
		if (controller->inventory && event->uuid)
			inventory_touch(controller->inventory, node, event->uuid);
		break;
	case HYPER_EVENT_ITERATION:
		break;
	}
	/* Whatever happened while the connection was down has sent no event; and a host that is
	 * gone must not look like a target until the next poll. */
	if (controller->inventory && (event->type == HYPER_EVENT_CONNECTED ||
				      event->type == HYPER_EVENT_DISCONNECTED))
		inventory_refresh(controller->inventory, node, HOST_TIMEOUT_MS, NULL, NULL);
	if (controller->engine)
		engine_handle_event(controller->engine, host, event);
}

/* TRUE where the spec is new: the inventory's own writes change only status. */
static gboolean note_generation(Controller *controller, const cJSON *object)
{
	gint64 *known = g_hash_table_lookup(controller->generations, object_name(object));
	gint64 generation = object_generation(object);

	if (known && *known == generation)
		return FALSE;
	known = g_new(gint64, 1);
	*known = generation;
	g_hash_table_replace(controller->generations, g_strdup(object_name(object)), known);
	return TRUE;
}

static void on_rewatch(gpointer data);

static void on_host(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Controller *controller = data;

	if (type == CLUSTER_EVENT_ERROR) {
		g_info("watching the nodes starts anew: %s", error->message);
		cluster_watch_stop(g_steal_pointer(&controller->hosts));
		controller->rewatch_timer =
			clock_after(controller->clock, REWATCH_MS, on_rewatch, controller);
	} else if (type == CLUSTER_EVENT_DELETED) {
		g_info("node '%s': removed", object_name(object));
		g_hash_table_remove(controller->generations, object_name(object));
		if (engine_is_idle(controller->engine)) /* else it may be asked about the outcome */
			hyper_drop_host(controller->hyper, object_name(object));
	} else if (note_generation(controller, object)) {
		g_info("node '%s': %s", object_name(object),
		       type == CLUSTER_EVENT_ADDED ? "added" : "changed");
		inventory_refresh(controller->inventory, object_name(object), HOST_TIMEOUT_MS, NULL,
				  NULL);
	}
}

static gboolean watch_hosts(Controller *controller, GError **error)
{
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) hosts =
		cluster_list(controller->cluster, &KIND_HOST, NULL, &version, error);

	if (!hosts)
		return FALSE;
	for (guint i = 0; i < hosts->len; i++)
		(void)note_generation(controller, g_ptr_array_index(hosts, i));
	controller->hosts = cluster_watch(controller->cluster, &KIND_HOST, NULL, version, on_host,
					  controller, error);
	return controller->hosts != NULL;
}

/* A store that is locked or full for a while is no reason to leave migrations alone. */
static void on_rewatch(gpointer data)
{
	Controller *controller = data;
	g_autoptr(GError) error = NULL;

	controller->rewatch_timer = 0;
	if (watch_hosts(controller, &error)) {
		/* what changed meanwhile sends no event */
		inventory_refresh(controller->inventory, NULL, HOST_TIMEOUT_MS, NULL, NULL);
		return;
	}
	g_warning("cannot watch the nodes: %s", error->message);
	controller->rewatch_timer =
		clock_after(controller->clock, REWATCH_MS, on_rewatch, controller);
}

static void on_refreshed(gpointer data)
{
	Controller *controller = data;

	controller->refreshing = FALSE;
}

/* One round at a time, however long a dead host makes it. */
static void on_poll(gpointer data)
{
	Controller *controller = data;

	controller->poll_timer = clock_after(controller->clock, POLL_MS, on_poll, controller);
	if (controller->refreshing)
		return;
	controller->refreshing = TRUE;
	inventory_refresh(controller->inventory, NULL, HOST_TIMEOUT_MS, on_refreshed, controller);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void on_lease(gpointer data)
{
	Controller *controller = data;
	g_autoptr(GError) error = NULL;

	controller->lease_timer = clock_after(controller->clock, LEASE_MS, on_lease, controller);
	if (!controller_lease_renew(controller->cluster, controller->clock, FALSE, &error))
		g_warning("%s", error->message);
}

static void on_idle_check(gpointer data)
{
	Controller *controller = data;
	gint64 now_us = clock_monotonic_us(controller->clock);

	controller->idle_timer =
		clock_after(controller->clock, IDLE_CHECK_MS, on_idle_check, controller);
	if (!controller_lock_is_intact(controller->lock, controller->lock_path)) {
		g_warning("'%s' is gone: the cluster was removed, or another controller may start",
			  controller->lock_path);
		controller->quit = TRUE;
	}
	if (!engine_is_idle(controller->engine))
		controller->busy_us = now_us;
	if (controller->idle_timeout_s &&
	    now_us - controller->busy_us >= (gint64)controller->idle_timeout_s * G_USEC_PER_SEC)
		controller->quit = controller->idle_quit = TRUE;
}

static gboolean on_signal(gpointer data)
{
	((Controller *)data)->quit = TRUE;
	return G_SOURCE_CONTINUE;
}

static void stop(Controller *controller)
{
	clock_cancel(controller->clock, &controller->poll_timer);
	clock_cancel(controller->clock, &controller->lease_timer);
	clock_cancel(controller->clock, &controller->idle_timer);
	clock_cancel(controller->clock, &controller->rewatch_timer);
	cluster_watch_stop(g_steal_pointer(&controller->hosts));
	g_clear_pointer(&controller->engine, engine_free);
	g_clear_pointer(&controller->inventory, inventory_free);
	g_clear_pointer(&controller->hyper, hyper_free);
	g_clear_pointer(&controller->history, history_close);
	g_clear_pointer(&controller->generations, g_hash_table_unref);
}

/* For tests of recovery: die like kill -9 at a step of the journal that has just been stored. */
static void on_step(const char *step, gpointer data G_GNUC_UNUSED)
{
	if (g_strcmp0(step, g_getenv("KVMIG_TEST_KILL_AT_STEP")) == 0)
		(void)raise(SIGKILL);
}

static gboolean begin(Controller *controller, GError **error)
{
	g_autoptr(GError) cause = NULL;
	EngineOptions options = { .cluster = controller->cluster, .clock = controller->clock,
				  .unschedulable_timeout_s = UNSCHEDULABLE_TIMEOUT_S };

	controller->generations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	controller->hyper =
		hyper_new(NULL, NULL, controller->clock, on_hyper_event, controller);
	controller->history = history_open(&cause);
	if (!controller->history) /* no record is worth leaving a migration unwatched */
		g_warning("no history is kept: %s", cause->message);
	controller->inventory =
		inventory_new(controller->cluster, controller->hyper, controller->clock);
	if (!watch_hosts(controller, error))
		return FALSE;
	options.hyper = controller->hyper;
	options.inventory = controller->inventory;
	options.history = controller->history;
	controller->engine = engine_new(&options, error);
	if (!controller->engine)
		return FALSE;
	if (g_getenv("KVMIG_TEST_KILL_AT_STEP"))
		engine_set_step_hook(controller->engine, on_step, NULL);
	controller->busy_us = clock_monotonic_us(controller->clock);
	on_poll(controller);
	on_idle_check(controller);
	controller->lease_timer = clock_after(controller->clock, LEASE_MS, on_lease, controller);
	return TRUE;
}

static gboolean run(Controller *controller, GError **error)
{
	g_autoptr(GError) cause = NULL;
	gboolean begun;

	if (!controller_lease_renew(controller->cluster, controller->clock, TRUE, &cause))
		g_warning("%s", cause->message);
	begun = begin(controller, error);
	if (begun)
		g_message("kvmig %s controls context %s", PACKAGE_VERSION,
			  cluster_context(controller->cluster));
	while (begun && !controller->quit)
		g_main_context_iteration(NULL, TRUE);
	stop(controller);
	controller_lease_drop(controller->cluster, controller->clock);
	return begun;
}

/* Whether a migration came in while the idle controller was giving up its lock. */
static gboolean has_work(Cluster *cluster)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) objects = cluster_list(cluster, &KIND_VMIM, NULL, NULL, &error);

	if (error)
		g_warning("cannot look for migrations: %s", error->message);
	for (guint i = 0; objects && i < objects->len; i++) {
		const cJSON *object = g_ptr_array_index(objects, i);
		Migration migration;

		migration_read(object, &migration);
		if (!migration_phase_is_final(migration.phase) ||
		    (migration.abort_requested &&
		     object_has_finalizer(object, FINALIZER_MIGRATION)))
			return TRUE;
	}
	return FALSE;
}

/* Runs under the lock until told to end; *ret_again: it was idle, but no longer is. */
static gboolean run_locked(Cluster *cluster, const ControllerOptions *options, const char *path,
			   gboolean *ret_again, GError **error)
{
	Controller controller = { .cluster = cluster, .clock = clock_real(),
				  .idle_timeout_s = options->idle_timeout_s, .lock_path = path };
	guint signals[3];
	gboolean ok;

	*ret_again = FALSE;
	/* before the lock is taken: whoever reads there who has it may ask it to end */
	signals[0] = g_unix_signal_add(SIGTERM, on_signal, &controller);
	signals[1] = g_unix_signal_add(SIGINT, on_signal, &controller);
	signals[2] = g_unix_signal_add(SIGHUP, on_signal, &controller);
	controller.lock = controller_lock_take(path, PACKAGE_VERSION, error);
	ok = controller.lock && run(&controller, error);
	g_clear_pointer(&controller.lock, controller_lock_release);
	for (guint i = 0; i < G_N_ELEMENTS(signals); i++)
		g_source_remove(signals[i]);
	if (ok)
		g_message("ends: %s", controller.idle_quit ? "nothing to do" : "told to");
	*ret_again = ok && controller.idle_quit && has_work(cluster);
	return ok;
}

gboolean controller_run(Cluster *cluster, const ControllerOptions *options, GError **error)
{
	g_autofree char *path = NULL;
	gboolean again, first = TRUE;

	if (cluster_caps(cluster)->kind != CLUSTER_LOCAL || !cluster_state_dir(cluster))
		return error_set(error, KVMIG_ERROR_UNSUPPORTED,
				 "context '%s' is not a local cluster: kvmig's controller cannot "
				 "run for it yet", cluster_context(cluster));
	path = g_build_filename(cluster_state_dir(cluster), "controller.lock", NULL);
	do {
		g_autoptr(GError) cause = NULL;

		if (!run_locked(cluster, options, path, &again, &cause)) {
			/* Somebody else took the work that came in: as good. */
			if (!first && error_code(cause) == KVMIG_ERROR_CONFLICT)
				return TRUE;
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		first = FALSE;
	} while (again);
	return TRUE;
}
