/* SPDX-License-Identifier: Apache-2.0 */
#include "model/manifest.h"

#include <string.h>

#include "base/error.h"
#include "model/locate.h"
#include "model/manifest-hints.h"
#include "model/object.h"
#include "model/schema.h"
#include "model/yaml.h"

struct ManifestFile {
	char *name; /* "'web.yaml'" */
	char *text;
	gsize length;
	GPtrArray *documents; /* cJSON*, as they were read */
};

struct Manifest {
	GPtrArray *files, *objects;
};

static void file_free(ManifestFile *file)
{
	g_free(file->name);
	g_free(file->text);
	g_clear_pointer(&file->documents, g_ptr_array_unref);
	g_free(file);
}

static void object_free(ManifestObject *object)
{
	cJSON_Delete(object->object);
	g_free(object->prefix);
	g_free(object);
}

Manifest *manifest_new(void)
{
	Manifest *manifest = g_new0(Manifest, 1);

	manifest->files = g_ptr_array_new_with_free_func((GDestroyNotify)file_free);
	manifest->objects = g_ptr_array_new_with_free_func((GDestroyNotify)object_free);
	return manifest;
}

void manifest_free(Manifest *manifest)
{
	if (!manifest)
		return;
	g_ptr_array_unref(manifest->objects);
	g_ptr_array_unref(manifest->files);
	g_free(manifest);
}

guint manifest_length(const Manifest *manifest)
{
	return manifest->objects->len;
}

ManifestObject *manifest_nth(const Manifest *manifest, guint n)
{
	return g_ptr_array_index(manifest->objects, n);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* As kubectl guesses it. */
static gboolean looks_like_json(const char *text, gsize length)
{
	gsize blank = 0;

	while (blank < length && g_ascii_isspace(text[blank]))
		blank++;
	return blank < length && text[blank] == '{';
}

static GPtrArray *parse_yaml(const ManifestFile *file, GError **error)
{
	g_autofree char *hint = NULL;
	gsize line = 0;
	GPtrArray *documents =
		yaml_parse_all_at(file->text, file->length, file->name, &line, error);

	if (!documents && line)
		hint = manifest_syntax_hint(file->text, file->length, line);
	if (hint)
		error_hint(error, "%s", hint);
	return documents;
}

/* A text that begins as JSON may still be YAML in flow style. */
static GPtrArray *parse(const ManifestFile *file, GError **error)
{
	g_autoptr(GError) cause = NULL;
	GPtrArray *documents;
	cJSON *document;

	if (!looks_like_json(file->text, file->length))
		return parse_yaml(file, error);
	document = json_parse(file->text, file->length, file->name, &cause);
	if (!document) {
		documents = yaml_parse_all(file->text, file->length, file->name, NULL);
		if (!documents)
			g_propagate_error(error, g_steal_pointer(&cause));
		return documents;
	}
	documents = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_ptr_array_add(documents, document);
	return documents;
}

/* ---- checking ------------------------------------------------------------------------------- */

static void add_mistake(GString *text, const ManifestObject *object, const ManifestMistake *mistake)
{
	g_autofree char *place = manifest_place(object, mistake->path);

	g_string_append_printf(text, "%s%s: %s%s%s", text->len ? "; " : "", place, mistake->path,
			       *mistake->path ? ": " : "", mistake->wrong);
}

/* NULL where nothing is known. */
static char *join_meant(const GPtrArray *mistakes)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < mistakes->len; i++) {
		const ManifestMistake *mistake = mistakes->pdata[i];

		if (mistake->meant)
			g_string_append_printf(text, "%s%s", text->len ? "; " : "", mistake->meant);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static gboolean check(const ManifestObject *object, GError **error)
{
	g_autoptr(GPtrArray) mistakes = manifest_mistakes(object->object);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *meant = join_meant(mistakes);

	if (mistakes->len == 0)
		return TRUE;
	for (guint i = 0; i < mistakes->len; i++)
		add_mistake(text, object, mistakes->pdata[i]);
	error_set(error, KVMIG_ERROR_INVALID, "%s", text->str);
	if (meant)
		error_hint(error, "%s", meant);
	return FALSE;
}

static gboolean is_list(const cJSON *document)
{
	return g_str_has_suffix(json_string(document, "kind", ""), "List") &&
	       cJSON_IsArray(json_get(document, "items"));
}

/* Takes prefix. */
static gboolean add_object(Manifest *manifest, const ManifestFile *file, guint document,
			   char *prefix, const cJSON *value, GError **error)
{
	ManifestObject *object = g_new0(ManifestObject, 1);
	g_autofree char *place = NULL;

	object->object = cJSON_Duplicate(value, TRUE);
	object->file = file;
	object->document = document;
	object->prefix = prefix;
	g_ptr_array_add(manifest->objects, object);
	if (cJSON_IsObject(value))
		return check(object, error);
	place = manifest_place(object, NULL);
	error_set(error, KVMIG_ERROR_INVALID, "%s: this is no object", place);
	error_hint(error, "an object begins with apiVersion and kind");
	return FALSE;
}

static gboolean add_document(Manifest *manifest, const ManifestFile *file, guint n, GError **error)
{
	const cJSON *document = file->documents->pdata[n];
	const cJSON *item;
	guint i = 0;

	if (!is_list(document))
		return add_object(manifest, file, n, g_strdup(""), document, error);
	cJSON_ArrayForEach(item, json_get(document, "items"))
	{
		if (!add_object(manifest, file, n, g_strdup_printf("items[%u]", i++), item, error))
			return FALSE;
	}
	return TRUE;
}

gboolean manifest_add(Manifest *manifest, const char *name, const char *text, gsize length,
		      GError **error)
{
	ManifestFile *file = g_new0(ManifestFile, 1);

	file->name =
		g_str_equal(name, "-") ? g_strdup("standard input") : g_strdup_printf("'%s'", name);
	file->text = g_malloc0(length + 1); /* an empty file has a text too */
	if (length)
		memcpy(file->text, text, length);
	file->length = length;
	g_ptr_array_add(manifest->files, file);
	file->documents = parse(file, error);
	if (!file->documents)
		return FALSE;
	for (guint n = 0; n < file->documents->len; n++)
		if (!add_document(manifest, file, n, error))
			return FALSE;
	return TRUE;
}

/* ---- places --------------------------------------------------------------------------------- */

char *manifest_place(const ManifestObject *object, const char *path)
{
	const ManifestFile *file = object->file;
	const char *between = *object->prefix && path && *path && *path != '[' ? "." : "";
	g_autofree char *whole =
		g_strdup_printf("%s%s%s", object->prefix, between, path ? path : "");
	gsize line = 1, column = 1;

	/* what cannot be found is at the beginning of it all */
	(void)path_locate(file->text, file->length, object->document,
			  file->documents->pdata[object->document], whole, &line, &column);
	return g_strdup_printf("%s, line %zu, column %zu", file->name, line, column);
}

/* The field that a message speaks of: the longest way into the object that stands in it. */
static char *path_in_message(const cJSON *object, const char *message)
{
	g_auto(GStrv) words = g_strsplit_set(message, " \t'\",;()", -1);
	const char *best = NULL;
	guint most = 0;

	for (char **word = words; *word; word++) {
		guint depth;

		g_strdelimit(*word + (**word ? strlen(*word) - 1 : 0), ":", '\0');
		if (!**word || !strpbrk(*word, ".["))
			continue;
		(void)path_resolves(object, *word, &depth);
		if (depth > most) {
			most = depth;
			best = *word;
		}
	}
	return g_strdup(best);
}

/* Our schema has nothing against it, and is that of the newest version. */
static gboolean is_too_new(const Kind *kind, const GPtrArray *doubts, const char *message)
{
	return doubts->len == 0 && schema_for(kind) && strstr(message, "unknown field \"");
}

void manifest_explain(const ManifestObject *object, const Kind *kind, GError **error)
{
	g_autoptr(GPtrArray) doubts = NULL;
	g_autofree char *path = NULL, *place = NULL, *meant = NULL;

	if (!error || !*error)
		return;
	path = path_in_message(object->object, (*error)->message);
	if (error_code(*error) == KVMIG_ERROR_INVALID && kind) {
		doubts = manifest_doubts(kind, object->object);
		meant = join_meant(doubts);
		if (!path && doubts->len)
			path = g_strdup(((const ManifestMistake *)doubts->pdata[0])->path);
		if (is_too_new(kind, doubts, (*error)->message))
			meant = g_strdup("this cluster does not know the field, which newer "
					 "versions have");
	}
	place = manifest_place(object, path);
	error_prefix(error, "%s", place);
	if (meant)
		error_hint(error, "%s", meant);
}
