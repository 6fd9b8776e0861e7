/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory and everything else that can run out. A host tells how much memory it has free; a
 * Kubernetes node is full when its pods ask for all that is allocatable, used or not, since that
 * is what the scheduler goes by.
 */
#include <string.h>

#include "model/quantity.h"
#include "model/resources.h"
#include "model/wellknown.h"
#include "schedule/targets-private.h"

#define SUMMARY_NODES 8 /* a message stays readable with a thousand migrations */

static void obstruct_memory(Target *target, gint64 needed, gint64 available, char *message)
{
	TargetObstacle *obstacle = target_obstruct(target, REASON_TGT_MEMORY, message);

	obstacle->subject = g_strdup(RESOURCE_MEMORY);
	obstacle->needed = needed;
	obstacle->available = available;
}

static void remark_memory(Target *target)
{
	g_autofree char *left = quantity_human_bytes(target->memory_free_after_bytes);

	target_remark(target, g_strdup_printf("%s left afterwards", left));
}

/* ---- memory of a host ------------------------------------------------------------------------ */

/* " for 'web-2', 'web-3'": whose memory is reserved on that node, or "". */
static char *reserved_for(const TargetQuestion *question, const char *node)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint named = 0;

	for (guint i = 0; question->migrations && i < question->migrations->len; i++) {
		const Migration *migration = g_ptr_array_index(question->migrations, i);

		if (!migration_phase_is_running(migration->phase) || !migration->vmi_name ||
		    g_strcmp0(migration->target_node, node) != 0)
			continue;
		if (named++ == SUMMARY_NODES) {
			g_string_append(text, " and others");
			break;
		}
		g_string_append_printf(text, "%s'%s'", named == 1 ? " for " : ", ",
				       migration->vmi_name);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *memory_message(const TargetQuestion *question, const Host *host, gint64 reserved,
			    gint64 kept)
{
	g_autofree char *needs = quantity_human_bytes(question->vmi->memory_bytes);
	g_autofree char *free_text = quantity_human_bytes(host->memory_available_bytes);
	g_autofree char *whose = reserved_for(question, host->name);
	g_autofree char *reserved_text = quantity_human_bytes(reserved);
	g_autofree char *host_text = quantity_human_bytes(kept);
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_append_printf(text, "needs %s, %s are free", needs, free_text);
	if (reserved > 0)
		g_string_append_printf(text, " of which %s are reserved%s", reserved_text, whose);
	if (kept > 0)
		g_string_append_printf(text, "%s %s are kept for the host",
				       reserved > 0 ? " and" : " of which", host_text);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static void check_host_memory(const TargetQuestion *question, const Host *host, Target *target)
{
	gint64 need = question->vmi->memory_bytes, total = host->memory_allocatable_bytes;
	gint64 available = host->memory_available_bytes;
	gint64 kept = question->host_reserve_bytes >= 0 ? question->host_reserve_bytes
							: schedule_host_reserve(host);
	const gint64 *entry = question->reserved_bytes
				      ? g_hash_table_lookup(question->reserved_bytes, host->name)
				      : NULL;
	gint64 reserved = entry ? MAX(*entry, 0) : 0, room;

	if (total > 0 && need > total) {
		g_autofree char *needs = quantity_human_bytes(need);
		g_autofree char *has = quantity_human_bytes(total);

		obstruct_memory(target, need, total,
				g_strdup_printf("needs %s, the node has %s in all", needs, has));
		return;
	}
	if (available < 0) {
		if (host->ready) /* otherwise that is said already */
			obstruct_memory(target, need, -1,
					g_strdup("how much memory is free is not known"));
		return;
	}
	room = available - MIN(reserved, G_MAXINT64 / 2) - kept;
	target->memory_requested_bytes = total > 0 ? MAX(total - room, 0) : -1;
	target->memory_free_after_bytes = room - need;
	if (target->memory_free_after_bytes < 0)
		obstruct_memory(target, need, MAX(room, 0),
				memory_message(question, host, reserved, kept));
	else
		remark_memory(target);
}

/* ---- resources of a Kubernetes node ---------------------------------------------------------- */

static const char *resource_reason(const TargetDemand *demand, const char *name)
{
	if (strcmp(name, RESOURCE_MEMORY) == 0)
		return REASON_TGT_MEMORY;
	if (g_str_has_prefix(name, RESOURCE_PREFIX_HUGEPAGES))
		return REASON_TGT_HUGEPAGES;
	if (strcmp(name, "devices.kubevirt.io/kvm") == 0)
		return REASON_TGT_VIRT_TYPE;
	if (demand->networks && g_hash_table_contains(demand->networks, name))
		return REASON_TGT_NETWORK;
	if (strcmp(name, RESOURCE_PODS) == 0)
		return REASON_TGT_PODS;
	if (strcmp(name, RESOURCE_EPHEMERAL) == 0)
		return REASON_TGT_EPHEMERAL;
	/* an amount, not a device: what a kernel or a kubelet hands out by another name */
	return strcmp(name, RESOURCE_CPU) == 0 ? REASON_TGT_CPU : REASON_TGT_DEVICE;
}

/* "needs 4.2 GiB of memory, 1 GiB of 16 GiB is left: 3.2 GiB are missing" */
static char *resource_words(const char *name, gint64 needed, gint64 allocatable, gint64 left)
{
	g_autofree char *needs = resources_human(name, needed);
	g_autofree char *all = resources_human(name, allocatable);
	g_autofree char *rest = resources_human(name, left);
	g_autofree char *missing = resources_human(name, needed - left);

	if (allocatable == 0)
		return g_strdup_printf("needs %s of %s, the node has none", needs, name);
	if (needed > allocatable)
		return g_strdup_printf("needs %s of %s, the node has %s in all", needs, name, all);
	return g_strdup_printf("needs %s of %s, %s of %s %s not asked for yet: %s missing", needs,
			       name, rest, all, left == 1 ? "is" : "are", missing);
}

static void check_resource(const TargetQuestion *question, const Host *host, const char *name,
			   gint64 needed, Target *target)
{
	GHashTable *requested =
		question->requested ? g_hash_table_lookup(question->requested, host->name) : NULL;
	gint64 allocatable = resources_read(host->allocatable, name, 0);
	gint64 taken = requested || question->requested ? resources_get(requested, name, 0) : -1;
	gint64 left = allocatable - MIN(MAX(taken, 0), allocatable);
	TargetObstacle *obstacle;

	if (needed <= left || needed == 0)
		return;
	obstacle = target_obstruct(target, resource_reason(question->demand, name),
				   resource_words(name, needed, allocatable, left));
	obstacle->subject = g_strdup(name);
	obstacle->needed = needed;
	obstacle->available = left;
	obstacle->allocatable = allocatable;
	obstacle->requested = taken;
}

static void measure_memory(const TargetQuestion *question, const Host *host, gint64 needed,
			   Target *target)
{
	GHashTable *requested;

	if (!question->requested) {
		target->memory_free_after_bytes = host->memory_allocatable_bytes - needed;
		return;
	}
	requested = g_hash_table_lookup(question->requested, host->name);
	target->memory_requested_bytes = resources_get(requested, RESOURCE_MEMORY, 0);
	target->memory_free_after_bytes =
		host->memory_allocatable_bytes - target->memory_requested_bytes - needed;
	if (target->memory_free_after_bytes >= 0)
		remark_memory(target);
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In the order of their names, so that the answer to the same question is the same. */
static void check_node_resources(const TargetQuestion *question, const Host *host, Target *target)
{
	GHashTable *wanted = question->demand ? question->demand->resources : NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	GHashTableIter iter;
	gpointer name;

	if (!wanted) {
		check_resource(question, host, RESOURCE_MEMORY, question->vmi->memory_bytes,
			       target);
		measure_memory(question, host, question->vmi->memory_bytes, target);
		return;
	}
	g_hash_table_iter_init(&iter, wanted);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, name);
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++)
		check_resource(question, host, g_ptr_array_index(names, i),
			       resources_get(wanted, g_ptr_array_index(names, i), 0), target);
	measure_memory(question, host, resources_get(wanted, RESOURCE_MEMORY, 0), target);
}

void target_check_resources(const TargetSieve *sieve, const Host *host, Target *target)
{
	if (host->is_node)
		check_node_resources(sieve->question, host, target);
	else
		check_host_memory(sieve->question, host, target);
}

/* ---- networks -------------------------------------------------------------------------------- */

static gboolean is_folder(const char *address)
{
	return address && g_str_has_prefix(address, "unix:");
}

/* Sockets in a folder that both hosts see: only between two that both do it so. */
static void check_address(const Host *source, const Host *host, Target *target)
{
	if (!source || is_folder(source->migration_address) == is_folder(host->migration_address))
		return;
	target_obstruct(
		target, REASON_TGT_MIGRATION_NETWORK,
		g_strdup_printf("its migration address is %s, that of '%s' %s",
				host->migration_address ? host->migration_address : "not set",
				source->name,
				source->migration_address ? source->migration_address : "not set"));
}

void target_check_networks(const TargetSieve *sieve, const Host *host, Target *target)
{
	const TargetQuestion *question = sieve->question;

	if (!host->is_node)
		check_address(sieve->source, host, target);
	if (!question->migration_network || !question->on_network ||
	    g_hash_table_contains(question->on_network, host->name))
		return;
	target_obstruct(target, REASON_TGT_MIGRATION_NETWORK,
			g_strdup_printf("its virt-handler is not on the migration network '%s'",
					question->migration_network))
		->subject = g_strdup(question->migration_network);
}
