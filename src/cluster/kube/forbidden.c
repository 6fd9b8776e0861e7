/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/forbidden.h"

#include <string.h>

#include "base/shell.h"

#define SERVICE_ACCOUNT_PREFIX "system:serviceaccount:"

typedef struct {
	char *user, *verb, *resource, *group;
	char *ns; /* NULL: of the cluster */
} Refusal;

static void refusal_clear(Refusal *refusal)
{
	g_free(refusal->user);
	g_free(refusal->verb);
	g_free(refusal->resource);
	g_free(refusal->group);
	g_free(refusal->ns);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Refusal, refusal_clear)

/* The text between two others, behind *at, which moves on behind the second; NULL: not there. */
static char *between(const char **at, const char *before, const char *after)
{
	const char *begin = *at ? strstr(*at, before) : NULL;
	const char *end = begin ? strstr(begin + strlen(before), after) : NULL;

	if (!end)
		return NULL;
	begin += strlen(before);
	*at = end + strlen(after);
	return g_strndup(begin, (gsize)(end - begin));
}

/* What is escaped in the server's words need not be fit for a terminal without that. */
static gboolean is_printable(const char *text)
{
	if (!g_utf8_validate(text, -1, NULL))
		return FALSE;
	for (; *text; text = g_utf8_next_char(text))
		if (!g_unichar_isprint(g_utf8_get_char(text)))
			return FALSE;
	return TRUE;
}

/* 'User "bob" cannot create resource "pods/eviction" in API group "" in the namespace "n"',
 * '.. at the cluster scope'. The name is quoted as Go does, in which C's way of it is contained. */
static gboolean read_words(const char *words, Refusal *ret_refusal)
{
	const char *at = words;
	g_autofree char *name = between(&at, "User \"", "\" cannot ");

	if (!name)
		return FALSE;
	at -= 1; /* the blank before the verb */
	ret_refusal->user = g_strcompress(name);
	if (!is_printable(ret_refusal->user))
		return FALSE;
	ret_refusal->verb = between(&at, " ", " resource \"");
	ret_refusal->resource = between(&at, "", "\" in API group \"");
	ret_refusal->group = between(&at, "", "\"");
	ret_refusal->ns = between(&at, " in the namespace \"", "\"");
	return ret_refusal->verb && ret_refusal->resource && ret_refusal->group;
}

static gboolean is_reading(const Refusal *refusal)
{
	return g_str_equal(refusal->verb, "get") || g_str_equal(refusal->verb, "list") ||
	       g_str_equal(refusal->verb, "watch");
}

/* A ClusterRole of KubeVirt that gives it; NULL: none. */
static const char *role_of(const Refusal *refusal)
{
	const gboolean migrations =
		g_str_equal(refusal->resource, "virtualmachineinstancemigrations");
	const gboolean vms = g_str_equal(refusal->resource, "virtualmachines") ||
			     g_str_equal(refusal->resource, "virtualmachineinstances");

	if (g_str_equal(refusal->group, "subresources.kubevirt.io") &&
	    g_str_equal(refusal->resource, "virtualmachines/migrate"))
		return "kubevirt.io:migrate";
	if (g_str_equal(refusal->group, "migrations.kubevirt.io"))
		return is_reading(refusal) ? "kubevirt.io:view" : NULL;
	if (!g_str_equal(refusal->group, "kubevirt.io"))
		return NULL;
	if (migrations && !is_reading(refusal))
		return "kubevirt.io:migrate";
	if (is_reading(refusal))
		return "kubevirt.io:view";
	return vms ? "kubevirt.io:edit" : NULL;
}

/* "--user=bob", "--serviceaccount=prod:robot": as kubectl has it. */
static char *kubectl_subject(const Refusal *refusal)
{
	const char *name = refusal->user;
	g_autofree char *word = NULL;

	if (g_str_has_prefix(name, SERVICE_ACCOUNT_PREFIX)) {
		word = shell_word(name + strlen(SERVICE_ACCOUNT_PREFIX));
		return g_strconcat("--serviceaccount=", word, NULL);
	}
	word = shell_word(name);
	return g_strconcat("--user=", word, NULL);
}

static char *kvmig_command(const Refusal *refusal)
{
	g_autofree char *word = shell_word(refusal->user);

	return refusal->ns ? g_strdup_printf("kvmig rbac grant %s -n %s", word, refusal->ns)
			   : g_strdup_printf("kvmig rbac grant %s --cluster", word);
}

static char *kubectl_command(const Refusal *refusal, const char *role)
{
	g_autofree char *subject = kubectl_subject(refusal);
	const char *dot = *refusal->group ? "." : "";

	if (role && refusal->ns)
		return g_strdup_printf("kubectl create rolebinding NAME --clusterrole=%s %s -n %s",
				       role, subject, refusal->ns);
	if (role)
		return g_strdup_printf("kubectl create clusterrolebinding NAME --clusterrole=%s %s",
				       role, subject);
	if (refusal->ns)
		return g_strdup_printf("kubectl create role NAME --verb=%s --resource=%s%s%s -n %s "
				       "&& kubectl create rolebinding NAME --role=NAME %s -n %s",
				       refusal->verb, refusal->resource, dot, refusal->group,
				       refusal->ns, subject, refusal->ns);
	return g_strdup_printf("kubectl create clusterrole NAME --verb=%s --resource=%s%s%s && "
			       "kubectl create clusterrolebinding NAME --clusterrole=NAME %s",
			       refusal->verb, refusal->resource, dot, refusal->group, subject);
}

/* Nobody gives away what he has not. ClusterRole admin gives what Kubernetes has in a namespace,
 * and of KubeVirt what its view and edit give; other kinds, as those of settings, are in it only
 * where somebody has seen to that. */
static const char *who_can(const Refusal *refusal, const char *role)
{
	static const char *const in_admin[] = { "", "apps", "batch", "rbac.authorization.k8s.io",
						NULL };

	if (g_strcmp0(role, "kubevirt.io:migrate") == 0)
		return "a cluster admin, or who may bind kubevirt.io:migrate,";
	return refusal->ns && (role || g_strv_contains(in_admin, refusal->group))
		       ? "an admin of the namespace or the cluster"
		       : "a cluster admin";
}

char *forbidden_hint(const char *words)
{
	g_auto(Refusal) refusal = { 0 };
	g_autofree char *command = NULL;
	const char *role;

	if (!read_words(words, &refusal))
		return NULL;
	/* a right of his is everybody's */
	if (g_str_equal(refusal.user, "system:anonymous"))
		return g_strdup("the API server does not know who you are: log in, or name a user "
				"with --user or a token with --token-file");
	role = role_of(&refusal);
	command = g_strcmp0(role, "kubevirt.io:migrate") == 0 ? kvmig_command(&refusal)
							      : kubectl_command(&refusal, role);
	return g_strdup_printf("%s can give %s the right to %s %s%s%s in %s%s: '%s'",
			       who_can(&refusal, role), refusal.user, refusal.verb,
			       refusal.resource, *refusal.group ? "." : "", refusal.group,
			       refusal.ns ? "namespace " : "the cluster",
			       refusal.ns ? refusal.ns : "", command);
}
