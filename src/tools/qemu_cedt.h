/* SPDX-License-Identifier: Apache-2.0 */
/* A table CEDT on its way to a guest. */
#ifndef CXB_TOOLS_QEMU_CEDT_H
#define CXB_TOOLS_QEMU_CEDT_H

#include <glib.h>

/**
 * qemu_cedt_archive() - The archive that stands in front of an initramfs for Linux to find the table
 * in, in the place of the firmware's (CONFIG_ACPI_TABLE_UPGRADE). Caller unrefs.
 */
GByteArray *qemu_cedt_archive(const GByteArray *cedt);
/** qemu_cedt_words() - What is in the table, a line a structure. Caller frees. */
char *qemu_cedt_words(const GByteArray *cedt);

#endif
