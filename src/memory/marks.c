/* SPDX-License-Identifier: Apache-2.0 */
#include "marks.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/range.h"
#include "base/trace.h"

CXB_TRACE(hostmem_mark, (uint64_t off, uint64_t len, int rc),
	  "to be sanitized: offset 0x%" PRIx64 " len 0x%" PRIx64 ": %d", off, len, rc)

#define PREFIX    "user.cxlbox.sanitize."
#define DIGITS    16 /* of a number */
#define NAME_SIZE (sizeof(PREFIX) + DIGITS)

static void name_of(uint64_t off, char name[NAME_SIZE])
{
	g_snprintf(name, NAME_SIZE, PREFIX "%" PRIx64, off);
}

void marks_set(int fd, Mark mark)
{
	char name[NAME_SIZE], value[DIGITS + 1];
	int rc;

	name_of(mark.off, name);
	g_snprintf(value, sizeof(value), "%" PRIx64, mark.len);
	rc = fsetxattr(fd, name, value, strlen(value), 0);
	trace_hostmem_mark(mark.off, mark.len, rc);
}

bool marks_clear(int fd, uint64_t off)
{
	char name[NAME_SIZE];

	name_of(off, name);
	return fremovexattr(fd, name) == 0 || errno == ENODATA || errno == EOPNOTSUPP;
}

/* All of @text, and nothing but lower-case digits, as it was written. */
static bool parse(const char *text, uint64_t *out)
{
	const size_t n = strlen(text);

	if (!n || n > DIGITS || text[strspn(text, "0123456789abcdef")])
		return false;
	*out = g_ascii_strtoull(text, NULL, 16);
	return true;
}

static bool read_mark(int fd, const char *name, Mark *mark)
{
	char value[DIGITS + 1] = { 0 }, again[NAME_SIZE];

	if (!g_str_has_prefix(name, PREFIX) || !parse(name + strlen(PREFIX), &mark->off))
		return false;
	name_of(mark->off, again);
	return strcmp(name, again) == 0 && fgetxattr(fd, name, value, DIGITS) > 0 &&
	       parse(value, &mark->len) && mark->len && mark->len <= UINT64_MAX - mark->off;
}

GArray *marks_list(int fd, uint64_t off, uint64_t len)
{
	GArray *marks = g_array_new(FALSE, FALSE, sizeof(Mark));
	g_autofree char *names = g_malloc(XATTR_LIST_MAX);
	const ssize_t size = flistxattr(fd, names, XATTR_LIST_MAX);

	for (ssize_t at = 0; at < size; at += strlen(names + at) + 1) {
		Mark mark;

		if (read_mark(fd, names + at, &mark) &&
		    cxb_ranges_overlap(mark.off, mark.len, off, len))
			g_array_append_val(marks, mark);
	}
	return marks;
}
