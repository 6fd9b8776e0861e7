/* SPDX-License-Identifier: Apache-2.0 */
#include "migration.h"
#include "observe.h"

#include <string.h>

#include "base/clock.h"
#include "model/wellknown.h"

/* Unfinished before finished, then the newest; of equal age the one with the later name, so that
 * the answer does not depend on the order in which they are listed. */
static gboolean is_better(const Migration *migration, const Migration *than)
{
	gboolean final = migration_phase_is_final(migration->phase);
	gboolean than_final = migration_phase_is_final(than->phase);

	if (final != than_final)
		return !final;
	if (migration->created_us != than->created_us)
		return migration->created_us > than->created_us;
	return g_strcmp0(migration->name, than->name) > 0;
}

/* The best one of that VM, borrowed, or NULL. */
static const cJSON *best_of(const GPtrArray *migrations, const char *ns, const char *vm)
{
	Migration best = { 0 };

	for (guint i = 0; i < migrations->len; i++) {
		Migration migration;

		migration_read(g_ptr_array_index(migrations, i), &migration);
		if (g_strcmp0(migration.vmi_name, vm) != 0 ||
		    (ns && g_strcmp0(migration.ns, ns) != 0))
			continue;
		if (!best.object || is_better(&migration, &best))
			best = migration;
	}
	return best.object;
}

static const cJSON *by_name(const GPtrArray *migrations, const char *name, GError **error)
{
	const cJSON *found = NULL;

	for (guint i = 0; i < migrations->len; i++) {
		const cJSON *object = g_ptr_array_index(migrations, i);

		if (g_strcmp0(object_name(object), name) != 0)
			continue;
		if (found) {
			error_set(error, KVMIG_ERROR_INVALID,
				  "there is a migration '%s' in more than one namespace", name);
			error_hint(error, "name the namespace with -n");
			return NULL;
		}
		found = object;
	}
	return found;
}

static void not_found(const CommandContext *context, const char *word, GError *cause,
		      GError **error)
{
	const char *hint = error_get_hint(cause);

	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no VM and no migration '%s' in %s%s%s",
		  word, context->ns ? "namespace '" : "any namespace",
		  context->ns ? context->ns : "", context->ns ? "'" : "");
	error_hint(error, "%s", hint ? hint : "'kvmig status -A' lists the migrations");
}

/* By its VM. A VM that is no more may still have migrations to look at. */
static const cJSON *by_vm(const CommandContext *context, const GPtrArray *migrations,
			  const char *word, cJSON **ret_vmi, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = observe_find_vmi(context, word, &cause);
	const cJSON *found;

	if (vmi) {
		found = best_of(migrations, object_namespace(vmi), object_name(vmi));
		if (ret_vmi)
			*ret_vmi = g_steal_pointer(&vmi);
		return found;
	}
	found = best_of(migrations, context->ns, word);
	if (found)
		return found;
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND && !error_get_reason(cause))
		not_found(context, word, cause, error);
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

cJSON *migration_find(const CommandContext *context, const char *word, cJSON **ret_vmi,
		      GError **error)
{
	const ClusterListOptions options = { .ns = context->ns };
	g_autoptr(GPtrArray) migrations =
		cluster_list(context->cluster, &KIND_VMIM, &options, NULL, error);
	g_autoptr(GError) cause = NULL;
	const cJSON *found;

	if (!migrations)
		return NULL;
	if (g_str_has_prefix(word, MIGRATION_ID_PREFIX)) {
		word += strlen(MIGRATION_ID_PREFIX);
		found = by_name(migrations, word, &cause);
		if (!found && !cause)
			error_set(&cause, KVMIG_ERROR_NOT_FOUND, "there is no migration '%s'",
				  word);
	} else {
		found = by_name(migrations, word, &cause);
		if (!found && !cause)
			found = by_vm(context, migrations, word, ret_vmi, &cause);
	}
	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	return found ? cJSON_Duplicate(found, TRUE) : NULL;
}

char *migration_vm_ref(const cJSON *object)
{
	const char *ns = object_namespace(object);
	const char *vm = json_string(json_get(object, "spec"), "vmiName", "");

	return ns ? g_strdup_printf("%s/%s", ns, vm) : g_strdup(vm);
}

char *migration_gone_text(const cJSON *vmi, const cJSON *object)
{
	const cJSON *state = json_path(vmi, "status", "migrationState", NULL);
	const char *uid = json_string(state, "migrationUid", NULL);
	const char *ended = json_string(state, "endTimestamp", NULL);
	const char *words = json_string(state, "failureReason", NULL);
	const gboolean failed = json_bool(state, "failed", FALSE);
	/* asked for; where it came too late, as in post-copy, the VM has moved all the same */
	const gboolean aborted = failed && json_bool(state, "abortRequested", FALSE);
	gint64 ended_us;

	if (!uid || !ended || !clock_parse_unix(ended, &ended_us) ||
	    (object &&
	     (g_strcmp0(object_uid(object), uid) == 0 || ended_us <= object_created_us(object))))
		return NULL;
	return g_strdup_printf("the last migration of VM '%s', which ended at %s, is not there any "
			       "more%s%s%s",
			       object_name(vmi), ended,
			       aborted  ? ": it was cancelled"
			       : failed ? ": it failed"
					: ": it succeeded",
			       failed && words ? ": " : "", failed && words ? words : "");
}

char *migration_ns_words(const char *ns)
{
	return ns && strcmp(ns, NAMESPACE_DEFAULT) != 0 ? g_strconcat(" -n ", ns, NULL)
							: g_strdup("");
}
