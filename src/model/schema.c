/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema is walked as it is, a JSON document: no compiled form, so that the manifest is the
 * only description. Schemas are ours, objects are not: recursion is bounded by the depth of the
 * schema.
 */
#include "model/schema.h"

#include <string.h>

#include "base/error.h"
#include "model/crds.h"
#include "model/metadata.h"

#define CAUSES_MAX 10

/* ---- causes --------------------------------------------------------------------------------- */

gboolean causes_full(const Causes *causes)
{
	return causes->texts->len >
	       CAUSES_MAX; /* one more than is shown tells that there are more */
}

void causes_add(Causes *causes, const char *path, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list arguments;

	if (causes_full(causes))
		return;
	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_ptr_array_add(causes->texts,
			*path ? g_strdup_printf("%s: %s", path, why) : g_steal_pointer(&why));
}

static gboolean causes_to_error(const Causes *causes, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (causes->texts->len == 0)
		return TRUE;
	for (guint i = 0; i < MIN(causes->texts->len, CAUSES_MAX); i++)
		g_string_append_printf(text, "%s%s", i > 0 ? "; " : "",
				       (const char *)causes->texts->pdata[i]);
	if (causes->texts->len > CAUSES_MAX)
		g_string_append(text, "; and more");
	return error_set(error, KVMIG_ERROR_INVALID, "%s", text->str);
}

/* ---- values --------------------------------------------------------------------------------- */

static void check(const cJSON *schema, const cJSON *value, const char *path, Causes *causes);

static const char *type_words(const char *type)
{
	static const char *const words[][2] = {
		{ "object", "an object" }, { "array", "a list" },
		{ "string", "a string" },  { "integer", "an integer" },
		{ "number", "a number" },  { "boolean", "true or false" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (strcmp(words[i][0], type) == 0)
			return words[i][1];
	}
	return type;
}

static gboolean is_integer(const cJSON *value)
{
	gint64 integer;

	return json_integer_value(value, &integer);
}

static gboolean is_type(const cJSON *value, const char *type)
{
	switch (*type) {
	case 'o':
		return cJSON_IsObject(value);
	case 'a':
		return cJSON_IsArray(value);
	case 's':
		return cJSON_IsString(value);
	case 'i':
		return is_integer(value);
	case 'n':
		return cJSON_IsNumber(value);
	case 'b':
		return cJSON_IsBool(value);
	default:
		return FALSE;
	}
}

static gboolean check_type(const cJSON *schema, const cJSON *value, const char *path,
			   Causes *causes)
{
	const char *type = json_string(schema, "type", NULL);

	if (json_bool(schema, "x-kubernetes-int-or-string", FALSE)) {
		if (cJSON_IsString(value) || is_integer(value))
			return TRUE;
		causes_add(causes, path, "must be an integer or a string");
		return FALSE;
	}
	if (!type || is_type(value, type))
		return TRUE;
	causes_add(causes, path, "must be %s", type_words(type));
	return FALSE;
}

static void check_enum(const cJSON *schema, const cJSON *value, const char *path, Causes *causes)
{
	const cJSON *allowed = json_get(schema, "enum");
	g_autoptr(GString) list = g_string_new(NULL);
	const cJSON *item;

	if (!allowed)
		return;
	cJSON_ArrayForEach(item, allowed)
	{
		g_autofree char *text = json_print(item);

		if (json_equal(item, value))
			return;
		g_string_append_printf(list, "%s%s", list->len > 0 ? ", " : "", text);
	}
	causes_add(causes, path, "must be one of %s", list->str);
}

/* Exact where all are integers. */
static int compare_numbers(const cJSON *a, const cJSON *b)
{
	gint64 left, right;

	if (json_integer_value(a, &left) && json_integer_value(b, &right))
		return (left > right) - (left < right);
	return (a->valuedouble > b->valuedouble) - (a->valuedouble < b->valuedouble);
}

static void check_number(const cJSON *schema, const cJSON *value, const char *path, Causes *causes)
{
	const cJSON *minimum = json_get(schema, "minimum");
	const cJSON *maximum = json_get(schema, "maximum");
	g_autofree char *limit = NULL;

	if (cJSON_IsNumber(minimum) && compare_numbers(value, minimum) < 0) {
		limit = json_number_text(minimum);
		causes_add(causes, path, "must be at least %s", limit);
	} else if (cJSON_IsNumber(maximum) && compare_numbers(value, maximum) > 0) {
		limit = json_number_text(maximum);
		causes_add(causes, path, "must be at most %s", limit);
	}
}

/* Patterns are those of the manifests: few, and asked for every object. */
static const GRegex *compiled(const char *pattern)
{
	static GMutex lock;
	static GHashTable *cache; /* never freed; keys are owned */
	g_autoptr(GError) error = NULL;
	GRegex *regex;

	g_mutex_lock(&lock);
	if (!cache)
		cache = g_hash_table_new(g_str_hash, g_str_equal);
	regex = g_hash_table_lookup(cache, pattern);
	if (!regex) {
		regex = g_regex_new(pattern, G_REGEX_DOLLAR_ENDONLY | G_REGEX_OPTIMIZE, 0, &error);
		if (regex)
			g_hash_table_insert(cache, g_strdup(pattern), regex);
		else
			g_critical("bad pattern in a schema: %s", error->message);
	}
	g_mutex_unlock(&lock);
	return regex;
}

static void check_string(const cJSON *schema, const char *text, const char *path, Causes *causes)
{
	const char *pattern = json_string(schema, "pattern", NULL);
	gint64 minimum = json_int(schema, "minLength", 0);
	gint64 maximum = json_int(schema, "maxLength", G_MAXINT64);
	gint64 length;

	if (!g_utf8_validate(text, -1, NULL)) {
		causes_add(causes, path, "must be UTF-8");
		return;
	}
	length = g_utf8_strlen(text, -1);
	if (length < minimum && length == 0)
		causes_add(causes, path, "must not be empty");
	else if (length < minimum)
		causes_add(causes, path, "must have at least %" G_GINT64_FORMAT " characters",
			   minimum);
	else if (length > maximum)
		causes_add(causes, path, "must have at most %" G_GINT64_FORMAT " characters",
			   maximum);
	else if (pattern) {
		const GRegex *regex = compiled(pattern);
		g_autofree char *piece = NULL;

		if (regex && !g_regex_match(regex, text, 0, NULL)) {
			piece = error_excerpt(text);
			causes_add(causes, path, "'%s' does not match %s", piece, pattern);
		}
	}
}

/* ---- collections ---------------------------------------------------------------------------- */

static char *join(const char *path, const char *key)
{
	g_autofree char *piece = error_excerpt(key);

	return *path ? g_strdup_printf("%s.%s", path, piece) : g_steal_pointer(&piece);
}

static void check_required(const cJSON *schema, const cJSON *object, const char *path,
			   Causes *causes)
{
	const cJSON *name;

	cJSON_ArrayForEach(name, json_get(schema, "required"))
	{
		g_autofree char *inner = NULL;

		if (!cJSON_IsString(name) || json_get(object, name->valuestring))
			continue;
		inner = join(path, name->valuestring);
		causes_add(causes, inner, "is required");
	}
}

static void check_member(const cJSON *schema, const cJSON *member, const char *path, Causes *causes)
{
	const cJSON *properties = json_get(schema, "properties");
	const cJSON *property = json_get(properties, member->string);
	const cJSON *additional = json_get(schema, "additionalProperties");
	g_autofree char *inner = NULL;

	if (property) {
		inner = join(path, member->string);
		check(property, member, inner, causes);
	} else if (cJSON_IsObject(additional)) {
		g_autofree char *piece = error_excerpt(member->string);

		inner = g_strdup_printf("%s[%s]", path, piece);
		check(additional, member, inner, causes);
	} else if (!cJSON_IsTrue(additional) &&
		   !json_bool(schema, "x-kubernetes-preserve-unknown-fields", FALSE)) {
		inner = join(path, member->string);
		causes_add(causes, inner, "unknown field");
	}
}

static void check_object(const cJSON *schema, const cJSON *object, const char *path, Causes *causes)
{
	const cJSON *member;

	check_required(schema, object, path, causes);
	cJSON_ArrayForEach(member, object)
	{
		if (causes_full(causes))
			return;
		check_member(schema, member, path, causes);
	}
}

static void check_array(const cJSON *schema, const cJSON *array, const char *path, Causes *causes)
{
	const cJSON *items = json_get(schema, "items");
	const cJSON *item;
	guint64 n = 0;

	if (!items)
		return;
	cJSON_ArrayForEach(item, array)
	{
		g_autofree char *inner = NULL;

		if (causes_full(causes))
			return;
		inner = g_strdup_printf("%s[%" G_GUINT64_FORMAT "]", path, n++);
		check(items, item, inner, causes);
	}
}

static void check(const cJSON *schema, const cJSON *value, const char *path, Causes *causes)
{
	if (cJSON_IsNull(value) && json_bool(schema, "nullable", FALSE))
		return;
	if (!check_type(schema, value, path, causes))
		return;
	check_enum(schema, value, path, causes);
	if (cJSON_IsString(value))
		check_string(schema, value->valuestring, path, causes);
	else if (cJSON_IsNumber(value))
		check_number(schema, value, path, causes);
	else if (cJSON_IsObject(value) && json_get(schema, "type"))
		check_object(schema, value, path, causes);
	else if (cJSON_IsArray(value))
		check_array(schema, value, path, causes);
}

/* ---- the schemas ---------------------------------------------------------------------------- */

const char *schema_manifest(const Kind *kind)
{
	for (const Crd *crd = crds; crd->kind; crd++) {
		if (strcmp(crd->group, kind->group) == 0 && strcmp(crd->kind, kind->kind) == 0)
			return crd->manifest;
	}
	return NULL;
}

/* The schema, taken out of its manifest: what nobody points to would be a leak. */
static const cJSON *load(const Kind *kind)
{
	const char *text = schema_manifest(kind);
	g_autoptr(cJSON) manifest = NULL;
	g_autoptr(GError) error = NULL;
	const cJSON *version;

	if (!text)
		return NULL;
	manifest = json_parse(text, strlen(text), "a compiled-in schema", &error);
	if (!manifest)
		g_error("%s", error->message);
	cJSON_ArrayForEach(version, json_path(manifest, "spec", "versions", NULL))
	{
		cJSON *parent = json_get(version, "schema");

		if (g_strcmp0(json_string(version, "name", NULL), kind->version) == 0)
			return cJSON_DetachItemViaPointer(parent,
							  json_get(parent, "openAPIV3Schema"));
	}
	return NULL;
}

const cJSON *schema_for(const Kind *kind)
{
	static GMutex lock;
	static GHashTable *loaded; /* Kind -> cJSON, never freed */
	gpointer schema;

	g_mutex_lock(&lock);
	if (!loaded)
		loaded = g_hash_table_new(NULL, NULL);
	if (!g_hash_table_lookup_extended(loaded, kind, NULL, &schema)) {
		schema = (gpointer)load(kind);
		g_hash_table_insert(loaded, (gpointer)kind, schema);
	}
	g_mutex_unlock(&lock);
	return schema;
}

/* ---- validation ----------------------------------------------------------------------------- */

static void check_kind(const Kind *kind, const cJSON *object, Causes *causes)
{
	const char *version = kind_api_version(kind);

	if (g_strcmp0(json_string(object, "apiVersion", NULL), version) != 0)
		causes_add(causes, "apiVersion", "must be '%s'", version);
	if (g_strcmp0(json_string(object, "kind", NULL), kind->kind) != 0)
		causes_add(causes, "kind", "must be '%s'", kind->kind);
}

/* The members of the object but metadata, whose own rules are in metadata.c; of it the schema may
 * only say more about single fields. */
static void check_members(const cJSON *schema, const cJSON *object, Causes *causes)
{
	const cJSON *of_metadata = json_path(schema, "properties", "metadata", "properties", NULL);
	const cJSON *metadata = json_get(object, "metadata");
	const cJSON *member;

	check_required(schema, object, "", causes);
	cJSON_ArrayForEach(member, object)
	{
		if (strcmp(member->string, "metadata") != 0)
			check_member(schema, member, "", causes);
	}
	cJSON_ArrayForEach(member, of_metadata)
	{
		const cJSON *value = json_get(metadata, member->string);
		g_autofree char *path = g_strdup_printf("metadata.%s", member->string);

		if (value)
			check(member, value, path, causes);
	}
}

gboolean schema_validate(const Kind *kind, const cJSON *object, GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	Causes causes = { .texts = texts };
	const cJSON *schema = schema_for(kind);

	if (!cJSON_IsObject(object))
		return error_set(error, KVMIG_ERROR_INVALID, "%s must be an object", kind->kind);
	check_kind(kind, object, &causes);
	metadata_check(kind, object, &causes);
	if (schema)
		check_members(schema, object, &causes);
	return causes_to_error(&causes, error);
}

gboolean schema_check_value(const cJSON *schema, const cJSON *value, const char *path,
			    GError **error)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	Causes causes = { .texts = texts };

	check(schema, value, path, &causes);
	return causes_to_error(&causes, error);
}

/* ---- defaults ------------------------------------------------------------------------------- */

static void default_properties(const cJSON *schema, cJSON *object)
{
	const cJSON *property;

	cJSON_ArrayForEach(property, json_get(schema, "properties"))
	{
		const cJSON *fallback = json_get(property, "default");
		const cJSON *value = json_get(object, property->string);

		/* null stands for absent unless the field may be null */
		if (fallback &&
		    (!value || (cJSON_IsNull(value) && !json_bool(property, "nullable", FALSE))))
			json_set(object, property->string, cJSON_Duplicate(fallback, TRUE));
		schema_default_value(property, json_get(object, property->string));
	}
}

void schema_default_value(const cJSON *schema, cJSON *value)
{
	const cJSON *properties = json_get(schema, "properties");
	const cJSON *additional = json_get(schema, "additionalProperties");
	const cJSON *items = json_get(schema, "items");
	cJSON *child;

	if (cJSON_IsObject(value)) {
		default_properties(schema, value);
		cJSON_ArrayForEach(child, value)
		{
			if (cJSON_IsObject(additional) && !json_get(properties, child->string))
				schema_default_value(additional, child);
		}
	} else if (cJSON_IsArray(value) && items) {
		cJSON_ArrayForEach(child, value) schema_default_value(items, child);
	}
}

void schema_apply_defaults(const Kind *kind, cJSON *object)
{
	const cJSON *schema = schema_for(kind);

	if (schema)
		schema_default_value(schema, object);
}
