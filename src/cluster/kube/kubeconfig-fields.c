/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a kubeconfig and their types. kubectl refuses a file in which one of them,
 * anywhere, has another type, and ignores fields that it does not know; so do we. */
#include <string.h>

#include "base/error.h"
#include "cluster/kube/kubeconfig-private.h"

typedef enum {
	FIELD_STRING,
	FIELD_BOOL,
	FIELD_DATA,        /* base64 */
	FIELD_STRINGS,     /* list of strings */
	FIELD_STRING_MAP,  /* map of strings */
	FIELD_STRINGS_MAP, /* map of lists of strings */
	FIELD_OBJECT,
	FIELD_OBJECTS, /* list of them */
	FIELD_ANY
} FieldType;

typedef struct Field Field;
struct Field {
	const char *name;
	FieldType type;
	const Field *fields; /* of OBJECT and OBJECTS */
	gboolean secret;
};

#define FIELD(n, t)                                                                                \
	{                                                                                          \
		.name = n, .type = t                                                               \
	}
#define SECRET(n, t)                                                                               \
	{                                                                                          \
		.name = n, .type = t, .secret = TRUE                                               \
	}
#define OBJECT(n, t, f)                                                                            \
	{                                                                                          \
		.name = n, .type = t, .fields = f                                                  \
	}

static const Field extension_fields[] = {
	FIELD("name", FIELD_STRING),
	FIELD("extension", FIELD_ANY),
	FIELD(NULL, FIELD_ANY),
};

static const Field cluster_fields[] = {
	FIELD("server", FIELD_STRING),
	FIELD("tls-server-name", FIELD_STRING),
	FIELD("insecure-skip-tls-verify", FIELD_BOOL),
	FIELD("certificate-authority", FIELD_STRING),
	FIELD("certificate-authority-data", FIELD_DATA),
	FIELD("proxy-url", FIELD_STRING),
	FIELD("disable-compression", FIELD_BOOL),
	OBJECT("extensions", FIELD_OBJECTS, extension_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field env_fields[] = {
	FIELD("name", FIELD_STRING),
	FIELD("value", FIELD_STRING),
	FIELD(NULL, FIELD_ANY),
};

static const Field exec_fields[] = {
	FIELD("apiVersion", FIELD_STRING),      FIELD("command", FIELD_STRING),
	FIELD("args", FIELD_STRINGS),           OBJECT("env", FIELD_OBJECTS, env_fields),
	FIELD("installHint", FIELD_STRING),     FIELD("provideClusterInfo", FIELD_BOOL),
	FIELD("interactiveMode", FIELD_STRING), FIELD(NULL, FIELD_ANY),
};

static const Field provider_fields[] = {
	FIELD("name", FIELD_STRING),
	SECRET("config", FIELD_STRING_MAP),
	FIELD(NULL, FIELD_ANY),
};

static const Field user_fields[] = {
	FIELD("client-certificate", FIELD_STRING),
	FIELD("client-certificate-data", FIELD_DATA),
	FIELD("client-key", FIELD_STRING),
	SECRET("client-key-data", FIELD_DATA),
	SECRET("token", FIELD_STRING),
	FIELD("tokenFile", FIELD_STRING),
	FIELD("as", FIELD_STRING),
	FIELD("as-uid", FIELD_STRING),
	FIELD("as-groups", FIELD_STRINGS),
	FIELD("as-user-extra", FIELD_STRINGS_MAP),
	FIELD("username", FIELD_STRING),
	SECRET("password", FIELD_STRING),
	OBJECT("auth-provider", FIELD_OBJECT, provider_fields),
	OBJECT("exec", FIELD_OBJECT, exec_fields),
	OBJECT("extensions", FIELD_OBJECTS, extension_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field context_fields[] = {
	FIELD("cluster", FIELD_STRING),   FIELD("user", FIELD_STRING),
	FIELD("namespace", FIELD_STRING), OBJECT("extensions", FIELD_OBJECTS, extension_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field named_cluster_fields[] = {
	FIELD("name", FIELD_STRING),
	OBJECT("cluster", FIELD_OBJECT, cluster_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field named_user_fields[] = {
	FIELD("name", FIELD_STRING),
	OBJECT("user", FIELD_OBJECT, user_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field named_context_fields[] = {
	FIELD("name", FIELD_STRING),
	OBJECT("context", FIELD_OBJECT, context_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field preferences_fields[] = {
	FIELD("colors", FIELD_BOOL),
	OBJECT("extensions", FIELD_OBJECTS, extension_fields),
	FIELD(NULL, FIELD_ANY),
};

static const Field config_fields[] = {
	FIELD("kind", FIELD_STRING),
	FIELD("apiVersion", FIELD_STRING),
	OBJECT("preferences", FIELD_OBJECT, preferences_fields),
	OBJECT("clusters", FIELD_OBJECTS, named_cluster_fields),
	OBJECT("users", FIELD_OBJECTS, named_user_fields),
	OBJECT("contexts", FIELD_OBJECTS, named_context_fields),
	FIELD("current-context", FIELD_STRING),
	OBJECT("extensions", FIELD_OBJECTS, extension_fields),
	FIELD(NULL, FIELD_ANY),
};

typedef struct {
	const KubeFile *file;
	gboolean secret;
	GError **error;
} Check;

gboolean kube_is_base64(const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	gsize letters = 0, padding = 0;

	for (; *text; text++) {
		if (*text == '\r' || *text == '\n')
			continue;
		if (*text == '=')
			padding++;
		else if (padding || !strchr(alphabet, *text))
			return FALSE;
		else
			letters++;
	}
	return padding <= 2 && (letters + padding) % 4 == 0;
}

static gboolean check_type(Check *check, const char *name, const YamlNode *node, YamlTreeType type)
{
	g_autofree char *excerpt = NULL;

	if (node->type == type || node->type == YAML_TREE_NULL)
		return TRUE;
	excerpt = error_excerpt(name);
	kube_set_error_at(check->error, KVMIG_ERROR_INVALID, check->file, node,
			  "'%s' must be %s, not %s", excerpt, yaml_type_name(type),
			  yaml_type_name(node->type));
	if (type == YAML_TREE_STRING && !node->nodes)
		error_hint(check->error, "write the value in quotes");
	else if (type == YAML_TREE_BOOL && node->type == YAML_TREE_STRING)
		error_hint(check->error, "write true or false, without quotes");
	return FALSE;
}

static gboolean check_strings(Check *check, const char *name, const YamlNode *list)
{
	if (!check_type(check, name, list, YAML_TREE_LIST))
		return FALSE;
	for (guint i = 0; list->nodes && i < list->nodes->len; i++)
		if (!check_type(check, name, list->nodes->pdata[i], YAML_TREE_STRING))
			return FALSE;
	return TRUE;
}

static gboolean check_map(Check *check, const char *name, const YamlNode *map, gboolean of_lists)
{
	if (!check_type(check, name, map, YAML_TREE_MAP))
		return FALSE;
	for (guint i = 1; map->nodes && i < map->nodes->len; i += 2) {
		const YamlNode *value = map->nodes->pdata[i];

		if (of_lists ? !check_strings(check, name, value)
			     : !check_type(check, name, value, YAML_TREE_STRING))
			return FALSE;
	}
	return TRUE;
}

static gboolean check_data(Check *check, const char *name, const YamlNode *node)
{
	if (!check_type(check, name, node, YAML_TREE_STRING))
		return FALSE;
	if (node->type == YAML_TREE_NULL || kube_is_base64(node->text))
		return TRUE;
	kube_set_error_at(check->error, KVMIG_ERROR_INVALID, check->file, node,
			  "'%s' is not base64", name);
	if (g_str_has_prefix(node->text, "-----BEGIN"))
		error_hint(check->error, "it takes PEM in base64: base64 -w0 FILE");
	return FALSE;
}

static gboolean check_object(Check *check, const char *name, const Field *fields,
			     const YamlNode *node);

static gboolean check_objects(Check *check, const Field *field, const YamlNode *list)
{
	if (!check_type(check, field->name, list, YAML_TREE_LIST))
		return FALSE;
	for (guint i = 0; list->nodes && i < list->nodes->len; i++)
		if (!check_object(check, field->name, field->fields, list->nodes->pdata[i]))
			return FALSE;
	return TRUE;
}

static gboolean check_field(Check *check, const Field *field, const YamlNode *node)
{
	if (field->secret && node->type != YAML_TREE_NULL)
		check->secret = TRUE;
	switch (field->type) {
	case FIELD_STRING:
		return check_type(check, field->name, node, YAML_TREE_STRING);
	case FIELD_BOOL:
		return check_type(check, field->name, node, YAML_TREE_BOOL);
	case FIELD_DATA:
		return check_data(check, field->name, node);
	case FIELD_STRINGS:
		return check_strings(check, field->name, node);
	case FIELD_STRING_MAP:
	case FIELD_STRINGS_MAP:
		return check_map(check, field->name, node, field->type == FIELD_STRINGS_MAP);
	case FIELD_OBJECT:
		return check_object(check, field->name, field->fields, node);
	case FIELD_OBJECTS:
		return check_objects(check, field, node);
	case FIELD_ANY:
		break;
	}
	return TRUE;
}

static const Field *find_field(const Field *fields, const char *name)
{
	for (; fields->name; fields++)
		if (strcmp(fields->name, name) == 0)
			return fields;
	return NULL;
}

static gboolean check_object(Check *check, const char *name, const Field *fields,
			     const YamlNode *node)
{
	if (!check_type(check, name, node, YAML_TREE_MAP))
		return FALSE;
	for (guint i = 0; node->nodes && i + 1 < node->nodes->len; i += 2) {
		const YamlNode *key = node->nodes->pdata[i];
		const Field *field = find_field(fields, key->text);
		g_autofree char *excerpt = NULL;

		if (field) {
			if (!check_field(check, field, node->nodes->pdata[i + 1]))
				return FALSE;
			continue;
		}
		excerpt = error_excerpt(key->text);
		g_info("kubeconfig '%s': line %u, column %u: field '%s' is not known, and ignored",
		       check->file->path, key->line, key->column, excerpt);
	}
	return TRUE;
}

static gboolean check_is(Check *check, const YamlNode *root, const char *key, const char *wanted)
{
	const YamlNode *node = yaml_node_get(root, key);
	g_autofree char *excerpt = NULL;

	if (!node || !*node->text || strcmp(node->text, wanted) == 0)
		return TRUE;
	excerpt = error_excerpt(node->text);
	return kube_set_error_at(check->error, KVMIG_ERROR_INVALID, check->file, node,
				 "not a kubeconfig: '%s' is '%s', not '%s'", key, excerpt, wanted);
}

gboolean kube_check_fields(const KubeFile *file, gboolean *ret_secret, GError **error)
{
	Check check = { .file = file, .error = error };
	const YamlNode *root = yaml_tree_root(file->tree);

	*ret_secret = FALSE;
	if (!root)
		return TRUE;
	if (root->type != YAML_TREE_MAP)
		return kube_set_error_at(error, KVMIG_ERROR_INVALID, file, root,
					 "not a kubeconfig: it must be a map, not %s",
					 yaml_type_name(root->type));
	if (!check_object(&check, "kubeconfig", config_fields, root) ||
	    !check_is(&check, root, "apiVersion", "v1") ||
	    !check_is(&check, root, "kind", "Config"))
		return FALSE;
	*ret_secret = check.secret;
	return TRUE;
}
