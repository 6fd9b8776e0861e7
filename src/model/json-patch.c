/* SPDX-License-Identifier: Apache-2.0 */
/* JSON Patch (RFC 6902) with JSON Pointer (RFC 6901). */
#include <string.h>

#include "base/error.h"
#include "model/json.h"

/* The document stands in a holder of its own, so that "" is a place like any other. */
#define ROOT "document"

typedef struct {
	cJSON *parent; /* object or array */
	char *key;     /* unescaped */
} Place;

static void place_clear(Place *place)
{
	g_clear_pointer(&place->key, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

/* One token, without its escapes; NULL where they are wrong. */
static char *unescape(const char *token, gsize length)
{
	GString *text = g_string_sized_new(length);

	for (gsize i = 0; i < length; i++) {
		char c = token[i];

		if (c == '~' && (i + 1 == length || (token[i + 1] != '0' && token[i + 1] != '1'))) {
			g_string_free(text, TRUE);
			return NULL;
		}
		if (c == '~')
			c = token[++i] == '0' ? '~' : '/';
		g_string_append_c(text, c);
	}
	return g_string_free(text, FALSE);
}

/* A place among the elements of an array: digits without leading zeros. */
static gboolean parse_index(const char *key, int size, int *ret_index)
{
	guint64 index;

	if (!key || (*key == '0' && key[1]) || !g_ascii_isdigit(*key) ||
	    !g_ascii_string_to_unsigned(key, 10, 0, (guint64)size, &index, NULL))
		return FALSE;
	*ret_index = (int)index;
	return TRUE;
}

static cJSON *child_of(const cJSON *parent, const char *key)
{
	int index;

	if (cJSON_IsObject(parent))
		return json_get(parent, key);
	if (cJSON_IsArray(parent) && parse_index(key, cJSON_GetArraySize(parent), &index))
		return cJSON_GetArrayItem(parent, index);
	return NULL;
}

static gboolean no_such(const char *pointer, GError **error)
{
	return error_set(error, KVMIG_ERROR_INVALID, "there is nothing at '%s'", pointer);
}

/* The place that `pointer` names; its last step need not exist. */
static gboolean find_place(cJSON *holder, const char *pointer, Place *place, GError **error)
{
	const char *step = pointer;

	place->parent = holder;
	place->key = g_strdup(ROOT);
	while (*step) {
		gsize length;

		if (*step++ != '/')
			return error_set(error, KVMIG_ERROR_INVALID, "'%s' does not begin with '/'",
					 pointer);
		place->parent = child_of(place->parent, place->key);
		place_clear(place);
		if (!place->parent)
			return no_such(pointer, error);
		length = strcspn(step, "/");
		place->key = unescape(step, length);
		if (!place->key)
			return error_set(error, KVMIG_ERROR_INVALID,
					 "'%s': '~' stands only in ~0 and ~1", pointer);
		step += length;
	}
	return TRUE;
}

static cJSON *find_value(cJSON *holder, const char *pointer, Place *place, GError **error)
{
	cJSON *value;

	if (!find_place(holder, pointer, place, error))
		return NULL;
	value = child_of(place->parent, place->key);
	if (!value)
		no_such(pointer, error);
	return value;
}

/* Takes item. Not by cJSON_InsertItemInArray(): releases of 2023 (with the first mend of
 * CVE-2023-50471) refuse every place but the first. */
static void insert(cJSON *array, int index, cJSON *item)
{
	int behind = cJSON_GetArraySize(array) - index;
	cJSON *next = cJSON_GetArrayItem(array, index);

	cJSON_AddItemToArray(array, item);
	while (behind-- > 0) {
		cJSON *moved = next;

		next = next->next;
		cJSON_AddItemToArray(array, cJSON_DetachItemViaPointer(array, moved));
	}
}

/* Takes value. */
static gboolean add(cJSON *holder, const char *pointer, cJSON *value, GError **error)
{
	g_autoptr(cJSON) owned = value;
	g_auto(Place) place = { 0 };
	int size, index;

	if (!find_place(holder, pointer, &place, error))
		return FALSE;
	if (cJSON_IsObject(place.parent)) {
		json_set(place.parent, place.key, g_steal_pointer(&owned));
		return TRUE;
	}
	if (!cJSON_IsArray(place.parent))
		return no_such(pointer, error);
	size = cJSON_GetArraySize(place.parent);
	index = size;
	if (g_strcmp0(place.key, "-") != 0 && !parse_index(place.key, size, &index))
		return no_such(pointer, error);
	insert(place.parent, index, g_steal_pointer(&owned));
	return TRUE;
}

static cJSON *take_out(cJSON *holder, const char *pointer, GError **error)
{
	g_auto(Place) place = { 0 };
	cJSON *value = find_value(holder, pointer, &place, error);

	return value ? cJSON_DetachItemViaPointer(place.parent, value) : NULL;
}

static gboolean replace(cJSON *holder, const char *pointer, const cJSON *value, GError **error)
{
	g_auto(Place) place = { 0 };
	cJSON *old = find_value(holder, pointer, &place, error);
	cJSON *copy;

	if (!old)
		return FALSE;
	copy = cJSON_Duplicate(value, TRUE);
	if (cJSON_IsObject(place.parent))
		json_set(place.parent, place.key, copy);
	else
		cJSON_ReplaceItemViaPointer(place.parent, old, copy);
	return TRUE;
}

static gboolean move(cJSON *holder, const char *from, const char *path, GError **error)
{
	gsize length = strlen(from);
	cJSON *value;

	if (strncmp(from, path, length) == 0 && path[length] == '/')
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' cannot be moved into itself",
				 from);
	value = take_out(holder, from, error);
	return value && add(holder, path, value, error);
}

static gboolean copy_value(cJSON *holder, const char *from, const char *path, GError **error)
{
	g_auto(Place) place = { 0 };
	const cJSON *value = find_value(holder, from, &place, error);

	return value && add(holder, path, cJSON_Duplicate(value, TRUE), error);
}

static gboolean test(cJSON *holder, const char *pointer, const cJSON *wanted, GError **error)
{
	g_auto(Place) place = { 0 };
	const cJSON *value = find_value(holder, pointer, &place, error);
	g_autofree char *now = NULL, *excerpt = NULL;

	if (!value)
		return FALSE;
	if (json_equal(value, wanted))
		return TRUE;
	now = json_print(value);
	excerpt = error_excerpt(now);
	return error_set(error, KVMIG_ERROR_CONFLICT, "'%s' is %s now", pointer, excerpt);
}

static gboolean remove_value(cJSON *holder, const char *pointer, GError **error)
{
	g_autoptr(cJSON) gone = take_out(holder, pointer, error);

	return gone != NULL;
}

static gboolean apply_one(cJSON *holder, const cJSON *step, GError **error)
{
	const char *op = json_string(step, "op", NULL);
	const char *path = json_string(step, "path", NULL);
	const char *from = json_string(step, "from", NULL);
	const cJSON *value = json_get(step, "value");

	if (!op || !path)
		return error_set(error, KVMIG_ERROR_INVALID, "it lacks 'op' or 'path'");
	if (strcmp(op, "remove") == 0)
		return remove_value(holder, path, error);
	if (strcmp(op, "move") == 0 || strcmp(op, "copy") == 0) {
		if (!from)
			return error_set(error, KVMIG_ERROR_INVALID, "it lacks 'from'");
		return *op == 'm' ? move(holder, from, path, error)
				  : copy_value(holder, from, path, error);
	}
	if (!value)
		return error_set(error, KVMIG_ERROR_INVALID, "it lacks 'value'");
	if (strcmp(op, "add") == 0)
		return add(holder, path, cJSON_Duplicate(value, TRUE), error);
	if (strcmp(op, "replace") == 0)
		return replace(holder, path, value, error);
	if (strcmp(op, "test") == 0)
		return test(holder, path, value, error);
	return error_set(error, KVMIG_ERROR_INVALID, "there is no operation of that name");
}

cJSON *json_patch(const cJSON *document, const cJSON *patch, GError **error)
{
	g_autoptr(cJSON) holder = cJSON_CreateObject();
	const cJSON *step;
	cJSON *result;
	guint n = 1;

	if (!cJSON_IsArray(patch)) {
		error_set(error, KVMIG_ERROR_INVALID, "a JSON patch is a list of operations");
		return NULL;
	}
	json_set(holder, ROOT, cJSON_Duplicate(document, TRUE));
	cJSON_ArrayForEach(step, patch)
	{
		if (!apply_one(holder, step, error)) {
			g_autofree char *op = error_excerpt(json_string(step, "op", "?"));

			error_prefix(error, "operation %u of the patch ('%s')", n, op);
			return NULL;
		}
		n++;
	}
	result = cJSON_DetachItemFromObjectCaseSensitive(holder, ROOT);
	if (!result)
		error_set(error, KVMIG_ERROR_INVALID, "the patch leaves nothing");
	return result;
}
