/* SPDX-License-Identifier: Apache-2.0 */
/* Options that commands inherit by what they need: declared once, documented once. */
#include "cmd.h"

static const char *const color_choices[] = { "auto", "always", "never", NULL };

static const Option cluster_options[] = {
	OPT_STRING(0, "kubeconfig", GlobalValues, kubeconfig, "FILE",
		   "the kubeconfig file to use, and no other", .complete = COMPLETE_FILE),
	OPT_STRING(0, "context", GlobalValues, context, "NAME",
		   "the cluster to use: local, lab or a kubeconfig context",
		   .complete = COMPLETE_CONTEXT),
	OPT_FLAG(0, "read-only", GlobalValues, read_only, "refuse to change anything"),
	OPT_END,
};

/* kubectl's; not in the -h of each command */
static const Option cluster_name_options[] = {
	OPT_STRING(0, "cluster", GlobalValues, cluster, "NAME", "the kubeconfig's cluster to use",
		   .rare = TRUE, .complete = COMPLETE_CLUSTER),
	OPT_END,
};

static const Option server_options[] = {
	OPT_STRING(0, "user", GlobalValues, user, "NAME", "the kubeconfig's user to be",
		   .rare = TRUE, .complete = COMPLETE_USER),
	OPT_STRING(0, "server", GlobalValues, server, "URL", "the API server", .rare = TRUE),
	OPT_STRING(0, "certificate-authority", GlobalValues, certificate_authority, "FILE",
		   "who must have signed the API server's certificate", .rare = TRUE,
		   .complete = COMPLETE_FILE),
	OPT_FLAG(0, "insecure-skip-tls-verify", GlobalValues, insecure_skip_tls_verify,
		 "do not verify the API server's certificate", .rare = TRUE),
	OPT_STRING(0, "tls-server-name", GlobalValues, tls_server_name, "NAME",
		   "the name in the API server's certificate", .rare = TRUE),
	OPT_STRING(0, "token-file", GlobalValues, token_file, "FILE",
		   "a file with the bearer token to use", .rare = TRUE, .complete = COMPLETE_FILE),
	OPT_STRING(0, "token", GlobalValues, token, "TOKEN",
		   "the bearer token itself; better: --token-file", .rare = TRUE),
	OPT_STRING(0, "as", GlobalValues, as, "USER", "the user to impersonate", .rare = TRUE),
	OPT_LIST(0, "as-group", GlobalValues, as_groups, "GROUP",
		 "with --as: a group to impersonate", .rare = TRUE),
	OPT_STRING(0, "as-uid", GlobalValues, as_uid, "UID", "with --as: the UID to impersonate",
		   .rare = TRUE),
	OPT_DURATION(0, "request-timeout", GlobalValues, request_timeout_ms,
		     "how long one request may take; 0: no limit", .defval = "0",
		     .plain_seconds = TRUE, .rare = TRUE),
	OPT_END,
};

static const Option namespace_options[] = {
	OPT_STRING('n', "namespace", GlobalValues, ns, "NS", "look in this namespace",
		   .complete = COMPLETE_NAMESPACE),
	OPT_END,
};

static const Option all_namespaces_options[] = {
	OPT_FLAG('A', "all-namespaces", GlobalValues, all_namespaces,
		 "look in all namespaces; goes before -n"),
	OPT_END,
};

static const Option output_options[] = {
	OPT_CHOICE('o', "output", GlobalValues, output, "FORMAT", "output format", output_formats,
		   .defval = "table"),
	OPT_FLAG(0, "no-headers", GlobalValues, no_headers,
		 "print tables without their first line"),
	OPT_END,
};

static const Option confirm_options[] = {
	OPT_FLAG('y', "yes", GlobalValues, yes, "do not ask, do it"),
	OPT_END,
};

static const Option common_options[] = {
	OPT_CHOICE(0, "color", GlobalValues, color, "WHEN", "colours in the output", color_choices,
		   .defval = "auto"),
	OPT_FLAG('v', "verbose", GlobalValues, verbose, "tell on stderr what is being done"),
	OPT_FLAG('q', "quiet", GlobalValues, quiet, "no messages but warnings and errors"),
	OPT_END,
};

static const Option help_options[] = {
	{ .type = OPTION_HELP,
	  .short_name = 'h',
	  .name = "help",
	  .help = "-h: this text; --help: the manual page",
	  .offset = OPTION_BIND_(int, GlobalValues, help) },
	OPT_END,
};

const Option front_options[] = {
	{ .type = OPTION_INHERIT, .inherit = output_options },
	{ .type = OPTION_INHERIT, .inherit = namespace_options },
	{ .type = OPTION_INHERIT, .inherit = all_namespaces_options },
	{ .type = OPTION_INHERIT, .inherit = confirm_options },
	{ .type = OPTION_INHERIT, .inherit = cluster_options },
	{ .type = OPTION_INHERIT, .inherit = cluster_name_options },
	{ .type = OPTION_INHERIT, .inherit = server_options },
	{ .type = OPTION_INHERIT, .inherit = common_options },
	{ .type = OPTION_INHERIT, .inherit = help_options },
	OPT_END,
};

static const struct {
	unsigned needs; /* one of these suffices; NEED_NOTHING: every command has them */
	unsigned unless; /* ... but a command with this */
	const Option *rows;
} by_need[] = {
	{ HAS_OUTPUT, 0, output_options },
	{ HAS_NAMESPACE, 0, namespace_options },
	{ HAS_ALL_NAMESPACES, 0, all_namespaces_options },
	{ MAY_CONFIRM, 0, confirm_options },
	{ NEED_CLUSTER | NAMES_CLUSTER, 0, cluster_options },
	{ NEED_CLUSTER | NAMES_CLUSTER, OWN_CLUSTER_OPTION, cluster_name_options },
	{ NEED_CLUSTER | NAMES_CLUSTER, 0, server_options },
	{ NEED_NOTHING, 0, common_options },
	{ NEED_NOTHING, 0, help_options },
};

/* One row for each part, for each set of needs: made at the first call, never freed. */
const Option *inherited_options(const Command *command)
{
	static Option sets[1u << G_N_ELEMENTS(by_need)][G_N_ELEMENTS(by_need) + 1];
	guint set = 0;
	guint n = 0;

	for (guint i = 0; i < G_N_ELEMENTS(by_need); i++)
		if ((!by_need[i].needs || (command->needs & by_need[i].needs)) &&
		    !(command->needs & by_need[i].unless))
			set |= 1u << i;
	for (guint i = 0; i < G_N_ELEMENTS(by_need); i++)
		if (set & 1u << i)
			sets[set][n++] =
				(Option){ .type = OPTION_INHERIT, .inherit = by_need[i].rows };
	sets[set][n] = (Option){ .type = OPTION_END };
	return sets[set];
}
