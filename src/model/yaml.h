/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to and from JSON, as Kubernetes means it: YAML 1.2's core schema for plain scalars except
 * that YAML 1.1's booleans yes/no/on/off stay strings on reading and are quoted on writing; no
 * anchors and aliases from outside (they can blow up), no tags but the core ones, no duplicate
 * keys, string keys only. Limits as in model/json.h. Errors name line and column.
 */
#pragma once

#include "model/json.h"

/* Every document of a stream; an empty document is skipped. Elements are cJSON*, freed with the
 * array. */
GPtrArray *yaml_parse_all(const char *text, gsize length, const char *what, GError **error);
/* The same; where it fails, *ret_line is the line (from 1) of the error, 0 for none. */
GPtrArray *yaml_parse_all_at(const char *text, gsize length, const char *what, gsize *ret_line,
			     GError **error);
/* Exactly one document. */
cJSON *yaml_parse(const char *text, gsize length, const char *what, GError **error);
/* Block style, keys in the order of the object, multi-line strings as literals; a newline at the
 * end. Free with g_free(). What it prints, yaml_parse() reads back equal. */
char *yaml_print(const cJSON *value);

/* Whether a plain scalar is a decimal number by the core schema of YAML 1.2: digits with a sign, a
 * point, an exponent. YAML 1.1 allows underscores, too. */
gboolean yaml_is_decimal(const char *text);
