/* SPDX-License-Identifier: Apache-2.0 */
/* The two forms in which servers say what they serve. */
#include <string.h>

#include "base/error.h"
#include "cluster/kube/discovery-private.h"
#include "cluster/kube/path.h"
#include "cluster/kube/split.h"

#define ACCEPT_AGGREGATED                                                                          \
	"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"                    \
	"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"               \
	"application/json"
#define KINDS_MAX 100000u
#define GROUPS_MAX 2000

static const char *const roots[] = { "/api", "/apis" };

/* ---- one kind ------------------------------------------------------------------------------- */

void served_free(gpointer data)
{
	Served *served = data;

	g_ptr_array_unref(served->strings);
	g_strfreev(served->short_names);
	g_free(served);
}

static const char *keep(Served *served, char *text)
{
	g_ptr_array_add(served->strings, text);
	return text;
}

void discovery_add(GPtrArray *all, const Kind *like, GStrv short_names)
{
	Served *served;
	const Kind *known;

	if (all->len >= KINDS_MAX || !*like->kind || !*like->plural || !*like->version) {
		g_strfreev(short_names);
		return;
	}
	served = g_new0(Served, 1);
	served->strings = g_ptr_array_new_with_free_func(g_free);
	served->short_names = short_names;
	served->own = (Kind){
		.kind = keep(served, g_strdup(like->kind)),
		.list_kind = keep(served, g_strconcat(like->kind, "List", NULL)),
		.plural = keep(served, g_strdup(like->plural)),
		.singular = keep(served, like->singular && *like->singular
						 ? g_strdup(like->singular)
						 : g_ascii_strdown(like->kind, -1)),
		.short_name = short_names ? short_names[0] : NULL,
		.group = keep(served, g_strdup(like->group)),
		.version = keep(served, g_strdup(like->version)),
		.api_version = keep(served, g_strconcat(like->group, *like->group ? "/" : "",
							like->version, NULL)),
		.namespaced = like->namespaced,
		.has_status = like->has_status,
	};
	known = kind_of(served->own.api_version, like->kind);
	served->kind = known && g_str_equal(known->plural, like->plural) ? known : &served->own;
	g_ptr_array_add(all, served);
}

static GStrv strings_of(const cJSON *array)
{
	GPtrArray *strings = g_ptr_array_new();
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (cJSON_IsString(item))
			g_ptr_array_add(strings, g_strdup(item->valuestring));
	}
	g_ptr_array_add(strings, NULL);
	return (GStrv)g_ptr_array_free(strings, FALSE);
}

/* ---- aggregated discovery ------------------------------------------------------------------- */

static gboolean has_subresource(const cJSON *resource, const char *name)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, json_get(resource, "subresources"))
	{
		if (g_str_equal(json_string(one, "subresource", ""), name))
			return TRUE;
	}
	return FALSE;
}

void discovery_take_group(GPtrArray *served, const cJSON *group)
{
	const char *name = json_string(json_get(group, "metadata"), "name", "");
	const cJSON *version, *resource;

	cJSON_ArrayForEach(version, json_get(group, "versions"))
	{
		cJSON_ArrayForEach(resource, json_get(version, "resources"))
		{
			const cJSON *kind = json_get(resource, "responseKind");
			const Kind like = {
				.kind = json_string(kind, "kind", ""),
				.plural = json_string(resource, "resource", ""),
				.singular = json_string(resource, "singularResource", ""),
				.group = name,
				.version = json_string(version, "version", ""),
				.namespaced = g_str_equal(json_string(resource, "scope", ""),
							  "Namespaced"),
				.has_status = has_subresource(resource, "status"),
			};

			discovery_add(served, &like, strings_of(json_get(resource, "shortNames")));
		}
	}
}

/* ---- before 1.26 ---------------------------------------------------------------------------- */

/* "pods/status" is listed beside "pods". */
static gboolean lists_status(const cJSON *list, const char *plural)
{
	g_autofree char *wanted = g_strconcat(plural, "/status", NULL);
	const cJSON *one;

	cJSON_ArrayForEach(one, json_get(list, "resources"))
	{
		if (g_str_equal(json_string(one, "name", ""), wanted))
			return TRUE;
	}
	return FALSE;
}

void discovery_take_resources(GPtrArray *served, const cJSON *list, const char *group,
			      const char *version)
{
	const cJSON *resource;

	cJSON_ArrayForEach(resource, json_get(list, "resources"))
	{
		const char *plural = json_string(resource, "name", "");
		const Kind like = {
			.kind = json_string(resource, "kind", ""),
			.plural = plural,
			.singular = json_string(resource, "singularName", ""),
			.group = group,
			.version = version,
			.namespaced = json_bool(resource, "namespaced", FALSE),
			.has_status = lists_status(list, plural),
		};

		if (!strchr(plural, '/'))
			discovery_add(served, &like, strings_of(json_get(resource, "shortNames")));
	}
}

static cJSON *get_json(Kube *kube, const char *path, GError **error)
{
	const KubeRequest request = { .method = "GET",
				      .target = path,
				      .subject = kube_subject(kube, "get", NULL, NULL, path) };

	return kube_send_json(kube, &request, NULL, error);
}

/* A group whose server is down must not hide the others. */
static void fetch_version(Kube *kube, GPtrArray *served, const char *group, const char *version)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = *group ? g_strdup_printf("/apis/%s/%s", group, version)
				       : g_strdup_printf("/api/%s", version);
	g_autoptr(cJSON) list = get_json(kube, path, &error);

	if (list)
		discovery_take_resources(served, list, group, version);
	else
		g_info("discovery: %s", error->message);
}

static void fetch_group(Kube *kube, GPtrArray *served, const cJSON *group)
{
	const char *name = json_string(group, "name", "");
	const char *preferred = json_string(json_get(group, "preferredVersion"), "version", "");
	const cJSON *version;

	if (*preferred)
		fetch_version(kube, served, name, preferred);
	cJSON_ArrayForEach(version, json_get(group, "versions"))
	{
		const char *text = json_string(version, "version", "");

		if (*text && !g_str_equal(text, preferred))
			fetch_version(kube, served, name, text);
	}
}

static gboolean fetch_old(Kube *kube, int which, GPtrArray *served, GError **error)
{
	g_autoptr(cJSON) document = get_json(kube, roots[which], error);
	const cJSON *one;
	int count = 0;

	if (!document)
		return FALSE;
	cJSON_ArrayForEach(one, json_get(document, which == 0 ? "versions" : "groups"))
	{
		if (++count > GROUPS_MAX)
			break;
		if (which == 1)
			fetch_group(kube, served, one);
		else if (cJSON_IsString(one))
			fetch_version(kube, served, "", one->valuestring);
	}
	return TRUE;
}

/* ---- fetching ------------------------------------------------------------------------------- */

typedef struct {
	GPtrArray *served;
	Split split;
	gboolean aggregated;
	GError *error;
} Reading;

static gboolean on_part(const char *key, const char *text, gsize length, gpointer data,
			GError **error)
{
	Reading *reading = data;
	g_autoptr(cJSON) value = NULL;

	if (g_str_equal(key, "kind"))
		reading->aggregated =
			length == 23 && memcmp(text, "\"APIGroupDiscoveryList\"", 23) == 0;
	if (!g_str_equal(key, "items") || (length == 4 && memcmp(text, "null", 4) == 0))
		return TRUE;
	value = json_parse(text, length, "what the server says of its kinds", error);
	if (value)
		discovery_take_group(reading->served, value);
	return value != NULL;
}

static gboolean on_data(const char *data, gsize length, gpointer user_data)
{
	Reading *reading = user_data;

	return split_feed(&reading->split, data, length, &reading->error);
}

static void begin_reading(gpointer user_data)
{
	Reading *reading = user_data;

	split_clear(&reading->split);
	split_init(&reading->split, "items", "what the server says of its kinds", on_part, reading);
	g_ptr_array_set_size(reading->served, 0);
	reading->aggregated = FALSE;
}

/* FALSE without *error: nothing has changed. */
static gboolean fetch_aggregated(Kube *kube, int which, const char *etag, Reading *reading,
				 char **ret_etag, GError **error)
{
	g_auto(HttpReply) reply = { 0 };
	const KubeRequest request = {
		.method = "GET",
		.target = roots[which],
		.accept = ACCEPT_AGGREGATED,
		.etag = etag,
		.subject = kube_subject(kube, "get", NULL, NULL, roots[which]),
		.on_data = on_data,
		.on_restart = begin_reading,
		.data = reading,
	};
	gboolean ok = kube_send(kube, &request, &reply, error);

	if (reading->error) {
		g_clear_error(error);
		return error_set(error, KVMIG_ERROR_FAILED, "'%s': %s", kube->base.context,
				 reading->error->message);
	}
	if (!ok || reply.head.status == 304)
		return FALSE;
	*ret_etag = g_steal_pointer(&reply.head.etag);
	return TRUE;
}

gboolean discovery_fetch(Kube *kube, int which, const char *etag, GPtrArray **ret_served,
			 char **ret_etag, GError **error)
{
	g_autoptr(GPtrArray) served = g_ptr_array_new_with_free_func(served_free);
	Reading reading = { .served = served };
	g_autoptr(GError) cause = NULL;
	g_autofree char *new_etag = NULL;
	gboolean ok;

	begin_reading(&reading);
	ok = fetch_aggregated(kube, which, etag, &reading, &new_etag, &cause);
	split_clear(&reading.split);
	g_clear_error(&reading.error);
	if (!ok && cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!ok)
		return TRUE; /* as it was */
	if (!reading.aggregated) {
		g_clear_pointer(&new_etag, g_free); /* of the list of groups only */
		if (!fetch_old(kube, which, served, error))
			return FALSE;
	}
	*ret_served = g_steal_pointer(&served);
	*ret_etag = g_steal_pointer(&new_etag);
	return TRUE;
}
