/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes can take a VM: gathers what schedule/ needs, and asks it. On a KubeVirt cluster the
 * pods and the nodes come one after the other and are not kept, and for many VMs they are read
 * once; so memory does not grow with the cluster but for what is asked for.
 *
 * What the caller may not read makes an answer weaker, not wrong: its notes say what it rests on.
 */
#pragma once

#include "check/pods-seen.h"
#include "cluster/cluster.h"
#include "hyper/hyper.h"
#include "model/vmi.h"
#include "schedule/schedule.h"

/* One VM. Borrowed: both live as long as the answers. */
typedef struct {
	const cJSON *vmi;
	const cJSON *added_selector; /* addedNodeSelector or NULL */
} TargetsWanted;

typedef struct {
	Hyper *hyper;     /* where kvmig migrates: each host's libvirt is asked; NULL: none is */
	guint timeout_ms; /* for each host; 0: 5 s */
	/* Whether any node fits is all that matters: no VM is looked at any more once one does.
	 * Answers that fit hold that node, and those that were looked at before it. */
	gboolean first_only;
	/* KubeVirt: nodes that do not fit are not kept, only how often each reason was met, so that
	 * memory does not grow with VMs times nodes. */
	gboolean counts_only;
	/* Where kvmig migrates: the libvirt of a host that added_selector rules out is not asked,
	 * nor waited for where it does not answer. */
	gboolean asked_for_only;
	/* KubeVirt: whether the quotas of the VMs' namespaces have room is looked at, too: one list
	 * for each namespace. */
	gboolean quotas;
	GHashTable *quotas_known; /* ... namespace -> GPtrArray of cJSON*: not read, then */
	/* KubeVirt: all pods of the cluster, which somebody has read; NULL: they are read. */
	const PodsSeen *pods;
	/* KubeVirt: where nodes may not be listed, answers without targets and why, no error. */
	gboolean without_nodes;
} TargetsOptions;

/* What an answer rests on, where it is not everything. */
typedef struct {
	const char *about; /* "memory", "demand", "network", "affinity", "volume", "selector",
			      "libvirt", "encryption" or "quota" */
	const char *reason; /* NULL; else it is a warning: the migration will wait for it */
	char *text;         /* a sentence */
	char *quota, *lack; /* of a quota without room: its name, and for what; or NULL */
} TargetsNote;

typedef struct {
	Vmi vmi;
	GPtrArray *targets; /* of Target, ranked */
	guint fitting;
	GArray *counts; /* of counts_only: of ReasonCount, the most frequent first */
	guint nodes;    /* ... and of how many nodes */
	gboolean only_reserved; /* none fits, but as soon as migrations under way have ended */
	char *no_nodes;         /* of without_nodes: why none was looked at; NULL: they were */
	GPtrArray *notes;       /* of TargetsNote; with no_nodes only those on quotas */
	gint64 memory_bytes; /* what it needs of a node: its pod's request, or its own memory */
	gboolean from_pod;   /* that is the request of the pod which runs it */
} TargetsAnswer;

/* What a local or fleet cluster is set to, which its hosts are judged by too. */
gboolean targets_read_settings(Cluster *cluster, Settings *ret_settings, GError **error);

/* One TargetsAnswer for each, in their order; free with g_ptr_array_unref(). options may be NULL.
 * Errors: FORBIDDEN where nodes may not be read (but for without_nodes), and as of cluster_list().
 * Runs the main loop where there is a hyper. */
GPtrArray *targets_find(Cluster *cluster, const TargetsWanted *wanted, guint n,
			const TargetsOptions *options, GError **error);
