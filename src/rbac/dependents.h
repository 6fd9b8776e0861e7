/* SPDX-License-Identifier: Apache-2.0 */
/* Who would lose rights if a ClusterRole were deleted. Pure. */
#pragma once

#include "rbac/rbac.h"

/*
 * Both return an array of {"subject": {...}, "everywhere": true, "namespaces": [..]}: subjects as
 * bindings hold them, in the order of rbac_who_can(); where they have, or lose, at least one of the
 * rights. "everywhere" is only there where it is so. The attributes' ns is NULL. `also`: subjects,
 * or NULL, that are looked at as users who are in the groups that such a name is always in: a row
 * behind the others, where no binding names them but one of these groups. Free with cJSON_Delete().
 */
cJSON *rbac_holders_json(RbacObjects *objects, const RbacAttributes *rights, guint n,
			 const cJSON *also);
/* Takes the role out of `objects`, and aggregates anew. A right that comes by another way, for
 * service accounts by their groups too, is not lost; of users' groups nothing is known. */
cJSON *rbac_dependents_json(RbacObjects *objects, const char *role, const RbacAttributes *rights,
			    guint n, const cJSON *also);
