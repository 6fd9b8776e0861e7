/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a migration on KubeVirt waits: its own conditions, the pod that is to receive the VM, or a
 * limit, which KubeVirt tells in its log alone.
 */
#include "migration-waits.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "config/owner.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

#define UNSCHEDULABLE_S 300 /* KubeVirt's own limits */
#define PENDING_S 900
#define UIDS_MAX 100 /* in one selector: it is a part of the URL */

struct WaitFacts {
	const CommandContext *context;
	const char *ns;
	GHashTable *expected; /* uids, borrowed */
	GPtrArray *known;     /* borrowed: what the caller has read of `ns` */
	const GPtrArray *known_vmis;

	gboolean pods_read, limits_read;
	GHashTable *pods; /* uid of the migration -> its pod */
	Settings settings;
	GPtrArray *objects, *migrations; /* views of the objects; NULL: limits cannot be told */
	GHashTable *nodes;               /* "ns/vm" -> where it runs */
	GPtrArray *pod_notes, *limit_notes;
};

WaitFacts *wait_facts_new(const CommandContext *context, const char *ns)
{
	WaitFacts *facts = g_new0(WaitFacts, 1);

	facts->context = context;
	facts->ns = ns;
	facts->expected = g_hash_table_new(g_str_hash, g_str_equal);
	facts->pods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					    (GDestroyNotify)cJSON_Delete);
	facts->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	facts->pod_notes = g_ptr_array_new_with_free_func(g_free);
	facts->limit_notes = g_ptr_array_new_with_free_func(g_free);
	return facts;
}

void wait_facts_free(WaitFacts *facts)
{
	if (!facts)
		return;
	g_hash_table_unref(facts->expected);
	g_hash_table_unref(facts->pods);
	g_hash_table_unref(facts->nodes);
	g_clear_pointer(&facts->migrations, g_ptr_array_unref);
	g_clear_pointer(&facts->objects, g_ptr_array_unref);
	g_ptr_array_unref(facts->pod_notes);
	g_ptr_array_unref(facts->limit_notes);
	g_free(facts);
}

void wait_facts_expect(WaitFacts *facts, const cJSON *object)
{
	if (object_uid(object))
		g_hash_table_add(facts->expected, (gpointer)object_uid(object));
}

gboolean migration_waits(const cJSON *object)
{
	Migration migration;

	migration_read(object, &migration);
	return migration.phase <= MIGRATION_PHASE_SCHEDULING;
}

void wait_facts_know(WaitFacts *facts, GPtrArray *migrations, const GPtrArray *vmis)
{
	facts->known = migrations;
	facts->known_vmis = vmis;
}

/* ---- what could not be read ----------------------------------------------------------------- */

static void add_notes(cJSON *document, const GPtrArray *notes)
{
	for (guint i = 0; i < notes->len; i++)
		migration_add_note(document, g_ptr_array_index(notes, i));
}

void wait_facts_tell(const WaitFacts *facts)
{
	const GPtrArray *const all[] = { facts->pod_notes, facts->limit_notes };

	for (guint i = 0; i < G_N_ELEMENTS(all); i++)
		for (guint n = 0; n < all[i]->len; n++)
			say(facts->context, "why some wait is not fully known: %s",
			    (const char *)g_ptr_array_index(all[i], n));
}

/* ---- the pod -------------------------------------------------------------------------------- */

/* That of the migrations in question; of very many, of any migration: a VM that was moved keeps the
 * pod with the label. */
static Selector *pod_selector(const WaitFacts *facts)
{
	g_autoptr(GString) text = g_string_new(LABEL_MIGRATION_UID);
	const char *before = " in (";
	GHashTableIter iter;
	gpointer uid;

	if (g_hash_table_size(facts->expected) > UIDS_MAX)
		return selector_parse(text->str, NULL);
	g_hash_table_iter_init(&iter, facts->expected);
	while (g_hash_table_iter_next(&iter, &uid, NULL)) {
		g_string_append_printf(text, "%s%s", before, (const char *)uid);
		before = ",";
	}
	g_string_append_c(text, ')');
	return selector_parse(text->str, NULL);
}

static gboolean take_pod(const cJSON *pod, gpointer data)
{
	WaitFacts *facts = data;
	const char *uid = object_label(pod, LABEL_MIGRATION_UID);

	if (uid && g_hash_table_contains(facts->expected, uid))
		g_hash_table_insert(facts->pods, g_strdup(uid), cJSON_Duplicate(pod, TRUE));
	return TRUE;
}

static void read_pods(WaitFacts *facts)
{
	g_autoptr(Selector) selector =
		g_hash_table_size(facts->expected) ? pod_selector(facts) : NULL;
	const ClusterListOptions list = { .ns = facts->ns, .selector = selector };
	g_autoptr(GError) error = NULL;

	facts->pods_read = TRUE;
	if (selector && !cluster_each(facts->context->cluster, &KIND_POD, &list, take_pod, facts,
				      NULL, &error))
		g_ptr_array_add(facts->pod_notes,
				migration_unseen("the pod that is to receive the VM", error));
}

const cJSON *wait_facts_pod(WaitFacts *facts, const Migration *migration, cJSON *document)
{
	if (!facts->pods_read)
		read_pods(facts);
	add_notes(document, facts->pod_notes);
	return migration->uid ? g_hash_table_lookup(facts->pods, migration->uid) : NULL;
}

/* ---- one that waits ------------------------------------------------------------------------- */

typedef struct {
	WaitFacts *facts;
	cJSON *document;
	Migration migration;
} Wait;

static void set_waiting(const Wait *wait, const char *reason, const char *message)
{
	cJSON *waiting = json_ensure_object(wait->document, "waiting");

	json_set_string(waiting, "reason", reason);
	json_set_string(waiting, "message", message);
}

static gint64 annotated_s(const cJSON *object, const char *key, gint64 fallback)
{
	const char *text = object_annotation(object, key);
	gint64 seconds;

	return text && g_ascii_string_to_signed(text, 10, 0, G_MAXINT32, &seconds, NULL) ? seconds
											 : fallback;
}

/* Until KubeVirt takes the pod away, and the migration fails. */
static void set_pod_deadline(const Wait *wait, const cJSON *pod, const char *annotation,
			     gint64 seconds, const char *reason)
{
	cJSON *deadline = json_ensure_object(wait->document, "deadline");
	gint64 limit_s = annotated_s(wait->migration.object, annotation, seconds);
	g_autofree char *at = clock_format_unix(object_created_us(pod) + limit_s * G_USEC_PER_SEC);

	json_set_string(deadline, "at", at);
	json_set_string(deadline, "action", "fail");
	json_set_string(deadline, "reason", reason);
}

static const cJSON *unschedulable(const cJSON *pod)
{
	const cJSON *condition = condition_find(pod, "PodScheduled");

	if (strcmp(json_string(condition, "status", ""), "False") == 0 &&
	    strcmp(json_string(condition, "reason", ""), "Unschedulable") == 0)
		return condition;
	return NULL;
}

static void look_at_pod(const Wait *wait, const cJSON *pod)
{
	const cJSON *condition = unschedulable(pod);
	g_autofree char *words = migration_pod_words(pod);
	g_autofree char *text = NULL;

	if (strcmp(json_string(json_get(pod, "status"), "phase", "Pending"), "Pending") != 0)
		return;
	if (condition) {
		set_waiting(wait, REASON_PEND_NO_TARGET, json_string(condition, "message", ""));
		set_pod_deadline(wait, pod, ANNOTATION_UNSCHEDULABLE_TIMEOUT, UNSCHEDULABLE_S,
				 REASON_FAIL_NO_TARGET_TIMEOUT);
		return;
	}
	text = g_strdup_printf("pod '%s' is to start%s%s", object_name(pod), words ? ": " : "",
			       words ? words : "");
	set_waiting(wait, REASON_PEND_TARGET_POD, text);
	set_pod_deadline(wait, pod, ANNOTATION_PENDING_TIMEOUT, PENDING_S, REASON_FAIL_TARGET_POD);
}

/* ---- the queue ------------------------------------------------------------------------------ */

static gboolean take_node(const cJSON *object, gpointer data)
{
	const char *node = object_label(object, LABEL_NODE_NAME);

	if (node)
		g_hash_table_insert(data, object_ref(object), g_strdup(node));
	return TRUE;
}

/* "ns/vm" -> node, by the label that KubeVirt puts on each. */
static void read_nodes(WaitFacts *facts, const char *ns)
{
	const ClusterListOptions list = { .ns = ns, .metadata_only = TRUE };
	const GPtrArray *known = g_strcmp0(ns, facts->ns) == 0 ? facts->known_vmis : NULL;

	for (guint i = 0; known && i < known->len; i++)
		(void)take_node(g_ptr_array_index(known, i), facts->nodes);
	if (!known)
		(void)cluster_each(facts->context->cluster, &KIND_VMI, &list, take_node,
				   facts->nodes, NULL, NULL);
}

/* All of ns; what the caller has read already is not read again. */
static GPtrArray *list_migrations(const WaitFacts *facts, const char *ns, GError **error)
{
	const ClusterListOptions list = { .ns = ns };

	if (facts->known && g_strcmp0(ns, facts->ns) == 0)
		return g_ptr_array_ref(facts->known);
	return cluster_list(facts->context->cluster, &KIND_VMIM, &list, NULL, error);
}

/* All migrations, or where that is not permitted those of the namespace. */
static GPtrArray *read_migrations(WaitFacts *facts, const char **ret_ns)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *objects = list_migrations(facts, NULL, &error);

	*ret_ns = NULL;
	if (objects)
		return objects;
	g_ptr_array_add(facts->limit_notes,
			migration_unseen("what other namespaces migrate", error));
	if (error_code(error) != KVMIG_ERROR_FORBIDDEN || !facts->ns)
		return NULL;
	*ret_ns = facts->ns;
	return list_migrations(facts, facts->ns, NULL);
}

static const char *node_of(const WaitFacts *facts, const Migration *migration)
{
	g_autofree char *ref = migration_vm_ref(migration->object);

	return g_hash_table_lookup(facts->nodes, ref);
}

static GPtrArray *read_views(const WaitFacts *facts)
{
	GPtrArray *views = OBJECT_VIEWS(facts->objects, Migration, migration_read);

	for (guint i = 0; i < views->len; i++) {
		Migration *view = g_ptr_array_index(views, i);

		if (!view->source_node)
			view->source_node = node_of(facts, view);
	}
	return views;
}

static gboolean read_settings(WaitFacts *facts)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(ConfigOwner) owner = config_owner_find(facts->context->cluster, &error);
	g_autoptr(cJSON) effective = owner ? config_effective_object(owner) : NULL;

	if (effective && settings_read(effective, &facts->settings, &error))
		return TRUE;
	if (error)
		g_ptr_array_add(facts->limit_notes, migration_unseen("the limits", error));
	return FALSE;
}

static void read_limits(WaitFacts *facts)
{
	const char *ns = NULL;

	facts->limits_read = TRUE;
	if (!read_settings(facts))
		return;
	facts->objects = read_migrations(facts, &ns);
	if (!facts->objects)
		return;
	read_nodes(facts, ns);
	facts->migrations = read_views(facts);
}

/* A limit holds it back: KubeVirt says so in its log alone. */
static void look_at_limits(const Wait *wait)
{
	WaitFacts *facts = wait->facts;
	const char *node;
	Admission admission;

	if (!facts->limits_read)
		read_limits(facts);
	add_notes(wait->document, facts->limit_notes);
	if (!json_get(wait->document, "sourceNode")) /* nobody has looked at the VM itself */
		json_set_string(wait->document, "sourceNode", node_of(facts, &wait->migration));
	node = json_string(wait->document, "sourceNode", NULL);
	if (!node || !facts->migrations)
		return;
	admission = schedule_admit(&wait->migration, node, facts->migrations, &facts->settings);
	if (!admission.admitted)
		set_waiting(wait, admission.reason, admission.message);
	admission_clear(&admission);
}

static const struct {
	const char *type, *reason, *words;
} blocks[] = {
	{ "migrationRejectedByResourceQuota", REASON_PEND_QUOTA,
	  "the quota of the namespace has no room for another pod" },
	{ "migrationBlockedByUtilityVolumes", REASON_PEND_VM_BUSY,
	  "volumes are plugged in for a backup or the like" },
	{ "migrationBlockedByBackup", REASON_PEND_VM_BUSY, "a backup of the VM runs" },
	{ "decentralizedMigrationBlocked", REASON_PEND_VM_BUSY, "the other cluster is not ready" },
};

/* KubeVirt asks the limits first, and leaves the condition as it is while one holds. */
static void look_behind_quota(const Wait *wait)
{
	cJSON *waiting = json_ensure_object(wait->document, "waiting");
	g_autofree char *text = NULL;

	if (wait->migration.phase <= MIGRATION_PHASE_PENDING)
		look_at_limits(wait);
	text = g_strdup_printf("%s; when it was tried last, the quota of the namespace had no room",
			       json_string(waiting, "message", ""));
	if (strcmp(json_string(waiting, "reason", ""), REASON_PEND_QUOTA) != 0)
		json_set_string(waiting, "message", text);
}

static gboolean look_at_conditions(const Wait *wait)
{
	const cJSON *object = wait->migration.object;

	for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++) {
		const cJSON *condition = condition_find(object, blocks[i].type);
		const char *message = json_string(condition, "message", NULL);

		if (!condition_is_true(object, blocks[i].type))
			continue;
		set_waiting(wait, blocks[i].reason,
			    message && *message ? message : blocks[i].words);
		if (strcmp(blocks[i].reason, REASON_PEND_QUOTA) == 0)
			look_behind_quota(wait);
		return TRUE;
	}
	return FALSE;
}

void wait_facts_explain(WaitFacts *facts, const cJSON *object, cJSON *document)
{
	Wait wait = { .facts = facts, .document = document };
	const cJSON *pod;

	migration_read(object, &wait.migration);
	if (wait.migration.phase > MIGRATION_PHASE_SCHEDULING || look_at_conditions(&wait))
		return;
	pod = wait_facts_pod(facts, &wait.migration, document);
	if (pod)
		look_at_pod(&wait, pod);
	else if (wait.migration.phase <= MIGRATION_PHASE_PENDING)
		look_at_limits(&wait);
}
