/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "rbac/dependents.h"
#include "rbac/preserve.h"

static cJSON *from(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "the test", &error);

	g_assert_no_error(error);
	return value;
}

/* ---- the role ------------------------------------------------------------------------------- */

static void test_mend(void)
{
	g_autoptr(GPtrArray) wrongs = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(cJSON) right = preserve_role_new();
	g_autoptr(cJSON) role = object_new(&KIND_CLUSTER_ROLE, NULL, ROLE_UPGRADE);

	preserve_role_mend(right, wrongs);
	g_assert_cmpuint(wrongs->len, ==, 0);
	g_assert_cmpstr(object_label(right, LABEL_AGGREGATE_ADMIN), ==, "true");
	preserve_role_mend(role, wrongs);
	g_assert_cmpuint(wrongs->len, ==, 2);
	g_assert_true(json_equal(json_get(role, "rules"), json_get(right, "rules")));
	g_assert_cmpstr(object_label(role, LABEL_AGGREGATE_ADMIN), ==, "true");
	object_set_label(role, LABEL_AGGREGATE_ADMIN, "True");
	preserve_role_mend(role, wrongs);
	g_assert_cmpuint(wrongs->len, ==, 3);
	g_assert_nonnull(strstr(wrongs->pdata[2], "is 'True', not 'true'"));
}

/* ---- the record ----------------------------------------------------------------------------- */

static void test_state(void)
{
	g_autoptr(cJSON) role = preserve_role_new();
	g_autoptr(cJSON) none = preserve_state(role);
	g_autoptr(cJSON) nothing = preserve_state(NULL);
	g_autoptr(cJSON) some = from("[{\"kind\":\"User\",\"name\":\"a\"},"
				     "{\"kind\":\"Group\",\"name\":\"a\"}]");
	g_autoptr(cJSON) again = NULL;
	g_autoptr(cJSON) broken = NULL;
	g_autoptr(GError) error = NULL;
	guint added = 0;

	g_assert_null(none->child);
	g_assert_null(nothing->child);
	g_assert_true(preserve_keep(none, some, &added, &error));
	g_assert_cmpuint(added, ==, 2);
	g_assert_true(preserve_keep(none, some, &added, &error));
	g_assert_cmpuint(added, ==, 0);
	preserve_set_state(role, none);
	again = preserve_state(role);
	g_assert_true(json_equal(none, again));
	object_set_annotation(role, ANNOTATION_PRESERVE, "[1");
	broken = preserve_state(role);
	g_assert_null(broken->child);
}

static void test_bounds(void)
{
	g_autoptr(cJSON) role = preserve_role_new();
	g_autoptr(cJSON) state = cJSON_CreateObject();
	g_autoptr(cJSON) many = cJSON_CreateArray();
	g_autoptr(cJSON) read = NULL;
	g_autoptr(GError) error = NULL;
	guint added = 77;

	for (int i = 0; i < 20000; i++) {
		g_autofree char *name = g_strdup_printf("user-%d", i);
		cJSON *row = cJSON_CreateObject();

		json_set(row, "subject", subject_user(name, NULL));
		cJSON_AddItemToArray(json_ensure_array(state, "before"), row);
		if (i <= (int)PRESERVE_MAX_KEEP)
			cJSON_AddItemToArray(many, subject_user(name, NULL));
	}
	preserve_set_state(role, state);
	g_assert_cmpuint(strlen(object_annotation(role, ANNOTATION_PRESERVE)), <=,
			 PRESERVE_MAX_BYTES);
	read = preserve_state(role);
	g_assert_cmpint(cJSON_GetArraySize(json_get(read, "before")), >, 100);
	g_assert_cmpint(cJSON_GetArraySize(json_get(read, "before")) +
				(int)json_int(read, "beforeLeftOut", 0),
			==, 20000);
	g_assert_false(preserve_keep(state, many, &added, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_cmpuint(added, ==, 77);
	g_assert_cmpint(cJSON_GetArraySize(json_get(state, "keep")), ==, 0);
}

/* ---- who depends on it ---------------------------------------------------------------------- */

static void add(RbacObjects *objects, cJSON *object)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(rbac_objects_add(objects, object, &error));
	g_assert_no_error(error);
	cJSON_Delete(object);
}

static cJSON *binding(const char *ns, const char *name, const char *role, cJSON *subject)
{
	cJSON *made = binding_new(ns, name, role);

	cJSON_AddItemToArray(json_get(made, "subjects"), subject);
	return made;
}

/* admin, aggregated, as a controller has written it: with the temporary role's rules. */
static RbacObjects *new_world(void)
{
	RbacObjects *objects = rbac_objects_new(NULL);
	cJSON *temporary = preserve_role_new();
	cJSON *real = object_new(&KIND_CLUSTER_ROLE, NULL, ROLE_MIGRATE);
	cJSON *admin = from("{\"apiVersion\":\"rbac.authorization.k8s.io/v1\",\"kind\":"
			    "\"ClusterRole\",\"metadata\":{\"name\":\"admin\"},\"aggregationRule\":"
			    "{\"clusterRoleSelectors\":[{\"matchLabels\":{"
			    "\"rbac.authorization.k8s.io/aggregate-to-admin\":\"true\"}}]}}");

	json_set(admin, "rules", cJSON_Duplicate(json_get(temporary, "rules"), TRUE));
	json_set(real, "rules", cJSON_Duplicate(json_get(temporary, "rules"), TRUE));
	add(objects, admin);
	add(objects, real);
	add(objects, temporary);
	return objects;
}

static const RbacAttributes rights[] = {
	{ .verb = "create", .group = "kubevirt.io", .resource = "virtualmachineinstancemigrations" }
};

static char *rows_text(const cJSON *rows)
{
	GString *text = g_string_new(NULL);
	const cJSON *row, *name;

	cJSON_ArrayForEach(row, rows)
	{
		g_string_append_printf(text, "%s%s:", text->len ? " " : "",
				       json_string(json_get(row, "subject"), "name", "?"));
		if (json_bool(row, "everywhere", FALSE))
			g_string_append(text, "*");
		cJSON_ArrayForEach(name, json_get(row, "namespaces"))
			g_string_append_printf(text, "%s;", name->valuestring);
	}
	return g_string_free(text, FALSE);
}

static char *dependents(RbacObjects *objects)
{
	g_autoptr(cJSON) rows = rbac_dependents_json(objects, ROLE_UPGRADE, rights, 1, NULL);

	return rows_text(rows);
}

static void test_dependents(void)
{
	g_autoptr(RbacObjects) objects = new_world();
	g_autofree char *found = NULL;
	g_autofree char *again = NULL;

	/* loses it in two namespaces, has the real role in a third */
	add(objects, binding("a", "one", "admin", subject_user("ann", NULL)));
	add(objects, binding("b", "one", "admin", subject_user("ann", NULL)));
	add(objects, binding("c", "one", "admin", subject_user("ann", NULL)));
	add(objects, binding("c", "two", ROLE_MIGRATE, subject_user("ann", NULL)));
	/* has it everywhere for good */
	add(objects, binding("a", "three", "admin", subject_user("ben", NULL)));
	add(objects, binding(NULL, "three", ROLE_MIGRATE, subject_user("ben", NULL)));
	/* loses it everywhere; only by the temporary role itself; a group */
	add(objects, binding(NULL, "four", "admin", subject_user("cas", NULL)));
	add(objects, binding("a", "five", ROLE_UPGRADE, subject_user("dee", NULL)));
	add(objects, binding("a", "six", "admin", subject_group("ops", NULL)));
	/* keeps it by its group, which a service account is always in; another one does not */
	add(objects, binding("a", "seven", "admin", subject_service_account("x:bot", NULL)));
	add(objects, binding("a", "eight", "admin", subject_service_account("y:cog", NULL)));
	add(objects,
	    binding("a", "nine", ROLE_MIGRATE, subject_group("system:serviceaccounts:x", NULL)));
	found = dependents(objects);
	g_assert_cmpstr(found, ==, "ann:a;b; cas:* dee:a; ops:a; cog:a;");
	again = dependents(objects); /* it is gone from the set */
	g_assert_cmpstr(again, ==, "");
}

/* Those who are to keep it have it by groups only, which bindings name and nobody else. */
static void test_implied(void)
{
	g_autoptr(RbacObjects) objects = new_world();
	g_autoptr(cJSON) keep = cJSON_CreateArray();
	g_autoptr(cJSON) lost = NULL;
	g_autoptr(cJSON) left = NULL;
	g_autofree char *lost_text = NULL;
	g_autofree char *left_text = NULL;

	add(objects, binding("a", "one", "admin", subject_group("system:serviceaccounts:x", NULL)));
	add(objects, binding("b", "two", "admin", subject_group("system:serviceaccounts", NULL)));
	add(objects, binding("c", "three", "admin", subject_group("system:authenticated", NULL)));
	add(objects,
	    binding("d", "four", ROLE_MIGRATE, subject_group("system:authenticated", NULL)));
	/* both lose it in all of them but one, where they have the real role: bot by itself, cog by
	 * its group */
	cJSON_AddItemToArray(keep, subject_service_account("x:bot", NULL));
	add(objects, binding("a", "five", ROLE_MIGRATE, subject_service_account("x:bot", NULL)));
	cJSON_AddItemToArray(keep, subject_service_account("y:cog", NULL));
	add(objects,
	    binding("b", "six", ROLE_MIGRATE, subject_group("system:serviceaccounts:y", NULL)));
	cJSON_AddItemToArray(keep, subject_user("ann", NULL));
	/* of a group nothing is known but its name */
	cJSON_AddItemToArray(keep, subject_group("ops", NULL));
	lost = rbac_dependents_json(objects, ROLE_UPGRADE, rights, 1, keep);
	lost_text = rows_text(lost);
	g_assert_cmpstr(lost_text, ==,
			"system:authenticated:c; system:serviceaccounts:b; "
			"system:serviceaccounts:x:a; bot:b;c; cog:c; ann:c;");
	left = rbac_holders_json(objects, rights, 1, keep);
	left_text = rows_text(left);
	g_assert_cmpstr(left_text, ==,
			"system:authenticated:d; system:serviceaccounts:y:b; bot:a;d; cog:b;d; "
			"ann:d;");
}

static void test_holders(void)
{
	g_autoptr(RbacObjects) objects = new_world();
	g_autoptr(cJSON) rows = NULL;
	g_autofree char *text = NULL;

	add(objects, binding("a", "one", "admin", subject_user("ann", NULL)));
	add(objects, binding(NULL, "two", ROLE_MIGRATE, subject_user("ann", NULL)));
	add(objects, binding("a", "three", "view", subject_user("ben", NULL)));
	rows = rbac_holders_json(objects, rights, 1, NULL);
	g_assert_cmpint(cJSON_GetArraySize(rows), ==, 1);
	g_assert_true(json_bool(rows->child, "everywhere", FALSE));
	text = json_print(json_get(rows->child, "namespaces"));
	g_assert_cmpstr(text, ==, "[\"a\"]");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/preserve/mend", test_mend);
	g_test_add_func("/preserve/state", test_state);
	g_test_add_func("/preserve/bounds", test_bounds);
	g_test_add_func("/preserve/dependents", test_dependents);
	g_test_add_func("/preserve/implied", test_implied);
	g_test_add_func("/preserve/holders", test_holders);
	return g_test_run();
}
