/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program in the place of this one, with the connection by which the tag is held: it is held until
 * that program, and whoever it has left the connection to, has ended.
 */
#include "host_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/uuid.h"
#include "io/unix_listener.h"

#define LINE_LEN    1024  /* of an answer; the longest is an error's */
#define PATIENCE_MS 10000 /* until the answer is there */

typedef struct {
	int fd;       /* of the connection */
	int memory;   /* -1: none has come */
	GString *map; /* "ADDRESS+LENGTH,..." */
} Hold;

static bool connect_to(Hold *h, const char *path, GError **errp)
{
	struct sockaddr_un addr;
	socklen_t len;

	if (!cxb_unix_address(path, false, false, &addr, &len, errp))
		return false;
	h->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (h->fd < 0 || connect(h->fd, (struct sockaddr *)&addr, len) < 0)
		return cxb_fail_errno(errp, errno, "cannot connect to %s", path);
	return true;
}

static bool ask(const Hold *h, const char *tag, GError **errp)
{
	g_autofree char *line = g_strdup_printf("hold %s\n", tag);
	const size_t len = strlen(line);

	/* It is short and the first: it goes as a whole. */
	return send(h->fd, line, len, MSG_NOSIGNAL) >= 0 ||
	       cxb_fail_errno(errp, errno, "cannot ask for tag %s", tag);
}

static void take_descriptor(Hold *h, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && h->memory < 0)
			memcpy(&h->memory, CMSG_DATA(c), sizeof(int));
}

/* False: there is nothing to be read, and will not be in time. */
static bool wait_for_more(const Hold *h, int64_t end_us, GError **errp)
{
	struct pollfd p = { .fd = h->fd, .events = POLLIN };
	int64_t left_us;
	int rc;

	do {
		left_us = end_us - g_get_monotonic_time();
		rc = left_us > 0 ? poll(&p, 1, (left_us + 999) / 1000) : 0;
	} while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return cxb_fail_errno(errp, errno, "no answer");
	return rc ||
	       cxb_fail(errp, CXB_ERROR_SYSTEM, "no answer within %u seconds", PATIENCE_MS / 1000);
}

static bool got_some(ssize_t n, GError **errp)
{
	if (n < 0)
		return cxb_fail_errno(errp, errno, "no answer");
	return n || cxb_fail(errp, CXB_ERROR_SYSTEM, "no answer: the connection was closed");
}

/* @len bytes that are there, or the first of them. */
static ssize_t take(Hold *h, char *to, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { to, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	const ssize_t n = recvmsg(h->fd, &msg, MSG_CMSG_CLOEXEC);

	if (n > 0)
		take_descriptor(h, &msg);
	return n;
}

/* Nothing behind it is taken: what the program is told later is the program's to read. */
static bool read_line(Hold *h, char line[LINE_LEN], int64_t end_us, GError **errp)
{
	size_t at = 0;

	while (at < LINE_LEN) {
		const char *lf;
		ssize_t n;

		if (!wait_for_more(h, end_us, errp))
			return false;
		n = recv(h->fd, line + at, LINE_LEN - at, MSG_PEEK);
		if (!got_some(n, errp))
			return false;
		lf = memchr(line + at, '\n', n);
		n = take(h, line + at, lf ? (size_t)(lf + 1 - line) - at : (size_t)n);
		if (!got_some(n, errp))
			return false;
		at += n;
		if (line[at - 1] == '\n') {
			line[at - 1] = '\0';
			return true;
		}
	}
	return cxb_fail(errp, CXB_ERROR_INVALID, "the answer has a line of more than %u bytes",
			LINE_LEN - 1);
}

/* One line of the answer. @done: it was the last */
static bool take_line(Hold *h, const char *line, bool *done, GError **errp)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	*done = strcmp(line, "ok") == 0;
	if (*done)
		return true;
	if (g_str_has_prefix(line, "error "))
		return cxb_fail(errp, CXB_ERROR_INVALID, "%s", line + strlen("error "));
	if (g_strv_length(words) == 3 && strcmp(words[0], "map") == 0)
		g_string_append_printf(h->map, "%s%s+%s", h->map->len ? "," : "", words[1],
				       words[2]);
	return true;
}

static bool take_answer(Hold *h, GError **errp)
{
	const int64_t end_us = g_get_monotonic_time() + PATIENCE_MS * 1000;
	char line[LINE_LEN];

	for (bool done = false; !done;)
		if (!read_line(h, line, end_us, errp) || !take_line(h, line, &done, errp))
			return false;
	return true;
}

static void put_fd(const char *name, int fd)
{
	g_autofree char *text = g_strdup_printf("%d", fd);

	g_setenv(name, text, true);
	fcntl(fd, F_SETFD, 0);
}

static bool run(const char *control, const char *tag, char **program, GError **errp)
{
	Hold h = { .fd = -1, .memory = -1 };
	CxbUuid uuid;

	if (!cxb_uuid_parse(tag, &uuid))
		return cxb_fail(errp, CXB_ERROR_INVALID, "--tag %s: not a UUID", tag);
	h.map = g_string_new(NULL);
	if (connect_to(&h, control, errp) && ask(&h, tag, errp) && take_answer(&h, errp)) {
		g_setenv("CXLBOX_TAG", tag, true);
		g_setenv("CXLBOX_MAP", h.map->str, true);
		put_fd("CXLBOX_CONTROL_FD", h.fd);
		g_unsetenv("CXLBOX_MEMORY_FD");
		if (h.memory >= 0)
			put_fd("CXLBOX_MEMORY_FD", h.memory);
		execvp(program[0], program);
		cxb_fail_errno(errp, errno, "cannot run %s", program[0]);
	}
	g_string_free(h.map, TRUE);
	return false;
}

int host_exec_main(int argc, char **argv)
{
	g_autofree char *control = NULL, *tag = NULL;
	g_auto(GStrv) program = NULL;
	const GOptionEntry entries[] = {
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &control,
		  "The socket of the cxlbox-host that has the memory", "PATH" },
		{ "tag", 0, 0, G_OPTION_ARG_STRING, &tag, "Whose memory", "UUID" },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &program, NULL,
		  "PROGRAM [ARGUMENT...]" },
		{ NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) err = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_strict_posix(context, true);
	if (g_option_context_parse(context, &argc, &argv, &err)) {
		if (!control)
			cxb_fail(&err, CXB_ERROR_INVALID, "--control is missing");
		else if (!tag)
			cxb_fail(&err, CXB_ERROR_INVALID, "--tag is missing");
		else if (!program)
			cxb_fail(&err, CXB_ERROR_INVALID, "no program is named");
		else
			run(control, tag, program, &err);
	}
	fprintf(stderr, "%s: %s\n", g_get_prgname(), err->message);
	return 1;
}
