/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts of a fleet or local cluster: what the inventory wrote down, and what their libvirt says. */
#include "check/targets-private.h"
#include "model/host.h"
#include "model/wellknown.h"

typedef struct {
	GPtrArray *host_objects, *vmi_objects, *migration_objects;
	GPtrArray *hosts, *vmis, *migrations; /* views */
	Settings settings;
} World;

static void world_clear(World *world)
{
	GPtrArray **arrays[] = { &world->hosts,       &world->vmis,
				 &world->migrations,  &world->host_objects,
				 &world->vmi_objects, &world->migration_objects };

	for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
		g_clear_pointer(arrays[i], g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)

gboolean targets_read_settings(Cluster *cluster, Settings *ret_settings, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object =
		cluster_get(cluster, &KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
			    HYPERCONVERGED_NAME, &cause);

	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return settings_read(object, ret_settings, error);
}

static gboolean read_world(Cluster *cluster, World *world, GError **error)
{
	if (!targets_read_settings(cluster, &world->settings, error))
		return FALSE;
	world->host_objects = cluster_list(cluster, &KIND_HOST, NULL, NULL, error);
	if (!world->host_objects)
		return FALSE;
	world->vmi_objects = cluster_list(cluster, &KIND_VMI, NULL, NULL, error);
	if (!world->vmi_objects)
		return FALSE;
	world->migration_objects = cluster_list(cluster, &KIND_VMIM, NULL, NULL, error);
	if (!world->migration_objects)
		return FALSE;
	world->hosts = OBJECT_VIEWS(world->host_objects, Host, host_read);
	world->vmis = OBJECT_VIEWS(world->vmi_objects, Vmi, vmi_read);
	world->migrations = OBJECT_VIEWS(world->migration_objects, Migration, migration_read);
	return TRUE;
}

static gboolean any_fits(const GPtrArray *targets)
{
	return targets->len > 0 && ((Target *)g_ptr_array_index(targets, 0))->fits;
}

/* Memory that is only reserved comes free again: that is a reason to wait. */
static gboolean fits_later(TargetsCase *one)
{
	g_autoptr(GPtrArray) unreserved = NULL;

	one->question.reserved_bytes = NULL;
	unreserved = schedule_targets(&one->question);
	return any_fits(unreserved);
}

static void note_source(TargetsCase *one, const GPtrArray *hosts)
{
	for (guint i = 0; one->question.encrypted && i < hosts->len; i++) {
		const Host *host = g_ptr_array_index(hosts, i);

		if (g_strcmp0(host->name, one->answer->vmi.node_name) == 0 &&
		    schedule_lacks_certificates(host))
			targets_note(one->answer, "encryption",
				     "'%s', where the VM runs, lacks the certificates for "
				     "encrypted migration [%s]",
				     host->name, REASON_BLK_TLS_CERTS);
	}
}

static void judge(TargetsCase *one, const World *world, const TargetsOptions *options)
{
	g_autoptr(GHashTable) reserved =
		schedule_reservations(world->migrations, world->vmis, NULL);
	g_autoptr(GHashTable) said =
		options->hyper ? targets_ask(one, world->hosts, options) : NULL;

	one->question.hosts = world->hosts;
	one->question.migrations = world->migrations;
	one->question.reserved_bytes = reserved;
	one->question.said = said;
	one->question.encrypted = !world->settings.disable_tls;
	g_ptr_array_unref(one->answer->targets);
	one->answer->targets = schedule_targets(&one->question);
	one->answer->only_reserved = !any_fits(one->answer->targets) && fits_later(one);
	note_source(one, world->hosts);
}

gboolean targets_of_hosts(Cluster *cluster, GPtrArray *cases, const TargetsOptions *options,
			  GError **error)
{
	g_auto(World) world = { 0 };

	if (!read_world(cluster, &world, error))
		return FALSE;
	for (guint i = 0; i < cases->len; i++)
		judge(g_ptr_array_index(cases, i), &world, options);
	return TRUE;
}
