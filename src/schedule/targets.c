/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which nodes can take a VM. What is not known (a label of a family that the host lacks
 * altogether, a CPU model that the domain does not name) is no obstacle: libvirt's own check on
 * the target has the last word, and a refusal here cannot be overruled by anybody. Memory of a
 * host is the exception: one whose free memory is not known is not filled blindly.
 */
#include <string.h>

#include "schedule/targets-private.h"

/* ---- what comes out -------------------------------------------------------------------------- */

TargetObstacle *target_obstacle_new(const char *reason, char *message)
{
	TargetObstacle *obstacle = g_new0(TargetObstacle, 1);

	obstacle->reason = reason;
	obstacle->message = message;
	obstacle->needed = obstacle->available = -1;
	obstacle->allocatable = obstacle->requested = -1;
	return obstacle;
}

void target_obstacle_free(TargetObstacle *obstacle)
{
	if (!obstacle)
		return;
	g_free(obstacle->message);
	g_free(obstacle->subject);
	g_strfreev(obstacle->missing);
	g_free(obstacle);
}

static void obstacle_free(gpointer data)
{
	target_obstacle_free(data);
}

void target_free(Target *target)
{
	if (!target)
		return;
	g_free(target->node);
	g_ptr_array_unref(target->obstacles);
	g_ptr_array_unref(target->merits);
	g_free(target);
}

static void target_destroy(gpointer data)
{
	target_free(data);
}

Target *target_new(const Host *host)
{
	Target *target = g_new0(Target, 1);

	target->node = g_strdup(host->name);
	target->obstacles = g_ptr_array_new_with_free_func(obstacle_free);
	target->merits = g_ptr_array_new_with_free_func(g_free);
	target->memory_allocatable_bytes = host->memory_allocatable_bytes;
	target->memory_requested_bytes = -1;
	return target;
}

TargetObstacle *target_obstruct(Target *target, const char *reason, char *message)
{
	TargetObstacle *obstacle = target_obstacle_new(reason, message);

	g_ptr_array_add(target->obstacles, obstacle);
	return obstacle;
}

void target_remark(Target *target, char *remark)
{
	g_ptr_array_add(target->merits, remark);
}

/* ---- labels ---------------------------------------------------------------------------------- */

gboolean target_label_is_true(const Host *host, const char *prefix, const char *name)
{
	g_autofree char *key = g_strconcat(prefix, name, NULL);

	return strcmp(json_string(host->labels, key, ""), "true") == 0;
}

const char *target_label_with(const Host *host, const char *prefix)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, host->labels) if (label->string &&
						    g_str_has_prefix(label->string,
								     prefix)) return label->string +
		strlen(prefix);
	return NULL;
}

/* ---- judging --------------------------------------------------------------------------------- */

gboolean target_is_judged(const TargetSieve *sieve, const Host *host)
{
	return sieve->question->said && g_hash_table_contains(sieve->question->said, host->name);
}

/* The scheduler lets pods that tolerate its taint onto a cordoned node; of libvirt hosts
 * kvmig itself decides, and lets nobody onto one. */
static void check_cordon(const TargetSieve *sieve, const Host *host, Target *target)
{
	if (!host->unschedulable)
		return;
	if (host->is_node && target_tolerates_cordon(sieve))
		target_remark(target, g_strdup("cordoned, which the VM tolerates"));
	else
		target_obstruct(target, REASON_TGT_CORDONED, g_strdup("cordoned"));
}

static void check_state(const Host *host, Target *target)
{
	const char *reason = host->unreachable ? REASON_TGT_UNREACHABLE : REASON_TGT_NOT_READY;
	const char *words = host->not_ready_reason;

	if (host->deleting)
		target_obstruct(target, REASON_TGT_NOT_READY, g_strdup("is being removed"));
	else if (!host->ready && words && *words)
		target_obstruct(target, reason, g_strdup_printf("not ready: %s", words));
	else if (!host->ready)
		target_obstruct(target, reason, g_strdup("not ready"));
}

gboolean schedule_lacks_certificates(const Host *host)
{
	return !json_bool(json_path(host->object, "status", "tls", NULL), "migrationCertificates",
			  TRUE);
}

static void check_encryption(const TargetSieve *sieve, const Host *host, Target *target)
{
	if (sieve->question->encrypted && schedule_lacks_certificates(host))
		target_obstruct(target, REASON_BLK_TLS_CERTS,
				g_strdup("lacks the certificates for encrypted migration"));
}

/* Two names for one daemon, or two hosts of one UUID: libvirt refuses to migrate between them. */
static void check_same_daemon(const TargetSieve *sieve, const Host *host, Target *target)
{
	const Host *source = sieve->source;

	if (source && source->host_uuid && g_strcmp0(host->host_uuid, source->host_uuid) == 0)
		target_obstruct(target, REASON_TGT_SAME_HOST,
				g_strdup_printf("has the same host UUID as '%s', where the VM runs",
						source->name));
}

static void add_what_was_said(const TargetSieve *sieve, const Host *host, Target *target)
{
	const GPtrArray *said = sieve->question->said
					? g_hash_table_lookup(sieve->question->said, host->name)
					: NULL;

	for (guint i = 0; said && i < said->len; i++) {
		const TargetObstacle *there = g_ptr_array_index(said, i);
		TargetObstacle *obstacle =
			target_obstruct(target, there->reason, g_strdup(there->message));

		obstacle->subject = g_strdup(there->subject);
		obstacle->missing = g_strdupv(there->missing);
		obstacle->needed = there->needed;
		obstacle->available = there->available;
		obstacle->allocatable = there->allocatable;
		obstacle->requested = there->requested;
	}
}

Target *target_sieve_judge(const TargetSieve *sieve, const Host *host)
{
	Target *target = target_new(host);

	if (g_strcmp0(host->name, sieve->question->vmi->node_name) == 0) {
		/* The VM runs there: whether it would fit once more is no question. Whether it is
		 * one that was asked for tells what the asker got wrong. */
		target_obstruct(target, REASON_TGT_SOURCE, g_strdup("the VM runs there"));
		target_check_asked(sieve, host, target);
		return target;
	}
	check_cordon(sieve, host, target);
	check_state(host, target);
	check_same_daemon(sieve, host, target);
	check_encryption(sieve, host, target);
	target_check_asked(sieve, host, target);
	target_check_place(sieve, host, target);
	target_check_demand(sieve, host, target);
	target_check_platform(sieve, host, target);
	target_check_cpu(sieve, host, target);
	target_check_resources(sieve, host, target);
	target_check_networks(sieve, host, target);
	target_check_volumes(sieve, host, target);
	add_what_was_said(sieve, host, target);
	target->fits = target->obstacles->len == 0;
	return target;
}

/* ---- the sieve ------------------------------------------------------------------------------- */

static const Host *find_source(const TargetQuestion *question)
{
	if (question->source || !question->hosts || !question->vmi->node_name)
		return question->source;
	for (guint i = 0; i < question->hosts->len; i++) {
		const Host *host = g_ptr_array_index(question->hosts, i);

		if (g_strcmp0(host->name, question->vmi->node_name) == 0)
			return host;
	}
	return NULL;
}

/* Of what KubeVirt selects for all VMs, what a VM selects itself goes before. */
static cJSON *cluster_labels(const TargetQuestion *question)
{
	const cJSON *label;
	cJSON *labels;

	if (!question->demand || !question->demand->cluster_labels)
		return NULL;
	labels = cJSON_CreateObject();
	cJSON_ArrayForEach(label, question->demand->cluster_labels)
	{
		if (!json_get(question->vmi->node_selector, label->string))
			json_set(labels, label->string, cJSON_Duplicate(label, TRUE));
	}
	return labels;
}

TargetSieve *target_sieve_new(const TargetQuestion *question)
{
	TargetSieve *sieve = g_new0(TargetSieve, 1);
	const cJSON *labels = question->demand ? question->demand->labels : NULL;
	const cJSON *label;

	sieve->question = question;
	sieve->source = find_source(question);
	sieve->affinity = json_path(question->vmi->object, "spec", "affinity", NULL);
	sieve->cluster_labels = cluster_labels(question);
	sieve->wanted = g_hash_table_new(g_str_hash, g_str_equal);
	sieve->wanted_items = g_ptr_array_new();
	cJSON_ArrayForEach(label, labels)
	{
		g_ptr_array_add(sieve->wanted_items, (gpointer)label);
		g_hash_table_insert(sieve->wanted, label->string,
				    GUINT_TO_POINTER(sieve->wanted_items->len));
	}
	return sieve;
}

void target_sieve_free(TargetSieve *sieve)
{
	if (!sieve)
		return;
	cJSON_Delete(sieve->cluster_labels);
	g_hash_table_unref(sieve->wanted);
	g_ptr_array_unref(sieve->wanted_items);
	g_free(sieve);
}

GPtrArray *schedule_targets(const TargetQuestion *question)
{
	GPtrArray *targets = g_ptr_array_new_with_free_func(target_destroy);
	g_autoptr(TargetSieve) sieve = target_sieve_new(question);

	for (guint i = 0; i < question->hosts->len; i++)
		g_ptr_array_add(targets,
				target_sieve_judge(sieve, g_ptr_array_index(question->hosts, i)));
	schedule_rank(targets);
	return targets;
}

/* ---- the rank -------------------------------------------------------------------------------- */

static gint compare(gint64 left, gint64 right)
{
	return (left > right) - (left < right);
}

static gint compare_fitting(const Target *left, const Target *right)
{
	gint order = compare(right->preference, left->preference);

	if (order == 0)
		order = compare(left->soft_taints, right->soft_taints);
	if (order == 0)
		order = compare(left->older, right->older);
	if (order == 0)
		order = compare(right->memory_free_after_bytes, left->memory_free_after_bytes);
	return order;
}

static gint compare_targets(gconstpointer a, gconstpointer b)
{
	const Target *left = *(Target *const *)a, *right = *(Target *const *)b;
	gint order = compare(right->fits, left->fits);

	if (order == 0 && left->fits)
		order = compare_fitting(left, right);
	return order ? order : strcmp(left->node, right->node);
}

void schedule_rank(GPtrArray *targets)
{
	g_ptr_array_sort(targets, compare_targets);
}
