/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that an API server answers about permissions: what is asked is answered by all of its
 * authorizers, roles and bindings or not. */
#pragma once

#include "cluster/cluster.h"
#include "rbac/rbac.h"

/* Of the user that the cluster was opened as; everybody may ask. UNKNOWN with *error. */
RbacVerdict review_self(Cluster *cluster, const RbacAttributes *attributes, GError **error);
/* Of somebody else; with `local` in the attributes' namespace by a LocalSubjectAccessReview, which
 * a namespace's admin may create. groups NULL: those that the name alone gives. A user NULL: of
 * somebody in these groups. UNKNOWN with *error: FORBIDDEN where this user may not ask that. */
RbacVerdict review_user(Cluster *cluster, const RbacUser *user, const RbacAttributes *attributes,
			gboolean local, GError **error);
