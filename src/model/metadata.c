/* SPDX-License-Identifier: Apache-2.0 */
#include "model/metadata.h"

#include <string.h>

#include "base/error.h"
#include "model/object.h"

#define ANNOTATIONS_MAX 262144 /* bytes of all keys and values, as an API server's limit */

typedef enum { FIELD_STRING, FIELD_INTEGER, FIELD_MAP, FIELD_STRINGS, FIELD_OBJECTS } FieldType;

static const struct {
	const char *name;
	FieldType type;
} fields[] = {
	{ "name", FIELD_STRING },
	{ "generateName", FIELD_STRING },
	{ "namespace", FIELD_STRING },
	{ "uid", FIELD_STRING },
	{ "resourceVersion", FIELD_STRING },
	{ "generation", FIELD_INTEGER },
	{ "creationTimestamp", FIELD_STRING },
	{ "deletionTimestamp", FIELD_STRING },
	{ "deletionGracePeriodSeconds", FIELD_INTEGER },
	{ "selfLink", FIELD_STRING },
	{ "labels", FIELD_MAP },
	{ "annotations", FIELD_MAP },
	{ "finalizers", FIELD_STRINGS },
	{ "ownerReferences", FIELD_OBJECTS },
	{ "managedFields", FIELD_OBJECTS },
};

static void add_error(Causes *causes, const char *path, GError *error)
{
	causes_add(causes, path, "%s", error->message);
	g_error_free(error);
}

/* ---- labels and annotations ----------------------------------------------------------------- */

static void check_map(const cJSON *map, const char *name, Causes *causes)
{
	gboolean labels = strcmp(name, "labels") == 0;
	gsize total = 0;
	const cJSON *member;

	cJSON_ArrayForEach(member, map)
	{
		g_autofree char *piece = error_excerpt(member->string);
		g_autofree char *path = g_strdup_printf("metadata.%s[%s]", name, piece);
		g_autofree char *lower = g_ascii_strdown(member->string, -1);
		GError *error = NULL;

		if (causes_full(causes))
			return;
		/* the prefix of an annotation may have capitals, as an API server has it */
		if (!name_check_label_key(labels ? member->string : lower, &error))
			add_error(causes, path, g_steal_pointer(&error));
		else if (!cJSON_IsString(member))
			causes_add(causes, path, "must be a string");
		else if (labels && !name_check_label_value(member->valuestring, &error))
			add_error(causes, path, g_steal_pointer(&error));
		else
			total += strlen(member->string) + strlen(member->valuestring);
	}
	if (!labels && total > ANNOTATIONS_MAX)
		causes_add(causes, "metadata.annotations", "larger than %d bytes", ANNOTATIONS_MAX);
}

/* ---- types ---------------------------------------------------------------------------------- */

static gboolean all_of(const cJSON *array, cJSON_bool (*is_type)(const cJSON *const))
{
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (!is_type(item))
			return FALSE;
	}
	return TRUE;
}

static const char *wrong_type(const cJSON *value, FieldType type)
{
	gint64 integer;

	switch (type) {
	case FIELD_STRING:
		return cJSON_IsString(value) ? NULL : "must be a string";
	case FIELD_INTEGER:
		return json_integer_value(value, &integer) ? NULL : "must be an integer";
	case FIELD_MAP:
		return cJSON_IsObject(value) ? NULL : "must be an object";
	case FIELD_STRINGS:
		return cJSON_IsArray(value) && all_of(value, cJSON_IsString)
			       ? NULL
			       : "must be a list of strings";
	case FIELD_OBJECTS:
		return cJSON_IsArray(value) && all_of(value, cJSON_IsObject)
			       ? NULL
			       : "must be a list of objects";
	}
	g_return_val_if_reached(NULL);
}

static void check_field(const cJSON *member, Causes *causes)
{
	g_autofree char *piece = error_excerpt(member->string);
	g_autofree char *path = g_strdup_printf("metadata.%s", piece);
	const char *wrong;

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
		if (strcmp(fields[i].name, member->string) != 0)
			continue;
		wrong = cJSON_IsNull(member) ? NULL : wrong_type(member, fields[i].type);
		if (wrong)
			causes_add(causes, path, "%s", wrong);
		else if (fields[i].type == FIELD_MAP && cJSON_IsObject(member))
			check_map(member, member->string, causes);
		return;
	}
	causes_add(causes, path, "unknown field");
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Roles and bindings may be named in any way that fits into a path: "kubevirt.io:migrate". */
static gboolean check_one_name(const Kind *kind, const char *name, GError **error)
{
	g_autofree char *shown = NULL;

	if (strcmp(kind->group, "rbac.authorization.k8s.io") != 0)
		return name_check_dns_subdomain(name, "name", error);
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/%"))
		return TRUE;
	shown = error_excerpt(name);
	return error_set(error, KVMIG_ERROR_INVALID,
			 "name '%s' may not be '.' or '..', nor hold '/' or '%%'", shown);
}

static void check_name(const Kind *kind, const cJSON *metadata, Causes *causes)
{
	const char *name = json_string(metadata, "name", "");
	const char *prefix = json_string(metadata, "generateName", "");
	g_autofree char *sample = NULL;
	GError *error = NULL;

	if (*name) {
		if (!check_one_name(kind, name, &error))
			add_error(causes, "metadata.name", g_steal_pointer(&error));
	} else if (*prefix) {
		sample = g_strconcat(prefix, "x", NULL);
		if (!check_one_name(kind, sample, &error))
			add_error(causes, "metadata.generateName", g_steal_pointer(&error));
	} else {
		causes_add(causes, "metadata.name", "is required");
	}
}

static void check_namespace(const Kind *kind, const cJSON *metadata, Causes *causes)
{
	const char *ns = json_string(metadata, "namespace", "");
	GError *error = NULL;

	if (!kind->namespaced && *ns)
		causes_add(causes, "metadata.namespace", "%s has no namespace", kind->kind);
	else if (kind->namespaced && !*ns)
		causes_add(causes, "metadata.namespace", "is required");
	else if (*ns && !name_check_dns_label(ns, "namespace", &error))
		add_error(causes, "metadata.namespace", g_steal_pointer(&error));
}

void metadata_check(const Kind *kind, const cJSON *object, Causes *causes)
{
	const cJSON *metadata = json_get(object, "metadata");
	const cJSON *member;

	if (!cJSON_IsObject(metadata)) {
		causes_add(causes, "metadata", metadata ? "must be an object" : "is required");
		return;
	}
	cJSON_ArrayForEach(member, metadata) check_field(member, causes);
	check_name(kind, metadata, causes);
	check_namespace(kind, metadata, causes);
}
