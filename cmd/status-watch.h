/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "migration.h"

/* What the table was made of, and as of which version: what comes later is watched from there. */
typedef struct {
	GPtrArray *objects; /* of VMIMs */
	GPtrArray *vmis;    /* NULL: they cannot be seen */
	char *version, *vmi_version;
} StatusSeen;

/* kvmig status --watch without a name: a row for each change to what was seen, as kubectl get -w
 * prints them, until Ctrl-C; on KubeVirt one more for those that wait, when it is known why.
 * rows: the table of what was seen, printed already. */
int status_watch(const CommandContext *context, const StatusSeen *seen, const GPtrArray *rows,
		 GError **error);
