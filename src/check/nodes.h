/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes themselves: do they take VMs, do their clocks and versions agree, and on libvirt hosts
 * what post-copy and shared disks need. Pure: objects are added as they come. */
#pragma once

#include "check/finding.h"

typedef struct CheckNodes CheckNodes;
CheckNodes *check_nodes_new(void);
void check_nodes_free(CheckNodes *nodes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckNodes, check_nodes_free)

/* A Node or a Host. */
void check_nodes_add(CheckNodes *nodes, const cJSON *node);
/* A Lease of namespace kube-node-lease: each node renews its own by its own clock, and the API
 * server writes down by its clock when. */
void check_nodes_add_lease(CheckNodes *nodes, const cJSON *lease);
/* A pod: those of virt-handler tell what KubeVirt runs on their nodes, which were added before. */
void check_nodes_add_pod(CheckNodes *nodes, const cJSON *pod);
/* QEMU's version on a Host; NULL: not known. Borrowed. */
const char *check_nodes_qemu(const CheckNodes *nodes, const char *node);
/* Why a node is not ready; NULL: it is, or it is not known. Borrowed. */
const char *check_nodes_problem(const CheckNodes *nodes, const char *node);

/* only: of that node alone, NULL: of all. tls, post_copy: the settings ask for them. */
void check_nodes_judge(const CheckNodes *nodes, const char *only, gboolean tls, gboolean post_copy,
		       GPtrArray *findings);

/* By how much the node's clock was ahead when it renewed the lease, within a second. FALSE: the
 * lease does not tell. */
gboolean check_lease_skew(const cJSON *lease, gint64 *ret_ms);
