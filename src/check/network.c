/* SPDX-License-Identifier: Apache-2.0 */
#include "check/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"
#include "hyper/uri.h"
#include "model/host.h"
#include "model/object.h"
#include "model/wellknown.h"

#define ANNOTATION_NETWORKS "k8s.v1.cni.cncf.io/networks"
#define ANNOTATION_STATUS "k8s.v1.cni.cncf.io/network-status"
#define CNI_VERSION "0.3.1"
#define MIGRATION_INTERFACE "migration0" /* virt-operator's name for it in virt-handler's pod */

static void node_free(gpointer data)
{
	NetworkNode *node = data;

	g_free(node->node);
	g_free(node->address);
	g_free(node->problem);
	g_free(node);
}

void check_network_init(CheckNetwork *network, const char *name, const char *ns)
{
	*network = (CheckNetwork){ .name = g_strdup(name),
				   .ns = g_strdup(ns),
				   .nodes = g_ptr_array_new_with_free_func(node_free),
				   .names = g_hash_table_new(g_str_hash, g_str_equal) };
}

void check_network_clear(CheckNetwork *network)
{
	g_clear_pointer(&network->names, g_hash_table_unref);
	g_clear_pointer(&network->nodes, g_ptr_array_unref);
	g_clear_pointer(&network->name, g_free);
	g_clear_pointer(&network->ns, g_free);
	g_clear_pointer(&network->type, g_free);
	g_clear_pointer(&network->master, g_free);
	g_clear_pointer(&network->problem, g_free);
}

/* ---- the definition ------------------------------------------------------------------------- */

/* A list of plugins: the first one makes the interface. */
static const cJSON *main_plugin(const cJSON *config)
{
	const cJSON *plugins = json_get(config, "plugins");

	return cJSON_IsArray(plugins) ? plugins->child : config;
}

/* virt-handler does not start with an interface that has no address. */
static void judge_ipam(CheckNetwork *network, const cJSON *plugin)
{
	const cJSON *ipam = json_get(plugin, "ipam");
	const char *type = json_string(ipam, "type", "");
	gboolean ovn = strcmp(json_string(plugin, "type", ""), "ovn-k8s-cni-overlay") == 0;

	if (ovn && *json_string(plugin, "subnets", "")) /* gives the addresses itself */
		return;
	if (!*type)
		network->problem = g_strdup("its configuration has no ipam: virt-handler does not "
					    "start on an interface without an address");
	else if (strcmp(type, "host-local") == 0 || strcmp(type, "static") == 0)
		network->problem = g_strdup_printf("its ipam is %s, which gives every node the "
						   "same addresses",
						   type);
}

void check_network_read(CheckNetwork *network, const cJSON *attachment)
{
	const char *text = json_string(json_get(attachment, "spec"), "config", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) config = NULL;
	const cJSON *plugin;

	if (!text) {
		network->problem = g_strdup("it has no configuration (spec.config)");
		return;
	}
	config = json_parse(text, strlen(text), "spec.config", &error);
	if (!config) {
		network->problem = g_strdup(error->message);
		return;
	}
	plugin = main_plugin(config);
	network->type = g_strdup(json_string(plugin, "type", NULL));
	network->master =
		g_strdup(json_string(plugin, "master", json_string(plugin, "bridge", NULL)));
	judge_ipam(network, plugin);
}

/* ---- the nodes ------------------------------------------------------------------------------ */

static NetworkNode *add_node(CheckNetwork *network, const char *name)
{
	NetworkNode *node;

	if (!name || g_hash_table_contains(network->names, name))
		return NULL;
	node = g_new0(NetworkNode, 1);
	node->node = g_strdup(name);
	g_ptr_array_add(network->nodes, node);
	g_hash_table_add(network->names, node->node);
	return node;
}

/* The first address of the interface, in what Multus says that it made. */
static char *address_in(const cJSON *pod, gboolean *ret_interface)
{
	const char *text = object_annotation(pod, ANNOTATION_STATUS);
	g_autoptr(cJSON) list = text ? json_parse(text, strlen(text), "status", NULL) : NULL;
	const cJSON *item;

	*ret_interface = FALSE;
	cJSON_ArrayForEach(item, list)
	{
		const cJSON *ips = json_get(item, "ips");

		if (strcmp(json_string(item, "interface", ""), MIGRATION_INTERFACE) != 0)
			continue;
		*ret_interface = TRUE;
		if (cJSON_IsArray(ips) && cJSON_IsString(ips->child))
			return g_strdup(ips->child->valuestring);
	}
	return NULL;
}

gboolean check_network_has_interface(const cJSON *pod)
{
	gboolean interface;

	g_free(address_in(pod, &interface));
	return interface;
}

/* "migration@migration0", among others, also with the namespace in front. */
static gboolean wants_network(const CheckNetwork *network, const cJSON *pod)
{
	const char *text = object_annotation(pod, ANNOTATION_NETWORKS);
	g_auto(GStrv) entries = g_strsplit(text ? text : "", ",", -1);
	g_autofree char *wanted = g_strdup_printf("%s@%s", network->name, MIGRATION_INTERFACE);
	g_autofree char *full = g_strdup_printf("%s/%s", network->ns, wanted);

	for (guint i = 0; entries[i]; i++) {
		const char *entry = g_strstrip(entries[i]);

		if (strcmp(entry, wanted) == 0 || strcmp(entry, full) == 0)
			return TRUE;
	}
	return FALSE;
}

void check_network_add_handler(CheckNetwork *network, const cJSON *pod)
{
	const cJSON *status = json_get(pod, "status");
	gboolean ready = condition_is_true(pod, "Ready"), interface;
	NetworkNode *node = add_node(network, json_string(json_get(pod, "spec"), "nodeName", NULL));

	if (!node)
		return;
	if (!network->name) {
		node->address = g_strdup(json_string(status, "podIP", NULL));
		node->shared = TRUE;
	} else {
		node->address = address_in(pod, &interface);
		if (!wants_network(network, pod))
			node->problem = g_strdup("its virt-handler was started without the "
						 "network; KubeVirt starts it anew for a change");
		else if (!interface)
			node->problem = g_strdup_printf("its virt-handler has no interface %s",
							MIGRATION_INTERFACE);
		else if (!node->address)
			node->problem = g_strdup_printf("its virt-handler's interface %s has no "
							"address",
							MIGRATION_INTERFACE);
	}
	if (!ready && !node->problem)
		node->problem = g_strdup("its virt-handler is not ready");
}

static void add_host(CheckNetwork *network, const cJSON *object)
{
	g_autoptr(HyperUri) uri = NULL;
	NetworkNode *node;
	Host host;

	host_read(object, &host);
	node = add_node(network, host.name);
	if (!node)
		return;
	uri = host.peer_uri ? hyper_uri_parse(host.peer_uri, HYPER_URI_ALLOW_TCP, NULL) : NULL;
	node->shared = !host.migration_address;
	node->address = g_strdup(host.migration_address ? host.migration_address
				 : uri                  ? uri->host
							: NULL);
	if (!node->address)
		node->problem = g_strdup("other hosts cannot tell where to send to: it has neither "
					 "a migration address nor a peer URI with a host in it");
	else if (!host.ready)
		node->problem = g_strdup_printf("not ready: %s", host.not_ready_reason);
}

void check_network_add_node(CheckNetwork *network, const cJSON *object)
{
	const char *schedulable = object_label(object, LABEL_SCHEDULABLE);
	NetworkNode *node;

	if (object_kind(object) == &KIND_HOST) {
		add_host(network, object);
		return;
	}
	if (g_strcmp0(schedulable, "true") != 0)
		return;
	node = add_node(network, object_name(object));
	if (node)
		node->problem = g_strdup("no virt-handler runs there");
}

/* ---- judging -------------------------------------------------------------------------------- */

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const NetworkNode *const *)a)->node,
		      (*(const NetworkNode *const *)b)->node);
}

static void judge_definition(const CheckNetwork *network, GPtrArray *findings)
{
	g_autofree char *place = g_strdup_printf("%s/%s", network->ns, network->name);
	const CheckObject object = { "network", network->ns, network->name };

	if (network->unknown)
		check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "the NetworkAttachmentDefinition '%s' may not be read", place);
	else if (network->missing)
		check_add(findings, &object, CHECK_BLOCKS, REASON_CHK_NETWORK_MISSING, NULL,
			  "there is no NetworkAttachmentDefinition '%s'", place);
	else if (network->problem)
		check_add(findings, &object, CHECK_BLOCKS, REASON_CHK_NETWORK_CONFIG, NULL, "%s",
			  network->problem);
}

static void judge_none(const CheckNetwork *network, gboolean kubevirt, GPtrArray *findings)
{
	const CheckObject object = { "network", NULL, NULL };

	for (guint i = 0; i < network->nodes->len; i++) {
		const NetworkNode *node = g_ptr_array_index(network->nodes, i);

		if (!node->shared)
			return;
	}
	if (kubevirt || network->nodes->len > 0)
		check_add(findings, &object, CHECK_NOTE, REASON_CHK_NETWORK_NONE, NULL, "%s",
			  kubevirt ? "no migration network is set: the pod network is used"
				   : "no host has a migration address: that of its peer URI is "
				     "used");
}

void check_network_judge(CheckNetwork *network, gboolean kubevirt, GPtrArray *findings)
{
	g_ptr_array_sort(network->nodes, by_name);
	if (network->name)
		judge_definition(network, findings);
	else
		judge_none(network, kubevirt, findings);
	for (guint i = 0; i < network->nodes->len; i++) {
		const NetworkNode *node = g_ptr_array_index(network->nodes, i);
		const CheckObject object = { "node", NULL, node->node };

		if (node->problem)
			check_add(findings, &object, CHECK_WARNING, REASON_TGT_MIGRATION_NETWORK,
				  NULL, "%s", node->problem);
	}
}

/* ---- making --------------------------------------------------------------------------------- */

cJSON *network_attachment_new(const char *ns, const char *name, const char *type,
			      const char *interface, const char *range)
{
	cJSON *object = object_new(&KIND_NETWORK_ATTACHMENT, ns, name);
	g_autoptr(cJSON) config = cJSON_CreateObject();
	g_autofree char *text = NULL;
	cJSON *ipam;

	json_set_string(config, "cniVersion", CNI_VERSION);
	json_set_string(config, "name", name);
	json_set_string(config, "type", type);
	if (strcmp(type, "bridge") == 0) {
		json_set_string(config, "bridge", interface);
	} else {
		json_set_string(config, "master", interface);
		json_set_string(config, "mode", "bridge");
	}
	ipam = json_ensure_object(config, "ipam");
	json_set_string(ipam, "type", "whereabouts");
	json_set_string(ipam, "range", range);
	text = json_print(config);
	json_set_string(json_ensure_object(object, "spec"), "config", text);
	return object;
}

gboolean network_check_range(const char *range, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(range, "/", 2);
	unsigned char bytes[16];
	gboolean v6 = strchr(range, ':') != NULL;
	guint64 bits;

	if (g_strv_length(parts) == 2 && inet_pton(v6 ? AF_INET6 : AF_INET, parts[0], bytes) == 1 &&
	    g_ascii_string_to_unsigned(parts[1], 10, 1, v6 ? 126 : 30, &bits, NULL))
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID, "'%s' is no range of addresses", range);
	error_hint(error, "an address and the length of its network, as 192.0.2.0/24");
	return FALSE;
}
