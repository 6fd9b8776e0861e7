/* SPDX-License-Identifier: Apache-2.0 */
#include "check/targets-private.h"

static void note_free(gpointer data)
{
	TargetsNote *note = data;

	g_free(note->text);
	g_free(note->quota);
	g_free(note->lack);
	g_free(note);
}

static void answer_free(gpointer data)
{
	TargetsAnswer *answer = data;

	g_ptr_array_unref(answer->targets);
	g_ptr_array_unref(answer->notes);
	g_array_unref(answer->counts);
	g_free(answer->no_nodes);
	g_free(answer);
}

static void destroy_target(gpointer data)
{
	target_free(data);
}

static TargetsAnswer *answer_new(const TargetsWanted *wanted)
{
	TargetsAnswer *answer = g_new0(TargetsAnswer, 1);

	vmi_read(wanted->vmi, &answer->vmi);
	answer->targets = g_ptr_array_new_with_free_func(destroy_target);
	answer->notes = g_ptr_array_new_with_free_func(note_free);
	answer->counts = g_array_new(FALSE, FALSE, sizeof(ReasonCount));
	answer->memory_bytes = answer->vmi.memory_bytes;
	return answer;
}

void targets_note(TargetsAnswer *answer, const char *about, const char *format, ...)
{
	TargetsNote *note = g_new0(TargetsNote, 1);
	va_list args;

	note->about = about;
	va_start(args, format);
	note->text = g_strdup_vprintf(format, args);
	va_end(args);
	g_ptr_array_add(answer->notes, note);
}

gboolean targets_tolerate(GError **cause, KvmigError code)
{
	if (error_code(*cause) != code)
		return FALSE;
	g_clear_error(cause);
	return TRUE;
}

void targets_case_free(TargetsCase *one)
{
	if (!one)
		return;
	target_sieve_free(one->sieve);
	target_demand_free(one->demand);
	g_clear_pointer(&one->pod, cJSON_Delete);
	near_free(one->near);
	spread_free(one->spread);
	g_clear_pointer(&one->volumes, g_ptr_array_unref);
	g_clear_pointer(&one->namespaces, g_hash_table_unref);
	g_clear_pointer(&one->labels, cJSON_Delete);
	g_free(one);
}

static void destroy_case(gpointer data)
{
	targets_case_free(data);
}

static TargetsCase *case_new(const TargetsWanted *wanted, TargetsAnswer *answer)
{
	TargetsCase *one = g_new0(TargetsCase, 1);

	one->wanted = wanted;
	one->answer = answer;
	one->uid = object_uid(wanted->vmi);
	one->question.vmi = &answer->vmi;
	one->question.added_selector = wanted->added_selector;
	one->question.host_reserve_bytes = -1;
	return one;
}

static void finish(TargetsAnswer *answer)
{
	schedule_rank(answer->targets);
	schedule_sort_counts(answer->counts);
	answer->fitting = 0;
	for (guint i = 0; i < answer->targets->len; i++)
		answer->fitting += ((Target *)g_ptr_array_index(answer->targets, i))->fits;
}

GPtrArray *targets_find(Cluster *cluster, const TargetsWanted *wanted, guint n,
			const TargetsOptions *options, GError **error)
{
	static const TargetsOptions none = { .hyper = NULL };
	g_autoptr(GPtrArray) answers = g_ptr_array_new_with_free_func(answer_free);
	g_autoptr(GPtrArray) cases = g_ptr_array_new_with_free_func(destroy_case);
	gboolean hosts = cluster_caps(cluster)->kvmig_migrates;

	for (guint i = 0; i < n; i++) {
		TargetsAnswer *answer = answer_new(&wanted[i]);

		g_ptr_array_add(answers, answer);
		g_ptr_array_add(cases, case_new(&wanted[i], answer));
	}
	if (!options)
		options = &none;
	if (!(hosts ? targets_of_hosts(cluster, cases, options, error)
		    : targets_of_nodes(cluster, cases, options, error)))
		return NULL;
	for (guint i = 0; i < n; i++)
		finish(g_ptr_array_index(answers, i));
	return g_steal_pointer(&answers);
}
