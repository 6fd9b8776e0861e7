/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig label. */
#include "observe.h"
#include "resource.h"

#include <string.h>

typedef struct {
	gboolean overwrite, dry_run;
} LabelValues;

/* No name has '=' in it or ends with '-'. */
static gboolean is_change(const char *word)
{
	return strchr(word, '=') || g_str_has_suffix(word, "-");
}

static cJSON *make_patch(const GPtrArray *changes, GError **error)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	cJSON *labels = json_ensure_object(json_ensure_object(patch, "metadata"), "labels");

	for (guint i = 0; i + 1 < changes->len; i++) {
		g_autofree char *key = NULL, *value = NULL;

		if (!labels_parse_change(changes->pdata[i], &key, &value, error)) {
			(void)error_usage(error);
			return NULL;
		}
		json_set(labels, key, value ? cJSON_CreateString(value) : cJSON_CreateNull());
	}
	return g_steal_pointer(&patch);
}

static void say_done(const CommandContext *context, const Resource *resource, const char *verb,
		     gboolean dry_run)
{
	g_autofree char *id = resource_id(resource->kind, resource->name);
	g_autofree char *safe = output_escape(id);

	(void)fprintf(context->output->stream, "%s %s%s\n", safe, verb,
		      dry_run ? " (dry run)" : "");
}

static gboolean label_one(const CommandContext *context, const LabelValues *values,
			  const Resource *resource, const GPtrArray *changes, const cJSON *patch,
			  GError **error)
{
	const char *ns = resource_namespace(context, resource->kind);
	g_autoptr(cJSON) object =
		cluster_get(context->cluster, resource->kind, ns, resource->name, error);
	g_autoptr(cJSON) wanted = object ? cJSON_Duplicate(object, TRUE) : NULL;
	g_autoptr(cJSON) stored = NULL;

	if (!object || !change_labels(wanted, (char *const *)changes->pdata, values->overwrite,
				      resource_label_owner(context, resource->kind), error))
		return FALSE;
	if (json_equal(object, wanted)) {
		say_done(context, resource, "unchanged", values->dry_run);
		return TRUE;
	}
	stored = cluster_patch(context->cluster, resource->kind, ns, resource->name,
			       CLUSTER_PATCH_MERGE, patch,
			       values->dry_run ? CLUSTER_WRITE_DRY_RUN : CLUSTER_WRITE_NONE, error);
	if (!stored)
		return FALSE;
	say_done(context, resource, "labelled", values->dry_run);
	if (resource->kind != &KIND_VMI || values->dry_run ||
	    !cluster_caps(context->cluster)->kvmig_migrates)
		return TRUE;
	return observe_carry_labels(context, stored, error);
}

static int run_label(CommandContext *context, const void *data, GError **error)
{
	const LabelValues *values = data;
	g_autoptr(GPtrArray) words = g_ptr_array_new(), changes = g_ptr_array_new();
	g_autoptr(GPtrArray) resources = NULL;
	g_autoptr(cJSON) patch = NULL;
	Tally tally = { 0 };

	for (guint i = 0; i < context->n_args; i++)
		g_ptr_array_add(is_change(context->args[i]) ? changes : words, context->args[i]);
	g_ptr_array_add(changes, NULL);
	if (!words->len || changes->len == 1) {
		error_set(error, KVMIG_ERROR_USAGE, "no %s is given",
			  words->len ? "label" : "kind and name");
		error_hint(error, "KEY=VALUE sets a label, KEY- removes it");
		return STATUS_USAGE;
	}
	resources = resources_parse(context, (char *const *)words->pdata, words->len, FALSE, error);
	patch = resources ? make_patch(changes, error) : NULL;
	if (!patch)
		return STATUS_FAILED;
	for (guint i = 0; i < resources->len; i++) {
		GError *failure = NULL;

		(void)label_one(context, values, resources->pdata[i], changes, patch, &failure);
		if (!tally_add(&tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &tally, resources->len);
	return (int)tally_status(&tally);
}

static const Option options[] = {
	OPT_FLAG(0, "overwrite", LabelValues, overwrite, "change labels that are there already"),
	OPT_FLAG(0, "dry-run", LabelValues, dry_run, "do all but keep it"),
	OPT_END,
};

static const char *const examples[] = {
	"kvmig label vmi web-1 app=web --dry-run",
	"kvmig label vmi web-1 tier=front --overwrite",
	"kvmig label vmi/web-1 tier-",
	NULL,
};

const Command label_command = {
	.name = "label",
	.summary = "set (k=v) and remove (k-) labels of objects",
	.group = COMMAND_GROUP_CLUSTER,
	.options = options,
	.values_size = sizeof(LabelValues),
	.args = { "KIND NAME LABEL", 2, G_MAXUINT, COMPLETE_KIND },
	.needs = NEED_CLUSTER | ANY_CLUSTER | MAY_CHANGE | HAS_NAMESPACE,
	.run = run_label,
	.examples = examples,
};
