/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that do as they like with a device of machine x-remote, which is one with memory or an
 * accelerator: requests that make sense
 * and such that do not, bare bytes, descriptors of all kinds, writes to the page that they map.
 *
 * Input: a byte of options, then records of 16 bytes: what (see enum), flags, descriptors, how many
 * bytes follow the record, three words.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/rdwr.h"
#include "function.h"
#include "fuzz.h"
#include "machine/machine.h"
#include "open_files.h"
#include "type2.h"
#include "wire/regs.h"

#define RECORDS_MAX 512
#define HEADER      sizeof(struct vfu_header)
#define SECOND      G_GINT64_CONSTANT(1000000000)
#define MAILBOX_BAR 2
#define ENGINE_BAR  2

#define ENGINE_STATUS 0x48
#define ENGINE_ABORT  0x50
#define SLICE         G_GINT64_CONSTANT(100000) /* of the engine's work, ns */
#define SLICES_MAX    32

/* The first byte: an accelerator has other bits than a memory device. */
enum { POLLED = 1, MSI = 2, SILENT = 4, CAPACITY = 8, ACCELERATOR = 16 };
enum { BARE = 8, UNCOMMITTED = 32, EMULATED = 64 };

typedef struct {
	uint8_t what, flags;
	uint8_t fds; /* how many: low nibble; which: high nibble, bit 7: each another */
	uint8_t n;
	uint32_t w[3];
} Record;

enum {
	BYTES,    /* that follow */
	MESSAGE,  /* command; body follows */
	LIE,      /* command, size that is said */
	READ,     /* region, offset, count */
	WRITE,    /* region, offset; data follow */
	MULTI,    /* entries follow: see Entry */
	IRQS,     /* index, start, count; more follows */
	MAP,      /* address, size, offset: pages */
	UNMAP,    /* address, size: pages */
	COMMAND,  /* of the mailbox: opcode; payload follows */
	SCRIBBLE, /* on the page that is mapped: offset; bytes follow */
	LISTEN,   /* what was answered is read */
	TIME,     /* 10 ms */
	GO,       /* the client goes: how, see go() */
	HAPPEN,   /* something comes from the device: what, see happen() */
	RUN,      /* the loop runs */
	RECORDS
};

typedef struct __attribute__((packed)) {
	uint8_t region, count;
	uint32_t offset;
	uint8_t data[8];
} Entry;

enum { KIND_EVENT, KIND_FULL, KIND_RAM, KIND_PIPE, KIND_NULL, KIND_SELF, KINDS };

typedef struct {
	CxbMachine *m;
	GMainContext *context;
	CxbPciDev *dev;
	Function *function;
	Session *session;
	uint8_t *page; /* NULL: there is none */
	size_t page_size;
	CxbRegion *engine; /* NULL: there is none */
	unsigned slices;
	uint32_t payload_at; /* in MAILBOX_BAR */
	int peer;
	GByteArray *heard; /* bytes of replies */
	uint16_t id;
	int kinds[KINDS], pipe_out;
	bool negotiate;
} World;

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* --- the client --- */

static void run(World *w)
{
	for (unsigned i = 0; i < 64 && g_main_context_iteration(w->context, FALSE); i++)
		;
}

static void client_gone(void *opaque, const char *why)
{
	World *w = opaque;

	function_set_session(w->function, NULL);
	g_clear_pointer(&w->session, session_free);
}

/* Whole replies, one behind the other; what is left is the beginning of one. */
static void check_replies(World *w)
{
	struct vfu_header h;
	guint at = 0;

	for (; w->heard->len - at >= HEADER; at += h.size) {
		memcpy(&h, w->heard->data + at, HEADER);
		must(h.size >= HEADER && h.size <= CXB_VFU_MESSAGE_MAX);
		must((h.flags & ~VFU_ERROR) == VFU_TYPE_REPLY);
		must(h.flags & VFU_ERROR ? h.size == HEADER && h.error : !h.error);
		if (w->heard->len - at < h.size)
			break;
	}
	g_byte_array_remove_range(w->heard, 0, at);
}

static void hear(World *w)
{
	static uint8_t buf[1 << 18];
	char control[CMSG_SPACE(4 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	ssize_t n;

	for (;;) {
		struct msghdr msg = { .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = control,
				      .msg_controllen = sizeof(control) };
		struct cmsghdr *c;
		int fd;

		n = recvmsg(w->peer, &msg, MSG_DONTWAIT);
		if (n <= 0)
			break;
		g_byte_array_append(w->heard, buf, n);
		c = CMSG_FIRSTHDR(&msg);
		if (c) {
			must(c->cmsg_len == CMSG_LEN(sizeof(int)));
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
			close(fd);
		}
		run(w);
	}
	check_replies(w);
}

static void put(World *w, const void *bytes, size_t len, uint8_t which)
{
	char control[CMSG_SPACE(15 * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (void *)bytes, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	const unsigned n = which & 0xf;
	int fds[15];

	for (unsigned i = 0; i < n; i++)
		fds[i] = w->kinds[((which >> 4) + (which & 0x80 ? i : 0)) % KINDS];
	if (n) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		*c = (struct cmsghdr){ CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	}
	if (!len)
		return;
	if (sendmsg(w->peer, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EAGAIN) {
		run(w);
		sendmsg(w->peer, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
}

static void say(World *w, unsigned command, unsigned flags, uint8_t fds, const void *head,
		size_t head_len, const void *body, size_t len)
{
	const struct vfu_header h = { w->id++, command, HEADER + head_len + len, flags, 0 };
	g_autoptr(GByteArray) m = g_byte_array_new();

	g_byte_array_append(m, (const void *)&h, HEADER);
	if (head_len)
		g_byte_array_append(m, head, head_len);
	if (len)
		g_byte_array_append(m, body, len);
	put(w, m->data, m->len, fds);
}

static void connect_client(World *w)
{
	const SessionConfig config = {
		.name = "fuzz",
		.context = w->context,
		.clock = cxb_machine_clock(w->m),
		.target = &function_ops,
		.opaque = w->function,
		.ended = client_gone,
		.ended_opaque = w,
	};
	const struct vfu_version version = { VFU_MAJOR, VFU_MINOR };
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	w->peer = w->kinds[KIND_SELF] = fds[1];
	g_byte_array_set_size(w->heard, 0);
	w->session = session_new(fds[0], &config);
	function_set_session(w->function, w->session);
	if (w->negotiate)
		say(w, VFU_VERSION, 0, 0, &version, sizeof(version), NULL, 0);
}

/* The client goes in one way or another, and the next one comes. */
static void go(World *w, unsigned how)
{
	if (how % 4 == 1)
		shutdown(w->peer, SHUT_WR);
	else if (how % 4 == 2)
		shutdown(w->peer, SHUT_RD);
	else
		close(w->peer);
	if (w->session && how & 4)
		session_check(w->session);
	if (how & 8)
		run(w);
	if (w->session && how % 4 == 0)
		session_check(w->session);
	if (w->session)
		client_gone(w, NULL);
	if (how % 4 == 1 || how % 4 == 2)
		close(w->peer);
	connect_client(w);
}

/* --- records --- */

static void access_region(World *w, const Record *r, bool write, uint32_t region, uint64_t off,
			  uint32_t count, const void *data)
{
	const struct vfu_region_access access = { off, region, count };

	say(w, write ? VFU_REGION_WRITE : VFU_REGION_READ, r->flags, r->fds, &access,
	    sizeof(access), data, write ? count : 0);
}

static void multi(World *w, const Record *r, const uint8_t *bytes)
{
	struct vfu_write_multi_entry entries[256 / sizeof(Entry)];
	const uint64_t n = r->n / sizeof(Entry);
	const uint64_t said = n + (r->w[0] & 1 ? r->w[1] : 0);

	for (unsigned i = 0; i < n; i++) {
		Entry e;

		memcpy(&e, bytes + i * sizeof(e), sizeof(e));
		entries[i] = (struct vfu_write_multi_entry){ e.offset, e.region, e.count, { 0 } };
		memcpy(entries[i].data, e.data, sizeof(e.data));
	}
	say(w, VFU_REGION_WRITE_MULTI, r->flags, r->fds, &said, sizeof(said), entries,
	    n * sizeof(entries[0]));
}

static void irqs(World *w, const Record *r, const uint8_t *bytes)
{
	const struct vfu_set_irqs set = { sizeof(set), r->flags, r->w[0], r->w[1], r->w[2] };

	say(w, VFU_SET_IRQS, 0, r->fds, &set, sizeof(set), bytes, r->n);
}

static void memory(World *w, const Record *r)
{
	const uint64_t address = (uint64_t)r->w[0] << 12, size = (uint64_t)r->w[1] << 12;
	const struct vfu_dma_map map = { sizeof(map), r->flags, (uint64_t)r->w[2] << 12, address,
					 size };
	const struct vfu_dma_unmap unmap = { sizeof(unmap), r->flags, address, size };

	if (r->what == MAP)
		say(w, VFU_DMA_MAP, 0, r->fds, &map, sizeof(map), NULL, 0);
	else
		say(w, VFU_DMA_UNMAP, 0, r->fds, &unmap, sizeof(unmap), NULL, 0);
}

static void command(World *w, const Record *r, const uint8_t *bytes)
{
	const uint64_t cmd = (r->w[0] & 0xffff) | (uint64_t)r->n << 16;
	const uint32_t bell = 1 | (r->w[1] & 6);

	access_region(w, r, true, MAILBOX_BAR, w->payload_at, r->n, bytes);
	access_region(w, r, true, MAILBOX_BAR, w->payload_at - WIRE_MBOX_PAYLOAD + WIRE_MBOX_CMD, 8,
		      &cmd);
	access_region(w, r, true, MAILBOX_BAR, w->payload_at - WIRE_MBOX_PAYLOAD + WIRE_MBOX_CTRL,
		      4, &bell);
}

static void scribble(World *w, const Record *r, const uint8_t *bytes)
{
	const uint32_t at = w->page ? r->w[0] % w->page_size : 0;

	if (w->page)
		memcpy(w->page + at, bytes, MIN(r->n, w->page_size - at));
}

static bool busy(World *w)
{
	uint64_t status = 0;

	return w->engine && cxb_region_read(w->engine, ENGINE_STATUS, &status, 4) == CXB_MEM_OK &&
	       (status & 1);
}

/* What an engine does takes time of ours, too: an input has so much of it. */
static void pass(World *w, int64_t ns)
{
	CxbClock *clock = cxb_machine_clock(w->m);
	const int64_t until = cxb_clock_now_ns(clock) + ns;
	const uint32_t abort_it = 1;

	for (; cxb_clock_now_ns(clock) < until && w->slices && busy(w); w->slices--)
		cxb_clock_advance(clock, MIN(cxb_clock_now_ns(clock) + SLICE, until));
	if (!w->slices && busy(w))
		cxb_region_write(w->engine, ENGINE_ABORT, &abort_it, 4);
	cxb_clock_advance(clock, until);
}

/* What is wrong with an accelerator from now on, and with which of its accesses. */
static void fault(World *w, const Record *r)
{
	CxbObject *obj = &w->dev->dev.obj;
	g_autofree char *at = g_strdup_printf("%u", r->w[1] >> 8 & 0xff);

	if (!w->engine)
		return;
	must(cxb_object_set_text(obj, "fault-at", at, NULL));
	cxb_object_set_text(obj, "fault", cxb_type2_faults[(r->w[1] & 0xff) % TYPE2_FAULTS], NULL);
}

static void happen(World *w, const Record *r)
{
	switch (r->w[0] % 4) {
	case 0:
		cxb_pci_notify(w->dev, r->w[1] & 15);
		break;
	case 1:
		cxb_machine_reset(w->m, CXB_RESET_QMP);
		break;
	case 2: /* the reset of a slot */
		cxb_device_reset(&w->dev->dev, CXB_RESET_HOT);
		break;
	case 3:
		fault(w, r);
		break;
	}
}

static void lie(World *w, const Record *r, const uint8_t *bytes)
{
	const struct vfu_header h = { w->id++, r->w[0], r->w[1], r->flags, r->w[2] };
	uint8_t all[HEADER + 255];

	memcpy(all, &h, HEADER);
	memcpy(all + HEADER, bytes, r->n);
	put(w, all, HEADER + r->n, r->fds);
}

static void step(World *w, const Record *r, const uint8_t *bytes)
{
	switch (r->what % RECORDS) {
	case BYTES:
		put(w, bytes, r->n, r->fds);
		break;
	case MESSAGE:
		say(w, r->w[0], r->flags, r->fds, NULL, 0, bytes, r->n);
		break;
	case LIE:
		lie(w, r, bytes);
		break;
	case READ:
		access_region(w, r, false, r->w[0], r->w[1], r->w[2], NULL);
		break;
	case WRITE:
		access_region(w, r, true, r->w[0], r->w[1], r->n, bytes);
		break;
	case MULTI:
		multi(w, r, bytes);
		break;
	case IRQS:
		irqs(w, r, bytes);
		break;
	case MAP:
	case UNMAP:
		memory(w, r);
		break;
	case COMMAND:
		command(w, r, bytes);
		break;
	case SCRIBBLE:
		scribble(w, r, bytes);
		break;
	case LISTEN:
		hear(w);
		break;
	case TIME:
		pass(w, (r->w[0] & 0xfff) * SECOND / 100);
		break;
	case GO:
		go(w, r->w[0]);
		break;
	case HAPPEN:
		happen(w, r);
		break;
	}
	run(w);
	if (!w->session)
		go(w, 0);
}

/* --- the world --- */

static void add(World *w, const char *text, bool device)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse(text, device ? "driver" : "qom-type", false, NULL);

	if (device)
		must(cxb_device_add(cxb_machine_qom(w->m), opts, false, NULL));
	else
		must(cxb_user_object_add(cxb_machine_qom(w->m), opts, NULL));
}

static void add_accelerator(World *w, unsigned options)
{
	g_autofree char *text =
		g_strdup_printf("cxl-type2,id=t2,memdev=vm,profile=%s%s%s",
				options & EMULATED ? "emulated" : "absorbed",
				options & UNCOMMITTED ? ",firmware-committed=off" : "",
				options & BARE ? ",component-at=all,cache=off,flr=off" : "");

	add(w, text, true);
	w->dev = CXB_PCI_DEV(cxb_device_find(cxb_machine_qom(w->m), "t2", NULL));
	w->engine = w->dev->bars[ENGINE_BAR].region;
	w->slices = SLICES_MAX;
}

static void add_memory(World *w, unsigned options)
{
	g_autofree char *text = g_strdup_printf(
		"cxl-type3,id=t3,sn=1%s%s%s", options & POLLED ? ",mailbox-poll=on" : "",
		options & MSI ? ",msix=off" : "",
		options & CAPACITY ? ",num-dc-regions=1,dc-regions-total-size=256M"
				   : ",volatile-memdev=vm,lsa=lsa");

	add(w, "memory-backend-ram,id=lsa,size=1M", false);
	add(w, text, true);
	w->dev = CXB_PCI_DEV(cxb_device_find(cxb_machine_qom(w->m), "t3", NULL));
	w->payload_at =
		w->dev->bars[MAILBOX_BAR].shared.off + (options & POLLED ? WIRE_MBOX_PAYLOAD : 0);
}

static void add_device(World *w, unsigned options)
{
	add(w, "memory-backend-ram,id=vm,size=256M", false);
	if (options & ACCELERATOR)
		add_accelerator(w, options);
	else
		add_memory(w, options);
}

static void map_page(World *w)
{
	const CxbPciShared *shared = &w->dev->bars[MAILBOX_BAR].shared;

	if (!shared->len)
		return;
	w->page_size = shared->len;
	w->page = mmap(NULL, shared->len, PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd,
		       shared->off);
	must(w->page != MAP_FAILED);
}

static void make_kinds(World *w)
{
	const uint64_t full = UINT64_MAX - 1;
	int ends[2];

	w->kinds[KIND_EVENT] = eventfd(0, EFD_CLOEXEC);
	w->kinds[KIND_FULL] = eventfd(0, EFD_CLOEXEC);
	must(write(w->kinds[KIND_FULL], &full, sizeof(full)) == sizeof(full));
	w->kinds[KIND_RAM] = memfd_create("ram", MFD_CLOEXEC);
	must(!ftruncate(w->kinds[KIND_RAM], 1 << 20));
	must(!pipe2(ends, O_CLOEXEC));
	w->pipe_out = ends[0];
	w->kinds[KIND_PIPE] = ends[1];
	w->kinds[KIND_NULL] = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void world_init(World *w, unsigned options)
{
	g_autoptr(CxbOpts) opts = cxb_opts_parse("x-remote", "type", false, NULL);

	w->context = g_main_context_new();
	w->heard = g_byte_array_new();
	w->negotiate = !(options & SILENT);
	w->m = cxb_machine_new(&(CxbMachineConfig){ .context = w->context, .virtual_clock = true });
	must(cxb_machine_set_opts(w->m, opts, NULL));
	must(cxb_machine_create(w->m, NULL));
	add_device(w, options);
	must(cxb_machine_done(w->m, NULL));
	map_page(w);
	make_kinds(w);
	w->function = function_new(w->dev, "fuzz", NULL);
	must(w->function);
	connect_client(w);
}

static void world_fini(World *w)
{
	hear(w);
	if (w->session)
		client_gone(w, NULL);
	function_free(w->function);
	for (unsigned i = 0; i < KINDS; i++)
		close(w->kinds[i]); /* the client's end among them */
	close(w->pipe_out);
	if (w->page)
		munmap(w->page, w->page_size);
	cxb_machine_free(w->m);
	g_byte_array_unref(w->heard);
	g_main_context_unref(w->context);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CxbRd rd = { data, size };
	const uint8_t *options = cxb_rd_take(&rd, 1), *bytes;
	World w = { 0 };
	unsigned before;
	Record r;

	if (!options)
		return 0;
	g_main_context_default(); /* has a descriptor, once */
	before = open_files();
	world_init(&w, *options);
	for (unsigned i = 0; i < RECORDS_MAX && cxb_rd_copy(&rd, &r, sizeof(r)); i++) {
		bytes = cxb_rd_take(&rd, r.n);
		if (!bytes)
			break;
		step(&w, &r, bytes);
	}
	world_fini(&w);
	must(open_files() == before);
	return 0;
}
