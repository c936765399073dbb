/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host memory backends: memory-backend-ram, -memfd and -file. Each sits on a file descriptor (ram
 * and memfd on a memfd, sealed against shrinking and growing), is sparse, and may carry a tag: a
 * UUID, unique among all backends, that names the bytes to whoever is offered them.
 *
 * A file is locked, its part of it, while a backend is on it: for writing with share=on, for reading
 * with readonly=on. Without either it is copied to a memfd at completion and let go; writes never
 * reach it. Every mapping of a backend, here or in another process, shows the same bytes.
 *
 * A backend is *held* by at most one user at a time (a dynamic-capacity group, a device's static
 * memory, the machine's RAM); while held it cannot be deleted. It is *mapped* while a host has
 * accepted it.
 *
 * Bytes that nobody may see again are *sanitized*: zeroed, on the pool's worker unless that is quickly
 * done. Until they are, and as long as it fails, the backend stays held by whoever released it.
 */
#ifndef CXB_MEMORY_HOSTMEM_H
#define CXB_MEMORY_HOSTMEM_H

#include "base/notify.h"
#include "base/uuid.h"
#include "base/worker.h"
#include "qom/object.h"

#define CXB_TYPE_NAME_HOSTMEM     "memory-backend"
#define CXB_TYPE_NAME_HOSTMEM_RAM "memory-backend-ram"

typedef struct CxbHostMem CxbHostMem;
typedef struct CxbHostMemPool CxbHostMemPool;

/* The pool is what knows the tags. One per CxbQom, registered as service "hostmem-pool". */
CxbHostMemPool *cxb_hostmem_pool_new(CxbQom *qom); /* also registers the types */
/** cxb_hostmem_pool_free() - Before or after its CxbQom; no backend may be created in between. */
void cxb_hostmem_pool_free(CxbHostMemPool *pool);
/** cxb_hostmem_pool_set_worker() - It takes what takes long from now on; borrowed. Before the pool goes, or
 * its CxbQom, cxb_worker_finish(). Without one, everything is done at once. */
void cxb_hostmem_pool_set_worker(CxbHostMemPool *pool, CxbWorker *worker);

/* Bytes that were to be zeroed are, or it failed. What is done at once is told from inside of the call. */
typedef struct {
	CxbHostMem *mem;
	uint64_t off, len;
	const GError *err; /* NULL: they are */
} CxbHostMemSanitized;
CXB_NOTIFY_TYPE(CxbHostMemNotify, cxb_hostmem_notify, const CxbHostMemSanitized)
CxbHostMemNotify *cxb_hostmem_pool_sanitized_notify(CxbHostMemPool *pool);

/**
 * cxb_hostmem_new_fd() - Bytes that another process has: (@off, @size) of a file, mapped here. It is in
 * no tree and no pool, has no tag, and goes with its last reference, of which the caller has one.
 * @fd: stays the caller's; of memory, or whatever can be mapped
 * @off, @size: whole pages
 */
CxbHostMem *cxb_hostmem_new_fd(CxbQom *qom, const char *id, int fd, uint64_t off, uint64_t size,
			       bool readonly, GError **errp);

/** cxb_hostmem_by_tag() - O(1). NULL if no completed backend has @tag. */
CxbHostMem *cxb_hostmem_by_tag(CxbHostMemPool *pool, const CxbUuid *tag);
typedef void (*CxbHostMemFn)(CxbHostMem *mem, void *opaque);
/** cxb_hostmem_foreach() - All completed backends, in order of creation. */
void cxb_hostmem_foreach(CxbHostMemPool *pool, CxbHostMemFn fn, void *opaque);

static inline CxbObject *cxb_hostmem_object(CxbHostMem *mem)
{
	return (CxbObject *)mem;
}
CxbHostMem *cxb_hostmem_from_object(CxbObject *obj); /* obj must be one */

const char *cxb_hostmem_id(const CxbHostMem *mem);     /* name in the tree */
uint64_t cxb_hostmem_size(const CxbHostMem *mem);      /* bytes */
const CxbUuid *cxb_hostmem_tag(const CxbHostMem *mem); /* null tag if it has none */
bool cxb_hostmem_share(const CxbHostMem *mem);
bool cxb_hostmem_prealloc(const CxbHostMem *mem);
bool cxb_hostmem_readonly(const CxbHostMem *mem);
/** cxb_hostmem_fd() - Descriptor and the offset in it where the backend starts. */
int cxb_hostmem_fd(const CxbHostMem *mem, uint64_t *fd_offset);
/** cxb_hostmem_path() - A path another process of this user can open: the file's own, or
 * /proc/PID/fd/N. Caller frees. */
char *cxb_hostmem_path(const CxbHostMem *mem);
/** cxb_hostmem_ptr() - The whole backend mapped in this process (made at completion; sparse). */
void *cxb_hostmem_ptr(const CxbHostMem *mem);

/** cxb_hostmem_hold() - Fails, naming the present holder, if held; if that has released it, as
 * cxb_hostmem_clean() does.
 * @holder: who, for messages ("/machine/peripheral/cxl-vmem0"); copied */
bool cxb_hostmem_hold(CxbHostMem *mem, const char *holder, GError **errp);
/** cxb_hostmem_release() - It is free, or will be as soon as it is clean. */
void cxb_hostmem_release(CxbHostMem *mem);
/** cxb_hostmem_pin() - Somebody shows its bytes where nobody here can take them away at once: when it
 * is released it stays held, by @who now, until each pin is gone. @who is copied. */
void cxb_hostmem_pin(CxbHostMem *mem, const char *who);
void cxb_hostmem_unpin(CxbHostMem *mem);
const char *cxb_hostmem_holder(const CxbHostMem *mem); /* NULL if free */
void cxb_hostmem_set_mapped(CxbHostMem *mem, bool mapped);
bool cxb_hostmem_mapped(const CxbHostMem *mem);

/**
 * cxb_hostmem_read() / _write() - Copy through the mapping; a fault in the backing (file truncated
 * under us, poison) makes it return false instead of killing the process. Bounds are checked.
 */
bool cxb_hostmem_read(CxbHostMem *mem, uint64_t off, void *buf, size_t len);
bool cxb_hostmem_write(CxbHostMem *mem, uint64_t off, const void *buf, size_t len);
/** cxb_hostmem_discard() - Punch a hole: the range reads zero afterwards. */
bool cxb_hostmem_discard(CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp);
/**
 * cxb_hostmem_sanitize() - As cxb_hostmem_discard(), for bytes that nobody may see again: its holder
 * does not look at them, nor releases the backend to anybody else, until they are clean.
 * @len: above 0, inside of the backend; no byte is being sanitized already
 *
 * Until then, if it fails, or the process dies meanwhile, the range is marked in a file that is shared; the
 * next backend there zeroes it at completion, before anybody sees it, and fails if it cannot. So it does
 * on file systems with extended attributes.
 */
void cxb_hostmem_sanitize(CxbHostMem *mem, uint64_t off, uint64_t len);
/** cxb_hostmem_clean() - No byte of a range is still to be zeroed. Where that failed it is tried again.
 * False with CXB_ERROR_AGAIN while it goes on, else with the reason. */
bool cxb_hostmem_clean(CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp);
typedef enum { CXB_HOSTMEM_CLEAN, CXB_HOSTMEM_CLEANING, CXB_HOSTMEM_UNCLEAN } CxbHostMemState;
CxbHostMemState cxb_hostmem_state(const CxbHostMem *mem);
/** cxb_hostmem_foreach_unclean() - Ranges that are to be zeroed, by offset. @err: why that failed; NULL: it
 * goes on, or waits for pins. */
void cxb_hostmem_foreach_unclean(const CxbHostMem *mem,
				 void (*fn)(void *opaque, uint64_t off, uint64_t len,
					    const GError *err),
				 void *opaque);

#endif
