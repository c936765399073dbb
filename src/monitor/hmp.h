/* SPDX-License-Identifier: Apache-2.0 */
/* The human monitor: commands as text, answers as text. Lines end with "\n" until the last step. */
#ifndef CXB_MONITOR_HMP_H
#define CXB_MONITOR_HMP_H

#include "monitor.h"

/** hmp_run() - What @line prints, lines ended by CR LF. Unknown commands are told in the text. */
char *hmp_run(CxbQmp *qmp, const char *line);
/** hmp_call() - What the QMP command @name returns (the caller puts it), or NULL after
 * "Error: TEXT". @args is taken; NULL: none. */
json_object *hmp_call(CxbQmp *qmp, const char *name, json_object *args, GString *out);
/** hmp_text() - The member @key as text, "" if there is none. */
const char *hmp_text(json_object *o, const char *key);

/* Commands. @args: as many as their row in hmp.c says, NULL behind them. */
void hmp_cont(CxbQmp *qmp, char **args, GString *out);
void hmp_device_add(CxbQmp *qmp, char **args, GString *out);
void hmp_device_del(CxbQmp *qmp, char **args, GString *out);
void hmp_object_add(CxbQmp *qmp, char **args, GString *out);
void hmp_object_del(CxbQmp *qmp, char **args, GString *out);
void hmp_qom_get(CxbQmp *qmp, char **args, GString *out);
void hmp_qom_list(CxbQmp *qmp, char **args, GString *out);
void hmp_qom_set(CxbQmp *qmp, char **args, GString *out);
void hmp_quit(CxbQmp *qmp, char **args, GString *out);
void hmp_stop(CxbQmp *qmp, char **args, GString *out);
void hmp_system_powerdown(CxbQmp *qmp, char **args, GString *out);
void hmp_system_reset(CxbQmp *qmp, char **args, GString *out);
void hmp_system_wakeup(CxbQmp *qmp, char **args, GString *out);

/* "info X" */
void hmp_info_chardev(CxbQmp *qmp, char **args, GString *out);
void hmp_info_kvm(CxbQmp *qmp, char **args, GString *out);
void hmp_info_memdev(CxbQmp *qmp, char **args, GString *out);
void hmp_info_memory_size(CxbQmp *qmp, char **args, GString *out);
void hmp_info_mtree(CxbQmp *qmp, char **args, GString *out);
void hmp_info_name(CxbQmp *qmp, char **args, GString *out);
void hmp_info_nothing(CxbQmp *qmp, char **args, GString *out);
void hmp_info_pci(CxbQmp *qmp, char **args, GString *out);
void hmp_info_qom_tree(CxbQmp *qmp, char **args, GString *out);
void hmp_info_qtree(CxbQmp *qmp, char **args, GString *out);
void hmp_info_status(CxbQmp *qmp, char **args, GString *out);
void hmp_info_uuid(CxbQmp *qmp, char **args, GString *out);
void hmp_info_version(CxbQmp *qmp, char **args, GString *out);
void hmp_info_vnc(CxbQmp *qmp, char **args, GString *out);

#endif
