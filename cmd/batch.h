/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig migrate of several VMs: the items, the record that outlives kvmig, and what is shown.
 *
 * A batch has a name. Each of its migrations bears it as the label kvmig.io/batch, and its own name
 * is made of the batch's and the VM's: created twice, it is there already. So whatever ends kvmig,
 * `migrate --resume BATCH` never starts a second one.
 */
#pragma once

#include "migrate.h"

typedef enum {
	ITEM_WAITING, /* not started yet */
	ITEM_STARTED,
	ITEM_MOVED,
	ITEM_FAILED,  /* ended without having moved it, cancelled too */
	ITEM_REFUSED, /* not started, and will not be */
	ITEM_GONE,    /* it ended, and nobody saw how */
} ItemState;
const char *item_state_to_string(ItemState state); /* "waiting" */
gboolean item_state_has_ended(ItemState state);

typedef struct {
	char *ns, *vm;
	cJSON *vmi;      /* as last read; NULL: not read (a batch that is resumed) */
	char *migration; /* its name; NULL: not started */
	cJSON *object;   /* the migration as last seen, or NULL */
	GError *error;   /* why it was refused */
	gint64 memory_bytes;
	gint64 ended_us; /* monotonic; 0: not yet, as far as is known */
	ItemState state;
	gboolean rivalled;   /* somebody else's was there before: ours is to be withdrawn */
	gboolean acquainted; /* the watch has shown its migration */
} BatchItem;

BatchItem *batch_item_new(const char *ns, const char *vm, cJSON *vmi);
void batch_item_free(BatchItem *item);
/* What there is to show of it; free with cJSON_Delete(). */
cJSON *batch_item_document(const BatchItem *item);

/* Where those from that place on can go, as many as are best judged together. */
gboolean batch_judge_ahead(Preflight *preflight, const GPtrArray *items, guint from,
			   GError **error);

/* VMs that a message names at most. */
#define BATCH_NAMED 20

/* --dry-run: judges them all and prints that; the exit status. */
int batch_rehearse(Preflight *preflight, const GPtrArray *items);

/* ---- which VMs (migrate-select.c) ----------------------------------------------------------- */

/* The VMs that are meant, in the order in which they are to be started. Elements are BatchItem*,
 * freed with the array. Words that name none make refused items. */
GPtrArray *batch_select(const Preflight *preflight, GError **error);

/* ---- the record (batch-record.c) ------------------------------------------------------------ */

/* A file of lines: the first is what was asked for with all VMs, then one for each event. It is
 * locked while a kvmig works on it, and removed when nothing is left to be started. */
typedef struct BatchRecord BatchRecord;

BatchRecord *batch_record_new(const Preflight *preflight, const GPtrArray *items, GError **error);
/* NOT_FOUND names those that there are; CONFLICT: another kvmig works on it. */
BatchRecord *batch_record_open(const CommandContext *context, const char *id, GError **error);
void batch_record_free(BatchRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BatchRecord, batch_record_free)

const char *batch_record_id(const BatchRecord *record);
/* Its addedNodeSelector and timeout, as they were asked for: put into the preflight. */
void batch_record_restore(const BatchRecord *record, Preflight *preflight, MigrateValues *values);
/* What is left: items that are waiting or started; the others have ended. */
GPtrArray *batch_record_items(const BatchRecord *record);
/* That an item has come to another state. */
void batch_record_note(BatchRecord *record, const BatchItem *item);
/* Nothing is left: the file goes away. */
void batch_record_finish(BatchRecord *record);

/* The name of a VM's migration in the batch. Free with g_free(). */
char *batch_migration_name(const char *id, const char *vm);

/* ---- what is shown (batch-show.c) ----------------------------------------------------------- */

typedef struct BatchShow BatchShow;
/* everywhere: VMs of all namespaces, which have theirs in front. */
BatchShow *batch_show_new(const CommandContext *context, const GPtrArray *items,
			  gboolean everywhere);
void batch_show_free(BatchShow *show); /* the screen is left as it is */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BatchShow, batch_show_free)
/* An item has come to another state, or its migration has. */
void batch_show_item(BatchShow *show, const BatchItem *item);
/* Draws what has changed, on a terminal; at most some times a second, or `now`. */
void batch_show_draw(BatchShow *show, gboolean now);

typedef struct {
	guint all, waiting, started, moved, failed, refused, gone;
} BatchCounts;
BatchCounts batch_count(const GPtrArray *items);
/* "20 VMs: 17 moved, 2 failed, 1 refused"; g_free(). */
char *batch_summary(const GPtrArray *items);
/* "web-1, web-2 and 8 more" of those that wait; NULL: none. g_free(). */
char *batch_not_started(const GPtrArray *items, gboolean all_namespaces);
void batch_print_document(const CommandContext *context, const char *id, const GPtrArray *items);

/* ---- while it runs (migrate-batch.c, batch-watch.c, batch-start.c) -------------------------- */

typedef struct {
	Preflight *preflight;
	const CommandContext *context;
	MigrateValues values; /* as asked for, or as the record has them */
	GPtrArray *items;
	BatchRecord *record;
	BatchShow *show;
	GHashTable *by_vm; /* batch_key() -> BatchItem*, borrowed */
	GHashTable *busy;  /* batch_key() -> the unfinished migration of somebody else, an object */
	GHashTable *barred; /* namespace -> what its server said: nobody asks again */
	ClusterWatch *watch;
	InterruptGuard guard;
	guint next, active, limit;
	guint timer;
	gint64 end_us; /* of --timeout, monotonic; 0: none */
	gboolean wake, stale;
	GError *error; /* nothing more can be started, or followed */
} Batch;

char *batch_key(const char *ns, const char *vm); /* "ns/vm"; g_free() */

/* Writes it down, shows it, and wakes whoever waits. */
void batch_set_state(Batch *batch, BatchItem *item, ItemState state);
void batch_refuse(Batch *batch, BatchItem *item, GError *cause); /* takes the error */

/* From the list that the preflight has read on; what of ours is not in that has gone. */
gboolean batch_watch(Batch *batch, GError **error);
/* Those whose migrations have ended, once what became of them is known, or has been long enough
 * not to be; `whatever`: now. */
void batch_end_some(Batch *batch, gboolean whatever);

/* The next one that is to be started, or NULL. */
BatchItem *batch_next_item(Batch *batch);
/* Reads the VMs of those that wait anew. */
gboolean batch_know_vms(Batch *batch, GError **error);
/* As many as may be under way. */
void batch_start_some(Batch *batch);
/* Withdraws ours that came second. */
void batch_withdraw_some(Batch *batch);
