/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a migration may start now, in which order those that wait are tried, and what those
 * under way hold. Counting is KubeVirt's: every phase from Scheduling to Running, and whatever
 * waits but has a target already.
 */
#include <string.h>

#include "schedule/schedule.h"

#define NAMED_MIGRATIONS 10
#define RESERVE_MAX_BYTES (512 * G_GINT64_CONSTANT(1024) * 1024)

/* Whether it takes a place under the limits. */
static gboolean takes_place(const Migration *migration)
{
	if (migration_phase_is_running(migration->phase))
		return TRUE;
	return (migration->phase == MIGRATION_PHASE_PENDING ||
		migration->phase == MIGRATION_PHASE_UNSET) &&
	       migration->target_node != NULL;
}

/* ---- memory --------------------------------------------------------------------------------- */

static const Vmi *find_vmi(const GPtrArray *vmis, const char *ns, const char *name)
{
	for (guint i = 0; vmis && i < vmis->len; i++) {
		const Vmi *vmi = g_ptr_array_index(vmis, i);

		if (g_strcmp0(vmi->name, name) == 0 && g_strcmp0(vmi->ns, ns) == 0)
			return vmi;
	}
	return NULL;
}

GHashTable *schedule_reservations(const GPtrArray *migrations, const GPtrArray *vmis,
				  const char *exclude_uid)
{
	GHashTable *reserved = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);

	for (guint i = 0; migrations && i < migrations->len; i++) {
		const Migration *migration = g_ptr_array_index(migrations, i);
		const char *node = migration->target_node;
		const Vmi *vmi;
		gint64 bytes, *sum;

		if (!node || !takes_place(migration) ||
		    (exclude_uid && g_strcmp0(migration->uid, exclude_uid) == 0))
			continue;
		vmi = find_vmi(vmis, migration->ns, migration->vmi_name);
		if (vmi && g_strcmp0(vmi->node_name, node) == 0)
			continue; /* it has arrived: the host's own figures show it */
		bytes = json_int(json_path(migration->object, "status", "kvmig", NULL),
				 "memoryBytes", vmi ? vmi->memory_bytes : 0);
		sum = g_hash_table_lookup(reserved, node);
		if (!sum) {
			sum = g_new0(gint64, 1);
			g_hash_table_insert(reserved, g_strdup(node), sum);
		}
		*sum = bytes > G_MAXINT64 - *sum ? G_MAXINT64 : *sum + MAX(bytes, 0);
	}
	return reserved;
}

gint64 schedule_host_reserve(const Host *host)
{
	return MIN(host->memory_allocatable_bytes / 20, RESERVE_MAX_BYTES);
}

/* ---- limits --------------------------------------------------------------------------------- */

void admission_clear(Admission *admission)
{
	g_free(admission->message);
	memset(admission, 0, sizeof(*admission));
}

typedef gboolean (*Counts)(const Migration *migration, const char *node);

static gboolean counts_anywhere(const Migration *migration G_GNUC_UNUSED,
				const char *node G_GNUC_UNUSED)
{
	return TRUE;
}

static gboolean counts_outbound(const Migration *migration, const char *node)
{
	return g_strcmp0(migration->source_node, node) == 0;
}

static gboolean counts_inbound(const Migration *migration, const char *node)
{
	return g_strcmp0(migration->target_node, node) == 0;
}

/* How many take a place, all but the one with that uid; their names are added to `names`. */
static gint64 count_running(const GPtrArray *migrations, const char *except_uid, Counts counts,
			    const char *node, GString *names)
{
	gint64 running = 0;

	for (guint i = 0; migrations && i < migrations->len; i++) {
		const Migration *migration = g_ptr_array_index(migrations, i);

		if (!takes_place(migration) || !counts(migration, node) ||
		    (except_uid && g_strcmp0(migration->uid, except_uid) == 0))
			continue;
		if (++running <= NAMED_MIGRATIONS)
			g_string_append_printf(names, "%s%s", running > 1 ? ", " : ": ",
					       migration->name ? migration->name : "?");
	}
	if (running > NAMED_MIGRATIONS)
		g_string_append_printf(names, " and %" G_GINT64_FORMAT " more",
				       running - NAMED_MIGRATIONS);
	return running;
}

static Admission refuse(const char *reason, gint64 running, gint64 limit, const char *where,
			const GString *names)
{
	Admission admission = { .reason = reason };

	admission.message = g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
					    " migrations run %s%s",
					    running, limit, where, names->str);
	return admission;
}

Admission schedule_admit(const Migration *candidate, const char *source_node,
			 const GPtrArray *migrations, const Settings *settings)
{
	g_autoptr(GString) all = g_string_new(NULL);
	g_autoptr(GString) outbound = g_string_new(NULL);
	gint64 running;

	running = count_running(migrations, candidate->uid, counts_anywhere, NULL, all);
	if (running >= settings->parallel_per_cluster)
		return refuse(REASON_PEND_CLUSTER_LIMIT, running, settings->parallel_per_cluster,
			      "in the cluster", all);
	running = count_running(migrations, candidate->uid, counts_outbound, source_node, outbound);
	if (running >= settings->parallel_outbound_per_node) {
		g_autofree char *where = g_strdup_printf("away from node '%s'", source_node);

		return refuse(REASON_PEND_OUTBOUND_LIMIT, running,
			      settings->parallel_outbound_per_node, where, outbound);
	}
	return (Admission){ .admitted = TRUE };
}

Admission schedule_admit_inbound(const char *node, const GPtrArray *migrations,
				 const Settings *settings)
{
	g_autoptr(GString) names = g_string_new(NULL);
	g_autofree char *where = g_strdup_printf("to node '%s'", node);
	gint64 running = count_running(migrations, NULL, counts_inbound, node, names);

	if (settings->parallel_inbound_per_node <= 0 ||
	    running < settings->parallel_inbound_per_node)
		return (Admission){ .admitted = TRUE };
	return refuse(REASON_PEND_INBOUND_LIMIT, running, settings->parallel_inbound_per_node,
		      where, names);
}

/* ---- queue ---------------------------------------------------------------------------------- */

/* KubeVirt's levels; what is unknown ranks with what is unset. */
static int priority_of(const Migration *migration)
{
	static const struct {
		const char *word;
		int level;
	} levels[] = {
		{ "system-critical", 100 },
		{ "user-triggered", 50 },
		{ "system-maintenance", 20 },
	};
	const char *word = json_string(json_get(migration->object, "spec"), "priority", "");

	for (gsize i = 0; i < G_N_ELEMENTS(levels); i++)
		if (strcmp(levels[i].word, word) == 0)
			return levels[i].level;
	return 0;
}

static gint compare_queued(gconstpointer a, gconstpointer b)
{
	const Migration *left = *(Migration *const *)a, *right = *(Migration *const *)b;
	int left_priority = priority_of(left), right_priority = priority_of(right);

	if (left_priority != right_priority)
		return left_priority > right_priority ? -1 : 1;
	return migration_compare_age(left, right);
}

GPtrArray *schedule_queue(const GPtrArray *migrations)
{
	GPtrArray *queue = g_ptr_array_new();

	for (guint i = 0; migrations && i < migrations->len; i++) {
		Migration *migration = g_ptr_array_index(migrations, i);

		if ((migration->phase == MIGRATION_PHASE_PENDING ||
		     migration->phase == MIGRATION_PHASE_UNSET) &&
		    !migration->abort_requested)
			g_ptr_array_add(queue, migration);
	}
	g_ptr_array_sort(queue, compare_queued);
	return queue;
}
