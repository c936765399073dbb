/* SPDX-License-Identifier: Apache-2.0 */
/* memory-backend-file. Texts of errors are QEMU 11.1's where QEMU has them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "base/error.h"
#include "memtest.h"

typedef struct {
	MemBox box;
	char *dir;
	char *path; /* dir/mem; does not exist yet */
} Fixture;

static void setup(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	mem_box_open(&f->box);
	f->dir = g_dir_make_tmp("cxlbox-test-XXXXXX", &error);
	g_assert_no_error(error);
	f->path = g_build_filename(f->dir, "mem", NULL);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	mem_box_close(&f->box);
	g_unlink(f->path);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static char *spec(const Fixture *f, const char *id, const char *more)
{
	return g_strdup_printf("memory-backend-file,id=%s,mem-path=%s,%s", id, f->path, more);
}

static CxbHostMem *file_new(Fixture *f, const char *id, const char *more)
{
	g_autofree char *text = spec(f, id, more);

	return mem_new(&f->box, text);
}

static void file_refused(Fixture *f, const char *more, const char *message)
{
	g_autofree char *text = spec(f, "m0", more);
	g_autoptr(GError) error = NULL;
	const unsigned fds = open_files(), maps = count_maps(f->dir);

	g_assert_null(mem_try(&f->box, text, &error));
	g_assert_nonnull(error);
	g_assert_cmpstr(error->message, ==, message);
	g_assert_cmpuint(open_files(), ==, fds);
	g_assert_cmpuint(count_maps(f->dir), ==, maps);
}

static void file_fill(Fixture *f, const char *bytes, off_t size)
{
	int fd = open(f->path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(pwrite(fd, bytes, strlen(bytes), 0), ==, strlen(bytes));
	g_assert_cmpint(ftruncate(fd, size), ==, 0);
	close(fd);
}

static off_t file_size(const Fixture *f)
{
	struct stat st;

	return stat(f->path, &st) ? -1 : st.st_size;
}

static char first_byte(const Fixture *f)
{
	int fd = open(f->path, O_RDONLY);
	char c = '?';

	g_assert_cmpint(pread(fd, &c, 1, 0), ==, 1);
	close(fd);
	return c;
}

static void a_missing_file_is_created(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = file_new(f, "m0", "size=1M,share=on");
	g_autofree char *path = cxb_hostmem_path(mem);
	g_autofree char *real = realpath(f->path, NULL);

	g_assert_cmpint(file_size(f), ==, 1 << 20);
	g_assert_cmpstr(path, ==, real);
	g_assert_true(cxb_hostmem_write(mem, 0, "A", 1));
	g_assert_cmpint(first_byte(f), ==, 'A');
	g_assert_true(cxb_user_object_del(f->box.qom, "m0", NULL));
	g_assert_cmpint(first_byte(f), ==, 'A');
}

static void an_empty_file_is_extended_with_the_offset(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem;
	uint64_t off;

	file_fill(f, "", 0);
	mem = file_new(f, "m0", "size=64K,offset=128K,share=on");
	g_assert_cmpint(file_size(f), ==, 192 << 10);
	g_assert_cmpint(cxb_hostmem_fd(mem, &off), >=, 0);
	g_assert_cmpuint(off, ==, 128 << 10);
}

static void a_file_longer_than_needed_keeps_its_size(Fixture *f, gconstpointer unused)
{
	char c = 0;
	CxbHostMem *mem;

	file_fill(f, "B", 1 << 20);
	mem = file_new(f, "m0", "size=64K,share=on");
	g_assert_cmpint(file_size(f), ==, 1 << 20);
	g_assert_true(cxb_hostmem_read(mem, 0, &c, 1));
	g_assert_cmpint(c, ==, 'B');
}

static void a_file_too_short_is_refused_and_kept(Fixture *f, gconstpointer unused)
{
	g_autofree char *message =
		g_strdup_printf("backing store %s is too short: it has 0x10000 bytes, offset and "
				"size need 0x20000",
				f->path);

	file_fill(f, "B", 64 << 10);
	file_refused(f, "size=64K,offset=64K,share=on", message);
	g_assert_cmpint(file_size(f), ==, 64 << 10);
	g_assert_cmpint(first_byte(f), ==, 'B');
}

static void what_cannot_be_opened_is_named(Fixture *f, gconstpointer unused)
{
	g_autofree char *message = g_strdup_printf(
		"can't open backing store %s for guest RAM: No such file or directory", f->path);
	g_autoptr(GError) error = NULL;

	g_assert_null(
		mem_try(&f->box, "memory-backend-file,id=m0,size=1M,mem-path=/nodir/x", &error));
	g_assert_cmpstr(
		error->message, ==,
		"can't open backing store /nodir/x for guest RAM: No such file or directory");
	file_refused(f, "size=1M,readonly=on", message);
	g_assert_cmpint(file_size(f), ==, -1);
}

static void path_and_size_are_required(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(mem_try(&f->box, "memory-backend-file,id=m0,size=1M", &error));
	g_assert_cmpstr(error->message, ==, "Parameter 'mem-path' is missing");
	file_refused(f, "share=on", "Parameter 'size' is missing");
	file_refused(f, "size=0", "property 'size' of memory-backend-file doesn't take value '0'");
}

static void sizes_are_multiples_of_a_page(Fixture *f, gconstpointer unused)
{
	file_refused(f, "size=1000",
		     "backend 'memory-backend-file' memory size must be multiple of 4 KiB");
	file_refused(f, "size=4K,offset=512",
		     "backend 'memory-backend-file' offset must be multiple of 4 KiB");
	file_refused(f, "size=4K,offset=0xfffffffffffff000",
		     "offset 0xfffffffffffff000 and size 0x1000 are beyond what a file can have");
	g_assert_cmpint(file_size(f), ==, -1);
}

static void without_share_the_file_is_never_written(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem;
	char c = 0;

	file_fill(f, "C", 1 << 20);
	mem = file_new(f, "m0", "size=1M");
	g_assert_false(cxb_hostmem_share(mem));
	g_assert_true(cxb_hostmem_read(mem, 0, &c, 1));
	g_assert_cmpint(c, ==, 'C');
	g_assert_true(cxb_hostmem_write(mem, 0, "D", 1));
	g_assert_cmpint(first_byte(f), ==, 'C');
	file_new(f, "m1", "size=1M,share=on"); /* the file is free again */
}

static void a_readonly_backend_refuses_writes(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	CxbHostMem *mem;
	char c = 0;

	file_fill(f, "E", 64 << 10);
	g_assert_cmpint(chmod(f->path, 0400), ==, 0);
	mem = file_new(f, "m0", "size=64K,share=on,readonly=on,prealloc=on");
	g_assert_true(cxb_hostmem_readonly(mem));
	g_assert_false(cxb_hostmem_write(mem, 0, "x", 1));
	g_assert_false(cxb_hostmem_discard(mem, 0, 4096, &error));
	g_assert_cmpstr(error->message, ==, "memory backend 'm0' is read-only");
	g_assert_true(cxb_hostmem_read(mem, 0, &c, 1));
	g_assert_cmpint(c, ==, 'E');
	file_new(f, "m1", "size=64K,share=on,readonly=on"); /* readers do not shut out readers */
}

/* A second process holds the file. The pipes make the order certain. */
static void a_file_of_another_process_is_refused(Fixture *f, gconstpointer unused)
{
	g_autofree char *message = g_strdup_printf(
		"backing store %s of memory backend 'm0' is in use by another process", f->path);
	int ready[2], quit[2], status;
	char c;
	pid_t pid;

	file_fill(f, "F", 128 << 10);
	g_assert_cmpint(pipe(ready), ==, 0);
	g_assert_cmpint(pipe(quit), ==, 0);
	pid = fork();
	if (pid == 0) {
		close(quit[1]);
		file_new(f, "other", "size=64K,share=on");
		g_assert_cmpint(write(ready[1], "", 1), ==, 1);
		g_assert_cmpint(read(quit[0], &c, 1), ==, 0);
		_exit(0);
	}
	g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
	file_refused(f, "size=64K,share=on", message);
	file_refused(f, "size=64K,share=on,readonly=on", message);
	file_refused(f, "size=64K", message);
	file_new(f, "m1", "size=64K,offset=64K,share=on"); /* the other half is free */
	close(quit[1]);
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	file_new(f, "m0", "size=64K,share=on");
	close(quit[0]);
	close(ready[0]);
	close(ready[1]);
}

static void a_file_of_another_backend_is_refused(Fixture *f, gconstpointer unused)
{
	g_autofree char *message = g_strdup_printf(
		"backing store %s of memory backend 'm0' is in use by memory backend 'm1'",
		f->path);

	file_fill(f, "G", 128 << 10);
	file_new(f, "m1", "size=64K,offset=64K,share=on");
	file_refused(f, "size=128K,share=on", message);
	file_new(f, "m0", "size=64K,share=on");
}

static void a_truncated_file_fails_accesses_only(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = file_new(f, "m0", "size=64K,share=on");
	char buf[8192];

	g_assert_cmpint(truncate(f->path, 4096), ==, 0);
	g_assert_true(cxb_hostmem_read(mem, 0, buf, 4096));
	g_assert_false(cxb_hostmem_read(mem, 0, buf, 8192));
	g_assert_false(cxb_hostmem_read(mem, 4096, buf, 8));
	g_assert_false(cxb_hostmem_write(mem, 32768, "x", 1));
	g_assert_cmpint(truncate(f->path, 65536), ==, 0);
	g_assert_true(cxb_hostmem_write(mem, 32768, "x", 1));
}

static void a_directory_holds_a_nameless_file(Fixture *f, gconstpointer unused)
{
	g_autofree char *text =
		g_strdup_printf("memory-backend-file,id=m0,size=64K,share=on,mem-path=%s", f->dir);
	CxbHostMem *mem = mem_new(&f->box, text);
	g_autofree char *path = cxb_hostmem_path(mem);

	g_assert_true(g_str_has_prefix(path, "/proc/"));
	g_assert_true(cxb_hostmem_write(mem, 65535, "x", 1));
	/* teardown removes the directory: nothing may be in it */
}

/* --- sanitizing that is cut short --- */

static enum { PUNCH, PUNCH_FAILS, PUNCH_IS_DEATH } punch;

int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
	if (punch == PUNCH_IS_DEATH)
		raise(SIGKILL);
	if (punch == PUNCH)
		return __real_fallocate64(fd, mode, off, len);
	errno = EIO;
	return -1;
}

#define OFFSET_OF_MARK(off) "user.cxlbox.sanitize." off

static bool marks_work(const Fixture *f)
{
	if (setxattr(f->path, "user.cxlbox.test", "", 0, 0) == 0)
		return true;
	g_test_skip("no extended attributes in the directory for temporary files");
	return false;
}

static void mark_is(const Fixture *f, const char *off, const char *want)
{
	g_autofree char *name = g_strconcat(OFFSET_OF_MARK(""), off, NULL);
	char value[32] = { 0 };
	const ssize_t n = getxattr(f->path, name, value, sizeof(value) - 1);

	g_assert_cmpstr(n < 0 ? NULL : value, ==, want);
}

/* 64 KiB of it, all 5Ah. */
static void fill(const Fixture *f)
{
	g_autofree char *bytes = g_malloc(64 << 10);

	memset(bytes, 0x5a, 64 << 10);
	g_assert_true(g_file_set_contents(f->path, bytes, 64 << 10, NULL));
}

/* In (@from, @to) of the file every byte is @want. */
static void bytes_are(const Fixture *f, size_t from, size_t to, uint8_t want)
{
	g_autofree char *bytes = NULL;
	gsize n;

	g_assert_true(g_file_get_contents(f->path, &bytes, &n, NULL));
	g_assert_cmpuint(n, ==, 64 << 10);
	for (size_t i = from; i < to; i++)
		g_assert_cmphex((uint8_t)bytes[i], ==, want);
}

static void a_process_killed_while_sanitizing_leaves_it_to_the_next(Fixture *f, gconstpointer u)
{
	g_autofree char *why = NULL;
	int status;
	pid_t child;

	fill(f);
	if (!marks_work(f))
		return;
	child = fork();
	if (!child) {
		CxbHostMem *mem = file_new(f, "m0", "size=64K,share=on");

		punch = PUNCH_IS_DEATH;
		cxb_hostmem_sanitize(mem, 0x2000, 0x3000);
		_exit(0);
	}
	g_assert_cmpint(waitpid(child, &status, 0), ==, child);
	g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	bytes_are(f, 0, 64 << 10, 0x5a);
	mark_is(f, "2000", "3000");
	why = g_strdup_printf("backing store %s has bytes whose sanitizing was cut short: use it "
			      "with share=on, not read-only, first",
			      f->path);
	file_refused(f, "size=64K,readonly=on", why);
	file_refused(f, "size=64K,share=off", why);
	file_new(f, "m1", "size=64K,share=on");
	bytes_are(f, 0, 0x2000, 0x5a);
	bytes_are(f, 0x2000, 0x5000, 0);
	bytes_are(f, 0x5000, 64 << 10, 0x5a);
	mark_is(f, "2000", NULL);
}

static void what_could_not_be_sanitized_is_marked_until_it_is(Fixture *f, gconstpointer u)
{
	g_autoptr(GError) error = NULL;
	CxbHostMem *mem;

	fill(f);
	if (!marks_work(f))
		return;
	mem = file_new(f, "m0", "size=64K,share=on");
	g_assert_true(cxb_hostmem_hold(mem, "somebody", NULL));
	punch = PUNCH_FAILS;
	cxb_hostmem_sanitize(mem, 0, 0x1000);
	g_assert_false(cxb_hostmem_clean(mem, 0, 0x1000, &error));
	g_assert_error(error, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_nonnull(strstr(error->message, "sanitizing it failed: cannot discard"));
	mark_is(f, "0", "1000");
	punch = PUNCH;
	g_assert_true(cxb_hostmem_clean(mem, 0, 0x1000, NULL));
	mark_is(f, "0", NULL);
	bytes_are(f, 0, 0x1000, 0);
	bytes_are(f, 0x1000, 64 << 10, 0x5a);
}

static void a_backend_that_cannot_finish_it_is_refused(Fixture *f, gconstpointer u)
{
	fill(f);
	if (!marks_work(f))
		return;
	g_assert_cmpint(setxattr(f->path, OFFSET_OF_MARK("1000"), "1000", 4, 0), ==, 0);
	punch = PUNCH_FAILS;
	file_refused(f, "size=64K,share=on",
		     "cannot discard 0x1000+0x1000 of memory backend 'm0': Input/output error");
	punch = PUNCH;
	mark_is(f, "1000", "1000");
	file_new(f, "m0", "size=64K,share=on");
	bytes_are(f, 0x1000, 0x2000, 0);
}

static void other_parts_of_the_file_stay_marked(Fixture *f, gconstpointer u)
{
	fill(f);
	if (!marks_work(f))
		return;
	g_assert_cmpint(setxattr(f->path, OFFSET_OF_MARK("1000"), "6000", 4, 0), ==, 0);
	file_new(f, "m0", "size=16K,offset=8K,share=on");
	bytes_are(f, 0x2000, 0x6000, 0);
	bytes_are(f, 0x1000, 0x2000, 0x5a);
	mark_is(f, "1000", "1000");
	mark_is(f, "6000", "1000");
	file_new(f, "m1", "size=32K,offset=32K,share=on"); /* none of its */
	bytes_are(f, 0x6000, 64 << 10, 0x5a);
}

static void what_is_no_mark_is_left_alone(Fixture *f, gconstpointer u)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ OFFSET_OF_MARK(""), "1000" },
		{ OFFSET_OF_MARK("0"), "" },
		{ OFFSET_OF_MARK("1000"), "0" },
		{ OFFSET_OF_MARK("2000"), "x" },
		{ OFFSET_OF_MARK("3000"), "-1" },
		{ OFFSET_OF_MARK("00"), "1000" },
		{ OFFSET_OF_MARK("F"), "1000" },
		{ OFFSET_OF_MARK("4000"), "ffffffffffffffff" },
		{ OFFSET_OF_MARK("0 "), "1000" },
		{ OFFSET_OF_MARK("5000"), "00000000000001000" },
		{ OFFSET_OF_MARK("100000000000000000"), "1000" },
	};

	fill(f);
	if (!marks_work(f))
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_cmpint(
			setxattr(f->path, rows[i].name, rows[i].value, strlen(rows[i].value), 0),
			==, 0);
	file_new(f, "m0", "size=64K,share=on");
	bytes_are(f, 0, 64 << 10, 0x5a);
}

static void discard_data_empties_the_file(Fixture *f, gconstpointer unused)
{
	file_fill(f, "H", 64 << 10);
	file_new(f, "m0", "size=64K,share=on,discard-data=on");
	g_assert_true(cxb_user_object_del(f->box.qom, "m0", NULL));
	g_assert_cmpint(file_size(f), ==, 64 << 10);
	g_assert_cmpint(first_byte(f), ==, 0);
}

/* On tmpfs, which would promise the bytes and then kill. A file that was created goes again, an
 * empty one is empty again. */
static void failed_preallocation_leaves_nothing(Fixture *f, gconstpointer unused)
{
	g_autofree char *path = g_strdup("/dev/shm/cxlbox-test-XXXXXX");
	g_autofree char *text = NULL;
	const unsigned fds = open_files();
	int fd = g_mkstemp(path);
	struct stat st;

	g_assert_cmpint(fd, >=, 0);
	close(fd);
	text = g_strdup_printf(
		"memory-backend-file,id=m0,mem-path=%s,size=16T,share=on,prealloc=on", path);
	for (int round = 0; round < 2; round++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(mem_try(&f->box, text, &error));
		g_assert_error(error, CXB_ERROR, CXB_ERROR_SYSTEM);
		g_assert_true(
			g_str_has_prefix(error->message, "cannot preallocate memory backend 'm0'"));
		if (round == 0) {
			g_assert_cmpint(stat(path, &st), ==, 0);
			g_assert_cmpint(st.st_size, ==, 0);
			g_assert_cmpint(g_unlink(path), ==, 0);
		} else {
			g_assert_cmpint(stat(path, &st), ==, -1);
		}
	}
	g_assert_cmpuint(open_files(), ==, fds);
}

#define T(path, fn) g_test_add("/hostmem-file/" path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("create", a_missing_file_is_created);
	T("extend", an_empty_file_is_extended_with_the_offset);
	T("longer", a_file_longer_than_needed_keeps_its_size);
	T("shorter", a_file_too_short_is_refused_and_kept);
	T("open", what_cannot_be_opened_is_named);
	T("required", path_and_size_are_required);
	T("pages", sizes_are_multiples_of_a_page);
	T("private", without_share_the_file_is_never_written);
	T("readonly", a_readonly_backend_refuses_writes);
	T("locked/process", a_file_of_another_process_is_refused);
	T("locked/backend", a_file_of_another_backend_is_refused);
	T("truncated", a_truncated_file_fails_accesses_only);
	T("directory", a_directory_holds_a_nameless_file);
	T("discard-data", discard_data_empties_the_file);
	T("sanitize-killed", a_process_killed_while_sanitizing_leaves_it_to_the_next);
	T("sanitize-failed", what_could_not_be_sanitized_is_marked_until_it_is);
	T("sanitize-refused", a_backend_that_cannot_finish_it_is_refused);
	T("sanitize-parts", other_parts_of_the_file_stay_marked);
	T("sanitize-no-mark", what_is_no_mark_is_left_alone);
	T("prealloc", failed_preallocation_leaves_nothing);
	return g_test_run();
}
