/* SPDX-License-Identifier: Apache-2.0 */
/* Bindings whose ClusterRole may not be read, as the admin of a namespace may not: what they come
 * to is asked of the API server, subject by subject. */
#include "rbac.h"

#include <string.h>

#include "review.h"

/* A list is no reason to ask thousands of questions. */
#define MAX_REVIEWS 400u

typedef struct {
	const CommandContext *context;
	const MigrateQuery *query;
	guint left; /* to ask */
	RbacUnreadFunc function;
	gpointer data;
} Unread;

/* What the server says that a subject may do in the namespace, be it by this binding or another
 * one. FALSE: it may not be asked, or not any more. */
static gboolean ask_rights(Unread *unread, const char *ns, const RbacSubject *subject,
			   guint32 *ret_rights)
{
	const gboolean group = subject->kind == RBAC_SUBJECT_GROUP;
	g_autofree char *name = rbac_subject_user_name(subject);
	const char *const groups[] = { name, NULL };
	const RbacUser user = { group ? NULL : name, group ? groups : NULL };

	*ret_rights = 0;
	for (guint i = 0; i < unread->query->n; i++) {
		RbacAttributes attributes = unread->query->attributes[i];
		g_autoptr(GError) cause = NULL;

		if (attributes.ns && !*attributes.ns) /* no binding of a namespace gives that */
			continue;
		if (unread->left == 0)
			return FALSE;
		unread->left--;
		attributes.ns = ns;
		if (review_user(unread->context->cluster, &user, &attributes, TRUE, &cause) ==
		    RBAC_YES)
			*ret_rights |= 1u << i;
		if (cause) {
			unread->left = 0;
			return FALSE;
		}
	}
	return TRUE;
}

static void look_at(Unread *unread, const RbacBinding *binding)
{
	for (guint i = 0; i < binding->n_subjects; i++) {
		guint32 rights = 0;
		gboolean asked = binding->ns &&
				 ask_rights(unread, binding->ns, &binding->subjects[i], &rights);

		unread->function(binding, &binding->subjects[i], asked, rights, unread->data);
	}
}

gboolean rbac_unread_each(const CommandContext *context, RbacObjects *objects,
			  const MigrateQuery *query, RbacUnreadFunc function, gpointer data)
{
	static const RbacPart parts[] = { RBAC_CLUSTER_ROLE_BINDINGS, RBAC_ROLE_BINDINGS };
	Unread unread = { context, query, MAX_REVIEWS, function, data };
	const RbacBinding *binding;

	if (!rbac_objects_unread(objects, RBAC_CLUSTER_ROLES))
		return FALSE;
	for (gsize part = 0; part < G_N_ELEMENTS(parts); part++)
		for (guint i = 0; (binding = rbac_nth_binding(objects, parts[part], i)); i++)
			if (binding->role_is_cluster)
				look_at(&unread, binding);
	return TRUE;
}

void rbac_unread_add(cJSON *row, const MigrateQuery *query, gboolean asked, guint32 rights)
{
	json_set_bool(row, "roleUnread", TRUE);
	if (!asked)
		return;
	json_set(row, "rights", migrate_words(query, rights));
	json_set_string(row, "asked", KIND_LOCAL_SUBJECT_ACCESS_REVIEW.kind);
}
