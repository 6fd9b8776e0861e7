/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of check/targets*.c only. */
#pragma once

#include "check/pods-seen.h"
#include "check/targets.h"
#include "schedule/near.h"
#include "schedule/spread.h"

/* One VM on its way to an answer. */
typedef struct {
	const TargetsWanted *wanted;
	TargetsAnswer *answer;
	const char *uid;
	cJSON *labels; /* of its pod, as far as they are known beforehand */
	cJSON *pod;    /* what target_demand_new() reads of the pod that runs it, or NULL */
	TargetDemand *demand;
	Near *near;
	Spread *spread;     /* or NULL */
	GPtrArray *volumes; /* of TargetVolume */
	GHashTable *namespaces; /* name -> cJSON*: their labels, or NULL */
	gboolean late;      /* it takes all nodes to judge one: near_wants_nodes(), or a spread */
	TargetQuestion question;
	TargetSieve *sieve;
	gboolean done; /* of first_only */
} TargetsCase;

void targets_case_free(TargetsCase *one);

void targets_note(TargetsAnswer *answer, const char *about, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

/* targets-pods.c: what the pods of a KubeVirt cluster tell. */
typedef struct {
	Cluster *cluster;
	GPtrArray *cases;       /* of TargetsCase */
	GHashTable *by_uid;     /* uid of the VMI -> TargetsCase */
	const char *network;    /* the migration network, or NULL */
	PodsSeen seen;          /* where they are read here: what is counted */
	GHashTable *requested;  /* node -> resources; NULL: not known */
	GHashTable *on_network; /* set of nodes; NULL: not known */
	gboolean wants_pods;    /* a VM has an affinity to pods */
	gboolean all_read;      /* every pod of the cluster could be read */
} TargetsPods;

/* seen: all of them, read by somebody else; NULL: they are read. */
gboolean targets_read_pods(TargetsPods *pods, const PodsSeen *seen, GError **error);
void targets_pods_clear(TargetsPods *pods);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(TargetsPods, targets_pods_clear)

/* targets-near.c: who else is on the nodes: affinity to pods, and spread constraints. */
gboolean targets_near_begin(Cluster *cluster, GPtrArray *cases, GError **error);
gboolean targets_near_wants_pods(const TargetsCase *one);
void targets_near_see(TargetsCase *one, const cJSON *pod, const char *node);
/* After the pods. */
gboolean targets_near_settle(Cluster *cluster, TargetsCase *one, gboolean pods_seen,
			     GError **error);
void targets_near_see_node(TargetsCase *one, const Host *host, const Target *target);
/* Adds what stands against a node; where the case is late, once all nodes were seen. */
void targets_near_judge(TargetsCase *one, Target *target);

/* targets-volumes.c: volumes that are tied to nodes. */
gboolean targets_read_volumes(Cluster *cluster, GPtrArray *cases, GError **error);

/* targets-selector.c: what namespaces add to the node selectors of pods; after the demands. */
gboolean targets_read_selectors(Cluster *cluster, const GPtrArray *cases, GError **error);

#define TARGETS_ABOUT_QUOTA "quota"

/* targets-quota.c: warns of quotas without room, and says where they cannot be read. known: those
 * that somebody has read, of all namespaces, or NULL. */
void targets_read_quotas(Cluster *cluster, GHashTable *known, const GPtrArray *cases);

/* An error that makes the answer weaker only; clears it. */
gboolean targets_tolerate(GError **cause, KvmigError code);

/* targets-nodes.c: KubeVirt */
gboolean targets_of_nodes(Cluster *cluster, GPtrArray *cases, const TargetsOptions *options,
			  GError **error);
/* targets-hosts.c: fleet and local */
gboolean targets_of_hosts(Cluster *cluster, GPtrArray *cases, const TargetsOptions *options,
			  GError **error);

/* targets-ask.c: what the libvirt of each host says; node -> GPtrArray of TargetObstacle*. */
GHashTable *targets_ask(TargetsCase *one, const GPtrArray *hosts, const TargetsOptions *options);
