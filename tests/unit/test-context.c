/* SPDX-License-Identifier: Apache-2.0 */
/* Which cluster is meant: names, environment, files. */
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/backend.h"
#include "store-fixture.h"

#define KUBECONFIG_TEXT                                                                            \
	"apiVersion: v1\n"                                                                         \
	"kind: Config\n"                                                                           \
	"current-context: prod\n"                                                                  \
	"contexts:\n"                                                                              \
	"- context: {cluster: a, user: b, namespace: web}\n"                                       \
	"  name: prod\n"                                                                           \
	"- context: {cluster: a, user: b}\n"                                                       \
	"  name: lab\n"                                                                            \
	"- context: {cluster: a, user: b}\n"                                                       \
	"  name: ns/api:6443/me\n"                                                                 \
	"clusters: [{name: a, cluster: {server: 'https://api:6443'}}]\n"                           \
	"users: [{name: b, user: {token: t}}]\n"

static void make_store(const char *context)
{
	const ClusterOptions options = { .context = context, .create = TRUE };
	g_autoptr(GError) error = NULL;
	g_autoptr(Cluster) cluster = cluster_open(&options, &error);

	g_assert_no_error(error);
	g_assert_nonnull(cluster);
}

static char *write_kubeconfig(StoreFixture *fixture, const char *name, const char *text)
{
	char *path = g_build_filename(fixture->folder, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	return path;
}

static void assert_opens(ClusterOptions options, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Cluster) cluster = cluster_open(&options, &error);
	g_autoptr(ClusterContext) told = NULL;

	g_assert_no_error(error);
	g_assert_cmpstr(cluster_context(cluster), ==, wanted);
	/* what would be opened is what is opened */
	told = cluster_current_context(&options, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(told->name, ==, wanted);
	g_assert_cmpstr(told->server, ==, cluster_server(cluster));
	g_assert_cmpstr(told->ns, ==, cluster_default_namespace(cluster));
}

static void assert_fails(ClusterOptions options, KvmigError code, const char *says,
			 const char *hint)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(cluster_open(&options, &error));
	assert_error(error, code, says);
	if (!hint)
		return;
	g_assert_nonnull(error_get_hint(error));
	if (!strstr(error_get_hint(error), hint))
		g_error("hint '%s' does not say '%s'", error_get_hint(error), hint);
}

#define WITH(...) ((ClusterOptions){ __VA_ARGS__ })

static void test_nothing(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	assert_fails(WITH(0), KVMIG_ERROR_NOT_FOUND, "no local cluster has been set up",
		     "kvmig lab up");
	assert_fails(WITH(.read_only = TRUE, .create = TRUE), KVMIG_ERROR_NOT_FOUND,
		     "no local cluster", "node add");
	assert_fails(WITH(.context = "local"), KVMIG_ERROR_NOT_FOUND, "local/default", "node add");
	assert_fails(WITH(.context = "lab"), KVMIG_ERROR_NOT_FOUND, "local/lab", "kvmig lab up");
	assert_fails(WITH(.context = "prod"), KVMIG_ERROR_NOT_FOUND, "no context 'prod'",
		     "node add");
	/* asking leaves nothing behind */
	g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
}

static void test_local(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *state = g_build_filename(fixture->folder, "kvmig/local/default", NULL);
	g_autofree char *folder = g_build_filename(fixture->folder, "kvmig/local", NULL);
	struct stat st;

	assert_opens(WITH(.create = TRUE), "local/default");
	assert_opens(WITH(0), "local/default");
	assert_opens(WITH(.context = ""), "local/default");
	assert_opens(WITH(.context = "local"), "local/default");
	assert_opens(WITH(.context = "local/default"), "local/default");
	assert_opens(WITH(.read_only = TRUE), "local/default");
	assert_opens(WITH(.read_only = TRUE, .create = TRUE), "local/default");
	g_assert_cmpint(stat(folder, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0700);
	g_assert_cmpint(stat(state, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 07777, ==, 0700);
	{
		g_autoptr(Cluster) cluster = cluster_open(&WITH(0), NULL);

		g_assert_cmpstr(cluster_state_dir(cluster), ==, state);
		g_assert_cmpint(cluster_caps(cluster)->kind, ==, CLUSTER_LOCAL);
		g_assert_true(cluster_caps(cluster)->kvmig_migrates);
		g_assert_true(cluster_caps(cluster)->node_kind == &KIND_HOST);
		g_assert_null(cluster_kubevirt(cluster));
	}
}

static void test_several(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(GStrv) names = NULL;
	g_autofree char *list = NULL;

	make_store("lab");
	assert_opens(WITH(.context = "local/lab"), "local/lab");
	assert_fails(WITH(0), KVMIG_ERROR_NOT_FOUND, "no cluster", "--context lab");
	make_store("local/test-2");
	make_store("local");
	assert_opens(WITH(0), "local/default");
	assert_fails(WITH(.context = "test-2"), KVMIG_ERROR_NOT_FOUND, "no context 'test-2'",
		     "did you mean local/test-2?");
	assert_fails(WITH(.context = "tset-2"), KVMIG_ERROR_NOT_FOUND, "no context",
		     "local/default, local/lab, local/test-2");
	names = cluster_list_contexts(NULL);
	list = g_strjoinv(" ", names);
	g_assert_cmpstr(list, ==, "local/default local/lab local/test-2");
	g_assert_true(local_store_exists("lab"));
	g_assert_false(local_store_exists("la"));
}

static void test_bad_names(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const names[] = { "local/",   "local/A",    "local/../x", "local/a/b",
					     "local/-a", "local/a.db", "local/a b" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		const ClusterOptions options = { .context = names[i], .create = TRUE };
		g_autoptr(GError) error = NULL;

		g_assert_null(cluster_open(&options, &error));
		assert_error(error, KVMIG_ERROR_USAGE, names[i]);
	}
	g_assert_cmpint(g_rmdir(fixture->folder), ==, 0);
}

static void test_environment(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	make_store("lab");
	make_store("local");
	g_setenv("KVMIG_CONTEXT", "lab", TRUE);
	assert_opens(WITH(0), "local/lab");
	assert_opens(WITH(.context = "local"), "local/default");
	g_setenv("KVMIG_CONTEXT", "", TRUE);
	assert_opens(WITH(0), "local/default");
}

static void test_kubeconfig(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_free(write_kubeconfig(fixture, ".kube/config", KUBECONFIG_TEXT));
	assert_opens(WITH(0), "kube/prod");
	assert_opens(WITH(.create = TRUE), "kube/prod");
	make_store("local");
	make_store("local/lab");
	assert_opens(WITH(0), "kube/prod");
	assert_opens(WITH(.context = "local"), "local/default");
	/* never a guess between the two */
	assert_fails(WITH(.context = "lab"), KVMIG_ERROR_USAGE, "ambiguous",
		     "--context local/lab or --context kube/lab");
	assert_opens(WITH(.context = "local/lab"), "local/lab");
	assert_opens(WITH(.context = "kube/lab"), "kube/lab");
	assert_opens(WITH(.context = "prod"), "kube/prod");
	assert_opens(WITH(.context = "ns/api:6443/me"), "kube/ns/api:6443/me");
	assert_fails(WITH(.context = "dev"), KVMIG_ERROR_NOT_FOUND, "no context 'dev'",
		     "local/default, local/lab, kube/lab, kube/ns/api:6443/me, kube/prod");
	assert_opens(WITH(.server = "https://other"), "kube/prod");
	{
		g_autoptr(Cluster) cluster = cluster_open(&WITH(0), NULL);

		g_assert_cmpstr(cluster_default_namespace(cluster), ==, "web");
		g_assert_cmpstr(cluster_server(cluster), ==, "https://api:6443");
	}
}

/* Options of a server make it a matter of the kubeconfig, even where there is none. */
static void test_server_options(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const groups[] = { "admins", NULL };

	make_store("local");
	assert_opens(WITH(.server = "http://other"), "http://other");
	assert_fails(WITH(.as = "jane"), KVMIG_ERROR_NOT_FOUND, "no cluster", "--kubeconfig");
	assert_fails(WITH(.context = "local", .server = "https://x"), KVMIG_ERROR_USAGE,
		     "--server is for a cluster with an API server", "leave it out");
	assert_fails(WITH(.context = "local", .token = "x"), KVMIG_ERROR_USAGE, "--token", "out");
	assert_fails(WITH(.context = "local", .as_groups = groups), KVMIG_ERROR_USAGE, "--as-group",
		     "leave it out");
	(void)fixture;
}

static void test_kubeconfig_variable(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *one = write_kubeconfig(fixture, "one", "contexts: [{name: local}]\n");
	g_autofree char *two =
		write_kubeconfig(fixture, "two",
				 "contexts: [{name: dev, context: {cluster: c}}]\n"
				 "clusters: [{name: c, cluster: {server: 'http://dev'}}]\n");
	g_autofree char *both = g_strdup_printf("%s:/nowhere::%s", one, two);

	make_store("local/default");
	g_setenv("KUBECONFIG", "/nowhere", TRUE);
	assert_opens(WITH(0), "local/default");
	g_setenv("KUBECONFIG", both, TRUE);
	assert_fails(WITH(0), KVMIG_ERROR_NOT_FOUND, "no context is named", "dev, local");
	assert_fails(WITH(.context = "local"), KVMIG_ERROR_USAGE, "ambiguous", "local/default");
	assert_opens(WITH(.context = "dev"), "kube/dev");
	/* the option wins over the variable */
	assert_opens(WITH(.context = "local", .kubeconfig = two), "local/default");
	assert_fails(WITH(.context = "local", .kubeconfig = one), KVMIG_ERROR_USAGE, "ambiguous",
		     "kube/local");
}

static void test_kubeconfig_option(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *empty = write_kubeconfig(fixture, "empty", "");

	make_store("local");
	assert_fails(WITH(.kubeconfig = "/nowhere/config"), KVMIG_ERROR_NOT_FOUND,
		     "/nowhere/config", NULL);
	/* it was named, so the local cluster is not meant */
	assert_fails(WITH(.kubeconfig = empty), KVMIG_ERROR_NOT_FOUND, "is empty", "--server");
}

/* A kubeconfig that cannot be read does not keep anybody from a cluster that is none of its. */
static void test_kubeconfig_broken(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const texts[] = {
		"contexts: [",
		"- a\n- b\n",
		"contexts: {name: lab}\n",
		"contexts: [lab, 7, {name: [lab]}, {}]\n",
		"\x01\xff\xfe",
	};

	make_store("lab");
	make_store("local");
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = write_kubeconfig(fixture, ".kube/config", texts[i]);

		assert_opens(WITH(.context = "lab"), "local/lab");
		assert_fails(WITH(0), KVMIG_ERROR_INVALID, path, "--context local");
		assert_fails(WITH(.context = "x"), KVMIG_ERROR_INVALID, path, NULL);
		g_unlink(path);
		g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
		assert_opens(WITH(.context = "lab"), "local/lab");
		assert_fails(WITH(0), KVMIG_ERROR_INVALID, "it is a folder", "--context local");
		g_rmdir(path);
	}
}

static char *describe(const ClusterOptions *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) contexts = cluster_describe_contexts(options, &error);
	GString *out = g_string_new(NULL);

	g_assert_no_error(error);
	for (guint i = 0; i < contexts->len; i++) {
		const ClusterContext *context = contexts->pdata[i];

		g_string_append_printf(out, "%s%s(%s %s %s %s) ", context->current ? "*" : "",
				       context->name, context->cluster, context->server,
				       context->user, context->ns);
	}
	return g_string_free(out, FALSE);
}

static void assert_describes(ClusterOptions options, const char *wanted)
{
	g_autofree char *text = describe(&options);

	g_assert_cmpstr(text, ==, wanted);
}

#define PROD "kube/prod(a https://api:6443 b web) "
#define OTHERS                                                                                     \
	"kube/lab(a https://api:6443 b (null)) "                                                   \
	"kube/ns/api:6443/me(a https://api:6443 b (null)) "
#define NOTHING "((null) (null) (null) (null)) "

static void test_describe(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = NULL;

	assert_describes(WITH(0), "");
	make_store("local");
	assert_describes(WITH(0), "*local/default" NOTHING);
	path = write_kubeconfig(fixture, ".kube/config", KUBECONFIG_TEXT);
	assert_describes(WITH(0), "local/default" NOTHING OTHERS "*" PROD);
	assert_describes(WITH(.context = "local"), "*local/default" NOTHING OTHERS PROD);
	assert_describes(WITH(.context = "lab"), "local/default" NOTHING OTHERS PROD);
	assert_describes(WITH(.context = "kube/prod"), "local/default" NOTHING OTHERS "*" PROD);
	g_setenv("KVMIG_CONTEXT", "prod", TRUE);
	assert_describes(WITH(0), "local/default" NOTHING OTHERS "*" PROD);
}

static void assert_origin(ClusterOptions options, const char *name, ClusterContextOrigin origin)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ClusterContext) context = cluster_current_context(&options, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(context->name, ==, name);
	g_assert_cmpint(context->origin, ==, origin);
	g_assert_cmpint(context->file != NULL, ==, origin == CLUSTER_CONTEXT_KUBECONFIG);
}

static void test_origin(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char strange[] =
		"contexts:\n"
		"- {name: a, context: {cluster: a, user: b}}\n"
		"- {name: kube/a, context: {cluster: a, user: b}}\n"
		"- {name: kube/b, context: {cluster: a, user: b}}\n"
		"clusters: [{name: a, cluster: {server: 'https://api:6443'}}]\n"
		"users: [{name: b, user: {token: t}}]\n";
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL, *other = NULL;

	g_assert_null(cluster_current_context(&WITH(0), &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
	make_store("local");
	assert_origin(WITH(0), "local/default", CLUSTER_CONTEXT_DEFAULT);
	assert_origin(WITH(.context = "local"), "local/default", CLUSTER_CONTEXT_OPTION);
	assert_origin(WITH(.server = "http://x:1"), "http://x:1", CLUSTER_CONTEXT_SERVER);
	g_setenv("KUBERNETES_MASTER", "http://y:1", TRUE);
	assert_origin(WITH(0), "http://y:1", CLUSTER_CONTEXT_SERVER);
	g_unsetenv("KUBERNETES_MASTER");
	path = write_kubeconfig(fixture, ".kube/config", KUBECONFIG_TEXT);
	assert_origin(WITH(0), "kube/prod", CLUSTER_CONTEXT_KUBECONFIG);
	assert_origin(WITH(.server = "http://x:1"), "kube/prod", CLUSTER_CONTEXT_KUBECONFIG);
	g_setenv("KVMIG_CONTEXT", "kube/lab", TRUE);
	assert_origin(WITH(0), "kube/lab", CLUSTER_CONTEXT_ENVIRONMENT);
	assert_origin(WITH(.context = "prod"), "kube/prod", CLUSTER_CONTEXT_OPTION);
	other = write_kubeconfig(fixture, "strange", strange);
	assert_opens(WITH(.kubeconfig = other, .context = "kube/a"), "kube/a");
	assert_opens(WITH(.kubeconfig = other, .context = "kube/b"), "kube/kube/b");
	assert_opens(WITH(.kubeconfig = other, .context = "kube/kube/a"), "kube/kube/a");
}

/* What is wrong with a store is said by the one who opens it, not taken for its absence. */
static void test_strange_file(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *target = g_build_filename(fixture->folder, "target", NULL);

	make_store("local");
	g_assert_cmpint(g_rename(fixture->db, target), ==, 0);
	g_assert_cmpint(symlink(target, fixture->db), ==, 0);
	assert_fails(WITH(0), KVMIG_ERROR_FORBIDDEN, "symbolic link", "XDG_STATE_HOME");
	assert_fails(WITH(.create = TRUE), KVMIG_ERROR_FORBIDDEN, "symbolic link", "XDG");
}

static void test_strange_folder(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *top = g_build_filename(fixture->folder, "kvmig", NULL);
	g_autofree char *moved = g_build_filename(fixture->folder, "moved", NULL);

	make_store("local");
	g_chmod(top, 0777);
	assert_fails(WITH(0), KVMIG_ERROR_FORBIDDEN, "other users may write to", "chmod go-w");
	g_chmod(top, 0700);
	g_assert_cmpint(g_rename(top, moved), ==, 0);
	g_assert_cmpint(symlink(moved, top), ==, 0);
	assert_fails(WITH(0), KVMIG_ERROR_FORBIDDEN, "symbolic link", "XDG_STATE_HOME");
}

static void test_newer(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	sqlite3 *db = NULL;

	make_store("local");
	g_assert_cmpint(sqlite3_open(fixture->db, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), ==,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
	assert_fails(WITH(0), KVMIG_ERROR_UNSUPPORTED, "made by a newer kvmig", "newer kvmig");
}

#define ADD(path, func)                                                                            \
	g_test_add("/context/" path, StoreFixture, NULL, fixture_set_up_bare, func,                \
		   fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("nothing", test_nothing);
	ADD("local", test_local);
	ADD("several", test_several);
	ADD("bad-names", test_bad_names);
	ADD("environment", test_environment);
	ADD("kubeconfig", test_kubeconfig);
	ADD("kubeconfig/variable", test_kubeconfig_variable);
	ADD("kubeconfig/option", test_kubeconfig_option);
	ADD("kubeconfig/broken", test_kubeconfig_broken);
	ADD("server-options", test_server_options);
	ADD("describe", test_describe);
	ADD("origin", test_origin);
	ADD("strange-file", test_strange_file);
	ADD("strange-folder", test_strange_folder);
	ADD("newer", test_newer);
	return g_test_run();
}
