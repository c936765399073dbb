/* SPDX-License-Identifier: Apache-2.0 */
#include "type2_engine.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/range.h"
#include "base/trace.h"

#define ID      0x45425843u /* "CXBE" */
#define VERSION 0x00010000u /* 1.0 */
#define PIECE   (64u << 10) /* through the buffer at once; whole patterns */

/* Registers lie in words of 64 bits: the high half of one is another register, or the same one. */
#define HIGH(val) ((uint64_t)(val) << 32)
#define WORD(reg) ((reg) / 8)

static uint64_t *word(Type2Engine *e, unsigned reg)
{
	return &e->words[WORD(reg)];
}

uint64_t cxb_type2_engine_get(const Type2Engine *e, unsigned reg)
{
	const uint64_t val = e->words[WORD(reg)];

	switch (reg) {
	case TYPE2_ENGINE_COMMAND:
	case TYPE2_ENGINE_STATUS:
		return (uint32_t)val;
	case TYPE2_ENGINE_INTERRUPT:
		return val >> 32;
	default:
		return val;
	}
}

static void set_status(Type2Engine *e, uint32_t status)
{
	*word(e, TYPE2_ENGINE_STATUS) = status;
}

/* --- commands --- */

typedef struct {
	bool reads, writes;
	/* @n bytes at @at of the ranges. False: memory does not answer. */
	bool (*work)(Type2Engine *e, uint64_t at, size_t n);
} Kind;

/* @at is a multiple of PIECE, so the pattern goes on as it begins. */
static bool fill(Type2Engine *e, uint64_t at, size_t n)
{
	return cxb_hostmem_write(e->config.mem, cxb_type2_engine_get(e, TYPE2_ENGINE_DST) + at,
				 e->piece, n);
}

static bool read_piece(Type2Engine *e, uint64_t at, size_t n)
{
	return cxb_hostmem_read(e->config.mem, cxb_type2_engine_get(e, TYPE2_ENGINE_SRC) + at,
				e->piece, n);
}

static bool copy(Type2Engine *e, uint64_t at, size_t n)
{
	return read_piece(e, at, n) &&
	       cxb_hostmem_write(e->config.mem, cxb_type2_engine_get(e, TYPE2_ENGINE_DST) + at,
				 e->piece, n);
}

static bool checksum(Type2Engine *e, uint64_t at, size_t n)
{
	if (!read_piece(e, at, n))
		return false;
	e->crc = cxb_crc32c(e->crc, e->piece, n);
	return true;
}

static const Kind *kind(const Type2Engine *e)
{
	static const Kind kinds[] = {
		[TYPE2_FILL] = { .writes = true, .work = fill },
		[TYPE2_COPY] = { .reads = true, .writes = true, .work = copy },
		[TYPE2_CHECKSUM] = { .reads = true, .work = checksum },
	};
	const uint32_t command = cxb_type2_engine_get(e, TYPE2_ENGINE_COMMAND);

	return command < G_N_ELEMENTS(kinds) && kinds[command].work ? &kinds[command] : NULL;
}

static bool inside(const Type2Engine *e, unsigned reg)
{
	return cxb_range_in(cxb_type2_engine_get(e, reg), cxb_type2_engine_get(e, TYPE2_ENGINE_LEN),
			    cxb_hostmem_size(e->config.mem));
}

static Type2Error judge(const Type2Engine *e)
{
	const Kind *k = kind(e);

	if (!k)
		return TYPE2_ERROR_COMMAND;
	if (!cxb_type2_engine_get(e, TYPE2_ENGINE_LEN))
		return TYPE2_ERROR_LEN;
	if (k->reads && !inside(e, TYPE2_ENGINE_SRC))
		return TYPE2_ERROR_SRC;
	if (k->writes && !inside(e, TYPE2_ENGINE_DST))
		return TYPE2_ERROR_DST;
	return TYPE2_OK;
}

static void end(Type2Engine *e, Type2Error error)
{
	set_status(e, TYPE2_STATUS_DONE | FIELD_PREP(TYPE2_STATUS_ERROR, error));
	e->config.ended(e->config.opaque);
}

static void prepare(Type2Engine *e)
{
	const uint64_t src = cxb_type2_engine_get(e, TYPE2_ENGINE_SRC);
	const uint64_t dst = cxb_type2_engine_get(e, TYPE2_ENGINE_DST);
	const le64 pattern = le64_put(cxb_type2_engine_get(e, TYPE2_ENGINE_PATTERN));

	e->crc = 0;
	/* What is still to be read is not written to. */
	e->backwards = cxb_type2_engine_get(e, TYPE2_ENGINE_COMMAND) == TYPE2_COPY && dst > src &&
		       dst - src < cxb_type2_engine_get(e, TYPE2_ENGINE_LEN);
	for (unsigned at = 0; at < PIECE; at += sizeof(pattern))
		memcpy(e->piece + at, &pattern, sizeof(pattern));
}

static void ring(Type2Engine *e)
{
	Type2Error error;

	if (cxb_type2_engine_busy(e)) {
		cxb_guest_error("%s: doorbell of the engine while it is busy", e->config.name);
		return;
	}
	*word(e, TYPE2_ENGINE_PROGRESS) = 0;
	error = judge(e);
	if (error) {
		cxb_guest_error("%s: command of the engine refused with error %d", e->config.name,
				error);
		end(e, error);
		return;
	}
	prepare(e);
	set_status(e, TYPE2_STATUS_BUSY);
	e->config.begun(e->config.opaque);
}

/* False: the command has ended with it. */
static bool piece(Type2Engine *e)
{
	uint64_t *progress = word(e, TYPE2_ENGINE_PROGRESS);
	const uint64_t left = cxb_type2_engine_get(e, TYPE2_ENGINE_LEN) - *progress;
	const size_t n = MIN(left, PIECE);

	if (!kind(e)->work(e, e->backwards ? left - n : *progress, n)) {
		end(e, TYPE2_ERROR_MEMORY);
		return false;
	}
	*progress += n;
	if (n < left)
		return true;
	if (cxb_type2_engine_get(e, TYPE2_ENGINE_COMMAND) == TYPE2_CHECKSUM)
		*word(e, TYPE2_ENGINE_RESULT) = e->crc;
	end(e, TYPE2_OK);
	return false;
}

void cxb_type2_engine_work(Type2Engine *e)
{
	if (!cxb_type2_engine_busy(e))
		return;
	/* Who is told of an end may begin the next command: that is for the next time. */
	for (unsigned done = 0; done < TYPE2_ENGINE_SLICE && piece(e); done += PIECE)
		;
}

void cxb_type2_engine_stop(Type2Engine *e, Type2Error error)
{
	if (cxb_type2_engine_busy(e))
		end(e, error);
}

/* --- registers --- */

uint64_t cxb_type2_engine_read(const Type2Engine *e, uint64_t off, unsigned size)
{
	if (off >= TYPE2_ENGINE_END)
		return 0;
	return size == 8 ? e->words[WORD(off)] : (uint32_t)(e->words[WORD(off)] >> 8 * (off & 4));
}

/* Bits of a word that are parameters. */
static uint64_t parameters(const Type2Engine *e, unsigned reg)
{
	switch (reg & ~7u) {
	case TYPE2_ENGINE_COMMAND:
		return UINT32_MAX | HIGH(TYPE2_INTERRUPT_ENABLE |
					 (TYPE2_INTERRUPT_VECTOR & (e->config.vectors - 1)));
	case TYPE2_ENGINE_SRC:
	case TYPE2_ENGINE_DST:
	case TYPE2_ENGINE_LEN:
	case TYPE2_ENGINE_PATTERN:
		return UINT64_MAX;
	default:
		return 0;
	}
}

static void write_dword(Type2Engine *e, uint64_t off, uint32_t val)
{
	const unsigned shift = 8 * (off & 4);
	uint64_t mask;

	if (off == TYPE2_ENGINE_DOORBELL && val & 1)
		ring(e);
	else if (off == TYPE2_ENGINE_ABORT && val & 1)
		cxb_type2_engine_stop(e, TYPE2_ERROR_ABORTED);
	mask = off < TYPE2_ENGINE_END ? parameters(e, off) & (uint64_t)UINT32_MAX << shift : 0;
	if (!mask)
		return;
	if (cxb_type2_engine_busy(e))
		cxb_guest_error("%s: write to 0x%" PRIx64 " of the engine while it is busy",
				e->config.name, off);
	else
		*word(e, off) = (*word(e, off) & ~mask) | ((uint64_t)val << shift & mask);
}

void cxb_type2_engine_write(Type2Engine *e, uint64_t off, unsigned size, uint64_t val)
{
	for (unsigned i = 0; i < size; i += 4)
		write_dword(e, off + i, val >> 8 * i);
}

/* --- life --- */

void cxb_type2_engine_reset(Type2Engine *e)
{
	memset(e->words, 0, sizeof(e->words));
	*word(e, TYPE2_ENGINE_ID) = ID | HIGH(VERSION);
	*word(e, TYPE2_ENGINE_MEMORY) = cxb_hostmem_size(e->config.mem);
}

void cxb_type2_engine_init(Type2Engine *e, const Type2EngineConfig *config)
{
	*e = (Type2Engine){ .config = *config, .piece = g_malloc(PIECE) };
	cxb_type2_engine_reset(e);
}

void cxb_type2_engine_fini(Type2Engine *e)
{
	g_clear_pointer(&e->piece, g_free);
}
