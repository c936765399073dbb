/* SPDX-License-Identifier: Apache-2.0 */
#include "hostmem_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/range.h"
#include "base/trace.h"
#include "memory/guard.h"

#define POOL_SERVICE "hostmem-pool"

static CxbHostMem *hostmem(CxbObject *obj)
{
	return (CxbHostMem *)obj;
}

CxbHostMem *cxb_hostmem_from_object(CxbObject *obj)
{
	g_assert(cxb_object_is(obj, CXB_TYPE_NAME_HOSTMEM));
	return hostmem(obj);
}

static bool check_not_0(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	if (!v->u)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"property '%s' of %s doesn't take value '0'", prop->name,
				obj->type->name);
	return true;
}

static bool tag_parse(const char *text, CxbUuid *tag, GError **errp)
{
	*tag = (CxbUuid){ 0 };
	if (!text || !*text || cxb_uuid_parse(text, tag))
		return true;
	return cxb_fail(errp, CXB_ERROR_INVALID,
			"Property 'tag' doesn't take value '%s': not a UUID", text);
}

static bool check_tag(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	CxbUuid tag;

	return tag_parse(v->s, &tag, errp);
}

/* The file, or one that overlaps with it, is another backend's of this process. */
static bool refuse_own_file(CxbHostMem *mem, GError **errp)
{
	struct stat st;

	if (stat(mem->mem_path, &st) || !S_ISREG(st.st_mode))
		return true;
	for (GList *l = mem->pool->mems.head; l; l = l->next) {
		const CxbHostMem *other = l->data;

		if (other->ino != st.st_ino || other->dev != st.st_dev || !other->size ||
		    (mem->readonly && other->readonly) ||
		    !cxb_range_valid(mem->offset, mem->size) ||
		    !cxb_ranges_overlap(mem->offset, mem->size, other->offset, other->size))
			continue;
		return cxb_fail(
			errp, CXB_ERROR_BUSY,
			"backing store %s of memory backend '%s' is in use by memory backend "
			"'%s'",
			mem->mem_path, mem->id, other->id);
	}
	return true;
}

static bool open_file(CxbHostMem *mem, GError **errp)
{
	const BackingFile file = {
		.path = mem->mem_path,
		.offset = mem->offset,
		.size = mem->size,
		.share = mem->share,
		.readonly = mem->readonly,
	};
	struct stat st;

	if (!refuse_own_file(mem, errp) || !backing_open_file(&mem->backing, mem->id, &file, errp))
		return false;
	if (fstat(mem->backing.fd, &st) == 0) {
		mem->dev = st.st_dev;
		mem->ino = st.st_ino;
	}
	return true;
}

/* Sparse, and not counted as promised memory: 4 TiB of it cost nothing until touched. */
static bool map_whole(CxbHostMem *mem, GError **errp)
{
	const Backing *b = &mem->backing;
	const int prot = PROT_READ | (b->readonly ? 0 : PROT_WRITE);
	void *p;

	if (mem->size > SIZE_MAX - b->page_size)
		return cxb_fail_errno(errp, ENOMEM, "cannot map memory backend '%s'", mem->id);
	mem->mapped_len = (mem->size + b->page_size - 1) / b->page_size * b->page_size;
	p = mmap(NULL, mem->mapped_len, prot, MAP_SHARED | MAP_NORESERVE, b->fd, b->fd_off);
	if (p == MAP_FAILED)
		return cxb_fail_errno(errp, errno,
				      "cannot map memory backend '%s' of 0x%" PRIx64 " bytes",
				      mem->id, mem->size);
	mem->ptr = p;
	if (!mem->dump)
		madvise(p, mem->mapped_len, MADV_DONTDUMP);
	return true;
}

static bool claim_tag(CxbHostMem *mem, GError **errp)
{
	CxbHostMem *other;
	char text[CXB_UUID_STRLEN + 1];

	if (!tag_parse(mem->tag_text, &mem->tag, errp))
		return false;
	other = cxb_hostmem_by_tag(mem->pool, &mem->tag);
	if (other)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"tag %s of memory backend '%s' is taken by memory backend '%s'",
				cxb_uuid_format(&mem->tag, text), mem->id, other->id);
	return true;
}

/* Frees what completion made. Safe to call at any stage of it. */
static void hostmem_drop(CxbHostMem *mem)
{
	if (mem->ptr)
		munmap(mem->ptr, mem->mapped_len);
	mem->ptr = NULL;
	backing_close(&mem->backing);
}

static bool complete(CxbHostMem *mem, bool (*open_backing)(CxbHostMem *, GError **), GError **errp)
{
	if (!mem->size)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'size' is missing");
	mem->id = g_strdup(mem->obj.name ? mem->obj.name : "");
	mem->pool = cxb_qom_get_service(mem->obj.qom, POOL_SERVICE);
	g_assert(mem->pool);
	cxb_guard_init();
	if (!claim_tag(mem, errp) || !open_backing(mem, errp))
		goto fail;
	if (!map_whole(mem, errp) || !hostmem_finish_marks(mem, errp) ||
	    (mem->prealloc && !backing_prealloc(&mem->backing, mem->id, mem->size, errp))) {
		backing_undo(&mem->backing);
		goto fail;
	}

	g_queue_push_tail(&mem->pool->mems, mem);
	mem->link = mem->pool->mems.tail;
	if (!cxb_uuid_is_null(&mem->tag))
		g_hash_table_insert(mem->pool->by_tag, &mem->tag, mem);
	return true;

fail:
	hostmem_drop(mem);
	mem->pool = NULL;
	return false;
}

static bool open_memfd(CxbHostMem *mem, GError **errp)
{
	return backing_open_memfd(&mem->backing, mem->id, mem->size, errp);
}

static bool memfd_complete(CxbObject *obj, GError **errp)
{
	return complete(hostmem(obj), open_memfd, errp);
}

static bool file_complete(CxbObject *obj, GError **errp)
{
	CxbHostMem *mem = hostmem(obj);

	if (!mem->mem_path)
		return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter 'mem-path' is missing");
	return complete(mem, open_file, errp);
}

static void hostmem_init(CxbObject *obj)
{
	hostmem(obj)->backing.fd = -1;
	hostmem_sanitize_init(hostmem(obj));
}

static bool hostmem_can_delete(CxbObject *obj, GError **errp)
{
	CxbHostMem *mem = hostmem(obj);

	if (mem->released && !cxb_hostmem_clean(mem, 0, mem->size, errp))
		return false;
	if (!mem->holder && !mem->mapped)
		return true;
	return cxb_fail(errp, CXB_ERROR_BUSY,
			"Cannot delete host memory backend '%s' which is mapped%s%s", mem->id,
			mem->holder ? ": held by " : "", mem->holder ? mem->holder : "");
}

static void hostmem_unparent(CxbObject *obj)
{
	CxbHostMem *mem = hostmem(obj);

	if (!mem->pool)
		return;
	if (!cxb_uuid_is_null(&mem->tag))
		g_hash_table_remove(mem->pool->by_tag, &mem->tag);
	g_queue_delete_link(&mem->pool->mems, mem->link);
	mem->pool = NULL;
}

static void hostmem_finalize(CxbObject *obj)
{
	CxbHostMem *mem = hostmem(obj);

	hostmem_unparent(obj);
	if (mem->discard_data && mem->backing.fd >= 0 && !mem->backing.readonly)
		cxb_hostmem_discard(mem, 0, mem->size, NULL);
	hostmem_sanitize_fini(mem);
	hostmem_drop(mem);
	g_free(mem->id);
	g_free(mem->holder);
}

static const char *const policies[] = { "default", "preferred", "bind", "interleave", NULL };
static const char *const on_off_auto[] = { "on", "off", "auto", NULL };

static bool check_policy(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	if (v->u)
		cxb_warn("policy=%s: memory is not bound to nodes of the host", policies[v->u]);
	return true;
}

/* "host-nodes=0-1", "host-nodes.0=1": which nodes is all the same. */
static bool host_nodes_set(CxbObject *obj, const CxbProp *prop, const char *key, const CxbScalar *v,
			   GError **errp)
{
	const bool whole = strcmp(key, prop->name) == 0;

	if (v->kind == CXB_SCALAR_TEXT || (whole && v->kind == CXB_SCALAR_EMPTY_LIST) ||
	    (!whole && v->kind == CXB_SCALAR_UINT && v->u <= UINT16_MAX))
		return true;
	if (whole)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Invalid parameter type for '%s', expected: array", key);
	return cxb_fail(errp, CXB_ERROR_INVALID, "Parameter '%s' expects uint16_t", key);
}

static bool host_nodes_get(CxbObject *obj, const CxbProp *prop, CxbScalar *out, GError **errp)
{
	*out = (CxbScalar){ .kind = CXB_SCALAR_EMPTY_LIST };
	return true;
}

static bool check_hugetlb(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	if (v->b)
		cxb_warn("hugetlb: memory is of pages of the usual size");
	return true;
}

static bool check_context(CxbObject *obj, const CxbProp *prop, const CxbScalar *v, GError **errp)
{
	return !*v->s || cxb_fail(errp, CXB_ERROR_NOT_FOUND, "Device '%s' not found", v->s);
}

#define MEM(field) offsetof(CxbHostMem, field)

/* clang-format off */
static const CxbProp hostmem_props[] = {
	{ "size", CXB_PROP_SIZE, MEM(size), .type_name = "int", .check = check_not_0,
	  .desc = "bytes; required" },
	{ "share", CXB_PROP_BOOL, MEM(share),
	  .desc = "the bytes may be shared with other processes" },
	{ "prealloc", CXB_PROP_BOOL, MEM(prealloc), .desc = "allocate all memory at creation" },
	{ "tag", CXB_PROP_STR, MEM(tag_text), .check = check_tag,
	  .desc = "UUID that names the bytes to hosts, unique among backends; empty for none" },
	{ "merge", CXB_PROP_BOOL, MEM(merge), .def = "on", .desc = "no effect" },
	{ "dump", CXB_PROP_BOOL, MEM(dump), .def = "on", .desc = "put the bytes into core dumps" },
	{ "reserve", CXB_PROP_BOOL, MEM(reserve), .def = "on",
	  .desc = "no effect: swap space is never reserved" },
	{ "prealloc-threads", CXB_PROP_U32, MEM(prealloc_threads), .type_name = "int", .def = "1",
	  .check = check_not_0, .desc = "no effect" },
	{ "prealloc-context", CXB_PROP_STR, MEM(prealloc_context),
	  .type_name = "link<thread-context>", .check = check_context,
	  .desc = "there are no such objects" },
	{ "policy", CXB_PROP_ENUM, MEM(policy), .names = policies, .type_name = "HostMemPolicy",
	  .def = "default", .check = check_policy, .desc = "no effect: no node is preferred" },
	{ "host-nodes", CXB_PROP_FN, .flags = CXB_PROP_LIST, .type_name = "int",
	  .set = host_nodes_set, .get = host_nodes_get, .desc = "no effect: see policy" },
	{ "x-use-canonical-path-for-ramblock-id", CXB_PROP_BOOL, MEM(canonical_path),
	  .desc = "no effect: there is no migration" },
	{ NULL }
};

static const CxbProp memfd_props[] = {
	{ "share", CXB_PROP_BOOL, MEM(share), .def = "on",
	  .desc = "the bytes may be shared with other processes" },
	{ "seal", CXB_PROP_BOOL, MEM(seal), .def = "on",
	  .desc = "no effect: the memfd is always sealed against growing and shrinking" },
	{ "hugetlb", CXB_PROP_BOOL, MEM(hugetlb), .check = check_hugetlb,
	  .desc = "no effect: pages are of the usual size" },
	{ "hugetlbsize", CXB_PROP_SIZE, MEM(hugetlbsize), .type_name = "int",
	  .desc = "no effect" },
	{ NULL }
};

static const CxbProp file_props[] = {
	{ "mem-path", CXB_PROP_STR, MEM(mem_path),
	  .desc = "file, or directory for a nameless one in it; required" },
	{ "offset", CXB_PROP_SIZE, MEM(offset), .type_name = "int",
	  .desc = "bytes; where in the file the backend starts" },
	{ "readonly", CXB_PROP_BOOL, MEM(readonly), .desc = "never write to the file" },
	{ "discard-data", CXB_PROP_BOOL, MEM(discard_data),
	  .desc = "punch the bytes out of the file when the backend goes" },
	{ "align", CXB_PROP_SIZE, MEM(align), .type_name = "int", .desc = "no effect" },
	{ "pmem", CXB_PROP_BOOL, MEM(pmem), .desc = "no effect: the host flushes as it likes" },
	{ "rom", CXB_PROP_ENUM, MEM(rom), .names = on_off_auto, .type_name = "OnOffAuto",
	  .def = "auto", .desc = "no effect: what is readonly cannot be written" },
	{ NULL }
};
/* clang-format on */

static const CxbType hostmem_type = {
	.name = CXB_TYPE_NAME_HOSTMEM,
	.desc = "host memory",
	.size = sizeof(CxbHostMem),
	.flags = CXB_TYPE_ABSTRACT,
	.props = hostmem_props,
	.init = hostmem_init,
	.can_delete = hostmem_can_delete,
	.unparent = hostmem_unparent,
	.finalize = hostmem_finalize,
};

static const CxbType ram_type = {
	.name = CXB_TYPE_NAME_HOSTMEM_RAM,
	.parent = CXB_TYPE_NAME_HOSTMEM,
	.desc = "anonymous host memory (a memfd)",
	.size = sizeof(CxbHostMem),
	.flags = CXB_TYPE_USER_OBJECT,
	.complete = memfd_complete,
};

static const CxbType memfd_type = {
	.name = "memory-backend-memfd",
	.parent = CXB_TYPE_NAME_HOSTMEM,
	.desc = "host memory on a memfd",
	.size = sizeof(CxbHostMem),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = memfd_props,
	.complete = memfd_complete,
};

static const CxbType file_type = {
	.name = "memory-backend-file",
	.parent = CXB_TYPE_NAME_HOSTMEM,
	.desc = "host memory on a file",
	.size = sizeof(CxbHostMem),
	.flags = CXB_TYPE_USER_OBJECT,
	.props = file_props,
	.complete = file_complete,
};

/* Made by other code, never by name. */
static const CxbType shared_type = {
	.name = "x-memory-shared",
	.parent = CXB_TYPE_NAME_HOSTMEM,
	.desc = "memory that another process has",
	.size = sizeof(CxbHostMem),
};

CxbHostMem *cxb_hostmem_new_fd(CxbQom *qom, const char *id, int fd, uint64_t off, uint64_t size,
			       bool readonly, GError **errp)
{
	CxbObject *obj = cxb_object_new(qom, &shared_type);
	CxbHostMem *mem = hostmem(obj);

	mem->id = g_strdup(id);
	mem->size = size;
	mem->share = true;
	mem->dump = false;
	cxb_guard_init();
	if (backing_open_fd(&mem->backing, id, fd, off, readonly, errp) && map_whole(mem, errp))
		return mem;
	cxb_object_unref(obj);
	return NULL;
}

CxbHostMemPool *cxb_hostmem_pool_new(CxbQom *qom)
{
	CxbHostMemPool *pool = g_new0(CxbHostMemPool, 1);

	g_queue_init(&pool->mems);
	cxb_hostmem_notify_init(&pool->sanitized);
	pool->by_tag = g_hash_table_new(cxb_uuid_hash, cxb_uuid_hash_equal);
	cxb_qom_register(qom, &hostmem_type);
	cxb_qom_register(qom, &ram_type);
	cxb_qom_register(qom, &memfd_type);
	cxb_qom_register(qom, &file_type);
	cxb_qom_register(qom, &shared_type);
	cxb_qom_set_service(qom, POOL_SERVICE, pool);
	return pool;
}

void cxb_hostmem_pool_free(CxbHostMemPool *pool)
{
	if (!pool)
		return;
	for (GList *l = pool->mems.head; l; l = l->next)
		((CxbHostMem *)l->data)->pool = NULL;
	g_queue_clear(&pool->mems);
	g_hash_table_unref(pool->by_tag);
	cxb_hostmem_notify_fini(&pool->sanitized);
	g_free(pool);
}

void cxb_hostmem_pool_set_worker(CxbHostMemPool *pool, CxbWorker *worker)
{
	pool->worker = worker;
}

CxbHostMemNotify *cxb_hostmem_pool_sanitized_notify(CxbHostMemPool *pool)
{
	return &pool->sanitized;
}

CxbHostMem *cxb_hostmem_by_tag(CxbHostMemPool *pool, const CxbUuid *tag)
{
	return g_hash_table_lookup(pool->by_tag, tag);
}

void cxb_hostmem_foreach(CxbHostMemPool *pool, CxbHostMemFn fn, void *opaque)
{
	for (GList *l = pool->mems.head, *next; l; l = next) {
		next = l->next;
		fn(l->data, opaque);
	}
}

const char *cxb_hostmem_id(const CxbHostMem *mem)
{
	return mem->id;
}

uint64_t cxb_hostmem_size(const CxbHostMem *mem)
{
	return mem->size;
}

const CxbUuid *cxb_hostmem_tag(const CxbHostMem *mem)
{
	return &mem->tag;
}

bool cxb_hostmem_share(const CxbHostMem *mem)
{
	return mem->share;
}

bool cxb_hostmem_prealloc(const CxbHostMem *mem)
{
	return mem->prealloc;
}

bool cxb_hostmem_readonly(const CxbHostMem *mem)
{
	return mem->backing.readonly;
}

int cxb_hostmem_fd(const CxbHostMem *mem, uint64_t *fd_offset)
{
	*fd_offset = mem->backing.fd_off;
	return mem->backing.fd;
}

uint64_t hostmem_page_size(const CxbHostMem *mem)
{
	return mem->backing.page_size;
}

char *cxb_hostmem_path(const CxbHostMem *mem)
{
	if (mem->backing.path)
		return g_strdup(mem->backing.path);
	return g_strdup_printf("/proc/%d/fd/%d", (int)getpid(), mem->backing.fd);
}

void *cxb_hostmem_ptr(const CxbHostMem *mem)
{
	return mem->ptr;
}

bool cxb_hostmem_hold(CxbHostMem *mem, const char *holder, GError **errp)
{
	if (mem->released && !cxb_hostmem_clean(mem, 0, mem->size, errp))
		return false;
	if (mem->holder)
		return cxb_fail(errp, CXB_ERROR_BUSY, "memory backend '%s' is in use by %s",
				mem->id, mem->holder);
	mem->holder = g_strdup(holder);
	return true;
}

void cxb_hostmem_release(CxbHostMem *mem)
{
	mem->released = mem->pins || cxb_ivmap_count(mem->unclean);
	if (mem->released && !mem->pins)
		return;
	g_free(mem->holder);
	mem->holder = g_strdup(mem->pinned_by); /* NULL without pins: it is free */
}

void cxb_hostmem_pin(CxbHostMem *mem, const char *who)
{
	if (!mem->pins++) {
		cxb_object_ref(&mem->obj);
		mem->pinned_by = g_strdup(who);
	}
}

void cxb_hostmem_unpin(CxbHostMem *mem)
{
	if (--mem->pins)
		return;
	g_clear_pointer(&mem->pinned_by, g_free);
	hostmem_unpinned(mem);
	cxb_object_unref(&mem->obj);
}

const char *cxb_hostmem_holder(const CxbHostMem *mem)
{
	return mem->holder;
}

void cxb_hostmem_set_mapped(CxbHostMem *mem, bool mapped)
{
	mem->mapped = mapped;
}

bool cxb_hostmem_mapped(const CxbHostMem *mem)
{
	return mem->mapped;
}

bool cxb_hostmem_read(CxbHostMem *mem, uint64_t off, void *buf, size_t len)
{
	const uint8_t *p = mem->ptr;

	return cxb_range_in(off, len, mem->size) && cxb_guard_copy(buf, p + off, len, p + off, len);
}

bool cxb_hostmem_write(CxbHostMem *mem, uint64_t off, const void *buf, size_t len)
{
	uint8_t *p = mem->ptr;

	return !mem->backing.readonly && cxb_range_in(off, len, mem->size) &&
	       cxb_guard_copy(p + off, buf, len, p + off, len);
}

/* Where the file system cannot punch. */
static bool write_zeros(CxbHostMem *mem, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[64 << 10];

	while (len) {
		const size_t n = MIN(len, sizeof(zeros));

		if (!cxb_hostmem_write(mem, off, zeros, n))
			return false;
		off += n;
		len -= n;
	}
	return true;
}

bool cxb_hostmem_discard(CxbHostMem *mem, uint64_t off, uint64_t len, GError **errp)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int rc, err;

	if (!cxb_range_in(off, len, mem->size))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"range 0x%" PRIx64 "+0x%" PRIx64 " is outside memory backend '%s'",
				off, len, mem->id);
	if (mem->backing.readonly)
		return cxb_fail(errp, CXB_ERROR_INVALID, "memory backend '%s' is read-only",
				mem->id);
	if (!len)
		return true;
	do
		rc = fallocate(mem->backing.fd, punch, mem->backing.fd_off + off, len);
	while (rc && errno == EINTR);
	err = rc ? errno : 0;
	if (!rc || ((err == EOPNOTSUPP || err == ENODEV) && write_zeros(mem, off, len)))
		return true;
	return cxb_fail_errno(errp, err,
			      "cannot discard 0x%" PRIx64 "+0x%" PRIx64 " of memory backend '%s'",
			      off, len, mem->id);
}
