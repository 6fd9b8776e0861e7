/* SPDX-License-Identifier: Apache-2.0 */
#include "model/locate.h"

#include <string.h>
#include <yaml.h>

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(yaml_event_t, yaml_event_delete)

/* One step: a key (borrowed from the value), or a place in a list. */
typedef struct {
	const char *key; /* NULL: index */
	guint index;
} Step;

/* ---- the path ------------------------------------------------------------------------------- */

/* How much of the path the key takes: "key", ".key" or "[key]", up to the next step; 0: it is
 * another one. */
static gsize takes_key(const char *path, const char *key)
{
	gsize length = strlen(key), before = *path == '.';

	if (*path == '[')
		return strncmp(path + 1, key, length) == 0 && path[length + 1] == ']' ? length + 2
										      : 0;
	if (strncmp(path + before, key, length) != 0 || !length)
		return 0;
	return strchr(".[", path[before + length]) ? before + length : 0;
}

/* The member of a map that takes most of the path: keys may hold dots themselves. */
static const cJSON *step_into_map(const cJSON *map, const char **path, Step *step)
{
	const cJSON *member, *best = NULL;
	gsize most = 0;

	cJSON_ArrayForEach(member, map)
	{
		gsize taken = takes_key(*path, member->string);

		if (taken > most) {
			most = taken;
			best = member;
		}
	}
	*path += most;
	step->key = best ? best->string : NULL;
	return best;
}

static const cJSON *step_into_list(const cJSON *list, const char **path, Step *step)
{
	const char *end = **path == '[' ? strchr(*path, ']') : NULL;
	g_autofree char *digits = end ? g_strndup(*path + 1, (gsize)(end - *path - 1)) : NULL;
	guint64 index;

	if (!digits || !g_ascii_string_to_unsigned(digits, 10, 0, G_MAXINT, &index, NULL))
		return NULL;
	*path = end + 1;
	step->index = (guint)index;
	return cJSON_GetArrayItem(list, (int)index);
}

/* TRUE: all of the path; else as far as it goes. */
static gboolean resolve(const cJSON *value, const char *path, GArray *steps)
{
	while (*path) {
		Step step = { 0 };

		if (cJSON_IsObject(value))
			value = step_into_map(value, &path, &step);
		else if (cJSON_IsArray(value))
			value = step_into_list(value, &path, &step);
		else
			return FALSE;
		if (!value)
			return FALSE;
		g_array_append_val(steps, step);
	}
	return TRUE;
}

gboolean path_resolves(const cJSON *value, const char *path, guint *ret_depth)
{
	g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(Step));
	gboolean all = resolve(value, path, steps);

	*ret_depth = steps->len;
	return all;
}

/* ---- the text ------------------------------------------------------------------------------- */

typedef struct {
	yaml_parser_t parser;
	const GArray *steps;
	yaml_mark_t mark;
} Search;

static gboolean next(Search *search, yaml_event_t *event)
{
	return yaml_parser_parse(&search->parser, event);
}

static int nesting(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return 1;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

/* The rest of the node that `first` begins. */
static gboolean skip_node(Search *search, const yaml_event_t *first)
{
	int depth = nesting(first);

	while (depth > 0) {
		g_auto(yaml_event_t) event = { 0 };

		if (!next(search, &event))
			return FALSE;
		depth += nesting(&event);
	}
	return TRUE;
}

static gboolean find(Search *search, const yaml_event_t *node, guint at);

static gboolean find_in_map(Search *search, guint at)
{
	const Step *step = &g_array_index(search->steps, Step, at);

	for (;;) {
		g_auto(yaml_event_t) key = { 0 };
		g_auto(yaml_event_t) value = { 0 };

		if (!next(search, &key) || key.type != YAML_SCALAR_EVENT || !next(search, &value))
			return FALSE;
		if (step->key && strcmp((const char *)key.data.scalar.value, step->key) == 0) {
			search->mark = key.start_mark;
			return find(search, &value, at + 1);
		}
		if (!skip_node(search, &value))
			return FALSE;
	}
}

static gboolean find_in_list(Search *search, guint at)
{
	for (guint n = 0;; n++) {
		g_auto(yaml_event_t) item = { 0 };

		if (!next(search, &item) || item.type == YAML_SEQUENCE_END_EVENT)
			return FALSE;
		if (n == g_array_index(search->steps, Step, at).index) {
			search->mark = item.start_mark;
			return find(search, &item, at + 1);
		}
		if (!skip_node(search, &item))
			return FALSE;
	}
}

static gboolean find(Search *search, const yaml_event_t *node, guint at)
{
	if (at == search->steps->len) {
		if (node->type == YAML_SCALAR_EVENT || at == 0)
			search->mark = node->start_mark;
		return TRUE;
	}
	if (node->type == YAML_MAPPING_START_EVENT)
		return find_in_map(search, at);
	return node->type == YAML_SEQUENCE_START_EVENT && find_in_list(search, at);
}

/* As yaml_parse_all() skips them. */
static gboolean is_empty(const yaml_event_t *node)
{
	return node->type == YAML_SCALAR_EVENT && node->data.scalar.length == 0;
}

static gboolean find_document(Search *search, guint document)
{
	for (;;) {
		g_auto(yaml_event_t) event = { 0 };

		if (!next(search, &event) || event.type == YAML_STREAM_END_EVENT)
			return FALSE;
		if (event.type != YAML_DOCUMENT_START_EVENT)
			continue;
		yaml_event_delete(&event);
		if (!next(search, &event))
			return FALSE;
		if (is_empty(&event))
			continue;
		if (document-- == 0)
			return find(search, &event, 0);
		if (!skip_node(search, &event))
			return FALSE;
	}
}

gboolean path_locate(const char *text, gsize length, guint document, const cJSON *value,
		     const char *path, gsize *ret_line, gsize *ret_column)
{
	g_autoptr(GArray) steps = g_array_new(FALSE, FALSE, sizeof(Step));
	Search search = { .steps = steps };
	gboolean found;

	(void)resolve(value, path, steps);
	if (!yaml_parser_initialize(&search.parser))
		g_error("out of memory");
	yaml_parser_set_encoding(&search.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&search.parser, (const unsigned char *)text, length);
	found = find_document(&search, document);
	yaml_parser_delete(&search.parser);
	if (!found)
		return FALSE;
	*ret_line = search.mark.line + 1;
	*ret_column = search.mark.column + 1;
	return TRUE;
}
