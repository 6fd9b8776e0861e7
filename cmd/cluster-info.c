/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster-info.h"

#include "config/owner.h"
#include "engine/controller.h"
#include "model/host.h"

void cluster_info_unknown(cJSON *document, const char *what, const GError *why)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "what", what);
	json_set_string(row, "message", why->message);
	json_set_string(row, "hint", error_get_hint(why));
	cJSON_AddItemToArray(json_ensure_array(document, "unknown"), row);
}

/* ---- an API server -------------------------------------------------------------------------- */

/* *ret_cause is why there is no answer. */
static void add_kubernetes(const CommandContext *context, cJSON *document, GError **ret_cause)
{
	g_autoptr(cJSON) version = cluster_get_path(context->cluster, "/version", ret_cause);

	if (version)
		json_set_string(document, "kubernetesVersion",
				json_string(version, "gitVersion", NULL));
	else
		cluster_info_unknown(document, "kubernetesVersion", *ret_cause);
}

/* As the server sees us; servers before 1.28 cannot be asked. */
static void add_user(const CommandContext *context, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) user = cluster_whoami(context->cluster, &cause);

	if (!user) {
		cluster_info_unknown(document, "user", cause);
		return;
	}
	json_set_string(document, "user", json_string(user, "username", NULL));
	if (json_get(user, "groups"))
		json_set(document, "groups", cJSON_Duplicate(json_get(user, "groups"), TRUE));
}

/* A server that answers neither of two questions that are open to everybody is asked no more. */
static gboolean add_server(const CommandContext *context, cJSON *document, GError **error)
{
	g_autoptr(GError) cause = NULL;

	add_kubernetes(context, document, &cause);
	if (!cause || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		add_user(context, document);
	if (!cause || json_get(document, "user"))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static const char *operator_version(const cJSON *hyperconverged)
{
	const cJSON *version;

	cJSON_ArrayForEach(version, json_path(hyperconverged, "status", "versions", NULL))
	{
		if (g_str_equal(json_string(version, "name", ""), "operator"))
			return json_string(version, "version", NULL);
	}
	return NULL;
}

static void add_owner(cJSON *document, const ConfigOwner *owner)
{
	cJSON *settings = json_ensure_object(document, "settings");

	json_set_string(settings, "kind", owner->kind->kind);
	json_set_string(settings, "apiVersion", kind_api_version(owner->kind));
	json_set_string(settings, "name", object_name(owner->object));
	json_set_string(settings, "namespace", object_namespace(owner->object));
	if (!owner->unreadable)
		json_set_bool(settings, "exists", owner->object != NULL);
}

/* Which object it is, as far as this user can see; NULL where that is nothing. */
static ConfigOwner *add_settings(const CommandContext *context, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	ConfigOwner *owner = config_owner_find(context->cluster, &cause);

	if (!owner) {
		cluster_info_unknown(document, "settings", cause);
		return NULL;
	}
	add_owner(document, owner);
	if (owner->unreadable) {
		error_set(&cause, KVMIG_ERROR_FORBIDDEN, "%s",
			  (const char *)owner->notes->pdata[0]);
		cluster_info_unknown(document, "settings", cause);
	}
	json_set_string(document, "hyperconvergedVersion", operator_version(owner->object));
	return owner;
}

/* The owner has read it already, if anybody may. */
static void add_kubevirt(const ConfigOwner *owner, cJSON *document)
{
	const cJSON *object = owner->kind == &KIND_KUBEVIRT ? owner->object : owner->kubevirt;
	const cJSON *status = json_get(object, "status");
	g_autoptr(GError) cause = NULL;

	json_set_string(document, "kubevirtVersion",
			json_string(status, "observedKubeVirtVersion", NULL));
	json_set_string(document, "kubevirtPhase", json_string(status, "phase", NULL));
	if (object)
		return;
	error_set(&cause, KVMIG_ERROR_FORBIDDEN, "%s",
		  owner->notes->len ? (const char *)owner->notes->pdata[0] : "?");
	cluster_info_unknown(document, "kubevirtVersion", cause);
}

/* ---- where kvmig migrates ------------------------------------------------------------------- */

static void add_controller(const CommandContext *context, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	ControllerState state;
	cJSON *controller;

	if (!controller_state(context->cluster, &state, &cause)) {
		cluster_info_unknown(document, "controller", cause);
		return;
	}
	controller = json_ensure_object(document, "controller");
	json_set_bool(controller, "running", state.running);
	if (state.running && state.pid)
		json_set_int(controller, "pid", state.pid);
	json_set_string(controller, "version", state.version);
	controller_state_clear(&state);
}

static void add_nodes(const CommandContext *context, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) objects =
		cluster_list(context->cluster, &KIND_HOST, NULL, NULL, &cause);
	cJSON *nodes;

	if (!objects) {
		cluster_info_unknown(document, "nodes", cause);
		return;
	}
	nodes = json_ensure_array(document, "nodes");
	for (guint i = 0; i < objects->len; i++) {
		cJSON *row = cJSON_CreateObject();
		Host host;

		host_read(objects->pdata[i], &host);
		json_set_string(row, "name", host.name);
		json_set_bool(row, "ready", host.ready);
		json_set_bool(row, "cordoned", host.unschedulable);
		cJSON_AddItemToArray(nodes, row);
	}
}

/* ---- all of it ------------------------------------------------------------------------------ */

static const char *const kind_words[] = {
	[CLUSTER_KUBEVIRT] = "kubevirt",
	[CLUSTER_FLEET] = "fleet",
	[CLUSTER_LOCAL] = "local",
};

static gboolean add_kind(const CommandContext *context, cJSON *document)
{
	g_autoptr(GError) cause = NULL;
	const ClusterCaps *caps = cluster_caps(context->cluster);

	if (!cluster_probe(context->cluster, &cause)) {
		cluster_info_unknown(document, "clusterKind", cause);
		return FALSE;
	}
	json_set_string(document, "clusterKind", kind_words[caps->kind]);
	json_set_string(document, "migratedBy", caps->kvmig_migrates ? "kvmig" : "KubeVirt");
	return TRUE;
}

static void add_of_kind(const CommandContext *context, cJSON *document, ConfigOwner **ret_owner)
{
	const ClusterCaps *caps = cluster_caps(context->cluster);

	*ret_owner = add_settings(context, document);
	if (*ret_owner && caps->kind == CLUSTER_KUBEVIRT)
		add_kubevirt(*ret_owner, document);
	if (!caps->kvmig_migrates)
		return;
	add_controller(context, document);
	add_nodes(context, document);
}

static void add_permissions(const CommandContext *context, const ConfigOwner *owner,
			    cJSON *document)
{
	const Kind *kind = owner ? owner->kind : NULL;
	const char *ns = owner ? object_namespace(owner->object) : NULL;
	g_autoptr(GError) cause = NULL;

	if (!cluster_may_add(context, kind, ns, document, &cause))
		cluster_info_unknown(document, "permissions", cause);
}

cJSON *cluster_info_document(const CommandContext *context, gboolean *ret_told, GError **error)
{
	const char *server = cluster_server(context->cluster);
	g_autoptr(cJSON) document = cJSON_CreateObject();
	g_autoptr(ConfigOwner) owner = NULL;
	gboolean told;

	json_set_string(document, "context", cluster_context(context->cluster));
	json_set_string(document, "server", server);
	json_set_string(document, "storeFile", cluster_store_file(context->cluster));
	if (server && !add_server(context, document, error))
		return NULL;
	told = add_kind(context, document);
	if (told)
		add_of_kind(context, document, &owner);
	if (server)
		add_permissions(context, owner, document);
	*ret_told = told;
	return g_steal_pointer(&document);
}
