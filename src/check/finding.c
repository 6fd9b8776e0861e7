/* SPDX-License-Identifier: Apache-2.0 */
#include "check/finding.h"

#include <string.h>

#include "base/shell.h"

void check_finding_free(CheckFinding *finding)
{
	if (!finding)
		return;
	g_free(finding->kind);
	g_free(finding->ns);
	g_free(finding->name);
	g_free(finding->evidence);
	g_free(finding->fix);
	g_free(finding);
}

const char *check_severity_text(CheckSeverity severity)
{
	static const char *const texts[] = { "blocks", "warning", "note" };

	return texts[severity];
}

GPtrArray *check_findings_new(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)check_finding_free);
}

/* ---- the fix -------------------------------------------------------------------------------- */

static void append_word(GString *text, const char *word, const CheckObject *object)
{
	const gboolean is_place = (strcmp(word, "VM") == 0 && strcmp(object->kind, "vm") == 0) ||
				  (strcmp(word, "NODE") == 0 && strcmp(object->kind, "node") == 0);
	g_autofree char *name = is_place && object->name ? shell_word(object->name) : NULL;

	g_string_append(text, name ? name : word);
	if (name && object->ns)
		g_string_append_printf(text, " -n %s", object->ns);
}

/* Text outside of quotes stays as it is. */
static char *name_object(const char *fix, const CheckObject *object)
{
	g_auto(GStrv) parts = g_strsplit(fix, "'", -1);
	g_autoptr(GString) text = g_string_new(parts[0]);

	for (guint i = 1; parts[0] && parts[i]; i++) {
		g_auto(GStrv) words = g_strsplit(parts[i], " ", -1);

		g_string_append_c(text, '\'');
		if (!g_str_has_prefix(parts[i], "kvmig ") &&
		    !g_str_has_prefix(parts[i], "kubectl ")) {
			g_string_append(text, parts[i]);
			continue;
		}
		for (guint j = 0; words[j]; j++) {
			g_string_append(text, j ? " " : "");
			append_word(text, words[j], object);
		}
	}
	return g_strdup(text->str);
}

/* ---- the list ------------------------------------------------------------------------------- */

void check_add(GPtrArray *findings, const CheckObject *object, CheckSeverity severity,
	       const char *code, const char *fix, const char *format, ...)
{
	CheckFinding *finding = g_new0(CheckFinding, 1);
	va_list arguments;

	finding->severity = severity;
	finding->code = code;
	finding->kind = g_strdup(object->kind);
	finding->ns = g_strdup(object->ns);
	finding->name = g_strdup(object->name);
	finding->fix = name_object(fix ? fix : reason_find(code)->hint, object);
	va_start(arguments, format);
	finding->evidence = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_ptr_array_add(findings, finding);
}

static gboolean is_about(const CheckFinding *finding, const CheckObject *object)
{
	return g_strcmp0(finding->kind, object->kind) == 0 &&
	       g_strcmp0(finding->ns, object->ns) == 0 &&
	       g_strcmp0(finding->name, object->name) == 0;
}

/* From the end: those of one object stand together, and the list of a cluster can be long. */
gboolean check_has(const GPtrArray *findings, const CheckObject *object, const char *code)
{
	for (guint i = findings->len; i > 0; i--) {
		const CheckFinding *finding = g_ptr_array_index(findings, i - 1);

		if (!is_about(finding, object))
			return FALSE;
		if (g_str_equal(finding->code, code))
			return TRUE;
	}
	return FALSE;
}

guint check_count(const GPtrArray *findings, CheckSeverity severity)
{
	guint n = 0;

	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		n += finding->severity == severity;
	}
	return n;
}

static int compare(gconstpointer a, gconstpointer b)
{
	const CheckFinding *left = *(const CheckFinding *const *)a;
	const CheckFinding *right = *(const CheckFinding *const *)b;
	int order = (int)left->severity - (int)right->severity;

	order = order ? order : g_strcmp0(left->kind, right->kind);
	order = order ? order : g_strcmp0(left->ns, right->ns);
	order = order ? order : g_strcmp0(left->name, right->name);
	return order ? order : g_strcmp0(left->code, right->code);
}

void check_sort(GPtrArray *findings)
{
	g_ptr_array_sort(findings, compare);
}

cJSON *check_finding_document(const CheckFinding *finding)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *object;

	json_set_string(document, "severity", check_severity_text(finding->severity));
	json_set_string(document, "reason", finding->code);
	object = json_ensure_object(document, "object");
	json_set_string(object, "kind", finding->kind);
	json_set_string(object, "namespace", finding->ns);
	json_set_string(object, "name", finding->name);
	json_set_string(document, "evidence", finding->evidence);
	json_set_string(document, "fix", finding->fix);
	return document;
}
