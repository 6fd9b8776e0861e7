/* SPDX-License-Identifier: Apache-2.0 */
/* Asking hosts: looks, touches, and who waits for them. What answers mean is apply.c's. */
#include "inventory/private.h"

#include "model/host.h"

#define TOUCH_DELAY_MS 100u
#define TOUCH_TIMEOUT_MS 5000u
/* More domains than that at once are asked for with one list. */
#define TOUCH_MAX 8u

/* Somebody who waits for the looks at some hosts. */
typedef struct {
	guint pending;
	guint timer; /* nothing to wait for: done all the same comes from the main loop */
	InventoryDone done;
	gpointer data;
	Inventory *inventory;
} Round;

typedef struct {
	Node *node;
	char *uuid;
	HyperRequest *request;
	gint64 submitted_us;
} Touch;

static void look_begin(Node *node, guint timeout_ms);

/* ---- tracks --------------------------------------------------------------------------------- */

static void track_free(gpointer data)
{
	Track *track = data;

	hyper_forget(track->carry);
	g_hash_table_unref(track->looked);
	g_free(track->uuid);
	g_free(track);
}

Track *inventory_track(Inventory *inventory, const char *uuid)
{
	Track *track = g_hash_table_lookup(inventory->tracks, uuid);

	if (track)
		return track;
	track = g_new0(Track, 1);
	track->inventory = inventory;
	track->uuid = g_strdup(uuid);
	track->looked = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_hash_table_insert(inventory->tracks, track->uuid, track);
	return track;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void touch_free(gpointer data)
{
	Touch *touch = data;

	hyper_forget(touch->request);
	g_free(touch->uuid);
	g_free(touch);
}

static void node_forget_answer(Node *node)
{
	g_clear_pointer(&node->info, hyper_host_info_free);
	g_clear_pointer(&node->domains, g_ptr_array_unref);
	g_clear_error(&node->error);
}

static void node_free(gpointer data)
{
	Node *node = data;
	Clock *clock = node->inventory->clock;

	hyper_forget(node->info_request);
	hyper_forget(node->list_request);
	clock_cancel(clock, &node->fail_timer);
	clock_cancel(clock, &node->touch_timer);
	node_forget_answer(node);
	g_ptr_array_unref(node->waiters);
	g_ptr_array_unref(node->next);
	g_hash_table_unref(node->wanted);
	g_hash_table_unref(node->touches);
	g_free(node->name);
	g_free(node);
}

Node *inventory_node(Inventory *inventory, const char *name)
{
	Node *node = g_hash_table_lookup(inventory->nodes, name);

	if (node)
		return node;
	node = g_new0(Node, 1);
	node->inventory = inventory;
	node->name = g_strdup(name);
	node->answered_us = node->failed_us = -1;
	node->waiters = g_ptr_array_new();
	node->next = g_ptr_array_new();
	node->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	node->touches = g_hash_table_new_full(NULL, NULL, touch_free, NULL);
	g_hash_table_insert(inventory->nodes, node->name, node);
	return node;
}

/* The hypervisor host of a Host object. */
static HyperHost *open_host(Node *node, GError **error)
{
	const cJSON *object = cache_get(node->inventory->hosts, node->name);
	Host host;

	if (!object) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no node '%s'", node->name);
		return NULL;
	}
	host_read(object, &host);
	return hyper_host(node->inventory->hyper, node->name, host.uri, host.allow_tcp, error);
}

/* ---- storing -------------------------------------------------------------------------------- */

static void store_failed(Inventory *inventory, GError *error)
{
	if (error_code(error) == KVMIG_ERROR_FORBIDDEN)
		g_info("the inventory is not stored: %s", error->message);
	else
		g_warning("the inventory cannot be stored: %s", error->message);
	apply_forget(inventory);
	g_clear_error(&inventory->store_error);
	inventory->store_error = error;
}

typedef gboolean (*ApplyFunc)(Inventory *inventory, gconstpointer data, GError **error);

/* One batch: all of it or nothing. */
static void apply_in_batch(Inventory *inventory, ApplyFunc apply, gconstpointer data)
{
	GError *error = NULL;

	/* A watch cannot begin within a batch. */
	if (!apply_load(inventory, &error) || !cluster_batch_begin(inventory->cluster, &error)) {
		store_failed(inventory, error);
		return;
	}
	if (!apply(inventory, data, &error) || !apply_verdicts(inventory, &error)) {
		cluster_batch_rollback(inventory->cluster);
		store_failed(inventory, error);
		return;
	}
	if (!cluster_batch_commit(inventory->cluster, &error))
		store_failed(inventory, error);
}

/* ---- looks ---------------------------------------------------------------------------------- */

/* The round is no longer in the inventory's set. */
static void round_finish(Round *round)
{
	InventoryDone done = round->done;
	gpointer data = round->data;

	g_free(round);
	if (done)
		done(data);
}

static void on_round_timer(gpointer data)
{
	Round *round = data;

	round->timer = 0;
	g_hash_table_steal(round->inventory->rounds, round);
	round_finish(round);
}

/* done() may start new looks, or free the inventory: nothing of it is touched after the first. */
static void finish_waiters(GPtrArray *waiters)
{
	g_autoptr(GPtrArray) ended = g_ptr_array_new();

	for (guint i = 0; i < waiters->len; i++) {
		Round *round = g_ptr_array_index(waiters, i);

		if (--round->pending > 0)
			continue;
		g_hash_table_steal(round->inventory->rounds, round);
		g_ptr_array_add(ended, round);
	}
	for (guint i = 0; i < ended->len; i++)
		round_finish(g_ptr_array_index(ended, i));
}

static gboolean apply_node(Inventory *inventory, gconstpointer data, GError **error)
{
	(void)inventory;
	return apply_look((Node *)data, error);
}

static void look_end(Node *node)
{
	g_autoptr(GPtrArray) waiters = node->waiters;

	node->waiters = g_ptr_array_new();
	node->looking = FALSE;
	if (node->domains)
		node->answered_us = node->submitted_us;
	else
		node->failed_us = node->submitted_us;
	apply_in_batch(node->inventory, apply_node, node);
	node_forget_answer(node);
	if (node->next->len > 0) {
		GPtrArray *next = node->next;

		node->next = node->waiters;
		node->waiters = next;
		look_begin(node, node->next_timeout_ms);
		node->next_timeout_ms = 0;
	}
	finish_waiters(waiters);
}

static void look_answered(Node *node, HyperAnswer *answer)
{
	if (answer->error && !node->error)
		node->error = g_steal_pointer(&answer->error);
	if (!node->info_request && !node->list_request)
		look_end(node);
}

static void on_info(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Node *node = data;

	(void)request;
	node->info_request = NULL;
	node->info = g_steal_pointer(&answer->info);
	look_answered(node, answer);
}

static void on_list(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Node *node = data;

	(void)request;
	node->list_request = NULL;
	node->domains = g_steal_pointer(&answer->domains);
	look_answered(node, answer);
}

static void on_cannot_ask(gpointer data)
{
	Node *node = data;

	node->fail_timer = 0;
	look_end(node);
}

static void look_begin(Node *node, guint timeout_ms)
{
	Inventory *inventory = node->inventory;
	HyperCall info = { .op = HYPER_OP_HOST_INFO, .timeout_ms = timeout_ms };
	HyperCall list = { .op = HYPER_OP_LIST, .timeout_ms = timeout_ms };
	HyperHost *host;

	node->looking = TRUE;
	node->submitted_us = clock_monotonic_us(inventory->clock);
	host = open_host(node, &node->error);
	if (!host) {
		node->fail_timer = clock_after(inventory->clock, 0, on_cannot_ask, node);
		return;
	}
	node->info_request = hyper_submit(host, &info, on_info, node);
	node->list_request = hyper_submit(host, &list, on_list, node);
}

/* A look under way may have been asked before what the caller wants to see: it waits for the
 * next. */
static void round_add(Round *round, const char *name, guint timeout_ms)
{
	Node *node = inventory_node(round->inventory, name);

	round->pending++;
	if (node->looking) {
		g_ptr_array_add(node->next, round);
		node->next_timeout_ms = MAX(node->next_timeout_ms, timeout_ms);
		return;
	}
	g_ptr_array_add(node->waiters, round);
	look_begin(node, timeout_ms);
}

static void round_free(gpointer data)
{
	Round *round = data;

	clock_cancel(round->inventory->clock, &round->timer);
	g_free(round);
}

static Round *round_new(Inventory *inventory, InventoryDone done, gpointer data)
{
	Round *round = g_new0(Round, 1);

	round->inventory = inventory;
	round->done = done;
	round->data = data;
	g_hash_table_add(inventory->rounds, round);
	return round;
}

static void round_seal(Round *round)
{
	if (round->pending == 0)
		round->timer = clock_after(round->inventory->clock, 0, on_round_timer, round);
}

void inventory_refresh(Inventory *inventory, const char *node, guint timeout_ms, InventoryDone done,
		       gpointer data)
{
	Round *round = round_new(inventory, done, data);
	GError *error = NULL;
	GHashTableIter iter;
	gpointer name;

	if (!apply_load(inventory, &error)) {
		store_failed(inventory, error);
	} else if (node) {
		round_add(round, node, timeout_ms);
	} else {
		g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
		while (g_hash_table_iter_next(&iter, &name, NULL))
			round_add(round, name, timeout_ms);
	}
	round_seal(round);
}

/* ---- touches -------------------------------------------------------------------------------- */

static void note_touched(Touch *touch)
{
	Track *track = g_hash_table_lookup(touch->node->inventory->tracks, touch->uuid);
	gint64 *when;

	if (!track)
		return;
	when = g_new(gint64, 1);
	*when = touch->submitted_us;
	g_hash_table_replace(track->looked, g_strdup(touch->node->name), when);
}

static gboolean apply_touch(Inventory *inventory, gconstpointer data, GError **error)
{
	return apply_sight(inventory, data, error);
}

static void on_touched(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Touch *touch = data;
	Node *node = touch->node;
	Inventory *inventory = node->inventory;
	Sight sight = { .node = node->name, .uuid = touch->uuid };

	(void)request;
	touch->request = NULL;
	inventory->follow_ups--;
	if (answer->error && answer->error->code != KVMIG_ERROR_NOT_FOUND) {
		/* The next look says whether it is the host. */
		g_info("node '%s' does not tell about domain %s: %s", node->name, touch->uuid,
		       answer->error->message);
		node->failed_us = MAX(node->failed_us, touch->submitted_us);
	} else {
		if (answer->domain && answer->domain->state != HYPER_DOMAIN_NONE)
			sight.domain = answer->domain;
		note_touched(touch);
		apply_in_batch(inventory, apply_touch, &sight);
	}
	g_hash_table_remove(node->touches, touch);
}

static void touch_begin(Node *node, HyperHost *host, const char *uuid)
{
	Touch *touch = g_new0(Touch, 1);
	HyperCall call = { .op = HYPER_OP_DOMAIN, .uuid = uuid, .timeout_ms = TOUCH_TIMEOUT_MS };

	touch->node = node;
	touch->uuid = g_strdup(uuid);
	touch->submitted_us = clock_monotonic_us(node->inventory->clock);
	g_hash_table_add(node->touches, touch);
	node->inventory->follow_ups++;
	touch->request = hyper_submit(host, &call, on_touched, touch);
}

static void on_touch_timer(gpointer data)
{
	Node *node = data;
	Inventory *inventory = node->inventory;
	g_autoptr(GHashTable) wanted = node->wanted;
	g_autoptr(GError) error = NULL;
	GHashTableIter iter;
	gpointer uuid;
	HyperHost *host;

	node->touch_timer = 0;
	inventory->follow_ups--;
	node->wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (g_hash_table_size(wanted) > TOUCH_MAX) {
		inventory_refresh(inventory, node->name, TOUCH_TIMEOUT_MS, NULL, NULL);
		return;
	}
	host = apply_load(inventory, &error) ? open_host(node, &error) : NULL;
	if (!host) {
		g_info("node '%s' cannot be asked: %s", node->name, error->message);
		node->failed_us = clock_monotonic_us(inventory->clock);
		return;
	}
	g_hash_table_iter_init(&iter, wanted);
	while (g_hash_table_iter_next(&iter, &uuid, NULL))
		touch_begin(node, host, uuid);
}

void inventory_touch(Inventory *inventory, const char *name, const char *uuid)
{
	Node *node;

	if (!name || !uuid)
		return;
	node = inventory_node(inventory, name);
	g_hash_table_add(node->wanted, g_strdup(uuid));
	if (node->touch_timer)
		return;
	inventory->follow_ups++;
	node->touch_timer = clock_after(inventory->clock, TOUCH_DELAY_MS, on_touch_timer, node);
}

/* ---- for a reading command ------------------------------------------------------------------ */

static void on_refreshed(gpointer data)
{
	*(gboolean *)data = TRUE;
}

/* A host that did not answer may be back any moment: what is known of it ages faster. */
#define SILENT_AGE_MS 1000u

/* Tests write hosts as they please, and have them believed however slow the machine is. */
static guint age_for_tests_ms(void)
{
	const char *text = g_getenv("KVMIG_TEST_MAX_AGE_MS");
	guint64 age_ms = 0;

	return text && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &age_ms, NULL)
		       ? (guint)age_ms
		       : 0;
}

static gboolean is_stale(const cJSON *object, gint64 now_us, guint max_age_ms)
{
	Host host;

	host_read(object, &host);
	if (!host.ready)
		max_age_ms = MIN(max_age_ms, SILENT_AGE_MS);
	if (max_age_ms)
		max_age_ms = MAX(max_age_ms, age_for_tests_ms());
	return now_us - host.observed_us > (gint64)max_age_ms * 1000 || host.observed_us > now_us;
}

static void look_at_stale(Inventory *inventory, guint max_age_ms, guint timeout_ms, Round *round)
{
	gint64 now_us = clock_unix_us(inventory->clock);
	GHashTableIter iter;
	gpointer name;
	gpointer object;

	g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
	while (g_hash_table_iter_next(&iter, &name, &object)) {
		if (is_stale(object, now_us, max_age_ms))
			round_add(round, name, timeout_ms);
	}
	round_seal(round);
}

/* What the looks led to (a doubt to be settled, labels to be carried) is waited for as long
 * again, no longer. */
static void wait_for(Inventory *inventory, gboolean *done, guint timeout_ms)
{
	gboolean late = FALSE;
	guint timer = 0;

	while (!*done)
		g_main_context_iteration(NULL, TRUE);
	timer = clock_after(inventory->clock, timeout_ms, on_refreshed, &late);
	while (inventory->follow_ups > 0 && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		clock_cancel(inventory->clock, &timer);
}

/* What the store said while it was written to. */
static gboolean take_store_error(Inventory *inventory, GError **error)
{
	/* A reader who may not write sees what is stored; the age of it is in the objects. */
	if (!inventory->store_error ||
	    error_code(inventory->store_error) == KVMIG_ERROR_FORBIDDEN) {
		g_clear_error(&inventory->store_error);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&inventory->store_error));
	return FALSE;
}

/* Most often nothing is stale, and then nothing but the hosts is read. */
static gboolean any_stale(Inventory *inventory, guint max_age_ms, gboolean *ret_any, GError **error)
{
	g_autoptr(GPtrArray) hosts =
		cluster_list(inventory->cluster, &KIND_HOST, NULL, NULL, error);
	gint64 now_us = clock_unix_us(inventory->clock);

	*ret_any = FALSE;
	for (guint i = 0; hosts && i < hosts->len; i++)
		*ret_any |= is_stale(g_ptr_array_index(hosts, i), now_us, max_age_ms);
	return hosts != NULL;
}

gboolean inventory_refresh_stale(Inventory *inventory, guint max_age_ms, guint timeout_ms,
				 GError **error)
{
	gboolean done = FALSE;
	gboolean any;

	g_clear_error(&inventory->store_error);
	if (!any_stale(inventory, max_age_ms, &any, error))
		return FALSE;
	if (!any)
		return TRUE;
	if (!apply_load(inventory, error))
		return FALSE;
	look_at_stale(inventory, max_age_ms, timeout_ms, round_new(inventory, on_refreshed, &done));
	wait_for(inventory, &done, timeout_ms);
	return take_store_error(inventory, error);
}

gboolean inventory_look(Inventory *inventory, const char *node, guint timeout_ms, GError **error)
{
	gboolean done = FALSE;

	g_clear_error(&inventory->store_error);
	if (!apply_load(inventory, error))
		return FALSE;
	inventory_refresh(inventory, node, timeout_ms, on_refreshed, &done);
	wait_for(inventory, &done, timeout_ms);
	return take_store_error(inventory, error);
}

/* ---- life ----------------------------------------------------------------------------------- */

static gboolean is_unfinished(const cJSON *migration)
{
	const char *phase = json_string(json_get(migration, "status"), "phase", "");

	return !g_str_equal(phase, "Succeeded") && !g_str_equal(phase, "Failed");
}

Inventory *inventory_new(Cluster *cluster, Hyper *hyper, Clock *clock)
{
	Inventory *inventory = g_new0(Inventory, 1);
	CacheHooks none = { 0 };
	CacheHooks unfinished = { .keep = is_unfinished };
	CacheHooks indexed = { .changed = apply_index, .data = inventory };

	inventory->cluster = cluster;
	inventory->hyper = hyper;
	inventory->clock = clock;
	inventory->hosts = cache_new(cluster, &KIND_HOST, &none);
	inventory->vmis = cache_new(cluster, &KIND_VMI, &indexed);
	inventory->migrations = cache_new(cluster, &KIND_VMIM, &unfinished);
	inventory->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
	inventory->tracks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, track_free);
	inventory->rounds = g_hash_table_new_full(NULL, NULL, round_free, NULL);
	return inventory;
}

void inventory_free(Inventory *inventory)
{
	if (!inventory)
		return;
	g_hash_table_unref(inventory->nodes);
	g_hash_table_unref(inventory->tracks);
	g_hash_table_unref(inventory->rounds);
	cache_free(inventory->hosts);
	cache_free(inventory->vmis);
	cache_free(inventory->migrations);
	g_clear_pointer(&inventory->by_uuid, g_hash_table_unref);
	g_clear_pointer(&inventory->by_node, g_hash_table_unref);
	g_clear_error(&inventory->store_error);
	g_free(inventory);
}
