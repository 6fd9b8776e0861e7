/* SPDX-License-Identifier: Apache-2.0 */
/* What kubeconfig.c (files, merge) and kubeconfig-resolve.c (what a context comes to) share. */
#pragma once

#include "base/error.h"
#include "cluster/kube/kubeconfig.h"
#include "cluster/kube/yaml-tree.h"

#define KUBE_FILE_MAX_BYTES 4194304u /* of a kubeconfig, a certificate, a token */

/* One file that was read. */
typedef struct {
	char *path;   /* as it was named */
	char *folder; /* absolute: what its relative paths begin at */
	YamlTree *tree;
	gboolean exposed; /* holds a secret, and others may read it */
} KubeFile;

/* An entry of clusters, users or contexts, from the first file that has its name. */
typedef struct {
	const KubeFile *file;
	const char *name;
	char *shown;           /* the name, fit for messages */
	const YamlNode *node;  /* the element of the list, for its place */
	const YamlNode *value; /* its cluster, user or context; NULL: empty */
} KubeEntry;

struct Kubeconfig {
	GPtrArray *files;                        /* KubeFile* */
	GHashTable *clusters, *users, *contexts; /* name -> KubeEntry* */
	const char *current;
	const KubeFile *current_file;
	char *named; /* what --kubeconfig or KUBECONFIG said, for messages */
};

/* Sorted. */
GStrv kube_entry_names(GHashTable *entries);

/* Reads a whole file, which may be a pipe: NOT_FOUND, FORBIDDEN, INVALID (a folder, too large),
 * IO. `what` and the path begin the message. The bytes are NUL-terminated behind their length. */
gboolean kube_read_file(const char *path, const char *what, char **ret_bytes, gsize *ret_length,
			GError **error);
/* Clears the bytes of a string and frees it; NULL is ignored. */
void kube_secret_free(char *secret);

/* "kubeconfig 'F': line 3, column 5: " */
gboolean kube_set_error_at(GError **error, KvmigError code, const KubeFile *file,
			   const YamlNode *node, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* What kubeconfig_load() makes of a file with this text; for the fuzzer, which has none. */
Kubeconfig *kube_config_from_text(const char *text, gsize length, const char *path, GError **error);

/* kubeconfig-fields.c: checks the types of all fields of a file, as kubectl does on reading, and
 * tells unknown ones to g_info(). *ret_secret: a password, token or key is in it. */
gboolean kube_check_fields(const KubeFile *file, gboolean *ret_secret, GError **error);
/* Whether Go's decoder takes it: line breaks anywhere, nothing else that is no base64. */
gboolean kube_is_base64(const char *text);

/* The service account that the kubelet put into `folder`: "token", "ca.crt", "namespace". */
#define KUBE_SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
gboolean kube_has_service_account(const char *folder);
KubeTarget *kube_service_account(const char *folder, const ClusterOptions *options, GError **error);
