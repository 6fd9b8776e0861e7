/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output of data: one description of columns and fields serves table, wide, json, yaml and name.
 * Writes into a FILE that cmd/ hands over. Whatever comes from outside is made harmless for a
 * terminal (control characters become \x1b-like escapes) in table, wide and name.
 */
#pragma once

#include <stdio.h>

#include "model/json.h"

typedef enum { OUTPUT_TABLE, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_YAML, OUTPUT_NAME } OutputFormat;

extern const char *const output_formats[]; /* "table", "wide", "json", "yaml", "name", NULL */

typedef struct {
	FILE *stream;
	OutputFormat format;
	gboolean no_headers;
	gboolean color; /* resolved: terminal, NO_COLOR, --color */
	/* Of gsize: where several calls print parts of one table, the columns as wide as they have
	 * been so far; the caller's, empty at first. NULL: each call for itself. */
	GArray *widths;
} Output;

/* A column: cell() returns the text for a row (free'd by the printer), NULL shows "-". */
typedef struct {
	const char *header; /* upper case */
	gboolean wide;      /* only with -o wide */
	gboolean right;     /* align right: numbers */
	char *(*cell)(const cJSON *row);
} OutputColumn;

/*
 * Prints rows. json and yaml: {"apiVersion": "kvmig.io/v1", "kind": list_kind, "items": rows}, or
 * the row itself where `single`. name: name(row) a line. Rows of Kubernetes kinds are printed
 * whole; kvmig's own are whatever the command built, with units in the field names.
 */
typedef struct {
	const char *list_kind;       /* "MigrationStatusList" */
	const OutputColumn *columns; /* ends with header NULL */
	char *(*name)(const cJSON *row);
	gboolean single;
} OutputSpec;

void output_rows(Output *output, const OutputSpec *spec, const GPtrArray *rows);

/* Makes the columns of output->widths as wide as these rows need, and prints nothing. */
void output_measure(Output *output, const OutputSpec *spec, const GPtrArray *rows);

/* One document of kvmig's own as json or yaml; `kind` and apiVersion are put in front. */
void output_document(Output *output, const char *kind, const cJSON *document);

/* Text with control characters, invalid UTF-8 and bidirectional overrides made visible; free. */
char *output_escape(const char *text);

/* "5m", "3d4h": age of a unix time, as kubectl shows it; "-" for 0. Free with g_free(). */
char *output_age(gint64 then_us, gint64 now_us);

/* Columns that a string takes on a terminal. */
gsize output_width(const char *text);

/*
 * Progress on a terminal: one line that is rewritten; elsewhere a plain line whenever the text of
 * `plain_key` changes. finish() leaves the last line in place.
 */
typedef struct Progress Progress;
Progress *progress_new(FILE *stream, gboolean terminal);
void progress_update(Progress *progress, const char *plain_key, const char *line);
void progress_finish(Progress *progress);
void progress_free(Progress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
