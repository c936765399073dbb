/* SPDX-License-Identifier: Apache-2.0 */
/* What a leak of descriptors is seen by. */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

#include <glib.h>

/** open_files() - Descriptors of this process, and one more for the look. */
static inline unsigned open_files(void)
{
	GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
	unsigned n = 0;

	g_assert_nonnull(dir);
	while (g_dir_read_name(dir))
		n++;
	g_dir_close(dir);
	return n;
}

#endif
