/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config diff: what its parts share. */
#pragma once

#include "config-common.h"

#include "settings/diff.h"

/* What this cluster is compared with: a file, or the owner of another cluster's settings. */
typedef struct {
	char *name; /* for people */
	GPtrArray *documents;
	SettingsDocument file;
	Cluster *cluster;
	ConfigOwner *owner;
} ConfigOther;

void config_other_clear(ConfigOther *other);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigOther, config_other_clear)

/* A file or a context. Keys that are no settings, and what could not be read of the other cluster,
 * are told as warnings. USAGE: it is neither, or both; else the errors of reading either. */
gboolean config_read_other(const CommandContext *context, const char *word,
			   const ConfigOwner *owner, ConfigOther *ret_other, GError **error);
