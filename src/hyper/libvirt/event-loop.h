/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt's event loop in a thread and a GMainContext of its own. libvirt's default
 * implementation runs on the default GMainContext, that is, in kvmig's main loop: keepalive
 * would stop whenever the main loop is busy, and libvirt's callbacks would take its locks there.
 */
#pragma once

/* Once per process, before the first connection. */
void lv_event_loop_start(void);

/*
 * For each thread that calls libvirt, before it does: libvirt writes to a daemon, or to the ssh
 * in front of one, with plain write(2). Where that one has just died, SIGPIPE would end the whole
 * process, controller or command, instead of failing one call. Blocked in the thread it is not
 * seen, and the write fails with EPIPE; programs that libvirt starts do not inherit it. The
 * process's own disposition stays as it is: what kvmig prints into a pipe ends by it.
 */
void lv_thread_begin(void);
