/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/settle.h"

/* Asked again so often, with the same answer and no job: it is not a moment of the protocol. */
#define SAME_ENOUGH 2

typedef Settlement (*Judge)(const SettleQuestion *question);

static Settlement ask_again(const char *text)
{
	return (Settlement){ SETTLE_ASK_AGAIN, NULL, text };
}

static Settlement leave(const char *reason, const char *text)
{
	return (Settlement){ SETTLE_LEAVE, reason, text };
}

/* libvirt is through with it, as far as can be seen. Where its call came back with an answer, one
 * look is enough. */
static gboolean is_over(const SettleQuestion *question)
{
	if (question->said == SAID_OK || question->said == SAID_REFUSED ||
	    question->said == SAID_ERROR)
		return TRUE;
	return !question->job_active && question->same >= SAME_ENOUGH;
}

static gboolean is_quiet(const SettleQuestion *question)
{
	return question->quiet || question->patience_over;
}

/* Some time more, then an alarm. */
static Settlement wait_or_leave(const SettleQuestion *question, const char *reason,
				const char *text)
{
	return question->patience_over ? leave(reason, text) : ask_again(text);
}

/* ---- one copy, or none ------------------------------------------------------------------------
 */

static Settlement moved(const SettleQuestion *question G_GNUC_UNUSED)
{
	return (Settlement){ SETTLE_MOVED, NULL, NULL };
}

static Settlement stayed(const SettleQuestion *question)
{
	if (!is_over(question))
		return ask_again("libvirt has not ended the migration yet");
	/* The call of a controller that died may have reached its libvirtd and not begun yet. */
	if (question->said == SAID_NOTHING && !question->begun && !is_quiet(question))
		return ask_again("libvirt may not have begun the migration yet");
	return (Settlement){ SETTLE_STAYED, NULL, NULL };
}

static Settlement none_none(const SettleQuestion *question)
{
	if (question->job_active || question->same < SAME_ENOUGH)
		return ask_again("neither host has the VM");
	return leave(REASON_ALARM_NONE_LEFT, "neither host has the VM any more");
}

static Settlement ended(const SettleQuestion *question)
{
	if (question->job_active || question->same < SAME_ENOUGH)
		return ask_again("the VM is shut off");
	return (Settlement){ SETTLE_ENDED, REASON_FAIL_VM_GONE,
			     "the VM is shut off on the source" };
}

static Settlement none_shutoff(const SettleQuestion *question)
{
	if (question->said == SAID_OK)
		return (Settlement){ SETTLE_MOVED, NULL, "it has been shut off there since" };
	if (question->job_active || question->same < SAME_ENOUGH)
		return ask_again("the VM is shut off");
	return (Settlement){ SETTLE_ENDED, REASON_FAIL_VM_GONE,
			     "the VM is shut off on the target" };
}

static Settlement none_paused(const SettleQuestion *question)
{
	gboolean waits_for_memory = question->target.reason == HYPER_REASON_STARTING_UP ||
				    question->target.reason == HYPER_REASON_MIGRATION;

	if (question->was_paused && !waits_for_memory)
		return moved(question);
	if (question->said == SAID_OK && !waits_for_memory)
		return (Settlement){ SETTLE_MOVED, NULL, "it is paused there" };
	return wait_or_leave(question, REASON_ALARM_ONE_PAUSED,
			     "the only copy is on the target and paused");
}

static Settlement shutoff_alive(const SettleQuestion *question)
{
	if (!is_over(question))
		return ask_again("libvirt has not ended the migration yet");
	return (Settlement){ SETTLE_MOVED, NULL, "a definition of it is left on the source" };
}

static Settlement paused_none(const SettleQuestion *question)
{
	if (!is_over(question) || question->job_active || question->same < SAME_ENOUGH)
		return ask_again("the source is paused and the target has no copy");
	if (question->was_paused)
		return (Settlement){ SETTLE_STAYED, NULL, NULL };
	/* libvirt takes its guest back by itself unless its daemon died between the switch and
	 * the end. Then the target may have run the guest for a while and lost it: its disk is
	 * ahead of the source's memory, and resuming that would destroy it. */
	if (question->target_never_ran && !question->two_ran && !question->patience_over &&
	    question->source.reason == HYPER_REASON_MIGRATION)
		return (Settlement){ SETTLE_RESUME_SOURCE, NULL,
				     "the target never ran it: the source takes it back" };
	return wait_or_leave(question, REASON_ALARM_ONE_PAUSED,
			     "the only copy is on the source and paused");
}

static Settlement paused_shutoff(const SettleQuestion *question)
{
	return wait_or_leave(question, REASON_ALARM_ONE_PAUSED,
			     "the source is paused and the target has run the VM to its end");
}

/* ---- two copies ---------------------------------------------------------------------------------
 */

static Settlement two_running(const SettleQuestion *question)
{
	gint64 source = question->source.began_us, target = question->target.began_us;

	/* The hosts are asked one after the other: only a second look proves it. */
	if (question->same < SAME_ENOUGH)
		return ask_again("both hosts run the VM");
	if (source > 0 && target > 0 && source > target)
		return (Settlement){ SETTLE_SUSPEND_SOURCE, REASON_ALARM_TWO_RUNNING,
				     "two copies ran; the source's, which began second, was "
				     "suspended" };
	return (Settlement){ SETTLE_SUSPEND_TARGET, REASON_ALARM_TWO_RUNNING,
			     "two copies ran; the target's was suspended" };
}

static Settlement running_paused(const SettleQuestion *question)
{
	return wait_or_leave(question, REASON_ALARM_COPY_LEFT,
			     "it runs on the source, and a paused copy is left on the target");
}

static Settlement paused_running(const SettleQuestion *question)
{
	if (!is_over(question) || question->job_active || question->same < SAME_ENOUGH)
		return ask_again("the target runs it, the source has not let go yet");
	/* Ending the QEMU of a large guest takes a while. */
	if (!is_quiet(question))
		return ask_again("the target runs it, the source has not let go yet");
	return (Settlement){ SETTLE_MOVED, REASON_ALARM_COPY_LEFT,
			     "a paused copy is left on the source" };
}

static Settlement paused_paused(const SettleQuestion *question)
{
	return wait_or_leave(question, REASON_ALARM_BOTH_PAUSED, "both copies are paused");
}

static Settlement unclear(const SettleQuestion *question)
{
	return wait_or_leave(question, REASON_ALARM_COPY_LEFT,
			     "both hosts have a copy, one of them neither running nor paused");
}

/* ---- a host that cannot be asked
 * ------------------------------------------------------------------ */

static Settlement undecided(const SettleQuestion *question)
{
	return (Settlement){ SETTLE_UNDECIDED, REASON_ALARM_UNDECIDED,
			     question->source.copy == COPY_UNKNOWN ? "the source cannot be asked"
								   : "the target cannot be asked" };
}

/* What libvirt said counts where it said that all is done and nothing seen speaks against it;
 * but there is something left to do on the host that is silent, so it gets some time. */
static Settlement believe_success(const SettleQuestion *question)
{
	if (question->said != SAID_OK)
		return undecided(question);
	return question->patience_over ? moved(question) : undecided(question);
}

static Settlement believe_refusal(const SettleQuestion *question)
{
	return question->said == SAID_REFUSED ? stayed(question) : undecided(question);
}

/* ---- the table
 * ------------------------------------------------------------------------------------ */

/* Rows: the source. Columns: the target, in the order of Copy. */
static const Judge table[COPY_LAST][COPY_LAST] = {
	/* target:	  unknown	   none		shutoff		running	  paused  other */
	[COPY_UNKNOWN] = { undecided, undecided, undecided, believe_success, undecided, undecided },
	[COPY_NONE] = { believe_success, none_none, none_shutoff, moved, none_paused, moved },
	[COPY_SHUTOFF] = { believe_success, ended, ended, shutoff_alive, none_paused,
			   shutoff_alive },
	[COPY_RUNNING] = { believe_refusal, stayed, stayed, two_running, running_paused, unclear },
	[COPY_PAUSED] = { believe_refusal, paused_none, paused_shutoff, paused_running,
			  paused_paused, unclear },
	[COPY_OTHER] = { undecided, stayed, stayed, unclear, unclear, unclear },
};

Settlement settle(const SettleQuestion *question)
{
	Settlement settlement = table[question->source.copy][question->target.copy](question);

	/* Whatever it looks like now: a person must look at what the two of them wrote. */
	if (question->two_ran &&
	    (settlement.verdict == SETTLE_MOVED || settlement.verdict == SETTLE_STAYED ||
	     (settlement.verdict == SETTLE_ASK_AGAIN &&
	      (question->source.copy == COPY_PAUSED || question->target.copy == COPY_PAUSED))))
		return leave(REASON_ALARM_TWO_RUNNING,
			     "two copies ran; the one that began second was suspended");
	return settlement;
}

Copy copy_from_domain(const HyperDomain *domain)
{
	switch (domain->state) {
	case HYPER_DOMAIN_NONE:
		return COPY_NONE;
	case HYPER_DOMAIN_SHUTOFF:
		return COPY_SHUTOFF;
	case HYPER_DOMAIN_RUNNING:
		return COPY_RUNNING;
	case HYPER_DOMAIN_PAUSED:
		return COPY_PAUSED;
	default:
		return COPY_OTHER;
	}
}

const char *copy_to_string(Copy copy)
{
	static const char *const words[] = {
		[COPY_UNKNOWN] = "unknown", [COPY_NONE] = "none",     [COPY_SHUTOFF] = "shutoff",
		[COPY_RUNNING] = "running", [COPY_PAUSED] = "paused", [COPY_OTHER] = "other",
	};

	return words[copy];
}
