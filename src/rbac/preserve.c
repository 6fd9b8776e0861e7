/* SPDX-License-Identifier: Apache-2.0 */
#include "rbac/preserve.h"

#include <string.h>

#include "base/error.h"

/* ---- the role ------------------------------------------------------------------------------- */

static cJSON *strings(const char *const *texts)
{
	cJSON *array = cJSON_CreateArray();

	for (; *texts; texts++)
		cJSON_AddItemToArray(array, cJSON_CreateString(*texts));
	return array;
}

static cJSON *rule(const char *group, const char *resource, const char *const *verbs)
{
	cJSON *made = cJSON_CreateObject();

	json_set(made, "apiGroups", strings((const char *const[]){ group, NULL }));
	json_set(made, "resources", strings((const char *const[]){ resource, NULL }));
	json_set(made, "verbs", strings(verbs));
	return made;
}

static cJSON *documented_rules(void)
{
	static const char *const update[] = { "update", NULL };
	static const char *const all[] = { "get",  "delete", "create",           "update", "patch",
					   "list", "watch",  "deletecollection", NULL };
	cJSON *rules = cJSON_CreateArray();

	cJSON_AddItemToArray(rules,
			     rule("subresources.kubevirt.io", "virtualmachines/migrate", update));
	cJSON_AddItemToArray(rules, rule("kubevirt.io", "virtualmachineinstancemigrations", all));
	return rules;
}

cJSON *preserve_role_new(void)
{
	cJSON *role = object_new(&KIND_CLUSTER_ROLE, NULL, ROLE_UPGRADE);

	object_set_label(role, LABEL_AGGREGATE_ADMIN, "true");
	object_set_label(role, LABEL_MANAGED_BY, MANAGED_BY_KVMIG);
	json_set(role, "rules", documented_rules());
	return role;
}

void preserve_role_mend(cJSON *role, GPtrArray *wrongs)
{
	const char *label = object_label(role, LABEL_AGGREGATE_ADMIN);
	g_autoptr(cJSON) rules = documented_rules();

	if (g_strcmp0(label, "true") != 0) {
		g_ptr_array_add(wrongs, label ? g_strdup_printf("its label %s is '%s', not 'true'",
								LABEL_AGGREGATE_ADMIN, label)
					      : g_strdup_printf("it lacks the label %s",
								LABEL_AGGREGATE_ADMIN));
		object_set_label(role, LABEL_AGGREGATE_ADMIN, "true");
	}
	if (!json_equal(json_get(role, "rules"), rules)) {
		g_ptr_array_add(wrongs, g_strdup("its rules are not the documented ones"));
		json_set(role, "rules", g_steal_pointer(&rules));
	}
}

/* ---- the record ----------------------------------------------------------------------------- */

cJSON *preserve_state(const cJSON *role)
{
	const char *text = object_annotation(role, ANNOTATION_PRESERVE);
	cJSON *state = text ? json_parse(text, strlen(text), "the record", NULL) : NULL;

	if (cJSON_IsObject(state))
		return state;
	cJSON_Delete(state);
	return cJSON_CreateObject();
}

/* Half of them at a time: each try prints all that is left. */
static void drop_some(cJSON *state)
{
	cJSON *before = json_ensure_array(state, "before");
	const int count = cJSON_GetArraySize(before);
	const int left = count / 2;

	json_set_int(state, "beforeLeftOut", json_int(state, "beforeLeftOut", 0) + (count - left));
	while (cJSON_GetArraySize(before) > left)
		cJSON_DeleteItemFromArray(before, cJSON_GetArraySize(before) - 1);
}

void preserve_set_state(cJSON *role, const cJSON *state)
{
	g_autoptr(cJSON) bounded = cJSON_Duplicate(state, TRUE);
	g_autofree char *text = json_print(bounded);

	while (strlen(text) > PRESERVE_MAX_BYTES &&
	       cJSON_GetArraySize(json_get(bounded, "before")) > 0) {
		drop_some(bounded);
		g_free(text);
		text = json_print(bounded);
	}
	object_set_annotation(role, ANNOTATION_PRESERVE, text);
}

/* All their names together have to fit beside what else is in the record. */
#define KEEP_MAX_BYTES (PRESERVE_MAX_BYTES / 2)

gboolean preserve_keep(cJSON *state, const cJSON *subjects, guint *ret_added, GError **error)
{
	g_autoptr(cJSON) wanted = cJSON_Duplicate(json_ensure_array(state, "keep"), TRUE);
	g_autofree char *text = NULL;
	const cJSON *subject;
	guint added = 0;

	cJSON_ArrayForEach(subject, subjects)
	{
		if (subjects_add(wanted, subject))
			added++;
	}
	text = json_print(wanted);
	if (cJSON_GetArraySize(wanted) > (int)PRESERVE_MAX_KEEP || strlen(text) > KEEP_MAX_BYTES) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "more than %u subjects, or %u bytes of names, are not kept a record of",
			  PRESERVE_MAX_KEEP, KEEP_MAX_BYTES);
		error_hint(error, "name groups, or grant the right now and leave them out");
		return FALSE;
	}
	json_set(state, "keep", g_steal_pointer(&wanted));
	*ret_added = added;
	return TRUE;
}
