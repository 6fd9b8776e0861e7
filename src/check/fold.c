/* SPDX-License-Identifier: Apache-2.0 */
/* What many objects share is said once: ten thousand VMs have one cluster's eviction strategy. */
#include "check/finding.h"

#define NAMES_SHOWN 3

typedef struct {
	CheckFinding *first; /* borrowed */
	GString *names;
	guint n;
} Fold;

static void fold_free(gpointer data)
{
	Fold *fold = data;

	g_string_free(fold->names, TRUE);
	g_free(fold);
}

void check_mark_common(GPtrArray *findings)
{
	CheckFinding *last = g_ptr_array_index(findings, findings->len - 1);

	last->common = TRUE;
}

/* The fold that the finding goes into; a new one has it as its first. */
static Fold *find_fold(GHashTable *folds, CheckFinding *finding)
{
	g_autofree char *key =
		g_strdup_printf("%s %s %s", finding->code, finding->kind, finding->evidence);
	Fold *fold = g_hash_table_lookup(folds, key);

	if (fold)
		return fold;
	fold = g_new0(Fold, 1);
	fold->first = finding;
	fold->names = g_string_new(NULL);
	g_hash_table_insert(folds, g_steal_pointer(&key), fold);
	return fold;
}

static void add_name(Fold *fold, const CheckFinding *finding)
{
	if (fold->n++ < NAMES_SHOWN)
		g_string_append_printf(fold->names, "%s'%s%s%s'", fold->n > 1 ? ", " : "",
				       finding->ns ? finding->ns : "", finding->ns ? "/" : "",
				       finding->name ? finding->name : "?");
}

static void write_fold(Fold *fold)
{
	CheckFinding *first = fold->first;
	g_autofree char *evidence = NULL;

	if (fold->n == 1)
		return;
	if (fold->n > NAMES_SHOWN)
		g_string_append_printf(fold->names, " and %u more", fold->n - NAMES_SHOWN);
	evidence = g_strdup_printf("%u %ss (%s): %s", fold->n,
				   g_str_equal(first->kind, "vm") ? "VM" : first->kind,
				   fold->names->str, first->evidence);
	g_free(first->evidence);
	first->evidence = g_steal_pointer(&evidence);
	g_clear_pointer(&first->ns, g_free);
	g_clear_pointer(&first->name, g_free);
}

/* In one pass, for there may be many. */
static void close_gaps(GPtrArray *findings)
{
	guint to = 0;

	for (guint from = 0; from < findings->len; from++) {
		gpointer kept = g_steal_pointer(&findings->pdata[from]);

		if (kept)
			findings->pdata[to++] = kept;
	}
	g_ptr_array_set_size(findings, (gint)to);
}

void check_fold(GPtrArray *findings)
{
	g_autoptr(GHashTable) folds =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, fold_free);
	GHashTableIter iter;
	gpointer value;

	for (guint i = 0; i < findings->len; i++) {
		CheckFinding *finding = g_ptr_array_index(findings, i);
		Fold *fold = finding->common ? find_fold(folds, finding) : NULL;

		if (fold)
			add_name(fold, finding);
		if (fold && fold->first != finding) {
			check_finding_free(finding);
			findings->pdata[i] = NULL;
		}
	}
	close_gaps(findings);
	g_hash_table_iter_init(&iter, folds);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		write_fold(value);
}
