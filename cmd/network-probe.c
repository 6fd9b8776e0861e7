/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig network check N1 N2, on libvirt hosts: what of the way between them can be tried. From
 * here an address answers or not, which says nothing of the hosts; with --probe the libvirt of
 * each is asked to go to the other with one of its VMs, by a transport that does not exist.
 */
#include "network.h"

#include "base/clock.h"
#include "check/reach.h"
#include "hyper/uri.h"
#include "model/host.h"
#include "model/vmi.h"

/* The first of libvirt's; nothing listens there between migrations. */
#define MIGRATION_PORT 49152
#define REACH_TIMEOUT_MS 1500
#define PROBE_TIMEOUT_MS 10000
#define VMS_MAX 5 /* so many are tried where libvirt would not let the first go */

/* ---- from here ------------------------------------------------------------------------------ */

static void tell_silent(const NetworkNode *node, const char *words, GPtrArray *findings)
{
	const CheckObject object = { "node", NULL, node->node };

	check_add(findings, &object, CHECK_NOTE, REASON_CHK_NETWORK_UNREACHED,
		  "nothing, where this machine is not on that network: --probe asks from host to "
		  "host",
		  "%s does not answer from this machine (%s)", node->address, words);
}

static void try_node(const NetworkNode *node, cJSON *list, GPtrArray *findings)
{
	g_autofree char *words = NULL;
	const Reach reach =
		node->address ? reach_try(node->address, MIGRATION_PORT, REACH_TIMEOUT_MS, &words)
			      : REACH_NOT_TRIED;
	cJSON *row;

	if (reach == REACH_NOT_TRIED)
		return;
	row = cJSON_CreateObject();
	json_set_string(row, "node", node->node);
	json_set_string(row, "address", node->address);
	json_set_bool(row, "answers", reach == REACH_ANSWERS);
	cJSON_AddItemToArray(list, row);
	if (reach == REACH_SILENT)
		tell_silent(node, words, findings);
}

void network_try_from_here(const CommandContext *context, const CheckNetwork *network,
			   cJSON *document, GPtrArray *findings)
{
	cJSON *list = json_ensure_array(document, "fromHere");

	for (guint i = 0; i < network->nodes->len; i++) {
		const NetworkNode *node = g_ptr_array_index(network->nodes, i);

		if (g_strv_contains((const char *const *)context->args, node->node))
			try_node(node, list, findings);
	}
}

/* ---- from host to host ---------------------------------------------------------------------- */

typedef struct {
	Hyper *hyper;
	GPtrArray *hosts, *vmis; /* of Host, of Vmi */
	gboolean answered, reached;
	char *words;   /* why it was not reached */
	char *unknown; /* the VM may not go, or the source was not to be asked */
} Prober;

static void prober_forget(Prober *prober)
{
	prober->answered = prober->reached = FALSE;
	g_clear_pointer(&prober->words, g_free);
	g_clear_pointer(&prober->unknown, g_free);
}

static void on_probe(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Prober *prober = data;

	prober->answered = TRUE;
	prober->reached = answer->reached;
	if (answer->error)
		prober->unknown = g_strdup(answer->error->message);
	else if (answer->refusals && answer->refusals->len > 0)
		prober->unknown = g_strdup(((HyperRefusal *)answer->refusals->pdata[0])->text);
	else
		prober->words = g_steal_pointer(&answer->text);
}

/* As the engine gives it to the source's daemon. */
static char *peer_uri_of(const Host *host, GError **error)
{
	g_autoptr(HyperUri) uri =
		hyper_uri_parse(host->peer_uri ? host->peer_uri : host->uri,
				host->allow_tcp ? HYPER_URI_ALLOW_TCP : HYPER_URI_NONE, error);

	return uri ? g_strdup(uri->text) : NULL;
}

static gboolean ask(Prober *prober, const Host *from, const Vmi *vmi, const char *peer,
		    GError **error)
{
	const HyperCall call = { .op = HYPER_OP_PROBE,
				 .uuid = vmi->domain_uuid,
				 .text = peer,
				 .timeout_ms = PROBE_TIMEOUT_MS };
	HyperHost *there = hyper_host(prober->hyper, from->name, from->uri, from->allow_tcp, error);

	if (!there)
		return FALSE;
	prober_forget(prober);
	(void)hyper_submit(there, &call, on_probe, prober);
	while (!prober->answered)
		g_main_context_iteration(NULL, TRUE);
	return TRUE;
}

static gboolean can_be_asked_with(const Vmi *vmi, const char *node)
{
	return g_strcmp0(vmi->node_name, node) == 0 && g_strcmp0(vmi->phase, "Running") == 0 &&
	       vmi->domain_uuid && !vmi->undecided && !vmi->duplicate_uuid;
}

/* The VM with which it was asked, or NULL. */
static const Vmi *ask_with_one(Prober *prober, const Host *from, const char *peer, GError **error)
{
	const Vmi *asked = NULL;
	guint n = 0;

	for (guint i = 0; i < prober->vmis->len && n < VMS_MAX; i++) {
		const Vmi *vmi = g_ptr_array_index(prober->vmis, i);

		if (!can_be_asked_with(vmi, from->name))
			continue;
		if (!ask(prober, from, vmi, peer, error))
			return NULL;
		asked = vmi;
		n++;
		if (!prober->unknown)
			break;
	}
	return asked;
}

static void tell_unknown(const char *from, const char *to, const char *why, GPtrArray *findings)
{
	const CheckObject object = { "node", NULL, from };

	check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN,
		  "run a VM there that can be migrated, and look again",
		  "whether '%s' reaches libvirt on '%s': %s", from, to, why);
}

static void record(const Prober *prober, const Vmi *vmi, const char *to, cJSON *list,
		   GPtrArray *findings)
{
	const CheckObject object = { "node", NULL, vmi->node_name };
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "from", vmi->node_name);
	json_set_string(row, "to", to);
	json_set_string(row, "vm", vmi->name);
	json_set_bool(row, "reached", prober->reached);
	cJSON_AddItemToArray(list, row);
	if (!prober->reached)
		check_add(findings, &object, CHECK_BLOCKS, REASON_CHK_NETWORK_UNREACHED, NULL,
			  "it does not reach libvirt on '%s', or is turned away there: %s", to,
			  prober->words ? prober->words : "no reason given");
}

static gboolean probe_one_way(Prober *prober, const char *from, const char *to, cJSON *list,
			      GPtrArray *findings, GError **error)
{
	const Host *source = host_find(prober->hosts, from), *target = host_find(prober->hosts, to);
	g_autofree char *peer = NULL;
	g_autoptr(GError) cause = NULL;
	const Vmi *vmi;

	if (!source || !target || !source->ready || !target->ready) {
		tell_unknown(from, to, "one of the two is not ready", findings);
		return TRUE;
	}
	peer = peer_uri_of(target, error);
	if (!peer)
		return FALSE;
	vmi = ask_with_one(prober, source, peer, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!vmi)
		tell_unknown(from, to, "no VM runs there to ask with", findings);
	else if (prober->unknown)
		tell_unknown(from, to, prober->unknown, findings);
	else
		record(prober, vmi, to, list, findings);
	return TRUE;
}

gboolean network_probe(const CommandContext *context, cJSON *document, GPtrArray *findings,
		       GError **error)
{
	g_autoptr(GPtrArray) hosts = cluster_list(context->cluster, &KIND_HOST, NULL, NULL, error);
	g_autoptr(GPtrArray) vmis =
		hosts ? cluster_list(context->cluster, &KIND_VMI, NULL, NULL, error) : NULL;
	g_autoptr(GPtrArray) host_views = NULL, vmi_views = NULL;
	g_autoptr(Hyper) hyper = NULL;
	cJSON *list = json_ensure_array(document, "probes");
	Prober prober = { 0 };
	gboolean ok;

	if (!vmis)
		return FALSE;
	hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	host_views = OBJECT_VIEWS(hosts, Host, host_read);
	vmi_views = OBJECT_VIEWS(vmis, Vmi, vmi_read);
	prober.hyper = hyper;
	prober.hosts = host_views;
	prober.vmis = vmi_views;
	ok = probe_one_way(&prober, context->args[0], context->args[1], list, findings, error) &&
	     probe_one_way(&prober, context->args[1], context->args[0], list, findings, error);
	prober_forget(&prober);
	return ok;
}
