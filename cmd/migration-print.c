/* SPDX-License-Identifier: Apache-2.0 */
/* All about one migration, a field a line. */
#include "migration.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "model/quantity.h"

void migration_print_field(FILE *stream, const char *label, const char *value)
{
	g_autofree char *safe = output_escape(value);

	(void)fprintf(stream, "%-14s %s\n", label, safe);
}

static void print_hint(FILE *stream, const char *hint)
{
	g_autofree char *text = hint_text(hint);

	migration_print_field(stream, "Hint:", text);
}

static void bytes_field(FILE *stream, const char *label, const cJSON *part, const char *key,
			const char *unit)
{
	gint64 bytes = json_int(part, key, -1);
	g_autofree char *text = bytes < 0 ? NULL : quantity_human_bytes(bytes);
	g_autofree char *value = text ? g_strconcat(text, unit, NULL) : NULL;

	if (value)
		migration_print_field(stream, label, value);
}

static void print_progress(FILE *stream, const cJSON *document)
{
	const cJSON *progress = json_get(document, "progress");
	gint64 elapsed_ms = json_int(progress, "elapsedMs", -1);
	g_autofree char *elapsed = elapsed_ms < 0 ? NULL : duration_human(elapsed_ms);
	g_autofree char *percent = g_strdup_printf("%d %%", migration_percent(document));

	if (!progress || json_bool(document, "final", FALSE))
		return;
	if (migration_percent(document) >= 0)
		migration_print_field(stream, "Progress:", percent);
	if (elapsed)
		migration_print_field(stream, "Elapsed:", elapsed);
	bytes_field(stream, "Memory:", progress, "memoryTotalBytes", "");
	bytes_field(stream, "Remaining:", progress, "memoryRemainingBytes", "");
	bytes_field(stream, "Rate:", progress, "bandwidthBytesPerSecond", "/s");
	bytes_field(stream, "Dirties:", progress, "dirtyRateBytesPerSecond", "/s");
}

static void print_deadline(FILE *stream, const cJSON *document)
{
	const cJSON *deadline = json_get(document, "deadline");
	const char *at = json_string(deadline, "at", "");
	g_autofree char *left = NULL, *text = NULL, *when = NULL;
	gint64 at_us;

	if (!clock_parse_unix(at, &at_us))
		return;
	left = duration_human(MAX(at_us - clock_unix_us(clock_real()), 0) / 1000000 * 1000);
	when = clock_format_unix(at_us);
	text = g_strdup_printf("%s, in %s: then %s [%s]", when, left,
			       json_string(deadline, "action", "cancel"),
			       json_string(deadline, "reason", ""));
	migration_print_field(stream, "Deadline:", text);
}

static void print_policy_ahead(FILE *stream, const cJSON *document)
{
	const cJSON *ahead = json_get(document, "policyAhead");
	g_autofree char *text =
		json_bool(ahead, "certain", FALSE)
			? g_strdup_printf("%s, if it were handed over now",
					  json_string(ahead, "name", "none"))
			: g_strdup_printf("chosen at the hand-over; 'kvmig policy explain -n %s "
					  "%s' tells on what it hangs",
					  json_string(document, "namespace", "default"),
					  json_string(document, "vm", "VM"));

	if (!json_bool(document, "final", FALSE))
		migration_print_field(stream, "Policy:", text);
}

/* What it began with: the policy that applied, the cap, and that nothing is encrypted. */
static void print_settings(FILE *stream, const cJSON *document)
{
	const cJSON *settings = json_get(document, "settings");
	gint64 cap = json_int(settings, "bandwidthBytesPerSecond", 0);
	g_autofree char *amount = quantity_human_bytes(cap);
	g_autofree char *text = g_strdup_printf("at most %s/s", amount);

	if (!settings) {
		print_policy_ahead(stream, document);
		return;
	}
	migration_print_field(stream, "Policy:", json_string(settings, "policy", "-"));
	if (cap > 0)
		migration_print_field(stream, "Bandwidth:", text);
	if (json_bool(settings, "disableTLS", FALSE))
		migration_print_field(stream, "Encrypted:", "no, disableTLS is set");
}

static void print_waiting(FILE *stream, const cJSON *document)
{
	const cJSON *waiting = json_get(document, "waiting");
	const Reason *row = reason_find(json_string(waiting, "reason", NULL));
	g_autofree char *text = NULL, *place = NULL;

	if (!waiting)
		return;
	text = g_strdup_printf("%s [%s]", json_string(waiting, "message", ""),
			       json_string(waiting, "reason", ""));
	migration_print_field(stream, "Waits:", text);
	place = g_strdup_printf("%d of %d", (int)json_int(waiting, "position", 0),
				(int)json_int(waiting, "of", 0));
	if (json_int(waiting, "position", 0) > 0)
		migration_print_field(stream, "Place:", place);
	if (row)
		print_hint(stream, row->hint);
}

static void print_result(FILE *stream, const cJSON *document)
{
	const cJSON *result = json_get(document, "result");
	const char *reason = json_string(result, "reason", NULL);
	const Reason *row = reason_find(reason);
	const char *hint = json_string(result, "hint", row ? row->hint : NULL);
	g_autofree char *outcome = NULL;

	if (!json_bool(document, "final", FALSE))
		return;
	outcome = migration_outcome(document);
	migration_print_field(stream, "Outcome:", outcome);
	if (reason)
		migration_print_field(stream, "Reason:", reason);
	if (hint)
		print_hint(stream, hint);
}

/* Each phase with the time in it: "Pending 2s, Scheduling 1m20s, …". */
static void print_phases(FILE *stream, const cJSON *document)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "phases"))
	{
		const gint64 seconds = json_int(row, "seconds", 0);
		g_autofree char *time = /* "0 ms" would say that they are known */
			seconds ? duration_human(seconds * 1000) : g_strdup("0 s");

		g_string_append_printf(text, "%s%s", text->len ? ", " : "",
				       json_string(row, "phase", "?"));
		if (row->next || !json_bool(document, "final", FALSE))
			g_string_append_printf(text, " %s", time);
	}
	if (text->len)
		migration_print_field(stream, "Phases:", text->str);
}

static void print_conditions(FILE *stream, const cJSON *document)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "conditions"))
	{
		const char *words = json_string(row, "message", json_string(row, "reason", ""));
		g_autofree char *text = g_strdup_printf("%s %s%s%s", json_string(row, "type", "?"),
							json_string(row, "status", "?"),
							*words ? ": " : "", words);

		migration_print_field(stream, "Condition:", text);
	}
}

/* What was looked at to tell why, and what could not be. */
static void print_evidence(FILE *stream, const cJSON *document)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "events"))
	{
		g_autofree char *text = g_strdup_printf("%s: %s", json_string(row, "reason", "?"),
							json_string(row, "message", ""));

		migration_print_field(stream, "Event:", text);
	}
	if (json_string(document, "targetPodSays", NULL))
		migration_print_field(stream, "Target pod:",
				      json_string(document, "targetPodSays", ""));
	cJSON_ArrayForEach(row, json_get(document, "notes"))
		migration_print_field(stream, "Note:", cJSON_GetStringValue(row));
}

void migration_print(FILE *stream, const cJSON *document)
{
	static const char *const keys[][2] = {
		{ "Migration:", "name" }, { "VM:", "vm" },	    { "Namespace:", "namespace" },
		{ "Phase:", "phase" },	  { "From:", "sourceNode" }, { "To:", "targetNode" },
		{ "Created:", "createdAt" },
	};
	const cJSON *alarm;

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (json_string(document, keys[i][1], NULL))
			migration_print_field(stream, keys[i][0],
					      json_string(document, keys[i][1], ""));
	if (json_bool(document, "cancelRequested", FALSE) && !json_bool(document, "final", FALSE))
		migration_print_field(stream, "Cancel:", "requested");
	if (json_string(document, "mode", NULL))
		migration_print_field(stream, "Mode:", json_string(document, "mode", ""));
	print_phases(stream, document);
	print_conditions(stream, document);
	print_settings(stream, document);
	print_waiting(stream, document);
	print_progress(stream, document);
	print_deadline(stream, document);
	print_result(stream, document);
	print_evidence(stream, document);
	cJSON_ArrayForEach(alarm, json_get(document, "alarms")) {
		g_autofree char *text =
			g_strdup_printf("%s [%s]", json_string(alarm, "message", ""),
					json_string(alarm, "reason", ""));

		migration_print_field(stream, "ALARM:", text);
	}
}

void migration_warn_alarms(const CommandContext *context, const char *where, const cJSON *document)
{
	const char *told = json_string(json_get(document, "result"), "message", "");
	const gboolean moved = strcmp(json_string(document, "phase", ""), "Succeeded") == 0;
	const cJSON *alarm;

	cJSON_ArrayForEach(alarm, json_get(document, "alarms")) {
		const char *message = json_string(alarm, "message", "");

		if (!moved && strstr(told, message))
			continue; /* the failure says so, with the code */
		say_warning(context, "%sVM '%s': %s [%s]", where, json_string(document, "vm", "?"),
			    message, json_string(alarm, "reason", ""));
	}
}
