/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A GMarkup parser with a path. A disk has a part for itself and one for each image below it; what
 * it is called (<target dev=…>) is known only at its end.
 */
#include "hyper/libvirt/parts-xml.h"

#include <string.h>

#include "hyper/libvirt/domain-xml.h"
#include "hyper/libvirt/xml-attribute.h"

#define DEPTH_MAX 64
#define DEVICE_DEPTH 3 /* domain/devices/disk */

typedef struct {
	GPtrArray *parts;
	GString *path, *text;
	guint depth;
	guint first;     /* the device under way: its first part; */
	HyperPart *part; /* … the one being filled, or NULL */
	char *target;    /* … its name */
	gboolean read_only;
} Parse;

static void take(char **field, const char *value)
{
	if (!*field && value && *value)
		*field = g_strdup(value);
}

static HyperPart *part_add(Parse *parse, HyperPartKind kind, const char *type)
{
	HyperPart *part = g_new0(HyperPart, 1);

	part->kind = kind;
	part->type = g_strdup(type);
	part->there = -1;
	part->place.capacity_bytes = part->place.physical_bytes = -1;
	g_ptr_array_add(parse->parts, part);
	return part;
}

/* ---- disks ---------------------------------------------------------------------------------- */

static void disk_source(HyperPart *part, const char **names, const char **values)
{
	static const char *const paths[] = { "file", "dev", "dir", "volume" };
	const char *protocol = attribute(names, values, "protocol");
	const char *name = attribute(names, values, "name");

	for (gsize i = 0; i < G_N_ELEMENTS(paths); i++)
		take(&part->path, attribute(names, values, paths[i]));
	take(&part->pool, attribute(names, values, "pool"));
	if (protocol && !part->path)
		part->path = g_strdup_printf("%s:%s", protocol, name ? name : "");
}

/* "/backingStore/backingStore/source" and the like; what else a disk has inside of these, such as
 * the target of a mirror, is not its own. */
static void disk_part(Parse *parse, const char *rest, const char **names, const char **values)
{
	static const char below[] = "/backingStore";
	HyperPart *disk = g_ptr_array_index(parse->parts, parse->first);
	gboolean is_backing = FALSE;

	while (g_str_has_prefix(rest, below)) {
		rest += strlen(below);
		is_backing = TRUE;
	}
	if (is_backing && !*rest && attribute(names, values, "type")) {
		parse->part = part_add(parse, HYPER_PART_DISK, attribute(names, values, "type"));
		parse->part->backing = TRUE;
	} else if (strcmp(rest, "/source") == 0) {
		disk_source(is_backing ? parse->part : disk, names, values);
	} else if (!is_backing && strcmp(rest, "/driver") == 0) {
		take(&disk->cache, attribute(names, values, "cache"));
	} else if (!is_backing && strcmp(rest, "/target") == 0) {
		take(&parse->target, attribute(names, values, "dev"));
	} else if (!is_backing && strcmp(rest, "/readonly") == 0) {
		parse->read_only = TRUE;
	}
}

/* ---- other devices -------------------------------------------------------------------------- */

static void interface_part(Parse *parse, const char *rest, const char **names, const char **values)
{
	HyperPart *part = parse->part;

	if (strcmp(rest, "/source") == 0) {
		take(&part->path, attribute(names, values, "bridge"));
		take(&part->path, attribute(names, values, "dev"));
		take(&part->path, attribute(names, values, "path"));
	} else if (strcmp(rest, "/target") == 0) {
		take(&parse->target, attribute(names, values, "dev"));
	} else if (strcmp(rest, "/mac") == 0) {
		take(&part->device, attribute(names, values, "address"));
	}
}

static guint hex(const char *text)
{
	guint64 number = 0;

	if (!text)
		return 0;
	if (g_str_has_prefix(text, "0x"))
		text += 2;
	return g_ascii_string_to_unsigned(text, 16, 0, G_MAXUINT, &number, NULL) ? (guint)number
										 : 0;
}

static void address(HyperPart *part, const char **names, const char **values)
{
	const char *slot = attribute(names, values, "slot");

	if (part->path)
		return;
	if (slot)
		part->path = g_strdup_printf("%04x:%02x:%02x.%x",
					     hex(attribute(names, values, "domain")),
					     hex(attribute(names, values, "bus")), hex(slot),
					     hex(attribute(names, values, "function")));
	else
		take(&part->path, attribute(names, values, "uuid"));
}

static void device_part(Parse *parse, const char *rest, const char **names, const char **values)
{
	HyperPart *part = parse->part;

	if (strcmp(rest, "/source/address") == 0)
		address(part, names, values);
	else if (strcmp(rest, "/source") == 0)
		take(&part->path, attribute(names, values, "dir"));
	else if (strcmp(rest, "/target") == 0)
		take(&parse->target, attribute(names, values, "dir"));
	else if ((strcmp(rest, "/driver") == 0 && part->kind == HYPER_PART_FILESYSTEM) ||
		 strcmp(rest, "/backend") == 0)
		take(&part->device, attribute(names, values, "type"));
	else if (strcmp(rest, "/backend/device") == 0)
		take(&part->path, attribute(names, values, "path"));
	else if (strcmp(rest, "/alias") == 0 && part->kind == HYPER_PART_HOSTDEV)
		take(&parse->target, attribute(names, values, "name"));
}

static void device_start(Parse *parse, const char *element, const char **names, const char **values)
{
	static const struct {
		const char *element, *type;
		HyperPartKind kind;
	} kinds[] = {
		{ "disk", "type", HYPER_PART_DISK },
		{ "interface", "type", HYPER_PART_INTERFACE },
		{ "hostdev", "type", HYPER_PART_HOSTDEV },
		{ "filesystem", "type", HYPER_PART_FILESYSTEM },
		{ "shmem", "role", HYPER_PART_SHMEM },
		{ "tpm", "model", HYPER_PART_TPM },
	};

	parse->first = parse->parts->len;
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(element, kinds[i].element) == 0)
			parse->part = part_add(parse, kinds[i].kind,
					       attribute(names, values, kinds[i].type));
	if (!parse->part)
		return;
	if (parse->part->kind == HYPER_PART_DISK)
		take(&parse->part->device, attribute(names, values, "device"));
	else if (parse->part->kind == HYPER_PART_SHMEM)
		take(&parse->target, attribute(names, values, "name"));
}

static void device_inside(Parse *parse, const char *element, const char **names,
			  const char **values)
{
	const char *rest = parse->path->str + strlen("domain/devices/");
	const HyperPart *part = parse->part;

	if (!part)
		return;
	rest = strchr(rest, '/');
	if (strcmp(element, "teaming") == 0 &&
	    g_strcmp0(attribute(names, values, "type"), "transient") == 0)
		parse->part->teaming = TRUE;
	if (part->kind == HYPER_PART_DISK)
		disk_part(parse, rest, names, values);
	else if (part->kind == HYPER_PART_INTERFACE && g_strcmp0(part->type, "hostdev") != 0)
		interface_part(parse, rest, names, values);
	else
		device_part(parse, rest, names, values);
}

static void device_end(Parse *parse)
{
	for (guint i = parse->first; i < parse->parts->len; i++) {
		HyperPart *part = g_ptr_array_index(parse->parts, i);

		take(&part->name, parse->target);
		part->read_only = parse->read_only || part->backing;
	}
	g_clear_pointer(&parse->target, g_free);
	parse->part = NULL;
	parse->read_only = FALSE;
}

/* ---- what it boots from --------------------------------------------------------------------- */

static void boot_add(Parse *parse, const char *name, const char *path)
{
	HyperPart *part;

	if (!path || *path != '/')
		return;
	part = part_add(parse, HYPER_PART_BOOT, "file");
	part->name = g_strdup(name);
	part->path = g_strdup(path);
	part->read_only = TRUE;
}

/* The variables themselves go along; a target makes their file anew, from the template. */
static void os_end(Parse *parse, const char *element, const char *text)
{
	static const char *const files[] = { "kernel", "initrd", "dtb", "loader" };

	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		if (strcmp(element, files[i]) == 0)
			boot_add(parse, element, text);
}

/* ---- the parser ----------------------------------------------------------------------------- */

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
		     const char **names, const char **values, gpointer data, GError **error)
{
	Parse *parse = data;

	if (++parse->depth > DEPTH_MAX) {
		g_set_error(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT,
			    "nested more than %d deep", DEPTH_MAX);
		return;
	}
	if (parse->path->len > 0)
		g_string_append_c(parse->path, '/');
	g_string_append(parse->path, element);
	g_string_truncate(parse->text, 0);
	if (strcmp(parse->path->str, "domain/os/nvram") == 0)
		boot_add(parse, "template of the firmware's variables",
			 attribute(names, values, "template"));
	if (!g_str_has_prefix(parse->path->str, "domain/devices/"))
		return;
	if (parse->depth == DEVICE_DEPTH)
		device_start(parse, element, names, values);
	else
		device_inside(parse, element, names, values);
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
		   GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;
	gsize length = strlen(element);

	if (parse->depth == DEVICE_DEPTH && g_str_has_prefix(parse->path->str, "domain/devices/"))
		device_end(parse);
	else if (parse->depth == DEVICE_DEPTH && g_str_has_prefix(parse->path->str, "domain/os/"))
		os_end(parse, element, g_strstrip(parse->text->str));
	g_string_truncate(parse->text, 0);
	g_string_truncate(parse->path, parse->path->len - length);
	if (parse->path->len > 0)
		g_string_truncate(parse->path, parse->path->len - 1);
	parse->depth--;
}

static void on_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
		    gpointer data, GError **error G_GNUC_UNUSED)
{
	g_string_append_len(((Parse *)data)->text, text, (gssize)length);
}

static void part_destroy(gpointer data)
{
	hyper_part_free(data);
}

GPtrArray *parts_xml_parse(const char *xml, char **ret_why)
{
	static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(part_destroy);
	g_autoptr(GString) path = g_string_new(NULL), text = g_string_new(NULL);
	g_autoptr(GMarkupParseContext) context = NULL;
	g_autoptr(GError) error = NULL;
	Parse parse = { .parts = parts, .path = path, .text = text };
	gsize length = strnlen(xml, DOMAIN_XML_SIZE_MAX + 1);
	gboolean ok;

	if (length > DOMAIN_XML_SIZE_MAX) {
		*ret_why = g_strdup("the XML is larger than 4 MiB");
		return NULL;
	}
	context = g_markup_parse_context_new(
		&parser, G_MARKUP_TREAT_CDATA_AS_TEXT | G_MARKUP_PREFIX_ERROR_POSITION, &parse,
		NULL);
	ok = g_markup_parse_context_parse(context, xml, (gssize)length, &error) &&
	     g_markup_parse_context_end_parse(context, &error);
	g_free(parse.target);
	if (ok)
		return g_steal_pointer(&parts);
	*ret_why = g_strdup(error->message);
	return NULL;
}
