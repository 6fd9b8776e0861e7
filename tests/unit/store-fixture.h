/* SPDX-License-Identifier: Apache-2.0 */
/* A state folder of its own for each test, and shorthands for stores in it. */
#pragma once

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"
#include "cluster/cluster.h"

typedef struct {
	char *folder; /* XDG_STATE_HOME, and HOME */
	char *db;     /* the file of local/default */
	Cluster *cluster;
} StoreFixture;

static inline void fixture_remove(const char *path)
{
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
		dir = g_dir_open(path, 0, NULL);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		fixture_remove(child);
	}
	g_remove(path);
}

static inline Cluster *fixture_open(gboolean create)
{
	const ClusterOptions options = { .context = "local", .create = create };
	g_autoptr(GError) error = NULL;
	Cluster *cluster = cluster_open(&options, &error);

	g_assert_no_error(error);
	g_assert_nonnull(cluster);
	return cluster;
}

/* Folders only. */
static inline void fixture_set_up_bare(StoreFixture *fixture, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	(void)data;
	fixture->folder = g_dir_make_tmp("kvmig-store-XXXXXX", &error);
	g_assert_no_error(error);
	fixture->db = g_build_filename(fixture->folder, "kvmig", "local", "default.db", NULL);
	g_setenv("XDG_STATE_HOME", fixture->folder, TRUE);
	g_setenv("HOME", fixture->folder, TRUE);
	g_unsetenv("KUBECONFIG");
	g_unsetenv("KVMIG_CONTEXT");
	g_unsetenv("KUBERNETES_SERVICE_HOST");
}

static inline void fixture_set_up(StoreFixture *fixture, gconstpointer data)
{
	fixture_set_up_bare(fixture, data);
	fixture->cluster = fixture_open(TRUE);
}

static inline void fixture_tear_down(StoreFixture *fixture, gconstpointer data)
{
	(void)data;
	cluster_close(fixture->cluster);
	fixture_remove(fixture->folder);
	g_free(fixture->folder);
	g_free(fixture->db);
}

/* Fails the test unless the error is of kvmig's domain, has that code, and says `text`. */
#define assert_error(error, wanted, text)                                                          \
	do {                                                                                       \
		g_assert_error(error, KVMIG_ERROR, (int)(wanted));                                 \
		if (!strstr((error)->message, text))                                               \
			g_error("'%s' does not say '%s'", (error)->message, text);                 \
	} while (0)
