/* SPDX-License-Identifier: Apache-2.0 */
#include "memory/guard.h"

#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

/* What this thread is about to touch. The handler runs on the thread that faulted, so the model
 * of storage must be one that needs no allocation: initial-exec. */
typedef struct {
	volatile sig_atomic_t armed;
	uintptr_t lo;
	uintptr_t len;
	sigjmp_buf env;
} GuardFrame;

static _Thread_local GuardFrame frame __attribute__((tls_model("initial-exec")));

/* The handlers that were there before ours; a process has one of each, so do we. */
static struct sigaction earlier_bus, earlier_segv;

/* Die of @sig as if nobody had handled it. A fault of the processor comes again when the handler
 * returns; a signal that was sent does not and is raised again. */
static void default_action(int sig, const siginfo_t *info)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	sigemptyset(&dfl.sa_mask);
	sigaction(sig, &dfl, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *earlier = sig == SIGBUS ? &earlier_bus : &earlier_segv;

	/* si_code <= 0: sent by a process, si_addr means nothing */
	if (frame.armed && info->si_code > 0 && (uintptr_t)info->si_addr - frame.lo < frame.len)
		siglongjmp(frame.env, 1);

	if (earlier->sa_flags & SA_SIGINFO)
		earlier->sa_sigaction(sig, info, context);
	else if (earlier->sa_handler == SIG_IGN && info->si_code <= 0)
		return; /* one that was sent can be ignored, a fault cannot */
	else if (earlier->sa_handler == SIG_DFL || earlier->sa_handler == SIG_IGN)
		default_action(sig, info);
	else
		earlier->sa_handler(sig);
}

void cxb_guard_init(void)
{
	static gsize once;

	if (!g_once_init_enter(&once))
		return;

	/* SA_NODEFER: the handler leaves by a jump that restores no signal mask, which saves two
	 * system calls a copy; so the signal must not be blocked while it runs. */
	struct sigaction ours = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK,
	};
	sigemptyset(&ours.sa_mask);
	sigaction(SIGBUS, &ours, &earlier_bus);
	sigaction(SIGSEGV, &ours, &earlier_segv);
	g_once_init_leave(&once, 1);
}

/* The typed accesses are volatile so that each stays one load and one store of its size. */
#define COPY_ONE(type)                                      \
	do {                                                \
		type tmp_;                                  \
		if ((uintptr_t)src % sizeof(type) == 0)     \
			tmp_ = *(const volatile type *)src; \
		else                                        \
			memcpy(&tmp_, src, sizeof(tmp_));   \
		if ((uintptr_t)dst % sizeof(type) == 0)     \
			*(volatile type *)dst = tmp_;       \
		else                                        \
			memcpy(dst, &tmp_, sizeof(tmp_));   \
	} while (0)

static void copy_bytes(void *dst, const void *src, size_t len)
{
	switch (len) {
	case 1:
		COPY_ONE(uint8_t);
		break;
	case 2:
		COPY_ONE(uint16_t);
		break;
	case 4:
		COPY_ONE(uint32_t);
		break;
	case 8:
		COPY_ONE(uint64_t);
		break;
	default:
		memcpy(dst, src, len);
	}
}

bool cxb_guard_copy(void *dst, const void *src, size_t len, const void *guarded, size_t guarded_len)
{
	frame.lo = (uintptr_t)guarded;
	frame.len = guarded_len;
	if (sigsetjmp(frame.env, 0)) {
		frame.armed = 0;
		return false;
	}
	frame.armed = 1;
	atomic_signal_fence(memory_order_seq_cst);
	copy_bytes(dst, src, len);
	atomic_signal_fence(memory_order_seq_cst);
	frame.armed = 0;
	return true;
}
