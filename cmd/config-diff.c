/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config diff: the settings of this cluster against those of a file or of another cluster. */
#include "config-diff.h"

#include "settings/lint.h"

typedef struct {
	gboolean effective;
} DiffValues;

static const Option options[] = {
	OPT_FLAG(0, "effective", DiffValues, effective,
		 "only where other values are in force, whoever set them"),
	OPT_END,
};

/* ---- the two sides -------------------------------------------------------------------------- */

typedef struct {
	SettingSide side;
	ConfigValue value; /* what side.value is in */
	const char *origin;
} Side;

static void side_clear(Side *side)
{
	config_value_clear(&side->value);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Side, side_clear)

/* An API server writes the CRD's defaults into the object: nobody can tell those from set ones. */
static SettingSet who_set(const ConfigOwner *owner, const Setting *setting,
			  const ConfigValue *value)
{
	const cJSON *own = json_get(settings_map(owner->object), setting->key);

	if (owner->unreadable || value->origin == CONFIG_FROM_SCHEMA)
		return SETTING_SET_UNKNOWN;
	if (value->origin == CONFIG_FROM_JSONPATCH)
		return SETTING_SET_YES;
	if (!own || cJSON_IsNull(own))
		return SETTING_SET_NO;
	return owner->kind != &KIND_KUBEVIRT && json_equal(own, value->fallback) &&
			       cluster_caps(owner->cluster)->kind == CLUSTER_KUBEVIRT
		       ? SETTING_SET_UNKNOWN
		       : SETTING_SET_YES;
}

static void side_of_owner(const ConfigOwner *owner, const Setting *setting, Side *ret)
{
	*ret = (Side){ .side.known = config_setting_applies(owner, setting) };
	if (!ret->side.known)
		return;
	config_value(owner, setting, &ret->value);
	ret->side.value = ret->value.value;
	ret->side.set = who_set(owner, setting, &ret->value);
	ret->origin = config_origin_text(ret->value.origin);
}

static const cJSON *in_file(const ConfigOther *other, const char *key)
{
	const cJSON *value = json_get(other->file.map, key);

	return cJSON_IsNull(value) ? NULL : value;
}

/* Whether the other one has post-copy, or by default gets what this one has. */
static gboolean has_post_copy(const ConfigOwner *owner, const ConfigOther *other)
{
	const Setting *setting = setting_find("allowPostCopy");
	const cJSON *stated = in_file(other, setting->key);
	g_auto(ConfigValue) value = { 0 };

	if (stated)
		return cJSON_IsTrue(stated);
	config_value(other->owner ? other->owner : owner, setting, &value);
	return cJSON_IsTrue(other->owner ? value.value : value.fallback);
}

/* What holds here once a key is left out, as it is in the other one: KubeVirt's
 * allowWorkloadDisruption is then as allowPostCopy will be. */
static cJSON *fallback_of(const ConfigOwner *owner, const ConfigOther *other,
			  const Setting *setting, const Side *here)
{
	if (g_str_equal(setting->key, "allowWorkloadDisruption") &&
	    config_disruption_follows(owner))
		return cJSON_CreateBool(has_post_copy(owner, other));
	return here->value.fallback ? cJSON_Duplicate(here->value.fallback, TRUE) : NULL;
}

static void side_of_file(const ConfigOther *other, const Setting *setting, const cJSON *fallback,
			 Side *ret)
{
	const cJSON *value = in_file(other, setting->key);

	*ret = (Side){ .side = { .value = value ? value : fallback,
				 .set = value ? SETTING_SET_YES : SETTING_SET_NO,
				 .known = TRUE },
		       .origin = value ? "set" : "default" };
}

/* ---- rows ----------------------------------------------------------------------------------- */

static cJSON *side_document(const Setting *setting, const Side *side)
{
	cJSON *document = cJSON_CreateObject();
	g_autofree char *text = side->side.known ? setting_value_text(setting, side->side.value)
						 : g_strdup("no such setting");

	json_set_string(document, "text", text);
	json_set_string(document, "origin", side->origin);
	if (side->side.known && side->side.set != SETTING_SET_UNKNOWN)
		json_set_bool(document, "set", side->side.set == SETTING_SET_YES);
	return document;
}

/* What this cluster's owner cannot hold, or does not decide, nobody is told to set. */
static void put_change(const ConfigOwner *owner, const Setting *setting, const Side *here,
		       const Side *there, const cJSON *fallback, cJSON *row, cJSON *changes)
{
	g_autoptr(cJSON) change = setting_to_match(setting, &there->side, fallback);
	g_autoptr(GError) cause = NULL;

	if (!cJSON_IsNull(change) && !config_owner_has_key(owner, setting, &cause)) {
		json_set_string(row, "note", cause->message);
		return;
	}
	if (json_get(owner->patched, setting->key)) {
		json_set_string(row, "note",
				"here the annotation " ANNOTATION_JSONPATCH " decides it");
		return;
	}
	/* what is not there comes with another key */
	if (!cJSON_IsNull(change) || here->side.set != SETTING_SET_NO)
		json_set(changes, setting->key, g_steal_pointer(&change));
}

static void add_row(const ConfigOwner *owner, const ConfigOther *other, const Setting *setting,
		    gboolean effective, GPtrArray *rows, cJSON *changes)
{
	g_auto(Side) here = { 0 };
	g_auto(Side) there = { 0 };
	g_autoptr(cJSON) fallback = NULL;
	SettingDifference difference;
	cJSON *row;

	side_of_owner(owner, setting, &here);
	fallback = fallback_of(owner, other, setting, &here);
	if (other->owner)
		side_of_owner(other->owner, setting, &there);
	else
		side_of_file(other, setting, fallback, &there);
	difference = setting_compare(setting, &here.side, &there.side);
	if (difference == SETTING_SAME || (effective && difference == SETTING_DIFFERS_SET))
		return;
	row = cJSON_CreateObject();
	json_set_string(row, "key", setting->key);
	json_set_string(row, "difference", difference == SETTING_DIFFERS ? "value" : "set");
	json_set(row, "here", side_document(setting, &here));
	json_set(row, "there", side_document(setting, &there));
	put_change(owner, setting, &here, &there, fallback, row, changes);
	g_ptr_array_add(rows, row);
}

/* ---- output --------------------------------------------------------------------------------- */

#define CELL(name, side, field)                                                                    \
	static char *cell_##name(const cJSON *row)                                                 \
	{                                                                                          \
		return g_strdup(json_string(json_get(row, side), field, NULL));                    \
	}
CELL(here, "here", "text")
CELL(here_origin, "here", "origin")
CELL(there, "there", "text")
CELL(there_origin, "there", "origin")

static char *cell_key(const cJSON *row)
{
	return g_strdup(json_string(row, "key", NULL));
}

static char *cell_difference(const cJSON *row)
{
	return g_strdup(g_str_equal(json_string(row, "difference", ""), "value")
				? "another value"
				: "only who set it");
}

static const OutputColumn columns[] = {
	{ "KEY", FALSE, FALSE, cell_key },
	{ "HERE", FALSE, FALSE, cell_here },
	{ "ORIGIN", FALSE, FALSE, cell_here_origin },
	{ "THERE", FALSE, FALSE, cell_there },
	{ "ORIGIN", FALSE, FALSE, cell_there_origin },
	{ "DIFFERENCE", FALSE, FALSE, cell_difference },
	{ NULL, FALSE, FALSE, NULL },
};

static void say_sides(const CommandContext *context, const ConfigOwner *owner,
		      const ConfigOther *other)
{
	g_autofree char *here = config_owner_text(owner);

	say(context, "here: %s, %s", cluster_context(context->cluster), here);
	say(context, "there: %s", other->name);
}

static void say_rest(const CommandContext *context, const GPtrArray *rows, const cJSON *changes)
{
	g_autofree char *set = settings_set_words(changes);
	g_autofree char *unset = settings_unset_words(changes);

	if (rows->len == 0)
		say(context, "no setting differs");
	for (guint i = 0; i < rows->len; i++)
		if (json_string(rows->pdata[i], "note", NULL))
			say(context, "%s: %s", json_string(rows->pdata[i], "key", ""),
			    json_string(rows->pdata[i], "note", ""));
	if (set)
		say_hint(context, "'kvmig %s' makes this one like the other", set);
	if (unset)
		say_hint(context, "'kvmig %s' makes this one like the other", unset);
}

/* Where the answer is not known the status is not that of "they differ". */
static int trouble(GError **error)
{
	if (error && *error && exit_status_of_error(*error) == STATUS_FAILED)
		(*error)->code = KVMIG_ERROR_USAGE;
	return STATUS_USAGE;
}

static int run_diff(CommandContext *context, const void *data, GError **error)
{
	const OutputSpec spec = { .list_kind = "SettingDifferenceList",
				  .columns = columns,
				  .name = cell_key };
	const DiffValues *values = data;
	g_autoptr(ConfigOwner) owner = config_open(context, error);
	g_auto(ConfigOther) other = { 0 };
	g_autoptr(cJSON) changes = cJSON_CreateObject();
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	if (!owner || !config_read_other(context, context->args[0], owner, &other, error))
		return trouble(error);
	for (unsigned i = 0; setting_nth(i); i++)
		add_row(owner, &other, setting_nth(i), values->effective, rows, changes);
	if (context->output->format <= OUTPUT_WIDE)
		say_sides(context, owner, &other);
	if (rows->len || context->output->format > OUTPUT_WIDE)
		output_rows(context->output, &spec, rows);
	say_rest(context, rows, changes);
	return rows->len ? STATUS_FAILED : STATUS_DONE;
}

static const char *const examples[] = { "kvmig config diff settings.yaml",
					"kvmig config diff lab --effective",
					"kvmig config diff settings.yaml -o json", NULL };

const Command config_diff_command = {
	.name = "diff",
	.summary = "compare the settings with a file's or another cluster's",
	.options = options,
	.values_size = sizeof(DiffValues),
	.args = { "FILE|CONTEXT", 1, 1, COMPLETE_FILE_OR_CONTEXT },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_diff,
	.examples = examples,
};
