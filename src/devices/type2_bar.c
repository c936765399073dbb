/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BAR that an accelerator's component registers share with registers of its own. Those around
 * the block are scratch: each dword of them begins as its offset in the BAR, marked, so that an
 * access that went astray is told by what it read or left behind. The first two of each stretch
 * count how often the stretch has been read and written since the last reset.
 *
 * They lie in a file with the layout of the BAR, for others to map; what they do to it is not counted.
 */
#include "type2.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"

#define SIZE 0x40000u /* of a BAR that the registers do not fill */
#define MARK 0x5c000000u

enum { COUNT_READS = 0, COUNT_WRITES = 4, COUNTS = 8 };

static const struct {
	uint64_t size, block;
} places[] = {
	[TYPE2_AT_START] = { SIZE, 0 },
	[TYPE2_AT_MIDDLE] = { SIZE, CXB_COMP_SIZE },
	[TYPE2_AT_END] = { SIZE, SIZE - CXB_COMP_SIZE },
	[TYPE2_AT_ALL] = { CXB_COMP_SIZE, 0 },
};

static bool in_block(const Type2Bar *bar, uint64_t off)
{
	return off >= bar->block && off - bar->block < CXB_COMP_SIZE;
}

/* Where writes are absorbed a VMM lets the guest map all of the block but the page of the registers
 * that are there: the rest of it is storage, then. */
void cxb_type2_bar_hole(const Type2 *t2, uint64_t *from, uint64_t *to)
{
	const bool page = cxb_type2_profile(t2) == TYPE2_PROFILE_ABSORBED;

	*from = t2->bar.block + (page ? WIRE_CACHEMEM_BASE : 0);
	*to = *from + (page ? WIRE_CACHEMEM_SIZE : CXB_COMP_SIZE);
}

static bool in_hole(const Type2 *t2, uint64_t off)
{
	uint64_t from, to;

	cxb_type2_bar_hole(t2, &from, &to);
	return off >= from && off < to;
}

/* What a VMM answers for is not answered here: all of the block, or the decoders. */
static bool elsewhere(const Type2 *t2, uint64_t off)
{
	const uint64_t decoders = t2->bar.block + WIRE_CACHEMEM_BASE + t2->served.hdm;

	switch (cxb_type2_profile(t2)) {
	case TYPE2_PROFILE_EMULATED:
		return true;
	case TYPE2_PROFILE_ABSORBED:
		return off >= decoders && off - decoders < WIRE_HDM_SIZE(1);
	default:
		return false;
	}
}

/* The start of the stretch of scratch registers that @off lies in. */
static uint8_t *stretch(const Type2Bar *bar, uint64_t off)
{
	return bar->bytes + (off < bar->block ? 0 : bar->block + CXB_COMP_SIZE);
}

static void count(uint8_t *counter)
{
	le_store(counter, 4, le_load(counter, 4) + 1);
}

static CxbMemResult bar_read(void *opaque, uint64_t off, unsigned size, uint64_t *val)
{
	Type2 *t2 = opaque;
	const Type2Bar *bar = &t2->bar;

	if (in_hole(t2, off)) {
		*val = elsewhere(t2, off) ? UINT64_MAX >> (64 - 8 * size)
					  : cxb_comp_read(t2->comp, off - bar->block, size);
		return CXB_MEM_OK;
	}
	*val = le_load(bar->bytes + off, size);
	if (!in_block(bar, off))
		count(stretch(bar, off) + COUNT_READS);
	return CXB_MEM_OK;
}

static CxbMemResult bar_write(void *opaque, uint64_t off, unsigned size, uint64_t val)
{
	Type2 *t2 = opaque;
	const Type2Bar *bar = &t2->bar;
	uint8_t *first;

	if (in_hole(t2, off)) {
		if (!elsewhere(t2, off))
			cxb_comp_write(t2->comp, off - bar->block, size, val);
		return CXB_MEM_OK;
	}
	if (in_block(bar, off)) {
		le_store(bar->bytes + off, size, val);
		return CXB_MEM_OK;
	}
	first = stretch(bar, off);
	if (bar->bytes + off >= first + COUNTS)
		le_store(bar->bytes + off, size, val);
	count(first + COUNT_WRITES);
	return CXB_MEM_OK;
}

static const CxbRegionOps bar_ops = { .read = bar_read, .write = bar_write };

void cxb_type2_bar_reset(Type2 *t2)
{
	const Type2Bar *bar = &t2->bar;

	memset(bar->bytes + bar->block, 0, CXB_COMP_SIZE);
	for (uint64_t off = 0; off < bar->size; off += 4)
		if (!in_block(bar, off))
			le_store(bar->bytes + off, 4,
				 bar->bytes + off < stretch(bar, off) + COUNTS ? 0 : MARK | off);
}

static bool make_file(Type2Bar *bar)
{
	bar->fd = memfd_create("cxlbox-bar", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (bar->fd < 0 || ftruncate(bar->fd, bar->size) ||
	    fcntl(bar->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return false;
	bar->bytes = mmap(NULL, bar->size, PROT_READ | PROT_WRITE, MAP_SHARED, bar->fd, 0);
	if (bar->bytes != MAP_FAILED)
		return true;
	bar->bytes = NULL;
	return false;
}

bool cxb_type2_bar_init(Type2 *t2, GError **errp)
{
	Type2Bar *bar = &t2->bar;

	*bar = (Type2Bar){ .size = places[t2->component_at].size,
			   .block = places[t2->component_at].block };
	if (!make_file(bar)) {
		cxb_fail_errno(errp, errno, "no file for the registers");
		return false;
	}
	bar->region = cxb_region_new_io("cxl-type2-component", bar->size, &bar_ops, t2);
	cxb_type2_bar_reset(t2);
	return true;
}

void cxb_type2_bar_fini(Type2 *t2)
{
	Type2Bar *bar = &t2->bar;

	cxb_region_free(bar->region);
	if (bar->bytes)
		munmap(bar->bytes, bar->size);
	if (bar->size && bar->fd >= 0)
		close(bar->fd);
	*bar = (Type2Bar){ 0 };
}
