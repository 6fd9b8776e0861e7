/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: the objects that people write into files, YAML or JSON, several documents in a file,
 * Lists taken apart. The text is kept, so that whatever is wrong with an object, found here or by
 * the cluster, is told with its file, line and column.
 */
#pragma once

#include "model/json.h"
#include "model/kind.h"

typedef struct Manifest Manifest;
typedef struct ManifestFile ManifestFile;

typedef struct {
	cJSON *object;
	const ManifestFile *file;
	guint document; /* of the file, from 0 */
	char *prefix;   /* "items[2]": where it is in its document; "" */
} ManifestObject;

Manifest *manifest_new(void);
void manifest_free(Manifest *manifest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Manifest, manifest_free)

/* Reads a text (copied) and checks what can be known without a cluster: syntax, apiVersion, kind,
 * name, labels and annotations. INVALID with place, field and, in the hint, what was probably
 * meant. `name` is the file's, for messages. */
gboolean manifest_add(Manifest *manifest, const char *name, const char *text, gsize length,
		      GError **error);

guint manifest_length(const Manifest *manifest);
ManifestObject *manifest_nth(const Manifest *manifest, guint n);

/* "'web.yaml', line 12, column 3": where that field ("spec.selectors"), or what there is of the way
 * to it, stands; path NULL: the object. Free with g_free(). */
char *manifest_place(const ManifestObject *object, const char *path);

/* Puts the place of the field that is to blame in front of what the cluster has against the object,
 * and, where it is a usual mistake, what was probably meant into the hint. kind may be NULL. */
void manifest_explain(const ManifestObject *object, const Kind *kind, GError **error);
