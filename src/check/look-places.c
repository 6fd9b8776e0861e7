/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the files and devices of a VM on the other hosts too, and are they the same? libvirt does
 * not look before it goes; a path that is not there ends the migration on the target, and one that
 * is another file there ends the guest's data.
 *
 * Proof of "the same": a pool of the network with one source on both, a volume key that is no
 * path, or a file that was last changed in the same nanosecond on both: copies are not.
 */
#include "check/hosts.h"

#include <string.h>

typedef enum { SAME, ABSENT, OTHER, UNSEEN } Relation;

static gboolean is_of_pool_folder(const char *path, const HyperPlace *place)
{
	g_autofree char *folder = g_path_get_dirname(path);

	return place->pool_path && strcmp(folder, place->pool_path) == 0;
}

/* "1795301629.508009189"; file systems without parts of a second prove nothing. */
static gboolean changed_together(const HyperPlace *a, const HyperPlace *b)
{
	const char *dot = a->changed ? strchr(a->changed, '.') : NULL;

	return dot && strspn(dot + 1, "0") < strlen(dot + 1) &&
	       g_strcmp0(a->changed, b->changed) == 0;
}

static gboolean from_one_source(const HyperPlace *a, const HyperPlace *b)
{
	return a->pool_source && g_strcmp0(a->pool_source, b->pool_source) == 0 &&
	       g_strcmp0(a->pool_type, b->pool_type) == 0;
}

static Relation compare_volumes(const HyperPlace *a, const HyperPlace *b)
{
	if (changed_together(a, b) || (a->key && *a->key != '/' && g_strcmp0(a->key, b->key) == 0))
		return SAME;
	if (a->capacity_bytes >= 0 && b->capacity_bytes >= 0 &&
	    a->capacity_bytes != b->capacity_bytes)
		return OTHER;
	return UNSEEN;
}

static Relation compare(const HyperPart *here, const HyperPart *there)
{
	const HyperPlace *a = &here->place, *b = &there->place;

	if (!b->pool)
		return UNSEEN;
	if (!b->listed && (here->pool || is_of_pool_folder(here->path, b)))
		return ABSENT;
	if (from_one_source(a, b))
		return SAME;
	return a->listed && b->listed ? compare_volumes(a, b) : UNSEEN;
}

/* ---- telling -------------------------------------------------------------------------------- */

typedef struct {
	const CheckLook *look;
	CheckObject object;
	GPtrArray *findings;
	GString *unseen; /* what, for all of them */
} Places;

static void append(GString *list, const char *text)
{
	g_string_append_printf(list, "%s%s", list->len ? ", " : "", text);
}

static void tell_absent(const Places *places, const HyperPart *part, const CheckView *view,
			const HyperPlace *there)
{
	g_autofree char *text = check_part_text(part);

	check_add(places->findings, &places->object, CHECK_WARNING, REASON_CHK_PATH_ABSENT, NULL,
		  "%s: storage pool '%s' on node '%s' does not have it", text, there->pool,
		  view->node);
}

static void tell_other(const Places *places, const HyperPart *part, const CheckView *view,
		       const HyperPlace *there)
{
	g_autofree char *text = check_part_text(part);

	check_add(places->findings, &places->object, CHECK_WARNING, REASON_CHK_PATH_ABSENT, NULL,
		  "%s: on node '%s' it is another one, of %" G_GINT64_FORMAT
		  " bytes instead of %" G_GINT64_FORMAT,
		  text, view->node, there->capacity_bytes, part->place.capacity_bytes);
}

static gboolean is_removable(const HyperPart *part)
{
	return g_strcmp0(part->device, "cdrom") == 0 || g_strcmp0(part->device, "floppy") == 0;
}

/* A medium is what people forget; libvirt does not care for it until it is too late. */
static void tell_unseen(Places *places, const HyperPart *part, const GString *nodes)
{
	g_autofree char *text = check_part_text(part);

	if (part->kind == HYPER_PART_DISK && is_removable(part))
		check_add(places->findings, &places->object, CHECK_WARNING, REASON_CHK_MEDIA, NULL,
			  "%s: whether it is on %s too is not known, and libvirt does not look "
			  "before it goes",
			  text, nodes->str);
	else
		append(places->unseen, text);
}

static void judge_path(Places *places, guint index)
{
	const HyperPart *part = g_ptr_array_index(places->look->source->parts, index);
	g_autoptr(GString) nodes = g_string_new(NULL);

	for (guint i = 0; i < places->look->views->len; i++) {
		const CheckView *view = g_ptr_array_index(places->look->views, i);
		const GPtrArray *parts = view->inspection ? view->inspection->parts : NULL;
		const HyperPart *there =
			parts && index < parts->len ? g_ptr_array_index(parts, index) : NULL;
		const Relation relation = there ? compare(part, there) : UNSEEN;
		g_autofree char *name = g_strdup_printf("'%s'", view->node);

		if (relation == ABSENT)
			tell_absent(places, part, view, &there->place);
		else if (relation == OTHER)
			tell_other(places, part, view, &there->place);
		else if (relation == UNSEEN)
			append(nodes, name);
	}
	if (nodes->len)
		tell_unseen(places, part, nodes);
}

/* libvirt's list of interfaces may leave some out, as in a container: it is believed where it has
 * the one on the VM's own node, which is there for certain. */
static void judge_interface(Places *places, guint index)
{
	const HyperPart *part = g_ptr_array_index(places->look->source->parts, index);
	g_autofree char *text = check_part_text(part);
	gboolean unseen = FALSE;

	for (guint i = 0; i < places->look->views->len; i++) {
		const CheckView *view = g_ptr_array_index(places->look->views, i);
		const GPtrArray *parts = view->inspection ? view->inspection->parts : NULL;
		const HyperPart *there =
			parts && index < parts->len ? g_ptr_array_index(parts, index) : NULL;

		if (part->there == 1 && there && there->there == 0)
			check_add(places->findings, &places->object, CHECK_WARNING,
				  REASON_TGT_NETWORK, NULL, "%s: node '%s' has no such device",
				  text, view->node);
		else if (part->there != 1 || !there || there->there != 1)
			unseen = TRUE;
	}
	if (unseen)
		append(places->unseen, text);
}

static gboolean has_path(const HyperPart *part)
{
	if (!part->path || (part->kind != HYPER_PART_DISK && part->kind != HYPER_PART_BOOT))
		return FALSE;
	return part->pool || *part->path == '/';
}

static gboolean is_attached(const HyperPart *part)
{
	return part->kind == HYPER_PART_INTERFACE && part->path && *part->path != '/' &&
	       (g_strcmp0(part->type, "bridge") == 0 || g_strcmp0(part->type, "direct") == 0);
}

gboolean check_part_is_unlisted(const HyperPart *here, const HyperPart *there)
{
	return has_path(here) && compare(here, there) == ABSENT;
}

gboolean check_part_lacks_device(const HyperPart *here, const HyperPart *there)
{
	return is_attached(here) && here->there == 1 && there->there == 0;
}

void check_look_places(const CheckLook *look, GPtrArray *findings)
{
	g_autoptr(GString) unseen = g_string_new(NULL);
	Places places = { look, { "vm", look->ns, look->name }, findings, unseen };

	if (look->views->len == 0)
		return;
	for (guint i = 0; i < look->source->parts->len; i++) {
		const HyperPart *part = g_ptr_array_index(look->source->parts, i);

		if (has_path(part))
			judge_path(&places, i);
		else if (is_attached(part))
			judge_interface(&places, i);
	}
	if (unseen->len)
		check_add(findings, &places.object, CHECK_NOTE, REASON_CHK_PATH_UNSEEN, NULL,
			  "whether all other nodes have them cannot be told through libvirt: %s",
			  unseen->str);
}
