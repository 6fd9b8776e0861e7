/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines that people are told to type. */
#pragma once

#include <glib.h>

/* The word as a shell takes it, within double quotes where that is needed: the whole command stands
 * between single ones in what is printed. Free with g_free(). */
char *shell_word(const char *word);
