/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the libvirt driver. Private to hyper. */
#pragma once

#include "hyper/hyper.h"

/* The driver, loaded at the first call and kept for good: its threads may run until the process
 * ends. Looked for in $KVMIG_MODULE_DIR (not heeded in a setuid process), else beside this
 * executable in .libs, where an uninstalled build has it, else in the package's own folder.
 * UNSUPPORTED with a hint where it is not there or does not fit. From the main thread. */
const HyperDriver *hyper_module_load(GError **error);
