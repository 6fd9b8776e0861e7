/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user of the context may do, or somebody else, asked in the best way that is open: of
 * oneself a SelfSubjectAccessReview; of another one a SubjectAccessReview, the same question
 * impersonating him, a LocalSubjectAccessReview, and last what follows from the roles and bindings
 * that can be read. A way that was refused once is not tried again; an answer is remembered.
 */
#pragma once

#include "rbac.h"

typedef struct RbacAsker RbacAsker;

/* Opens the cluster of the context's options, as the user of the context, whoever --as names.
 * `context` must outlive it. */
RbacAsker *rbac_asker_new(const CommandContext *context, GError **error);
void rbac_asker_free(RbacAsker *asker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RbacAsker, rbac_asker_free)

Cluster *rbac_asker_cluster(RbacAsker *asker); /* borrowed; probed */
/* Who is asked about. The name is NULL where the server would not tell who one is. */
const RbacUser *rbac_asker_user(const RbacAsker *asker);

/* UNKNOWN without an error where nothing that is open gives an answer. */
gboolean rbac_asker_ask(RbacAsker *asker, const RbacAttributes *attributes,
			RbacVerdict *ret_verdict, GError **error);
/* How the last answer that was not UNKNOWN came about: "SubjectAccessReview", "impersonation", …,
 * "evaluation". */
const char *rbac_asker_how(const RbacAsker *asker);
