/* SPDX-License-Identifier: Apache-2.0 */
#include <glib-unix.h>
#include <string.h>

#include "bench_vfio_user.h"
#include "io/unix_listener.h"
#include "session.h"

#define BAR (2u << 20)

typedef struct {
	CxbClock *clock;
	CxbUnixListener *listener;
	Session *session;
	uint8_t bar[BAR];
} Server;

static uint64_t size(void *opaque, unsigned index)
{
	return index == VFU_REGION_BAR0 ? BAR : 0;
}

static void region(void *opaque, unsigned index, TargetRegion *out)
{
	out->size = size(opaque, index);
}

static int read_bar(void *opaque, unsigned index, uint64_t off, void *buf, size_t len)
{
	memcpy(buf, ((Server *)opaque)->bar + off, len);
	return len;
}

static int write_bar(void *opaque, unsigned index, uint64_t off, const void *buf, size_t len)
{
	memcpy(((Server *)opaque)->bar + off, buf, len);
	return len;
}

static uint32_t flags(void *opaque)
{
	return 0;
}

static unsigned regions(void *opaque)
{
	return VFU_REGIONS;
}

static unsigned irqs(void *opaque, unsigned index)
{
	return 0;
}

static void irqs_ready(void *opaque, unsigned index, unsigned start, unsigned count)
{
}

static void reset(void *opaque)
{
}

static const TargetOps ops = {
	.flags = flags,
	.regions = regions,
	.size = size,
	.region = region,
	.read = read_bar,
	.write = write_bar,
	.irqs = irqs,
	.irqs_ready = irqs_ready,
	.reset = reset,
};

static void ended(void *opaque, const char *why)
{
	g_clear_pointer(&((Server *)opaque)->session, session_free);
}

static gboolean connection(int fd, GIOCondition cond, void *opaque)
{
	Server *server = opaque;
	const SessionConfig config = { .name = "bench",
				       .clock = server->clock,
				       .target = &ops,
				       .opaque = server,
				       .ended = ended,
				       .ended_opaque = server };
	const int client = cxb_unix_listener_accept(server->listener);

	if (client < 0)
		return G_SOURCE_CONTINUE;
	session_free(server->session);
	server->session = session_new(client, &config);
	return G_SOURCE_CONTINUE;
}

int serve(const char *path)
{
	g_autoptr(GError) err = NULL;
	Server *server = g_new0(Server, 1);

	server->clock = cxb_clock_new_real(NULL);
	server->listener =
		cxb_unix_listener_new(path, &(CxbUnixListenerOpts){ .group = (gid_t)-1 }, &err);
	if (!server->listener)
		g_error("%s", err->message);
	g_unix_fd_add(cxb_unix_listener_fd(server->listener), G_IO_IN, connection, server);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
