/* SPDX-License-Identifier: Apache-2.0 */
/* status.conditions[]; declared in model/object.h. */
#include <string.h>

#include "base/clock.h"
#include "model/object.h"

cJSON *condition_find(const cJSON *object, const char *type)
{
	const cJSON *conditions = json_path(object, "status", "conditions", NULL);
	cJSON *condition;

	if (!cJSON_IsArray(conditions))
		return NULL;
	cJSON_ArrayForEach(condition, conditions)
	{
		if (g_strcmp0(json_string(condition, "type", NULL), type) == 0)
			return condition;
	}
	return NULL;
}

gboolean condition_is_true(const cJSON *object, const char *type)
{
	return g_strcmp0(json_string(condition_find(object, type), "status", NULL), "True") == 0;
}

void condition_set(cJSON *object, const char *type, gboolean status, const char *reason,
		   const char *message, gint64 now_us)
{
	const char *wanted = status ? "True" : "False";
	cJSON *condition = condition_find(object, type);
	g_autofree char *now = NULL;
	cJSON *conditions;

	if (!condition) {
		conditions = json_ensure_array(json_ensure_object(object, "status"), "conditions");
		condition = cJSON_CreateObject();
		json_set_string(condition, "type", type);
		cJSON_AddItemToArray(conditions, condition);
	}
	if (g_strcmp0(json_string(condition, "status", NULL), wanted) != 0) {
		now = clock_format_unix(now_us);
		json_set_string(condition, "status", wanted);
		json_set_string(condition, "lastTransitionTime", now);
	}
	json_set_string(condition, "reason", reason);
	json_set_string(condition, "message", message);
}

void condition_remove(cJSON *object, const char *type)
{
	cJSON *conditions = json_path(object, "status", "conditions", NULL);
	cJSON *condition;

	while ((condition = condition_find(object, type)))
		cJSON_Delete(cJSON_DetachItemViaPointer(conditions, condition));
}
