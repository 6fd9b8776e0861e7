/* SPDX-License-Identifier: Apache-2.0 */
/* The kubeconfig: what kubectl's rules make of files, options and environment, and what is refused,
 * with the place. */
#include <sys/stat.h>
#include <unistd.h>

#include "cluster/kube/kubeconfig-private.h"
#include "store-fixture.h"

/* base64 of "CA", "CERT", "KEY" */
#define CA_DATA "Q0E="
#define CERT_DATA "Q0VSVA=="
#define KEY_DATA "S0VZ"

#define HEAD "apiVersion: v1\nkind: Config\ncurrent-context: prod\n"
#define CONTEXT "contexts: [{name: prod, context: {cluster: c, user: u, namespace: web}}]\n"
#define CLUSTER "clusters: [{name: c, cluster: {server: 'https://api:6443'}}]\n"
/* A whole kubeconfig of which only the user is of interest. */
#define USER(fields) HEAD CONTEXT CLUSTER "users: [{name: u, user: {" fields "}}]\n"
/* The same of the cluster. */
#define SERVER(fields)                                                                             \
	HEAD CONTEXT "clusters: [{name: c, cluster: {" fields "}}]\n"                              \
		     "users: [{name: u, user: {token: t}}]\n"
#define EXEC(fields) USER("exec: {" fields "}")

#define WITH(...) ((ClusterOptions){ __VA_ARGS__ })

static char *write_file(StoreFixture *fixture, const char *name, const char *text)
{
	char *path = g_build_filename(fixture->folder, name, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(folder, 0700), ==, 0);
	g_assert_true(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
					       NULL));
	return path;
}

static void add(GString *out, const char *name, const char *value)
{
	if (value)
		g_string_append_printf(out, "%s%s=%s", out->len ? " " : "", name, value);
}

static void add_strings(GString *out, const char *name, char **strings)
{
	g_autofree char *joined = strings ? g_strjoinv(",", strings) : NULL;

	add(out, name, joined);
}

static void add_exec(GString *out, const ExecConfig *exec)
{
	static const char *const modes[] = { "Never", "IfAvailable", "Always" };
	g_autofree char *config = NULL;

	if (!exec)
		return;
	config = exec->cluster_config ? json_print(exec->cluster_config) : NULL;
	add(out, "exec", exec->command);
	add(out, "version", strrchr(exec->api_version, '/') + 1);
	add_strings(out, "args", exec->args);
	if (*exec->env)
		add_strings(out, "env", exec->env);
	add(out, "hint", exec->install_hint);
	add(out, "info", exec->provide_cluster_info ? "yes" : NULL);
	add(out, "mode", modes[exec->interactive]);
	add(out, "config", config);
}

/* Everything that is set, in one line. */
static char *describe(const KubeTarget *target)
{
	GString *out = g_string_new(NULL);
	g_autofree char *extra = target->as_extra ? json_print(target->as_extra) : NULL;

	add(out, "context", target->context);
	add(out, "ns", target->ns);
	add(out, "server", target->server);
	add(out, "name", target->tls_server_name);
	add(out, "proxy", target->proxy);
	add(out, "insecure", target->insecure ? "yes" : NULL);
	add(out, "plain", target->disable_compression ? "yes" : NULL);
	add(out, "ca", target->ca_pem);
	add(out, "cert", target->certificate_pem);
	add(out, "key", target->key_pem);
	add(out, "token", target->token);
	add(out, "file", target->token_file);
	add(out, "username", target->username);
	add(out, "password", target->password);
	add_exec(out, target->exec);
	add(out, "as", target->as);
	add(out, "uid", target->as_uid);
	add_strings(out, "groups", target->as_groups);
	add(out, "extra", extra);
	return g_string_free(out, FALSE);
}

static KubeTarget *resolve(const ClusterOptions *options, GError **error)
{
	g_autoptr(Kubeconfig) config = kubeconfig_load(options->kubeconfig, error);

	return config ? kubeconfig_resolve(config, options->context, options, error) : NULL;
}

static void assert_target(ClusterOptions options, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KubeTarget) target = resolve(&options, &error);
	g_autofree char *text = NULL;

	g_assert_no_error(error);
	text = describe(target);
	g_assert_cmpstr(text, ==, wanted);
}

static void assert_refused(ClusterOptions options, KvmigError code, const char *says)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KubeTarget) target = resolve(&options, &error);

	g_assert_null(target);
	assert_error(error, code, says);
}

/* ---- one file ------------------------------------------------------------------------------- */

#define PROD "context=prod ns=web server=https://api:6443"

static const struct {
	const char *text, *wanted;
} good[] = {
	{ USER("token: t"), PROD " token=t" },
	{ USER("username: me, password: pw"), PROD " username=me password=pw" },
	{ USER("client-certificate-data: " CERT_DATA ", client-key-data: " KEY_DATA),
	  PROD " cert=CERT key=KEY" },
	/* a token and a certificate are both used, a plugin beside either is not */
	{ USER("token: t, client-certificate-data: " CERT_DATA ", client-key-data: " KEY_DATA),
	  PROD " cert=CERT key=KEY token=t" },
	{ USER("token: t, exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: p}"),
	  PROD " token=t" },
	{ USER("token: t, auth-provider: {name: oidc}"), PROD " token=t" },
	{ USER("client-key-data: " KEY_DATA ", token: t"), PROD " token=t" },
	{ USER("token: t, username: ~, password: ''"), PROD " token=t" },
	{ USER("token: t, as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {why: [b, c]}"),
	  PROD " token=t as=jane uid=7 groups=a,b extra={\"why\":[\"b\",\"c\"]}" },
	{ EXEC("apiVersion: client.authentication.k8s.io/v1beta1, command: plug"),
	  PROD " exec=plug version=v1beta1 mode=IfAvailable" },
	{ EXEC("apiVersion: client.authentication.k8s.io/v1, command: /bin/plug, args: [a, 'b c'], "
	       "env: [{name: A, value: '1'}, {name: B, value: ''}], installHint: get it, "
	       "provideClusterInfo: true, interactiveMode: Never"),
	  PROD " exec=/bin/plug version=v1 args=a,b c env=A=1,B= hint=get it info=yes mode=Never" },
	{ EXEC("apiVersion: client.authentication.k8s.io/v1, command: p, interactiveMode: Always"),
	  PROD " exec=p version=v1 mode=Always" },
	/* servers */
	{ SERVER("server: 'https://api:6443/'"), PROD " token=t" },
	{ SERVER("server: 'HTTPS://api:6443/a/b/?q#f'"),
	  "context=prod ns=web server=https://api:6443/a/b token=t" },
	{ SERVER("server: 'https://[fd00::1]:6443'"),
	  "context=prod ns=web server=https://[fd00::1]:6443 token=t" },
	/* towards plain HTTP nothing that identifies us */
	{ SERVER("server: 'http://api', certificate-authority-data: " CA_DATA),
	  "context=prod ns=web server=http://api" },
	{ SERVER("server: 'api:8080'"), "context=prod ns=web server=http://api:8080" },
	{ SERVER("server: 'https://api:6443', certificate-authority-data: " CA_DATA),
	  PROD " ca=CA token=t" },
	{ SERVER("server: 'https://api:6443', certificate-authority-data: \"Q0\\nE=\\r\\n\""),
	  PROD " ca=CA token=t" },
	{ SERVER("server: 'https://api:6443', insecure-skip-tls-verify: true"),
	  PROD " insecure=yes token=t" },
	{ SERVER("server: 'https://api:6443', insecure-skip-tls-verify: yes"),
	  PROD " insecure=yes token=t" },
	{ SERVER("server: 'https://api:6443', tls-server-name: kube, proxy-url: 'socks5://p:1', "
		 "disable-compression: true"),
	  PROD " name=kube proxy=socks5h://p:1 plain=yes token=t" },
	{ SERVER("server: 'https://api:6443', proxy-url: 'http://p:1', unknown: [1, {a: b}]"),
	  PROD " proxy=http://p:1 token=t" },
	/* JSON, tabs and all */
	{ "{\n\t\"current-context\": \"prod\",\n\t\"contexts\": [{\"name\": \"prod\", \"context\": "
	  "{\"cluster\": \"c\", \"user\": \"u\", \"namespace\": \"web\"}}],\n"
	  "\t\"users\": [{\"name\": \"u\", \"user\": {\"token\": "
	  "\"t\"}}],\n\t\"clusters\":\t[{\"name\": \"c\", "
	  "\"cluster\": {\"server\": \"https:\\/\\/api:6443\"}}]\n}\n",
	  PROD " token=t" },
	/* anchors, merge keys; of two equal keys the later one; only the first document */
	{ HEAD CONTEXT "users: [{name: u, user: {token: t}}]\nx: &c {server: 'https://api:6443', "
		       "proxy-url: 'http://p'}\n"
		       "clusters:\n- name: c\n  cluster:\n    <<: *c\n    proxy-url: http://q\n",
	  PROD " proxy=http://q token=t" },
	{ HEAD CONTEXT CLUSTER "users:\n- name: u\n  user:\n    token: a\n    token: b\n",
	  PROD " token=b" },
	{ USER("token: t") "---\ncurrent-context: other\n", PROD " token=t" },
};

static void test_good(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autofree char *path = write_file(fixture, "config", good[i].text);

		g_test_message("%s", good[i].text);
		assert_target(WITH(.kubeconfig = path), good[i].wanted);
	}
}

static const struct {
	KvmigError code;
	const char *text, *says;
} bad[] = {
	/* what is no kubeconfig */
	{ KVMIG_ERROR_NOT_FOUND, "", "is empty" },
	{ KVMIG_ERROR_NOT_FOUND, "# nothing\n", "is empty" },
	{ KVMIG_ERROR_INVALID, "hello", "line 1, column 1: not a kubeconfig: it must be a map" },
	{ KVMIG_ERROR_INVALID, "- a\n- b\n", "not a list" },
	{ KVMIG_ERROR_INVALID, "contexts: [", "line 2, column 1: not valid YAML" },
	{ KVMIG_ERROR_INVALID, "a: b: c\n", "line 1, column 5: not valid YAML" },
	{ KVMIG_ERROR_INVALID, "contexts:\n\t- name: a\n", "line 2, column 1: not valid YAML" },
	{ KVMIG_ERROR_INVALID, "kind: Config\nx: \xff\xfe\n", "line 2, column 4: not valid YAML" },
	{ KVMIG_ERROR_INVALID,
	  "\x7f"
	  "ELF\x02\x01",
	  "line 1, column 1: not valid YAML" },
	{ KVMIG_ERROR_INVALID, "\x01\x02", "line 1, column 1: not valid YAML" },
	{ KVMIG_ERROR_INVALID, "kind: Pod\n",
	  "line 1, column 7: not a kubeconfig: 'kind' is 'Pod'" },
	{ KVMIG_ERROR_INVALID, "apiVersion: v2\n", "'apiVersion' is 'v2', not 'v1'" },
	/* wrong types, anywhere */
	{ KVMIG_ERROR_INVALID, "contexts: {name: a}\n",
	  "column 11: 'contexts' must be a list, not a map" },
	{ KVMIG_ERROR_INVALID, "contexts: [prod]\n", "'contexts' must be a map, not a string" },
	{ KVMIG_ERROR_INVALID, "users:\n- name: 7\n",
	  "line 2, column 9: 'name' must be a string, not a number" },
	{ KVMIG_ERROR_INVALID, "users:\n- name: u\n  user: {token: 123456}\n",
	  "line 3, column 17: 'token' must be a string" },
	{ KVMIG_ERROR_INVALID, "users:\n- name: u\n  user: {token: [a]}\n",
	  "'token' must be a string, not a list" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'https://a', insecure-skip-tls-verify: 'true'"),
	  "must be a boolean, not a string" },
	{ KVMIG_ERROR_INVALID, USER("as-groups: admins"), "'as-groups' must be a list" },
	{ KVMIG_ERROR_INVALID, USER("as-user-extra: {a: b}"), "'as-user-extra' must be a list" },
	{ KVMIG_ERROR_INVALID, EXEC("args: [1]"), "'args' must be a string, not a number" },
	{ KVMIG_ERROR_INVALID, "current-context: yes\n", "must be a string, not a boolean" },
	{ KVMIG_ERROR_INVALID, USER("client-key-data: '-----BEGIN'"),
	  "'client-key-data' is not base64" },
	{ KVMIG_ERROR_INVALID, SERVER("certificate-authority-data: Q0E"), "is not base64" },
	{ KVMIG_ERROR_INVALID, SERVER("certificate-authority-data: 'Q0=E'"), "is not base64" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'https://a', certificate-authority-data: AAAA"),
	  "not PEM in base64" },
	/* what names something that is not there, or too much */
	{ KVMIG_ERROR_NOT_FOUND, "current-context: x\n" CONTEXT,
	  "line 1, column 18: there is no context 'x'" },
	{ KVMIG_ERROR_NOT_FOUND, CONTEXT CLUSTER, "no context is named" },
	{ KVMIG_ERROR_NOT_FOUND, HEAD CONTEXT "users: [{name: u}]\n",
	  "line 4, column 44: context 'prod' names cluster 'c'" },
	{ KVMIG_ERROR_NOT_FOUND, HEAD CONTEXT CLUSTER, "context 'prod' names user 'u'" },
	{ KVMIG_ERROR_INVALID, HEAD "contexts: [{name: prod}]\n",
	  "context 'prod' names no cluster" },
	{ KVMIG_ERROR_INVALID, SERVER("proxy-url: 'http://p'"), "cluster 'c' has no server" },
	{ KVMIG_ERROR_INVALID, "users:\n- name: a\n- name: a\n",
	  "line 3, column 3: user 'a' is there twice, first in line 2" },
	/* contradictions */
	{ KVMIG_ERROR_INVALID,
	  SERVER("server: 'https://a', insecure-skip-tls-verify: true, "
		 "certificate-authority-data: " CA_DATA),
	  "both are given" },
	{ KVMIG_ERROR_INVALID,
	  SERVER("server: 'https://a', certificate-authority: x, "
		 "certificate-authority-data: " CA_DATA),
	  "both 'certificate-authority' and" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'https://a', proxy-url: 'ftp://p'"),
	  "'proxy-url' must begin with" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'https://me:pw@a'"), "is not a URL" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'ftp://a'"), "'ftp://a' is not a URL" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'a:1/path'"), "is not a URL" },
	{ KVMIG_ERROR_INVALID, SERVER("server: 'https://a b'"), "is not a URL" },
	{ KVMIG_ERROR_INVALID, USER("token: t, username: me"), "both a token and a user name" },
	{ KVMIG_ERROR_INVALID, USER("tokenFile: t, username: me"), "both a token and a user name" },
	{ KVMIG_ERROR_INVALID, USER("client-certificate-data: " CERT_DATA),
	  "neither client-key nor" },
	{ KVMIG_ERROR_INVALID, USER("client-certificate: x, client-certificate-data: " CERT_DATA),
	  "both 'client-certificate' and" },
	{ KVMIG_ERROR_INVALID,
	  USER("client-certificate-data: " CERT_DATA ", client-key: x, client-key-data: " KEY_DATA),
	  "both 'client-key' and" },
	{ KVMIG_ERROR_INVALID, USER("as-groups: [a]"), "but no 'as'" },
	{ KVMIG_ERROR_UNSUPPORTED, USER("auth-provider: {name: gcp}"), "an auth-provider ('gcp')" },
	{ KVMIG_ERROR_INVALID, USER("auth-provider: {name: x}, exec: {}"),
	  "both 'exec' and 'auth-provider'" },
	{ KVMIG_ERROR_FORBIDDEN, USER(""), "line 6, column 9: user 'u' has no credentials" },
	{ KVMIG_ERROR_FORBIDDEN, USER("password: pw"), "user 'u' has no credentials" },
	{ KVMIG_ERROR_FORBIDDEN, HEAD "contexts: [{name: prod, context: {cluster: c}}]\n" CLUSTER,
	  "context 'prod' names no user" },
	/* plugins */
	{ KVMIG_ERROR_INVALID, EXEC("command: p"), "'exec' has no 'apiVersion'" },
	{ KVMIG_ERROR_INVALID,
	  EXEC("command: p, apiVersion: client.authentication.k8s.io/v1alpha1"),
	  "v1alpha1'; known are" },
	{ KVMIG_ERROR_INVALID, EXEC("apiVersion: client.authentication.k8s.io/v1"),
	  "'exec' has no 'command'" },
	{ KVMIG_ERROR_INVALID, EXEC("apiVersion: client.authentication.k8s.io/v1, command: p"),
	  "has no 'interactiveMode'" },
	{ KVMIG_ERROR_INVALID,
	  EXEC("apiVersion: client.authentication.k8s.io/v1, command: p, interactiveMode: "
	       "Sometimes"),
	  "'interactiveMode' is 'Sometimes'" },
	{ KVMIG_ERROR_INVALID,
	  EXEC("apiVersion: client.authentication.k8s.io/v1, command: p, interactiveMode: Never, "
	       "env: [{value: x}]"),
	  "has no name" },
	/* files */
	{ KVMIG_ERROR_NOT_FOUND, SERVER("server: 'https://a', certificate-authority: nowhere"),
	  "cannot read certificate-authority" },
	{ KVMIG_ERROR_NOT_FOUND, USER("client-certificate: nowhere, client-key: nowhere"),
	  "line 6, column 46: cannot read client-certificate" },
	/* aliases */
	{ KVMIG_ERROR_INVALID, "x: *nothing\n", "there is no anchor 'nothing'" },
	{ KVMIG_ERROR_INVALID, "x: &a [*a]\n", "anchor 'a' contains itself" },
	{ KVMIG_ERROR_INVALID, "x: &a {<<: *a}\n", "anchor 'a' contains itself" },
	{ KVMIG_ERROR_INVALID, "<<: [a]\n", "'<<' must name a map" },
	{ KVMIG_ERROR_INVALID, "[a]: b\n", "a key must be a string" },
	{ KVMIG_ERROR_INVALID, "kind: !!int Config\n", "not of type int" },
};

static void test_bad(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *path = write_file(fixture, "config", bad[i].text);

		g_test_message("%s", bad[i].text);
		assert_refused(WITH(.kubeconfig = path), bad[i].code, bad[i].says);
		assert_refused(WITH(.kubeconfig = path), bad[i].code, "config'");
	}
}

/* ---- several files -------------------------------------------------------------------------- */

/* The first file that has a name wins with its whole entry, and the first current-context. */
static void test_merge(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *one =
		write_file(fixture, "a/one",
			   "contexts: [{name: prod, context: {cluster: c, user: u}}]\n"
			   "users: [{name: u, user: {tokenFile: tokens/u}}]\n");
	g_autofree char *two = write_file(
		fixture, "b/two",
		"current-context: prod\nusers: [{name: u, user: {token: t, as: jane}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://two', certificate-authority: "
		"../ca}}]\n");
	g_autofree char *three = write_file(
		fixture, "b/three",
		"current-context: other\ncontexts: [{name: prod, context: {namespace: third}}]\n"
		"clusters: [{name: c, cluster: {server: 'https://three', proxy-url: "
		"'http://p'}}]\n");
	g_autofree char *ca = write_file(fixture, "ca", "CA");
	g_autofree char *list = g_strdup_printf(":%s:/nowhere:%s:%s:%s:", one, two, three, two);
	g_autofree char *wanted = g_strdup_printf(
		"context=prod server=https://two ca=CA file=%s/a/tokens/u", fixture->folder);
	g_autofree char *broken = NULL, *with_broken = NULL;

	g_setenv("KUBECONFIG", list, TRUE);
	assert_target(WITH(0), wanted);
	/* one that is named stands alone */
	assert_refused(WITH(.kubeconfig = two), KVMIG_ERROR_NOT_FOUND,
		       "there is no context 'prod'");
	/* all that are there must be good */
	broken = write_file(fixture, "broken", "users: 7\n");
	with_broken = g_strdup_printf("%s:%s", list, broken);
	g_setenv("KUBECONFIG", with_broken, TRUE);
	assert_refused(WITH(0), KVMIG_ERROR_INVALID, broken);
	g_setenv("KUBECONFIG", "/nowhere:/etc/passwd/x", TRUE);
	assert_refused(WITH(0), KVMIG_ERROR_NOT_FOUND, "'/etc/passwd/x': Not a directory");
	g_setenv("KUBECONFIG", "::", TRUE);
	assert_refused(WITH(0), KVMIG_ERROR_NOT_FOUND, "no cluster");
	g_unsetenv("KUBECONFIG");
	(void)ca;
}

static void test_default(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_free(write_file(fixture, ".kube/config", USER("token: t")));
	assert_target(WITH(0), PROD " token=t");
	g_setenv("KUBECONFIG", "", TRUE);
	assert_target(WITH(0), PROD " token=t");
	g_unsetenv("KUBECONFIG");
}

/* ---- options -------------------------------------------------------------------------------- */

#define FULL                                                                                       \
	HEAD CONTEXT                                                                               \
		"clusters: [{name: c, cluster: {server: 'https://api:6443', tls-server-name: "     \
		"kube, "                                                                           \
		"certificate-authority-data: " CA_DATA "}}, "                                      \
		"{name: d, cluster: {server: 'https://d'}}]\n"                                     \
		"users: [{name: u, user: {token: t, tokenFile: /f, as: jane, as-groups: [g]}}, "   \
		"{name: v, user: {username: v, password: pw}}]\n"

static void test_options(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const groups[] = { "x", "y", NULL };
	g_autofree char *path = write_file(fixture, "config", FULL);
	g_autofree char *ca = write_file(fixture, "ca", "CA2");
	const char *const as = " token=t file=/f as=jane groups=g";
	const struct {
		ClusterOptions options;
		const char *server, *user;
	} rows[] = {
		{ WITH(0), PROD " name=kube ca=CA", as },
		{ WITH(.server = "https://x"), "context=prod ns=web server=https://x ca=CA", as },
		{ WITH(.tls_server_name = "y"), PROD " name=y ca=CA", as },
		{ WITH(.insecure_skip_tls_verify = TRUE), PROD " name=kube insecure=yes", as },
		{ WITH(.certificate_authority = ca), PROD " name=kube ca=CA2", as },
		{ WITH(.cluster = "d"), "context=prod ns=web server=https://d", as },
		{ WITH(.user = "v"), PROD " name=kube ca=CA", " username=v password=pw" },
		{ WITH(.token = "mine"), PROD " name=kube ca=CA", " token=mine as=jane groups=g" },
		{ WITH(.token_file = "mine"), PROD " name=kube ca=CA",
		  " file=mine as=jane groups=g" },
		{ WITH(.as = "joe"), PROD " name=kube ca=CA", " token=t file=/f as=joe groups=g" },
		{ WITH(.as = "joe", .as_uid = "7", .as_groups = groups), PROD " name=kube ca=CA",
		  " token=t file=/f as=joe uid=7 groups=x,y" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *wanted = g_strconcat(rows[i].server, rows[i].user, NULL);
		ClusterOptions options = rows[i].options;

		options.kubeconfig = path;
		g_test_message("row %zu", i);
		assert_target(options, wanted);
	}
}

static void test_bad_options(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const groups[] = { "x", NULL };
	g_autofree char *path = write_file(fixture, "config", FULL);
	g_autofree char *plain = write_file(fixture, "plain", USER("token: t"));
	g_autofree char *lacking = write_file(fixture, "lacking", HEAD CONTEXT);

	assert_refused(WITH(.kubeconfig = path, .context = "x"), KVMIG_ERROR_NOT_FOUND, "'x'");
	assert_refused(WITH(.kubeconfig = path, .cluster = "x"), KVMIG_ERROR_NOT_FOUND,
		       "no cluster 'x'");
	assert_refused(WITH(.kubeconfig = path, .user = "x"), KVMIG_ERROR_NOT_FOUND, "no user 'x'");
	assert_refused(WITH(.kubeconfig = path, .user = "v", .token = "t"), KVMIG_ERROR_INVALID,
		       "both a token and");
	assert_refused(WITH(.kubeconfig = plain, .as_groups = groups), KVMIG_ERROR_USAGE, "--as:");
	assert_refused(WITH(.kubeconfig = plain, .as_uid = "7"), KVMIG_ERROR_USAGE, "need --as");
	assert_refused(WITH(.kubeconfig = path, .certificate_authority = "/nowhere"),
		       KVMIG_ERROR_NOT_FOUND, "certificate-authority '/nowhere'");
	assert_refused(WITH(.kubeconfig = path, .certificate_authority = plain,
			    .insecure_skip_tls_verify = TRUE),
		       KVMIG_ERROR_INVALID, "both are given");
	assert_refused(WITH(.kubeconfig = path, .server = "x y"), KVMIG_ERROR_INVALID, "'x y'");
	/* enough is given by options, as with kubectl */
	assert_refused(WITH(.kubeconfig = lacking, .server = "https://x"), KVMIG_ERROR_NOT_FOUND,
		       "names user 'u'");
	assert_target(WITH(.kubeconfig = lacking, .server = "https://x", .token = "t"),
		      "context=prod ns=web server=https://x token=t");
	assert_target(WITH(.server = "https://x", .token_file = "/f"),
		      "context= server=https://x file=/f");
	assert_target(WITH(.server = "http://x"), "context= server=http://x");
	assert_refused(WITH(.server = "https://x"), KVMIG_ERROR_FORBIDDEN,
		       "no credentials for server 'https://x'");
}

/* ---- files ---------------------------------------------------------------------------------- */

static void test_large(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = write_file(fixture, "config", "");
	GString *text = g_string_new("x: ");

	g_assert_cmpint(truncate(path, 104857600), ==, 0);
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID, "larger than 4 MiB");
	assert_refused(WITH(.kubeconfig = "/dev/zero"), KVMIG_ERROR_INVALID, "larger than 4 MiB");
	assert_refused(WITH(.kubeconfig = "/dev/null"), KVMIG_ERROR_NOT_FOUND, "empty");
	assert_refused(WITH(.kubeconfig = fixture->folder), KVMIG_ERROR_INVALID, "is a folder");
	for (guint i = 0; i < 101; i++)
		g_string_append_c(text, '[');
	for (guint i = 0; i < 101; i++)
		g_string_append_c(text, ']');
	g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID,
		       "column 104: nested too deeply");
	g_string_assign(text, "x: ");
	for (guint i = 0; i < 100000; i++)
		g_string_append(text, "[{");
	g_assert_true(g_file_set_contents(path, text->str, -1, NULL));
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID, "nested too deeply");
	g_string_free(text, TRUE);
}

/* Small files that expand to billions of values, by aliases and by merge keys. */
static void test_bombs(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	GString *lists = g_string_new("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
	GString *maps = g_string_new("b0: &b0 {x: 1, y: 2, z: 3}\n");
	GString *deep = g_string_new("c0: &c0 [x]\n");
	g_autofree char *path = NULL;

	for (guint i = 1; i < 12; i++) {
		g_string_append_printf(lists, "a%u: &a%u [", i, i);
		g_string_append_printf(maps, "b%u: &b%u\n", i, i);
		for (guint k = 0; k < 9; k++) {
			g_string_append_printf(lists, "%s*a%u", k ? ", " : "", i - 1);
			g_string_append_printf(maps, "  <<: *b%u\n", i - 1);
		}
		g_string_append(lists, "]\n");
	}
	for (guint i = 1; i < 200; i++)
		g_string_append_printf(deep, "c%u: &c%u [*c%u]\n", i, i, i - 1);
	path = write_file(fixture, "config", lists->str);
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID,
		       "aliases make this more than");
	g_assert_true(g_file_set_contents(path, maps->str, -1, NULL));
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID,
		       "aliases make this more than");
	g_assert_true(g_file_set_contents(path, deep->str, -1, NULL));
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_INVALID, "nested too deeply");
	g_string_free(lists, TRUE);
	g_string_free(maps, TRUE);
	g_string_free(deep, TRUE);
}

/* 4 MiB of anything are read, or refused, in moments. */
static void test_time(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const units[] = { "- a\n", "[],",       "{a: b}\n",  "a: &a b\n",
					     "? ",    "'x' ",      "- &a *a\n", "!!x ",
					     "a:\n",  "\"\\x41\"," };

	/* which sees the same paths in less of it, thirty times slower */
	const gsize size = g_getenv("KVMIG_TEST_UNDER_VALGRIND") ? 100000 : 4000000;

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		g_autofree char *path = NULL;
		g_autoptr(GString) text = g_string_new(NULL);
		gint64 start;

		while (text->len < size)
			g_string_append(text, units[i]);
		path = write_file(fixture, "config", text->str);
		start = g_get_monotonic_time();
		kubeconfig_free(kubeconfig_load(path, NULL));
		g_test_message("'%s': %d ms", units[i],
			       (int)((g_get_monotonic_time() - start) / 1000));
		g_assert_cmpint(g_get_monotonic_time() - start, <, 120 * G_USEC_PER_SEC);
	}
}

static void test_pipe(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	const char *text = USER("token: t");
	g_autofree char *path = NULL;
	int fds[2];

	g_assert_cmpint(pipe(fds), ==, 0);
	g_assert_cmpint(write(fds[1], text, strlen(text)), ==, (gssize)strlen(text));
	(void)close(fds[1]);
	path = g_strdup_printf("/dev/fd/%d", fds[0]);
	assert_target(WITH(.kubeconfig = path), PROD " token=t");
	(void)close(fds[0]);
}

static void test_permission(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *path = write_file(fixture, "config", USER("token: t"));
	g_autofree char *open_path = write_file(fixture, "open", CLUSTER);
	g_autoptr(Kubeconfig) closed = NULL, exposed = NULL, harmless = NULL;

	closed = kubeconfig_load(path, NULL);
	g_assert_null(kubeconfig_exposed_file(closed));
	g_assert_cmpint(chmod(path, 0640), ==, 0);
	exposed = kubeconfig_load(path, NULL);
	g_assert_cmpstr(kubeconfig_exposed_file(exposed), ==, path);
	g_assert_cmpint(chmod(open_path, 0644), ==, 0);
	harmless = kubeconfig_load(open_path, NULL);
	g_assert_null(kubeconfig_exposed_file(harmless));
	if (geteuid() == 0) {
		g_test_message("root may read everything: the rest is for other users");
		return;
	}
	g_assert_cmpint(chmod(path, 0), ==, 0);
	assert_refused(WITH(.kubeconfig = path), KVMIG_ERROR_FORBIDDEN, "Permission denied");
}

/* No message may show a secret, whatever is wrong with it. */
static void test_no_secret_in_errors(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const texts[] = {
		USER("token: [hunter2]"),
		USER("token: hunter2: x"),
		USER("token: &hunter *hunter2"),
		USER("password: {hunter2: hunter2}"),
		USER("client-key-data: hunter2-"),
		USER("token: 'hunter2"),
		USER("token: hunter2, username: hunter2"),
		SERVER("server: 'https://me:hunter2@api'"),
		"hunter2",
		"token: \thunter2\n\thunter2",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = write_file(fixture, "config", texts[i]);
		const ClusterOptions options = { .kubeconfig = path };
		g_autoptr(GError) error = NULL;

		g_test_message("%s", texts[i]);
		g_assert_null(resolve(&options, &error));
		g_assert_nonnull(error);
		/* the name of an anchor that is not there is none */
		if (!strstr(error->message, "there is no anchor"))
			g_assert_null(strstr(error->message, "hunter2"));
	}
}

/* ---- a pod ---------------------------------------------------------------------------------- */

static void assert_pod(const char *folder, ClusterOptions options, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(KubeTarget) target = kube_service_account(folder, &options, &error);
	g_autofree char *text = NULL;

	g_assert_no_error(error);
	text = describe(target);
	g_assert_cmpstr(text, ==, wanted);
}

static void test_service_account(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *token = write_file(fixture, "token", "t");
	g_autofree char *ca = write_file(fixture, "ca.crt", "CA");
	g_autofree char *ns = write_file(fixture, "namespace", " web\n");
	g_autofree char *own = write_file(fixture, "own", "CA2");
	const char *folder = fixture->folder;
	g_autofree char *plain = g_strdup_printf(
		"context=service-account ns=web server=https://10.0.0.1:443 ca=CA file=%s", token);
	g_autofree char *other = g_strdup_printf(
		"context=service-account ns=pod server=https://[fd00::1]:443 ca=CA2 file=%s as=j",
		token);

	g_assert_false(kube_has_service_account(folder));
	g_setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", TRUE);
	g_assert_false(kube_has_service_account(folder));
	g_setenv("KUBERNETES_SERVICE_PORT", "443", TRUE);
	g_assert_true(kube_has_service_account(folder));
	g_assert_false(kube_has_service_account("/nowhere"));
	assert_pod(folder, WITH(0), plain);
	assert_pod(folder, WITH(.token = "mine"),
		   "context=service-account ns=web server=https://10.0.0.1:443 ca=CA token=mine");
	g_setenv("KUBERNETES_SERVICE_HOST", "fd00::1", TRUE);
	g_setenv("POD_NAMESPACE", "pod", TRUE);
	assert_pod(folder, WITH(.as = "j", .certificate_authority = own), other);
	g_unsetenv("KUBERNETES_SERVICE_HOST");
	g_unsetenv("KUBERNETES_SERVICE_PORT");
	g_unsetenv("POD_NAMESPACE");
	(void)ca;
	(void)ns;
}

#define TEST(path, func)                                                                           \
	g_test_add("/kubeconfig/" path, StoreFixture, NULL, fixture_set_up_bare, func,             \
		   fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_unsetenv("KUBERNETES_MASTER");
	TEST("good", test_good);
	TEST("bad", test_bad);
	TEST("merge", test_merge);
	TEST("default", test_default);
	TEST("options", test_options);
	TEST("bad-options", test_bad_options);
	TEST("large", test_large);
	TEST("bombs", test_bombs);
	TEST("time", test_time);
	TEST("pipe", test_pipe);
	TEST("permission", test_permission);
	TEST("no-secret-in-errors", test_no_secret_in_errors);
	TEST("service-account", test_service_account);
	return g_test_run();
}
