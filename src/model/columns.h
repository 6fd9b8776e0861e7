/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Printer columns, as an API server makes a table of them: the additionalPrinterColumns of a
 * kind's CRD, read with a subset of JSONPath, and the usual columns of Kubernetes' own kinds.
 */
#pragma once

#include "model/json.h"
#include "model/kind.h"

/*
 * The value at a path: .a.b, ['a'], .a\.b (a key with a dot), [n] ([-1] the last), [*] (the first
 * is taken), [?(@.type=="Ready")]; a leading '.', '$' or braces around it are allowed. NULL where
 * there is none. Borrowed.
 */
const cJSON *jsonpath_find(const cJSON *value, const char *path);
/* FALSE (INVALID) where the path is not of that subset. */
gboolean jsonpath_check(const char *path, GError **error);

/* columnDefinitions of a meta.k8s.io/v1 Table: Name first. Made at first use, never freed. A kind
 * without columns of its own gets Name and Age. */
const cJSON *columns_for(const Kind *kind);
/* Whether columns_for() says how this kind is shown, rather than how anything would be. */
gboolean columns_known(const Kind *kind);

/* One row of such a table: {"cells": […], "object": {"metadata": …}}; metadata is a reference,
 * valid as long as the object is. */
cJSON *columns_row(const Kind *kind, const cJSON *object, gint64 now_us);
