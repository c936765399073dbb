/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cxl-mctp: a wire to a memory device for a fabric manager. It sits on no bus, as the wire is none of
 * the host's; one end is a chardev, the other the command interface of the target's
 * fabric-manager-owned logical device. Once the target has been taken out the wire is dead for ever.
 *
 * A peer that does not take its answers is not listened to until it does, so no more is queued than
 * one read can ask for.
 */
#include "devices.h"

#include <string.h>

#include "base/error.h"
#include "io/chardevs.h"
#include "mctp/endpoint.h"

typedef struct {
	CxbDevice dev;

	/* properties */
	char *chardev;
	CxbObject *target;
	int framing;

	CxbChardev *chr;
	CxbMctp *mctp;
} CxlMctp;

static CxbChardevs *chardevs(const CxlMctp *dev)
{
	return cxb_qom_get_service(dev->dev.obj.qom, CXB_SERVICE_CHARDEVS);
}

/* --- the target --- */

static CxbCci *target_cci(void *opaque)
{
	return cxb_cxl_type3_fm_cci((CxbDevice *)((CxlMctp *)opaque)->target);
}

/* The same in every run: the name-based form (RFC 9562 5.8) of what the command line says. */
static CxbUuid uuid_of(const CxlMctp *dev)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_autofree char *path = cxb_object_path(dev->target);
	const uint64_t sn = ((const Type3 *)dev->target)->sn;
	uint8_t digest[32];
	gsize len = sizeof(digest);
	CxbUuid uuid;

	g_checksum_update(sum, (const guchar *)path, strlen(path));
	g_checksum_update(sum, (const guchar *)&sn, sizeof(sn));
	g_checksum_get_digest(sum, digest, &len);
	memcpy(uuid.b, digest, sizeof(uuid.b));
	uuid.b[6] = 0x80 | (uuid.b[6] & 0x0f);
	uuid.b[8] = 0x80 | (uuid.b[8] & 0x3f);
	return uuid;
}

/* --- the wire --- */

static void send(void *opaque, const void *frame, size_t len)
{
	CxlMctp *dev = opaque;

	cxb_chardev_write(dev->chr, frame, len);
	if (cxb_chardev_congested(dev->chr))
		cxb_chardev_pause(dev->chr, true);
}

static void wire_input(void *opaque, const char *bytes, size_t len)
{
	cxb_mctp_input(((CxlMctp *)opaque)->mctp, bytes, len);
}

static void wire_drained(void *opaque)
{
	cxb_chardev_pause(((CxlMctp *)opaque)->chr, false);
}

static void wire_changed(void *opaque)
{
	CxlMctp *dev = opaque;

	cxb_mctp_link_reset(dev->mctp);
	cxb_chardev_pause(dev->chr, false);
}

static const CxbChardevFront wire_front = {
	.opened = wire_changed,
	.input = wire_input,
	.closed = wire_changed,
	.drained = wire_drained,
};

/* --- life --- */

static bool take_chardev(CxlMctp *dev, GError **errp)
{
	CxbChardevs *set = chardevs(dev);

	if (!dev->chardev)
		return cxb_fail(errp, CXB_ERROR_INVALID, "'chardev' property not set");
	dev->chr = set ? cxb_chardevs_take(set, dev->chardev) : NULL;
	if (dev->chr)
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			set && cxb_chardevs_has(set, dev->chardev)
				? "Property '%s.chardev' can't take value '%s', it's in use"
				: "Property '%s.chardev' can't find value '%s'",
			dev->dev.obj.type->name, dev->chardev);
}

static void mctp_unrealize(CxbDevice *d)
{
	CxlMctp *dev = (CxlMctp *)d;

	if (dev->chr) {
		cxb_chardev_detach(dev->chr);
		cxb_chardev_pause(dev->chr, false);
		cxb_chardevs_give(chardevs(dev), dev->chardev, dev->chr);
	}
	dev->chr = NULL;
	g_clear_pointer(&dev->mctp, cxb_mctp_free);
}

static bool mctp_realize(CxbDevice *d, GError **errp)
{
	CxlMctp *dev = (CxlMctp *)d;
	const CxbCxlListener *listener = cxb_qom_get_service(d->obj.qom, CXB_SERVICE_CXL_LISTENER);
	g_autofree char *path = cxb_object_path(&d->obj);
	CxbMctpConfig config = {
		.name = path,
		.framing = dev->framing,
		.clock = listener->clock,
		.message_max = CXB_FMLD_MESSAGE_MAX,
		.cci = target_cci,
		.send = send,
		.opaque = dev,
	};

	if (!dev->target)
		return cxb_fail(errp, CXB_ERROR_INVALID, "'target' property not set");
	if (!((const CxbDevice *)dev->target)->realized)
		return cxb_fail(errp, CXB_ERROR_INVALID, "the target is not a running device");
	if (!take_chardev(dev, errp))
		return false;
	cxb_chardev_set_nodelay(dev->chr); /* an answer may take several writes */
	config.uuid = uuid_of(dev);
	dev->mctp = cxb_mctp_new(&config);
	if ((d->hotplugged || cxb_chardev_wait(dev->chr, errp)) &&
	    cxb_chardev_attach(dev->chr, &wire_front, dev, errp))
		return true;
	mctp_unrealize(d);
	return false;
}

static const CxbDeviceClass mctp_class = {
	.realize = mctp_realize,
	.unrealize = mctp_unrealize,
};

static const char *const framings[] = {
	[CXB_MCTP_SERIAL] = "serial",
	[CXB_MCTP_TCP] = "tcp",
	NULL,
};

static const CxbProp mctp_props[] = {
	{ "chardev", CXB_PROP_STR, offsetof(CxlMctp, chardev),
	  .desc = "id of the chardev that a fabric manager is at the other end of" },
	{ "target", CXB_PROP_LINK, offsetof(CxlMctp, target), .desc = "cxl-type3 that it manages",
	  .link_type = CXB_TYPE_NAME_CXL_TYPE3 },
	{ "framing", CXB_PROP_ENUM, offsetof(CxlMctp, framing),
	  .desc = "packets as DSP0253 frames, or each as 68 bytes as Jackrabbit's tools have it",
	  .def = "serial", .names = framings },
	{ NULL },
};

const CxbType cxb_cxl_mctp_type = {
	.name = CXB_TYPE_NAME_CXL_MCTP,
	.parent = CXB_TYPE_NAME_DEVICE,
	.desc = "MCTP endpoint of a CXL memory device",
	.category = "Misc",
	.size = sizeof(CxlMctp),
	.flags = CXB_TYPE_DEVICE,
	.props = mctp_props,
	.klass = &mctp_class,
};
