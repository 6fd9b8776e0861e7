/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a VM can go, and whether it may go now. Pure functions: everything they need comes in,
 * nothing is asked or stored.
 */
#pragma once

#include "base/reason.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/vmi.h"
#include "settings/settings.h"

/* ---- targets -------------------------------------------------------------------------------- */

typedef struct {
	const char *reason; /* REASON_TGT_… */
	char *message;	    /* "needs 4 GiB, 1.2 GiB are free" */

	/* what it is about, for programs; NULL or -1 where there is no such thing */
	char *subject; /* key of the label or the taint, name of the resource or the network */
	GStrv missing; /* names of CPU features */
	gint64 needed, available; /* of the resource, as model/resources.h counts */
	gint64 allocatable, requested; /* available: what is left of the one after the other */
} TargetObstacle;

typedef struct {
	char *node;
	gboolean fits;
	GPtrArray *obstacles; /* of TargetObstacle: every one, not only the first; empty: fits */
	gint64 memory_free_after_bytes; /* what is left there afterwards; ranks those that fit */
	gint64 memory_allocatable_bytes; /* 0: not known */
	gint64 memory_requested_bytes; /* of allocatable, by others; -1: not known */
	GPtrArray *merits; /* of char*: what gives it its rank, for and against; where it fits */
	gint64 preference; /* weights of the VM's preferred node affinity that it meets */
	guint soft_taints; /* PreferNoSchedule, not tolerated */
	gboolean older;	   /* libvirt or QEMU there is older than where the VM runs */
} Target;

/*
 * What the pod of a VM asks of a Kubernetes node beyond the VM's own selector and affinity: labels
 * that KubeVirt makes of the CPU, the machine type and the like, and resources. Read from the pod
 * that runs the VM now, since its successor is made of the same; without it worked out from the
 * VMI, which lacks the overhead.
 */
typedef struct {
	cJSON *labels;	      /* key -> value that the node must have */
	cJSON *absent_labels; /* key -> anything: that it must not have */
	cJSON *cluster_labels; /* what the KubeVirt object selects for all VMs */
	cJSON *strange; /* what the pod selects for neither KubeVirt's nor the VM's sake */
	cJSON *selector; /* of that what its successor is known to select too */
	cJSON *tolerations;    /* of the pod, or NULL */
	GHashTable *resources;
	GHashTable *networks; /* set: those resources that stand for a network */
	gboolean from_pod;
	gboolean model_unknown; /* the source does not say what its host model is */
} TargetDemand;

/* pod: of the VM, or NULL; source: the Node where it runs, or NULL; kubevirt: the KubeVirt object,
 * or NULL. */
TargetDemand *target_demand_new(const Vmi *vmi, const cJSON *pod, const Host *source,
				const cJSON *kubevirt);
/* The annotations of the VM's namespace: what they have admission add to the selectors of pods is
 * no longer strange. */
void target_demand_adopt(TargetDemand *demand, const cJSON *annotations);
void target_demand_free(TargetDemand *demand);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TargetDemand, target_demand_free)

/* A PersistentVolume that one of the VM's claims is bound to. */
typedef struct {
	char *claim; /* "prod/root" */
	char *name;
	cJSON *node_affinity; /* its spec.nodeAffinity, or NULL */
	cJSON *labels;
} TargetVolume;

void target_volume_free(TargetVolume *volume);

/* All is borrowed. What is NULL is not known, and no obstacle follows from it. */
typedef struct {
	const Vmi *vmi;
	const GPtrArray *hosts;		/* of Host* */
	const Host *source; /* NULL: the one of `hosts` where the VM runs */
	const cJSON *added_selector;	/* addedNodeSelector or NULL */
	GHashTable *reserved_bytes;	/* node name -> gint64*: memory of migrations under way */
	gint64 host_reserve_bytes;  /* kept free on each; -1: its schedule_host_reserve() */
	const GPtrArray *migrations; /* of Migration*: tell whose the reserved memory is; or NULL */
	GHashTable *said; /* node name -> GPtrArray* of TargetObstacle*: what its libvirt says */
	gboolean encrypted; /* a host that is known to lack the certificates for it is none */

	/* of Kubernetes nodes */
	const TargetDemand *demand;
	GHashTable *requested;	  /* node name -> resources that the pods there ask for */
	const GPtrArray *volumes; /* of TargetVolume*: those that not every node may reach */
	const char *migration_network; /* the dedicated one, or NULL */
	GHashTable *on_network; /* set of node names that are on it */
} TargetQuestion;

TargetObstacle *target_obstacle_new(const char *reason, char *message); /* takes the message */
void target_obstacle_free(TargetObstacle *obstacle);
void target_free(Target *target);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Target, target_free)

/* One Target a host, those that fit first, best first. Free with g_ptr_array_unref(). */
GPtrArray *schedule_targets(const TargetQuestion *question);

/* The same, one node after the other, where there are too many to hold: what does not depend on
 * the node is worked out once. The question and its `source` live as long as the sieve; its hosts
 * are not looked at. */
typedef struct TargetSieve TargetSieve;
TargetSieve *target_sieve_new(const TargetQuestion *question);
void target_sieve_free(TargetSieve *sieve);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TargetSieve, target_sieve_free)
Target *target_sieve_judge(const TargetSieve *sieve, const Host *host);
/* Whether the selector and the node affinity of the VM's pod take the node, be it the source. */
gboolean target_sieve_selects(const TargetSieve *sieve, const Host *host);
/* Whether the VM tolerates every taint that keeps pods away. */
gboolean target_sieve_tolerates(const TargetSieve *sieve, const Host *host);
void schedule_rank(GPtrArray *targets);

/* Whether the taint keeps VMs away that do not tolerate it; no taint does that only says what is
 * told of the node as its state. */
gboolean schedule_repels(const Host *host, const cJSON *taint);
/* One of them covers it, by Kubernetes' rule; NULL: there are none. */
gboolean schedule_tolerates(const cJSON *tolerations, const cJSON *taint);

typedef struct {
	const char *reason; /* REASON_TGT_… */
	guint nodes;
	guint first; /* where it was met first: the order among equals */
} ReasonCount;

/* How many nodes each reason keeps the VM from, the most frequent first: of ReasonCount. */
GArray *schedule_count_reasons(const GPtrArray *targets);
/* The same without keeping the targets: adds those of one to an array of ReasonCount, which is
 * sorted in the end. */
void schedule_count_target(GArray *counts, const Target *target);
void schedule_sort_counts(GArray *counts);
char *schedule_counts_text(const GArray *counts, guint fitting, guint nodes); /* free */

/* The same in words: "0 of 50 nodes fit: 20 KVMIG-TGT-MEMORY, 3 …"; free. */
char *schedule_count(const GPtrArray *targets);

/* "no node fits: n2, n4: cordoned; n3: needs 4 GiB, 1.2 GiB are free" for an error; free. */
char *schedule_summarize(const GPtrArray *targets);

/* Memory that migrations under way will need on their targets: node name -> gint64*. A migration
 * counts while its phase is running (KubeVirt's sense) and its target does not report the VM's
 * memory as used yet; `exclude_uid` (may be NULL) is left out. */
GHashTable *schedule_reservations(const GPtrArray *migrations, const GPtrArray *vmis,
				  const char *exclude_uid);

/* Whether the host is known to lack the certificates that encrypted migrations take. */
gboolean schedule_lacks_certificates(const Host *host);

/* Memory that a host keeps for itself: 512 MiB or 5 % of its memory, whichever is less. */
gint64 schedule_host_reserve(const Host *host);

/* ---- admission ------------------------------------------------------------------------------ */

typedef struct {
	gboolean admitted;
	const char *reason; /* REASON_PEND_…, where not admitted */
	char *message;	    /* "5 of 5 migrations run in the cluster: a, b, c, d, e" */
} Admission;

void admission_clear(Admission *admission);

/* Whether `candidate` may start now by the limits, counting as KubeVirt counts: phases Scheduling
 * to Running; per cluster, and per source node. migrations: of Migration*, all of the cluster. */
Admission schedule_admit(const Migration *candidate, const char *source_node,
			 const GPtrArray *migrations, const Settings *settings);

/* Whether `node` may receive one more (parallel_inbound_per_node). */
Admission schedule_admit_inbound(const char *node, const GPtrArray *migrations,
				 const Settings *settings);

/* Pending migrations that nobody has cancelled, in the order in which they are to be tried:
 * priority, then age (migration_compare_age()). Elements are borrowed from `migrations`; free with
 * g_ptr_array_unref(). */
GPtrArray *schedule_queue(const GPtrArray *migrations);
