/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `kvmig check` and `kvmig capacity` share. */
#pragma once

#include "policy-projects.h"
#include "resource.h"

#include "check/capacity.h"
#include "check/fits.h"
#include "check/hosts.h"
#include "check/network.h"
#include "check/nodes.h"
#include "check/tries.h"
#include "check/vm.h"
#include "config/owner.h"

typedef struct {
	gboolean cluster;
	const char *node;
	guint drain_parallel; /* 0: not given */
} CheckValues;

/* check-vm.c: adds what is found about the VMs that are named. FALSE: nothing could be looked at.
 */
gboolean check_run_vms(const CommandContext *context, GPtrArray *findings, Tally *tally,
		       GError **error);

/* check-cluster.c: about all nodes and VMs, or about one node and the VMs on it. */
gboolean check_run_cluster(const CommandContext *context, const CheckValues *values,
			   GPtrArray *findings, GError **error);

/* check-gather.c. What may not be read is a finding, and no error. */
typedef struct {
	const CommandContext *context;
	GPtrArray *findings;
} CheckGather;

/* Goes over all objects of a kind. TRUE with *ret_known (may be NULL) FALSE where they may not be
 * read, or where the cluster has no such kind; `what` names them in the finding; NULL: none. */
gboolean check_each(const CheckGather *gather, const Kind *kind, const char *ns, const char *what,
		    ClusterEachFunc func, gpointer data, gboolean *ret_known, GError **error);

/* Pools and nodes; then the VMs are added; then the pods. nodes (may be NULL) takes the facts about
 * each. *ret_known: the nodes may be read. */
gboolean check_gather_nodes(const CheckGather *gather, Capacity *capacity, CheckNodes *nodes,
			    gboolean *ret_known, GError **error);
/* nodes and fits (both may be NULL) take what pods say of them. */
gboolean check_gather_pods(const CheckGather *gather, Capacity *capacity, CheckNodes *nodes,
			   CheckFits *fits, GError **error);

/* What the cluster says that matters for each VM. */
typedef struct {
	ConfigOwner *owner;
	cJSON *settings; /* a KubeVirt with all that are in force */
	gboolean kubevirt, tls;
	gboolean post_copy, disruption; /* the cluster's allowPostCopy, allowWorkloadDisruption */
	const char *eviction_default; /* borrowed from the owner */

	/* check-policy.c */
	Policies policies;
	PolicyRule rule;
	Projects projects;
	GHashTable *told; /* set of Policy*: those that were judged; NULL: none matters here */
	gboolean doubt_told;
} CheckBasis;
gboolean check_basis_read(const CheckGather *gather, CheckBasis *ret_basis, GError **error);
/* Into a VM that is to be judged; what its policy has wrong is a finding. */
void check_basis_apply(CheckBasis *basis, CheckVm *vm);
void check_basis_clear(CheckBasis *basis);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckBasis, check_basis_clear)

/* check-policy.c: the policies, for VMs of that namespace (NULL: of all). */
gboolean check_policies_read(const CheckGather *gather, CheckBasis *basis, const char *ns,
			     GError **error);
void check_policies_apply(CheckBasis *basis, CheckVm *vm);
void check_policies_clear(CheckBasis *basis);

/* The settings in force, and whether KubeVirt is being replaced. */
void check_basis_judge(const CheckBasis *basis, GPtrArray *findings);

/* The network that migrations use, and of its nodes those that `only` (a set of names; NULL: all)
 * has. */
gboolean check_judge_network(const CheckGather *gather, const CheckBasis *basis, GHashTable *only,
			     GError **error);

/* check-hosts.c: looks at the hosts themselves, where kvmig migrates; elsewhere these do nothing.
 * others: also at those that a VM may go to. */
typedef struct {
	Hyper *hyper;
	CheckHosts *hosts; /* NULL: not there */
} CheckLooking;
gboolean check_looking_open(const CommandContext *context, gboolean others,
			    CheckLooking *ret_looking, GError **error);
void check_looking_add(const CheckLooking *looking, const cJSON *vmi);
void check_looking_finish(const CheckLooking *looking, GPtrArray *findings);
void check_looking_clear(CheckLooking *looking);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckLooking, check_looking_clear)

/* check-kubevirt.c: whether KubeVirt itself works; elsewhere it does nothing. Before other
 * requests: where it is the API server that does not answer, the next of them says so. */
gboolean check_kubevirt_works(const CheckGather *gather, GError **error);

/* check-may.c: whether the user of the context may migrate VMs of that namespace (NULL: of all). */
gboolean check_rights(const CheckGather *gather, const char *ns, CheckSeverity severity,
		      GError **error);
