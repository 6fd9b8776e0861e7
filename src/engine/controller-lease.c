/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "engine/controller-lease.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "model/wellknown.h"

/* "host_pid_bootid": one process of one boot of one host. */
static char *holder_identity(void)
{
	g_autofree char *boot = NULL;

	if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL, NULL))
		g_strstrip(boot);
	return g_strdup_printf("%s_%ld_%s", g_get_host_name(), (long)getpid(),
			       boot ? boot : "unknown");
}

/* NULL where there is none yet. */
static cJSON *get_lease(Cluster *cluster, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *lease =
		cluster_get(cluster, &KIND_LEASE, NAMESPACE_DEFAULT, CONTROLLER_LEASE, &cause);

	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND)
		g_propagate_error(error, g_steal_pointer(&cause));
	return lease;
}

static void fill(cJSON *lease, Clock *clock, gboolean acquire)
{
	g_autofree char *holder = holder_identity();
	g_autofree char *now = clock_format_unix_micro(clock_unix_us(clock));
	cJSON *spec = json_ensure_object(lease, "spec");

	if (acquire) {
		json_set_string(spec, "acquireTime", now);
		json_set_int(spec, "leaseTransitions", json_int(spec, "leaseTransitions", -1) + 1);
	}
	json_set_string(spec, "holderIdentity", holder);
	json_set_int(spec, "leaseDurationSeconds", CONTROLLER_LEASE_SECONDS);
	json_set_string(spec, "renewTime", now);
	object_set_annotation(lease, ANNOTATION_CONTROLLER_VERSION, PACKAGE_VERSION);
}

gboolean controller_lease_renew(Cluster *cluster, Clock *clock, gboolean acquire, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) lease = get_lease(cluster, &cause);
	g_autoptr(cJSON) stored = NULL;
	gboolean create = !lease && !cause;

	if (create)
		lease = object_new(&KIND_LEASE, NAMESPACE_DEFAULT, CONTROLLER_LEASE);
	if (lease) {
		fill(lease, clock, acquire || create);
		stored = create ? cluster_create(cluster, lease, CLUSTER_WRITE_NONE, &cause) :
				  cluster_update(cluster, lease, CLUSTER_WRITE_NONE, &cause);
	}
	if (stored)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	error_prefix(error, "cannot renew lease '" CONTROLLER_LEASE "'");
	return FALSE;
}

void controller_lease_drop(Cluster *cluster, Clock *clock)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) lease = get_lease(cluster, &error);
	g_autoptr(cJSON) stored = NULL;
	g_autofree char *us = holder_identity();
	g_autofree char *now = clock_format_unix_micro(clock_unix_us(clock));
	cJSON *spec = json_get(lease, "spec");

	if (strcmp(json_string(spec, "holderIdentity", ""), us) == 0) {
		json_set_string(spec, "holderIdentity", "");
		json_set_string(spec, "renewTime", now);
		stored = cluster_update(cluster, lease, CLUSTER_WRITE_NONE, &error);
		if (stored)
			g_debug("gave up lease '" CONTROLLER_LEASE "'");
	}
	if (error)
		g_warning("cannot give up lease '" CONTROLLER_LEASE "': %s", error->message);
}

gboolean controller_lease_look(Cluster *cluster, Clock *clock, gboolean *ret_held,
			       char **ret_version, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) lease = get_lease(cluster, &cause);
	const cJSON *spec = json_get(lease, "spec");
	gint64 seconds = json_int(spec, "leaseDurationSeconds", CONTROLLER_LEASE_SECONDS);
	gint64 renewed_us = 0;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	*ret_held = *json_string(spec, "holderIdentity", "") &&
		    clock_parse_unix(json_string(spec, "renewTime", ""), &renewed_us) &&
		    clock_unix_us(clock) - renewed_us < seconds * G_USEC_PER_SEC;
	*ret_version = g_strdup(object_annotation(lease, ANNOTATION_CONTROLLER_VERSION));
	return TRUE;
}
