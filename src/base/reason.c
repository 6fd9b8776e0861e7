/* SPDX-License-Identifier: Apache-2.0 */
#include "base/reason.h"

#include <stddef.h>
#include <string.h>

#define REASON_DEFINE(identifier, value, ...) const char REASON_##identifier[] = value;
REASON_TABLE(REASON_DEFINE)
#undef REASON_DEFINE

static const Reason table[] = {
#define REASON_ROW(identifier, value, meaning, advice, ...)                                        \
	{ REASON_##identifier, meaning, advice, "" __VA_ARGS__ },
	REASON_TABLE(REASON_ROW)
#undef REASON_ROW
};

const Reason *reason_nth(unsigned n)
{
	return n < sizeof(table) / sizeof(table[0]) ? &table[n] : NULL;
}

const Reason *reason_find(const char *code)
{
	for (size_t i = 0; code && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].code, code) == 0)
			return &table[i];
	return NULL;
}
