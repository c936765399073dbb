/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupts of a device that is passed through: an eventfd for each vector that software has switched
 * on and unmasked. Masks and pending bits after that are ours: what is signalled is passed on, or kept,
 * as if the function were here. Vectors nobody has unmasked yet are the device's to keep.
 */
#include "vfio.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/trace.h"

#define TAKE_MAX 64

CXB_TRACE(vfio_irq_listen, (const char *dev, unsigned kind, unsigned first, unsigned n),
	  "%s: kind %u vectors from %u on, %u", dev, kind, first, n)
CXB_TRACE(vfio_irq_take, (const char *dev, unsigned kind, unsigned vector), "%s: kind %u vector %u",
	  dev, kind, vector)

#define NONE CXB_VFIO_IRQS

struct VfioIrqs {
	CxbVfioIrq info[CXB_VFIO_IRQS]; /* of MSI and MSI-X */
	unsigned kind;                  /* that is listened to; NONE */
	int *fds;                       /* of it: one for each vector, -1: nobody listens */
	int epoll;                      /* all of them */
	GSource *source;
	bool taking;
	bool failing; /* to listen, which has been told */
};

/* --- eventfds --- */

static int listen_fd(VfioIrqs *irqs, unsigned vector)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = vector };
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd >= 0 && epoll_ctl(irqs->epoll, EPOLL_CTL_ADD, fd, &ev) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void forget(VfioIrqs *irqs, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		if (irqs->fds[i] < 0)
			continue;
		/* To close it is not enough: the device has it, too, and could wake us for ever. */
		epoll_ctl(irqs->epoll, EPOLL_CTL_DEL, irqs->fds[i], NULL);
		close(irqs->fds[i]);
		irqs->fds[i] = -1;
	}
}

/* Nobody listens to [first, first + n) yet. */
static void arm(VfioPci *v, unsigned first, unsigned n)
{
	VfioIrqs *irqs = v->irqs;
	const CxbVfioIrqSet set = { irqs->kind, CXB_VFIO_IRQ_LISTEN, first, n, irqs->fds + first };
	int err = 0;

	for (unsigned i = first; i < first + n && !err; i++) {
		irqs->fds[i] = listen_fd(irqs, i);
		if (irqs->fds[i] < 0)
			err = errno;
	}
	trace_vfio_irq_listen(v->path, irqs->kind, first, n);
	if (!err)
		err = cxb_vfio_set_irqs(v->dev, &set);
	if (err)
		forget(irqs, first, n);
	if (err && !irqs->failing && !v->dev->lost)
		vfio_report(v, "interrupts %u to %u of kind %u cannot be listened to: %s", first,
			    first + n - 1, irqs->kind, g_strerror(err));
	irqs->failing = err;
}

static void disarm(VfioPci *v)
{
	VfioIrqs *irqs = v->irqs;
	const CxbVfioIrqSet set = { irqs->kind, CXB_VFIO_IRQ_DISABLE };

	if (irqs->kind == NONE)
		return;
	cxb_vfio_set_irqs(v->dev, &set);
	forget(irqs, 0, irqs->info[irqs->kind].count);
	g_clear_pointer(&irqs->fds, g_free);
	irqs->kind = NONE;
}

/* --- what is to be listened to --- */

static bool wanted(const VfioPci *v, unsigned vector)
{
	const VfioIrqs *irqs = v->irqs;

	if (irqs->fds[vector] >= 0)
		return false;
	if (irqs->kind == CXB_VFIO_MSI)
		return vector < cxb_msi_allowed(&v->pci);
	/* All at once, or never. */
	return irqs->info[CXB_VFIO_MSIX].flags & CXB_VFIO_IRQ_NORESIZE ||
	       cxb_msix_open(&v->pci, vector);
}

static void arm_wanted(VfioPci *v)
{
	const unsigned count = v->irqs->info[v->irqs->kind].count;

	for (unsigned first = 0, n; first < count; first += n + 1) {
		for (n = 0; first + n < count && wanted(v, first + n); n++)
			;
		if (n)
			arm(v, first, n);
	}
}

static unsigned kind_wanted(const VfioPci *v)
{
	if (cxb_msix_enabled(&v->pci))
		return CXB_VFIO_MSIX;
	return cxb_msi_allowed(&v->pci) ? CXB_VFIO_MSI : NONE;
}

void vfio_irqs_update(VfioPci *v)
{
	VfioIrqs *irqs = v->irqs;
	const unsigned kind = kind_wanted(v);

	if (!irqs || v->dev->lost)
		return;
	if (kind != irqs->kind) {
		disarm(v);
		irqs->kind = kind;
		if (kind != NONE) {
			irqs->fds = g_new(int, irqs->info[kind].count);
			memset(irqs->fds, 0xff, irqs->info[kind].count * sizeof(*irqs->fds));
		}
	}
	if (kind != NONE)
		arm_wanted(v);
}

void vfio_irqs_update_vector(VfioPci *v, unsigned vector)
{
	if (v->irqs->kind == CXB_VFIO_MSIX && !v->dev->lost && wanted(v, vector)) {
		arm(v, vector, 1);
		vfio_irqs_take(v);
	}
}

/* --- what has been raised --- */

void vfio_irqs_take(VfioPci *v)
{
	struct epoll_event evs[TAKE_MAX];
	VfioIrqs *irqs = v->irqs;
	uint64_t times;
	int n;

	/* A message may come back as an access: what that raises has its turn later. */
	if (!irqs || irqs->kind == NONE || irqs->taking)
		return;
	irqs->taking = true;
	n = epoll_wait(irqs->epoll, evs, TAKE_MAX, 0);
	for (int i = 0; i < n; i++) {
		const unsigned vector = evs[i].data.u32;

		/* One that was passed on may have switched others off. */
		if (irqs->kind == NONE || vector >= irqs->info[irqs->kind].count ||
		    irqs->fds[vector] < 0 ||
		    read(irqs->fds[vector], &times, sizeof(times)) != sizeof(times))
			continue;
		trace_vfio_irq_take(v->path, irqs->kind, vector);
		cxb_pci_notify(&v->pci, vector);
	}
	irqs->taking = false;
}

static gboolean raised(int fd, GIOCondition cond, gpointer data)
{
	vfio_irqs_take(data);
	return G_SOURCE_CONTINUE;
}

/* --- life --- */

static bool ask_kind(VfioPci *v, unsigned kind, unsigned vectors, GError **errp)
{
	CxbVfioIrq *info = &v->irqs->info[kind];

	if (!vectors)
		return true;
	if (!cxb_vfio_irq(v->dev, kind, info, errp))
		return false;
	if (info->count < vectors || !(info->flags & CXB_VFIO_IRQ_EVENTFD))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"%u interrupts of kind %u, flags 0x%x, are not the %u of its "
				"capability",
				info->count, kind, info->flags, vectors);
	info->count = vectors;
	return true;
}

bool vfio_irqs_init(VfioPci *v, GError **errp)
{
	VfioIrqs *irqs = v->irqs = g_new0(VfioIrqs, 1);

	irqs->kind = NONE;
	irqs->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (irqs->epoll < 0)
		return cxb_fail_errno(errp, errno, "no descriptor is left for interrupts");
	irqs->source = g_unix_fd_source_new(irqs->epoll, G_IO_IN);
	g_source_set_callback(irqs->source, G_SOURCE_FUNC(raised), v, NULL);
	g_source_attach(irqs->source, v->listener->context);
	return ask_kind(v, CXB_VFIO_MSI, cxb_msi_vectors(&v->pci), errp) &&
	       ask_kind(v, CXB_VFIO_MSIX, cxb_msix_vectors(&v->pci), errp);
}

void vfio_irqs_fini(VfioPci *v)
{
	VfioIrqs *irqs = v->irqs;

	if (!irqs)
		return;
	disarm(v);
	if (irqs->source) {
		g_source_destroy(irqs->source);
		g_source_unref(irqs->source);
	}
	if (irqs->epoll >= 0)
		close(irqs->epoll);
	g_clear_pointer(&v->irqs, g_free);
}
