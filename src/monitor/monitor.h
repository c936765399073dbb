/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the monitor share: the registry, its sessions, helpers to build answers. */
#ifndef CXB_MONITOR_MONITOR_H
#define CXB_MONITOR_MONITOR_H

#include <json-c/json_object.h>

#include "io/json_put.h"
#include "base/uuid.h"
#include "cxl/dc.h"
#include "monitor/qmp.h"

/* The QEMU whose interfaces these are; scripts compare it with what they need. */
#define QMP_MAJOR   11
#define QMP_MINOR   1
#define QMP_MICRO   3
#define QMP_PACKAGE "cxlbox " CXB_VERSION

#define QMP_CAPABILITIES "qmp_capabilities"

typedef struct Session Session;
typedef struct HmpSession HmpSession;

typedef struct {
	const CxbQmpCmd *row;
	void *opaque;
} Command;

struct CxbQmp {
	CxbMachine *machine;
	char *name; /* NULL: none */
	CxbUuid uuid;
	GHashTable *commands; /* row->name -> Command */
	GHashTable *events;   /* row->name -> CxbQmpEvent */
	GPtrArray *sessions;
	GPtrArray *hmp_sessions; /* HmpSession * */
	bool ended;              /* shutdown was asked for: nothing more is looked at */
	guint deleted_id, reset_id, run_id, shutdown_id, dc_id, sanitized_id;
	bool again; /* sessions are going to try again what they were refused */
};

/* --- session.c --- */

Session *qmp_session_new(CxbQmp *qmp, CxbChardev *chr, bool pretty, GError **errp);
void qmp_session_free(Session *s);
/** qmp_session_event() - Send @event if the session is negotiated. */
void qmp_session_event(Session *s, json_object *event);
void qmp_session_flush(Session *s);
/** qmp_session_again() - Work has ended: try again what was refused because of it. */
void qmp_session_again(Session *s);

/** qmp_call() - Run a command from inside. @args: NULL for none. */
json_object *qmp_call(CxbQmp *qmp, const char *name, json_object *args, GError **errp);

/* --- hmp_session.c --- */

void hmp_session_free(HmpSession *s);
void hmp_session_flush(HmpSession *s);

/* Arguments of qmp_capabilities. */
struct capabilities_args {
	GArray *enable; /* int, all of them 0: "oob" is the only capability */
};
extern const CxbArg qmp_capabilities_args[];

/* --- rows of commands and events --- */

void qmp_add_core_commands(CxbQmp *qmp);
void qmp_add_qom_commands(CxbQmp *qmp);
void qmp_add_dc_commands(CxbQmp *qmp);
void qmp_add_device_commands(CxbQmp *qmp);
void qmp_add_hmp_commands(CxbQmp *qmp);
void qmp_add_machine_commands(CxbQmp *qmp);
void qmp_add_pci_commands(CxbQmp *qmp);
void qmp_add_poison_commands(CxbQmp *qmp);
void qmp_add_ras_commands(CxbQmp *qmp);
void qmp_add_raw_dc_commands(CxbQmp *qmp);
void qmp_add_dc_display_commands(CxbQmp *qmp);
void qmp_add_dc_tag_commands(CxbQmp *qmp);
void qmp_add_record_commands(CxbQmp *qmp);
void qmp_add_run_commands(CxbQmp *qmp);
void qmp_add_schema_commands(CxbQmp *qmp);
void qmp_add_type_commands(CxbQmp *qmp);
void qmp_events_init(CxbQmp *qmp);
void qmp_events_fini(CxbQmp *qmp);

/** qmp_add_str() - Add @s under @key, if it is not NULL. */
void qmp_add_str(CxbOpts *opts, const char *key, const char *s);

/** qmp_find_type3() - The device of the commands that inject, with QEMU's two errors for a path that
 * leads nowhere or elsewhere. */
CxbDevice *qmp_find_type3(CxbQmp *qmp, const char *path, GError **errp);

/** qmp_find_dc() - The engine of the device of the commands of dynamic capacity. */
CxbDc *qmp_find_dc(CxbQmp *qmp, const char *path, CxbDevice **device, GError **errp);
/** qmp_parse_tag() - Absent (NULL) or empty is the null tag. */
bool qmp_parse_tag(const char *text, CxbUuid *tag, GError **errp);

/** qmp_version() - What query-version returns and the greeting carries. */
json_object *qmp_version(void);

/** qmp_run_state() - "running" and so on. */
const char *qmp_run_state(const CxbQmp *qmp);
/** qmp_pci() - What query-pci returns. */
json_object *qmp_pci(CxbQmp *qmp);
/** qmp_prop_type() - Name of the type of a property, as qom-list has it. Caller frees. */
char *qmp_prop_type(const CxbProp *prop);

/* --- building answers --- */

static inline void put(json_object *o, const char *key, json_object *value)
{
	json_object_object_add(o, key, value);
}

#endif
