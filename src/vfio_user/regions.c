/* SPDX-License-Identifier: Apache-2.0 */
/* Regions: what there is, what may be mapped, and access by message. */
#include <errno.h>
#include <string.h>

#include "base/range.h"
#include "session.h"

#define WRITES_MAX  8u    /* bytes of one of several writes */
#define ENTRIES_MAX 4096u /* writes at once; each can be a reset, and QEMU puts 200 together */

static bool region_at(Session *s, uint32_t index, TargetRegion *r)
{
	if (index >= s->target->regions(s->opaque))
		return false;
	*r = (TargetRegion){ .fd = -1 };
	s->target->region(s->opaque, index, r);
	return true;
}

/* For answers: zeroed by nobody. */
static uint8_t *data_room(Session *s)
{
	if (!s->data)
		s->data = g_malloc(VFU_DATA_DEFAULT);
	return s->data;
}

int session_region_info(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_region_info info;
	TargetRegion r;

	memcpy(&info, msg->body, sizeof(info));
	if (info.argsz < sizeof(info) || !region_at(s, info.index, &r))
		return EINVAL;
	a->head.region = (struct vfu_region_info){
		.argsz = sizeof(info),
		.flags = r.size ? VFU_REGION_READABLE | VFU_REGION_WRITEABLE : 0,
		.index = info.index,
		.size = r.size,
	};
	a->head_len = sizeof(info);
	if (r.fd >= 0) {
		a->head.region.flags |= VFU_REGION_MMAP;
		a->head.region.offset = r.fd_off;
	}
	if (r.caps && r.caps->len) {
		a->head.region.flags |= VFU_REGION_CAPS;
		a->head.region.argsz += r.caps->len;
		/* In either case, else QEMU gives up. */
		a->head.region.cap_offset = sizeof(info);
		/* A client with too little room asks again; the descriptor comes with the whole. */
		if (info.argsz < a->head.region.argsz)
			return 0;
		a->data = memcpy(data_room(s), r.caps->data, r.caps->len);
		a->data_len = r.caps->len;
	}
	a->fd = r.fd;
	return 0;
}

/* No access can be made through a descriptor. */
int session_region_io_fds(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_irq_info io; /* the same four words: argsz, flags, index, count */
	TargetRegion r;

	memcpy(&io, msg->body, sizeof(io));
	if (io.argsz < sizeof(io) || io.flags || io.count || !region_at(s, io.index, &r))
		return EINVAL;
	a->head.irq = (struct vfu_irq_info){ .argsz = sizeof(io), .index = io.index };
	a->head_len = sizeof(io);
	return 0;
}

static bool access_ok(Session *s, const struct vfu_region_access *access)
{
	if (access->count > VFU_DATA_DEFAULT)
		return false;
	return access->region < VFU_REGIONS
		       ? cxb_range_in(access->offset, access->count,
				      s->target->size(s->opaque, access->region))
		       : access->region < s->target->regions(s->opaque);
}

/* What the target made of an access: errno, and in *@access how much of it was done. */
static int accessed(int rc, struct vfu_region_access *access)
{
	if (rc < 0)
		return -rc;
	g_assert((uint32_t)rc <= access->count);
	access->count = rc;
	return 0;
}

int session_region_read(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_region_access access;
	int rc = 0;

	memcpy(&access, msg->body, sizeof(access));
	if (!access_ok(s, &access))
		return EINVAL;
	if (access.count)
		rc = s->target->read(s->opaque, access.region, access.offset, data_room(s),
				     access.count);
	rc = accessed(rc, &access);
	a->head.access = access;
	a->head_len = sizeof(access);
	a->data = s->data;
	a->data_len = access.count;
	return rc;
}

int session_region_write(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_region_access access;
	int rc = 0;

	memcpy(&access, msg->body, sizeof(access));
	if (msg->len - sizeof(access) != access.count || !access_ok(s, &access))
		return EINVAL;
	if (access.count)
		rc = s->target->write(s->opaque, access.region, access.offset,
				      msg->body + sizeof(access), access.count);
	rc = accessed(rc, &access);
	a->head.access = access;
	a->head_len = sizeof(access);
	return rc;
}

/* All are checked before the first is done. */
int session_region_write_multi(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_write_multi_entry e;
	const uint8_t *entries = msg->body + sizeof(uint64_t);
	uint64_t n;
	int rc;

	memcpy(&n, msg->body, sizeof(n));
	if (n != (msg->len - sizeof(n)) / sizeof(e) || (msg->len - sizeof(n)) % sizeof(e) ||
	    n > ENTRIES_MAX)
		return EINVAL;
	for (uint64_t i = 0; i < n; i++) {
		memcpy(&e, entries + i * sizeof(e), sizeof(e));
		const struct vfu_region_access access = { e.offset, e.region, e.count };

		if (e.count > WRITES_MAX || !access_ok(s, &access))
			return EINVAL;
	}
	for (a->head.writes = 0; a->head.writes < n; a->head.writes++) {
		memcpy(&e, entries + a->head.writes * sizeof(e), sizeof(e));
		rc = e.count ? s->target->write(s->opaque, e.region, e.offset, e.data, e.count) : 0;
		if (rc == -ESHUTDOWN)
			return ESHUTDOWN;
		if (rc < (int)e.count)
			break;
	}
	a->head_len = sizeof(a->head.writes);
	return 0;
}
