/* SPDX-License-Identifier: Apache-2.0 */
#include "host_control.h"

#include <errno.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "io/unix_listener.h"

#define CLIENTS_MAX 256u
#define COMMAND_MAX 256u       /* of a command; the longest is much shorter */
#define WAITING_MAX (1u << 20) /* bytes of a client that does not read what it is told unasked */
#define READ_SIZE   4096u

struct HostControl {
	HostControlConfig config;
	CxbUnixListener *listener;
	GSource *source;
	GHashTable *clients; /* set of Client, owned */
	bool look_queued;
};

typedef struct {
	HostControl *control;
	int fd;
	GSource *source; /* for reading; while something waits to be sent, for writing */
	GString *in, *out;
	bool pass; /* the descriptor goes with what waits */
	bool lost;
	GHashTable *held; /* CxbUuid * -> whether it was told that it is asked back */
} Client;

/* --- clients --- */

static void let_go(const Client *client, const CxbUuid *uuid)
{
	/* It may have been taken away meanwhile. */
	cxb_host_dax_release(client->control->config.host, 0, uuid, NULL);
}

static void source_stop(GSource **source)
{
	if (*source)
		g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

static void client_free(gpointer data)
{
	Client *client = data;
	GHashTableIter it;
	gpointer uuid;

	g_hash_table_iter_init(&it, client->held);
	while (g_hash_table_iter_next(&it, &uuid, NULL))
		let_go(client, uuid);
	source_stop(&client->source);
	close(client->fd);
	g_string_free(client->in, TRUE);
	g_string_free(client->out, TRUE);
	g_hash_table_unref(client->held);
	g_free(client);
}

static gboolean client_event(int fd, GIOCondition cond, gpointer data);

static void watch(Client *client, GIOCondition cond)
{
	source_stop(&client->source);
	client->source = g_unix_fd_source_new(client->fd, cond);
	g_source_set_callback(client->source, G_SOURCE_FUNC(client_event), client, NULL);
	g_source_attach(client->source, NULL);
}

static void client_new(HostControl *c, int fd)
{
	Client *client = g_new0(Client, 1);

	client->control = c;
	client->fd = fd;
	client->in = g_string_new(NULL);
	client->out = g_string_new(NULL);
	client->held = g_hash_table_new_full(cxb_uuid_hash, cxb_uuid_hash_equal, g_free, NULL);
	g_hash_table_add(c->clients, client);
	watch(client, G_IO_IN);
}

/* --- sending --- */

static ssize_t send_some(const Client *client)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { client->out->str, client->out->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (client->pass) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &client->control->config.memory, sizeof(int));
	}
	return sendmsg(client->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* As much as the peer takes; what is left goes when it takes more, and no command is read before. */
static void flush(Client *client)
{
	while (client->out->len && !client->lost) {
		const ssize_t n = send_some(client);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			client->lost = true;
		if (n < 0)
			break;
		client->pass = false;
		g_string_erase(client->out, 0, n);
	}
	if (client->out->len > WAITING_MAX)
		client->lost = true;
	if (!client->lost)
		watch(client, client->out->len ? G_IO_OUT : G_IO_IN);
}

/* --- commands --- */

static GPtrArray *daxes(const Client *client)
{
	return cxb_host_daxes(client->control->config.host);
}

static const CxbHostDax *find(const GPtrArray *all, const CxbUuid *uuid)
{
	for (guint i = 0; i < all->len; i++)
		if (cxb_uuid_equal(&((const CxbHostDax *)all->pdata[i])->uuid, uuid))
			return all->pdata[i];
	return NULL;
}

static bool list(Client *client, GError **errp)
{
	g_autoptr(GPtrArray) all = daxes(client);
	char tag[CXB_UUID_STRLEN + 1];

	for (guint i = 0; i < all->len; i++) {
		const CxbHostDax *dax = all->pdata[i];

		g_string_append_printf(
			client->out,
			"tag %s size 0x%" PRIx64 " memdev mem%u region dc%u extents %u holders "
			"%u%s\n",
			cxb_uuid_format(&dax->uuid, tag), dax->size, dax->memdev, dax->region,
			dax->extents->len, dax->holders, dax->release_asked ? " asked-back" : "");
	}
	return true;
}

static bool has_addresses(const CxbHostDax *dax, GError **errp)
{
	char tag[CXB_UUID_STRLEN + 1];

	for (guint i = 0; i < dax->extents->len; i++)
		if (!g_array_index(dax->extents, CxbHostExtent, i).hpa)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"tag %s is in a region that has no address",
					cxb_uuid_format(&dax->uuid, tag));
	return true;
}

static bool hold(Client *client, const CxbUuid *uuid, GError **errp)
{
	g_autoptr(GPtrArray) all = daxes(client);
	const CxbHostDax *dax = find(all, uuid);
	char tag[CXB_UUID_STRLEN + 1];

	if (!dax)
		return cxb_fail(errp, CXB_ERROR_NOT_FOUND, "tag %s is not accepted",
				cxb_uuid_format(uuid, tag));
	if (g_hash_table_contains(client->held, uuid))
		return cxb_fail(errp, CXB_ERROR_INVALID, "tag %s is held here already",
				cxb_uuid_format(uuid, tag));
	if (!has_addresses(dax, errp) ||
	    !cxb_host_dax_hold(client->control->config.host, 0, uuid, errp))
		return false;
	g_hash_table_insert(client->held, g_memdup2(uuid, sizeof(*uuid)), NULL);
	for (guint i = 0; i < dax->extents->len; i++) {
		const CxbHostExtent *e = &g_array_index(dax->extents, CxbHostExtent, i);

		g_string_append_printf(client->out, "map 0x%" PRIx64 " 0x%" PRIx64 "\n", e->hpa,
				       e->len);
	}
	client->pass = client->control->config.memory >= 0;
	host_control_look(client->control); /* it may have been asked back before */
	return true;
}

static bool release(Client *client, const CxbUuid *uuid, GError **errp)
{
	char tag[CXB_UUID_STRLEN + 1];

	if (!g_hash_table_remove(client->held, uuid))
		return cxb_fail(errp, CXB_ERROR_INVALID, "tag %s is not held here",
				cxb_uuid_format(uuid, tag));
	let_go(client, uuid);
	return true;
}

static bool by_tag(Client *client, const char *text,
		   bool (*fn)(Client *client, const CxbUuid *uuid, GError **errp), GError **errp)
{
	CxbUuid uuid;

	if (!cxb_uuid_parse(text, &uuid) || cxb_uuid_is_null(&uuid))
		return cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is no tag", text);
	return fn(client, &uuid, errp);
}

static bool command(Client *client, const char *line, GError **errp)
{
	if (strcmp(line, "list") == 0)
		return list(client, errp);
	if (g_str_has_prefix(line, "hold "))
		return by_tag(client, line + strlen("hold "), hold, errp);
	if (g_str_has_prefix(line, "release "))
		return by_tag(client, line + strlen("release "), release, errp);
	return cxb_fail(errp, CXB_ERROR_INVALID, "'%s' is no command: list, hold TAG, release TAG",
			line);
}

static void answer(Client *client, const char *line)
{
	g_autoptr(GError) err = NULL;

	if (command(client, line, &err))
		g_string_append(client->out, "ok\n");
	else
		g_string_append_printf(client->out, "error %s\n", err->message);
	flush(client);
}

/* Line by line, until an answer has to wait. */
static void answer_lines(Client *client)
{
	while (!client->lost && !client->out->len) {
		const char *end = memchr(client->in->str, '\n', client->in->len);
		g_autofree char *line = NULL, *valid = NULL;

		if (!end) {
			client->lost = client->in->len > COMMAND_MAX;
			return;
		}
		line = g_strndup(client->in->str, end - client->in->str);
		valid = g_utf8_make_valid(line, -1);
		g_string_erase(client->in, 0, end + 1 - client->in->str);
		answer(client, valid);
	}
}

static void read_some(Client *client)
{
	char buf[READ_SIZE];
	const ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		g_string_append_len(client->in, buf, n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		client->lost = true;
}

static gboolean client_event(int fd, GIOCondition cond, gpointer data)
{
	Client *client = data;

	if (client->out->len)
		flush(client);
	else
		read_some(client);
	answer_lines(client);
	if (client->lost)
		g_hash_table_remove(client->control->clients, client);
	return G_SOURCE_CONTINUE;
}

/* --- what happens to what is held --- */

static void tell(Client *client, const char *what, const CxbUuid *uuid)
{
	char tag[CXB_UUID_STRLEN + 1];

	g_string_append_printf(client->out, "%s %s\n", what, cxb_uuid_format(uuid, tag));
}

static void look_at(Client *client, GHashTable *there)
{
	GHashTableIter it;
	gpointer uuid, told;

	g_hash_table_iter_init(&it, client->held);
	while (g_hash_table_iter_next(&it, &uuid, &told)) {
		const CxbHostDax *dax = g_hash_table_lookup(there, uuid);

		if (!dax) {
			tell(client, "gone", uuid);
			g_hash_table_iter_remove(&it);
		} else if (dax->release_asked && !told) {
			tell(client, "asked-back", uuid);
			g_hash_table_iter_replace(&it, GINT_TO_POINTER(true));
		}
	}
	if (client->out->len)
		flush(client);
}

/* Before a tag that has gone can have come again: both take the host more than one step. */
static void look(void *opaque)
{
	HostControl *c = opaque;
	g_autoptr(GPtrArray) all = cxb_host_daxes(c->config.host);
	g_autoptr(GHashTable) there = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
	GHashTableIter it;
	gpointer client;

	c->look_queued = false;
	for (guint i = 0; i < all->len; i++)
		g_hash_table_insert(there, &((CxbHostDax *)all->pdata[i])->uuid, all->pdata[i]);
	g_hash_table_iter_init(&it, c->clients);
	while (g_hash_table_iter_next(&it, &client, NULL)) {
		look_at(client, there);
		if (((Client *)client)->lost)
			g_hash_table_iter_remove(&it);
	}
}

void host_control_look(HostControl *c)
{
	if (c->look_queued || !g_hash_table_size(c->clients))
		return;
	c->look_queued = true;
	cxb_workq_post(c->config.workq, look, c);
}

/* --- all of it --- */

static gboolean connection(int listener, GIOCondition cond, gpointer data)
{
	HostControl *c = data;
	const int fd = cxb_unix_listener_accept(c->listener);

	if (fd < 0)
		return G_SOURCE_CONTINUE;
	if (g_hash_table_size(c->clients) < CLIENTS_MAX)
		client_new(c, fd);
	else
		close(fd);
	return G_SOURCE_CONTINUE;
}

HostControl *host_control_new(const HostControlConfig *config, GError **errp)
{
	const CxbUnixListenerOpts opts = { .mode_given = true, .mode = 0600, .group = (gid_t)-1 };
	HostControl *c = g_new0(HostControl, 1);

	c->config = *config;
	c->listener = cxb_unix_listener_new(config->path, &opts, errp);
	if (!c->listener) {
		g_free(c);
		return NULL;
	}
	c->clients = g_hash_table_new_full(NULL, NULL, client_free, NULL);
	c->source = g_unix_fd_source_new(cxb_unix_listener_fd(c->listener), G_IO_IN);
	g_source_set_callback(c->source, G_SOURCE_FUNC(connection), c, NULL);
	g_source_attach(c->source, NULL);
	return c;
}

void host_control_free(HostControl *c)
{
	if (!c)
		return;
	source_stop(&c->source);
	cxb_unix_listener_free(c->listener);
	g_hash_table_unref(c->clients);
	if (c->look_queued)
		cxb_workq_cancel(c->config.workq, look, c);
	if (c->config.memory >= 0)
		close(c->config.memory);
	g_free(c);
}
