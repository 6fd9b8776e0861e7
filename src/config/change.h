/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing settings: by key, with one conditional request on the object that owns them, and a
 * record of it in the same request (config/record.h). So nobody's change is lost, and each can be
 * undone.
 */
#pragma once

#include "config/record.h"

/* The changes to make to what the owner has now: key -> value, null to remove it. Called again
 * where somebody else was faster. May set record->undoes. NULL: *error. */
typedef cJSON *(*ConfigMakeFunc)(const ConfigOwner *owner, gpointer data, ConfigRecord *record,
				 GError **error);

typedef struct {
	ConfigMakeFunc make;
	gpointer data;
	const char *how; /* "set", "unset", "preset heavy-workload", "edit", "undo" */
	ClusterWriteFlags flags;
} ConfigWrite;

/* FORBIDDEN where the owner is not known, because HyperConverged's objects may not be read. */
gboolean config_may_write(const ConfigOwner *owner, GError **error);

/* Writes. *ret_changes (may be NULL) is what really changed, key -> {"before": ..., "after": ...};
 * empty where everything was so already, and then nothing is written. owner->object is what is
 * stored now (not with DRY_RUN). Errors: UNSUPPORTED (the owner has no such key), FORBIDDEN,
 * INVALID in the server's words, CONFLICT (others keep changing it), IO where the server took the
 * request and dropped a key: then what it did not drop was put back. */
gboolean config_write(ConfigOwner *owner, const ConfigWrite *write, cJSON **ret_changes,
		      GError **error);

/* Whether the setting has that value now; null: whether it is as it is once it is taken out. */
gboolean config_is_so(const ConfigOwner *owner, const char *key, const cJSON *value);

/* For changes that are made in another way (an editor). The settings in which two states of the
 * owner's object differ, as in config_write(). */
cJSON *config_difference(const ConfigOwner *owner, const cJSON *before, const cJSON *after);
/* Adds to a merge patch of `before` the record of what it changes of the settings. */
gboolean config_amend(ConfigOwner *owner, const cJSON *before, const char *how, cJSON *patch,
		      GError **error);
/* Whether owner->object, just stored, has the changes; else, IO, its settings and the record are
 * put back to those of `before`. */
gboolean config_check_stored(ConfigOwner *owner, const cJSON *before, const cJSON *changes,
			     GError **error);
