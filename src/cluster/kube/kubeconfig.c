/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a kubeconfig, and how they become one. */
#include "cluster/kube/kubeconfig.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cluster/kube/kubeconfig-private.h"

void kube_protect_process(void)
{
	/* a limit for core files would go on to what we start, and this is enough */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		g_warning("cannot keep credentials out of core files: %s", g_strerror(errno));
}

void kube_secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	g_free(secret);
}

gboolean kube_set_error_at(GError **error, KvmigError code, const KubeFile *file,
			   const YamlNode *node, const char *format, ...)
{
	g_autofree char *why = NULL;
	g_autofree char *place = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (node)
		place = g_strdup_printf("line %u, column %u: ", node->line, node->column);
	return error_set(error, code, "kubeconfig '%s': %s%s", file->path, place ? place : "", why);
}

/* ---- reading a file ------------------------------------------------------------------------- */

static gboolean read_all(int fd, const char *path, const char *what, char *buffer,
			 gsize *ret_length, GError **error)
{
	gsize length = 0;

	while (length <= KUBE_FILE_MAX_BYTES) {
		ssize_t n = read(fd, buffer + length, KUBE_FILE_MAX_BYTES + 1 - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(error, errno, "cannot read %s '%s'", what, path);
		if (n == 0) {
			*ret_length = length;
			return TRUE;
		}
		length += (gsize)n;
	}
	return error_set(error, KVMIG_ERROR_INVALID, "cannot read %s '%s': larger than %u MiB",
			 what, path, KUBE_FILE_MAX_BYTES / 1024 / 1024);
}

static gboolean check_kind_of_file(int fd, const char *path, const char *what, GError **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(error, errno, "cannot read %s '%s'", what, path);
	if (S_ISDIR(st.st_mode))
		return error_set(error, KVMIG_ERROR_INVALID, "cannot read %s '%s': it is a folder",
				 what, path);
	return TRUE;
}

/* Paths are shown in full, but without characters that a terminal would obey. */
static char *fit_for_message(const char *path)
{
	char *text = g_utf8_make_valid(path, -1);

	for (char *c = text; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = '?';
	return text;
}

gboolean kube_read_file(const char *path, const char *what, char **ret_bytes, gsize *ret_length,
			GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const int errnum = errno;
	g_autofree char *shown = fit_for_message(path);
	char *buffer;
	gsize length = 0;
	gboolean done;

	if (fd < 0) {
		error_set_errno(error, errnum, "cannot read %s '%s'", what, shown);
		return FALSE;
	}
	buffer = g_malloc(KUBE_FILE_MAX_BYTES + 2);
	done = check_kind_of_file(fd, shown, what, error) &&
	       read_all(fd, shown, what, buffer, &length, error);
	(void)close(fd);
	if (done) {
		buffer[length] = '\0';
		*ret_bytes = g_memdup2(buffer, length + 1);
		*ret_length = length;
	}
	explicit_bzero(buffer, length);
	g_free(buffer);
	return done;
}

static void file_free(gpointer data)
{
	KubeFile *file = data;

	g_free(file->path);
	g_free(file->folder);
	yaml_tree_free(file->tree);
	g_free(file);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KubeFile, file_free)

static gboolean others_may_read(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077);
}

/* Takes nothing; the file is not looked at, but for its path. */
static KubeFile *parse_kube_file(const char *text, gsize length, const char *path,
				 gboolean *ret_secret, GError **error)
{
	g_autoptr(KubeFile) file = g_new0(KubeFile, 1);
	g_autofree char *what = g_strdup_printf("kubeconfig '%s'", path);
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);

	file->path = g_strdup(path);
	file->folder = g_path_get_dirname(absolute);
	file->tree = yaml_tree_parse(text, length, what, error);
	if (!file->tree || !kube_check_fields(file, ret_secret, error))
		return NULL;
	if (yaml_tree_has_more(file->tree))
		g_info("kubeconfig '%s': only its first document is read", path);
	return g_steal_pointer(&file);
}

static KubeFile *read_kube_file(const char *path, GError **error)
{
	KubeFile *file;
	char *text = NULL;
	gboolean secret = FALSE;
	gsize length = 0;

	kube_protect_process();
	if (!kube_read_file(path, "kubeconfig", &text, &length, error))
		return NULL;
	file = parse_kube_file(text, length, path, &secret, error);
	if (text)
		explicit_bzero(text, length);
	g_free(text);
	if (!file)
		return NULL;
	file->exposed = secret && others_may_read(path);
	g_info("kubeconfig '%s' is read", path);
	return file;
}

/* ---- merging -------------------------------------------------------------------------------- */

static void entry_free(gpointer data)
{
	KubeEntry *entry = data;

	g_free(entry->shown);
	g_free(entry);
}

/* A name twice in one file is an error; one that an earlier file has is left out. */
static gboolean add_entry(GHashTable *entries, const KubeFile *file, const YamlNode *node,
			  const char *key, GError **error)
{
	const YamlNode *name_node = yaml_node_get(node, "name");
	const char *name = name_node ? name_node->text : "";
	const KubeEntry *old = g_hash_table_lookup(entries, name);
	KubeEntry *entry;

	if (old && old->file == file)
		return kube_set_error_at(error, KVMIG_ERROR_INVALID, file, node,
					 "%s '%s' is there twice, first in line %u", key,
					 old->shown, old->node->line);
	if (old)
		return TRUE;
	entry = g_new0(KubeEntry, 1);
	*entry = (KubeEntry){
		.file = file,
		.name = name,
		.shown = error_excerpt(name),
		.node = node,
		.value = yaml_node_get(node, key),
	};
	g_hash_table_insert(entries, (gpointer)name, entry);
	return TRUE;
}

static gboolean add_entries(GHashTable *entries, const KubeFile *file, const char *list,
			    const char *key, GError **error)
{
	const YamlNode *nodes = yaml_node_get(yaml_tree_root(file->tree), list);

	for (guint i = 0; nodes && i < nodes->nodes->len; i++)
		if (!add_entry(entries, file, nodes->nodes->pdata[i], key, error))
			return FALSE;
	return TRUE;
}

static gboolean add_file(Kubeconfig *config, KubeFile *file, GError **error)
{
	const YamlNode *current = yaml_node_get(yaml_tree_root(file->tree), "current-context");

	g_ptr_array_add(config->files, file);
	if (!config->current && current && *current->text) {
		config->current = current->text;
		config->current_file = file;
	}
	return add_entries(config->clusters, file, "clusters", "cluster", error) &&
	       add_entries(config->users, file, "users", "user", error) &&
	       add_entries(config->contexts, file, "contexts", "context", error);
}

/* ---- which files ---------------------------------------------------------------------------- */

static gboolean load_file(Kubeconfig *config, const char *path, gboolean must, GError **error)
{
	KubeFile *file;

	/* only what is not there is left out, as by kubectl: what cannot be looked for is an error
	 */
	if (!must && access(path, F_OK) < 0 && errno == ENOENT) {
		g_info("kubeconfig '%s' is not there", path);
		return TRUE;
	}
	file = read_kube_file(path, error);
	return file && add_file(config, file, error);
}

static gboolean load_list(Kubeconfig *config, const char *list, GError **error)
{
	g_auto(GStrv) paths = g_strsplit(list, ":", -1);
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	config->named = g_strdup_printf("KUBECONFIG (%s)", list);
	for (char **path = paths; *path; path++)
		if (**path && g_hash_table_add(seen, *path) &&
		    !load_file(config, *path, FALSE, error))
			return FALSE;
	return TRUE;
}

static gboolean load_default(Kubeconfig *config, GError **error)
{
	const char *home = g_getenv("HOME");
	g_autofree char *path =
		g_build_filename(home && *home ? home : g_get_home_dir(), ".kube", "config", NULL);

	config->named = g_strdup_printf("'%s'", path);
	return load_file(config, path, FALSE, error);
}

static Kubeconfig *config_new(void)
{
	Kubeconfig *config = g_new0(Kubeconfig, 1);

	config->files = g_ptr_array_new_with_free_func(file_free);
	config->clusters = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	config->users = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	config->contexts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	return config;
}

Kubeconfig *kube_config_from_text(const char *text, gsize length, const char *path, GError **error)
{
	g_autoptr(Kubeconfig) config = config_new();
	gboolean secret;
	KubeFile *file = parse_kube_file(text, length, path, &secret, error);

	config->named = g_strdup_printf("'%s'", path);
	return file && add_file(config, file, error) ? g_steal_pointer(&config) : NULL;
}

/* What can be done about a file, where the error itself does not say. */
static void hint_file(GError **error)
{
	const GError *cause = error ? *error : NULL;

	if (!cause || error_get_hint(cause))
		return;
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		error_hint(error, "log in to the cluster first, or name another file with "
				  "--kubeconfig or KUBECONFIG");
	else if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		error_hint(error, "let its owner or mode permit it (chown, chmod), or name another "
				  "file with --kubeconfig or KUBECONFIG");
	else
		error_hint(error, "correct it there, or name another file with --kubeconfig or "
				  "KUBECONFIG");
}

Kubeconfig *kubeconfig_load(const char *option, GError **error)
{
	g_autoptr(Kubeconfig) config = config_new();
	const char *list = g_getenv("KUBECONFIG");
	gboolean done;

	if (option && *option) {
		config->named = g_strdup_printf("'%s'", option);
		done = load_file(config, option, TRUE, error);
	} else if (list && *list) {
		done = load_list(config, list, error);
	} else {
		done = load_default(config, error);
	}
	if (!done)
		hint_file(error);
	return done ? g_steal_pointer(&config) : NULL;
}

void kubeconfig_free(Kubeconfig *config)
{
	if (!config)
		return;
	g_hash_table_unref(config->clusters);
	g_hash_table_unref(config->users);
	g_hash_table_unref(config->contexts);
	g_ptr_array_unref(config->files);
	g_free(config->named);
	g_free(config);
}

/* ---- what is in it -------------------------------------------------------------------------- */

gboolean kubeconfig_is_empty(const Kubeconfig *config)
{
	return !config->current && g_hash_table_size(config->clusters) == 0 &&
	       g_hash_table_size(config->users) == 0 && g_hash_table_size(config->contexts) == 0;
}

const char *kubeconfig_current_context(const Kubeconfig *config)
{
	return config->current;
}

const char *kubeconfig_current_file(const Kubeconfig *config)
{
	return config->current_file ? config->current_file->path : NULL;
}

static int compare_strings(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv kube_entry_names(GHashTable *entries)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, entries);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, g_strdup(name));
	g_ptr_array_sort(names, compare_strings);
	g_ptr_array_add(names, NULL);
	return (GStrv)g_ptr_array_free(names, FALSE);
}

GStrv kubeconfig_context_names(const Kubeconfig *config)
{
	return kube_entry_names(config->contexts);
}

GStrv kubeconfig_cluster_names(const Kubeconfig *config)
{
	return kube_entry_names(config->clusters);
}

GStrv kubeconfig_user_names(const Kubeconfig *config)
{
	return kube_entry_names(config->users);
}

gboolean kubeconfig_has_context(const Kubeconfig *config, const char *name)
{
	return g_hash_table_contains(config->contexts, name);
}

const char *kubeconfig_exposed_file(const Kubeconfig *config)
{
	for (guint i = 0; i < config->files->len; i++) {
		const KubeFile *file = config->files->pdata[i];

		if (file->exposed)
			return file->path;
	}
	return NULL;
}

static const char *text_of(const KubeEntry *entry, const char *key)
{
	const YamlNode *node = entry ? yaml_node_get(entry->value, key) : NULL;

	return node && *node->text ? node->text : NULL;
}

gboolean kubeconfig_describe(const Kubeconfig *config, const char *name, KubeContextInfo *ret_info)
{
	const KubeEntry *context = g_hash_table_lookup(config->contexts, name);
	const char *cluster = text_of(context, "cluster");

	if (!context)
		return FALSE;
	*ret_info = (KubeContextInfo){
		.cluster = cluster,
		.server =
			cluster ? text_of(g_hash_table_lookup(config->clusters, cluster), "server")
				: NULL,
		.user = text_of(context, "user"),
		.ns = text_of(context, "namespace"),
	};
	return TRUE;
}
