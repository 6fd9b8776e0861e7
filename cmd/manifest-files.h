/* SPDX-License-Identifier: Apache-2.0 */
/* What apply and create share: the files, and writing what is in them. */
#pragma once

#include "migration.h"
#include "model/manifest.h"
#include "output/stream.h"
#include "resource.h"

/* Reads files, folders (their *.yaml, *.yml and *.json, by name) and "-", all of them before
 * anything is done. At least one object is in the result. */
Manifest *manifest_files_read(const GPtrArray *paths, GError **error);

/* A whole file, or "-", of at most JSON_MAX_BYTES and one more. */
GByteArray *text_file_read(const char *path, GError **error);

/* One object on its way into the cluster. */
typedef struct {
	const CommandContext *context;
	const ManifestObject *source;
	const Kind *kind;
	cJSON *object; /* with its namespace */
	ClusterWriteFlags flags;
} ManifestWrite;

/* Writes one object; *ret_verb is "created", "configured", "unchanged". NULL: *error. */
typedef cJSON *(*ManifestWriteFunc)(const ManifestWrite *write, const char **ret_verb,
				    GError **error);

/* Every object, in order; what fails is reported, and the others are written all the same. Starts
 * the controller of a local cluster where a migration was written. */
int manifest_write_all(const CommandContext *context, const Manifest *manifest,
		       ClusterWriteFlags flags, ManifestWriteFunc func, GError **error);

/* Creates it as it is; a migration on a local cluster as `kvmig migrate` does. */
cJSON *manifest_create(const ManifestWrite *write, GError **error);
