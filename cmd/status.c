/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"
#include "migration-waits.h"
#include "policy-projects.h"
#include "status-watch.h"

#include <string.h>

#include "base/reason.h"
#include "engine/controller.h"
#include "model/host.h"

#define RECENT 20 /* finished ones in the table */

typedef struct {
	gboolean watch;
} StatusValues;

static const Option options[] = {
	OPT_FLAG('w', "watch", StatusValues, watch, "follow changes until it has ended, or Ctrl-C"),
	OPT_END,
};

/* ---- what a person must know beside --------------------------------------------------------- */

/* Unfinished work that nobody carries on: said, and ended by starting a controller. */
static void look_after_controller(const CommandContext *context)
{
	ControllerState state = { 0 };

	if (cluster_caps(context->cluster)->kind != CLUSTER_LOCAL ||
	    !controller_state(context->cluster, &state, NULL))
		return;
	if (!state.running)
		say_warning(context, "no controller runs: nobody starts migrations or enforces "
			    "deadlines%s [%s]",
			    cluster_is_read_only(context->cluster) ? "" : "; one is started now",
			    REASON_PEND_NO_CONTROLLER);
	if (!state.running)
		follow_ensure_controller(context);
	controller_state_clear(&state);
}

static void warn_of_hosts(const CommandContext *context)
{
	g_autoptr(GPtrArray) hosts =
		cluster_caps(context->cluster)->kvmig_migrates ?
			cluster_list(context->cluster, &KIND_HOST, NULL, NULL, NULL) :
			NULL;

	for (guint i = 0; hosts && i < hosts->len; i++) {
		Host host;

		host_read(g_ptr_array_index(hosts, i), &host);
		/* Of a node that nobody has looked at yet there is nothing to say. */
		if (!host.ready && condition_find(host.object, "Ready"))
			say_warning(context, "node '%s' is not ready: %s", host.name,
				    host.not_ready_reason ? host.not_ready_reason :
							    "not asked yet");
	}
}

static void warn_of_vms(const CommandContext *context, const GPtrArray *vmis)
{
	for (guint i = 0; vmis && i < vmis->len; i++) {
		const cJSON *vmi = g_ptr_array_index(vmis, i);
		g_autoptr(GPtrArray) alarms = migration_alarms(vmi);

		for (guint n = 0; n < alarms->len; n++)
			say_warning(context, "VM '%s': %s", object_name(vmi),
				    (const char *)g_ptr_array_index(alarms, n));
	}
}

/* ---- ahead of the hand-over ------------------------------------------------------------------ */

/* The policy is chosen only then: the one that would win now, where that can be known. */
static void add_policy_ahead(const CommandContext *context, const cJSON *vmi, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *name = NULL;
	ProjectsDoubt doubt;
	cJSON *ahead;

	if (!vmi || json_bool(document, "final", FALSE) || json_get(document, "settings") ||
	    !policy_ahead_of(context->cluster, vmi, &name, &doubt, &cause))
		return;
	ahead = json_ensure_object(document, "policyAhead");
	json_set_bool(ahead, "certain", doubt == PROJECTS_CERTAIN);
	if (doubt == PROJECTS_CERTAIN)
		json_set_string(ahead, "name", name);
}

/* ---- one ------------------------------------------------------------------------------------ */

static void print_document(const cJSON *document, gpointer data)
{
	const CommandContext *context = data;

	if (context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE)
		migration_print(context->output->stream, document);
	else if (context->output->format == OUTPUT_NAME)
		(void)fprintf(context->output->stream, MIGRATION_ID_PREFIX "%s\n",
			json_string(document, "name", "?"));
	else
		output_document(context->output, "MigrationStatus", document);
	(void)fflush(context->output->stream);
}

/* A VM of which no migration is known: where it is, and that. */
static int print_vm_only(const CommandContext *context, const cJSON *object)
{
	g_autoptr(GPtrArray) alarms = migration_alarms(object);
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	Vmi vmi;

	vmi_read(object, &vmi);
	if (context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE) {
		FILE *stream = context->output->stream;

		migration_print_field(stream, "VM:", vmi.name);
		migration_print_field(stream, "Phase:", vmi.phase);
		migration_print_field(stream, "Node:", vmi.node_name ? vmi.node_name : "-");
		for (guint i = 0; i < alarms->len; i++)
			migration_print_field(stream, "ALARM:", g_ptr_array_index(alarms, i));
		say(context, "no migration of VM '%s' is known", vmi.name);
	} else {
		output_rows(context->output, &migration_table, none);
	}
	return STATUS_DONE;
}

static int watch_one(CommandContext *context, const cJSON *object, GError **error)
{
	gboolean documents = context->output->format == OUTPUT_JSON ||
			     context->output->format == OUTPUT_YAML;
	const FollowOptions how = { .progress = !documents,
				    .show = documents ? print_document : NULL,
				    .show_data = context };
	g_autoptr(cJSON) document = NULL;
	FollowEnd end = follow_migration(context, object, &how, &document, error);

	return follow_report(context, end, document, error);
}

static int status_of(CommandContext *context, const char *word, gboolean watch, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = NULL;
	g_autoptr(cJSON) object = migration_find(context, word, &vmi, &cause);
	g_autofree char *gone = NULL;
	g_autoptr(cJSON) document = NULL;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return STATUS_FAILED;
	}
	gone = migration_gone_text(vmi, object);
	if (gone)
		say(context, "%s", gone);
	if (!object)
		return print_vm_only(context, vmi);
	if (!vmi)
		vmi = cluster_get(context->cluster, &KIND_VMI, object_namespace(object),
				  json_string(json_get(object, "spec"), "vmiName", ""), NULL);
	document = migration_document(object, vmi);
	if (!watch) {
		migration_explain(context, object, vmi, document);
		add_policy_ahead(context, vmi, document);
	}
	if (!json_bool(document, "final", FALSE))
		look_after_controller(context);
	if (watch)
		return watch_one(context, object, error);
	print_document(document, context);
	return STATUS_DONE;
}

/* ---- all ------------------------------------------------------------------------------------ */

static gint compare_documents(gconstpointer a, gconstpointer b)
{
	const cJSON *left = *(cJSON *const *)a, *right = *(cJSON *const *)b;
	gboolean left_final = json_bool(left, "final", FALSE);
	int order;

	if (left_final != json_bool(right, "final", FALSE))
		return left_final ? 1 : -1;
	order = strcmp(json_string(left, "createdAt", ""), json_string(right, "createdAt", ""));
	if (order == 0)
		order = strcmp(json_string(left, "name", ""), json_string(right, "name", ""));
	return left_final ? -order : order; /* the oldest that waits, the newest that has ended */
}

/* By "ns/name"; borrowed. */
static GHashTable *index_vms(const GPtrArray *vmis)
{
	GHashTable *by_ref = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; vmis && i < vmis->len; i++)
		g_hash_table_insert(by_ref, object_ref(g_ptr_array_index(vmis, i)),
				    g_ptr_array_index(vmis, i));
	return by_ref;
}

/* KubeVirt tells in the VM's object where an unfinished one comes from and goes to. */
static const cJSON *vm_of(const cJSON *object, GHashTable *vms)
{
	g_autofree char *ref = migration_vm_ref(object);

	return json_path(object, "status", "kvmig", NULL) ? NULL : g_hash_table_lookup(vms, ref);
}

/* On KubeVirt, which does not tell: why those wait that do. Adds it to their documents. */
static void explain_waits(const CommandContext *context, const StatusSeen *seen,
			  const GPtrArray *documents)
{
	GPtrArray *objects = seen->objects;
	g_autoptr(WaitFacts) facts = wait_facts_new(context, context->ns);

	if (cluster_caps(context->cluster)->kvmig_migrates)
		return;
	wait_facts_know(facts, objects, seen->vmis);
	for (guint i = 0; i < objects->len; i++)
		if (migration_waits(g_ptr_array_index(objects, i)))
			wait_facts_expect(facts, g_ptr_array_index(objects, i));
	for (guint i = 0; i < objects->len; i++)
		if (migration_waits(g_ptr_array_index(objects, i)))
			wait_facts_explain(facts, g_ptr_array_index(objects, i),
					   g_ptr_array_index(documents, i));
	wait_facts_tell(facts);
}

/* Unfinished ones, oldest first, then the newest finished ones. */
static GPtrArray *collect(const CommandContext *context, const StatusSeen *seen,
			  guint *ret_unfinished)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(GHashTable) vms = index_vms(seen->vmis);

	*ret_unfinished = 0;
	for (guint i = 0; i < seen->objects->len; i++) {
		const cJSON *object = g_ptr_array_index(seen->objects, i);
		cJSON *document = migration_document(object, vm_of(object, vms));

		*ret_unfinished += !json_bool(document, "final", FALSE);
		g_ptr_array_add(rows, document);
	}
	explain_waits(context, seen, rows);
	g_ptr_array_sort(rows, compare_documents);
	if (rows->len > *ret_unfinished + RECENT)
		g_ptr_array_set_size(rows, (gint)*ret_unfinished + RECENT);
	return rows;
}

static void seen_clear(StatusSeen *seen)
{
	g_clear_pointer(&seen->objects, g_ptr_array_unref);
	g_clear_pointer(&seen->vmis, g_ptr_array_unref);
	g_clear_pointer(&seen->version, g_free);
	g_clear_pointer(&seen->vmi_version, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(StatusSeen, seen_clear)

static gboolean look(const CommandContext *context, StatusSeen *seen, GError **error)
{
	const ClusterListOptions list = { .ns = context->ns };
	g_autoptr(GError) cause = NULL;

	seen->objects = cluster_list(context->cluster, &KIND_VMIM, &list, &seen->version, error);
	if (!seen->objects)
		return FALSE;
	seen->vmis = cluster_list(context->cluster, &KIND_VMI, &list, &seen->vmi_version, &cause);
	if (cause)
		g_debug("the VMs cannot be seen: %s", cause->message);
	return TRUE;
}

static const char *longer(const char *a, const char *b)
{
	return b && strlen(b) > strlen(a) ? b : a;
}

static const char *longest_name(const GPtrArray *objects)
{
	const char *longest = "";

	for (guint i = 0; objects && i < objects->len; i++)
		longest = longer(longest, object_name(g_ptr_array_index(objects, i)));
	return longest;
}

/* Those that VMs run on; that is known of all clusters. */
static const char *longest_node(const GPtrArray *vmis)
{
	const char *longest = "";

	for (guint i = 0; vmis && i < vmis->len; i++) {
		const cJSON *status = json_get(g_ptr_array_index(vmis, i), "status");

		longest = longer(longest, json_string(status, "nodeName", NULL));
	}
	return longest;
}

/* Room for the widest row of migrations that is likely to come: it shall stand under the same
 * header. */
static void make_room(const CommandContext *context, const StatusSeen *seen)
{
	g_autoptr(GPtrArray) hosts =
		cluster_caps(context->cluster)->kvmig_migrates
			? cluster_list(context->cluster, &KIND_HOST, NULL, NULL, NULL)
			: NULL;
	const char *node = longer(longest_name(hosts), longest_node(seen->vmis));
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "vm", longest_name(seen->vmis));
	json_set_string(row, "name", "kvmig-00000");
	json_set_string(row, "phase", migration_phase_to_string(MIGRATION_PHASE_PREPARING_TARGET));
	json_set_string(row, "sourceNode", node);
	json_set_string(row, "targetNode", node);
	g_ptr_array_add(rows, row);
	output_measure(context->output, &migration_table, rows);
}

static int status_of_all(CommandContext *context, gboolean watch, GError **error)
{
	g_auto(StatusSeen) seen = { 0 };
	g_autoptr(GPtrArray) rows = NULL;
	g_autoptr(GArray) widths = g_array_new(FALSE, FALSE, sizeof(gsize));
	guint unfinished;

	if (!look(context, &seen, error))
		return STATUS_FAILED;
	rows = collect(context, &seen, &unfinished);
	if (unfinished > 0)
		look_after_controller(context);
	if (rows->len == 0)
		say(context, "no migrations");
	context->output->widths = widths;
	if (watch)
		make_room(context, &seen);
	output_rows(context->output, &migration_table, rows);
	warn_of_hosts(context);
	warn_of_vms(context, seen.vmis);
	if (!watch)
		return STATUS_DONE;
	(void)fflush(context->output->stream);
	return status_watch(context, &seen, rows, error);
}

static int run_status(CommandContext *context, const void *data, GError **error)
{
	const StatusValues *values = data;

	if (context->n_args == 0)
		return status_of_all(context, values->watch, error);
	return status_of(context, context->args[0], values->watch, error);
}

static const char *const examples[] = { "kvmig status", "kvmig status web-1",
					"kvmig status -w web-1", "kvmig status -A -o json", NULL };

const Command status_command = {
	.name = "status",
	.summary = "show migrations: progress, deadline, queue, outcome",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(StatusValues),
	.args = { .name = "VM|MIGRATION", .maximum = 1, .complete = COMPLETE_VM_OR_MIGRATION },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_status,
	.examples = examples,
};
