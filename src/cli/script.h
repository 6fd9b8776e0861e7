/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers of completion scripts share. */
#pragma once

#include "cli/cmdline.h"

/* "node add"; free with g_free(). */
char *script_path(const CommandPath *path);
/* Neither the command nor one above it is hidden. */
gboolean script_visible(const CommandPath *path);
/* "add list …" without hidden ones; NULL has none; free with g_free(). */
char *script_names(const Command *const *commands);
/* text for a place between single quotes of a shell, with `also` escaped by a backslash. */
char *script_quote(const char *text, const char *also);
