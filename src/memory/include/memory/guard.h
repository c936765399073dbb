/* SPDX-License-Identifier: Apache-2.0 */
/* Copies that survive SIGBUS and SIGSEGV in the memory they were given. */
#ifndef CXB_MEMORY_GUARD_H
#define CXB_MEMORY_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** cxb_guard_init() - Install the handlers (once per process; chains to what was there). */
void cxb_guard_init(void);
/**
 * cxb_guard_copy() - memcpy where a fault on @guarded (one of the two) makes it return false; some
 * bytes may have been copied. Sizes 1, 2, 4, 8 at natural alignment are single accesses.
 */
bool cxb_guard_copy(void *dst, const void *src, size_t len, const void *guarded,
		    size_t guarded_len);

#endif
