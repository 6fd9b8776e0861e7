/* SPDX-License-Identifier: Apache-2.0 */
#include "node-selector.h"

#include <string.h>

#include "cli/option.h"
#include "model/wellknown.h"

static gboolean add_node(cJSON *selector, const char *node, GError **error)
{
	const char *asked = json_string(selector, LABEL_HOSTNAME, NULL);

	if (!name_check_label_value(node, error)) {
		error_prefix(error, "--node");
		return error_usage(error);
	}
	if (asked && strcmp(asked, node) != 0)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "--node %s and --node-selector %s=%s exclude each other", node,
				 LABEL_HOSTNAME, asked);
	json_set_string(selector, LABEL_HOSTNAME, node);
	return TRUE;
}

gboolean node_selector_parse(const char *node, const char *labels, cJSON **ret_selector,
			     GError **error)
{
	g_autoptr(cJSON) selector = NULL;

	if (labels) {
		selector = labels_parse_map(labels, error);
		if (!selector) {
			error_prefix(error, "--node-selector");
			error_hint(error, "write KEY=VALUE, several with commas between: "
					  "--node-selector zone=b,disk=ssd");
			return error_usage(error);
		}
	}
	if (node && !selector)
		selector = cJSON_CreateObject();
	if (node && !add_node(selector, node, error))
		return FALSE;
	*ret_selector = g_steal_pointer(&selector);
	return TRUE;
}

/* ---- against the nodes that there are ------------------------------------------------------- */

static gboolean has_node(const GPtrArray *targets, const char *name)
{
	for (guint i = 0; i < targets->len; i++)
		if (g_str_equal(((Target *)g_ptr_array_index(targets, i))->node, name))
			return TRUE;
	return FALSE;
}

static gboolean is_asked_for(const Target *target)
{
	for (guint i = 0; i < target->obstacles->len; i++)
		if (((TargetObstacle *)g_ptr_array_index(target->obstacles, i))->reason ==
		    REASON_TGT_ADDED_SELECTOR)
			return FALSE;
	return TRUE;
}

gboolean node_selector_check_node(const GPtrArray *targets, const char *node, const char *vm,
				  GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	if (!node || has_node(targets, node))
		return TRUE;
	for (guint i = 0; i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);

		if (is_asked_for(target))
			return TRUE;
		g_ptr_array_add(names, target->node);
	}
	g_ptr_array_add(names, NULL);
	near = option_nearest(node, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no node '%s'", node);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig targets %s' shows the nodes", vm);
	return FALSE;
}
