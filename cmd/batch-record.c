/* SPDX-License-Identifier: Apache-2.0 */
#include "batch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/paths.h"

#define SUFFIX ".batch"
#define ID_LETTERS 8
#define ID_LETTERS_MAX 16
#define NAME_MAX_BYTES 63
#define HASH_LETTERS 10
#define FILE_MAX_BYTES (64u << 20)

struct BatchRecord {
	char *id, *path;
	int fd; /* locked; appended to */
	cJSON *head;
	GHashTable *states; /* "ns/vm" -> ItemState, by GINT_TO_POINTER(state + 1) */
	GHashTable *names;  /* "ns/vm" -> name of its migration */
	gboolean broken;    /* could not be written to: said once */
};

/* ---- names ---------------------------------------------------------------------------------- */

/* Letters that cannot be taken for one another, and no vowels. */
static char *new_id(void)
{
	static const char letters[] = "23456789bcdfghjkmnpqrstvwxz";
	char text[ID_LETTERS + 1];

	for (guint i = 0; i < ID_LETTERS; i++)
		text[i] = letters[g_random_int_range(0, (gint32)sizeof(letters) - 1)];
	text[ID_LETTERS] = '\0';
	return g_strdup(text);
}

static gboolean is_id(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!g_ascii_islower(*c) && !g_ascii_isdigit(*c))
			return FALSE;
	return *text && strlen(text) <= ID_LETTERS_MAX;
}

/* Long names are cut, and told apart by a checksum. */
char *batch_migration_name(const char *id, const char *vm)
{
	g_autofree char *name = g_strdup_printf("kvmig-%s-%s", id, vm);
	g_autofree char *sum = NULL, *head = NULL;

	if (strlen(name) <= NAME_MAX_BYTES)
		return g_steal_pointer(&name);
	sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, vm, -1);
	sum[HASH_LETTERS] = '\0';
	head = name_from_text(name, NAME_MAX_BYTES - HASH_LETTERS - 1);
	return g_strdup_printf("%s-%s", head, sum);
}

static char *key_of(const char *ns, const char *vm)
{
	return g_strdup_printf("%s/%s", ns ? ns : "", vm);
}

/* ---- the folder ----------------------------------------------------------------------------- */

static char *folder(GError **error)
{
	g_autofree char *state = paths_state_dir(error);

	return state ? g_build_filename(state, "batches", NULL) : NULL;
}

static char *path_of_id(const char *id, GError **error)
{
	g_autofree char *dir = folder(error);
	g_autofree char *file = g_strconcat(id, SUFFIX, NULL);

	return dir ? g_build_filename(dir, file, NULL) : NULL;
}

/* "b2c3d4f5, …": what a person may have meant. */
static char *known_ids(void)
{
	g_autofree char *dir = folder(NULL);
	GDir *open = dir ? g_dir_open(dir, 0, NULL) : NULL;
	g_autoptr(GString) text = g_string_new(NULL);
	const char *name;

	while (open && (name = g_dir_read_name(open))) {
		if (!g_str_has_suffix(name, SUFFIX))
			continue;
		g_string_append_printf(text, "%s%.*s", text->len ? ", " : "",
				       (int)(strlen(name) - strlen(SUFFIX)), name);
	}
	if (open)
		g_dir_close(open);
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static gboolean write_all(int fd, const char *text, gsize length)
{
	while (length > 0) {
		gssize n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return FALSE;
		text += n;
		length -= (gsize)n;
	}
	return TRUE;
}

static gboolean append(BatchRecord *record, const cJSON *line, GError **error)
{
	g_autofree char *json = json_print(line);
	g_autofree char *text = g_strconcat(json, "\n", NULL);

	if (write_all(record->fd, text, strlen(text)))
		return TRUE;
	return error_set_errno(error, errno, "cannot write '%s'", record->path);
}

static gboolean open_file(BatchRecord *record, int flags, GError **error)
{
	record->fd = g_open(record->path, flags | O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (record->fd < 0)
		return error_set_errno(error, errno, "cannot open '%s'", record->path);
	if (flock(record->fd, LOCK_EX | LOCK_NB) == 0)
		return TRUE;
	error_set(error, KVMIG_ERROR_CONFLICT, "another kvmig works on batch '%s'", record->id);
	error_hint(error, "'kvmig status' shows the migrations");
	return FALSE;
}

static BatchRecord *record_new(const char *id)
{
	BatchRecord *record = g_new0(BatchRecord, 1);

	record->id = g_strdup(id);
	record->fd = -1;
	record->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	record->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return record;
}

void batch_record_free(BatchRecord *record)
{
	if (!record)
		return;
	if (record->fd >= 0)
		(void)close(record->fd);
	cJSON_Delete(record->head);
	g_hash_table_unref(record->states);
	g_hash_table_unref(record->names);
	g_free(record->id);
	g_free(record->path);
	g_free(record);
}

static cJSON *head_of(const Preflight *preflight, const char *id, const GPtrArray *items)
{
	cJSON *head = cJSON_CreateObject();
	g_autofree char *now = clock_format_unix(clock_unix_us(clock_real()));
	cJSON *vms;

	json_set_string(head, "batch", id);
	json_set_string(head, "context", cluster_context(preflight->context->cluster));
	json_set_string(head, "server", cluster_server(preflight->context->cluster));
	json_set_string(head, "createdAt", now);
	json_set_string(head, "namespace", preflight->ns);
	json_set_int(head, "scheduleTimeoutMs", preflight->values->schedule_timeout_ms);
	json_set_int(head, "check", preflight->values->check);
	json_set_int(head, "maxParallel", preflight->values->max_parallel);
	if (preflight->selector)
		json_set(head, "addedNodeSelector", cJSON_Duplicate(preflight->selector, TRUE));
	vms = json_ensure_array(head, "vms");
	for (guint i = 0; i < items->len; i++) {
		const BatchItem *item = g_ptr_array_index(items, i);
		cJSON *vm;

		if (item->state == ITEM_REFUSED)
			continue;
		vm = cJSON_CreateObject();
		json_set_string(vm, "namespace", item->ns);
		json_set_string(vm, "name", item->vm);
		cJSON_AddItemToArray(vms, vm);
	}
	return head;
}

BatchRecord *batch_record_new(const Preflight *preflight, const GPtrArray *items, GError **error)
{
	g_autofree char *id = new_id();
	g_autofree char *dir = folder(error);
	g_autofree char *parent = dir ? g_path_get_dirname(dir) : NULL;
	g_autoptr(BatchRecord) record = record_new(id);

	if (!dir || !paths_make_private_dir(parent, error) || !paths_make_private_dir(dir, error))
		return NULL;
	record->path = path_of_id(id, error);
	record->head = head_of(preflight, id, items);
	if (!record->path || !open_file(record, O_CREAT | O_EXCL, error) ||
	    !append(record, record->head, error))
		return NULL;
	return g_steal_pointer(&record);
}

void batch_record_note(BatchRecord *record, const BatchItem *item)
{
	g_autoptr(cJSON) line = cJSON_CreateObject();
	g_autoptr(GError) error = NULL;

	json_set_string(line, "namespace", item->ns);
	json_set_string(line, "name", item->vm);
	json_set_string(line, "migration", item->migration);
	json_set_int(line, "state", item->state);
	if (append(record, line, &error) || record->broken)
		return;
	record->broken = TRUE;
	g_warning("%s: '--resume' will know less", error->message);
}

void batch_record_finish(BatchRecord *record)
{
	(void)g_unlink(record->path);
}

/* ---- reading -------------------------------------------------------------------------------- */

static void read_line(BatchRecord *record, const char *text)
{
	g_autoptr(cJSON) line = json_parse(text, strlen(text), "the record", NULL);
	const char *name = json_string(line, "name", NULL);
	gint64 state = json_int(line, "state", -1);
	char *key;

	/* the last one may be cut off: what it tells is then found out anew */
	if (!name || state < ITEM_WAITING || state > ITEM_GONE)
		return;
	key = key_of(json_string(line, "namespace", NULL), name);
	if (json_string(line, "migration", NULL))
		g_hash_table_insert(record->names, g_strdup(key),
				    g_strdup(json_string(line, "migration", NULL)));
	g_hash_table_insert(record->states, key, GINT_TO_POINTER((gint)state + 1));
}

static gboolean read_record(BatchRecord *record, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct stat st;

	if (fstat(record->fd, &st) < 0 || st.st_size > FILE_MAX_BYTES ||
	    !g_file_get_contents(record->path, &text, NULL, NULL))
		return error_set(error, KVMIG_ERROR_IO, "cannot read '%s'", record->path);
	lines = g_strsplit(text, "\n", -1);
	record->head = json_parse(lines[0], strlen(lines[0]), record->path, error);
	if (!record->head)
		return FALSE;
	for (char **line = lines + 1; *line; line++)
		read_line(record, *line);
	return TRUE;
}

static gboolean no_such(const char *id, GError **error)
{
	g_autofree char *known = known_ids();

	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no batch '%s' to go on with", id);
	if (known)
		error_hint(error, "there are %s", known);
	else
		error_hint(error, "none was interrupted");
	return FALSE;
}

/* A record of one cluster says nothing of another one. */
static gboolean check_cluster(const BatchRecord *record, const CommandContext *context,
			      GError **error)
{
	const char *of = json_string(record->head, "context", "");
	const char *server = json_string(record->head, "server", NULL);
	const char *ours = cluster_server(context->cluster);

	if (server ? g_strcmp0(server, ours) == 0
		   : strcmp(of, cluster_context(context->cluster)) == 0)
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID, "batch '%s' is of '%s'%s%s, not of '%s'%s%s",
		  record->id, of, server ? " at " : "", server ? server : "",
		  cluster_context(context->cluster), ours ? " at " : "", ours ? ours : "");
	error_hint(error, "name that context with --context");
	return FALSE;
}

BatchRecord *batch_record_open(const CommandContext *context, const char *id, GError **error)
{
	g_autoptr(BatchRecord) record = record_new(id);

	if (!is_id(id)) {
		(void)no_such(id, error);
		return NULL;
	}
	record->path = path_of_id(id, error);
	if (!record->path)
		return NULL;
	if (!g_file_test(record->path, G_FILE_TEST_EXISTS)) {
		(void)no_such(id, error);
		return NULL;
	}
	if (!open_file(record, 0, error) || !read_record(record, error) ||
	    !check_cluster(record, context, error))
		return NULL;
	return g_steal_pointer(&record);
}

const char *batch_record_id(const BatchRecord *record)
{
	return record->id;
}

void batch_record_restore(const BatchRecord *record, Preflight *preflight, MigrateValues *values)
{
	const cJSON *selector = json_get(record->head, "addedNodeSelector");

	cJSON_Delete(preflight->selector);
	preflight->selector = selector ? cJSON_Duplicate(selector, TRUE) : NULL;
	preflight->ns = json_string(record->head, "namespace", NULL);
	values->schedule_timeout_ms = json_int(record->head, "scheduleTimeoutMs", 0);
	values->check = (int)CLAMP(json_int(record->head, "check", 0), CHECK_STRICT, CHECK_OFF);
	if (!values->max_parallel)
		values->max_parallel =
			(guint)CLAMP(json_int(record->head, "maxParallel", 0), 0, G_MAXINT);
}

GPtrArray *batch_record_items(const BatchRecord *record)
{
	GPtrArray *items = g_ptr_array_new_with_free_func((GDestroyNotify)batch_item_free);
	const cJSON *vm;

	cJSON_ArrayForEach(vm, json_get(record->head, "vms"))
	{
		const char *ns = json_string(vm, "namespace", NULL);
		const char *name = json_string(vm, "name", "");
		g_autofree char *key = key_of(ns, name);
		gint state = GPOINTER_TO_INT(g_hash_table_lookup(record->states, key));
		BatchItem *item;

		if (item_state_has_ended(state ? (ItemState)(state - 1) : ITEM_WAITING))
			continue;
		item = batch_item_new(ns, name, NULL);
		item->state = state ? (ItemState)(state - 1) : ITEM_WAITING;
		item->migration = g_strdup(g_hash_table_lookup(record->names, key));
		g_ptr_array_add(items, item);
	}
	return items;
}
