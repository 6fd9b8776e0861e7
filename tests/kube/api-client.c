/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h from the command line, for tests: what no subcommand shows by itself.
 *
 *   get KIND NS NAME · list KIND [NS] · each KIND [SELECTOR] · metadata KIND · find WORD
 *   create · update · update-status · apply · force · dry-run      an object on standard input
 *   merge|merge-status|json KIND NS NAME                           a patch on standard input
 *   delete KIND NS NAME [UID] · probe · has-field KIND PATH
 *   watch KIND VERSION N [SELECTOR]                                until N events came
 *
 * KIND as people say it; NS "-": none. KVMIG_TEST_TIMEOUT_MS is the request timeout. An error is
 * "error CODE: message" on standard error and status 1; warnings are "warning: text".
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cluster/cluster.h"

static GMainLoop *loop;

static void warn(const char *text, gpointer data G_GNUC_UNUSED)
{
	(void)fprintf(stderr, "warning: %s\n", text);
}

static const char *ns_of(const char *word)
{
	return g_strcmp0(word, "-") == 0 ? NULL : word;
}

static cJSON *read_stdin(GError **error)
{
	static char text[JSON_MAX_BYTES];
	gsize length = fread(text, 1, sizeof(text), stdin);

	return json_parse(text, length, "standard input", error);
}

static gboolean print_object(cJSON *object)
{
	g_autofree char *text = object ? json_print_pretty(object) : NULL;

	if (text)
		(void)fputs(text, stdout);
	cJSON_Delete(object);
	return text != NULL;
}

static gboolean print_ref(const cJSON *object, gpointer data G_GNUC_UNUSED)
{
	g_autofree char *ref = object_ref(object);

	(void)printf("%s %s %s\n", json_string(object, "apiVersion", "-"),
		     json_string(object, "kind", "-"), ref);
	return TRUE;
}

/* ---- one function for each group of words -----------------------------------------------------
 */

static gboolean do_list(Cluster *cluster, const char *word, const Kind *kind, const char *arg,
			GError **error)
{
	g_autoptr(Selector) selector = NULL;
	g_autoptr(GPtrArray) items = NULL;
	g_autofree char *version = NULL;
	ClusterListOptions options = { 0 };

	if (g_str_equal(word, "list")) {
		options.ns = ns_of(arg);
		items = cluster_list(cluster, kind, &options, &version, error);
		for (guint i = 0; items && i < items->len; i++)
			print_ref(items->pdata[i], NULL);
		if (!items)
			return FALSE;
	} else {
		options.metadata_only = g_str_equal(word, "metadata");
		selector = arg && !options.metadata_only ? selector_parse(arg, error) : NULL;
		options.selector = selector;
		if (!cluster_each(cluster, kind, &options, print_ref, NULL, &version, error))
			return FALSE;
	}
	(void)fprintf(stderr, "version %s\n", version);
	return TRUE;
}

static gboolean do_write(Cluster *cluster, const char *word, GError **error)
{
	g_autoptr(cJSON) object = read_stdin(error);
	gboolean created = FALSE, ok;

	if (!object)
		return FALSE;
	if (g_str_equal(word, "create"))
		return print_object(cluster_create(cluster, object, CLUSTER_WRITE_NONE, error));
	if (g_str_equal(word, "dry-run"))
		return print_object(cluster_create(cluster, object, CLUSTER_WRITE_DRY_RUN, error));
	if (g_str_equal(word, "update"))
		return print_object(cluster_update(cluster, object, CLUSTER_WRITE_NONE, error));
	if (g_str_equal(word, "update-status"))
		return print_object(
			cluster_update_status(cluster, object, CLUSTER_WRITE_NONE, error));
	ok = print_object(
		cluster_apply(cluster, object,
			      g_str_equal(word, "force") ? CLUSTER_WRITE_FORCE : CLUSTER_WRITE_NONE,
			      &created, error));
	if (ok)
		(void)fprintf(stderr, "%s\n", created ? "created" : "there before");
	return ok;
}

static gboolean do_patch(Cluster *cluster, const char *word, const Kind *kind, char **args,
			 GError **error)
{
	g_autoptr(cJSON) patch = read_stdin(error);
	ClusterPatchType type = g_str_equal(word, "json")    ? CLUSTER_PATCH_JSON
				: g_str_equal(word, "merge") ? CLUSTER_PATCH_MERGE
							     : CLUSTER_PATCH_MERGE_STATUS;

	return patch && print_object(cluster_patch(cluster, kind, ns_of(args[0]), args[1], type,
						   patch, CLUSTER_WRITE_NONE, error));
}

static gboolean do_probe(Cluster *cluster, GError **error)
{
	static const char *const kinds[] = { "kubevirt", "fleet", "local" };
	const ClusterCaps *caps;

	if (!cluster_probe(cluster, error))
		return FALSE;
	caps = cluster_caps(cluster);
	(void)printf("%s %s %d\n", kinds[caps->kind], caps->node_kind->kind,
		     caps->kvmig_migrates);
	return TRUE;
}

static gboolean do_field(Cluster *cluster, const Kind *kind, const char *path)
{
	static const char *const words[] = { "unknown", "yes", "no" };

	(void)printf("%s\n", words[cluster_has_field(cluster, kind, path)]);
	return TRUE;
}

/* ---- watching ------------------------------------------------------------------------------- */

typedef struct {
	guint64 left;
	GError *error;
} Watching;

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	static const char *const words[] = { "ADDED", "MODIFIED", "DELETED" };
	Watching *watching = data;
	g_autofree char *ref = NULL;

	if (type == CLUSTER_EVENT_ERROR) {
		watching->error = g_error_copy(error);
		g_main_loop_quit(loop);
		return;
	}
	ref = object_ref(object);
	(void)printf("%s %s %s\n", words[type], ref, object_resource_version(object));
	(void)fflush(stdout);
	if (--watching->left == 0)
		g_main_loop_quit(loop);
}

static gboolean do_watch(Cluster *cluster, const Kind *kind, char **args, GError **error)
{
	Watching watching = { .left = g_ascii_strtoull(args[1], NULL, 10) };
	g_autoptr(Selector) selector = args[2] ? selector_parse(args[2], error) : NULL;
	const ClusterListOptions options = { .selector = selector };
	ClusterWatch *watch =
		cluster_watch(cluster, kind, &options, ns_of(args[0]), on_event, &watching, error);

	if (!watch)
		return FALSE;
	(void)fprintf(stderr, "watching\n");
	loop = g_main_loop_new(NULL, FALSE);
	g_main_loop_run(loop);
	g_main_loop_unref(loop);
	cluster_watch_stop(watch);
	if (watching.error)
		g_propagate_error(error, watching.error);
	return watching.error == NULL;
}

/* ---- words ---------------------------------------------------------------------------------- */

static gboolean is_among(const char *word, const char *const *words)
{
	return g_strv_contains(words, word);
}

static gboolean do_kind(Cluster *cluster, char **words, const Kind *kind, GError **error)
{
	static const char *const lists[] = { "list", "each", "metadata", NULL };
	static const char *const patches[] = { "merge", "merge-status", "json", NULL };
	const char *word = words[0];
	char **args = words + 2;

	if (g_str_equal(word, "find"))
		return printf("%s %s %s %d\n", kind->api_version, kind->kind, kind->plural,
			      kind->namespaced) > 0;
	if (is_among(word, lists))
		return do_list(cluster, word, kind, args[0], error);
	if (g_str_equal(word, "watch"))
		return do_watch(cluster, kind, args, error);
	if (g_str_equal(word, "has-field"))
		return do_field(cluster, kind, args[0]);
	if (g_str_equal(word, "get"))
		return print_object(cluster_get(cluster, kind, ns_of(args[0]), args[1], error));
	if (is_among(word, patches))
		return do_patch(cluster, word, kind, args, error);
	if (g_str_equal(word, "delete"))
		return cluster_delete(cluster, kind, ns_of(args[0]), args[1], args[2],
				      CLUSTER_WRITE_NONE, error);
	return error_set(error, KVMIG_ERROR_USAGE, "what is '%s'?", word);
}

static gboolean run(char **words, GError **error)
{
	static const char *const writes[] = { "create", "update", "update-status",
					      "apply",  "force",  "dry-run",
					      NULL };
	const char *timeout = g_getenv("KVMIG_TEST_TIMEOUT_MS");
	const ClusterOptions options = {
		.warn = warn,
		.request_timeout_ms = timeout ? g_ascii_strtoll(timeout, NULL, 10) : 0,
	};
	g_autoptr(Cluster) cluster = cluster_open(&options, error);
	const Kind *kind;

	if (!cluster)
		return FALSE;
	if (g_str_equal(words[0], "probe"))
		return do_probe(cluster, error);
	if (is_among(words[0], writes))
		return do_write(cluster, words[0], error);
	if (!words[1])
		return error_set(error, KVMIG_ERROR_USAGE, "of which kind?");
	kind = cluster_find_kind(cluster, words[1], error);
	return kind && do_kind(cluster, words, kind, error);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (argc > 1 && run(argv + 1, &error))
		return 0;
	if (error)
		(void)fprintf(stderr, "error %d: %s\n", error->code, error->message);
	if (error && error_get_hint(error))
		(void)fprintf(stderr, "hint: %s\n", error_get_hint(error));
	return 1;
}
