/* SPDX-License-Identifier: Apache-2.0 */
#include "check/tries.h"

#include "base/error.h"
#include "model/migration.h"

/* So many failures one after the other are no accident. */
#define LOOP_MIN 3
/* KubeVirt's waiting time before the next evacuation: 20 s, twice as long each time; as it keeps
 * five migrations of a VM, not longer than: */
#define BACKOFF_FIRST_S 20
#define BACKOFF_MAX_S 320

#define ANNOTATION_EVACUATION "kubevirt.io/evacuationMigration"
#define ANNOTATION_UPDATE "kubevirt.io/workloadUpdateMigration"

typedef enum { BY_HAND, BY_EVACUATION, BY_UPDATE } Origin;

typedef struct {
	char *name;
	char *words; /* why it failed, or NULL */
	gint64 created_us;
	gint64 arrival;
	MigrationPhase phase;
	Origin origin;
	gboolean cancelled;
} Try;

struct CheckTries {
	GHashTable *table; /* "ns/vm" -> GPtrArray of Try */
};

static void try_free(gpointer data)
{
	Try *one = data;

	g_free(one->name);
	g_free(one->words);
	g_free(one);
}

CheckTries *check_tries_new(void)
{
	CheckTries *tries = g_new0(CheckTries, 1);

	tries->table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     (GDestroyNotify)g_ptr_array_unref);
	return tries;
}

void check_tries_free(CheckTries *tries)
{
	if (!tries)
		return;
	g_hash_table_unref(tries->table);
	g_free(tries);
}

static Origin origin_of(const cJSON *object)
{
	if (object_annotation(object, ANNOTATION_EVACUATION))
		return BY_EVACUATION;
	return object_annotation(object, ANNOTATION_UPDATE) ? BY_UPDATE : BY_HAND;
}

static const char *failure_words(const Migration *migration)
{
	const cJSON *state = json_path(migration->object, "status", "migrationState", NULL);

	if (migration->phase != MIGRATION_PHASE_FAILED)
		return NULL;
	return migration->result_message ? migration->result_message
					 : json_string(state, "failureReason", NULL);
}

void check_tries_add(CheckTries *tries, const cJSON *object)
{
	g_autofree char *ref = NULL;
	GPtrArray *list;
	Migration migration;
	Try *one;

	migration_read(object, &migration);
	if (!migration.vmi_name)
		return;
	ref = g_strdup_printf("%s/%s", migration.ns ? migration.ns : "", migration.vmi_name);
	list = g_hash_table_lookup(tries->table, ref);
	if (!list) {
		list = g_ptr_array_new_with_free_func(try_free);
		g_hash_table_insert(tries->table, g_steal_pointer(&ref), list);
	}
	one = g_new0(Try, 1);
	one->name = g_strdup(migration.name);
	one->words = failure_words(&migration) ? error_excerpt(failure_words(&migration)) : NULL;
	one->created_us = migration.created_us;
	one->arrival = migration.arrival;
	one->phase = migration.phase;
	one->origin = origin_of(object);
	one->cancelled = migration.abort_requested;
	g_ptr_array_add(list, one);
}

static int newest_first(gconstpointer a, gconstpointer b)
{
	const Try *left = *(const Try *const *)a, *right = *(const Try *const *)b;

	if (left->created_us != right->created_us)
		return left->created_us > right->created_us ? -1 : 1;
	if (left->arrival != right->arrival)
		return left->arrival > right->arrival ? -1 : 1;
	return -g_strcmp0(left->name, right->name);
}

/* One that was cancelled says nothing; one that is under way has not failed yet. */
static guint count_failures(const GPtrArray *list, const Try **ret_last)
{
	guint n = 0;

	for (guint i = 0; i < list->len; i++) {
		const Try *one = g_ptr_array_index(list, i);

		if (one->cancelled || !migration_phase_is_final(one->phase))
			continue;
		if (one->phase != MIGRATION_PHASE_FAILED)
			break;
		if (n++ == 0)
			*ret_last = one;
	}
	return n;
}

static void report_loop(const CheckObject *vm, guint n, const Try *last, GPtrArray *findings)
{
	static const char *const kinds[] = { "migrations", "evacuations", "workload updates" };
	const guint wait_s = MIN(BACKOFF_FIRST_S << MIN(n - 1, 8), BACKOFF_MAX_S);
	g_autofree char *again =
		last->origin == BY_HAND
			? g_strdup("")
			: g_strdup_printf("; it is tried anew, %u s after each", wait_s);

	check_add(findings, vm, CHECK_WARNING, REASON_CHK_RETRY_LOOP, NULL,
		  "%u %s failed one after the other, last '%s'%s%s%s", n, kinds[last->origin],
		  last->name, last->words ? ": " : "", last->words ? last->words : "", again);
}

/* Nobody has seen it yet. */
static const char *phase_text(MigrationPhase phase)
{
	return phase == MIGRATION_PHASE_UNSET ? "Pending" : migration_phase_to_string(phase);
}

void check_tries_judge(const CheckTries *tries, const CheckObject *vm, GPtrArray *findings)
{
	g_autofree char *ref = g_strdup_printf("%s/%s", vm->ns ? vm->ns : "", vm->name);
	GPtrArray *list = g_hash_table_lookup(tries->table, ref);
	const Try *last = NULL;
	guint n;

	if (!list)
		return;
	g_ptr_array_sort(list, newest_first);
	for (guint i = 0; i < list->len; i++) {
		const Try *one = g_ptr_array_index(list, i);

		if (!migration_phase_is_final(one->phase))
			check_add(findings, vm, CHECK_WARNING, REASON_BLK_IN_FLIGHT, NULL,
				  "migration '%s' of it is under way (%s)", one->name,
				  phase_text(one->phase));
	}
	n = count_failures(list, &last);
	if (n >= LOOP_MIN)
		report_loop(vm, n, last, findings);
}
