/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/module.h"

#include <dlfcn.h>
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

/* The program itself, the loader and what the kernel maps; @data is the module's path. A debugger's
 * breakpoints are in these, and would be lost with what they are written into. */
static gboolean is_left_alone(const struct dl_phdr_info *info, const char *module)
{
	return !*info->dlpi_name || g_str_equal(info->dlpi_name, module) ||
	       info->dlpi_addr == getauxval(AT_BASE) ||
	       info->dlpi_addr == getauxval(AT_SYSINFO_EHDR);
}

static void drop(gsize begin, gsize end)
{
	if (end > begin)
		(void)madvise((gpointer)begin, end - begin, MADV_DONTNEED);
}

/* In as few pieces as there are: reading the next header would bring the first pages back. */
static int give_back(struct dl_phdr_info *info, size_t size, void *data)
{
	const gsize page = (gsize)sysconf(_SC_PAGESIZE);
	gsize begin = 0, end = 0;

	(void)size;
	if (is_left_alone(info, data) || has_relocated_code(info))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		gsize at = (info->dlpi_addr + part->p_vaddr) & ~(page - 1);

		if (part->p_type != PT_LOAD || (part->p_flags & PF_W))
			continue;
		if (at > end) { /* most often there is one piece */
			drop(begin, end);
			begin = at;
		}
		end = (info->dlpi_addr + part->p_vaddr + part->p_memsz + page - 1) & ~(page - 1);
	}
	drop(begin, end);
	return 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* AddressSanitizer's functions stand in front of the C library's, too, and it refuses that flag. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

/*
 * The libraries behind a module look 8,000 symbols up when they are loaded, each in one library
 * after the other, and first in those of the program, which have none of them. Their own first is
 * less CPU time by a fifteenth for a short command. Not where somebody has put functions in front
 * of the C library's (another allocator, a proxy's connect(), valgrind's): those would be passed
 * by.
 */
static gpointer open_own_first(const char *path)
{
#if defined(RTLD_DEEPBIND) && !defined(HAS_SANITIZER)
	if (!getenv("LD_PRELOAD") && access("/etc/ld.so.preload", F_OK) != 0)
		return dlopen(path, RTLD_LOCAL | RTLD_LAZY | RTLD_DEEPBIND);
#else
	(void)path;
#endif
	return NULL;
}

/*
 * Loading a module and the thirty libraries behind it has read all their tables of symbols and
 * relocations, and those of the libraries that were there before: a third of what kvmig then has
 * in memory, and never looked at again. What was not written to is the file's: given back, it
 * costs nothing but a page fault where it is needed after all.
 */
static GModule *open_module(const ModuleSpec *spec, char *path)
{
	gpointer opened = spec->own_first ? open_own_first(path) : NULL;
	/* lazy: most of what these libraries can do is never called */
	GModule *module = g_module_open(path, G_MODULE_BIND_LOCAL | G_MODULE_BIND_LAZY);

	if (opened)
		(void)dlclose(opened); /* GLib has it open */
	if (module)
		(void)dl_iterate_phdr(give_back, path);
	return module;
}

gconstpointer module_load(const ModuleSpec *spec, GError **error)
{
	g_autofree char *path = module_path(spec->file);
	GModule *module = open_module(spec, path);
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
