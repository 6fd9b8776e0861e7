/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kvmig keeps in a domain's own metadata, so that it travels with the VM and outlives every
 * controller. One element in the XML namespace METADATA_XMLNS; another format would get another
 * namespace:
 *
 *   <instance uuid="…" name="web-1" namespace="default">
 *     <label key="app" value="web"/>
 *     <nodeSelector key="zone" value="a"/>
 *   </instance>
 *
 * A domain that was cloned has its model's metadata: the UUID tells, and then the name is not
 * meant.
 *
 * libvirt adds the prefix METADATA_PREFIX when it stores the element, and may hand it back with or
 * without; both are read. Whoever may change the domain wrote this, so what is read is checked:
 * size, depth, count, and every name, key and value.
 */
#pragma once

#include "model/json.h"

#define INSTANCE_MAX_BYTES ((gsize)64 * 1024)
#define INSTANCE_MAX_ENTRIES 128u

typedef struct {
	char *uuid;      /* of the domain that this was written into; NULL: not said */
	char *name;      /* NULL: not said */
	char *ns;        /* NULL: not said */
	cJSON *labels;   /* map string->string, never NULL once read */
	cJSON *selector; /* likewise: the VM's own nodeSelector */
} Instance;

void instance_clear(Instance *instance);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Instance, instance_clear)

/* Reads the element; NULL is an empty instance. INVALID names what is wrong; *ret is then
 * untouched. Labels that belong to the inventory are dropped. */
gboolean instance_parse(const char *xml, Instance *ret_instance, GError **error);

/* The instance that an object stands for: its name, namespace, people's labels, node selector. */
void instance_of_object(const cJSON *vmi, Instance *ret_instance);

/* The element, as HYPER_OP_SET_METADATA takes it; free with g_free(). */
char *instance_format(const Instance *instance);

/* A checksum over labels and selector (not the name): equal where those are; free with g_free(). */
char *instance_checksum(const Instance *instance);
