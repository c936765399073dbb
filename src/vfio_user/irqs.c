/* SPDX-License-Identifier: Apache-2.0 */
#include "irqs.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/range.h"
#include "base/trace.h"
#include "watchdog.h"

CXB_TRACE(vfio_user_irq, (unsigned index, unsigned vector, bool told), "kind %u vector %u told %d",
	  index, vector, told)

typedef struct {
	int fd; /* -1: nobody listens */
	bool masked;
	bool pending; /* came while masked */
} Irq;

struct Irqs {
	struct {
		Irq *irqs;
		unsigned count;
	} kind[VFU_IRQS];
	Watchdog *watchdog;
};

static void forget(Irq *irq)
{
	if (irq->fd >= 0)
		close(irq->fd);
	*irq = (Irq){ .fd = -1 };
}

Irqs *irqs_new(void)
{
	Irqs *irqs = g_new0(Irqs, 1);

	irqs->watchdog = watchdog_new();
	return irqs;
}

void irqs_set_count(Irqs *irqs, unsigned index, unsigned count)
{
	irqs->kind[index].irqs = g_new0(Irq, count);
	irqs->kind[index].count = count;
	for (unsigned i = 0; i < count; i++)
		irqs->kind[index].irqs[i].fd = -1;
}

void irqs_free(Irqs *irqs)
{
	for (unsigned k = 0; k < VFU_IRQS; k++) {
		for (unsigned i = 0; i < irqs->kind[k].count; i++)
			forget(&irqs->kind[k].irqs[i]);
		g_free(irqs->kind[k].irqs);
	}
	watchdog_free(irqs->watchdog);
	g_free(irqs);
}

/* Whatever else the client may have sent could block us, or do something when it is written to. */
static bool is_eventfd(int fd)
{
	g_autofree char *name = g_strdup_printf("/proc/self/fd/%d", fd);
	char link[32];
	const ssize_t n = readlink(name, link, sizeof(link));

	return n > 0 && (size_t)n == strlen("anon_inode:[eventfd]") &&
	       memcmp(link, "anon_inode:[eventfd]", n) == 0;
}

/*
 * The client has the same file and may have made it blocking, or full. Full is as good as told. It may
 * even do both between our look and our write, with nothing in the system that would make one write of
 * ours fail instead of wait: such an eventfd costs us a millisecond, once.
 */
static void tell(Irqs *irqs, Irq *irq)
{
	struct pollfd p = { .fd = irq->fd, .events = POLLOUT };
	const uint64_t one = 1;
	int error = 0;

	g_unix_set_fd_nonblocking(irq->fd, TRUE, NULL);
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return;
	watchdog_begin(irqs->watchdog);
	if (write(irq->fd, &one, sizeof(one)) < 0)
		error = errno;
	watchdog_end(irqs->watchdog);
	if (error && error != EAGAIN) {
		cxb_guest_error("vfio-user: an eventfd is told no more: %s", g_strerror(error));
		forget(irq);
	}
}

bool irqs_fire(Irqs *irqs, unsigned index, unsigned vector)
{
	Irq *irq = vector < irqs->kind[index].count ? &irqs->kind[index].irqs[vector] : NULL;
	const bool told = irq && irq->fd >= 0;

	trace_vfio_user_irq(index, vector, told);
	if (!told)
		return false;
	if (irq->masked)
		irq->pending = true;
	else
		tell(irqs, irq);
	return true;
}

/* --- requests --- */

static bool one_bit(uint32_t flags)
{
	return flags && !(flags & (flags - 1));
}

static bool all_eventfds(const CxbVfuMessage *msg)
{
	for (unsigned i = 0; i < msg->n_fds; i++)
		if (!is_eventfd(msg->fds[i]))
			return false;
	return true;
}

/* The shape of a request, whatever it is about. */
static bool shape_ok(const Irqs *irqs, const struct vfu_set_irqs *set, const CxbVfuMessage *msg)
{
	const uint32_t data = set->flags & VFU_SET_DATA, action = set->flags & VFU_SET_ACTION;
	const size_t bytes = msg->len - sizeof(*set);

	if (set->index >= VFU_IRQS || set->flags != (data | action) || !one_bit(data) ||
	    !one_bit(action))
		return false;
	if (!set->count)
		return !set->start && set->flags == (VFU_SET_NONE | VFU_SET_TRIGGER) && !msg->n_fds;
	if (!cxb_range_in(set->start, set->count, irqs->kind[set->index].count))
		return false;
	if (set->index >= VFU_IRQ_ERR && action != VFU_SET_TRIGGER)
		return false;
	if (data == VFU_SET_BOOL && bytes != set->count)
		return false;
	if (data == VFU_SET_EVENTFD)
		/* An eventfd that masks or unmasks would have to be listened to; GET_IRQ_INFO
		 * offers none. */
		return action == VFU_SET_TRIGGER && (!msg->n_fds || msg->n_fds == set->count);
	return !msg->n_fds;
}

static void act(Irqs *irqs, const struct vfu_set_irqs *set, unsigned vector)
{
	Irq *irq = &irqs->kind[set->index].irqs[vector];

	switch (set->flags & VFU_SET_ACTION) {
	case VFU_SET_MASK:
		irq->masked = true;
		break;
	case VFU_SET_UNMASK:
		irq->masked = false;
		if (irq->pending)
			irqs_fire(irqs, set->index, vector);
		irq->pending = false;
		break;
	case VFU_SET_TRIGGER: /* a loop back */
		irqs_fire(irqs, set->index, vector);
		break;
	}
}

static void listen_to(Irqs *irqs, const struct vfu_set_irqs *set, CxbVfuMessage *msg)
{
	for (unsigned i = 0; i < set->count; i++) {
		Irq *irq = &irqs->kind[set->index].irqs[set->start + i];

		forget(irq);
		irq->fd = cxb_vfu_take_fd(msg, i);
	}
}

int irqs_set(Irqs *irqs, const struct vfu_set_irqs *set, CxbVfuMessage *msg, unsigned *ready)
{
	const uint8_t *bools = msg->body + sizeof(*set);

	if (!shape_ok(irqs, set, msg) || !all_eventfds(msg))
		return EINVAL;
	if (!set->count) {
		for (unsigned i = 0; i < irqs->kind[set->index].count; i++)
			forget(&irqs->kind[set->index].irqs[i]);
		return 0;
	}
	if (set->flags & VFU_SET_EVENTFD) {
		listen_to(irqs, set, msg);
		*ready = msg->n_fds;
		return 0;
	}
	for (unsigned i = 0; i < set->count; i++)
		if (!(set->flags & VFU_SET_BOOL) || bools[i])
			act(irqs, set, set->start + i);
	return 0;
}
