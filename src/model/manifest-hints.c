/* SPDX-License-Identifier: Apache-2.0 */
#include "model/manifest-hints.h"

#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "model/object.h"
#include "model/schema.h"

#define MISTAKES_MAX 10

static void mistake_free(gpointer data)
{
	ManifestMistake *mistake = data;

	g_free(mistake->path);
	g_free(mistake->wrong);
	g_free(mistake->meant);
	g_free(mistake);
}

/* Takes wrong and meant. */
static void add(GPtrArray *mistakes, const char *path, char *wrong, char *meant)
{
	ManifestMistake *mistake = g_new0(ManifestMistake, 1);

	mistake->path = g_strdup(path);
	mistake->wrong = wrong;
	mistake->meant = meant;
	g_ptr_array_add(mistakes, mistake);
}

/* ---- text ----------------------------------------------------------------------------------- */

/* "1" to "99", "<1>", "(1)", or one of the circled digits. */
static gboolean is_callout(const char *word)
{
	static const char *const frames[] = { "", "", "<", ">", "(", ")" };
	gunichar c = g_utf8_get_char_validated(word, -1);

	if (((c >= 0x2460 && c <= 0x2473) || (c >= 0x2776 && c <= 0x2793)) &&
	    !*g_utf8_next_char(word))
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(frames); i += 2) {
		const char *digits = word + strlen(frames[i]);
		gsize n;

		if (!g_str_has_prefix(word, frames[i]))
			continue;
		n = strspn(digits, "0123456789");
		if (n >= 1 && n <= 2 && strcmp(digits + n, frames[i + 1]) == 0)
			return TRUE;
	}
	return FALSE;
}

char *manifest_without_callout(const char *text)
{
	const char *blank = strrchr(text, ' ');
	g_autofree char *before = NULL;

	if (!blank || !is_callout(blank + 1))
		return NULL;
	before = g_strchomp(g_strndup(text, (gsize)(blank - text)));
	return *before ? g_steal_pointer(&before) : NULL;
}

/* "a/b=c" as people write labels on a command line: the key, and what stands behind the '='. */
static gboolean split_pair(const char *text, char **ret_key, const char **ret_value)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = NULL;

	if (!equals || equals == text)
		return FALSE;
	key = g_strndup(text, (gsize)(equals - text));
	if (strpbrk(key, " \t:{}[]\"'"))
		return FALSE;
	*ret_key = g_steal_pointer(&key);
	*ret_value = equals + 1;
	return TRUE;
}

static char *pair_as_map(const char *text)
{
	g_autofree char *key = NULL;
	const char *value;

	if (!split_pair(text, &key, &value))
		return NULL;
	return g_strdup_printf("%s: \"%s\"", key, value);
}

static char *callout_words(const char *text, const char *clean)
{
	return g_strdup_printf("probably meant: %s ('%s' is the number of a remark on the page it "
			       "was copied from)",
			       clean, text + strlen(clean) + strspn(text + strlen(clean), " "));
}

/* ---- maps of strings ------------------------------------------------------------------------ */

static const char *type_name(const cJSON *value)
{
	if (cJSON_IsString(value))
		return "a string";
	if (cJSON_IsArray(value))
		return "a list";
	if (cJSON_IsNumber(value))
		return "a number";
	if (cJSON_IsBool(value))
		return "true or false";
	return cJSON_IsNull(value) ? "empty" : "a map";
}

static const char *last_part(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

/* labels: a=b, and labels: [a=b, c=d] */
static char *meant_map(const char *path, const cJSON *value)
{
	g_autoptr(GString) pairs = g_string_new(NULL);
	const cJSON *item = cJSON_IsArray(value) ? value->child : value;

	for (; item; item = cJSON_IsArray(value) ? item->next : NULL) {
		g_autofree char *pair =
			cJSON_IsString(item) ? pair_as_map(item->valuestring) : NULL;

		if (!pair)
			return NULL;
		g_string_append_printf(pairs, "%s%s", pairs->len ? ", " : "", pair);
	}
	if (!pairs->len)
		return NULL;
	return g_strdup_printf("probably meant: %s: {%s}", last_part(path), pairs->str);
}

/* A value of such a map that is not a string: 1, true, and what stands behind it. */
static void check_pair(const cJSON *member, const char *path, GPtrArray *mistakes)
{
	g_autofree char *where = g_strdup_printf("%s[%s]", path, member->string);
	g_autofree char *text = NULL;
	gboolean scalar = cJSON_IsNumber(member) || cJSON_IsBool(member);

	if (cJSON_IsString(member))
		return;
	text = json_print(member);
	add(mistakes, where, g_strdup_printf("must be a string, not %s", type_name(member)),
	    scalar ? g_strdup_printf("write it in quotes: %s: \"%s\"", member->string, text)
		   : NULL);
}

static void check_strings(const cJSON *value, const char *path, GPtrArray *mistakes)
{
	const cJSON *member;
	g_autofree char *text = NULL, *piece = NULL;

	if (!value || cJSON_IsNull(value))
		return;
	if (cJSON_IsObject(value)) {
		cJSON_ArrayForEach(member, value) check_pair(member, path, mistakes);
		return;
	}
	text = json_print(value);
	piece = error_excerpt(text);
	add(mistakes, path,
	    g_strdup_printf("must be a map of keys and values, not %s: %s", type_name(value),
			    piece),
	    meant_map(path, value));
}

/* ---- without a cluster ---------------------------------------------------------------------- */

static const Kind *kind_named(const char *name, const char *group)
{
	for (unsigned i = 0; kind_nth(i); i++)
		if ((!name || g_strcmp0(kind_nth(i)->kind, name) == 0) &&
		    (!group || g_strcmp0(kind_nth(i)->group, group) == 0))
			return kind_nth(i);
	return NULL;
}

static char *group_of(const char *api_version)
{
	const char *slash = strchr(api_version, '/');

	return slash ? g_strndup(api_version, (gsize)(slash - api_version)) : g_strdup("");
}

/* A kind that we know in an API group that we know, but not in that one. */
static void check_group(const char *version, const char *kind, GPtrArray *mistakes)
{
	g_autofree char *group = group_of(version);
	const Kind *known = kind_named(kind, NULL);

	if (!known || !kind_named(NULL, group) || kind_named(kind, group))
		return;
	add(mistakes, "apiVersion", g_strdup_printf("there is no %s in '%s'", kind, version),
	    g_strdup_printf("probably meant: apiVersion: %s", kind_api_version(known)));
}

/* A string that has to be there. */
static const char *check_text(const cJSON *object, const char *key, GPtrArray *mistakes)
{
	const cJSON *value = json_get(object, key);
	g_autofree char *clean = NULL;

	if (!cJSON_IsString(value) || !*value->valuestring) {
		add(mistakes, key,
		    value ? g_strdup_printf("must be a string, not %s", type_name(value))
			  : g_strdup("is missing"),
		    NULL);
		return NULL;
	}
	clean = manifest_without_callout(value->valuestring);
	if (!clean)
		return value->valuestring;
	add(mistakes, key, g_strdup_printf("'%s' cannot be", value->valuestring),
	    callout_words(value->valuestring, clean));
	return NULL;
}

static void check_type(const cJSON *object, GPtrArray *mistakes)
{
	const char *version = check_text(object, "apiVersion", mistakes);
	const char *kind = check_text(object, "kind", mistakes);
	const Kind *known = kind ? kind_named(kind, NULL) : NULL;

	if (version && kind)
		check_group(version, kind, mistakes);
	else if (known && mistakes->len == 1 && !json_get(object, "apiVersion"))
		((ManifestMistake *)mistakes->pdata[0])->meant =
			g_strdup_printf("probably meant: apiVersion: %s", kind_api_version(known));
}

static void check_name_text(const char *path, const char *text, GPtrArray *mistakes)
{
	g_autofree char *clean = manifest_without_callout(text);

	if (clean)
		add(mistakes, path, g_strdup_printf("'%s' cannot be a name", text),
		    callout_words(text, clean));
	else if (strchr(text, '<') && strchr(text, '>'))
		add(mistakes, path, g_strdup_printf("'%s' cannot be a name", text),
		    g_strdup_printf("write the name itself in the place of '%s'", text));
}

static void check_name(const cJSON *metadata, const char *key, GPtrArray *mistakes)
{
	const cJSON *value = json_get(metadata, key);
	g_autofree char *path = g_strdup_printf("metadata.%s", key);
	g_autofree char *text = NULL;

	if (!value || cJSON_IsNull(value))
		return;
	if (cJSON_IsString(value)) {
		check_name_text(path, value->valuestring, mistakes);
		return;
	}
	text = json_print(value);
	add(mistakes, path, g_strdup_printf("must be a string, not %s", type_name(value)),
	    cJSON_IsNumber(value) || cJSON_IsBool(value)
		    ? g_strdup_printf("write it in quotes: %s: \"%s\"", key, text)
		    : NULL);
}

GPtrArray *manifest_mistakes(const cJSON *object)
{
	GPtrArray *mistakes = g_ptr_array_new_with_free_func(mistake_free);
	const cJSON *metadata = json_get(object, "metadata");

	check_type(object, mistakes);
	if (!cJSON_IsObject(metadata)) {
		add(mistakes, "metadata",
		    metadata ? g_strdup_printf("must be a map, not %s", type_name(metadata))
			     : g_strdup("is missing"),
		    NULL);
		return mistakes;
	}
	check_name(metadata, "name", mistakes);
	check_name(metadata, "namespace", mistakes);
	check_name(metadata, "generateName", mistakes);
	if (!json_get(metadata, "name") && !json_get(metadata, "generateName"))
		add(mistakes, "metadata", g_strdup("has neither name nor generateName"), NULL);
	check_strings(json_get(metadata, "labels"), "metadata.labels", mistakes);
	check_strings(json_get(metadata, "annotations"), "metadata.annotations", mistakes);
	return mistakes;
}

/* ---- by the schema -------------------------------------------------------------------------- */

/* What is looked through: the kind's schema as a whole, and what was found. */
typedef struct {
	const cJSON *root;
	GPtrArray *found;
} Doubts;

static void doubt(const cJSON *schema, const cJSON *value, const char *path, Doubts *doubts);

/* What the text would be without quotes, if that is what the schema wants. */
static gboolean fits_unquoted(const cJSON *schema, const char *text)
{
	g_autoptr(cJSON) value = json_parse(text, strlen(text), "", NULL);

	return value && !cJSON_IsString(value) && schema_check_value(schema, value, "", NULL);
}

static gboolean fits_text(const cJSON *schema, const char *text)
{
	g_autoptr(cJSON) value = cJSON_CreateString(text);

	return schema_check_value(schema, value, "", NULL) || fits_unquoted(schema, text);
}

/* A scalar that the schema refuses. */
static char *meant_scalar(const cJSON *schema, const cJSON *value)
{
	const char *type = json_string(schema, "type", "");
	g_autofree char *text =
		cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
	g_autofree char *clean = cJSON_IsString(value) ? manifest_without_callout(text) : NULL;
	g_autoptr(cJSON) quoted = cJSON_CreateString(text);

	if (clean && fits_text(schema, clean))
		return callout_words(text, clean);
	if (cJSON_IsString(value) && fits_unquoted(schema, text))
		return g_strdup_printf("write it without quotes: %s", text);
	if (!cJSON_IsString(value) && strcmp(type, "string") == 0 &&
	    schema_check_value(schema, quoted, "", NULL))
		return g_strdup_printf("write it in quotes: \"%s\"", text);
	if (strcmp(type, "array") == 0)
		return g_strdup_printf("write it as a list: [%s]", text);
	return NULL;
}

static void doubt_scalar(const cJSON *schema, const cJSON *value, const char *path, Doubts *doubts)
{
	g_autoptr(GError) error = NULL;
	char *meant;

	if (schema_check_value(schema, value, "", &error))
		return;
	meant = meant_scalar(schema, value);
	if (meant && *path)
		add(doubts->found, path, g_strdup(error->message),
		    g_strdup_printf("%s: %s", last_part(path), meant));
	g_free(meant);
}

/* The first place of the schema that has a property of that name: "spec.selectors". */
static char *find_home(const cJSON *schema, const char *name, const char *path)
{
	const cJSON *properties = json_get(schema, "properties"), *property;

	if (*path && json_get(properties, name))
		return g_strdup(path);
	cJSON_ArrayForEach(property, properties)
	{
		g_autofree char *inner =
			g_strdup_printf("%s%s%s", path, *path ? "." : "", property->string);
		char *home = strcmp(property->string, "status") == 0
				     ? NULL
				     : find_home(property, name, inner);

		if (home)
			return home;
	}
	return NULL;
}

static void doubt_unknown(const cJSON *schema, const char *name, const char *path, Doubts *doubts)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL, *home = find_home(doubts->root, name, "");
	const cJSON *property;

	cJSON_ArrayForEach(property, json_get(schema, "properties"))
	{
		g_ptr_array_add(names, property->string);
		if (g_ascii_strcasecmp(property->string, name) == 0)
			near = g_strdup_printf("'%s'", property->string);
	}
	g_ptr_array_add(names, NULL);
	if (!near && !home)
		near = nearest_words(name, (const char *const *)names->pdata);
	add(doubts->found, path, g_strdup("unknown field"),
	    near   ? g_strdup_printf("%s: did you mean %s?", name, near)
	    : home ? g_strdup_printf("%s belongs to %s", name, home)
		   : NULL);
}

static void doubt_map(const cJSON *schema, const cJSON *value, const char *path, Doubts *doubts)
{
	const cJSON *additional = json_get(schema, "additionalProperties");
	const cJSON *properties = json_get(schema, "properties");
	gboolean open = cJSON_IsTrue(additional) ||
			json_bool(schema, "x-kubernetes-preserve-unknown-fields", FALSE);
	const cJSON *member;

	cJSON_ArrayForEach(member, value)
	{
		const cJSON *inner = json_get(properties, member->string);
		g_autofree char *where =
			g_strdup_printf("%s%s%s", path, *path ? "." : "", member->string);

		if (inner || cJSON_IsObject(additional))
			doubt(inner ? inner : additional, member, where, doubts);
		else if (!open)
			doubt_unknown(schema, member->string, where, doubts);
	}
}

static void doubt_list(const cJSON *schema, const cJSON *value, const char *path, Doubts *doubts)
{
	const cJSON *item;
	guint n = 0;

	cJSON_ArrayForEach(item, value)
	{
		g_autofree char *where = g_strdup_printf("%s[%u]", path, n++);

		doubt(json_get(schema, "items"), item, where, doubts);
	}
}

static void doubt(const cJSON *schema, const cJSON *value, const char *path, Doubts *doubts)
{
	const char *type = json_string(schema, "type", "");
	const cJSON *additional = json_get(schema, "additionalProperties");

	if (!schema || doubts->found->len >= MISTAKES_MAX)
		return;
	if (strcmp(type, "object") == 0 && cJSON_IsObject(additional) &&
	    g_str_equal(json_string(additional, "type", ""), "string"))
		check_strings(value, path, doubts->found);
	else if (strcmp(type, "object") == 0 && cJSON_IsObject(value))
		doubt_map(schema, value, path, doubts);
	else if (cJSON_IsArray(value) && json_get(schema, "items"))
		doubt_list(schema, value, path, doubts);
	else if (!cJSON_IsObject(value) && !cJSON_IsArray(value))
		doubt_scalar(schema, value, path, doubts);
}

GPtrArray *manifest_doubts(const Kind *kind, const cJSON *object)
{
	Doubts doubts = { schema_for(kind), g_ptr_array_new_with_free_func(mistake_free) };
	const cJSON *properties = json_get(doubts.root, "properties");
	const cJSON *member;

	cJSON_ArrayForEach(member, object)
	{
		const cJSON *schema = json_get(properties, member->string);

		if (!schema || strcmp(member->string, "metadata") == 0)
			continue;
		doubt(schema, member, member->string, &doubts);
	}
	return doubts.found;
}

/* ---- what is no YAML ------------------------------------------------------------------------ */

/* Line n (from 1) without its end; free with g_free(). */
static char *line_of(const char *text, gsize length, gsize n)
{
	const char *end = text + length, *stop;

	for (; n > 1; n--) {
		text = memchr(text, '\n', (gsize)(end - text));
		if (!text)
			return g_strdup("");
		text++;
	}
	stop = memchr(text, '\n', (gsize)(end - text));
	return g_strchomp(g_strndup(text, (gsize)((stop ? stop : end) - text)));
}

static gboolean begins_with_tab(const char *line)
{
	return line[strspn(line, " ")] == '\t';
}

/* "key: 1": the number of a call-out where a map or list should follow. */
static gboolean is_key_with_callout(const char *line)
{
	const char *colon = strchr(line, ':');

	return colon && colon[1] == ' ' && is_callout(colon + 1 + strspn(colon + 1, " "));
}

/* What one line was meant to be, or NULL. */
static char *meant_line(const char *line, gsize n)
{
	g_autofree char *pair = NULL;
	const char *text = line + strspn(line, " ");

	if (begins_with_tab(line))
		return g_strdup_printf("line %zu begins with a tab: YAML is indented by blanks", n);
	if (!strstr(text, ": ") && !g_str_has_suffix(text, ":") && *text != '#')
		pair = pair_as_map(text);
	if (pair)
		return g_strdup_printf("line %zu, probably meant: %s", n, pair);
	if (is_key_with_callout(text))
		return g_strdup_printf("line %zu: the number at its end is probably that of a "
				       "remark on the page it was copied from",
				       n);
	return NULL;
}

char *manifest_syntax_hint(const char *text, gsize length, gsize line)
{
	/* where the parser gave up, and the lines before it, in which the cause may be */
	for (gsize back = 0; back < 4 && back < line; back++) {
		g_autofree char *one = line_of(text, length, line - back);
		char *meant = meant_line(one, line - back);

		if (meant)
			return meant;
	}
	return NULL;
}
