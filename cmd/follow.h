/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Following migrations by a watch. While something is unfinished it also sees to it that a
 * controller runs: without one nobody would carry it on, and the following would never end.
 */
#pragma once

#include "migration.h"

typedef enum {
	FOLLOW_ENDED,	    /* *ret_document: how it ended */
	FOLLOW_REACHED,	    /* until_phase, and it goes on */
	FOLLOW_GONE,	    /* the object is gone, and nobody saw how it ended */
	FOLLOW_TIMED_OUT,   /* it goes on */
	FOLLOW_INTERRUPTED, /* Ctrl-C: it goes on */
	FOLLOW_FAILED,	    /* *error: it cannot be followed; it goes on */
} FollowEnd;

/* Called for each change; NULL where nothing is to be shown. */
typedef void (*FollowShow)(const cJSON *document, gpointer data);

typedef struct {
	gint64 timeout_ms; /* 0: none */
	gboolean until_gone; /* not final but gone, as cancel waits for it */
	MigrationPhase until_phase; /* this phase or a later one suffices; UNSET: until it ends */
	gboolean progress;   /* on stderr: a line that is rewritten, or lines */
	FollowShow show;
	gpointer show_data;
} FollowOptions;

/* `object` is the migration as it was last seen; *ret_document is its last state. */
FollowEnd follow_migration(const CommandContext *context, const cJSON *object,
			   const FollowOptions *options, cJSON **ret_document, GError **error);

/* Turns an end into messages and an exit status: the outcome of a migration that has ended (its
 * failure is *error), an error that says how to go on (TIMEOUT), or 130. */
int follow_report(const CommandContext *context, FollowEnd end, const cJSON *document,
		  GError **error);

/* Makes sure of a controller where something is unfinished: says once when it had to start one
 * or could not. */
void follow_ensure_controller(const CommandContext *context);
