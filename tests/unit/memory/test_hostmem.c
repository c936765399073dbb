/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of errors are QEMU 11.1's where QEMU has them. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "memtest.h"

#define TAG_A "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
#define TAG_B "00000000-0000-0000-0000-0000000000b0"

typedef struct {
	MemBox box;
} Fixture;

static void setup(Fixture *f, gconstpointer unused)
{
	mem_box_open(&f->box);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	mem_box_close(&f->box);
}

static void refused(Fixture *f, const char *text, const char *message)
{
	g_autoptr(GError) error = NULL;
	const unsigned fds = open_files(), maps = count_maps("memfd:cxlbox");

	g_assert_null(mem_try(&f->box, text, &error));
	g_assert_nonnull(error);
	g_assert_cmpstr(error->message, ==, message);
	g_assert_cmpuint(open_files(), ==, fds);
	g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps);
	g_assert_null(cxb_object_child(cxb_qom_container(f->box.qom, "/objects"), "m0"));
}

static void ram_is_zero_and_keeps_what_is_written(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=2M");
	char buf[8] = "x";

	g_assert_cmpstr(cxb_hostmem_id(mem), ==, "m0");
	g_assert_cmpuint(cxb_hostmem_size(mem), ==, 2 << 20);
	g_assert_true(cxb_hostmem_read(mem, 0, buf, 8));
	g_assert_cmpmem(buf, 8, "\0\0\0\0\0\0\0\0", 8);
	g_assert_true(cxb_hostmem_write(mem, (2 << 20) - 8, "12345678", 8));
	g_assert_true(cxb_hostmem_read(mem, (2 << 20) - 8, buf, 8));
	g_assert_cmpmem(buf, 8, "12345678", 8);
	g_assert_cmpmem((char *)cxb_hostmem_ptr(mem) + (2 << 20) - 8, 8, "12345678", 8);
}

static void accesses_past_the_end_fail(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1000");
	char buf[8] = "";

	g_assert_cmpuint(cxb_hostmem_size(mem), ==, 1000);
	g_assert_true(cxb_hostmem_write(mem, 992, buf, 8));
	g_assert_false(cxb_hostmem_write(mem, 993, buf, 8));
	g_assert_false(cxb_hostmem_read(mem, 1000, buf, 1));
	g_assert_false(cxb_hostmem_read(mem, UINT64_MAX, buf, 8));
	g_assert_false(cxb_hostmem_read(mem, UINT64_MAX - 3, buf, 8));
}

static void size_is_required_and_not_zero(Fixture *f, gconstpointer unused)
{
	refused(f, "memory-backend-ram,id=m0", "Parameter 'size' is missing");
	refused(f, "memory-backend-ram,id=m0,size=0",
		"property 'size' of memory-backend-ram doesn't take value '0'");
	refused(f, "memory-backend-memfd,id=m0,size=0",
		"property 'size' of memory-backend-memfd doesn't take value '0'");
	refused(f, "memory-backend-ram,id=m0,size=big", "Parameter 'size' expects a size value");
	refused(f, "memory-backend-ram,id=m0,size=1M,foo=1", "Invalid parameter 'foo'");
	refused(f, "memory-backend,id=m0,size=1M",
		"Parameter 'qom-type' does not accept value 'memory-backend'");
}

static void rows_that_scripts_carry_are_taken(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1M,share=on,merge=off,"
					   "dump=off,reserve=off,prealloc-threads=4,"
					   "policy=default,host-nodes=0-3,prealloc-context=,"
					   "x-use-canonical-path-for-ramblock-id=on");

	g_assert_true(cxb_hostmem_share(mem));
	g_assert_false(cxb_hostmem_prealloc(mem));
}

static void huge_pages_are_taken_as_usual_ones(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-memfd,id=m0,size=1M,hugetlb=on,"
					   "hugetlbsize=2M,policy=bind,host-nodes=0");

	g_assert_cmpuint(cxb_hostmem_size(mem), ==, 1 << 20);
	g_assert_true(cxb_hostmem_write(mem, 0, "z", 1));
}

static void share_defaults_by_type(Fixture *f, gconstpointer unused)
{
	g_assert_false(cxb_hostmem_share(mem_new(&f->box, "memory-backend-ram,id=a,size=1M")));
	g_assert_true(cxb_hostmem_share(mem_new(&f->box, "memory-backend-memfd,id=b,size=1M")));
}

static void a_memfd_can_neither_shrink_nor_grow(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1M");
	uint64_t off;
	int fd = cxb_hostmem_fd(mem, &off);

	g_assert_cmpuint(off, ==, 0);
	g_assert_cmpint(fcntl(fd, F_GET_SEALS), ==, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	g_assert_cmpint(ftruncate(fd, 4096), !=, 0);
	g_assert_cmpint(ftruncate(fd, 2 << 20), !=, 0);
	g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
}

static void four_tebibytes_cost_nothing(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=4T");
	struct stat st;
	uint64_t off;

	g_assert_true(cxb_hostmem_write(mem, (4ull << 40) - 1, "z", 1));
	g_assert_cmpint(fstat(cxb_hostmem_fd(mem, &off), &st), ==, 0);
	g_assert_cmpuint(st.st_size, ==, 4ull << 40);
	g_assert_cmpuint(st.st_blocks * 512, <=, 4 << 20); /* one page, of whatever size */
}

static void another_process_opens_the_path(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1M");
	g_autofree char *path = cxb_hostmem_path(mem);
	char back[6] = "";
	int status;
	pid_t pid;

	g_assert_true(cxb_hostmem_write(mem, 4096, "hello", 6));
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR);

		if (fd < 0 || pread(fd, back, 6, 4096) != 6 || strcmp(back, "hello") != 0 ||
		    pwrite(fd, "world", 6, 8192) != 6)
			_exit(1);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_true(cxb_hostmem_read(mem, 8192, back, 6));
	g_assert_cmpstr(back, ==, "world");
}

static void a_tag_names_one_backend(Fixture *f, gconstpointer unused)
{
	CxbHostMem *a = mem_new(&f->box, "memory-backend-ram,id=a,size=1M,tag=" TAG_A);
	CxbHostMem *b = mem_new(&f->box, "memory-backend-ram,id=b,size=1M,tag=" TAG_B);
	CxbUuid tag;

	g_assert_true(cxb_uuid_parse(TAG_A, &tag));
	g_assert_true(cxb_uuid_equal(cxb_hostmem_tag(a), &tag));
	g_assert_true(cxb_hostmem_by_tag(f->box.pool, &tag) == a);
	g_assert_true(cxb_uuid_parse(TAG_B, &tag));
	g_assert_true(cxb_hostmem_by_tag(f->box.pool, &tag) == b);
	tag.b[15] ^= 1;
	g_assert_null(cxb_hostmem_by_tag(f->box.pool, &tag));
}

static void a_tag_in_use_is_refused_in_any_case(Fixture *f, gconstpointer unused)
{
	g_autofree char *upper = g_ascii_strup(TAG_A, -1);
	g_autofree char *text = g_strdup_printf("memory-backend-ram,id=m0,size=1M,tag=%s", upper);

	mem_new(&f->box, "memory-backend-ram,id=a,size=1M,tag=" TAG_A);
	refused(f, text, "tag " TAG_A " of memory backend 'm0' is taken by memory backend 'a'");
	g_assert_true(cxb_user_object_del(f->box.qom, "a", NULL));
	mem_new(&f->box, text);
}

static void a_malformed_tag_is_refused(Fixture *f, gconstpointer unused)
{
	refused(f, "memory-backend-ram,id=m0,size=1M,tag=hello",
		"Property 'tag' doesn't take value 'hello': not a UUID");
	refused(f, "memory-backend-ram,id=m0,size=1M,tag=" TAG_A "0",
		"Property 'tag' doesn't take value '" TAG_A "0': not a UUID");
}

static void no_tag_empty_tag_and_null_tag_are_one(Fixture *f, gconstpointer unused)
{
	const CxbUuid null = { 0 };

	mem_new(&f->box, "memory-backend-ram,id=a,size=1M");
	mem_new(&f->box, "memory-backend-ram,id=b,size=1M,tag=");
	mem_new(&f->box, "memory-backend-ram,id=c,size=1M,tag=");
	mem_new(&f->box,
		"memory-backend-ram,id=d,size=1M,tag=00000000-0000-0000-0000-000000000000");
	g_assert_null(cxb_hostmem_by_tag(f->box.pool, &null));
}

static void append_id(CxbHostMem *mem, void *opaque)
{
	g_string_append(opaque, cxb_hostmem_id(mem));
}

static void backends_are_listed_in_order_of_creation(Fixture *f, gconstpointer unused)
{
	g_autoptr(GString) ids = g_string_new(NULL);

	mem_new(&f->box, "memory-backend-ram,id=z,size=1M");
	mem_new(&f->box, "memory-backend-memfd,id=y,size=1M");
	mem_new(&f->box, "memory-backend-ram,id=x,size=1M");
	g_assert_true(cxb_user_object_del(f->box.qom, "y", NULL));
	cxb_hostmem_foreach(f->box.pool, append_id, ids);
	g_assert_cmpstr(ids->str, ==, "zx");
}

static void one_holder_at_a_time(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1M");
	g_autoptr(GError) error = NULL;

	g_assert_null(cxb_hostmem_holder(mem));
	g_assert_true(cxb_hostmem_hold(mem, "/machine/peripheral/t0", &error));
	g_assert_no_error(error);
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "/machine/peripheral/t0");
	g_assert_false(cxb_hostmem_hold(mem, "/machine/peripheral/t1", &error));
	g_assert_error(error, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpstr(error->message, ==,
			"memory backend 'm0' is in use by /machine/peripheral/t0");
	cxb_hostmem_release(mem);
	g_assert_true(cxb_hostmem_hold(mem, "/machine/peripheral/t1", NULL));
}

static void a_backend_in_use_is_not_deleted(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=1M");
	g_autoptr(GError) held = NULL;
	g_autoptr(GError) mapped = NULL;

	g_assert_true(cxb_hostmem_hold(mem, "/machine/peripheral/t0", NULL));
	g_assert_false(cxb_user_object_del(f->box.qom, "m0", &held));
	g_assert_error(held, CXB_ERROR, CXB_ERROR_BUSY);
	g_assert_cmpstr(held->message, ==,
			"Cannot delete host memory backend 'm0' which is mapped: held by "
			"/machine/peripheral/t0");
	cxb_hostmem_release(mem);
	cxb_hostmem_set_mapped(mem, true);
	g_assert_true(cxb_hostmem_mapped(mem));
	g_assert_false(cxb_user_object_del(f->box.qom, "m0", &mapped));
	g_assert_cmpstr(mapped->message, ==,
			"Cannot delete host memory backend 'm0' which is mapped");
	cxb_hostmem_set_mapped(mem, false);
	g_assert_true(cxb_user_object_del(f->box.qom, "m0", NULL));
}

static void discarded_bytes_read_zero_and_free_memory(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = mem_new(&f->box, "memory-backend-ram,id=m0,size=8M,prealloc=on");
	g_autoptr(GError) error = NULL;
	struct stat st;
	uint64_t off;
	uint8_t b = 1;

	g_assert_true(cxb_hostmem_prealloc(mem));
	g_assert_cmpint(fstat(cxb_hostmem_fd(mem, &off), &st), ==, 0);
	g_assert_cmpuint(st.st_blocks * 512, >=, 8 << 20);
	g_assert_true(cxb_hostmem_write(mem, 5 << 20, "x", 1));
	g_assert_true(cxb_hostmem_discard(mem, 4 << 20, 4 << 20, &error));
	g_assert_no_error(error);
	g_assert_true(cxb_hostmem_discard(mem, 0, 0, &error));
	g_assert_cmpint(fstat(cxb_hostmem_fd(mem, &off), &st), ==, 0);
	g_assert_cmpuint(st.st_blocks * 512, <=, 4 << 20);
	g_assert_true(cxb_hostmem_read(mem, 5 << 20, &b, 1));
	g_assert_cmpuint(b, ==, 0);
	g_assert_false(cxb_hostmem_discard(mem, 8 << 20, 1, &error));
	g_assert_error(error, CXB_ERROR, CXB_ERROR_INVALID);
}

static void preallocating_more_than_there_is_fails_whole(Fixture *f, gconstpointer unused)
{
	g_autoptr(GError) error = NULL;
	const unsigned fds = open_files(), maps = count_maps("memfd:cxlbox");

	g_assert_null(mem_try(&f->box, "memory-backend-ram,id=m0,size=4T,prealloc=on", &error));
	g_assert_error(error, CXB_ERROR, CXB_ERROR_SYSTEM);
	g_assert_true(g_str_has_prefix(error->message, "cannot preallocate memory backend 'm0'"));
	g_assert_true(g_str_has_suffix(error->message, "Cannot allocate memory"));
	g_assert_cmpuint(open_files(), ==, fds);
	g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps);
}

static void a_size_no_file_can_have_fails(Fixture *f, gconstpointer unused)
{
	refused(f, "memory-backend-ram,id=m0,size=0xffffffffffffffff",
		"cannot make memory backend 'm0' 0xffffffffffffffff bytes: File too large");
	refused(f, "memory-backend-ram,id=m0,size=0x1000000000000",
		"cannot map memory backend 'm0' of 0x1000000000000 bytes: Cannot allocate memory");
}

static void nothing_is_left_of_deleted_backends(void)
{
	const unsigned fds = open_files(), maps = count_maps("memfd:cxlbox");
	MemBox box;

	mem_box_open(&box);
	for (int i = 0; i < 50; i++) {
		mem_new(&box, "memory-backend-ram,id=a,size=1M,tag=" TAG_A);
		mem_new(&box, "memory-backend-memfd,id=b,size=1000");
		g_assert_cmpuint(open_files(), ==, fds + 2);
		g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps + 2);
		g_assert_true(cxb_user_object_del(box.qom, "a", NULL));
		g_assert_true(cxb_user_object_del(box.qom, "b", NULL));
		g_assert_cmpuint(open_files(), ==, fds);
	}
	mem_new(&box, "memory-backend-ram,id=left,size=1M,tag=" TAG_A);
	mem_box_close(&box);
	g_assert_cmpuint(open_files(), ==, fds);
	g_assert_cmpuint(count_maps("memfd:cxlbox"), ==, maps);
}

static void the_pool_may_go_before_its_backends(void)
{
	MemBox box;

	mem_box_open(&box);
	mem_new(&box, "memory-backend-ram,id=a,size=1M,tag=" TAG_A);
	cxb_hostmem_pool_free(box.pool);
	cxb_qom_free(box.qom);
}

#define T(path, fn) g_test_add("/hostmem/" path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("ram", ram_is_zero_and_keeps_what_is_written);
	T("bounds", accesses_past_the_end_fail);
	T("size", size_is_required_and_not_zero);
	T("rows", rows_that_scripts_carry_are_taken);
	T("huge", huge_pages_are_taken_as_usual_ones);
	T("share", share_defaults_by_type);
	T("sealed", a_memfd_can_neither_shrink_nor_grow);
	T("sparse", four_tebibytes_cost_nothing);
	T("path", another_process_opens_the_path);
	T("tag/one", a_tag_names_one_backend);
	T("tag/twice", a_tag_in_use_is_refused_in_any_case);
	T("tag/malformed", a_malformed_tag_is_refused);
	T("tag/null", no_tag_empty_tag_and_null_tag_are_one);
	T("order", backends_are_listed_in_order_of_creation);
	T("hold", one_holder_at_a_time);
	T("delete", a_backend_in_use_is_not_deleted);
	T("discard", discarded_bytes_read_zero_and_free_memory);
	T("prealloc/too-much", preallocating_more_than_there_is_fails_whole);
	T("size/too-much", a_size_no_file_can_have_fails);
	g_test_add_func("/hostmem/leaks", nothing_is_left_of_deleted_backends);
	g_test_add_func("/hostmem/pool-first", the_pool_may_go_before_its_backends);
	return g_test_run();
}
