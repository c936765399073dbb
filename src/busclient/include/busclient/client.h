/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine elsewhere: a CxbBus over some transport, opened by a word that names it, with what a
 * transport needs beside the accesses of a CxbBus. A kind of transport is one CxbBusClientKind;
 * the table of them is in client.c, and programs know no kind by name.
 */
#ifndef CXB_BUSCLIENT_CLIENT_H
#define CXB_BUSCLIENT_CLIENT_H

#include "base/workq.h"
#include "bus/bus.h"
#include "qom/scalar.h"

typedef struct CxbBusClient CxbBusClient;

typedef struct {
	const char *scheme; /* "qtest" of "qtest:SOCKET" */
	const char *usage;  /* one line: "qtest:SOCKET[,server=on|off]" */
	/* Reach the machine. @where stands behind the colon and is not empty; handlers of interrupts
	 * run from @workq. What is asked for in @opts beside "bus" is looked up before anything is
	 * opened, with cxb_bus_client_opts_done() behind it. */
	CxbBus *(*open)(const char *where, CxbOpts *opts, CxbWorkq *workq, GError **errp);
	void (*close)(CxbBus *bus);
	/* The part of firmware that comes before there are ACPI tables; NULL: it has run. */
	bool (*firmware)(CxbBus *bus, GError **errp);
	/* Queue the handlers of messages that have arrived, see cxb_bus_client_poll(). */
	bool (*poll)(CxbBus *bus, bool all, bool *any, GError **errp);
	/* See cxb_bus_client_memory(); NULL: no program of this machine can map memory of that one. */
	bool (*memory)(CxbBus *bus, int *fd, GError **errp);
} CxbBusClientKind;

/**
 * cxb_bus_client_open() - Reach the machine that @text names.
 * @text: "SCHEME:WHERE[,key=value...]"; the schemes are those of cxb_bus_client_usage()
 *
 * Returns: a client, ready for a host driver: firmware has done its part. NULL with @errp.
 */
CxbBusClient *cxb_bus_client_open(const char *text, CxbWorkq *workq, GError **errp);
void cxb_bus_client_close(CxbBusClient *client);
CxbBus *cxb_bus_client_bus(CxbBusClient *client);

/**
 * cxb_bus_client_poll() - Queue the handlers of messages that have arrived.
 * @all: also those whose message has not: their devices' status says whether there is work
 * @any: a message has arrived
 *
 * Returns: false if the machine is lost.
 */
bool cxb_bus_client_poll(CxbBusClient *client, bool all, bool *any, GError **errp);

/**
 * cxb_bus_client_memory() - A descriptor for programs that map the machine's memory, cached: offsets
 * are physical addresses.
 * @fd: the caller's; -1 if the bus has no such thing
 */
bool cxb_bus_client_memory(CxbBusClient *client, int *fd, GError **errp);

/** cxb_bus_client_usage() - The forms of all kinds, joined by " | ". Caller frees. */
char *cxb_bus_client_usage(void);

/** cxb_bus_client_opts_done() - For kinds: fails on an option that nobody has looked up. */
bool cxb_bus_client_opts_done(CxbOpts *opts, GError **errp);

#endif
