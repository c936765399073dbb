/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target defines, in the words of libFuzzer. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** LLVMFuzzerTestOneInput() - Run the target on @size bytes at @data. Returns 0, or it aborts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
