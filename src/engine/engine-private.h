/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the engine share. One Job is one unfinished migration; its state decides
 * which step function runs when something happens (states.h). A step never blocks: it returns
 * MORE (run the step of the state that it entered), WAIT (an answer, a timer or an event will
 * come) or DONE (the migration has ended, the job is freed).
 */
#pragma once

#include "engine/converge.h"
#include "engine/engine.h"
#include "engine/settle.h"
#include "engine/states.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/vmi.h"

#define ASK_TIMEOUT_MS 10000
#define CONDITION_ALARM "kvmig.io/Alarm" /* of a migration: a person must look */

typedef struct Job Job;

typedef enum {
#define STATE_ENUM(identifier, name, step, text, after) STATE_##identifier,
	ENGINE_STATES(STATE_ENUM)
#undef STATE_ENUM
		STATE_LAST
} JobState;

typedef enum { STEP_MORE, STEP_WAIT, STEP_DONE } StepResult;

typedef struct {
	cJSON *object;
	Host host; /* reads object */
} HostEntry;

struct Engine {
	EngineOptions options;
	Cluster *cluster;
	Clock *clock;
	Settings settings;      /* of the cluster's object, the last that could be read */
	cJSON *settings_object; /* that object; NULL: none */
	GHashTable *jobs;       /* uid -> Job */
	GHashTable *by_vmi;     /* "ns/name" -> Job */
	GHashTable *by_domain;  /* domain's uuid -> Job, past the queue */
	GHashTable *hosts;      /* name -> HostEntry */
	GPtrArray *host_views;  /* of Host*, in the entries */
	GHashTable *finished;   /* "ns/name" of the VMI -> GPtrArray, of finished.c */
	ClusterWatch *watches[4];
	guint round_timer, progress_timer, rewatch_timer;
	gint64 ranked_us; /* when places in the queue were last written */
	EngineStepHook hook;
	gpointer hook_data;
	gboolean halted; /* it acts no more: engine_halt(), or a failure that forbids it */
};

/* What was done on behalf of a copy of the VM: where it is to be found, what was seen there. */
typedef struct {
	SettleHost is;
	gint64 began_us; /* when an event told that it began to run; 0: none did */
	GError *error;   /* why it could not be asked */
} JobSide;

struct Job {
	Engine *engine;
	char *uid, *vmi_key;
	cJSON *object;
	cJSON *stored_status; /* as the cluster has it: tells another writer's hand */
	Migration view;       /* of object */
	cJSON *vmi_object;    /* NULL: there is none */
	Vmi vmi;
	JobState state;
	const char *waits_for;
	GPtrArray *asks; /* of Ask */
	guint timer;
	gboolean orphan; /* the object is gone: nothing is written any more */

	/* where from, where to */
	char *source, *target, *uuid;
	gint64 memory_bytes;
	gboolean persistent, was_paused;

	/* in force since the hand-over (effective.c) */
	Settings settings;

	/* in the queue */
	GHashTable *avoid;        /* node -> gint64*: until when; it did not answer */
	GHashTable *avoid_reason; /* node -> words */
	gint64 not_before_us;
	gint64 no_target_until_us; /* then it fails; 0: a node fits, or nobody has looked yet */
	char *held;         /* why it is not tried before that: PEND-VM-BUSY */
	char *other_job;    /* of probing: what libvirt does with the domain already */
	guint source_failures;
	int rank, rank_of; /* as stored; 0: not yet */

	/* probing */
	gboolean asked;
	HyperDomain *domain; /* on the source */
	HyperDomainState target_state;
	HyperHostInfo *source_info, *target_info;
	GError *source_error, *target_error;

	/* following */
	const char *cancel_by; /* abortRequestedBy; NULL: nobody has asked */
	gboolean cancel_stored;
	gboolean handed_over, migrating; /* MIGRATE is out */
	gboolean job_seen, polling;
	gboolean job_looked; /* since following began libvirt was asked for its job, */
	gboolean anothers;   /* and that was not a migration */
	gint64 job_gone_since_us; /* 0: it is there */
	gint64 next_poll_us, next_abort_us;
	gint64 handed_over_us;      /* monotonic; 0: by another controller */
	gint64 handed_over_unix_us; /* 0: never */
	Converge converge;
	HyperJob sample; /* the last one of an active job */
	gboolean sampled, progress_due;
	gint64 sampled_us;

	/* settling */
	Said said;
	GError *said_error;
	JobSide sides[2]; /* source, target */
	gboolean job_active, two_ran, target_heard;
	Copy last[2];
	guint same;
	gint64 same_since_us;
	guint attempts;
	HyperJob completed;
	gboolean completed_known, alarmed;
	char *silent;          /* the node that could not be asked for a while; or NULL */
	gboolean asking_pause; /* the timer says when to ask again */
	int act_side;          /* where a copy is to be suspended */

	/* ending */
	gboolean success;
	const char *reason; /* REASON_… or NULL */
	char *message, *hint;
	const char *autostart_side; /* node that is to have it; NULL: none */
	guint autostart_tries;
};

enum { SOURCE, TARGET };

/* ---- effective.c ---------------------------------------------------------------------------- */

/* Finds settings and policy of a job that is about to be handed over, and writes them into its
 * object. Fails where they cannot be read, or a policy holds what cannot be obeyed. */
gboolean job_find_settings(Job *job, GError **error);
/* What was written there, into a patch of a VMI's migrationState. */
void job_tell_settings(const Job *job, cJSON *state);

/* ---- job.c ---------------------------------------------------------------------------------- */

Job *job_new(Engine *engine, const cJSON *object);
void job_free(Job *job);
/* Takes `object` in the place of the one it has. */
void job_take_object(Job *job, cJSON *object);
void job_read(Job *job); /* after a change to object */
void job_take_vmi(Job *job, cJSON *vmi_object);
void job_run(Job *job);
void job_enter(Job *job, JobState state);
StepResult job_wait(Job *job, const char *what);
void job_wake_in(Job *job, gint64 delay_ms);
void job_set_place(Job *job, const char *source, const char *target, const char *uuid);
cJSON *job_kvmig(Job *job); /* status.kvmig, made where it is absent */

typedef void (*AskDone)(Job *job, HyperAnswer *answer);
/* done is called from the main loop, once, unless the job ends or the asking is forgotten; a node
 * that cannot be reached or is not there any more is an error like others. */
void job_ask(Job *job, const char *node, const HyperCall *call, AskDone done);
void job_forget_asks(Job *job);
JobState state_after_crash(const char *name); /* of the journal's word; QUEUED for NULL */
const char *state_name(JobState state);

/* ---- journal.c ------------------------------------------------------------------------------ */

/* Stores that the job is about to do what `state` does. FALSE: it must not (the write failed and
 * the step is run again later, or the engine was halted). */
gboolean journal_step(Job *job, JobState state);
/* The same with the VMI's migrationState, as one write. */
gboolean journal_hand_over(Job *job);
gboolean journal_store(Job *job, GError **error);
/* Sees to it that the object cannot go away while its migration is unfinished. */
void journal_claim(Job *job);
/* After a batch that was rolled back: what the cluster has, and the job's own status kept. */
void journal_resync(Job *job);
/* Outcome, VMI, finalizer: as one. */
gboolean journal_end(Job *job);
void journal_set_phase(Job *job, MigrationPhase phase);
/* Every phase up to and including that one, in order. */
void journal_advance(Job *job, MigrationPhase phase);
void journal_waiting(Job *job, const char *reason, const char *message, int position, int of);
void journal_deadline(Job *job, gint64 unix_us, const char *action, const char *reason);
void journal_progress(Job *job);
void journal_alarm(Job *job, const char *reason, const char *message);
/* Sets or removes the VMI's condition kvmig.io/Undecided. */
void journal_vmi_undecided(Job *job, const char *message);
gboolean journal_history(Job *job, GError **error);

/* ---- queue.c -------------------------------------------------------------------------------- */

void queue_schedule_round(Engine *engine);

/* ---- finished.c ----------------------------------------------------------------------------- */

/* Migrations that have ended: of each VM the newest few are kept, as KubeVirt does it; history
 * has them all. */
GHashTable *finished_new(void);
void finished_note(Engine *engine, const Migration *migration);
void finished_forget(Engine *engine, const Migration *migration);

/* ---- steps ---------------------------------------------------------------------------------- */

#define STATE_DECLARE(identifier, name, step, text, after) StepResult step(Job *job);
ENGINE_STATES(STATE_DECLARE)
#undef STATE_DECLARE

/* Enters PROBING with that target. */
void start_probing(Job *job, const char *target);
/* Back to the queue, not before delay_ms. */
StepResult start_requeue(Job *job, gint64 delay_ms);
/* Enters FOLLOWING; what goes on is found by asking for the job. */
void follow_begin(Job *job);
void follow_submit(Job *job, const HyperMigrateParams *params);
void follow_cancel(Job *job, const char *by);
void follow_iteration(Job *job);
/* Whether libvirt has a migration of the domain under way. Notes whether what it has is another's
 * job, say a backup: that is none of ours to wait for or to abort. */
gboolean follow_is_active(Job *job, const HyperAnswer *answer);
/* Begins to ask; the asks of what was before are forgotten. */
void settle_begin(Job *job);
/* Something was heard from a host: do not wait for the timer. */
void settle_poke(Job *job);
StepResult end_settled(Job *job, const Settlement *settlement);
/* Fails before anything was begun. Message and hint are copied. */
StepResult end_failed(Job *job, const char *reason, const char *message, const char *hint);
StepResult end_cancelled(Job *job);

/* ---- recover.c ------------------------------------------------------------------------------ */

void recover_job(Job *job);
