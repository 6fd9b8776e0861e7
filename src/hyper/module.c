/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "hyper/module.h"

#include <gmodule.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "base/paths.h"

#define MODULE_FILE "kvmig-libvirt.so"

/* Beside the executable, where libtool puts modules in a build tree; NULL: none there. */
static char *uninstalled_path(void)
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
	path = g_build_filename(dir, ".libs", MODULE_FILE, NULL);
	return g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer(&path) : NULL;
}

static char *module_path(void)
{
	const char *dir = secure_getenv("KVMIG_MODULE_DIR");
	char *path;

	if (dir && g_path_is_absolute(dir))
		return g_build_filename(dir, MODULE_FILE, NULL);
	path = uninstalled_path();
	return path ? path : g_build_filename(PKGLIBDIR, MODULE_FILE, NULL);
}

static void set_load_error(GError **error, const char *path)
{
	if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "the libvirt driver is not installed: there is no '%s'", path);
		error_hint(error, "build kvmig without --disable-libvirt (Debian: "
				  "apt install libvirt-dev, then configure, make, make install)");
		return;
	}
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "cannot load the libvirt driver: %s",
		  g_module_error());
	error_hint(error, "install libvirt's client library (Debian: apt install libvirt0)");
}

static const HyperDriver *module_open(const char *path, GError **error)
{
	GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL);
	const HyperDriver *driver;
	gpointer symbol;

	if (!module) {
		set_load_error(error, path);
		return NULL;
	}
	if (!g_module_symbol(module, HYPER_DRIVER_SYMBOL, &symbol) || !symbol) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' is not a driver of kvmig", path);
		g_module_close(module);
		return NULL;
	}
	driver = symbol;
	if (driver->abi != HYPER_DRIVER_ABI) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "the driver '%s' belongs to another version of kvmig", path);
		error_hint(error, "install kvmig and its driver from the same version");
		g_module_close(module);
		return NULL;
	}
	g_module_make_resident(module);
	return driver;
}

const HyperDriver *hyper_module_load(GError **error)
{
	static const HyperDriver *driver;
	g_autofree char *path = NULL;

	if (driver)
		return driver;
	path = module_path();
	driver = module_open(path, error);
	return driver;
}
