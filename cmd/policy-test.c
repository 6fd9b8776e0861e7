/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig policy test: expectations about policies kept in files, checked without a cluster.
 *
 *   policies: [gold.yaml, hpc.yaml]      files beside this one; more as arguments
 *   cases:
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
#include "model/schema.h"
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

static gboolean is_new(const Run *run, const ManifestObject *source, GError **error)
{
	const char *name = object_name(source->object);
	g_autofree char *place = manifest_place(source, "metadata.name");

	for (guint i = 0; i < run->objects->len; i++)
		if (g_strcmp0(object_name(run->objects->pdata[i]), name) == 0)
			return error_set(error, KVMIG_ERROR_INVALID,
					 "%s: there is a policy '%s' already", place, name);
	return TRUE;
}

static gboolean add_policies(Run *run, const GPtrArray *paths, GError **error)
{
	g_autoptr(Manifest) manifest = manifest_files_read(paths, error);

	for (guint i = 0; manifest && i < manifest_length(manifest); i++) {
		const ManifestObject *source = manifest_nth(manifest, i);

		if (!policy_source_check(source, error) || !is_new(run, source, error))
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

/* What the file must look like; that labels and names are strings matters most: YAML takes an
 * unquoted true for something else. */
static const char cases_schema[] =
	"{\"type\":\"object\",\"required\":[\"cases\"],\"properties\":{"
	"\"policies\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"cases\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"policy\"],"
	"\"properties\":{\"name\":{\"type\":\"string\"},"
	"\"vmLabels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
	"\"projectLabels\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}},"
	"\"policy\":{\"type\":\"string\",\"nullable\":true},"
	"\"rule\":{\"type\":\"string\",\"enum\":[\"documented\",\"kubevirt\"]},"
	"\"settings\":{\"type\":\"object\",\"additionalProperties\":true}}}}}}";

static void hint_at_cause(const char *cause, GError **error)
{
	if (strstr(cause, "must be a string"))
		error_hint(error, "write it in quotes: \"true\", \"1\"");
	else if (strstr(cause, ".policy: is required"))
		error_hint(error, "say which policy is expected; null: none");
	else if (strstr(cause, "unknown field"))
		error_hint(error, "'kvmig policy --help' shows such a file");
}

static gboolean check_document(const Run *run, GError **error)
{
	g_autoptr(cJSON) schema = json_parse(cases_schema, strlen(cases_schema), "schema", error);
	g_autoptr(GError) cause = NULL;
	g_autofree char *path = NULL;

	if (!schema || schema_check_value(schema, run->document, "", &cause))
		return schema != NULL;
	path = g_strndup(cause->message, strcspn(cause->message, ": "));
	(void)complain(run, path, g_strdup(cause->message), error);
	hint_at_cause(cause->message, error);
	return FALSE;
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
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(run->document, "policies"))
		g_ptr_array_add(paths, listed_path(run, item->valuestring));
	return paths->len == 0 || add_policies(run, paths, error);
}

static gboolean add_named(Run *run, const CommandContext *context, GError **error)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new();

	for (guint i = 0; i < context->n_args; i++)
		g_ptr_array_add(paths, context->args[i]);
	return paths->len == 0 || add_policies(run, paths, error);
}

/* The value as `config set` would store it, so that 2048Mi is 2Gi. */
static cJSON *canonical(const char *key, const cJSON *value, GError **error)
{
	g_autoptr(cJSON) scratch = cJSON_CreateObject();
	g_autofree char *text =
		cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
	const cJSON *at;

	if (!policy_set_field(scratch, key, text, error))
		return NULL;
	at = json_get(scratch, "spec");
	while (cJSON_IsObject(at))
		at = at->child;
	return cJSON_Duplicate(at, TRUE);
}

static gboolean check_settings(const Run *run, const cJSON *entry, guint n, GError **error)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(entry, "settings"))
	{
		g_autofree char *path = g_strdup_printf("cases[%u].settings[%s]", n, item->string);
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) value = canonical(item->string, item, &cause);

		if (!value) {
			(void)complain(run, path, g_strdup(cause->message), error);
			policy_hint_near_field(item->string, error);
			return FALSE;
		}
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

	if (!read_document(run, error) || !check_document(run, error) || !add_listed(run, error) ||
	    !add_named(run, context, error))
		return FALSE;
	cases = json_get(run->document, "cases");
	if (!cases->child)
		return complain(run, "cases", g_strdup("there are no cases"), error);
	cJSON_ArrayForEach(entry, cases)
	{
		if (!check_settings(run, entry, n++, error))
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

/* What the policy says of it, the shim included; "experimental.compression" leads further down. */
static const cJSON *value_of(const Policy *policy, const char *key)
{
	g_auto(GStrv) words = g_strsplit(key, ".", -1);
	const cJSON *value;

	if (!policy || policy_overrides(key))
		return policy ? policy_value(policy, key, NULL) : NULL;
	value = json_get(policy->object, "spec");
	for (char **word = words; *word; word++)
		value = json_get(value, *word);
	return value;
}

static char *compare_settings(const Policy *policy, const cJSON *wanted)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, wanted)
	{
		const cJSON *value = value_of(policy, item->string);
		g_autoptr(cJSON) is = value ? canonical(item->string, value, NULL) : NULL;
		g_autoptr(cJSON) expected = canonical(item->string, item, NULL);
		g_autofree char *shown = value ? json_print(value) : g_strdup("not set");
		g_autofree char *expected_shown = json_print(item);

		if (!is || !expected || !json_equal(is, expected))
			return g_strdup_printf("%s: expected %s, it is %s", item->string,
					       expected_shown, shown);
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
			return g_strdup_printf("%s rule: expected %s%s, it is %s",
					       policy_rule_name(rule),
					       *expected ? expected : "none",
					       *expected && !policy_set_find(run->set, expected)
						       ? " (which is in none of the files)"
						       : "",
					       *name ? name : "none");
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
