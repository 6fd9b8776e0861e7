/* SPDX-License-Identifier: Apache-2.0 */
#include "hyper/libvirt/event-loop.h"

#include <glib-unix.h>
#include <libvirt/libvirt.h>
#include <signal.h>

/* A file descriptor or a timer that libvirt wants to hear of. Freed in the loop's thread only,
 * so that a callback that is running while another thread removes it keeps its data. */
typedef struct {
	int id;
	int fd; /* -1: a timer */
	virEventHandleCallback on_handle;
	virEventTimeoutCallback on_timeout;
	void *opaque;
	virFreeCallback free_opaque;
	GSource *source; /* NULL: switched off */
} Watch;

static GMainContext *context;
static GMutex lock;
static GHashTable *watches; /* id -> Watch */
static int last_id;

static GIOCondition condition_of(int events)
{
	GIOCondition condition = 0;

	if (events & VIR_EVENT_HANDLE_READABLE)
		condition |= G_IO_IN;
	if (events & VIR_EVENT_HANDLE_WRITABLE)
		condition |= G_IO_OUT;
	if (events & VIR_EVENT_HANDLE_ERROR)
		condition |= G_IO_ERR;
	if (events & VIR_EVENT_HANDLE_HANGUP)
		condition |= G_IO_HUP;
	return condition;
}

static int events_of(GIOCondition condition)
{
	int events = 0;

	if (condition & G_IO_IN)
		events |= VIR_EVENT_HANDLE_READABLE;
	if (condition & G_IO_OUT)
		events |= VIR_EVENT_HANDLE_WRITABLE;
	if (condition & (G_IO_ERR | G_IO_NVAL))
		events |= VIR_EVENT_HANDLE_ERROR;
	if (condition & G_IO_HUP)
		events |= VIR_EVENT_HANDLE_HANGUP;
	return events;
}

static gboolean on_fd(gint fd, GIOCondition condition, gpointer data)
{
	Watch *watch = data;

	watch->on_handle(watch->id, fd, events_of(condition), watch->opaque);
	return G_SOURCE_CONTINUE;
}

static gboolean on_timer(gpointer data)
{
	Watch *watch = data;

	watch->on_timeout(watch->id, watch->opaque);
	return G_SOURCE_CONTINUE;
}

static gboolean free_watch(gpointer data)
{
	Watch *watch = data;

	if (watch->free_opaque)
		watch->free_opaque(watch->opaque);
	g_free(watch);
	return G_SOURCE_REMOVE;
}

/* The functions below hold the lock. */

static void switch_off(Watch *watch)
{
	if (!watch->source)
		return;
	g_source_destroy(watch->source);
	g_clear_pointer(&watch->source, g_source_unref);
}

static void attach(Watch *watch, GSource *source)
{
	watch->source = source;
	g_source_set_static_name(source, "libvirt");
	g_source_attach(source, context);
}

static void listen_to(Watch *watch, int events)
{
	GSource *source;

	switch_off(watch);
	if (events == 0)
		return;
	source = g_unix_fd_source_new(watch->fd, condition_of(events));
	g_source_set_callback(source, G_SOURCE_FUNC(on_fd), watch, NULL);
	attach(watch, source);
}

static void wind(Watch *watch, int interval_ms)
{
	GSource *source;

	switch_off(watch);
	if (interval_ms < 0)
		return;
	source = g_timeout_source_new((guint)interval_ms);
	g_source_set_callback(source, on_timer, watch, NULL);
	attach(watch, source);
}

static Watch *watch_new(int fd, void *opaque, virFreeCallback free_opaque)
{
	Watch *watch = g_new0(Watch, 1);

	do
		last_id = last_id == G_MAXINT ? 1 : last_id + 1;
	while (g_hash_table_contains(watches, GINT_TO_POINTER(last_id)));
	watch->id = last_id;
	watch->fd = fd;
	watch->opaque = opaque;
	watch->free_opaque = free_opaque;
	g_hash_table_insert(watches, GINT_TO_POINTER(watch->id), watch);
	return watch;
}

/* ---- what libvirt calls --------------------------------------------------------------------- */

static int add_handle(int fd, int events, virEventHandleCallback callback, void *opaque,
		      virFreeCallback free_opaque)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	Watch *watch = watch_new(fd, opaque, free_opaque);

	watch->on_handle = callback;
	listen_to(watch, events);
	return watch->id;
}

static void update_handle(int id, int events)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	Watch *watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));

	if (watch)
		listen_to(watch, events);
}

static int add_timeout(int interval_ms, virEventTimeoutCallback callback, void *opaque,
		       virFreeCallback free_opaque)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	Watch *watch = watch_new(-1, opaque, free_opaque);

	watch->on_timeout = callback;
	wind(watch, interval_ms);
	return watch->id;
}

static void update_timeout(int id, int interval_ms)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	Watch *watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));

	if (watch)
		wind(watch, interval_ms);
}

/* libvirt forbids to free from in here: the caller may hold the lock that the free wants. */
static int remove_watch(int id)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&lock);
	g_autoptr(GSource) source = NULL;
	Watch *watch = g_hash_table_lookup(watches, GINT_TO_POINTER(id));

	if (!watch)
		return -1;
	switch_off(watch);
	g_hash_table_remove(watches, GINT_TO_POINTER(id));
	source = g_idle_source_new();
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, free_watch, watch, NULL);
	g_source_attach(source, context);
	return 0;
}

void lv_thread_begin(void)
{
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

static gpointer run(gpointer data G_GNUC_UNUSED)
{
	lv_thread_begin();
	for (;;)
		g_main_context_iteration(context, TRUE);
	return NULL;
}

void lv_event_loop_start(void)
{
	context = g_main_context_new();
	watches = g_hash_table_new(NULL, NULL);
	virEventRegisterImpl(add_handle, update_handle, remove_watch, add_timeout, update_timeout,
			     remove_watch);
	g_thread_unref(g_thread_new("libvirt-events", run, NULL));
}
