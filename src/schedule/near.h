/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which pods the pod of a VM must be near to and which away from: Kubernetes' required affinity and
 * anti-affinity to pods, by any topology key, and both ways, since a pod that keeps others away
 * keeps the VM's away. Pods are shown first, then the nodes, then each node is asked about.
 *
 * The pod that runs the VM is one of those that are there; it counts, as it does for the scheduler.
 */
#pragma once

#include "schedule/schedule.h"

typedef struct Near Near;

gboolean near_has_terms(const cJSON *affinity);

/* All is borrowed: the VM's affinity (may be NULL), its namespace, the labels of its pod. */
Near *near_new(const cJSON *affinity, const char *ns, const cJSON *labels);
void near_free(Near *near);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Near, near_free)

/* A term of the VM's goes by labels of namespaces: they are wanted before the pods. */
gboolean near_wants_namespaces(const Near *near);
void near_set_namespaces(Near *near, GHashTable *labels); /* name -> cJSON*, borrowed */

void near_see_pod(Near *near, const cJSON *pod, const char *node);

/* Pods that were seen want to know the labels of the VM's namespace. */
gboolean near_wants_own_namespace(const Near *near);
/* All pods were seen. own_labels: of the VM's namespace; NULL: not known. */
void near_settle(Near *near, const cJSON *own_labels);

/* Something can stand against a node. */
gboolean near_matters(const Near *near);
/* It can only be told once all nodes have been seen: not all goes by the host name. */
gboolean near_wants_nodes(const Near *near);
void near_see_node(Near *near, const char *name, const cJSON *labels);
/* Adds what stands against it. */
void near_judge(Near *near, Target *target);

/* Terms, of the VM or of pods, that were not judged, since namespaces may not be read. */
guint near_unjudged(const Near *near);
