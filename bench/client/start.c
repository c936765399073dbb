/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#define PATIENCE_NS 30000000000ll

extern char **environ;

/* A connection to @path, tried every 50 us while @pid lives; -1 when it never comes. */
static int wait_connect(const char *path, pid_t pid, int64_t start)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const struct timespec nap = { .tv_nsec = 50000 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    g_strlcpy(addr.sun_path, path, sizeof(addr.sun_path)) >= sizeof(addr.sun_path))
		return -1;
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if ((errno != ENOENT && errno != ECONNREFUSED) || waitpid(pid, NULL, WNOHANG) ||
		    bench_now_ns() - start > PATIENCE_NS) {
			close(fd);
			return -1;
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}

int bench_start(const char *path, char **argv)
{
	const int64_t start = bench_now_ns();
	int64_t accepts, greets;
	char buf[4096];
	pid_t pid;
	int fd;

	prctl(PR_SET_TIMERSLACK, 1);
	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ)) {
		fprintf(stderr, "bench_wire: cannot start %s\n", argv[0]);
		return 1;
	}
	fd = wait_connect(path, pid, start);
	accepts = bench_now_ns() - start;
	if (fd < 0 || read(fd, buf, sizeof(buf)) <= 0) {
		fprintf(stderr, "bench_wire: %s opened no socket\n", argv[0]);
		kill(pid, SIGKILL);
		return 1;
	}
	greets = bench_now_ns() - start;
	printf("%" PRId64 " %" PRId64 "\n", accepts, greets);
	close(fd);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}
