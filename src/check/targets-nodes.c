/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of a KubeVirt cluster. Order matters: the pods first, since they tell what is free and what
 * the VMs need; then the nodes where the VMs run, since the others are compared with them; then all
 * nodes, each judged as it comes and forgotten.
 */
#include <string.h>

#include "check/targets-private.h"
#include "model/resources.h"
#include "model/wellknown.h"

/* With more VMs than these their nodes are found by a list. */
#define SOURCES_ASKED_FOR 8

#define ANNOTATION_RESOURCE_NAME "k8s.v1.cni.cncf.io/resourceName"

typedef struct {
	GPtrArray *cases;
	cJSON *kubevirt;
	GHashTable *sources;  /* name -> cJSON*: Nodes where the VMs run */
	GHashTable *hosts;    /* name -> Host*: views of them */
	GHashTable *as_is;    /* set of names, borrowed: there a VM sees the CPU as it is */
	GHashTable *networks; /* "ns/name" -> char*: find_resource() */
	gboolean first_only, counts_only;
	guint open; /* cases that are not done */
} Nodes;

static void nodes_clear(Nodes *nodes)
{
	g_clear_pointer(&nodes->kubevirt, cJSON_Delete);
	g_clear_pointer(&nodes->hosts, g_hash_table_unref);
	g_clear_pointer(&nodes->as_is, g_hash_table_unref);
	g_clear_pointer(&nodes->networks, g_hash_table_unref);
	g_clear_pointer(&nodes->sources, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Nodes, nodes_clear)

/* ---- the KubeVirt object --------------------------------------------------------------------- */

static gboolean read_kubevirt(Cluster *cluster, Nodes *nodes, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) all = cluster_list(cluster, &KIND_KUBEVIRT, NULL, NULL, &cause);

	if (all && all->len > 0)
		nodes->kubevirt = cJSON_Duplicate(g_ptr_array_index(all, 0), TRUE);
	if (all)
		return TRUE;
	if (targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN)) {
		for (guint i = 0; i < nodes->cases->len; i++)
			targets_note(((TargetsCase *)g_ptr_array_index(nodes->cases, i))->answer,
				     "network",
				     "the KubeVirt object may not be read: its node selectors and "
				     "migration network are not judged");
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static const char *migration_network(const Nodes *nodes)
{
	const char *name =
		json_string(json_path(nodes->kubevirt, "spec", "configuration", "migrations", NULL),
			    "network", NULL);

	return name && *name ? name : NULL;
}

/* ---- the sources ----------------------------------------------------------------------------- */

static void keep_source(Nodes *nodes, const char *name, cJSON *object)
{
	Host *host = g_new0(Host, 1);

	host_read_node(object, host);
	g_hash_table_insert(nodes->sources, g_strdup(name), object);
	g_hash_table_insert(nodes->hosts, g_strdup(name), host);
}

/* A source that is gone or may not be read is no error: less can be compared then. */
static gboolean read_source(Cluster *cluster, Nodes *nodes, const char *name, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *object;

	if (!name || g_hash_table_contains(nodes->sources, name))
		return TRUE;
	object = cluster_get(cluster, &KIND_NODE, NULL, name, &cause);
	if (!object && (targets_tolerate(&cause, KVMIG_ERROR_NOT_FOUND) ||
			targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN)))
		return TRUE;
	if (!object) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	keep_source(nodes, name, object);
	return TRUE;
}

/* Of a node where a VM runs what the others are compared with: its name, and what of its labels
 * KubeVirt makes of the processor and the release. The features, one or two hundred labels of 100
 * bytes, are compared for VMs only that see the CPU as it is: kept for all nodes of a large cluster
 * they would be most of what is kept. */
static cJSON *extract_source(const cJSON *node, gboolean features)
{
	static const char *const prefixes[] = { LABEL_PREFIX_HOST_MODEL_CPU,
						LABEL_PREFIX_REQUIRED_FEATURE,
						LABEL_PREFIX_CPU_VENDOR, LABEL_PREFIX_MACHINE_TYPE,
						"cpumanager" };
	cJSON *copy = object_new(&KIND_NODE, NULL, object_name(node));
	cJSON *labels = json_ensure_object(json_ensure_object(copy, "metadata"), "labels");
	const cJSON *label;

	cJSON_ArrayForEach(label, object_labels(node))
	{
		gboolean keep =
			features && g_str_has_prefix(label->string, LABEL_PREFIX_CPU_FEATURE);

		for (gsize i = 0; !keep && i < G_N_ELEMENTS(prefixes); i++)
			keep = g_str_has_prefix(label->string, prefixes[i]);
		if (keep)
			json_set(labels, label->string, cJSON_Duplicate(label, TRUE));
	}
	return copy;
}

static gboolean see_source(const cJSON *object, gpointer data)
{
	Nodes *nodes = data;
	const char *name = object_name(object);
	gpointer wanted = NULL;

	if (name && g_hash_table_lookup_extended(nodes->sources, name, NULL, &wanted) && !wanted)
		keep_source(nodes, name,
			    extract_source(object, g_hash_table_contains(nodes->as_is, name)));
	return TRUE;
}

/* One list instead of a request for each. */
static gboolean read_many_sources(Cluster *cluster, Nodes *nodes, GError **error)
{
	g_autoptr(GError) cause = NULL;

	for (guint i = 0; i < nodes->cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(nodes->cases, i);
		const Vmi *vmi = &one->answer->vmi;

		if (!vmi->node_name)
			continue;
		g_hash_table_insert(nodes->sources, g_strdup(vmi->node_name), NULL);
		if (g_strcmp0(vmi->cpu_model, "host-passthrough") == 0)
			g_hash_table_add(nodes->as_is, (gpointer)vmi->node_name);
	}
	if (cluster_each(cluster, &KIND_NODE, NULL, see_source, nodes, NULL, &cause) ||
	    targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean read_sources(Cluster *cluster, Nodes *nodes, GError **error)
{
	nodes->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					       (GDestroyNotify)cJSON_Delete);
	nodes->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	nodes->as_is = g_hash_table_new(g_str_hash, g_str_equal);
	nodes->networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	if (nodes->cases->len > SOURCES_ASKED_FOR)
		return read_many_sources(cluster, nodes, error);
	for (guint i = 0; i < nodes->cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(nodes->cases, i);

		if (!read_source(cluster, nodes, one->answer->vmi.node_name, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- the networks of a VM whose pod is not known --------------------------------------------- */

/* The resource as which whoever set a network up announces it on its nodes: "": as none; NULL: the
 * network cannot be read. Asked for once, as many VMs are on it; belongs to the nodes. */
static gboolean find_resource(Cluster *cluster, const Nodes *nodes, const char *ns,
			      const char *name, const char **ret_resource, GError **error)
{
	g_autofree char *ref = g_strdup_printf("%s/%s", ns, name);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = NULL;
	const char *resource;
	gpointer known = NULL;

	if (!g_hash_table_lookup_extended(nodes->networks, ref, NULL, &known)) {
		object = cluster_get(cluster, &KIND_NETWORK_ATTACHMENT, ns, name, &cause);
		/* UNSUPPORTED: the kind is not served, as where Multus is not installed */
		if (!object && !targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN) &&
		    !targets_tolerate(&cause, KVMIG_ERROR_NOT_FOUND) &&
		    !targets_tolerate(&cause, KVMIG_ERROR_UNSUPPORTED)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		resource = object ? object_annotation(object, ANNOTATION_RESOURCE_NAME) : NULL;
		known = object ? g_strdup(resource ? resource : "") : NULL;
		g_hash_table_insert(nodes->networks, g_steal_pointer(&ref), known);
	}
	*ret_resource = known;
	return TRUE;
}

static gboolean read_network(Cluster *cluster, const Nodes *nodes, TargetsCase *one,
			     const char *name, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(name, "/", 2);
	const gboolean full = parts[0] && parts[1];
	const char *resource;

	if (!find_resource(cluster, nodes, full ? parts[0] : one->answer->vmi.ns,
			   full ? parts[1] : name, &resource, error))
		return FALSE;
	if (resource && *resource) {
		resources_add(one->demand->resources, resource, 1);
		g_hash_table_add(one->demand->networks, g_strdup(resource));
		return TRUE;
	}
	targets_note(one->answer, "network",
		     "which nodes have the VM's network '%s' is not known: %s", name,
		     resource ? "nothing announces it as a resource of theirs"
			      : "it cannot be read");
	return TRUE;
}

static gboolean read_networks(Cluster *cluster, const Nodes *nodes, TargetsCase *one,
			      GError **error)
{
	const cJSON *network;

	if (one->pod && g_hash_table_size(one->demand->networks) > 0)
		return TRUE; /* the pod asks for what announces them */
	cJSON_ArrayForEach(network, json_path(one->wanted->vmi, "spec", "networks", NULL))
	{
		const char *name = json_string(json_get(network, "multus"), "networkName", NULL);

		if (name && !read_network(cluster, nodes, one, name, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- the questions --------------------------------------------------------------------------- */

static void note_selector(TargetsCase *one)
{
	const cJSON *asked;

	cJSON_ArrayForEach(asked, one->wanted->added_selector)
	{
		const char *own = json_string(one->answer->vmi.node_selector, asked->string, NULL);

		if (own && g_strcmp0(own, cJSON_GetStringValue(asked)) != 0)
			targets_note(
				one->answer, "selector",
				"the VM itself selects %s=%s, and KubeVirt would heed that and "
				"not what is asked for",
				asked->string, own);
	}
}

static void note_what_is_missing(TargetsCase *one, const TargetsPods *pods)
{
	if (!one->pod)
		targets_note(one->answer, "demand",
			     "the pod of the VM is not there or may not be read: what it needs is "
			     "worked out from the VM, without the overhead");
	if (!one->question.source)
		targets_note(one->answer, "demand",
			     "the node where the VM runs cannot be read: CPUs are not compared "
			     "with it");
	else if (one->demand->model_unknown)
		targets_note(one->answer, "demand",
			     "node '%s', where the VM runs, has no label %sMODEL: of the target "
			     "KubeVirt then asks for no CPU model and no features, and the guest "
			     "may come to a CPU that it cannot run on (before 1.6: it makes no "
			     "pod, and the migration stays Pending)",
			     one->answer->vmi.node_name, LABEL_PREFIX_HOST_MODEL_CPU);
	if (pods->network && !pods->on_network)
		targets_note(
			one->answer, "network",
			"which nodes are on the migration network '%s' is not known: KubeVirt's "
			"pods cannot be read",
			pods->network);
	note_selector(one);
}

static gboolean make_question(Cluster *cluster, const Nodes *nodes, const TargetsPods *pods,
			      TargetsCase *one, GError **error)
{
	TargetQuestion *question = &one->question;

	if (question->vmi->node_name)
		question->source = g_hash_table_lookup(nodes->hosts, question->vmi->node_name);
	one->demand = target_demand_new(question->vmi, one->pod, question->source, nodes->kubevirt);
	if (!read_networks(cluster, nodes, one, error))
		return FALSE;
	question->demand = one->demand;
	question->requested = pods->requested;
	question->volumes = one->volumes;
	question->migration_network = pods->network;
	question->on_network = pods->on_network;
	one->answer->from_pod = one->pod != NULL;
	one->answer->memory_bytes = resources_get(one->demand->resources, RESOURCE_MEMORY, 0);
	note_what_is_missing(one, pods);
	one->sieve = target_sieve_new(question);
	return TRUE;
}

/* ---- the nodes ------------------------------------------------------------------------------- */

static void judge(Nodes *nodes, TargetsCase *one, const Host *host)
{
	Target *target = target_sieve_judge(one->sieve, host);

	one->answer->nodes++;
	if (one->late)
		targets_near_see_node(one, host, target);
	else
		targets_near_judge(one, target);
	if (nodes->counts_only && !target->fits) {
		schedule_count_target(one->answer->counts, target);
		target_free(target);
		return;
	}
	g_ptr_array_add(one->answer->targets, target);
	if (one->late || !nodes->first_only || !target->fits)
		return;
	one->done = TRUE;
	nodes->open--;
}

static gboolean see_node(const cJSON *object, gpointer data)
{
	Nodes *nodes = data;
	Host host;

	host_read_node(object, &host);
	for (guint i = 0; i < nodes->cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(nodes->cases, i);

		if (!one->done)
			judge(nodes, one, &host);
	}
	return nodes->open > 0;
}

/* Now that it is known who is where. */
static void judge_late(const Nodes *nodes, TargetsCase *one)
{
	GPtrArray *targets = one->answer->targets;

	for (guint i = targets->len; one->late && i-- > 0;) {
		Target *target = g_ptr_array_index(targets, i);

		targets_near_judge(one, target);
		if (!nodes->counts_only || target->fits)
			continue;
		schedule_count_target(one->answer->counts, target);
		g_ptr_array_remove_index_fast(targets, i);
	}
}

static gboolean judge_nodes(Cluster *cluster, Nodes *nodes, GError **error)
{
	nodes->open = nodes->cases->len;
	if (nodes->open == 0)
		return TRUE;
	if (cluster_each(cluster, &KIND_NODE, NULL, see_node, nodes, NULL, error)) {
		for (guint i = 0; i < nodes->cases->len; i++)
			judge_late(nodes, g_ptr_array_index(nodes->cases, i));
		return TRUE;
	}
	if (error_code(*error) == KVMIG_ERROR_FORBIDDEN)
		error_hint(error,
			   "which nodes fit takes the right to list nodes, which a ClusterRole "
			   "gives; without it only the scheduler can tell, once the migration "
			   "is there");
	return FALSE;
}

/* What was found out without them stays: of the notes those on quotas, since the others are remarks
 * on how nodes are judged. */
static void do_without(TargetsAnswer *answer, const char *why)
{
	answer->no_nodes = g_strdup(why);
	for (guint i = answer->notes->len; i-- > 0;) {
		const TargetsNote *note = g_ptr_array_index(answer->notes, i);

		if (strcmp(note->about, TARGETS_ABOUT_QUOTA) != 0)
			g_ptr_array_remove_index(answer->notes, i);
	}
}

static gboolean excuse(const GPtrArray *cases, GError **cause)
{
	g_autofree char *why = g_strdup((*cause)->message);

	if (!targets_tolerate(cause, KVMIG_ERROR_FORBIDDEN))
		return FALSE;
	for (guint i = 0; i < cases->len; i++)
		do_without(((TargetsCase *)g_ptr_array_index(cases, i))->answer, why);
	return TRUE;
}

gboolean targets_of_nodes(Cluster *cluster, GPtrArray *cases, const TargetsOptions *options,
			  GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_auto(Nodes) nodes = { .cases = cases,
				.first_only = options->first_only,
				.counts_only = options->counts_only };
	g_auto(TargetsPods) pods = { .cluster = cluster, .cases = cases };

	pods.by_uid = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(cases, i);

		if (one->uid)
			g_hash_table_insert(pods.by_uid, (gpointer)one->uid, one);
	}
	if (!read_kubevirt(cluster, &nodes, error))
		return FALSE;
	pods.network = migration_network(&nodes);
	if (!targets_near_begin(cluster, cases, error) ||
	    !targets_read_pods(&pods, options->pods, error) ||
	    !targets_read_volumes(cluster, cases, error) || !read_sources(cluster, &nodes, error))
		return FALSE;
	for (guint i = 0; i < cases->len; i++) {
		TargetsCase *one = g_ptr_array_index(cases, i);

		if (!make_question(cluster, &nodes, &pods, one, error) ||
		    !targets_near_settle(cluster, one, pods.all_read, error))
			return FALSE;
	}
	if (!targets_read_selectors(cluster, cases, error))
		return FALSE;
	if (options->quotas)
		targets_read_quotas(cluster, options->quotas_known, cases);
	if (judge_nodes(cluster, &nodes, &cause) ||
	    (options->without_nodes && excuse(cases, &cause)))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}
