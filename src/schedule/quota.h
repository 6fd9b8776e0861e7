/* SPDX-License-Identifier: Apache-2.0 */
/* Quotas of a namespace, as Kubernetes admits pods by them. During a migration a VM has two pods,
 * and a quota counts both. */
#pragma once

#include "model/json.h"

/* What a quota looks at of a pod that is to be made. */
typedef struct {
	GHashTable *requests;        /* model/resources.h, one of "pods" among them; borrowed */
	GHashTable *limits;          /* those that are known */
	const char *priority_class;  /* borrowed; NULL: none */
	gboolean terminating;        /* it has a time limit */
	gboolean best_effort;        /* it asks for neither CPU nor memory */
	gboolean crosses_namespaces; /* its affinity is to pods of other namespaces */
} QuotaPod;

/* Of the pod that is to receive a VM. pod: the one that runs it now, whose like it will be, or
 * NULL: then by the VM. */
void quota_pod_init(QuotaPod *quota_pod, GHashTable *requests, const cJSON *pod, const cJSON *vmi);
void quota_pod_clear(QuotaPod *quota_pod);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QuotaPod, quota_pod_clear)

/* What of it a ResourceQuota has no room for now: "requests.memory: 900 MiB of 1 GiB are used, 512
 * MiB more needed"; NULL: nothing, or by its scopes it is not for such pods. A limit that the pod
 * lacks and the quota counts is KubeVirt's to set, and not judged. Free with g_free(). */
char *quota_lacks(const cJSON *quota, const QuotaPod *pod);
