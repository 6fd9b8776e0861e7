/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig vm label. On KubeVirt a VM is two objects: the VirtualMachine, whose template says what the
 * next start has, and the VMI that runs now. Labels of the template do not reach a running VMI, and
 * policies look at the VMI alone; so both are labelled.
 */
#include "vm.h"

#include "model/wellknown.h"
#include "observe.h"

typedef struct {
	gboolean overwrite, template_only;
} LabelValues;

/* "k-" where there is no k: what one may have misspelt. */
static void say_absent(const CommandContext *context, const cJSON *labels, const cJSON *more)
{
	for (char **change = context->args + 1; *change; change++) {
		g_autofree char *key = NULL, *value = NULL;

		if (labels_parse_change(*change, &key, &value, NULL) && !value &&
		    !json_get(labels, key) && !json_get(more, key))
			say(context, "VM '%s' has no label '%s'", context->args[0], key);
	}
}

/* ---- where kvmig migrates ------------------------------------------------------------------- */

static int label_here(const CommandContext *context, const LabelValues *options, GError **error)
{
	g_autoptr(cJSON) vmi = NULL;
	g_autoptr(cJSON) before = NULL;
	g_autoptr(cJSON) stored = NULL;

	if (options->template_only)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "--template-only: VMs have no template in '%s'",
				 cluster_context(context->cluster));
	vmi = vm_find_fresh(context, context->args[0], error);
	before = vmi ? cJSON_Duplicate(vmi, TRUE) : NULL;
	if (!vmi || !change_labels(vmi, context->args + 1, options->overwrite,
				   inventory_owns_vmi_label, error))
		return STATUS_FAILED;
	say_absent(context, object_labels(before), NULL);
	/* one that changes nothing is no write, and tells what is stored */
	stored = cluster_update(context->cluster, vmi, CLUSTER_WRITE_NONE, error);
	if (!stored)
		return STATUS_FAILED;
	say(context, "VM '%s' %s", object_name(stored),
	    json_equal(object_labels(before), object_labels(vmi)) ? "unchanged" : "labelled");
	return observe_carry_labels(context, stored, error) ? STATUS_DONE : STATUS_FAILED;
}

/* ---- on KubeVirt ---------------------------------------------------------------------------- */

typedef struct {
	const CommandContext *context;
	const LabelValues *options;
	const char *name;
	cJSON *vm, *vmi; /* either may be missing */
	cJSON *labels;   /* what is merged into a map of labels */
} Relabel;

static void relabel_clear(Relabel *relabel)
{
	cJSON_Delete(relabel->vm);
	cJSON_Delete(relabel->vmi);
	cJSON_Delete(relabel->labels);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Relabel, relabel_clear)

static gboolean nobody_owns(const char *key)
{
	(void)key;
	return FALSE;
}

/* Its webhooks refuse these to everybody but itself. */
static gboolean check_reserved(const char *key, GError **error)
{
	static const char *const reserved[] = { "kubevirt.io/created-by",
						"kubevirt.io/migrationJobUID",
						LABEL_NODE_NAME,
						LABEL_MIGRATION_TARGET_NODE_NAME,
						LABEL_SCHEDULABLE,
						"kubevirt.io/install-strategy",
						NULL };

	if (!g_strv_contains(reserved, key))
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED, "label '%s' is KubeVirt's own; it cannot be set",
		  key);
	error_hint(error, "choose another key");
	return FALSE;
}

static gboolean read_changes(Relabel *relabel, GError **error)
{
	relabel->labels = cJSON_CreateObject();
	for (char **change = relabel->context->args + 1; *change; change++) {
		g_autofree char *key = NULL, *value = NULL;

		if (!labels_parse_change(*change, &key, &value, error))
			return error_usage(error);
		if (!check_reserved(key, error))
			return FALSE;
		json_set(relabel->labels, key,
			 value ? cJSON_CreateString(value) : cJSON_CreateNull());
	}
	return TRUE;
}

/* NULL without *error where there is none. */
static cJSON *look(const Relabel *relabel, const Kind *kind, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *object = cluster_get(relabel->context->cluster, kind, relabel->context->ns,
				    relabel->name, &cause);

	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND)
		g_propagate_error(error, g_steal_pointer(&cause));
	return object;
}

static gboolean find_both(Relabel *relabel, GError **error)
{
	g_autoptr(GError) cause = NULL;

	relabel->vm = look(relabel, &KIND_VM, &cause);
	if (!cause && !relabel->options->template_only)
		relabel->vmi = look(relabel, &KIND_VMI, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (relabel->vm || relabel->vmi)
		return TRUE;
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no %s '%s' in namespace '%s'",
		  relabel->options->template_only ? "VirtualMachine" : "VM", relabel->name,
		  relabel->context->ns);
	error_hint(error, "'kvmig get vm' and 'kvmig get vmi' list them");
	return FALSE;
}

/* The template as an object, so that its labels are read like those of any other. */
static cJSON *template_of(const Relabel *relabel)
{
	cJSON *object = object_new(&KIND_VMI, relabel->context->ns, relabel->name);
	const cJSON *labels =
		json_path(relabel->vm, "spec", "template", "metadata", "labels", NULL);

	if (labels)
		json_set(json_ensure_object(object, "metadata"), "labels",
			 cJSON_Duplicate(labels, TRUE));
	return object;
}

/* Nothing is written before it is clear that both can be. */
static gboolean check_one(const Relabel *relabel, const cJSON *object, const char *what,
			  gboolean *ret_changes, GError **error)
{
	g_autoptr(cJSON) wanted = cJSON_Duplicate(object, TRUE);

	if (!change_labels(wanted, relabel->context->args + 1, relabel->options->overwrite,
			   nobody_owns, error)) {
		error_prefix(error, "%s", what);
		return FALSE;
	}
	*ret_changes = !json_equal(object, wanted);
	return TRUE;
}

static gboolean write_template(const Relabel *relabel, GError **error)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;
	cJSON *metadata = json_ensure_object(
		json_ensure_object(json_ensure_object(patch, "spec"), "template"), "metadata");

	json_set(metadata, "labels", cJSON_Duplicate(relabel->labels, TRUE));
	stored =
		cluster_patch(relabel->context->cluster, &KIND_VM, relabel->context->ns,
			      relabel->name, CLUSTER_PATCH_MERGE, patch, CLUSTER_WRITE_NONE, error);
	return stored != NULL;
}

static gboolean write_running(const Relabel *relabel, GError **error)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;

	json_set(json_ensure_object(patch, "metadata"), "labels",
		 cJSON_Duplicate(relabel->labels, TRUE));
	stored =
		cluster_patch(relabel->context->cluster, &KIND_VMI, relabel->context->ns,
			      relabel->name, CLUSTER_PATCH_MERGE, patch, CLUSTER_WRITE_NONE, error);
	return stored != NULL;
}

static gboolean set_half_done(const Relabel *relabel, const GError *cause, GError **error)
{
	const char *hint = error_get_hint(cause);

	error_set(error, KVMIG_ERROR_PARTIAL,
		  "the template of '%s' is labelled, the running VM is not: %s", relabel->name,
		  cause->message);
	if (hint)
		error_hint(error, "%s", hint);
	return FALSE;
}

static gboolean write_both(const Relabel *relabel, gboolean template_changes,
			   gboolean running_changes, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (template_changes && !write_template(relabel, error))
		return FALSE;
	if (!running_changes || write_running(relabel, &cause))
		return TRUE;
	if (template_changes)
		return set_half_done(relabel, cause, error);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static void say_done(const Relabel *relabel, gboolean changes)
{
	const char *verb = changes ? "labelled" : "unchanged";
	const CommandContext *context = relabel->context;

	if (relabel->vm && relabel->vmi)
		say(context, "VM '%s' %s: its template, and the VM that runs", relabel->name, verb);
	else if (relabel->vmi)
		say(context,
		    "VM '%s' %s: only the VM that runs, for it has no VirtualMachine: its labels "
		    "end with it",
		    relabel->name, verb);
	else if (relabel->options->template_only)
		say(context,
		    "VM '%s' %s: only its template; a VM that runs has it from its next start on",
		    relabel->name, verb);
	else
		say(context, "VM '%s' %s: its template; it does not run now", relabel->name, verb);
}

static int label_kubevirt(const CommandContext *context, const LabelValues *options, GError **error)
{
	g_auto(Relabel)
		relabel = { .context = context, .options = options, .name = context->args[0] };
	g_autoptr(cJSON) template = NULL;
	gboolean template_changes = FALSE, running_changes = FALSE;

	if (!read_changes(&relabel, error) || !find_both(&relabel, error))
		return STATUS_FAILED;
	template = relabel.vm ? template_of(&relabel) : NULL;
	if (template && !check_one(&relabel, template, "template", &template_changes, error))
		return STATUS_FAILED;
	if (relabel.vmi && !check_one(&relabel, relabel.vmi, "running VM", &running_changes, error))
		return STATUS_FAILED;
	if (!write_both(&relabel, template_changes, running_changes, error))
		return STATUS_FAILED;
	say_absent(context, object_labels(template), object_labels(relabel.vmi));
	say_done(&relabel, template_changes || running_changes);
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static int run_label(CommandContext *context, const void *values, GError **error)
{
	return cluster_caps(context->cluster)->kvmig_migrates
		       ? label_here(context, values, error)
		       : label_kubevirt(context, values, error);
}

static const Option options[] = {
	OPT_FLAG(0, "overwrite", LabelValues, overwrite, "change labels that are there already"),
	OPT_FLAG(0, "template-only", LabelValues, template_only,
		 "leave the VM that runs as it is (KubeVirt)"),
	OPT_END,
};

static const char *const examples[] = { "kvmig vm label web-1 app=web", "kvmig vm label web-1 app-",
					NULL };

const Command vm_label_command = {
	.name = "label",
	.summary = "set (k=v) and remove (k-) labels of a VM",
	.options = options,
	.values_size = sizeof(LabelValues),
	.args = { "VM LABEL", 2, G_MAXUINT, COMPLETE_VM },
	.needs = NEED_CLUSTER | HAS_NAMESPACE | MAY_CHANGE,
	.run = run_label,
	.examples = examples,
};
