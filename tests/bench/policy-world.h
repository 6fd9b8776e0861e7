/* SPDX-License-Identifier: Apache-2.0 */
/* The made-up cluster of the benchmarks of policies: every VM has 8 labels, every policy asks for 1
 * to 4 of the VM's and for at most 2 of its project's. */
#pragma once

#include "model/object.h"

#define VM_LABELS 8
#define KEYS 12
#define VALUES 40
#define PROJECTS 200

static inline cJSON *random_map(GRand *rand, guint n, const char *prefix, guint keys)
{
	cJSON *map = cJSON_CreateObject();

	while ((guint)cJSON_GetArraySize(map) < n) {
		g_autofree char *key = g_strdup_printf("example.com/%s-%d", prefix,
						       g_rand_int_range(rand, 0, (gint32)keys));
		g_autofree char *value =
			g_strdup_printf("value-%d", g_rand_int_range(rand, 0, VALUES));

		json_set_string(map, key, value);
	}
	return map;
}

static inline cJSON *random_policy(GRand *rand, guint n)
{
	g_autofree char *name = g_strdup_printf("policy-%u", n);
	cJSON *object = object_new(&KIND_MIGRATION_POLICY, NULL, name);
	cJSON *selectors = json_ensure_object(json_ensure_object(object, "spec"), "selectors");

	json_set(selectors, "virtualMachineInstanceSelector",
		 random_map(rand, (guint)g_rand_int_range(rand, 1, 5), "vm", KEYS));
	json_set(selectors, "namespaceSelector",
		 random_map(rand, (guint)g_rand_int_range(rand, 0, 3), "project", 4));
	return object;
}
