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

static gboolean set_error_no_store(GError **error, const char *name)
{
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no local cluster 'local/%s'", name);
	if (g_str_equal(name, "lab"))
		error_hint(error, "kvmig lab up");
	else
		error_hint(error, "kvmig --context local/%s node add NAME --uri URI", name);
	return FALSE;
}

static gboolean check_store(const ClusterOptions *options, const char *name, GError **error)
{
	g_autofree char *what = g_strdup_printf("context 'local/%s'", name);
	const char *option = kube_option(options);

	if (!name_check_dns_label(name, what, NULL))
		return error_set(error, KVMIG_ERROR_USAGE,
				 "'local/%s' is no name of a cluster: lower-case letters, digits "
				 "and '-', at most 63",
				 name);
	if (option) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "%s is for a cluster with an API server, and 'local/%s' has none", option,
			  name);
		error_hint(error, "leave it out, or name another context");
		return FALSE;
	}
	if (!local_store_exists(name) && (!options->create || options->read_only))
		return set_error_no_store(error, name);
	return TRUE;
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

static gboolean set_error_unknown(const ClusterOptions *options, const char *name, GError **error)
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
	return FALSE;
}

/* ---- choosing ------------------------------------------------------------------------------- */

/* What the options, the environment and the files come to: a store, or a kubeconfig with or
 * without the name of one of its contexts. Names are borrowed. */
typedef struct {
	ClusterContextOrigin origin;
	const char *store; /* NULL: none */
	Kubeconfig *config;
	const char *context; /* NULL: the current one, or none at all */
} Choice;

static void choice_clear(Choice *choice)
{
	g_clear_pointer(&choice->config, kubeconfig_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Choice, choice_clear)

static gboolean choose_short(const ClusterOptions *options, const char *word, const char *store,
			     Choice *choice, GError **error)
{
	g_autoptr(Kubeconfig) config = load_if_readable(options->kubeconfig);

	choice->store = store;
	if (!config || !kubeconfig_has_context(config, word))
		return check_store(options, store, error);
	error_set(error, KVMIG_ERROR_USAGE,
		  "context '%s' is ambiguous: a local cluster and a context of the kubeconfig",
		  word);
	error_hint(error, "say --context local/%s or --context kube/%s", store, word);
	return FALSE;
}

static gboolean choose_named(const ClusterOptions *options, const char *name, Choice *choice,
			     GError **error)
{
	const char *in_kubeconfig = name + (g_str_has_prefix(name, KUBE) ? strlen(KUBE) : 0);
	const char *store = store_of_word(name);

	choice->origin = options->context ? CLUSTER_CONTEXT_OPTION : CLUSTER_CONTEXT_ENVIRONMENT;
	if (g_str_has_prefix(name, LOCAL)) {
		choice->store = name + strlen(LOCAL);
		return check_store(options, choice->store, error);
	}
	if (store)
		return choose_short(options, name, store, choice, error);
	choice->config = kubeconfig_load(options->kubeconfig, error);
	if (!choice->config)
		return FALSE;
	/* a context of a kubeconfig may have a '/' in its name, and even begin with kube/ */
	choice->context =
		kubeconfig_has_context(choice->config, in_kubeconfig) ? in_kubeconfig : name;
	return kubeconfig_has_context(choice->config, choice->context) ||
	       set_error_unknown(options, name, error);
}

static gboolean set_error_nothing(GError **error)
{
	error_set(
		error, KVMIG_ERROR_NOT_FOUND,
		"no cluster: no context is named, there is no kubeconfig, and no local cluster has "
		"been set up");
	if (local_store_exists("lab"))
		error_hint(error, "for the lab: --context lab, or KVMIG_CONTEXT=lab");
	else
		error_hint(error, "kvmig node add NAME --uri URI for hosts of your own, "
				  "kvmig lab up to try it");
	return FALSE;
}

/* Without a context: --server and its like, else a pod's service account. */
static ClusterContextOrigin origin_in(const ClusterOptions *options, const Kubeconfig *config)
{
	const char *master = g_getenv("KUBERNETES_MASTER");

	if (kubeconfig_current_context(config))
		return CLUSTER_CONTEXT_KUBECONFIG;
	return options->server || options->cluster || (master && *master)
		       ? CLUSTER_CONTEXT_SERVER
		       : CLUSTER_CONTEXT_SERVICE_ACCOUNT;
}

static gboolean choose_unnamed(const ClusterOptions *options, Choice *choice, GError **error)
{
	const char *master = g_getenv("KUBERNETES_MASTER");

	choice->config = kubeconfig_load(options->kubeconfig, error);
	if (!choice->config) {
		if (!options->kubeconfig && local_store_exists("default"))
			error_hint(error, "for the local cluster: --context local, or "
					  "KVMIG_CONTEXT=local");
		return FALSE;
	}
	if (!kubeconfig_is_empty(choice->config) || options->kubeconfig || kube_option(options) ||
	    (master && *master) || kubeconfig_in_cluster()) {
		choice->origin = origin_in(options, choice->config);
		return TRUE;
	}
	choice->origin = CLUSTER_CONTEXT_DEFAULT;
	choice->store = "default";
	if (!options->create && !local_store_exists("default"))
		return set_error_nothing(error);
	return check_store(options, choice->store, error);
}

static gboolean choose(const ClusterOptions *options, Choice *choice, GError **error)
{
	const char *name = wanted_context(options);

	return name ? choose_named(options, name, choice, error)
		    : choose_unnamed(options, choice, error);
}

void cluster_protect_process(void)
{
	kube_protect_process();
}

Cluster *cluster_open(const ClusterOptions *options, GError **error)
{
	g_auto(Choice) choice = { 0 };

	if (!choose(options, &choice, error))
		return NULL;
	if (choice.store)
		return local_store_open(choice.store, options->create, options->read_only, error);
	return open_kube(options, choice.config, choice.context, error);
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

/* ---- descriptions --------------------------------------------------------------------------- */

void cluster_context_free(ClusterContext *context)
{
	if (!context)
		return;
	g_free(context->name);
	g_free(context->cluster);
	g_free(context->server);
	g_free(context->user);
	g_free(context->ns);
	g_free(context->file);
	g_free(context->problem);
	g_free(context);
}

static ClusterContext *describe_store(const char *name)
{
	ClusterContext *context = g_new0(ClusterContext, 1);

	context->name = g_strconcat(LOCAL, name, NULL);
	context->local = TRUE;
	return context;
}

static ClusterContext *describe_kube(const Kubeconfig *config, const char *name)
{
	ClusterContext *context = g_new0(ClusterContext, 1);
	KubeContextInfo info = { 0 };

	(void)kubeconfig_describe(config, name, &info);
	context->name = g_strconcat(KUBE, name, NULL);
	context->cluster = g_strdup(info.cluster);
	context->server = g_strdup(info.server);
	context->user = g_strdup(info.user);
	context->ns = g_strdup(info.ns);
	return context;
}

static void replace(char **place, const char *text)
{
	g_free(*place);
	*place = g_strdup(text);
}

/* What the options make of it. FALSE: not even a name is left. */
static gboolean resolve(const ClusterOptions *options, const Choice *choice,
			ClusterContext *context, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(KubeTarget) target = NULL;

	cluster_protect_process(); /* it reads keys and tokens */
	target = kubeconfig_resolve(choice->config, choice->context, options, &cause);
	if (!target && !context->name) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!target) {
		context->problem = g_strdup(cause->message);
		return TRUE;
	}
	if (!context->name)
		context->name = *target->context ? g_strconcat(KUBE, target->context, NULL)
						 : g_strdup(target->server);
	replace(&context->cluster, target->cluster_name);
	replace(&context->server, target->server);
	replace(&context->user, target->user_name);
	replace(&context->ns, target->ns);
	return TRUE;
}

ClusterContext *cluster_current_context(const ClusterOptions *options, GError **error)
{
	g_auto(Choice) choice = { 0 };
	ClusterContext *context;
	const char *name;

	if (!choose(options, &choice, error))
		return NULL;
	if (choice.store) {
		context = describe_store(choice.store);
	} else {
		name = choice.context ? choice.context : kubeconfig_current_context(choice.config);
		context = name ? describe_kube(choice.config, name) : g_new0(ClusterContext, 1);
		if (!resolve(options, &choice, context, error)) {
			cluster_context_free(context);
			return NULL;
		}
		if (choice.origin == CLUSTER_CONTEXT_KUBECONFIG)
			context->file = g_strdup(kubeconfig_current_file(choice.config));
	}
	context->current = TRUE;
	context->origin = choice.origin;
	return context;
}

GPtrArray *cluster_describe_contexts(const ClusterOptions *options, GError **error)
{
	g_autoptr(Kubeconfig) config = kubeconfig_load(options->kubeconfig, error);
	g_autoptr(GPtrArray) contexts =
		g_ptr_array_new_with_free_func((GDestroyNotify)cluster_context_free);
	g_autoptr(ClusterContext) current = NULL;
	g_auto(GStrv) stores = local_store_names();
	g_auto(GStrv) names = NULL;

	if (!config)
		return NULL;
	for (char **store = stores; *store; store++)
		g_ptr_array_add(contexts, describe_store(*store));
	names = kubeconfig_context_names(config);
	for (char **name = names; *name; name++)
		g_ptr_array_add(contexts, describe_kube(config, *name));
	current = cluster_current_context(options, NULL);
	if (current && (current->origin == CLUSTER_CONTEXT_SERVER ||
			current->origin == CLUSTER_CONTEXT_SERVICE_ACCOUNT))
		g_ptr_array_add(contexts, g_steal_pointer(&current)); /* of no name */
	for (guint i = 0; current && i < contexts->len; i++) {
		ClusterContext *context = contexts->pdata[i];

		if (!g_str_equal(context->name, current->name))
			continue;
		cluster_context_free(context);
		contexts->pdata[i] = g_steal_pointer(&current);
	}
	return g_steal_pointer(&contexts);
}
