/* SPDX-License-Identifier: Apache-2.0 */
/* What schema.c and metadata.c share: the causes for which an object is refused. */
#pragma once

#include "model/json.h"
#include "model/kind.h"

typedef struct {
	GPtrArray *texts; /* of char*: "spec.uri: must be a string" */
} Causes;

/* Once full, more causes are dropped and looking on is a waste. */
gboolean causes_full(const Causes *causes);
void causes_add(Causes *causes, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Kubernetes' rules for the metadata that every kind has. */
void metadata_check(const Kind *kind, const cJSON *object, Causes *causes);
