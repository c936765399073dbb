/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coherent Device Attribute Table (CXL 3.1 8.1.11): the bytes, built from a description or taken
 * from a file, and the answers to those who read it. Immutable once made.
 *
 * Entry handles count from 0, the table's header, through its structures in order.
 */
#ifndef CXB_CXL_CDAT_H
#define CXB_CXL_CDAT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rdwr.h"

typedef struct CxbCdat CxbCdat;

/* A range of DPA: a DSMAS, four DSLBIS and a DSEMTS over all of it. */
typedef struct {
	uint8_t handle; /* DSMAD handle, unique in the table */
	uint64_t dpa, len;
	uint8_t flags;    /* WIRE_DSMAS_* */
	uint8_t efi_type; /* WIRE_EFI_* */
	/* Told in steps of 10 ns and 1000 MB/s, rounded up. */
	uint32_t read_latency_ns, write_latency_ns;
	uint32_t read_mb_s, write_mb_s;
} CxbCdatRange;

/** cxb_cdat_new() - The table for @n ranges, in that order; @n at most 256. */
CxbCdat *cxb_cdat_new(const CxbCdatRange *ranges, unsigned n);

/**
 * cxb_cdat_load() - A table from @size bytes at @data, which are copied.
 *
 * Checked are what a reader relies on: the length in the header is @size, structures follow each
 * other to the end, each of whole dwords and of the length its type has (types not known here may
 * have any), the checksum is right. What they say is not judged.
 *
 * Returns: NULL with @errp set if not.
 */
CxbCdat *cxb_cdat_load(const void *data, size_t size, GError **errp);
/** cxb_cdat_load_file() - As cxb_cdat_load(); the error names @path. */
CxbCdat *cxb_cdat_load_file(const char *path, GError **errp);
/** cxb_cdat_free() - NULL is fine. */
void cxb_cdat_free(CxbCdat *cdat);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbCdat, cxb_cdat_free)

/** cxb_cdat_bytes() - The whole table; valid as long as @cdat. */
const uint8_t *cxb_cdat_bytes(const CxbCdat *cdat, size_t *size);
/** cxb_cdat_entries() - Header and structures; at least 1, at most 65535. */
unsigned cxb_cdat_entries(const CxbCdat *cdat);
/** cxb_cdat_entry() - Entry @handle, below cxb_cdat_entries(), and its length. */
const uint8_t *cxb_cdat_entry(const CxbCdat *cdat, unsigned handle, size_t *len);
/** cxb_cdat_entry_max() - Bytes of the longest entry, a multiple of 4. */
size_t cxb_cdat_entry_max(const CxbCdat *cdat);

/**
 * cxb_cdat_access() - Answer one table access request.
 * @in, @out: request and answer behind the header of the data object; an answer takes 4 bytes and
 *            an entry
 *
 * Returns: false if there is no answer: the request is not one, names another table or no entry.
 */
bool cxb_cdat_access(const CxbCdat *cdat, CxbRd *in, CxbWr *out);

#endif
