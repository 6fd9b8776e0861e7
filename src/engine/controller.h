/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller process of a fleet or local cluster: one at a time, holding a lock file (local)
 * and the Lease `kvmig-controller`; runs inventory and engine on the main loop until it is told
 * to stop or has been idle.
 */
#pragma once

#include "cluster/cluster.h"

typedef struct {
	guint idle_timeout_s; /* ends after so long without work; 0: never */
} ControllerOptions;

/* Runs until SIGTERM, SIGINT, idle, or a newer kvmig asks for the place. CONFLICT where another
 * controller holds the lock: the message names its pid. */
gboolean controller_run(Cluster *cluster, const ControllerOptions *options, GError **error);

/* What the lock and the Lease say. */
typedef struct {
	gboolean running;
	gint64 pid; /* 0: not known */
	char *version; /* or NULL */
} ControllerState;

void controller_state_clear(ControllerState *state);
gboolean controller_state(Cluster *cluster, ControllerState *ret_state, GError **error);

/*
 * Local clusters: makes sure that a controller runs. Where none does, starts `kvmig controller`
 * of this same executable, detached (systemd-run --user where there is a user manager, else a
 * session of its own), with a clean environment (HOME, PATH, XDG_*, LANG, LC_*, SSH_AUTH_SOCK,
 * KVMIG_*), its output in controller.log of the context's state folder, and waits until it holds
 * the lock, at most 5 s. On other kinds of cluster does nothing.
 */
gboolean controller_ensure(Cluster *cluster, GError **error);
