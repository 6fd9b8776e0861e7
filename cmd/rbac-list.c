/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac list: the bindings that let somebody migrate. */
#include "rbac.h"

#include <string.h>

typedef struct {
	const char *subject;
} ListValues;

typedef struct {
	const CommandContext *context;
	RbacObjects *objects;
	const MigrateQuery *query;
	const RbacSubject *subject; /* NULL: all */
	GStrv groups;               /* that the subject's name alone gives it */
	GPtrArray *rows;
} List;

/* ---- rows ----------------------------------------------------------------------------------- */

static gboolean is_asked_for(const List *list, const RbacSubject *subject)
{
	if (!list->subject || rbac_subject_compare(subject, list->subject) == 0)
		return TRUE;
	return subject->kind == RBAC_SUBJECT_GROUP && list->groups &&
	       g_strv_contains((const char *const *)list->groups, subject->name);
}

static cJSON *add_row(List *list, const RbacPath *path, const RbacSubject *subject)
{
	cJSON *row = cJSON_CreateObject();

	if (!path->binding->ns)
		json_set_bool(row, "everywhere", TRUE);
	json_set_string(row, "namespace", path->binding->ns);
	json_set(row, "subject", rbac_subject_row(subject));
	rbac_path_add(row, path);
	if (path->chain)
		json_set(row, "rights", migrate_words(list->query, path->rights));
	g_ptr_array_add(list->rows, row);
	return row;
}

static void add_unread(const RbacBinding *binding, const RbacSubject *subject, gboolean asked,
		       guint32 rights, gpointer data)
{
	List *list = data;
	const RbacPath path = { .binding = binding };
	const gboolean named = strcmp(binding->role, ROLE_MIGRATE) == 0;

	if (is_asked_for(list, subject) && (named || (asked && (rights & 1u))))
		rbac_unread_add(add_row(list, &path, subject), list->query, asked, rights);
}

/* One that gives nothing, because the role is not there. */
static void add_idle(List *list, const RbacBinding *binding, const RbacSubject *subject)
{
	const RbacPath path = { .binding = binding };

	if (strcmp(binding->role, ROLE_MIGRATE) == 0)
		json_set_bool(add_row(list, &path, subject), "roleMissing", TRUE);
}

/* Bindings to ClusterRoles that do not exist. */
static void add_without_role(List *list, RbacPart part)
{
	const RbacBinding *binding;

	for (guint i = 0; (binding = rbac_nth_binding(list->objects, part, i)); i++) {
		if (!binding->role_is_cluster || rbac_role_of(list->objects, binding))
			continue;
		for (guint j = 0; j < binding->n_subjects; j++)
			if (is_asked_for(list, &binding->subjects[j]))
				add_idle(list, binding, &binding->subjects[j]);
	}
}

static void add_holder(List *list, const RbacHolder *holder)
{
	if (!is_asked_for(list, &holder->subject))
		return;
	for (guint i = 0; i < holder->paths->len; i++) {
		const RbacPath *path = holder->paths->pdata[i];

		if (path->rights & 1u) /* `create`: less does not amount to migrating */
			add_row(list, path, &holder->subject);
	}
}

static int compare_rows(gconstpointer a, gconstpointer b)
{
	const cJSON *left = *(const cJSON *const *)a, *right = *(const cJSON *const *)b;
	int order = g_strcmp0(json_string(left, "namespace", NULL),
			      json_string(right, "namespace", NULL));

	return order ? order
		     : g_strcmp0(json_string(json_get(left, "binding"), "name", NULL),
				 json_string(json_get(right, "binding"), "name", NULL));
}

static void fill(List *list)
{
	g_autoptr(GPtrArray) holders =
		rbac_who_can(list->objects, list->query->attributes, list->query->n);

	for (guint i = 0; i < holders->len; i++)
		add_holder(list, holders->pdata[i]);
	if (!rbac_unread_each(list->context, list->objects, list->query, add_unread, list)) {
		add_without_role(list, RBAC_CLUSTER_ROLE_BINDINGS);
		add_without_role(list, RBAC_ROLE_BINDINGS);
	}
	g_ptr_array_sort(list->rows, compare_rows); /* stable */
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_rights(const cJSON *row)
{
	if (json_bool(row, "roleMissing", FALSE))
		return g_strdup("none: no such role");
	return rbac_cell_rights(row);
}

static char *row_name(const cJSON *row)
{
	g_autofree char *kind =
		g_ascii_strdown(json_string(json_get(row, "binding"), "kind", ""), -1);

	return g_strdup_printf("%s.rbac.authorization.k8s.io/%s", kind,
			       json_string(json_get(row, "binding"), "name", ""));
}

static const OutputColumn columns[] = {
	{ "NAMESPACE", FALSE, FALSE, rbac_cell_namespace },
	{ "BINDING", FALSE, FALSE, rbac_cell_binding },
	{ "SUBJECT", FALSE, FALSE, rbac_cell_subject },
	{ "ROLE", FALSE, FALSE, rbac_cell_role },
	{ "RIGHTS", FALSE, FALSE, cell_rights },
	{ NULL, FALSE, FALSE, NULL },
};

static int show(CommandContext *context, List *list)
{
	const OutputSpec spec = { .list_kind = "MigrateBindingList",
				  .columns = columns,
				  .name = row_name };

	fill(list);
	if (list->rows->len == 0)
		say(context, "no binding lets %s migrate", list->subject ? "them" : "anybody");
	output_rows(context->output, &spec, list->rows);
	return rbac_say_gaps(context, list->objects, list->query) ? STATUS_PARTIAL : STATUS_DONE;
}

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const ListValues *options = values;
	g_autoptr(RbacObjects) objects = NULL;
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	g_auto(GStrv) strings = NULL;
	g_auto(GStrv) groups = NULL;
	g_autofree char *user = NULL;
	RbacSubject subject;
	MigrateQuery query;
	List list = { .context = context, .query = &query, .rows = rows };

	if (!rbac_refuse_local(context, error))
		return STATUS_FAILED;
	if (options->subject) {
		if (!rbac_subject_parse(options->subject, &subject, &strings, error))
			return STATUS_USAGE;
		list.subject = &subject;
		user = rbac_subject_user_name(&subject);
		if (subject.kind != RBAC_SUBJECT_GROUP)
			groups = rbac_implied_groups(user);
		list.groups = groups;
	}
	(void)migrate_query(context, NULL, &query, NULL);
	objects = list.objects = rbac_load(context->cluster, context->ns, error);
	if (!objects || !rbac_check_readable(context, objects, &query, error))
		return STATUS_FAILED;
	return show(context, &list);
}

static const Option options[] = {
	OPT_STRING(0, "subject", ListValues, subject, "SUBJECT",
		   "only this user, group:NAME or sa:NAMESPACE:NAME"),
	OPT_END,
};

static const char *const examples[] = { "kvmig rbac list -A",
					"kvmig rbac list -n prod --subject alice", NULL };

const Command rbac_list_command = {
	.name = "list",
	.summary = "list the bindings that let somebody migrate",
	.options = options,
	.values_size = sizeof(ListValues),
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_list,
	.examples = examples,
};
