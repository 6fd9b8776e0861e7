/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy create: a policy from options, or from a file with options over it. */
#include "policy.h"

#include <string.h>

#include "manifest-files.h"
#include "resource.h"

typedef struct {
	GPtrArray *vm_labels;
	GPtrArray *project_labels;
	GPtrArray *set;
	const char *from;
	gboolean dry_run;
} CreateValues;

static gboolean is_given_once(const cJSON *given, const cJSON *map, GError **error)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, map)
	{
		if (json_get(given, item->string))
			return error_set(error, KVMIG_ERROR_INVALID,
					 "label key '%s' is there twice", item->string);
	}
	return TRUE;
}

/* "k=v,k2=v2" into one of the selectors. A value may be empty: that asks for an empty value. */
static gboolean take_labels(cJSON *object, const GPtrArray *texts, const char *option,
			    const char *selector, GError **error)
{
	cJSON *selectors = json_ensure_object(json_ensure_object(object, "spec"), "selectors");
	g_autoptr(cJSON) given = cJSON_CreateObject();

	for (guint i = 0; i < texts->len; i++) {
		g_autoptr(cJSON) map = labels_parse_map(g_ptr_array_index(texts, i), error);

		if (!map || !is_given_once(given, map, error)) {
			error_prefix(error, "%s", option);
			return error_usage(error);
		}
		json_merge_patch(given, map);
	}
	if (given->child)
		json_merge_patch(json_ensure_object(selectors, selector), given);
	return TRUE;
}

/* The policy in the file, which has to be right as it is: what is wrong is told with its place. */
static cJSON *read_object(const char *path, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();
	g_autoptr(Manifest) manifest = NULL;
	const ManifestObject *source;

	g_ptr_array_add(paths, (gpointer)path);
	manifest = manifest_files_read(paths, error);
	if (!manifest)
		return NULL;
	if (manifest_length(manifest) != 1) {
		error_set(error, KVMIG_ERROR_INVALID, "'%s' holds %u objects, not one policy", path,
			  manifest_length(manifest));
		return NULL;
	}
	source = manifest_nth(manifest, 0);
	return policy_source_check(source, error) ? cJSON_Duplicate(source->object, TRUE) : NULL;
}

static cJSON *begin_object(const CommandContext *context, const CreateValues *options,
			   GError **error)
{
	cJSON *object;

	if (!options->from)
		return object_new(&KIND_MIGRATION_POLICY, NULL, context->args[0]);
	object = read_object(options->from, error);
	if (object)
		json_set_string(json_ensure_object(object, "metadata"), "name", context->args[0]);
	return object;
}

static gboolean fill(cJSON *object, const CreateValues *options, GError **error)
{
	if (!take_labels(object, options->vm_labels, "--vm-label", "virtualMachineInstanceSelector",
			 error) ||
	    !take_labels(object, options->project_labels, "--project-label", "namespaceSelector",
			 error))
		return FALSE;
	return policy_set_fields(object, options->set, error);
}

/* What a server made up while it tried is no part of a manifest, and would keep it from being
 * applied. */
static cJSON *manifest_of(const cJSON *object)
{
	static const char *const made_up[] = { "uid", "resourceVersion", "generation",
					       "creationTimestamp" };
	g_autoptr(cJSON) shown = resource_shown(&KIND_MIGRATION_POLICY, object, FALSE);
	cJSON *manifest = cJSON_Duplicate(shown, TRUE);

	for (gsize i = 0; i < G_N_ELEMENTS(made_up); i++)
		json_unset(json_get(manifest, "metadata"), made_up[i]);
	return manifest;
}

static void print(const CommandContext *context, const cJSON *object, gboolean dry_run)
{
	const OutputSpec spec = { .single = TRUE };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	g_autoptr(cJSON) shown = NULL;

	if (context->output->format == OUTPUT_NAME)
		(void)fprintf(context->output->stream,
			      "migrationpolicy.migrations.kubevirt.io/%s\n", object_name(object));
	if (context->output->format != OUTPUT_JSON && context->output->format != OUTPUT_YAML)
		return;
	shown = dry_run ? manifest_of(object)
			: resource_shown(&KIND_MIGRATION_POLICY, object, FALSE);
	g_ptr_array_add(rows, shown);
	output_rows(context->output, &spec, rows);
}

static int run_create(CommandContext *context, const void *values, GError **error)
{
	const CreateValues *options = values;
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) stored = NULL;

	if (!name_check_dns_subdomain(context->args[0], "policy name", error)) {
		(void)error_usage(error);
		return STATUS_USAGE;
	}
	object = begin_object(context, options, error);
	if (!object || !fill(object, options, error))
		return STATUS_FAILED;
	if (!policy_check_here(context, object, NULL, error)) {
		error_prefix(error, "policy '%s'", context->args[0]);
		return STATUS_FAILED;
	}
	stored = cluster_create(context->cluster, object,
				options->dry_run ? CLUSTER_WRITE_DRY_RUN : CLUSTER_WRITE_NONE,
				error);
	if (!stored) {
		if (error && g_error_matches(*error, KVMIG_ERROR, KVMIG_ERROR_EXISTS))
			error_hint(error, "'kvmig policy show %s' shows it", context->args[0]);
		return STATUS_FAILED;
	}
	policy_warn(context, stored);
	print(context, stored, options->dry_run);
	say(context, "policy '%s' created%s", object_name(stored),
	    options->dry_run ? " (dry run)" : "");
	return STATUS_DONE;
}

static const Option create_options[] = {
	OPT_LIST(0, "vm-label", CreateValues, vm_labels, "K=V", "a label that the VM must have"),
	OPT_LIST(0, "project-label", CreateValues, project_labels, "K=V",
		 "a label that the VM's project must have"),
	OPT_LIST(0, "set", CreateValues, set, "KEY=VALUE", "a setting for these VMs"),
	OPT_STRING(0, "from", CreateValues, from, "FILE", "begin with the policy in this file",
		   .complete = COMPLETE_FILE),
	OPT_FLAG(0, "dry-run", CreateValues, dry_run, "check everything, create nothing"),
	OPT_END,
};

static const char *const examples[] = {
	"kvmig policy create gold --vm-label app=web --set allowPostCopy=true",
	"kvmig policy create hpc --project-label hpc=true --dry-run -o yaml", NULL
};

const Command policy_create_command = {
	.name = "create",
	.summary = "make a migration policy",
	.options = create_options,
	.values_size = sizeof(CreateValues),
	.args = { "POLICY", 1, 1, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_OUTPUT,
	.run = run_create,
	.examples = examples,
};
