/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy lint: what can only be said by looking at the VMs. */
#pragma once

#include "policy-projects.h"

typedef struct {
	Policies policies;
	Projects projects;
	GHashTable
		*templates;  /* "ns/name" -> GArray of guint: labels of the VM that are asked for */
	GHashTable *matched; /* of const Policy* */
	GHashTable *unlabelled, *no_post_copy;   /* const Policy* -> the VMs, private to the walk */
	gboolean vms_unknown, templates_unknown; /* may not be listed */
	guint vms;
} LintWalk;

void lint_walk_init(LintWalk *walk);
void lint_walk_clear(LintWalk *walk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(LintWalk, lint_walk_clear)

gboolean lint_walk(LintWalk *walk, const CommandContext *context, GError **error);
/* What came of it. */
void lint_walk_report(const LintWalk *walk, GPtrArray *findings);
