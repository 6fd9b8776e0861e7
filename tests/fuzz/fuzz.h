/* SPDX-License-Identifier: Apache-2.0 */
/* A fuzz target is one function. libFuzzer calls it (make fuzz); replay.c feeds it the corpus. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every refusal keeps to: one line of UTF-8 that is not endless. Frees the error. */
static inline void fuzz_check_error(GError *error)
{
	g_assert_nonnull(error);
	g_assert_true(g_utf8_validate(error->message, -1, NULL));
	g_assert_cmpuint(strlen(error->message), <, 16384);
	for (const char *c = error->message; *c; c++)
		g_assert_false(g_ascii_iscntrl(*c));
	g_error_free(error);
}
