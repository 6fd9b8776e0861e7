/* SPDX-License-Identifier: Apache-2.0 */
#include "get.h"

#include <string.h>

#include "model/columns.h"

void get_clear(Get *get)
{
	g_clear_pointer(&get->table, output_table_free);
	g_clear_pointer(&get->columns, cJSON_Delete);
	g_clear_pointer(&get->list, output_list_free);
	g_clear_pointer(&get->seen, g_hash_table_unref);
}

gboolean get_is_table(const Get *get)
{
	OutputFormat format = get->context->output->format;

	return format == OUTPUT_TABLE || format == OUTPUT_WIDE;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static gboolean is_shown(const Get *get, const cJSON *column)
{
	return get->context->output->format == OUTPUT_WIDE || json_int(column, "priority", 0) == 0;
}

static gboolean has_namespaces(const Get *get)
{
	return get->kind->namespaced && !get->options.ns;
}

static void make_table(Get *get)
{
	g_autoptr(GPtrArray) headers = g_ptr_array_new();
	const cJSON *column;

	if (has_namespaces(get))
		g_ptr_array_add(headers, (gpointer) "NAMESPACE");
	cJSON_ArrayForEach(column, get->columns) if (is_shown(get, column))
		g_ptr_array_add(headers, (gpointer)json_string(column, "name", ""));
	g_ptr_array_add(headers, NULL);
	get->table = output_table_new(get->context->output, (const char *const *)headers->pdata);
}

static char *cell_text(const cJSON *cell)
{
	if (!cell || cJSON_IsNull(cell))
		return g_strdup("");
	if (cJSON_IsString(cell))
		return g_strdup(cell->valuestring);
	return json_print(cell);
}

static char *name_text(const Get *get, const cJSON *cell)
{
	g_autofree char *name = cell_text(cell);

	return get->kinds_shown ? resource_id(get->kind, name) : g_steal_pointer(&name);
}

void get_add_row(Get *get, const cJSON *columns, const cJSON *row)
{
	g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
	const cJSON *cell = json_get(row, "cells");
	const char *ns = object_namespace(json_get(row, "object"));
	const cJSON *column;

	if (!get->columns)
		get->columns = cJSON_Duplicate(columns, TRUE);
	if (!get->table)
		make_table(get);
	if (has_namespaces(get))
		g_ptr_array_add(cells, g_strdup(ns ? ns : ""));
	cell = cell ? cell->child : NULL;
	cJSON_ArrayForEach(column, get->columns)
	{
		if (is_shown(get, column))
			g_ptr_array_add(cells, column == get->columns->child ? name_text(get, cell)
									     : cell_text(cell));
		cell = cell ? cell->next : NULL;
	}
	output_table_add(get->table, (const char *const *)cells->pdata);
}

static void print_name(const Get *get, const cJSON *object)
{
	const char *name = object_name(object);
	g_autofree char *id = resource_id(get->kind, name ? name : "");
	g_autofree char *safe = output_escape(id);

	(void)fprintf(get->context->output->stream, "%s\n", safe);
}

void get_add_object(Get *get, const cJSON *object)
{
	g_autoptr(cJSON) shown = NULL;

	if (get->context->output->format == OUTPUT_NAME) {
		print_name(get, object);
		return;
	}
	shown = resource_shown(get->kind, object, get->values->show_managed_fields);
	if (get->list)
		output_list_add(get->list, shown);
	else
		output_object(get->context->output, shown, get->count > 1);
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* FALSE: it was printed already, as it is. */
static gboolean is_news(Get *get, const cJSON *metadata)
{
	const char *version = json_string(metadata, "resourceVersion", "");
	const char *uid = json_string(metadata, "uid", json_string(metadata, "name", ""));

	if (!get->seen)
		return TRUE;
	if (g_strcmp0(g_hash_table_lookup(get->seen, uid), version) == 0)
		return FALSE;
	g_hash_table_insert(get->seen, g_strdup(uid), g_strdup(version));
	return TRUE;
}

static gboolean on_row(const cJSON *columns, const cJSON *row, gpointer data)
{
	Get *get = data;

	if (is_news(get, json_path(row, "object", "metadata", NULL))) {
		get->count++;
		get_add_row(get, columns, row);
	}
	return !ferror(get->context->output->stream);
}

static gboolean on_object(const cJSON *object, gpointer data)
{
	Get *get = data;

	if (is_news(get, json_get(object, "metadata"))) {
		get->count++;
		get_add_object(get, object);
	}
	return !ferror(get->context->output->stream);
}

gboolean get_list(Get *get, char **ret_version, GError **error)
{
	if (get_is_table(get))
		return cluster_table(get->context->cluster, get->kind, &get->options, on_row, get,
				     ret_version, error);
	get->options.metadata_only = get->context->output->format == OUTPUT_NAME;
	return cluster_each(get->context->cluster, get->kind, &get->options, on_object, get,
			    ret_version, error);
}

static gboolean set_not_found(const Get *get, GError **error)
{
	g_autofree char *where = resource_where(get->context, get->kind);

	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no %s '%s'%s", get->kind->singular,
		  get->options.name, where);
	error_hint(error, "'kvmig get %s' lists them", get->kind->singular);
	return FALSE;
}

/* One object: a row of the table, or itself. */
static gboolean get_one(Get *get, GError **error)
{
	const char *ns = resource_namespace(get->context, get->kind);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = NULL;
	guint before = get->count;

	if (get_is_table(get)) {
		if (get_list(get, NULL, &cause) && get->count > before)
			return TRUE;
	} else {
		object = cluster_get(get->context->cluster, get->kind, ns, get->options.name,
				     &cause);
	}
	if (object)
		return on_object(object, get) || TRUE;
	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return set_not_found(get, error);
}

static void say_nothing_found(const Get *get)
{
	if (get->kind->namespaced && get->options.ns)
		say(get->context, "no resources found in namespace '%s'", get->options.ns);
	else
		say(get->context, "no resources found");
}

/* ---- the command ---------------------------------------------------------------------------- */

static void next_kind(Get *get, const Kind *kind)
{
	if (get->table && get->kind != kind) {
		g_clear_pointer(&get->table, output_table_free);
		g_clear_pointer(&get->columns, cJSON_Delete);
		(void)fputc('\n', get->context->output->stream);
	}
	get->kind = kind;
	get->options.ns = resource_namespace(get->context, kind);
}

/* What is not there is reported, and the others are shown all the same. */
static int get_named(Get *get, const GPtrArray *resources)
{
	Tally tally = { 0 };

	for (guint i = 0; i < resources->len; i++) {
		const Resource *resource = resources->pdata[i];
		GError *failure = NULL;

		next_kind(get, resource->kind);
		get->options.name = resource->name;
		(void)get_one(get, &failure);
		if (!tally_add(&tally, NULL, failure))
			break;
	}
	tally_tell_left(get->context, &tally, resources->len);
	return tally.failed ? (int)tally.status : STATUS_DONE;
}

static int get_all(Get *get, GError **error)
{
	if (!get_list(get, NULL, error))
		return STATUS_FAILED;
	if (!get->count && !get->list)
		say_nothing_found(get);
	return STATUS_DONE;
}

static int get_once(Get *get, const GPtrArray *resources, GError **error)
{
	const Resource *first = resources->pdata[0];
	const OutputFormat format = get->context->output->format;
	int status;

	if ((format == OUTPUT_JSON || format == OUTPUT_YAML) &&
	    (resources->len > 1 || !first->name))
		get->list = output_list_new(get->context->output);
	if (resources->len == 1 && first->name)
		return get_one(get, error) ? STATUS_DONE : STATUS_FAILED;
	status = first->name ? get_named(get, resources) : get_all(get, error);
	if (get->list && (status == STATUS_DONE || first->name))
		output_list_end(get->list);
	return status;
}

static gboolean check_words(const CommandContext *context, const GetValues *values,
			    const GPtrArray *resources, GError **error)
{
	const Resource *first = resources->pdata[0];

	if (first->name && values->selector)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "a name and --selector exclude each other");
	if (first->name && first->kind->namespaced && !context->ns)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "a name and --all-namespaces exclude each other");
	if (values->watch && resources->len > 1)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "--watch takes one kind and at most one name");
	return TRUE;
}

static gboolean several_kinds(const GPtrArray *resources)
{
	for (guint i = 1; i < resources->len; i++)
		if (((const Resource *)resources->pdata[i])->kind !=
		    ((const Resource *)resources->pdata[0])->kind)
			return TRUE;
	return FALSE;
}

static int run_get(CommandContext *context, const void *data, GError **error)
{
	const GetValues *values = data;
	g_autoptr(GPtrArray) resources =
		resources_parse(context, context->args, context->n_args, TRUE, error);
	g_autoptr(Selector) selector = NULL;
	g_auto(Get) get = { .context = context, .values = values };
	const Resource *first;

	if (!resources || !check_words(context, values, resources, error))
		return STATUS_FAILED;
	selector = selector_parse(values->selector, error);
	if (values->selector && !selector) {
		(void)error_usage(error);
		return STATUS_USAGE;
	}
	for (guint i = 0; i < resources->len; i++)
		if (!resource_observe(context, ((const Resource *)resources->pdata[i])->kind,
				      error))
			return STATUS_FAILED;
	first = resources->pdata[0];
	get.options.selector = selector;
	get.options.name = first->name;
	get.kinds_shown = several_kinds(resources);
	next_kind(&get, first->kind);
	return values->watch ? get_watch(&get, error) : get_once(&get, resources, error);
}

static const Option options[] = {
	OPT_STRING('l', "selector", GetValues, selector, "SELECTOR",
		   "only objects with these labels"),
	OPT_FLAG('w', "watch", GetValues, watch, "then show each change, until Ctrl-C"),
	OPT_FLAG(0, "show-managed-fields", GetValues, show_managed_fields,
		 "json, yaml: with metadata.managedFields"),
	OPT_END,
};

static const char *const examples[] = {
	"kvmig get vmi",
	"kvmig get vmim -A -o wide",
	"kvmig get vmi web-1 -o yaml",
	"kvmig get vmi/web-1 namespace/default",
	"kvmig get nodes -l zone=b -o name",
	NULL,
};

const Command get_command = {
	.name = "get",
	.summary = "show objects of any kind, as kubectl does",
	.group = COMMAND_GROUP_CLUSTER,
	.options = options,
	.values_size = sizeof(GetValues),
	.args = { "KIND [NAME]", 1, G_MAXUINT, COMPLETE_KIND },
	.needs = NEED_CLUSTER | ANY_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_get,
	.examples = examples,
};
