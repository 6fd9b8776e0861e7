/* SPDX-License-Identifier: Apache-2.0 */
/* Where to look when the API server could not call an admission webhook. Pure. */
#pragma once

#include <glib.h>

/*
 * Of the server's words ('failed calling webhook "w": failed to call webhook: Post
 * "https://virt-api.kubevirt.svc:443/x?timeout=10s": …'): the service that was called, and the
 * command that shows what stands behind it. NULL where they say no such thing, or the webhook is no
 * service of the cluster. Free with g_free().
 */
char *webhook_hint(const char *words);
