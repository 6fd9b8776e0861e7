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

/* cmd/cluster-may.c: whether the user of the context may do that, in namespace ns or, NULL, in all
 * of them. *ret_allowed is set where it was answered. */
gboolean cluster_may(Cluster *cluster, const Kind *kind, const char *ns, const char *verb,
		     gboolean *ret_allowed, GError **error);
/* Adds "permissions", as the API server answers for the user of the context;
 * settings (may be NULL) is the kind of their object, settings_ns (may be NULL)
 * where it is. FALSE: it does not answer. */
gboolean cluster_may_add(const CommandContext *context, const Kind *settings,
			 const char *settings_ns, cJSON *document, GError **error);
