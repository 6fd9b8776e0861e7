/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the simulated driver share. */
#pragma once

#include "hyper/sim/sim.h"

typedef struct SimHost SimHost;
typedef struct SimDomain SimDomain;
typedef struct SimRequest SimRequest;
typedef struct SimMigration SimMigration;

struct Sim {
	Clock *clock;
	const HyperCore *core;   /* of the Hyper that looks at present; NULL: none */
	GHashTable *hosts;       /* name -> SimHost */
	GPtrArray *migrations;   /* of SimMigration, under way */
	GHashTable *faults;      /* uuid -> guint* counts[SIM_FAULT_LAST] */
	GHashTable *most_copies; /* uuid -> guint */
	GHashTable *started;     /* uuid -> guint */
	GHashTable *dirty;       /* uuid -> gint64* */
	GHashTable *stalled;     /* uuid set */
	SimPhaseFunc phase_func;
	gpointer phase_data;
	gint64 link_bytes_per_second;
	gint64 least_memory_bytes;
	gboolean disk_locks;
	guint most_migrations, most_outbound, all_started;
};

struct SimHost {
	Sim *sim;
	char *name, *uri;
	gint64 memory_bytes;
	GHashTable *domains;   /* uuid -> SimDomain */
	GPtrArray *requests;   /* of SimRequest, not completed */
	HyperHost *hyper_host; /* of the present Hyper, or NULL */
	gint64 frozen_at_us;
	int certificates;
	guint outbound;
	gboolean powered, daemon_up, frozen, cut;
};

struct SimDomain {
	SimHost *host;
	char *uuid, *name;
	gint64 memory_bytes, working_set_bytes;
	gint64 running_since_us;
	HyperDomainState state;
	HyperReason reason;
	gboolean persistent, autostart, incoming;
	gboolean finish_queued; /* a frozen daemon will start it on waking */
	gboolean finish_persistent;
	SimMigration *migration;                  /* away from here, or NULL */
	gboolean left_performing, left_performed; /* by a daemon that died in the middle */
	gboolean has_completed;
	const char *other_job; /* a constant, or NULL */
	HyperJob completed;
	char *metadata;
};

struct SimRequest {
	SimHost *host;
	HyperRequest *request;
	HyperOp op;
	char *uuid, *text;
	gboolean flag;
	gboolean taken; /* MIGRATE: the daemon has begun it … */
	gboolean ended; /* … and ended it: the answer is to be sent */
	KvmigError ended_code;
	const char *ended_message; /* NULL: it went well */
	char *peer_uri;
	HyperMigrateParams migrate; /* no strings in it */
	gint64 lock_until_us; /* MIGRATE: it waits for another job's end; 0: it does not */
	guint timer;
};

struct SimMigration {
	Sim *sim;
	char *uuid;
	SimHost *source, *target;
	SimRequest *request; /* NULL: nobody waits for the answer */
	SimPhase phase;
	guint timer;
	gint64 started_us, pass_started_us, rate;
	gint64 pass_bytes, pass_done_before_us;
	gint64 processed_bytes, iteration, switched_us, lost_at_us;
	gboolean aborted, was_paused, persistent;
};

SimHost *sim_host(Sim *sim, const char *name);
SimHost *sim_host_by_uri(Sim *sim, const char *uri);
SimDomain *sim_domain(SimHost *host, const char *uuid);
SimDomain *sim_domain_new(SimHost *host, const char *uuid, const char *name, gint64 memory_bytes);
void sim_domain_remove(SimDomain *domain);
/* The process ends: a definition stays. */
void sim_domain_stop(SimDomain *domain);
void sim_domain_set(SimDomain *domain, HyperDomainState state, HyperReason reason);
gboolean sim_take_fault(Sim *sim, const char *uuid, SimFault fault);
gint64 sim_host_free_memory(SimHost *host);
void sim_event(SimHost *host, HyperEvent event);

void sim_request_complete(SimRequest *request, HyperAnswer *answer);
void sim_request_fail(SimRequest *request, KvmigError code, const char *message);
void sim_requests_fail(SimHost *host, const char *message);
void sim_requests_go_on(SimHost *host);

/* Takes the request; ends it when the migration has ended. */
void sim_migrate(SimRequest *request);
gboolean sim_migrate_abort(SimDomain *domain);
void sim_migrate_job(SimMigration *migration, HyperJob *job);
void sim_migrate_host_lost(SimHost *host, gboolean power);
void sim_migrate_thawed(SimHost *host);
void sim_migrate_free(SimMigration *migration);
/* The data path of the guest changed: time the pass anew. */
void sim_migrate_retime(SimMigration *migration);
