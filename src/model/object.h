/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object in Kubernetes form, kept as the cJSON document it is: unknown fields travel along
 * untouched. These functions read and write the parts that every kind has. Strings that are
 * returned `const` are borrowed from the object; NULL where the field is absent.
 */
#pragma once

#include "model/json.h"
#include "model/kind.h"

/* A new object with apiVersion, kind and metadata; namespace is left out for cluster-scoped
 * kinds. name may be NULL where generateName is set afterwards. */
cJSON *object_new(const Kind *kind, const char *ns, const char *name);

/* The row of the kind table, or NULL for a kind that is not in it. */
const Kind *object_kind(const cJSON *object);

const char *object_name(const cJSON *object);
const char *object_namespace(const cJSON *object); /* NULL for cluster-scoped objects */
const char *object_uid(const cJSON *object);
const char *object_resource_version(const cJSON *object);
gint64 object_generation(const cJSON *object);
gint64 object_created_us(const cJSON *object);	/* unix microseconds, 0 where absent */
gboolean object_is_deleting(const cJSON *object); /* has a deletionTimestamp */

const char *object_label(const cJSON *object, const char *key);
const char *object_annotation(const cJSON *object, const char *key);
void object_set_label(cJSON *object, const char *key, const char *value); /* NULL removes */
void object_set_annotation(cJSON *object, const char *key, const char *value);
cJSON *object_labels(const cJSON *object); /* the map, or NULL */

gboolean object_has_finalizer(const cJSON *object, const char *finalizer);
void object_add_finalizer(cJSON *object, const char *finalizer); /* once */
void object_remove_finalizer(cJSON *object, const char *finalizer);

/* "ns/name", or "name" for cluster-scoped objects; free with g_free(). For messages and keys. */
char *object_ref(const cJSON *object);

/* Views of all these objects, by the read function of their kind (`host_read` for Host, and so on),
 * which borrow from them: an array of Type *; free with g_ptr_array_unref(). */
#define OBJECT_VIEWS(objects, Type, read)                                                          \
	({                                                                                         \
		GPtrArray *all_views = g_ptr_array_new_with_free_func(g_free);                     \
		for (guint view_n = 0; view_n < (objects)->len; view_n++) {                        \
			Type *view = g_new0(Type, 1);                                              \
			read(g_ptr_array_index(objects, view_n), view);                            \
			g_ptr_array_add(all_views, view);                                          \
		}                                                                                  \
		all_views;                                                                         \
	})

/* Kubernetes' rules for names and labels. `what` names the thing in the error (INVALID). */
gboolean name_check_dns_subdomain(const char *name, const char *what, GError **error);
gboolean name_check_dns_label(const char *name, const char *what, GError **error);
gboolean name_check_label_key(const char *key, GError **error);
gboolean name_check_label_value(const char *value, GError **error);

/* Any text made a legal DNS-1123 label of at most max (<= 63) bytes: lower case, runs of other
 * characters become one '-', none at the ends; "vm" where nothing is left. Free with g_free(). */
char *name_from_text(const char *text, gsize max);

/* status.conditions[], as Kubernetes keeps them: one entry a type; lastTransitionTime changes
 * only with status. now_us is unix time. reason and message may be NULL. */
cJSON *condition_find(const cJSON *object, const char *type);
gboolean condition_is_true(const cJSON *object, const char *type);
void condition_set(cJSON *object, const char *type, gboolean status, const char *reason,
		   const char *message, gint64 now_us);
void condition_remove(cJSON *object, const char *type);
