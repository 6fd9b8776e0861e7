/* SPDX-License-Identifier: Apache-2.0 */
/* What a domain's XML says that it takes of its host. */
#pragma once

#include "hyper/hyper.h"

/* HyperPart*, in the order of the XML; NULL with *ret_why where it is no XML, or too large. Of
 * where the paths are on a host nothing is known yet: place is empty, there is -1. */
GPtrArray *parts_xml_parse(const char *xml, char **ret_why);
