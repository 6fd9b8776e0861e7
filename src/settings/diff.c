/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/diff.h"

#include "base/error.h"

#define HCO_GROUP "hco.kubevirt.io/"
#define KUBEVIRT_GROUP "kubevirt.io/"

void settings_document_clear(SettingsDocument *document)
{
	g_clear_pointer(&document->what, g_free);
	g_clear_pointer(&document->unknown, g_ptr_array_unref);
	document->map = NULL;
}

/* ---- candidates ----------------------------------------------------------------------------- */

typedef struct {
	const cJSON *object; /* as it stands in the file */
	const cJSON *map;    /* NULL: it sets nothing */
	const char *kind;    /* "HyperConverged", "KubeVirt"; NULL: a part of one */
	guint document;      /* from 1 */
} Candidate;

static const cJSON *as_object(const cJSON *value)
{
	return cJSON_IsObject(value) ? value : NULL;
}

/* `spec:` or the whole, without apiVersion and kind. */
static const cJSON *map_of_part(const cJSON *part)
{
	const cJSON *spec = json_get(part, "spec") ? json_get(part, "spec") : part;
	const cJSON *map = as_object(json_get(spec, "liveMigrationConfig"));

	if (!map)
		map = as_object(json_path(spec, "virtualization", "liveMigrationConfig", NULL));
	if (!map)
		map = as_object(json_path(spec, "configuration", "migrations", NULL));
	if (map)
		return map;
	for (unsigned i = 0; setting_nth(i); i++)
		if (json_get(part, setting_nth(i)->key))
			return part;
	return NULL;
}

static gboolean is_settings_object(const cJSON *object)
{
	const char *kind = json_string(object, "kind", "");
	const char *version = json_string(object, "apiVersion", "");

	return (g_str_equal(kind, "HyperConverged") && g_str_has_prefix(version, HCO_GROUP)) ||
	       (g_str_equal(kind, "KubeVirt") && g_str_has_prefix(version, KUBEVIRT_GROUP));
}

static void take(GArray *candidates, const cJSON *object, guint document)
{
	Candidate candidate = { .object = object, .document = document };

	if (is_settings_object(object)) {
		candidate.kind = json_string(object, "kind", "");
		candidate.map = settings_map(object);
	} else if (cJSON_IsObject(object) && !json_get(object, "kind")) {
		candidate.map = map_of_part(object);
	}
	if (candidate.kind || candidate.map)
		g_array_append_val(candidates, candidate);
}

static GArray *all_candidates(const GPtrArray *documents)
{
	GArray *candidates = g_array_new(FALSE, FALSE, sizeof(Candidate));

	for (guint i = 0; i < documents->len; i++) {
		const cJSON *document = documents->pdata[i];
		const cJSON *items = json_get(document, "items"), *item;

		if (!g_str_has_suffix(json_string(document, "kind", ""), "List"))
			take(candidates, document, i + 1);
		else
			cJSON_ArrayForEach(item, items) take(candidates, item, i + 1);
	}
	return candidates;
}

static char *candidate_text(const Candidate *candidate)
{
	const cJSON *metadata = json_get(candidate->object, "metadata");
	const char *ns = json_string(metadata, "namespace", NULL);
	g_autofree char *name = error_excerpt(json_string(metadata, "name", ""));
	g_autofree char *where = error_excerpt(ns);
	g_autofree char *version = error_excerpt(json_string(candidate->object, "apiVersion", ""));

	if (!candidate->kind)
		return g_strdup("a part of an object");
	if (!*name)
		return g_strdup_printf("%s (%s)", candidate->kind, version);
	return g_strdup_printf("%s '%s%s%s' (%s)", candidate->kind, where, ns ? "/" : "", name,
			       version);
}

/* ---- choosing ------------------------------------------------------------------------------- */

static gboolean refuse_none(const GPtrArray *documents, GError **error)
{
	const cJSON *first = documents->len ? documents->pdata[0] : NULL;
	g_autofree char *kind = error_excerpt(json_string(first, "kind", ""));

	if (documents->len == 0)
		error_set(error, KVMIG_ERROR_INVALID, "it is empty");
	else if (*kind)
		error_set(error, KVMIG_ERROR_INVALID,
			  "no object in it has settings: it begins "
			  "with %s '%s'",
			  g_str_equal(kind, "HyperConverged") || g_str_equal(kind, "KubeVirt")
				  ? "the unknown version of"
				  : "kind",
			  kind);
	else
		error_set(error, KVMIG_ERROR_INVALID, "there are no settings in it");
	error_hint(error, "it may be a HyperConverged, a KubeVirt, or a part of one, such as "
			  "liveMigrationConfig with keys below it");
	return FALSE;
}

static gboolean refuse_several(const GArray *candidates, const char *kind, GError **error)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < candidates->len; i++) {
		const Candidate *candidate = &g_array_index(candidates, Candidate, i);
		g_autofree char *text = candidate_text(candidate);

		if (!kind || g_strcmp0(candidate->kind, kind) == 0)
			g_string_append_printf(list, "%s%s in document %u", list->len ? ", " : "",
					       text, candidate->document);
	}
	error_set(error, KVMIG_ERROR_INVALID, "more than one object has settings: %s", list->str);
	error_hint(error, "leave the one in it that is meant");
	return FALSE;
}

static const Candidate *choose(const GArray *candidates, const char *kind, GError **error)
{
	const Candidate *chosen = NULL;
	guint fitting = 0;

	if (candidates->len == 1)
		return &g_array_index(candidates, Candidate, 0);
	for (guint i = 0; kind && i < candidates->len; i++) {
		const Candidate *candidate = &g_array_index(candidates, Candidate, i);

		if (g_strcmp0(candidate->kind, kind) == 0 && fitting++ == 0)
			chosen = candidate;
	}
	if (fitting == 1)
		return chosen;
	refuse_several(candidates, fitting ? kind : NULL, error);
	return NULL;
}

/* ---- checking ------------------------------------------------------------------------------- */

gboolean settings_check_place(const cJSON *object, GError **error)
{
	const char *version = json_string(object, "apiVersion", "");
	const gboolean v1 = g_str_equal(version, HCO_GROUP "v1");
	const cJSON *spec = json_get(object, "spec");
	const char *const places[] = { "spec.liveMigrationConfig",
				       "spec.virtualization.liveMigrationConfig" };
	const cJSON *other = v1 ? json_get(spec, "liveMigrationConfig")
				: json_path(spec, "virtualization", "liveMigrationConfig", NULL);

	if (!g_str_has_prefix(version, HCO_GROUP) || !other)
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID,
		  "%s is where hco.kubevirt.io/%s has the settings, not %s", places[!v1],
		  v1 ? "v1beta1" : "v1", version);
	error_hint(error, "in that version it is %s", places[v1]);
	return FALSE;
}

static gboolean check_values(const cJSON *map, GPtrArray *unknown, GError **error)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, map)
	{
		const Setting *setting = setting_find(value->string);

		if (!setting)
			g_ptr_array_add(unknown, error_excerpt(value->string));
		else if (!cJSON_IsNull(value) && !setting_check_value(setting, value, error))
			return FALSE;
	}
	return TRUE;
}

gboolean settings_document_find(const GPtrArray *documents, const char *kind,
				SettingsDocument *ret_document, GError **error)
{
	g_autoptr(GArray) candidates = all_candidates(documents);
	g_autoptr(GPtrArray) unknown = g_ptr_array_new_with_free_func(g_free);
	const Candidate *candidate;

	if (candidates->len == 0)
		return refuse_none(documents, error);
	candidate = choose(candidates, kind, error);
	if (!candidate || (candidate->kind && !settings_check_place(candidate->object, error)) ||
	    !check_values(candidate->map, unknown, error))
		return FALSE;
	*ret_document = (SettingsDocument){ .map = candidate->map,
					    .what = candidate_text(candidate),
					    .unknown = g_steal_pointer(&unknown) };
	return TRUE;
}

/* ---- comparing ------------------------------------------------------------------------------ */

SettingDifference setting_compare(const Setting *setting, const SettingSide *here,
				  const SettingSide *there)
{
	if (!here->known || !there->known) {
		const SettingSide *side = here->known ? here : there;

		return side->known && side->set == SETTING_SET_YES ? SETTING_DIFFERS : SETTING_SAME;
	}
	if (!setting_same_value(setting, here->value, there->value))
		return SETTING_DIFFERS;
	if (here->set == there->set || here->set == SETTING_SET_UNKNOWN ||
	    there->set == SETTING_SET_UNKNOWN)
		return SETTING_SAME;
	return SETTING_DIFFERS_SET;
}

cJSON *setting_to_match(const Setting *setting, const SettingSide *there, const cJSON *fallback)
{
	if (!there->known || !there->value || cJSON_IsNull(there->value))
		return cJSON_CreateNull();
	if (there->set != SETTING_SET_YES && setting_same_value(setting, there->value, fallback))
		return cJSON_CreateNull();
	return cJSON_Duplicate(there->value, TRUE);
}
