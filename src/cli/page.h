/* SPDX-License-Identifier: Apache-2.0 */
/* Manual pages: the tables and the prose put together. Only the generator uses this. */
#pragma once

#include "cli/cmdline.h"
#include "cli/prose.h"

typedef struct {
	const CmdLine *cmdline;
	const char *folder; /* of the prose: "man" of the source tree */
	const char *date, *version;
	gboolean man; /* else plain text */
} PageMaker;

/* "kvmig", "kvmig-reasons" or "kvmig-COMMAND"; free with g_free(). An option that is visible and
 * has no prose, and prose that belongs to nothing, are errors that name all of them. */
char *page_make(const PageMaker *maker, const char *name, GError **error);

/* The names of all pages; free with g_ptr_array_unref(). */
GPtrArray *page_names(const CmdLine *cmdline);
/* The section of a page: "1" or "7". */
const char *page_section(const char *name);
