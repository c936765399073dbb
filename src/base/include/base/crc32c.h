/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), as iSCSI has it (RFC 3720 12.1): polynomial 1EDC6F41h, reflected. */
#ifndef CXB_BASE_CRC32C_H
#define CXB_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** cxb_crc32c() - Of bytes in pieces: 0 before the first, then what the one before returned. */
uint32_t cxb_crc32c(uint32_t crc, const void *buf, size_t len);

#endif
