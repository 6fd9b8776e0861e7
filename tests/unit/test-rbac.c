/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and bindings as the API server's authorizer reads them. tests/kube/rbac.sh compares with
 * the authorizer itself; here is what it cannot show: each rule by name, objects that no server
 * lets in, what could not be read, and what would be. */
#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "rbac/rbac.h"

static cJSON *json_of(const char *text)
{
	g_autofree char *quoted = g_strdelimit(g_strdup(text), "'", '"');
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(quoted, strlen(quoted), "text", &error);

	g_assert_no_error(error);
	return value;
}

static cJSON *named(const Kind *kind, const char *ns, const char *name, const char *rest)
{
	cJSON *object = object_new(kind, ns, name);
	g_autoptr(cJSON) more = json_of(rest);

	json_merge_patch(object, more);
	return object;
}

static void put(RbacObjects *objects, const Kind *kind, const char *ns, const char *name,
		const char *rest)
{
	g_autoptr(cJSON) object = named(kind, ns, name, rest);
	g_autoptr(GError) error = NULL;

	g_assert_true(rbac_objects_add(objects, object, &error));
	g_assert_no_error(error);
}

#define RULE(verbs, groups, resources)                                                             \
	"{'verbs':[" verbs "],'apiGroups':[" groups "],'resources':[" resources "]}"
#define RULES(rules) "{'rules':[" rules "]}"
#define REF(kind, name) "'roleRef':{'kind':'" kind "','name':'" name "'}"
#define ALICE "{'kind':'User','name':'alice'}"

static RbacVerdict ask(RbacObjects *objects, const char *user, const char *verb, const char *ns)
{
	const RbacUser who = { user, NULL };
	const RbacAttributes attributes = {
		.verb = verb, .group = "kubevirt.io", .resource = "virtualmachines", .ns = ns
	};

	return rbac_allows(objects, &who, &attributes, NULL);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void test_rules(void)
{
	static const struct {
		const char *rule;
		const char *verb, *group, *resource, *subresource, *name;
		gboolean allows;
	} rows[] = {
		{ RULE("'get'", "'g'", "'r'"), "get", "g", "r", NULL, NULL, TRUE },
		{ RULE("'get'", "'g'", "'r'"), "GET", "g", "r", NULL, NULL, FALSE },
		{ RULE("'get'", "'g'", "'r'"), "get", "", "r", NULL, NULL, FALSE },
		{ RULE("'get'", "''", "'r'"), "get", "", "r", NULL, NULL, TRUE },
		{ RULE("'*'", "'*'", "'*'"), "x", "y", "z", "sub", "n", TRUE },
		{ RULE("'get','*'", "'g'", "'r'"), "put", "g", "r", "", "", TRUE },
		{ RULE("'get'", "'g'", "'r'"), "get", "g", "r", "sub", NULL, FALSE },
		{ RULE("'get'", "'g'", "'r/sub'"), "get", "g", "r", "sub", NULL, TRUE },
		{ RULE("'get'", "'g'", "'r/sub'"), "get", "g", "r", NULL, NULL, FALSE },
		{ RULE("'get'", "'g'", "'*/sub'"), "get", "g", "r", "sub", NULL, TRUE },
		{ RULE("'get'", "'g'", "'*/sub'"), "get", "g", "r", "ub", NULL, FALSE },
		{ RULE("'get'", "'g'", "'*/sub'"), "get", "g", "r", NULL, NULL, FALSE },
		{ RULE("'get'", "'g'", "'*/*'"), "get", "g", "r", "sub", NULL, FALSE },
		{ RULE("'get'", "'g'", "'r/*'"), "get", "g", "r", "sub", NULL, FALSE },
		/* names with slashes: a subresource may have two parts */
		{ RULE("'get'", "'g'", "'r/a/b'"), "get", "g", "r", "a/b", NULL, TRUE },
		{ RULE("'get'", "'g'", "'r/a'"), "get", "g", "r", "a/b", NULL, FALSE },
		{ RULE("'get'", "'g'", "'rr'"), "get", "g", "r", NULL, NULL, FALSE },
		{ RULE("", "'g'", "'r'"), "get", "g", "r", NULL, NULL, FALSE },
		{ RULE("'get'", "", "'r'"), "get", "g", "r", NULL, NULL, FALSE },
		{ "{'verbs':['get'],'nonResourceURLs':['*']}", "get", "g", "r", NULL, NULL, FALSE },
		{ "{'verbs':['get'],'apiGroups':['g'],'resources':['r'],'resourceNames':['a','b']}",
		  "get", "g", "r", NULL, "b", TRUE },
		{ "{'verbs':['get'],'apiGroups':['g'],'resources':['r'],'resourceNames':['a']}",
		  "get", "g", "r", NULL, "c", FALSE },
		{ "{'verbs':['get'],'apiGroups':['g'],'resources':['r'],'resourceNames':['a']}",
		  "get", "g", "r", NULL, NULL, FALSE },
		{ "{'verbs':['get'],'apiGroups':['g'],'resources':['r'],'resourceNames':[]}", "get",
		  "g", "r", NULL, "c", TRUE },
		/* what no server lets in gives nothing */
		{ "{'verbs':'get','apiGroups':['g'],'resources':['r']}", "get", "g", "r", NULL,
		  NULL, FALSE },
		{ "{'verbs':[1,null,{}],'apiGroups':['g'],'resources':['r']}", "1", "g", "r", NULL,
		  NULL, FALSE },
		{ "7", "get", "g", "r", NULL, NULL, FALSE },
		{ "{'verbs':{'a':'get'},'apiGroups':['g'],'resources':['r']}", "get", "g", "r",
		  NULL, NULL, FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);
		g_autofree char *text = g_strdup_printf("{'rules':[%s]}", rows[i].rule);
		const RbacAttributes attributes = { rows[i].verb,     rows[i].group,
						    rows[i].resource, rows[i].subresource,
						    rows[i].name,     NULL };

		put(objects, &KIND_CLUSTER_ROLE, NULL, "role", text);
		if (rbac_role_allows(objects, rbac_find_role(objects, NULL, "role"), &attributes) !=
		    rows[i].allows)
			g_error("row %" G_GSIZE_FORMAT ": %s", i, rows[i].rule);
	}
}

/* ---- bindings ------------------------------------------------------------------------------- */

static RbacObjects *world(const char *ns)
{
	RbacObjects *objects = rbac_objects_new(ns);

	put(objects, &KIND_CLUSTER_ROLE, NULL, "reader",
	    RULES(RULE("'get'", "'kubevirt.io'", "'virtualmachines'")));
	put(objects, &KIND_ROLE, "prod", "writer",
	    RULES(RULE("'update'", "'kubevirt.io'", "'virtualmachines'")));
	return objects;
}

static void test_where(void)
{
	g_autoptr(RbacObjects) objects = world(NULL);

	put(objects, &KIND_CLUSTER_ROLE_BINDING, NULL, "everywhere",
	    "{" REF("ClusterRole", "reader") ",'subjects':[" ALICE "]}");
	put(objects, &KIND_ROLE_BINDING, "prod", "here",
	    "{" REF("Role", "writer") ",'subjects':[" ALICE "]}");
	put(objects, &KIND_ROLE_BINDING, "test", "other",
	    "{" REF("Role", "writer") ",'subjects':[" ALICE "]}");
	/* no Role can be meant where there is no namespace */
	put(objects, &KIND_CLUSTER_ROLE_BINDING, NULL, "no-role",
	    "{" REF("Role", "writer") ",'subjects':[" ALICE "]}");
	g_assert_cmpint(ask(objects, "alice", "get", "prod"), ==, RBAC_YES);
	g_assert_cmpint(ask(objects, "alice", "get", ""), ==, RBAC_YES);
	g_assert_cmpint(ask(objects, "alice", "update", "prod"), ==, RBAC_YES);
	g_assert_cmpint(ask(objects, "alice", "update", "test"), ==, RBAC_NO);
	g_assert_cmpint(ask(objects, "alice", "update", ""), ==, RBAC_NO);
	g_assert_cmpint(ask(objects, "bob", "get", "prod"), ==, RBAC_NO);
}

static void bind_subject(RbacObjects *objects, const char *ns, const char *subject)
{
	g_autofree char *text =
		g_strdup_printf("{" REF("ClusterRole", "reader") ",'subjects':[%s]}", subject);

	put(objects, ns ? &KIND_ROLE_BINDING : &KIND_CLUSTER_ROLE_BINDING, ns, "binding", text);
}

static void test_subjects(void)
{
	static const struct {
		const char *ns, *subject, *user;
		gboolean applies;
	} rows[] = {
		{ NULL, "{'kind':'User','name':'alice'}", "alice", TRUE },
		{ NULL, "{'kind':'User','name':'alice'}", "Alice", FALSE },
		{ NULL, "{'kind':'Group','name':'alice'}", "alice", FALSE },
		{ NULL, "{'kind':'Group','name':'system:authenticated'}", "alice", TRUE },
		{ NULL, "{'kind':'Group','name':'system:authenticated'}", "system:anonymous",
		  FALSE },
		{ NULL, "{'kind':'Group','name':'system:unauthenticated'}", "system:anonymous",
		  TRUE },
		{ NULL, "{'kind':'ServiceAccount','namespace':'a','name':'b'}",
		  "system:serviceaccount:a:b", TRUE },
		{ NULL, "{'kind':'ServiceAccount','namespace':'a','name':'b'}",
		  "system:serviceaccount:a:c", FALSE },
		{ NULL, "{'kind':'User','name':'system:serviceaccount:a:b'}",
		  "system:serviceaccount:a:b", TRUE },
		{ NULL, "{'kind':'Group','name':'system:serviceaccounts'}",
		  "system:serviceaccount:a:b", TRUE },
		{ NULL, "{'kind':'Group','name':'system:serviceaccounts:a'}",
		  "system:serviceaccount:a:b", TRUE },
		{ NULL, "{'kind':'Group','name':'system:serviceaccounts:b'}",
		  "system:serviceaccount:a:b", FALSE },
		/* three parts: no service account, a user of that name */
		{ NULL, "{'kind':'User','name':'system:serviceaccount:a:b:c'}",
		  "system:serviceaccount:a:b:c", TRUE },
		{ NULL, "{'kind':'Group','name':'system:serviceaccounts'}",
		  "system:serviceaccount:a:b:c", FALSE },
		/* without a namespace it is the binding's, and of the cluster's nobody */
		{ "prod", "{'kind':'ServiceAccount','name':'b'}", "system:serviceaccount:prod:b",
		  TRUE },
		{ NULL, "{'kind':'ServiceAccount','name':'b'}", "system:serviceaccount::b", FALSE },
		{ NULL, "{'kind':'Robot','name':'alice'}", "alice", FALSE },
		{ NULL, "{'kind':'User'}", "", FALSE },
		{ NULL, "{'kind':'User','name':7}", "7", FALSE },
		{ NULL, "'alice'", "alice", FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(RbacObjects) objects = world(NULL);

		bind_subject(objects, rows[i].ns, rows[i].subject);
		if ((ask(objects, rows[i].user, "get", "prod") == RBAC_YES) != rows[i].applies)
			g_error("row %" G_GSIZE_FORMAT ": %s", i, rows[i].subject);
	}
}

static void test_masters(void)
{
	static const char *const groups[] = { "system:masters", NULL };
	g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);
	const RbacUser root = { "root", groups };
	const RbacAttributes attributes = { .verb = "x", .group = "y", .resource = "z" };
	g_autoptr(GPtrArray) paths = NULL;
	g_autofree char *text = NULL;

	g_assert_cmpint(rbac_allows(objects, &root, &attributes, &paths), ==, RBAC_YES);
	g_assert_cmpuint(paths->len, ==, 1);
	text = rbac_path_text(paths->pdata[0]);
	g_assert_cmpstr(text, ==, "group system:masters");
}

/* ---- what was not read ---------------------------------------------------------------------- */

static void test_unread(void)
{
	g_autoptr(RbacObjects) objects = world("prod");
	const RbacAttributes here = { .verb = "get", .group = "", .resource = "x", .ns = "prod" };
	const RbacAttributes cluster = { .verb = "get", .group = "", .resource = "x", .ns = "" };
	g_autofree char *gaps = rbac_gaps(objects, &here, 1);

	g_assert_null(gaps);
	put(objects, &KIND_ROLE_BINDING, "prod", "here",
	    "{" REF("Role", "writer") ",'subjects':[" ALICE "]}");
	g_assert_cmpint(ask(objects, "alice", "get", "prod"), ==, RBAC_NO);
	/* of another namespace nothing was read */
	g_assert_cmpint(ask(objects, "alice", "get", "test"), ==, RBAC_UNKNOWN);
	rbac_objects_set_unread(objects, RBAC_ROLE_BINDINGS, "forbidden");
	g_assert_cmpint(ask(objects, "alice", "get", "prod"), ==, RBAC_UNKNOWN);
	g_assert_cmpint(ask(objects, "alice", "get", ""), ==, RBAC_NO);
	g_assert_cmpint(ask(objects, "alice", "update", "prod"), ==, RBAC_YES);
	g_assert_cmpstr(rbac_objects_unread(objects, RBAC_ROLE_BINDINGS), ==, "forbidden");
	gaps = rbac_gaps(objects, &here, 1);
	g_assert_cmpstr(gaps, ==, "rolebindings");
	g_clear_pointer(&gaps, g_free);
	gaps = rbac_gaps(objects, &cluster, 1);
	g_assert_null(gaps);
}

/* A role that may not be read makes unknown only those who are bound to it. */
static void test_role_unread(void)
{
	g_autoptr(RbacObjects) objects = world(NULL);

	put(objects, &KIND_ROLE_BINDING, "prod", "hidden",
	    "{" REF("ClusterRole", "hidden") ",'subjects':[" ALICE "]}");
	g_assert_cmpint(ask(objects, "alice", "get", "prod"), ==, RBAC_NO);
	rbac_objects_set_unread(objects, RBAC_CLUSTER_ROLES, "forbidden");
	g_assert_cmpint(ask(objects, "alice", "get", "prod"), ==, RBAC_UNKNOWN);
	g_assert_cmpint(ask(objects, "bob", "get", "prod"), ==, RBAC_NO);
}

/* ---- aggregation ---------------------------------------------------------------------------- */

#define AGGREGATE(selector) "'aggregationRule':{'clusterRoleSelectors':[" selector "]}"
#define GET_VM RULE("'get'", "'kubevirt.io'", "'virtualmachines'")

/* admin <- edit <- part, as the controller has filled them; the chains go in a circle, too. */
static RbacObjects *aggregated(void)
{
	RbacObjects *objects = rbac_objects_new(NULL);

	put(objects, &KIND_CLUSTER_ROLE, NULL, "admin",
	    "{" AGGREGATE("{'matchLabels':{'to':'admin'}}") ",'rules':[" GET_VM "]}");
	put(objects, &KIND_CLUSTER_ROLE, NULL, "edit",
	    "{'metadata':{'labels':{'to':'admin'}}," AGGREGATE(
		    "{'matchLabels':{'to':'edit'}},{'matchExpressions':[{'key':'to','operator':"
		    "'In','values':['admin']}]}") ",'rules':[" GET_VM "]}");
	put(objects, &KIND_CLUSTER_ROLE, NULL, "part",
	    "{'metadata':{'labels':{'to':'edit'}},'rules':[" GET_VM "]}");
	put(objects, &KIND_CLUSTER_ROLE_BINDING, NULL, "binding",
	    "{" REF("ClusterRole", "admin") ",'subjects':[" ALICE "]}");
	return objects;
}

/* Every way, each with a "; " behind it. */
static char *way_of_alice(RbacObjects *objects)
{
	const RbacUser alice = { "alice", NULL };
	const RbacAttributes attributes = { .verb = "get",
					    .group = "kubevirt.io",
					    .resource = "virtualmachines" };
	g_autoptr(GPtrArray) paths = NULL;
	GString *text = g_string_new(NULL);

	(void)rbac_allows(objects, &alice, &attributes, &paths);
	for (guint i = 0; i < paths->len; i++) {
		g_autofree char *one = rbac_path_text(paths->pdata[i]);

		g_string_append_printf(text, "%s; ", one);
	}
	return g_string_free(text, FALSE);
}

static void assert_way(RbacObjects *objects, const char *expected)
{
	g_autofree char *way = way_of_alice(objects);

	g_assert_cmpstr(way, ==, expected);
}

static void test_aggregation(void)
{
	g_autoptr(RbacObjects) objects = aggregated();

	assert_way(objects, "ClusterRoleBinding binding -> ClusterRole admin <- edit <- part; ");
	/* gone, but the controller has not come yet: the rules are still there */
	g_assert_true(rbac_objects_remove(objects, RBAC_CLUSTER_ROLES, NULL, "part"));
	g_assert_false(rbac_objects_remove(objects, RBAC_CLUSTER_ROLES, NULL, "part"));
	assert_way(objects, "ClusterRoleBinding binding -> ClusterRole admin <- edit; ");
	/* ... and when it has come they are not */
	rbac_objects_reaggregate(objects);
	assert_way(objects, "");
	put(objects, &KIND_CLUSTER_ROLE, NULL, "new",
	    "{'metadata':{'labels':{'to':'admin'}},'rules':[" GET_VM "]}");
	assert_way(objects, "ClusterRoleBinding binding -> ClusterRole admin <- edit <- new; "
			    "ClusterRoleBinding binding -> ClusterRole admin <- new; ");
}

static void test_selectors(void)
{
	static const struct {
		const char *selector, *labels;
		gboolean selects;
	} rows[] = {
		{ "{}", "{'a':'1'}", TRUE },
		{ "{'matchLabels':{'a':'1'}}", "{'a':'1'}", TRUE },
		{ "{'matchLabels':{'a':'1','b':'2'}}", "{'a':'1'}", FALSE },
		{ "{'matchExpressions':[{'key':'a','operator':'In','values':['1','2']}]}",
		  "{'a':'2'}", TRUE },
		{ "{'matchExpressions':[{'key':'a','operator':'NotIn','values':['1']}]}",
		  "{'b':'1'}", TRUE },
		{ "{'matchExpressions':[{'key':'a','operator':'Exists'}]}", "{'a':''}", TRUE },
		{ "{'matchExpressions':[{'key':'a','operator':'DoesNotExist'}]}", "{'a':''}",
		  FALSE },
		{ "{'matchLabels':{'a':''}}", "{'a':''}", TRUE },
		/* not understood: selects nothing */
		{ "{'matchExpressions':[{'key':'a','operator':'Like','values':['1']}]}",
		  "{'a':'1'}", FALSE },
		{ "{'matchExpressions':[{'operator':'Exists'}]}", "{'a':'1'}", FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);
		g_autofree char *role = g_strdup_printf("{" AGGREGATE("%s") "}", rows[i].selector);
		g_autofree char *part = g_strdup_printf(
			"{'metadata':{'labels':%s},'rules':[" GET_VM "]}", rows[i].labels);
		const RbacAttributes attributes = { .verb = "get",
						    .group = "kubevirt.io",
						    .resource = "virtualmachines" };

		put(objects, &KIND_CLUSTER_ROLE, NULL, "role", role);
		put(objects, &KIND_CLUSTER_ROLE, NULL, "part", part);
		rbac_objects_reaggregate(objects);
		if (rbac_role_allows(objects, rbac_find_role(objects, NULL, "role"), &attributes) !=
		    rows[i].selects)
			g_error("row %" G_GSIZE_FORMAT ": %s", i, rows[i].selector);
	}
}

/* ---- who can -------------------------------------------------------------------------------- */

static char *holders_text(const GPtrArray *holders)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < holders->len; i++) {
		const RbacHolder *holder = holders->pdata[i];
		g_autofree char *who = rbac_subject_text(&holder->subject);

		g_string_append_printf(text, "%s%s %x/%u", i ? "; " : "", who, holder->rights,
				       holder->paths->len);
	}
	return g_string_free(text, FALSE);
}

static void assert_holders(RbacObjects *objects, const char *ns, const char *expected)
{
	const RbacAttributes attributes[] = {
		{ .verb = "get", .group = "kubevirt.io", .resource = "virtualmachines", .ns = ns },
		{ .verb = "update",
		  .group = "kubevirt.io",
		  .resource = "virtualmachines",
		  .ns = ns },
		{ .verb = "get", .group = "kubevirt.io", .resource = "virtualmachines", .ns = "" },
	};
	g_autoptr(GPtrArray) holders = rbac_who_can(objects, attributes, G_N_ELEMENTS(attributes));
	g_autofree char *text = holders_text(holders);

	g_assert_cmpstr(text, ==, expected);
}

static void test_who_can(void)
{
	g_autoptr(RbacObjects) objects = world(NULL);

	put(objects, &KIND_CLUSTER_ROLE_BINDING, NULL, "everywhere",
	    "{" REF("ClusterRole", "reader") ",'subjects':[" ALICE
					     ",{'kind':'Group','name':'ops'}]}");
	put(objects, &KIND_ROLE_BINDING, "prod", "here",
	    "{" REF("Role", "writer") ",'subjects':[" ALICE "," ALICE
				      ",{'kind':'ServiceAccount','namespace':'a','name':'b'},"
				      "{'kind':'User','name':'system:serviceaccount:a:b'}]}");
	put(objects, &KIND_ROLE_BINDING, "test", "there",
	    "{" REF("ClusterRole", "reader") ",'subjects':[{'kind':'User','name':'bob'}]}");
	put(objects, &KIND_ROLE_BINDING, "test", "nobody", "{" REF("ClusterRole", "reader") "}");
	assert_holders(objects, "prod", "User alice 7/2; Group ops 5/1; ServiceAccount a/b 2/1");
	assert_holders(objects, "test", "User alice 5/1; User bob 1/1; Group ops 5/1");
	assert_holders(objects, "", "User alice 5/1; Group ops 5/1");
	assert_holders(objects, NULL,
		       "User alice 7/2; User bob 1/1; Group ops 5/1; ServiceAccount a/b 2/1");
	/* one of that name takes its place */
	put(objects, &KIND_ROLE_BINDING, "prod", "here",
	    "{" REF("Role", "writer") ",'subjects':null}");
	assert_holders(objects, "prod", "User alice 5/1; Group ops 5/1");
}

/* ---- objects -------------------------------------------------------------------------------- */

static void test_refused(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{'apiVersion':'v1','kind':'Pod','metadata':{'name':'x'}}", "neither a role" },
		{ "{'kind':'Role'}", "neither a role" },
		{ "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'ClusterRole'}", "no name" },
		{ "{'apiVersion':'rbac.authorization.k8s.io/v1','kind':'Role',"
		  "'metadata':{'name':'x'}}",
		  "no namespace" },
	};
	g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) object = json_of(rows[i].text);
		g_autoptr(GError) error = NULL;

		g_assert_false(rbac_objects_add(objects, object, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, rows[i].says));
	}
	for (int part = 0; part < RBAC_PARTS; part++)
		g_assert_cmpuint(rbac_count(objects, (RbacPart)part), ==, 0);
}

/* The limit on names, by one role that repeats itself. */
static void test_full(void)
{
	g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);
	g_autoptr(cJSON) role = named(&KIND_CLUSTER_ROLE, NULL, "role", "{}");
	cJSON *rule = cJSON_CreateObject();
	g_autoptr(GError) error = NULL;
	guint n = 0;

	for (guint i = 0; i < 100000; i++)
		cJSON_AddItemToArray(json_ensure_array(rule, "resources"), cJSON_CreateString("r"));
	cJSON_AddItemToArray(json_ensure_array(role, "rules"), rule);
	while (rbac_objects_add(objects, role, &error))
		g_assert_cmpuint(++n, <=, RBAC_MAX_STRINGS / 100000 + 1);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(error_get_hint(error), "-n"));
}

static void test_order(void)
{
	g_autoptr(RbacObjects) objects = world(NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	const RbacBinding *binding;

	for (const char *name = "bca"; *name; name++) {
		char one[] = { *name, '\0' };

		put(objects, &KIND_ROLE_BINDING, *name == 'a' ? "z" : "y", one,
		    "{" REF("Role", "none") "}");
	}
	for (guint i = 0; (binding = rbac_nth_binding(objects, RBAC_ROLE_BINDINGS, i)); i++)
		g_string_append_printf(text, "%s/%s ", binding->ns, binding->name);
	g_assert_cmpstr(text->str, ==, "y/b y/c z/a ");
	g_assert_null(rbac_nth_binding(objects, RBAC_ROLES, 0));
	g_assert_null(rbac_nth_role(objects, RBAC_ROLE_BINDINGS, 0));
	g_assert_null(rbac_role_of(objects, rbac_find_binding(objects, "y", "b")));
}

/* ---- text ----------------------------------------------------------------------------------- */

static void test_parse(void)
{
	static const struct {
		const char *text, *subject; /* NULL: refused */
	} rows[] = {
		{ "alice", "User alice" },
		{ "user:alice", "User alice" },
		{ "User/group:x", "User group:x" },
		{ "a b@c:d", "User a b@c:d" },
		{ "group:ops team", "Group ops team" },
		{ "Group/system:masters", "Group system:masters" },
		{ "sa:prod:robot", "ServiceAccount prod/robot" },
		{ "ServiceAccount/prod/robot", "ServiceAccount prod/robot" },
		{ "system:serviceaccount:prod:robot", "ServiceAccount prod/robot" },
		{ "", NULL },
		{ "group:", NULL },
		{ "sa:prod", NULL },
		{ "sa::robot", NULL },
		{ "sa:a:b:c", NULL },
		{ "ServiceAccount/robot", NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_auto(GStrv) strings = NULL;
		g_autofree char *text = NULL;
		RbacSubject subject;

		if (!rbac_subject_parse(rows[i].text, &subject, &strings, &error)) {
			g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_USAGE);
			g_assert_null(rows[i].subject);
			continue;
		}
		text = rbac_subject_text(&subject);
		g_assert_cmpstr(text, ==, rows[i].subject);
	}
}

static void test_attributes_text(void)
{
	const RbacAttributes plain = { .verb = "patch", .group = "", .resource = "nodes" };
	const RbacAttributes full = { "update",          "subresources.kubevirt.io",
				      "virtualmachines", "migrate",
				      "web-1",           "prod" };
	g_autofree char *one = rbac_attributes_text(&plain);
	g_autofree char *two = rbac_attributes_text(&full);

	g_assert_cmpstr(one, ==, "patch nodes");
	g_assert_cmpstr(two, ==, "update virtualmachines.subresources.kubevirt.io/migrate web-1");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rbac/rules", test_rules);
	g_test_add_func("/rbac/where", test_where);
	g_test_add_func("/rbac/subjects", test_subjects);
	g_test_add_func("/rbac/masters", test_masters);
	g_test_add_func("/rbac/unread", test_unread);
	g_test_add_func("/rbac/role-unread", test_role_unread);
	g_test_add_func("/rbac/aggregation", test_aggregation);
	g_test_add_func("/rbac/selectors", test_selectors);
	g_test_add_func("/rbac/who-can", test_who_can);
	g_test_add_func("/rbac/refused", test_refused);
	g_test_add_func("/rbac/full", test_full);
	g_test_add_func("/rbac/order", test_order);
	g_test_add_func("/rbac/parse", test_parse);
	g_test_add_func("/rbac/attributes-text", test_attributes_text);
	return g_test_run();
}
