/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"
#include "resource.h"

#include <string.h>

#include "base/reason.h"

typedef struct {
	gboolean wait, all;
	gint64 timeout_ms;
} CancelValues;

static const Option options[] = {
	OPT_FLAG(0, "all", CancelValues, all, "every migration that has not ended"),
	OPT_FLAG(0, "wait", CancelValues, wait, "wait until it has really ended", .defval = "true",
		 .negatable = TRUE),
	OPT_DURATION(0, "timeout", CancelValues, timeout_ms, "stop waiting after TIME; 0: never",
		     .defval = "0"),
	OPT_END,
};

/* ---- on KubeVirt ---------------------------------------------------------------------------- */

/* What the deletion of the object brings about, which depends on how far it is. */
static const char *what_happens(const char *phase)
{
	switch (migration_phase_from_string(phase)) {
	case MIGRATION_PHASE_PENDING:
		return "KubeVirt has begun nothing yet, and drops it";
	case MIGRATION_PHASE_PREPARING_TARGET:
	case MIGRATION_PHASE_TARGET_READY:
		return "KubeVirt stops it only once the copying has begun";
	case MIGRATION_PHASE_RUNNING:
		return "KubeVirt asks libvirt to stop the copying";
	default:
		return "KubeVirt takes the pod away that was to receive the VM";
	}
}

/* With the mark on the VM KubeVirt would start the next migration as soon as this one has ended. */
static void clear_evacuation(const CommandContext *context, const cJSON *vmi)
{
	const char *node = json_string(json_get(vmi, "status"), "evacuationNodeName", NULL);
	g_autofree char *path = NULL;
	g_autoptr(cJSON) body = cJSON_CreateObject();
	g_autoptr(GError) cause = NULL;

	if (!node)
		return;
	path = g_strdup_printf("/apis/subresources.kubevirt.io/v1/namespaces/%s/"
			       "virtualmachineinstances/%s/evacuate/cancel",
			       object_namespace(vmi), object_name(vmi));
	json_set_string(body, "evacuationNodeName", node);
	if (cluster_put_path(context->cluster, path, body, &cause)) {
		say(context, "VM '%s' is no longer marked to leave node '%s'", object_name(vmi),
		    node);
		return;
	}
	say_warning(context,
		    "VM '%s' is marked to leave node '%s', and the mark cannot be taken "
		    "away: KubeVirt will start another migration: %s",
		    object_name(vmi), node, cause->message);
	if (error_code(cause) == KVMIG_ERROR_UNREACHABLE)
		say_hint(context, "KubeVirt's virt-api does not answer: 'kvmig check --cluster' "
				  "says where to look");
	else
		say_hint(context,
			 "it takes the right to update virtualmachineinstances/evacuate/cancel and "
			 "virtualmachineinstances/evacuate of subresources.kubevirt.io, and "
			 "KubeVirt 1.7");
}

/* FALSE: it can no longer be cancelled. */
static gboolean prepare_kubevirt(const CommandContext *context, const cJSON *object, GError **error)
{
	const char *vm = json_string(json_get(object, "spec"), "vmiName", "");
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi =
		cluster_get(context->cluster, &KIND_VMI, object_namespace(object), vm, &cause);
	g_autoptr(cJSON) document = migration_document(object, vmi);

	if (!vmi && error_code(cause) != KVMIG_ERROR_NOT_FOUND)
		say_warning(context, "whether VM '%s' is marked to leave its node is not known: %s",
			    vm, cause->message);
	if (g_strcmp0(json_string(document, "mode", NULL), "PostCopy") == 0) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "migration '%s' of VM '%s' cannot be cancelled: the VM runs on '%s' "
			  "already, and parts of its memory are still on '%s' (post-copy)",
			  object_name(object), vm, json_string(document, "targetNode", "?"),
			  json_string(document, "sourceNode", "?"));
		error_hint(error, "let it end; stopping it now would lose the VM");
		return FALSE;
	}
	clear_evacuation(context, vmi);
	say(context, "VM '%s', %s: %s", vm, json_string(document, "phase", "?"),
	    what_happens(json_string(document, "phase", NULL)));
	return TRUE;
}

/* ---- one ------------------------------------------------------------------------------------ */

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

static void tell_stays(const CommandContext *context, const cJSON *document)
{
	const char *source = json_string(document, "sourceNode", NULL);

	say(context, "cancelled: VM '%s' stays%s%s%s", json_string(document, "vm", "?"),
	    source ? " on '" : " where it is", source ? source : "", source ? "'" : "");
}

/* What came of it, truthfully: it may have been faster than the cancelling. */
static gboolean tell_ended(const CommandContext *context, const cJSON *document, GError **error)
{
	const char *reason = json_string(json_get(document, "result"), "reason", NULL);
	g_autofree char *outcome = migration_outcome(document);

	migration_warn_alarms(context, "", document);
	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0) {
		error_set(error, KVMIG_ERROR_FAILED, "too late to cancel: %s", outcome);
		return FALSE;
	}
	if (g_strcmp0(reason, REASON_FAIL_CANCELLED) == 0)
		tell_stays(context, document);
	else
		say(context, "%s", outcome); /* it failed by itself: that ends it too */
	return TRUE;
}

/* Gone before its end was seen: what is known of it may be from before it was asked to end. */
static gboolean tell_gone(const CommandContext *context, const cJSON *object,
			  const cJSON *document, int *ret_status, GError **error)
{
	gboolean untouched;
	g_autoptr(cJSON) end = migration_find_end(context, object, document, &untouched);

	if (end)
		return tell_ended(context, end, error);
	if (!untouched) {
		*ret_status = follow_report(context, FOLLOW_GONE, document, error);
		return FALSE;
	}
	tell_stays(context, document);
	return TRUE;
}

static gboolean tell(const CommandContext *context, FollowEnd end, const cJSON *object,
		     const cJSON *document, int *ret_status, GError **error)
{
	if (end == FOLLOW_ENDED)
		return tell_ended(context, document, error);
	if (end == FOLLOW_GONE)
		return tell_gone(context, object, document, ret_status, error);
	*ret_status = follow_report(context, end, document, error);
	return FALSE;
}

/* Asks for it; what is asked for is seen later. */
static gboolean ask_for(const CommandContext *context, const cJSON *object, GError **error)
{
	if (!cluster_caps(context->cluster)->kvmig_migrates &&
	    !prepare_kubevirt(context, object, error))
		return FALSE;
	return cluster_delete(context->cluster, &KIND_VMIM, object_namespace(object),
			      object_name(object), object_uid(object), CLUSTER_WRITE_NONE, error);
}

static gboolean await(const CommandContext *context, const cJSON *object,
		      const CancelValues *values, int *ret_status, GError **error)
{
	const FollowOptions how = { .timeout_ms = values->timeout_ms,
				    .until_gone = TRUE,
				    .progress = TRUE };
	g_autoptr(cJSON) document = NULL;
	FollowEnd end;

	follow_ensure_controller(context); /* it is the one that cancels */
	if (!values->wait) {
		say(context, "asked to cancel migration '%s'", object_name(object));
		return TRUE;
	}
	end = follow_migration(context, object, &how, &document, error);
	return tell(context, end, object, document, ret_status, error);
}

static gboolean cancel(const CommandContext *context, const char *word, const CancelValues *values,
		       int *ret_status, GError **error)
{
	g_autoptr(cJSON) object = find(context, word, error);

	return object && ask_for(context, object, error) &&
	       await(context, object, values, ret_status, error);
}

/* ---- several -------------------------------------------------------------------------------- */

static int cancel_words(const CommandContext *context, const CancelValues *values)
{
	Tally tally = { 0 };

	for (guint i = 0; i < context->n_args; i++) {
		GError *failure = NULL;
		int status = STATUS_FAILED;

		(void)cancel(context, context->args[i], values, &status, &failure);
		if (status == STATUS_INTERRUPTED)
			return status;
		if (!tally_add(&tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &tally, context->n_args);
	return tally_status(&tally);
}

/* Those that have not ended. */
static GPtrArray *unfinished(const CommandContext *context, GError **error)
{
	const ClusterListOptions list = { .ns = context->ns };
	GPtrArray *objects = cluster_list(context->cluster, &KIND_VMIM, &list, NULL, error);

	for (guint i = 0; objects && i < objects->len;) {
		Migration migration;

		migration_read(g_ptr_array_index(objects, i), &migration);
		if (migration_phase_is_final(migration.phase))
			g_ptr_array_remove_index(objects, i);
		else
			i++;
	}
	return objects;
}

/* All are asked for before any is waited for: else the next ones would start meanwhile. */
static int cancel_objects(const CommandContext *context, const GPtrArray *objects,
			  const CancelValues *values)
{
	g_autoptr(GPtrArray) asked = g_ptr_array_new();
	Tally tally = { 0 };

	for (guint i = 0; i < objects->len; i++) {
		GError *failure = NULL;

		if (ask_for(context, objects->pdata[i], &failure))
			g_ptr_array_add(asked, objects->pdata[i]);
		else if (!tally_add(&tally, NULL, failure))
			break;
	}
	for (guint i = 0; i < asked->len; i++) {
		GError *failure = NULL;
		int status = STATUS_FAILED;

		(void)await(context, asked->pdata[i], values, &status, &failure);
		if (status == STATUS_INTERRUPTED)
			return status;
		(void)tally_add(&tally, NULL, failure);
	}
	tally_tell_left(context, &tally, objects->len);
	return tally_status(&tally);
}

static int cancel_all(const CommandContext *context, const CancelValues *values, GError **error)
{
	g_autoptr(GPtrArray) objects = unfinished(context, error);
	g_autofree char *question = NULL;

	if (!objects)
		return STATUS_FAILED;
	if (objects->len == 0) {
		say(context, "nothing to cancel");
		return STATUS_DONE;
	}
	question = g_strdup_printf("cancel %u migration%s in %s%s%s?", objects->len,
				   objects->len == 1 ? "" : "s",
				   context->ns ? "namespace '" : "all namespaces",
				   context->ns ? context->ns : "", context->ns ? "'" : "");
	if (!confirm(context, question, error))
		return STATUS_FAILED;
	return cancel_objects(context, objects, values);
}

static int run_cancel(CommandContext *context, const void *data, GError **error)
{
	const CancelValues *values = data;
	int status = STATUS_FAILED;

	if (values->all && context->n_args)
		return error_set(error, KVMIG_ERROR_USAGE, "--all and names exclude each other");
	if (values->all)
		return cancel_all(context, values, error);
	if (!context->n_args) {
		error_set(error, KVMIG_ERROR_USAGE, "no VM or migration is named");
		error_hint(error, "name them, or say --all");
		return STATUS_USAGE;
	}
	if (!context->ns)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "--all-namespaces is nothing without --all");
	if (context->n_args == 1)
		return cancel(context, context->args[0], values, &status, error) ? STATUS_DONE
										 : status;
	return cancel_words(context, values);
}

static const char *const examples[] = { "kvmig cancel web-1", "kvmig cancel web-1 --no-wait",
					"kvmig cancel web-1 web-2 --timeout 1m",
					"kvmig cancel --all --yes", NULL };

const Command cancel_command = {
	.name = "cancel",
	.summary = "cancel migrations; the VMs stay where they are",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(CancelValues),
	.args = { .name = "VM|MIGRATION",
		  .minimum = 0,
		  .maximum = G_MAXUINT,
		  .complete = COMPLETE_VM_OR_MIGRATION },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_NAMESPACE | HAS_ALL_NAMESPACES | MAY_CONFIRM,
	.run = run_cancel,
	.examples = examples,
};
