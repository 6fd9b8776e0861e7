/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml finds the structure and writes it; what a plain scalar means, and which strings must be
 * quoted so that neither a reader of YAML 1.2 nor one of 1.1 takes them for something else, is
 * decided here.
 */
#include "model/yaml.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "model/yaml-problem.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

#define TAG_CORE "tag:yaml.org,2002:"

/* ---- plain scalars -------------------------------------------------------------------------- */

typedef enum {
	PLAIN_STRING,
	PLAIN_NULL,
	PLAIN_BOOL,
	PLAIN_INT,
	PLAIN_FLOAT,
	PLAIN_NOT_JSON, /* infinity, not a number */
} PlainType;

static const char *const type_tags[] = {
	[PLAIN_STRING] = "str", [PLAIN_NULL] = "null",   [PLAIN_BOOL] = "bool",
	[PLAIN_INT] = "int",    [PLAIN_FLOAT] = "float", [PLAIN_NOT_JSON] = "float",
};

static const struct {
	const char *word;
	PlainType type;
} words[] = {
	{ "", PLAIN_NULL },          { "~", PLAIN_NULL },         { "null", PLAIN_NULL },
	{ "Null", PLAIN_NULL },      { "NULL", PLAIN_NULL },      { "true", PLAIN_BOOL },
	{ "True", PLAIN_BOOL },      { "TRUE", PLAIN_BOOL },      { "false", PLAIN_BOOL },
	{ "False", PLAIN_BOOL },     { "FALSE", PLAIN_BOOL },     { ".inf", PLAIN_NOT_JSON },
	{ ".Inf", PLAIN_NOT_JSON },  { ".INF", PLAIN_NOT_JSON },  { "+.inf", PLAIN_NOT_JSON },
	{ "+.Inf", PLAIN_NOT_JSON }, { "+.INF", PLAIN_NOT_JSON }, { "-.inf", PLAIN_NOT_JSON },
	{ "-.Inf", PLAIN_NOT_JSON }, { "-.INF", PLAIN_NOT_JSON }, { ".nan", PLAIN_NOT_JSON },
	{ ".NaN", PLAIN_NOT_JSON },  { ".NAN", PLAIN_NOT_JSON },
};

static gboolean only(const char *text, const char *characters)
{
	return *text && text[strspn(text, characters)] == '\0';
}

static gboolean is_integer(const char *text)
{
	if (g_str_has_prefix(text, "0x"))
		return only(text + 2, "0123456789abcdefABCDEF");
	if (g_str_has_prefix(text, "0o"))
		return only(text + 2, "01234567");
	return only(text + (*text == '-' || *text == '+'), "0123456789");
}

gboolean yaml_is_decimal(const char *text)
{
	const char *digits = "0123456789";
	gsize before, after = 0;

	text += *text == '-' || *text == '+';
	before = strspn(text, digits);
	text += before;
	if (*text == '.') {
		after = strspn(text + 1, digits);
		text += 1 + after;
	}
	if (before + after == 0)
		return FALSE;
	if (*text == 'e' || *text == 'E') {
		text++;
		return only(text + (*text == '-' || *text == '+'), digits);
	}
	return *text == '\0';
}

/* YAML 1.2, core schema */
static PlainType plain_type(const char *text)
{
	if (*text && !strchr("-+.0123456789nNtTfF~", *text))
		return PLAIN_STRING;
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (strcmp(words[i].word, text) == 0)
			return words[i].type;
	}
	if (is_integer(text))
		return PLAIN_INT;
	return yaml_is_decimal(text) ? PLAIN_FLOAT : PLAIN_STRING;
}

/* What YAML 1.1 reads as a boolean, number, time or merge key, and 1.2 as a string: other readers
 * of our output (kubectl among them) are 1.1. */
static gboolean is_special_in_1_1(const char *text)
{
	static const char *const bools[] = { "y", "n", "yes", "no", "on", "off", "=", "<<", NULL };
	static GRegex *numbers; /* never freed */
	static gsize ready;

	if (g_once_init_enter(&ready)) {
		numbers =
			g_regex_new("^(?:[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?0o?[0-7_]+"
				    "|[-+]?[0-9.][0-9_]*(?:\\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?"
				    "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\\.[0-9_]*)?"
				    "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \\t].*)?)$",
				    G_REGEX_RAW | G_REGEX_DOTALL | G_REGEX_DOLLAR_ENDONLY, 0, NULL);
		g_once_init_leave(&ready, 1);
	}
	for (gsize i = 0; bools[i]; i++) {
		if (g_ascii_strcasecmp(bools[i], text) == 0)
			return TRUE;
	}
	return *text && strchr("-+.0123456789", *text) && g_regex_match(numbers, text, 0, NULL);
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
	yaml_parser_t parser;
	const char *text;
	gsize length;
	const char *what;
	gsize failed_line; /* from 1 */
	GError **error;
} Reader;

static gboolean fail(Reader *reader, yaml_mark_t mark, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean fail(Reader *reader, yaml_mark_t mark, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	reader->failed_line = mark.line + 1;
	return error_set(reader->error, KVMIG_ERROR_INVALID,
			 "%s is not valid YAML: line %zu, column %zu: %s", reader->what,
			 mark.line + 1, mark.column + 1, why);
}

/* before 'text' after; the text is the document's */
static gboolean fail_text(Reader *reader, const yaml_event_t *event, const char *before,
			  const char *text, const char *after)
{
	g_autofree char *piece = error_excerpt(text);

	return fail(reader, event->start_mark, "%s'%s'%s", before, piece, after);
}

static gboolean next_event(Reader *reader, yaml_event_t *event)
{
	g_autofree char *why = NULL;
	yaml_mark_t mark;

	if (yaml_parser_parse(&reader->parser, event))
		return TRUE;
	mark = yaml_problem(&reader->parser, reader->text, reader->length, &why);
	return fail(reader, mark, "%s", why);
}

static cJSON *integer_from(const char *text)
{
	gint64 value;
	gboolean fits;

	if (g_str_has_prefix(text, "0x"))
		fits = g_ascii_string_to_signed(text + 2, 16, 0, G_MAXINT64, &value, NULL);
	else if (g_str_has_prefix(text, "0o"))
		fits = g_ascii_string_to_signed(text + 2, 8, 0, G_MAXINT64, &value, NULL);
	else
		fits = g_ascii_string_to_signed(text + (*text == '+'), 10, G_MININT64, G_MAXINT64,
						&value, NULL);
	return fits ? json_new_int(value) : NULL;
}

static cJSON *value_from(const char *text, PlainType type)
{
	cJSON *value = NULL;
	double number;

	switch (type) {
	case PLAIN_STRING:
		return cJSON_CreateString(text);
	case PLAIN_NULL:
		return cJSON_CreateNull();
	case PLAIN_BOOL:
		return cJSON_CreateBool(*text == 't' || *text == 'T');
	case PLAIN_INT:
		value = integer_from(text);
		if (value)
			return value;
		break; /* as JSON: what is too large for an integer becomes a double */
	case PLAIN_FLOAT:
	case PLAIN_NOT_JSON:
		break;
	}
	number = type == PLAIN_NOT_JSON || text[1] == 'o' ? INFINITY : g_ascii_strtod(text, NULL);
	return isfinite(number) ? cJSON_CreateNumber(number) : NULL;
}

/* The type that style, tag and text of a scalar give it. */
static gboolean scalar_type(Reader *reader, const yaml_event_t *event, PlainType *ret_type)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	gboolean plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	PlainType type = plain || tag ? plain_type(text) : PLAIN_STRING;

	if (strlen(text) != event->data.scalar.length)
		return fail(reader, event->start_mark, "a string cannot hold a NUL character");
	if (tag && (strcmp(tag, "!") == 0 || strcmp(tag, TAG_CORE "str") == 0)) {
		type = PLAIN_STRING;
	} else if (tag) {
		if (!g_str_has_prefix(tag, TAG_CORE))
			return fail_text(reader, event, "tag ", tag, " is not allowed");
		if (type == PLAIN_INT && strcmp(tag, TAG_CORE "float") == 0)
			type = PLAIN_FLOAT;
		if (strcmp(tag + strlen(TAG_CORE), type_tags[type]) != 0)
			return fail_text(reader, event, "the value is not of type ",
					 tag + strlen(TAG_CORE), "");
	}
	*ret_type = type;
	return TRUE;
}

static gboolean refuse_anchor(Reader *reader, const yaml_event_t *event, const yaml_char_t *anchor)
{
	if (!anchor)
		return TRUE;
	return fail_text(reader, event, "anchors and aliases are not allowed: anchor ",
			 (const char *)anchor, "");
}

static cJSON *read_scalar(Reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	PlainType type = PLAIN_STRING;
	cJSON *value;

	if (!refuse_anchor(reader, event, event->data.scalar.anchor) ||
	    !scalar_type(reader, event, &type))
		return NULL;
	value = value_from(text, type);
	if (!value)
		fail_text(reader, event, "", text, " is not a number that JSON can hold");
	return value;
}

static gboolean check_collection(Reader *reader, const yaml_event_t *event,
				 const yaml_char_t *anchor, const yaml_char_t *tag,
				 const char *wanted, unsigned depth)
{
	const char *given = (const char *)tag;

	if (!refuse_anchor(reader, event, anchor))
		return FALSE;
	if (given && strcmp(given, "!") != 0 && strcmp(given, wanted) != 0)
		return fail_text(reader, event, "tag ", given, " is not allowed");
	if (depth > JSON_MAX_DEPTH)
		return fail(reader, event->start_mark, "nested too deeply");
	return TRUE;
}

static cJSON *read_node(Reader *reader, const yaml_event_t *event, unsigned depth);

static cJSON *read_sequence(Reader *reader, const yaml_event_t *start, unsigned depth)
{
	g_autoptr(cJSON) array = cJSON_CreateArray();

	if (!check_collection(reader, start, start->data.sequence_start.anchor,
			      start->data.sequence_start.tag, TAG_CORE "seq", depth))
		return NULL;
	for (;;) {
		g_auto(yaml_event_t) event = { 0 };
		cJSON *item;

		if (!next_event(reader, &event))
			return NULL;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return g_steal_pointer(&array);
		item = read_node(reader, &event, depth);
		if (!item)
			return NULL;
		cJSON_AddItemToArray(array, item);
	}
}

static gboolean check_key(Reader *reader, const yaml_event_t *event, GHashTable *seen)
{
	const char *key = (const char *)event->data.scalar.value;
	PlainType type = PLAIN_STRING;

	if (event->type == YAML_ALIAS_EVENT)
		return fail(reader, event->start_mark, "anchors and aliases are not allowed");
	if (event->type != YAML_SCALAR_EVENT)
		return fail(reader, event->start_mark, "a key must be a string");
	if (!refuse_anchor(reader, event, event->data.scalar.anchor) ||
	    !scalar_type(reader, event, &type))
		return FALSE;
	if (type != PLAIN_STRING) {
		g_autofree char *piece = error_excerpt(key);

		return fail(reader, event->start_mark,
			    "a key must be a string: write \"%s\" in quotes", piece);
	}
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0)
		return fail(reader, event->start_mark, "merge keys are not allowed");
	if (g_hash_table_contains(seen, key))
		return fail_text(reader, event, "key ", key, " is there twice");
	return TRUE;
}

static cJSON *read_mapping(Reader *reader, const yaml_event_t *start, unsigned depth)
{
	g_autoptr(cJSON) object = cJSON_CreateObject();
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	if (!check_collection(reader, start, start->data.mapping_start.anchor,
			      start->data.mapping_start.tag, TAG_CORE "map", depth))
		return NULL;
	for (;;) {
		g_auto(yaml_event_t) key = { 0 };
		g_auto(yaml_event_t) event = { 0 };
		cJSON *value;

		if (!next_event(reader, &key))
			return NULL;
		if (key.type == YAML_MAPPING_END_EVENT)
			return g_steal_pointer(&object);
		if (!check_key(reader, &key, seen) || !next_event(reader, &event))
			return NULL;
		value = read_node(reader, &event, depth);
		if (!value)
			return NULL;
		cJSON_AddItemToObject(object, (const char *)key.data.scalar.value, value);
		g_hash_table_add(seen, value->string);
	}
}

/* depth: of the collections around this node */
static cJSON *read_node(Reader *reader, const yaml_event_t *event, unsigned depth)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(reader, event);
	case YAML_SEQUENCE_START_EVENT:
		return read_sequence(reader, event, depth + 1);
	case YAML_MAPPING_START_EVENT:
		return read_mapping(reader, event, depth + 1);
	case YAML_ALIAS_EVENT:
		fail_text(reader, event, "anchors and aliases are not allowed: alias ",
			  (const char *)event->data.alias.anchor, "");
		return NULL;
	default:
		fail(reader, event->start_mark, "unexpected end");
		return NULL;
	}
}

/* Nothing at all, or only comments, between two "---". */
static gboolean is_empty_document(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !event->data.scalar.tag &&
	       !event->data.scalar.anchor;
}

static gboolean read_stream(Reader *reader, GPtrArray *documents)
{
	for (;;) {
		g_auto(yaml_event_t) event = { 0 };
		cJSON *document;

		if (!next_event(reader, &event))
			return FALSE;
		switch (event.type) {
		case YAML_STREAM_END_EVENT:
			return TRUE;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			if (is_empty_document(&event))
				break;
			document = read_node(reader, &event, 0);
			if (!document)
				return FALSE;
			g_ptr_array_add(documents, document);
		}
	}
}

static void free_document(gpointer document)
{
	cJSON_Delete(document);
}

GPtrArray *yaml_parse_all_at(const char *text, gsize length, const char *what, gsize *ret_line,
			     GError **error)
{
	g_autoptr(GPtrArray) documents = g_ptr_array_new_with_free_func(free_document);
	Reader reader = { .text = text, .length = length, .what = what, .error = error };
	const char *bad;
	gboolean done;

	*ret_line = 0;
	if (length > JSON_MAX_BYTES) {
		error_set(error, KVMIG_ERROR_INVALID, "%s is larger than %u MiB", what,
			  JSON_MAX_BYTES / 1024 / 1024);
		return NULL;
	}
	if (!g_utf8_validate_len(text, length, &bad)) {
		fail(&reader, yaml_mark_at(text, length, (gsize)(bad - text)), "not UTF-8");
		*ret_line = reader.failed_line;
		return NULL;
	}
	if (!yaml_parser_initialize(&reader.parser))
		g_error("out of memory");
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	done = read_stream(&reader, documents);
	yaml_parser_delete(&reader.parser);
	*ret_line = reader.failed_line;
	return done ? g_steal_pointer(&documents) : NULL;
}

GPtrArray *yaml_parse_all(const char *text, gsize length, const char *what, GError **error)
{
	gsize line;

	return yaml_parse_all_at(text, length, what, &line, error);
}

cJSON *yaml_parse(const char *text, gsize length, const char *what, GError **error)
{
	g_autoptr(GPtrArray) documents = yaml_parse_all(text, length, what, error);

	if (!documents)
		return NULL;
	if (documents->len == 1)
		return g_ptr_array_steal_index(documents, 0);
	if (documents->len == 0)
		error_set(error, KVMIG_ERROR_INVALID, "%s is empty", what);
	else
		error_set(error, KVMIG_ERROR_INVALID, "%s holds %u documents, one was expected",
			  what, documents->len);
	return NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int write_out(void *data, unsigned char *buffer, size_t size)
{
	g_string_append_len(data, (const char *)buffer, (gssize)size);
	return 1;
}

/* Takes the event over. libyaml fails only for want of memory, or on a sequence of events that is
 * none, which would be a bug here. */
static void emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	if (!yaml_emitter_emit(emitter, event))
		g_error("cannot write YAML: %s", emitter->problem ? emitter->problem : "no memory");
}

static void emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	if (!yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
					  (int)strlen(text), 1, 1, style))
		g_error("cannot write YAML: no memory");
	emit(emitter, &event);
}

/* A literal block keeps only what its reader does not fold, trim or take for indentation. */
static gboolean can_be_literal(const char *text)
{
	if (!strchr(text, '\n') || strchr(" \t\n", *text))
		return FALSE;
	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		if (c != '\n' && !g_unichar_isprint(c))
			return FALSE;
		if (c == 0xfeff || c == 0x2028 || c == 0x2029)
			return FALSE;
		if (c == ' ' && text[1] == '\n')
			return FALSE;
	}
	return text[-1] != ' ';
}

static void emit_string(yaml_emitter_t *emitter, const char *text, gboolean key)
{
	yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;
	g_autofree char *valid = NULL;

	if (!g_utf8_validate(text, -1, NULL)) {
		valid = g_utf8_make_valid(text, -1);
		text = valid;
	}
	if (plain_type(text) != PLAIN_STRING || is_special_in_1_1(text))
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	else if (strpbrk(text, "\n\t\r"))
		style = !key && can_be_literal(text) ? YAML_LITERAL_SCALAR_STYLE
						     : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	emit_scalar(emitter, text, style);
}

static void emit_value(yaml_emitter_t *emitter, const cJSON *value)
{
	gboolean object = cJSON_IsObject(value);
	g_autofree char *number = NULL;
	yaml_event_t event;

	if (cJSON_IsString(value)) {
		emit_string(emitter, value->valuestring, FALSE);
	} else if (cJSON_IsNumber(value)) {
		number = json_number_text(value);
		emit_scalar(emitter, number, YAML_PLAIN_SCALAR_STYLE);
	} else if (cJSON_IsBool(value)) {
		emit_scalar(emitter, cJSON_IsTrue(value) ? "true" : "false",
			    YAML_PLAIN_SCALAR_STYLE);
	} else if (!object && !cJSON_IsArray(value)) {
		emit_scalar(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
	} else {
		if (object)
			yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							    YAML_BLOCK_MAPPING_STYLE);
		else
			yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							     YAML_BLOCK_SEQUENCE_STYLE);
		emit(emitter, &event);
		for (const cJSON *child = value->child; child; child = child->next) {
			if (object)
				emit_string(emitter, child->string, TRUE);
			emit_value(emitter, child);
		}
		if (object)
			yaml_mapping_end_event_initialize(&event);
		else
			yaml_sequence_end_event_initialize(&event);
		emit(emitter, &event);
	}
}

char *yaml_print(const cJSON *value)
{
	GString *out = g_string_new(NULL);
	yaml_emitter_t emitter;
	yaml_event_t event;

	if (!yaml_emitter_initialize(&emitter))
		g_error("out of memory");
	yaml_emitter_set_output(&emitter, write_out, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1); /* lines are never folded */
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	emit_value(&emitter, value);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
	if (out->len == 0 || out->str[out->len - 1] != '\n')
		g_string_append_c(out, '\n');
	return g_string_free(out, FALSE);
}
