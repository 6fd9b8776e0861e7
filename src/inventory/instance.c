/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/instance.h"

#include <string.h>

#include "base/error.h"
#include "inventory/inventory.h"
#include "model/object.h"
#include "model/wellknown.h"

void instance_clear(Instance *instance)
{
	g_clear_pointer(&instance->uuid, g_free);
	g_clear_pointer(&instance->name, g_free);
	g_clear_pointer(&instance->ns, g_free);
	cJSON_Delete(instance->labels);
	cJSON_Delete(instance->selector);
	instance->labels = instance->selector = NULL;
}

gboolean inventory_owns_vmi_label(const char *key)
{
	return g_str_equal(key, LABEL_NODE_NAME) || g_str_equal(key, LABEL_DOMAIN_UUID) ||
	       g_str_equal(key, LABEL_MIGRATION_TARGET_NODE_NAME);
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
	Instance instance;
	guint depth;
	guint entries;
	gboolean seen;
} Reader;

static const char *local_name(const char *qualified)
{
	const char *colon = strchr(qualified, ':');

	return colon ? colon + 1 : qualified;
}

static const char *attribute(const char *const *names, const char *const *values, const char *name)
{
	for (guint i = 0; names[i]; i++) {
		if (g_str_equal(names[i], name))
			return values[i];
	}
	return NULL;
}

static gboolean read_root(Reader *reader, const char *element, const char *const *names,
			  const char *const *values, GError **error)
{
	const char *name = attribute(names, values, "name");
	const char *ns = attribute(names, values, "namespace");

	if (reader->seen || !g_str_equal(element, "instance"))
		return error_set(error, KVMIG_ERROR_INVALID,
				 "expected one element 'instance', found '%.64s'", element);
	reader->seen = TRUE;
	if (name && !name_check_dns_label(name, "the name of the instance", error))
		return FALSE;
	if (ns && !name_check_dns_label(ns, "the namespace of the instance", error))
		return FALSE;
	reader->instance.uuid = g_strdup(attribute(names, values, "uuid"));
	reader->instance.name = g_strdup(name);
	reader->instance.ns = g_strdup(ns);
	return TRUE;
}

static gboolean read_entry(Reader *reader, const char *element, const char *const *names,
			   const char *const *values, GError **error)
{
	const char *key = attribute(names, values, "key");
	const char *value = attribute(names, values, "value");
	gboolean label = g_str_equal(element, "label");

	/* An element that a later version may have added is skipped, not refused. */
	if (!label && !g_str_equal(element, "nodeSelector"))
		return TRUE;
	if (++reader->entries > INSTANCE_MAX_ENTRIES)
		return error_set(error, KVMIG_ERROR_INVALID, "more than %u labels",
				 INSTANCE_MAX_ENTRIES);
	if (!key || !value)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "element '%s' needs the attributes 'key' and 'value'", element);
	if (!name_check_label_key(key, error) || !name_check_label_value(value, error))
		return FALSE;
	if (label && inventory_owns_vmi_label(key))
		return TRUE;
	json_set_string(label ? reader->instance.labels : reader->instance.selector, key, value);
	return TRUE;
}

static void on_start(GMarkupParseContext *context, const char *qualified, const char **names,
		     const char **values, gpointer data, GError **error)
{
	Reader *reader = data;
	const char *element = local_name(qualified);

	(void)context;
	switch (reader->depth++) {
	case 0:
		read_root(reader, element, (const char *const *)names, (const char *const *)values,
			  error);
		break;
	case 1:
		read_entry(reader, element, (const char *const *)names, (const char *const *)values,
			   error);
		break;
	default:
		error_set(error, KVMIG_ERROR_INVALID, "element '%.64s' is nested too deep",
			  element);
	}
}

static void on_end(GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
	Reader *reader = data;

	(void)context;
	(void)element;
	(void)error;
	reader->depth--;
}

static gboolean read_xml(Reader *reader, const char *xml, GError **error)
{
	static const GMarkupParser parser = { .start_element = on_start, .end_element = on_end };
	gsize length = strlen(xml);
	g_autoptr(GError) local = NULL;
	GMarkupParseContext *context;
	gboolean ok;

	if (length > INSTANCE_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "larger than %" G_GSIZE_FORMAT " bytes", INSTANCE_MAX_BYTES);
	context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, reader, NULL);
	ok = g_markup_parse_context_parse(context, xml, (gssize)length, &local) &&
	     g_markup_parse_context_end_parse(context, &local);
	g_markup_parse_context_free(context);
	if (!ok)
		return error_set(error, KVMIG_ERROR_INVALID, "%s", local->message);
	return TRUE;
}

gboolean instance_parse(const char *xml, Instance *ret_instance, GError **error)
{
	Reader reader = { 0 };

	reader.instance.labels = cJSON_CreateObject();
	reader.instance.selector = cJSON_CreateObject();
	if (xml && !read_xml(&reader, xml, error)) {
		error_prefix(error, "kvmig's metadata of the domain cannot be read");
		instance_clear(&reader.instance);
		return FALSE;
	}
	*ret_instance = reader.instance;
	return TRUE;
}

/* ---- writing -------------------------------------------------------------------------------- */

void instance_of_object(const cJSON *vmi, Instance *ret_instance)
{
	Instance instance = { .labels = cJSON_CreateObject(), .selector = cJSON_CreateObject() };
	const cJSON *item;

	instance.uuid = g_strdup(json_string(json_get(vmi, "status"), "domainUUID", NULL));
	instance.name = g_strdup(object_name(vmi));
	instance.ns = g_strdup(object_namespace(vmi));
	cJSON_ArrayForEach(item, object_labels(vmi))
	{
		if (cJSON_IsString(item) && !inventory_owns_vmi_label(item->string))
			json_set_string(instance.labels, item->string, item->valuestring);
	}
	cJSON_ArrayForEach(item, json_path(vmi, "spec", "nodeSelector", NULL))
	{
		if (cJSON_IsString(item))
			json_set_string(instance.selector, item->string, item->valuestring);
	}
	*ret_instance = instance;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	const cJSON *const *first = a;
	const cJSON *const *second = b;

	return strcmp((*first)->string, (*second)->string);
}

static void append_map(GString *text, const char *element, const cJSON *map)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new();
	cJSON *item;

	cJSON_ArrayForEach(item, map) g_ptr_array_add(items, item);
	/* Sorted: the same content is the same text. */
	g_ptr_array_sort(items, compare_keys);
	for (guint i = 0; i < items->len; i++) {
		const cJSON *entry = g_ptr_array_index(items, i);
		g_autofree char *line =
			g_markup_printf_escaped("<%s key=\"%s\" value=\"%s\"/>", element,
						entry->string, entry->valuestring);

		g_string_append(text, line);
	}
}

static void append_attribute(GString *text, const char *name, const char *value)
{
	g_autofree char *part =
		value ? g_markup_printf_escaped(" %s=\"%s\"", name, value) : g_strdup("");

	g_string_append(text, part);
}

char *instance_format(const Instance *instance)
{
	GString *text = g_string_new("<instance");

	append_attribute(text, "uuid", instance->uuid);
	append_attribute(text, "name", instance->name);
	append_attribute(text, "namespace", instance->ns);
	g_string_append_c(text, '>');
	append_map(text, "label", instance->labels);
	append_map(text, "nodeSelector", instance->selector);
	g_string_append(text, "</instance>");
	return g_string_free(text, FALSE);
}

char *instance_checksum(const Instance *instance)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *sum = NULL;

	append_map(text, "label", instance->labels);
	append_map(text, "nodeSelector", instance->selector);
	sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, (gssize)text->len);
	return g_strndup(sum, 16);
}
