/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing a change of settings: exactly that one, and of it only what is still as it was left. */
#pragma once

#include "config/change.h"

typedef struct {
	gint64 number;  /* of the change; 0: the last one that can be undone... */
	const char *by; /* ...of this user; NULL: of the one who asks */
	ClusterWriteFlags flags;
} ConfigUndo;

typedef struct {
	cJSON *record;  /* the one that was undone, as in config_records() */
	cJSON *changes; /* as of config_write() */
	cJSON *left;    /* key -> as of config_changed_since(), for keys that have another value */
} ConfigUndone;

void config_undone_clear(ConfigUndone *undone);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigUndone, config_undone_clear)

/* Keys that have another value now than the change gave them are left alone. Errors, beside those
 * of config_write(): NOT_FOUND, there is no such change; REFUSED, it was undone already, is an undo
 * itself, or all of its keys were changed since; UNSUPPORTED, whose changes are to be looked for
 * cannot be told, because the server does not say who asks. */
gboolean config_undo(ConfigOwner *owner, const ConfigUndo *undo, ConfigUndone *ret_undone,
		     GError **error);
