/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of all VMs of a KubeVirt cluster those that no node can take, and the quotas that have no room
 * for a second pod of them. VMs that ask for the same and run
 * on the same node are one question: ten thousand of them are some hundreds of questions, of each
 * of which a kilobyte of text is kept, and the nodes are read once for a thousand of them.
 */
#pragma once

#include "check/finding.h"
#include "cluster/cluster.h"

typedef struct CheckFits CheckFits;
CheckFits *check_fits_new(void);
void check_fits_free(CheckFits *fits);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckFits, check_fits_free)

/* Pods before VMs: what the pod of a VM asks for is part of the question. Others are ignored. */
void check_fits_add_pod(CheckFits *fits, const cJSON *pod);
/* They were all pods of the cluster: else check_fits_judge() reads what it may of them. */
void check_fits_pods_known(CheckFits *fits);
/* Likewise volumes: those that are tied to nodes. */
void check_fits_add_volume(CheckFits *fits, const cJSON *volume);
/* A ResourceQuota: before check_fits_judge(). */
void check_fits_add_quota(CheckFits *fits, const cJSON *quota);
void check_fits_add_vm(CheckFits *fits, const cJSON *vmi);

/* How many questions they are. */
guint check_fits_groups(const CheckFits *fits);

/* Adds PEND_NO_TARGET for each VM that has nowhere to go, where nodes may be read, and PEND_QUOTA
 * for each project with a quota that has no room for a second pod of one of its VMs. */
gboolean check_fits_judge(CheckFits *fits, Cluster *cluster, GPtrArray *findings, GError **error);
