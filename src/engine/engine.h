/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine carries out migrations on fleet and local clusters: it watches
 * VirtualMachineInstanceMigrations, admits them (schedule), drives the hosts (hyper), and writes
 * what happens back into the objects. It knows no libvirt; with a simulated driver and a virtual
 * clock the same code runs in tests.
 *
 * Safety, above everything (DESIGN §6): it never causes a second running copy and never removes
 * the last one. Every step is journalled in the object before it acts (status.kvmig.step), so
 * that whoever comes after a crash can tell what may have happened, ask both hosts, and go on.
 */
#pragma once

#include "base/clock.h"
#include "cluster/cluster.h"
#include "hyper/hyper.h"
#include "history/history.h"
#include "inventory/inventory.h"

typedef struct Engine Engine;

typedef struct {
	Cluster *cluster;
	Hyper *hyper; /* its events must be handed to engine_handle_event() */
	Inventory *inventory;
	History *history; /* NULL: keep no history */
	Clock *clock;
	guint unschedulable_timeout_s; /* no node fits for so long: failed; 300 as KubeVirt's */
} EngineOptions;

/* Whether this engine acts on a setting; it stores and reports all of them. */
gboolean engine_obeys(const char *key);

/* Takes up what a predecessor left, then follows the watch. Everything is borrowed. */
Engine *engine_new(const EngineOptions *options, GError **error);
void engine_free(Engine *engine);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Engine, engine_free)

void engine_handle_event(Engine *engine, HyperHost *host, const HyperEvent *event);

/* TRUE where no migration is unfinished, so that a controller may end. */
gboolean engine_is_idle(const Engine *engine);

/* Called (if set) with the name of the journal step that has just been stored, before it acts.
 * For tests: they end the controller there. */
typedef void (*EngineStepHook)(const char *step, gpointer data);
void engine_set_step_hook(Engine *engine, EngineStepHook hook, gpointer data);

/* The engine acts no more, as if its process had died there; it is still to be freed. May be
 * called from the hook. */
void engine_halt(Engine *engine);
