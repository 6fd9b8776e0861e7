/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch over a transport that sends the input in pieces (the first byte says how large) and then
 * breaks: whatever came, the watch has ended by an ERROR or is about to ask again from the version
 * that it saw last, and the callback saw only objects, none after the ERROR.
 */
#include "cluster/cluster.h"
#include "fuzz.h"
#include "tests/unit/kube-fake.h"

typedef struct {
	guint events, errors;
	gboolean stop;
	ClusterWatch **watch;
} Seen;

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Seen *seen = data;

	g_assert_cmpuint(seen->errors, ==, 0);
	if (type == CLUSTER_EVENT_ERROR) {
		g_assert_nonnull(error);
		seen->errors++;
	} else {
		g_assert_true(cJSON_IsObject(object));
		seen->events++;
	}
	if (seen->stop && seen->events == 2)
		cluster_watch_stop(g_steal_pointer(seen->watch));
}

static void push(const char *text, gsize length, gsize piece)
{
	for (gsize at = 0; at < length && fake_stream_target(); at += piece) {
		g_autofree char *part = g_strndup(text + at, MIN(piece, length - at));

		fake_stream_push(200, part);
	}
	if (fake_stream_target())
		fake_stream_end(200, KVMIG_ERROR_UNREACHABLE);
}

static void play(const char *text, gsize length, gsize piece, gboolean stop)
{
	g_autoptr(Cluster) cluster = fake_open(0, NULL, NULL);
	ClusterWatch *watch = NULL;
	Seen seen = { .stop = stop, .watch = &watch };

	watch = cluster_watch(cluster, &KIND_VMI, NULL, "7", on_event, &seen, NULL);
	g_assert_nonnull(watch);
	push(text, length, piece);
	g_assert_null(fake_stream_target());
	g_assert_cmpuint(seen.errors, <=, 1);
	cluster_watch_stop(watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	play((const char *)data + 1, size - 1, data[0] + 1u, FALSE);
	play((const char *)data + 1, size - 1, data[0] + 1u, TRUE);
	return 0;
}
