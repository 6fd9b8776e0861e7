/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes can take a VM. What is not known (a label of a family that the host lacks
 * altogether, a CPU model that the domain does not name) is no obstacle: libvirt's own check on
 * the target has the last word, and a refusal here cannot be overruled by anybody. Memory is the
 * exception: a node whose free memory is not known is not filled blindly.
 */
#include <string.h>

#include "model/labels.h"
#include "model/quantity.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

#define SUMMARY_NODES 8 /* an error stays readable with a thousand nodes */

static void obstacle_free(gpointer data)
{
	TargetObstacle *obstacle = data;

	g_free(obstacle->message);
	g_free(obstacle);
}

static void target_free(gpointer data)
{
	Target *target = data;

	g_free(target->node);
	g_ptr_array_unref(target->obstacles);
	g_free(target);
}

/* Takes the message. */
static void obstacle_add(Target *target, const char *reason, char *message)
{
	TargetObstacle *obstacle = g_new0(TargetObstacle, 1);

	obstacle->reason = reason;
	obstacle->message = message;
	g_ptr_array_add(target->obstacles, obstacle);
}

static gboolean label_is_true(const Host *host, const char *prefix, const char *name)
{
	g_autofree char *key = g_strconcat(prefix, name, NULL);

	return strcmp(json_string(host->labels, key, ""), "true") == 0;
}

/* The rest of the first label key with that prefix, or NULL. */
static const char *label_with_prefix(const Host *host, const char *prefix)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, host->labels)
		if (label->string && g_str_has_prefix(label->string, prefix))
			return label->string + strlen(prefix);
	return NULL;
}

static void check_state(Target *target, const Host *host)
{
	if (host->unschedulable)
		obstacle_add(target, REASON_TGT_CORDONED, g_strdup("cordoned"));
	if (host->deleting)
		obstacle_add(target, REASON_TGT_NOT_READY, g_strdup("is being removed"));
	else if (!host->ready && host->not_ready_reason && *host->not_ready_reason)
		obstacle_add(target, REASON_TGT_NOT_READY,
			     g_strdup_printf("not ready: %s", host->not_ready_reason));
	else if (!host->ready)
		obstacle_add(target, REASON_TGT_NOT_READY, g_strdup("not ready"));
}

static void check_selector(Target *target, const Host *host, const cJSON *map, const char *reason,
			   const char *whose)
{
	g_autoptr(Selector) selector = selector_from_map(map);
	g_autofree char *why = selector_explain(selector, host->labels, "the node");

	if (why)
		obstacle_add(target, reason, g_strdup_printf("%s %s", whose, why));
}

/* Kubernetes' rule: an absent key (with Exists), value or effect of a toleration is a wildcard. */
static gboolean toleration_covers(const cJSON *toleration, const cJSON *taint)
{
	const char *key = json_string(toleration, "key", "");
	const char *effect = json_string(toleration, "effect", "");
	gboolean exists = strcmp(json_string(toleration, "operator", "Equal"), "Exists") == 0;

	if (*effect && strcmp(effect, json_string(taint, "effect", "")) != 0)
		return FALSE;
	if (!*key)
		return exists;
	if (strcmp(key, json_string(taint, "key", "")) != 0)
		return FALSE;
	return exists ||
	       strcmp(json_string(toleration, "value", ""), json_string(taint, "value", "")) == 0;
}

static gboolean taint_is_tolerated(const cJSON *taint, const Vmi *vmi)
{
	const cJSON *toleration;

	cJSON_ArrayForEach(toleration, json_path(vmi->object, "spec", "tolerations", NULL))
		if (toleration_covers(toleration, taint))
			return TRUE;
	return FALSE;
}

static void check_taints(Target *target, const Host *host, const Vmi *vmi)
{
	const cJSON *taint;

	cJSON_ArrayForEach(taint, host->taints) {
		const char *effect = json_string(taint, "effect", "");
		const char *value = json_string(taint, "value", "");

		if (strcmp(effect, "NoSchedule") != 0 && strcmp(effect, "NoExecute") != 0)
			continue;
		if (!taint_is_tolerated(taint, vmi))
			obstacle_add(target, REASON_TGT_TAINT,
				     g_strdup_printf("taint %s%s%s:%s",
						     json_string(taint, "key", ""),
						     *value ? "=" : "", value, effect));
	}
}

static void check_platform(Target *target, const Host *host, const Vmi *vmi)
{
	if (vmi->arch && host->arch && strcmp(vmi->arch, host->arch) != 0)
		obstacle_add(target, REASON_TGT_ARCH,
			     g_strdup_printf("is %s, the VM is %s", host->arch, vmi->arch));
	if (vmi->machine_type && label_with_prefix(host, LABEL_PREFIX_MACHINE_TYPE) &&
	    !label_is_true(host, LABEL_PREFIX_MACHINE_TYPE, vmi->machine_type))
		obstacle_add(target, REASON_TGT_MACHINE_TYPE,
			     g_strdup_printf("its QEMU lacks machine type %s", vmi->machine_type));
	if (g_strcmp0(vmi->virt_type, "kvm") == 0 && label_with_prefix(host, LABEL_VIRT_TYPE) &&
	    !label_is_true(host, LABEL_VIRT_TYPE, "kvm"))
		obstacle_add(target, REASON_TGT_VIRT_TYPE, g_strdup("has no KVM"));
}

/* A VM whose CPU is that of its host: the target must have the same one, or (host-model, where
 * the guest sees a named model) be able to offer it. */
static void check_host_cpu(Target *target, const Host *host, const Host *source,
			   gboolean passthrough)
{
	const char *there = label_with_prefix(host, LABEL_PREFIX_HOST_MODEL_CPU);
	const char *here = source ? label_with_prefix(source, LABEL_PREFIX_HOST_MODEL_CPU) : NULL;

	if (!here || !there || strcmp(here, there) == 0)
		return;
	if (passthrough)
		obstacle_add(target, REASON_TGT_CPU_MODEL,
			     g_strdup_printf("CPU is %s, the VM uses its host's %s as it is", there,
					     here));
	else if (!label_is_true(host, LABEL_PREFIX_CPU_MODEL, here))
		obstacle_add(target, REASON_TGT_CPU_MODEL,
			     g_strdup_printf("CPU is %s and cannot offer %s", there, here));
}

static void check_cpu(Target *target, const Host *host, const Host *source, const Vmi *vmi)
{
	const char *model = vmi->cpu_model;

	/* An emulated CPU does not depend on the host's; the labels say what KVM can offer. */
	if (!model || g_strcmp0(vmi->virt_type, "qemu") == 0)
		return;
	if (strcmp(model, "host-model") == 0 || strcmp(model, "host-passthrough") == 0)
		check_host_cpu(target, host, source, strcmp(model, "host-passthrough") == 0);
	else if (label_with_prefix(host, LABEL_PREFIX_CPU_MODEL) &&
		 !label_is_true(host, LABEL_PREFIX_CPU_MODEL, model))
		obstacle_add(target, REASON_TGT_CPU_MODEL,
			     g_strdup_printf("cannot offer CPU model %s", model));
}

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

static void check_memory(Target *target, const Host *host, const TargetQuestion *question)
{
	gint64 need = question->vmi->memory_bytes, total = host->memory_allocatable_bytes;
	gint64 available = host->memory_available_bytes;
	gint64 kept = question->host_reserve_bytes >= 0 ? question->host_reserve_bytes :
							  schedule_host_reserve(host);
	const gint64 *entry = question->reserved_bytes ?
				      g_hash_table_lookup(question->reserved_bytes, host->name) :
				      NULL;
	gint64 reserved = entry ? MAX(*entry, 0) : 0;

	if (total > 0 && need > total) {
		g_autofree char *needs = quantity_human_bytes(need);
		g_autofree char *has = quantity_human_bytes(total);

		obstacle_add(target, REASON_TGT_MEMORY,
			     g_strdup_printf("needs %s, the node has %s in all", needs, has));
		return;
	}
	if (available < 0) {
		if (host->ready) /* otherwise that is said already */
			obstacle_add(target, REASON_TGT_MEMORY,
				     g_strdup("how much memory is free is not known"));
		return;
	}
	target->memory_free_after_bytes = available - MIN(reserved, G_MAXINT64 / 2) - kept - need;
	if (target->memory_free_after_bytes < 0)
		obstacle_add(target, REASON_TGT_MEMORY,
			     memory_message(question, host, reserved, kept));
}

/* Two names for one daemon, or two hosts of one UUID: libvirt refuses to migrate between them. */
static gboolean is_same_daemon(const Host *host, const Host *source)
{
	return source && source->host_uuid && g_strcmp0(host->host_uuid, source->host_uuid) == 0;
}

static Target *judge(const TargetQuestion *question, const Host *host, const Host *source)
{
	Target *target = g_new0(Target, 1);

	target->node = g_strdup(host->name);
	target->obstacles = g_ptr_array_new_with_free_func(obstacle_free);
	if (g_strcmp0(host->name, question->vmi->node_name) == 0) {
		/* The VM runs there: whether it would fit once more is no question. Whether it is
		 * one that was asked for tells what the asker got wrong. */
		obstacle_add(target, REASON_TGT_SOURCE, g_strdup("the VM runs there"));
		check_selector(target, host, question->added_selector, REASON_TGT_ADDED_SELECTOR,
			       "asked for");
		return target;
	}
	check_state(target, host);
	if (is_same_daemon(host, source))
		obstacle_add(target, REASON_TGT_SAME_HOST,
			     g_strdup_printf("has the same host UUID as '%s', where the VM runs",
					     source->name));
	check_selector(target, host, question->added_selector, REASON_TGT_ADDED_SELECTOR,
		       "asked for");
	check_selector(target, host, question->vmi->node_selector, REASON_TGT_VM_SELECTOR,
		       "the VM selects");
	check_taints(target, host, question->vmi);
	check_platform(target, host, question->vmi);
	check_cpu(target, host, source, question->vmi);
	check_memory(target, host, question);
	target->fits = target->obstacles->len == 0;
	return target;
}

static gint compare_targets(gconstpointer a, gconstpointer b)
{
	const Target *left = *(Target *const *)a, *right = *(Target *const *)b;

	if (left->fits != right->fits)
		return left->fits ? -1 : 1;
	if (left->fits && left->memory_free_after_bytes != right->memory_free_after_bytes)
		return left->memory_free_after_bytes > right->memory_free_after_bytes ? -1 : 1;
	return strcmp(left->node, right->node);
}

GPtrArray *schedule_targets(const TargetQuestion *question)
{
	GPtrArray *targets = g_ptr_array_new_with_free_func(target_free);
	const Host *source = NULL;

	for (guint i = 0; i < question->hosts->len; i++) {
		const Host *host = g_ptr_array_index(question->hosts, i);

		if (g_strcmp0(host->name, question->vmi->node_name) == 0)
			source = host;
	}
	for (guint i = 0; i < question->hosts->len; i++)
		g_ptr_array_add(targets,
				judge(question, g_ptr_array_index(question->hosts, i), source));
	g_ptr_array_sort(targets, compare_targets);
	return targets;
}

/* ---- in one line ---------------------------------------------------------------------------- */

static gboolean target_has(const Target *target, const char *reason)
{
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		if (strcmp(obstacle->reason, reason) == 0)
			return TRUE;
	}
	return FALSE;
}

static void summarize_target(GString *text, const Target *target)
{
	g_string_append_printf(text, "%s:", target->node);
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		g_string_append_printf(text, "%s%s", i ? ", and " : " ", obstacle->message);
	}
}

/* With --node every other node has the same obstacle, which says nothing: those are told last,
 * as a list of names, or in full where all are such. */
char *schedule_summarize(const GPtrArray *targets)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const char *selector = REASON_TGT_ADDED_SELECTOR;
	guint told = 0, not_asked_for = 0, left = 0;

	for (guint i = 0; i < targets->len; i++)
		not_asked_for += target_has(g_ptr_array_index(targets, i), selector);
	for (guint i = 0; i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);

		if (target->fits)
			continue;
		if (told >= SUMMARY_NODES ||
		    (target_has(target, selector) && not_asked_for < targets->len)) {
			left++;
			continue;
		}
		g_string_append(text, told++ ? "; " : "no node fits: ");
		summarize_target(text, target);
	}
	if (told == 0)
		return g_strdup("no node fits: there is none");
	if (left > 0 && left == not_asked_for)
		g_string_append_printf(text, "; %u other node%s not asked for", left,
				       left == 1 ? " was" : "s were");
	else if (left > 0)
		g_string_append_printf(text, "; and %u more", left);
	return g_string_free(g_steal_pointer(&text), FALSE);
}
