/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Front doors as the command line gives them: chardevs, and who speaks what on them. They are
 * collected while options are worked off (sockets listen from then on) and opened once the
 * machine is there.
 */
#ifndef CXB_TOOLS_DOORS_H
#define CXB_TOOLS_DOORS_H

#include "io/chardevs.h"
#include "monitor/qmp.h"
#include "qtest/qtest.h"

typedef struct Doors Doors;

typedef enum { DOOR_QMP, DOOR_QMP_PRETTY, DOOR_HMP, DOOR_QTEST } DoorKind;

#define MONITOR_QMP_TYPE "monitor-qmp"
#define MONITOR_HMP_TYPE "monitor-hmp"

/** cxb_doors_new() - @chardevs: where those of the command line go; borrowed. */
Doors *cxb_doors_new(GMainContext *context, CxbChardevs *chardevs);
/** cxb_doors_forbid_stdio() - -daemonize: there will be none. */
void cxb_doors_forbid_stdio(Doors *d);
/** cxb_doors_free() - Ends the qtest sessions; QMP's end with the CxbQmp. NULL is fine. */
void cxb_doors_free(Doors *d);

/** cxb_doors_chardev() - "-chardev BACKEND,id=ID,…". @written: the option, for messages. */
bool cxb_doors_chardev(Doors *d, const char *value, const char *written, GError **errp);
/** cxb_doors_add() - -qmp, -qmp-pretty, -monitor, -qtest: "unix:…", "chardev:ID", …; the last two
 * also take "none". */
bool cxb_doors_add(Doors *d, DoorKind kind, const char *value, const char *written, GError **errp);
/** cxb_doors_mon() - "-mon [chardev=]ID[,mode=readline|control][,pretty=on]". */
bool cxb_doors_mon(Doors *d, const char *value, GError **errp);
/** cxb_doors_monitor_object() - "-object monitor-qmp,id=ID,chardev=ID[,pretty=on]", "monitor-hmp,...". */
bool cxb_doors_monitor_object(Doors *d, CxbOpts *opts, GError **errp);

/** cxb_doors_foreach() - Every chardev, in the order made. */
typedef void (*CxbDoorsFn)(void *opaque, const char *label, const CxbChardev *chr);
void cxb_doors_foreach(const Doors *d, CxbDoorsFn fn, void *opaque);

/** cxb_doors_open() - Wait for clients that were asked to be waited for, then speak. */
bool cxb_doors_open(Doors *d, CxbMachine *m, CxbQmp *qmp, const char *qtest_log, GError **errp);

#endif
