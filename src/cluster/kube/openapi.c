/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/openapi.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/cache.h"
#include "cluster/kube/split.h"

#define DEPTH_MAX 40
#define NODES_MAX 100000u
#define DOCUMENT_MAX_BYTES ((gsize)64 * 1024 * 1024)
/* for names of fields, of which most stay */
#define CACHE_AGE_US (G_GINT64_CONSTANT(10) * 60 * G_USEC_PER_SEC)
/* for defaults, which people are told: an upgrade changes them */
#define DEFAULT_AGE_US (G_GINT64_CONSTANT(10) * G_USEC_PER_SEC)
#define REF_PREFIX "#/components/schemas/"
/* between index and document a CRD may be changed: then the one names what the other has no more */
#define TRIES 3
#define TRY_PAUSE_US 200000

/* ---- the schemas of a document -------------------------------------------------------------- */

/* Schemas are parsed when they are needed: most are not. */
typedef struct {
	const char *text; /* within the document */
	gsize length;
	cJSON *parsed;
} Schema;

typedef struct {
	const char *const *path; /* members to go down, NULL-terminated */
	GHashTable *schemas;     /* name -> Schema* */
	unsigned nodes;
} Reading;

static void schema_free(gpointer data)
{
	Schema *schema = data;

	cJSON_Delete(schema->parsed);
	g_free(schema);
}

static gboolean on_member(const char *key, const char *text, gsize length, gpointer data,
			  GError **error);

/* The members of one object of the document, which is fed in one piece: parts lie within it. */
static gboolean go_down(const char *text, gsize length, Reading *reading, GError **error)
{
	g_auto(Split) split;

	split_init(&split, "", "the server's OpenAPI document", on_member, reading);
	return split_feed(&split, text, length, error) && split_end(&split, error);
}

static gboolean on_member(const char *key, const char *text, gsize length, gpointer data,
			  GError **error)
{
	Reading *reading = data;
	Schema *schema;
	gboolean ok;

	if (*reading->path) {
		if (!g_str_equal(key, *reading->path))
			return TRUE;
		reading->path++;
		ok = go_down(text, length, reading, error);
		reading->path--;
		return ok;
	}
	schema = g_new0(Schema, 1);
	schema->text = text;
	schema->length = length;
	g_hash_table_replace(reading->schemas, g_strdup(key), schema);
	return TRUE;
}

static const cJSON *parse_schema(Schema *schema)
{
	if (!schema->parsed)
		schema->parsed =
			json_parse(schema->text, schema->length, "a schema of the server", NULL);
	return schema->parsed;
}

static gboolean is_of_kind(const cJSON *schema, const Kind *kind)
{
	const cJSON *one;

	cJSON_ArrayForEach(one, json_get(schema, "x-kubernetes-group-version-kind"))
	{
		if (g_str_equal(json_string(one, "kind", ""), kind->kind) &&
		    g_str_equal(json_string(one, "group", ""), kind->group) &&
		    g_str_equal(json_string(one, "version", ""), kind->version))
			return TRUE;
	}
	return FALSE;
}

static const cJSON *schema_of_kind(const Reading *reading, const Kind *kind)
{
	g_autofree char *quoted = g_strdup_printf("\"%s\"", kind->kind);
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, reading->schemas);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Schema *schema = value;

		if (g_strstr_len(schema->text, (gssize)schema->length, quoted) &&
		    is_of_kind(parse_schema(schema), kind))
			return parse_schema(schema);
	}
	return NULL;
}

/* ---- a tree of names ------------------------------------------------------------------------ */

/* The references that are being followed: a kind may contain itself. */
typedef struct Followed {
	const char *name;
	const struct Followed *above;
} Followed;

static cJSON *tree_of(Reading *reading, const cJSON *schema, unsigned depth, const Followed *above);

static cJSON *unknown_tree(void)
{
	cJSON *tree = cJSON_CreateObject();

	json_set_bool(tree, "u", TRUE);
	return tree;
}

static cJSON *tree_of_reference(Reading *reading, const char *reference, unsigned depth,
				const Followed *above)
{
	const Followed here = { reference, above };
	Schema *schema = NULL;

	if (g_str_has_prefix(reference, REF_PREFIX))
		schema = g_hash_table_lookup(reading->schemas, reference + strlen(REF_PREFIX));
	for (const Followed *one = above; one; one = one->above) {
		if (g_str_equal(one->name, reference))
			schema = NULL;
	}
	return schema ? tree_of(reading, parse_schema(schema), depth + 1, &here) : unknown_tree();
}

static void add_members(Reading *reading, cJSON *tree, const cJSON *schema, unsigned depth,
			const Followed *above)
{
	const cJSON *properties = json_get(schema, "properties"), *property;
	const cJSON *additional = json_get(schema, "additionalProperties");
	cJSON *members = properties ? json_ensure_object(tree, "p") : NULL;

	cJSON_ArrayForEach(property, properties)
	{
		if (property->string)
			cJSON_AddItemToObject(members, property->string,
					      tree_of(reading, property, depth + 1, above));
	}
	if (json_get(schema, "items"))
		json_set(tree, "i", tree_of(reading, json_get(schema, "items"), depth + 1, above));
	if (cJSON_IsObject(additional))
		json_set(tree, "a", tree_of(reading, additional, depth + 1, above));
	if (cJSON_IsTrue(additional) ||
	    json_bool(schema, "x-kubernetes-preserve-unknown-fields", FALSE) ||
	    json_bool(schema, "x-kubernetes-embedded-resource", FALSE))
		json_set_bool(tree, "u", TRUE);
	/* an object of which nothing more is said */
	if (!properties && !additional && g_str_equal(json_string(schema, "type", ""), "object"))
		json_set_bool(tree, "u", TRUE);
}

static cJSON *tree_of(Reading *reading, const cJSON *schema, unsigned depth, const Followed *above)
{
	const char *reference = json_string(schema, "$ref", NULL);
	const cJSON *all = json_get(schema, "allOf");
	cJSON *tree;

	if (depth > DEPTH_MAX || ++reading->nodes > NODES_MAX || !cJSON_IsObject(schema))
		return unknown_tree();
	/* how a reference with a description or a default is written */
	if (!reference && cJSON_GetArraySize(all) == 1)
		reference = json_string(all->child, "$ref", NULL);
	if (reference) {
		tree = tree_of_reference(reading, reference, depth, above);
	} else {
		tree = cJSON_CreateObject();
		add_members(reading, tree, schema, depth, above);
	}
	if (json_get(schema, "default"))
		json_set(tree, "d", cJSON_Duplicate(json_get(schema, "default"), TRUE));
	return tree;
}

cJSON *openapi_fields(const char *document, gsize length, const Kind *kind, GError **error)
{
	static const char *const path[] = { "components", "schemas", NULL };
	g_autoptr(GHashTable) schemas =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, schema_free);
	Reading reading = { .path = path, .schemas = schemas };
	const cJSON *schema;

	if (!go_down(document, length, &reading, error))
		return NULL;
	schema = schema_of_kind(&reading, kind);
	if (!schema) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "no schema of %s in the server's document",
			  kind->kind);
		return NULL;
	}
	return tree_of(&reading, schema, 0, NULL);
}

ClusterFieldState openapi_find(const cJSON *fields, const char *path)
{
	g_auto(GStrv) keys = g_strsplit(path, ".", -1);

	for (char **key = keys; *key; key++) {
		const cJSON *next;

		while (json_get(fields, "i"))
			fields = json_get(fields, "i");
		next = json_path(fields, "p", *key, NULL);
		if (!next)
			next = json_get(fields, "a");
		if (!next)
			return json_bool(fields, "u", FALSE) ? CLUSTER_FIELD_UNKNOWN
							     : CLUSTER_FIELD_NO;
		fields = next;
	}
	return CLUSTER_FIELD_YES;
}

cJSON *openapi_find_default(const cJSON *fields, const char *path)
{
	g_auto(GStrv) keys = g_strsplit(path, ".", -1);
	const cJSON *value = NULL;

	for (char **key = keys; *key; key++) {
		const cJSON *above = json_get(value, *key);

		fields = json_path(fields, "p", *key, NULL);
		value = json_get(fields, "d");
		if (!value)
			value = above;
	}
	return value ? cJSON_Duplicate(value, TRUE) : NULL;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* The index of the documents. NULL without *error: it is as it was when it had that ETag. */
static cJSON *fetch_index(Kube *kube, const char *etag, char **ret_etag, GError **error)
{
	static const char path[] = "/openapi/v3";
	g_auto(HttpReply) reply = { 0 };
	const KubeRequest request = { .method = "GET",
				      .target = path,
				      .etag = etag,
				      .subject = kube_subject(kube, "get", NULL, NULL, path) };

	if (!kube_send(kube, &request, &reply, error) || reply.head.status == 304)
		return NULL;
	*ret_etag = g_steal_pointer(&reply.head.etag);
	return json_parse((const char *)reply.body->data, reply.body->len, "the server's index",
			  error);
}

/* Where the document of a group and version is; it has its hash in it. */
static char *document_url(Kube *kube, const Kind *kind, const cJSON *index, GError **error)
{
	g_autofree char *key =
		g_strconcat(*kind->group ? "apis/" : "api/", kind->api_version, NULL);
	const char *url =
		json_string(json_path(index, "paths", key, NULL), "serverRelativeURL", NULL);

	if (url && *url == '/')
		return g_strdup(url);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' publishes no schema of %s",
		  kube->base.context, kind->api_version);
	return NULL;
}

/* It is there no more, without the kind, or the server sends us on to where it is now, which is not
 * followed. Not: the server is silent, busy or forbids it, of which more of the same would come. */
static gboolean has_moved(const HttpReply *reply, const GError *error)
{
	const int status = reply->head.status;

	if (status == 0)
		return reply->fault == HTTP_FAULT_FINAL &&
		       error_code(error) == KVMIG_ERROR_UNREACHABLE;
	return status == 404 || status < 300;
}

static cJSON *fetch_fields(Kube *kube, const Kind *kind, const char *url, gboolean *ret_moved,
			   GError **error)
{
	g_auto(HttpReply) reply = { 0 };
	const KubeRequest request = { .method = "GET",
				      .target = url,
				      .max_bytes = DOCUMENT_MAX_BYTES,
				      .subject = kube_subject(kube, "get", NULL, NULL, url) };
	g_autoptr(GError) cause = NULL;
	cJSON *tree = NULL;

	if (kube_send(kube, &request, &reply, &cause))
		tree = openapi_fields((const char *)reply.body->data, reply.body->len, kind,
				      &cause);
	*ret_moved = !tree && has_moved(&reply, cause);
	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	return tree;
}

/* What is known of a kind's fields in this process. */
typedef struct {
	cJSON *tree;
	gint64 age_us; /* 0: the server was asked, or cannot be */
} Fields;

static void fields_free(gpointer data)
{
	Fields *fields = data;

	cJSON_Delete(fields->tree);
	g_free(fields);
}

static cJSON *cached_tree(const cJSON *cached)
{
	const cJSON *tree = json_get(cached, "fields");

	return tree ? cJSON_Duplicate(tree, TRUE) : NULL;
}

static void save(Kube *kube, const char *name, const char *url, const char *etag,
		 const cJSON *tree)
{
	g_autoptr(cJSON) document = cJSON_CreateObject();

	json_set_string(document, "url", url);
	json_set_string(document, "etag", etag);
	json_set(document, "fields", cJSON_Duplicate(tree, TRUE));
	kube_cache_write(kube, name, document);
}

/* The server's, by what is on disk where the index or the document has not changed. *ret_again: the
 * index names a document that is not there any more, which another look at it may mend. */
static cJSON *ask_once(Kube *kube, const Kind *kind, const char *name, const cJSON *cached,
		       gboolean *ret_again, GError **error)
{
	const gboolean known = json_get(cached, "fields") != NULL;
	g_autofree char *etag = NULL, *url = NULL;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) index =
		fetch_index(kube, known ? json_string(cached, "etag", NULL) : NULL, &etag, &cause);
	cJSON *tree;

	*ret_again = FALSE;
	if (!index && !cause) {
		kube_cache_touch(kube, name);
		return cached_tree(cached);
	}
	url = index ? document_url(kube, kind, index, &cause) : NULL;
	if (!url) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	if (known && strchr(url, '?') && g_str_equal(json_string(cached, "url", ""), url))
		tree = cached_tree(cached);
	else
		tree = fetch_fields(kube, kind, url, ret_again, error);
	if (tree)
		save(kube, name, url, etag, tree);
	return tree;
}

static cJSON *ask_for_fields(Kube *kube, const Kind *kind, const char *name, const cJSON *cached,
			     GError **error)
{
	g_autoptr(GError) cause = NULL;
	gboolean again = TRUE;
	cJSON *tree = NULL;

	for (guint i = 0; i < TRIES && again; i++) {
		if (i > 0)
			g_usleep(TRY_PAUSE_US);
		g_clear_error(&cause);
		tree = ask_once(kube, kind, name, cached, &again, &cause);
	}
	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	return tree;
}

/* No older than that. */
static void load_fields(Kube *kube, const Kind *kind, gint64 limit_us, Fields *fields)
{
	g_autofree char *name =
		g_strdup_printf("fields-%s-%s-%s.json", *kind->group ? kind->group : "core",
				kind->version, kind->kind);
	gint64 age_us = G_MAXINT64;
	g_autoptr(cJSON) cached = kube_cache_read(kube, name, &age_us);
	g_autoptr(GError) error = NULL;
	cJSON *tree = age_us < limit_us ? cached_tree(cached) : NULL;

	fields->age_us = tree ? MAX(age_us, 1) : 0;
	if (!tree)
		tree = ask_for_fields(kube, kind, name, cached, &error);
	if (!tree) {
		g_info("which fields a %s has now is not known: %s", kind->kind,
		       error ? error->message : "?");
		tree = cached_tree(cached); /* what was read before is the best that is known */
	}
	if (!tree)
		tree = unknown_tree();
	cJSON_Delete(fields->tree);
	fields->tree = tree;
}

static Fields *fields_of(Kube *kube, const Kind *kind)
{
	Fields *fields;

	if (!kube->fields)
		kube->fields = g_hash_table_new_full(NULL, NULL, NULL, fields_free);
	fields = g_hash_table_lookup(kube->fields, kind);
	if (!fields) {
		fields = g_new0(Fields, 1);
		load_fields(kube, kind, CACHE_AGE_US, fields);
		g_hash_table_insert(kube->fields, (gpointer)kind, fields);
	}
	return fields;
}

/* An upgrade may have brought the field since it was read last. */
ClusterFieldState kube_has_field(Cluster *cluster, const Kind *kind, const char *path)
{
	Fields *fields = fields_of(kube_of(cluster), kind);

	if (openapi_find(fields->tree, path) == CLUSTER_FIELD_NO && fields->age_us)
		load_fields(kube_of(cluster), kind, 0, fields);
	return openapi_find(fields->tree, path);
}

cJSON *kube_field_default(Cluster *cluster, const Kind *kind, const char *path)
{
	Fields *fields = fields_of(kube_of(cluster), kind);

	if (fields->age_us > DEFAULT_AGE_US)
		load_fields(kube_of(cluster), kind, 0, fields);
	return openapi_find_default(fields->tree, path);
}
