/* SPDX-License-Identifier: Apache-2.0 */
#include "policy-lint.h"

#include "base/reason.h"
#include "observe.h"

#define NAMED_MAX 3

/* VMs that have the same thing wrong. */
typedef struct {
	GString *text; /* the first few */
	guint n;
	char *fix;
} Vms;

static void vms_free(gpointer data)
{
	Vms *vms = data;

	g_string_free(vms->text, TRUE);
	g_free(vms->fix);
	g_free(vms);
}

/* Takes what and fix. */
static void note(GHashTable *by_policy, const Policy *policy, const cJSON *vm, char *what,
		 char *fix)
{
	g_autofree char *ref = object_ref(vm);
	g_autofree char *owned_what = what;
	g_autofree char *owned_fix = fix;
	Vms *vms = g_hash_table_lookup(by_policy, policy);

	if (!vms) {
		vms = g_new0(Vms, 1);
		vms->text = g_string_new(NULL);
		vms->fix = g_steal_pointer(&owned_fix);
		g_hash_table_insert(by_policy, (gpointer)policy, vms);
	}
	if (vms->n++ < NAMED_MAX)
		g_string_append_printf(vms->text, "%s%s (%s)", vms->n > 1 ? ", " : "", ref,
				       owned_what);
}

static char *vms_text(const Vms *vms)
{
	return vms->n > NAMED_MAX
		       ? g_strdup_printf("%s and %u more", vms->text->str, vms->n - NAMED_MAX)
		       : g_strdup(vms->text->str);
}

void lint_walk_init(LintWalk *walk)
{
	*walk = (LintWalk){
		.templates = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						   (GDestroyNotify)g_array_unref),
		.matched = g_hash_table_new(NULL, NULL),
		.unlabelled = g_hash_table_new_full(NULL, NULL, NULL, vms_free),
		.no_post_copy = g_hash_table_new_full(NULL, NULL, NULL, vms_free),
	};
}

void lint_walk_clear(LintWalk *walk)
{
	g_clear_pointer(&walk->templates, g_hash_table_unref);
	g_clear_pointer(&walk->matched, g_hash_table_unref);
	g_clear_pointer(&walk->unlabelled, g_hash_table_unref);
	g_clear_pointer(&walk->no_post_copy, g_hash_table_unref);
	projects_clear(&walk->projects);
	policies_clear(&walk->policies);
}

/* ---- labels that have not reached the VMI --------------------------------------------------- */

static void add_labels(cJSON *labels, const cJSON *more)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, more)
	{
		if (cJSON_IsString(label))
			json_set_string(labels, label->string, label->valuestring);
	}
}

/* Of the VirtualMachine itself, where people put them by mistake, and of its template. Only those
 * that policies ask for are kept. */
static gboolean take_template(const cJSON *object, gpointer data)
{
	LintWalk *walk = data;
	g_autoptr(cJSON) labels = cJSON_CreateObject();
	g_autoptr(GArray) asked = NULL;

	add_labels(labels, object_labels(object));
	add_labels(labels, json_path(object, "spec", "template", "metadata", "labels", NULL));
	asked = policy_asked_labels(walk->policies.set, labels);
	if (asked->len)
		g_hash_table_insert(walk->templates, object_ref(object), g_steal_pointer(&asked));
	return TRUE;
}

/* The labels that the running VM would have with those of its VM; *ret_missing: "k=v k=v". NULL
 * where it has all of them. */
static cJSON *labels_with_template(const LintWalk *walk, const cJSON *vmi, GString *missing)
{
	g_autofree char *ref = object_ref(vmi);
	const GArray *asked = g_hash_table_lookup(walk->templates, ref);
	g_autoptr(cJSON) labels = NULL;

	for (guint i = 0; asked && i < asked->len; i++) {
		PolicyLabel label =
			policy_asked_label(walk->policies.set, g_array_index(asked, guint, i));

		if (g_strcmp0(object_label(vmi, label.key), label.value) == 0)
			continue;
		if (!labels)
			labels = object_labels(vmi) ? cJSON_Duplicate(object_labels(vmi), TRUE)
						    : cJSON_CreateObject();
		json_set_string(labels, label.key, label.value);
		g_string_append_printf(missing, "%s%s=%s", missing->len ? " " : "", label.key,
				       label.value);
	}
	return g_steal_pointer(&labels);
}

static void look_at_labels(LintWalk *walk, PolicyRule rule, const cJSON *vmi, const Policy *winner)
{
	g_autoptr(GString) missing = g_string_new(NULL);
	g_autoptr(cJSON) labels = labels_with_template(walk, vmi, missing);
	const Policy *wanted;
	ProjectsDoubt doubt;

	if (!labels)
		return;
	wanted = projects_winner(&walk->projects, rule, object_namespace(vmi), labels, &doubt);
	if (doubt == PROJECTS_CERTAIN && wanted && wanted != winner)
		note(walk->unlabelled, wanted, vmi, g_strdup(missing->str),
		     g_strdup_printf("kvmig vm label -n %s %s %s", object_namespace(vmi),
				     object_name(vmi), missing->str));
}

/* ---- VMs that cannot use post-copy ---------------------------------------------------------- */

static gboolean has_sriov(const cJSON *devices)
{
	const cJSON *interface;

	cJSON_ArrayForEach(
		interface,
		json_get(devices, "interfaces")) if (json_get(interface, "sriov")) return TRUE;
	return FALSE;
}

static gboolean has_any(const cJSON *devices, const char *key)
{
	return cJSON_GetArraySize(json_get(devices, key)) > 0;
}

/* Memory that a device or a lock holds cannot stay behind on the source. */
static const char *why_no_post_copy(const cJSON *vmi)
{
	static const char *const reasons[][2] = {
		{ "HostDeviceNotLiveMigratable", "a host device" },
		{ "VirtIOFSNotLiveMigratable", "a shared file system" },
		{ "SEVNotLiveMigratable", "encrypted memory" },
		{ "TDXNotLiveMigratable", "encrypted memory" },
	};
	const cJSON *domain = json_path(vmi, "spec", "domain", NULL);
	const cJSON *devices = json_get(domain, "devices");
	const char *reason = json_string(condition_find(vmi, "LiveMigratable"), "reason", "");

	if (has_any(devices, "gpus"))
		return "a GPU";
	if (has_any(devices, "hostDevices"))
		return "a host device";
	if (has_sriov(devices))
		return "an SR-IOV interface";
	if (has_any(devices, "filesystems"))
		return "a shared file system";
	if (json_path(domain, "cpu", "realtime", NULL))
		return "locked memory, for real time";
	for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (g_str_equal(reason, reasons[i][0]))
			return reasons[i][1];
	return NULL;
}

static gboolean allows_post_copy(const Policy *policy)
{
	return json_bool(json_get(policy->object, "spec"), "allowPostCopy", FALSE);
}

static gboolean any_allows_post_copy(const PolicySet *set)
{
	for (guint i = 0; i < policy_set_size(set); i++)
		if (allows_post_copy(policy_set_nth(set, i)))
			return TRUE;
	return FALSE;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static void note_match(const Policy *policy, gpointer data)
{
	g_hash_table_add(data, (gpointer)policy);
}

typedef struct {
	LintWalk *walk;
	PolicyRule rule;
} Step;

static gboolean take_vm(const cJSON *object, gpointer data)
{
	const Step *step = data;
	LintWalk *walk = step->walk;
	const char *ns = object_namespace(object);
	g_autoptr(cJSON) copy = NULL;
	const cJSON *labels = policy_labels_ahead(walk->policies.set, object_labels(object), &copy);
	const Policy *winner;
	const char *why = NULL;
	ProjectsDoubt doubt;

	walk->vms++;
	/* one that may match is none that matches nothing */
	policy_match_all(walk->policies.set, projects_scope_at_best(&walk->projects, ns), labels,
			 note_match, walk->matched);
	winner = projects_winner(&walk->projects, step->rule, ns, labels, &doubt);
	if (doubt != PROJECTS_CERTAIN)
		return TRUE;
	look_at_labels(walk, step->rule, object, winner);
	if (winner && allows_post_copy(winner))
		why = why_no_post_copy(object);
	if (why)
		note(walk->no_post_copy, winner, object, g_strdup(why), NULL);
	return TRUE;
}

/* TRUE with *ret_unknown where it may not be done. */
static gboolean forgive(gboolean ok, GError *cause, gboolean *ret_unknown, GError **error)
{
	g_autoptr(GError) owned = cause;

	*ret_unknown = !ok && error_code(owned) == KVMIG_ERROR_FORBIDDEN;
	if (!ok && !*ret_unknown)
		g_propagate_error(error, g_steal_pointer(&owned));
	return ok || *ret_unknown;
}

static gboolean read_templates(LintWalk *walk, Cluster *cluster, GError **error)
{
	GError *cause = NULL;
	gboolean ok;

	if (cluster_caps(cluster)->kvmig_migrates)
		return TRUE; /* a VM and its labels are one there */
	ok = cluster_each(cluster, &KIND_VM, NULL, take_template, walk, NULL, &cause);
	return forgive(ok, cause, &walk->templates_unknown, error);
}

gboolean lint_walk(LintWalk *walk, const CommandContext *context, GError **error)
{
	Cluster *cluster = context->cluster;
	/* devices are in the spec */
	const ClusterListOptions options = { .metadata_only =
						     !any_allows_post_copy(walk->policies.set) };
	Step step = { walk, policy_rule_in_force(cluster) };
	GError *cause = NULL;
	gboolean ok;

	if (!observe_cluster(context, error) || !read_templates(walk, cluster, error))
		return FALSE;
	ok = projects_read(&walk->projects, cluster, walk->policies.set, NULL, &cause) &&
	     cluster_each(cluster, &KIND_VMI, &options, take_vm, &step, NULL, &cause);
	return forgive(ok, cause, &walk->vms_unknown, error);
}

/* ---- findings ------------------------------------------------------------------------------- */

static void report_unmatched(const LintWalk *walk, const Policy *policy, GPtrArray *findings)
{
	if (walk->vms_unknown || walk->vms == 0 || !policy->has_selectors ||
	    g_hash_table_contains(walk->matched, policy))
		return;
	g_ptr_array_add(findings,
			policy_finding_new(
				REASON_LINT_POLICY_UNMATCHED, policy, NULL,
				walk->vms == 1
					? g_strdup("does not match the only VM")
					: g_strdup_printf("matches none of the %u VMs", walk->vms),
				g_strdup_printf("kvmig policy delete %s", policy->name)));
}

/* Takes text and fix. */
static void report(const Policy *policy, GPtrArray *findings, const char *code, char *text,
		   char *fix)
{
	g_ptr_array_add(findings, policy_finding_new(code, policy, NULL, text, fix));
}

static void report_unlabelled(const Policy *policy, const Vms *vms, GPtrArray *findings)
{
	g_autofree char *text = vms_text(vms);

	report(policy, findings, REASON_LINT_POLICY_NOT_RUNNING_LABEL,
	       g_strdup_printf("would apply to %u more VM%s, but labels of the "
			       "VirtualMachine are not on the VM that runs: %s",
			       vms->n, vms->n == 1 ? "" : "s", text),
	       g_strdup(vms->fix));
}

static void report_no_post_copy(const Policy *policy, const Vms *vms, GPtrArray *findings)
{
	g_autofree char *text = vms_text(vms);
	/* what its admin says of pausing is not for post-copy's sake alone, and stays */
	const gboolean silent =
		!cJSON_IsBool(json_path(policy->object, "spec", "allowWorkloadDisruption", NULL));

	report(policy, findings, REASON_LINT_POLICY_POST_COPY,
	       g_strdup_printf("allows post-copy, which %u of its VMs cannot use: %s; they "
			       "need a policy of their own, or none may",
			       vms->n, text),
	       g_strdup_printf("kvmig policy edit %s --set allowPostCopy=false%s", policy->name,
			       silent ? " --set allowWorkloadDisruption=false" : ""));
}

void lint_walk_report(const LintWalk *walk, GPtrArray *findings)
{
	for (guint i = 0; i < policy_set_size(walk->policies.set); i++) {
		const Policy *policy = policy_set_nth(walk->policies.set, i);
		const Vms *unlabelled = g_hash_table_lookup(walk->unlabelled, policy);
		const Vms *no_post_copy = g_hash_table_lookup(walk->no_post_copy, policy);

		report_unmatched(walk, policy, findings);
		if (unlabelled)
			report_unlabelled(policy, unlabelled, findings);
		if (no_post_copy)
			report_no_post_copy(policy, no_post_copy, findings);
	}
}
