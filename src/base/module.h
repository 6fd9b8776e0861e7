/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of kvmig that are loaded only when they are needed, because of the libraries that they
 * link. A module exports one constant struct whose first member is `guint abi`.
 */
#pragma once

#include <glib.h>

typedef struct {
	const char *file;         /* "kvmig-libvirt.so" */
	const char *symbol;       /* of its struct */
	gboolean own_first;       /* look symbols up in its own libraries before the program's */
	guint abi;                /* the one that this program was built with */
	const char *what;         /* "the libvirt driver" */
	const char *missing_hint; /* the file is not there */
	const char *load_hint;    /* it cannot be loaded: a library is missing */
} ModuleSpec;

/* The module's struct; the module stays for good. Looked for in $KVMIG_MODULE_DIR (not heeded in a
 * setuid process), else beside this executable in .libs, where an uninstalled build has it, else
 * in the package's own folder. UNSUPPORTED with a hint where it is not there or does not fit. */
gconstpointer module_load(const ModuleSpec *spec, GError **error);
