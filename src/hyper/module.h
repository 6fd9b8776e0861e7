/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the libvirt driver. Private to hyper. */
#pragma once

#include "hyper/hyper.h"

/* The driver, loaded at the first call (base/module.h) and kept for good: its threads may run until
 * the process ends. From the main thread. */
const HyperDriver *hyper_module_load(GError **error);
