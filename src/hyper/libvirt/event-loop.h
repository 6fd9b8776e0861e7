/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's event loop in a thread and a GMainContext of its own. libvirt's default
 * implementation runs on the default GMainContext, that is, in kvmig's main loop: keepalive
 * would stop whenever the main loop is busy, and libvirt's callbacks would take its locks there.
 */
#pragma once

/* Once per process, before the first connection. */
void lv_event_loop_start(void);
