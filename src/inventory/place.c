/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a VM is. status.copies has one entry for every host that reports the domain; one of them
 * counts (status.nodeName), the others are part of a migration or an alarm.
 */
#include "inventory/private.h"

#include "model/host.h"
#include "model/migration.h"
#include "model/wellknown.h"

static const char *copy_node(const cJSON *copy)
{
	return json_string(copy, "node", "");
}

static HyperDomainState copy_state(const cJSON *copy)
{
	return describe_state_from_string(json_string(copy, "state", NULL));
}

static gboolean copy_is_live(const cJSON *copy)
{
	HyperDomainState state = copy_state(copy);

	return state == HYPER_DOMAIN_RUNNING || state == HYPER_DOMAIN_PAUSED ||
	       state == HYPER_DOMAIN_OTHER;
}

static cJSON *copies(const cJSON *vmi)
{
	return json_path(vmi, "status", "copies", NULL);
}

static cJSON *find_copy(const cJSON *vmi, const char *node)
{
	cJSON *copy;

	cJSON_ArrayForEach(copy, copies(vmi))
	{
		if (g_str_equal(copy_node(copy), node))
			return copy;
	}
	return NULL;
}

/* ---- what was seen -------------------------------------------------------------------------- */

static void fill_copy(cJSON *copy, const Sight *sight)
{
	const HyperDomain *domain = sight->domain;

	json_set_string(copy, "node", sight->node);
	json_set_string(copy, "state", hyper_domain_state_to_string(domain->state));
	json_set_string(copy, "reason", hyper_reason_to_string(domain->reason));
	json_set_bool(copy, "incoming", domain->incoming);
	if (domain->incoming)
		return;
	json_set_bool(copy, "persistent", domain->persistent);
	json_set_bool(copy, "autostart", domain->autostart);
}

void place_see(cJSON *vmi, const Sight *sight)
{
	cJSON *list = json_ensure_array(json_ensure_object(vmi, "status"), "copies");
	cJSON *copy = find_copy(vmi, sight->node);

	if (sight->domain) {
		if (!copy) {
			copy = cJSON_CreateObject();
			cJSON_AddItemToArray(list, copy);
		}
		fill_copy(copy, sight);
	} else if (copy) {
		cJSON_Delete(cJSON_DetachItemViaPointer(list, copy));
	}
}

/* Copies on hosts that have been removed from the cluster are nobody's business any more. */
static void drop_unknown_hosts(Inventory *inventory, cJSON *vmi)
{
	cJSON *list = copies(vmi);
	cJSON *copy = list ? list->child : NULL;

	while (copy) {
		cJSON *next = copy->next;

		if (!cache_get(inventory->hosts, copy_node(copy)))
			cJSON_Delete(cJSON_DetachItemViaPointer(list, copy));
		copy = next;
	}
}

/* ---- which copy counts ---------------------------------------------------------------------- */

gboolean place_host_answers(Inventory *inventory, const char *node)
{
	const cJSON *host = cache_get(inventory->hosts, node);

	return host && condition_is_true(host, CONDITION_READY);
}

Flight place_flight(Inventory *inventory, const cJSON *vmi)
{
	Flight flight = { 0 };
	GHashTableIter iter;
	gpointer object;

	g_hash_table_iter_init(&iter, cache_table(inventory->migrations));
	while (g_hash_table_iter_next(&iter, NULL, &object)) {
		Migration migration;

		/* cheap first: there may be thousands of them, and this is asked for every VMI */
		if (g_strcmp0(json_string(json_get(object, "spec"), "vmiName", NULL),
			      object_name(vmi)) != 0)
			continue;
		migration_read(object, &migration);
		if (g_strcmp0(migration.vmi_name, object_name(vmi)) != 0 ||
		    g_strcmp0(migration.ns, object_namespace(vmi)) != 0)
			continue;
		/* One that only waits has nothing in its hands; one with a target has. */
		if (flight.active && !migration.target_node)
			continue;
		flight.active = TRUE;
		flight.source = migration.source_node;
		flight.target = migration.target_node;
	}
	return flight;
}

static gboolean is_in_flight(const Flight *flight, const char *node)
{
	return flight->active && flight->target &&
	       (g_strcmp0(node, flight->source) == 0 || g_strcmp0(node, flight->target) == 0);
}

/* While a migration runs its source counts for as long as the VM is there; else what runs counts
 * before what is only defined, and what a host says now before what it said last. */
static int rank_copy(Inventory *inventory, const cJSON *copy, const Flight *flight)
{
	int rank = 0;

	if (json_bool(copy, "incoming", FALSE))
		return -1;
	switch (copy_state(copy)) {
	case HYPER_DOMAIN_RUNNING:
		rank = 8;
		break;
	case HYPER_DOMAIN_PAUSED:
		rank = 6;
		break;
	case HYPER_DOMAIN_OTHER:
		rank = 4;
		break;
	case HYPER_DOMAIN_CRASHED:
		rank = 2;
		break;
	case HYPER_DOMAIN_SHUTOFF:
	case HYPER_DOMAIN_NONE:
		break;
	}
	if (place_host_answers(inventory, copy_node(copy)))
		rank += 1;
	if (is_in_flight(flight, copy_node(copy)) && copy_is_live(copy) &&
	    g_str_equal(copy_node(copy), flight->source ? flight->source : ""))
		rank += 10;
	return rank;
}

static const cJSON *choose_copy(Inventory *inventory, const cJSON *vmi, const Flight *flight)
{
	const char *current = json_string(json_get(vmi, "status"), "nodeName", "");
	const cJSON *best = NULL;
	const cJSON *copy;
	int best_rank = -1;

	cJSON_ArrayForEach(copy, copies(vmi))
	{
		int rank = rank_copy(inventory, copy, flight);

		if (rank > best_rank ||
		    (best && rank == best_rank && g_str_equal(copy_node(copy), current))) {
			best = copy;
			best_rank = rank;
		}
	}
	return best;
}

static void set_paused(cJSON *vmi, const cJSON *copy, gint64 now_us)
{
	const char *why = json_string(copy, "reason", "");
	const char *reason = "Paused";

	if (copy_state(copy) != HYPER_DOMAIN_PAUSED) {
		condition_remove(vmi, CONDITION_PAUSED);
		return;
	}
	if (g_str_equal(why, hyper_reason_to_string(HYPER_REASON_USER)))
		reason = "PausedByUser";
	else if (g_str_equal(why, hyper_reason_to_string(HYPER_REASON_IO_ERROR)))
		reason = "PausedIOError";
	else if (g_str_equal(why, hyper_reason_to_string(HYPER_REASON_MIGRATION)))
		reason = "PausedByMigrationMonitor";
	condition_set(vmi, CONDITION_PAUSED, TRUE, reason, why, now_us);
}

static void set_place(Inventory *inventory, cJSON *vmi, const cJSON *copy)
{
	cJSON *status = json_ensure_object(vmi, "status");
	const char *node = copy_node(copy);
	gboolean answers = place_host_answers(inventory, node);

	json_set_string(status, "nodeName", node);
	object_set_label(vmi, LABEL_NODE_NAME, node);
	json_set_string(status, "domainState", json_string(copy, "state", NULL));
	json_set_string(status, "phase", answers ? describe_phase(copy_state(copy)) : "Unknown");
	json_set_string(status, "reason", answers ? NULL : "NodeUnreachable");
	json_set_bool(status, "persistent", json_bool(copy, "persistent", FALSE));
	json_set_bool(status, "autostart", json_bool(copy, "autostart", FALSE));
	set_paused(vmi, copy, clock_unix_us(inventory->clock));
	condition_remove(vmi, CONDITION_MISSING);
}

/* ---- asking again --------------------------------------------------------------------------- */

/* Whether the host has been asked after `since_us`; a host that does not answer counts where
 * `failed_counts`. */
static gboolean asked_since(Inventory *inventory, const Track *track, const char *name,
			    gint64 since_us, gboolean failed_counts)
{
	const Node *node = g_hash_table_lookup(inventory->nodes, name);
	const gint64 *touched = g_hash_table_lookup(track->looked, name);

	return (node && node->answered_us >= since_us) || (touched && *touched >= since_us) ||
	       (failed_counts && node && node->failed_us >= since_us);
}

gboolean place_is_gone(Inventory *inventory, const Track *track)
{
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!asked_since(inventory, track, name, track->gone_us, FALSE))
			return FALSE;
	}
	return TRUE;
}

static gboolean copies_confirmed(Inventory *inventory, const Track *track, const cJSON *vmi)
{
	const cJSON *copy;

	cJSON_ArrayForEach(copy, copies(vmi))
	{
		if (!asked_since(inventory, track, copy_node(copy), track->doubt_us, TRUE))
			return FALSE;
	}
	return TRUE;
}

/* ---- duplicates ----------------------------------------------------------------------------- */

/* One daemon under two names in the cluster: what it runs is not there twice. */
static gboolean is_same_host(Inventory *inventory, const char *a, const char *b)
{
	const char *one =
		json_string(json_get(cache_get(inventory->hosts, a), "status"), "hostUUID", NULL);
	const char *other =
		json_string(json_get(cache_get(inventory->hosts, b), "status"), "hostUUID", NULL);

	return one && g_strcmp0(one, other) == 0;
}

/* Elements are copies, borrowed from the object. */
static GPtrArray *other_copies(Inventory *inventory, const cJSON *vmi, const cJSON *main_copy,
			       const Flight *flight)
{
	GPtrArray *others = g_ptr_array_new();
	cJSON *copy;

	cJSON_ArrayForEach(copy, copies(vmi))
	{
		if (copy == main_copy || json_bool(copy, "incoming", FALSE) ||
		    is_in_flight(flight, copy_node(copy)) ||
		    is_same_host(inventory, copy_node(copy), copy_node(main_copy)))
			continue;
		g_ptr_array_add(others, copy);
	}
	return others;
}

static void declare_duplicate(Inventory *inventory, cJSON *vmi, const cJSON *main_copy,
			      const GPtrArray *others)
{
	cJSON *status = json_ensure_object(vmi, "status");
	cJSON *also_on = cJSON_CreateArray();
	g_autoptr(GString) where = g_string_new(NULL);
	const char *reason = "DefinedElsewhere";

	for (guint i = 0; i < others->len; i++) {
		const cJSON *copy = g_ptr_array_index(others, i);
		const char *node = copy_node(copy);

		cJSON_AddItemToArray(also_on, cJSON_CreateString(node));
		g_string_append_printf(where, "%s '%s' (%s%s)", i ? "," : "", node,
				       json_string(copy, "state", "?"),
				       place_host_answers(inventory, node) ? ""
									   : ", when last seen");
		if (copy_is_live(copy))
			reason = "RunningTwice";
	}
	if (!copy_is_live(main_copy) && !g_str_equal(reason, "RunningTwice"))
		reason = "DefinedTwice";
	json_set(status, "alsoOn", also_on);
	g_string_prepend(where, "the same UUID is also on");
	condition_set(vmi, CONDITION_DUPLICATE, TRUE, reason, where->str,
		      clock_unix_us(inventory->clock));
}

static void clear_duplicate(Inventory *inventory, cJSON *vmi)
{
	Track *track = g_hash_table_lookup(inventory->tracks, inventory_uuid_of(vmi));

	if (track)
		track->doubt_us = 0;
	condition_remove(vmi, CONDITION_DUPLICATE);
	json_unset(json_get(vmi, "status"), "alsoOn");
}

/* The first sight of a second copy only raises a doubt: it may be one end of a migration whose
 * other end has not been looked at since. Then all of them are asked again. */
static void raise_doubt(Inventory *inventory, Track *track, const cJSON *vmi)
{
	const cJSON *copy;

	if (track->doubt_us)
		return;
	track->doubt_us = clock_monotonic_us(inventory->clock);
	cJSON_ArrayForEach(copy, copies(vmi))
		inventory_touch(inventory, copy_node(copy), track->uuid);
}

static gboolean settle_duplicates(Inventory *inventory, cJSON *vmi, const cJSON *main_copy,
				  Flight flight, GError **error)
{
	g_autoptr(GPtrArray) others = other_copies(inventory, vmi, main_copy, &flight);
	Track *track;

	if (others->len == 0) {
		clear_duplicate(inventory, vmi);
		return TRUE;
	}
	if (!condition_is_true(vmi, CONDITION_DUPLICATE)) {
		track = inventory_track(inventory, inventory_uuid_of(vmi));
		raise_doubt(inventory, track, vmi);
		if (!copies_confirmed(inventory, track, vmi))
			return TRUE;
		/* Another process may have started a migration that the watch has not told yet. */
		if (!cache_reload(inventory->migrations, error))
			return FALSE;
		flight = place_flight(inventory, vmi);
		g_ptr_array_unref(others);
		others = other_copies(inventory, vmi, main_copy, &flight);
		if (others->len == 0)
			return TRUE;
	}
	declare_duplicate(inventory, vmi, main_copy, others);
	return TRUE;
}

/* ---- vanished ------------------------------------------------------------------------------- */

static char *hosts_not_asked(Inventory *inventory)
{
	g_autoptr(GString) names = g_string_new(NULL);
	GHashTableIter iter;
	gpointer name;

	g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
	while (g_hash_table_iter_next(&iter, &name, NULL)) {
		if (!place_host_answers(inventory, name))
			g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
					       (const char *)name);
	}
	return g_strdup(names->str);
}

static void set_missing(Inventory *inventory, cJSON *vmi)
{
	cJSON *status = json_ensure_object(vmi, "status");
	Track *track = inventory_track(inventory, inventory_uuid_of(vmi));
	g_autofree char *silent = hosts_not_asked(inventory);
	g_autofree char *message = NULL;
	GHashTableIter iter;
	gpointer name;

	message = *silent ? g_strdup_printf("no host that answers has it; not asked: %s", silent)
			  : g_strdup("no host that answers has it; they are being asked again");
	json_unset(status, "nodeName");
	json_unset(status, "domainState");
	object_set_label(vmi, LABEL_NODE_NAME, NULL);
	json_set_string(status, "phase", "Unknown");
	json_set_string(status, "reason", "Missing");
	condition_set(vmi, CONDITION_MISSING, TRUE, "NotFound", message,
		      clock_unix_us(inventory->clock));
	if (track->gone_us)
		return;
	track->gone_us = clock_monotonic_us(inventory->clock);
	g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
	while (g_hash_table_iter_next(&iter, &name, NULL))
		inventory_touch(inventory, name, track->uuid);
}

static gboolean is_the_engines(Inventory *inventory, const cJSON *vmi)
{
	return place_flight(inventory, vmi).active || condition_is_true(vmi, CONDITION_UNDECIDED);
}

gboolean place_settle(Inventory *inventory, cJSON *vmi, const Sight *sight, gboolean *ret_here,
		      GError **error)
{
	Flight flight = place_flight(inventory, vmi);
	Track *track = g_hash_table_lookup(inventory->tracks, inventory_uuid_of(vmi));
	const cJSON *copy;

	drop_unknown_hosts(inventory, vmi);
	copy = choose_copy(inventory, vmi, &flight);
	if (track && (copy || cJSON_GetArraySize(copies(vmi)) > 0))
		track->gone_us = 0;
	if (!copy) {
		*ret_here = FALSE;
		/* Only an incoming copy, or a migration that has it in its hands: no verdict. */
		if (cJSON_GetArraySize(copies(vmi)) == 0 && !is_the_engines(inventory, vmi))
			set_missing(inventory, vmi);
		return TRUE;
	}
	set_place(inventory, vmi, copy);
	*ret_here = sight && sight->domain && g_str_equal(copy_node(copy), sight->node);
	return settle_duplicates(inventory, vmi, copy, flight, error);
}
