/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/module.h"

#include <gmodule.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* ---- memory ---------------------------------------------------------------------------------- */

static int count_object(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)info;
	(void)size;
	(*(guint *)data)++;
	return 0;
}

/* Relocated code is a process's own, not the file's. */
static gboolean has_relocated_code(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		const ElfW(Dyn) *entry = (gpointer)(info->dlpi_addr + part->p_vaddr);

		for (; part->p_type == PT_DYNAMIC && entry->d_tag != DT_NULL; entry++)
			if (entry->d_tag == DT_TEXTREL ||
			    (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
				return TRUE;
	}
	return FALSE;
}

static int give_back(struct dl_phdr_info *info, size_t size, void *data)
{
	const gsize page = (gsize)sysconf(_SC_PAGESIZE);
	guint *known = data;

	(void)size;
	if (*known > 0) {
		(*known)--;
		return 0;
	}
	if (has_relocated_code(info))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		gsize end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
		gsize begin = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);

		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
			(void)madvise((gpointer)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

/*
 * Loading a module and the thirty libraries behind it has read all their tables of symbols and
 * relocations: a third of what kvmig then has in memory, and never looked at again. What was not
 * written to is the file's: given back, it costs nothing but a page fault where it is needed after
 * all. Objects that were there before, and the module itself, are left alone, so that a debugger's
 * breakpoints in them stay.
 */
static void give_back_since(guint objects_before)
{
	guint known = objects_before + 1;

	(void)dl_iterate_phdr(give_back, &known);
}

static GModule *open_module(const char *path)
{
	guint before = 0;
	GModule *module;

	(void)dl_iterate_phdr(count_object, &before);
	/* lazy: most of what these libraries can do is never called */
	module = g_module_open(path, G_MODULE_BIND_LOCAL | G_MODULE_BIND_LAZY);
	if (module)
		give_back_since(before);
	return module;
}

gconstpointer module_load(const ModuleSpec *spec, GError **error)
{
	g_autofree char *path = module_path(spec->file);
	GModule *module = open_module(path);
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
