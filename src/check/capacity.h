/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is there memory to drain nodes into? By the documents' rule for the cluster: spare memory of at
 * least (nodes that drain in parallel) x (highest total of VM memory requests on a node); and node
 * by node, whether the VMs of each find room on the others. Pure: objects are added one after the
 * other, as they come, and little of each is kept.
 */
#pragma once

#include "check/finding.h"
#include "check/pools.h"

typedef struct {
	char *name;
	char *why_not;            /* why it takes no VMs now ("cordoned"); NULL: it does */
	cJSON *taints;            /* those for which it takes none; NULL: none */
	gint64 allocatable_bytes; /* 0: not known */
	gint64 available_bytes;   /* what is really free there; -1: not known */
	gint64 reserve_bytes;     /* stays with the host */
	gint64 requested_bytes;   /* by pods; 0 where they were not read */
	gint64 vm_bytes;          /* VM memory requests */
	GArray *vms;              /* of gint64: memory request of each VM */
	int pool;                 /* pools_find() */

	/* capacity_judge() */
	gint64 free_bytes;      /* what it could take */
	gint64 elsewhere_bytes; /* what the others could take */
	gint64 roomiest_bytes;  /* ... and the one of them that could take most */
	guint left;             /* VMs of it that find no room on the others */
	gint64 largest_bytes;
} CapacityNode;

typedef struct {
	GPtrArray *nodes; /* of CapacityNode, by name once judged */
	GHashTable *by_name;
	Pools *pools;
	gboolean pods_known;
	guint drain_parallel; /* --drain-parallel; 0: not given */

	/* capacity_judge() */
	guint parallel;
	char *parallel_why;
	const CapacityNode *fullest; /* NULL: no VMs */
	gint64 spare_bytes, needed_bytes;
	gboolean enough;   /* by the rule */
	guint not_drained; /* nodes whose VMs do not all find room on the others */
} Capacity;

void capacity_init(Capacity *capacity);
void capacity_clear(Capacity *capacity);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Capacity, capacity_clear)

/* A Node or a Host; the pools have been added before, the VMs and pods come afterwards. */
void capacity_add_node(Capacity *capacity, const cJSON *node);
void capacity_add_vm(Capacity *capacity, const cJSON *vmi);  /* those that do not run: ignored */
void capacity_add_pod(Capacity *capacity, const cJSON *pod); /* likewise */

/* What a VM requests: its memory request, else its guest's memory, else its memory limit. */
gint64 capacity_vm_request(const cJSON *vmi);

/* Computes. */
void capacity_judge(Capacity *capacity);
/* The cluster's rule, and every node that cannot be emptied; only that node where one is named. */
void capacity_report(const Capacity *capacity, const char *node, GPtrArray *findings);
