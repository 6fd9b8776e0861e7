/* SPDX-License-Identifier: Apache-2.0 */
/* --node and --node-selector: labels that a target must have. */
#pragma once

#include "cmd.h"

#include "schedule/schedule.h"

/* *ret_selector: NULL where neither is given. USAGE where one is none, or both contradict. */
gboolean node_selector_parse(const char *node, const char *labels, cJSON **ret_selector,
			     GError **error);

/* TRUE where `node` (of --node, or NULL) is among the targets, by its name or, since a node's
 * host name need not be its name, by the label that was asked for. Else NOT_FOUND with near
 * names. */
gboolean node_selector_check_node(const GPtrArray *targets, const char *node, const char *vm,
				  GError **error);
