/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CxbBus of the machine that this program runs on, beside its Linux: configuration space and BARs
 * through /sys/bus/pci/devices, all other memory through /dev/mem, ACPI tables through
 * /sys/firmware/acpi/tables. Wants root, and no kernel driver on the CXL memory devices.
 *
 * - Linux has placed everything: the op "bar" says where.
 * - Accesses to BARs are single loads and stores of their width; the hardware orders them.
 * - No interrupt gets here: handlers run at every poll.
 * - The functions there are were looked up when the bus was made.
 */
#ifndef CXB_BUSCLIENT_SYSFS_H
#define CXB_BUSCLIENT_SYSFS_H

#include "busclient/client.h"

/* "sysfs:ROOT": ROOT is "/", or a folder that has its own sys and dev. */
extern const CxbBusClientKind cxb_bus_sysfs_kind;

/* Where RSDP, XSDT and copies of CEDT and MCFG are read: no physical address reaches this far. */
#define CXB_SYSFS_TABLES (UINT64_C(1) << 60)

CxbBus *cxb_bus_sysfs_new(const char *root, CxbWorkq *workq, GError **errp);
void cxb_bus_sysfs_free(CxbBus *bus);

#endif
