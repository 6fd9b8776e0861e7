/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy matches: which VMs a policy selects, or which policy each VM has. */
#include "policy-projects.h"

#include "observe.h"
#include "output/stream.h"

typedef struct {
	gboolean wins;
} MatchesValues;

/* VMs are printed as they come: there may be more of them than one wants to keep. */
typedef struct {
	const CommandContext *context;
	const MatchesValues *options;
	Policies policies;
	Projects projects;
	const Policy *wanted; /* NULL: every VM */
	PolicyRule rule;
	OutputTable *table; /* table, wide: from the first row on */
	OutputList *list;   /* json, yaml */
	guint count, unknown, handover;
} Walk;

static void walk_clear(Walk *walk)
{
	g_clear_pointer(&walk->table, output_table_free);
	g_clear_pointer(&walk->list, output_list_free);
	projects_clear(&walk->projects);
	policies_clear(&walk->policies);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Walk, walk_clear)

/* ---- output --------------------------------------------------------------------------------- */

typedef struct {
	const char *ns, *vm;
	const Policy *winner;
	gboolean certain;
} Match;

static void add_cells(Walk *walk, const Match *match)
{
	/* the namespace is left out where one is looked at */
	static const char *const headers[] = { "NAMESPACE", "VM", "POLICY", NULL };
	const guint from = walk->context->ns ? 1 : 0;
	const char *const cells[] = { match->ns ? match->ns : "", match->vm,
				      !match->certain ? "(unknown)"
				      : match->winner ? match->winner->name
						      : "-",
				      NULL };

	if (!walk->table)
		walk->table = output_table_new(walk->context->output, headers + from);
	output_table_add(walk->table, cells + from);
}

static void add_item(Walk *walk, const Match *match)
{
	g_autoptr(cJSON) item = cJSON_CreateObject();

	json_set_string(item, "namespace", match->ns);
	json_set_string(item, "vm", match->vm);
	json_set_bool(item, "certain", match->certain);
	json_set_string(item, "policy",
			match->certain && match->winner ? match->winner->name : NULL);
	if (walk->wanted && match->certain)
		json_set_bool(item, "wins", match->winner == walk->wanted);
	output_list_add(walk->list, item);
}

static void print_match(Walk *walk, const Match *match)
{
	g_autofree char *safe = NULL;

	walk->count++;
	if (walk->list) {
		add_item(walk, match);
	} else if (walk->context->output->format == OUTPUT_NAME) {
		safe = output_escape(match->vm);
		(void)fprintf(walk->context->output->stream,
			      "virtualmachineinstance.kubevirt.io/%s\n", safe);
	} else {
		add_cells(walk, match);
	}
}

/* ---- VMs ------------------------------------------------------------------------------------ */

static void note_wanted(const Policy *policy, gpointer data)
{
	const Policy **wanted = data;

	if (policy == *wanted)
		*wanted = NULL; /* found */
}

static gboolean is_selected(Walk *walk, const char *ns, const cJSON *labels)
{
	const Policy *wanted = walk->wanted;

	policy_match_all(walk->policies.set, projects_scope(&walk->projects, ns), labels,
			 note_wanted, &wanted);
	return wanted == NULL;
}

static gboolean take_vm(const cJSON *object, gpointer data)
{
	Walk *walk = data;
	g_autoptr(cJSON) copy = NULL;
	const cJSON *labels = policy_labels_ahead(walk->policies.set, object_labels(object), &copy);
	const char *ns = object_namespace(object);
	Match match = { .ns = ns, .vm = object_name(object) };
	ProjectsDoubt doubt;
	gboolean wins;

	match.winner = projects_winner(&walk->projects, walk->rule, ns ? ns : "", labels, &doubt);
	match.certain = doubt == PROJECTS_CERTAIN;
	walk->unknown += doubt == PROJECTS_LABELS_UNKNOWN;
	walk->handover += doubt == PROJECTS_HANDOVER;
	wins = match.certain && match.winner == walk->wanted;
	if (!walk->wanted || wins ||
	    (!walk->options->wins && is_selected(walk, ns ? ns : "", labels)))
		print_match(walk, &match);
	return !ferror(walk->context->output->stream);
}

/* ---- the command ---------------------------------------------------------------------------- */

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

	if (walk->unknown)
		say_warning(context,
			    "the labels of some projects cannot be read with your rights: which "
			    "policy %u VM%s there ha%s is not known",
			    walk->unknown, walk->unknown == 1 ? "" : "s",
			    walk->unknown == 1 ? "s" : "ve");
	if (walk->handover)
		say_warning(context,
			    "which policy %u VM%s ha%s hangs on where a migration goes: "
			    "policies ask for a label that the hand-over sets",
			    walk->handover, walk->handover == 1 ? "" : "s",
			    walk->handover == 1 ? "s" : "ve");
	if (walk->count == 0 && walk->wanted)
		say(context, "policy '%s' %s no VM", walk->wanted->name,
		    walk->options->wins ? "applies to" : "selects");
	else if (walk->count == 0)
		say(context, "no VMs found");
}

static gboolean walk_vms(Walk *walk, GError **error)
{
	const CommandContext *context = walk->context;
	const OutputFormat format = context->output->format;
	const ClusterListOptions list = { .ns = context->ns, .metadata_only = TRUE };

	if (!observe_cluster(context, error) ||
	    !projects_read(&walk->projects, context->cluster, walk->policies.set, context->ns,
			   error))
		return FALSE;
	if (format == OUTPUT_JSON || format == OUTPUT_YAML)
		walk->list = output_list_new_of(context->output, "PolicyMatchList");
	if (!cluster_each(context->cluster, &KIND_VMI, &list, take_vm, walk, NULL, error))
		return FALSE;
	if (walk->list)
		output_list_end(walk->list);
	if (walk->table)
		output_table_flush(walk->table);
	return TRUE;
}

static int run_matches(CommandContext *context, const void *values, GError **error)
{
	g_auto(Walk) walk = {
		.context = context,
		.options = values,
		.rule = policy_rule_in_force(context->cluster),
	};

	if (!policies_read(context->cluster, &walk.policies, error))
		return STATUS_FAILED;
	if (context->n_args) {
		walk.wanted = find_policy(&walk.policies, context->args[0], error);
		if (!walk.wanted)
			return STATUS_FAILED;
	}
	if (!walk_vms(&walk, error))
		return STATUS_FAILED;
	say_result(&walk);
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
