/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kubeconfig: which files are read, how they are merged, and what a context comes to. The
 * rules are client-go's (the first file to define a name wins with its whole entry; paths are
 * relative to the file that holds them), kept so exactly that kubectl and kvmig reach the same
 * server as the same user, or both refuse. Pure reading: no request, no plugin.
 */
#pragma once

#include "cluster/cluster.h"

/* The merged files. */
typedef struct Kubeconfig Kubeconfig;

/* No core file and no ptrace from now on; plugins and the controller, which are programs of their
 * own, are not concerned. */
void kube_protect_process(void);

/* Reads $KUBECONFIG's list, the named file, or the default, after kube_protect_process(). Missing
 * files of a list are skipped; a named one is NOT_FOUND. A file that cannot be read or understood
 * is an error with its name, line and column: INVALID, FORBIDDEN, IO. Limit: 4 MiB a file. */
Kubeconfig *kubeconfig_load(const char *option, GError **error);
void kubeconfig_free(Kubeconfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Kubeconfig, kubeconfig_free)

/* No cluster, user or context in it: kubectl then tries the pod's service account. */
gboolean kubeconfig_is_empty(const Kubeconfig *config);
const char *kubeconfig_current_context(const Kubeconfig *config); /* NULL: none */
const char *kubeconfig_current_file(const Kubeconfig *config);	  /* that says so; NULL: none */
GStrv kubeconfig_context_names(const Kubeconfig *config);	  /* sorted */
GStrv kubeconfig_cluster_names(const Kubeconfig *config);
GStrv kubeconfig_user_names(const Kubeconfig *config);
/* A file that holds a secret and that others may read, or NULL. */
const char *kubeconfig_exposed_file(const Kubeconfig *config);
gboolean kubeconfig_has_context(const Kubeconfig *config, const char *name);
/* For `context list`; borrowed, NULL where absent. */
typedef struct {
	const char *cluster, *server, *user, *ns;
} KubeContextInfo;
gboolean kubeconfig_describe(const Kubeconfig *config, const char *name, KubeContextInfo *ret_info);

/* A credential plugin (client.authentication.k8s.io v1, v1beta1). */
typedef enum { EXEC_NEVER, EXEC_IF_AVAILABLE, EXEC_ALWAYS } ExecInteractive;
typedef struct {
	char *api_version;
	char *command; /* absolute, or a bare name for PATH */
	GStrv args;
	GStrv env; /* NAME=value */
	char *install_hint; /* NULL: none */
	gboolean provide_cluster_info;
	ExecInteractive interactive;
	cJSON *cluster_config; /* extension client.authentication.k8s.io/exec; NULL: none */
} ExecConfig;

/* What a context, the options and the environment come to: everything that a client needs. Files
 * are read already (but token_file, which is read again whenever it changes). */
typedef struct {
	char *context; /* "prod"; "" with --server alone; "service-account" in a pod */
	char *ns;      /* NULL: none */
	char *server; /* "https://host:6443/prefix", no '/' at its end */
	char *tls_server_name;
	char *proxy; /* http, https, or socks5h: as kubectl's socks5 the proxy resolves names */
	gboolean insecure, disable_compression;
	char *ca_pem, *certificate_pem, *key_pem; /* NULL: none */
	char *token, *token_file, *username, *password;
	ExecConfig *exec;
	char *as, *as_uid;
	GStrv as_groups;
	cJSON *as_extra; /* as-user-extra; NULL: none */
	char *cluster_name, *user_name; /* for messages */
} KubeTarget;

/*
 * name NULL: the current context. The options' overrides go before it. NOT_FOUND (context, and
 * what it names), INVALID (contradictions such as token and password, both insecure and a CA),
 * FORBIDDEN (files), UNSUPPORTED (auth-provider). With an empty kubeconfig the pod's service
 * account. As with kubectl a plugin is not used beside a token, password or certificate (`exec` is
 * NULL then), a token file goes before a token of the kubeconfig, and nothing that identifies us is
 * used towards an http:// server.
 */
KubeTarget *kubeconfig_resolve(const Kubeconfig *config, const char *name,
			       const ClusterOptions *options, GError **error);
/* Whether this is a pod with a service account. */
gboolean kubeconfig_in_cluster(void);
void kube_target_free(KubeTarget *target); /* clears the secrets */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KubeTarget, kube_target_free)
