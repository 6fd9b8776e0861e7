/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig get: one kind of objects on its way to the output. */
#pragma once

#include "output/stream.h"
#include "resource.h"

typedef struct {
	const char *selector;
	gboolean watch, show_managed_fields;
} GetValues;

typedef struct {
	const CommandContext *context;
	const GetValues *values;
	const Kind *kind;
	ClusterListOptions options;
	gboolean kinds_shown; /* names are kind.group/name: there are several kinds */
	guint count;          /* what has come so far */

	OutputTable *table; /* made with the first row */
	cJSON *columns;     /* columnDefinitions in force */
	OutputList *list;   /* json, yaml; NULL: objects one after the other */
	GHashTable *seen;   /* uid -> resourceVersion of what was printed; NULL: not kept */
} Get;

void get_clear(Get *get);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Get, get_clear)

gboolean get_is_table(const Get *get);
/* Prints one row of a table, one object. */
void get_add_row(Get *get, const cJSON *columns, const cJSON *row);
void get_add_object(Get *get, const cJSON *object);
/* Lists and prints; *ret_version may be NULL. */
gboolean get_list(Get *get, char **ret_version, GError **error);

/* get-watch.c: lists, then prints what changes, until Ctrl-C. */
int get_watch(Get *get, GError **error);
