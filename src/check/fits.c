/* SPDX-License-Identifier: Apache-2.0 */
#include "check/fits.h"

#include <string.h>

#include "check/targets.h"
#include "check/vm.h"
#include "model/wellknown.h"
#include "schedule/affinity.h"

#define GROUPS_AT_ONCE 1000
#define ANY_NAME "-" /* no value that a label may have */

/* VMs with one answer. */
typedef struct {
	const char *demand; /* the VM without its name, as JSON; the key of the group, borrowed */
	char *uid;          /* of the first: its pod is the one that is looked at */
	GPtrArray *claims;  /* char*: those of the first whose volumes are tied to nodes */
	GPtrArray *names;   /* char* */
} Group;

struct CheckFits {
	PodsSeen pods;
	gboolean pods_known; /* all of them */
	GHashTable *quotas; /* namespace -> GPtrArray of cJSON*, as far as they matter */
	GHashTable *ties; /* "ns/claim" -> text of what ties its volume to nodes, of `texts` */
	GStringChunk *texts;
	GHashTable *by_demand; /* char* -> Group, of `groups` */
	GPtrArray *groups;     /* in the order of their first VMs */
};

static void group_free(gpointer data)
{
	Group *group = data;

	g_free(group->uid);
	g_ptr_array_unref(group->claims);
	g_ptr_array_unref(group->names);
	g_free(group);
}

CheckFits *check_fits_new(void)
{
	CheckFits *fits = g_new0(CheckFits, 1);

	pods_seen_init(&fits->pods);
	fits->quotas = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					     (GDestroyNotify)g_ptr_array_unref);
	fits->ties = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fits->texts = g_string_chunk_new(4096);
	fits->by_demand = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	fits->groups = g_ptr_array_new_with_free_func(group_free);
	return fits;
}

void check_fits_free(CheckFits *fits)
{
	if (!fits)
		return;
	g_ptr_array_unref(fits->groups);
	g_hash_table_unref(fits->by_demand);
	g_string_chunk_free(fits->texts);
	g_hash_table_unref(fits->ties);
	g_hash_table_unref(fits->quotas);
	pods_seen_clear(&fits->pods);
	g_free(fits);
}

guint check_fits_groups(const CheckFits *fits)
{
	return fits->groups->len;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

void check_fits_add_pod(CheckFits *fits, const cJSON *pod)
{
	pods_seen_add(&fits->pods, pod);
}

void check_fits_pods_known(CheckFits *fits)
{
	fits->pods_known = TRUE;
}

/* Most are shared, and not tied to nodes: nothing is kept of them. */
void check_fits_add_volume(CheckFits *fits, const cJSON *volume)
{
	static const char *const parts[] = { "nodeAffinity", NULL };
	const cJSON *spec = json_get(volume, "spec");
	const cJSON *claim = json_get(spec, "claimRef");
	const char *ns = json_string(claim, "namespace", NULL);
	const char *name = json_string(claim, "name", NULL);
	g_autoptr(cJSON) tie = cJSON_CreateObject();
	g_autofree char *text = NULL;
	const cJSON *label;

	json_copy_members(tie, spec, parts);
	cJSON_ArrayForEach(label, object_labels(volume))
	{
		if (strstr(label->string, "/zone") || strstr(label->string, "/region"))
			json_set(tie, label->string, cJSON_Duplicate(label, TRUE));
	}
	if (!ns || !name || !tie->child)
		return;
	text = json_print(tie);
	g_hash_table_insert(fits->ties, g_strdup_printf("%s/%s", ns, name),
			    g_string_chunk_insert_const(fits->texts, text));
}

void check_fits_add_quota(CheckFits *fits, const cJSON *quota)
{
	static const char *const parts[] = { "spec", "status", NULL };
	const char *ns = object_namespace(quota);
	GPtrArray *there = ns ? g_hash_table_lookup(fits->quotas, ns) : NULL;
	cJSON *copy;

	if (!ns)
		return;
	if (!there) {
		there = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
		g_hash_table_insert(fits->quotas, g_strdup(ns), there);
	}
	copy = object_new(&KIND_RESOURCE_QUOTA, ns, object_name(quota));
	json_copy_members(copy, quota, parts);
	g_ptr_array_add(there, copy);
}

/* The claims whose volumes are tied; what ties them goes into the demand. */
static GPtrArray *tied_claims(const CheckFits *fits, const cJSON *vmi, cJSON *demand)
{
	GPtrArray *tied = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) names = NULL;

	if (g_hash_table_size(fits->ties) == 0)
		return tied;
	names = check_claim_names(vmi);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *ref = g_strdup_printf("%s/%s", object_namespace(vmi), name);
		const char *tie = g_hash_table_lookup(fits->ties, ref);

		if (!tie)
			continue;
		g_ptr_array_add(tied, g_strdup(name));
		cJSON_AddItemToArray(json_ensure_array(demand, "ties"), cJSON_CreateString(tie));
	}
	return tied;
}

/* What the VM's own pod is looked at for: its affinity, and over what it is spread. */
static GHashTable *named_by_itself(const cJSON *vmi)
{
	static const char *const kinds[] = { "podAffinity", "podAntiAffinity" };
	GHashTable *named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const cJSON *affinity = json_path(vmi, "spec", "affinity", NULL), *term;

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		cJSON_ArrayForEach(term, affinity_pod_terms(affinity, kinds[i]))
			pods_seen_name_labels(named, term, object_labels(vmi));
	cJSON_ArrayForEach(term, json_path(vmi, "spec", "topologySpreadConstraints", NULL))
		pods_seen_name_labels(named, term, object_labels(vmi));
	return named;
}

static gboolean is_named(const CheckFits *fits, GHashTable *own, const char *key, const char *value)
{
	return pods_seen_is_named(fits->pods.named, key, value) ||
	       pods_seen_is_named(own, key, value);
}

/* Labels matter where pods keep away from them, or near. Those that name this very VM would make
 * each VM a question of its own; where no selector names it they are all the same to it, as long as
 * they have the key. */
static void copy_labels(const CheckFits *fits, cJSON *metadata, const cJSON *vmi)
{
	static const char *const of_one[] = { LABEL_NODE_NAME, LABEL_MIGRATION_TARGET_NODE_NAME,
					      "kubevirt.io/outdatedLauncherImage" };
	g_autoptr(GHashTable) own = named_by_itself(vmi);
	const char *name = object_name(vmi);
	cJSON *labels = json_ensure_object(metadata, "labels");
	const cJSON *label;

	cJSON_ArrayForEach(label, object_labels(vmi))
	{
		const char *value = cJSON_GetStringValue(label);

		if (value && g_strcmp0(value, name) == 0 &&
		    !is_named(fits, own, label->string, value))
			value = ANY_NAME;
		json_set_string(labels, label->string, value);
	}
	/* its pod has that one in any case */
	if (name && is_named(fits, own, LABEL_VM_NAME, name))
		json_set_string(labels, LABEL_VM_NAME, name);
	for (gsize i = 0; i < G_N_ELEMENTS(of_one); i++)
		json_unset(labels, of_one[i]);
}

/* What src/schedule and check/targets-*.c read of a VM. */
static cJSON *demand_of(const CheckFits *fits, const cJSON *vmi)
{
	static const char *const of_spec[] = { "architecture", "nodeSelector", "affinity",
					       "tolerations",  "networks",
					       "topologySpreadConstraints",    "priorityClassName",
					       NULL };
	static const char *const of_domain[] = { "cpu",     "memory",         "resources",
						 "machine", "launchSecurity", "features", NULL };
	static const char *const of_devices[] = { "gpus", "hostDevices", NULL };
	static const char *const of_status[] = { "nodeName", "phase", "machine",
						 "memory",   "topologyHints", NULL };
	cJSON *copy = object_new(&KIND_VMI, object_namespace(vmi), "-");
	cJSON *spec = json_ensure_object(copy, "spec");
	cJSON *domain = json_ensure_object(spec, "domain");
	const cJSON *from = json_path(vmi, "spec", "domain", NULL);

	copy_labels(fits, json_ensure_object(copy, "metadata"), vmi);
	json_copy_members(spec, json_get(vmi, "spec"), of_spec);
	json_copy_members(domain, from, of_domain);
	json_copy_members(json_ensure_object(domain, "devices"), json_get(from, "devices"),
			  of_devices);
	json_copy_members(json_ensure_object(copy, "status"), json_get(vmi, "status"), of_status);
	return copy;
}

void check_fits_add_vm(CheckFits *fits, const cJSON *vmi)
{
	const char *uid = object_uid(vmi);
	const char *node = json_string(json_get(vmi, "status"), "nodeName", NULL);
	g_autoptr(cJSON) demand = demand_of(fits, vmi);
	g_autoptr(GPtrArray) claims = tied_claims(fits, vmi, demand);
	g_autofree char *text = NULL;
	Group *group;

	json_set_string(demand, "pod", pods_seen_launcher(&fits->pods, node, uid));
	text = json_print(demand);
	group = g_hash_table_lookup(fits->by_demand, text);
	if (!group) {
		group = g_new0(Group, 1);
		group->uid = g_strdup(uid);
		group->claims = g_steal_pointer(&claims);
		group->names = g_ptr_array_new_with_free_func(g_free);
		group->demand = text;
		g_hash_table_insert(fits->by_demand, g_steal_pointer(&text), group);
		g_ptr_array_add(fits->groups, group);
	}
	g_ptr_array_add(group->names, g_strdup(object_name(vmi)));
}

/* ---- judging -------------------------------------------------------------------------------- */

/* The first VM of a group, as far as it matters. */
static cJSON *representative(const Group *group)
{
	cJSON *vmi = json_parse(group->demand, strlen(group->demand), "a VM", NULL);
	cJSON *metadata = json_ensure_object(vmi, "metadata");

	cJSON_DeleteItemFromObjectCaseSensitive(vmi, "pod");
	cJSON_DeleteItemFromObjectCaseSensitive(vmi, "ties");
	for (guint i = 0; i < group->claims->len; i++) {
		cJSON *volume = cJSON_CreateObject();

		json_set_string(json_ensure_object(volume, "persistentVolumeClaim"), "claimName",
				g_ptr_array_index(group->claims, i));
		cJSON_AddItemToArray(json_ensure_array(json_ensure_object(vmi, "spec"), "volumes"),
				     volume);
	}
	json_set_string(metadata, "name", g_ptr_array_index(group->names, 0));
	json_set_string(metadata, "uid", group->uid);
	return vmi;
}

static void report_group(const Group *group, const TargetsAnswer *answer, GPtrArray *findings)
{
	g_autofree char *text = NULL;

	if (answer->fitting > 0 || answer->no_nodes)
		return;
	text = schedule_counts_text(answer->counts, 0, answer->nodes);
	for (guint i = 0; i < group->names->len; i++) {
		const CheckObject vm = { "vm", answer->vmi.ns, g_ptr_array_index(group->names, i) };

		check_add(findings, &vm, CHECK_BLOCKS, REASON_PEND_NO_TARGET,
			  "'kvmig targets VM' shows what each node lacks", "%s", text);
	}
}

/* ---- quotas --------------------------------------------------------------------------------- */

/* VMs that a quota has no room for a second pod of. */
typedef struct {
	char *ns, *quota;
	guint vms;
	char *first, *lack; /* one of them, and what is lacking for it */
} Tight;

static void tight_free(gpointer data)
{
	Tight *tight = data;

	g_free(tight->ns);
	g_free(tight->quota);
	g_free(tight->first);
	g_free(tight->lack);
	g_free(tight);
}

static Tight *tight_of(GPtrArray *all, const char *ns, const char *quota)
{
	Tight *tight;

	for (guint i = 0; i < all->len; i++) {
		tight = g_ptr_array_index(all, i);
		if (strcmp(tight->ns, ns) == 0 && strcmp(tight->quota, quota) == 0)
			return tight;
	}
	tight = g_new0(Tight, 1);
	tight->ns = g_strdup(ns);
	tight->quota = g_strdup(quota);
	g_ptr_array_add(all, tight);
	return tight;
}

static void count_quotas(const Group *group, const TargetsAnswer *answer, GPtrArray *tights)
{
	for (guint i = 0; i < answer->notes->len; i++) {
		const TargetsNote *note = g_ptr_array_index(answer->notes, i);
		Tight *tight;

		if (!note->quota)
			continue;
		tight = tight_of(tights, answer->vmi.ns, note->quota);
		tight->vms += group->names->len;
		if (tight->first)
			continue;
		tight->first = g_strdup(g_ptr_array_index(group->names, 0));
		tight->lack = g_strdup(note->lack);
	}
}

static void report_quotas(const GPtrArray *tights, GPtrArray *findings)
{
	for (guint i = 0; i < tights->len; i++) {
		const Tight *tight = g_ptr_array_index(tights, i);
		const CheckObject project = { "project", NULL, tight->ns };
		g_autofree char *more =
			tight->vms > 1 ? g_strdup_printf(" and %u more", tight->vms - 1) : NULL;

		check_add(findings, &project, CHECK_WARNING, REASON_PEND_QUOTA, NULL,
			  "quota '%s' has no room now for a second pod of VM '%s'%s (%s): until "
			  "it has, a migration waits",
			  tight->quota, tight->first, more ? more : "", tight->lack);
	}
}

/* ---- all ------------------------------------------------------------------------------------ */

/* What holds for all is told once. */
static void report_notes(const TargetsAnswer *answer, GHashTable *told, GPtrArray *findings)
{
	const CheckObject cluster = { "cluster", NULL, NULL };

	for (guint i = 0; i < answer->notes->len; i++) {
		const TargetsNote *note = g_ptr_array_index(answer->notes, i);

		if (strcmp(note->about, "memory") != 0 && strcmp(note->about, "network") != 0)
			continue;
		if (g_hash_table_add(told, g_strdup(note->text)))
			check_add(findings, &cluster, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
				  "where VMs can go: %s", note->text);
	}
}

/* What is gathered over all questions. */
typedef struct {
	GHashTable *told;  /* set of texts */
	GPtrArray *tights; /* of Tight */
} Sums;

static gboolean judge_some(const CheckFits *fits, guint from, guint n, Cluster *cluster,
			   const Sums *sums, GPtrArray *findings, GError **error)
{
	const TargetsOptions options = { .first_only = TRUE,
					 .counts_only = TRUE,
					 .quotas = TRUE,
					 .quotas_known = fits->quotas,
					 .without_nodes = TRUE,
					 .pods = fits->pods_known ? &fits->pods : NULL };
	g_autoptr(GPtrArray) vmis = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autofree TargetsWanted *wanted = g_new0(TargetsWanted, n);
	g_autoptr(GPtrArray) answers = NULL;

	for (guint i = 0; i < n; i++) {
		g_ptr_array_add(vmis, representative(g_ptr_array_index(fits->groups, from + i)));
		wanted[i].vmi = g_ptr_array_index(vmis, i);
	}
	answers = targets_find(cluster, wanted, n, &options, error);
	for (guint i = 0; answers && i < n; i++) {
		const TargetsAnswer *answer = g_ptr_array_index(answers, i);

		report_group(g_ptr_array_index(fits->groups, from + i), answer, findings);
		report_notes(answer, sums->told, findings);
		count_quotas(g_ptr_array_index(fits->groups, from + i), answer, sums->tights);
	}
	return answers != NULL;
}

gboolean check_fits_judge(CheckFits *fits, Cluster *cluster, GPtrArray *findings, GError **error)
{
	g_autoptr(GHashTable) told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) tights = g_ptr_array_new_with_free_func(tight_free);
	const Sums sums = { told, tights };
	const guint all = fits->groups->len;

	for (guint from = 0; from < all; from += GROUPS_AT_ONCE)
		if (!judge_some(fits, from, MIN(all - from, GROUPS_AT_ONCE), cluster, &sums,
				findings, error))
			return FALSE;
	report_quotas(tights, findings);
	return TRUE;
}
