/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bindings, written so that of two admins at once neither undoes what the other does: each write is
 * of the binding as it was read, and begins anew where it is another one by now.
 */
#include "rbac-change.h"

#include <string.h>

#include "resource.h"

#define TRIES 60
#define PAUSE_MAX_US 20000

void rbac_bound_clear(RbacBound *bound)
{
	cJSON_Delete(bound->object);
	*bound = (RbacBound){ .object = NULL };
}

static const Kind *kind_at(const char *ns)
{
	return ns ? &KIND_ROLE_BINDING : &KIND_CLUSTER_ROLE_BINDING;
}

static char *binding_text(const RbacBind *bind, const char *ns)
{
	return g_strdup_printf("%s '%s%s%s'", kind_at(ns)->kind, ns ? ns : "", ns ? "/" : "",
			       bind->name);
}

/* ---- what the server says no to ------------------------------------------------------------- */

static char *all_words(const cJSON *subjects)
{
	GString *words = g_string_new(NULL);
	const cJSON *subject;

	cJSON_ArrayForEach(subject, subjects)
	{
		g_autofree char *one = subject_words(subject);

		g_string_append_printf(words, " %s", one);
	}
	return g_string_free(words, FALSE);
}

/* What the command line was that asked for it. */
typedef enum { TO_BIND, TO_UNBIND } Deed;

static void hint_admin(const RbacBind *bind, const char *ns, Deed deed, const char *more,
		       GError **error)
{
	g_autofree char *words = all_words(bind->subjects);
	g_autofree char *place = rbac_place_words(ns);

	error_hint(error, "a cluster admin can: 'kvmig rbac %s %s%s'%s",
		   deed == TO_BIND ? "grant" : "revoke", place, words, more);
}

void rbac_hint_revoke(const cJSON *subjects, const char *ns, const char *more, GError **error)
{
	const RbacBind bind = { .subjects = subjects };

	hint_admin(&bind, ns, TO_UNBIND, more, error);
}

/* "… is attempting to grant RBAC permissions not currently held: {…}" */
static void explain_escalation(const RbacBind *bind, const char *ns, GError **error)
{
	g_autofree char *place = rbac_place_text(ns);
	g_autofree char *more = NULL;

	g_clear_error(error);
	error_set(
		error, KVMIG_ERROR_FORBIDDEN,
		"you may not grant %s in %s: the API server lets nobody give away a right that he "
		"does not have there himself",
		bind->role, place);
	more = g_strdup_printf("; or one lets you, who then binds you to it: kubectl create "
			       "clusterrole granter --verb=bind --resource=clusterroles "
			       "--resource-name=%s",
			       bind->role);
	hint_admin(bind, ns, TO_BIND, more, error);
}

/* To the server a shorter binding is one that grants, like each that is written. */
static void explain_shortening(const RbacBind *bind, const char *ns, GError **error)
{
	g_autofree char *what = binding_text(bind, ns);

	g_clear_error(error);
	error_set(error, KVMIG_ERROR_FORBIDDEN,
		  "you may not take them out of %s: the API server lets nobody write a binding of "
		  "a right that he does not have there himself, and others remain in this one",
		  what);
	hint_admin(bind, ns, TO_UNBIND,
		   "; deleting the whole binding, with all who are in it, may be permitted to you",
		   error);
}

static void explain_no_role(const RbacBind *bind, const char *ns, Deed deed, GError **error)
{
	g_clear_error(error);
	error_set(error, KVMIG_ERROR_FORBIDDEN,
		  "there is no ClusterRole '%s' yet, and you may not bind what does not exist: its "
		  "rights cannot be compared with yours",
		  bind->role);
	hint_admin(bind, ns, deed, "", error);
}

/* That the role is not there, not the binding. The server gives its name, but calls it what was to
 * be written: 'rolebindings.rbac.authorization.k8s.io "kubevirt.io:migrate" not found'. */
static gboolean is_of_role(const RbacBind *bind, const GError *error)
{
	g_autofree char *words = g_strdup_printf("." RBAC_GROUP " \"%s\" not found", bind->role);

	return strstr(error->message, words) != NULL;
}

static void explain(const RbacBind *bind, const char *ns, Deed deed, GError **error)
{
	if (!error || !*error)
		return;
	if (strstr((*error)->message, "attempting to grant RBAC permissions not currently held"))
		(deed == TO_BIND ? explain_escalation : explain_shortening)(bind, ns, error);
	else if (is_of_role(bind, *error))
		explain_no_role(bind, ns, deed, error);
	else if (error_code(*error) == KVMIG_ERROR_FORBIDDEN &&
		 strstr((*error)->message, " cannot "))
		hint_admin(bind, ns, deed, "", error);
}

/* ---- one attempt ---------------------------------------------------------------------------- */

/* The binding as it is now, NULL: there is none. */
static gboolean look(const RbacBind *bind, const char *ns, cJSON **ret_object, GError **error)
{
	g_autoptr(GError) cause = NULL;

	*ret_object = cluster_get(bind->context->cluster, kind_at(ns), ns, bind->name, &cause);
	if (*ret_object || error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* roleRef cannot be changed: the server refuses it. */
static gboolean check_role(const RbacBind *bind, const char *ns, const cJSON *object,
			   GError **error)
{
	g_autofree char *what = NULL;
	g_autofree char *role = NULL;

	if (binding_is_of(object, bind->role))
		return TRUE;
	what = binding_text(bind, ns);
	role = binding_role_text(object);
	error_set(error, KVMIG_ERROR_REFUSED,
		  "%s gives %s, not ClusterRole '%s', and what a binding gives cannot be changed",
		  what, role, bind->role);
	error_hint(error, "take another name: --name %s-migrate", bind->name);
	return FALSE;
}

static ClusterWriteFlags flags_of(const RbacBind *bind)
{
	return bind->dry_run == DRY_RUN_NO ? CLUSTER_WRITE_NONE : CLUSTER_WRITE_DRY_RUN;
}

/* Where nothing is sent that the server could say no to. */
static gboolean check_namespace(const RbacBind *bind, const char *ns, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = NULL;

	if (!ns)
		return TRUE;
	object = cluster_get(bind->context->cluster, &KIND_NAMESPACE, NULL, ns, &cause);
	if (object || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean make(const RbacBind *bind, const char *ns, RbacBound *ret_bound, GError **error)
{
	g_autoptr(cJSON) object = binding_new(ns, bind->name, bind->role);
	cJSON *stored;
	guint count = binding_add(object, bind->subjects);

	if (bind->dry_run == DRY_RUN_CLIENT) {
		if (!check_namespace(bind, ns, error))
			return FALSE;
		stored = g_steal_pointer(&object);
	} else {
		stored = cluster_create(bind->context->cluster, object, flags_of(bind), error);
	}
	if (stored)
		*ret_bound = (RbacBound){ stored, "made", count };
	return stored != NULL;
}

static gboolean put(const RbacBind *bind, cJSON *object, const char *verb, guint count,
		    RbacBound *ret_bound, GError **error)
{
	cJSON *stored =
		bind->dry_run == DRY_RUN_CLIENT
			? cJSON_Duplicate(object, TRUE)
			: cluster_update(bind->context->cluster, object, flags_of(bind), error);

	if (stored)
		*ret_bound = (RbacBound){ stored, verb, count };
	return stored != NULL;
}

static gboolean bind_once(const RbacBind *bind, const char *ns, RbacBound *ret_bound,
			  GError **error)
{
	g_autoptr(cJSON) object = NULL;
	guint count;

	if (!look(bind, ns, &object, error))
		return FALSE;
	if (!object)
		return make(bind, ns, ret_bound, error);
	if (!check_role(bind, ns, object, error))
		return FALSE;
	count = binding_add(object, bind->subjects);
	if (count)
		return put(bind, object, "extended", count, ret_bound, error);
	*ret_bound = (RbacBound){ g_steal_pointer(&object), "unchanged", 0 };
	return TRUE;
}

static gboolean discard(const RbacBind *bind, const char *ns, const cJSON *object, guint count,
			RbacBound *ret_bound, GError **error)
{
	if (bind->dry_run != DRY_RUN_CLIENT &&
	    !cluster_delete_unchanged(bind->context->cluster, kind_at(ns), object, flags_of(bind),
				      error))
		return FALSE;
	*ret_bound = (RbacBound){ NULL, "deleted", count };
	return TRUE;
}

static gboolean unbind_once(const RbacBind *bind, const char *ns, RbacBound *ret_bound,
			    GError **error)
{
	g_autoptr(cJSON) object = NULL;
	guint count;

	if (!look(bind, ns, &object, error))
		return FALSE;
	if (!object) {
		*ret_bound = (RbacBound){ NULL, "unchanged", 0 };
		return TRUE;
	}
	if (!check_role(bind, ns, object, error))
		return FALSE;
	count = binding_remove(object, bind->subjects);
	if (binding_is_empty(object) && (bind->prune || (count && binding_is_ours(object))))
		return discard(bind, ns, object, count, ret_bound, error);
	if (count)
		return put(bind, object, binding_is_empty(object) ? "emptied" : "shortened", count,
			   ret_bound, error);
	*ret_bound = (RbacBound){ g_steal_pointer(&object), "unchanged", 0 };
	return TRUE;
}

/* ---- until it is done ----------------------------------------------------------------------- */

/* Made, changed or deleted by somebody else in between; a namespace or a role that is not there
 * stays so. */
static gboolean is_race(const RbacBind *bind, const GError *error)
{
	const KvmigError code = error_code(error);

	return code == KVMIG_ERROR_CONFLICT || code == KVMIG_ERROR_EXISTS ||
	       (code == KVMIG_ERROR_NOT_FOUND && strstr(error->message, "rolebinding") != NULL &&
		strstr(error->message, "no namespace") == NULL && !is_of_role(bind, error));
}

typedef gboolean (*OnceFunc)(const RbacBind *bind, const char *ns, RbacBound *ret_bound,
			     GError **error);

static gboolean try(const RbacBind *bind, const char *ns, Deed deed, RbacBound *ret_bound,
		    GError **error)
{
	const OnceFunc once = deed == TO_BIND ? bind_once : unbind_once;
	g_autoptr(GError) cause = NULL;

	for (guint n = 0; n < TRIES; n++) {
		g_clear_error(&cause);
		if (once(bind, ns, ret_bound, &cause))
			return TRUE;
		if (!is_race(bind, cause))
			break;
		g_usleep((gulong)g_random_int_range(1, PAUSE_MAX_US));
	}
	explain(bind, ns, deed, &cause);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean rbac_bind(const RbacBind *bind, const char *ns, RbacBound *ret_bound, GError **error)
{
	return try(bind, ns, TO_BIND, ret_bound, error);
}

gboolean rbac_unbind(const RbacBind *bind, const char *ns, RbacBound *ret_bound, GError **error)
{
	return try(bind, ns, TO_UNBIND, ret_bound, error);
}
