/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a policy's spec, set from text and checked. What there is comes from the CRD. */
#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "model/schema.h"
#include "policy/policy.h"

#define EXPERIMENTAL "experimental"

/* ---- by name -------------------------------------------------------------------------------- */

static const cJSON *spec_properties(void)
{
	return json_path(schema_for(&KIND_MIGRATION_POLICY), "properties", "spec", "properties",
			 NULL);
}

/* The schema of "experimental.stallDetector.stallMargin", or NULL where there is no such field. */
static const cJSON *find_schema(const char *key)
{
	g_auto(GStrv) words = g_strsplit(key, ".", 4);
	const cJSON *properties = spec_properties();
	const cJSON *schema = NULL;

	for (char **word = words; *word; word++) {
		schema = json_get(properties, *word);
		properties = json_get(schema, "properties");
	}
	return schema;
}

static void list_leaves(GPtrArray *names, const char *prefix, const cJSON *properties)
{
	const cJSON *property;

	cJSON_ArrayForEach(property, properties)
	{
		g_autofree char *name = g_strdup_printf("%s%s", prefix, property->string);
		g_autofree char *deeper = g_strdup_printf("%s.", name);

		if (json_get(property, "properties"))
			list_leaves(names, deeper, json_get(property, "properties"));
		else
			g_ptr_array_add(names, g_steal_pointer(&name));
	}
}

GStrv policy_field_names(void)
{
	GPtrArray *names = g_ptr_array_new();

	for (guint i = 0; setting_nth(i); i++)
		if (policy_overrides(setting_nth(i)->key))
			g_ptr_array_add(names, g_strdup(setting_nth(i)->key));
	list_leaves(names, EXPERIMENTAL ".",
		    json_path(spec_properties(), EXPERIMENTAL, "properties", NULL));
	g_ptr_array_add(names, NULL);
	return (GStrv)g_ptr_array_free(names, FALSE);
}

/* ---- from text ------------------------------------------------------------------------------ */

static cJSON *value_from_text(const cJSON *schema, const char *text)
{
	const char *type = json_string(schema, "type", "");
	gint64 number;

	if (strcmp(type, "boolean") == 0)
		return strcmp(text, "true") == 0    ? cJSON_CreateTrue()
		       : strcmp(text, "false") == 0 ? cJSON_CreateFalse()
						    : NULL;
	if (strcmp(type, "integer") == 0)
		return g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL)
			       ? json_new_int(number)
			       : NULL;
	return cJSON_CreateString(text); /* a string, or a quantity */
}

static cJSON *parse_value(const char *key, const cJSON *schema, const char *text, GError **error)
{
	const char *type = json_string(schema, "type", "quantity");
	g_autoptr(cJSON) value = NULL;
	g_autofree char *shown = NULL;

	if (policy_overrides(key))
		return setting_parse_value(setting_find(key), text, error);
	value = value_from_text(schema, text);
	if (!value) {
		shown = error_excerpt(text);
		error_set(error, KVMIG_ERROR_INVALID, "%s: '%s' is no %s", key, shown, type);
		return NULL;
	}
	return schema_check_value(schema, value, key, error) ? g_steal_pointer(&value) : NULL;
}

gboolean policy_set_field(cJSON *object, const char *key, const char *text, GError **error)
{
	const cJSON *schema = find_schema(key);
	gboolean leaf = schema && !json_get(schema, "properties");
	g_auto(GStrv) words = NULL;
	cJSON *value, *at;

	if (!policy_overrides(key) && !(leaf && g_str_has_prefix(key, EXPERIMENTAL "."))) {
		error_set(error, KVMIG_ERROR_USAGE, "a policy has no field '%s'", key);
		if (setting_find(key))
			error_hint(error,
				   "it holds for the whole cluster: kvmig config set %s=VALUE",
				   key);
		return FALSE;
	}
	value = parse_value(key, schema, text, error);
	if (!value)
		return FALSE;
	words = g_strsplit(key, ".", 4);
	at = json_ensure_object(object, "spec");
	for (char **word = words; *word; word++) {
		if (word[1])
			at = json_ensure_object(at, *word);
		else
			json_set(at, *word, value);
	}
	return TRUE;
}

/* ---- checks --------------------------------------------------------------------------------- */

#define MILLI_MAX 1000000000000000 /* more than anybody means */

/* A quantity in thousandths: "0.4" and "400m" are 400. At most three decimals. */
static gboolean parse_milli(const char *text, gint64 *ret_milli)
{
	const char *point = strchr(text, '.');
	gsize length = strlen(text);
	g_autofree char *digits = g_strdup(text);
	gint64 whole, milli = 0;

	if (length > 1 && text[length - 1] == 'm') {
		digits[length - 1] = '\0';
		return g_ascii_string_to_signed(digits, 10, -MILLI_MAX, MILLI_MAX, ret_milli, NULL);
	}
	if (point) {
		g_autofree char *three = NULL;

		digits[point - text] = '\0';
		if (strlen(point + 1) == 0 || strlen(point + 1) > 3)
			return FALSE;
		three = g_strdup_printf("%s%.*s", point + 1, (int)(3 - strlen(point + 1)), "00");
		if (!g_ascii_string_to_signed(three, 10, 0, 999, &milli, NULL))
			return FALSE;
	}
	if (!g_ascii_string_to_signed(digits, 10, -MILLI_MAX / 1000, MILLI_MAX / 1000, &whole,
				      NULL))
		return FALSE;
	*ret_milli = digits[0] == '-' ? whole * 1000 - milli : whole * 1000 + milli;
	return TRUE;
}

static const struct {
	const char *key;
	gint64 minimum_milli, maximum_milli;
	const char *range;
} factors[] = {
	{ "ewmaAlpha", 1, 1000, "more than 0, at most 1" },
	{ "precopyPossibleFactor", 1000, G_MAXINT64, "at least 1" },
	{ "patienceWindowDecayFactor", 0, 1000, "from 0 to 1" },
	{ "completionTimeoutFactor", 1000, G_MAXINT64, "at least 1" },
};

static void check_factors(const cJSON *detector, GPtrArray *causes)
{
	for (guint i = 0; i < G_N_ELEMENTS(factors); i++) {
		const cJSON *value = json_get(detector, factors[i].key);
		g_autofree char *text = NULL;
		gint64 milli;

		if (!value || cJSON_IsNull(value))
			continue;
		text = cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
		if (!parse_milli(text, &milli) || milli < factors[i].minimum_milli ||
		    milli > factors[i].maximum_milli)
			g_ptr_array_add(causes,
					g_strdup_printf("spec.experimental.stallDetector."
							"%s: '%s' must be %s, with at most "
							"three decimals",
							factors[i].key, text, factors[i].range));
	}
}

static void check_label(const cJSON *entry, const char *which, GPtrArray *causes)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	if (!name_check_label_key(entry->string, &error) ||
	    (cJSON_IsString(entry) && !name_check_label_value(entry->valuestring, &error))) {
		g_ptr_array_add(causes,
				g_strdup_printf("spec.selectors.%s: %s", which, error->message));
		return;
	}
	if (!cJSON_IsBool(entry) && !cJSON_IsNumber(entry))
		return; /* a string, or for the schema to complain of */
	text = json_print(entry);
	g_ptr_array_add(causes,
			g_strdup_printf("spec.selectors.%s.%s: must be a string: quote it, as in "
					"\"%s\"",
					which, entry->string, text));
}

static void check_selector(const cJSON *selectors, const char *which, GPtrArray *causes)
{
	const cJSON *selector = json_get(selectors, which), *entry;

	if (!cJSON_IsObject(selector))
		return;
	cJSON_ArrayForEach(entry, selector) check_label(entry, which, causes);
}

static void check_bandwidth(const cJSON *spec, GPtrArray *causes)
{
	const cJSON *value = json_get(spec, "bandwidthPerMigration");
	g_autoptr(GError) error = NULL;
	Settings settings = { 0 };

	if (value && !cJSON_IsNull(value) &&
	    !settings_override(&settings, "bandwidthPerMigration", value, &error))
		g_ptr_array_add(causes, g_strdup_printf("spec.%s", error->message));
}

gboolean policy_check(const cJSON *object, GError **error)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *selectors = json_get(spec, "selectors");
	const cJSON *experimental = json_get(spec, EXPERIMENTAL);
	g_autoptr(GPtrArray) causes = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *all = NULL;

	check_selector(selectors, "virtualMachineInstanceSelector", causes);
	check_selector(selectors, "namespaceSelector", causes);
	check_factors(json_get(experimental, "stallDetector"), causes);
	if (json_get(experimental, "stallDetector") && json_get(experimental, "downtimeTuning"))
		g_ptr_array_add(causes, g_strdup("spec.experimental: stallDetector and "
						 "downtimeTuning exclude each other"));
	if (causes->len == 0)
		check_bandwidth(spec, causes);
	if (causes->len == 0)
		return schema_validate(&KIND_MIGRATION_POLICY, object, error);
	g_ptr_array_add(causes, NULL);
	all = g_strjoinv("; ", (char **)causes->pdata);
	return error_set(error, KVMIG_ERROR_INVALID, "%s", all);
}
