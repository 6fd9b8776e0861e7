/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domain capabilities are elements with supported='no', and enums of the values that there are:
 * <tpm supported='yes'><enum name='model'><value>tpm-tis</value>…
 */
#include "hyper/libvirt/offers.h"

#include <string.h>

#include "hyper/libvirt/domain-xml.h"
#include "hyper/libvirt/xml-attribute.h"

#define DEPTH_MAX 64

/* An attribute of the domain, and the element of the capabilities, below their root, that has the
 * enum of its values. */
static const struct {
	const char *path;
	const char *attribute;
	const char *element;
	const char *enumeration;
	const char *what;
} wants[] = {
	{ "domain/os", "firmware", "os", "firmware", "firmware" },
	{ "domain/os/loader", "type", "os/loader", "type", "firmware of type" },
	{ "domain/os/loader", "secure", "os/loader", "secure", "secure boot:" },
	{ "domain/devices/tpm", "model", "devices/tpm", "model", "TPM model" },
	{ "domain/devices/tpm/backend", "type", "devices/tpm", "backendModel", "TPM backend" },
	{ "domain/devices/video/model", "type", "devices/video", "modelType", "video model" },
	{ "domain/devices/graphics", "type", "devices/graphics", "type", "graphics" },
};

typedef struct {
	GString *path;
	guint depth;
	char *enumeration; /* of the capabilities: "devices/tpm model" */
	GString *text;
	GHashTable *values;      /* of each enum: GPtrArray of char* */
	GHashTable *unsupported; /* elements, as a set */
	GPtrArray *lacking;      /* the domain is being read */
} Parse;

/* ---- the domain ------------------------------------------------------------------------------ */

static char *list_of(const GPtrArray *values)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < values->len; i++)
		g_string_append_printf(list, "%s%s", i ? ", " : "",
				       (const char *)g_ptr_array_index(values, i));
	return g_string_free(g_steal_pointer(&list), FALSE);
}

static void compare(Parse *parse, gsize want, const char *value)
{
	g_autofree char *key =
		g_strdup_printf("%s %s", wants[want].element, wants[want].enumeration);
	const GPtrArray *values = g_hash_table_lookup(parse->values, key);
	g_autofree char *list = NULL;

	if (g_hash_table_contains(parse->unsupported, wants[want].element)) {
		g_ptr_array_add(parse->lacking, g_strdup_printf("%s '%s' is not offered",
								wants[want].what, value));
		return;
	}
	if (!values)
		return;
	for (guint i = 0; i < values->len; i++)
		if (strcmp(g_ptr_array_index(values, i), value) == 0)
			return;
	list = list_of(values);
	g_ptr_array_add(parse->lacking,
			g_strdup_printf("%s '%s' is not offered (%s)", wants[want].what, value,
					values->len ? list : "none is"));
}

/* launchSecurity has an element of its own for each type: features/sev, features/s390-pv. */
static void compare_launch_security(Parse *parse, const char *type)
{
	g_autofree char *element = g_strconcat("features/", type, NULL);

	if (g_hash_table_contains(parse->unsupported, element))
		g_ptr_array_add(parse->lacking,
				g_strdup_printf("launch security '%s' is not offered", type));
}

static void on_domain_element(Parse *parse, const char **names, const char **values)
{
	for (gsize i = 0; i < G_N_ELEMENTS(wants); i++) {
		const char *value = strcmp(parse->path->str, wants[i].path) == 0
					    ? attribute(names, values, wants[i].attribute)
					    : NULL;

		if (value)
			compare(parse, i, value);
	}
	if (strcmp(parse->path->str, "domain/launchSecurity") == 0 &&
	    attribute(names, values, "type"))
		compare_launch_security(parse, attribute(names, values, "type"));
}

/* ---- the capabilities ------------------------------------------------------------------------ */

static void on_capability(Parse *parse, const char *element, const char **names,
			  const char **values)
{
	const char *place = strchr(parse->path->str, '/');
	const char *name = attribute(names, values, "name");

	if (!place++)
		return;
	if (g_strcmp0(attribute(names, values, "supported"), "no") == 0)
		g_hash_table_add(parse->unsupported, g_strdup(place));
	if (strcmp(element, "enum") != 0 || !name)
		return;
	g_free(parse->enumeration);
	parse->enumeration = g_strdup_printf(
		"%.*s %s", (int)(strlen(place) - strlen("/enum")), place, name);
	g_hash_table_replace(parse->values, g_strdup(parse->enumeration),
			     g_ptr_array_new_with_free_func(g_free));
}

/* ---- reading --------------------------------------------------------------------------------- */

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
		     const char **names, const char **values, gpointer data, GError **error)
{
	Parse *parse = data;

	if (++parse->depth > DEPTH_MAX) {
		g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_PARSE, "too deep");
		return;
	}
	g_string_append_printf(parse->path, "%s%s", parse->path->len ? "/" : "", element);
	g_string_truncate(parse->text, 0);
	if (parse->lacking)
		on_domain_element(parse, names, values);
	else
		on_capability(parse, element, names, values);
}

static void on_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
		    gpointer data, GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;

	g_string_append_len(parse->text, text, (gssize)length);
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
		   GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;
	const char *slash = strrchr(parse->path->str, '/');
	GPtrArray *values = parse->enumeration
				    ? g_hash_table_lookup(parse->values, parse->enumeration)
				    : NULL;

	if (!parse->lacking && values && strcmp(element, "value") == 0)
		g_ptr_array_add(values, g_strdup(parse->text->str));
	if (strcmp(element, "enum") == 0) /* a loader has values of its own: paths */
		g_clear_pointer(&parse->enumeration, g_free);
	g_string_truncate(parse->path, slash ? (gsize)(slash - parse->path->str) : 0);
	parse->depth--;
}

static void read_xml(Parse *parse, const char *xml)
{
	static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	g_autoptr(GMarkupParseContext) context = NULL;
	gsize length = strnlen(xml, DOMAIN_XML_SIZE_MAX + 1);

	g_string_truncate(parse->path, 0);
	parse->depth = 0;
	if (length > DOMAIN_XML_SIZE_MAX)
		return;
	context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, parse, NULL);
	(void)g_markup_parse_context_parse(context, xml, (gssize)length, NULL);
}

GPtrArray *offers_lacking(const char *domain_xml, const char *capabilities_xml)
{
	g_autoptr(GString) path = g_string_new(NULL), text = g_string_new(NULL);
	g_autoptr(GHashTable) values =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				      (GDestroyNotify)g_ptr_array_unref);
	g_autoptr(GHashTable) unsupported =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Parse parse = { .path = path, .text = text, .values = values, .unsupported = unsupported };

	read_xml(&parse, capabilities_xml);
	g_clear_pointer(&parse.enumeration, g_free);
	parse.lacking = g_ptr_array_new_with_free_func(g_free);
	read_xml(&parse, domain_xml);
	return parse.lacking;
}
