/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "rbac/binding.h"

typedef cJSON *(*Maker)(const char *text, GError **error);

static void assert_made(Maker make, const char *text, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) subject = make(text, &error);
	g_autofree char *shown = NULL;

	g_assert_no_error(error);
	shown = json_print(subject);
	g_assert_cmpstr(shown, ==, wanted);
}

static void test_names(void)
{
#define USER(name)                                                                                 \
	"{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"User\",\"name\":\"" name "\"}"
	assert_made(subject_user, "alice", USER("alice"));
	assert_made(subject_user, "alice@example.com", USER("alice@example.com"));
	assert_made(subject_user, "oidc:Alice B. Smith", USER("oidc:Alice B. Smith"));
	assert_made(subject_user, "system:node:n1", USER("system:node:n1"));
	assert_made(subject_user, "-x", USER("-x"));
	assert_made(subject_user, "\xc3\xa4nne", USER("\xc3\xa4nne"));
	assert_made(subject_group, "system:masters",
		    "{\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Group\","
		    "\"name\":\"system:masters\"}");
	assert_made(subject_service_account, "prod:robot.1",
		    "{\"kind\":\"ServiceAccount\",\"name\":\"robot.1\",\"namespace\":\"prod\"}");
	assert_made(subject_user, "system:serviceaccount:prod:robot",
		    "{\"kind\":\"ServiceAccount\",\"name\":\"robot\",\"namespace\":\"prod\"}");
}

static void assert_refused(Maker make, const char *text, const char *words)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) subject = make(text, &error);

	g_assert_null(subject);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	if (!strstr(error->message, words))
		g_error("'%s' has no '%s'", error->message, words);
}

static void test_bad_names(void)
{
	g_autofree char *longest = g_strnfill(SUBJECT_MAX_BYTES, 'a');
	g_autofree char *longer = g_strconcat(longest, "a", NULL);
	g_autoptr(cJSON) subject = subject_user(longest, NULL);

	g_assert_nonnull(subject);
	assert_refused(subject_user, longer, "may have 1024 bytes, not 1025");
	assert_refused(subject_user, "", "is empty");
	assert_refused(subject_user, NULL, "is empty");
	assert_refused(subject_group, "", "is empty");
	assert_refused(subject_user, "a\nb", "control characters");
	assert_refused(subject_user, "a\xff", "no UTF-8");
	assert_refused(subject_user, " alice", "a blank at its beginning");
	assert_refused(subject_group, "ops\t", "control characters");
	assert_refused(subject_service_account, "robot", "is not NAMESPACE:NAME");
	assert_refused(subject_service_account, "", "is not NAMESPACE:NAME");
	assert_refused(subject_service_account, ":robot", "service account ':robot'");
	assert_refused(subject_service_account, "prod:", "service account 'prod:'");
	assert_refused(subject_service_account, "prod:a:b", "service account 'prod:a:b'");
	assert_refused(subject_service_account, "Prod:a", "service account 'Prod:a'");
	assert_refused(subject_user, "system:serviceaccount:prod", "is not NAMESPACE:NAME");
}

static cJSON *from(const char *text)
{
	return json_parse(text, strlen(text), "the test", NULL);
}

static void test_equal(void)
{
	g_autoptr(cJSON) account = subject_service_account("prod:robot", NULL);
	g_autoptr(cJSON) as_user =
		from("{\"kind\":\"User\",\"name\":\"system:serviceaccount:prod:robot\"}");
	g_autoptr(cJSON) other = subject_service_account("test:robot", NULL);
	g_autoptr(cJSON) user = subject_user("ops", NULL);
	g_autoptr(cJSON) upper = subject_user("Ops", NULL);
	g_autoptr(cJSON) group = subject_group("ops", NULL);

	g_assert_true(subject_equal(account, as_user));
	g_assert_false(subject_equal(account, other));
	g_assert_false(subject_equal(user, group));
	g_assert_false(subject_equal(user, upper));
	g_assert_true(subject_equal(user, user));
}

static void assert_words(cJSON *subject, const char *words, const char *text)
{
	g_autofree char *got_words = subject_words(subject);
	g_autofree char *got_text = subject_text(subject);

	g_assert_cmpstr(got_words, ==, words);
	g_assert_cmpstr(got_text, ==, text);
	cJSON_Delete(subject);
}

static void test_words(void)
{
	assert_words(subject_user("alice@example.com", NULL), "alice@example.com",
		     "user 'alice@example.com'");
	assert_words(subject_user("a b\"$c`\\", NULL), "\"a b\\\"\\$c\\`\\\\\"",
		     "user 'a b\"$c`\\'");
	assert_words(subject_user("-x", NULL), "-- -x", "user '-x'");
	assert_words(subject_group("two words", NULL), "--group \"two words\"",
		     "group 'two words'");
	assert_words(subject_service_account("prod:robot", NULL), "--serviceaccount prod:robot",
		     "service account 'prod:robot'");
}

static void assert_caution(cJSON *subject, const char *words)
{
	const char *caution = subject_caution(subject);

	if (!words)
		g_assert_null(caution);
	else if (!caution || !strstr(caution, words))
		g_error("'%s' has no '%s'", caution ? caution : "", words);
	cJSON_Delete(subject);
}

static void test_cautions(void)
{
	assert_caution(subject_user("alice", NULL), NULL);
	assert_caution(subject_group("ops", NULL), NULL);
	assert_caution(subject_service_account("a:b", NULL), NULL);
	assert_caution(subject_group("system:masters", NULL), "everything already");
	assert_caution(subject_group("system:authenticated", NULL), "everybody who can log in");
	assert_caution(subject_group("system:unauthenticated", NULL), "without logging in");
	assert_caution(subject_group("system:serviceaccounts", NULL), "every service account");
	assert_caution(subject_user("system:anonymous", NULL), "without logging in");
	assert_caution(subject_user("system:authenticated", NULL), "say --group");
	assert_caution(subject_user("system:serviceaccounts:prod", NULL), "say --group");
}

static void assert_identity(cJSON *subject, const char *wanted)
{
	g_autoptr(cJSON) identity = subject_identity(subject);
	g_autofree char *shown = json_print(identity);

	g_assert_cmpstr(shown, ==, wanted);
	cJSON_Delete(subject);
}

static void test_identity(void)
{
	assert_identity(subject_user("alice", NULL),
			"{\"groups\":[\"system:authenticated\"],\"user\":\"alice\"}");
	assert_identity(subject_group("ops", NULL), "{\"groups\":[\"ops\"]}");
	assert_identity(subject_service_account("prod:robot", NULL),
			"{\"groups\":[\"system:serviceaccounts\",\"system:serviceaccounts:prod\","
			"\"system:authenticated\"],\"user\":\"system:serviceaccount:prod:robot\"}");
}

static void test_binding(void)
{
	g_autoptr(cJSON) binding = binding_new("prod", "kvmigrate", ROLE_MIGRATE);
	g_autoptr(cJSON) wide = binding_new(NULL, "kvmigrate", ROLE_MIGRATE);
	g_autoptr(cJSON) some = from("[{\"kind\":\"User\",\"name\":\"a\"},"
				     "{\"kind\":\"Group\",\"name\":\"a\"},"
				     "{\"kind\":\"User\",\"name\":\"a\"}]");
	g_autoptr(cJSON) one = from("[{\"kind\":\"User\",\"name\":\"a\"}]");

	g_assert_true(object_kind(binding) == &KIND_ROLE_BINDING);
	g_assert_true(object_kind(wide) == &KIND_CLUSTER_ROLE_BINDING);
	g_assert_null(object_namespace(wide));
	g_assert_true(binding_is_of(binding, ROLE_MIGRATE));
	g_assert_false(binding_is_of(binding, "admin"));
	g_assert_true(binding_is_ours(binding));
	g_assert_true(binding_is_empty(binding));
	g_assert_cmpuint(binding_add(binding, some), ==, 2);
	g_assert_cmpuint(binding_add(binding, some), ==, 0);
	g_assert_cmpuint(binding_remove(binding, one), ==, 1);
	g_assert_cmpuint(binding_remove(binding, one), ==, 0);
	g_assert_false(binding_is_empty(binding));
	g_assert_cmpuint(binding_remove(binding, some), ==, 1);
	g_assert_true(binding_is_empty(binding));
}

/* {"kind": "ServiceAccount", "name": "robot"} in a RoleBinding of prod is prod:robot. */
static void test_account_of_the_namespace(void)
{
	g_autoptr(cJSON) binding = binding_new("prod", "b", ROLE_MIGRATE);
	g_autoptr(cJSON) wide = binding_new(NULL, "b", ROLE_MIGRATE);
	g_autoptr(cJSON) short_form = from("{\"kind\":\"ServiceAccount\",\"name\":\"robot\"}");
	g_autoptr(cJSON) other = subject_service_account("test:robot", NULL);
	g_autoptr(cJSON) those = from("[{\"kind\":\"ServiceAccount\",\"name\":\"robot\","
				      "\"namespace\":\"prod\"}]");
	g_autoptr(cJSON) as_user =
		from("[{\"kind\":\"User\",\"name\":\"system:serviceaccount:prod:robot\"}]");

	cJSON_AddItemToArray(json_get(binding, "subjects"), cJSON_Duplicate(short_form, TRUE));
	cJSON_AddItemToArray(json_get(wide, "subjects"), cJSON_Duplicate(short_form, TRUE));
	g_assert_true(binding_has(binding, those->child));
	g_assert_true(binding_has(binding, as_user->child));
	g_assert_false(binding_has(binding, other));
	g_assert_false(binding_has(wide, those->child));
	g_assert_cmpuint(binding_add(binding, those), ==, 0);
	g_assert_cmpuint(binding_add(binding, as_user), ==, 0);
	/* what others wrote stays as they wrote it */
	g_assert_true(json_equal(json_get(binding, "subjects")->child, short_form));
	g_assert_cmpuint(binding_remove(binding, those), ==, 1);
	g_assert_true(binding_is_empty(binding));
	g_assert_cmpuint(binding_remove(wide, those), ==, 0);
}

/* Whatever somebody has put into an object. */
static void test_odd_bindings(void)
{
	g_autoptr(cJSON) role = from("{\"roleRef\":{\"kind\":\"Role\",\"name\":\"" ROLE_MIGRATE
				     "\"},\"subjects\":\"none\"}");
	g_autoptr(cJSON) twice = from("{\"subjects\":[1,{\"kind\":\"User\",\"name\":\"a\"},{},"
				      "{\"kind\":\"User\",\"name\":\"a\"}]}");
	g_autoptr(cJSON) one = from("[{\"kind\":\"User\",\"name\":\"a\"}]");
	g_autofree char *text = binding_role_text(role);

	g_assert_false(binding_is_of(role, ROLE_MIGRATE));
	g_assert_cmpstr(text, ==, "Role 'kubevirt.io:migrate'");
	g_assert_false(binding_is_ours(role));
	g_assert_cmpuint(binding_remove(role, one), ==, 0);
	g_assert_cmpuint(binding_add(role, one), ==, 1);
	g_assert_cmpuint(binding_remove(twice, one), ==, 2);
	g_assert_false(binding_is_empty(twice));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/binding/names", test_names);
	g_test_add_func("/binding/bad-names", test_bad_names);
	g_test_add_func("/binding/equal", test_equal);
	g_test_add_func("/binding/words", test_words);
	g_test_add_func("/binding/cautions", test_cautions);
	g_test_add_func("/binding/identity", test_identity);
	g_test_add_func("/binding/binding", test_binding);
	g_test_add_func("/binding/account-of-the-namespace", test_account_of_the_namespace);
	g_test_add_func("/binding/odd", test_odd_bindings);
	return g_test_run();
}
