/* SPDX-License-Identifier: Apache-2.0 */
#include "model/object.h"

#include <string.h>

#include "base/clock.h"

cJSON *object_new(const Kind *kind, const char *ns, const char *name)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *metadata;

	json_set_string(object, "apiVersion", kind_api_version(kind));
	json_set_string(object, "kind", kind->kind);
	metadata = json_ensure_object(object, "metadata");
	json_set_string(metadata, "name", name);
	if (kind->namespaced)
		json_set_string(metadata, "namespace", ns);
	return object;
}

const Kind *object_kind(const cJSON *object)
{
	return kind_of(json_string(object, "apiVersion", NULL), json_string(object, "kind", NULL));
}

static const char *metadata_string(const cJSON *object, const char *key)
{
	const char *text = json_string(json_get(object, "metadata"), key, NULL);

	return text && *text ? text : NULL;
}

const char *object_name(const cJSON *object)
{
	return metadata_string(object, "name");
}

const char *object_namespace(const cJSON *object)
{
	return metadata_string(object, "namespace");
}

const char *object_uid(const cJSON *object)
{
	return metadata_string(object, "uid");
}

const char *object_resource_version(const cJSON *object)
{
	return metadata_string(object, "resourceVersion");
}

gint64 object_generation(const cJSON *object)
{
	return json_int(json_get(object, "metadata"), "generation", 0);
}

gint64 object_created_us(const cJSON *object)
{
	gint64 when_us;

	return clock_parse_unix(metadata_string(object, "creationTimestamp"), &when_us) ? when_us
											: 0;
}

gboolean object_is_deleting(const cJSON *object)
{
	return metadata_string(object, "deletionTimestamp") != NULL;
}

/* ---- labels and annotations ------------------------------------------------------------------ */

static void set_in_map(cJSON *object, const char *map_name, const char *key, const char *value)
{
	cJSON *metadata = json_ensure_object(object, "metadata");
	cJSON *map = json_get(metadata, map_name);

	if (value) {
		json_set_string(json_ensure_object(metadata, map_name), key, value);
		return;
	}
	json_unset(map, key);
	if (cJSON_IsObject(map) && !map->child) /* as an API server leaves it */
		json_unset(metadata, map_name);
}

const char *object_label(const cJSON *object, const char *key)
{
	return json_string(object_labels(object), key, NULL);
}

const char *object_annotation(const cJSON *object, const char *key)
{
	return json_string(json_path(object, "metadata", "annotations", NULL), key, NULL);
}

void object_set_label(cJSON *object, const char *key, const char *value)
{
	set_in_map(object, "labels", key, value);
}

void object_set_annotation(cJSON *object, const char *key, const char *value)
{
	set_in_map(object, "annotations", key, value);
}

cJSON *object_labels(const cJSON *object)
{
	cJSON *labels = json_path(object, "metadata", "labels", NULL);

	return cJSON_IsObject(labels) ? labels : NULL;
}

/* ---- finalizers ------------------------------------------------------------------------------ */

static cJSON *find_finalizer(const cJSON *object, const char *finalizer)
{
	const cJSON *finalizers = json_path(object, "metadata", "finalizers", NULL);
	cJSON *item;

	if (!cJSON_IsArray(finalizers))
		return NULL;
	cJSON_ArrayForEach(item, finalizers)
	{
		if (cJSON_IsString(item) && strcmp(item->valuestring, finalizer) == 0)
			return item;
	}
	return NULL;
}

gboolean object_has_finalizer(const cJSON *object, const char *finalizer)
{
	return find_finalizer(object, finalizer) != NULL;
}

void object_add_finalizer(cJSON *object, const char *finalizer)
{
	cJSON *metadata = json_ensure_object(object, "metadata");

	if (!find_finalizer(object, finalizer))
		cJSON_AddItemToArray(json_ensure_array(metadata, "finalizers"),
				     cJSON_CreateString(finalizer));
}

void object_remove_finalizer(cJSON *object, const char *finalizer)
{
	cJSON *metadata = json_get(object, "metadata");
	cJSON *finalizers = json_get(metadata, "finalizers");
	cJSON *item;

	while ((item = find_finalizer(object, finalizer)))
		cJSON_Delete(cJSON_DetachItemViaPointer(finalizers, item));
	if (cJSON_IsArray(finalizers) && !finalizers->child)
		json_unset(metadata, "finalizers");
}

char *object_ref(const cJSON *object)
{
	const char *ns = object_namespace(object);
	const char *name = object_name(object);

	if (!name)
		name = metadata_string(object, "generateName");
	if (!name)
		name = "(unnamed)";
	return ns ? g_strdup_printf("%s/%s", ns, name) : g_strdup(name);
}
