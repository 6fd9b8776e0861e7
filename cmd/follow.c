/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <string.h>

#include "base/clock.h"
#include "engine/controller.h"
#include "migration-waits.h"

#define TICK_MS 1000 /* the time left of a deadline is shown by the second */
#define CONTROLLER_TICKS 3
#define EXPLAIN_TICKS 5 /* it takes requests */

typedef struct {
	const CommandContext *context;
	const FollowOptions *options;
	const char *ns, *name, *uid;
	cJSON *object, *vmi; /* as last seen; vmi only where KubeVirt migrates, or NULL */
	cJSON *document;
	ClusterWatch *watch, *vmi_watch;
	Progress *progress;
	GError *error;
	guint timer, ticks;
	gboolean gone, done, stale, reached;
	cJSON *why; /* what it waits for on KubeVirt, and until when, as was found out; or NULL */
	gboolean explaining;
	gboolean vmi_stale; /* its watch has ended, and is to begin anew */
} Follow;

void follow_ensure_controller(const CommandContext *context)
{
	static gboolean warned;
	g_autoptr(GError) error = NULL;

	if (cluster_is_read_only(context->cluster))
		return;
	if (controller_ensure(context->cluster, &error)) {
		warned = FALSE;
		return;
	}
	if (!warned)
		say_warning(context, "nobody carries migrations on: %s", error->message);
	warned = TRUE;
}

/* ---- what is seen --------------------------------------------------------------------------- */

static void show(Follow *follow)
{
	g_autofree char *line = NULL, *key = NULL;

	if (!follow->progress)
		return;
	line = migration_line(follow->document);
	key = migration_line_key(follow->document);
	progress_update(follow->progress, key, line);
}

static gboolean has_reached(const Follow *follow)
{
	MigrationPhase wanted = follow->options->until_phase;
	MigrationPhase phase =
		migration_phase_from_string(json_string(follow->document, "phase", NULL));

	return wanted != MIGRATION_PHASE_UNSET && phase >= wanted && phase < MIGRATION_PHASE_FAILED;
}

/* What is known now of migration and VM. Where KubeVirt ends one before the hand-over it tells
 * nowhere where the VM was: that is as it was seen before. */
static cJSON *make_document(const Follow *follow)
{
	cJSON *document = migration_document(follow->object, follow->vmi);
	const char *source = json_string(follow->document, "sourceNode", NULL);

	if (source && !json_string(document, "sourceNode", NULL))
		json_set_string(document, "sourceNode", source);
	(void)migration_take_why(document, follow->why);
	return document;
}

static void renew(Follow *follow)
{
	cJSON *document = make_document(follow);
	gboolean same = follow->document && json_equal(document, follow->document);

	cJSON_Delete(follow->document);
	follow->document = document;
	follow->reached = has_reached(follow);
	if (follow->reached ||
	    (json_bool(document, "final", FALSE) && !follow->options->until_gone))
		follow->done = TRUE;
	if (same)
		return;
	show(follow);
	if (follow->options->show)
		follow->options->show(document, follow->options->show_data);
}

static void take(Follow *follow, const cJSON *object)
{
	cJSON *copy = cJSON_Duplicate(object, TRUE);

	cJSON_Delete(follow->object);
	follow->object = copy;
	renew(follow);
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Follow *follow = data;

	if (type == CLUSTER_EVENT_ERROR) {
		/* it is over, and stopped by whoever waits */
		if (error_code(error) == KVMIG_ERROR_EXPIRED)
			follow->stale = TRUE;
		else
			follow->error = g_error_copy(error);
		follow->done = TRUE;
		return;
	}
	if (g_strcmp0(object_uid(object), follow->uid) != 0 || follow->done)
		return;
	take(follow, object);
	if (type == CLUSTER_EVENT_DELETED)
		follow->gone = follow->done = TRUE;
}

static void on_vmi(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Follow *follow = data;

	/* without it less is shown, and the end is seen all the same */
	if (type == CLUSTER_EVENT_ERROR)
		follow->vmi_stale = error_code(error) == KVMIG_ERROR_EXPIRED;
	if (type == CLUSTER_EVENT_ERROR || type == CLUSTER_EVENT_DELETED || follow->done)
		return;
	cJSON_Delete(follow->vmi);
	follow->vmi = cJSON_Duplicate(object, TRUE);
	renew(follow);
}

/* The VM, and the version to watch it from: that of the list, since its own may be so old that a
 * busy server has forgotten what came after. NULL: it cannot be read. */
static cJSON *read_vmi(const Follow *follow, const ClusterListOptions *options, char **ret_version)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) objects = cluster_list(follow->context->cluster, &KIND_VMI, options,
						    ret_version, &cause);

	if (objects && objects->len)
		return g_ptr_array_steal_index(objects, 0);
	g_debug("VM '%s' is not followed: %s", options->name, cause ? cause->message : "gone");
	return NULL;
}

/* Where the VM is, where to, and in which mode, KubeVirt tells in the VM's own object. */
static void begin_vmi(Follow *follow)
{
	Cluster *cluster = follow->context->cluster;
	const char *name = json_string(json_get(follow->object, "spec"), "vmiName", NULL);
	const ClusterListOptions options = { .ns = follow->ns, .name = name };
	g_autofree char *version = NULL;
	cJSON *vmi;

	follow->vmi_stale = FALSE;
	if (cluster_caps(cluster)->kvmig_migrates || !name)
		return;
	vmi = read_vmi(follow, &options, &version);
	if (!vmi)
		return;
	cJSON_Delete(follow->vmi);
	follow->vmi = vmi;
	cluster_watch_stop(g_steal_pointer(&follow->vmi_watch));
	follow->vmi_watch =
		cluster_watch(cluster, &KIND_VMI, &options, version, on_vmi, follow, NULL);
}

/* KubeVirt does not say for what a migration waits: who follows it would see it stand still. */
static void find_out_why(Follow *follow)
{
	const MigrationPhase phase =
		migration_phase_from_string(json_string(follow->document, "phase", NULL));
	g_autoptr(cJSON) object = NULL, vmi = NULL;
	cJSON *document;

	if (cluster_caps(follow->context->cluster)->kvmig_migrates || follow->done ||
	    follow->explaining || !follow->progress || phase > MIGRATION_PHASE_SCHEDULING)
		return;
	/* while the server is asked the next tick can come, and other objects */
	follow->explaining = TRUE;
	object = cJSON_Duplicate(follow->object, TRUE);
	vmi = cJSON_Duplicate(follow->vmi, TRUE);
	g_clear_pointer(&follow->why, cJSON_Delete);
	document = make_document(follow);
	migration_explain(follow->context, object, vmi, document);
	follow->why = document;
	follow->explaining = FALSE;
	if (!follow->done)
		renew(follow);
}

static void on_tick(gpointer data)
{
	Follow *follow = data;

	follow->timer = clock_after(clock_real(), TICK_MS, on_tick, follow);
	if (follow->vmi_stale)
		begin_vmi(follow);
	if (follow->context->stderr_tty)
		show(follow);
	if (follow->ticks % EXPLAIN_TICKS == EXPLAIN_TICKS - 1)
		find_out_why(follow);
	if (follow->ticks++ % CONTROLLER_TICKS == 0)
		follow_ensure_controller(follow->context);
}

/* From what is there now on: looks, then watches from that version. */
static gboolean begin(Follow *follow, GError **error)
{
	const ClusterListOptions options = { .ns = follow->ns, .name = follow->name };
	Cluster *cluster = follow->context->cluster;
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) objects =
		cluster_list(cluster, &KIND_VMIM, &options, &version, error);

	if (!objects)
		return FALSE;
	follow->stale = follow->done = FALSE;
	follow->gone = TRUE;
	begin_vmi(follow);
	for (guint i = 0; i < objects->len; i++) {
		const cJSON *object = g_ptr_array_index(objects, i);

		if (g_strcmp0(object_uid(object), follow->uid) != 0)
			continue;
		follow->gone = FALSE;
		take(follow, object);
	}
	follow->done = follow->done || follow->gone;
	if (follow->done)
		return TRUE;
	follow->watch =
		cluster_watch(cluster, &KIND_VMIM, &options, version, on_event, follow, error);
	return follow->watch != NULL;
}

/* ---- waiting -------------------------------------------------------------------------------- */

static FollowEnd how_it_ended(Follow *follow, gboolean done, gboolean interrupted, GError **error)
{
	if (follow->error) {
		g_propagate_error(error, g_steal_pointer(&follow->error));
		error_prefix(error, "cannot follow migration '%s'", follow->name);
		return FOLLOW_FAILED;
	}
	if (done && json_bool(follow->document, "final", FALSE))
		return FOLLOW_ENDED;
	if (done && follow->reached)
		return FOLLOW_REACHED;
	if (done)
		return FOLLOW_GONE;
	return interrupted ? FOLLOW_INTERRUPTED : FOLLOW_TIMED_OUT;
}

static FollowEnd wait_for_end(Follow *follow, GError **error)
{
	gint64 limit_ms = follow->options->timeout_ms;
	gint64 start_us = clock_monotonic_us(clock_real());
	gboolean interrupted = FALSE, done;

	do {
		gint64 left_ms = limit_ms - (clock_monotonic_us(clock_real()) - start_us) / 1000;

		cluster_watch_stop(g_steal_pointer(&follow->watch));
		if (!begin(follow, &follow->error))
			return how_it_ended(follow, FALSE, FALSE, error);
		done = run_until(&follow->done, limit_ms ? MAX(left_ms, 1) : 0, &interrupted);
	} while (done && follow->stale);
	return how_it_ended(follow, done, interrupted, error);
}

/* KubeVirt writes into the migration what became of it only with its next change, and the news of
 * the VM can come later than that of the end. */
static void look_again(Follow *follow)
{
	const cJSON *state = json_path(follow->object, "status", "migrationState", NULL);
	const char *vm = json_string(json_get(follow->object, "spec"), "vmiName", NULL);
	cJSON *vmi, *document;

	if (cluster_caps(follow->context->cluster)->kvmig_migrates || !vm ||
	    json_string(state, "migrationUid", NULL))
		return;
	vmi = cluster_get(follow->context->cluster, &KIND_VMI, follow->ns, vm, NULL);
	if (!vmi)
		return;
	cJSON_Delete(follow->vmi);
	follow->vmi = vmi;
	document = make_document(follow);
	cJSON_Delete(follow->document);
	follow->document = document;
}

FollowEnd follow_migration(const CommandContext *context, const cJSON *object,
			   const FollowOptions *options, cJSON **ret_document, GError **error)
{
	Follow follow = { .context = context, .options = options, .ns = object_namespace(object),
			  .name = object_name(object), .uid = object_uid(object) };
	FollowEnd end;

	if (options->progress && !context->quiet)
		follow.progress = progress_new(stderr, context->stderr_tty);
	take(&follow, object);
	on_tick(&follow);
	end = wait_for_end(&follow, error);
	clock_cancel(clock_real(), &follow.timer);
	cluster_watch_stop(follow.watch);
	cluster_watch_stop(follow.vmi_watch);
	g_clear_pointer(&follow.progress, progress_free);
	if (end == FOLLOW_ENDED) {
		look_again(&follow);
		migration_explain(context, follow.object, follow.vmi, follow.document);
		migration_remember(context, follow.document);
	}
	cJSON_Delete(follow.object);
	cJSON_Delete(follow.vmi);
	cJSON_Delete(follow.why);
	*ret_document = follow.document;
	return end;
}

static int report_outcome(const CommandContext *context, const cJSON *document, GError **error)
{
	g_autofree char *outcome = NULL;

	migration_warn_alarms(context, "", document);
	if (!migration_check_outcome(document, error))
		return STATUS_FAILED;
	outcome = migration_outcome(document);
	say(context, "%s", outcome);
	return STATUS_DONE;
}

/* Cancelled, or one of too many, while nobody watched. */
static int report_gone(const CommandContext *context, const cJSON *document, const char *words,
		       GError **error)
{
	const char *name = json_string(document, "name", "?");
	const char *vm = json_string(document, "vm", "?");

	/* whoever carries it out writes down how it ends before its object goes */
	if (cluster_caps(context->cluster)->kvmig_migrates) {
		error_set(error, KVMIG_ERROR_FAILED,
			  "migration '%s' of VM '%s' has ended, and is gone", name, vm);
		error_hint(error, "'kvmig history %s' tells how it ended, if it had begun", name);
	} else {
		error_set(error, KVMIG_ERROR_FAILED,
			  "migration '%s' of VM '%s' is gone, and nothing tells how it ended", name,
			  vm);
		error_hint(error, "look where the VM is: 'kvmig%s vm show %s'", words, vm);
	}
	return STATUS_FAILED;
}

int follow_report(const CommandContext *context, FollowEnd end, const cJSON *document,
		  GError **error)
{
	const char *name = json_string(document, "name", "?");
	g_autofree char *words =
		migration_ns_words(json_string(document, "namespace", NULL));

	switch (end) {
	case FOLLOW_GONE:
		return report_gone(context, document, words, error);
	case FOLLOW_TIMED_OUT:
		error_set(error, KVMIG_ERROR_TIMEOUT,
			  "migration '%s' of VM '%s' has not ended in time; it goes on", name,
			  json_string(document, "vm", "?"));
		error_hint(error, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it",
			   words, name, words, name);
		return STATUS_TIMEOUT;
	case FOLLOW_INTERRUPTED:
		say_warning(context, "interrupted: migration '%s' of VM '%s' goes on", name,
			    json_string(document, "vm", "?"));
		say_hint(context, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it",
			 words, name, words, name);
		return STATUS_INTERRUPTED;
	case FOLLOW_REACHED:
		say(context, "migration '%s' of VM '%s' is %s", name,
		    json_string(document, "vm", "?"), json_string(document, "phase", "?"));
		return STATUS_DONE;
	case FOLLOW_ENDED:
		return report_outcome(context, document, error);
	case FOLLOW_FAILED:
		break;
	}
	return STATUS_FAILED;
}
