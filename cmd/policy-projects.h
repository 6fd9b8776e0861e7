/* SPDX-License-Identifier: Apache-2.0 */
/* The projects of the VMs that a command walks over: their labels, each prepared once, and what can
 * be said where they may not be read. */
#pragma once

#include "policy.h"

typedef struct {
	PolicySet *set;     /* borrowed */
	GHashTable *scopes; /* name -> PolicyScope; NULL: its labels may not be read */
	PolicyScope *any;   /* what such a project may turn out to have */
	gboolean some_unknown;
} Projects;

/* Of one namespace, or, with ns NULL, of all. Where those may not be listed each one that has a VM
 * is asked for by its name. */
gboolean projects_read(Projects *projects, Cluster *cluster, PolicySet *set, const char *ns,
		       GError **error);
void projects_clear(Projects *projects);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Projects, projects_clear)

/* The scope of a namespace. *ret_known FALSE: policies that look at a project's labels do not match
 * in it, though they may apply. */
const PolicyScope *projects_scope(Projects *projects, const char *ns, gboolean *ret_known);

/* The policy that applies to a VM, NULL: none. *ret_certain FALSE: it is the best of those that do
 * not look at its project's labels, which may not be read; one that does may go before it. */
const Policy *projects_winner(Projects *projects, PolicyRule rule, const char *ns,
			      const cJSON *labels, gboolean *ret_certain);
