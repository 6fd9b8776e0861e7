/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as kubectl reads a kubeconfig, every node with its place. It differs from model/yaml.h,
 * which is strict: here YAML 1.1's booleans are booleans, anchors, aliases and merge keys are
 * understood, of two equal keys the later one counts, and only the first document of a stream is
 * read. An alias shares its node, so nothing is ever expanded in memory; what an expansion would
 * come to is counted all the same, and bounded.
 *
 * Text may be secret: errors quote names of anchors and tags, never values, and the bytes are
 * cleared when the tree is freed.
 */
#pragma once

#include "model/json.h"

#define YAML_TREE_MAX_NODES 1000000u /* with every alias expanded */

typedef enum {
	YAML_TREE_NULL,
	YAML_TREE_BOOL,
	YAML_TREE_NUMBER,
	YAML_TREE_STRING,
	YAML_TREE_LIST,
	YAML_TREE_MAP
} YamlTreeType;

typedef struct YamlNode YamlNode;
struct YamlNode {
	YamlTreeType type;
	gboolean truth;     /* BOOL */
	guint line, column; /* from 1 */
	char *text;         /* of a scalar; NULL else */
	GPtrArray *nodes;   /* LIST: items; MAP: key, value, key, value …; NULL for scalars */
	guint weight;       /* nodes in it, aliases expanded */
	guint depth;
};

typedef struct YamlTree YamlTree;

/* INVALID with `what`, line and column. */
YamlTree *yaml_tree_parse(const char *text, gsize length, const char *what, GError **error);
void yaml_tree_free(YamlTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YamlTree, yaml_tree_free)

const YamlNode *yaml_tree_root(const YamlTree *tree); /* NULL: empty, or `null` */
gboolean yaml_tree_has_more(const YamlTree *tree);    /* documents behind the first */

/* The value of a key of a map, or NULL; NULL too where it is `null`, or `node` is no map. */
const YamlNode *yaml_node_get(const YamlNode *node, const char *key);
/* "a string", "a list" … */
const char *yaml_type_name(YamlTreeType type);
/* As JSON, aliases expanded; NULL where a number is none that JSON can hold. */
cJSON *yaml_node_to_json(const YamlNode *node);
