/* SPDX-License-Identifier: Apache-2.0 */
/* How many nodes OpenShift drains at once: MachineConfigPools, each with its own maxUnavailable.
 * Pure. */
#pragma once

#include "model/labels.h"
#include "model/object.h"

typedef struct Pools Pools;
Pools *pools_new(void);
void pools_free(Pools *pools);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pools, pools_free)

/* A MachineConfigPool. */
void pools_add(Pools *pools, const cJSON *object);
gboolean pools_any(const Pools *pools);

/* The pool of a node with these labels: a custom one before `worker`, `master` before both; -1: of
 * none. All pools have been added. */
int pools_find(const Pools *pools, const cJSON *labels);
/* A node of that pool; has_vms: pools_parallel() only looks at pools with such nodes. */
void pools_count(Pools *pools, int pool, gboolean has_vms);

/* Nodes that may drain at once in the pools whose nodes have VMs, and in words why so: "2:
 * MachineConfigPool 'worker': maxUnavailable 10% of 24 nodes". g_free(). */
guint pools_parallel(const Pools *pools, char **ret_why);

/* maxUnavailable of so many nodes: a number or a percentage, rounded down, at least 1 (also where
 * it cannot be read: that is the default). */
guint pools_max_unavailable(const cJSON *value, guint nodes);
