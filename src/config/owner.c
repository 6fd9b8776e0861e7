/* SPDX-License-Identifier: Apache-2.0 */
#include "config/owner.h"

#include <string.h>

#include "base/error.h"
#include "model/quantity.h"
#include "model/wellknown.h"
#include "settings/gates.h"

/* bytes of a SHA-256 that a storageVersionHash has */
#define STORAGE_HASH_BYTES 8

/* Since HyperConverged 1.18; the table of kinds has v1beta1, which all releases serve. */
static const Kind hyperconverged_v1 = {
	.kind = "HyperConverged",
	.list_kind = "HyperConvergedList",
	.plural = "hyperconvergeds",
	.singular = "hyperconverged",
	.short_name = "hco",
	.group = "hco.kubevirt.io",
	.version = "v1",
	.api_version = "hco.kubevirt.io/v1",
	.namespaced = TRUE,
	.has_status = TRUE,
};

static const char *const path_kubevirt[] = { "spec", "configuration", "migrations", NULL };
static const char *const path_v1[] = { "spec", "virtualization", "liveMigrationConfig", NULL };
static const char *const path_v1beta1[] = { "spec", "liveMigrationConfig", NULL };

const char *const *config_path_of(const Kind *kind)
{
	if (g_str_equal(kind->kind, KIND_KUBEVIRT.kind))
		return path_kubevirt;
	return g_str_equal(kind->version, "v1") ? path_v1 : path_v1beta1;
}

char *config_field(const Kind *kind, const char *key)
{
	g_autofree char *path = g_strjoinv(".", (GStrv)config_path_of(kind));

	return g_strconcat(path, ".", key, NULL);
}

void config_owner_free(ConfigOwner *owner)
{
	if (!owner)
		return;
	g_free(owner->ns);
	g_free(owner->name);
	cJSON_Delete(owner->object);
	cJSON_Delete(owner->kubevirt);
	cJSON_Delete(owner->patched);
	g_ptr_array_unref(owner->notes);
	g_free(owner);
}

const cJSON *config_owner_kubevirt(const ConfigOwner *owner)
{
	return g_str_equal(owner->kind->kind, KIND_KUBEVIRT.kind) ? owner->object : owner->kubevirt;
}

char *config_owner_text(const ConfigOwner *owner)
{
	return g_strdup_printf("%s '%s/%s' (%s)", owner->kind->kind, owner->ns, owner->name,
			       owner->kind->api_version);
}

/* ---- which version is stored ---------------------------------------------------------------- */

/* As the API server makes it of group, version and kind; discovery shows it to everybody, while
 * the CRD itself is for few. */
static char *storage_hash(const Kind *kind)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *text = g_strdup_printf("%s/%s/%s", kind->group, kind->version, kind->kind);
	guint8 digest[32];
	gsize length = sizeof(digest);

	g_checksum_update(sum, (const guchar *)text, -1);
	g_checksum_get_digest(sum, digest, &length);
	return g_base64_encode(digest, STORAGE_HASH_BYTES);
}

/* Through another version a conversion webhook stands between, and where it is missing the fields
 * that moved are dropped without a word. */
static gboolean find_stored_kind(Cluster *cluster, const Kind **ret_kind, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) list = cluster_get_path(cluster, "/apis/hco.kubevirt.io/v1", &cause);
	g_autofree char *hash = storage_hash(&hyperconverged_v1);
	const cJSON *resource;

	*ret_kind = &KIND_HYPERCONVERGED;
	if (!list && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	cJSON_ArrayForEach(resource, json_get(list, "resources"))
	{
		if (g_str_equal(json_string(resource, "name", ""), hyperconverged_v1.plural) &&
		    g_str_equal(json_string(resource, "storageVersionHash", hash), hash))
			*ret_kind = &hyperconverged_v1;
	}
	return TRUE;
}

/* ---- the objects ---------------------------------------------------------------------------- */

static void note(ConfigOwner *owner, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void note(ConfigOwner *owner, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_ptr_array_add(owner->notes, g_strdup_vprintf(format, args));
	va_end(args);
}

static cJSON *take_first(GPtrArray *objects)
{
	return objects->len ? g_ptr_array_steal_index(objects, 0) : NULL;
}

/* Who may not list them everywhere may still read the one in its usual place. */
static cJSON *get_in_usual_place(Cluster *cluster, const Kind *kind, const char *const *places,
				 const char *name)
{
	for (; *places; places++) {
		cJSON *object = cluster_get(cluster, kind, *places, name, NULL);

		if (object)
			return object;
	}
	return NULL;
}

/* NULL with *error unset: there is none. */
static cJSON *find_hyperconverged(Cluster *cluster, const Kind *kind, GError **error)
{
	const char *const places[] = { HYPERCONVERGED_NAMESPACE, "openshift-cnv",
				       cluster_default_namespace(cluster), NULL };
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) objects = cluster_list(cluster, kind, NULL, NULL, &cause);
	cJSON *object;

	if (objects)
		return take_first(objects);
	if (error_code(cause) == KVMIG_ERROR_UNSUPPORTED) /* no such kind */
		return NULL;
	object = error_code(cause) == KVMIG_ERROR_FORBIDDEN
			 ? get_in_usual_place(cluster, kind, places, HYPERCONVERGED_NAME)
			 : NULL;
	if (!object)
		g_propagate_error(error, g_steal_pointer(&cause));
	return object;
}

static void set_object(ConfigOwner *owner, const Kind *kind, cJSON *object)
{
	owner->kind = kind;
	owner->object = object;
	owner->ns = g_strdup(object_namespace(object));
	owner->name = g_strdup(object_name(object));
}

/* ---- the annotation ------------------------------------------------------------------------- */

static gboolean parse_annotation(ConfigOwner *owner, cJSON **ret_patch)
{
	const char *text = json_string(json_path(owner->object, "metadata", "annotations", NULL),
				       ANNOTATION_JSONPATCH, NULL);
	g_autoptr(GError) error = NULL;

	*ret_patch = NULL;
	if (!text)
		return FALSE;
	*ret_patch = json_parse(text, strlen(text), "the annotation " ANNOTATION_JSONPATCH, &error);
	if (!*ret_patch)
		note(owner, "%s", error->message);
	else if (!cJSON_IsArray(*ret_patch))
		note(owner, "the annotation " ANNOTATION_JSONPATCH
			    " is no JSON patch: it must be a list of operations");
	return cJSON_IsArray(*ret_patch);
}

/* Whether a path leads to the map, into it, or to what it is in. */
static gboolean concerns_map(const char *path)
{
	static const char map[] = "/spec/configuration/migrations";
	const gsize length = strlen(path);

	if (g_str_has_prefix(path, map))
		return path[sizeof(map) - 1] == '\0' || path[sizeof(map) - 1] == '/';
	return length > 0 && g_str_has_prefix(map, path) && map[length] == '/';
}

/* What the annotation does to KubeVirt's map: applied to the map that HyperConverged makes of its
 * own. Only the operations that concern it. */
static cJSON *apply_annotation(ConfigOwner *owner, const cJSON *patch)
{
	g_autoptr(cJSON) ours = cJSON_CreateArray();
	g_autoptr(cJSON) document = cJSON_CreateObject();
	g_autoptr(GError) error = NULL;
	const cJSON *map = settings_map(owner->object), *operation;
	cJSON *result;

	cJSON_ArrayForEach(operation, patch)
	{
		if (concerns_map(json_string(operation, "path", "")))
			cJSON_AddItemToArray(ours, cJSON_Duplicate(operation, TRUE));
	}
	if (!ours->child)
		return NULL;
	json_set(json_ensure_object(json_ensure_object(document, "spec"), "configuration"),
		 "migrations", map ? cJSON_Duplicate(map, TRUE) : cJSON_CreateObject());
	result = json_patch(document, ours, &error);
	if (!result)
		note(owner, "the annotation " ANNOTATION_JSONPATCH " cannot be applied: %s",
		     error->message);
	return result;
}

static void read_annotation(ConfigOwner *owner)
{
	g_autoptr(cJSON) patch = NULL;
	g_autoptr(cJSON) result = NULL;
	const cJSON *after;

	if (!parse_annotation(owner, &patch))
		return;
	result = apply_annotation(owner, patch);
	if (!result)
		return;
	after = json_path(result, "spec", "configuration", "migrations", NULL);
	owner->patched = cJSON_CreateObject();
	for (unsigned i = 0; setting_nth(i); i++) {
		const char *key = setting_nth(i)->key;
		const cJSON *old = json_get(settings_map(owner->object), key);
		const cJSON *new = json_get(after, key);

		if (!json_equal(old, new))
			json_set(owner->patched, key,
				 new ? cJSON_Duplicate(new, TRUE) : cJSON_CreateNull());
	}
}

/* ---- finding -------------------------------------------------------------------------------- */

static gboolean find_own(ConfigOwner *owner, GError **error)
{
	g_autoptr(GError) cause = NULL;

	owner->kind = &KIND_HYPERCONVERGED;
	owner->ns = g_strdup(HYPERCONVERGED_NAMESPACE);
	owner->name = g_strdup(HYPERCONVERGED_NAME);
	owner->object = cluster_get(owner->cluster, owner->kind, owner->ns, owner->name, &cause);
	if (owner->object || error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* HyperConverged's may not be read; what is in force may be. */
static void set_unreadable(ConfigOwner *owner, const Kind *kind, const GError *why)
{
	owner->kubevirt = cJSON_Duplicate(cluster_kubevirt(owner->cluster), TRUE);
	owner->unreadable = TRUE;
	owner->kind = kind;
	owner->ns = g_strdup(object_namespace(owner->kubevirt));
	owner->name = g_strdup(HYPERCONVERGED_NAME);
	note(owner, "which settings HyperConverged has cannot be read: %s", why->message);
}

/* Who has no right is told so, whether there is such a kind or not; this everybody is told. */
static gboolean has_hyperconverged(Cluster *cluster)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) group = cluster_get_path(cluster, "/apis/hco.kubevirt.io", &cause);

	return group || error_code(cause) != KVMIG_ERROR_NOT_FOUND;
}

static gboolean find_on_kubevirt(ConfigOwner *owner, GError **error)
{
	const Kind *kind = NULL;
	g_autoptr(GError) cause = NULL;
	cJSON *object = NULL;

	if (!cluster_kubevirt(owner->cluster))
		return error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' has no KubeVirt object",
				 cluster_context(owner->cluster));
	if (find_stored_kind(owner->cluster, &kind, &cause))
		object = find_hyperconverged(owner->cluster, kind, &cause);
	if (cause && error_code(cause) == KVMIG_ERROR_FORBIDDEN) {
		if (has_hyperconverged(owner->cluster)) {
			set_unreadable(owner, kind, cause);
			return TRUE;
		}
		g_clear_error(&cause);
	}
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (object) {
		set_object(owner, kind, object);
		read_annotation(owner);
		owner->kubevirt = cJSON_Duplicate(cluster_kubevirt(owner->cluster), TRUE);
	} else {
		set_object(owner, &KIND_KUBEVIRT,
			   cJSON_Duplicate(cluster_kubevirt(owner->cluster), TRUE));
	}
	return TRUE;
}

ConfigOwner *config_owner_find(Cluster *cluster, GError **error)
{
	g_autoptr(ConfigOwner) owner = g_new0(ConfigOwner, 1);

	owner->cluster = cluster;
	owner->notes = g_ptr_array_new_with_free_func(g_free);
	if (cluster_caps(cluster)->kind == CLUSTER_KUBEVIRT ? find_on_kubevirt(owner, error)
							    : find_own(owner, error))
		return g_steal_pointer(&owner);
	return NULL;
}

static gboolean same_settings(const cJSON *before, const cJSON *after)
{
	for (unsigned i = 0; setting_nth(i); i++) {
		const Setting *setting = setting_nth(i);

		if (!setting_same_value(setting, json_get(settings_map(before), setting->key),
					json_get(settings_map(after), setting->key)))
			return FALSE;
	}
	return TRUE;
}

gboolean config_check_kubevirt(Cluster *cluster, const cJSON *before, const cJSON *after,
			       GError **error)
{
	g_autoptr(ConfigOwner) owner = NULL;
	g_autofree char *shown = NULL;

	if (same_settings(before, after))
		return TRUE;
	owner = cluster_probe(cluster, error) ? config_owner_find(cluster, error) : NULL;
	if (!owner)
		return FALSE;
	if (cluster_caps(cluster)->kind != CLUSTER_KUBEVIRT || owner->kind == &KIND_KUBEVIRT)
		return TRUE;
	shown = owner->object ? config_owner_text(owner) : g_strdup("HyperConverged");
	error_set(error, KVMIG_ERROR_REFUSED,
		  "spec.configuration.migrations: %s owns these settings, and would revert what "
		  "is changed in the KubeVirt object",
		  shown);
	error_hint(error, "'kvmig config set KEY=VALUE' or 'kvmig config edit' changes them where "
			  "they are");
	return FALSE;
}

/* ---- keys ----------------------------------------------------------------------------------- */

gboolean config_setting_applies(const ConfigOwner *owner, const Setting *setting)
{
	g_autofree char *field = NULL;

	if (cluster_caps(owner->cluster)->kind == CLUSTER_KUBEVIRT)
		return !setting->only_kvmig;
	field = config_field(owner->kind, setting->key);
	return cluster_has_field(owner->cluster, owner->kind, field) != CLUSTER_FIELD_NO;
}

gboolean config_release_has(const ConfigOwner *owner, const Setting *setting)
{
	g_autofree char *field = config_field(&KIND_KUBEVIRT, setting->key);

	return cluster_caps(owner->cluster)->kind != CLUSTER_KUBEVIRT ||
	       cluster_has_field(owner->cluster, &KIND_KUBEVIRT, field) != CLUSTER_FIELD_NO;
}

gboolean config_owner_has_key(const ConfigOwner *owner, const Setting *setting, GError **error)
{
	const gboolean hyperconverged = owner->kind != &KIND_KUBEVIRT;
	g_autofree char *field = config_field(owner->kind, setting->key);
	g_autofree char *shown = config_owner_text(owner);
	const char *since =
		hyperconverged ? setting->since_hyperconverged : setting->since_kubevirt;

	if (cluster_has_field(owner->cluster, owner->kind, field) != CLUSTER_FIELD_NO)
		return TRUE;
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "%s has no field %s", shown, setting->key);
	if (setting->only_kvmig)
		error_hint(error, "it is for clusters that kvmig itself runs");
	else if (cluster_caps(owner->cluster)->kind != CLUSTER_KUBEVIRT)
		error_hint(error, "it is KubeVirt's; clusters that kvmig runs have no use for it");
	else if (since)
		error_hint(error, "it comes with %s %s",
			   hyperconverged ? "HyperConverged" : "KubeVirt", since);
	else
		error_hint(
			error,
			"HyperConverged does not hand it on; its annotation %s can set it in the "
			"KubeVirt object (path /spec/configuration/migrations/%s)",
			ANNOTATION_JSONPATCH, setting->key);
	return FALSE;
}

gboolean config_disruption_follows(const ConfigOwner *owner)
{
	g_autofree char *field = config_field(owner->kind, "allowWorkloadDisruption");
	g_autoptr(cJSON) schema = NULL;

	if (cluster_caps(owner->cluster)->kind != CLUSTER_KUBEVIRT)
		return FALSE;
	schema = cluster_field_default(owner->cluster, owner->kind, field);
	return schema == NULL;
}

/* ---- values --------------------------------------------------------------------------------- */

const char *config_origin_text(ConfigOrigin origin)
{
	static const char *const texts[] = {
		[CONFIG_FROM_DEFAULT] = "default",
		[CONFIG_FROM_SCHEMA] = "CRD default",
		[CONFIG_FROM_HYPERCONVERGED] = "HyperConverged",
		[CONFIG_FROM_KUBEVIRT] = "KubeVirt",
		[CONFIG_FROM_JSONPATCH] = "jsonpatch",
	};

	return texts[origin];
}

void config_value_clear(ConfigValue *value)
{
	cJSON_Delete(value->value);
	cJSON_Delete(value->fallback);
	g_free(value->note);
	*value = (ConfigValue){ 0 };
}

static const cJSON *set_value(const cJSON *map, const char *key)
{
	const cJSON *value = json_get(map, key);

	return cJSON_IsNull(value) ? NULL : value;
}

static cJSON *copy(const cJSON *value)
{
	return value ? cJSON_Duplicate(value, TRUE) : NULL;
}

/* In KubeVirt's code, which had another time for each GiB before 1.4. */
static const char *compiled_text(const ConfigOwner *owner, const Setting *setting)
{
	if (g_str_equal(setting->key, "completionTimeoutPerGiB") &&
	    gate_release_before(config_owner_kubevirt(owner), 4))
		return "800";
	return setting->kubevirt_default ? setting->kubevirt_default : setting->documented_default;
}

/* What the one who reads the setting has compiled in. */
static cJSON *compiled_default(const ConfigOwner *owner, const Setting *setting)
{
	const gboolean on_kubevirt = cluster_caps(owner->cluster)->kind == CLUSTER_KUBEVIRT;
	const char *text =
		on_kubevirt ? compiled_text(owner, setting) : setting->documented_default;
	g_auto(ConfigValue) post_copy = { 0 };

	/* KubeVirt: left out, it is as allowPostCopy is */
	if (on_kubevirt && g_str_equal(setting->key, "allowWorkloadDisruption")) {
		config_value(owner, setting_find("allowPostCopy"), &post_copy);
		return cJSON_CreateBool(cJSON_IsTrue(post_copy.value));
	}
	return text ? setting_parse_value(setting, text, NULL) : NULL;
}

/* From the owner's own map. */
static void value_of_owner(const ConfigOwner *owner, const Setting *setting, const cJSON *schema,
			   ConfigValue *ret)
{
	const cJSON *own = set_value(settings_map(owner->object), setting->key);

	if (!own)
		return;
	ret->value = copy(own);
	if (owner->kind == &KIND_KUBEVIRT)
		ret->origin = CONFIG_FROM_KUBEVIRT;
	else
		ret->origin = schema && json_equal(schema, own) ? CONFIG_FROM_SCHEMA
								: CONFIG_FROM_HYPERCONVERGED;
}

static void value_of_annotation(const ConfigOwner *owner, const Setting *setting, ConfigValue *ret)
{
	const cJSON *patched = json_get(owner->patched, setting->key);

	if (!patched)
		return;
	cJSON_Delete(ret->value);
	ret->value = cJSON_IsNull(patched) ? NULL : copy(patched);
	ret->origin = CONFIG_FROM_JSONPATCH;
	ret->note = g_strdup_printf("the annotation %s decides, not %s", ANNOTATION_JSONPATCH,
				    owner->kind->kind);
}

/* HyperConverged may write a quantity in another form. */
static gboolean same_value(const Setting *setting, const cJSON *a, const cJSON *b)
{
	gint64 left = 0, right = 0;

	if (a && b && setting->type == SETTING_BANDWIDTH && cJSON_IsString(a) && cJSON_IsString(b))
		return quantity_parse(a->valuestring, &left, NULL) &&
		       quantity_parse(b->valuestring, &right, NULL) && left == right;
	return json_equal(a, b);
}

/* What HyperConverged has made of it is what KubeVirt obeys. */
static void value_of_kubevirt(const ConfigOwner *owner, const Setting *setting, ConfigValue *ret)
{
	const cJSON *made = set_value(settings_map(owner->kubevirt), setting->key);
	g_autofree char *wanted = NULL;

	if (!owner->kubevirt || same_value(setting, made, ret->value))
		return;
	if (ret->value && !owner->unreadable) {
		wanted = setting_value_text(setting, ret->value);
		g_free(ret->note);
		ret->note = g_strdup_printf("%s has %s, KubeVirt has not got it yet",
					    config_origin_text(ret->origin), wanted);
	}
	cJSON_Delete(ret->value);
	ret->value = copy(made);
	ret->origin = made ? CONFIG_FROM_KUBEVIRT : CONFIG_FROM_DEFAULT;
}

void config_value(const ConfigOwner *owner, const Setting *setting, ConfigValue *ret_value)
{
	g_autofree char *field = config_field(owner->kind, setting->key);

	*ret_value = (ConfigValue){ .origin = CONFIG_FROM_DEFAULT };
	ret_value->fallback = cluster_field_default(owner->cluster, owner->kind, field);
	value_of_owner(owner, setting, ret_value->fallback, ret_value);
	value_of_annotation(owner, setting, ret_value);
	value_of_kubevirt(owner, setting, ret_value);
	if (!ret_value->fallback)
		ret_value->fallback = compiled_default(owner, setting);
	if (ret_value->value)
		return;
	ret_value->value = compiled_default(owner, setting);
	if (ret_value->origin != CONFIG_FROM_JSONPATCH)
		ret_value->origin = CONFIG_FROM_DEFAULT;
}

cJSON *config_effective_object(const ConfigOwner *owner)
{
	cJSON *object = cJSON_CreateObject();
	cJSON *map;

	json_set_string(object, "apiVersion", KIND_KUBEVIRT.api_version);
	json_set_string(object, "kind", KIND_KUBEVIRT.kind);
	map = json_ensure_object(
		json_ensure_object(json_ensure_object(object, "spec"), "configuration"),
		"migrations");
	for (unsigned i = 0; setting_nth(i); i++) {
		g_auto(ConfigValue) value = { 0 };

		if (!config_setting_applies(owner, setting_nth(i)))
			continue;
		config_value(owner, setting_nth(i), &value);
		if (value.value)
			json_set(map, setting_nth(i)->key, g_steal_pointer(&value.value));
	}
	return object;
}
