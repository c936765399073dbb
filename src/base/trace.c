/* SPDX-License-Identifier: Apache-2.0 */
#include "base/trace.h"
#include "base/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * CXB_TRACE() puts a pointer to every event into this section, and the linker marks its ends.
 * Weak, because a program without any event has no such section.
 */
extern CxbTraceEvent *const __start_cxb_trace_events[] __attribute__((weak));
extern CxbTraceEvent *const __stop_cxb_trace_events[] __attribute__((weak));

static const struct {
	const char *name;
	unsigned bit;
	const char *help;
} log_items[] = {
	{ "guest_errors", CXB_LOG_GUEST_ERROR, "what a guest or peer did wrong" },
	{ "unimp", CXB_LOG_UNIMP, "what a guest used that is not there" },
};

unsigned cxb_log_mask_bits;
static int log_fd = STDERR_FILENO;

/* Write @line and a newline at once, so that lines of several writers do not mix. */
static void write_line(int fd, GString *line)
{
	const char *p;
	size_t left;

	/* Text that a peer had a hand in must not forge lines or move the cursor. */
	for (gsize i = 0; i < line->len; i++)
		if (g_ascii_iscntrl(line->str[i]) && line->str[i] != '\t')
			line->str[i] = '?';
	g_string_append_c(line, '\n');
	for (p = line->str, left = line->len; left;) {
		const ssize_t n = write(fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nowhere left to complain */
		p += n;
		left -= n;
	}
	g_string_free(line, TRUE);
}

void cxb_trace_emit(const CxbTraceEvent *event, const char *fmt, ...)
{
	GString *line = g_string_new(event->name);
	va_list ap;

	g_string_append(line, ": ");
	va_start(ap, fmt);
	g_string_append_vprintf(line, fmt, ap);
	va_end(ap);
	write_line(log_fd, line);
}

void cxb_log_line(const char *fmt, ...)
{
	GString *line = g_string_new(NULL);
	va_list ap;

	va_start(ap, fmt);
	g_string_append_vprintf(line, fmt, ap);
	va_end(ap);
	write_line(log_fd, line);
}

void cxb_warn(const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	cxb_message_warning(text);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool list_events(GError **errp)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	for (CxbTraceEvent *const *e = __start_cxb_trace_events; e < __stop_cxb_trace_events; e++)
		g_ptr_array_add(names, (gpointer)(*e)->name);
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++)
		printf("%s\n", (const char *)names->pdata[i]);
	fflush(stdout);
	return cxb_fail(errp, CXB_ERROR_HELP, "trace events listed");
}

bool cxb_trace_enable(const char *spec, GError **errp)
{
	const char *pattern = spec;
	g_autoptr(GPatternSpec) glob = NULL;
	bool found = false, on = true;

	if (g_str_equal(spec, "help"))
		return list_events(errp);
	if (g_str_has_prefix(pattern, "enable="))
		pattern += strlen("enable=");
	if (*pattern == '-') {
		on = false;
		pattern++;
	}
	glob = g_pattern_spec_new(pattern);
	for (CxbTraceEvent *const *e = __start_cxb_trace_events; e < __stop_cxb_trace_events; e++) {
		if (g_pattern_spec_match_string(glob, (*e)->name)) {
			(*e)->on = on;
			found = true;
		}
	}
	return found || cxb_fail(errp, CXB_ERROR_INVALID, "no trace event matches '%s'", pattern);
}

bool cxb_log_set_mask(const char *items, GError **errp)
{
	g_auto(GStrv) names = g_strsplit(items, ",", -1);
	unsigned bits = 0;

	if (g_str_equal(items, "help")) {
		for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++)
			printf("%-15s %s\n", log_items[i].name, log_items[i].help);
		fflush(stdout);
		return cxb_fail(errp, CXB_ERROR_HELP, "log items listed");
	}
	for (char **name = names; *name; name++) {
		size_t i = 0;

		while (i < G_N_ELEMENTS(log_items) && !g_str_equal(*name, log_items[i].name))
			i++;
		if (i == G_N_ELEMENTS(log_items))
			return cxb_fail(errp, CXB_ERROR_INVALID, "unknown log item '%s'", *name);
		bits |= log_items[i].bit;
	}
	cxb_log_mask_bits = bits;
	return true;
}

bool cxb_log_set_file(const char *path, GError **errp)
{
	int fd = STDERR_FILENO;

	if (path) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0)
			return cxb_fail_errno(errp, errno, "cannot open log file '%s'", path);
	}
	if (log_fd != STDERR_FILENO)
		close(log_fd);
	log_fd = fd;
	return true;
}
