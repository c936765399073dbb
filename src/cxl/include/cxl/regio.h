/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 32-bit registers that somebody else answers for: those of a device behind a connection or a file.
 * Any access may fail. What looks at such registers takes this, and so can be tested without them.
 */
#ifndef CXB_CXL_REGIO_H
#define CXB_CXL_REGIO_H

#include <stdint.h>

typedef struct {
	/* At byte offset @off, a multiple of 4. Return: 0 or -errno; *@val is written only then. */
	int (*read32)(void *opaque, uint64_t off, uint32_t *val);
	int (*write32)(void *opaque, uint64_t off, uint32_t val);
	/* Let some time pass before the next look at a register that is to change. NULL: none. */
	void (*pause)(void *opaque);
	void *opaque;
} CxbRegIo;

#endif
