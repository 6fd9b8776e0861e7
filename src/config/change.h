/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing settings: by key, with one conditional request on the object that owns them, and a
 * record of it in the same request: annotation kvmig.io/config-history, the last changes that
 * kvmig made, with what was there before. So nobody's change is lost, and each can be undone.
 */
#pragma once

#include "config/owner.h"

#define ANNOTATION_CONFIG_HISTORY "kvmig.io/config-history"

/* The changes to make to what the owner has now: key -> value, null to remove it. Called again
 * where somebody else was faster. NULL: *error. */
typedef cJSON *(*ConfigMakeFunc)(const ConfigOwner *owner, gpointer data, GError **error);

typedef struct {
	ConfigMakeFunc make;
	gpointer data;
	const char *how; /* "set", "unset", "preset heavy-workload", "edit", "undo" */
	gboolean undo;   /* marks the last record that is not undone as undone */
	ClusterWriteFlags flags;
} ConfigWrite;

/* FORBIDDEN where the owner is not known, because HyperConverged's objects may not be read. */
gboolean config_may_write(const ConfigOwner *owner, GError **error);

/* Writes. *ret_changes (may be NULL) is what really changed, key -> {"before": ..., "after": ...};
 * empty where everything was so already, and then nothing is written. owner->object is what is
 * stored now (not with DRY_RUN). Errors: UNSUPPORTED (the owner has no such key), FORBIDDEN,
 * INVALID in the server's words, CONFLICT (others keep changing it), IO where the server took the
 * request and dropped a key. */
gboolean config_write(ConfigOwner *owner, const ConfigWrite *write, cJSON **ret_changes,
		      GError **error);

/* A change that was made in another way (an editor): `before` and `after` are the whole objects.
 * Adds the record of it to the owner's; nothing where no setting differs. */
gboolean config_record(ConfigOwner *owner, const cJSON *before, const cJSON *after, const char *how,
		       GError **error);

/* The records of the owner, oldest first: [{"at": "...", "by": "...", "how": "...", "changes":
 * {key: {"before": ..., "after": ...}}, "undone": true}]; free it. Never NULL. */
cJSON *config_history(const ConfigOwner *owner);

/* Undoes the last record that is neither undone nor an undo. Keys that have another value now than
 * it gave them are left alone and named in *ret_left (char*). NOT_FOUND: nothing to undo; REFUSED:
 * all of its keys were changed since. */
gboolean config_undo(ConfigOwner *owner, ClusterWriteFlags flags, cJSON **ret_changes,
		     GPtrArray **ret_left, GError **error);
