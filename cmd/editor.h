/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts in the user's editor, as `kubectl edit` does it: a private temporary file behind a header
 * of remarks, opened again with the reason where it was not accepted, and kept where work would be
 * lost.
 */
#pragma once

#include "cmd.h"

typedef struct Editor Editor;

typedef enum {
	EDITOR_CHANGED,
	EDITOR_SAVED, /* written, with the text that was given */
	EDITOR_LEFT,  /* not written */
	EDITOR_EMPTY, /* nothing is left but remarks */
} EditorEnd;

/* Why the text is there again; one line each. hint may be NULL. */
typedef struct {
	const char *message, *hint;
} EditorReason;

/* file_name: "virtualmachine-web-1.yaml"; a name that is none is made one. REFUSED where no editor
 * is named (KUBE_EDITOR, EDITOR) and there is no terminal for vi; then `otherwise` is the command
 * to use instead, NULL: 'kvmig apply -f FILE'. */
Editor *editor_new(const CommandContext *context, const char *file_name, const char *otherwise,
		   GError **error);

/* Shows `text` behind the header, with `reason` (may be NULL) in it. What is there afterwards is
 * *ret_text, without the remarks at its beginning. FALSE: the editor did not run or failed
 * (CANCELLED: by Ctrl-C); what it left is kept where that is more than was there before. */
gboolean editor_run(Editor *editor, const char *text, const EditorReason *reason,
		    EditorEnd *ret_end, char **ret_text, GError **error);

/* The text with as many empty lines in front as the header has once there is a reason: places that
 * a parser finds in it are those that the user sees then. Free with g_free(). */
char *editor_place_text(const char *text);

/* The file stays when the editor is freed, and the error's hint says where it is. */
void editor_keep(Editor *editor, GError **error);
const char *editor_path(const Editor *editor); /* borrowed */
void editor_free(Editor *editor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Editor, editor_free)
