/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CxbBus over the qtest protocol: a blocking client on a unix socket. It reaches any machine that
 * serves qtest and is built like QEMU's q35: this project's, or QEMU's own under "-accel qtest".
 *
 * What the protocol makes different from a bus in process:
 * - Where nothing answers, memory reads give what the server says (zeros), not a failure.
 * - Nothing can be mapped.
 * - Message-signalled interrupts do not show. Messages are given addresses in one page of low RAM,
 *   CXB_QTEST_IRQ_PAGE, which cxb_bus_qtest_poll() reads; a machine's RAM must reach that far.
 * - Time in the machine stands still between accesses; it is never stepped.
 *
 * Once the connection is lost (end of file, time-out, an answer that makes no sense) every access
 * fails at once and reads all ones.
 */
#ifndef CXB_BUSCLIENT_QTEST_H
#define CXB_BUSCLIENT_QTEST_H

#include "busclient/client.h"

/* "qtest:SOCKET[,server=on|off]": what is below, with defaults. */
extern const CxbBusClientKind cxb_bus_qtest_kind;

/* Low RAM below the VGA hole that the bus takes for itself. */
#define CXB_QTEST_TABLES      UINT64_C(0x90000) /* ACPI tables, if the machine has put none into RAM */
#define CXB_QTEST_TABLES_SIZE UINT64_C(0xf000)
#define CXB_QTEST_IRQ_PAGE    UINT64_C(0x9f000) /* a word for each message */

typedef struct {
	bool server;             /* listen at the path and take one client, instead of connecting */
	unsigned connect_ms;     /* how long the other side may take to come; 0: 20 s */
	unsigned reply_ms;       /* how long an answer may take; 0: 20 s */
	CxbWorkq *workq;         /* where interrupt handlers run from */
	CxbBusPlatform platform; /* ranges of size 0 are found by cxb_bus_qtest_firmware() */
} CxbQtestBusConfig;

/**
 * cxb_bus_qtest_new() - Connect, and ask for the byte order to see that it is a qtest server.
 * @path: unix socket; as a server it must not exist yet and is removed once a client has come
 */
CxbBus *cxb_bus_qtest_new(const char *path, const CxbQtestBusConfig *config, GError **errp);
void cxb_bus_qtest_free(CxbBus *bus);

/**
 * cxb_bus_qtest_firmware() - Do the part of firmware that comes before a CxbBus has ACPI tables.
 *
 * Clears the interrupt page and switches ECAM on (PCIEXBAR). If there is no RSDP between E0000h
 * and FFFFFh, the tables are read through fw_cfg; CEDT and MCFG are placed at CXB_QTEST_TABLES
 * behind an RSDP and XSDT of our own. Ranges of the platform not given: the 32-bit aperture is
 * q35's, the 64-bit one starts at the next GiB behind all that the CEDT names. To be called before
 * anything else, and again after the machine was reset.
 */
bool cxb_bus_qtest_firmware(CxbBus *bus, GError **errp);

/**
 * cxb_bus_qtest_poll() - Queue the handlers of the messages that have arrived.
 * @all: also those whose message has not: their devices' status says whether there is work
 *
 * Returns: false if the connection is lost.
 */
bool cxb_bus_qtest_poll(CxbBus *bus, bool all, bool *any, GError **errp);

#endif
