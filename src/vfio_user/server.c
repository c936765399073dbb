/* SPDX-License-Identifier: Apache-2.0 */
/* x-vfio-user-server: one function of the machine at one socket. */
#include "vfio_user/vfio_user.h"

#include <errno.h>
#include <glib-unix.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trace.h"
#include "devices/cxl.h"
#include "function.h"
#include "io/unix_listener.h"

#define SERVICE      "vfio-user"
#define ACCEPT_PAUSE 1 /* s, after a failed accept() */

CXB_TRACE(vfio_user_listen, (const char *id, const char *path), "%s at %s", id, path)
CXB_TRACE(vfio_user_surplus, (const char *id), "%s has a client already", id)

struct CxbVfioUser {
	CxbMachine *m;
	bool started;
	unsigned servers; /* that serve */
};

typedef struct {
	CxbObject obj;

	/* properties */
	int type;
	char *path, *device, *group;
	uint16_t head;

	gid_t gid;
	CxbVfioUser *vu;
	Function *function;
	CxbUnixListener *listener;
	GSource *source;  /* of the listener; while no connection can be taken, of the pause */
	Session *session; /* NULL: no client */
} Server;

static GMainContext *context(const Server *server)
{
	return cxb_machine_context(server->vu->m);
}

/* --- clients --- */

static void client_gone(void *opaque, const char *why)
{
	Server *server = opaque;

	if (why)
		cxb_guest_error("%s: client lost: %s", server->obj.name, why);
	function_set_session(server->function, NULL);
	g_clear_pointer(&server->session, session_free);
}

static void serve(Server *server, int fd)
{
	const SessionConfig config = {
		.name = server->obj.name,
		.context = context(server),
		.clock = cxb_machine_clock(server->vu->m),
		.target = &function_ops,
		.opaque = server->function,
		.ended = client_gone,
		.ended_opaque = server,
	};

	server->session = session_new(fd, &config);
	function_set_session(server->function, server->session);
}

/* Those too many are turned away at once: waiting in line would cost them their patience. */
static void accept_one(Server *server, int fd)
{
	/* The one before may have gone without having been noticed yet. */
	if (server->session)
		session_check(server->session);
	if (!server->session) {
		serve(server, fd);
		return;
	}
	trace_vfio_user_surplus(server->obj.name);
	close(fd);
}

static void listen_on(Server *server);

static void source_stop(Server *server)
{
	if (server->source)
		g_source_destroy(server->source);
	g_clear_pointer(&server->source, g_source_unref);
}

static gboolean pause_over(void *opaque)
{
	listen_on(opaque);
	return G_SOURCE_REMOVE;
}

/* The connection stays in the backlog; spinning on it would not help. */
static void pause_accepting(Server *server)
{
	source_stop(server);
	server->source = g_timeout_source_new_seconds(ACCEPT_PAUSE);
	g_source_set_callback(server->source, pause_over, server, NULL);
	g_source_attach(server->source, context(server));
}

static gboolean connection(int listener, GIOCondition cond, gpointer data)
{
	Server *server = data;
	const int fd = cxb_unix_listener_accept(server->listener);

	if (fd >= 0)
		accept_one(server, fd);
	else if (fd != -EAGAIN && fd != -EINTR && fd != -ECONNABORTED)
		pause_accepting(server);
	return G_SOURCE_CONTINUE;
}

static void listen_on(Server *server)
{
	source_stop(server);
	server->source = g_unix_fd_source_new(cxb_unix_listener_fd(server->listener), G_IO_IN);
	g_source_set_callback(server->source, G_SOURCE_FUNC(connection), server, NULL);
	g_source_attach(server->source, context(server));
}

/* --- start and end --- */

static CxbPciDev *find_device(Server *server, GError **errp)
{
	CxbQom *qom = cxb_machine_qom(server->vu->m);
	CxbDevice *dev = cxb_device_find(qom, server->device, errp);

	if (!dev)
		return NULL;
	if (!cxb_object_is(&dev->obj, CXB_TYPE_NAME_PCI_DEVICE) || !dev->realized) {
		cxb_fail(errp, CXB_ERROR_INVALID, "Device '%s' is not a PCI function",
			 server->device);
		return NULL;
	}
	return (CxbPciDev *)cxb_cxl_head_of(dev, server->head, errp);
}

/* By name or number. */
static bool find_group(const char *text, gid_t *out, GError **errp)
{
	const struct group *group = getgrnam(text);
	uint64_t number;

	if (group)
		*out = group->gr_gid;
	else if (cxb_parse_uint(text, UINT32_MAX - 1, &number))
		*out = number;
	else
		return cxb_fail(errp, CXB_ERROR_INVALID, "Group '%s' not found", text);
	return true;
}

static bool listen_at(Server *server, GError **errp)
{
	const CxbUnixListenerOpts opts = { .mode_given = true,
					   .mode = server->group ? 0660 : 0600,
					   .group = server->gid };

	server->listener = cxb_unix_listener_new(server->path, &opts, errp);
	if (!server->listener)
		return false;
	listen_on(server);
	trace_vfio_user_listen(server->obj.name, server->path);
	return true;
}

static void stop(Server *server)
{
	source_stop(server);
	g_clear_pointer(&server->listener, cxb_unix_listener_free);
	g_clear_pointer(&server->session, session_free);
	g_clear_pointer(&server->function, function_free);
}

static bool start(Server *server, GError **errp)
{
	CxbPciDev *dev = find_device(server, errp);

	if (!dev)
		return false;
	server->function = function_new(dev, server->obj.name, errp);
	if (!server->function)
		return false;
	if (!listen_at(server, errp)) {
		stop(server);
		return false;
	}
	server->vu->servers++;
	return true;
}

/* --- the object --- */

static bool complete(CxbObject *obj, GError **errp)
{
	Server *server = (Server *)obj;

	server->vu = cxb_qom_get_service(obj->qom, SERVICE);
	if (!cxb_machine_serves(server->vu->m))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"x-vfio-user-server only compatible with x-remote machine");
	if (!server->path)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'path' is missing");
	if (!server->device)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'device' is missing");
	if (server->group && !find_group(server->group, &server->gid, errp))
		return false;
	return !server->vu->started || start(server, errp);
}

static void unparent(CxbObject *obj)
{
	Server *server = (Server *)obj;
	const bool served = server->function;

	stop(server);
	if (!served || --server->vu->servers || !cxb_machine_auto_shutdown(server->vu->m))
		return;
	cxb_machine_shutdown(server->vu->m, CXB_SHUTDOWN_QMP);
}

/* QEMU's own way to say it: a SocketAddress. */
static bool set_socket(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	const char *member = key + strlen(prop->name);

	if (strcmp(member, ".type") && strcmp(member, ".path"))
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
	return cxb_object_set(obj, member + 1, v, errp);
}

static const char *const types[] = { "unix", NULL };

static const CxbProp props[] = {
	{ "type", CXB_PROP_ENUM, offsetof(Server, type), .def = "unix", .names = types,
	  .desc = "kind of socket: unix" },
	{ "path", CXB_PROP_STR, offsetof(Server, path),
	  .desc = "file name of the socket, which only its owner may connect to" },
	{ "socket", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "SocketAddress",
	  .desc = "the same in QEMU's words: socket.type, socket.path", .set = set_socket },
	{ "device", CXB_PROP_STR, offsetof(Server, device), .desc = "id or path of the function" },
	{ "head", CXB_PROP_U16, offsetof(Server, head), .def = CXB_CXL_OWN_HEAD_TEXT,
	  .desc = "of a device with several, the head of this host instead" },
	{ "group", CXB_PROP_STR, offsetof(Server, group),
	  .desc = "name or number of a group that may connect, too" },
	{ NULL },
};

static void init(CxbObject *obj)
{
	((Server *)obj)->gid = (gid_t)-1;
}

static const CxbType server_type = {
	.name = CXB_TYPE_NAME_VFIO_USER_SERVER,
	.desc = "serves one function of machine x-remote over vfio-user",
	.size = sizeof(Server),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = props,
	.init = init,
	.complete = complete,
	.unparent = unparent,
};

/* --- all of them --- */

CxbVfioUser *cxb_vfio_user_new(CxbMachine *m)
{
	CxbVfioUser *vu = g_new0(CxbVfioUser, 1);

	vu->m = m;
	cxb_qom_set_service(cxb_machine_qom(m), SERVICE, vu);
	cxb_qom_register(cxb_machine_qom(m), &server_type);
	return vu;
}

void cxb_vfio_user_free(CxbVfioUser *vu)
{
	g_free(vu);
}

static GPtrArray *all(CxbVfioUser *vu)
{
	return cxb_user_objects(cxb_machine_qom(vu->m), CXB_TYPE_NAME_VFIO_USER_SERVER);
}

bool cxb_vfio_user_start(CxbVfioUser *vu, GError **errp)
{
	g_autoptr(GPtrArray) servers = all(vu);

	vu->started = true;
	for (guint i = 0; i < servers->len; i++)
		if (!start(servers->pdata[i], errp))
			return false;
	return true;
}

void cxb_vfio_user_stop(CxbVfioUser *vu)
{
	g_autoptr(GPtrArray) servers = all(vu);

	for (guint i = 0; i < servers->len; i++)
		stop(servers->pdata[i]);
}
