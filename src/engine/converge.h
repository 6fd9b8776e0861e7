/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a running migration may go on: the completion budget and the progress timeout, as
 * documented. Pure: samples and times come in, an action comes out. This is the seam where
 * post-copy, pausing and stall detection come in.
 */
#pragma once

#include "hyper/hyper.h"
#include "settings/settings.h"

typedef enum {
	CONVERGE_GO_ON,
	CONVERGE_CANCEL,
	CONVERGE_POSTCOPY, /* a later issue */
	CONVERGE_PAUSE,    /* a later issue */
} ConvergeAction;

typedef struct {
	gint64 deadline_us;    /* monotonic; 0: none */
	gint64 progress_us;    /* how long without progress is too long; 0: for ever */
	gint64 progressed_us;  /* when it last made progress */
	gint64 best_remaining; /* the lowest at the start of a pass; -1: none yet */
	gint64 pass_remaining; /* the lowest within this pass; -1: none yet */
	gint64 iteration;
	gboolean pass_improves; /* this pass began lower than any before */
} Converge;

/* budget_us 0: no deadline. */
void converge_init(Converge *converge, gint64 budget_us, gint64 progress_us, gint64 now_us);

/* job NULL: nothing could be learnt at this time. *ret_why is abortRequestedBy's word. */
ConvergeAction converge_sample(Converge *converge, const HyperJob *job, gint64 now_us,
			       const char **ret_why);
