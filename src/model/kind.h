/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of objects that kvmig knows, one table. A kind outside the table does not exist for
 * the local store; on an API server discovery may add more (a later issue).
 */
#pragma once

#include <glib.h>

typedef struct {
	const char *kind;	/* "VirtualMachineInstanceMigration" */
	const char *list_kind;	/* "VirtualMachineInstanceMigrationList" */
	const char *plural;	/* "virtualmachineinstancemigrations" */
	const char *singular;	/* "virtualmachineinstancemigration" */
	const char *short_name; /* "vmim", or NULL; more of them in kind_find()'s table */
	const char *group;	/* "kubevirt.io"; "" for the core group */
	const char *version;	/* "v1" */
	gboolean namespaced;
	gboolean has_status; /* status is a subresource: update ignores it, update_status only it */
} Kind;

extern const Kind KIND_HOST;		 /* kvmig.io/v1 */
extern const Kind KIND_VM;		 /* kubevirt.io/v1 VirtualMachine */
extern const Kind KIND_VMI;		 /* kubevirt.io/v1 VirtualMachineInstance */
extern const Kind KIND_VMIM;		 /* kubevirt.io/v1 VirtualMachineInstanceMigration */
extern const Kind KIND_HYPERCONVERGED;	 /* hco.kubevirt.io/v1beta1 */
extern const Kind KIND_KUBEVIRT;	 /* kubevirt.io/v1 */
extern const Kind KIND_MIGRATION_POLICY; /* migrations.kubevirt.io/v1alpha1 */
extern const Kind KIND_NAMESPACE;	 /* v1 */
extern const Kind KIND_NODE;		 /* v1 */
extern const Kind KIND_EVENT;		 /* v1 */
extern const Kind KIND_LEASE;		 /* coordination.k8s.io/v1 */

/* Kind by any of its names: kind, plural, singular, short names, each also with ".group" behind
 * it; case does not matter. NULL where there is none. */
const Kind *kind_find(const char *word);

/* Kind by apiVersion ("kubevirt.io/v1") and kind, exactly as an object says them; or NULL. */
const Kind *kind_of(const char *api_version, const char *kind);

/* "kubevirt.io/v1", "v1"; static. */
const char *kind_api_version(const Kind *kind);

/* Row n of the table, or NULL past its end. */
const Kind *kind_nth(unsigned n);
