/* SPDX-License-Identifier: Apache-2.0 */
/* Exit statuses: one table, from which kvmig(1) is made too. Stable. */
#pragma once

#include "base/error.h"

/* EXIT(identifier, status, meaning) */
#define EXIT_STATUS_TABLE(EXIT)                                                                    \
	EXIT(DONE, 0, "done, or the answer is yes")                                                \
	EXIT(FAILED, 1, "failed, or the answer is no")                                             \
	EXIT(USAGE, 2, "the command line is wrong")                                                \
	EXIT(REFUSED, 3, "refused by preflight or policy; nothing was changed")                    \
	EXIT(PARTIAL, 4, "done in part")                                                           \
	EXIT(UNREACHABLE, 5, "the cluster or a host cannot be reached")                            \
	EXIT(TIMEOUT, 6, "timed out; what was started goes on")                                    \
	EXIT(FORBIDDEN, 7, "not permitted")                                                        \
	EXIT(CONFLICT, 8, "changed by somebody else, or already in flight")                        \
	EXIT(INTERRUPTED, 130, "interrupted; what was started goes on")

typedef enum {
#define EXIT(identifier, status, meaning) STATUS_##identifier = (status),
	EXIT_STATUS_TABLE(EXIT)
#undef EXIT
} ExitStatus;

ExitStatus exit_status_of_error(const GError *error);
