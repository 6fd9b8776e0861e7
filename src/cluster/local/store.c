/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/local/store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/paths.h"
#include "model/wellknown.h"

#define APPLICATION_ID 0x6b766d67u /* "kvmg" */
#define SUFFIX ".db"

static const char *const upgrades[] = {
	"CREATE TABLE objects ("
	"  kind TEXT NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, object TEXT NOT NULL,"
	"  UNIQUE (kind, ns, name)) STRICT;"
	"CREATE TABLE events ("
	"  version INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, type INTEGER NOT NULL,"
	"  kind TEXT NOT NULL, ns TEXT NOT NULL, object TEXT NOT NULL,"
	"  old_labels TEXT) STRICT;" /* NULL: the labels did not change */
	"CREATE TABLE state ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,"
	"  trimmed INTEGER NOT NULL) STRICT;"
	"INSERT INTO state VALUES (1, 0, 0);",
	NULL
};

/* $XDG_STATE_HOME/kvmig/local */
static char *stores_dir(GError **error)
{
	g_autofree char *state = paths_state_dir(error);

	return state ? g_build_filename(state, "local", NULL) : NULL;
}

static char *store_path(const char *folder, const char *name)
{
	g_autofree char *file = g_strconcat(name, SUFFIX, NULL);

	return g_build_filename(folder, file, NULL);
}

const char *store_kind_key(const Kind *kind)
{
	static GHashTable *keys;
	char *key;

	if (!keys)
		keys = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
	key = g_hash_table_lookup(keys, kind);
	if (!key) {
		key = *kind->group ? g_strdup_printf("%s.%s", kind->plural, kind->group)
				   : g_strdup(kind->plural);
		g_hash_table_insert(keys, (gpointer)kind, key);
	}
	return key;
}

cJSON *store_parse(Store *store, const char *text, GError **error)
{
	cJSON *object = text ? json_parse(text, strlen(text), "the object", NULL) : NULL;

	if (!object) {
		error_set(error, KVMIG_ERROR_IO, "store '%s': '%s' holds a damaged object",
			  store->base.context, db_path(store->db));
		error_hint(error, "restore the file from a backup");
	}
	return object;
}

static void store_close(Cluster *cluster)
{
	Store *store = store_of(cluster);

	store_watch_close(store);
	db_close(store->db);
	g_free(store->name);
	g_free(store);
}

static const ClusterBackend local_backend = {
	.close = store_close,
	.get = store_get,
	.list = store_list,
	.each = store_each,
	.create = store_create,
	.update = store_update,
	.patch = store_patch,
	.delete = store_delete,
	.batch_begin = store_batch_begin,
	.batch_commit = store_batch_commit,
	.batch_rollback = store_batch_rollback,
	.watch = store_watch,
	.watch_stop = store_watch_stop,
};

static gboolean make_folders(const char *folder, const char *state_dir, GError **error)
{
	g_autofree char *top = g_path_get_dirname(folder);

	return paths_make_private_dir(top, error) && paths_make_private_dir(folder, error) &&
	       paths_make_private_dir(state_dir, error);
}

static gboolean open_db(Store *store, const char *folder, gboolean create, GError **error)
{
	g_autofree char *what = g_strdup_printf("store '%s'", store->base.context);
	g_autofree char *path = store_path(folder, store->name);
	g_autofree char *top = g_path_get_dirname(folder);
	const DbSpec spec = {
		.what = what,
		.product = "kvmig store",
		.application_id = APPLICATION_ID,
		.upgrades = upgrades,
		.create = create,
	};

	if (!db_check_folder(top, what, error))
		return FALSE;
	store->db = db_open(path, &spec, error);
	return store->db != NULL;
}

static gboolean make_default_namespace(Store *store, GError **error)
{
	if (!store_begin(store, error))
		return FALSE;
	return store_end(store, store_ensure_namespace(store, NAMESPACE_DEFAULT, error), error);
}

static Store *store_new(const char *name, const char *folder, gboolean read_only)
{
	Store *store = g_new0(Store, 1);

	store->base.backend = &local_backend;
	store->base.caps = (ClusterCaps){ .kind = CLUSTER_LOCAL,
					  .kvmig_migrates = TRUE,
					  .node_kind = &KIND_HOST };
	store->base.context = g_strconcat("local/", name, NULL);
	store->base.state_dir = g_build_filename(folder, name, NULL);
	store->base.store_file = g_strconcat(store->base.state_dir, SUFFIX, NULL);
	store->base.read_only = read_only;
	store->name = g_strdup(name);
	store->watches = g_ptr_array_new();
	store->inotify_fd = -1;
	return store;
}

static gboolean open_store(Store *store, const char *folder, gboolean create, GError **error)
{
	if (create && !make_folders(folder, store->base.state_dir, error))
		return FALSE;
	if (!open_db(store, folder, create, error))
		return FALSE;
	return !db_was_created(store->db) || make_default_namespace(store, error);
}

Cluster *local_store_open(const char *name, gboolean create, gboolean read_only, GError **error)
{
	g_autofree char *folder = stores_dir(error);
	Store *store;

	if (!folder)
		return NULL;
	store = store_new(name, folder, read_only);
	if (open_store(store, folder, create && !read_only, error))
		return &store->base;
	cluster_close(&store->base);
	return NULL;
}

gboolean local_store_exists(const char *name)
{
	g_autofree char *folder = stores_dir(NULL);
	g_autofree char *path = folder ? store_path(folder, name) : NULL;
	struct stat st;

	/* A link or what we may not look at counts as there, so that opening it says what is
	 * wrong with it. */
	return path && (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR));
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv local_store_names(void)
{
	g_autofree char *folder = stores_dir(NULL);
	g_autoptr(GDir) dir = folder ? g_dir_open(folder, 0, NULL) : NULL;
	GPtrArray *names = g_ptr_array_new();
	const char *entry;

	while (dir && (entry = g_dir_read_name(dir))) {
		g_autofree char *name = NULL;

		if (!g_str_has_suffix(entry, SUFFIX))
			continue;
		name = g_strndup(entry, strlen(entry) - strlen(SUFFIX));
		if (name_check_dns_label(name, "store", NULL))
			g_ptr_array_add(names, g_steal_pointer(&name));
	}
	g_ptr_array_sort(names, compare_names);
	g_ptr_array_add(names, NULL);
	return (GStrv)g_ptr_array_free(names, FALSE);
}
