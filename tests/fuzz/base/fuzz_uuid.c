/* SPDX-License-Identifier: Apache-2.0 */
/* GLib's own idea of a well-formed UUID is the judge; what is accepted must print back. */
#include <glib.h>

#include "base/uuid.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autofree char *lower = g_ascii_strdown(text, -1);
	char buf[CXB_UUID_STRLEN + 1];
	CxbUuid uuid;

	if (cxb_uuid_parse(text, &uuid) != !!g_uuid_string_is_valid(text))
		g_error("accepted by one, refused by the other: %s", text);
	if (!g_uuid_string_is_valid(text))
		return 0;
	if (!g_str_equal(cxb_uuid_format(&uuid, buf), lower))
		g_error("%s printed back as %s", text, buf);
	return 0;
}
