/* SPDX-License-Identifier: Apache-2.0 */
#include "config/undo.h"

#include "base/error.h"

void config_undone_clear(ConfigUndone *undone)
{
	cJSON_Delete(undone->record);
	cJSON_Delete(undone->changes);
	cJSON_Delete(undone->left);
	*undone = (ConfigUndone){ 0 };
}

typedef struct {
	gint64 number;  /* 0 until it is known: then it stays the same change */
	const char *by; /* NULL where the number is given */
	ConfigUndone undone;
} Undo;

/* ---- which one ------------------------------------------------------------------------------ */

static const cJSON *record_of(const cJSON *records, gint64 number)
{
	const cJSON *record;

	cJSON_ArrayForEach(record, records)
	{
		if (config_record_number(record) == number)
			return record;
	}
	return NULL;
}

/* The last one that can be undone, of a user; by NULL: of anybody. */
static const cJSON *last_of(const cJSON *records, const char *by)
{
	const cJSON *found = NULL, *record;

	cJSON_ArrayForEach(record, records)
	{
		if (config_record_can_be_undone(record) &&
		    (!by || g_str_equal(json_string(record, "by", ""), by)))
			found = record;
	}
	return found;
}

static const cJSON *find_last(const cJSON *records, const char *by, GError **error)
{
	const cJSON *found = last_of(records, by), *other;
	g_autofree char *shown = NULL;

	if (found)
		return found;
	other = last_of(records, NULL);
	if (!other) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no change of kvmig to undo");
		error_hint(error, "'kvmig config history' shows those that it made");
		return NULL;
	}
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no change by %s to undo", by);
	shown = config_record_text(other);
	error_hint(error, "the last one is %s: 'kvmig config undo %" G_GINT64_FORMAT "'", shown,
		   config_record_number(other));
	return NULL;
}

static const cJSON *find_number(const cJSON *records, gint64 number, GError **error)
{
	const cJSON *found = record_of(records, number);
	g_autofree char *shown = NULL;

	if (!found) {
		error_set(error, KVMIG_ERROR_NOT_FOUND,
			  "there is no change %" G_GINT64_FORMAT " on record", number);
		error_hint(error, "'kvmig config history' shows those that are");
		return NULL;
	}
	if (config_record_can_be_undone(found))
		return found;
	shown = config_record_text(found);
	error_set(error, KVMIG_ERROR_REFUSED, "%s %s", shown,
		  json_bool(found, "undone", FALSE) ? "was undone already"
						    : "is an undo itself, which cannot be undone");
	error_hint(error, "'kvmig config history' shows the values, 'kvmig config set' sets them");
	return NULL;
}

/* ---- what of it ----------------------------------------------------------------------------- */

static void refuse(const cJSON *records, const Undo *undo, GError **error)
{
	g_autofree char *shown = config_record_text(undo->undone.record);
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *since, *older = NULL, *record;

	cJSON_ArrayForEach(since, undo->undone.left)
	{
		g_autofree char *how = config_changed_text(since);

		g_string_append_printf(text, "%s%s was changed since %s", text->len ? ", " : "",
				       since->string, how);
	}
	error_set(error, KVMIG_ERROR_REFUSED, "nothing of %s was undone: %s", shown,
		  text->len ? text->str : "it has no settings");
	cJSON_ArrayForEach(record, records)
	{
		if (config_record_number(record) < undo->number &&
		    config_record_can_be_undone(record) &&
		    g_strcmp0(json_string(record, "by", NULL),
			      json_string(undo->undone.record, "by", NULL)) == 0)
			older = record;
	}
	if (older)
		error_hint(error,
			   "'kvmig config undo %" G_GINT64_FORMAT "' undoes the one before it",
			   config_record_number(older));
	else
		error_hint(error, "'kvmig config history' shows what was set, 'kvmig config view' "
				  "what there is");
}

/* What the change found, for the keys that still are as it left them. */
static cJSON *make_undo(const ConfigOwner *owner, gpointer data, ConfigRecord *record,
			GError **error)
{
	Undo *undo = data;
	g_autoptr(cJSON) records = config_history(owner);
	const cJSON *found = undo->number ? find_number(records, undo->number, error)
					  : find_last(records, undo->by, error);
	g_autoptr(cJSON) wanted = cJSON_CreateObject();
	const cJSON *change;

	config_undone_clear(&undo->undone);
	if (!found)
		return NULL;
	undo->number = record->undoes = config_record_number(found);
	undo->undone.record = cJSON_Duplicate(found, TRUE);
	undo->undone.left = cJSON_CreateObject();
	cJSON_ArrayForEach(change, json_get(found, "changes"))
	{
		const cJSON *before = json_get(change, "before");

		if (config_is_so(owner, change->string, json_get(change, "after")))
			json_set(wanted, change->string,
				 before ? cJSON_Duplicate(before, TRUE) : cJSON_CreateNull());
		else
			json_set(undo->undone.left, change->string,
				 config_changed_since(owner, found, change->string));
	}
	if (wanted->child)
		return g_steal_pointer(&wanted);
	refuse(records, undo, error);
	return NULL;
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* Nobody's change is undone because it is not known who asks. */
static char *name_of_caller(Cluster *cluster, GError **error)
{
	g_autoptr(cJSON) user = cluster_whoami(cluster, error);

	if (user)
		return g_strdup(json_string(user, "username", ""));
	error_prefix(error, "which changes are yours cannot be told");
	error_hint(error,
		   "'kvmig config history' shows all: 'kvmig config undo NUMBER' undoes one");
	return NULL;
}

gboolean config_undo(ConfigOwner *owner, const ConfigUndo *options, ConfigUndone *ret_undone,
		     GError **error)
{
	g_autofree char *by = g_strdup(options->by);
	Undo undo = { .number = options->number };
	const ConfigWrite write = {
		.make = make_undo, .data = &undo, .how = "undo", .flags = options->flags
	};

	if (!config_may_write(owner, error))
		return FALSE;
	if (!options->number && !by)
		by = name_of_caller(owner->cluster, error);
	if (!options->number && !by)
		return FALSE;
	undo.by = by;
	if (!config_write(owner, &write, &undo.undone.changes, error)) {
		config_undone_clear(&undo.undone);
		return FALSE;
	}
	*ret_undone = undo.undone;
	return TRUE;
}
