/* SPDX-License-Identifier: Apache-2.0 */
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Each with the error that a system in trouble would give. munmap() and close() are not here: what
 * they are asked for cannot fail, and nobody could do anything about it. */
/* clang-format off */
#define CALLS(X)                                                                                   \
	X(accept4, EMFILE)                                                                         \
	X(bind, EACCES)                                                                            \
	X(connect, ECONNREFUSED)                                                                   \
	X(fallocate64, ENOSPC)                                                                     \
	X(fcntl64, ENOLCK)                                                                         \
	X(flock, ENOLCK)                                                                           \
	X(fopen64, EMFILE)                                                                         \
	X(fstat64, EIO)                                                                            \
	X(fstatfs64, EIO)                                                                          \
	X(ftruncate64, ENOSPC)                                                                     \
	X(g_file_get_contents, EMFILE)                                                             \
	X(g_try_malloc, ENOMEM)                                                                    \
	X(g_try_malloc_n, ENOMEM)                                                                  \
	X(g_try_realloc, ENOMEM)                                                                   \
	X(g_try_realloc_n, ENOMEM)                                                                 \
	X(listen, EADDRINUSE)                                                                      \
	X(lseek64, EIO)                                                                            \
	X(madvise, EAGAIN)                                                                         \
	X(memfd_create, EMFILE)                                                                    \
	X(mkostemp64, EMFILE)                                                                      \
	X(mmap64, ENOMEM)                                                                          \
	X(open64, EMFILE)                                                                          \
	X(poll, ENOMEM)                                                                            \
	X(posix_fallocate64, ENOSPC)                                                               \
	X(read, EIO)                                                                               \
	X(realpath, ENOMEM)                                                                        \
	X(recv, ECONNRESET)                                                                        \
	X(recvmsg, ECONNRESET)                                                                     \
	X(send, ENOBUFS)                                                                           \
	X(sendfile64, EIO)                                                                         \
	X(sendmsg, ENOBUFS)                                                                        \
	X(setsockopt, ENOMEM)                                                                      \
	X(socket, EMFILE)                                                                          \
	X(stat64, EACCES)                                                                          \
	X(write, ENOSPC)
/* clang-format on */

/* clang-format off */
#define X_NUMBER(name, err) CALL_##name,
enum { CALLS(X_NUMBER) CALL_COUNT };
/* clang-format on */
G_STATIC_ASSERT(CALL_COUNT <= INJECT_CALLS);

#define X_NAME(name, err) #name " "
static const char names[] = CALLS(X_NAME);
G_STATIC_ASSERT(sizeof(names) <= sizeof(((InjectControl *)0)->names));

#define X_ERRNO(name, err) err,
static const int errors[] = { CALLS(X_ERRNO) };

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_fcntl64(int fd, int cmd, ...);
int __wrap_fcntl64(int fd, int cmd, ...);
gboolean __real_g_file_get_contents(const char *path, char **contents, gsize *len, GError **errp);
gboolean __wrap_g_file_get_contents(const char *path, char **contents, gsize *len, GError **errp);
int __real_posix_fallocate64(int fd, off_t off, off_t len);
int __wrap_posix_fallocate64(int fd, off_t off, off_t len);
void *__real_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off);

static InjectControl own, *control = &own;

InjectControl *inject_control(void)
{
	return control;
}

static void __attribute__((constructor)) attach(void)
{
	const char *path = getenv("CXB_FAIL_CONTROL");
	void *p;
	int fd;

	if (path) {
		fd = __real_open64(path, O_RDWR | O_CLOEXEC);
		p = __real_mmap64(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
				  0);
		if (fd < 0 || p == MAP_FAILED)
			abort();
		close(fd);
		control = p;
	}
	memcpy(control->names, names, sizeof(names));
}

/* xorshift64: random enough, and the same everywhere. */
static uint64_t next_random(void)
{
	uint64_t x = control->random ? control->random : 1;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return control->random = x;
}

/* Until whoever controls us has it go on. */
static void hold(unsigned call)
{
	if (__atomic_load_n(&control->hold, __ATOMIC_ACQUIRE) != call + 1)
		return;
	__atomic_fetch_add(&control->held, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&control->hold, __ATOMIC_ACQUIRE) == call + 1)
		sched_yield();
}

/* Whose turn it is; calls come from two threads. */
static bool is_now(void)
{
	static GMutex lock;
	bool now;

	g_mutex_lock(&lock);
	now = (control->fail_at && --control->fail_at == 0) ||
	      (control->one_in && next_random() % control->one_in == 0);
	g_mutex_unlock(&lock);
	return now;
}

/* Counts the point; sets errno if it is to fail. */
static bool fails(unsigned call)
{
	hold(call);
	__atomic_fetch_add(&control->hits[call], 1, __ATOMIC_RELAXED);
	if (!is_now())
		return false;
	__atomic_fetch_add(&control->fails[call], 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&control->failed, 1, __ATOMIC_RELAXED);
	control->last = call + 1;
	errno = errors[call];
	return true;
}

#define WRAP(type, name, failure, params, args)                           \
	type __real_##name params;                                        \
	type __wrap_##name params;                                        \
	type __wrap_##name params                                         \
	{                                                                 \
		return fails(CALL_##name) ? failure : __real_##name args; \
	}

WRAP(int, accept4, -1, (int fd, struct sockaddr *sa, socklen_t *len, int flags),
     (fd, sa, len, flags))
WRAP(int, bind, -1, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
WRAP(int, connect, -1, (int fd, const struct sockaddr *sa, socklen_t len), (fd, sa, len))
WRAP(int, fallocate64, -1, (int fd, int mode, off_t off, off_t len), (fd, mode, off, len))
WRAP(int, flock, -1, (int fd, int op), (fd, op))
WRAP(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
WRAP(int, fstat64, -1, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatfs64, -1, (int fd, struct statfs *fs), (fd, fs))
WRAP(int, ftruncate64, -1, (int fd, off_t len), (fd, len))
WRAP(void *, g_try_malloc, NULL, (gsize n), (n))
WRAP(void *, g_try_malloc_n, NULL, (gsize n, gsize each), (n, each))
WRAP(void *, g_try_realloc, NULL, (void *p, gsize n), (p, n))
WRAP(void *, g_try_realloc_n, NULL, (void *p, gsize n, gsize each), (p, n, each))
WRAP(int, listen, -1, (int fd, int backlog), (fd, backlog))
WRAP(off_t, lseek64, -1, (int fd, off_t off, int whence), (fd, off, whence))
WRAP(int, madvise, -1, (void *p, size_t len, int advice), (p, len, advice))
WRAP(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, mkostemp64, -1, (char *name, int flags), (name, flags))
WRAP(void *, mmap64, MAP_FAILED, (void *at, size_t len, int prot, int flags, int fd, off_t off),
     (at, len, prot, flags, fd, off))
WRAP(int, poll, -1, (struct pollfd * p, nfds_t n, int timeout_ms), (p, n, timeout_ms))
WRAP(ssize_t, read, -1, (int fd, void *buf, size_t n), (fd, buf, n))
WRAP(char *, realpath, NULL, (const char *path, char *out), (path, out))
WRAP(ssize_t, recv, -1, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags))
WRAP(ssize_t, recvmsg, -1, (int fd, struct msghdr *msg, int flags), (fd, msg, flags))
WRAP(ssize_t, send, -1, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))
WRAP(ssize_t, sendfile64, -1, (int to, int from, off_t *off, size_t n), (to, from, off, n))
WRAP(ssize_t, sendmsg, -1, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags))
WRAP(int, setsockopt, -1, (int fd, int level, int opt, const void *val, socklen_t len),
     (fd, level, opt, val, len))
WRAP(int, socket, -1, (int family, int type, int protocol), (family, type, protocol))
WRAP(int, stat64, -1, (const char *path, struct stat *st), (path, st))
WRAP(ssize_t, write, -1, (int fd, const void *buf, size_t n), (fd, buf, n))

int __wrap_open64(const char *path, int flags, ...)
{
	va_list ap;
	unsigned mode = 0;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, unsigned);
	va_end(ap);
	return fails(CALL_open64) ? -1 : __real_open64(path, flags, mode);
}

/* All that we call it for takes a pointer or a number no wider than one. */
int __wrap_fcntl64(int fd, int cmd, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fails(CALL_fcntl64) ? -1 : __real_fcntl64(fd, cmd, arg);
}

/* Returns its error. */
int __wrap_posix_fallocate64(int fd, off_t off, off_t len)
{
	return fails(CALL_posix_fallocate64) ? errno : __real_posix_fallocate64(fd, off, len);
}

gboolean __wrap_g_file_get_contents(const char *path, char **contents, gsize *len, GError **errp)
{
	if (!fails(CALL_g_file_get_contents))
		return __real_g_file_get_contents(path, contents, len, errp);
	*contents = NULL;
	g_set_error(errp, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", path,
		    g_strerror(errno));
	return FALSE;
}
