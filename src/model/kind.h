/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of objects that kvmig knows, one table. The local store keeps those that are marked
 * `local`; on an API server discovery adds whatever else is served (cluster_find_kind()).
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
	const char *api_version; /* "kubevirt.io/v1", "v1" */
	gboolean namespaced;
	gboolean has_status; /* status is a subresource: update ignores it, update_status only it */
	gboolean local;	     /* the local store keeps it */
	gboolean create_only; /* a question: it has no name and is answered in its status */
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

/* On API servers only */
extern const Kind KIND_POD, KIND_SERVICE_ACCOUNT, KIND_PVC, KIND_PV;			   /* v1 */
extern const Kind KIND_RESOURCE_QUOTA; /* v1 */
extern const Kind KIND_ROLE, KIND_ROLE_BINDING;		    /* rbac.authorization.k8s.io/v1 */
extern const Kind KIND_CLUSTER_ROLE, KIND_CLUSTER_ROLE_BINDING;	    /* likewise */
extern const Kind KIND_API_SERVICE; /* apiregistration.k8s.io/v1 */
extern const Kind KIND_CRD; /* apiextensions.k8s.io/v1 CustomResourceDefinition */
extern const Kind KIND_SELF_SUBJECT_ACCESS_REVIEW;  /* authorization.k8s.io/v1, create_only */
extern const Kind KIND_SUBJECT_ACCESS_REVIEW;	    /* likewise */
extern const Kind KIND_LOCAL_SUBJECT_ACCESS_REVIEW; /* likewise, of one namespace */
extern const Kind KIND_SELF_SUBJECT_REVIEW;	    /* authentication.k8s.io/v1, create_only */
extern const Kind KIND_NETWORK_ATTACHMENT;	    /* k8s.cni.cncf.io/v1 */
extern const Kind KIND_MACHINE_CONFIG_POOL;	    /* machineconfiguration.openshift.io/v1 */

/* Kind by any of its names: kind, plural, singular, short names, each also with ".group" or
 * ".version.group" behind it; case does not matter. NULL where there is none. */
const Kind *kind_find(const char *word);

/* Kind by apiVersion ("kubevirt.io/v1") and kind, exactly as an object says them; or NULL. */
const Kind *kind_of(const char *api_version, const char *kind);

/* "kubevirt.io/v1", "v1"; lives as long as the kind. */
const char *kind_api_version(const Kind *kind);

/* Adds the names that people type: "vm", "virtualmachine", "virtualmachines", as char*. */
void kind_names(const Kind *kind, GPtrArray *names);

/* Row n of the table, or NULL past its end. */
const Kind *kind_nth(unsigned n);
