/* SPDX-License-Identifier: Apache-2.0 */
#include "model/columns.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/object.h"
#include "model/quantity.h"
#include "model/schema.h"

/* ---- JSONPath ------------------------------------------------------------------------------- */

typedef enum { STEP_END, STEP_KEY, STEP_INDEX, STEP_ANY, STEP_FILTER, STEP_BAD } StepType;

typedef struct {
	StepType type;
	char *key;    /* KEY; FILTER: the field that is compared */
	char *wanted; /* FILTER */
	gint64 index;
} Step;

static void step_clear(Step *step)
{
	g_clear_pointer(&step->key, g_free);
	g_clear_pointer(&step->wanted, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Step, step_clear)

/* Up to one of `ends`, a backslash taking the next character as it is. */
static char *read_word(const char **at, const char *ends)
{
	GString *word = g_string_new(NULL);

	for (; **at && !strchr(ends, **at); (*at)++) {
		if (**at == '\\' && (*at)[1])
			(*at)++;
		g_string_append_c(word, **at);
	}
	return g_string_free(word, FALSE);
}

static gboolean skip(const char **at, const char *text)
{
	if (!g_str_has_prefix(*at, text))
		return FALSE;
	*at += strlen(text);
	return TRUE;
}

static char *read_quoted(const char **at)
{
	const char quote[2] = { **at, '\0' };
	g_autofree char *word = NULL;

	if (*quote != '\'' && *quote != '"')
		return NULL;
	(*at)++;
	word = read_word(at, quote);
	return skip(at, quote) ? g_steal_pointer(&word) : NULL;
}

/* Behind "[?(@." */
static StepType read_filter(const char **at, Step *step)
{
	step->key = read_word(at, "=)] ");
	*at += strspn(*at, " ");
	if (!*step->key || !skip(at, "=="))
		return STEP_BAD;
	*at += strspn(*at, " ");
	step->wanted = read_quoted(at);
	return step->wanted && skip(at, ")]") ? STEP_FILTER : STEP_BAD;
}

/* Behind "[" */
static StepType read_bracket(const char **at, Step *step)
{
	g_autofree char *number = NULL;

	if (skip(at, "?(@."))
		return read_filter(at, step);
	if (skip(at, "*]"))
		return STEP_ANY;
	if (**at == '\'' || **at == '"') {
		step->key = read_quoted(at);
		return step->key && skip(at, "]") ? STEP_KEY : STEP_BAD;
	}
	number = read_word(at, "]");
	return g_ascii_string_to_signed(number, 10, G_MININT32, G_MAXINT32, &step->index, NULL) &&
			       skip(at, "]")
		       ? STEP_INDEX
		       : STEP_BAD;
}

static StepType read_step(const char **at, Step *step)
{
	if (!**at || strcmp(*at, "}") == 0)
		return STEP_END;
	if (skip(at, "["))
		return read_bracket(at, step);
	if (!skip(at, "."))
		return STEP_BAD;
	if (!**at) /* ".": all of it */
		return STEP_END;
	if (skip(at, "["))
		return read_bracket(at, step);
	step->key = read_word(at, ".[}");
	return *step->key ? STEP_KEY : STEP_BAD;
}

static const char *path_begin(const char *path)
{
	path += *path == '{';
	return path + (*path == '$');
}

static const cJSON *filter(const cJSON *array, const Step *step)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (g_strcmp0(json_string(item, step->key, NULL), step->wanted) == 0)
			return item;
	}
	return NULL;
}

static const cJSON *take_step(const cJSON *value, const Step *step, StepType type)
{
	gint64 size = cJSON_IsArray(value) ? cJSON_GetArraySize(value) : 0;
	gint64 index = step->index < 0 ? size + step->index : step->index;

	switch (type) {
	case STEP_KEY:
		return json_get(value, step->key);
	case STEP_INDEX:
		return index >= 0 && index < size ? cJSON_GetArrayItem(value, (int)index) : NULL;
	case STEP_ANY:
		return cJSON_IsArray(value) || cJSON_IsObject(value) ? value->child : NULL;
	case STEP_FILTER:
		return cJSON_IsArray(value) ? filter(value, step) : NULL;
	case STEP_END:
	case STEP_BAD:
		break;
	}
	return NULL;
}

const cJSON *jsonpath_find(const cJSON *value, const char *path)
{
	const char *at = path_begin(path);

	while (value) {
		g_auto(Step) step = { 0 };
		StepType type = read_step(&at, &step);

		if (type == STEP_END)
			return value;
		value = take_step(value, &step, type);
	}
	return NULL;
}

gboolean jsonpath_check(const char *path, GError **error)
{
	const char *at = path_begin(path);

	for (;;) {
		g_auto(Step) step = { 0 };
		const char *before = at;
		StepType type = read_step(&at, &step);

		if (type == STEP_END)
			return TRUE;
		if (type == STEP_BAD)
			return error_set(error, KVMIG_ERROR_INVALID,
					 "path '%s': not understood from '%s' on", path, before);
	}
}

/* ---- columns -------------------------------------------------------------------------------- */

typedef struct {
	const char *name, *type, *path;
	int priority;
} Column;

/* Kubernetes' own kinds, whose columns no CRD holds. */
static const struct {
	const Kind *kind;
	Column columns[5];
} built_in[] = {
	{ &KIND_NAMESPACE,
	  { { "Status", "string", ".status.phase", 0 },
	    { "Age", "date", ".metadata.creationTimestamp", 0 } } },
	{ &KIND_LEASE,
	  { { "Holder", "string", ".spec.holderIdentity", 0 },
	    { "Age", "date", ".metadata.creationTimestamp", 0 } } },
	{ &KIND_EVENT,
	  { { "Last Seen", "date", ".lastTimestamp", 0 },
	    { "Type", "string", ".type", 0 },
	    { "Reason", "string", ".reason", 0 },
	    { "Object", "string", ".involvedObject.name", 0 },
	    { "Message", "string", ".message", 0 } } },
	{ &KIND_KUBEVIRT,
	  { { "Age", "date", ".metadata.creationTimestamp", 0 },
	    { "Phase", "string", ".status.phase", 0 } } },
};

static const Column age = { "Age", "date", ".metadata.creationTimestamp", 0 };

static void add_column(cJSON *columns, const Column *column)
{
	cJSON *definition = cJSON_CreateObject();

	json_set_string(definition, "name", column->name);
	json_set_string(definition, "type", column->type);
	json_set_int(definition, "priority", column->priority);
	json_set_string(definition, "jsonPath", column->path);
	cJSON_AddItemToArray(columns, definition);
}

static cJSON *manifest_columns(const Kind *kind)
{
	const char *text = schema_manifest(kind);
	g_autoptr(cJSON) manifest = text ? json_parse(text, strlen(text), "a schema", NULL) : NULL;
	const cJSON *version;

	cJSON_ArrayForEach(version, json_path(manifest, "spec", "versions", NULL))
	{
		if (g_strcmp0(json_string(version, "name", NULL), kind->version) == 0)
			return cJSON_Duplicate(json_get(version, "additionalPrinterColumns"), TRUE);
	}
	return NULL;
}

static void add_manifest_columns(cJSON *columns, const cJSON *given)
{
	const cJSON *definition;

	cJSON_ArrayForEach(definition, given)
	{
		const Column column = { json_string(definition, "name", ""),
					json_string(definition, "type", "string"),
					json_string(definition, "jsonPath", ""),
					(int)json_int(definition, "priority", 0) };

		add_column(columns, &column);
	}
}

static cJSON *make_columns(const Kind *kind)
{
	static const Column name = { "Name", "string", ".metadata.name", 0 };
	g_autoptr(cJSON) given = manifest_columns(kind);
	cJSON *columns = cJSON_CreateArray();

	add_column(columns, &name);
	json_set_string(columns->child, "format", "name");
	add_manifest_columns(columns, given);
	for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++) {
		const Column *column = built_in[i].columns;

		if (strcmp(built_in[i].kind->kind, kind->kind) != 0 ||
		    strcmp(built_in[i].kind->group, kind->group) != 0)
			continue;
		for (gsize j = 0; j < G_N_ELEMENTS(built_in[i].columns) && column[j].name; j++)
			add_column(columns, &column[j]);
	}
	if (cJSON_GetArraySize(columns) == 1)
		add_column(columns, &age);
	return columns;
}

const cJSON *columns_for(const Kind *kind)
{
	static GHashTable *made; /* "kind.version.group" -> cJSON; never freed */
	g_autofree char *key = g_strdup_printf("%s.%s.%s", kind->kind, kind->version, kind->group);
	cJSON *columns;

	if (!made)
		made = g_hash_table_new(g_str_hash, g_str_equal);
	columns = g_hash_table_lookup(made, key);
	if (!columns) {
		columns = make_columns(kind);
		g_hash_table_insert(made, g_steal_pointer(&key), columns);
	}
	return columns;
}

gboolean columns_known(const Kind *kind)
{
	for (gsize i = 0; i < G_N_ELEMENTS(built_in); i++)
		if (strcmp(built_in[i].kind->kind, kind->kind) == 0 &&
		    strcmp(built_in[i].kind->group, kind->group) == 0)
			return TRUE;
	return schema_manifest(kind) != NULL;
}

static cJSON *date_cell(const cJSON *value, gint64 now_us)
{
	g_autofree char *text = NULL;
	gint64 then_us;

	if (!cJSON_IsString(value))
		return cJSON_CreateNull();
	if (!clock_parse_unix(value->valuestring, &then_us))
		return cJSON_CreateString("<invalid>");
	text = duration_age((now_us - then_us) / 1000);
	return cJSON_CreateString(text);
}

static cJSON *make_cell(const cJSON *column, const cJSON *object, gint64 now_us)
{
	const cJSON *value = jsonpath_find(object, json_string(column, "jsonPath", ""));
	const char *type = json_string(column, "type", "string");
	g_autofree char *text = NULL;

	if (!value || cJSON_IsNull(value))
		return cJSON_CreateNull();
	if (strcmp(type, "date") == 0)
		return date_cell(value, now_us);
	if (strcmp(type, "string") != 0 || cJSON_IsString(value))
		return cJSON_Duplicate(value, TRUE);
	text = json_print(value);
	return cJSON_CreateString(text);
}

cJSON *columns_row(const Kind *kind, const cJSON *object, gint64 now_us)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *cells = json_ensure_array(row, "cells");
	cJSON *shown = json_ensure_object(row, "object");
	const cJSON *column;

	cJSON_ArrayForEach(column, columns_for(kind))
		cJSON_AddItemToArray(cells, make_cell(column, object, now_us));
	(void)cJSON_AddItemReferenceToObject(shown, "metadata", json_get(object, "metadata"));
	return row;
}
