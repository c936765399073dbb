/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nobody may see again: zeroed here or on the worker, which these tests hold up. */
#include <errno.h>
#include <inttypes.h>

#include "base/error.h"
#include "memory/erasure.h"
#include "memtest.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define BIG    "memory-backend-ram,id=m0,size=160M,prealloc=on"

/* What fallocate() does, whichever thread calls it. */
static struct {
	GMutex lock;
	GCond moved;
	bool closed;   /* it waits */
	unsigned seen; /* calls */
	unsigned fail; /* of them in a row, from the next on */
	GThread *thread;
} gate;

int __real_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t off, off_t len)
{
	bool fails;

	g_mutex_lock(&gate.lock);
	gate.seen++;
	gate.thread = g_thread_self();
	while (gate.closed)
		g_cond_wait(&gate.moved, &gate.lock);
	fails = gate.fail;
	gate.fail -= fails;
	g_mutex_unlock(&gate.lock);
	if (!fails)
		return __real_fallocate64(fd, mode, off, len);
	errno = EIO;
	return -1;
}

static void set_gate(bool closed, unsigned fail)
{
	g_mutex_lock(&gate.lock);
	gate.closed = closed;
	gate.fail = fail;
	g_cond_broadcast(&gate.moved);
	g_mutex_unlock(&gate.lock);
}

typedef struct {
	MemBox box;
	GMainContext *context;
	CxbWorker *worker;
	GString *told; /* of ends: a word each */
} Fixture;

static void on_sanitized(void *opaque, const CxbHostMemSanitized *s)
{
	g_string_append_printf(((Fixture *)opaque)->told, "%s+%" PRIx64 "+%" PRIx64 "%s ",
			       cxb_hostmem_id(s->mem), s->off, s->len, s->err ? " failed" : "");
}

static void setup(Fixture *f, gconstpointer unused)
{
	mem_box_open(&f->box);
	f->context = g_main_context_new();
	f->worker = cxb_worker_new(f->context);
	f->told = g_string_new(NULL);
	cxb_hostmem_pool_set_worker(f->box.pool, f->worker);
	cxb_hostmem_notify_add(cxb_hostmem_pool_sanitized_notify(f->box.pool), on_sanitized, f);
	set_gate(false, 0);
	gate.seen = 0;
}

static void teardown(Fixture *f, gconstpointer unused)
{
	cxb_worker_finish(f->worker);
	mem_box_close(&f->box);
	cxb_worker_free(f->worker);
	g_main_context_unref(f->context);
	g_string_free(f->told, TRUE);
}

static void told(Fixture *f, const char *what)
{
	g_assert_cmpstr(f->told->str, ==, what);
	g_string_truncate(f->told, 0);
}

static CxbHostMem *held(Fixture *f, const char *text)
{
	CxbHostMem *mem = mem_new(&f->box, text);

	memset(cxb_hostmem_ptr(mem), 0x5a, cxb_hostmem_size(mem));
	g_assert_true(cxb_hostmem_hold(mem, "t0", NULL));
	return mem;
}

static void refused(bool ok, GError **err, CxbErrorCode code, const char *message)
{
	g_assert_false(ok);
	g_assert_error(*err, CXB_ERROR, code);
	g_assert_cmpstr((*err)->message, ==, message);
	g_clear_error(err);
}

static void is_zero(CxbHostMem *mem, uint64_t from, uint64_t to)
{
	const uint8_t *p = cxb_hostmem_ptr(mem);

	g_assert_cmphex(p[from], ==, 0);
	g_assert_true(!memcmp(p + from, p + from + 1, to - from - 1));
}

static void what_is_quickly_done_is_done_at_once(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, "memory-backend-ram,id=m0,size=8M");
	CxbHostMem *sparse = mem_new(&f->box, "memory-backend-ram,id=s,size=1T");

	cxb_hostmem_sanitize(mem, MIB(2), MIB(2));
	g_assert_true(gate.thread == g_thread_self());
	told(f, "m0+200000+200000 ");
	g_assert_cmpint(cxb_hostmem_state(mem), ==, CXB_HOSTMEM_CLEAN);
	g_assert_true(cxb_hostmem_clean(mem, 0, MIB(8), NULL));
	is_zero(mem, MIB(2), MIB(4));
	g_assert_cmphex(*(uint8_t *)cxb_hostmem_ptr(mem), ==, 0x5a);
	cxb_hostmem_release(mem);
	g_assert_null(cxb_hostmem_holder(mem));
	/* Nothing of it was ever touched. */
	g_assert_true(cxb_hostmem_hold(sparse, "t0", NULL));
	cxb_hostmem_sanitize(sparse, 0, MIB(1) << 20);
	cxb_hostmem_release(sparse);
	g_assert_null(cxb_hostmem_holder(sparse));
	g_assert_true(cxb_worker_idle(f->worker));
}

static void without_a_worker_all_is(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG);

	cxb_hostmem_pool_set_worker(f->box.pool, NULL);
	cxb_hostmem_sanitize(mem, 0, MIB(160));
	cxb_hostmem_release(mem);
	g_assert_null(cxb_hostmem_holder(mem));
	is_zero(mem, 0, MIB(160));
}

static void a_backend_is_not_free_before_it_is_clean(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG);
	g_autoptr(GError) err = NULL;

	set_gate(true, 0);
	cxb_hostmem_sanitize(mem, 0, MIB(160));
	cxb_hostmem_release(mem);
	while (g_main_context_iteration(f->context, FALSE))
		;
	g_assert_cmpint(cxb_hostmem_state(mem), ==, CXB_HOSTMEM_CLEANING);
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "t0");
	for (unsigned i = 0; i < 2; i++) {
		refused(cxb_hostmem_hold(mem, "t1", &err), &err, CXB_ERROR_AGAIN,
			"memory backend 'm0' is being sanitized");
		refused(cxb_user_object_del(f->box.qom, "m0", &err), &err, CXB_ERROR_AGAIN,
			"memory backend 'm0' is being sanitized");
	}
	told(f, "");
	set_gate(false, 0);
	while (cxb_hostmem_holder(mem))
		g_main_context_iteration(f->context, TRUE);
	told(f, "m0+0+a000000 ");
	g_assert_true(gate.thread != g_thread_self());
	g_assert_cmpuint(gate.seen, ==, 3); /* in steps */
	g_assert_cmpint(cxb_hostmem_state(mem), ==, CXB_HOSTMEM_CLEAN);
	is_zero(mem, 0, MIB(160));
	g_assert_true(cxb_hostmem_hold(mem, "t1", NULL));
	cxb_hostmem_release(mem);
	g_assert_true(cxb_user_object_del(f->box.qom, "m0", NULL));
}

static void ranges_are_clean_one_by_one(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG);
	g_autoptr(GError) err = NULL;

	set_gate(true, 0);
	cxb_hostmem_sanitize(mem, 0, MIB(80));
	cxb_hostmem_sanitize(mem, MIB(80), MIB(70));
	refused(cxb_hostmem_clean(mem, MIB(79), MIB(1), &err), &err, CXB_ERROR_AGAIN,
		"memory backend 'm0' is being sanitized");
	refused(cxb_hostmem_clean(mem, MIB(149), MIB(2), &err), &err, CXB_ERROR_AGAIN,
		"memory backend 'm0' is being sanitized");
	g_assert_true(cxb_hostmem_clean(mem, MIB(150), MIB(10), NULL));
	/* It is held, and not by one that has let go. */
	refused(cxb_hostmem_hold(mem, "t1", &err), &err, CXB_ERROR_BUSY,
		"memory backend 'm0' is in use by t0");
	set_gate(false, 0);
	cxb_worker_finish(f->worker);
	told(f, "m0+0+5000000 m0+5000000+4600000 ");
	is_zero(mem, 0, MIB(150));
	g_assert_cmphex(*((uint8_t *)cxb_hostmem_ptr(mem) + MIB(150)), ==, 0x5a);
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "t0");
	cxb_hostmem_release(mem);
}

static void where_it_fails_it_is_tried_again(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG);
	g_autoptr(GError) err = NULL;

	if (!g_test_subprocess()) {
		g_test_trap_subprocess(NULL, 0, 0);
		g_test_trap_assert_passed();
		g_test_trap_assert_stderr("*warning: t0: memory backend m0 stays in use: "
					  "sanitizing it failed: cannot discard*");
		set_gate(false, 0);
		return;
	}
	set_gate(true, 0);
	cxb_hostmem_sanitize(mem, 0, MIB(160));
	cxb_hostmem_release(mem);
	set_gate(false, 1);
	cxb_worker_finish(f->worker);
	told(f, "m0+0+a000000 failed ");
	g_assert_cmpint(cxb_hostmem_state(mem), ==, CXB_HOSTMEM_UNCLEAN);
	g_assert_cmpstr(cxb_hostmem_holder(mem), ==, "t0");
	refused(cxb_hostmem_hold(mem, "t1", &err), &err, CXB_ERROR_BUSY,
		"memory backend 'm0' is in use by t0: sanitizing it failed: cannot discard "
		"0x0+0x4000000 of memory backend 'm0': Input/output error; it is tried again");
	cxb_worker_finish(f->worker);
	told(f, "m0+0+a000000 ");
	is_zero(mem, 0, MIB(160));
	g_assert_true(cxb_hostmem_hold(mem, "t1", NULL));
}

#define T(path, fn) g_test_add("/memory/sanitize/" path, Fixture, NULL, setup, fn, teardown)

/* --- several ranges at once, that nobody is kept from --- */

static void over(void *told)
{
	g_string_append(told, "over ");
}

static void several_are_zeroed_together_and_pinned_meanwhile(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG), *other = held(f, "memory-backend-ram,id=o,size=8M");
	CxbErasure *e = cxb_erasure_new("t0", over, f->told);
	GError *err = NULL;

	cxb_erasure_add(e, mem, MIB(1), MIB(140));
	cxb_erasure_add(e, other, 64, MIB(4));
	cxb_erasure_add(e, other, MIB(4), 128); /* some of it twice */
	set_gate(true, 0);
	g_assert_false(cxb_erasure_start(e));
	cxb_hostmem_release(other);
	refused(cxb_hostmem_hold(other, "t1", &err), &err, CXB_ERROR_BUSY,
		"memory backend 'o' is in use by t0");
	set_gate(false, 0);
	while (!f->told->len)
		g_main_context_iteration(f->context, TRUE);
	told(f, "over ");
	g_assert_no_error(cxb_erasure_error(e));
	g_assert_cmpstr(cxb_hostmem_holder(other), ==, "t0");
	cxb_erasure_free(e);
	g_assert_null(cxb_hostmem_holder(other));
	is_zero(mem, MIB(1), MIB(141));
	is_zero(other, 64, MIB(4) + 128);
	g_assert_cmphex(((uint8_t *)cxb_hostmem_ptr(mem))[MIB(1) - 1], ==, 0x5a);
	g_assert_cmphex(((uint8_t *)cxb_hostmem_ptr(mem))[MIB(141)], ==, 0x5a);
	g_assert_cmphex(((uint8_t *)cxb_hostmem_ptr(other))[63], ==, 0x5a);
	g_assert_cmphex(((uint8_t *)cxb_hostmem_ptr(other))[MIB(4) + 128], ==, 0x5a);
}

static void one_that_fails_does_not_keep_the_next(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, "memory-backend-ram,id=m0,size=8M");
	CxbErasure *e = cxb_erasure_new("t0", over, f->told);

	cxb_erasure_add(e, mem, 0, MIB(1));
	cxb_erasure_add(e, mem, MIB(4), MIB(4));
	set_gate(false, 1);
	g_assert_true(cxb_erasure_start(e));
	g_assert_nonnull(strstr(cxb_erasure_error(e)->message, "cannot discard 0x0+0x100000"));
	g_assert_cmphex(*(uint8_t *)cxb_hostmem_ptr(mem), ==, 0x5a);
	is_zero(mem, MIB(4), MIB(8));
	cxb_erasure_free(e);
	told(f, "");
}

static void what_is_given_up_is_let_go_at_once(Fixture *f, gconstpointer unused)
{
	CxbHostMem *mem = held(f, BIG), *first = held(f, "memory-backend-ram,id=o,size=160M");
	CxbErasure *e[2];

	for (unsigned i = 0; i < 2; i++) {
		e[i] = cxb_erasure_new("t0", over, f->told);
		cxb_erasure_add(e[i], i ? mem : first, 0, MIB(160));
	}
	set_gate(true, 0);
	g_assert_false(cxb_erasure_start(e[0]));
	g_assert_false(cxb_erasure_start(e[1]));
	cxb_erasure_free(e[1]); /* waits behind the first */
	cxb_hostmem_release(mem);
	g_assert_null(cxb_hostmem_holder(mem));
	set_gate(false, 0);
	cxb_erasure_free(e[0]);
	g_assert_true(cxb_worker_idle(f->worker));
	g_assert_cmphex(*(uint8_t *)cxb_hostmem_ptr(mem), ==, 0x5a);
	told(f, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	T("at-once", what_is_quickly_done_is_done_at_once);
	T("no-worker", without_a_worker_all_is);
	T("later", a_backend_is_not_free_before_it_is_clean);
	T("ranges", ranges_are_clean_one_by_one);
	T("erasure", several_are_zeroed_together_and_pinned_meanwhile);
	T("erasure-fails", one_that_fails_does_not_keep_the_next);
	T("erasure-given-up", what_is_given_up_is_let_go_at_once);
	T("fails", where_it_fails_it_is_tried_again);
	return g_test_run();
}
