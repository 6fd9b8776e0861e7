/* SPDX-License-Identifier: Apache-2.0 */
#include "model/yaml-problem.h"

yaml_mark_t yaml_mark_at(const char *text, gsize length, gsize offset)
{
	yaml_mark_t mark = { 0 };
	gsize start = 0;

	offset = MIN(offset, length);
	for (gsize i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			mark.line++;
			start = i + 1;
		}
	}
	mark.column = (gsize)g_utf8_strlen(text + start, (gssize)(offset - start));
	return mark;
}

yaml_mark_t yaml_problem(const yaml_parser_t *parser, const char *text, gsize length,
			 char **ret_why)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";

	if (parser->error == YAML_READER_ERROR) {
		*ret_why = g_strdup(problem);
		return yaml_mark_at(text, length, parser->problem_offset);
	}
	*ret_why = g_strdup_printf("%s%s%s", parser->context ? parser->context : "",
				   parser->context ? ": " : "", problem);
	return parser->problem_mark;
}
