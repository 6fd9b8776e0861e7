/* SPDX-License-Identifier: Apache-2.0 */
/* Until cluster.c and yaml.c are there: weak stand-ins, so that the rest links. To be removed. */
#include "cmd.h"

#include "base/error.h"
#include "model/yaml.h"

const HelpPage help_pages[] __attribute__((weak)) = { { NULL, NULL } };

__attribute__((weak)) Cluster *cluster_open(const ClusterOptions *options, GError **error)
{
	(void)options;
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "this build has no cluster yet");
	return NULL;
}

__attribute__((weak)) void cluster_close(Cluster *cluster)
{
	(void)cluster;
}

__attribute__((weak)) const char *cluster_context(const Cluster *cluster)
{
	(void)cluster;
	return "";
}

__attribute__((weak)) char *yaml_print(const cJSON *value)
{
	return json_print_pretty(value); /* JSON is YAML */
}
