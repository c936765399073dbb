/* SPDX-License-Identifier: Apache-2.0 */
/* CDAT of the fake machine's devices, behind the second of two DOE mailboxes (PCIe 6.0 6.30). */
#ifndef FAKE_DOE_H
#define FAKE_DOE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define FAKE_DOE_AT    0x180 /* in configuration space; the second lies behind the first */
#define FAKE_DOE_LEN   0x18
#define FAKE_DOES      2
#define FAKE_REGIONS   8
#define FAKE_DSMAS(i)  (0x50 + (i)) /* handle of a region's DSMAS */
#define FAKE_DOE_RANGE (FAKE_DOES * FAKE_DOE_LEN)

/* What is wrong with it. */
typedef enum {
	FAKE_CDAT_GOOD,
	FAKE_CDAT_SLOW,    /* each answer takes some polls */
	FAKE_CDAT_NONE,    /* no mailbox knows table access */
	FAKE_CDAT_SILENT,  /* busy for ever */
	FAKE_CDAT_ENDLESS, /* discovery names ever more protocols */
	FAKE_CDAT_DROPPED, /* a request has no answer */
	FAKE_CDAT_FAILED,  /* the error bit */
	FAKE_CDAT_CODE,    /* an answer is no table entry */
	FAKE_CDAT_EMPTY,   /* a length of 0, which is 2^18 dwords */
	FAKE_CDAT_TINY,    /* an answer without an entry */
	FAKE_CDAT_HEADER,  /* the header's length is less than its own */
	FAKE_CDAT_SUM,     /* wrong checksum */
	FAKE_CDAT_STRUCT,  /* a structure's length is not that of the answer */
	FAKE_CDAT_EARLY,   /* the last handle comes before the end */
	FAKE_CDAT_LATE,    /* no handle is the last */
	FAKE_CDAT_FAULTS
} FakeCdatFault;

typedef struct {
	uint32_t req[4];
	unsigned n_req;
	uint32_t resp[16];
	unsigned n_resp, at;
	uint32_t status;
	unsigned polls; /* until it is no longer busy */
} FakeDoe;

typedef struct {
	FakeDoe doe[FAKE_DOES];
	FakeCdatFault fault;
	unsigned n;                  /* regions */
	uint8_t flags[FAKE_REGIONS]; /* of their DSMAS */
	unsigned requests;
} FakeCdat;

/** fake_doe_caps() - Their headers into configuration space. */
void fake_doe_caps(uint8_t *cfg);
/** fake_doe_read(), _write() - Registers of a DOE; false: @off is none. */
bool fake_doe_read(FakeCdat *c, unsigned off, uint32_t *val);
bool fake_doe_write(FakeCdat *c, unsigned off, uint32_t val);

#endif
