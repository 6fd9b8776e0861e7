/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the libvirt of the hosts says of a VM, beyond what the inventory keeps: whether libvirt
 * would let it go, what it uses of its host, and whether the hosts that it may go to have that
 * too. That a path has the same name on two hosts says nothing; it is the same storage where both
 * hosts' storage pools say so, and else it is not known.
 */
#pragma once

#include "check/finding.h"
#include "cluster/cluster.h"
#include "hyper/hyper.h"

/* What another host knows of it. */
typedef struct {
	char *node;
	HyperInspection *inspection; /* NULL: it did not answer */
} CheckView;

/* One VM that was looked at. */
typedef struct {
	char *ns, *name, *node;  /* node: where it runs */
	gboolean says_not;       /* its condition LiveMigratable is False */
	HyperInspection *source; /* NULL: why_not says why */
	char *why_not;
	gboolean probed;     /* libvirt was asked whether it would let it go ... */
	GPtrArray *refusals; /* ... HyperRefusal*: no; NULL: yes */
	char *why_not_probed;
	GPtrArray *views; /* of CheckView; none where only its own host was looked at */
} CheckLook;

void check_look_clear(CheckLook *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckLook, check_look_clear)

/* look.c; pure. After check_vm(): takes off what that has found in general words. */
void check_look_judge(const CheckLook *look, GPtrArray *findings);
void check_look_places(const CheckLook *look,
		       GPtrArray *findings); /* look-places.c, a part of it */
/* A pool of the other host covers its path, and does not list it: it may not have looked lately. */
gboolean check_part_is_unlisted(const HyperPart *here, const HyperPart *there);
/* A bridge, or a device of the host, that the other host lacks for certain. */
gboolean check_part_lacks_device(const HyperPart *here, const HyperPart *there);
/* "disk 'vda' ('/path')" */
char *check_part_text(const HyperPart *part);

/* hosts.c. Asks the hosts of a fleet or local cluster. others: those that a VM may go to as well.
 * NULL: the hosts cannot be listed. */
typedef struct CheckHosts CheckHosts;
CheckHosts *check_hosts_new(Cluster *cluster, Hyper *hyper, gboolean others, GError **error);
void check_hosts_free(CheckHosts *hosts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckHosts, check_hosts_free)

/* Takes note of a running VM. */
void check_hosts_add(CheckHosts *hosts, const cJSON *vmi);
/* Looks at all that were noted, some at a time: runs the main loop. */
void check_hosts_finish(CheckHosts *hosts, GPtrArray *findings);
