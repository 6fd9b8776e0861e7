/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig rbac` share. */
#pragma once

#include "cmd.h"

#include "rbac/binding.h"
#include "rbac/rbac.h"

/* What is asked for at once: bit i of an answer's rights is attributes[i], words[i]. */
typedef struct {
	RbacAttributes attributes[RBAC_MAX_RIGHTS];
	const char *words[RBAC_MAX_RIGHTS];
	guint n;
} MigrateQuery;
/* A right to migrate by its word (a verb on migrations, or `migrate`: update of
 * virtualmachines/migrate), NULL: create, update, delete and migrate; in the namespace in force, or
 * with -A in whichever one. USAGE where there is no such word. The cluster has been probed: fleets
 * have no subresource. */
gboolean migrate_query(const CommandContext *context, const char *word, MigrateQuery *query,
		       GError **error);
/* What it takes to empty a node: cordon it, and evict what runs there. */
void drain_query(const CommandContext *context, MigrateQuery *query);
/* ["create", "migrate"] */
cJSON *migrate_words(const MigrateQuery *query, guint32 rights);

/* Fails with REFUSED on a local cluster: its file's owner is the only user. */
gboolean rbac_refuse_local(const CommandContext *context, GError **error);

/*
 * Reads roles and bindings in four lists; ns NULL: of all namespaces. What this user may not list
 * is noted in the set (rbac_objects_unread()), and no failure. NOT_FOUND where there is no such
 * namespace.
 */
RbacObjects *rbac_load(Cluster *cluster, const char *ns, GError **error);
/* NOT_FOUND where there is no such namespace; whoever may not ask is told nothing. */
gboolean rbac_check_namespace(Cluster *cluster, const char *ns, GError **error);
/* Fails with FORBIDDEN where no binding could be read that the question is about; says then what
 * this user himself may do. */
gboolean rbac_check_readable(const CommandContext *context, const RbacObjects *objects,
			     const MigrateQuery *query, GError **error);
/* Warns of what could not be read, and so is missing in an answer; whether there is any. */
gboolean rbac_say_gaps(const CommandContext *context, const RbacObjects *objects,
		       const MigrateQuery *query);

/* Of a subject of a binding whose ClusterRole may not be read. asked: the API server has said what
 * rights it has in the binding's namespace, by whichever binding; else nothing is known of them. */
typedef void (*RbacUnreadFunc)(const RbacBinding *binding, const RbacSubject *subject,
			       gboolean asked, guint32 rights, gpointer data);
/* Calls it for each of them (rbac-unread.c). FALSE: ClusterRoles could be read, there are none. */
gboolean rbac_unread_each(const CommandContext *context, RbacObjects *objects,
			  const MigrateQuery *query, RbacUnreadFunc function, gpointer data);
/* Puts what is known into a row of a document: roleUnread, rights, asked. */
void rbac_unread_add(cJSON *row, const MigrateQuery *query, gboolean asked, guint32 rights);

/* Puts a path into a row of a document: binding, role, aggregatedFrom. */
void rbac_path_add(cJSON *row, const RbacPath *path);
/* {"kind": "User", "name": "alice"} */
cJSON *rbac_subject_row(const RbacSubject *subject);
/* Cells of a row with `subject`; with `role` and `aggregatedFrom`; `rights`; `namespace`, or
 * everywhere; `binding`. */
char *rbac_cell_subject(const cJSON *row);
char *rbac_cell_role(const cJSON *row);
char *rbac_cell_rights(const cJSON *row);
char *rbac_cell_namespace(const cJSON *row);
char *rbac_cell_binding(const cJSON *row);

extern const Command rbac_grant_command, rbac_revoke_command, rbac_preserve_command,
	rbac_aggregate_command;
extern const Command rbac_list_command, rbac_who_can_command, rbac_check_command;
