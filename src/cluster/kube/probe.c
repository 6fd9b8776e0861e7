/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two marks: a KubeVirt object (KubeVirt's own role kubevirt.io:default lets every authenticated
 * user list them), and the API group of kvmig, which only `cluster init` installs (discovery is
 * open to every authenticated user, the CRD and the namespaces are not). What cannot be asked is an
 * error: a fleet's controller on a KubeVirt cluster would start a second copy of a VM.
 */
#include "cluster/kube/probe.h"

#include "base/error.h"
#include "cluster/kube/request.h"

#define GROUP_FLEET "kvmig.io"

/* The object is kept: it says what else one wants to know of the cluster. */
static void keep_kubevirt(Kube *kube, const cJSON *list)
{
	const cJSON *items = json_get(list, "items");
	cJSON *object = cJSON_IsArray(items) && items->child ? cJSON_Duplicate(items->child, TRUE)
							     : NULL;

	if (!cJSON_IsObject(object)) {
		cJSON_Delete(object);
		return;
	}
	json_set_string(object, "apiVersion", KIND_KUBEVIRT.api_version);
	json_set_string(object, "kind", KIND_KUBEVIRT.kind);
	cJSON_Delete(kube->base.kubevirt);
	kube->base.kubevirt = object;
}

static gboolean find_kubevirt(Kube *kube, gboolean *ret_there, GError **error)
{
	const KubeRequest request = {
		.method = "GET",
		.target = "/apis/kubevirt.io/v1/kubevirts?limit=1",
		.subject = kube_subject(kube, "list", &KIND_KUBEVIRT, NULL, NULL),
	};
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) list = kube_send_json(kube, &request, NULL, &cause);

	if (list) {
		*ret_there = cJSON_GetArraySize(json_get(list, "items")) > 0;
		keep_kubevirt(kube, list);
		return TRUE;
	}
	if (error_code(cause) == KVMIG_ERROR_UNSUPPORTED) { /* no such kind */
		*ret_there = FALSE;
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&cause));
	if (error && error_code(*error) == KVMIG_ERROR_FORBIDDEN &&
	    !error_get_hint(*error)) /* a 401 has one */
		error_hint(error, "KubeVirt's role kubevirt.io:default allows it to every user: an "
				  "admin can bind it again");
	return FALSE;
}

static gboolean find_fleet(Kube *kube, gboolean *ret_there, GError **error)
{
	static const char path[] = "/apis/" GROUP_FLEET;
	const KubeRequest request = { .method = "GET",
				      .target = path,
				      .subject = kube_subject(kube, "get", NULL, NULL, path) };
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) document = kube_send_json(kube, &request, NULL, &cause);

	if (!document && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	*ret_there = document != NULL;
	return TRUE;
}

static gboolean set_undecided(const Cluster *cluster, gboolean both, GError **error)
{
	if (both) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "'%s' has a KubeVirt object and kvmig's own kinds: which of them "
			  "migrates VMs cannot be told",
			  cluster->context);
		error_hint(error, "remove the one that is not in use: KubeVirt, or the "
				  "CustomResourceDefinition hosts." GROUP_FLEET);
	} else {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "'%s' is no cluster of VMs: it has no KubeVirt object, and nothing of "
			  "kvmig's own",
			  cluster->context);
		error_hint(error, "--context names another cluster");
	}
	return FALSE;
}

gboolean kube_probe(Cluster *cluster, GError **error)
{
	gboolean kubevirt = FALSE, fleet = FALSE;

	if (!find_kubevirt(kube_of(cluster), &kubevirt, error) ||
	    !find_fleet(kube_of(cluster), &fleet, error)) {
		error_prefix(error, "cannot tell which kind of cluster '%s' is", cluster->context);
		return FALSE;
	}
	if (kubevirt == fleet)
		return set_undecided(cluster, kubevirt, error);
	cluster->caps = (ClusterCaps){ .kind = fleet ? CLUSTER_FLEET : CLUSTER_KUBEVIRT,
				       .kvmig_migrates = fleet,
				       .node_kind = fleet ? &KIND_HOST : &KIND_NODE };
	return TRUE;
}
