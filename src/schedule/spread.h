/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Topology spread constraints of a VM's pod that must hold (whenUnsatisfiable DoNotSchedule), as
 * the scheduler counts: pods of the VM's namespace by the domains of those nodes that the VM's
 * selector and node affinity take. The pod that runs the VM is one of them; its successor is one
 * more. Pods are shown first, then the nodes, then each node is asked about.
 */
#pragma once

#include "schedule/schedule.h"

typedef struct Spread Spread;

/* NULL where there is no such constraint. All is borrowed: spec.topologySpreadConstraints, the
 * VM's namespace, the labels of its pod. */
Spread *spread_new(const cJSON *constraints, const char *ns, const cJSON *labels);
void spread_free(Spread *spread);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Spread, spread_free)

void spread_see_pod(Spread *spread, const cJSON *pod, const char *node);
/* selected: the VM's selector and node affinity take the node; tolerated: all of its taints are. */
void spread_see_node(Spread *spread, const Host *host, gboolean selected, gboolean tolerated);
/* Once all were seen. Adds what stands against it. */
void spread_judge(Spread *spread, Target *target);
