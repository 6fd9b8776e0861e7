/* SPDX-License-Identifier: Apache-2.0 */
/* What a context, the options and the environment come to: client-go's rules, and refusals that say
 * where in which file the contradiction is. */
#include <string.h>

#include "base/error.h"
#include "cluster/kube/exec.h"
#include "cluster/kube/kubeconfig-private.h"
#include "model/object.h"

/* What is being resolved; an entry is NULL where the context names none. */
typedef struct {
	const Kubeconfig *config;
	const ClusterOptions *options;
	const KubeEntry *context, *cluster, *user;
	KubeTarget *target;
	gboolean https;
	GError **error;
} Resolve;

void kube_target_free(KubeTarget *target)
{
	if (!target)
		return;
	g_free(target->context);
	g_free(target->ns);
	g_free(target->server);
	g_free(target->tls_server_name);
	g_free(target->proxy);
	g_free(target->ca_pem);
	kube_secret_free(target->certificate_pem);
	kube_secret_free(target->key_pem);
	kube_secret_free(target->token);
	g_free(target->token_file);
	g_free(target->username);
	kube_secret_free(target->password);
	exec_config_free(target->exec);
	g_free(target->as);
	g_free(target->as_uid);
	g_strfreev(target->as_groups);
	cJSON_Delete(target->as_extra);
	g_free(target->cluster_name);
	g_free(target->user_name);
	g_free(target);
}

/* ---- fields --------------------------------------------------------------------------------- */

static const YamlNode *field(const KubeEntry *entry, const char *key)
{
	return entry ? yaml_node_get(entry->value, key) : NULL;
}

/* NULL where it is absent, null or empty. */
static const char *text_of(const YamlNode *node)
{
	return node && *node->text ? node->text : NULL;
}

static const char *string(const KubeEntry *entry, const char *key)
{
	return text_of(field(entry, key));
}

static gboolean truth(const KubeEntry *entry, const char *key)
{
	const YamlNode *node = field(entry, key);

	return node && node->truth;
}

static const char *either(const char *option, const char *value)
{
	return option && *option ? option : value;
}

/* Relative to the folder of its file. */
static char *path_of(const KubeEntry *entry, const char *path)
{
	if (!path)
		return NULL;
	return g_path_is_absolute(path) ? g_strdup(path)
					: g_canonicalize_filename(path, entry->file->folder);
}

static gboolean fail(const Resolve *resolve, const KubeEntry *entry, const char *key,
		     const char *format, ...) G_GNUC_PRINTF(4, 5);

/* INVALID, at the field of the entry where it has it. */
static gboolean fail(const Resolve *resolve, const KubeEntry *entry, const char *key,
		     const char *format, ...)
{
	const YamlNode *node = key ? field(entry, key) : NULL;
	g_autofree char *why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (!entry)
		return error_set(resolve->error, KVMIG_ERROR_INVALID, "%s", why);
	return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, entry->file,
				 node ? node : entry->node, "%s", why);
}

/* A file that the kubeconfig or an option names, whole. */
static gboolean read_named(const Resolve *resolve, const KubeEntry *entry, const char *key,
			   const char *path, char **ret_text)
{
	const YamlNode *node = field(entry, key);
	gsize length;

	if (!kube_read_file(path, key, ret_text, &length, resolve->error)) {
		if (node && entry)
			error_prefix(resolve->error, "kubeconfig '%s': line %u, column %u",
				     entry->file->path, node->line, node->column);
		return FALSE;
	}
	if (length == 0 || strlen(*ret_text) != length) {
		kube_secret_free(g_steal_pointer(ret_text));
		return fail(resolve, entry, key, "the file that '%s' names %s", key,
			    length ? "is not text" : "is empty");
	}
	return TRUE;
}

/* "x" or "x-data", never both. NULL in *ret_text where there is neither. */
static gboolean read_pem(const Resolve *resolve, const KubeEntry *entry, const char *key,
			 char **ret_text)
{
	g_autofree char *data_key = g_strconcat(key, "-data", NULL);
	g_autofree char *path = path_of(entry, string(entry, key));
	const char *data = string(entry, data_key);
	gsize length;

	if (path && data)
		return fail(resolve, entry, key, "both '%s' and '%s' are given", key, data_key);
	if (path)
		return read_named(resolve, entry, key, path, ret_text);
	if (!data)
		return TRUE;
	*ret_text = (char *)g_base64_decode(data, &length);
	*ret_text = g_realloc(*ret_text, length + 1);
	(*ret_text)[length] = '\0';
	if (length == 0 || strlen(*ret_text) != length)
		return fail(resolve, entry, data_key, "'%s' is not PEM in base64", data_key);
	return TRUE;
}

/* ---- context, cluster, user ----------------------------------------------------------------- */

static void hint_names(GError **error, const char *what, GStrv names)
{
	g_autofree char *list = g_strjoinv(", ", names);

	if (*list)
		error_hint(error, "%s: %s", what, list);
	g_strfreev(names);
}

static gboolean find_context(Resolve *resolve, const char *name)
{
	const Kubeconfig *config = resolve->config;
	const char *wanted = either(name, config->current);
	const KubeFile *file = config->current_file;
	g_autofree char *excerpt = error_excerpt(wanted);

	if (!wanted)
		return TRUE;
	resolve->context = g_hash_table_lookup(config->contexts, wanted);
	if (resolve->context)
		return TRUE;
	if (wanted == config->current)
		kube_set_error_at(resolve->error, KVMIG_ERROR_NOT_FOUND, file,
				  yaml_node_get(yaml_tree_root(file->tree), "current-context"),
				  "there is no context '%s', which is the current one", excerpt);
	else
		error_set(resolve->error, KVMIG_ERROR_NOT_FOUND,
			  "there is no context '%s' in the kubeconfig", excerpt);
	hint_names(resolve->error, "contexts", kubeconfig_context_names(config));
	return FALSE;
}

/* The cluster or user that an option or the context names. `needless`: the options give so much
 * that a missing entry does not matter, as with kubectl. */
static gboolean find_entry(Resolve *resolve, const char *key, const char *option,
			   GHashTable *entries, gboolean needless, const KubeEntry **ret_entry)
{
	const char *name = either(option, string(resolve->context, key));
	g_autofree char *excerpt = error_excerpt(name);

	*ret_entry = name ? g_hash_table_lookup(entries, name) : NULL;
	if (*ret_entry || !name)
		return TRUE;
	if (option && *option) {
		error_set(resolve->error, KVMIG_ERROR_NOT_FOUND,
			  "there is no %s '%s' in the kubeconfig", key, excerpt);
	} else if (needless) {
		return TRUE;
	} else {
		kube_set_error_at(resolve->error, KVMIG_ERROR_NOT_FOUND, resolve->context->file,
				  field(resolve->context, key),
				  "context '%s' names %s '%s', which is not there",
				  resolve->context->shown, key, excerpt);
	}
	hint_names(resolve->error, g_str_equal(key, "user") ? "users" : "clusters",
		   kube_entry_names(entries));
	return FALSE;
}

static gboolean find_entries(Resolve *resolve)
{
	const ClusterOptions *options = resolve->options;
	const Kubeconfig *config = resolve->config;
	gboolean token = either(options->token, options->token_file) != NULL;

	return find_entry(resolve, "cluster", options->cluster, config->clusters,
			  either(options->server, NULL) != NULL, &resolve->cluster) &&
	       find_entry(resolve, "user", options->user, config->users, token, &resolve->user);
}

/* ---- the server ----------------------------------------------------------------------------- */

/* kubectl takes "host:port" too, and then talks plain HTTP. */
static char *normal_server(const char *text, gboolean *ret_https)
{
	g_autofree char *with_scheme = NULL;
	g_autofree char *scheme = NULL;
	g_autofree char *userinfo = NULL;
	g_autofree char *host = NULL;
	g_autofree char *path = NULL;
	gboolean bare = strstr(text, "://") == NULL;
	int port = -1;

	with_scheme = bare ? g_strconcat("http://", text, NULL) : g_strdup(text);
	if (!g_uri_split(with_scheme, G_URI_FLAGS_ENCODED, &scheme, &userinfo, &host, &port, &path,
			 NULL, NULL, NULL) ||
	    !host || !*host || userinfo || strpbrk(text, " \t\r\n"))
		return NULL;
	*ret_https = g_ascii_strcasecmp(scheme, "https") == 0;
	if (!*ret_https && g_ascii_strcasecmp(scheme, "http") != 0)
		return NULL;
	while (g_str_has_suffix(path, "/"))
		path[strlen(path) - 1] = '\0';
	if (bare && *path)
		return NULL;
	if (port >= 0)
		return g_strdup_printf(strchr(host, ':') ? "%s://[%s]:%d%s" : "%s://%s:%d%s",
				       *ret_https ? "https" : "http", host, port, path);
	return g_strdup_printf(strchr(host, ':') ? "%s://[%s]%s" : "%s://%s%s",
			       *ret_https ? "https" : "http", host, path);
}

static gboolean resolve_server(Resolve *resolve)
{
	const char *option = either(resolve->options->server, NULL);
	const char *server = either(option, string(resolve->cluster, "server"));
	g_autofree char *excerpt = NULL;

	server = either(server, g_getenv("KUBERNETES_MASTER"));
	if (!server || !*server) {
		if (resolve->cluster)
			return fail(resolve, resolve->cluster, NULL, "cluster '%s' has no server",
				    resolve->cluster->shown);
		return fail(resolve, resolve->context, NULL, "context '%s' names no cluster",
			    resolve->context ? resolve->context->shown : "");
	}
	resolve->target->server = normal_server(server, &resolve->https);
	if (resolve->target->server)
		return TRUE;
	excerpt = strchr(server, '@') ? g_strdup("…@…") : error_excerpt(server);
	fail(resolve, option ? NULL : resolve->cluster, "server",
	     "server '%s' is not a URL of an API server", excerpt);
	error_hint(resolve->error, "it looks like https://HOST:6443, without user or password");
	return FALSE;
}

static gboolean resolve_ca(Resolve *resolve)
{
	const ClusterOptions *options = resolve->options;
	const char *option = either(options->certificate_authority, NULL);
	KubeTarget *target = resolve->target;

	if (option || options->insecure_skip_tls_verify) {
		target->insecure = options->insecure_skip_tls_verify;
		if (option &&
		    !read_named(resolve, NULL, "certificate-authority", option, &target->ca_pem))
			return FALSE;
	} else {
		target->insecure = truth(resolve->cluster, "insecure-skip-tls-verify");
		if (!read_pem(resolve, resolve->cluster, "certificate-authority", &target->ca_pem))
			return FALSE;
	}
	if (!target->insecure || !target->ca_pem || !resolve->https)
		return TRUE;
	fail(resolve, option ? NULL : resolve->cluster, "insecure-skip-tls-verify",
	     "the server is either verified by certificate-authority, or not at all by "
	     "insecure-skip-tls-verify: both are given");
	error_hint(resolve->error, "leave out insecure-skip-tls-verify");
	return FALSE;
}

static gboolean resolve_proxy(Resolve *resolve)
{
	const char *proxy = string(resolve->cluster, "proxy-url");
	g_autofree char *scheme = proxy ? g_uri_parse_scheme(proxy) : NULL;

	if (!proxy)
		return TRUE;
	if (g_strcmp0(scheme, "http") == 0 || g_strcmp0(scheme, "https") == 0) {
		resolve->target->proxy = g_strdup(proxy);
		return TRUE;
	}
	if (g_strcmp0(scheme, "socks5") == 0) {
		resolve->target->proxy = g_strconcat("socks5h", proxy + strlen("socks5"), NULL);
		return TRUE;
	}
	return fail(resolve, resolve->cluster, "proxy-url",
		    "'proxy-url' must begin with http://, https:// or socks5://");
}

static gboolean resolve_cluster(Resolve *resolve)
{
	const ClusterOptions *options = resolve->options;
	KubeTarget *target = resolve->target;
	const char *name = either(options->tls_server_name, NULL);

	/* another server has another name: what the kubeconfig says is not for it */
	if (!name && !either(options->server, NULL))
		name = string(resolve->cluster, "tls-server-name");
	target->tls_server_name = g_strdup(name);
	target->disable_compression = truth(resolve->cluster, "disable-compression");
	if (resolve->cluster)
		target->cluster_name = g_strdup(resolve->cluster->name);
	return resolve_server(resolve) && resolve_ca(resolve) && resolve_proxy(resolve);
}

/* ---- the user ------------------------------------------------------------------------------- */

static gboolean resolve_certificate(Resolve *resolve)
{
	const KubeEntry *user = resolve->user;
	KubeTarget *target = resolve->target;

	if (!read_pem(resolve, user, "client-certificate", &target->certificate_pem))
		return FALSE;
	if (!user || !target->certificate_pem)
		return TRUE;
	if (!read_pem(resolve, user, "client-key", &target->key_pem))
		return FALSE;
	if (target->key_pem)
		return TRUE;
	return fail(resolve, user, NULL,
		    "user '%s' has a client-certificate, but neither client-key nor "
		    "client-key-data",
		    user->shown);
}

static gboolean resolve_token(Resolve *resolve)
{
	const ClusterOptions *options = resolve->options;
	KubeTarget *target = resolve->target;
	const char *token = either(options->token, NULL);
	const char *file = either(options->token_file, NULL);

	if (!token && !file) {
		token = string(resolve->user, "token");
		target->token_file = path_of(resolve->user, string(resolve->user, "tokenFile"));
	} else if (file) {
		token = NULL;
		target->token_file = g_strdup(file);
	}
	target->token = g_strdup(token);
	target->username = g_strdup(string(resolve->user, "username"));
	target->password = g_strdup(string(resolve->user, "password"));
	if (!resolve->user || (!token && !target->token_file) ||
	    (!target->username && !target->password))
		return TRUE;
	return fail(resolve, resolve->user, "username",
		    "user '%s' has both a token and a user name with password: only one is allowed",
		    resolve->user->shown);
}

static GStrv strings_from(const YamlNode *list)
{
	GPtrArray *strings;

	if (!list || list->nodes->len == 0)
		return NULL;
	strings = g_ptr_array_new();
	for (guint i = 0; i < list->nodes->len; i++) {
		const YamlNode *node = list->nodes->pdata[i];

		g_ptr_array_add(strings, g_strdup(node->text));
	}
	g_ptr_array_add(strings, NULL);
	return (GStrv)g_ptr_array_free(strings, FALSE);
}

static gboolean resolve_impersonation(Resolve *resolve)
{
	const ClusterOptions *options = resolve->options;
	const KubeEntry *user = resolve->user;
	const YamlNode *extra = field(user, "as-user-extra");
	KubeTarget *target = resolve->target;

	target->as = g_strdup(either(options->as, string(user, "as")));
	target->as_uid = g_strdup(either(options->as_uid, string(user, "as-uid")));
	if (options->as_groups && *options->as_groups)
		target->as_groups = g_strdupv((char **)options->as_groups);
	else
		target->as_groups = strings_from(field(user, "as-groups"));
	if (extra && extra->nodes->len)
		target->as_extra = yaml_node_to_json(extra);
	if (target->as || (!target->as_uid && !target->as_groups && !target->as_extra))
		return TRUE;
	if (!user || options->as_uid || (options->as_groups && *options->as_groups))
		return error_set(resolve->error, KVMIG_ERROR_USAGE,
				 "--as-group and --as-uid need --as: whom to impersonate");
	return fail(resolve, user, "as-groups",
		    "user '%s' has as-uid, as-groups or as-user-extra, but no 'as'", user->shown);
}

/* ---- the plugin ----------------------------------------------------------------------------- */

static gboolean resolve_interactive(Resolve *resolve, const YamlNode *node, ExecConfig *exec)
{
	const YamlNode *mode_node = yaml_node_get(node, "interactiveMode");
	const char *mode = text_of(mode_node);
	g_autofree char *excerpt = error_excerpt(mode);

	if (!mode && strcmp(exec->api_version, EXEC_V1BETA1) == 0)
		mode = "IfAvailable";
	exec->interactive = EXEC_IF_AVAILABLE;
	if (g_strcmp0(mode, "Never") == 0)
		exec->interactive = EXEC_NEVER;
	else if (g_strcmp0(mode, "Always") == 0)
		exec->interactive = EXEC_ALWAYS;
	else if (!mode)
		return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, resolve->user->file,
					 node,
					 "'exec' has no 'interactiveMode': Never, IfAvailable or "
					 "Always");
	else if (strcmp(mode, "IfAvailable") != 0)
		return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, resolve->user->file,
					 mode_node,
					 "'interactiveMode' is '%s', not Never, IfAvailable or "
					 "Always",
					 excerpt);
	return TRUE;
}

static gboolean resolve_version(Resolve *resolve, const YamlNode *node, ExecConfig *exec)
{
	const YamlNode *version_node = yaml_node_get(node, "apiVersion");
	const char *version = text_of(version_node);
	g_autofree char *excerpt = error_excerpt(version);

	if (!version)
		return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, resolve->user->file,
					 node, "'exec' has no 'apiVersion'");
	if (strcmp(version, EXEC_V1) != 0 && strcmp(version, EXEC_V1BETA1) != 0) {
		kube_set_error_at(
			resolve->error, KVMIG_ERROR_INVALID, resolve->user->file, version_node,
			"'apiVersion' of 'exec' is '%s'; known are " EXEC_V1 " and " EXEC_V1BETA1,
			excerpt);
		error_hint(resolve->error, "update the credential plugin, and let it write the "
					   "kubeconfig anew");
		return FALSE;
	}
	exec->api_version = g_strdup(version);
	return TRUE;
}

static gboolean resolve_environment(Resolve *resolve, const YamlNode *node, ExecConfig *exec)
{
	const YamlNode *list = yaml_node_get(node, "env");
	GPtrArray *lines = g_ptr_array_new();
	gboolean done = TRUE;

	for (guint i = 0; done && list && i < list->nodes->len; i++) {
		const YamlNode *item = list->nodes->pdata[i];
		const char *name = text_of(yaml_node_get(item, "name"));
		const char *value = text_of(yaml_node_get(item, "value"));

		if (name && !strchr(name, '='))
			g_ptr_array_add(lines, g_strconcat(name, "=", value, NULL));
		else
			done = kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID,
						 resolve->user->file, item,
						 "a variable in 'env' of 'exec' has no name, or "
						 "one with '='");
	}
	g_ptr_array_add(lines, NULL);
	exec->env = (GStrv)g_ptr_array_free(lines, FALSE);
	return done;
}

static gboolean resolve_command(Resolve *resolve, const YamlNode *node, ExecConfig *exec)
{
	const char *command = text_of(yaml_node_get(node, "command"));

	if (!command)
		return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, resolve->user->file,
					 node, "'exec' has no 'command'");
	exec->command = strchr(command, '/') ? path_of(resolve->user, command) : g_strdup(command);
	exec->args = strings_from(yaml_node_get(node, "args"));
	exec->install_hint = g_strdup(text_of(yaml_node_get(node, "installHint")));
	return TRUE;
}

/* The extension of the cluster that is meant for plugins, handed to them as it is. */
static gboolean resolve_cluster_config(Resolve *resolve, ExecConfig *exec)
{
	const YamlNode *list = field(resolve->cluster, "extensions");
	const YamlNode *found = NULL;

	for (guint i = 0; list && i < list->nodes->len; i++)
		if (g_strcmp0(text_of(yaml_node_get(list->nodes->pdata[i], "name")),
			      "client.authentication.k8s.io/exec") == 0)
			found = yaml_node_get(list->nodes->pdata[i], "extension");
	if (!found)
		return TRUE;
	if (found->weight <= EXEC_CONFIG_MAX_NODES)
		exec->cluster_config = yaml_node_to_json(found);
	if (exec->cluster_config)
		return TRUE;
	return kube_set_error_at(resolve->error, KVMIG_ERROR_INVALID, resolve->cluster->file, found,
				 "this extension is too large, or holds a number that JSON cannot "
				 "hold");
}

static gboolean resolve_exec(Resolve *resolve)
{
	const YamlNode *node = field(resolve->user, "exec");
	const YamlNode *info = node ? yaml_node_get(node, "provideClusterInfo") : NULL;
	g_autoptr(ExecConfig) exec = NULL;
	KubeTarget *target = resolve->target;

	if (!node)
		return TRUE;
	if (field(resolve->user, "auth-provider"))
		return fail(resolve, resolve->user, "auth-provider",
			    "user '%s' has both 'exec' and 'auth-provider'", resolve->user->shown);
	exec = g_new0(ExecConfig, 1);
	exec->provide_cluster_info = info && info->truth;
	if (!resolve_version(resolve, node, exec) || !resolve_command(resolve, node, exec) ||
	    !resolve_environment(resolve, node, exec) ||
	    !resolve_interactive(resolve, node, exec) || !resolve_cluster_config(resolve, exec))
		return FALSE;
	if (target->token || target->token_file || target->username || target->certificate_pem)
		g_info("the credential plugin of user '%s' is not needed", resolve->user->shown);
	else
		target->exec = g_steal_pointer(&exec);
	return TRUE;
}

/* kubectl's builds have no providers but one for OpenID Connect, whose place plugins have taken. */
static gboolean check_provider(Resolve *resolve)
{
	const YamlNode *node = field(resolve->user, "auth-provider");
	const KubeTarget *target = resolve->target;
	g_autofree char *name = NULL;

	if (!node || target->token || target->token_file || target->username)
		return TRUE;
	name = error_excerpt(text_of(yaml_node_get(node, "name")));
	kube_set_error_at(resolve->error, KVMIG_ERROR_UNSUPPORTED, resolve->user->file, node,
			  "user '%s' has an auth-provider ('%s'), which kvmig does not support",
			  resolve->user->shown, name);
	error_hint(resolve->error, "use a credential plugin (exec), as the provider's own "
				   "documentation says");
	return FALSE;
}

/* Anonymous requests are never what was meant; kubectl asks for a name and password then. */
static gboolean check_anybody(const Resolve *resolve)
{
	const KubeTarget *target = resolve->target;
	const KubeEntry *entry = resolve->user ? resolve->user : resolve->context;

	if (target->token || target->token_file || target->username || target->certificate_pem ||
	    target->exec)
		return TRUE;
	if (resolve->user)
		kube_set_error_at(resolve->error, KVMIG_ERROR_FORBIDDEN, entry->file, entry->node,
				  "user '%s' has no credentials", entry->shown);
	else if (entry)
		kube_set_error_at(resolve->error, KVMIG_ERROR_FORBIDDEN, entry->file, entry->node,
				  "context '%s' names no user, so there are no credentials",
				  entry->shown);
	else
		error_set(resolve->error, KVMIG_ERROR_FORBIDDEN,
			  "there are no credentials for server '%s'", target->server);
	error_hint(resolve->error, "log in again, or name a user with --user or a token with "
				   "--token-file");
	return FALSE;
}

static void drop(char **secret)
{
	kube_secret_free(g_steal_pointer(secret));
}

/* Nothing that identifies us goes over an open wire. */
static void drop_credentials(KubeTarget *target)
{
	drop(&target->token);
	drop(&target->token_file);
	drop(&target->username);
	drop(&target->password);
	drop(&target->certificate_pem);
	drop(&target->key_pem);
	drop(&target->ca_pem);
	exec_config_free(g_steal_pointer(&target->exec));
	target->insecure = FALSE;
}

static gboolean resolve_user(Resolve *resolve)
{
	KubeTarget *target = resolve->target;

	if (resolve->user)
		target->user_name = g_strdup(resolve->user->name);
	if (!resolve_token(resolve) || !resolve_certificate(resolve) || !resolve_exec(resolve) ||
	    !resolve_impersonation(resolve))
		return FALSE;
	if (!resolve->https)
		drop_credentials(target);
	else
		return check_provider(resolve) && check_anybody(resolve);
	return TRUE;
}

/* ---- a pod's service account ---------------------------------------------------------------- */

gboolean kube_has_service_account(const char *folder)
{
	const char *host = g_getenv("KUBERNETES_SERVICE_HOST");
	const char *port = g_getenv("KUBERNETES_SERVICE_PORT");
	g_autofree char *token = g_build_filename(folder, "token", NULL);

	return host && *host && port && *port && g_file_test(token, G_FILE_TEST_EXISTS) &&
	       !g_file_test(token, G_FILE_TEST_IS_DIR);
}

gboolean kubeconfig_in_cluster(void)
{
	return kube_has_service_account(KUBE_SERVICE_ACCOUNT);
}

static char *service_account_namespace(const char *folder)
{
	g_autofree char *path = g_build_filename(folder, "namespace", NULL);
	const char *variable = g_getenv("POD_NAMESPACE");
	char *text = NULL;
	gsize length;

	if (variable && *variable)
		return g_strdup(variable);
	if (!kube_read_file(path, "namespace", &text, &length, NULL))
		return NULL;
	g_strstrip(text);
	if (*text)
		return text;
	g_free(text);
	return NULL;
}

static char *service_account_server(void)
{
	const char *host = g_getenv("KUBERNETES_SERVICE_HOST");

	return g_strdup_printf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
			       g_getenv("KUBERNETES_SERVICE_PORT"));
}

KubeTarget *kube_service_account(const char *folder, const ClusterOptions *options, GError **error)
{
	g_autoptr(KubeTarget) target = g_new0(KubeTarget, 1);
	g_autofree char *ca = g_build_filename(folder, "ca.crt", NULL);
	g_autoptr(GError) cause = NULL;
	Resolve resolve = { .options = options, .target = target, .error = error, .https = TRUE };
	gsize length;

	target->context = g_strdup("service-account");
	target->cluster_name = g_strdup("service-account");
	target->user_name = g_strdup("service-account");
	target->server = service_account_server();
	target->ns = service_account_namespace(folder);
	target->tls_server_name = g_strdup(options->tls_server_name);
	if (!resolve_token(&resolve) || !resolve_impersonation(&resolve))
		return NULL;
	if (!target->token && !target->token_file)
		target->token_file = g_build_filename(folder, "token", NULL);
	if (options->certificate_authority || options->insecure_skip_tls_verify)
		return resolve_ca(&resolve) ? g_steal_pointer(&target) : NULL;
	if (!kube_read_file(ca, "certificate-authority", &target->ca_pem, &length, &cause))
		g_warning("%s: the system's certificate authorities are trusted instead",
			  cause->message);
	return g_steal_pointer(&target);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Where the error itself does not say what to do. */
static void hint_entry(GError **error)
{
	const GError *cause = error ? *error : NULL;

	if (!cause || error_get_hint(cause))
		return;
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		error_hint(error, "log in to the cluster again, or correct it in the kubeconfig");
	else if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		error_hint(error, "let the file's owner or mode permit it (chown, chmod)");
	else
		error_hint(error, "correct it in the kubeconfig, or choose something else there "
				  "with --context, --cluster or --user");
}

static gboolean set_error_nothing(const Resolve *resolve)
{
	const Kubeconfig *config = resolve->config;

	if (kubeconfig_is_empty(config)) {
		error_set(resolve->error, KVMIG_ERROR_NOT_FOUND,
			  "no cluster: the kubeconfig %s is %s", config->named,
			  config->files->len ? "empty" : "not there");
		error_hint(resolve->error, "name one with --kubeconfig, KUBECONFIG or --server");
	} else {
		error_set(resolve->error, KVMIG_ERROR_NOT_FOUND,
			  "no cluster: no context is named, and the kubeconfig %s has no current "
			  "one",
			  config->named);
		hint_names(resolve->error, "name one with --context",
			   kubeconfig_context_names(config));
	}
	return FALSE;
}

/* Nothing says which server: kubectl then tries the service account. */
static gboolean names_no_server(const Resolve *resolve)
{
	const char *master = g_getenv("KUBERNETES_MASTER");

	return !resolve->context && !resolve->cluster && !either(resolve->options->server, NULL) &&
	       !(master && *master);
}

static KubeTarget *resolve_all(const Kubeconfig *config, const char *name,
			       const ClusterOptions *options, GError **error)
{
	g_autoptr(KubeTarget) target = g_new0(KubeTarget, 1);
	Resolve resolve = {
		.config = config, .options = options, .target = target, .error = error
	};

	if (!find_context(&resolve, name) || !find_entries(&resolve))
		return NULL;
	if (names_no_server(&resolve)) {
		if (kubeconfig_in_cluster())
			return kube_service_account(KUBE_SERVICE_ACCOUNT, options, error);
		(void)set_error_nothing(&resolve);
		return NULL;
	}
	target->context = g_strdup(resolve.context ? resolve.context->name : "");
	target->ns = g_strdup(string(resolve.context, "namespace"));
	if (!resolve_cluster(&resolve) || !resolve_user(&resolve))
		return NULL;
	return g_steal_pointer(&target);
}

KubeTarget *kubeconfig_resolve(const Kubeconfig *config, const char *name,
			       const ClusterOptions *options, GError **error)
{
	KubeTarget *target = resolve_all(config, name, options, error);

	if (!target)
		hint_entry(error);
	return target;
}
