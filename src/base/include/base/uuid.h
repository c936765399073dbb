/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUIDs as CXL carries them: sixteen bytes in the order they are printed (no field is swapped).
 * Tags are compared as bytes; all zero is the null tag.
 */
#ifndef CXB_BASE_UUID_H
#define CXB_BASE_UUID_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct {
	uint8_t b[16];
} CxbUuid;

#define CXB_UUID_STRLEN 36

/**
 * cxb_uuid_parse() - Read "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", hex digits of either case.
 *
 * Returns: false, with @out untouched, for anything else (no braces, no blanks, no short forms).
 */
bool cxb_uuid_parse(const char *text, CxbUuid *out);
/** cxb_uuid_format() - Print in lower case into @buf. Returns @buf. */
char *cxb_uuid_format(const CxbUuid *uuid, char buf[CXB_UUID_STRLEN + 1]);

static inline bool cxb_uuid_equal(const CxbUuid *a, const CxbUuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool cxb_uuid_is_null(const CxbUuid *uuid)
{
	static const CxbUuid null;

	return cxb_uuid_equal(uuid, &null);
}

/* For GHashTable: keys are const CxbUuid *. */
guint cxb_uuid_hash(gconstpointer uuid);
gboolean cxb_uuid_hash_equal(gconstpointer a, gconstpointer b);

#endif
