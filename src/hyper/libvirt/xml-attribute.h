/* SPDX-License-Identifier: Apache-2.0 */
/* For what reads libvirt's XML with GMarkup. */
#pragma once

#include <glib.h>
#include <string.h>

/* Of those that a start_element callback is given: the value, borrowed; NULL: it is not there. */
static inline const char *attribute(const char **names, const char **values, const char *name)
{
	for (gsize i = 0; names[i]; i++)
		if (strcmp(names[i], name) == 0)
			return values[i];
	return NULL;
}
