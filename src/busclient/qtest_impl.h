/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the qtest bus share. */
#ifndef CXB_BUSCLIENT_QTEST_IMPL_H
#define CXB_BUSCLIENT_QTEST_IMPL_H

#include "busclient/qtest.h"

/* One connection. Requests are lines; replies come in their order. */
typedef struct {
	int fd;
	bool lost;
	unsigned reply_ms;
	GByteArray *in; /* read, not looked at */
	gsize in_pos;
} QtestWire;

typedef struct {
	CxbBus bus;
	QtestWire wire;
	CxbWorkq *workq;
	CxbBusPlatform platform;
	GHashTable *irqs; /* id -> QtestIrq */
	guint irq_end;    /* ids given out are below */
} QtestBus;

/* wire.c */
bool cxb_qtest_wire_open(QtestWire *wire, const char *path, const CxbQtestBusConfig *config,
			 GError **errp);
void cxb_qtest_wire_close(QtestWire *wire);
/** cxb_qtest_send() - @text is one or more lines, each with its end. */
bool cxb_qtest_send(QtestWire *wire, const char *text, gsize len, GError **errp);
/**
 * cxb_qtest_reply() - The next reply.
 *
 * Returns: what stands behind "OK " ("" if nothing), valid until the next call; NULL if it is a
 * refusal, or the connection is lost (wire->lost).
 */
const char *cxb_qtest_reply(QtestWire *wire, GError **errp);
/** cxb_qtest_reply_number() - A reply that is a number, and fits @size bytes. */
bool cxb_qtest_reply_number(QtestWire *wire, unsigned size, uint64_t *val, GError **errp);
/** cxb_qtest_cmd() - Send one command (without its end), return its reply. */
const char *cxb_qtest_cmd(QtestWire *wire, GError **errp, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* A port of I/O space. */
bool cxb_qtest_out(QtestWire *wire, uint16_t port, unsigned size, uint32_t val, GError **errp);

extern const char cxb_qtest_letters[9]; /* of commands, by size: readb to readq */

#endif
