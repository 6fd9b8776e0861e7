/* SPDX-License-Identifier: Apache-2.0 */
#include "config/record.h"

#include <string.h>

#include "config/change.h"

#define RECORDS_MAX 10
/* of the annotation: all annotations of an object together may have 256 KiB */
#define HISTORY_MAX_BYTES 32768u
#define NUMBER_MAX (G_GINT64_CONSTANT(1) << 53)

/* ---- reading -------------------------------------------------------------------------------- */

gint64 config_record_number(const cJSON *record)
{
	return json_int(record, "number", 0);
}

/* Anybody can write the annotation: the numbers grow, whatever it says. */
static void number_all(cJSON *records)
{
	gint64 last = 0;
	cJSON *record;

	cJSON_ArrayForEach(record, records)
	{
		const gint64 number = config_record_number(record);

		last = number > last && number < NUMBER_MAX ? number : last + 1;
		if (cJSON_IsObject(record))
			json_set_int(record, "number", last);
	}
}

cJSON *config_records(const cJSON *object)
{
	const char *text = object_annotation(object, ANNOTATION_CONFIG_HISTORY);
	cJSON *records = text ? json_parse(text, strlen(text), "the record", NULL) : NULL;

	if (!cJSON_IsArray(records)) {
		cJSON_Delete(records);
		return cJSON_CreateArray();
	}
	number_all(records);
	return records;
}

cJSON *config_history(const ConfigOwner *owner)
{
	return config_records(owner->object);
}

gboolean config_record_can_be_undone(const cJSON *record)
{
	return cJSON_IsObject(json_get(record, "changes")) && !json_bool(record, "undone", FALSE) &&
	       !g_str_equal(json_string(record, "how", ""), "undo");
}

/* Without the fraction of a second. */
static char *short_time(const char *at)
{
	const char *fraction = strchr(at, '.');

	return fraction ? g_strdup_printf("%.*sZ", (int)(fraction - at), at) : g_strdup(at);
}

char *config_record_text(const cJSON *record)
{
	g_autofree char *at = short_time(json_string(record, "at", "?"));

	return g_strdup_printf("change %" G_GINT64_FORMAT " (%s, by %s, %s)",
			       config_record_number(record), json_string(record, "how", "?"),
			       json_string(record, "by", "somebody"), at);
}

/* ---- writing -------------------------------------------------------------------------------- */

static char *now_text(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	return g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
}

static cJSON *new_record(const ConfigRecord *record, gint64 number)
{
	cJSON *one = cJSON_CreateObject();
	g_autofree char *at = now_text();

	json_set_int(one, "number", number);
	json_set_string(one, "at", at);
	json_set_string(one, "by", record->by);
	json_set_string(one, "how", record->how);
	if (record->undoes)
		json_set_int(one, "undoes", record->undoes);
	json_set(one, "changes", cJSON_Duplicate(record->changes, TRUE));
	return one;
}

char *config_record_add(const cJSON *object, const ConfigRecord *record)
{
	g_autoptr(cJSON) records = config_records(object);
	gint64 number = 0;
	cJSON *one;
	char *text;

	cJSON_ArrayForEach(one, records)
	{
		number = config_record_number(one);
		if (record->undoes && number == record->undoes)
			json_set_bool(one, "undone", TRUE);
	}
	cJSON_AddItemToArray(records, new_record(record, number + 1));
	text = json_print(records);
	while (cJSON_GetArraySize(records) > RECORDS_MAX ||
	       (strlen(text) > HISTORY_MAX_BYTES && cJSON_GetArraySize(records) > 1)) {
		cJSON_DeleteItemFromArray(records, 0);
		g_free(text);
		text = json_print(records);
	}
	return text;
}

/* ---- others --------------------------------------------------------------------------------- */

/* The last record after `number` that is about the key. */
static const cJSON *later_record(const cJSON *records, gint64 number, const char *key)
{
	const cJSON *found = NULL, *record;

	cJSON_ArrayForEach(record, records)
	{
		if (config_record_number(record) > number &&
		    json_path(record, "changes", key, NULL))
			found = record;
	}
	return found;
}

/* metadata.managedFields names members as "f:spec". */
static gboolean manages(const cJSON *entry, const ConfigOwner *owner, const char *key)
{
	const cJSON *fields = json_get(entry, "fieldsV1");
	g_autofree char *last = g_strconcat("f:", key, NULL);

	for (const char *const *step = config_path_of(owner->kind); *step; step++) {
		g_autofree char *name = g_strconcat("f:", *step, NULL);

		fields = json_get(fields, name);
	}
	return json_get(fields, last) != NULL;
}

/* Who owns the field by the server's own account; times of that form compare as text. */
static const cJSON *last_manager(const ConfigOwner *owner, const char *key)
{
	const cJSON *found = NULL, *entry;

	cJSON_ArrayForEach(entry, json_path(owner->object, "metadata", "managedFields", NULL))
	{
		if (manages(entry, owner, key) &&
		    (!found || strcmp(json_string(entry, "time", ""),
				      json_string(found, "time", "")) > 0))
			found = entry;
	}
	return found;
}

cJSON *config_changed_since(const ConfigOwner *owner, const cJSON *record, const char *key)
{
	g_autoptr(cJSON) records = config_history(owner);
	const cJSON *later = later_record(records, config_record_number(record), key);
	const cJSON *entry = last_manager(owner, key);
	cJSON *since = cJSON_CreateObject();

	/* else somebody without kvmig has come after it */
	if (later && config_is_so(owner, key, json_path(later, "changes", key, "after", NULL))) {
		json_set_int(since, "number", config_record_number(later));
		json_set_string(since, "by", json_string(later, "by", NULL));
		json_set_string(since, "at", json_string(later, "at", NULL));
	} else if (entry) {
		json_set_string(since, "manager", json_string(entry, "manager", NULL));
		json_set_string(since, "at", json_string(entry, "time", NULL));
	}
	return since;
}

char *config_changed_text(const cJSON *since)
{
	const char *manager = json_string(since, "manager", NULL);
	g_autofree char *at = short_time(json_string(since, "at", "?"));

	if (manager)
		return g_strdup_printf("with %s at %s", manager, at);
	if (json_get(since, "number"))
		return g_strdup_printf("by %s at %s (change %" G_GINT64_FORMAT ")",
				       json_string(since, "by", "somebody"), at,
				       config_record_number(since));
	return g_strdup("without 'kvmig config'");
}
