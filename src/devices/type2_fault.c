/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with an accelerator that is served to a VMM. Each is one thing that devices or
 * kernels have got wrong, or that somebody who means harm would: a VMM has to refuse it, or live with it.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/error.h"
#include "pci/regs.h"
#include "type2.h"

#define PAGE 4096u
#define MANY 2048u /* areas */

const char *const cxb_type2_faults[] = {
	[TYPE2_FAULT_NONE] = "none",
	[TYPE2_FAULT_NO_TYPES] = "no-types",
	[TYPE2_FAULT_NO_MEMORY] = "no-memory",
	[TYPE2_FAULT_NO_REGISTERS] = "no-registers",
	[TYPE2_FAULT_MEMORY_UNMAPPABLE] = "memory-unmappable",
	[TYPE2_FAULT_MEMORY_EMPTY] = "memory-empty",
	[TYPE2_FAULT_MEMORY_ODD] = "memory-odd",
	[TYPE2_FAULT_MEMORY_SHORT] = "memory-short",
	[TYPE2_FAULT_ARRAY_ID] = "array-id",
	[TYPE2_FAULT_ARRAY_WITHOUT_HDM] = "array-without-hdm",
	[TYPE2_FAULT_ARRAY_POINTER] = "array-pointer",
	[TYPE2_FAULT_ARRAY_ENDLESS] = "array-endless",
	[TYPE2_FAULT_TWO_DECODERS] = "two-decoders",
	[TYPE2_FAULT_INTERLEAVED] = "interleaved",
	[TYPE2_FAULT_LOCK_LEFT] = "lock-left",
	[TYPE2_FAULT_BASE_IGNORED] = "base-ignored",
	[TYPE2_FAULT_NEVER_COMMITTED] = "never-committed",
	[TYPE2_FAULT_COMMIT_ERROR] = "commit-error",
	[TYPE2_FAULT_GATED] = "gated",
	[TYPE2_FAULT_ACCESS_SHORT] = "access-short",
	[TYPE2_FAULT_ACCESS_EIO] = "access-eio",
	[TYPE2_FAULT_ACCESS_EINVAL] = "access-einval",
	[TYPE2_FAULT_ACCESS_HANGUP] = "access-hangup",
	[TYPE2_FAULT_AREAS_NONE] = "areas-none",
	[TYPE2_FAULT_AREAS_OVER_REGISTERS] = "areas-over-registers",
	[TYPE2_FAULT_AREAS_UNALIGNED] = "areas-unaligned",
	[TYPE2_FAULT_AREAS_WRAP] = "areas-wrap",
	[TYPE2_FAULT_AREAS_MANY] = "areas-many",
	[TYPE2_FAULT_CAPS_LOOP] = "caps-loop",
	[TYPE2_FAULT_CAPS_BACK] = "caps-back",
	[TYPE2_FAULT_CAPS_SHORT] = "caps-short",
	NULL,
};

_Static_assert(G_N_ELEMENTS(cxb_type2_faults) == TYPE2_FAULTS + 1, "each has a name");

/* What is wrong with a copy of registers cannot be wrong where there is none. */
static bool of_emulated(Type2Fault fault)
{
	return (fault >= TYPE2_FAULT_ARRAY_ID && fault <= TYPE2_FAULT_ARRAY_ENDLESS) ||
	       (fault >= TYPE2_FAULT_LOCK_LEFT && fault <= TYPE2_FAULT_COMMIT_ERROR);
}

bool cxb_type2_fault_check(const Type2 *t2, Type2Fault fault, GError **errp)
{
	if (!fault)
		return true;
	if (!t2->listener->remote || t2->profile == TYPE2_PROFILE_OFF)
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"fault %s is of devices that machine x-remote serves, with a "
				"profile",
				cxb_type2_faults[fault]);
	return t2->profile == TYPE2_PROFILE_EMULATED || !of_emulated(fault) ||
	       cxb_fail(errp, CXB_ERROR_INVALID, "fault %s is of devices with profile=emulated",
			cxb_type2_faults[fault]);
}

/* --- registers --- */

static bool memory_space(const Type2 *t2)
{
	return le_load(t2->pci.config + PCI_COMMAND, 2) & PCI_COMMAND_MEM;
}

int cxb_type2_fault_access(Type2 *t2, size_t len)
{
	t2->served.accesses++;
	if (t2->fault == TYPE2_FAULT_GATED)
		return memory_space(t2) ? 0 : -EIO;
	if (t2->fault_at && t2->served.accesses != t2->fault_at)
		return 0;
	switch (t2->fault) {
	case TYPE2_FAULT_ACCESS_SHORT:
		return len / 2;
	case TYPE2_FAULT_ACCESS_EIO:
		return -EIO;
	case TYPE2_FAULT_ACCESS_EINVAL:
		return -EINVAL;
	case TYPE2_FAULT_ACCESS_HANGUP:
		return -ESHUTDOWN;
	default:
		return 0;
	}
}

uint32_t cxb_type2_fault_reg(const Type2 *t2, uint64_t off, uint32_t val)
{
	if (t2->fault == TYPE2_FAULT_TWO_DECODERS && off == WIRE_HDM_CAP)
		return (val & ~WIRE_HDM_CAP_COUNT) | 1; /* encoded */
	if (t2->fault == TYPE2_FAULT_INTERLEAVED && off == WIRE_HDM_DEC(0) + WIRE_HDM_DEC_CTRL)
		return val | FIELD_PREP(WIRE_HDM_DC_IW, 1); /* two ways */
	return val;
}

/* The entry of the decoders. */
static uint32_t *hdm_entry(Type2 *t2)
{
	uint32_t *array = t2->served.array;

	for (unsigned i = 1; i <= FIELD_GET(WIRE_CAP_HDR_COUNT, array[0]); i++)
		if (FIELD_GET(WIRE_CAP_ENT_ID, array[i]) == WIRE_COMP_CAP_HDM)
			return &array[i];
	g_assert_not_reached();
}

void cxb_type2_fault_array(Type2 *t2)
{
	switch (t2->fault) {
	case TYPE2_FAULT_ARRAY_ID:
		t2->served.array[0] ^= 1; /* that of an array is 1 */
		break;
	case TYPE2_FAULT_ARRAY_WITHOUT_HDM:
		*hdm_entry(t2) &= ~WIRE_CAP_ENT_ID;
		break;
	case TYPE2_FAULT_ARRAY_POINTER:
		*hdm_entry(t2) |= WIRE_CAP_ENT_POINTER;
		break;
	case TYPE2_FAULT_ARRAY_ENDLESS:
		*hdm_entry(t2) &= ~WIRE_CAP_ENT_ID;
		t2->served.array[0] |= WIRE_CAP_HDR_COUNT;
		break;
	case TYPE2_FAULT_LOCK_LEFT:
		t2->served.decoders.regs.dec[0].ctrl |= WIRE_HDM_DC_LOCK;
		break;
	default:
		break;
	}
}

bool cxb_type2_fault_writing(Type2 *t2, uint64_t off)
{
	return t2->fault != TYPE2_FAULT_BASE_IGNORED ||
	       (off != WIRE_HDM_DEC(0) + WIRE_HDM_BASE_LO &&
		off != WIRE_HDM_DEC(0) + WIRE_HDM_BASE_HI);
}

void cxb_type2_fault_written(Type2 *t2, uint64_t off)
{
	uint32_t *ctrl = &t2->served.decoders.regs.dec[0].ctrl;

	if (off != WIRE_HDM_DEC(0) + WIRE_HDM_DEC_CTRL || !(*ctrl & WIRE_HDM_DC_COMMIT))
		return;
	if (t2->fault == TYPE2_FAULT_NEVER_COMMITTED || t2->fault == TYPE2_FAULT_COMMIT_ERROR)
		*ctrl &= ~WIRE_HDM_DC_COMMITTED;
	if (t2->fault == TYPE2_FAULT_COMMIT_ERROR)
		*ctrl |= WIRE_HDM_DC_ERROR;
}

/* --- regions --- */

/* A file that is half as long as what is said to be in it. */
static int short_file(Type2 *t2, uint64_t size)
{
	Type2Served *s = &t2->served;

	if (s->short_fd >= 0)
		return s->short_fd;
	s->short_fd = memfd_create("cxlbox-short", MFD_CLOEXEC);
	return s->short_fd >= 0 && !ftruncate(s->short_fd, size / 2) ? s->short_fd : -1;
}

void cxb_type2_fault_memory(Type2 *t2, CxbPciServedRegion *r)
{
	switch (t2->fault) {
	case TYPE2_FAULT_MEMORY_UNMAPPABLE:
		r->fd = -1;
		break;
	case TYPE2_FAULT_MEMORY_EMPTY:
		r->size = 0;
		break;
	case TYPE2_FAULT_MEMORY_ODD:
		r->size -= PAGE;
		break;
	case TYPE2_FAULT_MEMORY_SHORT:
		r->fd = short_file(t2, r->size);
		r->fd_off = 0;
		break;
	default:
		break;
	}
}

void cxb_type2_fault_areas(const Type2 *t2, GArray *areas)
{
	struct vfu_area *first = &g_array_index(areas, struct vfu_area, 0);
	const struct vfu_area page = { 0, PAGE };

	switch (t2->fault) {
	case TYPE2_FAULT_AREAS_NONE:
		g_array_set_size(areas, 0);
		break;
	case TYPE2_FAULT_AREAS_OVER_REGISTERS:
		*first = (struct vfu_area){ 0, t2->bar.size };
		g_array_set_size(areas, 1);
		break;
	case TYPE2_FAULT_AREAS_UNALIGNED:
		first->size -= 1;
		break;
	case TYPE2_FAULT_AREAS_WRAP:
		*first = (struct vfu_area){ PAGE, -(uint64_t)PAGE };
		break;
	case TYPE2_FAULT_AREAS_MANY:
		while (areas->len < MANY)
			g_array_append_val(areas, page);
		break;
	default:
		break;
	}
}

static void set_next(GByteArray *caps, size_t at, uint32_t next)
{
	memcpy(caps->data + at + offsetof(struct vfu_cap, next), &next, sizeof(next));
}

void cxb_type2_fault_caps(const Type2 *t2, GByteArray *caps)
{
	const size_t first = sizeof(struct vfu_region_info);

	switch (t2->fault) {
	case TYPE2_FAULT_CAPS_LOOP:
		set_next(caps, 0, first);
		break;
	case TYPE2_FAULT_CAPS_BACK:
		set_next(caps, 0, first - 8);
		break;
	case TYPE2_FAULT_CAPS_SHORT:
		g_byte_array_set_size(caps, caps->len - 4);
		break;
	default:
		break;
	}
}
