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
#define GROUP_HYPERCONVERGED "hco.kubevirt.io"

static gboolean find_kubevirt(Kube *kube, gboolean *ret_there, GError **error)
{
	const KubeRequest request = {
		.method = "GET",
		.target = "/apis/kubevirt.io/v1/kubevirts?limit=1",
		.accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,"
			  "application/json",
		.subject = kube_subject(kube, "list", &KIND_KUBEVIRT, NULL, NULL),
	};
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) list = kube_send_json(kube, &request, NULL, &cause);

	if (list) {
		*ret_there = cJSON_GetArraySize(json_get(list, "items")) > 0;
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

static gboolean is_group_served(Kube *kube, const char *group, gboolean *ret_there, GError **error)
{
	g_autofree char *path = g_strconcat("/apis/", group, NULL);
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

static gboolean gather(Kube *kube, gboolean *ret_kubevirt, gboolean *ret_fleet,
		       gboolean *ret_hyperconverged, GError **error)
{
	return find_kubevirt(kube, ret_kubevirt, error) &&
	       is_group_served(kube, GROUP_FLEET, ret_fleet, error) &&
	       (!*ret_kubevirt ||
		is_group_served(kube, GROUP_HYPERCONVERGED, ret_hyperconverged, error));
}

gboolean kube_probe(Cluster *cluster, GError **error)
{
	gboolean kubevirt = FALSE, fleet = FALSE, hyperconverged = FALSE;

	if (!gather(kube_of(cluster), &kubevirt, &fleet, &hyperconverged, error)) {
		error_prefix(error, "cannot tell which kind of cluster '%s' is", cluster->context);
		return FALSE;
	}
	if (kubevirt == fleet)
		return set_undecided(cluster, kubevirt, error);
	if (fleet)
		cluster->caps = (ClusterCaps){ .kind = CLUSTER_FLEET,
					       .kvmig_migrates = TRUE,
					       .node_kind = &KIND_HOST,
					       .settings_kind = &KIND_HYPERCONVERGED };
	else
		cluster->caps =
			(ClusterCaps){ .kind = CLUSTER_KUBEVIRT,
				       .node_kind = &KIND_NODE,
				       .settings_kind = hyperconverged ? &KIND_HYPERCONVERGED
								       : &KIND_KUBEVIRT };
	return TRUE;
}
