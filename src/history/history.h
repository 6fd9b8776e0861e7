/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig's own record of migrations: append-only, one row a migration, in
 * $XDG_STATE_HOME/kvmig/history.db. It outlives the cluster's objects.
 */
#pragma once

#include "model/json.h"

typedef struct History History;

/* Makes the file where there is none. Rules of the file as for the store (base/db.h). */
History *history_open(GError **error);
void history_close(History *history);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(History, history_close)

/* One migration that has ended. Strings may be NULL where noted. */
typedef struct {
	char *context;	 /* "local/default" */
	char *uid;	 /* of the migration: with context, the key */
	char *migration; /* its name */
	char *ns;
	char *vm;
	char *domain_uuid; /* NULL */
	char *source_node; /* NULL */
	char *target_node; /* NULL: never had one */
	char *phase;	   /* "Succeeded" or "Failed" */
	char *reason;	   /* reason code; NULL for success */
	char *message;	   /* NULL */
	char *end_state;   /* "none/running"; NULL */
	char *policy;	   /* winning policy's name; NULL */
	cJSON *settings;   /* effective settings; NULL */
	gint64 created_us, started_us, ended_us; /* unix; 0: never */
	gint64 total_ms;    /* hand-over to end; -1: not known */
	gint64 downtime_ms; /* libvirt's figure; -1: not known */
	gint64 memory_bytes;
	gint64 memory_processed_bytes; /* -1: not known */
	gint64 iterations;	       /* -1: not known */
} HistoryRecord;

void history_record_free(HistoryRecord *record);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HistoryRecord, history_record_free)

/* Appends. A record of that context and uid that is there already is no error and stays as it is,
 * so that a controller may write again what its predecessor wrote. */
gboolean history_append(History *history, const HistoryRecord *record, GError **error);

typedef struct {
	const char *context;   /* NULL: all */
	const char *ns;	       /* NULL: all */
	const char *vm;	       /* NULL: all */
	const char *migration; /* NULL: all */
	gint64 since_us;       /* 0: from the beginning */
	gboolean failed_only;
	guint limit; /* 0: none; else the newest so many */
} HistoryQuery;

/* Oldest first. Elements are HistoryRecord*, freed with the array. */
GPtrArray *history_query(History *history, const HistoryQuery *query, GError **error);

/* The row as JSON, units in the names; what `-o json` shows. */
cJSON *history_record_to_json(const HistoryRecord *record);
