/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "memory/guard.h"

#define PAGE 4096u

static volatile sig_atomic_t seen;

static void earlier_handler(int sig)
{
	seen = sig;
	_exit(42);
}

static uint8_t *map(int prot)
{
	uint8_t *p = mmap(NULL, 2 * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	g_assert_true(p != MAP_FAILED);
	return p;
}

static void good_memory_is_copied(void)
{
	uint8_t *p = map(PROT_READ | PROT_WRITE);
	char back[16] = "";

	for (size_t len = 1; len <= 11; len++) {
		g_assert_true(cxb_guard_copy(p + 3, "hello world", len, p, PAGE));
		g_assert_true(cxb_guard_copy(back, p + 3, len, p, PAGE));
		g_assert_cmpmem(back, len, "hello world", len);
	}
	munmap(p, 2 * PAGE);
}

static void a_protected_page_fails_the_copy_every_time(void)
{
	uint8_t *p = map(PROT_NONE);
	uint64_t val = 7;

	for (int i = 0; i < 1000; i++) {
		g_assert_false(cxb_guard_copy(&val, p, sizeof(val), p, PAGE));
		g_assert_false(cxb_guard_copy(p, &val, sizeof(val), p, PAGE));
	}
	g_assert_cmpuint(val, ==, 7);
	munmap(p, 2 * PAGE);
}

static void a_file_cut_short_fails_the_copy(void)
{
	int fd = memfd_create("cut", MFD_CLOEXEC);
	uint8_t *p, buf[64];

	g_assert_cmpint(ftruncate(fd, 2 * PAGE), ==, 0);
	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g_assert_cmpint(ftruncate(fd, PAGE), ==, 0);
	g_assert_true(cxb_guard_copy(buf, p, sizeof(buf), p, 2 * PAGE));
	g_assert_false(cxb_guard_copy(buf, p + PAGE - 32, sizeof(buf), p, 2 * PAGE));
	munmap(p, 2 * PAGE);
	close(fd);
}

static gpointer fault_a_lot(gpointer page)
{
	uint8_t b;

	for (int i = 0; i < 1000; i++)
		g_assert_false(cxb_guard_copy(&b, page, 1, page, PAGE));
	return NULL;
}

static void threads_fault_independently(void)
{
	uint8_t *p = map(PROT_NONE);
	GThread *threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = g_thread_new("fault", fault_a_lot, p);
	for (int i = 0; i < 4; i++)
		g_thread_join(threads[i]);
	munmap(p, 2 * PAGE);
}

/* The fault is on the side that was not declared. */
static void a_fault_elsewhere_goes_to_the_earlier_handler(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		uint8_t *good = map(PROT_READ | PROT_WRITE), *bad = map(PROT_NONE);

		cxb_guard_copy(good, bad, 8, good, PAGE);
		_exit(1);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 42);
}

static void a_signal_that_was_sent_goes_to_the_earlier_handler(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		raise(SIGSEGV);
		_exit(1);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 42);
}

static void without_an_earlier_handler_a_stray_fault_kills(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int fd = memfd_create("empty", MFD_CLOEXEC);
		uint8_t *good = map(PROT_READ | PROT_WRITE);
		uint8_t *bad = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

		cxb_guard_copy(good, bad, 8, good, PAGE);
		_exit(1);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_true(WIFSIGNALED(status));
	g_assert_cmpint(WTERMSIG(status), ==, SIGBUS);
}

int main(int argc, char **argv)
{
	struct sigaction earlier = { .sa_handler = earlier_handler };
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigaction(SIGSEGV, &earlier, NULL);
	sigaction(SIGBUS, &dfl, NULL);
	cxb_guard_init();
	cxb_guard_init();

	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/guard/copies", good_memory_is_copied);
	g_test_add_func("/guard/protected", a_protected_page_fails_the_copy_every_time);
	g_test_add_func("/guard/truncated", a_file_cut_short_fails_the_copy);
	g_test_add_func("/guard/threads", threads_fault_independently);
	g_test_add_func("/guard/chain", a_fault_elsewhere_goes_to_the_earlier_handler);
	g_test_add_func("/guard/sent", a_signal_that_was_sent_goes_to_the_earlier_handler);
	g_test_add_func("/guard/default", without_an_earlier_handler_a_stray_fault_kills);
	return g_test_run();
}
