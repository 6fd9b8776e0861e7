/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a host's storage pools see the files and devices of a domain. Nothing is changed for it:
 * no pool is refreshed, so what a pool lists may be old; what it says of a volume is not, since
 * libvirt looks at that when it is asked.
 */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>
#include <string.h>

#include "hyper/libvirt/xml-attribute.h"

#define XML_SIZE_MAX ((gsize)1 << 20)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStorageVol, virStorageVolFree)

/* ---- libvirt's documents -------------------------------------------------------------------- */

/* A pool, or a volume. */
typedef struct {
	char *type, *name, *host, *source, *target; /* of a pool */
	char *key, *changed, *capacity, *physical;  /* of a volume */
	GString *path, *text;
} Document;

static void document_clear(Document *document)
{
	char **fields[] = { &document->type,    &document->name,     &document->host,
			    &document->source,  &document->target,   &document->key,
			    &document->changed, &document->capacity, &document->physical };

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++)
		g_clear_pointer(fields[i], g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Document, document_clear)

static void take(char **field, const char *value)
{
	if (!*field && value && *value)
		*field = g_utf8_make_valid(value, -1);
}

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
		     const char **names, const char **values, gpointer data,
		     GError **error G_GNUC_UNUSED)
{
	Document *document = data;

	g_string_append_printf(document->path, "/%s", element);
	g_string_truncate(document->text, 0);
	if (strcmp(document->path->str, "/pool") == 0)
		take(&document->type, attribute(names, values, "type"));
	else if (strcmp(document->path->str, "/pool/source/host") == 0)
		take(&document->host, attribute(names, values, "name"));
	else if (strcmp(document->path->str, "/pool/source/dir") == 0 ||
		 strcmp(document->path->str, "/pool/source/device") == 0)
		take(&document->source, attribute(names, values, "path"));
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
		   GError **error G_GNUC_UNUSED)
{
	Document *document = data;
	const struct {
		const char *path;
		char **field;
	} texts[] = {
		{ "/pool/name", &document->name },
		{ "/pool/source/name", &document->source },
		{ "/pool/target/path", &document->target },
		{ "/volume/key", &document->key },
		{ "/volume/capacity", &document->capacity },
		{ "/volume/physical", &document->physical },
		{ "/volume/target/timestamps/ctime", &document->changed },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
		if (strcmp(document->path->str, texts[i].path) == 0)
			take(texts[i].field, g_strstrip(document->text->str));
	g_string_truncate(document->text, 0);
	g_string_truncate(document->path, document->path->len - strlen(element) - 1);
}

static void on_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
		    gpointer data, GError **error G_GNUC_UNUSED)
{
	g_string_append_len(((Document *)data)->text, text, (gssize)length);
}

/* What cannot be read stays unknown. */
static void document_read(Document *document, const char *xml)
{
	static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	g_autoptr(GMarkupParseContext) context = NULL;
	g_autoptr(GString) path = g_string_new(NULL), text = g_string_new(NULL);
	gsize length = strnlen(xml, XML_SIZE_MAX + 1);

	if (length > XML_SIZE_MAX)
		return;
	document->path = path;
	document->text = text;
	context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, document, NULL);
	(void)g_markup_parse_context_parse(context, xml, (gssize)length, NULL);
	document->path = document->text = NULL;
}

/* ---- pools ---------------------------------------------------------------------------------- */

static void place_of_pool(HyperPlace *place, const Document *pool)
{
	take(&place->pool, pool->name);
	take(&place->pool_type, pool->type);
	take(&place->pool_path, pool->target);
	if (pool->host && !place->pool_source)
		place->pool_source =
			g_strdup_printf("%s:%s", pool->host, pool->source ? pool->source : "");
}

static gboolean pool_read(virStoragePoolPtr pool, Document *document)
{
	char *xml = virStoragePoolGetXMLDesc(pool, 0);

	if (!xml)
		return FALSE;
	document_read(document, xml);
	free(xml);
	return document->name && document->type;
}

static gboolean covers(const Document *pool, const char *path)
{
	gsize length = pool->target ? strlen(pool->target) : 0;

	return length > 1 && strncmp(pool->target, path, length) == 0 && path[length] == '/';
}

/* The pool whose folder is the nearest above the path. */
static const Document *pool_above(const GArray *pools, const char *path)
{
	const Document *best = NULL;

	for (guint i = 0; i < pools->len; i++) {
		const Document *pool = &g_array_index(pools, Document, i);

		if (covers(pool, path) && (!best || strlen(pool->target) > strlen(best->target)))
			best = pool;
	}
	return best;
}

static void document_destroy(gpointer data)
{
	document_clear(data);
}

/* Empty where the daemon has no storage driver, or does not let us. */
static GArray *read_pools(virConnectPtr conn)
{
	GArray *pools = g_array_new(FALSE, TRUE, sizeof(Document));
	virStoragePoolPtr *list = NULL;
	int n = virConnectListAllStoragePools(conn, &list, VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);

	g_array_set_clear_func(pools, document_destroy);
	for (int i = 0; i < n; i++) {
		Document document = { 0 };

		if (pool_read(list[i], &document))
			g_array_append_val(pools, document);
		else
			document_clear(&document);
		virStoragePoolFree(list[i]);
	}
	free(list);
	return pools;
}

/* ---- volumes -------------------------------------------------------------------------------- */

static gint64 bytes(const char *text)
{
	guint64 number;

	return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &number, NULL)
		       ? (gint64)number
		       : -1;
}

static void place_of_volume(HyperPlace *place, virStorageVolPtr volume)
{
	g_auto(Document) document = { 0 };
	char *xml = virStorageVolGetXMLDesc(volume, 0);

	if (!xml)
		return; /* the pool's list is older than its end */
	document_read(&document, xml);
	free(xml);
	place->listed = TRUE;
	place->key = g_steal_pointer(&document.key);
	place->changed = g_steal_pointer(&document.changed);
	place->capacity_bytes = bytes(document.capacity);
	place->physical_bytes = bytes(document.physical);
}

static void find_volume(virConnectPtr conn, HyperPart *part)
{
	g_autoptr(virStoragePool) pool = virStoragePoolLookupByName(conn, part->pool);
	g_autoptr(virStorageVol) volume = NULL;
	g_auto(Document) document = { 0 };

	if (!pool || virStoragePoolIsActive(pool) != 1 || !pool_read(pool, &document))
		return;
	place_of_pool(&part->place, &document);
	volume = virStorageVolLookupByName(pool, part->path);
	if (volume)
		place_of_volume(&part->place, volume);
}

static void find_path(virConnectPtr conn, const GArray *pools, HyperPart *part)
{
	const Document *pool = pool_above(pools, part->path);
	g_autoptr(virStorageVol) volume =
		pools->len > 0 ? virStorageVolLookupByPath(conn, part->path) : NULL;
	g_autoptr(virStoragePool) owner = volume ? virStoragePoolLookupByVolume(volume) : NULL;
	g_auto(Document) document = { 0 };

	if (owner && pool_read(owner, &document))
		pool = &document;
	if (pool)
		place_of_pool(&part->place, pool);
	if (volume)
		place_of_volume(&part->place, volume);
}

void lv_find_places(virConnectPtr conn, GPtrArray *parts)
{
	g_autoptr(GArray) pools = NULL;

	for (guint i = 0; i < parts->len; i++) {
		HyperPart *part = g_ptr_array_index(parts, i);

		if (part->kind != HYPER_PART_DISK && part->kind != HYPER_PART_BOOT)
			continue;
		if (part->pool && part->path) {
			find_volume(conn, part);
		} else if (part->path && *part->path == '/') {
			if (!pools)
				pools = read_pools(conn);
			find_path(conn, pools, part);
		}
	}
}
