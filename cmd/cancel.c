/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

#include <string.h>

#include "base/reason.h"

typedef struct {
	gboolean wait;
	gint64 timeout_ms;
} CancelValues;

static const Option options[] = {
	OPT_FLAG(0, "wait", CancelValues, wait, "wait until it has really ended",
		 .defval = "true", .negatable = TRUE),
	OPT_DURATION(0, "timeout", CancelValues, timeout_ms, "stop waiting after TIME; 0: never",
		     .defval = "0"),
	OPT_END,
};

/* The migration that is to be cancelled, with what speaks against it as the error. */
static cJSON *find(const CommandContext *context, const char *word, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = NULL;
	g_autoptr(cJSON) object = migration_find(context, word, &vmi, &cause);
	g_autoptr(cJSON) document = NULL;
	g_autofree char *outcome = NULL;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	if (!object) {
		error_set(error, KVMIG_ERROR_FAILED,
			  "nothing to cancel: VM '%s' is not being migrated", object_name(vmi));
		return NULL;
	}
	document = migration_document(object, NULL);
	if (!json_bool(document, "final", FALSE))
		return g_steal_pointer(&object);
	outcome = migration_outcome(document);
	error_set(error, KVMIG_ERROR_FAILED, "nothing to cancel: '%s' has ended already: %s", word,
		  outcome);
	return NULL;
}

/* What came of it, truthfully: it may have been faster than the cancelling. */
static gboolean tell(const CommandContext *context, FollowEnd end, const cJSON *document,
		     int *ret_status, GError **error)
{
	const cJSON *result = json_get(document, "result");
	const char *vm = json_string(document, "vm", "?");
	const char *source = json_string(document, "sourceNode", NULL);
	const char *reason = json_string(result, "reason", NULL);
	gboolean cancelled = g_strcmp0(reason, REASON_FAIL_CANCELLED) == 0;
	g_autofree char *outcome = NULL;

	if (end == FOLLOW_INTERRUPTED || end == FOLLOW_TIMED_OUT || end == FOLLOW_FAILED) {
		*ret_status = follow_report(context, end, document, error);
		return FALSE;
	}
	outcome = migration_outcome(document);
	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0) {
		error_set(error, KVMIG_ERROR_FAILED, "too late to cancel: %s", outcome);
		return FALSE;
	}
	if (end == FOLLOW_ENDED && !cancelled)
		say(context, "%s", outcome); /* it failed by itself: that ends it too */
	else
		say(context, "cancelled: VM '%s' stays%s%s%s", vm,
		    source ? " on '" : " where it is", source ? source : "", source ? "'" : "");
	return TRUE;
}

static gboolean cancel(const CommandContext *context, const char *word,
		       const CancelValues *values, int *ret_status, GError **error)
{
	const FollowOptions how = { .timeout_ms = values->timeout_ms, .until_gone = TRUE,
				    .progress = TRUE };
	g_autoptr(cJSON) object = find(context, word, error);
	g_autoptr(cJSON) document = NULL;
	FollowEnd end;

	if (!object ||
	    !cluster_delete(context->cluster, &KIND_VMIM, object_namespace(object),
			    object_name(object), object_uid(object), CLUSTER_WRITE_NONE, error))
		return FALSE;
	follow_ensure_controller(context); /* it is the one that cancels */
	if (!values->wait) {
		say(context, "asked to cancel migration '%s'", object_name(object));
		return TRUE;
	}
	end = follow_migration(context, object, &how, &document, error);
	return tell(context, end, document, ret_status, error);
}

static int run_cancel(CommandContext *context, const void *data, GError **error)
{
	const CancelValues *values = data;
	guint done = 0;
	int status = STATUS_FAILED;

	if (context->n_args == 1)
		return cancel(context, context->args[0], values, &status, error) ? STATUS_DONE :
										   status;
	for (guint i = 0; i < context->n_args; i++) {
		g_autoptr(GError) cause = NULL;

		if (cancel(context, context->args[i], values, &status, &cause)) {
			done++;
			continue;
		}
		if (status == STATUS_INTERRUPTED)
			return status;
		say_warning(context, "%s", cause->message);
		status = exit_status_of_error(cause);
	}
	if (done == context->n_args)
		return STATUS_DONE;
	return done ? STATUS_PARTIAL : status;
}

static const char *const examples[] = { "kvmig cancel web-1", "kvmig cancel web-1 --no-wait",
					"kvmig cancel web-1 web-2 --timeout 1m", NULL };

const Command cancel_command = {
	.name = "cancel",
	.summary = "cancel migrations; the VMs stay where they are",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(CancelValues),
	.args = { .name = "VM|MIGRATION", .minimum = 1, .maximum = G_MAXUINT,
		  .complete = COMPLETE_VM_OR_MIGRATION },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_NAMESPACE,
	.run = run_cancel,
	.examples = examples,
};
