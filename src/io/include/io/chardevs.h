/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chardevs by id, as -chardev makes them, for whoever speaks on them. One that is taken belongs to the
 * taker, who frees it or gives it back; its id stays in use.
 */
#ifndef CXB_IO_CHARDEVS_H
#define CXB_IO_CHARDEVS_H

#include "io/chardev.h"

typedef struct CxbChardevs CxbChardevs;

/* Devices find theirs by this service. */
#define CXB_SERVICE_CHARDEVS "chardevs"

CxbChardevs *cxb_chardevs_new(void);
/** cxb_chardevs_free() - With all that are not taken. NULL is fine. */
void cxb_chardevs_free(CxbChardevs *set);
/** cxb_chardevs_add() - @chr is the set's from here; no chardev may have had @id. */
void cxb_chardevs_add(CxbChardevs *set, const char *id, CxbChardev *chr);
/** cxb_chardevs_has() - There is one called @id, taken or not. */
bool cxb_chardevs_has(const CxbChardevs *set, const char *id);
/** cxb_chardevs_take() - NULL: there is none, or somebody has it. */
CxbChardev *cxb_chardevs_take(CxbChardevs *set, const char *id);
void cxb_chardevs_give(CxbChardevs *set, const char *id, CxbChardev *chr);

#endif
