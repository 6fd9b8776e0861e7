/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and labels from a few words, for the tests of src/policy. */
#pragma once

#include <string.h>

#include "model/object.h"
#include "policy/policy.h"

/* "k:v,k2:v2" to a map; "" is an empty one. A backslash stands for a slash, which policies_of() has
 * another use for. */
static inline cJSON *labels_of(const char *text)
{
	cJSON *map = cJSON_CreateObject();
	g_auto(GStrv) pairs = g_strsplit(text, ",", -1);

	for (char **pair = pairs; *pair; pair++) {
		char *colon = strchr(*pair, ':');

		if (!**pair)
			continue;
		g_assert_nonnull(colon);
		*colon = '\0';
		json_set_string(map, g_strdelimit(*pair, "\\", '/'), colon + 1);
	}
	return map;
}

static inline cJSON *policy_object(const char *name, cJSON *vm, cJSON *ns)
{
	cJSON *object = object_new(&KIND_MIGRATION_POLICY, NULL, name);
	cJSON *selectors = json_ensure_object(json_ensure_object(object, "spec"), "selectors");

	json_set(selectors, "virtualMachineInstanceSelector", vm);
	json_set(selectors, "namespaceSelector", ns);
	return object;
}

/* "name{vm labels/namespace labels}": several, blanks between them. "name{}" has empty selectors,
 * "name-" none at all. */
static inline GPtrArray *policies_of(const char *text)
{
	GPtrArray *objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_auto(GStrv) words = g_strsplit(text, " ", -1);

	for (char **word = words; *word; word++) {
		char *brace = strchr(*word, '{');
		char *slash = strchr(*word, '/');

		if (!brace) {
			(*word)[strlen(*word) - 1] = '\0';
			g_ptr_array_add(objects, object_new(&KIND_MIGRATION_POLICY, NULL, *word));
			continue;
		}
		*brace = '\0';
		brace[strlen(brace + 1)] = '\0';
		if (slash)
			*slash = '\0';
		g_ptr_array_add(objects, policy_object(*word, labels_of(brace + 1),
						       slash ? labels_of(slash + 1) : NULL));
	}
	return objects;
}

static inline PolicySet *set_of(const GPtrArray *objects)
{
	return policy_set_new((const cJSON *const *)objects->pdata, objects->len);
}

static inline const char *name_of(const Policy *policy)
{
	return policy ? policy->name : "none";
}
