/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules that decide what became of a migration: the table of DESIGN's states one by one, and
 * what must hold of every combination there is.
 */
#include <glib.h>

#include "engine/converge.h"
#include "engine/settle.h"
#include "reason-log.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)

/* A question that nothing is left open in: libvirt answered, the same was seen twice. */
static SettleQuestion ask(Copy source, Copy target, Said said)
{
	return (SettleQuestion){
		.source = { .copy = source }, .target = { .copy = target }, .said = said, .same = 2
	};
}

static void check(SettleQuestion question, SettleVerdict verdict, const char *reason)
{
	Settlement settlement = settle(&question);

	if (settlement.verdict != verdict || g_strcmp0(settlement.reason, reason) != 0)
		g_error("%s/%s, said %d: verdict %d (%s), not %d (%s)",
			copy_to_string(question.source.copy), copy_to_string(question.target.copy),
			question.said, settlement.verdict,
			settlement.reason ? settlement.reason : "-", verdict,
			reason ? reason : "-");
	reason_log(settlement.reason);
}

static void test_one_copy(void)
{
	for (int said = SAID_NOTHING; said < SAID_LAST; said++) {
		check(ask(COPY_NONE, COPY_RUNNING, said), SETTLE_MOVED, NULL);
		check(ask(COPY_RUNNING, COPY_NONE, said),
		      said == SAID_NOTHING ? SETTLE_ASK_AGAIN : SETTLE_STAYED, NULL);
		check(ask(COPY_SHUTOFF, COPY_RUNNING, said), SETTLE_MOVED, NULL);
		check(ask(COPY_NONE, COPY_NONE, said), SETTLE_LEAVE, REASON_ALARM_NONE_LEFT);
		check(ask(COPY_SHUTOFF, COPY_NONE, said), SETTLE_ENDED, REASON_FAIL_VM_GONE);
	}
	check(ask(COPY_NONE, COPY_SHUTOFF, SAID_OK), SETTLE_MOVED, NULL);
	check(ask(COPY_NONE, COPY_SHUTOFF, SAID_ERROR), SETTLE_ENDED, REASON_FAIL_VM_GONE);
}

/* Nobody heard libvirt: one look is a moment of its protocol, and a job that goes on goes on. */
static void test_not_over(void)
{
	SettleQuestion question = ask(COPY_RUNNING, COPY_NONE, SAID_NOTHING);

	question.same = 1;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.same = 5;
	question.job_active = TRUE;
	check(question, SETTLE_ASK_AGAIN, NULL);
	/* the call may be on its way still */
	question.job_active = FALSE;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.quiet = TRUE;
	check(question, SETTLE_STAYED, NULL);
	question.quiet = FALSE;
	question.begun = TRUE;
	check(question, SETTLE_STAYED, NULL);
	question.begun = FALSE;
	question.said = SAID_UNKNOWN;
	check(question, SETTLE_STAYED, NULL);
}

static void test_silence(void)
{
	SettleQuestion question = ask(COPY_NONE, COPY_UNKNOWN, SAID_OK);

	for (int copy = COPY_UNKNOWN; copy < COPY_LAST; copy++) {
		check(ask(COPY_UNKNOWN, copy, SAID_ERROR), SETTLE_UNDECIDED,
		      REASON_ALARM_UNDECIDED);
		check(ask(copy, COPY_UNKNOWN, SAID_ERROR), SETTLE_UNDECIDED,
		      REASON_ALARM_UNDECIDED);
		check(ask(copy, COPY_UNKNOWN, SAID_NOTHING), SETTLE_UNDECIDED,
		      REASON_ALARM_UNDECIDED);
	}
	check(ask(COPY_RUNNING, COPY_UNKNOWN, SAID_REFUSED), SETTLE_STAYED, NULL);
	check(ask(COPY_UNKNOWN, COPY_RUNNING, SAID_OK), SETTLE_UNDECIDED, REASON_ALARM_UNDECIDED);
	question.patience_over = TRUE;
	check(question, SETTLE_MOVED, NULL);
	question.source.copy = COPY_UNKNOWN;
	question.target.copy = COPY_RUNNING;
	check(question, SETTLE_MOVED, NULL);
	check(ask(COPY_RUNNING, COPY_UNKNOWN, SAID_OK), SETTLE_UNDECIDED, REASON_ALARM_UNDECIDED);
}

static void test_two_running(void)
{
	SettleQuestion question = ask(COPY_RUNNING, COPY_RUNNING, SAID_ERROR);

	question.same = 1;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.same = 2;
	check(question, SETTLE_SUSPEND_TARGET, REASON_ALARM_TWO_RUNNING);
	question.source.began_us = 100;
	check(question, SETTLE_SUSPEND_TARGET, REASON_ALARM_TWO_RUNNING);
	question.target.began_us = 200;
	check(question, SETTLE_SUSPEND_TARGET, REASON_ALARM_TWO_RUNNING);
	question.source.began_us = 300;
	check(question, SETTLE_SUSPEND_SOURCE, REASON_ALARM_TWO_RUNNING);
	question = ask(COPY_RUNNING, COPY_PAUSED, SAID_ERROR);
	question.two_ran = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_TWO_RUNNING);
	question = ask(COPY_PAUSED, COPY_RUNNING, SAID_ERROR);
	question.two_ran = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_TWO_RUNNING);
}

static void test_source_paused(void)
{
	SettleQuestion question = ask(COPY_PAUSED, COPY_NONE, SAID_ERROR);

	question.source.reason = HYPER_REASON_MIGRATION;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.target_never_ran = TRUE;
	check(question, SETTLE_RESUME_SOURCE, NULL);
	question.source.reason = HYPER_REASON_IO_ERROR;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.patience_over = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_ONE_PAUSED);
	question.was_paused = TRUE;
	check(question, SETTLE_STAYED, NULL);

	question = ask(COPY_PAUSED, COPY_RUNNING, SAID_UNKNOWN);
	question.source.reason = HYPER_REASON_MIGRATION;
	check(question, SETTLE_ASK_AGAIN, NULL); /* its QEMU is being ended */
	question.quiet = TRUE;
	check(question, SETTLE_MOVED, REASON_ALARM_COPY_LEFT);
	question.job_active = TRUE;
	check(question, SETTLE_ASK_AGAIN, NULL);
}

static void test_target_paused(void)
{
	SettleQuestion question = ask(COPY_RUNNING, COPY_PAUSED, SAID_ERROR);

	check(question, SETTLE_ASK_AGAIN, NULL);
	question.patience_over = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_COPY_LEFT);

	question = ask(COPY_NONE, COPY_PAUSED, SAID_OK);
	question.target.reason = HYPER_REASON_USER;
	question.was_paused = TRUE;
	check(question, SETTLE_MOVED, NULL);
	question.was_paused = FALSE;
	question.target.reason = HYPER_REASON_IO_ERROR;
	check(question, SETTLE_MOVED, NULL);
	question.target.reason = HYPER_REASON_STARTING_UP;
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.patience_over = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_ONE_PAUSED);

	question = ask(COPY_PAUSED, COPY_PAUSED, SAID_ERROR);
	check(question, SETTLE_ASK_AGAIN, NULL);
	question.patience_over = TRUE;
	check(question, SETTLE_LEAVE, REASON_ALARM_BOTH_PAUSED);
}

/* ---- what holds of all ------------------------------------------------------------------------
 */

static gboolean is_alive(Copy copy)
{
	return copy == COPY_RUNNING || copy == COPY_PAUSED || copy == COPY_OTHER;
}

static void check_rules(const SettleQuestion *q)
{
	Settlement settlement = settle(q);
	Copy source = q->source.copy, target = q->target.copy;

	switch (settlement.verdict) {
	case SETTLE_RESUME_SOURCE: /* no second copy */
		g_assert_cmpint(source, ==, COPY_PAUSED);
		g_assert_cmpint(target, ==, COPY_NONE);
		g_assert_true(q->target_never_ran && !q->job_active && !q->was_paused);
		g_assert_false(q->two_ran);
		break;
	case SETTLE_SUSPEND_SOURCE: /* never the last that runs */
	case SETTLE_SUSPEND_TARGET:
		g_assert_true(source == COPY_RUNNING && target == COPY_RUNNING && q->same >= 2);
		break;
	case SETTLE_MOVED: /* the target has it, and the source does not run it */
		g_assert_cmpint(source, !=, COPY_RUNNING);
		g_assert_true(is_alive(target) || q->said == SAID_OK);
		g_assert_true(source != COPY_UNKNOWN || q->said == SAID_OK);
		break;
	case SETTLE_STAYED: /* the source has it, and the target does not run it */
		g_assert_true(is_alive(source));
		g_assert_false(is_alive(target));
		g_assert_true(target != COPY_UNKNOWN || q->said == SAID_REFUSED);
		break;
	case SETTLE_ENDED:
		g_assert_false(is_alive(source) || is_alive(target));
		g_assert_true(source != COPY_UNKNOWN && target != COPY_UNKNOWN);
		break;
	case SETTLE_UNDECIDED:
		g_assert_true(source == COPY_UNKNOWN || target == COPY_UNKNOWN);
		break;
	case SETTLE_LEAVE:
		g_assert_nonnull(settlement.reason);
		g_assert_true(g_str_has_prefix(settlement.reason, "KVMIG-ALARM-"));
		break;
	case SETTLE_ASK_AGAIN: /* not for ever */
		g_assert_true(!q->patience_over || q->job_active || q->same < 2);
		break;
	}
}

static void test_every_combination(void)
{
	static const HyperReason reasons[] = { HYPER_REASON_MIGRATION, HYPER_REASON_USER,
					       HYPER_REASON_STARTING_UP, HYPER_REASON_UNKNOWN };
	guint n = 0;

	for (guint bits = 0; bits < 1u << 6; bits++)
		for (int source = 0; source < COPY_LAST; source++)
			for (int target = 0; target < COPY_LAST; target++)
				for (int said = 0; said < SAID_LAST; said++)
					for (guint r = 0; r < 16; r++)
						for (guint same = 1; same <= 3; same += 2) {
							SettleQuestion q =
								ask(source, target, said);

							q.same = same;
							q.source.reason = reasons[r / 4];
							q.target.reason = reasons[r % 4];
							q.job_active = bits & 1;
							q.was_paused = bits & 2;
							q.two_ran = bits & 4;
							q.target_never_ran = bits & 8;
							q.patience_over = bits & 16;
							q.quiet = bits & 32;
							check_rules(&q);
							n++;
						}
	g_assert_cmpuint(n, ==, 64 * 36 * 5 * 16 * 2);
}

/* ---- convergence ------------------------------------------------------------------------------
 */

static ConvergeAction sample(Converge *converge, gint64 second, gint64 iteration,
			     gint64 remaining_mib, const char **why)
{
	HyperJob job = { .active = TRUE,
			 .iteration = iteration,
			 .memory_total_bytes = 1024 * MIB,
			 .memory_remaining_bytes = remaining_mib * MIB,
			 .disk_total_bytes = -1,
			 .disk_remaining_bytes = -1 };

	return converge_sample(converge, &job, second * G_USEC_PER_SEC, why);
}

static void test_progress(void)
{
	const char *why = NULL;
	Converge converge;

	/* a long first pass makes progress all along */
	converge_init(&converge, 0, 10 * G_USEC_PER_SEC, 0);
	for (gint64 s = 0; s <= 60; s++)
		g_assert_cmpint(sample(&converge, s, 1, 1024 - s * 10, &why), ==, CONVERGE_GO_ON);
	/* then passes of equal size: bytes flow, nothing is gained */
	for (gint64 s = 61; s <= 71; s++)
		g_assert_cmpint(sample(&converge, s, s, 500, &why), ==, CONVERGE_GO_ON);
	g_assert_cmpint(sample(&converge, 72, 72, 500, &why), ==, CONVERGE_CANCEL);
	g_assert_cmpstr(why, ==, "progress-timeout");
}

/* Smaller passes are progress, however the figures swing within them. */
static void test_shrinking_passes(void)
{
	const char *why = NULL;
	Converge converge;

	converge_init(&converge, 0, 10 * G_USEC_PER_SEC, 0);
	for (gint64 pass = 0; pass < 20; pass++) {
		g_assert_cmpint(sample(&converge, pass * 8, pass, 1000 - pass * 40, &why), ==,
				CONVERGE_GO_ON);
		g_assert_cmpint(sample(&converge, pass * 8 + 4, pass, 10, &why), ==,
				CONVERGE_GO_ON);
	}
}

static void test_silent_job(void)
{
	const char *why = NULL;
	Converge converge;

	converge_init(&converge, 0, 10 * G_USEC_PER_SEC, 0);
	sample(&converge, 1, 1, 1000, &why);
	g_assert_cmpint(converge_sample(&converge, NULL, 10 * G_USEC_PER_SEC, &why), ==,
			CONVERGE_GO_ON);
	g_assert_cmpint(converge_sample(&converge, NULL, 12 * G_USEC_PER_SEC, &why), ==,
			CONVERGE_CANCEL);
	converge_init(&converge, 0, 0, 0); /* no limit at all */
	g_assert_cmpint(converge_sample(&converge, NULL, G_MAXINT64 / 2, &why), ==, CONVERGE_GO_ON);
}

static void test_deadline(void)
{
	const char *why = NULL;
	Converge converge;

	converge_init(&converge, 30 * G_USEC_PER_SEC, 0, 0);
	g_assert_cmpint(sample(&converge, 29, 1, 500, &why), ==, CONVERGE_GO_ON);
	g_assert_cmpint(sample(&converge, 30, 1, 400, &why), ==, CONVERGE_CANCEL);
	g_assert_cmpstr(why, ==, "completion-timeout");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/settle/one-copy", test_one_copy);
	g_test_add_func("/settle/not-over", test_not_over);
	g_test_add_func("/settle/silence", test_silence);
	g_test_add_func("/settle/two-running", test_two_running);
	g_test_add_func("/settle/source-paused", test_source_paused);
	g_test_add_func("/settle/target-paused", test_target_paused);
	g_test_add_func("/settle/every-combination", test_every_combination);
	g_test_add_func("/converge/progress", test_progress);
	g_test_add_func("/converge/shrinking-passes", test_shrinking_passes);
	g_test_add_func("/converge/silent-job", test_silent_job);
	g_test_add_func("/converge/deadline", test_deadline);
	return g_test_run();
}
