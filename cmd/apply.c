/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig apply, kvmig create. */
#include "manifest-files.h"

#include <string.h>

#include "config/owner.h"
#include "migration.h"

typedef struct {
	GPtrArray *files;
	gboolean dry_run, force_conflicts;
} ApplyValues;

/* ---- apply ---------------------------------------------------------------------------------- */

/* What tells one version of an object from another, but not what it says. */
static cJSON *essence(const cJSON *object)
{
	static const char *const fleeting[] = { "managedFields", "resourceVersion", "generation" };
	cJSON *copy = cJSON_Duplicate(object, TRUE);

	for (gsize i = 0; i < G_N_ELEMENTS(fleeting); i++)
		json_unset(json_get(copy, "metadata"), fleeting[i]);
	return copy;
}

static gboolean same(const cJSON *before, const cJSON *after)
{
	g_autoptr(cJSON) a = essence(before), b = essence(after);

	return json_equal(a, b);
}

/* Applying the manifest of a migration that is over starts nothing, and looks as if it had. */
static void warn_if_ended(const ManifestWrite *write, const cJSON *before)
{
	Migration migration;

	if (write->kind != &KIND_VMIM || !before)
		return;
	migration_read(before, &migration);
	if (!migration_phase_is_final(migration.phase))
		return;
	say_warning(write->context, "migration '%s' has ended already (%s): nothing was started",
		    migration.name, migration.phase_text);
	say_hint(write->context,
		 "give it another name, or generateName and 'kvmig create -f FILE', or "
		 "'kvmig migrate %s'",
		 migration.vmi_name ? migration.vmi_name : "VM");
}

static gboolean check_has_name(const ManifestWrite *write, GError **error)
{
	if (object_name(write->object))
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID,
		  "metadata.generateName: apply needs a name, to find the object again");
	error_hint(error, "'kvmig create -f' makes a new object with a new name each time");
	return FALSE;
}

/* The object before; NULL without *error where there is none, or we may not see it. */
static cJSON *look(const ManifestWrite *write, gboolean *ret_absent, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *before =
		cluster_get(write->context->cluster, write->kind, object_namespace(write->object),
			    object_name(write->object), &cause);

	*ret_absent = cause && error_code(cause) == KVMIG_ERROR_NOT_FOUND;
	if (cause && !*ret_absent && error_code(cause) != KVMIG_ERROR_FORBIDDEN)
		g_propagate_error(error, g_steal_pointer(&cause));
	return before;
}

/* What the manifest leaves out stays as it is. */
static gboolean check_lasts(const ManifestWrite *write, const cJSON *before, GError **error)
{
	g_autoptr(cJSON) after = cJSON_Duplicate(before ? before : write->object, TRUE);

	if (write->kind != &KIND_KUBEVIRT)
		return TRUE;
	json_merge_patch(after, write->object);
	return config_check_kubevirt(write->context->cluster, before, after, error);
}

static cJSON *apply_one(const ManifestWrite *write, const char **ret_verb, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) before = NULL;
	gboolean created = FALSE, absent = FALSE;
	cJSON *after;

	if (!check_has_name(write, error))
		return NULL;
	before = look(write, &absent, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	*ret_verb = "created";
	if (absent && write->kind == &KIND_VMIM)
		return manifest_create(write, error);
	if (!absent && !check_lasts(write, before, error))
		return NULL;
	after = cluster_apply(write->context->cluster, write->object, write->flags, &created,
			      error);
	if (!after) {
		if (error && *error && error_code(*error) == KVMIG_ERROR_CONFLICT &&
		    !error_get_hint(*error))
			error_hint(error, "--force-conflicts takes these fields over");
		return NULL;
	}
	if (!created)
		*ret_verb = before && same(before, after) ? "unchanged" : "configured";
	warn_if_ended(write, before);
	return after;
}

static ClusterWriteFlags flags_of(const ApplyValues *values)
{
	return (values->dry_run ? CLUSTER_WRITE_DRY_RUN : CLUSTER_WRITE_NONE) |
	       (values->force_conflicts ? CLUSTER_WRITE_FORCE : CLUSTER_WRITE_NONE);
}

static int run(CommandContext *context, const ApplyValues *values, ManifestWriteFunc func,
	       GError **error)
{
	g_autoptr(Manifest) manifest = manifest_files_read(values->files, error);

	if (!manifest)
		return STATUS_FAILED;
	return manifest_write_all(context, manifest, flags_of(values), func, error);
}

static int run_apply(CommandContext *context, const void *values, GError **error)
{
	return run(context, values, apply_one, error);
}

/* ---- create --------------------------------------------------------------------------------- */

static cJSON *create_one(const ManifestWrite *write, const char **ret_verb, GError **error)
{
	cJSON *created = manifest_create(write, error);

	*ret_verb = "created";
	if (!created && error && *error && error_code(*error) == KVMIG_ERROR_EXISTS)
		error_hint(error, "'kvmig apply -f' changes what is there");
	return created;
}

static int run_create(CommandContext *context, const void *values, GError **error)
{
	return run(context, values, create_one, error);
}

/* ---- the tables ----------------------------------------------------------------------------- */

#define OPT_FILES                                                                                  \
	OPT_LIST('f', "file", ApplyValues, files, "FILE",                                          \
		 "file, folder, or - for the standard input", .complete = COMPLETE_FILE)

static const Option apply_options[] = {
	OPT_FILES,
	OPT_FLAG(0, "dry-run", ApplyValues, dry_run, "do all but keep it"),
	OPT_FLAG(0, "force-conflicts", ApplyValues, force_conflicts,
		 "take over fields that others manage"),
	OPT_END,
};

static const Option create_options[] = {
	OPT_FILES,
	OPT_FLAG(0, "dry-run", ApplyValues, dry_run, "do all but keep it"),
	OPT_END,
};

static const char *const apply_examples[] = {
	"kvmig apply -f policy.yaml --dry-run",
	"kvmig apply -f policy.yaml",
	"kvmig apply -f manifests -o name",
	NULL,
};
static const char *const create_examples[] = { "kvmig create -f migration.yaml -o name", NULL };

const Command apply_command = {
	.name = "apply",
	.summary = "make objects be as files say, as kubectl does",
	.group = COMMAND_GROUP_CLUSTER,
	.options = apply_options,
	.values_size = sizeof(ApplyValues),
	.needs = NEED_CLUSTER | ANY_CLUSTER | MAY_CHANGE | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_apply,
	.examples = apply_examples,
};

const Command create_command = {
	.name = "create",
	.summary = "create objects from files, as kubectl does",
	.group = COMMAND_GROUP_CLUSTER,
	.options = create_options,
	.values_size = sizeof(ApplyValues),
	.needs = NEED_CLUSTER | ANY_CLUSTER | MAY_CHANGE | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_create,
	.examples = create_examples,
};
