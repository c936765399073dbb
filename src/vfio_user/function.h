/* SPDX-License-Identifier: Apache-2.0 */
/* A PCI function as the target of sessions. */
#ifndef VFIO_USER_FUNCTION_H
#define VFIO_USER_FUNCTION_H

#include "pci/pci.h"
#include "session.h"

typedef struct Function Function;

/** function_new() - Serve @dev under @name, until it is freed. "Device 'X' is in use by 'SERVER'" */
Function *function_new(CxbPciDev *dev, const char *name, GError **errp);
void function_free(Function *f); /* NULL is fine */
/** function_set_session() - Whom interrupts are told to; NULL: nobody, they stay pending. */
void function_set_session(Function *f, Session *session);

/* @opaque is a Function. */
extern const TargetOps function_ops;

#endif
