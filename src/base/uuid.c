/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

/* The text is groups of 4, 2, 2, 2 and 6 bytes: a dash stands before these bytes. */
static bool dash_before(unsigned byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool cxb_uuid_parse(const char *text, CxbUuid *out)
{
	CxbUuid uuid;

	for (unsigned i = 0; i < sizeof(uuid.b); i++) {
		int hi, lo;

		if (dash_before(i) && *text++ != '-')
			return false;
		/* The terminating NUL is no digit, so a short text is never read past its end. */
		hi = g_ascii_xdigit_value(*text);
		if (hi < 0)
			return false;
		lo = g_ascii_xdigit_value(text[1]);
		if (lo < 0)
			return false;
		uuid.b[i] = hi << 4 | lo;
		text += 2;
	}
	if (*text)
		return false;
	*out = uuid;
	return true;
}

char *cxb_uuid_format(const CxbUuid *uuid, char buf[CXB_UUID_STRLEN + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *p = buf;

	for (unsigned i = 0; i < sizeof(uuid->b); i++) {
		if (dash_before(i))
			*p++ = '-';
		*p++ = digits[uuid->b[i] >> 4];
		*p++ = digits[uuid->b[i] & 0xf];
	}
	*p = '\0';
	return buf;
}

guint cxb_uuid_hash(gconstpointer uuid)
{
	const CxbUuid *u = uuid;
	guint hash = 2166136261u;

	/* FNV-1a: tags made by hand often differ in one byte only. */
	for (unsigned i = 0; i < sizeof(u->b); i++)
		hash = (hash ^ u->b[i]) * 16777619u;
	return hash;
}

gboolean cxb_uuid_hash_equal(gconstpointer a, gconstpointer b)
{
	return cxb_uuid_equal(a, b);
}
