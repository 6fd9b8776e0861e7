/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac: the group, and what all of its subcommands share. */
#include "rbac.h"

gboolean rbac_refuse_local(const CommandContext *context, GError **error)
{
	if (cluster_caps(context->cluster)->kind != CLUSTER_LOCAL)
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED,
		  "%s is a local cluster: the owner of its file is its only user, who may do all; "
		  "there are no roles",
		  cluster_context(context->cluster));
	error_hint(error, "name a cluster with an API server: --context; 'kvmig context list' "
			  "lists them");
	return FALSE;
}

/* ---- rows ----------------------------------------------------------------------------------- */

cJSON *rbac_subject_row(const RbacSubject *subject)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "kind", rbac_subject_kind_name(subject->kind));
	json_set_string(row, "name", subject->name);
	json_set_string(row, "namespace", subject->ns);
	return row;
}

static cJSON *object_row(const char *kind, const char *name)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "kind", kind);
	json_set_string(row, "name", name);
	return row;
}

void rbac_path_add(cJSON *row, const RbacPath *path)
{
	const RbacBinding *binding = path->binding;

	json_set(row, "binding",
		 object_row(binding->ns ? "RoleBinding" : "ClusterRoleBinding", binding->name));
	json_set(row, "role",
		 object_row(binding->role_is_cluster ? "ClusterRole" : "Role", binding->role));
	for (guint i = 1; path->chain && i < path->chain->len; i++) {
		const RbacRole *source = path->chain->pdata[i];

		cJSON_AddItemToArray(json_ensure_array(row, "aggregatedFrom"),
				     cJSON_CreateString(source->name));
	}
}

char *rbac_cell_subject(const cJSON *row)
{
	const cJSON *subject = json_get(row, "subject");
	const char *ns = json_string(subject, "namespace", NULL);

	return g_strdup_printf("%s %s%s%s", json_string(subject, "kind", ""), ns ? ns : "",
			       ns ? "/" : "", json_string(subject, "name", ""));
}

static char *join(const char *first, const char *between, const cJSON *words)
{
	GString *text = g_string_new(first);
	const cJSON *word;

	cJSON_ArrayForEach(word, words)
	{
		g_string_append_printf(text, "%s%s", text->len ? between : "", word->valuestring);
	}
	return g_string_free(text, FALSE);
}

char *rbac_cell_role(const cJSON *row)
{
	return join(json_string(json_get(row, "role"), "name", ""), " <- ",
		    json_get(row, "aggregatedFrom"));
}

char *rbac_cell_rights(const cJSON *row)
{
	if (!json_get(row, "rights"))
		return g_strdup("(unknown)");
	return join(NULL, ",", json_get(row, "rights"));
}

char *rbac_cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", "*"));
}

char *rbac_cell_binding(const cJSON *row)
{
	return g_strdup(json_string(json_get(row, "binding"), "name", NULL));
}

static const Command *const subcommands[] = { &rbac_list_command,      &rbac_who_can_command,
					      &rbac_check_command,     &rbac_grant_command,
					      &rbac_revoke_command,    &rbac_preserve_command,
					      &rbac_aggregate_command, NULL };

const Command rbac_command = {
	.name = "rbac",
	.summary = "who may migrate, and why",
	.group = COMMAND_GROUP_CLUSTER,
	.subcommands = subcommands,
};
