/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate VM: one. */
#include "follow.h"
#include "migrate.h"

#include "engine/controller.h"

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

static void say_verdict(const CommandContext *context, const Verdict *verdict)
{
	const char *target = verdict_target(verdict);

	if (target)
		say(context, "VM '%s' can be migrated: from '%s' to '%s'", verdict->vmi.name,
		    verdict->vmi.node_name, target);
	else if (verdict->only_reserved)
		say(context,
		    "VM '%s' would wait: the memory on the nodes that fit is reserved "
		    "for migrations under way [%s]",
		    verdict->vmi.name, REASON_PEND_MEMORY_RESERVED);
	else
		say(context, "VM '%s' would be handed in; no node is known that takes it",
		    verdict->vmi.name);
}

/* ---- starting ------------------------------------------------------------------------------- */

static int wait_for_end(const CommandContext *context, const cJSON *created,
			const MigrateValues *values, GError **error)
{
	const FollowOptions how = {
		.timeout_ms = values->timeout_ms,
		.progress = TRUE,
		.until_phase = values->wait == MIGRATION_PHASE_SUCCEEDED
				       ? MIGRATION_PHASE_UNSET
				       : (MigrationPhase)values->wait,
	};
	g_autoptr(cJSON) document = NULL;
	FollowEnd end = follow_migration(context, created, &how, &document, error);

	if (wants_document(context))
		print_document(context, document);
	return follow_report(context, end, document, error);
}

/* Also where no controller can be started the migration is there: whoever asked has to know. */
static int carry_on(const CommandContext *context, const MigrateValues *values,
		    const cJSON *created, InterruptGuard *guard, GError **error)
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
	if (interrupt_guard_check(guard))
		return follow_report(context, FOLLOW_INTERRUPTED, document, error);
	if (values->wait)
		return wait_for_end(context, created, values, error);
	if (wants_document(context))
		print_document(context, document);
	say(context, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it", words,
	    object_name(created), words, object_name(created));
	return STATUS_DONE;
}

static int start(const Preflight *preflight, const Verdict *verdict, GError **error)
{
	const CommandContext *context = preflight->context;
	g_autoptr(cJSON) object = migrate_object(preflight, &verdict->vmi, NULL, NULL);
	g_autoptr(cJSON) created = NULL;
	InterruptGuard guard;
	int status = STATUS_FAILED;

	interrupt_guard_begin(&guard);
	created = migrate_create(preflight, &verdict->vmi, object, CLUSTER_WRITE_NONE, error);
	if (created && migrate_stay_alone(preflight, created, error)) {
		if (verdict->only_reserved)
			say_verdict(context, verdict);
		status = carry_on(context, preflight->values, created, &guard, error);
	}
	interrupt_guard_end(&guard);
	return status;
}

/* On KubeVirt the creation is rehearsed by the server only where that is asked for: it takes the
 * right to create. */
static int rehearse(const Preflight *preflight, const Verdict *verdict, GError **error)
{
	g_autoptr(cJSON) object = migrate_object(preflight, &verdict->vmi, NULL, NULL);
	g_autoptr(cJSON) created = NULL;

	if (!preflight->kubevirt || preflight->values->dry_run == MIGRATE_DRY_RUN_SERVER) {
		created = migrate_create(preflight, &verdict->vmi, object, CLUSTER_WRITE_DRY_RUN,
					 error);
		if (!created)
			return STATUS_FAILED;
	}
	say_verdict(preflight->context, verdict);
	verdict_print(preflight->context, verdict, NULL);
	return STATUS_DONE;
}

static int judge_and_go(Preflight *preflight, const cJSON *vmi, Verdict *verdict, GError **error)
{
	if (!vmi || !preflight_judge(preflight, vmi, verdict, error))
		return STATUS_FAILED;
	if (preflight->values->dry_run)
		return rehearse(preflight, verdict, error);
	return start(preflight, verdict, error);
}

int migrate_one(Preflight *preflight, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = preflight_find_vm(preflight, preflight->context->args[0], &cause);
	g_auto(Verdict) verdict = { 0 };
	const int status = judge_and_go(preflight, vmi, &verdict, &cause);

	/* with a reason it is a verdict; without one nobody could judge */
	if (preflight->values->dry_run && cause && error_get_reason(cause))
		verdict_print(preflight->context, &verdict, cause);
	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	return status;
}
