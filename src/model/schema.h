/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validation by the named subset of OpenAPI that the local store keeps: type, required,
 * properties, additionalProperties, items, enum, minimum, maximum, pattern, minLength, maxLength,
 * x-kubernetes-int-or-string, x-kubernetes-preserve-unknown-fields, nullable, default. The schemas
 * are the CRD manifests of contrib/crds, compiled into the program.
 */
#pragma once

#include "model/kind.h"
#include "model/json.h"

/* openAPIV3Schema of the kind (parsed at first use, owned by the table), or NULL where the kind
 * has no schema (Kubernetes' own kinds: only metadata is checked). */
const cJSON *schema_for(const Kind *kind);

/* Checks an object against its kind's schema and the rules of metadata; unknown fields are
 * errors, as with fieldValidation=Strict. Error INVALID lists every cause with its path, "; "
 * between them, at most ten: "spec.uri: must be a string; spec.uris: unknown field". */
gboolean schema_validate(const Kind *kind, const cJSON *object, GError **error);

/* Fills in the defaults of the schema for absent fields. */
void schema_apply_defaults(const Kind *kind, cJSON *object);

/* The same by any schema of that subset, for parts of objects: `path` stands before the causes. */
gboolean schema_check_value(const cJSON *schema, const cJSON *value, const char *path,
			    GError **error);
void schema_default_value(const cJSON *schema, cJSON *value);

/* The kind's CRD manifest as JSON text, what `cluster init` installs; NULL as schema_for(). */
const char *schema_manifest(const Kind *kind);
