/* SPDX-License-Identifier: Apache-2.0 */
/* What would let a user do what the API server's RBAC authorizer has just refused him. Pure. */
#pragma once

#include <glib.h>

/*
 * Of the server's words ('User "bob" cannot create resource "x" in API group "g" in the namespace
 * "n"'): the right, where, the command that gives it, and who may run that. NULL where they do not
 * say who was refused what. Free with g_free().
 */
char *forbidden_hint(const char *words);
