/* SPDX-License-Identifier: Apache-2.0 */
/* A memory backend from inside: hostmem.c makes it, sanitize.c zeroes it. */
#ifndef MEMORY_HOSTMEM_IMPL_H
#define MEMORY_HOSTMEM_IMPL_H

#include "backing.h"
#include "base/ivmap.h"
#include "base/worker.h"
#include "memory/hostmem.h"

struct CxbHostMem {
	CxbObject obj;

	/* Properties of every type */
	uint64_t size;
	bool share;
	bool prealloc;
	char *tag_text;
	/* ... and those that scripts carry and nothing here depends on */
	bool merge, dump, reserve, canonical_path;
	uint32_t prealloc_threads;
	int policy;
	char *prealloc_context;

	/* memory-backend-file */
	char *mem_path;
	uint64_t offset;
	bool readonly;
	bool discard_data;
	uint64_t align;
	bool pmem;
	int rom;
	/* memory-backend-memfd: accepted, the memfd is sealed anyhow */
	bool seal, hugetlb;
	uint64_t hugetlbsize;

	/* From completion on */
	char *id;
	CxbUuid tag;
	Backing backing;
	void *ptr;
	uint64_t mapped_len;
	dev_t dev;
	ino_t ino;
	CxbHostMemPool *pool; /* NULL: not, or no longer, in it */
	GList *link;

	char *holder; /* NULL: free */
	bool mapped;
	unsigned pins;
	char *pinned_by; /* NULL without pins */

	/* sanitize.c */
	CxbIvMap *unclean; /* offset -> Cleaning: nobody may see these bytes again */
	size_t cleaning;   /* of them: are being zeroed now; of the others it failed */
	bool released;     /* by its holder, and free once it has no pins and all is clean */
};

struct CxbHostMemPool {
	GQueue mems;        /* CxbHostMem *, in order of creation */
	GHashTable *by_tag; /* &CxbHostMem.tag -> CxbHostMem */
	CxbWorker *worker;  /* NULL: nothing is left for later */
	CxbHostMemNotify sanitized;
};

/* --- sanitize.c --- */

#define HOSTMEM_STEP (64ull << 20) /* bytes that are zeroed in one go on the worker */

/** hostmem_step_end() - Of a range of which @done bytes are zeroed: how many are after the next @step, a
 * few more or less to end between pages. */
uint64_t hostmem_step_end(const CxbHostMem *mem, uint64_t off, uint64_t len, uint64_t done,
			  uint64_t step);
/** hostmem_zeroing_cost() - Bytes of memory or file that zeroing @len bytes frees, if that can be known. */
uint64_t hostmem_zeroing_cost(const CxbHostMem *mem, uint64_t len);

void hostmem_sanitize_init(CxbHostMem *mem);
void hostmem_sanitize_fini(CxbHostMem *mem);
/** hostmem_unpinned() - Its last pin is gone: zero what waited for that, be free if nothing waits. */
void hostmem_unpinned(CxbHostMem *mem);
/** hostmem_finish_marks() - Zero what whoever used this part of the file before was to, and did not come
 * to. */
bool hostmem_finish_marks(CxbHostMem *mem, GError **errp);

#endif
