/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a running VM can be migrated, by its VirtualMachineInstance and what belongs to it: every
 * obstacle, where KubeVirt's condition LiveMigratable names only the first. KubeVirt decides in the
 * end: where it says True, what looks like an obstacle here is a warning.
 *
 * One judge a subject, each pure. A VMI of a fleet or local cluster has the same shape, but its
 * hardware is in the domain's XML: there libvirt's own words, which the inventory puts into the
 * conditions, tell what stands against it.
 */
#pragma once

#include "check/claims.h"
#include "check/finding.h"

typedef struct {
	const cJSON *vmi;
	CheckObject object;        /* the VM, as findings name it */
	const CheckClaims *claims; /* NULL: not looked at */
	gboolean says_migratable;  /* condition LiveMigratable is True */
	gboolean says_not;         /* ... is False */

	/* Set by the caller after check_vm_init(), where it knows. */
	gboolean kubevirt;
	const char *eviction_default; /* the cluster's evictionStrategy; NULL: none */
	gboolean post_copy;           /* a late migration is switched to post-copy */
	const char *policy;           /* the migration policy that says so; NULL: the cluster */
	const char *node_problem;     /* why its node is not ready; NULL: it is, or not known */
	const char *qemu_version;     /* of its node; local and fleet clusters */
	GPtrArray *findings;
} CheckVm;

/* Borrows everything. */
void check_vm_init(CheckVm *vm, const cJSON *vmi, const CheckClaims *claims, GPtrArray *findings);

/* What the VM needs is missing: CHECK_BLOCKS, or a warning where KubeVirt does not mind. */
CheckSeverity check_vm_severity(const CheckVm *vm);

/* Its node does not answer, so that nobody knows whether it still runs: no VM that is off. */
gboolean check_vm_is_unheard(const cJSON *vmi, const char *node_problem);

void check_vm_state(const CheckVm *vm);   /* state.c */
void check_vm_storage(const CheckVm *vm); /* storage.c */
/* The claims that its volumes are on, each once: char*, freed with the array. */
GPtrArray *check_claim_names(const cJSON *vmi);
void check_vm_devices(const CheckVm *vm);    /* devices.c */
void check_vm_interfaces(const CheckVm *vm); /* interfaces.c */
void check_vm_cpu(const CheckVm *vm);        /* cpu.c */
void check_vm_post_copy(const CheckVm *vm);  /* devices.c */
/* What the conditions say and no judge before has found: after the others. condition.c */
void check_vm_conditions(const CheckVm *vm);

/* All of the above. */
void check_vm(const CheckVm *vm);
