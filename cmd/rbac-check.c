/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac check: command by command, what one may do, and what would give the rest. */
#include "rbac-ask.h"

#include <string.h>

#include "config/owner.h"
#include "rights.h"

typedef struct {
	CommandContext *context;
	RbacAsker *asker;
	RightPlace place;
	RbacSubject whom; /* in the grants */
	GPtrArray *rows;
	gboolean refused; /* a command is not possible */
	gboolean unknown; /* of one that cannot be told */
} Check;

/* ---- one command ---------------------------------------------------------------------------- */

typedef struct {
	cJSON *missing;
	gboolean lacks;   /* a right that it needs */
	gboolean partly;  /* one that it can do without */
	gboolean unknown; /* of one that it needs nothing is known */
} Outcome;

static void add_missing(const Check *check, Outcome *outcome, const CommandRight *right,
			const RbacAttributes *attributes, RbacVerdict verdict)
{
	cJSON *row = cJSON_CreateObject();
	g_autofree char *grant = command_right_grant(&check->place, right, &check->whom);

	json_set_string(row, "verb", attributes->verb);
	json_set_string(row, "group", attributes->group);
	json_set_string(row, "resource", attributes->resource);
	json_set_string(row, "subresource", attributes->subresource);
	json_set_string(row, "namespace",
			attributes->ns && *attributes->ns ? attributes->ns : NULL);
	if (verdict == RBAC_UNKNOWN)
		json_set_bool(row, "unknown", TRUE);
	json_set_string(row, "without", right->without);
	json_set_string(row, "grant", grant);
	cJSON_AddItemToArray(outcome->missing, row);
	if (right->without)
		outcome->partly = TRUE;
	else if (verdict == RBAC_UNKNOWN)
		outcome->unknown = TRUE;
	else
		outcome->lacks = TRUE;
}

static gboolean check_right(const Check *check, Outcome *outcome, const CommandRight *right,
			    GError **error)
{
	g_auto(GStrv) verbs = g_strsplit(right->verbs, " ", -1);

	for (char **verb = verbs; *verb; verb++) {
		RbacAttributes attributes;
		RbacVerdict verdict;

		if (!command_right_resolve(&check->place, right, *verb, &attributes))
			return TRUE;
		if (!rbac_asker_ask(check->asker, &attributes, &verdict, error))
			return FALSE;
		if (verdict != RBAC_YES)
			add_missing(check, outcome, right, &attributes, verdict);
	}
	return TRUE;
}

static gboolean check_command(Check *check, const CommandRights *command, GError **error)
{
	cJSON *row = cJSON_CreateObject();
	Outcome outcome = { .missing = cJSON_CreateArray() };

	json_set_string(row, "command", command->command);
	json_set_string(row, "namespace", check->place.ns);
	json_set(row, "missing", outcome.missing);
	g_ptr_array_add(check->rows, row);
	for (const CommandRight *right = command->rights; right->verbs; right++)
		if (!check_right(check, &outcome, right, error))
			return FALSE;
	json_set_string(row, "allowed",
			outcome.lacks     ? "no"
			: outcome.unknown ? "unknown"
			: outcome.partly  ? "partly"
					  : "yes");
	json_set_string(row, "asked", rbac_asker_how(check->asker));
	check->refused = check->refused || outcome.lacks;
	check->unknown = check->unknown || outcome.unknown;
	return TRUE;
}

/* ---- which ---------------------------------------------------------------------------------- */

static gboolean no_such_command(const char *words, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *shown = error_excerpt(words);
	g_autofree char *near = NULL;
	const CommandRights *row;

	for (guint i = 0; (row = command_rights_nth(i)); i++)
		g_ptr_array_add(names, (gpointer)row->command);
	g_ptr_array_add(names, NULL);
	near = option_nearest(words, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_USAGE, "'%s' is no command that asks for certain rights",
		  shown);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig rbac check' alone lists them");
	return FALSE;
}

static gboolean check_commands(Check *check, GError **error)
{
	g_autofree char *words = g_strjoinv(" ", check->context->args);
	const CommandRights *row = check->context->n_args ? command_rights_find(words) : NULL;

	if (check->context->n_args && !(row && command_is_offered(&check->place, row)))
		return no_such_command(words, error);
	if (row)
		return check_command(check, row, error);
	for (guint i = 0; (row = command_rights_nth(i)); i++)
		if (command_is_offered(&check->place, row) && !check_command(check, row, error))
			return FALSE;
	return TRUE;
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_command(const cJSON *row)
{
	return g_strdup(json_string(row, "command", NULL));
}

static char *cell_allowed(const cJSON *row)
{
	return g_strdup(json_string(row, "allowed", NULL));
}

/* "virtualmachines.kubevirt.io/migrate" */
static char *resource_text(const cJSON *missing)
{
	const RbacAttributes attributes = { .verb = "",
					    .group = json_string(missing, "group", ""),
					    .resource = json_string(missing, "resource", ""),
					    .subresource =
						    json_string(missing, "subresource", NULL) };
	g_autofree char *text = rbac_attributes_text(&attributes);

	return g_strdup(text + 1);
}

/* "get,list nodes, patch pods": the verbs on one thing together. */
static char *cell_missing(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *before = NULL;
	const cJSON *missing;

	cJSON_ArrayForEach(missing, json_get(row, "missing"))
	{
		g_autofree char *resource = resource_text(missing);
		const char *verb = json_string(missing, "verb", "");

		if (g_strcmp0(before, resource) == 0) {
			g_string_append_printf(text, ",%s", verb);
			continue;
		}
		if (before)
			g_string_append_printf(text, " %s, ", before);
		g_string_append(text, verb);
		g_free(before);
		before = g_steal_pointer(&resource);
	}
	if (!before)
		return NULL;
	g_string_append_printf(text, " %s", before);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *cell_without(const cJSON *row)
{
	const cJSON *missing;

	cJSON_ArrayForEach(missing, json_get(row, "missing"))
	{
		if (json_string(missing, "without", NULL))
			return g_strdup(json_string(missing, "without", NULL));
	}
	return NULL;
}

static const OutputColumn columns[] = {
	{ "COMMAND", FALSE, FALSE, cell_command },
	{ "ALLOWED", FALSE, FALSE, cell_allowed },
	{ "MISSING", FALSE, FALSE, cell_missing },
	{ "WITHOUT", TRUE, FALSE, cell_without },
	{ NULL, FALSE, FALSE, NULL },
};

/* Each grant once, with the commands that need it. */
static void say_grants(const Check *check)
{
	g_autoptr(GHashTable) said = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < check->rows->len; i++) {
		const cJSON *row = check->rows->pdata[i], *missing;

		cJSON_ArrayForEach(missing, json_get(row, "missing"))
		{
			const char *grant = json_string(missing, "grant", NULL);

			if (grant && !json_string(missing, "without", NULL) &&
			    g_hash_table_add(said, (gpointer)grant))
				say_hint(check->context, "for %s: '%s'",
					 json_string(row, "command", ""), grant);
		}
	}
}

static int print(const Check *check)
{
	const OutputSpec spec = { .list_kind = "CommandPermissionList",
				  .columns = columns,
				  .name = cell_command };
	Output *output = check->context->output;

	output_rows(output, &spec, check->rows);
	(void)fflush(output->stream);
	if (output->format == OUTPUT_TABLE || output->format == OUTPUT_WIDE)
		say_grants(check);
	if (check->unknown)
		say_warning(check->context,
			    "you may neither ask the API server what another user may do, nor read "
			    "all the roles and bindings that it follows from");
	if (check->context->n_args)
		return check->refused || check->unknown ? STATUS_FAILED : STATUS_DONE;
	return check->unknown ? STATUS_PARTIAL : STATUS_DONE;
}

/* ---- the command ---------------------------------------------------------------------------- */

/* Nobody opened the cluster for us: dispatch would have done so as the user of --as. */
static gboolean settle_namespace(Check *check, GError **error)
{
	Cluster *cluster = rbac_asker_cluster(check->asker);
	const char *of_context = cluster_default_namespace(cluster);

	if (!check->context->ns_given && of_context)
		check->context->ns = of_context;
	check->place.ns = check->context->ns;
	hint_set_place(cluster_context(cluster), check->context->choice->kubeconfig,
		       check->context->ns);
	return !check->context->ns_given ||
	       rbac_check_namespace(cluster, check->context->ns, error);
}

static void name_whom(Check *check, GStrv *ret_strings)
{
	const char *name = rbac_asker_user(check->asker)->user;

	if (!name || !rbac_subject_from_user(name, &check->whom, ret_strings))
		check->whom = (RbacSubject){ RBAC_USER, NULL, name ? name : "USER" };
}

static int run_check(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(RbacAsker) asker = rbac_asker_new(context, error);
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	g_autoptr(ConfigOwner) owner = NULL;
	g_auto(GStrv) strings = NULL;
	Check check = { .context = context, .asker = asker, .rows = rows };

	(void)values;
	if (!asker)
		return STATUS_FAILED;
	check.place.cluster = context->cluster = rbac_asker_cluster(asker);
	if (!rbac_refuse_local(context, error) || !settle_namespace(&check, error))
		return STATUS_FAILED;
	name_whom(&check, &strings);
	owner = config_owner_find(context->cluster, NULL);
	check.place.settings = owner ? owner->kind : &KIND_HYPERCONVERGED;
	check.place.settings_ns = owner ? owner->ns : NULL;
	return check_commands(&check, error) ? print(&check) : STATUS_FAILED;
}

static const char *const examples[] = { "kvmig rbac check -n prod",
					"kvmig rbac check migrate --as alice -n prod", NULL };

const Command rbac_check_command = {
	.name = "check",
	.summary = "tell what you may do, command by command",
	.args = { "COMMAND", 0, 3, COMPLETE_COMMAND },
	.needs = NAMES_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_check,
	.examples = examples,
};
