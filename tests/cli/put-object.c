/* SPDX-License-Identifier: Apache-2.0 */
/* For command-line tests: creates the objects of a YAML or JSON stream on standard input in the
 * cluster that --context or KVMIG_CONTEXT names, as the inventory or the engine would. */
#include <stdio.h>

#include "cluster/cluster.h"
#include "model/yaml.h"

/* Reason codes that a test puts there itself prove nothing when kvmig shows them: tests/cli/lib.sh
 * does not count those in this file. */
static gboolean record_reasons(const char *text, GError **error)
{
	const char *file = g_getenv("KVMIG_REASONS_PUT");
	g_autoptr(GRegex) code = g_regex_new("KVMIG(-[A-Z0-9]+){2,}", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GString) lines = g_string_new(NULL);
	g_autofree char *old = NULL;

	if (!file)
		return TRUE;
	for (g_regex_match(code, text, 0, &match); g_match_info_matches(match);
	     g_match_info_next(match, NULL)) {
		g_autofree char *word = g_match_info_fetch(match, 0);

		g_string_append_printf(lines, "%s\n", word);
	}
	if (g_file_get_contents(file, &old, NULL, NULL))
		g_string_prepend(lines, old);
	return g_file_set_contents(file, lines->str, -1, error);
}

static gboolean put_all(const char *context, GError **error)
{
	const ClusterOptions options = { .context = context, .create = TRUE };
	g_autoptr(Cluster) cluster = cluster_open(&options, error);
	g_autoptr(GPtrArray) objects = NULL;
	static char text[JSON_MAX_BYTES + 1];
	gsize length;

	if (!cluster)
		return FALSE;
	length = fread(text, 1, sizeof(text) - 1, stdin);
	if (!record_reasons(text, error))
		return FALSE;
	objects = yaml_parse_all(text, length, "standard input", error);
	for (guint i = 0; objects && i < objects->len; i++) {
		cJSON *wanted = objects->pdata[i];
		g_autoptr(cJSON) made =
			cluster_create(cluster, wanted, CLUSTER_WRITE_UNADMITTED, error);
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
