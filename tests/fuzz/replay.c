/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds a fuzz target each file of its corpus, so that what was found once stays mended without a
 * fuzzer at hand. The corpus is the folder corpus/NAME for the program replay-NAME. TAP. */
#include "fuzz.h"

static void replay(gconstpointer path)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length;

	g_file_get_contents(path, &text, &length, &error);
	g_assert_no_error(error);
	LLVMFuzzerTestOneInput((const uint8_t *)text, length);
}

int main(int argc, char **argv)
{
	g_autofree char *program = g_path_get_basename(argv[0]);
	g_autofree char *folder = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = NULL;
	const char *file, *name;

	g_test_init(&argc, &argv, NULL);
	name = strstr(program, "replay-"); /* libtool may have put "lt-" before it */
	g_assert_nonnull(name);
	name += strlen("replay-");
	folder = g_test_build_filename(G_TEST_DIST, "tests", "fuzz", "corpus", name, NULL);
	dir = g_dir_open(folder, 0, &error);
	g_assert_no_error(error);
	while ((file = g_dir_read_name(dir))) {
		g_autofree char *test = g_strdup_printf("/fuzz/%s/%s", name, file);

		g_test_add_data_func_full(test, g_build_filename(folder, file, NULL), replay,
					  g_free);
	}
	return g_test_run();
}
