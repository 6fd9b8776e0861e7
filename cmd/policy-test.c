/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig policy test: expectations about policies kept in files, checked without a cluster.
 *
 *   policies: [gold.yaml, hpc.yaml]      files beside this one; more can be named on the command
 * line cases:
 *   - name: a gold VM                    optional
 *     vmLabels: {tier: gold}
 *     projectLabels: {priority: high}
 *     policy: gold                       null or "": none is to apply
 *     rule: kubevirt                     documented; without it both have to say so
 *     settings: {bandwidthPerMigration: 2Gi}   values that the policy has to give
 */
#include "policy.h"

#include <string.h>

#include "manifest-files.h"
#include "model/locate.h"
#include "model/yaml.h"

typedef struct {
	const char *file;
} TestValues;

typedef struct {
	const char *file; /* with the cases */
	GByteArray *text; /* of it */
	cJSON *document;  /* in it */
	GPtrArray *objects;
	PolicySet *set;
	GPtrArray *rows;
	guint failed;
} Run;

static void run_clear(Run *run)
{
	g_clear_pointer(&run->set, policy_set_free);
	g_clear_pointer(&run->objects, g_ptr_array_unref);
	g_clear_pointer(&run->rows, g_ptr_array_unref);
	g_clear_pointer(&run->text, g_byte_array_unref);
	cJSON_Delete(run->document);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

/* ---- reading -------------------------------------------------------------------------------- */

static gboolean add_policies(Run *run, const GPtrArray *paths, GError **error)
{
	g_autoptr(Manifest) manifest = manifest_files_read(paths, error);

	for (guint i = 0; manifest && i < manifest_length(manifest); i++) {
		const ManifestObject *source = manifest_nth(manifest, i);

		if (!policy_source_check(source, error))
			return FALSE;
		g_ptr_array_add(run->objects, cJSON_Duplicate(source->object, TRUE));
	}
	return manifest != NULL;
}

/* INVALID, with the place of a field in the file with the cases; takes message. */
static gboolean complain(const Run *run, const char *path, char *message, GError **error)
{
	g_autofree char *text = message;
	gsize line = 1, column = 1;

	(void)path_locate((const char *)run->text->data, run->text->len, 0, run->document, path,
			  &line, &column);
	return error_set(error, KVMIG_ERROR_INVALID, "'%s', line %zu, column %zu: %s", run->file,
			 line, column, text);
}

/* The paths are relative to the file's own folder. */
static char *listed_path(const Run *run, const char *path)
{
	g_autofree char *dir = g_path_get_dirname(run->file);

	if (g_path_is_absolute(path) || g_str_equal(dir, "."))
		return g_strdup(path);
	return g_build_filename(dir, path, NULL);
}

static gboolean add_listed(Run *run, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	const cJSON *list = json_get(run->document, "policies");
	gboolean fits = !list || cJSON_IsArray(list);
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
	{
		fits = fits && cJSON_IsString(item);
		if (fits)
			g_ptr_array_add(paths, listed_path(run, item->valuestring));
	}
	if (!fits)
		return complain(run, "policies", g_strdup("policies must be a list of file names"),
				error);
	return paths->len == 0 || add_policies(run, paths, error);
}

static gboolean add_named(Run *run, const CommandContext *context, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();

	for (guint i = 0; i < context->n_args; i++)
		g_ptr_array_add(paths, context->args[i]);
	return paths->len == 0 || add_policies(run, paths, error);
}

static gboolean check_case(const Run *run, const cJSON *entry, guint n, GError **error)
{
	static const char *const known[] = { "name",   "vmLabels", "projectLabels",
					     "policy", "rule",     "settings",
					     NULL };
	g_autofree char *path = g_strdup_printf("cases[%u]", n);
	const char *rule = json_string(entry, "rule", "documented");
	const cJSON *item;

	cJSON_ArrayForEach(item, entry)
	{
		g_autofree char *field =
			g_strdup_printf("%s.%s", path, item->string ? item->string : "");

		if (!item->string || !g_strv_contains(known, item->string))
			return complain(run, field,
					g_strdup_printf("case %u: there is no field '%s'", n + 1,
							item->string ? item->string : ""),
					error);
	}
	if (!json_get(entry, "policy"))
		return complain(run, path,
				g_strdup_printf("case %u does not say which policy is expected "
						"(null: none)",
						n + 1),
				error);
	if (strcmp(rule, "documented") != 0 && strcmp(rule, "kubevirt") != 0) {
		g_autofree char *field = g_strdup_printf("%s.rule", path);

		return complain(run, field,
				g_strdup_printf("case %u: rule '%s' is neither documented nor "
						"kubevirt",
						n + 1, rule),
				error);
	}
	return TRUE;
}

static gboolean read_document(Run *run, GError **error)
{
	g_autofree char *what = g_strdup_printf("'%s'", run->file);

	run->text = text_file_read(run->file, error);
	if (run->text)
		run->document =
			yaml_parse((const char *)run->text->data, run->text->len, what, error);
	return run->document != NULL;
}

static gboolean read_all(Run *run, const CommandContext *context, GError **error)
{
	const cJSON *cases, *entry;
	guint n = 0;

	if (!read_document(run, error) || !add_listed(run, error) ||
	    !add_named(run, context, error))
		return FALSE;
	cases = json_get(run->document, "cases");
	if (!cJSON_IsArray(cases) || !cases->child)
		return complain(run, "cases", g_strdup("there is no list 'cases'"), error);
	cJSON_ArrayForEach(entry, cases)
	{
		if (!check_case(run, entry, n++, error))
			return FALSE;
	}
	run->set = policy_set_new((const cJSON *const *)run->objects->pdata, run->objects->len);
	return TRUE;
}

/* ---- checking ------------------------------------------------------------------------------- */

static void add_row(Run *run, const cJSON *entry, guint n, char *problem)
{
	cJSON *row = cJSON_CreateObject();
	g_autofree char *name = g_strdup_printf("case %u", n);

	json_set_string(row, "case", json_string(entry, "name", name));
	json_set_bool(row, "passed", problem == NULL);
	json_set_string(row, "message", problem);
	g_ptr_array_add(run->rows, row);
	run->failed += problem != NULL;
	g_free(problem);
}

static char *compare_settings(const Policy *policy, const cJSON *wanted)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, wanted)
	{
		const cJSON *value = policy ? policy_value(policy, item->string, NULL) : NULL;
		g_autofree char *is = value ? json_print(value) : g_strdup("not set");
		g_autofree char *expected = json_print(item);

		if (!value || !json_equal(value, item))
			return g_strdup_printf("%s: expected %s, it is %s", item->string, expected,
					       is);
	}
	return NULL;
}

static char *try_case(Run *run, const cJSON *entry)
{
	const char *rule_word = json_string(entry, "rule", NULL);
	const char *expected = json_string(entry, "policy", "");
	g_autoptr(PolicyScope) scope = policy_scope_new(run->set, json_get(entry, "projectLabels"));
	PolicyVerdict verdict = policy_match(run->set, scope, json_get(entry, "vmLabels"));

	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++) {
		const Policy *winner = verdict.winner[rule];
		const char *name = winner ? winner->name : "";
		char *problem;

		if (rule_word && strcmp(rule_word, policy_rule_name(rule)) != 0)
			continue;
		if (strcmp(name, expected) != 0)
			return g_strdup_printf(
				"%s rule: expected %s, it is %s", policy_rule_name(rule),
				*expected ? expected : "none", *name ? name : "none");
		problem = compare_settings(winner, json_get(entry, "settings"));
		if (problem)
			return problem;
	}
	return NULL;
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_case(const cJSON *row)
{
	return g_strdup(json_string(row, "case", NULL));
}

static char *cell_result(const cJSON *row)
{
	return g_strdup(json_bool(row, "passed", FALSE) ? "ok" : "FAILED");
}

static char *cell_message(const cJSON *row)
{
	return g_strdup(json_string(row, "message", NULL));
}

static const OutputColumn columns[] = {
	{ "CASE", FALSE, FALSE, cell_case },
	{ "RESULT", FALSE, FALSE, cell_result },
	{ "WHAT", FALSE, FALSE, cell_message },
	{ NULL, FALSE, FALSE, NULL },
};

static int run_test(CommandContext *context, const void *values, GError **error)
{
	const TestValues *options = values;
	const OutputSpec spec = { .list_kind = "PolicyTestList",
				  .columns = columns,
				  .name = cell_case };
	g_auto(Run) run = {
		.file = options->file,
		.objects = g_ptr_array_new_with_free_func(
			(GDestroyNotify)(void (*)(void))cJSON_Delete),
		.rows = g_ptr_array_new_with_free_func(
			(GDestroyNotify)(void (*)(void))cJSON_Delete),
	};
	const cJSON *entry;
	guint n = 0;

	if (!options->file) {
		error_set(error, KVMIG_ERROR_USAGE, "no file with cases is given");
		error_hint(error, "kvmig policy test -f CASES.yaml");
		return STATUS_USAGE;
	}
	if (!read_all(&run, context, error))
		return STATUS_FAILED;
	cJSON_ArrayForEach(entry, json_get(run.document, "cases"))
	{
		add_row(&run, entry, n + 1, try_case(&run, entry));
		n++;
	}
	output_rows(context->output, &spec, run.rows);
	say(context, "%u case%s, %u failed", n, n == 1 ? "" : "s", run.failed);
	return run.failed ? STATUS_FAILED : STATUS_DONE;
}

static const Option test_options[] = {
	OPT_STRING('f', "file", TestValues, file, "FILE", "the cases", .complete = COMPLETE_FILE),
	OPT_END,
};

static const char *const examples[] = { "kvmig policy test -f cases.yaml",
					"kvmig policy test -f cases.yaml policies.yaml", NULL };

const Command policy_test_command = {
	.name = "test",
	.summary = "check policies in files against expectations",
	.options = test_options,
	.values_size = sizeof(TestValues),
	.args = { "POLICY-FILE", 0, G_MAXUINT, COMPLETE_FILE },
	.needs = HAS_OUTPUT,
	.run = run_test,
	.examples = examples,
};
