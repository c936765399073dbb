/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HDM decode (CXL 3.1 8.2.4.20): a pure function of committed decoder state. A port's decoders
 * turn a host physical address into a target port; an endpoint's turn it into a device physical
 * address, and back. All granularities (256 B to 16 KiB) and ways (1, 2, 4, 8, 16, 3, 6, 12).
 */
#ifndef CXB_CXL_HDM_H
#define CXB_CXL_HDM_H

#include <stdbool.h>
#include <stdint.h>

#define CXB_HDM_MAX_DECODERS 32
#define CXB_HDM_UNIT         (256ull << 20) /* base and size are multiples of this */

typedef struct {
	bool committed;
	bool locked;         /* lock-on-commit took effect */
	uint64_t base, size; /* HPA, bytes */
	uint64_t skip;       /* endpoints: DPA skipped below this decoder */
	uint8_t ig, iw;      /* encoded */
	uint8_t targets[8];  /* ports: port numbers in interleave order */
	/* Grows from one commit to the next, whichever decoder it is of: who came first. Nothing here
	 * depends on it. */
	uint64_t order;
} CxbHdmDecoder;

typedef struct {
	bool endpoint;
	bool enabled; /* global control b1 */
	unsigned count;
	CxbHdmDecoder dec[CXB_HDM_MAX_DECODERS];
} CxbHdm;

/** cxb_hdm_count() - Decoders of an encoded count (8.2.4.20.1), 0 if reserved. */
unsigned cxb_hdm_count(uint8_t code);
/** cxb_hdm_encode_count() - Code of a number of decoders; false if there is none. */
bool cxb_hdm_encode_count(unsigned count, uint8_t *code);
/** cxb_hdm_ways() - Ways of an encoded IW, 0 if reserved. */
unsigned cxb_hdm_ways(uint8_t iw);
/** cxb_hdm_encode_ways() - IW of a number of ways; false if there is none. */
bool cxb_hdm_encode_ways(unsigned ways, uint8_t *iw);
/** cxb_hdm_granularity() - Bytes of an encoded IG, 0 if reserved. */
uint32_t cxb_hdm_granularity(uint8_t ig);
bool cxb_hdm_encode_granularity(uint32_t bytes, uint8_t *ig);

/**
 * cxb_hdm_route() - Port: the number of the port that @hpa goes to; false if nothing decodes it.
 *
 * Decoders that are not committed are passed over: a port's targets do not depend on those below,
 * as an endpoint's addresses do.
 */
bool cxb_hdm_route(const CxbHdm *hdm, uint64_t hpa, uint8_t *port);
/** cxb_hdm_to_dpa() - Endpoint: HPA to DPA, walking from decoder 0, ended by an uncommitted one. */
bool cxb_hdm_to_dpa(const CxbHdm *hdm, uint64_t hpa, uint64_t *dpa);
/** cxb_hdm_decoder_at() - Endpoint: the decoder by which cxb_hdm_to_dpa() takes @hpa, or NULL. */
const CxbHdmDecoder *cxb_hdm_decoder_at(const CxbHdm *hdm, uint64_t hpa);
/**
 * cxb_hdm_dpa_range() - DPA span and HPA range of decoder @n of an endpoint; false if decoder @n
 * or one below it is not committed, or decoding is off.
 */
bool cxb_hdm_dpa_range(const CxbHdm *hdm, unsigned n, uint64_t *dpa_base, uint64_t *dpa_len);
/**
 * cxb_hdm_to_hpa() - Endpoint: DPA to HPA for position @pos in the interleave set; false if no
 * committed decoder covers it.
 */
bool cxb_hdm_to_hpa(const CxbHdm *hdm, uint64_t dpa, unsigned pos, uint64_t *hpa);

/* Split of an offset in an interleave set: position and offset at the target; and back. */
void cxb_hdm_split(uint8_t ig, uint8_t iw, uint64_t off, unsigned *pos, uint64_t *target_off);
uint64_t cxb_hdm_join(uint8_t ig, uint8_t iw, unsigned pos, uint64_t target_off);

#endif
