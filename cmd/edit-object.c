/* SPDX-License-Identifier: Apache-2.0 */
#include "edit.h"

#include <string.h>

#include "editor.h"
#include "model/manifest.h"
#include "model/yaml.h"

/* What a place in the text begins with, as the manifest reader puts it; not shown: there is only
 * one text. */
#define TEXT_NAME "text"
#define TEXT_PREFIX "'" TEXT_NAME "', "

/* How often it is tried to get in between the changes of others. */
#define TRIES 5

typedef struct {
	const EditTarget *target;
	Editor *editor;
	cJSON *base;        /* what the text was made of */
	char *text;         /* what the editor gets */
	char *message;      /* why it gets it again; NULL at first */
	char *hint;         /* or NULL */
	gboolean undecided; /* others changed the same: the text holds until it is saved */
	gboolean again;     /* the editor is opened once more */
} Edit;

static void edit_clear(Edit *edit)
{
	editor_free(edit->editor);
	cJSON_Delete(edit->base);
	g_free(edit->text);
	g_free(edit->message);
	g_free(edit->hint);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Edit, edit_clear)

static void replace(char **place, char *text)
{
	g_free(*place);
	*place = text;
}

static cJSON *fetch(const Edit *edit, GError **error)
{
	const EditTarget *target = edit->target;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = cluster_get(target->context->cluster, target->kind, target->ns,
					      target->name, &cause);
	g_autoptr(cJSON) shown = object ? resource_shown(target->kind, object, FALSE) : NULL;

	if (shown)
		return cJSON_Duplicate(shown, TRUE);
	/* one that was there and is gone is not made again */
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND && target->initial &&
	    !object_uid(edit->base))
		return cJSON_Duplicate(target->initial, TRUE);
	g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

/* The user's text comes again, with the reason. Takes all three. */
static void try_again(Edit *edit, char *text, char *message, char *hint)
{
	replace(&edit->text, text);
	replace(&edit->message, message);
	replace(&edit->hint, hint);
	edit->again = TRUE;
}

/* Takes text and cause. */
static void not_accepted(Edit *edit, char *text, GError *cause)
{
	GString *message = g_string_new(cause->message);

	g_string_replace(message, TEXT_PREFIX, "", 0);
	g_string_prepend(message, "Not accepted: ");
	try_again(edit, text, g_string_free(message, FALSE), g_strdup(error_get_hint(cause)));
	g_error_free(cause);
}

/* The file can be sent as it is, unless the object is another one by now. */
static gboolean keep(Edit *edit, GError **error)
{
	const KvmigError code = error && *error ? error_code(*error) : KVMIG_ERROR_FAILED;
	g_autofree char *hint = NULL;

	editor_keep(edit->editor, error);
	if (code == KVMIG_ERROR_NOT_FOUND)
		error_prefix(error, "it was deleted while it was edited");
	if (!error || !*error || code == KVMIG_ERROR_NOT_FOUND || code == KVMIG_ERROR_CONFLICT)
		return FALSE;
	hint = g_strdup(error_get_hint(*error));
	error_hint(error, "%s; 'kvmig apply -f %s' sends it", hint, editor_path(edit->editor));
	return FALSE;
}

/* ---- what was saved ------------------------------------------------------------------------- */

/* A line that somebody has taken out as clutter is no change. */
static gboolean same_if_there(const char *after, const char *before)
{
	return !after || g_strcmp0(after, before) == 0;
}

static gboolean same_identity(const cJSON *after, const cJSON *before)
{
	return g_strcmp0(json_string(after, "apiVersion", NULL),
			 json_string(before, "apiVersion", NULL)) == 0 &&
	       g_strcmp0(json_string(after, "kind", NULL), json_string(before, "kind", NULL)) ==
		       0 &&
	       g_strcmp0(object_name(after), object_name(before)) == 0 &&
	       same_if_there(object_namespace(after), object_namespace(before)) &&
	       same_if_there(object_uid(after), object_uid(before));
}

/* NULL: INVALID, with place and what was probably meant. */
static const ManifestObject *parse(const Edit *edit, const char *text, Manifest *manifest,
				   GError **error)
{
	g_autofree char *placed = editor_place_text(text);
	const ManifestObject *source;

	if (!manifest_add(manifest, TEXT_NAME, placed, strlen(placed), error))
		return NULL;
	if (manifest_length(manifest) != 1) {
		error_set(error, KVMIG_ERROR_INVALID, "the text holds %u objects, one was expected",
			  manifest_length(manifest));
		return NULL;
	}
	source = manifest_nth(manifest, 0);
	if (same_identity(source->object, edit->base))
		return source;
	error_set(error, KVMIG_ERROR_INVALID,
		  "apiVersion, kind, name, namespace and uid of an object cannot be changed");
	return NULL;
}

/* The cluster's own: lines that are gone, and a version that it would take for a condition. */
static void drop_unsendable(cJSON *patch)
{
	static const char *const own[] = { "namespace", "uid", "creationTimestamp", "generation" };
	cJSON *metadata = json_get(patch, "metadata");

	if (!metadata)
		return;
	json_unset(metadata, "resourceVersion");
	for (gsize i = 0; i < G_N_ELEMENTS(own); i++)
		if (cJSON_IsNull(json_get(metadata, own[i])))
			json_unset(metadata, own[i]);
	if (!metadata->child)
		json_unset(patch, "metadata");
}

/* What was changed, but for what is never sent. */
static cJSON *make_patch(const Edit *edit, const cJSON *object)
{
	cJSON *patch = json_merge_diff(edit->base, object);

	drop_unsendable(patch);
	if (edit->target->kind->has_status && json_get(patch, "status")) {
		say_warning(edit->target->context,
			    "changes of the status are left out: it is what controllers found");
		json_unset(patch, "status");
	}
	return patch;
}

/* ---- others --------------------------------------------------------------------------------- */

/* The fields that both patches set, and to different values. */
static void find_collisions(const cJSON *mine, const cJSON *theirs, const char *path,
			    GString *fields)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, mine)
	{
		const cJSON *other = json_get(theirs, member->string);
		g_autofree char *deeper =
			g_strdup_printf("%s%s%s", path, *path ? "." : "", member->string);

		if (cJSON_IsObject(member) && cJSON_IsObject(other))
			find_collisions(member, other, deeper, fields);
		else if (other && !json_equal(member, other))
			g_string_append_printf(fields, "%s%s", fields->len ? ", " : "", deeper);
	}
}

/* Somebody else was faster. TRUE: their changes are in the base, and the patch still fits it or,
 * *ret_again, the text is shown again. Takes cause. */
static gboolean rebase(Edit *edit, const cJSON *patch, GError *cause, gboolean *ret_again,
		       GError **error)
{
	g_autoptr(GError) conflict = cause;
	g_autoptr(cJSON) now = fetch(edit, error);
	g_autoptr(cJSON) theirs = now ? json_merge_diff(edit->base, now) : NULL;
	g_autoptr(GString) fields = g_string_new(NULL);
	g_autoptr(cJSON) both = NULL;

	if (!now)
		return FALSE;
	if (object_uid(edit->base) && g_strcmp0(object_uid(now), object_uid(edit->base)) != 0)
		return error_set(error, KVMIG_ERROR_NOT_FOUND,
				 "another object of that name is there now");
	if (g_strcmp0(object_resource_version(now), object_resource_version(edit->base)) == 0) {
		g_propagate_error(error, g_steal_pointer(&conflict)); /* not for that reason */
		return FALSE;
	}
	find_collisions(patch, theirs, "", fields);
	cJSON_Delete(edit->base);
	edit->base = g_steal_pointer(&now);
	*ret_again = fields->len > 0;
	if (!*ret_again)
		return TRUE;
	both = cJSON_Duplicate(edit->base, TRUE);
	json_merge_patch(both, patch);
	edit->undecided = TRUE;
	try_again(edit, yaml_print(both),
		  g_strdup_printf("Somebody else has changed the same meanwhile: %s", fields->str),
		  g_strdup("this is the present state with your changes in it; save it to have it "
			   "applied all the same"));
	return TRUE;
}

/* ---- sending -------------------------------------------------------------------------------- */

/* Somebody else changed it, or made it, since it was shown. */
static gboolean was_overtaken(const Edit *edit, const GError *error)
{
	return error_code(error) == KVMIG_ERROR_CONFLICT ||
	       (!object_resource_version(edit->base) && error_code(error) == KVMIG_ERROR_EXISTS);
}

/* *ret_sent: the object as it is to be. */
static cJSON *send_patch(const Edit *edit, const cJSON *patch, cJSON **ret_sent, GError **error)
{
	const EditTarget *target = edit->target;
	const char *version = object_resource_version(edit->base);
	g_autoptr(cJSON) condition = cJSON_Duplicate(patch, TRUE);

	if (target->amend && !target->amend(target, edit->base, condition, error))
		return NULL;
	*ret_sent = cJSON_Duplicate(edit->base, TRUE);
	json_merge_patch(*ret_sent, condition);
	if (!version)
		return cluster_create(target->context->cluster, *ret_sent, CLUSTER_WRITE_NONE,
				      error);
	json_set_string(json_ensure_object(condition, "metadata"), "resourceVersion", version);
	return cluster_patch(target->context->cluster, target->kind, target->ns, target->name,
			     CLUSTER_PATCH_MERGE, condition, CLUSTER_WRITE_NONE, error);
}

static gboolean tell(const Edit *edit, const cJSON *sent, const cJSON *stored, GError **error)
{
	const EditTarget *target = edit->target;
	const gboolean taken = g_strcmp0(object_resource_version(stored),
					 object_resource_version(edit->base)) != 0;
	g_autofree char *id = resource_id(target->kind, target->name);
	g_autofree char *safe = output_escape(id);

	if (!taken)
		say_warning(target->context, "what you changed belongs to the cluster, which took "
					     "none of it");
	else if (target->stored && !target->stored(target, edit->base, sent, stored, error))
		return FALSE;
	(void)fprintf(target->context->output->stream, "%s %s\n", safe,
		      taken ? "edited" : "unchanged");
	return TRUE;
}

/* Takes text. */
static gboolean send(Edit *edit, const cJSON *patch, const ManifestObject *source, char *text,
		     GError **error)
{
	g_autofree char *owned = text;
	gboolean again = FALSE;

	for (int tries = 1;; tries++) {
		GError *cause = NULL;
		g_autoptr(cJSON) sent = NULL;
		g_autoptr(cJSON) stored = send_patch(edit, patch, &sent, &cause);

		if (stored)
			return tell(edit, sent, stored, error) || keep(edit, error);
		if (error_code(cause) == KVMIG_ERROR_INVALID) {
			manifest_explain(source, edit->target->kind, &cause);
			not_accepted(edit, g_steal_pointer(&owned), cause);
			return TRUE;
		}
		if (!was_overtaken(edit, cause) || tries == TRIES) {
			g_propagate_error(error, cause);
			return keep(edit, error);
		}
		if (!rebase(edit, patch, cause, &again, error))
			return keep(edit, error);
		if (again)
			return TRUE;
	}
}

static gboolean check(const Edit *edit, const ManifestObject *source, GError **error)
{
	const EditTarget *target = edit->target;

	if (!target->check || target->check(target, edit->base, source->object, error))
		return TRUE;
	manifest_explain(source, target->kind, error);
	return FALSE;
}

/* Takes text. */
static gboolean take(Edit *edit, char *text, GError **error)
{
	g_autofree char *owned = text;
	g_autoptr(Manifest) manifest = manifest_new();
	g_autoptr(cJSON) patch = NULL;
	GError *cause = NULL;
	const ManifestObject *source = parse(edit, text, manifest, &cause);

	if (source)
		patch = make_patch(edit, source->object);
	if (patch && !patch->child) {
		say(edit->target->context, "edit cancelled, no changes made");
		return TRUE;
	}
	if (source && check(edit, source, &cause))
		return send(edit, patch, source, g_steal_pointer(&owned), error);
	not_accepted(edit, g_steal_pointer(&owned), cause);
	return TRUE;
}

/* ---- turns of the editor -------------------------------------------------------------------- */

static gboolean give_up(const Edit *edit, GError **error)
{
	error_set(error, edit->undecided ? KVMIG_ERROR_CONFLICT : KVMIG_ERROR_FAILED,
		  "edit cancelled, no valid changes were saved: %s", edit->message);
	editor_keep(edit->editor, error);
	return FALSE;
}

static gboolean turn(Edit *edit, GError **error)
{
	const EditorReason reason = { edit->message, edit->hint };
	const CommandContext *context = edit->target->context;
	EditorEnd end = EDITOR_LEFT;
	g_autofree char *saved = NULL;

	edit->again = FALSE;
	if (!editor_run(edit->editor, edit->text, edit->message ? &reason : NULL, &end, &saved,
			error))
		return FALSE;
	if (end == EDITOR_CHANGED || (end == EDITOR_SAVED && edit->undecided)) {
		edit->undecided = FALSE;
		return take(edit, g_steal_pointer(&saved), error);
	}
	if (end != EDITOR_EMPTY && edit->message)
		return give_up(edit, error);
	say(context, end == EDITOR_EMPTY ? "edit cancelled, saved file was empty"
					 : "edit cancelled, no changes made");
	return TRUE;
}

static int turns(Edit *edit, GError **error)
{
	do {
		GError *cause = NULL;

		if (turn(edit, &cause))
			continue;
		if (error_code(cause) != KVMIG_ERROR_CANCELLED) {
			g_propagate_error(error, cause);
			return STATUS_FAILED;
		}
		report_error(cause);
		g_error_free(cause);
		return STATUS_INTERRUPTED;
	} while (edit->again);
	return STATUS_DONE;
}

int edit_object(const EditTarget *target, GError **error)
{
	g_auto(Edit) edit = { .target = target };
	g_autofree char *file_name =
		g_strdup_printf("%s-%s.yaml", target->kind->singular, target->name);

	edit.base = fetch(&edit, error);
	if (!edit.base)
		return STATUS_FAILED;
	edit.text = yaml_print(edit.base);
	edit.editor = editor_new(target->context, file_name, target->otherwise, error);
	if (!edit.editor)
		return STATUS_FAILED;
	return turns(&edit, error);
}
