/* SPDX-License-Identifier: Apache-2.0 */
#include "daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* Who started us ends as soon as it knows. */
static G_NORETURN void wait_for_report(int fd)
{
	char status;
	ssize_t n;

	do {
		n = read(fd, &status, 1);
	} while (n < 0 && errno == EINTR);
	_exit(n == 1 ? 0 : 1);
}

bool daemon_start(Daemon *d, GError **errp)
{
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) != 0)
		return cxb_fail_errno(errp, errno, "cannot daemonize");
	pid = fork();
	if (pid < 0)
		return cxb_fail_errno(errp, errno, "cannot daemonize");
	if (pid > 0) {
		close(report[1]);
		wait_for_report(report[0]);
	}
	close(report[0]);
	/* A session of its own; whose second child can never get a terminal back. */
	setsid();
	pid = fork();
	if (pid < 0)
		return cxb_fail_errno(errp, errno, "cannot daemonize");
	if (pid > 0)
		_exit(0);
	umask(027);
	*d = (Daemon){ .on = true, .report_fd = report[1] };
	return true;
}

bool daemon_ready(Daemon *d, bool keep_stderr, GError **errp)
{
	const char status = 0;
	int null;

	if (!d->on)
		return true;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (chdir("/") != 0 || null < 0)
		return cxb_fail_errno(errp, errno, "cannot daemonize");
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    (!keep_stderr && dup2(null, STDERR_FILENO) < 0))
		return cxb_fail_errno(errp, errno, "cannot daemonize");
	close(null);
	/* Whoever waited may have been killed meanwhile: then nobody is told. */
	while (write(d->report_fd, &status, 1) < 0 && errno == EINTR)
		;
	close(d->report_fd);
	d->report_fd = -1;
	return true;
}
