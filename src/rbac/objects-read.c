/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles and bindings from their objects. What an API server would not have let in (a rule that is
 * no object, a verb that is no string) gives nothing, as it does in the authorizer.
 */
#include "model/labels.h"
#include "model/object.h"
#include "rbac/private.h"

/* Equal strings are kept once: a cluster has many bindings and few roles, names and verbs. */
static const char *keep(RbacObjects *objects, const char *text)
{
	if (!text)
		return NULL;
	objects->n_strings++;
	return g_string_chunk_insert_const(objects->strings, text);
}

/* ---- roles ---------------------------------------------------------------------------------- */

static const char *const *read_words(RbacObjects *objects, const cJSON *rule, const char *key)
{
	const cJSON *array = json_get(rule, key);
	const cJSON *item;
	const char **words;
	guint n = 0;

	if (!cJSON_IsArray(array))
		array = NULL;
	words = g_new0(const char *, (gsize)cJSON_GetArraySize(array) + 1);
	cJSON_ArrayForEach(item, array)
	{
		if (cJSON_IsString(item))
			words[n++] = keep(objects, item->valuestring);
	}
	return words;
}

static void rule_clear(const RbacRule *rule)
{
	g_free((gpointer)rule->verbs);
	g_free((gpointer)rule->groups);
	g_free((gpointer)rule->resources);
	g_free((gpointer)rule->names);
}

static void read_rules(RbacObjects *objects, const cJSON *object, RbacRole *role)
{
	g_autoptr(GArray) rules = g_array_new(FALSE, FALSE, sizeof(RbacRule));
	const cJSON *array = json_get(object, "rules");
	const cJSON *item;

	if (!cJSON_IsArray(array))
		array = NULL;
	cJSON_ArrayForEach(item, array)
	{
		RbacRule *rule;

		if (!cJSON_GetArraySize(json_get(item, "resources")))
			continue;
		g_array_set_size(rules, rules->len + 1);
		rule = &g_array_index(rules, RbacRule, rules->len - 1);
		rule->verbs = read_words(objects, item, "verbs");
		rule->groups = read_words(objects, item, "apiGroups");
		rule->resources = read_words(objects, item, "resources");
		rule->names = read_words(objects, item, "resourceNames");
	}
	role->n_rules = rules->len;
	role->rules = (RbacRule *)(gpointer)g_array_free(g_steal_pointer(&rules), FALSE);
}

/* An expression of a label selector as kubectl's -l has it; what is no operator is no selector. */
static void append_expression(GString *text, const cJSON *expression)
{
	const char *operator= json_string(expression, "operator", "");
	const char *key = json_string(expression, "key", "");
	const cJSON *value;
	const char *comma = "";

	if (!*key)
		key = "?"; /* nothing would select everything */
	if (g_str_equal(operator, "Exists") || g_str_equal(operator, "DoesNotExist")) {
		g_string_append_printf(text, "%s%s", *operator== 'D' ? "!" : "", key);
		return;
	}
	g_string_append_printf(text, "%s %s (", key,
			       g_str_equal(operator, "In")      ? "in"
			       : g_str_equal(operator, "NotIn") ? "notin"
								:
								operator);
	cJSON_ArrayForEach(value, json_get(expression, "values"))
	{
		g_string_append_printf(text, "%s%s", comma,
				       cJSON_IsString(value) ? value->valuestring : "");
		comma = ",";
	}
	g_string_append_c(text, ')');
}

/* NULL, and a word in the log, for one that cannot be read: it selects nothing. */
static Selector *read_selector(const char *role, const cJSON *object)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(GError) cause = NULL;
	const cJSON *item;
	Selector *selector;

	cJSON_ArrayForEach(item, json_get(object, "matchLabels"))
	{
		g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", item->string,
				       cJSON_IsString(item) ? item->valuestring : "");
	}
	cJSON_ArrayForEach(item, json_get(object, "matchExpressions"))
	{
		if (text->len)
			g_string_append_c(text, ',');
		append_expression(text, item);
	}
	selector = selector_parse(text->str, &cause);
	if (!selector)
		g_info("clusterrole '%s': its aggregationRule is not understood: %s", role,
		       cause->message);
	return selector;
}

static GPtrArray *read_selectors(const char *role, const cJSON *rule)
{
	GPtrArray *selectors = g_ptr_array_new_with_free_func((GDestroyNotify)selector_free);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(rule, "clusterRoleSelectors"))
	{
		Selector *selector = read_selector(role, item);

		if (selector)
			g_ptr_array_add(selectors, selector);
	}
	return selectors;
}

RoleEntry *rbac_role_read(RbacObjects *objects, const cJSON *object)
{
	RoleEntry *entry = g_new0(RoleEntry, 1);
	const cJSON *rule = json_get(object, "aggregationRule");

	entry->role.name = keep(objects, object_name(object));
	read_rules(objects, object, &entry->role);
	if (object_kind(object) == &KIND_ROLE) {
		entry->role.ns = keep(objects, object_namespace(object));
		return entry;
	}
	if (cJSON_IsObject(rule)) {
		entry->role.aggregated = TRUE;
		entry->selectors = read_selectors(entry->role.name, rule);
	}
	if (object_labels(object))
		entry->labels = cJSON_Duplicate(object_labels(object), TRUE);
	entry->role.labels = entry->labels;
	return entry;
}

void rbac_role_entry_free(gpointer data)
{
	RoleEntry *entry = data;

	for (guint i = 0; i < entry->role.n_rules; i++)
		rule_clear(&entry->role.rules[i]);
	g_free((gpointer)entry->role.rules);
	g_clear_pointer(&entry->selectors, g_ptr_array_unref);
	cJSON_Delete(entry->labels);
	g_free(entry);
}

/* ---- bindings ------------------------------------------------------------------------------- */

static gboolean read_user(RbacObjects *objects, const char *name, RbacSubject *ret)
{
	g_auto(GStrv) parts = NULL;

	if (rbac_service_account_split(name, &parts))
		*ret = (RbacSubject){ RBAC_SERVICE_ACCOUNT, keep(objects, parts[0]),
				      keep(objects, parts[1]) };
	else
		*ret = (RbacSubject){ RBAC_USER, NULL, keep(objects, name) };
	return TRUE;
}

/* FALSE: it stands for nobody. */
static gboolean read_subject(RbacObjects *objects, const cJSON *object, const char *ns,
			     RbacSubject *ret)
{
	const char *kind = json_string(object, "kind", "");
	const char *name = json_string(object, "name", NULL);
	const char *own = json_string(object, "namespace", "");

	if (!name)
		return FALSE;
	if (g_str_equal(kind, "User"))
		return read_user(objects, name, ret);
	if (g_str_equal(kind, "Group")) {
		*ret = (RbacSubject){ RBAC_SUBJECT_GROUP, NULL, keep(objects, name) };
		return TRUE;
	}
	if (!g_str_equal(kind, "ServiceAccount") || (!*own && !ns))
		return FALSE;
	*ret = (RbacSubject){ RBAC_SERVICE_ACCOUNT, *own ? keep(objects, own) : ns,
			      keep(objects, name) };
	return TRUE;
}

RbacBinding *rbac_binding_read(RbacObjects *objects, const cJSON *object)
{
	RbacBinding *binding = g_new0(RbacBinding, 1);
	const cJSON *reference = json_get(object, "roleRef");
	const cJSON *array = json_get(object, "subjects");
	const cJSON *item;
	RbacSubject *subjects;

	binding->name = keep(objects, object_name(object));
	if (object_kind(object) == &KIND_ROLE_BINDING)
		binding->ns = keep(objects, object_namespace(object));
	binding->role_is_cluster =
		g_str_equal(json_string(reference, "kind", ""), KIND_CLUSTER_ROLE.kind);
	binding->role = keep(objects, json_string(reference, "name", ""));
	if (!cJSON_IsArray(array))
		array = NULL;
	subjects = g_new0(RbacSubject, (gsize)cJSON_GetArraySize(array) + 1);
	cJSON_ArrayForEach(item, array)
	{
		if (read_subject(objects, item, binding->ns, &subjects[binding->n_subjects]))
			binding->n_subjects++;
	}
	binding->subjects = subjects;
	return binding;
}

void rbac_binding_entry_free(gpointer data)
{
	RbacBinding *binding = data;

	g_free((gpointer)binding->subjects);
	g_free(binding);
}
