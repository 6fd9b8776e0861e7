/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt daemons for tests: session daemons of an ordinary user (nobody where the test runs as
 * root, for whom there are none), each in folders of its own, and guests without a disk or a
 * system.
 */
#pragma once

#include <glib.h>

#include "hyper/hyper.h"

typedef struct {
	char *dir;
	char *uri;
	char *uuid;
	GPid pid;
	HyperHost *host;
} Node;

gboolean nodes_are_installed(void);

/* Runs the tests in a child, with a folder for their nodes, and removes what they leave. */
int nodes_run_tests(const char *const *names, int (*run)(const char *top));

void node_make(Node *node, const char *top, const char *name);
void node_start(Node *node);
void node_kill(Node *node);
void node_clear(Node *node);
/* Probing every emulator takes seconds; one daemon takes over what another has found. */
void node_share_cache(const Node *from, const Node *to);
void node_virsh(const Node *node, const char *command, const char *argument);

/* Starts one; its UUID. */
char *guest_new(const Node *node, const char *name, gboolean persistent, guint memory_mib);
void guest_end(const Node *node, const char *uuid);
