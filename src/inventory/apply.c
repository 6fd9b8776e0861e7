/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of hosts become changes of objects. Each change is computed on a copy of the object,
 * written only where it differs, and computed again on the fresh object where somebody else was
 * faster.
 */
#include "inventory/private.h"

#include <string.h>

#include "model/host.h"
#include "model/vmi.h"
#include "model/wellknown.h"

#define WRITE_TRIES 5
#define HEARTBEAT_US (G_GINT64_CONSTANT(3) * G_USEC_PER_SEC)
#define NAME_MAX_BYTES 63

const char *inventory_uuid_of(const cJSON *vmi)
{
	const char *uuid = json_string(json_get(vmi, "status"), "domainUUID", NULL);

	/* The label only where the status was never written: anybody may change a label. */
	return uuid ? uuid : object_label(vmi, LABEL_DOMAIN_UUID);
}

/* ---- index over the VMIs -------------------------------------------------------------------- */

#define NOWHERE "" /* key of by_node for VMs without a copy */

static void free_set(gpointer set)
{
	g_hash_table_unref(set);
}

static GHashTable *node_set(Inventory *inventory, const char *node)
{
	GHashTable *set = g_hash_table_lookup(inventory->by_node, node);

	if (!set) {
		set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		g_hash_table_insert(inventory->by_node, g_strdup(node), set);
	}
	return set;
}

static void index_copies(Inventory *inventory, const cJSON *vmi, const char *uuid, gboolean add)
{
	const cJSON *list = json_path(vmi, "status", "copies", NULL);
	const cJSON *copy;

	if (cJSON_GetArraySize(list) == 0) {
		if (add)
			g_hash_table_add(node_set(inventory, NOWHERE), g_strdup(uuid));
		else
			g_hash_table_remove(node_set(inventory, NOWHERE), uuid);
	}
	cJSON_ArrayForEach(copy, list)
	{
		GHashTable *set = node_set(inventory, json_string(copy, "node", NOWHERE));

		if (add)
			g_hash_table_add(set, g_strdup(uuid));
		else
			g_hash_table_remove(set, uuid);
	}
}

void apply_index(const cJSON *old, const cJSON *now, gboolean foreign, gpointer data)
{
	Inventory *inventory = data;
	const char *uuid = old ? inventory_uuid_of(old) : NULL;

	if (uuid) {
		index_copies(inventory, old, uuid, FALSE);
		g_hash_table_remove(inventory->by_uuid, uuid);
	}
	uuid = now ? inventory_uuid_of(now) : NULL;
	if (!uuid)
		return;
	index_copies(inventory, now, uuid, TRUE);
	g_hash_table_replace(inventory->by_uuid, g_strdup(uuid), object_ref(now));
	if (foreign && carry_is_due(now))
		inventory_touch(inventory, json_string(json_get(now, "status"), "nodeName", NULL),
				uuid);
}

gboolean apply_load(Inventory *inventory, GError **error)
{
	if (!inventory->by_uuid) {
		inventory->by_uuid = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
		inventory->by_node =
			g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_set);
	}
	return cache_load(inventory->hosts, error) && cache_load(inventory->migrations, error) &&
	       cache_load(inventory->vmis, error);
}

/* After a failed batch what the caches took from it is not so. */
void apply_forget(Inventory *inventory)
{
	cache_invalidate(inventory->hosts);
	cache_invalidate(inventory->migrations);
	cache_invalidate(inventory->vmis);
}

/* ---- writing -------------------------------------------------------------------------------- */

static gboolean main_differs(const cJSON *old, const cJSON *now)
{
	return !json_equal(object_labels(old), object_labels(now)) ||
	       !json_equal(json_path(old, "metadata", "annotations", NULL),
			   json_path(now, "metadata", "annotations", NULL)) ||
	       !json_equal(json_get(old, "spec"), json_get(now, "spec"));
}

static cJSON *without_moving_parts(const cJSON *object)
{
	const cJSON *status = json_get(object, "status");
	cJSON *copy = status ? cJSON_Duplicate(status, TRUE) : cJSON_CreateObject();

	json_unset(copy, "observedAt");
	json_unset(copy, "memoryAvailable");
	return copy;
}

static gboolean status_differs(const cJSON *old, const cJSON *now)
{
	g_autoptr(cJSON) before = without_moving_parts(old);
	g_autoptr(cJSON) after = without_moving_parts(now);

	return !json_equal(before, after);
}

/* Writes what of `now` differs from `old`; the cache gets what the store returned. */
static gboolean write_changes(Inventory *inventory, Cache *cache, const cJSON *old, cJSON *now,
			      gboolean heartbeat, GError **error)
{
	g_autofree char *observed = NULL;
	g_autoptr(cJSON) stored = NULL;

	if (main_differs(old, now)) {
		stored = cluster_update(inventory->cluster, now, CLUSTER_WRITE_NONE, error);
		if (!stored)
			return FALSE;
	}
	if (heartbeat || status_differs(old, now)) {
		g_autoptr(cJSON) next = cJSON_Duplicate(stored ? stored : old, TRUE);

		observed = clock_format_unix_micro(clock_unix_us(inventory->clock));
		json_set(next, "status", cJSON_Duplicate(json_get(now, "status"), TRUE));
		json_set_string(json_get(next, "status"), "observedAt", observed);
		cJSON_Delete(stored);
		stored = cluster_update_status(inventory->cluster, next, CLUSTER_WRITE_NONE, error);
		if (!stored)
			return FALSE;
	}
	if (stored)
		cache_put(cache, g_steal_pointer(&stored));
	return TRUE;
}

/* Somebody else was faster: takes the object as it is now. FALSE: another kind of failure. */
static gboolean refresh_object(Inventory *inventory, Cache *cache, const Kind *kind,
			       const char *ref, GError **error)
{
	const char *slash = strchr(ref, '/');
	g_autofree char *ns = slash ? g_strndup(ref, (gsize)(slash - ref)) : NULL;
	g_autoptr(GError) local = NULL;
	cJSON *fresh = cluster_get(inventory->cluster, kind, ns, slash ? slash + 1 : ref, &local);

	if (fresh) {
		cache_put(cache, fresh);
		return TRUE;
	}
	if (error_code(local) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	cache_remove(cache, ref);
	return TRUE;
}

/* One object that the schema refuses must not take the others of its host with it. */
static gboolean is_refused(const char *what, const GError *error)
{
	if (error_code(error) != KVMIG_ERROR_INVALID)
		return FALSE;
	g_warning("%s is left as it was: %s", what, error->message);
	return TRUE;
}

static gboolean is_race(const GError *error)
{
	KvmigError code = error_code(error);

	return code == KVMIG_ERROR_CONFLICT || code == KVMIG_ERROR_NOT_FOUND ||
	       code == KVMIG_ERROR_EXISTS;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

/* Two names for one daemon, or two hosts made from one image: libvirt refuses to migrate between
 * hosts of the same UUID, so both say so. */
static void note_same_host(Inventory *inventory, cJSON *host, gint64 now_us)
{
	const char *uuid = json_string(json_get(host, "status"), "hostUUID", NULL);
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *message = NULL;
	GHashTableIter iter;
	gpointer name;
	gpointer other;

	g_hash_table_iter_init(&iter, cache_table(inventory->hosts));
	while (uuid && g_hash_table_iter_next(&iter, &name, &other)) {
		if (g_strcmp0(name, object_name(host)) == 0 ||
		    g_strcmp0(json_string(json_get(other, "status"), "hostUUID", NULL), uuid) != 0)
			continue;
		g_string_append_printf(names, "%s'%s'", names->len ? ", " : "", (char *)name);
	}
	if (names->len == 0) {
		condition_remove(host, CONDITION_SAME_HOST);
		return;
	}
	message = g_strdup_printf("same host UUID as node %s: one host under two names, or two "
				  "that need different UUIDs (host_uuid in libvirtd.conf)",
				  names->str);
	condition_set(host, CONDITION_SAME_HOST, TRUE, "SameHostUUID", message, now_us);
}

static gboolean heartbeat_due(const cJSON *old, const cJSON *now, gint64 now_us)
{
	Host before;
	Host after;
	gint64 moved;

	host_read(old, &before);
	host_read(now, &after);
	moved = ABS(before.memory_available_bytes - after.memory_available_bytes);
	return now_us - before.observed_us >= HEARTBEAT_US || now_us < before.observed_us ||
	       moved > after.memory_allocatable_bytes / 64;
}

static gboolean apply_host_once(Node *node, const cJSON *old, GError **error)
{
	Inventory *inventory = node->inventory;
	gint64 now_us = clock_unix_us(inventory->clock);
	g_autoptr(cJSON) now = cJSON_Duplicate(old, TRUE);

	if (node->error)
		describe_host_failure(now, node->error, now_us);
	else
		describe_host(now, node->info, now_us);
	note_same_host(inventory, now, now_us);
	return write_changes(inventory, inventory->hosts, old, now, heartbeat_due(old, now, now_us),
			     error);
}

static gboolean apply_host(Node *node, GError **error)
{
	Inventory *inventory = node->inventory;

	for (int i = 0; i < WRITE_TRIES; i++) {
		g_autoptr(GError) local = NULL;
		const cJSON *old = cache_get(inventory->hosts, node->name);

		if (!old)
			return TRUE; /* removed meanwhile */
		if (apply_host_once(node, old, &local) || is_refused(node->name, local))
			return TRUE;
		if (!is_race(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		if (!refresh_object(inventory, inventory->hosts, &KIND_HOST, node->name, error))
			return FALSE;
	}
	return error_set(error, KVMIG_ERROR_CONFLICT, "node '%s' keeps changing under our hands",
			 node->name);
}

/* The others of the same UUID learn of it too. */
static gboolean apply_same_hosts(Inventory *inventory, const char *name, GError **error)
{
	g_autofree GStrv names =
		(GStrv)g_hash_table_get_keys_as_array(cache_table(inventory->hosts), NULL);
	const char *uuid = json_string(json_get(cache_get(inventory->hosts, name), "status"),
				       "hostUUID", NULL);

	for (guint i = 0; uuid && names[i]; i++) {
		const cJSON *old = cache_get(inventory->hosts, names[i]);
		g_autoptr(cJSON) now = NULL;
		g_autoptr(GError) local = NULL;

		if (!old || g_str_equal(names[i], name) ||
		    g_strcmp0(json_string(json_get(old, "status"), "hostUUID", NULL), uuid) != 0)
			continue;
		now = cJSON_Duplicate(old, TRUE);
		note_same_host(inventory, now, clock_unix_us(inventory->clock));
		/* A race is no matter: the other's own next look says it again. */
		if (!write_changes(inventory, inventory->hosts, old, now, FALSE, &local) &&
		    !is_race(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
	}
	return TRUE;
}

/* ---- VMIs ----------------------------------------------------------------------------------- */

static gboolean is_name_taken(Inventory *inventory, const char *ns, const char *name)
{
	g_autofree char *ref = g_strdup_printf("%s/%s", ns, name);

	return cache_get(inventory->vmis, ref) != NULL;
}

/* The wanted name, or with a piece of the UUID behind it where that is taken. */
static char *pick_name(Inventory *inventory, const char *ns, const char *wanted, const char *uuid)
{
	static const gsize pieces[] = { 0, 8, 36 };

	for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
		gsize room = NAME_MAX_BYTES - (pieces[i] ? pieces[i] + 1 : 0);
		g_autofree char *base = name_from_text(wanted, room);
		g_autofree char *name =
			pieces[i] ? g_strdup_printf("%s-%.*s", base, (int)pieces[i], uuid)
				  : g_strdup(base);

		if (!is_name_taken(inventory, ns, name))
			return g_steal_pointer(&name);
	}
	return g_strdup(uuid);
}

static cJSON *new_vmi(Inventory *inventory, const HyperDomain *domain)
{
	g_auto(Instance) instance = { 0 };
	g_autoptr(GError) error = NULL;
	g_autofree char *raw = g_utf8_make_valid(domain->name ? domain->name : domain->uuid, -1);
	g_autofree char *name = NULL;
	const char *ns;
	cJSON *vmi;

	if (!instance_parse(domain->metadata, &instance, &error)) {
		g_warning("domain '%s': %s; taken as if there were none", raw, error->message);
		instance_parse(NULL, &instance, NULL);
	}
	ns = instance.ns ? instance.ns : NAMESPACE_DEFAULT;
	/* The metadata of a clone names its model. */
	if (instance.uuid && !g_str_equal(instance.uuid, domain->uuid))
		g_clear_pointer(&instance.name, g_free);
	name = pick_name(inventory, ns, instance.name ? instance.name : raw, domain->uuid);
	vmi = object_new(&KIND_VMI, ns, name);
	describe_domain(vmi, domain);
	return vmi;
}

/* Everything that a sight changes in an object. */
static gboolean compute(Inventory *inventory, cJSON *vmi, const Sight *sight, GError **error)
{
	gboolean here;

	if (sight->node)
		place_see(vmi, sight);
	if (!place_settle(inventory, vmi, sight->node ? sight : NULL, &here, error))
		return FALSE;
	if (!here)
		return TRUE;
	describe_domain(vmi, sight->domain);
	describe_migratable(vmi, sight->domain, clock_unix_us(inventory->clock));
	carry_sync(inventory, vmi, sight->domain);
	return TRUE;
}

static gboolean create_vmi(Inventory *inventory, const Sight *sight, GError **error)
{
	g_autoptr(cJSON) vmi = new_vmi(inventory, sight->domain);
	g_autoptr(cJSON) created = NULL;

	if (!compute(inventory, vmi, sight, error))
		return FALSE;
	created = cluster_create(inventory->cluster, vmi, CLUSTER_WRITE_NONE, error);
	if (!created)
		return FALSE;
	/* A create does not take the status on every kind of cluster. */
	json_unset(created, "status");
	json_set(vmi, "metadata", cJSON_Duplicate(json_get(created, "metadata"), TRUE));
	return write_changes(inventory, inventory->vmis, created, vmi, TRUE, error);
}

static gboolean update_vmi(Inventory *inventory, const cJSON *old, const Sight *sight,
			   GError **error)
{
	g_autofree char *ref = object_ref(old);
	g_autoptr(cJSON) now = cJSON_Duplicate(old, TRUE);

	if (!compute(inventory, now, sight, error))
		return FALSE;
	old = cache_get(inventory->vmis, ref);
	return !old || write_changes(inventory, inventory->vmis, old, now, FALSE, error);
}

static const cJSON *vmi_of_uuid(Inventory *inventory, const char *uuid)
{
	const char *ref = g_hash_table_lookup(inventory->by_uuid, uuid);

	return ref ? cache_get(inventory->vmis, ref) : NULL;
}

static gboolean apply_sight_once(Inventory *inventory, const Sight *sight, GError **error)
{
	const cJSON *old = vmi_of_uuid(inventory, sight->uuid);

	if (old)
		return update_vmi(inventory, old, sight, error);
	/* A guest on its way in from a host that is not ours becomes an object when it is here. */
	if (!sight->domain || sight->domain->incoming)
		return TRUE;
	return create_vmi(inventory, sight, error);
}

static gboolean recover_race(Inventory *inventory, const char *uuid, GError **error)
{
	g_autofree char *ref = g_strdup(g_hash_table_lookup(inventory->by_uuid, uuid));

	/* A name was taken by an object that is not in the cache yet: read them all. */
	if (!ref)
		return cache_reload(inventory->vmis, error);
	return refresh_object(inventory, inventory->vmis, &KIND_VMI, ref, error);
}

gboolean apply_sight(Inventory *inventory, const Sight *sight, GError **error)
{
	for (int i = 0; i < WRITE_TRIES; i++) {
		g_autoptr(GError) local = NULL;

		if (apply_sight_once(inventory, sight, &local) || is_refused(sight->uuid, local))
			return TRUE;
		if (!is_race(local)) {
			g_propagate_error(error, g_steal_pointer(&local));
			return FALSE;
		}
		if (!recover_race(inventory, sight->uuid, error))
			return FALSE;
	}
	return error_set(error, KVMIG_ERROR_CONFLICT,
			 "the object of domain %s keeps changing under our hands", sight->uuid);
}

/* ---- a look --------------------------------------------------------------------------------- */

static GPtrArray *uuids_at(Inventory *inventory, const char *node)
{
	GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
	GHashTable *set = g_hash_table_lookup(inventory->by_node, node);
	GHashTableIter iter;
	gpointer uuid;

	if (!set)
		return uuids;
	g_hash_table_iter_init(&iter, set);
	while (g_hash_table_iter_next(&iter, &uuid, NULL))
		g_ptr_array_add(uuids, g_strdup(uuid));
	return uuids;
}

/* What was there and is not in the list has gone; what is nowhere is considered again. */
static gboolean apply_absent(Node *node, const char *where, GHashTable *seen, GError **error)
{
	g_autoptr(GPtrArray) known = uuids_at(node->inventory, where);

	for (guint i = 0; i < known->len; i++) {
		Sight sight = { .node = node->name, .uuid = g_ptr_array_index(known, i) };

		if (!g_hash_table_contains(seen, sight.uuid) &&
		    !apply_sight(node->inventory, &sight, error))
			return FALSE;
	}
	return TRUE;
}

/* Whose host has been taken out of the cluster, without 'node remove' clearing up behind it. */
static gboolean apply_orphans(Node *node, GHashTable *seen, GError **error)
{
	Inventory *inventory = node->inventory;
	g_autofree gpointer *names = g_hash_table_get_keys_as_array(inventory->by_node, NULL);

	for (guint i = 0; names[i]; i++) {
		g_autofree char *name = g_strdup(names[i]);

		if (!g_str_equal(name, NOWHERE) && !cache_get(inventory->hosts, name) &&
		    !apply_absent(node, name, seen, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean apply_domains(Node *node, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < node->domains->len; i++) {
		const HyperDomain *domain = g_ptr_array_index(node->domains, i);
		Sight sight = { .node = node->name, .uuid = domain->uuid, .domain = domain };

		g_hash_table_add(seen, domain->uuid);
		if (!apply_sight(node->inventory, &sight, error))
			return FALSE;
	}
	return apply_absent(node, node->name, seen, error) &&
	       apply_absent(node, NOWHERE, seen, error) && apply_orphans(node, seen, error);
}

/* The host does not answer: what is there is not known. */
static gboolean apply_silence(Node *node, GError **error)
{
	g_autoptr(GPtrArray) known = uuids_at(node->inventory, node->name);

	for (guint i = 0; i < known->len; i++) {
		Sight sight = { .uuid = g_ptr_array_index(known, i) };

		if (!apply_sight(node->inventory, &sight, error))
			return FALSE;
	}
	return TRUE;
}

gboolean apply_look(Node *node, GError **error)
{
	if (!apply_host(node, error) || !apply_same_hosts(node->inventory, node->name, error))
		return FALSE;
	/* The Host object is gone: nothing that it says matters. */
	if (!cache_get(node->inventory->hosts, node->name))
		return apply_silence(node, error);
	return node->domains ? apply_domains(node, error) : apply_silence(node, error);
}

/* ---- verdicts ------------------------------------------------------------------------------- */

static gboolean remove_vmi(Inventory *inventory, const Track *track, GError **error)
{
	const cJSON *vmi;
	g_autofree char *ref = NULL;
	g_autoptr(GError) local = NULL;

	/* A migration that another process has just started keeps it. */
	if (!cache_reload(inventory->migrations, error))
		return FALSE;
	vmi = vmi_of_uuid(inventory, track->uuid);
	if (!vmi || place_flight(inventory, vmi).active)
		return TRUE;
	ref = object_ref(vmi);
	g_info("domain %s is on no host any more: '%s' is removed", track->uuid, ref);
	if (!cluster_delete(inventory->cluster, &KIND_VMI, object_namespace(vmi), object_name(vmi),
			    object_uid(vmi), CLUSTER_WRITE_NONE, &local) &&
	    !is_race(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	cache_remove(inventory->vmis, ref);
	return TRUE;
}

gboolean apply_verdicts(Inventory *inventory, GError **error)
{
	g_autofree gpointer *keys = g_hash_table_get_keys_as_array(inventory->tracks, NULL);

	for (guint i = 0; keys[i]; i++) {
		Track *track = g_hash_table_lookup(inventory->tracks, keys[i]);

		if (track->gone_us && place_is_gone(inventory, track)) {
			if (!remove_vmi(inventory, track, error))
				return FALSE;
			track->gone_us = 0;
		}
		if (!track->gone_us && !track->doubt_us && !track->carry && !track->backoff_ms)
			g_hash_table_remove(inventory->tracks, track->uuid);
	}
	return TRUE;
}
