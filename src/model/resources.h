/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Amounts of what a node offers and a pod asks for, by Kubernetes' names: "memory" in bytes, "cpu"
 * in thousandths, everything else ("hugepages-2Mi" and "ephemeral-storage" in bytes,
 * "nvidia.com/A100", "pods") in units.
 */
#pragma once

#include "model/json.h"

#define RESOURCE_MEMORY "memory"
#define RESOURCE_CPU "cpu"
#define RESOURCE_PODS "pods"
#define RESOURCE_EPHEMERAL "ephemeral-storage"
#define RESOURCE_PREFIX_HUGEPAGES "hugepages-"

/* A GHashTable char* -> gint64*. Free with g_hash_table_unref(). */
GHashTable *resources_new(void);
/* What is kept under the name, or the fallback; NULL resources are empty ones. */
gint64 resources_get(GHashTable *resources, const char *name, gint64 fallback);
/* Adds; a sum that does not fit is capped. */
void resources_add(GHashTable *resources, const char *name, gint64 amount);
void resources_add_all(GHashTable *resources, GHashTable *more);

/* The amount of one resource in a list ({"cpu": "100m", "memory": "1Gi"}), or the fallback where it
 * is absent or no quantity. */
gint64 resources_read(const cJSON *list, const char *name, gint64 fallback);
/* Adds all of such a list; what is no quantity is left out. */
void resources_add_list(GHashTable *resources, const cJSON *list);

/* Adds what a pod asks for, as the scheduler counts: the containers together or the largest init
 * container, whichever is more, or what the pod as a whole asks for instead; its overhead, and
 * one of "pods". */
void resources_add_pod(GHashTable *resources, const cJSON *pod);
/* Adds a pod's limits, counted in the same way; the overhead only to what is limited. */
void resources_add_pod_limits(GHashTable *resources, const cJSON *pod);

/* "1.5 GiB" of memory and hugepages, "1.5" of CPU, "3" of the rest; free with g_free(). */
char *resources_human(const char *name, gint64 amount);
