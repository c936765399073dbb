/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include <errno.h>
#include <string.h>

#include "base/trace.h"

#define NEGOTIATION_NS (10 * G_GINT64_CONSTANT(1000000000))

CXB_TRACE(vfio_user_session, (const char *name, const char *what), "%s: %s", name, what)
CXB_TRACE(vfio_user_refused, (const char *name, unsigned command, int error),
	  "%s: command %u: errno %d", name, command, error)

/* --- requests of no subject --- */

int session_get_info(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_info info;

	memcpy(&info, msg->body, sizeof(info));
	if (info.argsz < sizeof(info))
		return EINVAL;
	a->head.info = (struct vfu_info){ .argsz = sizeof(info),
					  .flags = VFU_INFO_RESET | VFU_INFO_PCI |
						   s->target->flags(s->opaque),
					  .num_regions = s->target->regions(s->opaque),
					  .num_irqs = VFU_IRQS };
	a->head_len = sizeof(info);
	return 0;
}

static int dma_map(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_dma_map map;

	memcpy(&map, msg->body, sizeof(map));
	return map.argsz < sizeof(map) ? EINVAL
				       : dma_add(s->dma, &map, msg->n_fds ? msg->fds[0] : -1);
}

static int dma_unmap(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_dma_unmap unmap;
	int rc;

	memcpy(&unmap, msg->body, sizeof(unmap));
	rc = unmap.argsz < sizeof(unmap) ? EINVAL : dma_remove(s->dma, &unmap);
	a->head.unmap = unmap;
	a->head_len = sizeof(unmap);
	return rc;
}

static int irq_info(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_irq_info info;

	memcpy(&info, msg->body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFU_IRQS)
		return EINVAL;
	a->head.irq = (struct vfu_irq_info){ .argsz = sizeof(info),
					     .flags = VFU_IRQ_EVENTFD,
					     .index = info.index,
					     .count = s->target->irqs(s->opaque, info.index) };
	a->head_len = sizeof(info);
	return 0;
}

static int set_irqs(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_set_irqs set;
	unsigned ready = 0;
	int rc;

	memcpy(&set, msg->body, sizeof(set));
	if (set.argsz < sizeof(set))
		return EINVAL;
	rc = irqs_set(s->irqs, &set, msg, &ready);
	if (ready)
		s->target->irqs_ready(s->opaque, set.index, set.start, ready);
	return rc;
}

static int reset(Session *s, CxbVfuMessage *msg, Answer *a)
{
	s->target->reset(s->opaque);
	return 0;
}

/* --- dispatch --- */

typedef struct {
	size_t len;   /* the least of a body */
	unsigned fds; /* the most there may be */
	int (*run)(Session *s, CxbVfuMessage *msg, Answer *a);
	bool asks; /* nothing comes of it but the answer */
} Command;

static const Command commands[VFU_COMMANDS] = {
	[VFU_VERSION] = { sizeof(struct vfu_version), 0, session_version },
	[VFU_DMA_MAP] = { sizeof(struct vfu_dma_map), 1, dma_map },
	[VFU_DMA_UNMAP] = { sizeof(struct vfu_dma_unmap), 0, dma_unmap },
	[VFU_GET_INFO] = { sizeof(struct vfu_info), 0, session_get_info, true },
	[VFU_GET_REGION_INFO] = { sizeof(struct vfu_region_info), 0, session_region_info, true },
	[VFU_GET_REGION_IO_FDS] = { 16, 0, session_region_io_fds, true },
	[VFU_GET_IRQ_INFO] = { sizeof(struct vfu_irq_info), 0, irq_info, true },
	[VFU_SET_IRQS] = { sizeof(struct vfu_set_irqs), MAX_FDS, set_irqs },
	[VFU_REGION_READ] = { sizeof(struct vfu_region_access), 0, session_region_read, true },
	[VFU_REGION_WRITE] = { sizeof(struct vfu_region_access), 0, session_region_write },
	[VFU_RESET] = { 0, 0, reset },
	[VFU_REGION_WRITE_MULTI] = { sizeof(uint64_t), 0, session_region_write_multi },
};

static int run(Session *s, CxbVfuMessage *msg, Answer *a)
{
	const uint16_t number = msg->header.command;
	const Command *command = number < VFU_COMMANDS ? &commands[number] : NULL;

	if ((msg->header.flags & VFU_TYPE) != VFU_TYPE_COMMAND || !command || !command->run ||
	    msg->len < command->len || msg->n_fds > command->fds)
		return EINVAL;
	if (s->negotiated == (number == VFU_VERSION))
		return EINVAL; /* it comes first, and once */
	/* Few bytes can ask for much, and whoever comes next would wait for it. */
	if (command->asks && !cxb_vfu_hears(s->conn))
		return 0;
	return command->run(s, msg, a);
}

static void answer(Session *s, const CxbVfuMessage *msg, const Answer *a, int rc)
{
	const struct vfu_header header = {
		.id = msg->header.id,
		.command = msg->header.command,
		.flags = VFU_TYPE_REPLY | (rc ? VFU_ERROR : 0),
		.error = rc,
	};
	const struct iovec iov[] = {
		{ (void *)&a->head, a->head_len },
		{ (void *)a->data, a->data_len },
	};

	/* An error is a header alone. */
	cxb_vfu_send_data(s->conn, header, iov, rc ? 0 : G_N_ELEMENTS(iov), rc ? -1 : a->fd,
			  a->data == s->data ? &s->data : NULL);
}

static void message(void *opaque, CxbVfuMessage *msg)
{
	Session *s = opaque;
	Answer a = { .fd = -1 };
	int rc;

	/* We never ask, so nobody can answer. What follows is not to be trusted. */
	if ((msg->header.flags & VFU_TYPE) == VFU_TYPE_REPLY) {
		cxb_vfu_close(s->conn, "a reply where nothing was asked");
		return;
	}
	rc = run(s, msg, &a);
	if (rc == ESHUTDOWN) {
		cxb_vfu_close(s->conn, "the device hangs up");
		return;
	}
	if (rc) {
		trace_vfio_user_refused(s->name, msg->header.command, rc);
		cxb_guest_error("%s: vfio-user command %u of %u bytes, %u descriptors: %s", s->name,
				msg->header.command, msg->header.size, msg->n_fds, g_strerror(rc));
	}
	if (!(msg->header.flags & VFU_NO_REPLY))
		answer(s, msg, &a, rc);
	if (!s->negotiated)
		cxb_vfu_close(s->conn, "no agreement on a version");
}

static void closed(void *opaque, const char *why)
{
	Session *s = opaque;

	trace_vfio_user_session(s->name, why ?: "the client went");
	s->ended(s->ended_opaque, why);
}

static void silent(void *opaque)
{
	Session *s = opaque;

	if (!s->negotiated)
		cxb_vfu_close(s->conn, "the client says nothing");
}

Session *session_new(int fd, const SessionConfig *config)
{
	static const CxbVfuConnOps ops = { .message = message, .closed = closed };
	Session *s = g_new0(Session, 1);

	s->name = g_strdup(config->name);
	s->target = config->target;
	s->opaque = config->opaque;
	s->ended = config->ended;
	s->ended_opaque = config->ended_opaque;
	s->dma = dma_new(MAX_DMA_MAPS);
	s->irqs = irqs_new();
	for (unsigned i = 0; i < VFU_IRQS; i++)
		irqs_set_count(s->irqs, i, config->target->irqs(config->opaque, i));
	s->conn = cxb_vfu_conn_new(fd, config->context, config->clock, &ops, s);
	s->patience = cxb_timer_new(config->clock, silent, s);
	cxb_timer_arm(s->patience, cxb_clock_now_ns(config->clock) + NEGOTIATION_NS);
	trace_vfio_user_session(s->name, "a client came");
	return s;
}

void session_free(Session *s)
{
	if (!s)
		return;
	cxb_vfu_conn_free(s->conn);
	cxb_timer_free(s->patience);
	irqs_free(s->irqs);
	dma_free(s->dma);
	g_free(s->data);
	g_free(s->name);
	g_free(s);
}

void session_check(Session *s)
{
	cxb_vfu_conn_check(s->conn);
}

bool session_fire(Session *s, unsigned index, unsigned vector)
{
	return irqs_fire(s->irqs, index, vector);
}
