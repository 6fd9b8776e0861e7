/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include "engine/controller.h"

typedef struct {
	gint64 idle_timeout_ms;
} ControllerValues;

static const Option options[] = {
	OPT_DURATION(0, "idle-timeout", ControllerValues, idle_timeout_ms,
		     "end after TIME without work; 0: never", .defval = "0"),
	OPT_END,
};

static int run_controller(CommandContext *context, const void *data, GError **error)
{
	const ControllerValues *values = data;
	const ControllerOptions how = {
		.idle_timeout_s = (guint)MIN((values->idle_timeout_ms + 999) / 1000, G_MAXINT),
	};

	log_for_controller();
	return controller_run(context->cluster, &how, error) ? STATUS_DONE : STATUS_FAILED;
}

static const char *const examples[] = { "kvmig controller", "kvmig controller --idle-timeout 10m",
					NULL };

const Command controller_command = {
	.name = "controller",
	.summary = "carry out migrations, in the foreground",
	.group = COMMAND_GROUP_CLUSTER,
	.options = options,
	.values_size = sizeof(ControllerValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_controller,
	.examples = examples,
};
