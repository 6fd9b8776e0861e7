/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig node add: makes the cluster where there is none, and asks the host once. */
#include "node.h"

#include <string.h>

#include "hyper/uri.h"
#include "model/host.h"
#include "model/quantity.h"

#define ADD_TIMEOUT_MS 10000u

typedef struct {
	const char *uri;
	const char *peer_uri;
	const char *migration_address;
	GPtrArray *labels;
	gboolean allow_tcp;
} AddValues;

/* ---- arguments ------------------------------------------------------------------------------ */

/* The canonical text, or NULL with the option named in the error. */
static char *check_uri(const char *option, const char *text, gboolean allow_tcp, GError **error)
{
	g_autoptr(HyperUri) uri =
		hyper_uri_parse(text, allow_tcp ? HYPER_URI_ALLOW_TCP : HYPER_URI_NONE, error);

	if (!uri) {
		error_prefix(error, "%s", option);
		(void)error_usage(error);
		return NULL;
	}
	return g_strdup(uri->text);
}

/* An IP address, a host name, or unix:/folder: what cmd/ takes is what libvirt is given. */
gboolean node_check_address(const char *address, GError **error)
{
	if (!address || g_hostname_is_ip_address(address) ||
	    (g_str_has_prefix(address, "unix:/") && strlen(address) < 90) ||
	    name_check_dns_subdomain(address, "address", NULL))
		return TRUE;
	error_set(error, KVMIG_ERROR_USAGE, "'%s' is no IP address, host name or unix:/folder",
		  address);
	error_hint(error, "for example 192.0.2.1; a port is not part of it");
	return FALSE;
}

static gboolean check_address(const char *address, GError **error)
{
	if (node_check_address(address, error))
		return TRUE;
	error_prefix(error, "--migration-address");
	return FALSE;
}

static cJSON *read_labels(const GPtrArray *texts, GError **error)
{
	g_autoptr(cJSON) labels = cJSON_CreateObject();

	for (guint i = 0; i < texts->len; i++) {
		g_autoptr(cJSON) map = labels_parse_map(g_ptr_array_index(texts, i), error);
		const cJSON *item;

		if (!map) {
			error_prefix(error, "--label");
			(void)error_usage(error);
			return NULL;
		}
		cJSON_ArrayForEach(item, map)
		{
			if (inventory_owns_host_label(item->string)) {
				error_set(error, KVMIG_ERROR_REFUSED,
					  "label '%s' is what kvmig reads from the host; it "
					  "cannot be set",
					  item->string);
				return NULL;
			}
			json_set_string(labels, item->string, item->valuestring);
		}
	}
	return g_steal_pointer(&labels);
}

static cJSON *make_host(const CommandContext *context, const AddValues *options, GError **error)
{
	const char *name = context->args[0];
	g_autofree char *uri = NULL;
	g_autofree char *peer = NULL;
	g_autoptr(cJSON) labels = NULL;

	if (!name_check_dns_label(name, "node name", error)) {
		(void)error_usage(error);
		return NULL;
	}
	if (!options->uri) {
		error_set(error, KVMIG_ERROR_USAGE, "node '%s' needs --uri", name);
		error_hint(error,
			   "for example --uri qemu+tls://%s/system; 'kvmig node add --help' "
			   "tells more",
			   name);
		return NULL;
	}
	uri = check_uri("--uri", options->uri, options->allow_tcp, error);
	if (!uri)
		return NULL;
	if (options->peer_uri) {
		peer = check_uri("--peer-uri", options->peer_uri, options->allow_tcp, error);
		if (!peer)
			return NULL;
	}
	labels = read_labels(options->labels, error);
	if (!labels || !check_address(options->migration_address, error))
		return NULL;
	return host_object_new(name, uri, peer, options->migration_address, options->allow_tcp,
			       labels);
}

/* ---- the same daemon twice ------------------------------------------------------------------ */

static gboolean check_one(const cJSON *known, const Host *wanted, const char *uuid, GError **error)
{
	Host host;

	host_read(known, &host);
	if (g_strcmp0(host.name, wanted->name) == 0) {
		error_set(error, KVMIG_ERROR_EXISTS, "there is a node '%s' already (%s)", host.name,
			  host.uri);
		error_hint(error, "choose another name, or 'kvmig node remove %s' first",
			   host.name);
		return FALSE;
	}
	if (g_strcmp0(host.uri, wanted->uri) == 0) {
		error_set(error, KVMIG_ERROR_REFUSED, "'%s' is the node '%s' already", wanted->uri,
			  host.name);
		error_hint(error, "use '%s', or remove it first", host.name);
		return FALSE;
	}
	if (uuid && g_strcmp0(host.host_uuid, uuid) == 0) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "'%s' has the same host UUID as node '%s' (%s)", wanted->uri, host.name,
			  uuid);
		error_hint(error, "it is that host under another address; if it is not, give it a "
				  "host_uuid of its own in libvirtd.conf, for libvirt migrates "
				  "nothing between the two");
		return FALSE;
	}
	return TRUE;
}

static gboolean check_new(Cluster *cluster, const cJSON *object, const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) hosts = cluster_list(cluster, &KIND_HOST, NULL, NULL, error);
	Host wanted;

	host_read(object, &wanted);
	for (guint i = 0; hosts && i < hosts->len; i++) {
		if (!check_one(g_ptr_array_index(hosts, i), &wanted, uuid, error))
			return FALSE;
	}
	return hosts != NULL;
}

/* ---- asking it ------------------------------------------------------------------------------ */

typedef struct {
	HyperHostInfo *info;
	GError *error;
	gboolean done;
} Asked;

static void on_asked(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Asked *asked = data;

	(void)request;
	asked->info = g_steal_pointer(&answer->info);
	asked->error = g_steal_pointer(&answer->error);
	asked->done = TRUE;
}

/* NULL with an error where it cannot be asked; INTERRUPTED as CANCELLED. */
static HyperHostInfo *ask_host(const cJSON *object, GError **error)
{
	g_autoptr(Hyper) hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	HyperCall call = { .op = HYPER_OP_HOST_INFO, .timeout_ms = ADD_TIMEOUT_MS };
	Asked asked = { 0 };
	HyperRequest *request;
	HyperHost *hyper_node;
	gboolean interrupted;
	Host host;

	host_read(object, &host);
	hyper_node = hyper_host(hyper, host.name, host.uri, host.allow_tcp, error);
	if (!hyper_node)
		return NULL;
	request = hyper_submit(hyper_node, &call, on_asked, &asked);
	if (!run_until(&asked.done, 0, &interrupted)) {
		hyper_forget(request);
		error_set(error, KVMIG_ERROR_CANCELLED, "interrupted; the node was not added");
		return NULL;
	}
	if (asked.error)
		g_propagate_error(error, asked.error);
	return asked.info;
}

static void say_added(const CommandContext *context, const HyperHostInfo *info)
{
	g_autofree char *memory = quantity_human_bytes(info->memory_total_bytes);

	say(context, "node '%s' added: libvirt %u.%u.%u, %u CPUs, %s of memory, %s",
	    context->args[0], (guint)(info->libvirt_version / 1000000),
	    (guint)(info->libvirt_version / 1000 % 1000), (guint)(info->libvirt_version % 1000),
	    info->cpus, memory, info->kvm ? "KVM" : "no KVM (emulation)");
}

/* Each daemon takes such a URI for its own: the source of a migration would call itself. Where
 * --peer-uri names a socket, somebody knows that both are on one machine. */
static void warn_local_uri(const CommandContext *context, const cJSON *object,
			   const HyperHostInfo *info)
{
	g_autoptr(HyperUri) uri = NULL;
	Host host;

	host_read(object, &host);
	uri = hyper_uri_parse(host.uri, host.allow_tcp ? HYPER_URI_ALLOW_TCP : HYPER_URI_NONE,
			      NULL);
	if (json_string(json_get(object, "spec"), "peerURI", NULL) || !uri ||
	    !g_str_equal(uri->transport, "unix"))
		return;
	say_warning(context,
		    "other hosts cannot reach '%s' by '%s': no VM can be migrated to it as it is",
		    host.name, uri->text);
	say_hint(context,
		 "tell how they reach it: 'kvmig node remove %s', then add it again with "
		 "--peer-uri qemu+tls://%s/system",
		 host.name, info && info->hostname ? info->hostname : "HOST");
}

static int run_add(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) created = NULL;
	g_autoptr(HyperHostInfo) info = NULL;
	g_autoptr(GError) unreachable = NULL;

	if (node_refuse_kubernetes(context,
				   "for libvirt hosts of your own: kvmig --context local node add "
				   "NAME --uri URI",
				   error))
		return STATUS_FAILED;
	object = make_host(context, values, error);
	if (!object || !check_new(context->cluster, object, NULL, error))
		return STATUS_FAILED;
	info = ask_host(object, &unreachable);
	if (!info && error_code(unreachable) == KVMIG_ERROR_CANCELLED) {
		say(context, "%s", unreachable->message);
		return STATUS_INTERRUPTED;
	}
	if (info && !check_new(context->cluster, object, info->uuid, error))
		return STATUS_FAILED;
	created = cluster_create(context->cluster, object, CLUSTER_WRITE_NONE, error);
	if (!created)
		return STATUS_FAILED;
	warn_local_uri(context, object, info);
	if (info) {
		say_added(context, info);
		return observe_node(context, context->args[0], error) ? STATUS_DONE : STATUS_FAILED;
	}
	say_warning(context, "node '%s' is added, but cannot be reached now: %s", context->args[0],
		    unreachable->message);
	if (error_get_hint(unreachable))
		say_hint(context, "%s", error_get_hint(unreachable));
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const Option options_add[] = {
	OPT_STRING(0, "uri", AddValues, uri, "URI", "how kvmig reaches the host's libvirt daemon"),
	OPT_STRING(0, "peer-uri", AddValues, peer_uri, "URI",
		   "how the other hosts reach it; else as --uri"),
	OPT_STRING(0, "migration-address", AddValues, migration_address, "ADDRESS",
		   "where it receives guests' memory"),
	OPT_LIST(0, "label", AddValues, labels, "KEY=VALUE", "label of the node; may be repeated"),
	OPT_FLAG(0, "allow-tcp", AddValues, allow_tcp,
		 "permit qemu+tcp, which encrypts nothing: labs only"),
	OPT_END,
};

static const char *const examples[] = {
	"kvmig node add n1 --uri qemu+tls://n1.example/system --label zone=a",
	"kvmig node add b --uri qemu:///system --peer-uri qemu+tls://b/system",
	NULL,
};

const Command node_add_command = {
	.name = "add",
	.summary = "add a libvirt host to the cluster",
	.options = options_add,
	.values_size = sizeof(AddValues),
	.args = { "NAME", 1, 1, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CREATE_CLUSTER | MAY_CHANGE,
	.run = run_add,
	.examples = examples,
};
