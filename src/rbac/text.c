/* SPDX-License-Identifier: Apache-2.0 */
/* Subjects, rights and paths in words. */
#include <string.h>

#include "base/error.h"
#include "rbac/binding.h"
#include "rbac/private.h"

static const char *const subject_kinds[] = {
	[RBAC_USER] = "User",
	[RBAC_SUBJECT_GROUP] = "Group",
	[RBAC_SERVICE_ACCOUNT] = "ServiceAccount",
};

const char *rbac_subject_kind_name(RbacSubjectKind kind)
{
	return subject_kinds[kind];
}

char *rbac_subject_text(const RbacSubject *subject)
{
	if (subject->kind == RBAC_SERVICE_ACCOUNT)
		return g_strdup_printf("ServiceAccount %s/%s", subject->ns, subject->name);
	return g_strdup_printf("%s %s", subject_kinds[subject->kind], subject->name);
}

char *rbac_subject_user_name(const RbacSubject *subject)
{
	if (subject->kind == RBAC_SERVICE_ACCOUNT)
		return g_strdup_printf(RBAC_USER_PREFIX_SERVICE_ACCOUNT "%s:%s", subject->ns,
				       subject->name);
	return g_strdup(subject->name);
}

int rbac_subject_compare(const RbacSubject *a, const RbacSubject *b)
{
	int order;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	order = g_strcmp0(a->ns, b->ns);
	return order ? order : strcmp(a->name, b->name);
}

cJSON *rbac_subject_to_json(const RbacSubject *subject)
{
	cJSON *object = cJSON_CreateObject();

	if (subject->kind != RBAC_SERVICE_ACCOUNT)
		json_set_string(object, "apiGroup", RBAC_GROUP);
	json_set_string(object, "kind", subject_kinds[subject->kind]);
	json_set_string(object, "name", subject->name);
	json_set_string(object, "namespace", subject->ns);
	return object;
}

/* "NS:NAME" or "NS/NAME": of a service account. */
static gboolean split_pair(const char *text, const char *separator, GStrv *ret_parts)
{
	g_auto(GStrv) parts = g_strsplit(text, separator, -1);

	if (g_strv_length(parts) != 2 || !*parts[0] || !*parts[1])
		return FALSE;
	*ret_parts = g_steal_pointer(&parts);
	return TRUE;
}

gboolean rbac_service_account_split(const char *user, GStrv *ret_parts)
{
	return g_str_has_prefix(user, RBAC_USER_PREFIX_SERVICE_ACCOUNT) &&
	       split_pair(user + strlen(RBAC_USER_PREFIX_SERVICE_ACCOUNT), ":", ret_parts);
}

gboolean rbac_subject_from_user(const char *user, RbacSubject *ret_subject, GStrv *ret_strings)
{
	GStrv parts = NULL;

	if (!rbac_service_account_split(user, &parts))
		return FALSE;
	*ret_subject = (RbacSubject){ RBAC_SERVICE_ACCOUNT, parts[0], parts[1] };
	*ret_strings = parts;
	return TRUE;
}

GStrv rbac_implied_groups(const char *user)
{
	g_autoptr(GPtrArray) groups = g_ptr_array_new();
	g_auto(GStrv) parts = NULL;

	if (rbac_service_account_split(user, &parts)) {
		g_ptr_array_add(groups, g_strdup(RBAC_GROUP_SERVICE_ACCOUNTS));
		g_ptr_array_add(groups,
				g_strdup_printf(RBAC_GROUP_SERVICE_ACCOUNTS ":%s", parts[0]));
	}
	g_ptr_array_add(groups, g_strdup(strcmp(user, RBAC_USER_ANONYMOUS) == 0
						 ? RBAC_GROUP_UNAUTHENTICATED
						 : RBAC_GROUP_AUTHENTICATED));
	g_ptr_array_add(groups, NULL);
	return (GStrv)g_ptr_array_free(g_steal_pointer(&groups), FALSE);
}

static const struct {
	const char *prefix;
	RbacSubjectKind kind;
	const char *separator; /* of a service account's two names */
} prefixes[] = {
	{ "User/", RBAC_USER, NULL },
	{ "user:", RBAC_USER, NULL },
	{ "Group/", RBAC_SUBJECT_GROUP, NULL },
	{ "group:", RBAC_SUBJECT_GROUP, NULL },
	{ "ServiceAccount/", RBAC_SERVICE_ACCOUNT, "/" },
	{ "sa:", RBAC_SERVICE_ACCOUNT, ":" },
	{ RBAC_USER_PREFIX_SERVICE_ACCOUNT, RBAC_SERVICE_ACCOUNT, ":" },
};

gboolean rbac_subject_parse(const char *text, RbacSubject *ret_subject, GStrv *ret_strings,
			    GError **error)
{
	RbacSubjectKind kind = RBAC_USER;
	const char *rest = text;
	g_auto(GStrv) parts = NULL;
	gboolean whole = TRUE;

	for (gsize i = 0; i < G_N_ELEMENTS(prefixes) && rest == text; i++) {
		if (!g_str_has_prefix(text, prefixes[i].prefix))
			continue;
		kind = prefixes[i].kind;
		rest = text + strlen(prefixes[i].prefix);
		if (prefixes[i].separator)
			whole = split_pair(rest, prefixes[i].separator, &parts);
	}
	if (!*rest || !whole) {
		g_autofree char *shown = error_excerpt(text);

		error_set(error, KVMIG_ERROR_USAGE, "'%s' names no subject", shown);
		error_hint(error, "a user's name, group:NAME or sa:NAMESPACE:NAME");
		return FALSE;
	}
	if (!parts) {
		parts = g_new0(char *, 2);
		parts[0] = g_strdup(rest);
	}
	*ret_subject =
		(RbacSubject){ kind, parts[1] ? parts[0] : NULL, parts[1] ? parts[1] : parts[0] };
	*ret_strings = g_steal_pointer(&parts);
	return TRUE;
}

/* ---- rights and paths ----------------------------------------------------------------------- */

char *rbac_attributes_text(const RbacAttributes *attributes)
{
	gboolean of_group = attributes->group && *attributes->group;
	gboolean has_sub = attributes->subresource && *attributes->subresource;
	gboolean has_name = attributes->name && *attributes->name;

	return g_strdup_printf("%s %s%s%s%s%s%s%s", attributes->verb, attributes->resource,
			       of_group ? "." : "", of_group ? attributes->group : "",
			       has_sub ? "/" : "", has_sub ? attributes->subresource : "",
			       has_name ? " " : "", has_name ? attributes->name : "");
}

char *rbac_path_text(const RbacPath *path)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const RbacBinding *binding = path->binding;

	if (!binding)
		return g_strdup("group " RBAC_GROUP_MASTERS);
	if (binding->ns)
		g_string_append_printf(text, "RoleBinding %s/%s", binding->ns, binding->name);
	else
		g_string_append_printf(text, "ClusterRoleBinding %s", binding->name);
	for (guint i = 0; i < path->chain->len; i++) {
		const RbacRole *role = path->chain->pdata[i];

		if (i == 0)
			g_string_append_printf(text, " -> %s %s", role->ns ? "Role" : "ClusterRole",
					       role->name);
		else
			g_string_append_printf(text, " <- %s", role->name);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}
