/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's objects: its nodes as Hosts in local/lab, and the end of that store. */
#include "config.h"

#include "lab/internal.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/error.h"
#include "engine/controller.h"
#include "model/host.h"
#include "model/wellknown.h"

#define CONTEXT "local/lab"
#define CONTROLLER_WAIT_MS 5000

static gboolean register_node(Cluster *cluster, const Lab *lab, guint node, GError **error)
{
	g_autofree char *name = g_strdup_printf("n%u", node);
	g_autofree char *uri = lab_node_uri(lab, node);
	g_autofree char *peer = lab_node_peer_uri(lab, node);
	g_autofree char *address = lab_node_migration_address(lab, node);
	g_autoptr(cJSON) object = host_object_new(name, uri, peer, address, FALSE, NULL);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) stored = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &cause);

	/* Of an earlier lab that was not taken down but died with the machine: the same names, and
	 * all that people had set on them. */
	if (!stored && g_error_matches(cause, KVMIG_ERROR, KVMIG_ERROR_EXISTS)) {
		g_autoptr(cJSON) patch = cJSON_CreateObject();

		json_set(patch, "spec", cJSON_Duplicate(json_get(object, "spec"), TRUE));
		g_clear_error(&cause);
		stored = cluster_patch(cluster, &KIND_HOST, NULL, name, CLUSTER_PATCH_MERGE, patch,
				       CLUSTER_WRITE_NONE, &cause);
	}
	if (!stored)
		g_propagate_error(error, g_steal_pointer(&cause));
	return stored != NULL;
}

/* Lab nodes have no certificates: without this every migration would be refused. */
static gboolean allow_plain(Cluster *cluster, GError **error)
{
	g_autoptr(cJSON) object =
		object_new(&KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE, HYPERCONVERGED_NAME);
	cJSON *settings =
		json_ensure_object(json_ensure_object(object, "spec"), "liveMigrationConfig");
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) stored = NULL;

	json_set_bool(settings, "disableTLS", TRUE);
	stored = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &cause);
	if (stored || g_error_matches(cause, KVMIG_ERROR, KVMIG_ERROR_EXISTS))
		return TRUE; /* there already: what people have changed since is theirs */
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean lab_register(Cluster *cluster, const Lab *lab, guint nodes, GError **error)
{
	gboolean ok = cluster_batch_begin(cluster, error);

	if (!ok)
		return FALSE;
	ok = allow_plain(cluster, error);
	for (guint node = 1; ok && node <= nodes; node++)
		ok = register_node(cluster, lab, node, error);
	if (ok)
		return cluster_batch_commit(cluster, error);
	cluster_batch_rollback(cluster);
	error_prefix(error, "cannot register the lab's nodes");
	return FALSE;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* Asked first: it may be in the middle of writing. */
static gboolean end_controller(Cluster *cluster, GError **error)
{
	ControllerState state = { 0 };
	LabProcess process;
	gboolean known;
	int fd;

	if (!controller_state(cluster, &state, error))
		return FALSE;
	known = state.running && lab_process_find(state.pid, &process);
	controller_state_clear(&state);
	if (!known)
		return TRUE;
	fd = pidfd_open((pid_t)process.pid, 0);
	if (fd >= 0 && lab_process_alive(&process))
		pidfd_send_signal(fd, SIGTERM, NULL, 0);
	if (fd >= 0)
		close(fd);
	for (guint waited = 0; waited < CONTROLLER_WAIT_MS && lab_process_alive(&process);
	     waited += 10)
		g_usleep(10000);
	return lab_process_kill(&process, 1, error);
}

/* The files of a store: NAME.db with its companions beside the folder NAME. */
static gboolean remove_store(const char *state_dir, GError **error)
{
	static const char *const suffixes[] = { ".db-shm", ".db-wal", ".db-journal", ".db" };

	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = g_strconcat(state_dir, suffixes[i], NULL);

		if (g_unlink(path) < 0 && errno != ENOENT)
			return error_set_errno(error, errno, "cannot remove '%s'", path);
	}
	return lab_remove_dir(state_dir, error);
}

gboolean lab_forget_store(LabSay say, gpointer data, GError **error)
{
	const ClusterOptions options = { .context = CONTEXT };
	g_autoptr(GError) cause = NULL;
	g_autofree char *state_dir = NULL;
	Cluster *cluster = cluster_open(&options, &cause);
	gboolean ok;

	if (!cluster && g_error_matches(cause, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND))
		return TRUE;
	if (!cluster) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	state_dir = g_strdup(cluster_state_dir(cluster));
	ok = end_controller(cluster, error);
	cluster_close(cluster);
	if (!ok || !remove_store(state_dir, error))
		return FALSE;
	if (say)
		say("removed the objects of context " CONTEXT, data);
	return TRUE;
}
