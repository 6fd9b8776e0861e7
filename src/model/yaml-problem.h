/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of YAML have in common: where a text stops to be YAML, and why. */
#pragma once

#include <glib.h>
#include <yaml.h>

/* The place of a byte, counted in lines and characters, both from 0; of the end where the text is
 * shorter. */
yaml_mark_t yaml_mark_at(const char *text, gsize length, gsize offset);

/* After yaml_parser_parse() has failed on this text: the place, and libyaml's words for why in
 * `ret_why` (free). Of bytes that are no characters libyaml tells the offset alone. */
yaml_mark_t yaml_problem(const yaml_parser_t *parser, const char *text, gsize length,
			 char **ret_why);
