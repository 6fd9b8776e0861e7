/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated hosts behind hyper.h: a driver that needs no hypervisor and lives on a virtual clock,
 * for tests of scale and of faults. What it plays is libvirt's peer-to-peer protocol (prepare,
 * passes over the memory, switch, finish, confirm) with what its daemons do when one of them, a
 * host, a link or an answer is lost, as far as that was read or seen of libvirt 9. It proves that
 * the engine keeps its rules in a world like that; it proves nothing about libvirt.
 *
 * The world outlives the controllers that look at it: a Sim serves one Hyper after another, as
 * real hosts do. A migration that was begun goes on whether anybody listens or not.
 */
#pragma once

#include "base/clock.h"
#include "hyper/hyper.h"

typedef struct Sim Sim;

Sim *sim_new(Clock *clock); /* a virtual one; borrowed */
void sim_free(Sim *sim);    /* after the Hyper that uses it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sim, sim_free)

/* For hyper_new(), with the Sim as driver_data. */
const HyperDriver *sim_driver(void);

/* ---- the world ------------------------------------------------------------------------------- */

/* A host with the URI "qemu+tls://NAME/system", up, empty. */
void sim_add_host(Sim *sim, const char *name, gint64 memory_bytes);
#define SIM_URI_FORMAT "qemu+tls://%s/system"

typedef struct {
	const char *uuid;
	const char *name;
	gint64 memory_bytes;
	gint64 dirty_bytes_per_second;
	gint64 working_set_bytes; /* 0: all of its memory */
	gboolean transient;       /* not persistent */
	gboolean autostart;
	gboolean paused; /* by a user */
	gboolean shutoff;
} SimGuest;

void sim_add_guest(Sim *sim, const char *host, const SimGuest *guest);
/* Every link; the default is 1 GiB/s. */
void sim_set_link(Sim *sim, gint64 bytes_per_second);
/* As sanlock or QEMU's image locks do: a second copy cannot begin to run. */
void sim_set_disk_locks(Sim *sim, gboolean locks);
/* Another job of libvirt on the domain, in words (a constant: "backup"); NULL: none. */
void sim_set_other_job(Sim *sim, const char *host, const char *uuid, const char *operation);
/* NULL: it has been aborted, or there was none. */
const char *sim_other_job(Sim *sim, const char *host, const char *uuid);
void sim_set_certificates(Sim *sim, const char *host, int certificates);

/* ---- what is so ------------------------------------------------------------------------------ */

HyperDomainState sim_state(Sim *sim, const char *host, const char *uuid);
HyperReason sim_reason(Sim *sim, const char *host, const char *uuid);
gboolean sim_autostart(Sim *sim, const char *host, const char *uuid);
guint sim_running_copies(Sim *sim, const char *uuid); /* now */
guint sim_most_copies(Sim *sim, const char *uuid);    /* at any time */
guint sim_migrations(Sim *sim);                       /* under way now */
guint sim_most_migrations(Sim *sim);                  /* at any time */
guint sim_most_outbound(Sim *sim);                    /* at any time, of any one host */
guint sim_started(Sim *sim, const char *uuid);        /* migrations ever begun; NULL: of all */
gint64 sim_least_memory(Sim *sim); /* the least free memory of any host at any time */

/* ---- the guests' own doing ------------------------------------------------------------------- */

void sim_guest_dirties(Sim *sim, const char *uuid, gint64 bytes_per_second);
void sim_guest_ends(Sim *sim, const char *uuid); /* shuts itself down wherever it runs */

/* ---- faults ---------------------------------------------------------------------------------- */

/* Power: guests are lost; on its return the daemon boots what is defined with autostart. */
void sim_host_down(Sim *sim, const char *host);
void sim_host_up(Sim *sim, const char *host);
/* The daemon alone: guests run on; a paused source of a migration that was switching stays so. */
void sim_daemon_kill(Sim *sim, const char *host);
void sim_daemon_start(Sim *sim, const char *host);
/* SIGSTOP and SIGCONT of the daemon: nothing is answered; requests are done on waking. */
void sim_daemon_freeze(Sim *sim, const char *host);
void sim_daemon_thaw(Sim *sim, const char *host);
/* The way between kvmig and the host: requests hang, migrations do not mind. Healing it answers
 * what the caller has not given up. */
void sim_cut(Sim *sim, const char *host);
void sim_heal(Sim *sim, const char *host);
/* The QEMU process that receives dies. */
void sim_kill_incoming(Sim *sim, const char *uuid);
/* No data flows any more, or again. */
void sim_stall(Sim *sim, const char *uuid, gboolean stalled);

typedef enum {
	SIM_FAULT_ANSWER_LOST,   /* MIGRATE of that guest is never answered */
	SIM_FAULT_ANSWER_BROKEN, /* ... its connection breaks; the migration goes on */
	SIM_FAULT_FINISH_LOST,   /* the target runs it, the source does not hear of that */
	SIM_FAULT_ABORT_LOST,    /* the next ABORT says yes and does nothing */
	SIM_FAULT_JOB_BUSY,      /* the next request that changes the guest times out (30 s) */
	SIM_FAULT_REFUSE,        /* libvirt refuses to migrate it */
	SIM_FAULT_RESUME_FAILS,  /* the source cannot be started again after a failure */
	SIM_FAULT_LAST
} SimFault;
void sim_inject(Sim *sim, const char *uuid, SimFault fault);

/* Called when a migration enters a phase, before anything else happens in it. */
typedef enum {
	SIM_PHASE_BEGIN,
	SIM_PHASE_PREPARED,  /* the target waits for memory */
	SIM_PHASE_PERFORM,   /* the first pass begins */
	SIM_PHASE_SWITCH,    /* the source is paused, the rest is sent */
	SIM_PHASE_PERFORMED, /* all is there; Finish is about to be asked */
	SIM_PHASE_FINISHED,  /* the target runs it; Confirm is about to be done */
	SIM_PHASE_ENDED
} SimPhase;
typedef void (*SimPhaseFunc)(SimPhase phase, const char *uuid, gpointer data);
void sim_on_phase(Sim *sim, SimPhaseFunc func, gpointer data);
