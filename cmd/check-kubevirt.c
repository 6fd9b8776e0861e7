/* SPDX-License-Identifier: Apache-2.0 */
/* Whether KubeVirt itself works, asked of the API server. */
#include "check.h"

#include "check/kubevirt.h"

/* Every user may read what is served, and the API server asks virt-api for this part of it. Of what
 * else may be wrong nothing is said. */
static void ask_virt_api(const CheckGather *gather)
{
	Cluster *cluster = gather->context->cluster;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) served = cluster_get_path(cluster, VIRT_API_PATH, &cause);
	KvmigError code = served ? KVMIG_ERROR_FAILED : error_code(cause);

	if (code == KVMIG_ERROR_UNREACHABLE || code == KVMIG_ERROR_TIMEOUT)
		check_virt_api_silent(object_namespace(cluster_kubevirt(cluster)), cause->message,
				      gather->findings);
}

gboolean check_kubevirt_works(const CheckGather *gather, GError **error)
{
	Cluster *cluster = gather->context->cluster;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) service = NULL;
	KvmigError code;

	if (cluster_caps(cluster)->kvmig_migrates)
		return TRUE;
	check_kubevirt(cluster_kubevirt(cluster), gather->findings);
	service = cluster_get(cluster, &KIND_API_SERVICE, NULL, VIRT_API_SERVICE, &cause);
	if (service) {
		check_virt_api(service, gather->findings);
		return TRUE;
	}
	code = error_code(cause);
	if (code == KVMIG_ERROR_FORBIDDEN)
		ask_virt_api(gather);
	else if (code != KVMIG_ERROR_NOT_FOUND && code != KVMIG_ERROR_UNSUPPORTED) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return TRUE;
}
