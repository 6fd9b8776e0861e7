/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate: the command line. */
#include "migrate.h"

static const char *const dry_run_choices[] = { "no", "client", "server", NULL };
static const char *const check_choices[] = { "strict", "warn", "off", NULL };
static const char *const order_choices[] = { "given", "name", "smallest", "largest", NULL };
/* in the order of MigrationPhase */
static const char *const wait_choices[] = { "no",	       "Pending",     "Scheduling",
					    "Scheduled",       "PreparingTarget", "TargetReady",
					    "Running",	       "Succeeded",   NULL };

static const Option options[] = {
	OPT_STRING('l', "selector", MigrateValues, selector, "SELECTOR",
		   "the running VMs with these labels"),
	OPT_FLAG(0, "all", MigrateValues, all, "all running VMs"),
	OPT_STRING(0, "from", MigrateValues, from, "NODE", "of these, those on this node",
		   .complete = COMPLETE_NODE),
	OPT_STRING(0, "node", MigrateValues, node, "NODE", "migrate to this node",
		   .complete = COMPLETE_NODE),
	OPT_STRING(0, "node-selector", MigrateValues, node_selector, "K=V,...",
		   "migrate to a node with these labels", .complete = COMPLETE_NODE_LABEL),
	OPT_UINT(0, "max-parallel", MigrateValues, max_parallel, "N",
		 "of several, so many at a time; 0: the cluster's limit", .defval = "0"),
	OPT_CHOICE(0, "order", MigrateValues, order, "ORDER", "of several, which first",
		   order_choices, .defval = "given"),
	OPT_CHOICE(0, "wait", MigrateValues, wait, "PHASE",
		   "follow until it has ended, or come to PHASE", wait_choices, .defval = "no",
		   .optional_value = TRUE, .implied = "Succeeded"),
	OPT_DURATION(0, "timeout", MigrateValues, timeout_ms, "stop waiting after TIME; 0: never",
		     .defval = "0"),
	OPT_DURATION(0, "schedule-timeout", MigrateValues, schedule_timeout_ms,
		     "let it fail where no node takes it for TIME", .defval = "0"),
	OPT_CHOICE(0, "check", MigrateValues, check, "HOW",
		   "what is found beforehand: refuse, tell, do not look", check_choices,
		   .defval = "strict"),
	OPT_CHOICE(0, "dry-run", MigrateValues, dry_run, "WHERE",
		   "only judge; 'server': let the server check it too", dry_run_choices,
		   .defval = "no", .optional_value = TRUE, .implied = "client"),
	OPT_STRING(0, "resume", MigrateValues, resume, "BATCH",
		   "go on with a batch that was interrupted"),
	OPT_END,
};

static gboolean bad(GError **error, const char *message, const char *hint)
{
	error_set(error, KVMIG_ERROR_USAGE, "%s", message);
	if (hint)
		error_hint(error, "%s", hint);
	return FALSE;
}

/* What is meant: VMs, those of a selector, all, or what is left of a batch. */
static gboolean check_which(const CommandContext *context, const MigrateValues *values,
			    GError **error)
{
	const gboolean chosen = values->selector || values->all;

	if (values->selector && values->all)
		return bad(error, "--selector and --all exclude each other", NULL);
	if (values->resume) {
		if (chosen || context->n_args || values->node || values->node_selector ||
		    values->from || values->order != ORDER_GIVEN ||
		    values->check != CHECK_STRICT || values->schedule_timeout_ms)
			return bad(error, "--resume goes on as the batch was begun: no VMs, "
				   "--selector, --all, --from, --node, --node-selector, --order, "
				   "--check or --schedule-timeout with it",
				   NULL);
		return TRUE;
	}
	if (chosen && context->n_args)
		return bad(error, "name VMs, or choose them with --selector or --all, not both",
			   NULL);
	if (!chosen && !context->n_args)
		return bad(error, "no VM is named",
			   "name VMs, or choose them with --selector or --all");
	if (values->from && !chosen)
		return bad(error, "--from is nothing without --selector or --all", NULL);
	if (!chosen && !context->ns)
		return bad(error, "--all-namespaces is nothing without --selector or --all", NULL);
	return TRUE;
}

static gboolean is_many(const CommandContext *context, const MigrateValues *values)
{
	return values->selector || values->all || values->resume || context->n_args > 1;
}

static int run_migrate(CommandContext *context, const void *data, GError **error)
{
	const MigrateValues *values = data;
	g_auto(Preflight) preflight = { 0 };
	gboolean many;

	if (!check_which(context, values, error))
		return STATUS_USAGE;
	many = is_many(context, values);
	if (values->timeout_ms && !values->wait && !many)
		return bad(error, "--timeout is nothing without --wait", NULL);
	if (!preflight_open(context, values, &preflight, error))
		return STATUS_FAILED;
	return many ? migrate_many(&preflight, error) : migrate_one(&preflight, error);
}

static const char *const examples[] = {
	"kvmig migrate web-1 --dry-run",
	"kvmig migrate web-1 --wait",
	"kvmig migrate web-1 --node n2 --wait --timeout 10m",
	"kvmig migrate web-1 --node-selector zone=b,disk=ssd",
	"kvmig migrate -l app=web --max-parallel 2 --order smallest --wait",
	"kvmig migrate --all --from n1 --yes",
	NULL,
};

const Command migrate_command = {
	.name = "migrate",
	.summary = "move running VMs to other nodes",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(MigrateValues),
	.args = { .name = "VM", .minimum = 0, .maximum = G_MAXUINT, .complete = COMPLETE_VM },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES |
		 MAY_CONFIRM,
	.run = run_migrate,
	.examples = examples,
};
