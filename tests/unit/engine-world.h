/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole cluster for tests of the engine: simulated hosts on a virtual clock, a local store in a
 * folder of its own, the real inventory and history, an engine that can be killed and taken over.
 */
#pragma once

#include "engine/engine.h"
#include "hyper/sim/sim.h"
#include "model/migration.h"
#include "model/vmi.h"
#include "tests/unit/store-fixture.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)
#define UUID "11111111-2222-4333-8444-555555555555"
#define NS "default"

typedef struct World World;
struct World {
	StoreFixture store;
	Clock *clock;
	Sim *sim;
	Hyper *hyper;
	Inventory *inventory;
	History *history;
	Engine *engine;
	guint poll_timer;
	/* kill the engine when this step has been stored */
	const char *kill_at;
	gboolean killed;
	GHashTable *steps; /* every step that was stored */
	/* do something in a phase of a migration, once */
	SimPhase act_in;
	void (*act)(World *world);
	gboolean kill_in_phase;
};

/* Two hosts n1 and n2 of 8 GiB, TLS off; guest UUID "web" of 1 GiB on n1 unless `bare`. */
void world_init(World *world, gboolean bare);
void world_clear(World *world);
void world_add_host(World *world, const char *name, gint64 memory_bytes);
/* Lets the inventory look at every host. */
void world_look(World *world);
void world_set(World *world, const char *key, const char *value); /* of liveMigrationConfig */

/* The controller dies without a word; a new one takes over. */
void world_kill(World *world);
void world_start(World *world);
/* Starts it anew if a step or phase killed it. TRUE: it was. */
gboolean world_revive(World *world);
void world_kill_at(World *world, const char *step);
void world_act_in(World *world, SimPhase phase, void (*act)(World *world));

void world_run_ms(World *world, guint ms);
/* Until nothing is unfinished, at most so long. FALSE: something is. */
gboolean world_settle(World *world, guint ms);

/* Does something, once in a world's life, while nobody that watches the store hears anything. */
void world_deaf(World *world, void (*act)(World *world));

/* The new migration's name; free. */
char *world_migrate(World *world, const char *vm, const char *node);
cJSON *world_get(World *world, const Kind *kind, const char *name);
void world_cancel(World *world, const char *migration);

/* Of its object, while it is there. */
char *world_phase(World *world, const char *migration);
char *world_reason(World *world, const char *migration);
char *world_end_state(World *world, const char *migration);

#define assert_phase(world, migration, phase)                                                      \
	do {                                                                                       \
		g_autofree char *phase_ = world_phase(world, migration);                           \
		g_assert_cmpstr(phase_, ==, phase);                                                \
	} while (0)
#define assert_reason(world, migration, reason)                                                    \
	do {                                                                                       \
		g_autofree char *reason_ = world_reason(world, migration);                         \
		g_assert_cmpstr(reason_, ==, reason);                                              \
	} while (0)
#define assert_end_state(world, migration, state)                                                  \
	do {                                                                                       \
		g_autofree char *state_ = world_end_state(world, migration);                       \
		g_assert_cmpstr(state_, ==, state);                                                \
	} while (0)
#define assert_state(world, host, state)                                                           \
	g_assert_cmpstr(hyper_domain_state_to_string(sim_state((world)->sim, host, UUID)), ==,     \
			hyper_domain_state_to_string(state))
/* The guest runs on this host and nowhere else. */
void world_assert_runs_on(World *world, const char *host);
