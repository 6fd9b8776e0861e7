/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "observe.h"

typedef struct {
	const char *selector;
} NodeListValues;

/* node-add.c, node-change.c */
extern const Command node_add_command;
extern const Command node_label_command;
extern const Command node_cordon_command;
extern const Command node_uncordon_command;
extern const Command node_remove_command;

/* "Ready,SchedulingDisabled"; free with g_free(). */
char *node_status_text(const cJSON *host);
