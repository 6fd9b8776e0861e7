/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time as the controller sees it: the real clock, or a virtual one that a simulation moves by
 * hand, so that a thousand migrations of an hour each are played in a second. The engine and the
 * simulated hosts ask only this; they never call g_get_*_time(), g_timeout_add() or sleep.
 *
 * Everything here belongs to the thread that runs the default GMainContext.
 */
#pragma once

#include <glib.h>

typedef struct Clock Clock;
typedef void (*ClockFunc)(gpointer data);

/* The real clock; one instance, never freed. */
Clock *clock_real(void);

/* A virtual clock that stands at `start_unix_us` until it is moved. Free with clock_free(). */
Clock *clock_virtual_new(gint64 start_unix_us);
void clock_free(Clock *clock); /* NULL and the real clock are left alone */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clock, clock_free)

/* Microseconds that only ever grow; for intervals and deadlines within this process. */
gint64 clock_monotonic_us(Clock *clock);

/* Microseconds since 1970 UTC; for what is written into objects. */
gint64 clock_unix_us(Clock *clock);

/* Calls func once, after delay_ms, from the main loop. Returns an id for clock_cancel(), never
 * 0. Timers of equal time fire in the order in which they were set. */
guint clock_after(Clock *clock, guint delay_ms, ClockFunc func, gpointer data);

/* Removes a timer that has not fired; 0 is ignored. Sets *id to 0. */
void clock_cancel(Clock *clock, guint *id);

/* Virtual clock only: runs the default main context until nothing is pending, moves the clock
 * to its next timer, fires it, and so on until no timer is left or the time reaches until_us
 * (monotonic). Returns the number of timers fired. */
guint clock_virtual_run(Clock *clock, gint64 until_us);

/* RFC 3339 UTC, "2026-11-21T07:44:35Z", as Kubernetes writes times; free with g_free(). */
char *clock_format_unix(gint64 unix_us);
/* The same with microseconds, as Lease and Event use them. */
char *clock_format_unix_micro(gint64 unix_us);
/* Reads either form (and offsets); FALSE where text is not a time. */
gboolean clock_parse_unix(const char *text, gint64 *ret_unix_us);
