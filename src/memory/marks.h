/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks on a file: ranges that are to be zeroed, and will be by whoever uses that part of it next if the
 * process ends before they are. Kept as extended attributes, one a range, so that they outlive it:
 * "user.cxlbox.sanitize.OFFSET" with the length as value, both in hexadecimal and bytes of the file.
 * File systems without them have no marks.
 */
#ifndef MEMORY_MARKS_H
#define MEMORY_MARKS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
	uint64_t off, len; /* len is not 0; off + len does not wrap */
} Mark;

void marks_set(int fd, Mark mark); /* instead of one that begins at the same byte */
/** marks_clear() - False, with errno set, if it is still there. None at all is fine. */
bool marks_clear(int fd, uint64_t off);
/** marks_list() - Those that have bytes of (@off, @len), of Mark; transfer: full. */
GArray *marks_list(int fd, uint64_t off, uint64_t len);

#endif
