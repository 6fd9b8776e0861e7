/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest-files.h"

#include <string.h>

#include "base/reason.h"
#include "follow.h"
#include "model/wellknown.h"

/* ---- one object ----------------------------------------------------------------------------- */

/* An object that names another namespace than -n is not put there. */
static gboolean set_namespace(const CommandContext *context, const ManifestObject *source,
			      const Kind *kind, cJSON *object, GError **error)
{
	const char *ns = object_namespace(object);
	g_autofree char *place = NULL;

	if (!kind->namespaced)
		return TRUE;
	if (!ns) {
		json_set_string(json_ensure_object(object, "metadata"), "namespace", context->ns);
		return TRUE;
	}
	if (!context->ns_given || strcmp(ns, context->ns) == 0)
		return TRUE;
	place = manifest_place(source, "metadata.namespace");
	error_set(error, KVMIG_ERROR_USAGE, "%s: the object is of namespace '%s', and -n says '%s'",
		  place, ns, context->ns);
	error_hint(error, "leave out -n, or say -n %s", ns);
	return FALSE;
}

/* KubeVirt's webhook refuses a second migration of a VM. So does the store of a local cluster, but
 * no API server of a fleet. */
static gboolean is_alone(const ManifestWrite *write, GError **error)
{
	const char *ns = object_namespace(write->object);
	const char *vm = json_string(json_get(write->object, "spec"), "vmiName", NULL);
	const ClusterListOptions list = { .ns = ns };
	g_autoptr(GPtrArray) migrations = NULL;
	const cJSON *other;

	if (cluster_caps(write->context->cluster)->kind != CLUSTER_FLEET)
		return TRUE;
	migrations = cluster_list(write->context->cluster, &KIND_VMIM, &list, NULL, error);
	if (!migrations)
		return FALSE;
	other = migration_unfinished_of(migrations, ns, vm);
	if (other) {
		error_set(error, KVMIG_ERROR_CONFLICT,
			  "VM '%s' is being migrated already, by migration '%s'", vm,
			  object_name(other));
		error_reason(error, REASON_BLK_IN_FLIGHT);
		return FALSE;
	}
	return TRUE;
}

/* What KubeVirt's webhook adds to mark one. */
static gboolean admit_migration(const ManifestWrite *write, GError **error)
{
	const char *vm = json_string(json_get(write->object, "spec"), "vmiName", NULL);

	if (!vm)
		return error_set(error, KVMIG_ERROR_INVALID, "spec.vmiName: is required");
	object_set_label(write->object, LABEL_VMI_NAME, vm);
	object_add_finalizer(write->object, FINALIZER_MIGRATION);
	return is_alone(write, error);
}

cJSON *manifest_create(const ManifestWrite *write, GError **error)
{
	/* clusters whose own webhooks do that have none of these caps */
	if (write->kind == &KIND_VMIM && cluster_caps(write->context->cluster)->kvmig_migrates &&
	    !admit_migration(write, error))
		return NULL;
	return cluster_create(write->context->cluster, write->object, write->flags, error);
}

/* ---- all of them ---------------------------------------------------------------------------- */

typedef struct {
	const CommandContext *context;
	const Manifest *manifest;
	ClusterWriteFlags flags;
	ManifestWriteFunc func;
	OutputList *list; /* -o json, yaml of several */
	Tally tally;
	gboolean migration_written;
} Writer;

/* Before the first write: kinds that the cluster has not are found out in time. */
static gboolean check_kinds(const Writer *writer, GError **error)
{
	for (guint i = 0; i < manifest_length(writer->manifest); i++) {
		const ManifestObject *source = manifest_nth(writer->manifest, i);
		const cJSON *object = source->object;
		g_autofree char *place = NULL;

		if (cluster_kind_of(writer->context->cluster, json_string(object, "apiVersion", ""),
				    json_string(object, "kind", ""), error))
			continue;
		place = manifest_place(source, "kind");
		error_prefix(error, "%s", place);
		return FALSE;
	}
	return TRUE;
}

static void print(Writer *writer, const Kind *kind, const cJSON *object, const char *verb)
{
	const Output *output = writer->context->output;
	const char *name = object_name(object);
	g_autofree char *id = resource_id(kind, name ? name : "");
	g_autofree char *safe = output_escape(id);
	g_autoptr(cJSON) shown = NULL;

	if (output->format == OUTPUT_NAME) {
		(void)fprintf(output->stream, "%s\n", safe);
	} else if (output->format != OUTPUT_JSON && output->format != OUTPUT_YAML) {
		(void)fprintf(output->stream, "%s %s%s\n", safe, verb,
			      writer->flags & CLUSTER_WRITE_DRY_RUN ? " (dry run)" : "");
	} else {
		shown = resource_shown(kind, object, FALSE);
		if (writer->list)
			output_list_add(writer->list, shown);
		else
			output_object(output, shown, FALSE);
	}
	(void)fflush(output->stream);
}

/* They belong to one user: nobody asks what roles and bindings there permit. */
static void warn_if_idle(const Writer *writer, const Kind *kind, const cJSON *object)
{
	if (cluster_caps(writer->context->cluster)->kind == CLUSTER_LOCAL &&
	    g_str_equal(kind->group, KIND_CLUSTER_ROLE.group))
		say_warning(writer->context,
			    "%s '%s' is kept and permits nothing: a local cluster is one user's",
			    kind->singular, object_name(object));
}

static gboolean write_one(Writer *writer, const ManifestObject *source, GError **error)
{
	g_autoptr(cJSON) object = cJSON_Duplicate(source->object, TRUE);
	ManifestWrite write = { writer->context, source, NULL, object, writer->flags };
	g_autoptr(cJSON) stored = NULL;
	const char *verb = "";

	write.kind =
		cluster_kind_of(writer->context->cluster, json_string(object, "apiVersion", ""),
				json_string(object, "kind", ""), error);
	if (!write.kind || !set_namespace(writer->context, source, write.kind, object, error))
		return FALSE;
	stored = writer->func(&write, &verb, error);
	if (!stored) {
		manifest_explain(source, write.kind, error);
		return FALSE;
	}
	print(writer, write.kind, stored, verb);
	warn_if_idle(writer, write.kind, stored);
	writer->migration_written = writer->migration_written || write.kind == &KIND_VMIM;
	return TRUE;
}

static void write_each(Writer *writer)
{
	for (guint i = 0; i < manifest_length(writer->manifest); i++) {
		GError *failure = NULL;

		(void)write_one(writer, manifest_nth(writer->manifest, i), &failure);
		if (!tally_add(&writer->tally, NULL, failure))
			break;
	}
	tally_tell_left(writer->context, &writer->tally, manifest_length(writer->manifest));
}

static gboolean any_migration(const Manifest *manifest)
{
	for (guint i = 0; i < manifest_length(manifest); i++)
		if (object_kind(manifest_nth(manifest, i)->object) == &KIND_VMIM)
			return TRUE;
	return FALSE;
}

static void ensure_controller(const Writer *writer)
{
	if (writer->migration_written && !(writer->flags & CLUSTER_WRITE_DRY_RUN))
		follow_ensure_controller(writer->context);
}

int manifest_write_all(const CommandContext *context, const Manifest *manifest,
		       ClusterWriteFlags flags, ManifestWriteFunc func, GError **error)
{
	Writer writer = { context, manifest, flags, func, NULL, { 0 }, FALSE };
	const guint length = manifest_length(manifest);
	const OutputFormat format = context->output->format;

	if (!check_kinds(&writer, error))
		return STATUS_FAILED;
	/* Who migrates matters only to migrations; a cluster that is neither kind has no say. */
	if (any_migration(manifest))
		(void)cluster_probe(context->cluster, NULL);
	if (length == 1) {
		if (!write_one(&writer, manifest_nth(manifest, 0), error))
			return STATUS_FAILED;
		ensure_controller(&writer);
		return STATUS_DONE;
	}
	if (format == OUTPUT_JSON || format == OUTPUT_YAML)
		writer.list = output_list_new(context->output);
	write_each(&writer);
	if (writer.list)
		output_list_end(writer.list);
	output_list_free(writer.list);
	ensure_controller(&writer);
	return tally_status(&writer.tally);
}
