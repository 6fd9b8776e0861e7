/* SPDX-License-Identifier: Apache-2.0 */
/* Where kvmig keeps its files; the XDG rules. All fail with NOT_FOUND and a hint where neither
 * the XDG variable nor HOME (nor the user's entry in the password file) gives a folder. */
#pragma once

#include <glib.h>

/* $XDG_STATE_HOME/kvmig, else ~/.local/state/kvmig. Not created. Free with g_free(). */
char *paths_state_dir(GError **error);

/* $XDG_CACHE_HOME/kvmig, else ~/.cache/kvmig: what can be had again. Likewise. */
char *paths_cache_dir(GError **error);

/* Makes a folder and its parents, the last one with mode 0700. FORBIDDEN where it is there and
 * belongs to another user or others may write to it. */
gboolean paths_make_private_dir(const char *path, GError **error);

/* This executable, absolute. Free with g_free(). */
char *paths_self(GError **error);
