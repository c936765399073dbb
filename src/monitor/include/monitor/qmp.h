/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QMP: commands are rows in a registry that their owners fill; sessions speak the protocol on a
 * chardev. Before a command is looked at, the machine's queued work runs until idle.
 *
 * Rows also say what commands return and what events carry: query-qmp-schema is made of them.
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

/*
 * What is sent, by rows: a value is one row, the members of an object are a table of them.
 *
 *	static const CxbRet kvm_info[] = {
 *		{ "enabled", CXB_RET_BOOL },
 *		{ "present", CXB_RET_BOOL },
 *		{ NULL },
 *	};
 *	static const CxbRet kvm_ret = { NULL, CXB_RET_OBJECT, "KvmInfo", .members = kvm_info };
 *
 * A type has one table (or list of names) wherever it is named.
 */
typedef enum {
	CXB_RET_STR,
	CXB_RET_INT,
	CXB_RET_BOOL,
	CXB_RET_ANY,
	CXB_RET_ENUM,   /* a string out of names */
	CXB_RET_OBJECT, /* with members */
} CxbRetKind;

typedef struct CxbRet {
	const char *name; /* of the member; NULL ends a table, and is that of a value */
	CxbRetKind kind;
	const char *type;             /* ENUM, OBJECT: name of the type */
	bool list;                    /* a list of them */
	bool optional;                /* member: may be absent */
	const char *const *names;     /* ENUM: ends with NULL */
	const struct CxbRet *members; /* OBJECT */
} CxbRet;

typedef struct {
	const char *name;
	const CxbArg *args; /* NULL: none */
	size_t args_size;   /* of the structure they decode into */
	unsigned flags;
	const char *doc; /* one line, for the manual */
	/* Returns a new object, or NULL with @errp. An empty object for commands that return nothing:
	 * cxb_qmp_empty(). */
	json_object *(*run)(void *opaque, void *args, GError **errp);
	const CxbRet *ret; /* what run returns; NULL: an empty object */
} CxbQmpCmd;

typedef struct {
	const char *name;
	const CxbRet *data; /* table of members; NULL: none */
} CxbQmpEvent;

/** cxb_qmp_new() - With the commands that every machine has (see docs/coverage.md).
 * @name: of -name, or NULL */
CxbQmp *cxb_qmp_new(CxbMachine *m, const char *name);
/** cxb_qmp_set_uuid() - What query-uuid returns; all zeros without. */
void cxb_qmp_set_uuid(CxbQmp *qmp, const CxbUuid *uuid);
void cxb_qmp_free(CxbQmp *qmp); /* ends all sessions */
/** cxb_qmp_add() - Add rows; ends with name NULL. Names must be new. */
void cxb_qmp_add(CxbQmp *qmp, const CxbQmpCmd *rows, void *opaque);
/** cxb_qmp_add_events() - Add events that are going to be sent; ends with name NULL. */
void cxb_qmp_add_events(CxbQmp *qmp, const CxbQmpEvent *rows);
static inline json_object *cxb_qmp_empty(void)
{
	return json_object_new_object();
}
/** cxb_qmp_event() - Send an event that has been added to every negotiated session. @data is taken;
 * NULL: none. */
void cxb_qmp_event(CxbQmp *qmp, const char *name, json_object *data);
/** cxb_qmp_serve() - Speak QMP on @chr (taken on success). */
bool cxb_qmp_serve(CxbQmp *qmp, CxbChardev *chr, bool pretty, GError **errp);
/** cxb_qmp_serve_hmp() - Be a human monitor on @chr (taken on success). */
bool cxb_qmp_serve_hmp(CxbQmp *qmp, CxbChardev *chr, GError **errp);
/** cxb_qmp_flush() - Blocking best effort to get answers out, before the process ends. */
void cxb_qmp_flush(CxbQmp *qmp);

#endif
