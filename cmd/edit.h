/* SPDX-License-Identifier: Apache-2.0 */
/* Changing one object in the user's editor: what `edit`, `policy edit` and the like share. */
#pragma once

#include "resource.h"

typedef struct EditTarget EditTarget;
struct EditTarget {
	const CommandContext *context;
	const Kind *kind;
	const char *ns, *name;
	/* Asked before it is sent, beside what the cluster checks; INVALID shows the text again.
	 * NULL: nothing. */
	gboolean (*check)(const EditTarget *target, const cJSON *before, const cJSON *after,
			  GError **error);
	/* Adds to what is sent, a merge patch of `before`, each time that it is. NULL: nothing. */
	gboolean (*amend)(const EditTarget *target, const cJSON *before, cJSON *patch,
			  GError **error);
	/* Told of what was sent, as a whole object, and of what was stored. NULL: nothing. */
	gboolean (*stored)(const EditTarget *target, const cJSON *before, const cJSON *sent,
			   const cJSON *after, GError **error);
	/* What is shown where there is no such object: saving makes it. NULL: that is an error. */
	const cJSON *initial;
	const char *otherwise; /* the command that needs no editor; NULL: 'kvmig apply -f FILE' */
};

/*
 * Shows the object as YAML, and again with the reason until what was saved is accepted; sends what
 * was changed, as a merge patch that holds only for the version that was shown. Where somebody else
 * has changed other fields meanwhile, both changes are kept; where the same, the user decides.
 * Returns an exit status, or sets *error: then what the user wrote is kept, and the hint says
 * where.
 */
int edit_object(const EditTarget *target, GError **error);
