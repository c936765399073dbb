/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread for what takes long and needs nothing of the machine: zeroing memory, say. Jobs run one
 * after the other in the order given, in steps, each of them short; the end of one is told from the
 * main loop of the thread that owns the worker. The thread starts with the first job, and sleeps while
 * there is none.
 *
 * All calls are the owner's. Of a job that was submitted only its step touches anything, until it has
 * ended or was cancelled.
 */
#ifndef CXB_BASE_WORKER_H
#define CXB_BASE_WORKER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct CxbWorker CxbWorker;
typedef struct CxbJob CxbJob;

/* Embedded in what it works on. */
struct CxbJob {
	/* On the worker's thread: do a part. True: there is more, call again. */
	bool (*step)(CxbJob *job);
	/* On the owner's, after the last step: the job is its caller's again, who may free it. */
	void (*done)(CxbJob *job);
	/* The worker's */
	GQueue *queue;
	GList link;
};

/** cxb_worker_new() - Ends are told from @context (NULL: the default one) whenever it iterates. */
CxbWorker *cxb_worker_new(GMainContext *context);
/** cxb_worker_free() - After cxb_worker_finish(). NULL is fine. */
void cxb_worker_free(CxbWorker *w);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbWorker, cxb_worker_free)

/** cxb_worker_submit() - @job, with step and done set, is the worker's until it has ended. Without a
 * thread, where the system gives none, it is worked off at once; its end is told all the same. */
void cxb_worker_submit(CxbWorker *w, CxbJob *job);
/** cxb_worker_cancel() - @job, which has not ended, is the caller's again, its done is not called.
 * Waits for the step that is being done, if it is one of this job. */
void cxb_worker_cancel(CxbWorker *w, CxbJob *job);
/** cxb_worker_finish() - Wait for all jobs, and tell their ends, until there is none. */
void cxb_worker_finish(CxbWorker *w);
/** cxb_worker_idle() - There is no job whose end is still to be told. */
bool cxb_worker_idle(const CxbWorker *w);

/**
 * cxb_worker_spend() - May the caller do so much work itself, at once, instead?
 *
 * Until its main loop has had its next turn it may do CXB_WORKER_AT_ONCE bytes' worth of it: who waits in
 * the loop does not notice. If so, it is counted.
 */
bool cxb_worker_spend(CxbWorker *w, uint64_t bytes);
#define CXB_WORKER_AT_ONCE (64ull << 20)

#endif
