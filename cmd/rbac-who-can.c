/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac who-can: every subject that may migrate, or drain nodes, with every way to it. */
#include "rbac.h"

#include <string.h>

typedef struct {
	gboolean node_drain;
} WhoCanValues;

typedef struct {
	const CommandContext *context;
	const MigrateQuery *query;
	gboolean lines; /* for people: one for each way; else a row for each subject */
	GPtrArray *rows;
	gboolean asked; /* the server, of what may not be read */
} WhoCan;

/* ---- rows ----------------------------------------------------------------------------------- */

static cJSON *path_row(const MigrateQuery *query, const RbacPath *path)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "namespace", path->binding->ns);
	if (!path->binding->ns)
		json_set_bool(row, "everywhere", TRUE);
	rbac_path_add(row, path);
	json_set(row, "rights", migrate_words(query, path->rights));
	return row;
}

static cJSON *add_subject(WhoCan *who, const RbacSubject *subject)
{
	cJSON *row = cJSON_CreateObject();

	json_set(row, "subject", rbac_subject_row(subject));
	g_ptr_array_add(who->rows, row);
	return row;
}

static cJSON *find_subject(const WhoCan *who, const RbacSubject *subject)
{
	g_autoptr(cJSON) wanted = rbac_subject_row(subject);

	for (guint i = 0; i < who->rows->len; i++)
		if (json_equal(json_get(who->rows->pdata[i], "subject"), wanted))
			return who->rows->pdata[i];
	return NULL;
}

static void add_holder(WhoCan *who, const RbacHolder *holder)
{
	cJSON *row = NULL;

	if (!who->lines) {
		row = add_subject(who, &holder->subject);
		json_set(row, "rights", migrate_words(who->query, holder->rights));
	}
	for (guint i = 0; i < holder->paths->len; i++) {
		cJSON *path = path_row(who->query, holder->paths->pdata[i]);

		if (row) {
			cJSON_AddItemToArray(json_ensure_array(row, "paths"), path);
			continue;
		}
		json_set(path, "subject", rbac_subject_row(&holder->subject));
		g_ptr_array_add(who->rows, path);
	}
}

/* The server tells of all that a subject may do there, so its rights are the same in each path. */
static void add_unread(const RbacBinding *binding, const RbacSubject *subject, gboolean asked,
		       guint32 rights, gpointer data)
{
	WhoCan *who = data;
	const RbacPath path = { .binding = binding };
	cJSON *row, *shown;

	who->asked = who->asked || asked;
	if (asked ? !rights : strcmp(binding->role, ROLE_MIGRATE) != 0)
		return;
	row = cJSON_CreateObject();
	json_set_string(row, "namespace", binding->ns);
	rbac_path_add(row, &path);
	rbac_unread_add(row, who->query, asked, rights);
	if (who->lines) {
		json_set(row, "subject", rbac_subject_row(subject));
		g_ptr_array_add(who->rows, row);
		return;
	}
	shown = find_subject(who, subject);
	if (!shown)
		shown = add_subject(who, subject);
	if (asked)
		json_set(shown, "rights", migrate_words(who->query, rights));
	cJSON_AddItemToArray(json_ensure_array(shown, "paths"), row);
}

static char *row_name(const cJSON *row)
{
	const cJSON *subject = json_get(row, "subject");
	const char *ns = json_string(subject, "namespace", NULL);

	return g_strdup_printf("%s/%s%s%s", json_string(subject, "kind", ""), ns ? ns : "",
			       ns ? "/" : "", json_string(subject, "name", ""));
}

static const OutputColumn columns[] = {
	{ "SUBJECT", FALSE, FALSE, rbac_cell_subject },
	{ "RIGHTS", FALSE, FALSE, rbac_cell_rights },
	{ "NAMESPACE", FALSE, FALSE, rbac_cell_namespace },
	{ "BINDING", FALSE, FALSE, rbac_cell_binding },
	{ "ROLE", FALSE, FALSE, rbac_cell_role },
	{ NULL, FALSE, FALSE, NULL },
};

static int show(WhoCan *who, RbacObjects *objects)
{
	const OutputSpec spec = { .list_kind = "MigrateSubjectList",
				  .columns = columns,
				  .name = row_name };
	g_autoptr(GPtrArray) holders = rbac_who_can(objects, who->query->attributes, who->query->n);
	gboolean gaps;

	for (guint i = 0; i < holders->len; i++)
		add_holder(who, holders->pdata[i]);
	(void)rbac_unread_each(who->context, objects, who->query, add_unread, who);
	output_rows(who->context->output, &spec, who->rows);
	gaps = rbac_say_gaps(who->context, objects, who->query);
	if (who->rows->len == 0)
		say(who->context, gaps ? "no binding that you may see gives anybody that right"
				       : "no binding gives anybody that right");
	say(who->context,
	    "not shown: who is in the group " RBAC_GROUP_MASTERS ", and so may do everything; "
	    "who is in the other groups");
	if (who->asked)
		say(who->context,
		    "what ClusterRoles give was asked of the API server, of each subject that is "
		    "bound to one: it may have the right by another binding");
	return gaps ? STATUS_PARTIAL : STATUS_DONE;
}

/* ---- the command ---------------------------------------------------------------------------- */

static gboolean choose(const CommandContext *context, const WhoCanValues *options,
		       MigrateQuery *query, GError **error)
{
	if (!options->node_drain)
		return migrate_query(context, context->args[0], query, error);
	if (context->n_args)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "'%s' and --node-drain ask two different things",
				 context->args[0]);
	drain_query(context, query);
	return TRUE;
}

static int run_who_can(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(RbacObjects) objects = NULL;
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	MigrateQuery query = { .n = 0 };
	WhoCan who = { .context = context,
		       .query = &query,
		       .lines = context->output->format == OUTPUT_TABLE ||
				context->output->format == OUTPUT_WIDE,
		       .rows = rows };

	if (!rbac_refuse_local(context, error) || !choose(context, values, &query, error))
		return STATUS_FAILED;
	objects = rbac_load(context->cluster, context->ns, error);
	if (!objects || !rbac_check_readable(context, objects, &query, error))
		return STATUS_FAILED;
	return show(&who, objects);
}

static const Option options[] = {
	OPT_FLAG(0, "node-drain", WhoCanValues, node_drain,
		 "who can cordon nodes and evict VMs from them"),
	OPT_END,
};

static const char *const examples[] = { "kvmig rbac who-can -n prod",
					"kvmig rbac who-can delete -A -o json",
					"kvmig rbac who-can --node-drain", NULL };

const Command rbac_who_can_command = {
	.name = "who-can",
	.summary = "name all who can migrate, and how they come to it",
	.options = options,
	.values_size = sizeof(WhoCanValues),
	.args = { "VERB", 0, 1, COMPLETE_NONE },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_who_can,
	.examples = examples,
};
