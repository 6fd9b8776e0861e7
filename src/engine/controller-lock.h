/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock file of a local cluster's controller: who holds the lock on it is the controller, and
 * the kernel drops it with the process, however that ends. It is an open-file-description lock,
 * because that kind can be asked about without being taken: a process that only looks never
 * makes a controller that is just starting believe that there is another. The file is never
 * removed (a lock on a removed file would exclude nobody); its one line tells who holds it: pid,
 * start time of that process (a pid alone may have been given to another), version.
 */
#pragma once

#include <glib.h>

typedef struct ControllerLock ControllerLock;

/* CONFLICT, naming the holder, where it is taken. */
ControllerLock *controller_lock_take(const char *path, const char *version, GError **error);
void controller_lock_release(ControllerLock *lock); /* NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ControllerLock, controller_lock_release)

/* FALSE once the file at that path is gone or another one: the lock excludes nobody any more. */
gboolean controller_lock_is_intact(const ControllerLock *lock, const char *path);

typedef struct {
	gboolean held;
	gint64 pid; /* 0: not known */
	char *version; /* or NULL */
} ControllerHolder;

void controller_holder_clear(ControllerHolder *holder);
/* Looks, changing nothing. No such file: nobody holds it. */
gboolean controller_lock_look(const char *path, ControllerHolder *ret_holder, GError **error);

/* Asks the holder to end (SIGTERM), if it is the very process that the file names: a pid that
 * was given to another process meanwhile is never hit. FALSE where nobody was asked. */
gboolean controller_lock_ask_to_end(const char *path, GError **error);
