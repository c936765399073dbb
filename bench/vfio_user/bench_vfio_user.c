/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Region accesses over vfio-user.
 *
 *	bench_vfio_user serve SOCKET
 *		a device with a BAR 0 of 2 MiB of memory
 *	bench_vfio_user read|write SOCKET SIZE FLIGHT COUNT
 *		COUNT accesses of SIZE bytes to region 0 of whoever serves there, FLIGHT of them
 *		asked for before the first is answered; prints how many ns they took
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "bench_vfio_user.h"
#include "io/unix_listener.h"
#include "vfu/wire.h"

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void put(int fd, const void *bytes, size_t len)
{
	for (const uint8_t *p = bytes; len;) {
		const ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			g_error("the server does not take a request");
		p += n;
		len -= n;
	}
}

static void take(int fd, uint8_t *bytes, size_t len)
{
	if (recv(fd, bytes, len, MSG_WAITALL) != len)
		g_error("the server does not answer");
}

static void negotiate(int fd)
{
	static const char text[] = "{\"capabilities\":{\"max_data_xfer_size\":1048576}}";
	struct {
		struct vfu_header header;
		struct vfu_version version;
		char text[sizeof(text)];
	} __attribute__((packed)) hello = {
		.header = { .command = VFU_VERSION, .size = sizeof(hello) },
	};
	uint8_t reply[4096];

	memcpy(hello.text, text, sizeof(text));
	put(fd, &hello, sizeof(hello));
	take(fd, reply, sizeof(struct vfu_header));
	memcpy(&hello.header, reply, sizeof(hello.header));
	if (hello.header.flags != VFU_TYPE_REPLY || hello.header.size > sizeof(reply))
		g_error("no agreement on a version");
	take(fd, reply, hello.header.size - sizeof(hello.header));
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr;
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!cxb_unix_address(path, false, true, &addr, &len, NULL) ||
	    connect(fd, (struct sockaddr *)&addr, len))
		g_error("cannot connect to %s", path);
	negotiate(fd);
	return fd;
}

/* The same request again and again; all replies are equally long. */
static void run(int fd, bool write, uint32_t size, unsigned flight, unsigned count)
{
	const struct vfu_region_access access = { 0, VFU_REGION_BAR0, size };
	const size_t asks = sizeof(struct vfu_header) + sizeof(access) + (write ? size : 0);
	const size_t answers = sizeof(struct vfu_header) + sizeof(access) + (write ? 0 : size);
	const struct vfu_header header = { .command = write ? VFU_REGION_WRITE : VFU_REGION_READ,
					   .size = asks };
	g_autofree uint8_t *out = g_malloc0(asks * flight), *in = g_malloc0(answers * flight);
	unsigned asked = MIN(flight, count), done = 0;
	size_t got = 0;

	for (unsigned i = 0; i < flight; i++) {
		memcpy(out + i * asks, &header, sizeof(header));
		memcpy(out + i * asks + sizeof(header), &access, sizeof(access));
	}
	put(fd, out, asked * asks);
	while (done < count) {
		const ssize_t n = recv(fd, in + got % answers, answers * flight - got % answers, 0);
		unsigned more;

		if (n <= 0)
			g_error("the server does not answer");
		got = got % answers + n;
		if (got >= sizeof(header) && ((struct vfu_header *)in)->size != answers)
			g_error("the server refuses");
		done += got / answers;
		memcpy(in, in + got - got % answers, got % answers);
		more = MIN(got / answers, count - asked);
		put(fd, out, more * asks);
		asked += more;
	}
}

int main(int argc, char **argv)
{
	int64_t start;
	int fd;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(argv[2]);
	if (argc != 6)
		g_error("usage: see bench_vfio_user.c");
	fd = connect_to(argv[2]);
	start = now_ns();
	run(fd, !strcmp(argv[1], "write"), atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
	printf("%" PRId64 "\n", now_ns() - start);
	close(fd);
	return 0;
}
