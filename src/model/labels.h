/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors, and the key=value arguments of the command line. */
#pragma once

#include "model/json.h"

/* A parsed selector: every requirement must hold. `=`, `==`, `!=`, `in (a,b)`, `notin (a,b)`,
 * `key`, `!key`, separated by commas, as kubectl's -l reads them. */
typedef struct Selector Selector;

/* NULL and "" select everything. Error INVALID points at the place. */
Selector *selector_parse(const char *text, GError **error);
/* From a map string->string (nodeSelector): every pair must be there. NULL selects everything. */
Selector *selector_from_map(const cJSON *map);
void selector_free(Selector *selector);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Selector, selector_free)

/* As text that selector_parse() and an API server's labelSelector read; "" where it selects
 * everything. Free with g_free(). */
char *selector_format(const Selector *selector);

/* labels may be NULL (no labels). A NULL selector matches. */
gboolean selector_matches(const Selector *selector, const cJSON *labels);

/* The first requirement that does not hold, in words ("zone=a: the node has zone=b", "zone: the
 * node lacks it"), or NULL where all hold. `subject` is "the node". Free with g_free(). */
char *selector_explain(const Selector *selector, const cJSON *labels, const char *subject);

/* "k=v,k2=v2" to a JSON map, keys and values checked; error INVALID. */
cJSON *labels_parse_map(const char *text, GError **error);

/* One argument of `label`: "k=v" sets, "k-" removes (*ret_value is NULL then). */
gboolean labels_parse_change(const char *text, char **ret_key, char **ret_value, GError **error);
