/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"

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

static void warn_of_vms(const CommandContext *context)
{
	const ClusterListOptions list = { .ns = context->ns };
	g_autoptr(GPtrArray) vmis =
		cluster_list(context->cluster, &KIND_VMI, &list, NULL, NULL);

	for (guint i = 0; vmis && i < vmis->len; i++) {
		const cJSON *vmi = g_ptr_array_index(vmis, i);
		g_autoptr(GPtrArray) alarms = migration_alarms(vmi);

		for (guint n = 0; n < alarms->len; n++)
			say_warning(context, "VM '%s': %s", object_name(vmi),
				    (const char *)g_ptr_array_index(alarms, n));
	}
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
	g_autoptr(cJSON) document = NULL;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return STATUS_FAILED;
	}
	if (!object)
		return print_vm_only(context, vmi);
	document = migration_document(object, vmi);
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

/* Unfinished ones, oldest first, then the newest finished ones. */
static GPtrArray *collect(const GPtrArray *objects, guint *ret_unfinished)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);

	*ret_unfinished = 0;
	for (guint i = 0; i < objects->len; i++) {
		cJSON *document = migration_document(g_ptr_array_index(objects, i), NULL);

		*ret_unfinished += !json_bool(document, "final", FALSE);
		g_ptr_array_add(rows, document);
	}
	g_ptr_array_sort(rows, compare_documents);
	if (rows->len > *ret_unfinished + RECENT)
		g_ptr_array_set_size(rows, (gint)*ret_unfinished + RECENT);
	return rows;
}

typedef struct {
	Output output; /* the command's, with the widths of what was printed so far */
	GError *error;
	gboolean done;
} TableWatch;

static const char *longest_name(const GPtrArray *objects)
{
	const char *longest = "";

	for (guint i = 0; objects && i < objects->len; i++) {
		const char *name = object_name(g_ptr_array_index(objects, i));

		if (strlen(name) > strlen(longest))
			longest = name;
	}
	return longest;
}

/* The widest row that is likely to come: it shall stand under the same header. */
static void make_room(const CommandContext *context, Output *output)
{
	const ClusterListOptions list = { .ns = context->ns };
	g_autoptr(GPtrArray) hosts = cluster_list(context->cluster, &KIND_HOST, NULL, NULL, NULL);
	g_autoptr(GPtrArray) vmis = cluster_list(context->cluster, &KIND_VMI, &list, NULL, NULL);
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "vm", longest_name(vmis));
	json_set_string(row, "name", "kvmig-00000");
	json_set_string(row, "phase", migration_phase_to_string(MIGRATION_PHASE_PREPARING_TARGET));
	json_set_string(row, "sourceNode", longest_name(hosts));
	json_set_string(row, "targetNode", longest_name(hosts));
	g_ptr_array_add(rows, row);
	output_measure(output, &migration_table, rows);
}

static void on_change(ClusterEventType type, const cJSON *object, const GError *error,
		      gpointer data)
{
	TableWatch *watch = data;
	g_autoptr(GPtrArray) rows = NULL;

	if (type == CLUSTER_EVENT_ERROR) {
		watch->error = g_error_copy(error);
		watch->done = TRUE;
	}
	if (type == CLUSTER_EVENT_ERROR || type == CLUSTER_EVENT_DELETED)
		return;
	rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_ptr_array_add(rows, migration_document(object, NULL));
	output_rows(&watch->output, &migration_table, rows);
	watch->output.no_headers = TRUE;
	(void)fflush(watch->output.stream);
}

/* A row for each change, as kubectl get -w prints them, until Ctrl-C. */
static int watch_all(const CommandContext *context, const char *version, gboolean headed,
		     GError **error)
{
	const ClusterListOptions list = { .ns = context->ns };
	TableWatch watch = { .output = *context->output };
	ClusterWatch *handle = cluster_watch(context->cluster, &KIND_VMIM, &list, version,
					     on_change, &watch, error);
	gboolean interrupted = FALSE;

	if (!handle)
		return STATUS_FAILED;
	watch.output.no_headers = watch.output.no_headers || headed;
	(void)run_until(&watch.done, 0, &interrupted);
	if (!watch.done)
		cluster_watch_stop(handle);
	if (watch.error)
		g_propagate_error(error, watch.error);
	return interrupted ? STATUS_INTERRUPTED : STATUS_FAILED;
}

static int status_of_all(CommandContext *context, gboolean watch, GError **error)
{
	const ClusterListOptions list = { .ns = context->ns };
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) objects =
		cluster_list(context->cluster, &KIND_VMIM, &list, &version, error);
	g_autoptr(GPtrArray) rows = NULL;
	g_autoptr(GArray) widths = g_array_new(FALSE, FALSE, sizeof(gsize));
	guint unfinished;

	if (!objects)
		return STATUS_FAILED;
	rows = collect(objects, &unfinished);
	if (unfinished > 0)
		look_after_controller(context);
	if (rows->len == 0)
		say(context, "no migrations");
	context->output->widths = widths;
	if (watch)
		make_room(context, context->output);
	output_rows(context->output, &migration_table, rows);
	warn_of_hosts(context);
	warn_of_vms(context);
	if (!watch)
		return STATUS_DONE;
	(void)fflush(context->output->stream);
	return watch_all(context, version, rows->len > 0, error);
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
