/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subjects and bindings of Kubernetes' RBAC, as people name them and as objects hold them. Pure.
 *
 * A subject is the JSON object that stands in a binding's `subjects`: kind, apiGroup, name and, of
 * service accounts, namespace. The server knows no users and no groups: any name is taken.
 */
#pragma once

#include "model/object.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"
#define ROLE_MIGRATE "kubevirt.io:migrate"
#define ROLE_VIEW "kubevirt.io:view"
#define ROLE_UPGRADE "kubevirt.io:upgrademigrate"
#define LABEL_AGGREGATE_ADMIN RBAC_GROUP "/aggregate-to-admin"
#define LABEL_MANAGED_BY "app.kubernetes.io/managed-by"
#define MANAGED_BY_KVMIG "kvmig"

/* No name may be longer. */
#define SUBJECT_MAX_BYTES 1024u

/* What people type, as a subject; INVALID where no name can be so. The user
 * "system:serviceaccount:NS:NAME" is that service account. */
cJSON *subject_user(const char *name, GError **error);
cJSON *subject_group(const char *name, GError **error);
cJSON *subject_service_account(const char *text, GError **error); /* "NS:NAME" */

/* Whether both stand for the same people: apiGroup aside, and however a service account is named.
 */
gboolean subject_equal(const cJSON *a, const cJSON *b);
/* Whether an array has such a subject. */
gboolean subjects_have(const cJSON *subjects, const cJSON *subject);
/* Appends a copy, unless there is one. */
gboolean subjects_add(cJSON *subjects, const cJSON *subject);

/* "user 'alice'", "group 'g'", "service account 'ns:name'"; free with g_free(). */
char *subject_text(const cJSON *subject);
/* The words that name it on the command line: "alice", "--group 'two words'"; free with g_free().
 */
char *subject_words(const cJSON *subject);
/* What one should know before a right is given to it; NULL: nothing. */
const char *subject_caution(const cJSON *subject);
/* {"user": .., "groups": [..]}: what a SubjectAccessReview's spec says of it. Of a user's groups
 * only those that every user is in. */
cJSON *subject_identity(const cJSON *subject);

/* A RoleBinding, or without a namespace a ClusterRoleBinding, of a ClusterRole; marked as ours. */
cJSON *binding_new(const char *ns, const char *name, const char *role);
/* Whether it gives the rights of that ClusterRole. */
gboolean binding_is_of(const cJSON *binding, const char *role);
/* "ClusterRole 'admin'": what it gives; free with g_free(). */
char *binding_role_text(const cJSON *binding);
gboolean binding_is_ours(const cJSON *binding);
gboolean binding_is_empty(const cJSON *binding);
/* Whether the subject is in it, also as a service account that is given without a namespace there:
 * it is of the binding's. */
gboolean binding_has(const cJSON *binding, const cJSON *subject);
/* How many were added or taken out: those that were there, or not there, do not count. */
guint binding_add(cJSON *binding, const cJSON *subjects);
guint binding_remove(cJSON *binding, const cJSON *subjects);
