/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GMarkup parser with a path ("domain/devices/disk"). Two elements are copied whole: <cpu>, and
 * kvmig's own under <metadata>, the latter without the prefix of its namespace, so that what is
 * read is what was written. GMarkup knows nothing of namespaces; libvirt declares that of a
 * metadata element on the element itself, which is all that is needed.
 */
#include "hyper/libvirt/domain-xml.h"

#include <string.h>

#include "hyper/libvirt/xml-attribute.h"
#include "model/wellknown.h"

#define DEPTH_MAX 64
#define HUGEPAGE_DEFAULT ((gint64)2 << 20)

typedef struct {
	DomainXml *domain; /* NULL: only copy the root */
	GString *path;
	GString *text; /* of the innermost element */
	guint depth;
	guint roots;
	guint64 memory_unit;
	/* copying */
	GString *copy;
	guint copy_depth; /* depth of the element that is copied; 0: none */
	char *prefix;	  /* "kvmig:", taken off; or NULL */
	/* device under way */
	char *device_why; /* why it would not let the domain go */
	gboolean teaming; /* … but it may be unplugged for the time */
	gboolean has_invtsc, has_tsc_frequency;
} Parse;

void domain_xml_clear(DomainXml *domain)
{
	g_free(domain->uuid);
	g_free(domain->name);
	g_free(domain->virt_type);
	g_free(domain->arch);
	g_free(domain->machine_type);
	g_free(domain->emulator);
	g_free(domain->cpu_mode);
	g_free(domain->cpu_model);
	g_free(domain->cpu_check);
	g_free(domain->cpu_xml);
	g_free(domain->metadata);
	g_free(domain->not_migratable);
	g_clear_pointer(&domain->networks, g_ptr_array_unref);
	memset(domain, 0, sizeof(*domain));
}

static gboolean at(const Parse *parse, const char *path)
{
	return strcmp(parse->path->str, path) == 0;
}

static void take(char **field, const char *value)
{
	if (!*field && value && *value)
		*field = g_strdup(value);
}

/* ---- copying an element --------------------------------------------------------------------- */

static const char *plain_name(const Parse *parse, const char *name)
{
	if (parse->prefix && g_str_has_prefix(name, parse->prefix))
		return name + strlen(parse->prefix);
	return name;
}

static gboolean is_our_namespace(const char *name, const char *value)
{
	return g_str_has_prefix(name, "xmlns") && (name[5] == ':' || name[5] == '\0') &&
	       strcmp(value, METADATA_XMLNS) == 0;
}

static void copy_start(Parse *parse, const char *element, const char **names, const char **values)
{
	g_string_append_printf(parse->copy, "<%s", plain_name(parse, element));
	for (gsize i = 0; names[i]; i++) {
		g_autofree char *value = g_markup_escape_text(values[i], -1);

		if (!is_our_namespace(names[i], values[i]))
			g_string_append_printf(parse->copy, " %s=\"%s\"",
					       plain_name(parse, names[i]), value);
	}
	g_string_append_c(parse->copy, '>');
}

static void copy_end(Parse *parse, const char *element)
{
	g_string_append_printf(parse->copy, "</%s>", plain_name(parse, element));
}

/* Begins to copy at this element. */
static void copy_begin(Parse *parse, char *prefix)
{
	g_string_truncate(parse->copy, 0);
	parse->copy_depth = parse->depth;
	g_free(parse->prefix);
	parse->prefix = prefix;
}

/* "kvmig:" where the element declares our namespace with that prefix and bears it, "" where it
 * declares it without one; NULL: not ours. */
static char *our_prefix(const char *element, const char **names, const char **values)
{
	const char *colon = strchr(element, ':');

	for (gsize i = 0; names[i]; i++) {
		if (!is_our_namespace(names[i], values[i]))
			continue;
		if (!colon && strcmp(names[i], "xmlns") == 0)
			return g_strdup("");
		if (colon && names[i][5] == ':' &&
		    strlen(names[i] + 6) == (gsize)(colon - element) &&
		    strncmp(names[i] + 6, element, (gsize)(colon - element)) == 0)
			return g_strndup(element, (gsize)(colon - element) + 1);
	}
	return NULL;
}

/* ---- why it could not be migrated ----------------------------------------------------------- */

static void refuse(Parse *parse, const char *why)
{
	take(&parse->domain->not_migratable, why);
}

static void device_hostdev(Parse *parse, const char **names, const char **values)
{
	const char *type = attribute(names, values, "type");

	if (g_strcmp0(type, "usb") != 0)
		parse->device_why = g_strdup_printf("a device of the host (%s) is passed through",
						    type ? type : "unknown");
}

static void device_start(Parse *parse, const char *element, const char **names, const char **values)
{
	if (strcmp(element, "hostdev") == 0)
		device_hostdev(parse, names, values);
	else if (strcmp(element, "interface") == 0 &&
		 g_strcmp0(attribute(names, values, "type"), "hostdev") == 0)
		parse->device_why = g_strdup("a network device of the host is passed through");
	else if (strcmp(element, "disk") == 0 &&
		 g_strcmp0(attribute(names, values, "type"), "nvme") == 0)
		parse->device_why = g_strdup("an NVMe disk of the host is passed through");
	else if (strcmp(element, "filesystem") == 0)
		parse->device_why = g_strdup("a folder of the host is shared with the guest");
	else if (strcmp(element, "shmem") == 0 &&
		 g_strcmp0(attribute(names, values, "role"), "master") != 0)
		parse->device_why = g_strdup("it shares memory with others (shmem)");
}

/* An interface of a type other than network has a source without one. */
static void interface_source(Parse *parse, const char **names, const char **values)
{
	const char *network = attribute(names, values, "network");

	if (!network || !*network)
		return;
	if (!parse->domain->networks)
		parse->domain->networks = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(parse->domain->networks, g_strdup(network));
}

static void device_part(Parse *parse, const char *element, const char **names, const char **values)
{
	if (strcmp(element, "teaming") == 0 &&
	    g_strcmp0(attribute(names, values, "type"), "transient") == 0)
		parse->teaming = TRUE;
	if (at(parse, "domain/devices/interface/source"))
		interface_source(parse, names, values);
	if (at(parse, "domain/devices/disk/transient") && !parse->device_why)
		parse->device_why = g_strdup("a disk is transient");
}

static void device_end(Parse *parse)
{
	if (parse->device_why && !parse->teaming)
		refuse(parse, parse->device_why);
	g_clear_pointer(&parse->device_why, g_free);
	parse->teaming = FALSE;
}

/* ---- elements ------------------------------------------------------------------------------- */

static guint64 unit_bytes(const char *unit)
{
	static const struct {
		const char *name;
		guint64 bytes;
	} units[] = {
		{ "b", 1 },
		{ "bytes", 1 },
		{ "KB", 1000 },
		{ "k", 1024 },
		{ "KiB", 1024 },
		{ "MB", 1000000 },
		{ "M", 1 << 20 },
		{ "MiB", 1 << 20 },
		{ "GB", 1000000000 },
		{ "G", 1 << 30 },
		{ "GiB", 1 << 30 },
		{ "TB", G_GUINT64_CONSTANT(1000000000000) },
		{ "T", G_GUINT64_CONSTANT(1) << 40 },
		{ "TiB", G_GUINT64_CONSTANT(1) << 40 },
	};

	for (gsize i = 0; unit && i < G_N_ELEMENTS(units); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].bytes;
	return 1024;
}

static void cpu_feature(Parse *parse, const char **names, const char **values)
{
	if (g_strcmp0(attribute(names, values, "name"), "invtsc") == 0 &&
	    g_strcmp0(attribute(names, values, "policy"), "disable") != 0 &&
	    g_strcmp0(attribute(names, values, "policy"), "forbid") != 0)
		parse->has_invtsc = TRUE;
}

/* Without a size they are of the host's default one; that of nearly every host is taken for it. */
static void hugepage_start(Parse *parse, const char **names, const char **values)
{
	const char *size = attribute(names, values, "size");
	gint64 unit = (gint64)unit_bytes(attribute(names, values, "unit"));
	guint64 number;

	if (size && g_ascii_string_to_unsigned(size, 10, 1, (guint64)(G_MAXINT64 / unit), &number,
					       NULL))
		parse->domain->hugepage_bytes = (gint64)number * unit;
	else if (!size)
		parse->domain->hugepage_bytes = HUGEPAGE_DEFAULT;
}

static void read_start(Parse *parse, const char *element, const char **names, const char **values)
{
	DomainXml *domain = parse->domain;

	if (at(parse, "domain"))
		take(&domain->virt_type, attribute(names, values, "type"));
	else if (at(parse, "domain/memory"))
		parse->memory_unit = unit_bytes(attribute(names, values, "unit"));
	else if (at(parse, "domain/memoryBacking/hugepages") ||
		 at(parse, "domain/memoryBacking/hugepages/page"))
		hugepage_start(parse, names, values);
	else if (at(parse, "domain/os/type")) {
		take(&domain->arch, attribute(names, values, "arch"));
		take(&domain->machine_type, attribute(names, values, "machine"));
	} else if (at(parse, "domain/cpu")) {
		if (!domain->cpu_mode)
			take(&domain->cpu_check, attribute(names, values, "check"));
		take(&domain->cpu_mode, attribute(names, values, "mode"));
		copy_begin(parse, NULL);
	} else if (at(parse, "domain/cpu/feature"))
		cpu_feature(parse, names, values);
	else if (at(parse, "domain/clock/timer") &&
		 g_strcmp0(attribute(names, values, "name"), "tsc") == 0 &&
		 attribute(names, values, "frequency"))
		parse->has_tsc_frequency = TRUE;
	else if (at(parse, "domain/launchSecurity"))
		refuse(parse, "its memory is encrypted by the processor");
	else if (g_str_has_prefix(parse->path->str, "domain/devices/")) {
		if (parse->depth == 3)
			device_start(parse, element, names, values);
		else
			device_part(parse, element, names, values);
	}
}

static void read_end(Parse *parse)
{
	DomainXml *domain = parse->domain;
	g_autofree char *text = g_strstrip(g_strdup(parse->text->str));
	guint64 number;

	if (at(parse, "domain/uuid"))
		take(&domain->uuid, text);
	else if (at(parse, "domain/name"))
		take(&domain->name, parse->text->str);
	else if (at(parse, "domain/cpu/model"))
		take(&domain->cpu_model, text);
	else if (at(parse, "domain/devices/emulator"))
		take(&domain->emulator, text);
	else if (at(parse, "domain/memory") &&
		 g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64 / parse->memory_unit, &number,
					    NULL))
		domain->memory_bytes = (gint64)(number * parse->memory_unit);
	else if (at(parse, "domain/vcpu") &&
		 g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT, &number, NULL))
		domain->vcpus = (guint)number;
	else if (parse->depth == 3 && g_str_has_prefix(parse->path->str, "domain/devices/"))
		device_end(parse);
}

static void push(Parse *parse, const char *element)
{
	if (parse->path->len > 0)
		g_string_append_c(parse->path, '/');
	g_string_append(parse->path, element);
	g_string_truncate(parse->text, 0);
	parse->depth++;
}

static void pop(Parse *parse, const char *element)
{
	gsize length = strlen(element);

	g_string_truncate(parse->path, parse->path->len - length);
	if (parse->path->len > 0)
		g_string_truncate(parse->path, parse->path->len - 1);
	g_string_truncate(parse->text, 0);
	parse->depth--;
}

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
		     const char **names, const char **values, gpointer data, GError **error)
{
	Parse *parse = data;
	char *prefix;

	if (parse->depth >= DEPTH_MAX) {
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
			    "nested more than %d deep", DEPTH_MAX);
		return;
	}
	push(parse, element);
	if (parse->depth == 1 && ++parse->roots > 1) {
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
			    "there is more than one element at the top");
		return;
	}
	if (parse->depth == 1 && !parse->domain) {
		prefix = our_prefix(element, names, values);
		copy_begin(parse, prefix);
	} else if (parse->depth == 1 && strcmp(element, "domain") != 0) {
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_UNKNOWN_ELEMENT,
			    "it is a <%s>, not a <domain>", element);
		return;
	} else if (parse->domain && parse->depth == 3 && !parse->domain->metadata &&
		   g_str_has_prefix(parse->path->str, "domain/metadata/")) {
		prefix = our_prefix(element, names, values);
		if (prefix)
			copy_begin(parse, prefix);
	} else if (parse->domain) {
		read_start(parse, element, names, values);
	}
	if (parse->copy_depth)
		copy_start(parse, element, names, values);
}

static void copy_finish(Parse *parse)
{
	parse->copy_depth = 0;
	if (!parse->domain)
		return;
	if (at(parse, "domain/cpu"))
		take(&parse->domain->cpu_xml, parse->copy->str);
	else
		take(&parse->domain->metadata, parse->copy->str);
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
		   GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;

	if (parse->copy_depth)
		copy_end(parse, element);
	if (parse->copy_depth == parse->depth)
		copy_finish(parse);
	if (parse->domain)
		read_end(parse);
	pop(parse, element);
}

/* libvirt indents what it was given; that is not part of it. */
static gboolean is_indentation(const char *text, gsize length)
{
	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isspace(text[i]))
			return FALSE;
	return length > 0 && *text == '\n';
}

static void on_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
		    gpointer data, GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;

	g_string_append_len(parse->text, text, (gssize)length);
	if (parse->copy_depth && !is_indentation(text, length)) {
		g_autofree char *escaped = g_markup_escape_text(text, (gssize)length);

		g_string_append(parse->copy, escaped);
	}
}

static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };

static gboolean run(Parse *parse, const char *xml, char **ret_why)
{
	g_autoptr(GMarkupParseContext) context = NULL;
	g_autoptr(GError) error = NULL;
	gsize length = strnlen(xml, DOMAIN_XML_SIZE_MAX + 1);

	if (length > DOMAIN_XML_SIZE_MAX) {
		*ret_why = g_strdup("the XML is larger than 4 MiB");
		return FALSE;
	}
	context = g_markup_parse_context_new(&parser,
					     G_MARKUP_TREAT_CDATA_AS_TEXT |
						     G_MARKUP_PREFIX_ERROR_POSITION,
					     parse, NULL);
	if (g_markup_parse_context_parse(context, xml, (gssize)length, &error) &&
	    g_markup_parse_context_end_parse(context, &error))
		return TRUE;
	*ret_why = g_strdup(error->message);
	return FALSE;
}

static void parse_clear(Parse *parse)
{
	g_string_free(parse->path, TRUE);
	g_string_free(parse->text, TRUE);
	g_string_free(parse->copy, TRUE);
	g_free(parse->prefix);
	g_free(parse->device_why);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parse, parse_clear)

static void parse_init(Parse *parse, DomainXml *domain)
{
	parse->domain = domain;
	parse->path = g_string_new(NULL);
	parse->text = g_string_new(NULL);
	parse->copy = g_string_new(NULL);
	parse->memory_unit = 1024;
}

gboolean domain_xml_parse(const char *xml, DomainXml *ret_domain, char **ret_why)
{
	g_auto(DomainXml) domain = { 0 };
	g_auto(Parse) parse = { 0 };

	domain.xml = xml;
	parse_init(&parse, &domain);
	if (!run(&parse, xml, ret_why))
		return FALSE;
	if (parse.has_invtsc && !parse.has_tsc_frequency)
		refuse(&parse, "its CPU has invtsc, and no TSC frequency is set");
	*ret_domain = domain;
	memset(&domain, 0, sizeof(domain));
	return TRUE;
}

char *domain_xml_plain_element(const char *xml)
{
	g_autofree char *why = NULL;
	g_auto(Parse) parse = { 0 };

	parse_init(&parse, NULL);
	if (!run(&parse, xml, &why) || parse.copy->len == 0)
		return NULL;
	return g_strdup(parse.copy->str);
}
