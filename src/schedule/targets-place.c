/* SPDX-License-Identifier: Apache-2.0 */
/* Where people want a VM: selectors, affinity, taints. */
#include <string.h>

#include "schedule/affinity.h"
#include "schedule/targets-private.h"

/* ---- selectors ------------------------------------------------------------------------------- */

/* One obstacle for each key: "asked for zone=b: the node has zone=a". */
static void check_map(const Host *host, const cJSON *map, const char *reason, const char *whose,
		      Target *target)
{
	const cJSON *wanted;

	cJSON_ArrayForEach(wanted, map)
	{
		const char *value = cJSON_GetStringValue(wanted);
		const char *there = json_string(host->labels, wanted->string, NULL);
		g_autofree char *has = NULL;

		if (value && there && strcmp(value, there) == 0)
			continue;
		has = there ? g_strdup_printf("has %s=%s", wanted->string, there)
			    : g_strdup("lacks it");
		target_obstruct(target, reason,
				g_strdup_printf("%s %s=%s: the node %s", whose, wanted->string,
						value ? value : "?", has))
			->subject = g_strdup(wanted->string);
	}
}

void target_check_asked(const TargetSieve *sieve, const Host *host, Target *target)
{
	check_map(host, sieve->question->added_selector, REASON_TGT_ADDED_SELECTOR, "asked for",
		  target);
}

/* ---- taints ---------------------------------------------------------------------------------- */

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

gboolean schedule_tolerates(const cJSON *tolerations, const cJSON *taint)
{
	const cJSON *toleration;

	cJSON_ArrayForEach(toleration, tolerations)
	{
		if (toleration_covers(toleration, taint))
			return TRUE;
	}
	return FALSE;
}

/* The VM's own, which may be newer than its pod, and those of the pod, which admission may have
 * added some to: its successor has both. */
static gboolean is_tolerated(const TargetSieve *sieve, const cJSON *taint)
{
	const TargetQuestion *question = sieve->question;
	const cJSON *own = json_path(question->vmi->object, "spec", "tolerations", NULL);

	return schedule_tolerates(own, taint) ||
	       (question->demand && schedule_tolerates(question->demand->tolerations, taint));
}

gboolean target_tolerates_cordon(const TargetSieve *sieve)
{
	g_autoptr(cJSON) taint = cJSON_CreateObject();

	json_set_string(taint, "key", "node.kubernetes.io/unschedulable");
	json_set_string(taint, "effect", "NoSchedule");
	return is_tolerated(sieve, taint);
}

/* Kubernetes puts taints on nodes for what is told already as the node's state. */
static gboolean is_told(const Host *host, const cJSON *taint)
{
	const char *key = json_string(taint, "key", "");

	if (!host->is_node || !g_str_has_prefix(key, "node.kubernetes.io/"))
		return FALSE;
	key = strchr(key, '/') + 1;
	return (strcmp(key, "unschedulable") == 0 && host->unschedulable) ||
	       ((strcmp(key, "not-ready") == 0 || strcmp(key, "unreachable") == 0) && !host->ready);
}

static gboolean keeps_away(const char *effect)
{
	return strcmp(effect, "NoSchedule") == 0 || strcmp(effect, "NoExecute") == 0;
}

gboolean schedule_repels(const Host *host, const cJSON *taint)
{
	return keeps_away(json_string(taint, "effect", "")) && !is_told(host, taint);
}

static void check_taints(const TargetSieve *sieve, const Host *host, Target *target)
{
	const cJSON *taint;

	cJSON_ArrayForEach(taint, host->taints)
	{
		const char *key = json_string(taint, "key", "");
		const char *effect = json_string(taint, "effect", "");
		const char *value = json_string(taint, "value", "");
		gboolean soft = strcmp(effect, "PreferNoSchedule") == 0;
		g_autofree char *words = NULL;

		if (!soft && !keeps_away(effect))
			continue;
		if (is_told(host, taint) || is_tolerated(sieve, taint))
			continue;
		words = g_strdup_printf("taint %s%s%s:%s", key, *value ? "=" : "", value, effect);
		if (soft) {
			target->soft_taints++;
			target_remark(target, g_steal_pointer(&words));
			continue;
		}
		target_obstruct(target, REASON_TGT_TAINT, g_steal_pointer(&words))->subject =
			g_strdup(key);
	}
}

gboolean target_sieve_tolerates(const TargetSieve *sieve, const Host *host)
{
	const cJSON *taint;

	cJSON_ArrayForEach(taint, host->taints)
	{
		if (keeps_away(json_string(taint, "effect", "")) && !is_tolerated(sieve, taint))
			return FALSE;
	}
	return TRUE;
}

/* ---- affinity -------------------------------------------------------------------------------- */

static void check_affinity(const TargetSieve *sieve, const Host *host, Target *target)
{
	const AffinityNode node = { .name = host->name, .labels = host->labels };
	g_autofree char *why = affinity_explain(sieve->affinity, &node);

	if (why)
		target_obstruct(target, REASON_TGT_AFFINITY,
				g_strdup_printf("the VM's node affinity wants %s", why));
	target->preference = affinity_preference(sieve->affinity, &node);
	if (target->preference > 0)
		target_remark(target,
			      g_strdup_printf("the VM prefers it (weight %" G_GINT64_FORMAT ")",
					      target->preference));
}

static void check_selectors(const TargetSieve *sieve, const Host *host, Target *target)
{
	const TargetDemand *demand = sieve->question->demand;

	check_map(host, sieve->question->vmi->node_selector, REASON_TGT_VM_SELECTOR,
		  "the VM selects", target);
	check_map(host, demand ? demand->selector : NULL, REASON_TGT_VM_SELECTOR,
		  "the VM's namespace selects", target);
	check_map(host, sieve->cluster_labels, REASON_TGT_CLUSTER_SELECTOR, "KubeVirt selects",
		  target);
}

void target_check_place(const TargetSieve *sieve, const Host *host, Target *target)
{
	check_selectors(sieve, host, target);
	check_affinity(sieve, host, target);
	check_taints(sieve, host, target);
}

gboolean target_sieve_selects(const TargetSieve *sieve, const Host *host)
{
	g_autoptr(Target) scratch = target_new(host);

	target_check_asked(sieve, host, scratch);
	check_selectors(sieve, host, scratch);
	check_affinity(sieve, host, scratch);
	target_check_demand(sieve, host, scratch);
	target_check_platform(sieve, host, scratch);
	return scratch->obstacles->len == 0;
}
