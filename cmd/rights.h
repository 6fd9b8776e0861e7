/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each command asks of an API server's permissions: one table, for `kvmig rbac check` and for
 * what is said where a command is refused. Commands for any kind of object (get, apply, create,
 * edit, label, delete) need the right to what they are used on, and have no rows.
 */
#pragma once

#include "cluster/cluster.h"
#include "rbac/rbac.h"

typedef enum {
	RIGHT_THERE,       /* in the namespace at hand */
	RIGHT_EVERYWHERE,  /* of what is in no namespace, or in all of them at once */
	RIGHT_ON_SETTINGS, /* on the object that holds the settings */
	RIGHT_ON_NODES,    /* on the cluster's kind of nodes */
	RIGHT_ON_HOSTS,    /* the same; not where nodes are Kubernetes' own */
} RightWhere;

typedef struct {
	const char *verbs; /* "get list": all of them; NULL ends a list of rights */
	const char *group, *resource, *subresource;
	RightWhere where;
	const char *role;    /* a ClusterRole that gives it; NULL: none but cluster-admin */
	const char *without; /* what a command lacks without it; NULL: it needs it */
} CommandRight;

typedef struct {
	const char *command; /* "policy create" */
	const CommandRight *rights;
} CommandRights;

/* Row n, NULL past the last; the row of a command, or NULL. */
const CommandRights *command_rights_nth(guint n);
const CommandRights *command_rights_find(const char *command);

/* Where the questions are about. */
typedef struct {
	Cluster *cluster; /* probed */
	const char *ns;
	const Kind *settings; /* the object that holds the settings; NULL: not known */
	const char *settings_ns;
} RightPlace;

/* FALSE: there the command does nothing but say who does it. */
gboolean command_is_offered(const RightPlace *place, const CommandRights *row);

/* The right in full, for one of its verbs: settings and nodes are what they are there. Strings are
 * borrowed. FALSE: there is no such thing there. */
gboolean command_right_resolve(const RightPlace *place, const CommandRight *right, const char *verb,
			       RbacAttributes *ret_attributes);

/* The command line that gives this right to somebody: kvmig's own, or kubectl's (NAME stands for a
 * name to choose). NULL where there is none. Free with g_free(). */
char *command_right_grant(const RightPlace *place, const CommandRight *right,
			  const RbacSubject *whom);
