/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QMP: commands are rows in a registry that their owners fill; sessions speak the protocol on a
 * chardev. Before a command is looked at, the machine's queued work runs until idle.
 */
#ifndef CXB_MONITOR_QMP_H
#define CXB_MONITOR_QMP_H

#include <json-c/json_object.h>

#include "io/args.h"
#include "io/chardev.h"
#include "machine/machine.h"

typedef struct CxbQmp CxbQmp;

enum {
	CXB_QMP_OOB = 1u << 0,      /* may be executed out of band */
	CXB_QMP_UNSTABLE = 1u << 1, /* marked so in the schema */
};

typedef struct {
	const char *name;
	const CxbArg *args; /* NULL: none */
	size_t args_size;   /* of the structure they decode into */
	unsigned flags;
	const char *doc; /* one line, for the manual */
	/* Returns a new object, or NULL with @errp. An empty object for commands that return nothing:
	 * cxb_qmp_empty(). */
	json_object *(*run)(void *opaque, void *args, GError **errp);
} CxbQmpCmd;

/** cxb_qmp_new() - With the commands that every machine has (see docs/coverage.md).
 * @name: of -name, or NULL */
CxbQmp *cxb_qmp_new(CxbMachine *m, const char *name);
void cxb_qmp_free(CxbQmp *qmp); /* ends all sessions */
/** cxb_qmp_add() - Add rows; ends with name NULL. Names must be new. */
void cxb_qmp_add(CxbQmp *qmp, const CxbQmpCmd *rows, void *opaque);
static inline json_object *cxb_qmp_empty(void)
{
	return json_object_new_object();
}
/** cxb_qmp_event() - Send an event to every negotiated session. @data is taken; NULL: none. */
void cxb_qmp_event(CxbQmp *qmp, const char *name, json_object *data);
/** cxb_qmp_serve() - Speak QMP on @chr (taken on success). */
bool cxb_qmp_serve(CxbQmp *qmp, CxbChardev *chr, bool pretty, GError **errp);
/** cxb_qmp_flush() - Blocking best effort to get answers out, before the process ends. */
void cxb_qmp_flush(CxbQmp *qmp);

#endif
