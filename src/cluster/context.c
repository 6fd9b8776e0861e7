/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cluster: local/NAME is a store of ours, kube/NAME a context of the kubeconfig. `local` and
 * `lab` are short for local/default and local/lab, and any other word for kube/WORD. What is
 * ambiguous is an error, never a guess.
 */
#include <string.h>

#include "base/error.h"
#include "cluster/backend.h"
#include "cluster/cluster.h"
#include "cluster/kube/kube.h"

#define LOCAL "local/"
#define KUBE "kube/"

static const struct {
	const char *word, *store;
} short_names[] = { { "local", "default" }, { "lab", "lab" } };

static const char *store_of_word(const char *word)
{
	for (guint i = 0; i < G_N_ELEMENTS(short_names); i++)
		if (g_str_equal(word, short_names[i].word))
			return short_names[i].store;
	return NULL;
}

static const char *wanted_context(const ClusterOptions *options)
{
	const char *name = options->context ? options->context : g_getenv("KVMIG_CONTEXT");

	return name && *name ? name : NULL;
}

/* Where only names are wanted: a kubeconfig that cannot be read has none. */
static Kubeconfig *load_if_readable(const char *option)
{
	g_autoptr(GError) error = NULL;
	Kubeconfig *config = kubeconfig_load(option, &error);

	if (!config)
		g_info("%s", error->message);
	return config;
}

/* ---- a store of ours ------------------------------------------------------------------------ */

/* The first option that is only for a cluster with an API server. */
static const char *kube_option(const ClusterOptions *options)
{
	const struct {
		gboolean given;
		const char *name;
	} rows[] = {
		{ options->cluster != NULL, "--cluster" },
		{ options->user != NULL, "--user" },
		{ options->server != NULL, "--server" },
		{ options->certificate_authority != NULL, "--certificate-authority" },
		{ options->tls_server_name != NULL, "--tls-server-name" },
		{ options->insecure_skip_tls_verify, "--insecure-skip-tls-verify" },
		{ options->token != NULL, "--token" },
		{ options->token_file != NULL, "--token-file" },
		{ options->as != NULL, "--as" },
		{ options->as_uid != NULL, "--as-uid" },
		{ options->as_groups && *options->as_groups, "--as-group" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].given)
			return rows[i].name;
	return NULL;
}

static Cluster *set_error_no_store(GError **error, const char *name)
{
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no local cluster 'local/%s'", name);
	if (g_str_equal(name, "lab"))
		error_hint(error, "kvmig lab up");
	else
		error_hint(error, "kvmig --context local/%s node add NAME --uri URI", name);
	return NULL;
}

static Cluster *open_store(const ClusterOptions *options, const char *name, GError **error)
{
	g_autofree char *what = g_strdup_printf("context 'local/%s'", name);
	const char *option = kube_option(options);

	if (!name_check_dns_label(name, what, NULL)) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "'local/%s' is no name of a cluster: lower-case letters, digits and '-', "
			  "at most 63",
			  name);
		return NULL;
	}
	if (option) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "%s is for a cluster with an API server, and 'local/%s' has none", option,
			  name);
		error_hint(error, "leave it out, or name another context");
		return NULL;
	}
	if (!local_store_exists(name) && (!options->create || options->read_only))
		return set_error_no_store(error, name);
	return local_store_open(name, options->create, options->read_only, error);
}

/* ---- a context of the kubeconfig ------------------------------------------------------------ */

static void warn_exposed(const Kubeconfig *config, const ClusterOptions *options)
{
	const char *path = kubeconfig_exposed_file(config);
	g_autofree char *text = NULL;

	if (!path)
		return;
	text = g_strdup_printf("others may read the credentials in kubeconfig '%s': chmod 600",
			       path);
	if (options->interactive && options->warn)
		options->warn(text, options->warn_data);
	else
		g_info("%s", text);
}

static Cluster *open_kube(const ClusterOptions *options, const Kubeconfig *config, const char *name,
			  GError **error)
{
	KubeTarget *target = kubeconfig_resolve(config, name, options, error);
	Cluster *cluster;

	if (!target)
		return NULL;
	warn_exposed(config, options);
	cluster = kube_open(target, options, error);
	/* of no context, but a server that an option names */
	if (cluster && g_str_equal(cluster->context, KUBE)) {
		g_free(cluster->context);
		cluster->context = g_strdup(cluster->server);
	}
	return cluster;
}

static Cluster *set_error_unknown(const ClusterOptions *options, const char *name, GError **error)
{
	g_auto(GStrv) contexts = cluster_list_contexts(options->kubeconfig);
	g_autofree char *list = g_strjoinv(", ", contexts);
	g_autofree char *excerpt = error_excerpt(name);

	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no context '%s'", excerpt);
	if (strchr(name, '/') == NULL && local_store_exists(name))
		error_hint(error, "did you mean local/%s?", name);
	else if (*list)
		error_hint(error, "contexts: %s", list);
	else
		error_hint(error,
			   "kvmig --context local node add NAME --uri URI, or: kvmig lab up");
	return NULL;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static Cluster *open_short(const ClusterOptions *options, const char *word, const char *store,
			   GError **error)
{
	g_autoptr(Kubeconfig) config = load_if_readable(options->kubeconfig);

	if (!config || !kubeconfig_has_context(config, word))
		return open_store(options, store, error);
	error_set(error, KVMIG_ERROR_USAGE,
		  "context '%s' is ambiguous: a local cluster and a context of the kubeconfig",
		  word);
	error_hint(error, "say --context local/%s or --context kube/%s", store, word);
	return NULL;
}

static Cluster *open_named(const ClusterOptions *options, const char *name, GError **error)
{
	const char *in_kubeconfig = name + (g_str_has_prefix(name, KUBE) ? strlen(KUBE) : 0);
	const char *store = store_of_word(name);
	g_autoptr(Kubeconfig) config = NULL;

	if (g_str_has_prefix(name, LOCAL))
		return open_store(options, name + strlen(LOCAL), error);
	if (store)
		return open_short(options, name, store, error);
	config = kubeconfig_load(options->kubeconfig, error);
	if (!config)
		return NULL;
	/* a context of a kubeconfig may have a '/' in its name, and even begin with kube/ */
	if (kubeconfig_has_context(config, in_kubeconfig))
		return open_kube(options, config, in_kubeconfig, error);
	if (kubeconfig_has_context(config, name))
		return open_kube(options, config, name, error);
	return set_error_unknown(options, name, error);
}

/* Whether, with nothing named, it is a matter of the kubeconfig at all. */
static gboolean is_about_kube(const ClusterOptions *options, const Kubeconfig *config)
{
	const char *master = g_getenv("KUBERNETES_MASTER");

	return !kubeconfig_is_empty(config) || options->kubeconfig || kube_option(options) ||
	       (master && *master) || kubeconfig_in_cluster();
}

static Cluster *open_unnamed(const ClusterOptions *options, GError **error)
{
	g_autoptr(Kubeconfig) config = kubeconfig_load(options->kubeconfig, error);

	if (!config) {
		if (!options->kubeconfig && local_store_exists("default"))
			error_hint(error, "for the local cluster: --context local, or "
					  "KVMIG_CONTEXT=local");
		return NULL;
	}
	if (is_about_kube(options, config))
		return open_kube(options, config, NULL, error);
	if (options->create || local_store_exists("default"))
		return open_store(options, "default", error);
	error_set(
		error, KVMIG_ERROR_NOT_FOUND,
		"no cluster: no context is named, there is no kubeconfig, and no local cluster has "
		"been set up");
	if (local_store_exists("lab"))
		error_hint(error, "for the lab: --context lab, or KVMIG_CONTEXT=lab");
	else
		error_hint(error, "kvmig node add NAME --uri URI for hosts of your own, "
				  "kvmig lab up to try it");
	return NULL;
}

void cluster_protect_process(void)
{
	credential_protect_process();
}

Cluster *cluster_open(const ClusterOptions *options, GError **error)
{
	const char *name = wanted_context(options);

	return name ? open_named(options, name, error) : open_unnamed(options, error);
}

/* ---- lists ---------------------------------------------------------------------------------- */

GStrv cluster_list_contexts(const char *kubeconfig)
{
	g_autoptr(Kubeconfig) config = load_if_readable(kubeconfig);
	g_auto(GStrv) kube = config ? kubeconfig_context_names(config) : NULL;
	g_auto(GStrv) stores = local_store_names();
	GPtrArray *names = g_ptr_array_new();

	for (char **store = stores; *store; store++)
		g_ptr_array_add(names, g_strconcat(LOCAL, *store, NULL));
	for (char **name = kube; name && *name; name++)
		g_ptr_array_add(names, g_strconcat(KUBE, *name, NULL));
	g_ptr_array_add(names, NULL);
	return (GStrv)g_ptr_array_free(names, FALSE);
}

GStrv cluster_list_clusters(const char *kubeconfig)
{
	g_autoptr(Kubeconfig) config = load_if_readable(kubeconfig);

	return config ? kubeconfig_cluster_names(config) : g_new0(char *, 1);
}

GStrv cluster_list_users(const char *kubeconfig)
{
	g_autoptr(Kubeconfig) config = load_if_readable(kubeconfig);

	return config ? kubeconfig_user_names(config) : g_new0(char *, 1);
}

static void context_free(gpointer data)
{
	ClusterContext *context = data;

	g_free(context->name);
	g_free(context->cluster);
	g_free(context->server);
	g_free(context->user);
	g_free(context->ns);
	g_free(context);
}

/* The full name of the context that cluster_open() chooses; NULL where it would refuse. */
static char *current_context(const ClusterOptions *options, const Kubeconfig *config)
{
	const char *name = wanted_context(options);
	const char *store = name ? store_of_word(name) : NULL;
	gboolean kube = name && kubeconfig_has_context(config, name);

	if (store)
		return kube ? NULL : g_strconcat(LOCAL, store, NULL);
	if (name)
		return kube ? g_strconcat(KUBE, name, NULL) : g_strdup(name);
	if (kubeconfig_current_context(config))
		return g_strconcat(KUBE, kubeconfig_current_context(config), NULL);
	return is_about_kube(options, config) ? NULL : g_strdup(LOCAL "default");
}

static void add_kube_context(GPtrArray *contexts, const Kubeconfig *config, const char *name)
{
	ClusterContext *context = g_new0(ClusterContext, 1);
	KubeContextInfo info = { 0 };

	(void)kubeconfig_describe(config, name, &info);
	context->name = g_strconcat(KUBE, name, NULL);
	context->cluster = g_strdup(info.cluster);
	context->server = g_strdup(info.server);
	context->user = g_strdup(info.user);
	context->ns = g_strdup(info.ns);
	g_ptr_array_add(contexts, context);
}

GPtrArray *cluster_describe_contexts(const ClusterOptions *options, GError **error)
{
	g_autoptr(Kubeconfig) config = kubeconfig_load(options->kubeconfig, error);
	g_autoptr(GPtrArray) contexts = g_ptr_array_new_with_free_func(context_free);
	g_auto(GStrv) stores = local_store_names();
	g_auto(GStrv) names = NULL;
	g_autofree char *current = NULL;

	if (!config)
		return NULL;
	for (char **store = stores; *store; store++) {
		ClusterContext *context = g_new0(ClusterContext, 1);

		context->name = g_strconcat(LOCAL, *store, NULL);
		context->local = TRUE;
		g_ptr_array_add(contexts, context);
	}
	names = kubeconfig_context_names(config);
	for (char **name = names; *name; name++)
		add_kube_context(contexts, config, *name);
	current = current_context(options, config);
	for (guint i = 0; i < contexts->len; i++) {
		ClusterContext *context = contexts->pdata[i];

		context->current = g_strcmp0(context->name, current) == 0;
	}
	return g_steal_pointer(&contexts);
}
