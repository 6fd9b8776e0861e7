/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files that judge nodes. Each target_check_…() adds an obstacle for everything of
 * its kind that stands against the node, and never looks at what the others found.
 */
#pragma once

#include "schedule/schedule.h"

struct TargetSieve {
	const TargetQuestion *question;
	const Host *source;      /* NULL: not among the hosts */
	const cJSON *affinity;   /* of the VM, or NULL */
	cJSON *cluster_labels;   /* what KubeVirt selects for all VMs, where this one does not */
	GHashTable *wanted;      /* key of the demand's labels (borrowed) -> its place, from 1 */
	GPtrArray *wanted_items; /* the same as cJSON*, by place */
};

Target *target_new(const Host *host);
/* Takes the message; the obstacle stays the target's. */
TargetObstacle *target_obstruct(Target *target, const char *reason, char *message);
/* Takes the remark. */
void target_remark(Target *target, char *remark);

/* One obstacle for all of them; none where there are none. `whose` goes behind the names. */
void target_lacks_features(Target *target, GPtrArray *names, const char *whose);

gboolean target_label_is_true(const Host *host, const char *prefix, const char *name);
/* The rest of the first label key with that prefix, or NULL. */
const char *target_label_with(const Host *host, const char *prefix);
/* The libvirt of the host has been asked about this VM. */
gboolean target_is_judged(const TargetSieve *sieve, const Host *host);

/* targets-place.c: where people want it */
void target_check_asked(const TargetSieve *sieve, const Host *host, Target *target);
void target_check_place(const TargetSieve *sieve, const Host *host, Target *target);
/* Whether the VM's pod tolerates what Kubernetes taints a cordoned node with. */
gboolean target_tolerates_cordon(const TargetSieve *sieve);
/* targets-volumes.c */
void target_check_volumes(const TargetSieve *sieve, const Host *host, Target *target);
/* targets-demand.c: what KubeVirt's pod selects by itself */
void target_check_demand(const TargetSieve *sieve, const Host *host, Target *target);
/* targets-cpu.c: what the hypervisor must be able to do */
void target_check_platform(const TargetSieve *sieve, const Host *host, Target *target);
void target_check_cpu(const TargetSieve *sieve, const Host *host, Target *target);
/* targets-resources.c */
void target_check_resources(const TargetSieve *sieve, const Host *host, Target *target);
void target_check_networks(const TargetSieve *sieve, const Host *host, Target *target);
