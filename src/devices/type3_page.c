/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox on a page that a host elsewhere maps. It lies in a file with the layout of the BAR, sealed
 * so that no host can be made to fault on it. With mailbox-poll the doorbell is on that page too,
 * and looked at: again and again for a moment after the last command, then less and less often.
 * Nobody looks while nobody is served.
 */
#include "devices.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"

#define US     G_GINT64_CONSTANT(1000)
#define SPIN   (1000 * US)    /* this long after a command without a pause */
#define CALM   (1000000 * US) /* then as seldom as it gets */
#define SELDOM (40000 * US)
#define PART   16         /* between: a part of how long nothing has come */
#define STEP   (100 * US) /* of a clock that is moved by hand, which no pause would keep busy */

static bool make_file(int fd)
{
	return fd >= 0 && !ftruncate(fd, CXB_DEVREGS_PAGED_BAR) &&
	       !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

static void look(void *opaque)
{
	Type3Page *p = opaque;
	const int64_t now = cxb_clock_now_ns(p->clock);
	int64_t quiet, pause;

	if (cxb_devregs_poll(*p->regs))
		p->active_ns = cxb_clock_now_ns(p->clock);
	quiet = now - p->active_ns;
	pause = quiet < SPIN ? 0 : quiet < CALM ? MIN(quiet / PART, SELDOM) : SELDOM;
	if (cxb_clock_is_virtual(p->clock))
		pause = MAX(pause, STEP);
	cxb_timer_arm(p->timer, now + pause);
}

bool cxb_type3_page_init(Type3 *t3, GError **errp)
{
	Type3Page *p = &t3->page;

	if (!t3->listener->remote)
		return !t3->mailbox_poll ||
		       cxb_fail(errp, CXB_ERROR_INVALID,
				"mailbox-poll is of devices that are served to other machines "
				"(-M x-remote)");
	p->clock = t3->listener->clock;
	p->regs = &t3->devregs;
	p->fd = memfd_create("cxlbox-mailbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (make_file(p->fd)) {
		p->bytes = mmap(NULL, CXB_DEVREGS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				p->fd, CXB_DEVREGS_PAGE_AT);
		if (p->bytes != MAP_FAILED)
			return true;
	}
	p->bytes = NULL;
	cxb_fail_errno(errp, errno, "no page for the mailbox");
	cxb_type3_page_fini(t3);
	return false;
}

void cxb_type3_page_fini(Type3 *t3)
{
	Type3Page *p = &t3->page;

	g_clear_pointer(&p->timer, cxb_timer_free);
	if (p->bytes)
		munmap(p->bytes, CXB_DEVREGS_PAGE_SIZE);
	if (p->clock && p->fd >= 0)
		close(p->fd);
	*p = (Type3Page){ 0 };
}

void cxb_type3_page_share(Type3 *t3, unsigned bar)
{
	const CxbPciShared shared = { .fd = t3->page.fd,
				      .off = CXB_DEVREGS_PAGE_AT,
				      .len = CXB_DEVREGS_PAGE_SIZE };

	if (t3->page.bytes)
		cxb_pci_share_bar(&t3->pci, bar, &shared);
}

void cxb_type3_page_served(Type3 *t3, bool by_somebody)
{
	if (!t3->mailbox_poll)
		return;
	g_clear_pointer(&t3->page.timer, cxb_timer_free);
	if (!by_somebody)
		return;
	t3->page.timer = cxb_timer_new(t3->page.clock, look, &t3->page);
	t3->page.active_ns = cxb_clock_now_ns(t3->page.clock);
	cxb_timer_arm(t3->page.timer, t3->page.active_ns);
}
