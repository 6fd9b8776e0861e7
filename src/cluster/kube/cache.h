/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that can be had again from the server, one folder for each server and CA: what it serves,
 * which fields its kinds have. Nothing secret is in them; they are ours alone all the same (0700,
 * 0600), since what they say is believed. A cache that cannot be read or written is none: it is
 * never an error, and g_debug() says why.
 */
#pragma once

#include "cluster/kube/request.h"

/* NULL where there is none, it is damaged, or it is not ours. *ret_age_us may be NULL. */
cJSON *kube_cache_read(const Kube *kube, const char *name, gint64 *ret_age_us);
/* Written whole or not at all. */
void kube_cache_write(const Kube *kube, const char *name, const cJSON *value);
/* It was found to be true still: its age is 0 again. */
void kube_cache_touch(const Kube *kube, const char *name);
