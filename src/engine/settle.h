/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a migration, decided from what both hosts say. Pure: no clock, no hosts.
 *
 * The rule above all others: kvmig acts only where there is one right way on. A host that cannot
 * be asked is never taken for one that has nothing; a copy is never destroyed; a copy is resumed
 * only where it is certain that no other one has run.
 */
#pragma once

#include "base/reason.h"
#include "hyper/hyper.h"

/* What a host has of the domain. */
typedef enum {
	COPY_UNKNOWN, /* the host cannot be asked */
	COPY_NONE,
	COPY_SHUTOFF, /* a definition, nothing that runs */
	COPY_RUNNING,
	COPY_PAUSED,
	COPY_OTHER, /* alive in a state of which nothing follows: shutting down, crashed, asleep */
	COPY_LAST
} Copy;

typedef struct {
	Copy copy;
	HyperReason reason;
	gint64 began_us; /* when it began to run, on one clock for both; 0: not known */
} SettleHost;

/* How libvirt's own call ended. */
typedef enum {
	SAID_NOTHING, /* nobody heard: another controller made the call, or it never came back */
	SAID_OK,
	SAID_REFUSED, /* before anything was begun */
	SAID_ERROR,
	SAID_UNKNOWN, /* the connection broke: it may go on */
	SAID_LAST
} Said;

typedef struct {
	SettleHost source, target;
	Said said;
	gboolean begun;      /* that job has been seen going on */
	gboolean job_active; /* the source says that its job goes on */
	gboolean was_paused; /* before it all began, by somebody else */
	gboolean two_ran;    /* the journal says that two copies ran, and one was suspended */
	/* Heard of the target without a gap since the hand-over, and it never began to run. */
	gboolean target_never_ran;
	guint same;             /* answers in a row that were like this one */
	gboolean quiet;         /* like this for longer than a call could be on its way */
	gboolean patience_over; /* it has been like this for longer than libvirt could need */
} SettleQuestion;

typedef enum {
	SETTLE_ASK_AGAIN, /* it may still change by itself */
	SETTLE_UNDECIDED, /* a host must be asked first; nothing may be begun until then */
	SETTLE_MOVED,     /* the VM is on the target */
	SETTLE_STAYED,    /* the VM is on the source */
	SETTLE_ENDED,     /* it ran to its end, or was ended; a definition is left, or nothing */
	SETTLE_LEAVE,     /* an alarm: it ends here, and nobody touches the copies */
	SETTLE_SUSPEND_SOURCE,
	SETTLE_SUSPEND_TARGET,
	SETTLE_RESUME_SOURCE,
} SettleVerdict;

typedef struct {
	SettleVerdict verdict;
	const char *reason; /* REASON_…; NULL: libvirt's own words say it, or all is well */
	const char *text;   /* for people; or NULL */
} Settlement;

Settlement settle(const SettleQuestion *question);

Copy copy_from_domain(const HyperDomain *domain);
const char *copy_to_string(Copy copy); /* as in status.kvmig.result.endState */
