/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller process of a fleet or local cluster: one at a time, holding a lock file (local)
 * and the Lease `kvmig-controller`; runs inventory and engine on the main loop until it is told
 * to stop or has been idle.
 *
 * Nobody is left behind: a client creates its migration first and makes sure of a controller
 * afterwards; a controller that ends because it is idle gives up the lock first and looks for work
 * once more afterwards.
 */
#pragma once

#include "cluster/cluster.h"

typedef struct {
	guint idle_timeout_s; /* ends after so long without work; 0: never */
} ControllerOptions;

/* Runs until SIGTERM, SIGINT, SIGHUP or idle; a newer kvmig sends SIGTERM too. The step at hand is
 * finished first; migrations in libvirt's hands go on and are adopted by the next one. CONFLICT
 * where another controller holds the lock: the message names its pid. */
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
 * of this same executable in a session of its own, so that neither Ctrl-C nor the end of the
 * terminal reaches it, with a clean environment (HOME, PATH, XDG_*, LANG, LC_*, SSH_AUTH_SOCK,
 * KVMIG_*), its output in controller.log of the context's state folder, and waits until it holds
 * the lock, at most 5 s. An older kvmig's controller is asked to hand over. Any number of
 * processes may call this at once. On other kinds of cluster does nothing.
 */
gboolean controller_ensure(Cluster *cluster, GError **error);

/* Local clusters: asks the controller, if one runs, to end, and waits at most timeout_ms until it
 * has. TRUE where none runs. */
gboolean controller_stop(Cluster *cluster, guint timeout_ms, GError **error);
