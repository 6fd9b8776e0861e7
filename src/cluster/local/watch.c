/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watching: the events table, read from the main loop.
 *
 * Who commits touches the file (store_committed()), which every other process hears through
 * inotify on the folder. The write itself is no good sign: SQLite publishes a commit in shared
 * memory after the last write to the log, so that who looks at that moment sees nothing new. A
 * process that dies between commit and touch is what the slow poll is for.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cluster/local/store.h"

#define POLL_MS 1000
#define POLL_WITHOUT_INOTIFY_MS 50
#define EVENTS_AT_ONCE 256

typedef struct {
	ClusterWatch base;
	const char *kind; /* store_kind_key() */
	char *ns;         /* NULL: all */
	char *name;       /* NULL: all */
	const Selector *selector;
	ClusterWatchFunc func;
	gpointer data;
	gint64 cursor;    /* the last version that it has seen */
	gboolean active;  /* takes part in the delivery under way: it was there at its beginning */
	gboolean ended;   /* by an error; it stays until it is stopped */
	gboolean stopped; /* freed when no delivery is under way */
} LocalWatch;

typedef struct {
	gint64 version;
	ClusterEventType type;
	char *kind;
	char *ns;
	char *text;
	char *old_labels;
} Event;

static void schedule(Store *store);

static void event_free(Event *event)
{
	g_free(event->kind);
	g_free(event->ns);
	g_free(event->text);
	g_free(event->old_labels);
	g_free(event);
}

static void watch_free(LocalWatch *watch)
{
	g_free(watch->ns);
	g_free(watch->name);
	g_free(watch);
}

/* ---- reading -------------------------------------------------------------------------------- */

static Event *read_event(sqlite3_stmt *stmt)
{
	Event *event = g_new0(Event, 1);

	event->version = sqlite3_column_int64(stmt, 0);
	event->type = (ClusterEventType)sqlite3_column_int(stmt, 1);
	event->kind = g_strdup((const char *)sqlite3_column_text(stmt, 2));
	event->ns = g_strdup((const char *)sqlite3_column_text(stmt, 3));
	event->text = g_strdup((const char *)sqlite3_column_text(stmt, 4));
	event->old_labels = g_strdup((const char *)sqlite3_column_text(stmt, 5));
	return event;
}

static gboolean read_rows(Store *store, gint64 after, GPtrArray *events, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db,
					"SELECT version, type, kind, ns, object, old_labels"
					" FROM events WHERE version > ? ORDER BY version LIMIT ?",
					error);
	DbStep step;

	if (!stmt)
		return FALSE;
	db_bind_int(stmt, 1, after);
	db_bind_int(stmt, 2, EVENTS_AT_ONCE);
	while ((step = db_step(store->db, stmt, error)) == DB_STEP_ROW)
		g_ptr_array_add(events, read_event(stmt));
	return step == DB_STEP_DONE;
}

typedef struct {
	gint64 version, trimmed;
	GPtrArray *events; /* those after the slowest watch, at most EVENTS_AT_ONCE */
} News;

/* State and events of one moment. */
static gboolean read_news(Store *store, gint64 after, News *news, GError **error)
{
	gboolean ok;

	if (!db_begin(store->db, DB_READ, error))
		return FALSE;
	ok = store_read_state(store, &news->version, &news->trimmed, error) &&
	     (news->version == after || read_rows(store, after, news->events, error));
	db_rollback(store->db);
	return ok;
}

/* ---- delivering ----------------------------------------------------------------------------- */

static gboolean is_live(const LocalWatch *watch)
{
	return watch->active && !watch->ended && !watch->stopped;
}

static void fail_watch(LocalWatch *watch, const GError *error)
{
	watch->ended = TRUE;
	watch->func(CLUSTER_EVENT_ERROR, NULL, error, watch->data);
}

static void fail_all(Store *store, const GError *error)
{
	for (guint i = 0; i < store->watches->len; i++) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i);

		if (is_live(watch))
			fail_watch(watch, error);
	}
}

/* Versions after the cursor that are gone, or a cursor that this store never gave. */
static void expire(Store *store, const News *news)
{
	for (guint i = 0; i < store->watches->len; i++) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i);
		g_autoptr(GError) error = NULL;

		if (!is_live(watch) ||
		    (watch->cursor >= news->trimmed && watch->cursor <= news->version))
			continue;
		error_set(&error, KVMIG_ERROR_EXPIRED,
			  "store '%s': the events after version %" G_GINT64_FORMAT
			  " are no longer kept",
			  store->base.context, watch->cursor);
		fail_watch(watch, error);
	}
}

/* What the event is for a watcher who sees only what its selector matches; FALSE: nothing. */
static gboolean translate(const LocalWatch *watch, const Event *event, const cJSON *object,
			  const cJSON *old_labels, ClusterEventType *ret_type)
{
	gboolean matches = selector_matches(watch->selector, object_labels(object));
	gboolean matched = old_labels ? selector_matches(watch->selector, old_labels) : matches;

	*ret_type = event->type;
	if (event->type != CLUSTER_EVENT_MODIFIED || matches == matched)
		return matches;
	*ret_type = matches ? CLUSTER_EVENT_ADDED : CLUSTER_EVENT_DELETED;
	return TRUE;
}

static gboolean concerns(const LocalWatch *watch, const Event *event)
{
	return is_live(watch) && event->version > watch->cursor &&
	       g_str_equal(watch->kind, event->kind) &&
	       (!watch->ns || g_str_equal(watch->ns, event->ns));
}

static cJSON *read_labels(const Event *event)
{
	return event->old_labels ? cJSON_Parse(event->old_labels) : NULL;
}

static void deliver(Store *store, const Event *event)
{
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) old_labels = NULL;
	g_autoptr(GError) error = NULL;
	ClusterEventType type;

	for (guint i = 0; i < store->watches->len; i++) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i);

		if (!concerns(watch, event))
			continue;
		if (!object) {
			object = store_parse(store, event->text, &error);
			if (!object) {
				fail_all(store, error);
				return;
			}
			old_labels = read_labels(event);
		}
		watch->cursor = event->version;
		if (watch->name && g_strcmp0(watch->name, object_name(object)) != 0)
			continue;
		if (translate(watch, event, object, old_labels, &type))
			watch->func(type, object, NULL, watch->data);
	}
}

/* Watches that a callback adds, perhaps from an older version, wait for the next delivery. */
static gint64 activate(Store *store)
{
	gint64 slowest = G_MAXINT64;

	for (guint i = 0; i < store->watches->len; i++) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i);

		watch->active = TRUE;
		if (is_live(watch))
			slowest = MIN(slowest, watch->cursor);
	}
	return slowest;
}

static void advance(Store *store, gint64 version)
{
	for (guint i = 0; i < store->watches->len; i++) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i);

		if (is_live(watch))
			watch->cursor = MAX(watch->cursor, version);
	}
}

static void deliver_news(Store *store, const News *news)
{
	guint n = news->events->len;

	expire(store, news);
	for (guint i = 0; i < n; i++)
		deliver(store, g_ptr_array_index(news->events, i));
	if (n < EVENTS_AT_ONCE) {
		advance(store, news->version);
	} else {
		const Event *last = g_ptr_array_index(news->events, n - 1);

		advance(store, last->version);
		store->dispatch_again = TRUE; /* the main loop has other work too */
	}
}

static void read_and_deliver(Store *store)
{
	g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)event_free);
	g_autoptr(GError) error = NULL;
	News news = { .events = events };
	gint64 after = activate(store);

	if (after == G_MAXINT64)
		return;
	if (read_news(store, after, &news, &error))
		deliver_news(store, &news);
	else if (error_code(error) != KVMIG_ERROR_TIMEOUT) /* locked: the poll tries again */
		fail_all(store, error);
}

static void end_sources(Store *store)
{
	g_clear_handle_id(&store->idle_id, g_source_remove);
	g_clear_handle_id(&store->poll_id, g_source_remove);
	g_clear_handle_id(&store->inotify_id, g_source_remove);
	if (store->inotify_fd >= 0)
		close(store->inotify_fd);
	store->inotify_fd = -1;
}

static void remove_stopped(Store *store)
{
	for (guint i = store->watches->len; i > 0; i--) {
		LocalWatch *watch = g_ptr_array_index(store->watches, i - 1);

		if (watch->stopped) {
			g_ptr_array_remove_index(store->watches, i - 1);
			watch_free(watch);
		}
	}
	if (store->watches->len == 0)
		end_sources(store);
}

/* Not within a batch, whose writes may still be undone: its end schedules again. */
static void dispatch(Store *store)
{
	if (store->dispatching || store->batch) {
		store->dispatch_again = TRUE;
		return;
	}
	store->dispatching = TRUE;
	store->dispatch_again = FALSE;
	read_and_deliver(store);
	store->dispatching = FALSE;
	remove_stopped(store);
	if (store->dispatch_again && store->watches->len > 0)
		schedule(store);
}

/* ---- noticing ------------------------------------------------------------------------------- */

static gboolean on_idle(gpointer data)
{
	Store *store = data;

	store->idle_id = 0;
	dispatch(store);
	return G_SOURCE_REMOVE;
}

static void schedule(Store *store)
{
	if (!store->idle_id)
		store->idle_id = g_idle_add_full(G_PRIORITY_DEFAULT, on_idle, store, NULL);
}

static gboolean on_poll(gpointer data)
{
	Store *store = data;
	g_autoptr(GError) error = NULL;

	if (!store->dispatching && !db_check_not_moved(store->db, &error)) {
		store->dispatching = TRUE;
		activate(store);
		fail_all(store, error);
		store->dispatching = FALSE;
	}
	schedule(store);
	return G_SOURCE_CONTINUE;
}

static gboolean names_our_file(Store *store, const struct inotify_event *event)
{
	const char *slash = strrchr(db_path(store->db), '/');

	return event->mask & IN_Q_OVERFLOW ||
	       (event->len > 0 && strcmp(event->name, slash + 1) == 0);
}

static gboolean on_inotify(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	Store *store = data;
	gboolean ours = FALSE;
	ssize_t length;

	while ((length = read(fd, buffer, sizeof(buffer))) > 0) {
		for (const char *p = buffer; p < buffer + length;) {
			const struct inotify_event *event = (const void *)p;

			ours = ours || names_our_file(store, event);
			p += sizeof(*event) + event->len;
		}
	}
	if (ours)
		schedule(store);
	return G_SOURCE_CONTINUE;
}

static gboolean start_inotify(Store *store)
{
	g_autofree char *folder = g_path_get_dirname(db_path(store->db));
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0 || inotify_add_watch(fd, folder, IN_ATTRIB) < 0) {
		g_info("store '%s': no inotify (%s): polling every %d ms", store->base.context,
		       g_strerror(errno), POLL_WITHOUT_INOTIFY_MS);
		if (fd >= 0)
			close(fd);
		return FALSE;
	}
	store->inotify_fd = fd;
	store->inotify_id = g_unix_fd_add(fd, G_IO_IN, on_inotify, store);
	return TRUE;
}

static void start_sources(Store *store)
{
	gboolean inotify = start_inotify(store);

	store->poll_id = g_timeout_add(inotify ? POLL_MS : POLL_WITHOUT_INOTIFY_MS, on_poll, store);
}

void store_committed(Store *store)
{
	/* A failure costs others a second, until they poll. */
	if (utimensat(AT_FDCWD, db_path(store->db), NULL, AT_SYMLINK_NOFOLLOW) < 0)
		g_debug("cannot touch '%s': %s", db_path(store->db), g_strerror(errno));
	store_watch_kick(store);
}

/* ---- the interface -------------------------------------------------------------------------- */

static gboolean parse_version(const char *text, gint64 *ret_version, GError **error)
{
	guint64 version;

	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &version, NULL))
		return error_set(error, KVMIG_ERROR_INVALID,
				 "'%s' is not a resourceVersion of this cluster", text);
	*ret_version = (gint64)version;
	return TRUE;
}

ClusterWatch *store_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			  const char *version, ClusterWatchFunc func, gpointer data, GError **error)
{
	Store *store = store_of(cluster);
	gint64 cursor = 0, now, trimmed;
	LocalWatch *watch;

	if (store->batch) {
		error_set(error, KVMIG_ERROR_INTERNAL,
			  "store '%s': a watch cannot begin in a batch", cluster->context);
		return NULL;
	}
	/* Before the look at the version, so that nothing falls between. */
	if (store->watches->len == 0)
		start_sources(store);
	if (!store_read_state(store, &now, &trimmed, error) ||
	    (version && !parse_version(version, &cursor, error))) {
		remove_stopped(store);
		return NULL;
	}
	if (!version)
		cursor = now;
	watch = g_new0(LocalWatch, 1);
	watch->base.cluster = cluster;
	watch->kind = store_kind_key(kind);
	watch->ns = kind->namespaced && options ? g_strdup(options->ns) : NULL;
	watch->name = options ? g_strdup(options->name) : NULL;
	watch->selector = options ? options->selector : NULL;
	watch->func = func;
	watch->data = data;
	watch->cursor = cursor;
	g_ptr_array_add(store->watches, watch);
	if (cursor != now)
		schedule(store);
	return &watch->base;
}

void store_watch_stop(ClusterWatch *base)
{
	LocalWatch *watch = (LocalWatch *)base;
	Store *store = store_of(base->cluster);

	watch->stopped = TRUE;
	if (!store->dispatching)
		remove_stopped(store);
}

void store_watch_kick(Store *store)
{
	if (store->watches->len > 0)
		schedule(store);
}

void store_watch_close(Store *store)
{
	end_sources(store);
	for (guint i = 0; i < store->watches->len; i++)
		watch_free(g_ptr_array_index(store->watches, i));
	g_ptr_array_unref(store->watches);
}
