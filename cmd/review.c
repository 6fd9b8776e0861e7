/* SPDX-License-Identifier: Apache-2.0 */
#include "review.h"

static cJSON *new_review(const Kind *kind, const RbacAttributes *attributes)
{
	cJSON *review = object_new(kind, kind->namespaced ? attributes->ns : NULL, NULL);
	cJSON *spec = json_ensure_object(review, "spec");
	cJSON *of = json_ensure_object(spec, "resourceAttributes");

	json_set_string(of, "verb", attributes->verb);
	json_set_string(of, "group", attributes->group);
	json_set_string(of, "resource", attributes->resource);
	json_set_string(of, "subresource", attributes->subresource);
	json_set_string(of, "name", attributes->name);
	json_set_string(of, "namespace", attributes->ns);
	return review;
}

static RbacVerdict ask(Cluster *cluster, const cJSON *review, GError **error)
{
	g_autoptr(cJSON) answer = cluster_create(cluster, review, CLUSTER_WRITE_NONE, error);

	if (!answer)
		return RBAC_UNKNOWN;
	return json_bool(json_get(answer, "status"), "allowed", FALSE) ? RBAC_YES : RBAC_NO;
}

RbacVerdict review_self(Cluster *cluster, const RbacAttributes *attributes, GError **error)
{
	g_autoptr(cJSON) review = new_review(&KIND_SELF_SUBJECT_ACCESS_REVIEW, attributes);

	return ask(cluster, review, error);
}

RbacVerdict review_user(Cluster *cluster, const RbacUser *user, const RbacAttributes *attributes,
			gboolean local, GError **error)
{
	g_auto(GStrv) implied =
		user->groups || !user->user ? NULL : rbac_implied_groups(user->user);
	const char *const *group = user->groups ? user->groups : (const char *const *)implied;
	g_autoptr(cJSON) review =
		new_review(local ? &KIND_LOCAL_SUBJECT_ACCESS_REVIEW : &KIND_SUBJECT_ACCESS_REVIEW,
			   attributes);
	cJSON *spec = json_get(review, "spec");

	json_set_string(spec, "user", user->user);
	for (; group && *group; group++)
		cJSON_AddItemToArray(json_ensure_array(spec, "groups"), cJSON_CreateString(*group));
	return ask(cluster, review, error);
}
