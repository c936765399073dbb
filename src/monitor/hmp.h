/* SPDX-License-Identifier: Apache-2.0 */
/* The human monitor: commands as text, answers as text. Lines end with "\n" until the last step. */
#ifndef CXB_MONITOR_HMP_H
#define CXB_MONITOR_HMP_H

#include "monitor.h"

/** hmp_run() - What @line prints, lines ended by CR LF. Unknown commands are told in the text. */
char *hmp_run(CxbQmp *qmp, const char *line);

/* "info X". @arg: what follows, "" if nothing. */
void hmp_info_mtree(CxbQmp *qmp, const char *arg, GString *out);
void hmp_info_pci(CxbQmp *qmp, const char *arg, GString *out);
void hmp_info_qom_tree(CxbQmp *qmp, const char *arg, GString *out);
void hmp_info_qtree(CxbQmp *qmp, const char *arg, GString *out);

#endif
