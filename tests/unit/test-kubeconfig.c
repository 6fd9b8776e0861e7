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
	{ USER("client-key-data: " KEY_DATA), PROD },
	{ USER(""), PROD },
	{ USER("token: null, username: ~, password: ''"), PROD },
	{ USER("as: jane, as-uid: '7', as-groups: [a, b], as-user-extra: {why: [b, c]}"),
	  PROD " as=jane uid=7 groups=a,b extra={\"why\":[\"b\",\"c\"]}" },
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
	  "{\"cluster\": \"c\", \"namespace\": \"web\"}}],\n\t\"clusters\":\t[{\"name\": \"c\", "
	  "\"cluster\": {\"server\": \"https:\\/\\/api:6443\"}}]\n}\n",
	  PROD },
	/* anchors, merge keys; of two equal keys the later one; only the first document */
	{ HEAD CONTEXT
	  "users: [{name: u}]\nx: &c {server: 'https://api:6443', proxy-url: 'http://p'}\n"
	  "clusters:\n- name: c\n  cluster:\n    <<: *c\n    proxy-url: http://q\n",
	  PROD " proxy=http://q" },
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
	{ KVMIG_ERROR_NOT_FOUND, "", "is not there or empty" },
	{ KVMIG_ERROR_NOT_FOUND, "# nothing\n", "is not there or empty" },
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

#define TEST(path, func)                                                                           \
	g_test_add("/kubeconfig/" path, StoreFixture, NULL, fixture_set_up_bare, func,             \
		   fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_unsetenv("KUBERNETES_MASTER");
	TEST("good", test_good);
	TEST("bad", test_bad);
	return g_test_run();
}
