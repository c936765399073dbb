/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target on every file named on the command line, and on every file of every directory
 * named there, in order of name. For builds without libFuzzer.
 */
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static bool replay_file(const char *path)
{
	g_autoptr(GError) err = NULL;
	g_autofree char *text = NULL;
	uint8_t *data;
	gsize size;

	if (!g_file_get_contents(path, &text, &size, &err)) {
		g_printerr("%s\n", err->message);
		return false;
	}
	/* A copy of just this size: the address sanitizer then sees one byte too many. */
	data = malloc(size);
	if (size && !data)
		g_error("no memory for %s", path);
	if (size)
		memcpy(data, text, size);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return true;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* An empty directory is an error: nothing would have been tested. */
static bool replay_directory(const char *path, unsigned *runs)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) err = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &err);
	const char *name;

	if (!dir) {
		g_printerr("%s\n", err->message);
		return false;
	}
	while ((name = g_dir_read_name(dir)))
		g_ptr_array_add(names, g_build_filename(path, name, NULL));
	if (!names->len) {
		g_printerr("%s: no inputs\n", path);
		return false;
	}
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++, ++*runs)
		if (!replay_file(names->pdata[i]))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	unsigned runs = 0;

	if (argc < 2) {
		g_printerr("usage: %s FILE-OR-DIRECTORY...\n", argv[0]);
		return EXIT_FAILURE;
	}
	for (int i = 1; i < argc; i++) {
		if (g_file_test(argv[i], G_FILE_TEST_IS_DIR)) {
			if (!replay_directory(argv[i], &runs))
				return EXIT_FAILURE;
		} else if (replay_file(argv[i])) {
			runs++;
		} else {
			return EXIT_FAILURE;
		}
	}
	g_print("%u inputs replayed\n", runs);
	return EXIT_SUCCESS;
}
