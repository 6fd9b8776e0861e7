/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the VMs can go, by the same judgement that `kvmig targets` shows. Of several VMs those that
 * come next are judged together, so that what it rests on is read once for them, and what has
 * become old is judged anew: nodes come and go while a batch runs.
 */
#include "migrate.h"

#include "base/clock.h"
#include "node-selector.h"
#include "targets.h"

/* On KubeVirt all nodes and pods are read, whoever it is about: not more often than that. On a
 * fleet each host is asked about each VM, so that not too many are judged too early; what a local
 * cluster has stored costs nothing to read. */
#define MAX_AGE_US ((gint64)10 * G_USEC_PER_SEC)
#define KUBEVIRT_MAX_AGE_US ((gint64)30 * G_USEC_PER_SEC)
#define AT_ONCE 8

void preflight_forget_targets(Preflight *preflight)
{
	g_clear_pointer(&preflight->answer_of, g_hash_table_unref);
	g_clear_pointer(&preflight->answers, g_ptr_array_unref);
}

/* ---- telling -------------------------------------------------------------------------------- */

/* Each once, of however many VMs it is said. */
static void tell_notes(Preflight *preflight, const TargetsAnswer *answer)
{
	for (guint i = 0; i < answer->notes->len; i++) {
		const TargetsNote *note = g_ptr_array_index(answer->notes, i);

		if (g_hash_table_add(preflight->told, g_strdup(note->text)))
			targets_say_note(preflight->context, note);
	}
}

/* Users of a namespace may not see nodes: KubeVirt judges then, minutes later. */
static void do_without_nodes(Preflight *preflight, const char *why)
{
	if (!preflight->nodes_unknown)
		say(preflight->context, "whether a node fits is not known beforehand: %s", why);
	preflight->nodes_unknown = TRUE;
}

static gboolean excuse(Preflight *preflight, GError *cause, GError **error)
{
	if (error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	do_without_nodes(preflight, cause->message);
	g_error_free(cause);
	return TRUE;
}

/* ---- asking --------------------------------------------------------------------------------- */

static GPtrArray *ask(Preflight *preflight, const GPtrArray *vmis, GError **error)
{
	g_autofree TargetsWanted *wanted = g_new0(TargetsWanted, vmis->len);
	TargetsOptions how = { .first_only = preflight->many, .asked_for_only = TRUE,
			       .quotas = TRUE, .without_nodes = TRUE };

	if (!preflight->kubevirt && !preflight->hyper)
		preflight->hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	how.hyper = preflight->hyper;
	for (guint i = 0; i < vmis->len; i++) {
		wanted[i].vmi = g_ptr_array_index(vmis, i);
		wanted[i].added_selector = preflight->selector;
	}
	return targets_find(preflight->context->cluster, wanted, vmis->len, &how, error);
}

static gboolean is_known(const Preflight *preflight, const cJSON *vmi)
{
	const gint64 max_age_us = preflight->kubevirt ? KUBEVIRT_MAX_AGE_US : MAX_AGE_US;
	g_autofree char *ref = object_ref(vmi);

	return preflight->answer_of && g_hash_table_contains(preflight->answer_of, ref) &&
	       clock_monotonic_us(clock_real()) - preflight->judged_us < max_age_us;
}

guint preflight_targets_at_once(const Preflight *preflight)
{
	if (preflight->kubevirt)
		return G_MAXUINT;
	return cluster_caps(preflight->context->cluster)->kind == CLUSTER_LOCAL ? 1 : AT_ONCE;
}

static void keep(Preflight *preflight, const GPtrArray *vmis)
{
	preflight->judged_us = clock_monotonic_us(clock_real());
	preflight->answer_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (guint i = 0; i < preflight->answers->len; i++) {
		TargetsAnswer *answer = g_ptr_array_index(preflight->answers, i);

		if (answer->no_nodes)
			do_without_nodes(preflight, answer->no_nodes);
		tell_notes(preflight, answer);
		g_hash_table_insert(preflight->answer_of, object_ref(g_ptr_array_index(vmis, i)),
				    answer);
	}
	if (preflight->nodes_unknown)
		preflight_forget_targets(preflight);
}

gboolean preflight_find_targets(Preflight *preflight, const GPtrArray *vmis, GError **error)
{
	GError *cause = NULL;

	if (preflight->values->check == CHECK_OFF || preflight->nodes_unknown || vmis->len == 0 ||
	    is_known(preflight, g_ptr_array_index(vmis, 0)))
		return TRUE;
	preflight_forget_targets(preflight);
	preflight->answers = ask(preflight, vmis, &cause);
	if (!preflight->answers)
		return excuse(preflight, cause, error);
	keep(preflight, vmis);
	return TRUE;
}

/* ---- judging -------------------------------------------------------------------------------- */

/* The one of --node; NULL: none was asked for, or it is none at all. */
static const Target *asked_for(const GPtrArray *targets, const char *node)
{
	for (guint i = 0; node && i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);

		if (g_str_equal(target->node, node))
			return target;
	}
	return NULL;
}

/* With --node the one node's own obstacle is the reason; else that there is none. */
static const char *refusal_reason(const Target *asked)
{
	const TargetObstacle *first;

	if (!asked || asked->obstacles->len == 0)
		return REASON_PEND_NO_TARGET;
	first = g_ptr_array_index(asked->obstacles, 0);
	return first->reason;
}

/* Whether it can come to fit while a migration waits for it: not by what the node is. */
static gboolean is_worth_waiting(const Target *asked)
{
	static const char *const lasting[] = {
		REASON_TGT_SOURCE,       REASON_TGT_SAME_HOST,  REASON_TGT_ARCH,
		REASON_TGT_CPU_MODEL,    REASON_TGT_CPU_FEATURE, REASON_TGT_CAPABILITY,
		REASON_TGT_MACHINE_TYPE, REASON_TGT_VERSION,     REASON_TGT_VIRT_TYPE,
		NULL,
	};

	for (guint i = 0; i < asked->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(asked->obstacles, i);

		if (g_strv_contains(lasting, obstacle->reason))
			return FALSE;
	}
	return TRUE;
}

static gboolean refuse(const Preflight *preflight, const Vmi *vmi, const GPtrArray *targets,
		       GError **error)
{
	const char *node = preflight->values->node;
	const Target *asked = asked_for(targets, node);
	g_autofree char *summary = NULL, *words = migration_ns_words(vmi->ns);

	if (!node_selector_check_node(targets, node, vmi->name, error))
		return FALSE;
	summary = schedule_summarize(targets);
	(void)migrate_refuse(error, KVMIG_ERROR_REFUSED, refusal_reason(asked), vmi->name, summary);
	error_hint(error, "'kvmig%s targets %s' shows every reason; %s", words, vmi->name,
		   asked && !is_worth_waiting(asked)
			   ? "without --node any node that fits will do"
			   : "--check=off hands it in all the same");
	return FALSE;
}

gboolean preflight_check_targets(Preflight *preflight, Verdict *verdict, GError **error)
{
	g_autofree char *ref = object_ref(verdict->vmi.object);
	g_autoptr(GPtrArray) one = g_ptr_array_new();
	const TargetsAnswer *answer;

	g_ptr_array_add(one, (gpointer)verdict->vmi.object);
	if (!preflight_find_targets(preflight, one, error))
		return FALSE;
	answer = preflight->answer_of ? g_hash_table_lookup(preflight->answer_of, ref) : NULL;
	if (!answer)
		return TRUE; /* not to be known, or not wanted */
	verdict->targets = g_ptr_array_ref(answer->targets);
	verdict->only_reserved = answer->only_reserved;
	return answer->fitting > 0 || answer->only_reserved ||
	       refuse(preflight, &verdict->vmi, answer->targets, error);
}
