/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate: what its files share. */
#pragma once

#include "check/targets.h"
#include "migration.h"
#include "model/host.h"

typedef enum { CHECK_STRICT, CHECK_WARN, CHECK_OFF } MigrateCheck;
typedef enum { ORDER_GIVEN, ORDER_NAME, ORDER_SMALLEST, ORDER_LARGEST } MigrateOrder;
enum { MIGRATE_DRY_RUN_NO, MIGRATE_DRY_RUN_CLIENT, MIGRATE_DRY_RUN_SERVER };

/* The command line. */
typedef struct {
	const char *node, *node_selector, *selector, *from, *resume;
	gboolean all;
	guint max_parallel; /* 0: the cluster's limit */
	int order;          /* MigrateOrder */
	int wait;           /* MigrationPhase to wait for; UNSET: none */
	int dry_run;
	int check; /* MigrateCheck */
	gint64 timeout_ms, schedule_timeout_ms;
} MigrateValues;

/* ---- what is judged (migrate-preflight.c, migrate-kubevirt.c) ------------------------------- */

/* Everything that judgements rest on, read once for all VMs; the views borrow from the objects. */
typedef struct {
	const CommandContext *context;
	const MigrateValues *values;
	const char *ns;    /* NULL: all */
	gboolean kubevirt; /* it migrates */
	cJSON *selector;   /* addedNodeSelector, or NULL */
	GPtrArray *host_objects, *migration_objects;
	GPtrArray *hosts; /* of Host*, where kvmig migrates */
	char *version;    /* of the list of migrations, to watch from */
	gint64 read_us;   /* when, monotonic; 0: not yet */
	Settings settings;
	Hyper *hyper;           /* asks the hosts about VMs; made when needed */
	GPtrArray *answers;     /* of TargetsAnswer, of many VMs at once */
	GHashTable *answer_of;  /* "ns/vm" -> TargetsAnswer*, borrowed */
	gint64 judged_us;       /* when these were found */
	GHashTable *told;       /* notes, char*: each is said once */
	gboolean many;          /* that one node fits is enough to know */
	gboolean nodes_unknown; /* they may not be read: said once */
} Preflight;

/* Of one VM. */
typedef struct {
	Vmi vmi;                /* borrows from the object */
	GPtrArray *targets;     /* of Target, a reference; NULL: nodes could not be judged */
	gboolean only_reserved; /* it fits as soon as others under way have ended */
} Verdict;

void preflight_clear(Preflight *preflight);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preflight, preflight_clear)
void verdict_clear(Verdict *verdict);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Verdict, verdict_clear)

/* Reads --node and --node-selector, and what the cluster tells beside the VMs that are meant. */
gboolean preflight_open(const CommandContext *context, const MigrateValues *values,
			Preflight *preflight, GError **error);
/* Reads it all anew. */
gboolean preflight_gather(Preflight *preflight, GError **error);

/* The VM that is meant by a word. */
cJSON *preflight_find_vm(const Preflight *preflight, const char *word, GError **error);

/* Judges; `vmi` has to outlive the verdict. FALSE: REFUSED (preflight), CONFLICT (in flight),
 * UNREACHABLE (the VM's own node), NOT_FOUND (no such node), each with its reason code. What
 * --check lets pass is a warning or nothing. */
gboolean preflight_judge(Preflight *preflight, const cJSON *vmi, Verdict *ret_verdict,
			 GError **error);

/* The node that would be chosen now, or NULL where it has to wait or nobody knows. Borrowed. */
const char *verdict_target(const Verdict *verdict);

/* Sets the error with its reason code and the hint that belongs to the code; FALSE. */
gboolean migrate_refuse(GError **error, KvmigError code, const char *reason, const char *vm,
			const char *why);
/* CONFLICT: that migration of the VM has not ended; FALSE. */
gboolean migrate_refuse_in_flight(const cJSON *other, const char *vm, GError **error);
/* The error of a check that --check governs: TRUE where it may pass; what only kept the check from
 * finding out, which has no reason, never does. Takes the error. */
gboolean preflight_let_pass(const Preflight *preflight, GError *cause, GError **error);

/* A VM on KubeVirt: what can be known before KubeVirt is asked. */
gboolean kubevirt_judge(Preflight *preflight, Verdict *verdict, GError **error);
/* That this KubeVirt has addedNodeSelector. */
gboolean kubevirt_check_field(const Preflight *preflight, GError **error);
/* A refused creation in KubeVirt's words, with a reason and a hint of ours. */
void kubevirt_explain_refusal(const char *vm, GError **error);

/* ---- where to (migrate-targets.c) ----------------------------------------------------------- */

/* Where each of these VMs (VMI objects) can go, found together, unless it is known of the first one
 * and not old. TRUE too where it cannot be known, or nobody wants to know. */
gboolean preflight_find_targets(Preflight *preflight, const GPtrArray *vmis, GError **error);
/* So many VMs are best judged together. */
guint preflight_targets_at_once(const Preflight *preflight);
/* The same of one, into the verdict. No node fits: REFUSED, or NOT_FOUND where the node of --node
 * is none at all. */
gboolean preflight_check_targets(Preflight *preflight, Verdict *verdict, GError **error);
void preflight_forget_targets(Preflight *preflight);

/* ---- creating (migrate-create.c) ------------------------------------------------------------ */

/* name NULL: made by the server; batch NULL: it is of none. */
cJSON *migrate_object(const Preflight *preflight, const Vmi *vmi, const char *name,
		      const char *batch);
/* What is in flight for that VM is CONFLICT. */
cJSON *migrate_create(const Preflight *preflight, const Vmi *vmi, const cJSON *object,
		      ClusterWriteFlags flags, GError **error);
/* Of several migrations of one VM that were asked for at the same time the first one stays: FALSE,
 * CONFLICT, if that is not `created`, which is withdrawn then. */
gboolean migrate_stay_alone(const Preflight *preflight, const cJSON *created, GError **error);
/* Deletes `ours` for that, and says so. */
gboolean migrate_withdraw(const CommandContext *context, const Migration *ours, const cJSON *rival,
			  GError **error);

/* ---- one and many --------------------------------------------------------------------------- */

/* The document and the table of --dry-run; refusal: why it cannot be migrated, or NULL. */
void verdict_print(const CommandContext *context, const Verdict *verdict, const GError *refusal);

/* migrate-one.c, migrate-batch.c */
int migrate_one(Preflight *preflight, GError **error);
int migrate_many(Preflight *preflight, GError **error);
