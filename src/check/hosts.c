/* SPDX-License-Identifier: Apache-2.0 */
/* Asks the hosts: first the one where the VM runs, then, with its XML, all others at once. */
#include "check/hosts.h"

#include "model/host.h"
#include "model/vmi.h"

#define TIMEOUT_MS 5000u
#define AT_ONCE 32

struct CheckHosts {
	Hyper *hyper;
	gboolean others;
	GPtrArray *objects, *hosts; /* of Host */
	GPtrArray *looks;           /* of Asking */
	guint open;
};

typedef struct {
	CheckHosts *hosts;
	CheckLook look;
	char *uuid;
} Asking;

static void view_free(gpointer data)
{
	CheckView *view = data;

	g_free(view->node);
	hyper_inspection_free(view->inspection);
	g_free(view);
}

void check_look_clear(CheckLook *look)
{
	g_free(look->ns);
	g_free(look->name);
	g_free(look->node);
	g_free(look->why_not);
	g_free(look->why_not_probed);
	hyper_inspection_free(look->source);
	g_clear_pointer(&look->refusals, g_ptr_array_unref);
	g_clear_pointer(&look->views, g_ptr_array_unref);
}

static void asking_free(gpointer data)
{
	Asking *asking = data;

	check_look_clear(&asking->look);
	g_free(asking->uuid);
	g_free(asking);
}

CheckHosts *check_hosts_new(Cluster *cluster, Hyper *hyper, gboolean others, GError **error)
{
	g_autoptr(GPtrArray) objects = cluster_list(cluster, &KIND_HOST, NULL, NULL, error);
	CheckHosts *hosts;

	if (!objects)
		return NULL;
	hosts = g_new0(CheckHosts, 1);
	hosts->hyper = hyper;
	hosts->others = others;
	hosts->hosts = OBJECT_VIEWS(objects, Host, host_read);
	hosts->objects = g_steal_pointer(&objects);
	hosts->looks = g_ptr_array_new_with_free_func(asking_free);
	return hosts;
}

void check_hosts_free(CheckHosts *hosts)
{
	if (!hosts)
		return;
	g_ptr_array_unref(hosts->looks);
	g_ptr_array_unref(hosts->hosts);
	g_ptr_array_unref(hosts->objects);
	g_free(hosts);
}

/* ---- asking --------------------------------------------------------------------------------- */

/* FALSE: it is known not to answer. */
static gboolean ask(CheckHosts *hosts, const Host *host, HyperCall *call, HyperDone done,
		    gpointer data)
{
	HyperHost *there =
		host && host->ready && host->uri
			? hyper_host(hosts->hyper, host->name, host->uri, host->allow_tcp, NULL)
			: NULL;

	call->timeout_ms = TIMEOUT_MS;
	if (!there || !hyper_submit(there, call, done, data))
		return FALSE;
	hosts->open++;
	return TRUE;
}

static void on_probe(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Asking *asking = data;

	asking->hosts->open--;
	if (answer->error) {
		asking->look.why_not_probed = g_strdup(answer->error->message);
		return;
	}
	asking->look.probed = TRUE;
	asking->look.refusals = g_steal_pointer(&answer->refusals);
}

static void on_view(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	const char *node = hyper_host_name(hyper_request_host(request));
	Asking *asking = data;

	asking->hosts->open--;
	for (guint i = 0; i < asking->look.views->len; i++) {
		CheckView *view = g_ptr_array_index(asking->look.views, i);

		if (g_strcmp0(view->node, node) == 0)
			view->inspection = g_steal_pointer(&answer->inspection);
	}
}

static void ask_others(Asking *asking)
{
	CheckHosts *hosts = asking->hosts;
	const Host *source = host_find(hosts->hosts, asking->look.node);

	for (guint i = 0; i < hosts->hosts->len; i++) {
		const Host *host = g_ptr_array_index(hosts->hosts, i);
		HyperCall call = { .op = HYPER_OP_INSPECT, .text = asking->look.source->xml };
		CheckView *view;

		if (host == source || !host->ready || host->unschedulable)
			continue;
		view = g_new0(CheckView, 1);
		view->node = g_strdup(host->name);
		g_ptr_array_add(asking->look.views, view);
		(void)ask(hosts, host, &call, on_view, asking);
	}
}

static void on_source(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Asking *asking = data;
	HyperCall probe = { .op = HYPER_OP_PROBE, .uuid = asking->uuid };

	asking->hosts->open--;
	if (answer->error) {
		asking->look.why_not = g_strdup(answer->error->message);
		return;
	}
	asking->look.source = g_steal_pointer(&answer->inspection);
	/* it would wait for the job that is under way */
	if (!asking->look.source->job)
		(void)ask(asking->hosts, host_find(asking->hosts->hosts, asking->look.node), &probe,
			  on_probe, asking);
	if (asking->hosts->others)
		ask_others(asking);
}

void check_hosts_add(CheckHosts *hosts, const cJSON *object)
{
	Asking *asking = g_new0(Asking, 1);
	Vmi vmi;

	vmi_read(object, &vmi);
	asking->hosts = hosts;
	asking->uuid = g_strdup(vmi.domain_uuid);
	asking->look.ns = g_strdup(vmi.ns);
	asking->look.name = g_strdup(vmi.name);
	asking->look.node = g_strdup(vmi.node_name);
	asking->look.says_not = vmi.not_migratable_reason != NULL;
	asking->look.views = g_ptr_array_new_with_free_func(view_free);
	g_ptr_array_add(hosts->looks, asking);
}

/* What was heard of them is forgotten once it has been judged: a cluster can be large. */
static void look_at(CheckHosts *hosts, guint from, guint to, GPtrArray *findings)
{
	for (guint i = from; i < to; i++) {
		Asking *asking = g_ptr_array_index(hosts->looks, i);
		HyperCall call = { .op = HYPER_OP_INSPECT, .uuid = asking->uuid };

		if (!asking->uuid ||
		    !ask(hosts, host_find(hosts->hosts, asking->look.node), &call, on_source,
			 asking))
			asking->look.why_not = g_strdup("the node where it runs cannot be asked");
	}
	while (hosts->open > 0)
		g_main_context_iteration(NULL, TRUE);
	for (guint i = from; i < to; i++) {
		Asking *asking = g_ptr_array_index(hosts->looks, i);

		check_look_judge(&asking->look, findings);
		check_look_clear(&asking->look);
		asking->look = (CheckLook){ 0 };
	}
}

void check_hosts_finish(CheckHosts *hosts, GPtrArray *findings)
{
	for (guint from = 0; from < hosts->looks->len; from += AT_ONCE)
		look_at(hosts, from, MIN(from + AT_ONCE, hosts->looks->len), findings);
	g_ptr_array_set_size(hosts->looks, 0);
}
