/* SPDX-License-Identifier: Apache-2.0 */
/* Where `make install` puts what the program looks for. The makefile writes dirs.c. */
#pragma once

extern const char dir_modules[]; /* the driver modules and the lab's guest */
extern const char dir_man[];	 /* the manual pages */
