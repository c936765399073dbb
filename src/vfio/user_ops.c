/* SPDX-License-Identifier: Apache-2.0 */
/* What a client asks of a device, as messages. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/range.h"
#include "user_impl.h"

/* --- regions --- */

/* Most answers fit; for those that do not the device is asked again. */
#define INFO_FIRST 4096u

static bool region_answer(User *u, unsigned index, uint8_t *room, uint32_t max, size_t *len,
			  int *fd, GError **errp)
{
	const struct vfu_region_info info = { .argsz = max, .index = index };
	const struct iovec iov = { (void *)&info, sizeof(info) };
	UserReply reply = { .head = room,
			    .head_len = sizeof(info),
			    .data = room + sizeof(info),
			    .data_max = max - sizeof(info),
			    .fd = fd };
	const int err = user_ask(u, VFU_GET_REGION_INFO, &iov, 1, NULL, 0, &reply);

	*len = sizeof(info) + reply.data_len;
	return !err || user_fail(u, err, "no information", errp);
}

static bool take_region(unsigned index, const uint8_t *room, size_t len, CxbVfioRegion *out,
			GError **errp)
{
	const uint32_t known = CXB_VFIO_REGION_READ | CXB_VFIO_REGION_WRITE | CXB_VFIO_REGION_MMAP;
	struct vfu_region_info info;

	memcpy(&info, room, sizeof(info));
	if (info.index != index)
		return cxb_fail(errp, CXB_ERROR_INVALID, "it tells of region %u", info.index);
	if (info.argsz < sizeof(info) || info.argsz > len)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%zu bytes are not the %u that it speaks of", len, info.argsz);
	if (info.size > INT64_MAX || info.offset > INT64_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"0x%" PRIx64 " bytes at offset 0x%" PRIx64 " are no file's",
				info.size, info.offset);
	out->size = info.size;
	out->flags = info.flags & known;
	out->fd_off = info.offset;
	if (!(info.flags & VFU_REGION_CAPS))
		return true;
	out->flags |= CXB_VFIO_REGION_CAPS;
	return cxb_vfio_caps_decode(room, len, info.cap_offset, info.size, &out->caps, errp);
}

static bool ask_region(User *u, unsigned index, CxbVfioRegion *out, GError **errp)
{
	g_autofree uint8_t *room = g_malloc(INFO_FIRST);
	uint32_t argsz;
	size_t len;

	if (!region_answer(u, index, room, INFO_FIRST, &len, &out->fd, errp))
		return false;
	memcpy(&argsz, room, sizeof(argsz));
	if (argsz > CXB_VFIO_REGION_INFO_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID, "%u bytes are too many", argsz);
	if (argsz > INFO_FIRST) {
		if (out->fd >= 0)
			close(out->fd);
		out->fd = -1;
		room = g_realloc(room, argsz);
		if (!region_answer(u, index, room, argsz, &len, &out->fd, errp))
			return false;
	}
	return take_region(index, room, len, out, errp);
}

static bool region(CxbVfioDevice *dev, unsigned index, CxbVfioRegion *out, GError **errp)
{
	User *u = (User *)dev;
	GError *err = NULL;

	*out = (CxbVfioRegion){ .fd = -1 };
	if (ask_region(u, index, out, &err) && cxb_vfio_region_check_fd(out, &err))
		return true;
	cxb_vfio_region_clear(out);
	g_propagate_prefixed_error(errp, err, "region %u: ", index);
	return false;
}

static int read_some(User *u, unsigned region, uint64_t off, void *buf, uint32_t len)
{
	const struct vfu_region_access access = { off, region, len };
	const struct iovec iov = { (void *)&access, sizeof(access) };
	struct vfu_region_access got;
	UserReply reply = { .head = &got, .head_len = sizeof(got), .data = buf, .data_max = len };
	const int err = user_ask(u, VFU_REGION_READ, &iov, 1, NULL, 0, &reply);

	if (err)
		return err;
	if (got.offset == off && got.region == region && got.count == reply.data_len)
		return got.count == len ? 0 : EIO;
	user_lose(u, "a read of %u bytes of region %u gave %u, and %zu bytes", len, region,
		  got.count, reply.data_len);
	return ENODEV;
}

static int write_some(User *u, unsigned region, uint64_t off, const void *buf, uint32_t len)
{
	const struct vfu_region_access access = { off, region, len };
	const struct iovec iov[] = { { (void *)&access, sizeof(access) }, { (void *)buf, len } };
	struct vfu_region_access got = { 0 };
	UserReply reply = { .head = &got, .head_len = sizeof(got) };
	const int err = user_ask(u, VFU_REGION_WRITE, iov, G_N_ELEMENTS(iov), NULL, 0, &reply);

	if (err)
		return err;
	if (got.offset == off && got.region == region && got.count <= len)
		return got.count == len ? 0 : EIO;
	user_lose(u, "a write of %u bytes of region %u took %u", len, region, got.count);
	return ENODEV;
}

static int read_region(CxbVfioDevice *dev, unsigned region, uint64_t off, void *buf, size_t len)
{
	User *u = (User *)dev;
	int err = 0;

	for (size_t at = 0; at < len && !err; at += MIN(len - at, u->data_max))
		err = read_some(u, region, off + at, (uint8_t *)buf + at,
				MIN(len - at, u->data_max));
	return err;
}

static int write_region(CxbVfioDevice *dev, unsigned region, uint64_t off, const void *buf,
			size_t len)
{
	User *u = (User *)dev;
	int err = 0;

	for (size_t at = 0; at < len && !err; at += MIN(len - at, u->data_max))
		err = write_some(u, region, off + at, (const uint8_t *)buf + at,
				 MIN(len - at, u->data_max));
	return err;
}

/* --- interrupts --- */

static bool irq(CxbVfioDevice *dev, unsigned index, CxbVfioIrq *out, GError **errp)
{
	const struct vfu_irq_info info = { .argsz = sizeof(info), .index = index };
	const struct iovec iov = { (void *)&info, sizeof(info) };
	User *u = (User *)dev;
	struct vfu_irq_info got;
	UserReply reply = { .head = &got, .head_len = sizeof(got) };
	const int err = user_ask(u, VFU_GET_IRQ_INFO, &iov, 1, NULL, 0, &reply);

	if (err) {
		g_autofree char *what = g_strdup_printf("no information on interrupts %u", index);

		return user_fail(u, err, what, errp);
	}
	if (got.index != index || got.count > CXB_VFIO_VECTORS_MAX)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"interrupts %u: it tells of %u interrupts of kind %u", index,
				got.count, got.index);
	*out = (CxbVfioIrq){ got.flags, got.count };
	return true;
}

static int set_some(User *u, uint32_t flags, const CxbVfioIrqSet *s, unsigned first, unsigned n,
		    const int *fds, unsigned n_fds)
{
	const struct vfu_set_irqs set = { sizeof(set), flags, s->index, first, n };
	const struct iovec iov = { (void *)&set, sizeof(set) };
	UserReply reply = { 0 };

	return user_ask(u, VFU_SET_IRQS, &iov, 1, fds, n_fds, &reply);
}

/* A message has either a descriptor for each vector or none at all, and few of them. */
static int listen_at(User *u, const CxbVfioIrqSet *s)
{
	const uint32_t flags = VFU_SET_EVENTFD | VFU_SET_TRIGGER;
	int err = 0;

	for (unsigned at = 0, n; at < s->n && !err; at += n) {
		const bool any = s->fds[at] >= 0;

		for (n = 1; at + n < s->n && (s->fds[at + n] >= 0) == any; n++)
			if (any && n == u->fds_max)
				break;
		err = set_some(u, flags, s, s->first + at, n, s->fds + at, any ? n : 0);
	}
	return err;
}

static int set_irqs(CxbVfioDevice *dev, const CxbVfioIrqSet *s)
{
	User *u = (User *)dev;

	switch (s->action) {
	case CXB_VFIO_IRQ_LISTEN:
		return listen_at(u, s);
	case CXB_VFIO_IRQ_DISABLE:
		return set_some(u, VFU_SET_NONE | VFU_SET_TRIGGER, s, 0, 0, NULL, 0);
	case CXB_VFIO_IRQ_MASK:
		return set_some(u, VFU_SET_NONE | VFU_SET_MASK, s, s->first, s->n, NULL, 0);
	case CXB_VFIO_IRQ_UNMASK:
		return set_some(u, VFU_SET_NONE | VFU_SET_UNMASK, s, s->first, s->n, NULL, 0);
	}
	return EINVAL;
}

/* --- memory, reset --- */

static int dma_map(CxbVfioDevice *dev, const CxbVfioDma *dma)
{
	const struct vfu_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFU_DMA_READABLE | (dma->readonly ? 0 : VFU_DMA_WRITEABLE),
		.offset = dma->fd < 0 ? 0 : dma->fd_off,
		.address = dma->iova,
		.size = dma->size,
	};
	const struct iovec iov = { (void *)&map, sizeof(map) };
	User *u = (User *)dev;
	UserReply reply = { 0 };
	int err;

	if (!cxb_range_valid(dma->iova, dma->size) ||
	    (dma->iova | dma->size | map.offset) & (dev->dma_page - 1))
		return EINVAL;
	if (u->dma_maps >= dev->dma_max)
		return ENOSPC;
	err = user_ask(u, VFU_DMA_MAP, &iov, 1, &dma->fd, dma->fd >= 0, &reply);
	u->dma_maps += !err;
	return err;
}

static int dma_unmap(CxbVfioDevice *dev, uint64_t iova, uint64_t size)
{
	const struct vfu_dma_unmap unmap = { .argsz = sizeof(unmap),
					     .address = iova,
					     .size = size };
	const struct iovec iov = { (void *)&unmap, sizeof(unmap) };
	User *u = (User *)dev;
	uint8_t rest[sizeof(unmap)];
	/* Some answer with what was asked, some with nothing. */
	UserReply reply = { .data = rest, .data_max = sizeof(rest) };
	const int err = user_ask(u, VFU_DMA_UNMAP, &iov, 1, NULL, 0, &reply);

	if (!err && u->dma_maps)
		u->dma_maps--;
	return err;
}

static int reset(CxbVfioDevice *dev)
{
	UserReply reply = { 0 };

	return user_ask((User *)dev, VFU_RESET, NULL, 0, NULL, 0, &reply);
}

const CxbVfioOps user_ops = {
	.region = region,
	.irq = irq,
	.read = read_region,
	.write = write_region,
	.set_irqs = set_irqs,
	.dma_map = dma_map,
	.dma_unmap = dma_unmap,
	.reset = reset,
	.free = user_free,
};
