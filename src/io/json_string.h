/* SPDX-License-Identifier: Apache-2.0 */
/* What is between the quotes: escapes and UTF-8, in both directions. U+0000 is C0 80 inside. */
#ifndef CXB_IO_JSON_STRING_H
#define CXB_IO_JSON_STRING_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/**
 * json_string_decode() - Append the meaning of @token (with its quotes, @len >= 2) to @out.
 *
 * Returns: NULL, or what is wrong with it (caller frees; valid UTF-8).
 */
char *json_string_decode(const char *token, size_t len, GString *out);
/** json_string_encode() - Append @s in quotes as pure ASCII; invalid bytes become \uFFFD. */
void json_string_encode(GString *out, const char *s, size_t len);

#endif
