/* SPDX-License-Identifier: Apache-2.0 */
/* The projects of the VMs that a command walks over: their labels, each prepared once, and what can
 * be said where they may not be read. */
#pragma once

#include "policy.h"

typedef struct {
	PolicySet *set;      /* borrowed */
	GHashTable *by_name; /* name -> its scopes, private */
	gpointer unknown;    /* those of one whose labels may not be read */
	gboolean some_unknown;
} Projects;

/* Of one namespace, or, with ns NULL, of all. Where those may not be listed each one that has a VM
 * is asked for by its name. */
gboolean projects_read(Projects *projects, Cluster *cluster, PolicySet *set, const char *ns,
		       GError **error);
void projects_clear(Projects *projects);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Projects, projects_clear)

/* The policies that match a VM for certain; those that may. The labels are policy_labels_ahead().
 */
const PolicyScope *projects_scope(Projects *projects, const char *ns);
const PolicyScope *projects_scope_at_best(Projects *projects, const char *ns);

typedef enum {
	PROJECTS_CERTAIN,
	PROJECTS_LABELS_UNKNOWN, /* a policy that looks at its project's labels may go before it */
	PROJECTS_HANDOVER,       /* one that asks where the VM goes may */
} ProjectsDoubt;

/* The policy that applies to a VM, NULL: none; with a doubt, the best of those that match for
 * certain. */
const Policy *projects_winner(Projects *projects, PolicyRule rule, const char *ns,
			      const cJSON *labels, ProjectsDoubt *ret_doubt);

/* The same for one VM (a VMI object), read for that alone: *ret_name is the policy's name, or NULL;
 * g_free(). */
gboolean policy_ahead_of(Cluster *cluster, const cJSON *vmi, char **ret_name,
			 ProjectsDoubt *ret_doubt, GError **error);
