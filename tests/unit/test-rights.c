/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rights and the table of commands know the same commands. */
#include <string.h>

#include "../../cmd/cmd.h"
#include "../../cmd/rights.h"

const HelpPage help_pages[] = { { NULL, NULL } };

/* They ask for what they are used on, of nothing, or of hosts that no API server has. */
static const char *const without_rows[] = { "apply",        "create",      "edit",
					    "label",        "delete",      "get",
					    "node add",     "node remove", "controller",
					    "cluster info", "rbac check",  NULL };

static void check_command(const CommandPath *path, gpointer data)
{
	const Command *command = command_path_last(path);
	g_autofree char *text = command_path_text(&kvmig_cmdline, path);
	const char *words = strchr(text, ' ') ? strchr(text, ' ') + 1 : text;

	if (command->subcommands)
		return;
	g_hash_table_add(data, g_strdup(words));
	if (!(command->needs & NEED_CLUSTER) || (command->needs & HIDDEN) ||
	    g_strv_contains(without_rows, words) || g_str_has_prefix(words, "lab "))
		return;
	if (!command_rights_find(words))
		g_error("'%s' needs a row in cmd/rights.c", words);
}

static void test_commands(void)
{
	g_autoptr(GHashTable) commands =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const CommandRights *row;

	cmdline_foreach(&kvmig_cmdline, check_command, commands);
	for (guint i = 0; (row = command_rights_nth(i)); i++) {
		if (!g_hash_table_contains(commands, row->command))
			g_error("'%s' in cmd/rights.c is no command", row->command);
		if (command_rights_find(row->command) != row)
			g_error("'%s' stands twice in cmd/rights.c", row->command);
	}
}

static void test_rows(void)
{
	const CommandRights *row;

	for (guint i = 0; (row = command_rights_nth(i)); i++) {
		gboolean needs_something = FALSE;

		for (const CommandRight *right = row->rights; right->verbs; right++) {
			gboolean is_said =
				right->where == RIGHT_THERE || right->where == RIGHT_EVERYWHERE;

			g_assert_cmpint(right->resource != NULL, ==, is_said);
			needs_something = needs_something || !right->without;
		}
		if (!needs_something)
			g_error("'%s' needs nothing", row->command);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/rights/commands", test_commands);
	g_test_add_func("/rights/rows", test_rows);
	return g_test_run();
}
