/* SPDX-License-Identifier: Apache-2.0 */
#include "backing.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "marks.h"

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* Filled in for a descriptor just opened, or -1 with errno left as it is. */
static void backing_init(Backing *b, int fd)
{
	struct statfs fs;

	*b = (Backing){ .fd = fd, .page_size = sysconf(_SC_PAGESIZE) };
	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == HUGETLBFS_MAGIC)
		b->page_size = fs.f_bsize;
}

void backing_close(Backing *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
	g_clear_pointer(&b->path, g_free);
	g_clear_pointer(&b->made, g_free);
}

void backing_undo(Backing *b)
{
	if (b->made)
		unlink(b->made);
	else if (b->grown)
		(void)!ftruncate(b->fd, 0);
	g_clear_pointer(&b->made, g_free);
	b->grown = false;
}

static bool memfd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
}

bool backing_open_memfd(Backing *b, const char *id, uint64_t size, GError **errp)
{
	g_autofree char *name = g_strdup_printf("cxlbox-%.200s", id);
	int err = EFBIG;

	backing_init(b, memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
	if (b->fd < 0)
		return cxb_fail_errno(errp, errno, "cannot create memory backend '%s'", id);
	if (size <= INT64_MAX - b->page_size) {
		if (ftruncate(b->fd, round_up(size, b->page_size)) == 0 && memfd_seal(b->fd))
			return true;
		err = errno;
	}
	backing_close(b);
	return cxb_fail_errno(errp, err, "cannot make memory backend '%s' 0x%" PRIx64 " bytes", id,
			      size);
}

bool backing_open_fd(Backing *b, const char *id, int fd, uint64_t off, bool readonly, GError **errp)
{
	backing_init(b, fcntl(fd, F_DUPFD_CLOEXEC, 0));
	b->fd_off = off;
	b->readonly = readonly;
	return b->fd >= 0 || cxb_fail_errno(errp, errno, "cannot share memory backend '%s'", id);
}

/* A nameless file in directory @path (a mount of large pages, say). */
static int open_in_directory(const char *path)
{
	g_autofree char *name = NULL;
	int fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd;
	name = g_strdup_printf("%s/cxlbox-XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	return fd;
}

/* Open or create. *created tells which; a file that appears or goes in between is tried again. */
static int open_path(const char *path, bool readonly, bool *created)
{
	int fd;

	*created = false;
	for (;;) {
		fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (fd >= 0 || readonly)
			return fd;
		if (errno == EISDIR)
			return open_in_directory(path);
		if (errno != ENOENT)
			return fd;
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd >= 0)
			*created = true;
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
}

/* The lock belongs to the open file, is gone when the last descriptor of it closes, and covers only
 * the backend's part. File systems that have no locks do without. */
static bool backing_lock(Backing *b, const char *id, const BackingFile *file, GError **errp)
{
	struct flock lock = {
		.l_type = file->share && !file->readonly ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = file->offset,
		.l_len = file->size,
	};

	if (fcntl(b->fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
		return true;
	return cxb_fail(errp, CXB_ERROR_BUSY,
			"backing store %s of memory backend '%s' is in use by another process",
			file->path, id);
}

static bool multiple_of_page(const BackingFile *file, uint64_t page, GError **errp)
{
	g_autofree char *unit = page % (1u << 20) ? g_strdup_printf("%" PRIu64 " KiB", page >> 10)
						  : g_strdup_printf("%" PRIu64 " MiB", page >> 20);

	if (file->size % page)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"backend 'memory-backend-file' memory size must be multiple of %s",
				unit);
	if (file->offset % page)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"backend 'memory-backend-file' offset must be multiple of %s",
				unit);
	if (file->offset > INT64_MAX || file->size > INT64_MAX - file->offset)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"offset 0x%" PRIx64 " and size 0x%" PRIx64
				" are beyond what a file can have",
				file->offset, file->size);
	return true;
}

/* Length of a file or block device; character devices do not tell: unlimited. */
static bool backing_length(const Backing *b, uint64_t *length)
{
	struct stat st;
	off_t end;

	if (fstat(b->fd, &st))
		return false;
	*length = st.st_size;
	if (S_ISCHR(st.st_mode))
		*length = UINT64_MAX;
	if (S_ISBLK(st.st_mode)) {
		end = lseek(b->fd, 0, SEEK_END);
		if (end < 0)
			return false;
		*length = end;
	}
	return true;
}

static bool backing_fit(Backing *b, const BackingFile *file, GError **errp)
{
	const uint64_t need = file->offset + file->size;
	uint64_t length;

	if (!backing_length(b, &length))
		return cxb_fail_errno(errp, errno, "can't tell the size of backing store %s",
				      file->path);
	if (length == 0 && !file->readonly) {
		if (ftruncate(b->fd, need))
			return cxb_fail_errno(
				errp, errno, "can't extend backing store %s to 0x%" PRIx64 " bytes",
				file->path, need);
		b->grown = true;
		return true;
	}
	if (length < need)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"backing store %s is too short: it has 0x%" PRIx64
				" bytes, offset and size need 0x%" PRIx64,
				file->path, length, need);
	return true;
}

/* Data only; holes stay holes. */
static int copy_data(int from, uint64_t from_off, int to, uint64_t len)
{
	const off_t end = from_off + len;
	off_t at = from_off;

	while (at < end) {
		off_t data = lseek(from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break; /* only a hole is left */
		if (data < 0)
			return -errno;
		if (data >= end)
			break;
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		hole = MIN(hole, end);
		if (lseek(to, data - from_off, SEEK_SET) < 0)
			return -errno;
		for (at = data; at < hole;) {
			const ssize_t n = sendfile(to, from, &at, MIN(hole - at, 1 << 30));

			if (n < 0 && errno != EINTR)
				return -errno;
			if (n == 0)
				return -EIO; /* cut short under us */
		}
	}
	return 0;
}

/* Writes must not reach the file, and every mapping of the backend must show the same bytes, which
 * private mappings of the file would not: so the backend gets a copy. */
static bool backing_detach(Backing *b, const char *id, const BackingFile *file, GError **errp)
{
	Backing copy;
	int rc;

	if (!backing_open_memfd(&copy, id, file->size, errp))
		return false;
	rc = copy_data(b->fd, b->fd_off, copy.fd, file->size);
	if (rc) {
		backing_close(&copy);
		return cxb_fail_errno(errp, -rc, "can't copy backing store %s", file->path);
	}
	copy.made = g_steal_pointer(&b->made);
	backing_close(b);
	*b = copy;
	return true;
}

/* Bytes that somebody was to zero are shown to nobody, and who does not write cannot zero them. */
static bool no_marks(const Backing *b, const BackingFile *file, GError **errp)
{
	g_autoptr(GArray) marks = marks_list(b->fd, file->offset, file->size);

	return !marks->len ||
	       cxb_fail(errp, CXB_ERROR_BUSY,
			"backing store %s has bytes whose sanitizing was cut short: use it with "
			"share=on, not read-only, first",
			file->path);
}

bool backing_open_file(Backing *b, const char *id, const BackingFile *file, GError **errp)
{
	bool created;
	int fd;

	if (!multiple_of_page(file, sysconf(_SC_PAGESIZE), errp))
		return false;
	fd = open_path(file->path, file->readonly, &created);
	if (fd < 0)
		return cxb_fail_errno(errp, errno, "can't open backing store %s for guest RAM",
				      file->path);
	backing_init(b, fd);
	b->fd_off = file->offset;
	b->readonly = file->readonly;
	if (!multiple_of_page(file, b->page_size, errp) || !backing_lock(b, id, file, errp)) {
		backing_close(b);
		return false;
	}
	if (!(file->share && !file->readonly) && !no_marks(b, file, errp)) {
		backing_close(b);
		return false;
	}
	/* Only with the lock is the file ours to take away again. */
	if (created)
		b->made = g_strdup(file->path);
	if (!g_file_test(file->path, G_FILE_TEST_IS_DIR))
		b->path = realpath(file->path, NULL);
	if (!backing_fit(b, file, errp) ||
	    (!file->share && !file->readonly && !backing_detach(b, id, file, errp))) {
		backing_undo(b);
		backing_close(b);
		return false;
	}
	return true;
}

/* Memory that could still be had, in bytes; "unlimited" if the system does not say. The kernel
 * grants pages of a memfd one by one and kills somebody when they run out, so ask before. */
static uint64_t memory_available(void)
{
	g_autofree char *text = NULL;
	uint64_t kib = 0;
	const char *at;

	if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL))
		return UINT64_MAX;
	at = strstr(text, "MemAvailable:");
	if (!at)
		return UINT64_MAX;
	kib = g_ascii_strtoull(at + strlen("MemAvailable:"), NULL, 10);
	at = strstr(text, "SwapFree:");
	if (at)
		kib += g_ascii_strtoull(at + strlen("SwapFree:"), NULL, 10);
	return kib << 10;
}

bool backing_prealloc(Backing *b, const char *id, uint64_t size, GError **errp)
{
	struct statfs fs;
	struct stat st;
	int err;

	if (b->readonly)
		return true;
	if (fstatfs(b->fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC && fstat(b->fd, &st) == 0) {
		const uint64_t have = memory_available(), got = (uint64_t)st.st_blocks * 512;
		const uint64_t need = size - MIN(size, got);

		if (need > have)
			return cxb_fail_errno(errp, ENOMEM,
					      "cannot preallocate memory backend '%s' (0x%" PRIx64
					      " bytes wanted, 0x%" PRIx64 " available)",
					      id, need, have);
	}
	do
		err = posix_fallocate(b->fd, b->fd_off, size);
	while (err == EINTR);
	if (err)
		return cxb_fail_errno(
			errp, err, "cannot preallocate memory backend '%s' (0x%" PRIx64 " bytes)",
			id, size);
	return true;
}
