/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds and names on the command line, as kubectl takes them: KIND, KIND NAME…, KIND/NAME…. */
#pragma once

#include "cmd.h"

typedef struct {
	const Kind *kind;
	const char *name; /* NULL: all of them. Borrowed from the words */
} Resource;

/* Elements are Resource*, freed with the array. Where `words` is one kind and no name, and
 * `all_allowed`, it is one element without a name. USAGE, and NOT_FOUND for kinds. */
GPtrArray *resources_parse(const CommandContext *context, char *const *words, guint n,
			   gboolean all_allowed, GError **error);

/* "virtualmachine.kubevirt.io/web-1", "namespace/prod", as -o name has it; free with g_free(). */
char *resource_id(const Kind *kind, const char *name);

/* Where the object is: the namespace in force for kinds that have one, else NULL. */
const char *resource_namespace(const CommandContext *context, const Kind *kind);

/* " in namespace 'x'", "" for kinds without one; free with g_free(). */
char *resource_where(const CommandContext *context, const Kind *kind);

/* The object as people see it: apiVersion and kind in front, without managedFields unless `all`.
 * Its parts are references: valid as long as the object is. */
cJSON *resource_shown(const Kind *kind, const cJSON *object, gboolean all);

/* VMs and nodes of a local cluster are looked at first, where nobody has for some seconds. */
gboolean resource_observe(const CommandContext *context, const Kind *kind, GError **error);

/* Whether a label is what the inventory reads from the hosts: its own, on clusters where it writes
 * objects of that kind. */
typedef gboolean (*LabelOwner)(const char *key);
LabelOwner resource_label_owner(const CommandContext *context, const Kind *kind);

/* Several things were tried, one after the other. */
typedef struct {
	guint tried, failed;
	ExitStatus status; /* of those that failed, where they agree; else FAILED */
} Tally;

/* Takes and reports an error where there is one; `place` (may be NULL) is put in front. FALSE where
 * it makes no sense to go on: the cluster cannot be reached. */
gboolean tally_add(Tally *tally, const char *place, GError *failure);
/* Says how many are left, where tally_add() wants no more of them. */
void tally_tell_left(const CommandContext *context, const Tally *tally, guint all);
ExitStatus tally_status(const Tally *tally);
