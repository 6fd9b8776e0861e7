/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "cli/cmdline.h"
#include "cli/exit-status.h"

typedef struct {
	const char *name;
	int output, color, help;
} Inherited;

typedef struct {
	gboolean dry_run, wait;
	const char *policy, *when;
	GPtrArray *labels;
	guint parallel;
	gint64 timeout_ms, memory_bytes, rate;
	int format;
	Inherited inherited;
} Values;

static const char *const colors[] = { "auto", "always", "never", NULL };
static const char *const formats[] = { "table", "json", NULL };

static const Option inherited_rows[] = {
	OPT_STRING('n', "name", Inherited, name, "NAME", "a name"),
	OPT_CHOICE(0, "color", Inherited, color, "WHEN", "colours", colors, .defval = "never"),
	{ .type = OPTION_HELP,
	  .short_name = 'h',
	  .name = "help",
	  .help = "help",
	  .offset = OPTION_BIND_(int, Inherited, help) },
	OPT_END,
};

static const Option rows[] = {
	OPT_FLAG('d', "dry-run", Values, dry_run, "change nothing"),
	OPT_FLAG('w', "wait", Values, wait, "wait", .negatable = TRUE, .defval = "true"),
	OPT_STRING('f', "policy", Values, policy, "FILE", "a file"),
	OPT_STRING(0, "when", Values, when, "TIME", "a time", .optional_value = TRUE,
		   .implied = "now"),
	OPT_LIST('l', "label", Values, labels, "K=V", "a label"),
	OPT_UINT('j', "parallel", Values, parallel, "N", "how many", .defval = "2", .minimum = 1,
		 .maximum = 64),
	OPT_DURATION('t', "timeout", Values, timeout_ms, "how long", .defval = "15m"),
	OPT_QUANTITY(0, "memory", Values, memory_bytes, "how much", .minimum = 1024),
	OPT_RATE(0, "rate", Values, rate, "how fast"),
	OPT_CHOICE('o', "output", Values, format, "FORMAT", "format", formats, .defval = "table"),
	OPT_INHERIT(inherited_rows, Values, inherited),
	OPT_END,
};

static const Positional any = { "VM", 0, G_MAXUINT, COMPLETE_VM };

typedef struct {
	Values values;
	char **args;
	char **argv;
	GError *error;
	gboolean ok;
} Parsed;

static Parsed *parse_with(const Positional *positional, const char *line)
{
	Parsed *parsed = g_new0(Parsed, 1);

	parsed->argv = g_strsplit(line, " ", -1);
	parsed->ok = option_parse(rows, positional, (int)g_strv_length(parsed->argv), parsed->argv,
				  &parsed->values, &parsed->args, &parsed->error);
	g_assert_true(parsed->ok == (parsed->error == NULL));
	return parsed;
}

static void parsed_free(Parsed *parsed)
{
	option_values_clear(rows, &parsed->values);
	g_free(parsed->args);
	g_strfreev(parsed->argv);
	g_clear_error(&parsed->error);
	g_free(parsed);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Parsed, parsed_free)

static void assert_refused(const char *line, const char *message)
{
	g_autoptr(Parsed) parsed = parse_with(&any, line);

	g_assert_error(parsed->error, KVMIG_ERROR, KVMIG_ERROR_USAGE);
	g_assert_cmpstr(parsed->error->message, ==, message);
	g_assert_null(parsed->args);
}

static void test_defaults(void)
{
	g_autoptr(Parsed) parsed = parse_with(&any, "a");

	g_assert_no_error(parsed->error);
	g_assert_false(parsed->values.dry_run);
	g_assert_true(parsed->values.wait);
	g_assert_null(parsed->values.policy);
	g_assert_nonnull(parsed->values.labels);
	g_assert_cmpuint(parsed->values.labels->len, ==, 0);
	g_assert_cmpuint(parsed->values.parallel, ==, 2);
	g_assert_cmpint(parsed->values.timeout_ms, ==, 15 * 60 * 1000);
	g_assert_cmpint(parsed->values.inherited.color, ==, 2);
	g_assert_cmpstr(parsed->args[0], ==, "a");
	g_assert_null(parsed->args[1]);
}

static void test_all_types(void)
{
	g_autoptr(Parsed) parsed =
		parse_with(&any, "vm1 -d --no-wait --policy=x --when -l a=1 --label b=2 -j7 "
				 "--timeout 90s --memory 256Mi --rate 64MiB/s -o=json vm2 -n me");

	g_assert_no_error(parsed->error);
	g_assert_true(parsed->values.dry_run);
	g_assert_false(parsed->values.wait);
	g_assert_cmpstr(parsed->values.policy, ==, "x");
	g_assert_cmpstr(parsed->values.when, ==, "now");
	g_assert_cmpuint(parsed->values.labels->len, ==, 2);
	g_assert_cmpstr(parsed->values.labels->pdata[1], ==, "b=2");
	g_assert_cmpuint(parsed->values.parallel, ==, 7);
	g_assert_cmpint(parsed->values.timeout_ms, ==, 90000);
	g_assert_cmpint(parsed->values.memory_bytes, ==, 256 * 1024 * 1024);
	g_assert_cmpint(parsed->values.rate, ==, 64 * 1024 * 1024);
	g_assert_cmpint(parsed->values.format, ==, 1);
	g_assert_cmpstr(parsed->values.inherited.name, ==, "me");
	g_assert_cmpuint(g_strv_length(parsed->args), ==, 2);
}

static void test_forms(void)
{
	g_autoptr(Parsed) letters = parse_with(&any, "-dwn me");
	g_autoptr(Parsed) attached = parse_with(&any, "-dnme --when=later");
	g_autoptr(Parsed) dash = parse_with(&any, "- --policy -x -- -d --nonsense");
	g_autoptr(Parsed) last = parse_with(&any, "-j 3 -j 4");
	g_autoptr(Parsed) zero = parse_with(&any, "-t 0");

	g_assert_no_error(letters->error);
	g_assert_true(letters->values.dry_run && letters->values.wait);
	g_assert_cmpstr(letters->values.inherited.name, ==, "me");
	g_assert_cmpstr(attached->values.inherited.name, ==, "me");
	g_assert_cmpstr(attached->values.when, ==, "later");
	g_assert_no_error(dash->error);
	g_assert_cmpstr(dash->values.policy, ==, "-x");
	g_assert_cmpuint(g_strv_length(dash->args), ==, 3);
	g_assert_cmpuint(last->values.parallel, ==, 4);
	g_assert_cmpint(zero->values.timeout_ms, ==, 0);
}

static void test_bad_input(void)
{
	assert_refused("--nothing", "unknown option '--nothing'");
	assert_refused("--dry", "unknown option '--dry'");
	assert_refused("--nothing=x", "unknown option '--nothing'");
	assert_refused("-dx", "unknown option '-x'");
	assert_refused("-d\303\244", "unknown option '-d\303\244'");
	assert_refused("--dry-run=yes", "option '--dry-run' takes no value, but has 'yes'");
	assert_refused("--no-dry-run", "unknown option '--no-dry-run'");
	assert_refused("--policy", "option '--policy' needs a value: FILE");
	assert_refused("-f", "option '-f' needs a value: FILE");
	assert_refused("--policy=", "the value of option '--policy' is empty");
	assert_refused("-o xml", "bad value 'xml' for '-o' (one of: table, json)");
	assert_refused("-o js", "bad value 'js' for '-o' (one of: table, json)");
	assert_refused("-j 0", "bad value '0' for '-j': a whole number from 1 to 64 is wanted");
	assert_refused("-j 65", "bad value '65' for '-j': a whole number from 1 to 64 is wanted");
	assert_refused("-j -1", "bad value '-1' for '-j': a whole number from 1 to 64 is wanted");
	assert_refused("-j 1x", "bad value '1x' for '-j': a whole number from 1 to 64 is wanted");
	assert_refused("-j 99999999999999999999",
		       "bad value '99999999999999999999' for '-j': a whole number from 1 to 64 is "
		       "wanted");
	assert_refused("--memory 1", "bad value '1' for '--memory': too small; the least is 1Ki");
	assert_refused("--memory -1Gi",
		       "bad value '-1Gi' for '--memory': too small; the least is 1Ki");
}

static void test_bad_amounts(void)
{
	static const char *const lines[] = { "-t 90",       "-t -5s",      "-t 1y",
					     "--memory 1X", "--rate fast", "--rate 1Gi/h" };

	for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autoptr(Parsed) parsed = parse_with(&any, lines[i]);

		g_assert_error(parsed->error, KVMIG_ERROR, KVMIG_ERROR_USAGE);
		g_assert_true(g_str_has_prefix(parsed->error->message, "bad value '"));
	}
}

static void test_operands(void)
{
	static const Positional none = { NULL, 0, 0, COMPLETE_NONE };
	static const Positional two = { "VM", 2, 2, COMPLETE_VM };
	static const Positional words = { "VM LABEL", 2, G_MAXUINT, COMPLETE_VM };
	g_autoptr(Parsed) second = parse_with(&words, "a");
	g_autoptr(Parsed) unexpected = parse_with(&none, "a");
	g_autoptr(Parsed) missing = parse_with(&two, "-d");
	g_autoptr(Parsed) another = parse_with(&two, "a");
	g_autoptr(Parsed) many = parse_with(&two, "a b c");
	g_autoptr(Parsed) empty = parse_with(&two, "a ");

	g_assert_cmpstr(unexpected->error->message, ==, "unexpected argument 'a'");
	g_assert_cmpstr(missing->error->message, ==, "VM is missing");
	g_assert_cmpstr(another->error->message, ==, "another VM is missing");
	g_assert_cmpstr(second->error->message, ==, "LABEL is missing");
	g_assert_cmpstr(many->error->message, ==, "unexpected argument 'c'");
	g_assert_cmpstr(empty->error->message, ==, "an argument (VM) is empty");
}

static void test_help_goes_first(void)
{
	static const Positional two = { "VM", 2, 2, COMPLETE_VM };
	g_autoptr(Parsed) letter = parse_with(&two, "-dh --nonsense");
	g_autoptr(Parsed) word = parse_with(&two, "a --help -o");
	g_autoptr(Parsed) value = parse_with(&two, "a b -f -h");

	g_assert_no_error(letter->error);
	g_assert_cmpint(letter->values.inherited.help, ==, HELP_SHORT);
	g_assert_no_error(word->error);
	g_assert_cmpint(word->values.inherited.help, ==, HELP_LONG);
	g_assert_no_error(value->error);
	g_assert_cmpint(value->values.inherited.help, ==, HELP_NONE);
	g_assert_cmpstr(value->values.policy, ==, "-h");
}

static void test_hints(void)
{
	g_autoptr(Parsed) swapped = parse_with(&any, "--dyr-run");
	g_autoptr(Parsed) far = parse_with(&any, "--xyzzy");

	g_assert_cmpstr(error_get_hint(swapped->error), ==, "similar options: '--dry-run'");
	g_assert_null(error_get_hint(far->error));
}

static void test_nearest(void)
{
	static const char *const words[] = { "migrate", "status", "cancel", "node",
					     "version", "vm",     NULL };
	static const struct {
		const char *word, *near;
	} cases[] = {
		{ "migrat", "'migrate'" }, { "mgirate", "'migrate'" },
		{ "statsu", "'status'" },  { "can", "'cancel'" },
		{ "vn", "'vm'" },          { "note", "'node'" },
		{ "frobnicate", NULL },    { "", NULL },
	};
	g_autofree char *huge = g_strnfill(5000, 'x');
	g_autofree char *none = option_nearest(huge, words);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *near = option_nearest(cases[i].word, words);

		g_assert_cmpstr(near, ==, cases[i].near);
	}
	g_assert_null(none);
}

static void test_nearest_order(void)
{
	static const char *const words[] = { "lint", "list", "last", "lost", "show", NULL };
	g_autofree char *near = option_nearest("list", words);

	g_assert_cmpstr(near, ==, "'list', 'lint' or 'last'");
}

static void test_front(void)
{
	static const Option few[] = {
		OPT_STRING('n', "name", Inherited, name, "NAME", "a name"),
		OPT_END,
	};
	char *argv[] = { (char *)"-n", (char *)"x",      (char *)"--color=auto", (char *)"-dn",
			 (char *)"y",  (char *)"status", (char *)"-d",           NULL };
	char *bad[] = { (char *)"-n", NULL };
	char *help[] = { (char *)"-d", (char *)"--help", NULL };
	g_autoptr(GError) error = NULL;
	int words;

	g_assert_cmpint(option_skip_front(rows, 7, argv, &error), ==, 5);
	g_assert_no_error(error);
	g_assert_true(option_takes(few, rows, argv, 0, &words));
	g_assert_cmpint(words, ==, 2);
	g_assert_false(option_takes(few, rows, argv, 2, &words));
	g_assert_cmpint(words, ==, 1);
	g_assert_false(option_takes(few, rows, argv, 3, &words));
	g_assert_cmpint(words, ==, 2);
	g_assert_cmpint(option_skip_front(rows, 2, help, &error), ==, 1);
	g_assert_cmpint(option_skip_front(rows, 1, bad, &error), ==, -1);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_USAGE);
}

static void count(const Option *row, gpointer data)
{
	g_string_append_printf(data, "%s ", row->name);
}

static void test_trace(void)
{
	g_autoptr(GString) seen = g_string_new(NULL);
	g_autoptr(Parsed) parsed = NULL;

	option_set_trace(count, seen);
	parsed = parse_with(&any, "-d --policy x vm");
	option_set_trace(NULL, NULL);
	g_assert_no_error(parsed->error);
	g_assert_cmpstr(seen->str, ==, "dry-run policy ");
}

static void test_exit_statuses(void)
{
	static const struct {
		KvmigError code;
		ExitStatus status;
	} cases[] = {
		{ KVMIG_ERROR_FAILED, STATUS_FAILED },
		{ KVMIG_ERROR_USAGE, STATUS_USAGE },
		{ KVMIG_ERROR_INVALID, STATUS_FAILED },
		{ KVMIG_ERROR_NOT_FOUND, STATUS_FAILED },
		{ KVMIG_ERROR_EXISTS, STATUS_CONFLICT },
		{ KVMIG_ERROR_CONFLICT, STATUS_CONFLICT },
		{ KVMIG_ERROR_FORBIDDEN, STATUS_FORBIDDEN },
		{ KVMIG_ERROR_REFUSED, STATUS_REFUSED },
		{ KVMIG_ERROR_UNREACHABLE, STATUS_UNREACHABLE },
		{ KVMIG_ERROR_TIMEOUT, STATUS_TIMEOUT },
		{ KVMIG_ERROR_PARTIAL, STATUS_PARTIAL },
	};
	g_autoptr(GError) foreign =
		g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_ACCES, "somebody else's");

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		error_set(&error, cases[i].code, "x");
		g_assert_cmpint(exit_status_of_error(error), ==, cases[i].status);
	}
	g_assert_cmpint(exit_status_of_error(foreign), ==, STATUS_FORBIDDEN);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/option/defaults", test_defaults);
	g_test_add_func("/option/types", test_all_types);
	g_test_add_func("/option/forms", test_forms);
	g_test_add_func("/option/bad-input", test_bad_input);
	g_test_add_func("/option/bad-amounts", test_bad_amounts);
	g_test_add_func("/option/operands", test_operands);
	g_test_add_func("/option/help-first", test_help_goes_first);
	g_test_add_func("/option/hints", test_hints);
	g_test_add_func("/option/nearest", test_nearest);
	g_test_add_func("/option/nearest-order", test_nearest_order);
	g_test_add_func("/option/front", test_front);
	g_test_add_func("/option/trace", test_trace);
	g_test_add_func("/option/exit-statuses", test_exit_statuses);
	return g_test_run();
}
