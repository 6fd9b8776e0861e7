/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress is measured on what remains. Within a pass over the memory that only falls; at each
 * pass it jumps up by what the guest has written meanwhile. So two things are progress: a pass
 * that begins with less than any before, and less remaining within such a pass. A guest that
 * writes as fast as the link carries makes none, although bytes flow for ever.
 */
#include "engine/converge.h"

void converge_init(Converge *converge, gint64 budget_us, gint64 progress_us, gint64 now_us)
{
	*converge = (Converge){
		.deadline_us = budget_us > 0 ? now_us + budget_us : 0,
		.progress_us = progress_us,
		.progressed_us = now_us,
		.best_remaining = -1,
		.pass_remaining = -1,
		.iteration = -1,
	};
}

static void begin_pass(Converge *converge, gint64 remaining, gint64 now_us)
{
	converge->pass_improves =
		converge->best_remaining < 0 || remaining < converge->best_remaining;
	converge->pass_remaining = remaining;
	if (!converge->pass_improves)
		return;
	converge->best_remaining = remaining;
	converge->progressed_us = now_us;
}

/* Not every libvirt counts iterations; a jump up tells a new pass too. */
static void observe(Converge *converge, const HyperJob *job, gint64 now_us)
{
	gint64 remaining = job->memory_remaining_bytes;
	gint64 disk = MAX(job->disk_remaining_bytes, 0);

	if (remaining < 0 || job->memory_total_bytes <= 0)
		return; /* the memory is not being copied yet */
	remaining += disk;
	if (converge->pass_remaining < 0 || job->iteration != converge->iteration ||
	    remaining > converge->pass_remaining) {
		begin_pass(converge, remaining, now_us);
	} else if (remaining < converge->pass_remaining) {
		converge->pass_remaining = remaining;
		if (converge->pass_improves)
			converge->progressed_us = now_us;
	}
	converge->iteration = job->iteration;
}

ConvergeAction converge_sample(Converge *converge, const HyperJob *job, gint64 now_us,
			       const char **ret_why)
{
	if (job && job->active && !job->postcopy)
		observe(converge, job, now_us);
	if (job && job->postcopy)
		return CONVERGE_GO_ON; /* no way back any more */
	if (converge->progress_us > 0 && now_us - converge->progressed_us > converge->progress_us) {
		*ret_why = "progress-timeout";
		return CONVERGE_CANCEL;
	}
	if (converge->deadline_us > 0 && now_us >= converge->deadline_us) {
		*ret_why = "completion-timeout";
		return CONVERGE_CANCEL;
	}
	return CONVERGE_GO_ON;
}
