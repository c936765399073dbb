/* SPDX-License-Identifier: Apache-2.0 */
/* Words of command lines that cxlbox-qemu writes. */
#ifndef CXB_TOOLS_QEMU_WORDS_H
#define CXB_TOOLS_QEMU_WORDS_H

#include "qom/scalar.h"

/** qemu_words_add() - "FLAG VALUE", or FLAG alone (@value NULL), behind @words (char *). */
void qemu_words_add(GPtrArray *words, const char *flag, const char *value);
/** qemu_words_add_fmt() - The same for a value that is put together. */
void qemu_words_add_fmt(GPtrArray *words, const char *flag, const char *fmt, ...)
	G_GNUC_PRINTF(3, 4);
/** qemu_words_shell() - A line that a shell takes apart into just these words. Caller frees. */
char *qemu_words_shell(const GPtrArray *words);

/**
 * qemu_words_opts() - "key=value,key=value" again, commas in values doubled. Caller frees.
 * @implied: key whose value may stand alone in front, or NULL
 *
 * What is marked used is left out. "" if that is all.
 */
char *qemu_words_opts(const CxbOpts *opts, const char *implied);
/** qemu_words_copy() - Those that are @wanted (NULL: all), nothing marked used. Caller frees. */
CxbOpts *qemu_words_copy(const CxbOpts *opts, bool (*wanted)(const char *key));
/** qemu_words_quote() - A value with its commas doubled. Caller frees. */
char *qemu_words_quote(const char *value);
/** qemu_words_size() - Bytes in the largest unit that they are a whole number of: "6G". */
char *qemu_words_size(uint64_t bytes);

#endif
