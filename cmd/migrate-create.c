/* SPDX-License-Identifier: Apache-2.0 */
/* The object that starts a migration, and that there is one of it. */
#include "migrate.h"

#include "model/wellknown.h"

/* A watch shows what was created within some milliseconds, and one that the server refuses ends at
 * once: this is for one that breaks off, to be there again. */
#define ORDER_TIMEOUT_MS 10000

/* ---- the object ----------------------------------------------------------------------------- */

static void add_timeouts(cJSON *object, gint64 timeout_ms)
{
	g_autofree char *seconds = g_strdup_printf("%" G_GINT64_FORMAT, (timeout_ms + 999) / 1000);

	if (timeout_ms <= 0)
		return;
	object_set_annotation(object, ANNOTATION_UNSCHEDULABLE_TIMEOUT, seconds);
	object_set_annotation(object, ANNOTATION_PENDING_TIMEOUT, seconds);
}

/* KubeVirt's webhook adds label and finalizer itself: what is sent is what the documents show. */
static cJSON *kubevirt_object(const Vmi *vmi, const cJSON *selector)
{
	cJSON *object = object_new(&KIND_VMIM, vmi->ns, NULL);
	cJSON *spec = json_ensure_object(object, "spec");

	json_set_string(json_get(object, "metadata"), "generateName", "kvmig-");
	json_set_string(spec, "vmiName", vmi->name);
	if (selector)
		json_set(spec, "addedNodeSelector", cJSON_Duplicate(selector, TRUE));
	return object;
}

cJSON *migrate_object(const Preflight *preflight, const Vmi *vmi, const char *name,
		      const char *batch)
{
	cJSON *object = preflight->kubevirt
				? kubevirt_object(vmi, preflight->selector)
				: migration_object_new(vmi->ns, vmi->name, preflight->selector);
	cJSON *metadata = json_get(object, "metadata");

	if (name) {
		json_unset(metadata, "generateName");
		json_set_string(metadata, "name", name);
	}
	if (batch)
		object_set_label(object, LABEL_BATCH, batch);
	add_timeouts(object, preflight->values->schedule_timeout_ms);
	return object;
}

/* ---- creating ------------------------------------------------------------------------------- */

static gboolean conflict(const cJSON *other, const char *vm, GError **error)
{
	g_autofree char *words = migration_ns_words(object_namespace(other));

	error_set(error, KVMIG_ERROR_CONFLICT,
		  "cannot migrate VM '%s': migration '%s' of it was started meanwhile", vm,
		  object_name(other));
	error_reason(error, REASON_BLK_IN_FLIGHT);
	error_hint(error, "'kvmig%s status -w %s' follows it", words, object_name(other));
	return FALSE;
}

/* KubeVirt's refusal has only a uid of the other one: which, and since when, is looked up. */
static void name_rival(Cluster *cluster, const Vmi *vmi, GError **error)
{
	const ClusterListOptions list = { .ns = vmi->ns };
	g_autoptr(GPtrArray) migrations = NULL;
	const cJSON *other = NULL;

	if (g_strcmp0(error_get_reason(*error), REASON_BLK_IN_FLIGHT) != 0)
		return;
	migrations = cluster_list(cluster, &KIND_VMIM, &list, NULL, NULL);
	if (migrations)
		other = migration_unfinished_of(migrations, vmi->ns, vmi->name);
	if (!other)
		return; /* it has ended meanwhile */
	g_clear_error(error);
	(void)migrate_refuse_in_flight(other, vmi->name, error);
}

cJSON *migrate_create(const Preflight *preflight, const Vmi *vmi, const cJSON *object,
		      ClusterWriteFlags flags, GError **error)
{
	Cluster *cluster = preflight->context->cluster;
	cJSON *created = cluster_create(cluster, object, flags, error);

	if (!created && cluster_caps(cluster)->kind != CLUSTER_FLEET)
		kubevirt_explain_refusal(vmi->name, error);
	if (!created && preflight->kubevirt && !preflight->many)
		name_rival(cluster, vmi, error);
	return created;
}

/* ---- one of it ------------------------------------------------------------------------------ */

gboolean migrate_withdraw(const CommandContext *context, const Migration *ours, const cJSON *rival,
			  GError **error)
{
	if (!cluster_delete(context->cluster, &KIND_VMIM, ours->ns, ours->name, ours->uid,
			    CLUSTER_WRITE_NONE, error)) {
		error_prefix(error, "migration '%s' is a second one and cannot be withdrawn",
			     ours->name);
		return FALSE;
	}
	return conflict(rival, ours->vmi_name, error);
}

typedef struct {
	Migration ours;
	cJSON *rival;
	gboolean done, late;
} Order;

static gboolean on_late(gpointer data)
{
	((Order *)data)->late = TRUE;
	return G_SOURCE_CONTINUE;
}

/* Ctrl-C does not cut it short, and is heard of afterwards: a second migration would stay. */
static void wait_for_order(Order *order)
{
	guint timer = g_timeout_add(ORDER_TIMEOUT_MS, on_late, order);

	while (!order->done && !order->late)
		g_main_context_iteration(NULL, TRUE);
	g_source_remove(timer);
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error G_GNUC_UNUSED,
		     gpointer data)
{
	Order *order = data;
	Migration other;
	gboolean over;

	if (type == CLUSTER_EVENT_ERROR) {
		order->done = TRUE;
		return;
	}
	migration_read(object, &other);
	if (g_strcmp0(other.uid, order->ours.uid) == 0)
		order->done = TRUE;
	if (order->done || g_strcmp0(other.vmi_name, order->ours.vmi_name) != 0 ||
	    g_strcmp0(other.ns, order->ours.ns) != 0)
		return;
	over = type == CLUSTER_EVENT_DELETED || migration_phase_is_final(other.phase) ||
	       other.abort_requested;
	/* the first one: those behind it withdraw, as we do */
	if (!over && !order->rival)
		order->rival = cJSON_Duplicate(object, TRUE);
	else if (over && order->rival && g_strcmp0(object_uid(order->rival), other.uid) == 0)
		g_clear_pointer(&order->rival, cJSON_Delete);
}

/* An API server stores whatever its admission lets pass, and KubeVirt's lets several pass that come
 * at the same time. A watch from before tells in which order they came, the same to everybody: the
 * first one stays. On local the transaction excludes a second one. */
gboolean migrate_stay_alone(const Preflight *preflight, const cJSON *created, GError **error)
{
	Cluster *cluster = preflight->context->cluster;
	const ClusterListOptions list = { .ns = preflight->ns };
	Order order = { 0 };
	ClusterWatch *watch;
	gboolean alone = TRUE;

	if (cluster_caps(cluster)->kind == CLUSTER_LOCAL)
		return TRUE;
	migration_read(created, &order.ours);
	watch = cluster_watch(cluster, &KIND_VMIM, &list, preflight->version, on_event, &order,
			      error);
	if (!watch)
		return FALSE;
	wait_for_order(&order);
	cluster_watch_stop(watch);
	if (order.rival)
		alone = migrate_withdraw(preflight->context, &order.ours, order.rival, error);
	cJSON_Delete(order.rival);
	return alone;
}
