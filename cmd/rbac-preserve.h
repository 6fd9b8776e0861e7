/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig rbac preserve` share. */
#pragma once

#include "rbac-change.h"

#include "rbac/dependents.h"
#include "rbac/preserve.h"

extern const Command rbac_preserve_finish_command, rbac_preserve_abort_command,
	rbac_preserve_status_command;

/* How far it has come. */
typedef struct {
	cJSON *role;  /* the temporary one; NULL: there is none */
	cJSON *state; /* what is recorded in it */
	gboolean has_real_role;
	RbacAggregation admin;
	/* rows of rbac_dependents_json() and rbac_holders_json(): who would lose the right with the
	 * temporary role, and who would have it without; those who are to keep it also where they
	 * have it by a group that every such name is in */
	cJSON *dependents, *left;
	char *gaps; /* what was not read, and so is missing in these; NULL: nothing */
} Preserve;
/* *ret_now is empty before. */
gboolean preserve_look(const CommandContext *context, Preserve *ret_now, GError **error);
void preserve_clear(Preserve *now);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preserve, preserve_clear)

/* The rights that one migrates with, at most RBAC_N_MIGRATE_RIGHTS; how many. Reading migrations is
 * none of them: view gives that. */
guint preserve_rights(const CommandContext *context, RbacAttributes *ret_rights);
/* The temporary role; NULL without *error: there is none. */
cJSON *preserve_get_role(const CommandContext *context, GError **error);
/* REFUSED where there is nothing to upgrade: on a local cluster or a fleet. */
gboolean preserve_check_cluster(const CommandContext *context, GError **error);
/* "namespaces 'a' and 'b'", "all namespaces": of a row; free with g_free(). */
char *preserve_places_text(const cJSON *row);
/* "kvmig rbac grant alice -n a -n b": what gives it to the row's subject for good; g_free(). */
char *preserve_grant_line(const cJSON *row);
/* The row of a subject, or NULL. */
const cJSON *preserve_row_of(const cJSON *rows, const cJSON *subject);
