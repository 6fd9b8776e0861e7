/* SPDX-License-Identifier: Apache-2.0 */
/* The mistakes that people make in manifests, many of them copied with the documents: what is
 * wrong, and what was probably meant. Pure. */
#pragma once

#include "model/json.h"
#include "model/kind.h"

typedef struct {
	char *path;  /* "metadata.labels" */
	char *wrong; /* "must be a map, …" */
	char *meant; /* "labels: {app: \"web\"}"; NULL: not known */
} ManifestMistake;

/* No API server takes such an object. Elements are ManifestMistake*, freed with the array. */
GPtrArray *manifest_mistakes(const cJSON *object);
/* What our own schema of the kind has against it: only to explain that a cluster refuses it. */
GPtrArray *manifest_doubts(const Kind *kind, const cJSON *object);

/* What a line that is no YAML was probably meant to be: `line` (from 1) is where the parser gave
 * up. NULL: not known. Free with g_free(). */
char *manifest_syntax_hint(const char *text, gsize length, gsize line);

/* The text without the number of a call-out at its end ("64Mi 1", "64Mi <1>", "64Mi (1)"), or
 * NULL where there is none. Free with g_free(). */
char *manifest_without_callout(const char *text);
