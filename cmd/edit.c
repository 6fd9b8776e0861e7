/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig edit. */
#include "edit.h"

#include "config/owner.h"
#include "observe.h"

/* Labels that kvmig reads from the hosts would be read again. */
static gboolean check_labels(const EditTarget *target, const cJSON *before, const cJSON *after,
			     GError **error)
{
	const LabelOwner owned = resource_label_owner(target->context, target->kind);
	g_autoptr(cJSON) changes = json_merge_diff(object_labels(before), object_labels(after));
	const cJSON *change;

	cJSON_ArrayForEach(change, changes)
	{
		if (!owned(change->string))
			continue;
		error_set(
			error, KVMIG_ERROR_INVALID,
			"metadata.labels[%s]: is what kvmig reads from the host; it cannot be set",
			change->string);
		error_hint(error, "leave it as it was, or choose another key");
		return FALSE;
	}
	return TRUE;
}

static gboolean check(const EditTarget *target, const cJSON *before, const cJSON *after,
		      GError **error)
{
	if (target->kind == &KIND_KUBEVIRT &&
	    !config_check_kubevirt(target->context->cluster, before, after, error))
		return FALSE;
	return check_labels(target, before, after, error);
}

static gboolean carry_labels(const EditTarget *target, const cJSON *before, const cJSON *sent,
			     const cJSON *after, GError **error)
{
	(void)sent;
	if (!cluster_caps(target->context->cluster)->kvmig_migrates ||
	    (json_equal(object_labels(before), object_labels(after)) &&
	     json_equal(json_path(before, "spec", "nodeSelector", NULL),
			json_path(after, "spec", "nodeSelector", NULL))))
		return TRUE;
	return observe_carry_labels(target->context, after, error);
}

static int run_edit(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(GPtrArray) resources =
		resources_parse(context, context->args, context->n_args, FALSE, error);
	EditTarget target = { .context = context, .check = check };
	const Resource *resource;

	(void)values;
	if (!resources)
		return STATUS_FAILED;
	if (resources->len > 1)
		return error_set(error, KVMIG_ERROR_USAGE, "one object is edited at a time");
	resource = resources->pdata[0];
	target.kind = resource->kind;
	target.name = resource->name;
	target.ns = resource_namespace(context, resource->kind);
	if (resource->kind == &KIND_VMI)
		target.stored = carry_labels;
	return edit_object(&target, error);
}

static const char *const examples[] = {
	"kvmig edit migrationpolicy fast",
	"kvmig edit vmi/web-1",
	NULL,
};

const Command edit_command = {
	.name = "edit",
	.summary = "change an object in an editor, as kubectl does",
	.group = COMMAND_GROUP_CLUSTER,
	.args = { "KIND NAME", 1, 2, COMPLETE_KIND },
	.needs = NEED_CLUSTER | ANY_CLUSTER | MAY_CHANGE | HAS_NAMESPACE,
	.run = run_edit,
	.examples = examples,
};
