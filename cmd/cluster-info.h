/* SPDX-License-Identifier: Apache-2.0 */
/* What `kvmig cluster info` tells, as a document; what could not be read is in its list "unknown",
 * and never guessed. */
#pragma once

#include "cmd.h"

/* *ret_told FALSE: which kind of cluster this is could not be told. NULL with *error where the
 * cluster cannot be reached at all. */
cJSON *cluster_info_document(const CommandContext *context, gboolean *ret_told, GError **error);

/* Adds why something is not known. */
void cluster_info_unknown(cJSON *document, const char *what, const GError *why);

/* cmd/cluster-may.c: adds "permissions", as the API server answers for the user of the context;
 * settings (may be NULL) is the kind of their object, settings_ns (may be NULL)
 * where it is. FALSE: it does not answer. */
gboolean cluster_may_add(const CommandContext *context, const Kind *settings,
			 const char *settings_ns, cJSON *document, GError **error);
