/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/module.h"

#include <gmodule.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/dirs.h"
#include "base/error.h"
#include "base/paths.h"

/* Beside the executable, where libtool puts modules in a build tree; NULL: none there. */
static char *uninstalled_path(const char *file)
{
	g_autofree char *self = NULL;
	g_autofree char *dir = NULL;
	g_autofree char *path = NULL;

	if (getauxval(AT_SECURE))
		return NULL;
	self = paths_self(NULL);
	if (!self)
		return NULL;
	dir = g_path_get_dirname(self);
	path = g_build_filename(dir, ".libs", file, NULL);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer(&path) : NULL;
}

static char *module_path(const char *file)
{
	const char *dir = secure_getenv("KVMIG_MODULE_DIR");
	char *path;

	if (dir && g_path_is_absolute(dir))
		return g_build_filename(dir, file, NULL);
	path = uninstalled_path(file);
	return path ? path : g_build_filename(dir_modules, file, NULL);
}

static void set_load_error(GError **error, const ModuleSpec *spec, const char *path)
{
	if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED, "%s is not installed: there is no '%s'",
			  spec->what, path);
		error_hint(error, "%s", spec->missing_hint);
		return;
	}
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "cannot load %s: %s", spec->what,
		  g_module_error());
	error_hint(error, "%s", spec->load_hint);
}

gconstpointer module_load(const ModuleSpec *spec, GError **error)
{
	g_autofree char *path = module_path(spec->file);
	GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
	gpointer symbol;

	if (!module) {
		set_load_error(error, spec, path);
		return NULL;
	}
	if (!g_module_symbol(module, spec->symbol, &symbol) || !symbol) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' is not %s of kvmig", path,
			  spec->what);
		g_module_close(module);
		return NULL;
	}
	if (*(const guint *)symbol != spec->abi) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "'%s' belongs to another version of kvmig", path);
		error_hint(error, "install kvmig and its modules from the same version");
		g_module_close(module);
		return NULL;
	}
	g_module_make_resident(module);
	return symbol;
}
