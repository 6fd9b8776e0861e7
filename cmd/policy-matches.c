/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy matches: which VMs a policy selects, or which policy each VM has. */
#include "policy.h"

#include "observe.h"

typedef struct {
	gboolean wins;
} MatchesValues;

/* Namespaces are prepared once each. */
typedef struct {
	const CommandContext *context;
	const MatchesValues *options;
	Policies policies;
	const Policy *wanted; /* NULL: every VM */
	PolicyRule rule;
	GHashTable *scopes; /* name -> PolicyScope */
	gboolean projects_unknown;
	GPtrArray *rows;
	GError *error;
} Walk;

static void walk_clear(Walk *walk)
{
	g_clear_pointer(&walk->scopes, g_hash_table_unref);
	g_clear_pointer(&walk->rows, g_ptr_array_unref);
	policies_clear(&walk->policies);
	g_clear_error(&walk->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

/* ---- namespaces ----------------------------------------------------------------------------- */

static void add_scope(Walk *walk, const char *ns, const cJSON *labels)
{
	g_hash_table_insert(walk->scopes, g_strdup(ns),
			    policy_scope_new(walk->policies.set, labels));
}

static gboolean take_namespace(const cJSON *object, gpointer data)
{
	add_scope(data, object_name(object), object_labels(object));
	return TRUE;
}

/* All of them in one go; those that may not be read are NULL scopes: policies that look at a
 * project's labels match nothing then, and that is said. */
static gboolean find_namespaces(Walk *walk, GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	const char *ns = walk->context->ns;
	g_autoptr(cJSON) object = NULL;
	g_autoptr(GError) cause = NULL;
	gboolean known;

	if (!ns) {
		if (cluster_each(walk->context->cluster, &KIND_NAMESPACE, &options, take_namespace,
				 walk, NULL, &cause))
			return TRUE;
		walk->projects_unknown = error_code(cause) == KVMIG_ERROR_FORBIDDEN;
		if (!walk->projects_unknown)
			g_propagate_error(error, g_steal_pointer(&cause));
		return walk->projects_unknown;
	}
	if (!namespace_labels(walk->context->cluster, ns, &object, &known, error))
		return FALSE;
	walk->projects_unknown = !known;
	add_scope(walk, ns, object_labels(object));
	return TRUE;
}

static const PolicyScope *scope_of(Walk *walk, const char *ns)
{
	if (!g_hash_table_contains(walk->scopes, ns))
		add_scope(walk, ns, NULL);
	return g_hash_table_lookup(walk->scopes, ns);
}

/* ---- VMs ------------------------------------------------------------------------------------ */

static void note_wanted(const Policy *policy, gpointer data)
{
	const Policy **wanted = data;

	if (policy == *wanted)
		*wanted = NULL; /* found */
}

static gboolean is_selected(Walk *walk, const PolicyScope *scope, const cJSON *labels)
{
	const Policy *wanted = walk->wanted;

	policy_match_all(walk->policies.set, scope, labels, note_wanted, &wanted);
	return wanted == NULL;
}

static gboolean take_vm(const cJSON *object, gpointer data)
{
	Walk *walk = data;
	const char *ns = object_namespace(object);
	const PolicyScope *scope = scope_of(walk, ns ? ns : "");
	const cJSON *labels = object_labels(object);
	const Policy *winner = policy_match(walk->policies.set, scope, labels).winner[walk->rule];
	cJSON *row;

	if (walk->wanted && winner != walk->wanted &&
	    (walk->options->wins || !is_selected(walk, scope, labels)))
		return TRUE;
	row = cJSON_CreateObject();
	json_set_string(row, "namespace", ns);
	json_set_string(row, "vm", object_name(object));
	json_set_string(row, "policy", winner ? winner->name : NULL);
	if (walk->wanted)
		json_set_bool(row, "wins", winner == walk->wanted);
	g_ptr_array_add(walk->rows, row);
	return TRUE;
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", NULL));
}

static char *cell_vm(const cJSON *row)
{
	return g_strdup(json_string(row, "vm", NULL));
}

static char *cell_policy(const cJSON *row)
{
	return g_strdup(json_string(row, "policy", NULL));
}

static char *row_name(const cJSON *row)
{
	return g_strdup_printf("virtualmachineinstance.kubevirt.io/%s", json_string(row, "vm", ""));
}

static const OutputColumn columns[] = {
	{ "NAMESPACE", FALSE, FALSE, cell_namespace },
	{ "VM", FALSE, FALSE, cell_vm },
	{ "POLICY", FALSE, FALSE, cell_policy },
	{ NULL, FALSE, FALSE, NULL },
};

static const Policy *find_policy(const Policies *policies, const char *name, GError **error)
{
	const Policy *policy = policy_set_find(policies->set, name);
	g_autoptr(GPtrArray) names = NULL;
	g_autofree char *near = NULL;

	if (policy)
		return policy;
	names = g_ptr_array_new();
	for (guint i = 0; i < policy_set_size(policies->set); i++)
		g_ptr_array_add(names, (gpointer)policy_set_nth(policies->set, i)->name);
	g_ptr_array_add(names, NULL);
	near = option_nearest(name, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no migration policy '%s'", name);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig policy list' lists them");
	return NULL;
}

static void say_result(const Walk *walk)
{
	const CommandContext *context = walk->context;

	if (walk->projects_unknown)
		say_warning(context, "the labels of the projects cannot be read with your rights: "
				     "policies that look at them are left out");
	if (walk->rows->len == 0 && walk->wanted)
		say(context, "policy '%s' %s no VM", walk->wanted->name,
		    walk->options->wins ? "applies to" : "selects");
	else if (walk->rows->len == 0)
		say(context, "no VMs found");
}

static int run_matches(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "PolicyMatchList",
				  .columns = context->ns ? columns + 1 : columns,
				  .name = row_name };
	const ClusterListOptions list = { .ns = context->ns, .metadata_only = TRUE };
	g_auto(Walk) walk = {
		.context = context,
		.options = values,
		.rule = policy_rule_in_force(context->cluster),
		.scopes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						(GDestroyNotify)policy_scope_free),
		.rows = g_ptr_array_new_with_free_func(
			(GDestroyNotify)(void (*)(void))cJSON_Delete),
	};

	if (!policies_read(context->cluster, &walk.policies, error))
		return STATUS_FAILED;
	if (context->n_args) {
		walk.wanted = find_policy(&walk.policies, context->args[0], error);
		if (!walk.wanted)
			return STATUS_FAILED;
	}
	if (!observe_cluster(context, error) || !find_namespaces(&walk, error) ||
	    !cluster_each(context->cluster, &KIND_VMI, &list, take_vm, &walk, NULL, error))
		return STATUS_FAILED;
	say_result(&walk);
	output_rows(context->output, &spec, walk.rows);
	return STATUS_DONE;
}

static const Option matches_options[] = {
	OPT_FLAG(0, "wins", MatchesValues, wins, "only VMs to which the policy applies"),
	OPT_END,
};

static const char *const examples[] = { "kvmig policy matches gold --wins",
					"kvmig policy matches -A", NULL };

const Command policy_matches_command = {
	.name = "matches",
	.summary = "list the VMs that a policy selects, or the policy of each VM",
	.options = matches_options,
	.values_size = sizeof(MatchesValues),
	.args = { "POLICY", 0, 1, COMPLETE_POLICY },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_matches,
	.examples = examples,
};
