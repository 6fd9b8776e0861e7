/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/discovery.h"

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "cluster/kube/cache.h"
#include "cluster/kube/discovery-private.h"

#define CACHE_NAME "kinds.json"
#define CACHE_FORMAT 1
#define CACHE_AGE_US (G_GINT64_CONSTANT(10) * 60 * G_USEC_PER_SEC)

void discovery_free(Discovery *discovery)
{
	if (!discovery)
		return;
	g_ptr_array_unref(discovery->served);
	g_ptr_array_unref(discovery->retired);
	g_free(discovery->etags[0]);
	g_free(discovery->etags[1]);
	g_free(discovery);
}

static const Served *served_at(const Discovery *discovery, guint i)
{
	return g_ptr_array_index(discovery->served, i);
}

/* ---- on disk -------------------------------------------------------------------------------- */

static cJSON *served_to_json(const Served *served)
{
	cJSON *row = cJSON_CreateObject();
	cJSON *names = json_ensure_array(row, "s");

	json_set_string(row, "g", served->own.group);
	json_set_string(row, "v", served->own.version);
	json_set_string(row, "k", served->own.kind);
	json_set_string(row, "p", served->own.plural);
	json_set_string(row, "n", served->own.singular);
	json_set_bool(row, "ns", served->own.namespaced);
	json_set_bool(row, "st", served->own.has_status);
	for (char **name = served->short_names; name && *name; name++)
		cJSON_AddItemToArray(names, cJSON_CreateString(*name));
	return row;
}

static void save(const Kube *kube)
{
	const Discovery *discovery = kube->discovery;
	g_autoptr(cJSON) document = cJSON_CreateObject();
	cJSON *rows = json_ensure_array(document, "kinds");

	json_set_int(document, "format", CACHE_FORMAT);
	json_set_string(document, "server", kube->base.server);
	json_set_string(document, "api", discovery->etags[0]);
	json_set_string(document, "apis", discovery->etags[1]);
	for (guint i = 0; i < discovery->served->len; i++)
		cJSON_AddItemToArray(rows, served_to_json(served_at(discovery, i)));
	kube_cache_write(kube, CACHE_NAME, document);
}

static void served_from_json(GPtrArray *served, const cJSON *row)
{
	const cJSON *names = json_get(row, "s"), *name;
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	const Kind like = {
		.kind = json_string(row, "k", ""),
		.plural = json_string(row, "p", ""),
		.singular = json_string(row, "n", ""),
		.group = json_string(row, "g", ""),
		.version = json_string(row, "v", ""),
		.namespaced = json_bool(row, "ns", FALSE),
		.has_status = json_bool(row, "st", FALSE),
	};

	cJSON_ArrayForEach(name, names)
	{
		if (cJSON_IsString(name))
			g_strv_builder_add(builder, name->valuestring);
	}
	discovery_add(served, &like, g_strv_builder_end(builder));
}

/* What the file says; *ret_age_us as kube_cache_read(). Leaves it alone where there is none. */
static void load(Kube *kube, Discovery *discovery, gint64 *ret_age_us)
{
	g_autoptr(cJSON) document = kube_cache_read(kube, CACHE_NAME, ret_age_us);
	const cJSON *row;

	if (json_int(document, "format", 0) != CACHE_FORMAT)
		return;
	discovery->etags[0] = g_strdup(json_string(document, "api", NULL));
	discovery->etags[1] = g_strdup(json_string(document, "apis", NULL));
	cJSON_ArrayForEach(row, json_get(document, "kinds"))
		served_from_json(discovery->served, row);
	discovery->from_cache = discovery->served->len > 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Puts what is new in the place of what was there from the same root. */
static void replace(Discovery *discovery, int which, GPtrArray *news)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(served_free);

	for (int root = 0; root < 2; root++) {
		GPtrArray *from = root == which ? news : discovery->served;

		for (guint i = 0; i < from->len; i++) {
			Served *served = g_ptr_array_index(from, i);

			if (!served || (*served->own.group != '\0') != root)
				continue;
			g_ptr_array_index(from, i) = NULL;
			g_ptr_array_add(all, served);
		}
	}
	for (guint i = 0; i < discovery->served->len; i++) {
		if (g_ptr_array_index(discovery->served, i))
			g_ptr_array_add(discovery->retired,
					g_ptr_array_index(discovery->served, i));
	}
	g_ptr_array_set_free_func(discovery->served, NULL);
	g_ptr_array_unref(discovery->served);
	discovery->served = all;
}

static void drop_rest(GPtrArray *news)
{
	for (guint i = 0; i < news->len; i++)
		if (g_ptr_array_index(news, i))
			served_free(g_ptr_array_index(news, i));
	g_ptr_array_set_free_func(news, NULL);
	g_ptr_array_unref(news);
}

static gboolean refresh(Kube *kube, GError **error)
{
	Discovery *discovery = kube->discovery;
	gboolean changed = FALSE;

	for (int which = 0; which < 2; which++) {
		GPtrArray *news = NULL;
		char *etag = NULL;

		/* a cache without kinds has no ETag that counts */
		if (!discovery_fetch(kube, which,
				     discovery->from_cache ? discovery->etags[which] : NULL, &news,
				     &etag, error))
			return FALSE;
		if (!news)
			continue;
		replace(discovery, which, news);
		drop_rest(news);
		g_free(discovery->etags[which]);
		discovery->etags[which] = etag;
		changed = TRUE;
	}
	discovery->fresh = TRUE;
	if (changed)
		save(kube);
	else
		kube_cache_touch(kube, CACHE_NAME);
	return TRUE;
}

/* What is known; asks where nothing is, or it is too old. */
static Discovery *ensure(Kube *kube, GError **error)
{
	gint64 age_us = G_MAXINT64;

	if (!kube->discovery) {
		kube->discovery = g_new0(Discovery, 1);
		kube->discovery->served = g_ptr_array_new_with_free_func(served_free);
		kube->discovery->retired = g_ptr_array_new_with_free_func(served_free);
		load(kube, kube->discovery, &age_us);
		if (age_us > CACHE_AGE_US)
			kube->discovery->fresh = FALSE;
		else if (kube->discovery->from_cache)
			return kube->discovery;
	} else if (kube->discovery->fresh || kube->discovery->from_cache) {
		return kube->discovery;
	}
	return refresh(kube, error) ? kube->discovery : NULL;
}

/* ---- looking up ----------------------------------------------------------------------------- */

typedef const Kind *(*FindFunc)(const Discovery *discovery, const char *a, const char *b);

/* In what is known, then, where that was not asked for in this process, in what is there now. */
static gboolean look_up(Kube *kube, FindFunc find, const char *a, const char *b,
			const Kind **ret_kind, GError **error)
{
	const Discovery *discovery = ensure(kube, error);
	const Kind *kind;

	if (!discovery)
		return FALSE;
	kind = find(discovery, a, b);
	if (!kind && !discovery->fresh) {
		if (!refresh(kube, error))
			return FALSE;
		kind = find(discovery, a, b);
	}
	*ret_kind = kind;
	return TRUE;
}

static gboolean same(const char *a, const char *b)
{
	return g_ascii_strcasecmp(a, b) == 0;
}

/* "group" or "version.group"; NULL fits all */
static gboolean fits_group(const Kind *kind, const char *suffix)
{
	gsize version = strlen(kind->version);

	return !suffix || same(suffix, kind->group) ||
	       (g_ascii_strncasecmp(suffix, kind->version, version) == 0 &&
		(suffix[version] == '.' ? same(suffix + version + 1, kind->group)
					: suffix[version] == '\0' && !*kind->group));
}

static gboolean has_short_name(const Served *served, const char *word)
{
	for (char **name = served->short_names; name && *name; name++) {
		if (same(*name, word))
			return TRUE;
	}
	return FALSE;
}

/* A full name of one kind goes before a short name of another. */
static const Kind *find_word(const Discovery *discovery, const char *word, const char *suffix)
{
	const Kind *by_short_name = NULL;

	for (guint i = 0; i < discovery->served->len; i++) {
		const Served *served = served_at(discovery, i);
		const Kind *kind = served->kind;

		if (!fits_group(kind, suffix))
			continue;
		if (same(word, kind->plural) || same(word, kind->singular) ||
		    same(word, kind->kind))
			return kind;
		if (!by_short_name && has_short_name(served, word))
			by_short_name = kind;
	}
	return by_short_name;
}

static const Kind *find_object(const Discovery *discovery, const char *api_version,
			       const char *kind)
{
	for (guint i = 0; i < discovery->served->len; i++) {
		const Kind *one = served_at(discovery, i)->kind;

		if (g_str_equal(one->api_version, api_version) && g_str_equal(one->kind, kind))
			return one;
	}
	return NULL;
}

static char *near_words(const Discovery *discovery, const char *word)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *lower = g_ascii_strdown(word, (gssize)MIN(strlen(word), 100));

	for (guint i = 0; i < discovery->served->len; i++) {
		const Served *served = served_at(discovery, i);

		g_ptr_array_add(names, (char *)served->own.singular);
		g_ptr_array_add(names, (char *)served->own.plural);
		for (char **name = served->short_names; name && *name; name++)
			g_ptr_array_add(names, *name);
	}
	g_ptr_array_add(names, NULL);
	return nearest_words(lower, (const char *const *)names->pdata);
}

const Kind *kube_find_kind(Cluster *cluster, const char *word, GError **error)
{
	const Kind *kind = kind_find(word);
	const char *dot = strchr(word, '.');
	g_autofree char *name = dot ? g_strndup(word, (gsize)(dot - word)) : g_strdup(word);
	g_autofree char *piece = NULL, *near = NULL;

	if (kind || !look_up(kube_of(cluster), find_word, name, dot ? dot + 1 : NULL, &kind, error))
		return kind;
	if (kind)
		return kind;
	piece = error_excerpt(word);
	near = near_words(kube_of(cluster)->discovery, name);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' serves no kind of object '%s'",
		  cluster->context, piece);
	if (near)
		error_hint(error, "did you mean %s?", near);
	return NULL;
}

const Kind *kube_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			 GError **error)
{
	const Kind *found = kind_of(api_version, kind), *elsewhere = NULL;
	g_autofree char *version = NULL, *name = NULL;

	if (found || !look_up(kube_of(cluster), find_object, api_version, kind, &found, error))
		return found;
	if (found)
		return found;
	elsewhere = find_word(kube_of(cluster)->discovery, kind, NULL);
	version = error_excerpt(api_version);
	name = error_excerpt(kind);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' serves no %s of apiVersion '%s'",
		  cluster->context, name, version);
	if (elsewhere)
		error_hint(error, "a %s has the apiVersion %s there", elsewhere->kind,
			   kind_api_version(elsewhere));
	return NULL;
}
