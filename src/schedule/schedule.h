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
} TargetObstacle;

typedef struct {
	char *node;
	gboolean fits;
	GPtrArray *obstacles; /* of TargetObstacle: every one, not only the first; empty: fits */
	gint64 memory_free_after_bytes; /* what is left there afterwards; ranks those that fit */
} Target;

typedef struct {
	const Vmi *vmi;
	const GPtrArray *hosts;		/* of Host* */
	const cJSON *added_selector;	/* addedNodeSelector or NULL */
	GHashTable *reserved_bytes;	/* node name -> gint64*: memory of migrations under way */
	gint64 host_reserve_bytes;  /* kept free on each; -1: its schedule_host_reserve() */
	const GPtrArray *migrations; /* of Migration*: tell whose the reserved memory is; or NULL */
} TargetQuestion;

/* One Target a host, those that fit first, best first. Free with g_ptr_array_unref(). */
GPtrArray *schedule_targets(const TargetQuestion *question);

/* "no node fits: n2: cordoned; n3: needs 4 GiB, 1.2 GiB are free" for an error; free. */
char *schedule_summarize(const GPtrArray *targets);

/* Memory that migrations under way will need on their targets: node name -> gint64*. A migration
 * counts while its phase is running (KubeVirt's sense) and its target does not report the VM's
 * memory as used yet; `exclude_uid` (may be NULL) is left out. */
GHashTable *schedule_reservations(const GPtrArray *migrations, const GPtrArray *vmis,
				  const char *exclude_uid);

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
