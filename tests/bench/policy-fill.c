/* SPDX-License-Identifier: Apache-2.0 */
/* policy-fill VMS POLICIES: the made-up cluster of policy-world.h in a new local store, for
 * policy-memory.sh. */
#include <stdio.h>

#include "cluster/cluster.h"
#include "policy-world.h"

/* Objects of one transaction. */
#define BATCH 2000

static gboolean put(Cluster *cluster, cJSON *object, guint n, GError **error)
{
	g_autoptr(cJSON) owned = object;
	g_autoptr(cJSON) stored = NULL;

	if (n % BATCH == 0 &&
	    ((n && !cluster_batch_commit(cluster, error)) || !cluster_batch_begin(cluster, error)))
		return FALSE;
	stored = cluster_create(cluster, owned, CLUSTER_WRITE_NONE, error);
	return stored != NULL;
}

static cJSON *make_project(GRand *rand, guint n)
{
	g_autofree char *name = g_strdup_printf("project-%u", n);
	cJSON *object = object_new(&KIND_NAMESPACE, NULL, name);

	json_set(json_ensure_object(object, "metadata"), "labels",
		 random_map(rand, 3, "project", 4));
	return object;
}

/* About 2 kB, as the inventory makes them. */
static cJSON *make_vmi(GRand *rand, guint n)
{
	g_autofree char *ns = g_strdup_printf("project-%d", g_rand_int_range(rand, 0, PROJECTS));
	g_autofree char *name = g_strdup_printf("vm-%u", n);
	g_autofree char *note = g_strnfill(1200, 'x');
	cJSON *object = object_new(&KIND_VMI, ns, name);

	json_set(json_ensure_object(object, "metadata"), "labels",
		 random_map(rand, VM_LABELS, "vm", KEYS));
	object_set_annotation(object, "example.com/note", note);
	json_set_string(
		json_ensure_object(json_ensure_object(json_ensure_object(object, "spec"), "domain"),
				   "memory"),
		"guest", "1Gi");
	return object;
}

static gboolean fill(Cluster *cluster, guint vms, guint policies, GError **error)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	guint at = 0;

	for (guint i = 0; i < PROJECTS; i++)
		if (!put(cluster, make_project(rand, i), at++, error))
			return FALSE;
	for (guint i = 0; i < policies; i++)
		if (!put(cluster, random_policy(rand, i), at++, error))
			return FALSE;
	for (guint i = 0; i < vms; i++)
		if (!put(cluster, make_vmi(rand, i), at++, error))
			return FALSE;
	return cluster_batch_commit(cluster, error);
}

int main(int argc, char **argv)
{
	const ClusterOptions options = { .context = "local", .create = TRUE };
	const guint vms = argc > 1 ? (guint)g_ascii_strtoull(argv[1], NULL, 10) : 100000;
	const guint policies = argc > 2 ? (guint)g_ascii_strtoull(argv[2], NULL, 10) : 1000;
	g_autoptr(GError) error = NULL;
	g_autoptr(Cluster) cluster = cluster_open(&options, &error);

	if (cluster && fill(cluster, vms, policies, &error))
		return 0;
	(void)fprintf(stderr, "policy-fill: %s\n", error->message);
	return 1;
}
