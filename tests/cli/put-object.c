/* SPDX-License-Identifier: Apache-2.0 */
/* For command-line tests: creates the objects of a YAML or JSON stream on standard input in the
 * cluster that --context or KVMIG_CONTEXT names, as the inventory or the engine would. */
#include <stdio.h>

#include "cluster/cluster.h"
#include "model/yaml.h"

static gboolean put_all(const char *context, GError **error)
{
	const ClusterOptions options = { .context = context, .create = TRUE };
	g_autoptr(Cluster) cluster = cluster_open(&options, error);
	g_autoptr(GPtrArray) objects = NULL;
	static char text[JSON_MAX_BYTES];
	gsize length;

	if (!cluster)
		return FALSE;
	length = fread(text, 1, sizeof(text), stdin);
	objects = yaml_parse_all(text, length, "standard input", error);
	for (guint i = 0; objects && i < objects->len; i++) {
		cJSON *wanted = objects->pdata[i];
		g_autoptr(cJSON) made = cluster_create(cluster, wanted, CLUSTER_WRITE_NONE, error);
		g_autoptr(cJSON) whole = NULL;

		if (!made)
			return FALSE;
		if (!object_kind(made)->has_status || !json_get(wanted, "status"))
			continue;
		json_set(made, "status", cJSON_Duplicate(json_get(wanted, "status"), TRUE));
		whole = cluster_update_status(cluster, made, CLUSTER_WRITE_NONE, error);
		if (!whole)
			return FALSE;
	}
	return objects != NULL;
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;

	if (put_all(argc > 1 ? argv[1] : "local", &error))
		return 0;
	(void)fprintf(stderr, "put-object: %s\n", error->message);
	return 1;
}
