/* SPDX-License-Identifier: Apache-2.0 */
/* The qtest protocol on a chardev: memory, ports, clock and interrupt lines of a machine. */
#ifndef CXB_QTEST_QTEST_H
#define CXB_QTEST_QTEST_H

#include "io/chardev.h"
#include "machine/machine.h"

typedef struct CxbQtest CxbQtest;

/** cxb_qtest_new() - @chr is taken on success. @log: path, "none", or NULL for none. */
CxbQtest *cxb_qtest_new(CxbMachine *m, CxbChardev *chr, const char *log, GError **errp);
void cxb_qtest_free(CxbQtest *qtest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CxbQtest, cxb_qtest_free)

#endif
