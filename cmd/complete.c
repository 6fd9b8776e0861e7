/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kvmig __complete WHAT=PREFIX`: the names that completion scripts ask for, one a line. An API
 * server is asked for names only, and only with credentials that are there already: no credential
 * plugin, no controller, no host. Ends within a second, says nothing on stderr, and where it has no
 * answer that is an empty one.
 */
#include "cmd.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "model/host.h"
#include "model/vmi.h"
#include "model/wellknown.h"
#include "settings/settings.h"

#define LIMIT_SECONDS 1

typedef struct {
	const char *kubeconfig, *context, *ns;
} CompleteValues;

/* The names that were found: those with the prefix, each once, in order. */
typedef struct {
	const char *prefix;
	const char *ns;
	Cluster *cluster;
	GTree *names;
} Answer;

static void give_up(int number)
{
	(void)number;
	_exit(STATUS_DONE);
}

/* Tests of what is answered give it time, however slow the machine is. */
static guint limit_seconds(void)
{
	const char *text = g_getenv("KVMIG_TEST_COMPLETE_S");
	guint64 seconds = LIMIT_SECONDS;

	if (text)
		(void)g_ascii_string_to_unsigned(text, 10, 1, 3600, &seconds, NULL);
	return (guint)seconds;
}

/* A store that somebody has locked must not hold up the shell. */
static void limit_time(void)
{
	struct sigaction action = { .sa_handler = give_up };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)sigaction(SIGALRM, &action, NULL);
	(void)alarm(limit_seconds());
	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO);
		(void)close(null);
	}
}

/* A name with a line break or a control character cannot be offered by a shell. */
static void answer_add(Answer *answer, const char *name)
{
	if (!name || !*name || !g_str_has_prefix(name, answer->prefix))
		return;
	for (const char *c = name; *c; c++)
		if (g_ascii_iscntrl(*c))
			return;
	g_tree_insert(answer->names, g_strdup(name), NULL);
}

typedef void (*AddFunc)(Answer *answer, const cJSON *object);

static void add_name(Answer *answer, const cJSON *object)
{
	answer_add(answer, object_name(object));
}

static void add_vm(Answer *answer, const cJSON *object)
{
	Vmi vmi;

	vmi_read(object, &vmi);
	answer_add(answer, vmi.name);
	answer_add(answer, vmi.raw_name);
}

static void add_namespace(Answer *answer, const cJSON *object)
{
	answer_add(answer, object_namespace(object));
}

static void add_labels(Answer *answer, const cJSON *object)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, object_labels(object))
	{
		g_autofree char *pair =
			cJSON_IsString(label)
				? g_strdup_printf("%s=%s", label->string, label->valuestring)
				: NULL;

		answer_add(answer, pair);
	}
}

static void add_objects(Answer *answer, const Kind *kind, const char *ns, AddFunc func)
{
	const ClusterListOptions options = { .ns = ns, .metadata_only = func != add_labels };
	g_autoptr(GPtrArray) list = cluster_list(answer->cluster, kind, &options, NULL, NULL);

	for (guint i = 0; list && i < list->len; i++)
		func(answer, list->pdata[i]);
}

/* The long form, and the short one that people type. */
static void add_context(Answer *answer, const char *name)
{
	answer_add(answer, name);
	if (strcmp(name, "local/default") == 0)
		answer_add(answer, "local");
	else if (strcmp(name, "local/lab") == 0)
		answer_add(answer, "lab");
	else if (g_str_has_prefix(name, "kube/"))
		answer_add(answer, name + strlen("kube/"));
}

static void add_contexts(Answer *answer, const char *kubeconfig)
{
	g_auto(GStrv) contexts = cluster_list_contexts(kubeconfig);

	for (char **name = contexts; name && *name; name++)
		add_context(answer, *name);
}

static void add_entries(Answer *answer, CompleteWhat what, const char *kubeconfig)
{
	g_auto(GStrv) names = what == COMPLETE_USER ? cluster_list_users(kubeconfig)
						    : cluster_list_clusters(kubeconfig);

	for (char **name = names; *name; name++)
		answer_add(answer, *name);
}

static void add_words(Answer *answer, const char *const *words)
{
	for (; *words; words++)
		answer_add(answer, *words);
}

static void add_kinds(Answer *answer)
{
	for (unsigned i = 0; kind_nth(i); i++) {
		answer_add(answer, kind_nth(i)->singular);
		if (kind_nth(i)->short_name)
			answer_add(answer, kind_nth(i)->short_name);
	}
}

/* KIND/NAME: those of that kind, with what was typed in front. */
static void add_names_of_kind(Answer *answer)
{
	const char *slash = strchr(answer->prefix, '/');
	g_autofree char *word = g_strndup(answer->prefix, (gsize)(slash - answer->prefix));
	const Kind *kind = cluster_find_kind(answer->cluster, word, NULL);
	const ClusterListOptions options = { .ns = answer->ns, .metadata_only = TRUE };
	g_autoptr(GPtrArray) list =
		kind ? cluster_list(answer->cluster, kind, &options, NULL, NULL) : NULL;

	for (guint i = 0; list && i < list->len; i++) {
		g_autofree char *name =
			g_strdup_printf("%s/%s", word, object_name(list->pdata[i]));

		answer_add(answer, name);
	}
}

static void add_from_cluster(Answer *answer, CompleteWhat what)
{
	const Kind *nodes = cluster_caps(answer->cluster)->node_kind;

	switch (what) {
	case COMPLETE_VM_OR_MIGRATION:
		add_objects(answer, &KIND_VMIM, answer->ns, add_name);
		add_objects(answer, &KIND_VMI, answer->ns, add_vm);
		break;
	case COMPLETE_VM:
		add_objects(answer, &KIND_VMI, answer->ns, add_vm);
		break;
	case COMPLETE_LAB_VM:
		add_objects(answer, &KIND_VMI, NULL, add_vm);
		break;
	case COMPLETE_MIGRATION:
		add_objects(answer, &KIND_VMIM, answer->ns, add_name);
		break;
	case COMPLETE_NODE:
		add_objects(answer, nodes, NULL, add_name);
		break;
	case COMPLETE_KIND:
		add_names_of_kind(answer);
		break;
	case COMPLETE_POLICY:
		add_objects(answer, &KIND_MIGRATION_POLICY, NULL, add_name);
		break;
	case COMPLETE_NODE_LABEL:
		add_objects(answer, nodes, NULL, add_labels);
		break;
	default: /* COMPLETE_NAMESPACE */
		answer_add(answer, NAMESPACE_DEFAULT);
		add_objects(answer, &KIND_NAMESPACE, NULL, add_name);
		if (cluster_caps(answer->cluster)->kind == CLUSTER_LOCAL)
			add_objects(answer, &KIND_VMI, NULL, add_namespace);
	}
}

static void find_answer(Answer *answer, CompleteWhat what, const CompleteValues *values)
{
	static const char *const shells[] = { "bash", "zsh", "fish", NULL };
	const ClusterOptions options = {
		.context = what == COMPLETE_LAB_VM ? "lab" : values->context,
		.kubeconfig = values->kubeconfig,
		.read_only = TRUE,
		.no_plugins = TRUE,
		.request_timeout_ms = limit_seconds() * (gint64)1000,
	};
	g_autoptr(Cluster) cluster = NULL;
	const Setting *setting;

	switch (what) {
	case COMPLETE_NONE:
	case COMPLETE_FILE:
	case COMPLETE_COMMAND:
		return;
	case COMPLETE_SHELL:
		add_words(answer, shells);
		return;
	case COMPLETE_CONTEXT:
	case COMPLETE_FILE_OR_CONTEXT: /* the shell knows the files */
		add_contexts(answer, values->kubeconfig);
		return;
	case COMPLETE_CLUSTER:
	case COMPLETE_USER:
		add_entries(answer, what, values->kubeconfig);
		return;
	case COMPLETE_SETTING:
		for (unsigned i = 0; (setting = setting_nth(i)); i++)
			answer_add(answer, setting->key);
		return;
	case COMPLETE_KIND:
		if (strchr(answer->prefix, '/'))
			break;
		add_kinds(answer);
		return;
	default:
		break;
	}
	cluster = cluster_open(&options, NULL);
	if (!cluster || !cluster_probe(cluster, NULL))
		return;
	answer->cluster = cluster;
	if (!answer->ns)
		answer->ns = cluster_default_namespace(cluster);
	if (!answer->ns)
		answer->ns = NAMESPACE_DEFAULT;
	add_from_cluster(answer, what);
}

static gboolean print_name(gpointer name, gpointer unused, gpointer data)
{
	(void)unused;
	(void)fputs(name, data);
	(void)fputc('\n', data);
	return FALSE;
}

static int compare_names(gconstpointer a, gconstpointer b, gpointer data)
{
	(void)data;
	return strcmp(a, b);
}

static int run_complete(CommandContext *context, const void *data, GError **error)
{
	const CompleteValues *values = data;
	g_auto(GStrv) parts = g_strsplit(context->args[0], "=", 2);
	g_autoptr(GTree) names = g_tree_new_full(compare_names, NULL, g_free, NULL);
	Answer answer = { .prefix = parts[1] ? parts[1] : "",
			  .ns = values->ns,
			  .names = names };

	(void)error;
	limit_time();
	find_answer(&answer, complete_what_find(parts[0]), values);
	g_tree_foreach(names, print_name, context->output->stream);
	return STATUS_DONE;
}

static const Option options[] = {
	OPT_STRING(0, "kubeconfig", CompleteValues, kubeconfig, "FILE", "as of the command"),
	OPT_STRING(0, "context", CompleteValues, context, "NAME", "as of the command"),
	OPT_STRING('n', "namespace", CompleteValues, ns, "NS", "as of the command"),
	OPT_END,
};

const Command complete_command = {
	.name = "__complete",
	.summary = "answer a completion script",
	.group = COMMAND_GROUP_OTHER,
	.options = options,
	.values_size = sizeof(CompleteValues),
	.args = { "WHAT=PREFIX", 1, 1, COMPLETE_NONE },
	.needs = HIDDEN,
	.run = run_complete,
};
