/* SPDX-License-Identifier: Apache-2.0 */
/* Who depends on the temporary role of `kvmig rbac preserve`, and where. */
#include "rbac-preserve.h"

/* ---- looking -------------------------------------------------------------------------------- */

gboolean preserve_check_cluster(const CommandContext *context, GError **error)
{
	if (!rbac_refuse_local(context, error))
		return FALSE;
	if (cluster_caps(context->cluster)->kind == CLUSTER_KUBEVIRT)
		return TRUE;
	return error_set(error, KVMIG_ERROR_REFUSED,
			 "%s has no KubeVirt whose upgrade could take rights away",
			 cluster_context(context->cluster));
}

cJSON *preserve_get_role(const CommandContext *context, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *role = cluster_get(context->cluster, &KIND_CLUSTER_ROLE, NULL, ROLE_UPGRADE, &cause);

	if (!role && error_code(cause) != KVMIG_ERROR_NOT_FOUND)
		g_propagate_error(error, g_steal_pointer(&cause));
	return role;
}

void preserve_clear(Preserve *now)
{
	cJSON_Delete(now->role);
	cJSON_Delete(now->state);
	cJSON_Delete(now->dependents);
	cJSON_Delete(now->left);
	g_free(now->gaps);
	*now = (Preserve){ .role = NULL };
}

guint preserve_rights(const CommandContext *context, RbacAttributes *ret_rights)
{
	guint n = 0;

	for (guint i = 0; i < rbac_n_rights(context); i++)
		if (!(RBAC_READING_RIGHTS & (1u << i)))
			ret_rights[n++] = rbac_migrate_rights[i];
	return n;
}

static gboolean look(const CommandContext *context, Preserve *now, GError **error)
{
	RbacAttributes rights[RBAC_N_MIGRATE_RIGHTS];
	const guint n = preserve_rights(context, rights);
	const cJSON *keep;
	g_autoptr(GError) cause = NULL;
	g_autoptr(RbacObjects) objects = NULL;

	now->role = preserve_get_role(context, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	now->state = preserve_state(now->role);
	objects = rbac_load(context->cluster, NULL, error);
	if (!objects || !rbac_aggregation(context, &now->admin, error))
		return FALSE;
	now->has_real_role = rbac_find_role(objects, NULL, ROLE_MIGRATE) != NULL;
	now->gaps = rbac_gaps(objects, rights, n);
	keep = json_get(now->state, "keep");
	now->dependents = rbac_dependents_json(objects, ROLE_UPGRADE, rights, n, keep);
	now->left = rbac_holders_json(objects, rights, n, keep);
	return TRUE;
}

gboolean preserve_look(const CommandContext *context, Preserve *ret_now, GError **error)
{
	if (look(context, ret_now, error))
		return TRUE;
	preserve_clear(ret_now);
	return FALSE;
}

/* ---- rows ----------------------------------------------------------------------------------- */

#define PLACES_SHOWN 5

char *preserve_places_text(const cJSON *row)
{
	const cJSON *names = json_get(row, "namespaces"), *name;
	GString *text = g_string_new(json_bool(row, "everywhere", FALSE) ? "(all)" : NULL);
	int shown = 0;

	cJSON_ArrayForEach(name, names)
	{
		if (shown++ == PLACES_SHOWN) {
			g_string_append_printf(text, " and %d more",
					       cJSON_GetArraySize(names) - PLACES_SHOWN);
			break;
		}
		g_string_append_printf(text, "%s%s", text->len ? "," : "", name->valuestring);
	}
	return g_string_free(text, FALSE);
}

char *preserve_grant_line(const cJSON *row)
{
	g_autofree char *words = subject_words(json_get(row, "subject"));
	GString *line = g_string_new("kvmig rbac grant");
	const cJSON *name;

	if (json_bool(row, "everywhere", FALSE)) {
		g_string_append(line, " --cluster");
	} else {
		cJSON_ArrayForEach(name, json_get(row, "namespaces"))
			g_string_append_printf(line, " -n %s", name->valuestring);
	}
	g_string_append_printf(line, " %s", words);
	return g_string_free(line, FALSE);
}

const cJSON *preserve_row_of(const cJSON *rows, const cJSON *subject)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, rows)
	{
		if (subject_equal(json_get(row, "subject"), subject))
			return row;
	}
	return NULL;
}
