/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the libvirt of each host says to a domain: its own comparison of CPUs and its domain
 * capabilities decide, not what labels let one guess. The domain's XML comes from the host where it
 * runs; the others are asked all at once, and whoever is late is judged by its labels.
 */
#include "check/hosts.h"
#include "check/targets-private.h"

#define TIMEOUT_MS 5000u

typedef struct {
	TargetsCase *one;
	GHashTable *said;
	GPtrArray *silent; /* names of hosts that did not answer */
	char *xml;
	char *why;               /* there is no XML */
	HyperInspection *source; /* what it uses of its host; NULL: not known */
	GHashTable *lacking;     /* node -> GPtrArray of TargetObstacle*: bridges */
	guint open;
	gboolean asked;
} Asking;

static void destroy_obstacle(gpointer data)
{
	target_obstacle_free(data);
}

static HyperRequest *ask(const Host *host, const TargetsOptions *options, HyperCall *call,
			 HyperDone done, gpointer data)
{
	HyperHost *there = hyper_host(options->hyper, host->name, host->uri, host->allow_tcp, NULL);

	call->timeout_ms = options->timeout_ms ? options->timeout_ms : TIMEOUT_MS;
	return there ? hyper_submit(there, call, done, data) : NULL;
}

/* ---- the domain ------------------------------------------------------------------------------ */

static void on_xml(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Asking *asking = data;

	asking->asked = TRUE;
	if (answer->error)
		asking->why = g_strdup(answer->error->message);
	else
		asking->xml = g_steal_pointer(&answer->text);
}

static void read_xml(Asking *asking, const Host *source, const TargetsOptions *options)
{
	HyperCall call = { .op = HYPER_OP_DOMAIN_XML,
			   .uuid = asking->one->answer->vmi.domain_uuid };

	if (!call.uuid || !source || !source->ready || !source->uri ||
	    !ask(source, options, &call, on_xml, asking)) {
		asking->why = g_strdup("the node where it runs cannot be asked");
		return;
	}
	while (!asking->asked)
		g_main_context_iteration(NULL, TRUE);
}

static void on_source(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Asking *asking = data;

	asking->open--;
	if (!answer->error)
		asking->source = g_steal_pointer(&answer->inspection);
}

static void inspect_source(Asking *asking, const Host *source, const TargetsOptions *options)
{
	HyperCall call = { .op = HYPER_OP_INSPECT, .uuid = asking->one->answer->vmi.domain_uuid };

	if (ask(source, options, &call, on_source, asking))
		asking->open++;
	while (asking->open > 0)
		g_main_context_iteration(NULL, TRUE);
}

/* ---- the hosts ------------------------------------------------------------------------------- */

static const char *refusal_reason(HyperRefusalKind kind)
{
	switch (kind) {
	case HYPER_REFUSAL_MACHINE:
		return REASON_TGT_MACHINE_TYPE;
	case HYPER_REFUSAL_CPU:
		return REASON_TGT_CPU_MODEL;
	case HYPER_REFUSAL_CPU_FEATURES:
		return REASON_TGT_CPU_FEATURE;
	case HYPER_REFUSAL_NETWORK:
		return REASON_TGT_NETWORK;
	case HYPER_REFUSAL_HUGEPAGES:
		return REASON_TGT_HUGEPAGES;
	case HYPER_REFUSAL_CAPABILITY:
		return REASON_TGT_CAPABILITY;
	case HYPER_REFUSAL_UNSAFE: /* of the source */
	case HYPER_REFUSAL_OTHER:
		break;
	}
	return REASON_TGT_LIBVIRT;
}

static TargetObstacle *obstacle_of(const HyperRefusal *refusal)
{
	TargetObstacle *obstacle = target_obstacle_new(refusal_reason(refusal->kind),
						       g_utf8_make_valid(refusal->text, -1));

	obstacle->subject = g_strdup(refusal->subject);
	obstacle->missing = g_strdupv(refusal->missing);
	obstacle->needed = refusal->needed;
	obstacle->available = refusal->available;
	return obstacle;
}

static void on_check(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	const char *name = hyper_host_name(hyper_request_host(request));
	g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func(destroy_obstacle);
	Asking *asking = data;

	asking->open--;
	if (answer->error) {
		g_ptr_array_add(asking->silent, g_strdup(name));
		return;
	}
	for (guint i = 0; answer->refusals && i < answer->refusals->len; i++)
		g_ptr_array_add(said, obstacle_of(g_ptr_array_index(answer->refusals, i)));
	g_hash_table_insert(asking->said, g_strdup(name), g_steal_pointer(&said));
}

/* libvirt looks for virtual networks before it goes; for bridges only once it is there. */
static void compare_part(Asking *asking, const char *node, const HyperPart *here,
			 const HyperPart *there)
{
	g_autofree char *text = check_part_text(here);
	GPtrArray *lacking = g_hash_table_lookup(asking->lacking, node);
	TargetObstacle *obstacle;

	if (check_part_is_unlisted(here, there))
		targets_note(
			asking->one->answer, "libvirt",
			"%s: storage pool '%s' on '%s' does not list it; if it is not there, the "
			"migration fails there",
			text, there->place.pool, node);
	if (!check_part_lacks_device(here, there))
		return;
	if (!lacking) {
		lacking = g_ptr_array_new_with_free_func(destroy_obstacle);
		g_hash_table_insert(asking->lacking, g_strdup(node), lacking);
	}
	obstacle = target_obstacle_new(REASON_TGT_NETWORK,
				       g_strdup_printf("%s: there is no such device", text));
	obstacle->subject = g_strdup(here->path);
	g_ptr_array_add(lacking, obstacle);
}

static void on_inspect(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	const char *node = hyper_host_name(hyper_request_host(request));
	const GPtrArray *there = answer->error ? NULL : answer->inspection->parts;
	Asking *asking = data;

	asking->open--;
	for (guint i = 0; there && i < MIN(there->len, asking->source->parts->len); i++)
		compare_part(asking, node, g_ptr_array_index(asking->source->parts, i),
			     g_ptr_array_index(there, i));
}

static gboolean is_ruled_out(const Host *host, const cJSON *selector)
{
	const cJSON *asked;

	cJSON_ArrayForEach(asked, selector)
	{
		if (g_strcmp0(json_string(host->labels, asked->string, NULL),
			      cJSON_GetStringValue(asked)) != 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean is_to_be_asked(const Asking *asking, const Host *host, const Host *source,
			       const TargetsOptions *options)
{
	if (options->asked_for_only && is_ruled_out(host, asking->one->wanted->added_selector))
		return FALSE;
	return host != source && host->ready && host->uri; /* what does not answer says so */
}

static void inspect_hosts(Asking *asking, const Host *source, const GPtrArray *hosts,
			  const TargetsOptions *options)
{
	for (guint i = 0; i < hosts->len; i++) {
		const Host *host = g_ptr_array_index(hosts, i);
		HyperCall call = { .op = HYPER_OP_INSPECT, .text = asking->source->xml };

		if (is_to_be_asked(asking, host, source, options) &&
		    ask(host, options, &call, on_inspect, asking))
			asking->open++;
	}
}

/* Of hosts that libvirt has judged: what it would find out too late. */
static void add_lacking(Asking *asking)
{
	GHashTableIter iter;
	gpointer node, lacking;

	g_hash_table_iter_init(&iter, asking->lacking);
	while (g_hash_table_iter_next(&iter, &node, &lacking)) {
		GPtrArray *said = g_hash_table_lookup(asking->said, node);

		while (said && ((GPtrArray *)lacking)->len > 0)
			g_ptr_array_add(said, g_ptr_array_steal_index(lacking, 0));
	}
}

static void check_hosts(Asking *asking, const Host *source, const GPtrArray *hosts,
			const TargetsOptions *options)
{
	for (guint i = 0; i < hosts->len; i++) {
		const Host *host = g_ptr_array_index(hosts, i);
		HyperCall call = { .op = HYPER_OP_CHECK_TARGET, .text = asking->xml };

		if (is_to_be_asked(asking, host, source, options) &&
		    ask(host, options, &call, on_check, asking))
			asking->open++;
	}
	if (asking->source)
		inspect_hosts(asking, source, hosts, options);
	while (asking->open > 0)
		g_main_context_iteration(NULL, TRUE);
}

static void note(Asking *asking)
{
	TargetsAnswer *answer = asking->one->answer;

	if (asking->why)
		targets_note(
			answer, "libvirt",
			"CPU and machine are judged by the nodes' labels, since libvirt was not "
			"asked: %s",
			asking->why);
	for (guint i = 0; i < asking->silent->len; i++)
		targets_note(answer, "libvirt",
			     "libvirt on '%s' did not answer: CPU and machine are judged by the "
			     "node's labels",
			     (const char *)g_ptr_array_index(asking->silent, i));
}

GHashTable *targets_ask(TargetsCase *one, const GPtrArray *hosts, const TargetsOptions *options)
{
	g_autoptr(GPtrArray) silent = g_ptr_array_new_with_free_func(g_free);
	Asking asking = { .one = one, .silent = silent };
	const Host *source = host_find(hosts, one->answer->vmi.node_name);

	asking.said = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_ptr_array_unref);
	read_xml(&asking, source, options);
	asking.lacking = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)g_ptr_array_unref);
	if (asking.xml) {
		inspect_source(&asking, source, options);
		check_hosts(&asking, source, hosts, options);
		add_lacking(&asking);
	}
	hyper_inspection_free(asking.source);
	g_hash_table_unref(asking.lacking);
	note(&asking);
	g_free(asking.xml);
	g_free(asking.why);
	return asking.said;
}
