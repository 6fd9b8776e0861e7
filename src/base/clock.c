/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

typedef struct {
	Clock *clock;
	guint id;
	gint64 due_us; /* virtual clock only */
	ClockFunc func;
	gpointer data;
	guint source; /* real clock only: the GSource */
} Timer;

struct Clock {
	gboolean is_virtual;
	gint64 now_us;	     /* virtual: monotonic */
	gint64 unix_base_us; /* virtual: unix time at now_us == 0 */
	guint last_id;
	GHashTable *timers; /* id -> Timer */
	GSequence *queue;   /* virtual: Timer, by due time, then id */
};

static Clock *clock_new(gboolean is_virtual)
{
	Clock *clock = g_new0(Clock, 1);

	clock->is_virtual = is_virtual;
	clock->timers = g_hash_table_new_full(NULL, NULL, NULL, g_free);
	if (is_virtual)
		clock->queue = g_sequence_new(NULL);
	return clock;
}

Clock *clock_real(void)
{
	static Clock *real;

	if (!real)
		real = clock_new(FALSE);
	return real;
}

Clock *clock_virtual_new(gint64 start_unix_us)
{
	Clock *clock = clock_new(TRUE);

	clock->unix_base_us = start_unix_us;
	return clock;
}

void clock_free(Clock *clock)
{
	if (!clock || !clock->is_virtual)
		return;
	g_sequence_free(clock->queue);
	g_hash_table_unref(clock->timers);
	g_free(clock);
}

gint64 clock_monotonic_us(Clock *clock)
{
	return clock->is_virtual ? clock->now_us : g_get_monotonic_time();
}

gint64 clock_unix_us(Clock *clock)
{
	return clock->is_virtual ? clock->unix_base_us + clock->now_us : g_get_real_time();
}

static int timer_compare(gconstpointer a, gconstpointer b, gpointer data G_GNUC_UNUSED)
{
	const Timer *x = a, *y = b;

	if (x->due_us != y->due_us)
		return x->due_us < y->due_us ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static gboolean on_real_timer(gpointer data)
{
	Timer *timer = data;
	ClockFunc func = timer->func;
	gpointer func_data = timer->data;

	g_hash_table_remove(timer->clock->timers, GUINT_TO_POINTER(timer->id));
	func(func_data);
	return G_SOURCE_REMOVE;
}

guint clock_after(Clock *clock, guint delay_ms, ClockFunc func, gpointer data)
{
	Timer *timer = g_new0(Timer, 1);

	do
		timer->id = ++clock->last_id;
	while (timer->id == 0 || g_hash_table_contains(clock->timers, GUINT_TO_POINTER(timer->id)));
	timer->clock = clock;
	timer->func = func;
	timer->data = data;
	timer->due_us = clock->now_us + (gint64)delay_ms * 1000;
	g_hash_table_insert(clock->timers, GUINT_TO_POINTER(timer->id), timer);
	if (clock->is_virtual)
		g_sequence_insert_sorted(clock->queue, timer, timer_compare, NULL);
	else
		timer->source = g_timeout_add(delay_ms, on_real_timer, timer);
	return timer->id;
}

void clock_cancel(Clock *clock, guint *id)
{
	Timer *timer;

	if (*id == 0)
		return;
	timer = g_hash_table_lookup(clock->timers, GUINT_TO_POINTER(*id));
	if (timer) {
		if (clock->is_virtual)
			g_sequence_remove(
				g_sequence_lookup(clock->queue, timer, timer_compare, NULL));
		else
			g_source_remove(timer->source);
		g_hash_table_remove(clock->timers, GUINT_TO_POINTER(*id));
	}
	*id = 0;
}

static void run_pending(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

guint clock_virtual_run(Clock *clock, gint64 until_us)
{
	guint fired = 0;

	g_return_val_if_fail(clock->is_virtual, 0);
	for (;;) {
		GSequenceIter *first;
		Timer *timer;
		ClockFunc func;
		gpointer data;

		run_pending();
		first = g_sequence_get_begin_iter(clock->queue);
		if (g_sequence_iter_is_end(first))
			break;
		timer = g_sequence_get(first);
		if (timer->due_us > until_us)
			break;
		clock->now_us = MAX(clock->now_us, timer->due_us);
		func = timer->func;
		data = timer->data;
		g_sequence_remove(first);
		g_hash_table_remove(clock->timers, GUINT_TO_POINTER(timer->id));
		func(data);
		fired++;
	}
	return fired;
}

static char *format_utc(gint64 unix_us, const char *format)
{
	g_autoptr(GDateTime) seconds = g_date_time_new_from_unix_utc(unix_us / G_USEC_PER_SEC);
	g_autoptr(GDateTime) time = NULL;

	if (!seconds)
		return g_strdup("");
	time = g_date_time_add(seconds, unix_us % G_USEC_PER_SEC);
	return g_date_time_format(time, format);
}

char *clock_format_unix(gint64 unix_us)
{
	return format_utc(unix_us, "%Y-%m-%dT%H:%M:%SZ");
}

char *clock_format_unix_micro(gint64 unix_us)
{
	return format_utc(unix_us, "%Y-%m-%dT%H:%M:%S.%fZ");
}

gboolean clock_parse_unix(const char *text, gint64 *ret_unix_us)
{
	g_autoptr(GDateTime) time = NULL;

	if (!text)
		return FALSE;
	time = g_date_time_new_from_iso8601(text, NULL);
	if (!time)
		return FALSE;
	*ret_unix_us = g_date_time_to_unix(time) * G_USEC_PER_SEC +
		       g_date_time_get_microsecond(time);
	return TRUE;
}
