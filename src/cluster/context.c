/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cluster: local/NAME is a store of ours, kube/NAME a context of the kubeconfig. `local` and
 * `lab` are short for local/default and local/lab, and any other word for kube/WORD. What is
 * ambiguous is an error, never a guess.
 */
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "cluster/backend.h"
#include "cluster/cluster.h"
#include "model/yaml.h"

#define KUBECONFIG_MAX_BYTES 4194304
#define SERVICE_ACCOUNT_TOKEN "/var/run/secrets/kubernetes.io/serviceaccount/token"

static const struct {
	const char *word, *store;
} short_names[] = { { "local", "default" }, { "lab", "lab" } };

/* ---- kubeconfig: whether it is there, and the names in it ----------------------------------- */

static char *default_kubeconfig(void)
{
	const char *home = g_getenv("HOME");

	return g_build_filename(home && *home ? home : g_get_home_dir(), ".kube", "config", NULL);
}

static void add_existing(GPtrArray *files, const char *path)
{
	if (*path && g_file_test(path, G_FILE_TEST_EXISTS))
		g_ptr_array_add(files, g_strdup(path));
}

/* The files that kubectl would read; those that are not there are left out. */
static GPtrArray *kubeconfig_files(const char *option)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
	const char *variable = g_getenv("KUBECONFIG");

	if (option) {
		add_existing(files, option);
	} else if (variable && *variable) {
		g_auto(GStrv) paths = g_strsplit(variable, ":", -1);

		for (char **path = paths; *path; path++)
			add_existing(files, *path);
	} else {
		g_autofree char *path = default_kubeconfig();

		add_existing(files, path);
	}
	return files;
}

static gboolean has_service_account(void)
{
	const char *host = g_getenv("KUBERNETES_SERVICE_HOST");

	return host && *host && g_file_test(SERVICE_ACCOUNT_TOKEN, G_FILE_TEST_EXISTS);
}

static cJSON *read_kubeconfig(const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct stat st;
	gsize length;
	cJSON *document;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > KUBECONFIG_MAX_BYTES ||
	    !g_file_get_contents(path, &text, &length, NULL)) {
		g_debug("kubeconfig '%s' cannot be read", path);
		return NULL;
	}
	document = yaml_parse(text, length, path, &error);
	if (!document)
		g_debug("kubeconfig: %s", error->message);
	return document;
}

/* Names of the contexts, as far as they can be read: a broken file has none. */
static GPtrArray *kubeconfig_contexts(const char *option)
{
	g_autoptr(GPtrArray) files = kubeconfig_files(option);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < files->len; i++) {
		g_autoptr(cJSON) document = read_kubeconfig(g_ptr_array_index(files, i));
		const cJSON *context;

		cJSON_ArrayForEach(context, json_get(document, "contexts"))
		{
			const char *name = json_string(context, "name", NULL);

			if (name &&
			    !g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL))
				g_ptr_array_add(names, g_strdup(name));
		}
	}
	return names;
}

static gboolean is_kubeconfig_context(const char *option, const char *name)
{
	g_autoptr(GPtrArray) names = kubeconfig_contexts(option);

	return g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL);
}

/* ---- opening -------------------------------------------------------------------------------- */

static Cluster *set_error_later(GError **error, const char *what)
{
	error_set(error, KVMIG_ERROR_UNSUPPORTED,
		  "%s: clusters with an API server come with a later release of kvmig", what);
	if (local_store_exists("default"))
		error_hint(error, "for the local cluster: --context local, or KVMIG_CONTEXT=local");
	else
		error_hint(error, "to set up a local cluster: "
				  "kvmig --context local node add NAME --uri URI");
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

	if (!name_check_dns_label(name, what, NULL)) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "'local/%s' is no name of a cluster: lower-case letters, digits and '-', "
			  "at most 63",
			  name);
		return NULL;
	}
	if (!local_store_exists(name) && (!options->create || options->read_only))
		return set_error_no_store(error, name);
	return local_store_open(name, options->create, options->read_only, error);
}

static Cluster *open_unknown(const ClusterOptions *options, const char *name, GError **error)
{
	g_auto(GStrv) contexts = NULL;
	g_autofree char *list = NULL;

	if (is_kubeconfig_context(options->kubeconfig, name)) {
		g_autofree char *what = g_strdup_printf("context 'kube/%s'", name);

		return set_error_later(error, what);
	}
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no context '%s'", name);
	contexts = cluster_list_contexts();
	list = g_strjoinv(", ", contexts);
	if (strchr(name, '/') == NULL && local_store_exists(name))
		error_hint(error, "did you mean local/%s?", name);
	else if (*list)
		error_hint(error, "contexts: %s", list);
	else
		error_hint(error,
			   "kvmig --context local node add NAME --uri URI, or: kvmig lab up");
	return NULL;
}

static Cluster *open_named(const ClusterOptions *options, const char *name, GError **error)
{
	if (g_str_has_prefix(name, "local/"))
		return open_store(options, name + strlen("local/"), error);
	if (g_str_has_prefix(name, "kube/")) {
		g_autofree char *what = g_strdup_printf("context '%s'", name);

		return set_error_later(error, what);
	}
	for (guint i = 0; i < G_N_ELEMENTS(short_names); i++) {
		if (!g_str_equal(name, short_names[i].word))
			continue;
		if (!is_kubeconfig_context(options->kubeconfig, name))
			return open_store(options, short_names[i].store, error);
		error_set(error, KVMIG_ERROR_USAGE,
			  "context '%s' is ambiguous: a local cluster and a context of the "
			  "kubeconfig",
			  name);
		error_hint(error, "say --context local/%s or --context kube/%s",
			   short_names[i].store, name);
		return NULL;
	}
	return open_unknown(options, name, error);
}

static Cluster *open_unnamed(const ClusterOptions *options, GError **error)
{
	g_autoptr(GPtrArray) files = kubeconfig_files(options->kubeconfig);

	if (options->kubeconfig && files->len == 0) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no kubeconfig '%s'",
			  options->kubeconfig);
		return NULL;
	}
	if (files->len > 0) {
		g_autofree char *what =
			g_strdup_printf("kubeconfig '%s'", (char *)g_ptr_array_index(files, 0));

		return set_error_later(error, what);
	}
	if (has_service_account())
		return set_error_later(error, "the service account of this pod");
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

Cluster *cluster_open(const ClusterOptions *options, GError **error)
{
	const char *name = options->context ? options->context : g_getenv("KVMIG_CONTEXT");

	if (name && *name)
		return open_named(options, name, error);
	return open_unnamed(options, error);
}

GStrv cluster_list_contexts(void)
{
	g_autoptr(GPtrArray) kube = kubeconfig_contexts(NULL);
	g_auto(GStrv) stores = local_store_names();
	GPtrArray *names = g_ptr_array_new();

	for (char **store = stores; *store; store++)
		g_ptr_array_add(names, g_strconcat("local/", *store, NULL));
	for (guint i = 0; i < kube->len; i++)
		g_ptr_array_add(names, g_strconcat("kube/", g_ptr_array_index(kube, i), NULL));
	g_ptr_array_add(names, NULL);
	return (GStrv)g_ptr_array_free(names, FALSE);
}
