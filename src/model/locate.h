/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a text a field stands: looked for only once something is wrong with it, by reading the
 * text anew, so that documents carry no positions. */
#pragma once

#include "model/json.h"

/* Whether the path leads somewhere in `value`, as messages write paths: "spec.rules[0].verbs",
 * "metadata.labels[a.b/c]", ".metadata.labels.a.b/c". *ret_depth: how many steps of it do. */
gboolean path_resolves(const cJSON *value, const char *path, guint *ret_depth);

/* Line and column (from 1) of the field in the n-th document (from 0; empty ones do not count) of
 * a YAML or JSON text: of its value, or, for maps and lists, of its key. Of a path that leads
 * nowhere, of what there is of it. `value` is the document. FALSE where the text cannot be read. */
gboolean path_locate(const char *text, gsize length, guint document, const cJSON *value,
		     const char *path, gsize *ret_line, gsize *ret_column);
