/* SPDX-License-Identifier: Apache-2.0 */
/* The file beneath a Db: whose it is, where it lies. Only base/db.c includes this. */
#pragma once

#include "base/db.h"

/* Checks folder and file (made with mode 0600 where there is none and `create`). Returns the path
 * to open: the folder's links resolved, so that SQLite can refuse every link that comes up in the
 * path later. *ret_created: made by this call. */
char *db_file_prepare(const char *path, const char *what, gboolean create, gboolean *ret_created,
		      GError **error);

/* Nothing can write to the file while we read it: its file system is read-only, or neither the
 * file nor its folder lets us write, and no write-ahead log lies beside it. */
gboolean db_file_is_frozen(const char *path);
