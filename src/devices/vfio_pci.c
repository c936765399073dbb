/* SPDX-License-Identifier: Apache-2.0 */
/* vfio-user-pci: a PCI function that another process serves, passed through to this machine. */
#include "vfio.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/trace.h"
#include "vfio/user.h"

CXB_TRACE(vfio_pci_ready, (const char *dev, int64_t us), "%s: attached within %" PRId64 " us", dev,
	  us)

#define TIMEOUT_MAX 3600000u /* ms */
#define IDS_MAX     UINT16_MAX
#define CLASS_MAX   0xffffffu

void vfio_report(const VfioPci *v, const char *fmt, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = g_strdup_vprintf(fmt, ap);
	va_end(ap);
	cxb_log_line("cxlbox: %s: %s", v->path, text);
}

static void lost(void *opaque, const char *why)
{
	VfioPci *v = opaque;

	vfio_report(v, "the device is lost: %s", why);
	vfio_bars_unmap(v);
	vfio_cxl_stop(v);
}

/* --- life --- */

static bool attach(VfioPci *v, GError **errp)
{
	static const CxbVfioClient client = { lost, vfio_dma_read, vfio_dma_write };
	const CxbVfioUserConfig config = {
		.path = v->socket_path,
		.context = v->listener->context,
		.clock = v->listener->clock,
		.timeout_ms = v->timeout_ms,
		.client = &client,
		.opaque = v,
	};

	if (v->listener->remote)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"what is passed through to a machine cannot be served by it");
	if (!v->socket_given)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"No socket specified\n"
				"e.g. -device '{\"driver\":\"vfio-user-pci\", "
				"\"socket\": {\"path\": \"/tmp/vfio-user.sock\", "
				"\"type\": \"unix\"}'}'");
	if (v->socket_type < 0)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'socket.type' is missing");
	if (!v->socket_path)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'socket.path' is missing");
	v->dev = cxb_vfio_open_user(&config, errp);
	return v->dev;
}

static void unrealize(CxbPciDev *dev)
{
	VfioPci *v = vfio_pci(dev);

	vfio_irqs_fini(v);
	vfio_cxl_fini(v);
	vfio_bars_fini(v);
	g_clear_pointer(&v->dev, cxb_vfio_free);
	g_clear_pointer(&v->path, g_free);
	v->memory_let = false;
}

/* Nothing before the machine has its memory, and its windows. */
static bool memory(CxbPciDev *dev, GError **errp)
{
	unsigned n;

	cxb_pci_host_memory(cxb_pci_dev_bus(dev)->host, &n);
	return !n || (vfio_dma_map_memory(dev, errp) && vfio_cxl_place(vfio_pci(dev), errp));
}

static bool parts_init(VfioPci *v, GError **errp)
{
	uint8_t config[CXB_PCIE_CONFIG_SIZE];
	unsigned size;

	if (!attach(v, errp) || !vfio_config_fetch(v, config, &size, errp) ||
	    !vfio_bars_init(v, config, errp) || !cxb_pci_adopt(&v->pci, config, size, errp))
		return false;
	vfio_config_override(v);
	return vfio_cxl_init(v, config, size, errp) && vfio_mem_init(v, errp) &&
	       vfio_bars_map(v, errp) && vfio_irqs_init(v, errp) && memory(&v->pci, errp);
}

static bool realize(CxbPciDev *dev, GError **errp)
{
	const int64_t from = g_get_monotonic_time();
	VfioPci *v = vfio_pci(dev);

	v->listener = cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CXL_LISTENER);
	g_assert(v->listener);
	v->path = cxb_object_path(&dev->dev.obj);
	if (!parts_init(v, errp)) {
		unrealize(dev); /* takes what is there */
		return false;
	}
	trace_vfio_pci_ready(v->path, g_get_monotonic_time() - from);
	return true;
}

/* Configuration space was reset before, so that nothing is listened to any more. A function level reset
 * went to the device as the write that it is. */
static void reset(CxbPciDev *dev, CxbResetKind kind)
{
	VfioPci *v = vfio_pci(dev);
	int err;

	vfio_irqs_update(v);
	if (v->dev->lost)
		return;
	vfio_cxl_stop(v);
	if (kind != CXB_RESET_FUNCTION) {
		err = cxb_vfio_reset(v->dev);
		if (err && err != ENOTTY && !v->dev->lost)
			vfio_report(v, "it cannot be reset: %s", g_strerror(err));
	}
	vfio_cxl_restart(v);
}

static const CxlEndpointClass class = {
	.pci = {
		.device = CXB_PCI_DEVICE_CLASS,
		.is_express = true,
		.realize = realize,
		.unrealize = unrealize,
		.reset = reset,
		.config_read = vfio_config_read,
		.config_write = vfio_config_write,
		.config_written = vfio_config_written,
		.memory = memory,
	},
	.hdm = vfio_mem_hdm,
	.answers = vfio_mem_answers,
	.segment = vfio_mem_segment,
	.read = vfio_mem_read,
	.write = vfio_mem_write,
};

/* --- properties --- */

static const char *const socket_types[] = { "inet", "unix", "vsock", "fd", NULL };

static bool check_socket_type(CxbObject *obj, const CxbProp *prop, const CxbScalar *v,
			      GError **errp)
{
	return strcmp(socket_types[v->u], "unix") == 0 ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "Unsupported socket type %s", socket_types[v->u]);
}

static const CxbProp socket_rows[] = {
	{ "type", CXB_PROP_ENUM, offsetof(VfioPci, socket_type), .names = socket_types,
	  .type_name = "SocketAddressType", .check = check_socket_type },
	{ "path", CXB_PROP_STR, offsetof(VfioPci, socket_path) },
};

/* A SocketAddress: an object in JSON, "socket.type" and "socket.path" on the command line. */
static bool set_socket(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
		       GError **errp)
{
	const char *member = key + strlen(prop->name);

	((VfioPci *)obj)->socket_given = true;
	if (!*member)
		return v->kind == CXB_SCALAR_EMPTY_DICT ||
		       cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: object", key);
	for (unsigned i = 0; i < G_N_ELEMENTS(socket_rows); i++)
		if (strcmp(member + 1, socket_rows[i].name) == 0)
			return cxb_object_set_row(obj, &socket_rows[i], key, v, errp);
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' is unexpected", key);
}

static bool check_timeout(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return (v->u && v->u <= TIMEOUT_MAX) ||
	       cxb_fail(errp, CXB_ERROR_INVALID,
			"x-msg-timeout %" G_GUINT64_FORMAT " is not 1 to %u milliseconds", v->u,
			TIMEOUT_MAX);
}

static bool check_id(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	const bool is_class = prop->offset == offsetof(VfioPci, ids[4]);
	const uint32_t max = is_class ? CLASS_MAX : IDS_MAX;

	return v->u <= max || v->u == UINT32_MAX ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "%s 0x%" G_GINT64_MODIFIER "x is not 0 to 0x%x",
			prop->name, v->u, max);
}

static void init(CxbObject *obj)
{
	((VfioPci *)obj)->socket_type = -1;
}

/* Its row is not one of the type's. */
static void finalize(CxbObject *obj)
{
	g_free(((VfioPci *)obj)->socket_path);
}

#define ID_ROW(row_name, n, what)                                                               \
	{                                                                                       \
		row_name, CXB_PROP_U32, offsetof(VfioPci, ids[n]),                              \
			.def = "0xffffffff",                                                    \
			.desc = what " to show instead of the device's own; all ones: its own", \
			.check = check_id                                                       \
	}

static const CxbProp props[] = {
	{ "socket", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "SocketAddress",
	  .desc = "where the device is served: socket.type=unix, socket.path", .set = set_socket },
	{ "x-msg-timeout", CXB_PROP_U32, offsetof(VfioPci, timeout_ms), .def = "5000",
	  .desc = "milliseconds; a device that does not answer within them is lost",
	  .check = check_timeout },
	{ "x-no-posted-writes", CXB_PROP_BOOL, offsetof(VfioPci, no_posted_writes), .def = "off",
	  .desc = "no effect: each write is waited for" },
	{ "x-send-queued", CXB_PROP_BOOL, offsetof(VfioPci, send_queued), .def = "off",
	  .desc = "no effect: what is sent is sent at once" },
	{ "cxl-fmws-base", CXB_PROP_U64, offsetof(VfioPci, fmws_base), .def = "0",
	  .desc = "where the memory of a CXL device has to be; 0: at the base of the fixed memory "
		  "window of its host bridge" },
	ID_ROW("x-pci-vendor-id", 0, "vendor"),
	ID_ROW("x-pci-device-id", 1, "device"),
	ID_ROW("x-pci-sub-vendor-id", 2, "subsystem's vendor"),
	ID_ROW("x-pci-sub-device-id", 3, "subsystem"),
	ID_ROW("x-pci-class-code", 4, "class code"),
	{ NULL },
};

const CxbType cxb_vfio_user_pci_type = {
	.name = CXB_TYPE_NAME_VFIO_USER_PCI,
	.parent = CXB_TYPE_NAME_PCI_DEVICE,
	.desc = "PCI function that another process serves over vfio-user",
	.category = "Misc",
	.size = sizeof(VfioPci),
	.flags = CXB_TYPE_DEVICE,
	.props = props,
	.klass = &class,
	.init = init,
	.finalize = finalize,
};
