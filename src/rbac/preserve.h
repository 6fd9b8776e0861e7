/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The temporary ClusterRole kubevirt.io:upgrademigrate, which lets admins of namespaces migrate
 * from before the upgrade of KubeVirt that takes that from them until everybody who is to keep the
 * right has the real role; and the record of how far that has come, an annotation of it. Pure.
 */
#pragma once

#include "rbac/binding.h"

#define ANNOTATION_PRESERVE "kvmig.io/preserve"
/* An object's annotations may have 256 KiB in all. */
#define PRESERVE_MAX_BYTES 98304u
#define PRESERVE_MAX_KEEP 500u

/* The role as the documents have it, with their label, which they write so that it is none. */
cJSON *preserve_role_new(void);
/* Makes rules and label of a role of that name so; what was wrong is appended to `wrongs`, as
 * char*. */
void preserve_role_mend(cJSON *role, GPtrArray *wrongs);

/* The record: {"startedAt", "by", "before": [{"subject", "namespaces": [..], "everywhere"}],
 * "beforeLeftOut", "keep": [subject..]}. Of a role without one, or with one that cannot be read,
 * an empty object. Free with cJSON_Delete(). */
cJSON *preserve_state(const cJSON *role);
/* Puts it into the role. Of "before" as much as PRESERVE_MAX_BYTES take: the rest is counted. */
void preserve_set_state(cJSON *role, const cJSON *state);
/* Adds to "keep"; *ret_added. INVALID where that would be too many. */
gboolean preserve_keep(cJSON *state, const cJSON *subjects, guint *ret_added, GError **error);
