/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig delete. */
#include "follow.h"
#include "resource.h"

#include "base/clock.h"

typedef struct {
	gboolean wait, dry_run;
	gint64 timeout_ms;
} DeleteValues;

/* ---- waiting -------------------------------------------------------------------------------- */

typedef struct {
	const char *uid;
	char *finalizers; /* that hold it, as it was seen last */
	gboolean gone, done, stale;
	GError *error;
} Wait;

static void see(Wait *wait, const cJSON *object)
{
	const cJSON *finalizers = json_path(object, "metadata", "finalizers", NULL);

	g_free(wait->finalizers);
	wait->finalizers = cJSON_GetArraySize(finalizers) ? json_print(finalizers) : NULL;
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Wait *wait = data;

	if (type == CLUSTER_EVENT_ERROR) {
		wait->stale = error_code(error) == KVMIG_ERROR_EXPIRED;
		if (!wait->stale)
			wait->error = g_error_copy(error);
		wait->done = TRUE;
		return;
	}
	if (g_strcmp0(object_uid(object), wait->uid) != 0)
		return;
	see(wait, object);
	wait->gone = wait->gone || type == CLUSTER_EVENT_DELETED;
	wait->done = wait->done || wait->gone;
}

/* Looks, and watches from there. NULL without *error: it is gone. */
static ClusterWatch *begin(const CommandContext *context, const Kind *kind,
			   const ClusterListOptions *one, Wait *wait, GError **error)
{
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) objects = cluster_list(context->cluster, kind, one, &version, error);

	if (!objects)
		return NULL;
	wait->gone = TRUE;
	wait->done = wait->stale = FALSE;
	for (guint i = 0; i < objects->len; i++) {
		if (g_strcmp0(object_uid(objects->pdata[i]), wait->uid) != 0)
			continue;
		wait->gone = FALSE;
		see(wait, objects->pdata[i]);
	}
	if (wait->gone)
		return NULL;
	return cluster_watch(context->cluster, kind, one, version, on_event, wait, error);
}

static gboolean set_not_gone(const Kind *kind, const char *name, const Wait *wait, GError **error)
{
	error_set(error, KVMIG_ERROR_TIMEOUT, "%s '%s' is being deleted, and not gone in time%s%s",
		  kind->singular, name, wait->finalizers ? ": held by the finalizers " : "",
		  wait->finalizers ? wait->finalizers : "");
	error_hint(error, "whoever set the finalizers takes them off; the deletion goes on");
	return FALSE;
}

/* FALSE: *error, or interrupted. deadline_us 0: none. */
static gboolean wait_until_gone(const CommandContext *context, const Kind *kind,
				const ClusterListOptions *one, gint64 deadline_us, Wait *wait,
				gboolean *ret_interrupted, GError **error)
{
	gboolean ended = TRUE;

	do {
		gint64 left_ms = (deadline_us - clock_monotonic_us(clock_real())) / 1000;
		ClusterWatch *watch = begin(context, kind, one, wait, &wait->error);

		if (!watch)
			break;
		ended = run_until(&wait->done, deadline_us ? MAX(left_ms, 1) : 0, ret_interrupted);
		cluster_watch_stop(watch);
	} while (ended && wait->stale);
	if (wait->error) {
		g_propagate_error(error, g_steal_pointer(&wait->error));
		error_prefix(error, "it is being deleted, but cannot be waited for");
		return FALSE;
	}
	if (wait->gone)
		return TRUE;
	return *ret_interrupted ? FALSE : set_not_gone(kind, one->name, wait, error);
}

/* ---- deleting ------------------------------------------------------------------------------- */

static gboolean check_allowed(const CommandContext *context, const Resource *resource,
			      GError **error)
{
	if (resource->kind != &KIND_HOST || cluster_caps(context->cluster)->kind != CLUSTER_LOCAL)
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED,
		  "node '%s' is not deleted as an object: VMs and migrations may need it",
		  resource->name);
	error_hint(error, "'kvmig node remove %s' looks first", resource->name);
	return FALSE;
}

static void say_done(const CommandContext *context, const Resource *resource, gboolean dry_run)
{
	g_autofree char *id = resource_id(resource->kind, resource->name);
	g_autofree char *safe = output_escape(id);

	(void)fprintf(context->output->stream, "%s deleted%s\n", safe, dry_run ? " (dry run)" : "");
	(void)fflush(context->output->stream);
}

static gboolean delete_one(const CommandContext *context, const DeleteValues *values,
			   const Resource *resource, gint64 deadline_us, gboolean *ret_interrupted,
			   GError **error)
{
	const char *ns = resource_namespace(context, resource->kind);
	const ClusterListOptions one = { .ns = ns, .name = resource->name };
	g_autoptr(cJSON) before = NULL;
	Wait wait = { 0 };
	gboolean ok;

	if (!check_allowed(context, resource, error))
		return FALSE;
	if (values->wait) {
		before = cluster_get(context->cluster, resource->kind, ns, resource->name, error);
		if (!before)
			return FALSE;
		wait.uid = object_uid(before);
	}
	if (!cluster_delete(context->cluster, resource->kind, ns, resource->name, wait.uid,
			    values->dry_run ? CLUSTER_WRITE_DRY_RUN : CLUSTER_WRITE_NONE, error))
		return FALSE;
	/* on a local cluster it is the controller that lets go of a migration */
	if (resource->kind == &KIND_VMIM && !values->dry_run)
		follow_ensure_controller(context);
	ok = !values->wait || values->dry_run ||
	     wait_until_gone(context, resource->kind, &one, deadline_us, &wait, ret_interrupted,
			     error);
	g_free(wait.finalizers);
	if (ok)
		say_done(context, resource, values->dry_run);
	return ok;
}

static int run_delete(CommandContext *context, const void *data, GError **error)
{
	const DeleteValues *values = data;
	g_autoptr(GPtrArray) resources = NULL;
	gint64 deadline_us = 0;
	gboolean interrupted = FALSE;
	Tally tally = { 0 };

	if (values->timeout_ms && !values->wait)
		return error_set(error, KVMIG_ERROR_USAGE, "--timeout is nothing without --wait");
	resources = resources_parse(context, context->args, context->n_args, FALSE, error);
	if (!resources)
		return STATUS_FAILED;
	if (values->timeout_ms)
		deadline_us = clock_monotonic_us(clock_real()) + values->timeout_ms * 1000;
	for (guint i = 0; i < resources->len; i++) {
		GError *failure = NULL;

		(void)delete_one(context, values, resources->pdata[i], deadline_us, &interrupted,
				 &failure);
		if (interrupted) {
			say_warning(context, "interrupted: what is being deleted goes on to be");
			return STATUS_INTERRUPTED;
		}
		if (!tally_add(&tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &tally, resources->len);
	return (int)tally_status(&tally);
}

static const Option options[] = {
	OPT_FLAG(0, "wait", DeleteValues, wait, "wait until the objects are gone"),
	OPT_DURATION(0, "timeout", DeleteValues, timeout_ms,
		     "with --wait: stop waiting after TIME; 0: never", .defval = "0"),
	OPT_FLAG(0, "dry-run", DeleteValues, dry_run, "do all but keep it"),
	OPT_END,
};

static const char *const examples[] = {
	"kvmig delete migrationpolicy fast --dry-run",
	"kvmig delete migrationpolicy/fast --wait --timeout 1m",
	NULL,
};

const Command delete_command = {
	.name = "delete",
	.summary = "delete objects, as kubectl does",
	.group = COMMAND_GROUP_CLUSTER,
	.options = options,
	.values_size = sizeof(DeleteValues),
	.args = { "KIND NAME", 1, G_MAXUINT, COMPLETE_KIND },
	.needs = NEED_CLUSTER | ANY_CLUSTER | MAY_CHANGE | HAS_NAMESPACE,
	.run = run_delete,
	.examples = examples,
};
