/* SPDX-License-Identifier: Apache-2.0 */
#include "rbac/binding.h"

#include <string.h>

#include "base/error.h"
#include "base/shell.h"

#define SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

/* ---- names ---------------------------------------------------------------------------------- */

static gboolean has_control(const char *name)
{
	for (; *name; name = g_utf8_next_char(name))
		if (g_unichar_iscntrl(g_utf8_get_char(name)))
			return TRUE;
	return FALSE;
}

/* All that the server asks of a name is that there is one; of the rest nothing can be meant. */
static gboolean check_name(const char *what, const char *name, GError **error)
{
	g_autofree char *shown = error_excerpt(name);

	if (!name || !*name)
		return error_set(error, KVMIG_ERROR_INVALID, "the name of a %s is empty", what);
	if (strlen(name) > SUBJECT_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "%s '%s': a name may have %u bytes, not %" G_GSIZE_FORMAT, what,
				 shown, SUBJECT_MAX_BYTES, strlen(name));
	if (!g_utf8_validate(name, -1, NULL) || has_control(name))
		return error_set(
			error, KVMIG_ERROR_INVALID,
			"%s '%s': control characters and what is no UTF-8 stand in no name", what,
			shown);
	if (g_ascii_isspace(*name) || g_ascii_isspace(name[strlen(name) - 1]))
		return error_set(
			error, KVMIG_ERROR_INVALID,
			"%s '%s': a blank at its beginning or end would be part of the name", what,
			shown);
	return TRUE;
}

static cJSON *subject_new(const char *kind, const char *ns, const char *name)
{
	cJSON *subject = cJSON_CreateObject();

	if (!ns)
		json_set_string(subject, "apiGroup", RBAC_GROUP);
	json_set_string(subject, "kind", kind);
	json_set_string(subject, "name", name);
	json_set_string(subject, "namespace", ns);
	return subject;
}

cJSON *subject_service_account(const char *text, GError **error)
{
	const char *colon = text ? strchr(text, ':') : NULL;
	g_autofree char *ns = colon ? g_strndup(text, (gsize)(colon - text)) : NULL;
	g_autofree char *shown = error_excerpt(text);

	if (!colon) {
		error_set(error, KVMIG_ERROR_INVALID, "service account '%s' is not NAMESPACE:NAME",
			  shown);
		error_hint(error, "for example --serviceaccount prod:%s", *shown ? shown : "robot");
		return NULL;
	}
	if (!name_check_dns_label(ns, "namespace", error) ||
	    !name_check_dns_subdomain(colon + 1, "name", error)) {
		error_prefix(error, "service account '%s'", shown);
		return NULL;
	}
	return subject_new("ServiceAccount", ns, colon + 1);
}

cJSON *subject_user(const char *name, GError **error)
{
	if (!check_name("user", name, error))
		return NULL;
	if (g_str_has_prefix(name, SERVICE_ACCOUNT_PREFIX))
		return subject_service_account(name + strlen(SERVICE_ACCOUNT_PREFIX), error);
	return subject_new("User", NULL, name);
}

cJSON *subject_group(const char *name, GError **error)
{
	return check_name("group", name, error) ? subject_new("Group", NULL, name) : NULL;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static gboolean is_kind(const cJSON *subject, const char *kind)
{
	return g_str_equal(json_string(subject, "kind", ""), kind);
}

/* The name by which the server knows whoever it is; free with g_free(). */
static char *server_name(const cJSON *subject)
{
	if (!is_kind(subject, "ServiceAccount"))
		return g_strdup(json_string(subject, "name", ""));
	return g_strconcat(SERVICE_ACCOUNT_PREFIX, json_string(subject, "namespace", ""), ":",
			   json_string(subject, "name", ""), NULL);
}

gboolean subject_equal(const cJSON *a, const cJSON *b)
{
	g_autofree char *name_a = server_name(a);
	g_autofree char *name_b = server_name(b);

	return is_kind(a, "Group") == is_kind(b, "Group") && g_str_equal(name_a, name_b);
}

gboolean subjects_have(const cJSON *subjects, const cJSON *subject)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, subjects)
	{
		if (subject_equal(item, subject))
			return TRUE;
	}
	return FALSE;
}

gboolean subjects_add(cJSON *subjects, const cJSON *subject)
{
	if (subjects_have(subjects, subject))
		return FALSE;
	cJSON_AddItemToArray(subjects, cJSON_Duplicate(subject, TRUE));
	return TRUE;
}

/* ---- telling -------------------------------------------------------------------------------- */

char *subject_text(const cJSON *subject)
{
	const char *name = json_string(subject, "name", "");

	if (is_kind(subject, "ServiceAccount"))
		return g_strdup_printf("service account '%s:%s'",
				       json_string(subject, "namespace", ""), name);
	return g_strdup_printf("%s '%s'", is_kind(subject, "Group") ? "group" : "user", name);
}

char *subject_words(const cJSON *subject)
{
	const char *name = json_string(subject, "name", "");
	g_autofree char *word = shell_word(name);

	if (is_kind(subject, "ServiceAccount"))
		return g_strdup_printf("--serviceaccount %s:%s",
				       json_string(subject, "namespace", ""), word);
	if (is_kind(subject, "Group"))
		return g_strdup_printf("--group %s", word);
	/* after "--" nothing is an option */
	return *word == '-' ? g_strdup_printf("-- %s", word) : g_steal_pointer(&word);
}

static const char *group_caution(const char *name)
{
	if (g_str_equal(name, "system:masters"))
		return "its members may do everything already, whatever is bound";
	if (g_str_equal(name, "system:authenticated"))
		return "that is everybody who can log in, service accounts too";
	if (g_str_equal(name, "system:unauthenticated"))
		return "that is everybody who can reach the server, without logging in";
	if (g_str_equal(name, "system:serviceaccounts"))
		return "that is every service account of the cluster";
	return NULL;
}

const char *subject_caution(const cJSON *subject)
{
	const char *name = json_string(subject, "name", "");

	if (is_kind(subject, "Group"))
		return group_caution(name);
	if (is_kind(subject, "ServiceAccount"))
		return NULL;
	if (g_str_equal(name, "system:anonymous"))
		return "that is everybody who can reach the server, without logging in";
	if (group_caution(name) || g_str_has_prefix(name, "system:serviceaccounts:"))
		return "a group has that name, and no user: say --group";
	return NULL;
}

cJSON *subject_identity(const cJSON *subject)
{
	cJSON *identity = cJSON_CreateObject();
	cJSON *groups = json_ensure_array(identity, "groups");
	g_autofree char *name = server_name(subject);

	if (is_kind(subject, "Group")) {
		cJSON_AddItemToArray(groups, cJSON_CreateString(name));
		return identity;
	}
	json_set_string(identity, "user", name);
	if (is_kind(subject, "ServiceAccount")) {
		g_autofree char *of_ns = g_strconcat(
			"system:serviceaccounts:", json_string(subject, "namespace", ""), NULL);

		cJSON_AddItemToArray(groups, cJSON_CreateString("system:serviceaccounts"));
		cJSON_AddItemToArray(groups, cJSON_CreateString(of_ns));
	}
	cJSON_AddItemToArray(groups, cJSON_CreateString("system:authenticated"));
	return identity;
}

/* ---- bindings ------------------------------------------------------------------------------- */

cJSON *binding_new(const char *ns, const char *name, const char *role)
{
	cJSON *binding = object_new(ns ? &KIND_ROLE_BINDING : &KIND_CLUSTER_ROLE_BINDING, ns, name);
	cJSON *ref = json_ensure_object(binding, "roleRef");

	object_set_label(binding, LABEL_MANAGED_BY, MANAGED_BY_KVMIG);
	json_set_string(ref, "apiGroup", RBAC_GROUP);
	json_set_string(ref, "kind", KIND_CLUSTER_ROLE.kind);
	json_set_string(ref, "name", role);
	(void)json_ensure_array(binding, "subjects");
	return binding;
}

gboolean binding_is_of(const cJSON *binding, const char *role)
{
	const cJSON *ref = json_get(binding, "roleRef");

	return g_str_equal(json_string(ref, "kind", ""), KIND_CLUSTER_ROLE.kind) &&
	       g_str_equal(json_string(ref, "name", ""), role);
}

char *binding_role_text(const cJSON *binding)
{
	const cJSON *ref = json_get(binding, "roleRef");

	return g_strdup_printf("%s '%s'", json_string(ref, "kind", "?"),
			       json_string(ref, "name", "?"));
}

gboolean binding_is_ours(const cJSON *binding)
{
	return g_strcmp0(object_label(binding, LABEL_MANAGED_BY), MANAGED_BY_KVMIG) == 0;
}

gboolean binding_is_empty(const cJSON *binding)
{
	return cJSON_GetArraySize(json_get(binding, "subjects")) == 0;
}

/* A RoleBinding's service account may stand there without a namespace: the authorizer takes the
 * binding's. */
static gboolean stands_for(const cJSON *binding, const cJSON *entry, const cJSON *subject)
{
	const char *ns = object_namespace(binding);
	g_autoptr(cJSON) whole = NULL;

	if (!ns || !is_kind(entry, "ServiceAccount") || *json_string(entry, "namespace", ""))
		return subject_equal(entry, subject);
	whole = cJSON_Duplicate(entry, TRUE);
	json_set_string(whole, "namespace", ns);
	return subject_equal(whole, subject);
}

gboolean binding_has(const cJSON *binding, const cJSON *subject)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, json_get(binding, "subjects"))
	{
		if (stands_for(binding, entry, subject))
			return TRUE;
	}
	return FALSE;
}

static gboolean stands_for_any(const cJSON *binding, const cJSON *entry, const cJSON *subjects)
{
	const cJSON *subject;

	cJSON_ArrayForEach(subject, subjects)
	{
		if (stands_for(binding, entry, subject))
			return TRUE;
	}
	return FALSE;
}

guint binding_add(cJSON *binding, const cJSON *subjects)
{
	cJSON *list = json_ensure_array(binding, "subjects");
	const cJSON *subject;
	guint added = 0;

	cJSON_ArrayForEach(subject, subjects)
	{
		if (binding_has(binding, subject))
			continue;
		cJSON_AddItemToArray(list, cJSON_Duplicate(subject, TRUE));
		added++;
	}
	return added;
}

guint binding_remove(cJSON *binding, const cJSON *subjects)
{
	cJSON *list = json_get(binding, "subjects"), *entry = list ? list->child : NULL;
	guint removed = 0;

	while (entry) {
		cJSON *next = entry->next;

		if (stands_for_any(binding, entry, subjects)) {
			cJSON_Delete(cJSON_DetachItemViaPointer(list, entry));
			removed++;
		}
		entry = next;
	}
	return removed;
}
