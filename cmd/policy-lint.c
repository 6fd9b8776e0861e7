/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy lint: policies that do nothing, or not what one thinks. */
#include "policy.h"

#include "base/reason.h"
#include "observe.h"

typedef struct {
	Policies policies;
	GHashTable *scopes;  /* namespace -> PolicyScope */
	GHashTable *matched; /* of const Policy* */
	gboolean projects_unknown;
	guint vms;
} Walk;

static void walk_clear(Walk *walk)
{
	g_clear_pointer(&walk->scopes, g_hash_table_unref);
	g_clear_pointer(&walk->matched, g_hash_table_unref);
	policies_clear(&walk->policies);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

/* ---- which match no VM ---------------------------------------------------------------------- */

static void note_match(const Policy *policy, gpointer data)
{
	g_hash_table_add(data, (gpointer)policy);
}

static gboolean take_namespace(const cJSON *object, gpointer data)
{
	Walk *walk = data;

	g_hash_table_insert(walk->scopes, g_strdup(object_name(object)),
			    policy_scope_new(walk->policies.set, object_labels(object)));
	return TRUE;
}

static gboolean take_vm(const cJSON *object, gpointer data)
{
	Walk *walk = data;
	const char *ns = object_namespace(object);

	walk->vms++;
	if (!g_hash_table_contains(walk->scopes, ns))
		g_hash_table_insert(walk->scopes, g_strdup(ns),
				    policy_scope_new(walk->policies.set, NULL));
	policy_match_all(walk->policies.set, g_hash_table_lookup(walk->scopes, ns),
			 object_labels(object), note_match, walk->matched);
	return TRUE;
}

static gboolean look_at_vms(const CommandContext *context, Walk *walk, GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	g_autoptr(GError) cause = NULL;

	if (!observe_cluster(context, error))
		return FALSE;
	if (!cluster_each(context->cluster, &KIND_NAMESPACE, &options, take_namespace, walk, NULL,
			  &cause)) {
		walk->projects_unknown = error_code(cause) == KVMIG_ERROR_FORBIDDEN;
		if (!walk->projects_unknown) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
	}
	return cluster_each(context->cluster, &KIND_VMI, &options, take_vm, walk, NULL, error);
}

/* A policy that looks at projects is left out where their labels could not be read. */
static void add_unmatched(const Walk *walk, GPtrArray *findings)
{
	for (guint i = 0; i < policy_set_size(walk->policies.set); i++) {
		const Policy *policy = policy_set_nth(walk->policies.set, i);

		if (g_hash_table_contains(walk->matched, policy) || !policy->has_selectors ||
		    (walk->projects_unknown && policy->n_ns))
			continue;
		g_ptr_array_add(
			findings,
			policy_finding_new(REASON_LINT_POLICY_UNMATCHED, policy, NULL,
					   g_strdup_printf("matches none of the %u VMs", walk->vms),
					   g_strdup_printf("kvmig policy show %s", policy->name)));
	}
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_policy(const cJSON *row)
{
	return g_strdup(json_string(row, "policy", NULL));
}

static char *cell_code(const cJSON *row)
{
	return g_strdup(json_string(row, "reason", NULL));
}

static char *cell_text(const cJSON *row)
{
	return g_strdup(json_string(row, "message", NULL));
}

static char *cell_fix(const cJSON *row)
{
	return g_strdup(json_string(row, "fix", NULL));
}

static const OutputColumn columns[] = {
	{ "POLICY", FALSE, FALSE, cell_policy },
	{ "REASON", FALSE, FALSE, cell_code },
	{ "WHAT", FALSE, FALSE, cell_text },
	{ "FIX", TRUE, FALSE, cell_fix },
	{ NULL, FALSE, FALSE, NULL },
};

static GPtrArray *make_rows(const GPtrArray *findings)
{
	GPtrArray *rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	for (guint i = 0; i < findings->len; i++) {
		const PolicyFinding *finding = g_ptr_array_index(findings, i);
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "policy", finding->policy->name);
		json_set_string(row, "otherPolicy", finding->other ? finding->other->name : NULL);
		json_set_string(row, "reason", finding->code);
		json_set_string(row, "message", finding->text);
		json_set_string(row, "fix", finding->fix);
		g_ptr_array_add(rows, row);
	}
	return rows;
}

static int run_lint(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "PolicyFindingList",
				  .columns = columns,
				  .name = cell_policy };
	g_autoptr(GPtrArray) findings = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	g_auto(Walk) walk = {
		.scopes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						(GDestroyNotify)policy_scope_free),
		.matched = g_hash_table_new(NULL, NULL),
	};

	(void)values;
	if (!policies_read(context->cluster, &walk.policies, error) ||
	    !look_at_vms(context, &walk, error))
		return STATUS_FAILED;
	findings = policy_lint(walk.policies.set, policy_rule_in_force(context->cluster));
	add_unmatched(&walk, findings);
	if (walk.projects_unknown)
		say_warning(context, "the labels of the projects cannot be read with your rights: "
				     "whether policies that look at them match is not known");
	if (findings->len == 0) {
		say(context, "nothing to object to in %u polic%s",
		    policy_set_size(walk.policies.set),
		    policy_set_size(walk.policies.set) == 1 ? "y" : "ies");
	}
	rows = make_rows(findings);
	output_rows(context->output, &spec, rows);
	return findings->len ? STATUS_FAILED : STATUS_DONE;
}

static const char *const examples[] = { "kvmig policy lint", "kvmig policy lint -o json", NULL };

const Command policy_lint_command = {
	.name = "lint",
	.summary = "name policies that do nothing, or not what one thinks",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_lint,
	.examples = examples,
};
