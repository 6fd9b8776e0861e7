/* SPDX-License-Identifier: Apache-2.0 */
/* What `kvmig vm show` tells of a VM's migration and of the policy that applies to it. */
#include "policy-projects.h"

#include "model/migration.h"
#include "model/wellknown.h"
#include "observe.h"
#include "vm.h"

/* ---- the migration -------------------------------------------------------------------------- */

static gboolean is_newer(const Migration *a, const Migration *b)
{
	/* one that is not done yet goes before all that are */
	const gboolean a_open = !migration_phase_is_final(a->phase);
	const gboolean b_open = !migration_phase_is_final(b->phase);

	return a_open != b_open ? a_open : migration_compare_age(b, a) < 0;
}

/* The one under way, else the last of those that are still there. */
static gboolean find_newest(const GPtrArray *objects, const char *vm, Migration *ret_newest)
{
	gboolean found = FALSE;

	for (guint i = 0; i < objects->len; i++) {
		Migration migration;

		migration_read(objects->pdata[i], &migration);
		if (g_strcmp0(migration.vmi_name, vm) != 0 ||
		    (found && !is_newer(&migration, ret_newest)))
			continue;
		*ret_newest = migration;
		found = TRUE;
	}
	return found;
}

/* "kvmig-x7k2p, Running, n1 to n2, policy gold" */
static char *migration_text(const Migration *migration)
{
	const cJSON *state = json_path(migration->object, "status", "migrationState", NULL);
	const char *policy = json_string(state, "migrationPolicyName", NULL);
	const char *phase = migration->phase_text;
	GString *text = g_string_new(migration->name);

	g_string_append_printf(text, ", %s", phase && *phase ? phase : "not looked at yet");
	if (migration->source_node && migration->target_node)
		g_string_append_printf(text, ", %s to %s", migration->source_node,
				       migration->target_node);
	if (policy)
		g_string_append_printf(text, ", policy %s", policy);
	return g_string_free(text, FALSE);
}

static void show_migration(const CommandContext *context, const cJSON *vmi)
{
	const ClusterListOptions options = { .ns = object_namespace(vmi) };
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) objects =
		cluster_list(context->cluster, &KIND_VMIM, &options, NULL, &cause);
	g_autofree char *text = NULL;
	Migration newest;

	if (objects && find_newest(objects, object_name(vmi), &newest))
		text = migration_text(&newest);
	else if (!objects)
		text = g_strdup_printf("not known: %s", cause->message);
	show_field(context, "Migration", text);
}

/* ---- the policy ----------------------------------------------------------------------------- */

static char *winner_text(const CommandContext *context, const cJSON *vmi, GError **error)
{
	g_autofree char *name = NULL;
	ProjectsDoubt doubt;

	if (!policy_ahead_of(context->cluster, vmi, &name, &doubt, error))
		return NULL;
	if (doubt == PROJECTS_CERTAIN)
		return g_strdup(name ? name : "none");
	return g_strdup_printf("not known: 'kvmig policy explain -n %s %s' tells on what it hangs",
			       object_namespace(vmi), object_name(vmi));
}

static void show_policy(const CommandContext *context, const cJSON *vmi)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *text = winner_text(context, vmi, &cause);

	if (!text)
		text = g_strdup_printf("not known: %s", cause->message);
	show_field(context, "Policy", text);
}

void vm_show_migration(const CommandContext *context, const cJSON *vmi)
{
	show_migration(context, vmi);
	show_policy(context, vmi);
}
