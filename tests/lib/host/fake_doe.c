/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_doe.h"

#include <string.h>

#include "base/bytes.h"

#define CTRL   0x08
#define STATUS 0x0c
#define WRITE  0x10
#define READ   0x14

#define BUSY  (1u << 0)
#define ERROR (1u << 2)
#define READY (1u << 31)

#define DISCOVERY    0x00000001u
#define COMPLIANCE   0x00001e98u
#define TABLE_ACCESS 0x00021e98u

#define HEADER 0x10u
#define ENTRY  0x18u /* DSMAS and DSLBIS alike */

void fake_doe_caps(uint8_t *cfg)
{
	for (unsigned i = 0; i < FAKE_DOES; i++) {
		const unsigned at = FAKE_DOE_AT + i * FAKE_DOE_LEN;

		le_store(cfg + at, 4,
			 0x0001002e | (i + 1 < FAKE_DOES ? (at + FAKE_DOE_LEN) << 20 : 0));
	}
}

/* --- the table (CDAT 1.03): header, then a DSMAS and a DSLBIS a region --- */

static size_t table(const FakeCdat *c, uint8_t *out)
{
	const size_t size = HEADER + 2 * c->n * ENTRY;
	uint8_t sum = 0;

	memset(out, 0, size);
	le_store(out, 4, c->fault == FAKE_CDAT_HEADER ? HEADER - 1 : size);
	out[4] = 2;
	for (unsigned i = 0; i < c->n; i++) {
		uint8_t *dsmas = out + HEADER + 2 * i * ENTRY, *dslbis = dsmas + ENTRY;

		le_store(dsmas + 2, 2, ENTRY);
		dsmas[4] = FAKE_DSMAS(i);
		dsmas[5] = c->flags[i];
		dslbis[0] = 1;
		le_store(dslbis + 2, 2, ENTRY + (c->fault == FAKE_CDAT_STRUCT ? 4 : 0));
		dslbis[4] = FAKE_DSMAS(i);
	}
	for (size_t i = 0; i < size; i++)
		sum += out[i];
	out[5] = -sum + (c->fault == FAKE_CDAT_SUM);
	return size;
}

static uint16_t next_handle(const FakeCdat *c, unsigned handle)
{
	if (c->fault == FAKE_CDAT_EARLY && handle == 1)
		return 0xffff;
	if (handle < 2 * c->n)
		return handle + 1;
	return c->fault == FAKE_CDAT_LATE ? 1 : 0xffff;
}

/* --- data objects --- */

static void answer(FakeDoe *doe, uint32_t word, const uint8_t *entry, unsigned len)
{
	doe->resp[0] = doe->req[0];
	doe->resp[1] = 3 + len / 4;
	doe->resp[2] = word;
	for (unsigned i = 0; i < len / 4; i++)
		doe->resp[3 + i] = le_load(entry + 4 * i, 4);
	doe->n_resp = doe->resp[1];
}

static void discover(FakeCdat *c, FakeDoe *doe)
{
	const bool tables = doe == &c->doe[1] && c->fault != FAKE_CDAT_NONE;
	const unsigned index = doe->req[2] & 0xff;

	if (c->fault == FAKE_CDAT_ENDLESS)
		answer(doe, COMPLIANCE | 1u << 24, NULL, 0);
	else if (index == 0)
		answer(doe, DISCOVERY | 1u << 24, NULL, 0);
	else if (index == 1)
		answer(doe, COMPLIANCE | (tables ? 2u << 24 : 0), NULL, 0);
	else
		answer(doe, TABLE_ACCESS, NULL, 0);
}

static void table_access(FakeCdat *c, FakeDoe *doe)
{
	uint8_t bytes[HEADER + 2 * FAKE_REGIONS * ENTRY];
	const size_t size = table(c, bytes);
	const unsigned handle = doe->req[2] >> 16;
	const size_t at = handle ? HEADER + (handle - 1) * ENTRY : 0;

	if (doe->req[2] & 0xffff || at >= size)
		return;
	answer(doe, (uint32_t)next_handle(c, handle) << 16 | (c->fault == FAKE_CDAT_CODE),
	       bytes + at, handle ? ENTRY : HEADER);
	if (c->fault == FAKE_CDAT_EMPTY)
		doe->resp[1] = 0;
	if (c->fault == FAKE_CDAT_TINY)
		doe->resp[1] = doe->n_resp = 3;
}

static void go(FakeCdat *c, FakeDoe *doe)
{
	const bool tables = doe == &c->doe[1];

	c->requests++;
	doe->n_resp = doe->at = 0;
	if (doe->n_req == 3 && doe->req[1] == 3 && doe->req[0] == DISCOVERY)
		discover(c, doe);
	else if (doe->n_req == 3 && doe->req[1] == 3 && doe->req[0] == TABLE_ACCESS && tables &&
		 c->fault != FAKE_CDAT_DROPPED)
		table_access(c, doe);
	doe->n_req = 0;
	doe->status = doe->n_resp ? READY : 0;
	if (c->fault == FAKE_CDAT_FAILED)
		doe->status = ERROR;
	if (c->fault == FAKE_CDAT_SLOW)
		doe->polls = 3;
}

static uint32_t status(const FakeCdat *c, FakeDoe *doe)
{
	if (c->fault == FAKE_CDAT_SILENT)
		return BUSY;
	if (doe->polls) {
		doe->polls--;
		return BUSY;
	}
	return doe->status;
}

/* --- registers --- */

static FakeDoe *find(FakeCdat *c, unsigned off, unsigned *reg)
{
	if (off < FAKE_DOE_AT || off >= FAKE_DOE_AT + FAKE_DOE_RANGE)
		return NULL;
	*reg = (off - FAKE_DOE_AT) % FAKE_DOE_LEN;
	return *reg < CTRL ? NULL : &c->doe[(off - FAKE_DOE_AT) / FAKE_DOE_LEN];
}

bool fake_doe_read(FakeCdat *c, unsigned off, uint32_t *val)
{
	unsigned reg;
	FakeDoe *doe = find(c, off, &reg);

	if (!doe)
		return false;
	*val = 0;
	if (reg == STATUS)
		*val = status(c, doe);
	else if (reg == READ && doe->at < doe->n_resp)
		*val = doe->resp[doe->at];
	return true;
}

bool fake_doe_write(FakeCdat *c, unsigned off, uint32_t val)
{
	unsigned reg;
	FakeDoe *doe = find(c, off, &reg);

	if (!doe)
		return false;
	if (reg == CTRL && (val & 1))
		memset(doe, 0, sizeof(*doe));
	else if (reg == CTRL && (val >> 31))
		go(c, doe);
	else if (reg == WRITE && doe->n_req < G_N_ELEMENTS(doe->req))
		doe->req[doe->n_req++] = val;
	else if (reg == READ && ++doe->at >= doe->n_resp)
		doe->status &= ~READY;
	return true;
}
