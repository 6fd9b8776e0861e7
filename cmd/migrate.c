/* SPDX-License-Identifier: Apache-2.0 */
#include "follow.h"
#include "migrate.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "engine/controller.h"
#include "model/wellknown.h"

typedef struct {
	const char *node, *node_selector;
	gboolean wait, dry_run;
	gint64 timeout_ms;
} MigrateValues;

static const Option options[] = {
	OPT_STRING(0, "node", MigrateValues, node, "NODE", "migrate to this node",
		   .complete = COMPLETE_NODE),
	OPT_STRING(0, "node-selector", MigrateValues, node_selector, "K=V,...",
		   "migrate to a node with these labels", .complete = COMPLETE_NODE_LABEL),
	OPT_FLAG(0, "wait", MigrateValues, wait, "follow the migration until it has ended"),
	OPT_DURATION(0, "timeout", MigrateValues, timeout_ms,
		     "with --wait: stop waiting after TIME; 0: never", .defval = "0"),
	OPT_FLAG(0, "dry-run", MigrateValues, dry_run, "judge and show the target, change nothing"),
	OPT_END,
};

/* *ret_selector: NULL where neither option is given. */
static gboolean parse_selector(const MigrateValues *values, cJSON **ret_selector, GError **error)
{
	g_autoptr(cJSON) selector = NULL;
	const char *asked;

	if (values->node_selector) {
		selector = labels_parse_map(values->node_selector, error);
		if (!selector) {
			error_prefix(error, "--node-selector");
			error_hint(error, "write KEY=VALUE, several with commas between: "
					  "--node-selector zone=b,disk=ssd");
			return error_usage(error);
		}
	}
	if (values->node && !*values->node)
		return error_set(error, KVMIG_ERROR_USAGE, "--node: the name is empty");
	asked = json_string(selector, LABEL_HOSTNAME, NULL);
	if (values->node && asked && strcmp(asked, values->node) != 0)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "--node %s and --node-selector %s=%s exclude each other",
				 values->node, LABEL_HOSTNAME, asked);
	if (values->node && !selector)
		selector = cJSON_CreateObject();
	if (values->node)
		json_set_string(selector, LABEL_HOSTNAME, values->node);
	*ret_selector = g_steal_pointer(&selector);
	return TRUE;
}

/* ---- creating ------------------------------------------------------------------------------- */

static gboolean conflict(const cJSON *other, const char *vm, GError **error)
{
	g_autofree char *words = migration_ns_words(object_namespace(other));

	error_set(error, KVMIG_ERROR_CONFLICT,
		  "cannot migrate VM '%s': migration '%s' of it was started meanwhile", vm,
		  object_name(other));
	error_reason(error, REASON_BLK_IN_FLIGHT);
	error_hint(error, "'kvmig%s status -w %s' follows it", words, object_name(other));
	return FALSE;
}

/* Whether `other` goes first: it is further than waiting, or older, or (of the same second) has
 * the lesser uid. Two racing clients that see each other come to the same answer. */
static gboolean goes_first(const Migration *other, const Migration *ours)
{
	if (migration_phase_is_running(other->phase) != migration_phase_is_running(ours->phase))
		return migration_phase_is_running(other->phase);
	if (other->created_us != ours->created_us)
		return other->created_us < ours->created_us;
	return g_strcmp0(other->uid, ours->uid) < 0;
}

/* The unfinished migration of the VM that goes before ours, or NULL. */
static const cJSON *find_rival(const GPtrArray *migrations, const cJSON *created)
{
	Migration ours;

	migration_read(created, &ours);
	for (guint i = 0; i < migrations->len; i++) {
		Migration other;

		migration_read(g_ptr_array_index(migrations, i), &other);
		if (g_strcmp0(other.vmi_name, ours.vmi_name) == 0 &&
		    g_strcmp0(other.uid, ours.uid) != 0 &&
		    !migration_phase_is_final(other.phase) && goes_first(&other, &ours))
			return other.object;
	}
	return NULL;
}

/* An API server checks for another one in flight before it stores ours, but two that come at the
 * same time both pass (on local the transaction excludes that): look again, and withdraw. */
static gboolean withdraw_if_second(const CommandContext *context, const cJSON *created,
				   GError **error)
{
	const ClusterListOptions list = { .ns = object_namespace(created) };
	g_autoptr(GPtrArray) migrations =
		cluster_list(context->cluster, &KIND_VMIM, &list, NULL, error);
	const cJSON *rival;
	Migration ours;

	if (!migrations)
		return FALSE;
	rival = find_rival(migrations, created);
	if (!rival)
		return TRUE;
	migration_read(created, &ours);
	if (!cluster_delete(context->cluster, &KIND_VMIM, ours.ns, ours.name, ours.uid,
			    CLUSTER_WRITE_NONE, error)) {
		error_prefix(error, "migration '%s' is a second one and cannot be withdrawn",
			     ours.name);
		return FALSE;
	}
	return conflict(rival, ours.vmi_name, error);
}

/* Inside a batch: on local nobody else's write comes between the look and the creation. */
static cJSON *create_checked(const CommandContext *context, const Preflight *preflight,
			     ClusterWriteFlags flags, GError **error)
{
	const Vmi *vmi = &preflight->vmi;
	const ClusterListOptions list = { .ns = vmi->ns };
	g_autoptr(GPtrArray) migrations =
		cluster_list(context->cluster, &KIND_VMIM, &list, NULL, error);
	g_autoptr(cJSON) object = NULL;
	const cJSON *other;

	if (!migrations)
		return NULL;
	other = migration_unfinished_of(migrations, vmi->ns, vmi->name);
	if (other) {
		(void)conflict(other, vmi->name, error);
		return NULL;
	}
	object = migration_object_new(vmi->ns, vmi->name, preflight->selector);
	return cluster_create(context->cluster, object, flags, error);
}

static cJSON *create(const CommandContext *context, const Preflight *preflight,
		     ClusterWriteFlags flags, GError **error)
{
	g_autoptr(cJSON) created = NULL;

	if (!cluster_batch_begin(context->cluster, error))
		return NULL;
	created = create_checked(context, preflight, flags, error);
	if (!created) {
		cluster_batch_rollback(context->cluster);
		return NULL;
	}
	if (!cluster_batch_commit(context->cluster, error))
		return NULL;
	return g_steal_pointer(&created);
}

/* ---- telling -------------------------------------------------------------------------------- */

static void print_document(const CommandContext *context, const cJSON *document)
{
	output_document(context->output, "MigrationStatus", document);
}

static gboolean wants_document(const CommandContext *context)
{
	return context->output->format == OUTPUT_JSON || context->output->format == OUTPUT_YAML;
}

/* The name goes out at once, so that whoever reads it has it while the migration runs. */
static void print_name(const CommandContext *context, const cJSON *created)
{
	g_autofree char *name = output_escape(object_name(created));

	(void)fprintf(context->output->stream, "%s%s\n",
		context->output->format == OUTPUT_NAME ? MIGRATION_ID_PREFIX : "", name);
	(void)fflush(context->output->stream);
}

static void say_verdict(const CommandContext *context, const Preflight *preflight)
{
	const char *target = preflight_target(preflight);

	if (target)
		say(context, "VM '%s' can be migrated: from '%s' to '%s'", preflight->vmi.name,
		    preflight->vmi.node_name, target);
	else
		say(context, "VM '%s' would wait: the memory on the nodes that fit is reserved "
		    "for migrations under way [%s]", preflight->vmi.name,
		    REASON_PEND_MEMORY_RESERVED);
}

static int wait_for_end(const CommandContext *context, const cJSON *created, gint64 timeout_ms,
			GError **error)
{
	const FollowOptions how = { .timeout_ms = timeout_ms, .progress = TRUE };
	g_autoptr(cJSON) document = NULL;
	FollowEnd end = follow_migration(context, created, &how, &document, error);

	if (wants_document(context))
		print_document(context, document);
	return follow_report(context, end, document, error);
}

/* Ctrl-C from the creation on must not end kvmig without a word: something was started. */
static gboolean on_interrupt(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_CONTINUE;
}

static gboolean was_interrupted(const gboolean *flag)
{
	while (!*flag && g_main_context_iteration(NULL, FALSE))
		;
	return *flag;
}

/* Also where no controller can be started the migration is there: whoever asked has to know. */
static int carry_on(const CommandContext *context, const MigrateValues *values,
		    const cJSON *created, const gboolean *interrupted, GError **error)
{
	g_autofree char *words = migration_ns_words(object_namespace(created));
	g_autoptr(cJSON) document = migration_document(created, NULL);

	if (!wants_document(context))
		print_name(context, created);
	if (!controller_ensure(context->cluster, error)) {
		error_prefix(error, "migration '%s' waits for a controller", object_name(created));
		error_reason(error, REASON_PEND_NO_CONTROLLER);
		return STATUS_FAILED;
	}
	if (was_interrupted(interrupted))
		return follow_report(context, FOLLOW_INTERRUPTED, document, error);
	if (values->wait)
		return wait_for_end(context, created, values->timeout_ms, error);
	if (wants_document(context))
		print_document(context, document);
	say(context, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it", words,
	    object_name(created), words, object_name(created));
	return STATUS_DONE;
}

static int start(const CommandContext *context, const MigrateValues *values,
		 const Preflight *preflight, GError **error)
{
	gboolean interrupted = FALSE;
	guint guard = g_unix_signal_add(SIGINT, on_interrupt, &interrupted);
	g_autoptr(cJSON) created = create(context, preflight, CLUSTER_WRITE_NONE, error);
	int status = STATUS_FAILED;

	if (created && withdraw_if_second(context, created, error)) {
		if (preflight->only_reserved)
			say_verdict(context, preflight);
		status = carry_on(context, values, created, &interrupted, error);
	}
	g_source_remove(guard);
	return status;
}

static int rehearse(const CommandContext *context, const Preflight *preflight, GError **error)
{
	g_autoptr(cJSON) created = create(context, preflight, CLUSTER_WRITE_DRY_RUN, error);

	if (!created)
		return STATUS_FAILED;
	say_verdict(context, preflight);
	preflight_print(context, preflight);
	return STATUS_DONE;
}

/* KubeVirt's preflight and targets are not known here yet. */
static gboolean is_ours(const Cluster *cluster, GError **error)
{
	if (cluster_caps(cluster)->kvmig_migrates)
		return TRUE;
	error_set(error, KVMIG_ERROR_UNSUPPORTED,
		  "'kvmig migrate' does not work on KubeVirt yet, and '%s' is such a cluster",
		  cluster_context(cluster));
	error_hint(error, "'kvmig create -f FILE' with a VirtualMachineInstanceMigration starts "
			  "one, 'kvmig status -w' follows it");
	return FALSE;
}

static int run_migrate(CommandContext *context, const void *data, GError **error)
{
	const MigrateValues *values = data;
	g_auto(Preflight) preflight = { 0 };

	if (values->timeout_ms && !values->wait)
		return error_set(error, KVMIG_ERROR_USAGE, "--timeout is nothing without --wait");
	if (!parse_selector(values, &preflight.selector, error) ||
	    !is_ours(context->cluster, error) ||
	    !preflight_gather(context, context->args[0], &preflight, error) ||
	    !preflight_judge(values->node, &preflight, error))
		return STATUS_FAILED;
	if (values->dry_run)
		return rehearse(context, &preflight, error);
	return start(context, values, &preflight, error);
}

static const char *const examples[] = {
	"kvmig migrate web-1 --dry-run",
	"kvmig migrate web-1 --wait",
	"kvmig migrate web-1 --node n2 --wait --timeout 10m",
	"kvmig migrate web-1 --node-selector zone=b,disk=ssd",
	NULL,
};

const Command migrate_command = {
	.name = "migrate",
	.summary = "move a running VM to another node",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(MigrateValues),
	.args = { .name = "VM", .minimum = 1, .maximum = 1, .complete = COMPLETE_VM },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_migrate,
	.examples = examples,
};
