/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of vfio-user against a peer whose answers lie ready before they are asked for, so that
 * one thread will do. What the client asked is read afterwards.
 */
#include "vfio/user.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "open_files.h"
#include "vfu/conn.h"

#define HEADER sizeof(struct vfu_header)

typedef struct {
	GMainContext *context;
	CxbClock *clock;
	int peer;
	uint16_t id; /* of the answer that lies ready last */
	CxbVfioDevice *dev;
	unsigned lost;
	char *why;
	uint8_t memory[256]; /* from IOVA 0x1000 on */
	unsigned fds_before;
	/* What was read last. */
	struct vfu_header header;
	uint8_t body[4096];
	size_t len;
	int fds[CXB_VFU_FDS_MAX];
	unsigned n_fds;
} Fixture;

/* --- the client --- */

static void on_lost(void *opaque, const char *why)
{
	Fixture *f = opaque;

	f->lost++;
	f->why = g_strdup(why);
}

static int dma_read(void *opaque, uint64_t iova, void *buf, size_t len)
{
	Fixture *f = opaque;

	if (iova < 0x1000 || iova + len > 0x1000 + sizeof(f->memory))
		return EFAULT;
	memcpy(buf, f->memory + (iova - 0x1000), len);
	return 0;
}

static int dma_write(void *opaque, uint64_t iova, const void *buf, size_t len)
{
	Fixture *f = opaque;

	if (iova < 0x1000 || iova + len > 0x1000 + sizeof(f->memory))
		return EFAULT;
	memcpy(f->memory + (iova - 0x1000), buf, len);
	return 0;
}

static const CxbVfioClient client = { on_lost, dma_read, dma_write };

/* --- the peer --- */

static void put(Fixture *f, struct vfu_header header, const void *a, size_t a_len, const void *b,
		size_t b_len, const int *fds, unsigned n_fds)
{
	struct iovec iov[] = { { &header, sizeof(header) },
			       { (void *)a, a_len },
			       { (void *)b, b_len } };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = { 0 };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	if (!header.size)
		header.size = HEADER + a_len + b_len;
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	g_assert_cmpint(sendmsg(f->peer, &msg, 0), ==, HEADER + a_len + b_len);
}

/* The answer to the next question. */
static void answer(Fixture *f, uint16_t command, const void *a, size_t a_len, const void *b,
		   size_t b_len)
{
	put(f, (struct vfu_header){ ++f->id, command, 0, VFU_TYPE_REPLY, 0 }, a, a_len, b, b_len,
	    NULL, 0);
}

static void answer_fd(Fixture *f, uint16_t command, const void *a, size_t a_len, const void *b,
		      size_t b_len, int fd)
{
	put(f, (struct vfu_header){ ++f->id, command, 0, VFU_TYPE_REPLY, 0 }, a, a_len, b, b_len,
	    &fd, 1);
}

static void answer_error(Fixture *f, uint16_t command, uint32_t error)
{
	put(f, (struct vfu_header){ ++f->id, command, 0, VFU_TYPE_REPLY | VFU_ERROR, error }, NULL,
	    0, NULL, 0, NULL, 0);
}

static void close_fds(Fixture *f)
{
	for (unsigned i = 0; i < f->n_fds; i++)
		close(f->fds[i]);
	f->n_fds = 0;
}

/* The next thing that the client sent. */
static void asked(Fixture *f, uint16_t command)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(CXB_VFU_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { &f->header, sizeof(f->header) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c;

	close_fds(f);
	g_assert_cmpint(recvmsg(f->peer, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), ==, HEADER);
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		f->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(f->fds, CMSG_DATA(c), f->n_fds * sizeof(int));
	}
	g_assert_cmpuint(f->header.command, ==, command);
	f->len = f->header.size - HEADER;
	g_assert_cmpuint(f->len, <=, sizeof(f->body));
	if (f->len)
		g_assert_cmpint(recv(f->peer, f->body, f->len, MSG_DONTWAIT), ==, f->len);
}

static void asked_nothing_more(Fixture *f)
{
	char c;

	g_assert_cmpint(recv(f->peer, &c, 1, MSG_DONTWAIT), <=, 0);
}

/* --- fixture --- */

static const char good_caps[] = "{\"capabilities\":{\"max_msg_fds\":2,\"max_data_xfer_size\":64,"
				"\"pgsizes\":4096,\"max_dma_maps\":2}}";

static void setup(Fixture *f, gconstpointer unused)
{
	f->context = g_main_context_new();
	f->clock = cxb_clock_new_virtual();
	f->fds_before = open_files();
	f->peer = -1;
}

static CxbVfioDevice *try_open(Fixture *f, int fd, unsigned timeout_ms, GError **errp)
{
	const CxbVfioUserConfig config = { .path = "/nowhere",
					   .context = f->context,
					   .clock = f->clock,
					   .timeout_ms = timeout_ms,
					   .client = &client,
					   .opaque = f };

	return cxb_vfio_open_user_fd(fd, &config, errp);
}

static int new_peer(Fixture *f)
{
	int fds[2];

	if (f->peer >= 0)
		close(f->peer);
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	f->peer = fds[1];
	f->id = 0;
	return fds[0];
}

static void agree(Fixture *f, const char *caps)
{
	const struct vfu_version version = { 0, 0 };

	answer(f, VFU_VERSION, &version, sizeof(version), caps, caps ? strlen(caps) + 1 : 0);
}

static const struct vfu_info good_info = { sizeof(good_info), VFU_INFO_PCI | VFU_INFO_RESET, 10,
					   5 };

static void open_device(Fixture *f)
{
	const int fd = new_peer(f);

	agree(f, good_caps);
	answer(f, VFU_GET_INFO, &good_info, sizeof(good_info), NULL, 0);
	f->dev = try_open(f, fd, 20, NULL);
	g_assert_nonnull(f->dev);
	asked(f, VFU_VERSION);
	g_assert_cmpint(f->body[f->len - 1], ==, 0);
	asked(f, VFU_GET_INFO);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_vfio_free(f->dev);
	close_fds(f);
	if (f->peer >= 0)
		close(f->peer);
	g_assert_cmpuint(open_files(), ==, f->fds_before);
	cxb_clock_free(f->clock);
	g_main_context_unref(f->context);
	g_free(f->why);
}

static void assert_lost(Fixture *f, const char *why)
{
	uint8_t byte;

	g_assert_cmpuint(f->lost, ==, 1);
	if (!strstr(f->why, why))
		g_error("\"%s\" does not say \"%s\"", f->why, why);
	g_assert_cmpint(cxb_vfio_read(f->dev, 0, 0, &byte, 1), ==, ENODEV);
	g_assert_cmpint(cxb_vfio_reset(f->dev), ==, ENODEV);
	while (g_main_context_iteration(f->context, FALSE))
		;
	g_assert_cmpuint(f->lost, ==, 1);
}

/* --- opening --- */

static void test_open(Fixture *f, gconstpointer unused)
{
	open_device(f);
	g_assert_cmphex(f->dev->info.flags, ==, CXB_VFIO_DEVICE_PCI | CXB_VFIO_DEVICE_RESET);
	g_assert_cmpuint(f->dev->info.n_regions, ==, 10);
	g_assert_cmpuint(f->dev->info.n_irqs, ==, 5);
	g_assert_cmpuint(f->dev->dma_page, ==, 4096);
	g_assert_cmpuint(f->dev->dma_max, ==, 2);
}

static void open_refused(Fixture *f, int fd, const char *why)
{
	g_autoptr(GError) err = NULL;

	g_assert_null(try_open(f, fd, 20, &err));
	if (!strstr(err->message, why))
		g_error("\"%s\" does not say \"%s\"", err->message, why);
	g_assert_cmpuint(f->lost, ==, 0);
}

static void test_bad_versions(Fixture *f, gconstpointer unused)
{
	static const struct {
		const char *caps, *why;
	} bad[] = {
		{ "[]", "no JSON object" },
		{ "3", "no JSON object" },
		{ "{\"capabilities\":[]}", "no JSON object" },
		{ "{", "its capabilities: " },
		{ "{\"capabilities\":{\"max_msg_fds\":0}}", "max_msg_fds" },
		{ "{\"capabilities\":{\"max_msg_fds\":\"2\"}}", "max_msg_fds" },
		{ "{\"capabilities\":{\"max_data_xfer_size\":7}}", "max_data_xfer_size" },
		{ "{\"capabilities\":{\"max_data_xfer_size\":-1}}", "max_data_xfer_size" },
		{ "{\"capabilities\":{\"max_data_xfer_size\":1.5}}", "max_data_xfer_size" },
		{ "{\"capabilities\":{\"pgsizes\":0}}", "pgsizes" },
		{ "{\"capabilities\":{\"pgsizes\":4097}}", "pgsizes" },
		{ "{\"capabilities\":{\"max_dma_maps\":0}}", "max_dma_maps" },
		{ "{\"capabilities\":{\"max_dma_maps\":[]}}", "max_dma_maps" },
	};
	const struct vfu_version versions[] = { { 1, 0 }, { 0, VFU_MINOR + 1 } };
	int fd;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		fd = new_peer(f);
		agree(f, bad[i].caps);
		open_refused(f, fd, bad[i].why);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(versions); i++) {
		fd = new_peer(f);
		answer(f, VFU_VERSION, &versions[i], sizeof(versions[i]), NULL, 0);
		open_refused(f, fd, "it speaks version");
	}
	fd = new_peer(f);
	answer(f, VFU_VERSION, &versions[0], 2, NULL, 0);
	open_refused(f, fd, "an answer to command 1 has 18 bytes");
	fd = new_peer(f);
	answer(f, VFU_VERSION, &(struct vfu_version){ 0, 0 }, 4, "{}", 2); /* no NUL */
	open_refused(f, fd, "no text");
	fd = new_peer(f);
	answer_error(f, VFU_VERSION, EACCES);
	open_refused(f, fd, g_strerror(EACCES));
	fd = new_peer(f);
	shutdown(f->peer, SHUT_WR);
	open_refused(f, fd, "it has gone");
	fd = new_peer(f);
	open_refused(f, fd, "no answer to command 1 within 20 ms");
}

static void test_bare_version(Fixture *f, gconstpointer unused)
{
	const int fd = new_peer(f);

	agree(f, NULL);
	answer(f, VFU_GET_INFO, &good_info, sizeof(good_info), NULL, 0);
	f->dev = try_open(f, fd, 20, NULL);
	g_assert_cmpuint(f->dev->dma_max, ==, VFU_DMA_MAPS_DEFAULT);
}

static void test_bad_info(Fixture *f, gconstpointer unused)
{
	static const struct {
		struct vfu_info info;
		const char *why;
	} bad[] = {
		{ { 16, VFU_INFO_RESET, 9, 5 }, "not a PCI device" },
		{ { 16, VFU_INFO_PCI, 7, 5 }, "7 regions" },
		{ { 16, VFU_INFO_PCI, UINT32_MAX, 5 }, "4294967295 regions" },
	};
	int fd;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		fd = new_peer(f);
		agree(f, good_caps);
		answer(f, VFU_GET_INFO, &bad[i].info, sizeof(bad[i].info), NULL, 0);
		open_refused(f, fd, bad[i].why);
	}
	fd = new_peer(f);
	agree(f, good_caps);
	answer_error(f, VFU_GET_INFO, EIO);
	open_refused(f, fd, g_strerror(EIO));
}

/* --- regions --- */

static void test_access(Fixture *f, gconstpointer unused)
{
	struct vfu_region_access access = { 0x10, 2, 4 };
	uint32_t val = 0;
	uint8_t big[100], got[100];

	open_device(f);
	answer(f, VFU_REGION_READ, &access, sizeof(access), "\x78\x56\x34\x12", 4);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0x10, &val, 4), ==, 0);
	g_assert_cmphex(val, ==, 0x12345678);
	asked(f, VFU_REGION_READ);
	g_assert_cmpmem(f->body, f->len, &access, sizeof(access));

	answer(f, VFU_REGION_WRITE, &access, sizeof(access), NULL, 0);
	g_assert_cmpint(cxb_vfio_write(f->dev, 2, 0x10, &val, 4), ==, 0);
	asked(f, VFU_REGION_WRITE);
	g_assert_cmpmem(f->body + sizeof(access), f->len - sizeof(access), &val, 4);

	/* More than the device takes at once: it said 64 bytes. */
	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = i;
	access = (struct vfu_region_access){ 0, 2, 64 };
	answer(f, VFU_REGION_READ, &access, sizeof(access), big, 64);
	access = (struct vfu_region_access){ 64, 2, 36 };
	answer(f, VFU_REGION_READ, &access, sizeof(access), big + 64, 36);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, got, sizeof(got)), ==, 0);
	g_assert_cmpmem(got, sizeof(got), big, sizeof(big));
}

static void test_access_fails(Fixture *f, gconstpointer unused)
{
	const struct vfu_region_access two = { 0, 2, 2 };
	uint32_t val;

	open_device(f);
	answer_error(f, VFU_REGION_READ, EPERM);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, EPERM);
	answer_error(f, VFU_REGION_WRITE, 0); /* no number */
	g_assert_cmpint(cxb_vfio_write(f->dev, 2, 0, &val, 4), ==, EIO);
	answer_error(f, VFU_REGION_WRITE, 1u << 31); /* nor this */
	g_assert_cmpint(cxb_vfio_write(f->dev, 2, 0, &val, 4), ==, EIO);
	/* Short is not all of it, but honest. */
	answer(f, VFU_REGION_READ, &two, sizeof(two), "ab", 2);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, EIO);
	answer(f, VFU_REGION_WRITE, &two, sizeof(two), NULL, 0);
	g_assert_cmpint(cxb_vfio_write(f->dev, 2, 0, &val, 4), ==, EIO);
	g_assert_cmpuint(f->lost, ==, 0);
}

/* What an answer says is not what was asked, or not what it has. */
static void test_access_lies(Fixture *f, gconstpointer unused)
{
	static const struct {
		struct vfu_region_access access;
		size_t bytes;
	} bad[] = {
		{ { 4, 2, 4 }, 4 }, { { 0, 3, 4 }, 4 },          { { 0, 2, 4 }, 3 },
		{ { 0, 2, 8 }, 4 }, { { 0, 2, UINT32_MAX }, 4 },
	};
	uint32_t val;

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		open_device(f);
		answer(f, VFU_REGION_READ, &bad[i].access, sizeof(bad[i].access), "abcd",
		       bad[i].bytes);
		g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, ENODEV);
		assert_lost(f, "a read of 4 bytes of region 2 gave");
		g_clear_pointer(&f->dev, cxb_vfio_free);
		g_clear_pointer(&f->why, g_free);
		f->lost = 0;
	}
	open_device(f);
	answer(f, VFU_REGION_WRITE, &bad[3].access, sizeof(bad[3].access), NULL, 0);
	g_assert_cmpint(cxb_vfio_write(f->dev, 2, 0, &val, 4), ==, ENODEV);
	assert_lost(f, "a write of 4 bytes of region 2 took 8");
}

static void test_region(Fixture *f, gconstpointer unused)
{
	struct {
		struct vfu_region_info info;
		struct vfu_sparse sparse;
		struct vfu_area area;
	} full = {
		.info = { sizeof(full), 0xf, 2, sizeof(full.info), 0x10000, 0x1000 },
		.sparse = { { VFU_CAP_SPARSE_MMAP, 1, 0 }, 1, 0 },
		.area = { 0x2000, 0x1000 },
	};
	const int mem = memfd_create("region", MFD_CLOEXEC);
	g_auto(CxbVfioRegion) region = { .fd = -1 };

	g_assert_cmpint(ftruncate(mem, 0x4000), ==, 0);
	open_device(f);
	answer_fd(f, VFU_GET_REGION_INFO, &full, sizeof(full), NULL, 0, mem);
	g_assert_true(cxb_vfio_region(f->dev, 2, &region, NULL));
	g_assert_cmphex(region.size, ==, 0x10000);
	g_assert_cmphex(region.flags, ==, 0xf);
	g_assert_cmphex(region.fd_off, ==, 0x1000);
	g_assert_cmpint(region.fd, >=, 0);
	g_assert_cmpuint(region.caps.n_areas, ==, 1);
	cxb_vfio_region_clear(&region);
	/* No descriptor: nothing to map. */
	answer(f, VFU_GET_REGION_INFO, &full, sizeof(full), NULL, 0);
	g_assert_true(cxb_vfio_region(f->dev, 2, &region, NULL));
	g_assert_cmpint(region.fd, ==, -1);
	cxb_vfio_region_clear(&region);
	/* The file ends too soon. */
	g_assert_cmpint(ftruncate(mem, 0x3000), ==, 0);
	answer_fd(f, VFU_GET_REGION_INFO, &full, sizeof(full), NULL, 0, mem);
	g_assert_false(cxb_vfio_region(f->dev, 2, &region, NULL));
	g_assert_cmpint(region.fd, ==, -1);
	close(mem);
}

/* The list of capabilities is too long for the first answer. */
static void test_region_long(Fixture *f, gconstpointer unused)
{
	struct vfu_region_info info = { 5000, VFU_REGION_CAPS, 9, 0, 0x1000, 0 };
	g_autofree uint8_t *rest = g_malloc0(5000 - sizeof(info));
	const struct vfu_cap unknown = { 99, 1, 0 };
	g_auto(CxbVfioRegion) region = { .fd = -1 };

	open_device(f);
	answer_fd(f, VFU_GET_REGION_INFO, &info, sizeof(info), NULL, 0, f->peer);
	info.cap_offset = sizeof(info);
	memcpy(rest, &unknown, sizeof(unknown));
	answer(f, VFU_GET_REGION_INFO, &info, sizeof(info), rest, 5000 - sizeof(info));
	g_assert_true(cxb_vfio_region(f->dev, 9, &region, NULL));
	g_assert_cmphex(region.size, ==, 0x1000);
	asked(f, VFU_GET_REGION_INFO);
	asked(f, VFU_GET_REGION_INFO);
	memcpy(&info, f->body, sizeof(info));
	g_assert_cmpuint(info.argsz, ==, 5000);
}

static void test_bad_regions(Fixture *f, gconstpointer unused)
{
	static const struct {
		struct vfu_region_info info;
		const char *why;
	} bad[] = {
		{ { 32, 0, 3, 0, 0x1000, 0 }, "region 2: it tells of region 3" },
		{ { 31, 0, 2, 0, 0x1000, 0 }, "region 2: 32 bytes are not the 31" },
		{ { 64, 0, 2, 0, 0x1000, 0 }, "region 2: 32 bytes are not the 64" },
		{ { UINT32_MAX, 0, 2, 0, 0x1000, 0 }, "region 2: 4294967295 bytes are too many" },
		{ { 32, 0, 2, 0, UINT64_MAX, 0 }, "are no file's" },
		{ { 32, 4, 2, 0, 0x1000, UINT64_MAX }, "are no file's" },
		{ { 32, 8, 2, 16, 0x1000, 0 }, "fixed part" },
		{ { 32, 8, 2, 32, 0x1000, 0 }, "outside" },
	};

	open_device(f);
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_auto(CxbVfioRegion) region = { .fd = -1 };
		g_autoptr(GError) err = NULL;

		answer_fd(f, VFU_GET_REGION_INFO, &bad[i].info, sizeof(bad[i].info), NULL, 0,
			  f->peer);
		g_assert_false(cxb_vfio_region(f->dev, 2, &region, &err));
		if (!strstr(err->message, bad[i].why))
			g_error("\"%s\" does not say \"%s\"", err->message, bad[i].why);
	}
	g_assert_cmpuint(f->lost, ==, 0);
}

/* --- interrupts --- */

static void test_irq_info(Fixture *f, gconstpointer unused)
{
	static const struct vfu_irq_info bad[] = { { 16, 1, 1, 8 }, { 16, 1, 2, 2049 } };
	const struct vfu_irq_info good = { 16, VFU_IRQ_EVENTFD | VFU_IRQ_NORESIZE, 2, 2048 };
	CxbVfioIrq irq;

	open_device(f);
	answer(f, VFU_GET_IRQ_INFO, &good, sizeof(good), NULL, 0);
	g_assert_true(cxb_vfio_irq(f->dev, CXB_VFIO_MSIX, &irq, NULL));
	g_assert_cmpuint(irq.count, ==, 2048);
	g_assert_cmphex(irq.flags, ==, CXB_VFIO_IRQ_EVENTFD | CXB_VFIO_IRQ_NORESIZE);
	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		answer(f, VFU_GET_IRQ_INFO, &bad[i], sizeof(bad[i]), NULL, 0);
		g_assert_false(cxb_vfio_irq(f->dev, CXB_VFIO_MSIX, &irq, NULL));
	}
	answer_error(f, VFU_GET_IRQ_INFO, EINVAL);
	g_assert_false(cxb_vfio_irq(f->dev, CXB_VFIO_MSIX, &irq, NULL));
	/* One that it does not know is not asked for. */
	g_assert_true(cxb_vfio_irq(f->dev, 5, &irq, NULL));
	g_assert_cmpuint(irq.count, ==, 0);
}

static void asked_irqs(Fixture *f, uint32_t flags, uint32_t start, uint32_t count, unsigned n_fds)
{
	struct vfu_set_irqs set;

	asked(f, VFU_SET_IRQS);
	g_assert_cmpuint(f->len, ==, sizeof(set));
	memcpy(&set, f->body, sizeof(set));
	g_assert_cmpuint(set.argsz, ==, sizeof(set));
	g_assert_cmphex(set.flags, ==, flags);
	g_assert_cmpuint(set.index, ==, VFU_IRQ_MSIX);
	g_assert_cmpuint(set.start, ==, start);
	g_assert_cmpuint(set.count, ==, count);
	g_assert_cmpuint(f->n_fds, ==, n_fds);
}

static void test_set_irqs(Fixture *f, gconstpointer unused)
{
	const int fd = eventfd(0, EFD_CLOEXEC);
	const int fds[] = { fd, fd, fd, -1, -1, fd };
	CxbVfioIrqSet set = { CXB_VFIO_MSIX, CXB_VFIO_IRQ_LISTEN, 10, G_N_ELEMENTS(fds), fds };

	open_device(f);
	for (unsigned i = 0; i < 4; i++)
		answer(f, VFU_SET_IRQS, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_set_irqs(f->dev, &set), ==, 0);
	/* It takes two descriptors at a time. */
	asked_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, 10, 2, 2);
	asked_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, 12, 1, 1);
	asked_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, 13, 2, 0);
	asked_irqs(f, VFU_SET_EVENTFD | VFU_SET_TRIGGER, 15, 1, 1);

	set = (CxbVfioIrqSet){ CXB_VFIO_MSIX, CXB_VFIO_IRQ_DISABLE };
	answer(f, VFU_SET_IRQS, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_set_irqs(f->dev, &set), ==, 0);
	asked_irqs(f, VFU_SET_NONE | VFU_SET_TRIGGER, 0, 0, 0);

	set = (CxbVfioIrqSet){ CXB_VFIO_MSIX, CXB_VFIO_IRQ_MASK, 1, 2 };
	answer(f, VFU_SET_IRQS, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_set_irqs(f->dev, &set), ==, 0);
	asked_irqs(f, VFU_SET_NONE | VFU_SET_MASK, 1, 2, 0);
	set.action = CXB_VFIO_IRQ_UNMASK;
	answer_error(f, VFU_SET_IRQS, ENOTTY);
	g_assert_cmpint(cxb_vfio_set_irqs(f->dev, &set), ==, ENOTTY);
	asked_irqs(f, VFU_SET_NONE | VFU_SET_UNMASK, 1, 2, 0);
	close(fd);
}

/* --- memory --- */

static void test_dma_map(Fixture *f, gconstpointer unused)
{
	const int mem = memfd_create("memory", MFD_CLOEXEC);
	CxbVfioDma dma = { .iova = 0x10000, .size = 0x2000, .fd = mem, .fd_off = 0x1000 };
	struct vfu_dma_map map;
	struct vfu_dma_unmap unmap = { sizeof(unmap), 0, 0x10000, 0x2000 };

	open_device(f);
	answer(f, VFU_DMA_MAP, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, 0);
	asked(f, VFU_DMA_MAP);
	memcpy(&map, f->body, sizeof(map));
	g_assert_cmphex(map.flags, ==, VFU_DMA_READABLE | VFU_DMA_WRITEABLE);
	g_assert_cmphex(map.address, ==, 0x10000);
	g_assert_cmphex(map.size, ==, 0x2000);
	g_assert_cmphex(map.offset, ==, 0x1000);
	g_assert_cmpuint(f->n_fds, ==, 1);

	dma = (CxbVfioDma){ .iova = 0x20000, .size = 0x1000, .fd = -1, .readonly = true };
	answer_error(f, VFU_DMA_MAP, EEXIST);
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, EEXIST);
	answer(f, VFU_DMA_MAP, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, 0);
	asked(f, VFU_DMA_MAP);
	asked(f, VFU_DMA_MAP);
	memcpy(&map, f->body, sizeof(map));
	g_assert_cmphex(map.flags, ==, VFU_DMA_READABLE);
	g_assert_cmpuint(f->n_fds, ==, 0);
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, ENOSPC); /* it takes two */

	answer(f, VFU_DMA_UNMAP, &unmap, sizeof(unmap), NULL, 0);
	g_assert_cmpint(cxb_vfio_dma_unmap(f->dev, 0x10000, 0x2000), ==, 0);
	asked(f, VFU_DMA_UNMAP);
	g_assert_cmpmem(f->body, f->len, &unmap, sizeof(unmap));
	answer(f, VFU_DMA_UNMAP, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_dma_unmap(f->dev, 0x20000, 0x1000), ==, 0);

	dma.iova = 0x800;
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, EINVAL);
	dma = (CxbVfioDma){ .iova = UINT64_MAX - 0xfff, .size = 0x2000, .fd = -1 };
	g_assert_cmpint(cxb_vfio_dma_map(f->dev, &dma), ==, EINVAL);
	asked(f, VFU_DMA_UNMAP);
	asked_nothing_more(f);
	close(mem);
}

static void ask_dma(Fixture *f, uint16_t command, uint64_t address, uint64_t count,
		    const void *data, size_t len)
{
	const struct vfu_dma_access access = { address, count };

	put(f, (struct vfu_header){ 0x77, command, 0, VFU_TYPE_COMMAND, 0 }, &access,
	    sizeof(access), data, len, NULL, 0);
}

static void asked_reply(Fixture *f, uint16_t command, uint32_t error)
{
	asked(f, command);
	g_assert_cmphex(f->header.id, ==, 0x77);
	g_assert_cmphex(f->header.flags, ==, VFU_TYPE_REPLY | (error ? VFU_ERROR : 0));
	g_assert_cmpuint(f->header.error, ==, error);
	if (error)
		g_assert_cmpuint(f->len, ==, 0);
}

/* The device asks before it answers. */
static void test_dma_while_waiting(Fixture *f, gconstpointer unused)
{
	const struct vfu_region_access access = { 0, 2, 4 };
	uint32_t val;

	open_device(f);
	memcpy(f->memory, "abcd", 4);
	ask_dma(f, VFU_DMA_READ, 0x1000, 4, NULL, 0);
	ask_dma(f, VFU_DMA_WRITE, 0x1010, 4, "wxyz", 4);
	answer(f, VFU_REGION_READ, &access, sizeof(access), "1234", 4);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, 0);
	g_assert_cmpmem(&val, 4, "1234", 4);
	g_assert_cmpmem(f->memory + 0x10, 4, "wxyz", 4);
	asked(f, VFU_REGION_READ);
	asked_reply(f, VFU_DMA_READ, 0);
	g_assert_cmpuint(f->len, ==, 20);
	g_assert_cmpmem(f->body + 16, 4, "abcd", 4);
	asked_reply(f, VFU_DMA_WRITE, 0);
	g_assert_cmpuint(f->len, ==, 16);
}

/* It asks when nothing is asked of it. */
static void test_dma_idle(Fixture *f, gconstpointer unused)
{
	open_device(f);
	ask_dma(f, VFU_DMA_READ, 0x1000, 4, NULL, 0);
	ask_dma(f, VFU_DMA_READ, 0x1000, 0, NULL, 0);
	ask_dma(f, VFU_DMA_READ, 0x5000, 4, NULL, 0);
	ask_dma(f, VFU_DMA_READ, UINT64_MAX, 4, NULL, 0);
	ask_dma(f, VFU_DMA_READ, 0x1000, VFU_DATA_DEFAULT + 1, NULL, 0);
	ask_dma(f, VFU_DMA_READ, 0x1000, UINT64_MAX, NULL, 0);
	ask_dma(f, VFU_DMA_WRITE, 0x1000, 4, "abc", 3);
	ask_dma(f, VFU_DMA_READ, 0x1000, 4, "abcd", 4);
	put(f, (struct vfu_header){ 0x77, VFU_DMA_READ, 0, VFU_TYPE_COMMAND, 0 }, "short", 5, NULL,
	    0, NULL, 0);
	put(f, (struct vfu_header){ 0x77, VFU_REGION_READ, 0, VFU_TYPE_COMMAND, 0 }, NULL, 0, NULL,
	    0, NULL, 0);
	put(f, (struct vfu_header){ 0x77, 99, 0, VFU_TYPE_COMMAND | VFU_NO_REPLY, 0 }, NULL, 0,
	    NULL, 0, NULL, 0);
	while (g_main_context_iteration(f->context, FALSE))
		;
	asked_reply(f, VFU_DMA_READ, 0);
	asked_reply(f, VFU_DMA_READ, 0);
	asked_reply(f, VFU_DMA_READ, EFAULT);
	asked_reply(f, VFU_DMA_READ, EINVAL);
	asked_reply(f, VFU_DMA_READ, E2BIG);
	asked_reply(f, VFU_DMA_READ, E2BIG);
	asked_reply(f, VFU_DMA_WRITE, EINVAL);
	asked_reply(f, VFU_DMA_READ, EINVAL);
	asked_reply(f, VFU_DMA_READ, EINVAL);
	asked_reply(f, VFU_REGION_READ, ENOSYS);
	asked_nothing_more(f);
	g_assert_cmpuint(f->lost, ==, 0);
}

/* --- the end --- */

static void test_reset(Fixture *f, gconstpointer unused)
{
	open_device(f);
	answer(f, VFU_RESET, NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_reset(f->dev), ==, 0);
	f->dev->info.flags &= ~CXB_VFIO_DEVICE_RESET;
	g_assert_cmpint(cxb_vfio_reset(f->dev), ==, ENOTTY);
}

static void test_silence(Fixture *f, gconstpointer unused)
{
	uint32_t val;

	open_device(f);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, ENODEV);
	assert_lost(f, "no answer to command 9 within 20 ms");
	/* It is told so. */
	asked(f, VFU_REGION_READ);
	g_assert_cmpint(recv(f->peer, &val, 1, MSG_DONTWAIT), ==, 0);
}

/* Words that never end in an answer are as good as silence. */
static void test_half_an_answer(Fixture *f, gconstpointer unused)
{
	uint32_t val;

	open_device(f);
	put(f, (struct vfu_header){ ++f->id, VFU_REGION_READ, 36, VFU_TYPE_REPLY, 0 }, "0123", 4,
	    NULL, 0, NULL, 0);
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, ENODEV);
	assert_lost(f, "no answer");
}

static void test_gone(Fixture *f, gconstpointer unused)
{
	uint32_t val;

	open_device(f);
	close(f->peer);
	f->peer = -1;
	g_assert_cmpint(cxb_vfio_read(f->dev, 2, 0, &val, 4), ==, ENODEV);
	assert_lost(f, "it has gone");
}

/* Nothing is asked of it: the context notices. */
static void test_gone_idle(Fixture *f, gconstpointer unused)
{
	open_device(f);
	close(f->peer);
	f->peer = -1;
	while (!f->lost)
		g_main_context_iteration(f->context, TRUE);
	assert_lost(f, "it has gone");
}

static void test_bad_messages(Fixture *f, gconstpointer unused)
{
	static const struct {
		struct vfu_header header;
		size_t bytes;
		const char *why;
	} bad[] = {
		{ { 99, VFU_RESET, 0, VFU_TYPE_REPLY, 0 }, 0, "id 99, where none" },
		{ { 3, VFU_REGION_READ, 0, VFU_TYPE_REPLY, 0 }, 0, "command 9, id 3, where none" },
		{ { 3, VFU_RESET, 0, 2, 0 }, 0, "a message of type 2" },
		{ { 3, VFU_RESET, 15, VFU_TYPE_REPLY, 0 }, 0, "a message of 15 bytes" },
		{ { 3, VFU_RESET, UINT32_MAX, VFU_TYPE_REPLY, 0 }, 0, "a message of 4294967295" },
		{ { 3, VFU_RESET, 0, VFU_TYPE_REPLY, 0 }, 4, "an answer to command 13 has 20" },
		{ { 3, VFU_RESET, 0, VFU_TYPE_REPLY | VFU_ERROR, 5 },
		  4,
		  "an answer to command 13" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
		open_device(f);
		put(f, bad[i].header, "abcd", bad[i].bytes, NULL, 0, NULL, 0);
		g_assert_cmpint(cxb_vfio_reset(f->dev), ==, ENODEV);
		assert_lost(f, bad[i].why);
		g_clear_pointer(&f->dev, cxb_vfio_free);
		g_clear_pointer(&f->why, g_free);
		f->lost = 0;
	}
}

/* Descriptors nobody asked for are closed; the teardown counts them. */
static void test_gifts(Fixture *f, gconstpointer unused)
{
	const int fds[] = { 0, 1, 2 };

	open_device(f);
	put(f, (struct vfu_header){ ++f->id, VFU_RESET, 0, VFU_TYPE_REPLY, 0 }, NULL, 0, NULL, 0,
	    fds, 3);
	g_assert_cmpint(cxb_vfio_reset(f->dev), ==, 0);
	g_assert_cmpuint(f->lost, ==, 0);
}

static void test_no_socket(Fixture *f, gconstpointer unused)
{
	const CxbVfioUserConfig config = { .path = "/nonexistent/socket",
					   .context = f->context,
					   .clock = f->clock,
					   .timeout_ms = 20 };
	g_autoptr(GError) err = NULL;

	g_assert_null(cxb_vfio_open_user(&config, &err));
	g_assert_cmpstr(err->message, ==,
			"Failed to connect to '/nonexistent/socket': No such file or directory");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(Fixture *f, gconstpointer unused);
	} tests[] = {
		{ "open", test_open },
		{ "bad-versions", test_bad_versions },
		{ "bare-version", test_bare_version },
		{ "bad-info", test_bad_info },
		{ "access", test_access },
		{ "access-fails", test_access_fails },
		{ "access-lies", test_access_lies },
		{ "region", test_region },
		{ "region-long", test_region_long },
		{ "bad-regions", test_bad_regions },
		{ "irq-info", test_irq_info },
		{ "set-irqs", test_set_irqs },
		{ "dma-map", test_dma_map },
		{ "dma-while-waiting", test_dma_while_waiting },
		{ "dma-idle", test_dma_idle },
		{ "reset", test_reset },
		{ "silence", test_silence },
		{ "half-an-answer", test_half_an_answer },
		{ "gone", test_gone },
		{ "gone-idle", test_gone_idle },
		{ "bad-messages", test_bad_messages },
		{ "gifts", test_gifts },
		{ "no-socket", test_no_socket },
	};

	g_test_init(&argc, &argv, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		g_autofree char *path = g_strdup_printf("/vfio/user/%s", tests[i].name);

		g_test_add(path, Fixture, NULL, setup, tests[i].fn, teardown);
	}
	return g_test_run();
}
