/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of the changes that kvmig made to the settings, in an annotation of the object that
 * owns them: it is written in the same request as the change, so that neither is there without the
 * other. Each change has a number, one more than the one before it, for as long as the object
 * lives; the oldest records are dropped.
 */
#pragma once

#include "config/owner.h"

#define ANNOTATION_CONFIG_HISTORY "kvmig.io/config-history"

/* The records of an object (may be NULL), oldest first: [{"number": 7, "at": "...", "by": "...",
 * "how": "...", "changes": {key: {"before": ..., "after": ...}}, "undone": true, "undoes": 6}].
 * Without "by" it is not known who made it. Free it; never NULL. */
cJSON *config_records(const cJSON *object);
cJSON *config_history(const ConfigOwner *owner);

gint64 config_record_number(const cJSON *record);
/* Whether it is a change that was neither undone nor is an undo. */
gboolean config_record_can_be_undone(const cJSON *record);
/* "change 7 (set, by alice, 2026-11-21T10:00:00Z)"; g_free(). */
char *config_record_text(const cJSON *record);

typedef struct {
	const char *by; /* NULL: not known */
	const char *how;
	const cJSON *changes;
	gint64 undoes; /* the number of the record that is undone by this; 0: none */
} ConfigRecord;

/* What the annotation of the object (may be NULL) becomes with one more record; g_free(). */
char *config_record_add(const cJSON *object, const ConfigRecord *record);

/* Who gave a setting the value that it has, after a record was made: by the later records, else by
 * what the API server keeps of each field's last writer. {"by", "at", "number"} as far as known,
 * or with "manager" (a program's name) instead of "by"; never NULL. */
cJSON *config_changed_since(const ConfigOwner *owner, const cJSON *record, const char *key);
/* "by bob at 2026-11-21T10:00:00Z (change 8)", "with kubectl-edit at ...", "without kvmig config";
 * g_free(). */
char *config_changed_text(const cJSON *since);
