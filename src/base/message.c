/* SPDX-License-Identifier: Apache-2.0 */
#include "base/message.h"

#include <stdio.h>

/*
 * The program's, as standard error and its name are: the one mutable state at file level. A context
 * would have to reach everything that may warn, down to parsers of single values.
 */
static bool with_time;
static char *guest_name;
static char *about_where, *about_what;

void cxb_message_style(bool timestamp, const char *guest)
{
	with_time = timestamp;
	g_free(guest_name);
	guest_name = g_strdup(guest);
}

void cxb_message_about(const char *where, const char *what)
{
	g_free(about_where);
	g_free(about_what);
	about_where = g_strdup(where);
	about_what = g_strdup(what);
}

static void append_time(GString *line)
{
	const int64_t now_us = g_get_real_time();
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_us / G_USEC_PER_SEC);
	g_autofree char *text = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

	g_string_append_printf(line, "%s.%06dZ ", text, (int)(now_us % G_USEC_PER_SEC));
}

static void G_GNUC_PRINTF(2, 0) message(const char *where, const char *fmt, va_list ap)
{
	GString *line = g_string_new(NULL);

	if (with_time)
		append_time(line);
	if (guest_name)
		g_string_append_printf(line, "%s ", guest_name);
	g_string_append(line, g_get_prgname() ?: "cxlbox");
	g_string_append_printf(line, "%s%s: ", where ? ":" : "", where ?: "");
	g_string_append_vprintf(line, fmt, ap);
	g_string_append_c(line, '\n');
	fputs(line->str, stderr);
	g_string_free(line, TRUE);
}

void cxb_message(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(NULL, fmt, ap);
	va_end(ap);
}

void cxb_message_at(const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(where, fmt, ap);
	va_end(ap);
}

void cxb_message_warning(const char *text)
{
	if (about_what)
		cxb_message_at(about_where, "%s: warning: %s", about_what, text);
	else
		cxb_message_at(about_where, "warning: %s", text);
}
