/* SPDX-License-Identifier: Apache-2.0 */
#include "model/labels.h"

#include <string.h>

#include "base/error.h"
#include "model/object.h"

#define SELECTOR_TEXT_MAX 65536

typedef enum { OP_EQUALS, OP_NOT_EQUALS, OP_IN, OP_NOT_IN, OP_EXISTS, OP_NOT_EXISTS } Op;

typedef struct {
	char *key;
	Op op;
	GPtrArray *values; /* of char*; one for (NOT_)EQUALS */
} Requirement;

struct Selector {
	GPtrArray *requirements; /* of Requirement* */
};

/* ---- building -------------------------------------------------------------------------------- */

static void requirement_free(gpointer data)
{
	Requirement *requirement = data;

	g_free(requirement->key);
	g_ptr_array_unref(requirement->values);
	g_free(requirement);
}

static Requirement *requirement_new(char *key, Op op)
{
	Requirement *requirement = g_new0(Requirement, 1);

	requirement->key = key;
	requirement->op = op;
	requirement->values = g_ptr_array_new_with_free_func(g_free);
	return requirement;
}

static Selector *selector_new(void)
{
	Selector *selector = g_new0(Selector, 1);

	selector->requirements = g_ptr_array_new_with_free_func(requirement_free);
	return selector;
}

void selector_free(Selector *selector)
{
	if (!selector)
		return;
	g_ptr_array_unref(selector->requirements);
	g_free(selector);
}

Selector *selector_from_map(const cJSON *map)
{
	Selector *selector = selector_new();
	Requirement *requirement;
	const cJSON *member;

	cJSON_ArrayForEach(member, map)
	{
		requirement = requirement_new(g_strdup(member->string), OP_EQUALS);
		/* a value that is no string (nothing checks a stored object twice) matches none */
		if (cJSON_IsString(member))
			g_ptr_array_add(requirement->values, g_strdup(member->valuestring));
		g_ptr_array_add(selector->requirements, requirement);
	}
	return selector;
}

/* ---- parsing --------------------------------------------------------------------------------- */

typedef struct {
	const char *text;
	const char *at;
	GError **error;
} Parser;

/* Says in which selector a key or value is wrong. */
static gboolean in_selector(const Parser *parser)
{
	g_autofree char *shown = error_excerpt(parser->text);

	error_prefix(parser->error, "selector '%s'", shown);
	return FALSE;
}

static gboolean fail(const Parser *parser, const char *expected)
{
	g_autofree char *shown = error_excerpt(parser->text);

	error_set(parser->error, KVMIG_ERROR_INVALID, "selector '%s': expected %s at character %ld",
		  shown, expected, g_utf8_strlen(parser->text, parser->at - parser->text) + 1);
	error_hint(parser->error,
		   "write key=value, key!=value, 'key in (a,b)', 'key notin (a,b)', key or '!key', "
		   "with commas between them");
	return FALSE;
}

static void skip_blanks(Parser *parser)
{
	while (*parser->at == ' ' || *parser->at == '\t')
		parser->at++;
}

static gboolean accept(Parser *parser, const char *token)
{
	skip_blanks(parser);
	if (strncmp(parser->at, token, strlen(token)) != 0)
		return FALSE;
	parser->at += strlen(token);
	return TRUE;
}

/* What is neither blank nor punctuation; "" where there is nothing. */
static char *read_word(Parser *parser)
{
	gsize length;
	char *word;

	skip_blanks(parser);
	length = strcspn(parser->at, " \t,()=!");
	word = g_strndup(parser->at, length);
	parser->at += length;
	return word;
}

static char *read_value(Parser *parser)
{
	g_autofree char *value = read_word(parser);

	if (!name_check_label_value(value, parser->error)) {
		in_selector(parser);
		return NULL;
	}
	return g_steal_pointer(&value);
}

static gboolean read_set(Parser *parser, Requirement *requirement)
{
	char *value;

	if (!accept(parser, "("))
		return fail(parser, "'('");
	do {
		value = read_value(parser);
		if (!value)
			return FALSE;
		g_ptr_array_add(requirement->values, value);
	} while (accept(parser, ","));
	return accept(parser, ")") ? TRUE : fail(parser, "',' or ')'");
}

static gboolean read_operator(Parser *parser, Requirement *requirement)
{
	g_autofree char *word = NULL;
	char *value;

	if (accept(parser, "!="))
		requirement->op = OP_NOT_EQUALS;
	else if (accept(parser, "==") || accept(parser, "="))
		requirement->op = OP_EQUALS;
	else if (skip_blanks(parser), *parser->at == ',' || *parser->at == '\0')
		return TRUE; /* the key alone: OP_EXISTS */
	else {
		const char *start = parser->at;

		word = read_word(parser);
		if (strcmp(word, "in") != 0 && strcmp(word, "notin") != 0) {
			parser->at = start;
			return fail(parser, "=, !=, in, notin or ','");
		}
		requirement->op = *word == 'i' ? OP_IN : OP_NOT_IN;
		return read_set(parser, requirement);
	}
	value = read_value(parser);
	if (!value)
		return FALSE;
	g_ptr_array_add(requirement->values, value);
	return TRUE;
}

static gboolean read_requirement(Parser *parser, Selector *selector)
{
	gboolean negated = accept(parser, "!");
	g_autofree char *key = read_word(parser);
	Requirement *requirement;

	if (*key == '\0')
		return fail(parser, "a label key");
	if (!name_check_label_key(key, parser->error))
		return in_selector(parser);
	requirement = requirement_new(g_steal_pointer(&key), negated ? OP_NOT_EXISTS : OP_EXISTS);
	g_ptr_array_add(selector->requirements, requirement);
	return negated ? TRUE : read_operator(parser, requirement);
}

static gboolean read_requirements(Parser *parser, Selector *selector)
{
	skip_blanks(parser);
	if (*parser->at == '\0')
		return TRUE;
	do {
		if (!read_requirement(parser, selector))
			return FALSE;
	} while (accept(parser, ","));
	skip_blanks(parser);
	return *parser->at == '\0' ? TRUE : fail(parser, "','");
}

Selector *selector_parse(const char *text, GError **error)
{
	Parser parser = { .text = text, .at = text, .error = error };
	Selector *selector;

	if (!text)
		return selector_new();
	if (strlen(text) > SELECTOR_TEXT_MAX || !g_utf8_validate(text, -1, NULL)) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "selector is not UTF-8 or longer than %d bytes", SELECTOR_TEXT_MAX);
		return NULL;
	}
	selector = selector_new();
	if (read_requirements(&parser, selector))
		return selector;
	selector_free(selector);
	return NULL;
}

/* ---- matching -------------------------------------------------------------------------------- */

static gboolean has_value(const Requirement *requirement, const char *value)
{
	return value &&
	       g_ptr_array_find_with_equal_func(requirement->values, value, g_str_equal, NULL);
}

static gboolean holds(const Requirement *requirement, const cJSON *labels)
{
	const char *value = json_string(labels, requirement->key, NULL);

	switch (requirement->op) {
	case OP_EXISTS:
		return value != NULL;
	case OP_NOT_EXISTS:
		return value == NULL;
	case OP_EQUALS:
	case OP_IN:
		return has_value(requirement, value);
	case OP_NOT_EQUALS: /* these two hold without the label, as in Kubernetes */
	case OP_NOT_IN:
		return !has_value(requirement, value);
	}
	g_return_val_if_reached(FALSE);
}

static const Requirement *first_failing(const Selector *selector, const cJSON *labels)
{
	if (!selector)
		return NULL;
	for (guint i = 0; i < selector->requirements->len; i++) {
		const Requirement *requirement = g_ptr_array_index(selector->requirements, i);

		if (!holds(requirement, labels))
			return requirement;
	}
	return NULL;
}

gboolean selector_matches(const Selector *selector, const cJSON *labels)
{
	return first_failing(selector, labels) == NULL;
}

static void append_requirement(GString *out, const Requirement *requirement)
{
	static const char *const operators[] = {
		[OP_EQUALS] = "=",        [OP_NOT_EQUALS] = "!=", [OP_IN] = " in (",
		[OP_NOT_IN] = " notin (", [OP_EXISTS] = "",       [OP_NOT_EXISTS] = "",
	};

	g_string_append_printf(out, "%s%s%s", requirement->op == OP_NOT_EXISTS ? "!" : "",
			       requirement->key, operators[requirement->op]);
	for (guint i = 0; i < requirement->values->len; i++)
		g_string_append_printf(out, "%s%s", i > 0 ? "," : "",
				       (const char *)g_ptr_array_index(requirement->values, i));
	if (requirement->op == OP_IN || requirement->op == OP_NOT_IN)
		g_string_append_c(out, ')');
}

char *selector_format(const Selector *selector)
{
	GString *out = g_string_new(NULL);

	for (guint i = 0; selector && i < selector->requirements->len; i++) {
		const Requirement *requirement = g_ptr_array_index(selector->requirements, i);

		if (i > 0)
			g_string_append_c(out, ',');
		if (requirement->op == OP_EQUALS && requirement->values->len == 0)
			/* a map's value that was no string: matches nothing */
			g_string_append_printf(out, "%s,!%s", requirement->key, requirement->key);
		else
			append_requirement(out, requirement);
	}
	return g_string_free(out, FALSE);
}

char *selector_explain(const Selector *selector, const cJSON *labels, const char *subject)
{
	const Requirement *failing = first_failing(selector, labels);
	const char *value;
	GString *out;

	if (!failing)
		return NULL;
	out = g_string_new(NULL);
	append_requirement(out, failing);
	value = json_string(labels, failing->key, NULL);
	if (value)
		g_string_append_printf(out, ": %s has %s=%s", subject, failing->key, value);
	else
		g_string_append_printf(out, ": %s lacks it", subject);
	return g_string_free(out, FALSE);
}

/* ---- arguments ------------------------------------------------------------------------------- */

cJSON *labels_parse_map(const char *text, GError **error)
{
	g_auto(GStrv) pairs = g_strsplit(text, ",", -1);
	g_autoptr(cJSON) map = cJSON_CreateObject();

	if (*text == '\0') {
		error_set(error, KVMIG_ERROR_INVALID, "no key=value was given");
		return NULL;
	}
	for (char **pair = pairs; *pair; pair++) {
		g_autofree char *key = NULL, *value = NULL;

		if (!strchr(*pair, '=')) {
			g_autofree char *shown = error_excerpt(*pair);

			error_set(error, KVMIG_ERROR_INVALID, "'%s' is not of the form key=value",
				  shown);
			return NULL;
		}
		if (!labels_parse_change(*pair, &key, &value, error))
			return NULL;
		if (json_get(map, key)) {
			error_set(error, KVMIG_ERROR_INVALID, "label key '%s' is there twice", key);
			return NULL;
		}
		json_set_string(map, key, value);
	}
	return g_steal_pointer(&map);
}

gboolean labels_parse_change(const char *text, char **ret_key, char **ret_value, GError **error)
{
	const char *equals = strchr(text, '=');
	gsize length = strlen(text);
	g_autofree char *key = NULL, *shown = NULL;

	if (equals)
		key = g_strndup(text, (gsize)(equals - text));
	else if (length > 1 && text[length - 1] == '-')
		key = g_strndup(text, length - 1);
	if (!key) {
		shown = error_excerpt(text);
		return error_set(error, KVMIG_ERROR_INVALID,
				 "'%s' is not of the form key=value or key-", shown);
	}
	if (!name_check_label_key(key, error) ||
	    (equals && !name_check_label_value(equals + 1, error)))
		return FALSE;
	*ret_key = g_steal_pointer(&key);
	*ret_value = equals ? g_strdup(equals + 1) : NULL;
	return TRUE;
}
