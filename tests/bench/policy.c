/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy VMS POLICIES RATIO: which policy applies to each VM, by the index and by a plain loop over
 * all policies, on the same made-up cluster: every VM has 8 labels, every policy asks for 1 to 4 of
 * the VM's and for at most 2 of its project's. Both have to say the same for every VM. Prints the
 * times, their ratio and the peak memory; the status is 1 where they differ, or where the loop
 * takes less than RATIO times as long as the index.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "policy-world.h"
#include "policy/policy.h"

typedef struct {
	cJSON *labels;
	guint project;
} Vm;

static const Policy *by_loop(const PolicySet *set, PolicyRule rule, const cJSON *vm,
			     const cJSON *project)
{
	const Policy *best = NULL;

	for (guint i = 0; i < policy_set_size(set); i++) {
		const Policy *policy = policy_set_nth(set, i);

		if (policy_matches(policy, vm, project) &&
		    (!best || policy->rank[rule] < best->rank[rule]))
			best = policy;
	}
	return best;
}

int main(int argc, char **argv)
{
	const guint n_vms = argc > 1 ? (guint)g_ascii_strtoull(argv[1], NULL, 10) : 100000;
	const guint n_policies = argc > 2 ? (guint)g_ascii_strtoull(argv[2], NULL, 10) : 1000;
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	g_autofree Vm *vms = g_new(Vm, n_vms);
	g_autofree const cJSON **objects = g_new(const cJSON *, n_policies + 1);
	g_autofree PolicyVerdict *verdicts = g_new(PolicyVerdict, n_vms);
	const double wanted = argc > 3 ? g_ascii_strtod(argv[3], NULL) : 30;
	cJSON *projects[PROJECTS];
	PolicyScope *scopes[PROJECTS];
	g_autoptr(PolicySet) set = NULL;
	gint64 began, index_us, loop_us;
	struct rusage usage;
	guint differ = 0, matched = 0;

	for (guint i = 0; i < PROJECTS; i++)
		projects[i] = random_map(rand, 3, "project", 4);
	for (guint i = 0; i < n_vms; i++)
		vms[i] = (Vm){ random_map(rand, VM_LABELS, "vm", KEYS),
			       (guint)g_rand_int_range(rand, 0, PROJECTS) };
	for (guint i = 0; i < n_policies; i++)
		objects[i] = random_policy(rand, i);

	began = g_get_monotonic_time();
	set = policy_set_new(objects, n_policies);
	for (guint i = 0; i < PROJECTS; i++)
		scopes[i] = policy_scope_new(set, projects[i]);
	for (guint i = 0; i < n_vms; i++)
		verdicts[i] = policy_match(set, scopes[vms[i].project], vms[i].labels);
	index_us = g_get_monotonic_time() - began;

	began = g_get_monotonic_time();
	for (guint i = 0; i < n_vms; i++) {
		const Policy *best =
			by_loop(set, POLICY_RULE_KUBEVIRT, vms[i].labels, projects[vms[i].project]);

		matched += best != NULL;
		differ += best != verdicts[i].winner[POLICY_RULE_KUBEVIRT];
	}
	loop_us = g_get_monotonic_time() - began;

	(void)getrusage(RUSAGE_SELF, &usage);
	printf("%u VMs, %u policies, %u VMs with one: index %.1f ms, loop %.1f ms, ratio %.0f; "
	       "%u differ; peak %ld MiB\n",
	       n_vms, n_policies, matched, (double)index_us / 1000, (double)loop_us / 1000,
	       (double)loop_us / (double)MAX(index_us, 1), differ, usage.ru_maxrss / 1024);
	for (guint i = 0; i < PROJECTS; i++) {
		policy_scope_free(scopes[i]);
		cJSON_Delete(projects[i]);
	}
	for (guint i = 0; i < n_vms; i++)
		cJSON_Delete(vms[i].labels);
	for (guint i = 0; i < n_policies; i++)
		cJSON_Delete((cJSON *)objects[i]);
	return differ > 0 || (double)loop_us < wanted * (double)index_us;
}
