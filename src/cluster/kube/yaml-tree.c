/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events become nodes; what a plain scalar means is YAML 1.1, as kubectl's reader has
 * it. */
#include "cluster/kube/yaml-tree.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "model/yaml-problem.h"
#include "model/yaml.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

#define TAG_CORE "tag:yaml.org,2002:"

struct YamlTree {
	YamlNode *root;
	GPtrArray *all; /* YamlNode*, owned: an alias makes a node a child of several */
	gboolean more;
};

static void node_free(gpointer data)
{
	YamlNode *node = data;

	if (node->text)
		explicit_bzero(node->text, strlen(node->text));
	g_free(node->text);
	if (node->nodes)
		g_ptr_array_unref(node->nodes);
	g_free(node);
}

void yaml_tree_free(YamlTree *tree)
{
	if (!tree)
		return;
	g_ptr_array_unref(tree->all);
	g_free(tree);
}

/* ---- plain scalars -------------------------------------------------------------------------- */

static gboolean is_word(const char *text, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return TRUE;
	return FALSE;
}

static gboolean only(const char *text, const char *characters)
{
	return *text && text[strspn(text, characters)] == '\0';
}

/* Digits of another base behind "0x", "0b", "0o" or "0", in any number with its sign. */
static const struct {
	const char *prefix;
	guint base;
	const char *digits;
} bases[] = {
	{ "0x", 16, "0123456789abcdefABCDEF" },
	{ "0X", 16, "0123456789abcdefABCDEF" },
	{ "0b", 2, "01" },
	{ "0B", 2, "01" },
	{ "0o", 8, "01234567" },
	{ "0O", 8, "01234567" },
	{ "0", 8, "01234567" },
};

/* The base of an integer that is not decimal, 0 where it is none; *ret_digits behind the prefix. */
static guint other_base(const char *text, const char **ret_digits)
{
	text += *text == '-' || *text == '+';
	for (gsize i = 0; i < G_N_ELEMENTS(bases); i++) {
		const char *digits = text + strlen(bases[i].prefix);

		if (!g_str_has_prefix(text, bases[i].prefix) || !only(digits, bases[i].digits))
			continue;
		*ret_digits = digits;
		return bases[i].base;
	}
	return 0;
}

static char *without_underscores(const char *text)
{
	char *plain = g_strdup(text);
	char *out = plain;

	for (const char *c = text; *c; c++)
		if (*c != '_')
			*out++ = *c;
	*out = '\0';
	return plain;
}

static gboolean is_number(const char *text)
{
	static const char *const specials[] = { ".nan",  ".NaN",  ".NAN",  ".inf",  ".Inf",
						".INF",  "+.inf", "+.Inf", "+.INF", "-.inf",
						"-.Inf", "-.INF", NULL };
	g_autofree char *plain = NULL;
	const char *digits;

	if (!*text || !strchr("+-.0123456789", *text))
		return FALSE;
	if (is_word(text, specials))
		return TRUE;
	if (*text == '.')
		return yaml_is_decimal(text);
	plain = without_underscores(text);
	return yaml_is_decimal(plain) || other_base(plain, &digits) != 0;
}

static YamlTreeType plain_type(const char *text, gboolean *ret_truth)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "y",    "Y",    "yes", "Yes", "YES", "true",
					     "True", "TRUE", "on",  "On",  "ON",  NULL };
	static const char *const falses[] = { "n",     "N",     "no",  "No",  "NO",  "false",
					      "False", "FALSE", "off", "Off", "OFF", NULL };

	*ret_truth = is_word(text, trues);
	if (*ret_truth || is_word(text, falses))
		return YAML_TREE_BOOL;
	if (is_word(text, nulls))
		return YAML_TREE_NULL;
	return is_number(text) ? YAML_TREE_NUMBER : YAML_TREE_STRING;
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct {
	yaml_parser_t parser;
	const char *text;
	gsize length;
	const char *what;
	GError **error;
	YamlTree *tree;
	GHashTable *anchors; /* name -> YamlNode*, or NULL while that node is being read */
	guint slots;         /* of lists and maps, those that merge keys bring included */
} Reader;

static gboolean fail(Reader *reader, yaml_mark_t mark, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean fail(Reader *reader, yaml_mark_t mark, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	return error_set(reader->error, KVMIG_ERROR_INVALID, "%s: line %zu, column %zu: %s",
			 reader->what, mark.line + 1, mark.column + 1, why);
}

static gboolean next_event(Reader *reader, yaml_event_t *event)
{
	g_autofree char *why = NULL;
	yaml_mark_t mark;

	if (yaml_parser_parse(&reader->parser, event))
		return TRUE;
	mark = yaml_problem(&reader->parser, reader->text, reader->length, &why);
	return fail(reader, mark, "not valid YAML: %s", why);
}

static YamlNode *add_node(Reader *reader, yaml_mark_t mark, YamlTreeType type)
{
	YamlNode *node;

	if (reader->tree->all->len >= YAML_TREE_MAX_NODES) {
		fail(reader, mark, "more than %u values", YAML_TREE_MAX_NODES);
		return NULL;
	}
	node = g_new0(YamlNode, 1);
	node->type = type;
	node->line = (guint)mark.line + 1;
	node->column = (guint)mark.column + 1;
	node->weight = 1;
	if (type == YAML_TREE_LIST || type == YAML_TREE_MAP)
		node->nodes = g_ptr_array_new();
	g_ptr_array_add(reader->tree->all, node);
	return node;
}

/* What one node more makes of the one around it. */
static gboolean add_child(Reader *reader, yaml_mark_t mark, YamlNode *node, YamlNode *child)
{
	if (child->weight > YAML_TREE_MAX_NODES - node->weight ||
	    reader->slots++ >= YAML_TREE_MAX_NODES)
		return fail(reader, mark, "aliases make this more than %u values",
			    YAML_TREE_MAX_NODES);
	node->weight += child->weight;
	node->depth = MAX(node->depth, child->depth + 1);
	if (node->depth > JSON_MAX_DEPTH)
		return fail(reader, mark, "nested too deeply: more than %u levels", JSON_MAX_DEPTH);
	g_ptr_array_add(node->nodes, child);
	return TRUE;
}

static gboolean is_tag(const char *tag, const char *name)
{
	return g_str_has_prefix(tag, TAG_CORE) && strcmp(tag + strlen(TAG_CORE), name) == 0;
}

/* A tag either leaves a scalar a string, or must fit what the scalar is. */
static gboolean apply_tag(Reader *reader, const yaml_event_t *event, YamlNode *node)
{
	static const char *const names[] = { "null", "bool", "int", "str" };
	const char *tag = (const char *)event->data.scalar.tag;
	YamlTreeType type = plain_type(node->text, &node->truth);

	if (is_tag(tag, "binary")) {
		fail(reader, event->start_mark, "tag '!!binary' is not supported");
		return FALSE;
	}
	if (!is_tag(tag, "null") && !is_tag(tag, "bool") && !is_tag(tag, "int") &&
	    !is_tag(tag, "float"))
		return TRUE;
	if (!is_tag(tag, names[type]) &&
	    !(type == YAML_TREE_NUMBER && (is_tag(tag, "float") || is_tag(tag, "int"))))
		return fail(reader, event->start_mark, "the value is not of type %s",
			    tag + strlen(TAG_CORE));
	node->type = type;
	return TRUE;
}

static YamlNode *read_scalar(Reader *reader, const yaml_event_t *event)
{
	YamlNode *node = add_node(reader, event->start_mark, YAML_TREE_STRING);

	if (!node)
		return NULL;
	node->text = g_strdup((const char *)event->data.scalar.value);
	if (strlen(node->text) != event->data.scalar.length) {
		fail(reader, event->start_mark, "a string cannot hold a NUL character");
		return NULL;
	}
	if (event->data.scalar.tag)
		return apply_tag(reader, event, node) ? node : NULL;
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		node->type = plain_type(node->text, &node->truth);
	return node;
}

static YamlNode *read_alias(Reader *reader, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	g_autofree char *piece = error_excerpt(name);
	gpointer node;

	if (!g_hash_table_lookup_extended(reader->anchors, name, NULL, &node))
		fail(reader, event->start_mark, "there is no anchor '%s'", piece);
	else if (!node)
		fail(reader, event->start_mark, "anchor '%s' contains itself", piece);
	else
		return node;
	return NULL;
}

static const char *anchor_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return (const char *)event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT:
		return (const char *)event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT:
		return (const char *)event->data.mapping_start.anchor;
	default:
		return NULL;
	}
}

static YamlNode *read_node(Reader *reader, const yaml_event_t *event, guint depth);

static YamlNode *read_list(Reader *reader, const yaml_event_t *start, guint depth)
{
	YamlNode *list = add_node(reader, start->start_mark, YAML_TREE_LIST);

	while (list) {
		g_auto(yaml_event_t) event = { 0 };
		YamlNode *item;

		if (!next_event(reader, &event))
			return NULL;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return list;
		item = read_node(reader, &event, depth);
		if (!item || !add_child(reader, event.start_mark, list, item))
			return NULL;
	}
	return NULL;
}

static gboolean add_members(Reader *reader, yaml_mark_t mark, YamlNode *map, const YamlNode *from)
{
	if (from->type != YAML_TREE_MAP)
		return fail(reader, mark, "'<<' must name a map, or a list of maps");
	for (guint i = 0; i < from->nodes->len; i++)
		if (!add_child(reader, mark, map, from->nodes->pdata[i]))
			return FALSE;
	return TRUE;
}

/* "<<: *defaults": the members of another map, or of several, of which the first counts. */
static gboolean merge(Reader *reader, yaml_mark_t mark, YamlNode *map, const YamlNode *value)
{
	if (value->type != YAML_TREE_LIST)
		return add_members(reader, mark, map, value);
	for (guint i = value->nodes->len; i > 0; i--)
		if (!add_members(reader, mark, map, value->nodes->pdata[i - 1]))
			return FALSE;
	return TRUE;
}

static gboolean is_merge(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && !event->data.scalar.tag &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

static YamlNode *read_map(Reader *reader, const yaml_event_t *start, guint depth)
{
	YamlNode *map = add_node(reader, start->start_mark, YAML_TREE_MAP);

	while (map) {
		g_auto(yaml_event_t) key_event = { 0 };
		g_auto(yaml_event_t) event = { 0 };
		yaml_mark_t mark;
		YamlNode *key, *value;

		if (!next_event(reader, &key_event))
			return NULL;
		if (key_event.type == YAML_MAPPING_END_EVENT)
			return map;
		mark = key_event.start_mark;
		key = read_node(reader, &key_event, depth);
		if (!key)
			return NULL;
		if (key->nodes || key->type == YAML_TREE_NULL) {
			fail(reader, mark, "a key must be a string");
			return NULL;
		}
		if (!next_event(reader, &event))
			return NULL;
		value = read_node(reader, &event, depth);
		if (!value)
			return NULL;
		if (is_merge(&key_event) ? !merge(reader, mark, map, value)
					 : !add_child(reader, mark, map, key) ||
						   !add_child(reader, event.start_mark, map, value))
			return NULL;
	}
	return NULL;
}

/* depth: of the collections around this node; limits the recursion, before aliases are counted */
static YamlNode *read_node(Reader *reader, const yaml_event_t *event, guint depth)
{
	const char *anchor = anchor_of(event);
	YamlNode *node = NULL;

	if (depth > JSON_MAX_DEPTH) {
		fail(reader, event->start_mark, "nested too deeply: more than %u levels",
		     JSON_MAX_DEPTH);
		return NULL;
	}
	if (anchor)
		g_hash_table_replace(reader->anchors, g_strdup(anchor), NULL);
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		node = read_scalar(reader, event);
		break;
	case YAML_SEQUENCE_START_EVENT:
		node = read_list(reader, event, depth + 1);
		break;
	case YAML_MAPPING_START_EVENT:
		node = read_map(reader, event, depth + 1);
		break;
	case YAML_ALIAS_EVENT:
		return read_alias(reader, event);
	default:
		fail(reader, event->start_mark, "unexpected end");
	}
	if (node && anchor)
		g_hash_table_replace(reader->anchors, g_strdup(anchor), node);
	return node;
}

/* The first document; what comes behind it is read no further than to know that it is there. */
static gboolean read_stream(Reader *reader)
{
	for (guint documents = 0;;) {
		g_auto(yaml_event_t) event = { 0 };

		if (!next_event(reader, &event))
			return FALSE;
		switch (event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_STREAM_END_EVENT:
			return TRUE;
		case YAML_DOCUMENT_START_EVENT:
			reader->tree->more = documents++ > 0;
			if (reader->tree->more)
				return TRUE;
			break;
		default:
			reader->tree->root = read_node(reader, &event, 0);
			if (!reader->tree->root)
				return FALSE;
		}
	}
}

YamlTree *yaml_tree_parse(const char *text, gsize length, const char *what, GError **error)
{
	g_autoptr(YamlTree) tree = g_new0(YamlTree, 1);
	g_autoptr(GHashTable) anchors =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	Reader reader = { .text = text,
			  .length = length,
			  .what = what,
			  .error = error,
			  .tree = tree,
			  .anchors = anchors };
	gboolean done;

	tree->all = g_ptr_array_new_with_free_func(node_free);
	if (!yaml_parser_initialize(&reader.parser))
		g_error("out of memory");
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	done = read_stream(&reader);
	yaml_parser_delete(&reader.parser);
	return done ? g_steal_pointer(&tree) : NULL;
}

/* ---- use ------------------------------------------------------------------------------------ */

const YamlNode *yaml_tree_root(const YamlTree *tree)
{
	return tree->root && tree->root->type != YAML_TREE_NULL ? tree->root : NULL;
}

gboolean yaml_tree_has_more(const YamlTree *tree)
{
	return tree->more;
}

const YamlNode *yaml_node_get(const YamlNode *node, const char *key)
{
	if (!node || node->type != YAML_TREE_MAP)
		return NULL;
	for (guint i = node->nodes->len; i >= 2; i -= 2) {
		const YamlNode *name = node->nodes->pdata[i - 2];
		const YamlNode *value = node->nodes->pdata[i - 1];

		if (strcmp(name->text, key) == 0)
			return value->type == YAML_TREE_NULL ? NULL : value;
	}
	return NULL;
}

const char *yaml_type_name(YamlTreeType type)
{
	static const char *const names[] = { "nothing",  "a boolean", "a number",
					     "a string", "a list",    "a map" };

	return names[type];
}

static cJSON *number_to_json(const char *text)
{
	g_autofree char *plain = without_underscores(text);
	const char *digits;
	guint base = other_base(plain, &digits);
	gint64 integer;
	double number;

	if (base) {
		if (!g_ascii_string_to_signed(digits, base, 0, G_MAXINT64, &integer, NULL))
			return NULL;
		return json_new_int(*plain == '-' ? -integer : integer);
	}
	if (g_ascii_string_to_signed(plain + (*plain == '+'), 10, G_MININT64, G_MAXINT64, &integer,
				     NULL))
		return json_new_int(integer);
	number = yaml_is_decimal(plain) ? g_ascii_strtod(plain, NULL) : INFINITY;
	return isfinite(number) ? cJSON_CreateNumber(number) : NULL;
}

static cJSON *collection_to_json(const YamlNode *node)
{
	gboolean map = node->type == YAML_TREE_MAP;
	g_autoptr(cJSON) json = map ? cJSON_CreateObject() : cJSON_CreateArray();

	for (guint i = 0; i < node->nodes->len; i += map ? 2 : 1) {
		const YamlNode *key = map ? node->nodes->pdata[i] : NULL;
		cJSON *value = yaml_node_to_json(node->nodes->pdata[map ? i + 1 : i]);

		if (!value)
			return NULL;
		if (map)
			json_set(json, key->text, value);
		else
			cJSON_AddItemToArray(json, value);
	}
	return g_steal_pointer(&json);
}

cJSON *yaml_node_to_json(const YamlNode *node)
{
	switch (node->type) {
	case YAML_TREE_NULL:
		return cJSON_CreateNull();
	case YAML_TREE_BOOL:
		return cJSON_CreateBool(node->truth);
	case YAML_TREE_NUMBER:
		return number_to_json(node->text);
	case YAML_TREE_STRING:
		return cJSON_CreateString(node->text);
	case YAML_TREE_LIST:
	case YAML_TREE_MAP:
		break;
	}
	return collection_to_json(node);
}
