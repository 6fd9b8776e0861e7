/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine does with one migration, step by step; one line a state:
 *
 *   STATE(identifier, name, step, text, after a crash)
 *
 * A state whose name is not NULL is journalled in the object (status.kvmig.step) before its step
 * acts, so that the next controller knows what may have been done. The last column is the state
 * in which that one begins: it asks the hosts and never does twice what must be done once.
 */
#pragma once

#define ENGINE_STATES(STATE)                                                                       \
	STATE(QUEUED, NULL, step_queued, "waits for its turn", QUEUED)                             \
	STATE(PROBING, NULL, step_probing, "asks both hosts", QUEUED)                              \
	STATE(CLEARING_AUTOSTART, "clearing-autostart", step_clearing_autostart,                   \
	      "takes autostart off the source's definition", PROBING)                              \
	STATE(HANDING_OVER, "handed-over", step_handing_over, "hands it to libvirt", FOLLOWING)    \
	STATE(FOLLOWING, "running", step_following, "follows the copying", FOLLOWING)              \
	STATE(CANCELLING, "cancelling", step_following, "asks libvirt to cancel", FOLLOWING)       \
	STATE(SETTLING, NULL, step_settling, "asks both hosts what became of it", SETTLING)        \
	STATE(UNDECIDED, "undecided", step_undecided, "waits for a host that cannot be asked",     \
	      SETTLING)                                                                            \
	STATE(SUSPENDING_COPY, "suspending-copy", step_suspending_copy,                            \
	      "suspends the second of two running copies", SETTLING)                               \
	STATE(RESUMING_SOURCE, "resuming-source", step_resuming_source,                            \
	      "gives the guest back to the source", SETTLING)                                      \
	STATE(SETTING_AUTOSTART, "setting-autostart", step_setting_autostart,                      \
	      "puts autostart where the VM is", SETTLING)                                          \
	STATE(ENDING, "done", step_ending, "writes the outcome", SETTLING)
