/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Build tool: reads CRD manifests (YAML) and writes a C file with the same as JSON, so that kvmig
 * carries its schemas and need not parse YAML to use them. Not installed.
 *
 *   gencrds OUTPUT.c MANIFEST.yaml…
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "model/yaml.h"

/* A string literal in pieces: one as long as a manifest would be beyond what C promises. */
static void append_literal(GString *out, const char *text)
{
	for (gsize column = 0; *text; text++, column++) {
		unsigned char c = (unsigned char)*text;

		if (column % 80 == 0)
			g_string_append(out, column == 0 ? "\t  \"" : "\"\n\t  \"");
		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", c);
		else if (c == '?') /* no trigraphs */
			g_string_append(out, "\\?");
		else if (c < 0x20 || c >= 0x7f)
			g_string_append_printf(out, "\\%03o", c);
		else
			g_string_append_c(out, (char)c);
	}
	g_string_append_c(out, '"');
}

static gboolean check_manifest(const char *path, const cJSON *manifest, GError **error)
{
	const cJSON *spec = json_get(manifest, "spec");

	if (json_string(spec, "group", NULL) &&
	    json_string(json_get(spec, "names"), "kind", NULL) &&
	    cJSON_IsArray(json_get(spec, "versions")))
		return TRUE;
	return error_set(error, KVMIG_ERROR_INVALID, "%s lacks group, kind or versions", path);
}

static gboolean append_manifest(GString *out, const char *path, GError **error)
{
	g_autofree char *text = NULL, *json = NULL;
	g_autoptr(cJSON) manifest = NULL;
	const cJSON *spec;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, error))
		return FALSE;
	manifest = yaml_parse(text, length, path, error);
	if (!manifest || !check_manifest(path, manifest, error))
		return FALSE;
	spec = json_get(manifest, "spec");
	json = json_print(manifest);
	g_string_append_printf(out, "\t{ \"%s\", \"%s\",\n", json_string(spec, "group", ""),
			       json_string(json_get(spec, "names"), "kind", ""));
	append_literal(out, json);
	g_string_append(out, " },\n");
	return TRUE;
}

int main(int argc, char **argv)
{
	g_autoptr(GString) out = g_string_new("/* Written by gencrds from contrib/crds. */\n"
					      "#include \"model/crds.h\"\n\n"
					      "#include <stddef.h>\n\n"
					      "const Crd crds[] = {\n");
	g_autoptr(GError) error = NULL;

	if (argc < 3) {
		g_printerr("usage: gencrds OUTPUT.c MANIFEST.yaml...\n");
		return EXIT_FAILURE;
	}
	for (int i = 2; i < argc; i++) {
		if (!append_manifest(out, argv[i], &error))
			break;
	}
	g_string_append(out, "\t{ NULL, NULL, NULL },\n};\n");
	if (error || !g_file_set_contents(argv[1], out->str, (gssize)out->len, &error)) {
		g_printerr("gencrds: %s\n", error->message);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
