/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an address answers, from this machine: whatever it says, be it that nothing listens at
 * that port. That is all it tells: nothing of what other hosts reach, nor of other ports. */
#pragma once

#include <glib.h>

typedef enum {
	REACH_ANSWERS,
	REACH_SILENT,
	REACH_NOT_TRIED /* it is no IP address */
} Reach;

/* Blocks for at most that time. ret_words: the system's words, to be freed with g_free(). */
Reach reach_try(const char *address, guint16 port, guint timeout_ms, char **ret_words);
