/* SPDX-License-Identifier: Apache-2.0 */
#include "front.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/json.h"
#include "qom/device.h"

static void add_device(CxbMachine *m, const char *text)
{
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, "driver", true, &err);

	g_assert_no_error(err);
	cxb_device_add(cxb_machine_qom(m), opts, false, &err);
	g_assert_no_error(err);
}

CxbMachine *front_small(bool virtual_clock)
{
	const CxbMachineConfig config = { .virtual_clock = virtual_clock };
	CxbMachine *m = cxb_machine_new(&config);
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) machine = cxb_opts_parse(
		"q35,cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=4G", "type", false, NULL);
	g_autoptr(CxbOpts) memory = cxb_opts_parse("64M", "size", true, NULL);

	cxb_machine_set_opts(m, machine, &err);
	g_assert_no_error(err);
	cxb_machine_set_memory(m, memory, &err);
	g_assert_no_error(err);
	cxb_machine_create(m, &err);
	g_assert_no_error(err);
	add_device(m, "pxb-cxl,id=cxl.0,bus=pcie.0,bus_nr=12");
	add_device(m, "cxl-rp,id=rp0,bus=cxl.0,port=0,chassis=0,slot=2");
	add_device(m, "cxl-type3,id=cxl-vmem0,bus=rp0,num-dc-regions=2,dc-regions-total-size=1G");
	cxb_machine_done(m, &err);
	g_assert_no_error(err);
	return m;
}

static FrontPeer *peer_of(int fd)
{
	FrontPeer *peer = g_new0(FrontPeer, 1);

	peer->fd = fd;
	peer->in = g_string_new(NULL);
	return peer;
}

FrontPeer *front_peer_new(CxbChardev **chr)
{
	g_autoptr(CxbOpts) opts = cxb_opts_new();
	g_autoptr(GError) err = NULL;
	g_autofree char *text = NULL;
	int fds[2];

	g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	text = g_strdup_printf("%d", fds[1]);
	cxb_opts_add_text(opts, "backend", "socket");
	cxb_opts_add_text(opts, "fd", text);
	*chr = cxb_chardev_new(opts, NULL, "peer", &err);
	g_assert_no_error(err);
	return peer_of(fds[0]);
}

CxbChardev *front_listen(const char *path)
{
	g_autofree char *text = g_strdup_printf("unix:%s,server=on,wait=off", path);
	g_autoptr(GError) err = NULL;
	g_autoptr(CxbOpts) opts = cxb_chardev_parse_legacy(text, &err);
	CxbChardev *chr;

	g_assert_no_error(err);
	chr = cxb_chardev_new(opts, NULL, text, &err);
	g_assert_no_error(err);
	return chr;
}

FrontPeer *front_peer_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_assert_no_errno(fd);
	g_assert_cmpuint(strlen(path), <, sizeof(addr.sun_path));
	strcpy(addr.sun_path, path);
	g_assert_no_errno(connect(fd, (struct sockaddr *)&addr, sizeof(addr)));
	return peer_of(fd);
}

void front_peer_free(FrontPeer *peer)
{
	if (!peer)
		return;
	close(peer->fd);
	g_string_free(peer->in, TRUE);
	g_free(peer);
}

void front_turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

/* Bytes taken now; 0 if there are none; -1 at the end. */
static ssize_t take(FrontPeer *peer)
{
	char buf[65536];
	const ssize_t n = recv(peer->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		g_string_append_len(peer->in, buf, n);
	if (n < 0 && errno == EAGAIN)
		return 0;
	return n > 0 ? n : -1;
}

void front_send(FrontPeer *peer, const char *bytes, size_t len)
{
	while (len) {
		const ssize_t n = send(peer->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0) {
			bytes += n;
			len -= n;
			continue;
		}
		if (errno != EAGAIN)
			return; /* the other side has gone */
		front_turn();
		take(peer);
	}
}

char *front_line(FrontPeer *peer)
{
	const char *end;
	size_t seen = 0;
	char *line;

	do {
		front_turn();
		while (take(peer) > 0)
			;
		end = memchr(peer->in->str + seen, '\n', peer->in->len - seen);
		if (!end && seen == peer->in->len)
			return NULL;
		seen = peer->in->len;
	} while (!end);
	line = g_strndup(peer->in->str, end - peer->in->str);
	g_string_erase(peer->in, 0, end + 1 - peer->in->str);
	return line;
}

bool front_eof(FrontPeer *peer)
{
	front_turn();
	for (;;) {
		const ssize_t n = take(peer);

		if (n <= 0)
			return n < 0;
	}
}

json_object *front_json(const char *text)
{
	g_autoptr(GError) err = NULL;
	json_object *o = cxb_json_parse(text, strlen(text), &err);

	if (err)
		g_error("%s: %s", err->message, text);
	return o;
}

void front_assert_json(const char *got, const char *expected)
{
	json_object *a = got ? front_json(got) : NULL, *b = front_json(expected);

	if (!json_object_equal(a, b))
		g_error("expected %s\n     got %s", expected, got ? got : "nothing");
	json_object_put(a);
	json_object_put(b);
}
