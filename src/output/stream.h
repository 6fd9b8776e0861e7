/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of what comes one after the other and may be more than fits into memory: tables and
 * lists of objects. As in printer.h, foreign text is made harmless for a terminal.
 */
#pragma once

#include "output/printer.h"

/*
 * A table of rows whose columns are only known at run time. The widths are those of the first
 * OUTPUT_TABLE_HELD rows, which are held back until there are that many, or until it is flushed;
 * a later cell that is wider moves its own row's rest.
 */
#define OUTPUT_TABLE_HELD 500u

typedef struct OutputTable OutputTable;

/* `headers` are the names of the columns, printed in capitals. `output` is borrowed. */
OutputTable *output_table_new(const Output *output, const char *const *headers);
/* As many cells as headers; "" is left blank, text ends at its first line break, with "...". */
void output_table_add(OutputTable *table, const char *const *cells);
/* What is held back goes out, and to the stream's reader. */
void output_table_flush(OutputTable *table);
void output_table_free(OutputTable *table); /* flushes */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputTable, output_table_free)

/* A `v1` List of Kubernetes objects as json or yaml, item by item. Freed without end() it stays
 * open: whoever reads a list that was cut short must not take it for whole. */
typedef struct OutputList OutputList;
OutputList *output_list_new(const Output *output);
/* The same of kvmig's own rows, as output_rows() has them: kvmig.io/v1, kind, items. */
OutputList *output_list_new_of(const Output *output, const char *kind);
void output_list_add(OutputList *list, const cJSON *item);
void output_list_end(OutputList *list);
void output_list_free(OutputList *list);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(OutputList, output_list_free)

/* One object as json or yaml; `more`: it follows another one in the same stream. */
void output_object(const Output *output, const cJSON *object, gboolean more);
