/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed notifier lists. Listeners run in the order they were added. A listener may add or remove
 * listeners, itself included, while the list runs: one added does not run this time, one removed
 * does not run any more.
 *
 *	CXB_NOTIFY_TYPE(CxbResetNotify, cxb_reset_notify, CxbMachine)
 *
 * makes the type CxbResetNotify, a list whose listeners get a (CxbMachine *), and
 * cxb_reset_notify_{init,fini,add,remove,run}().
 */
#ifndef CXB_BASE_NOTIFY_H
#define CXB_BASE_NOTIFY_H

#include <glib.h>
#include <stdbool.h>

/* A listener whatever its type; only ever called as what it is, by the list's own CxbNotifyCall. */
typedef void (*CxbNotifyFn)(void);
typedef void (*CxbNotifyCall)(CxbNotifyFn fn, void *opaque, void *data);

typedef struct {
	GList *items;
	unsigned running;
	guint last_id;
} CxbNotifyList;

void cxb_notify_init(CxbNotifyList *list);
void cxb_notify_fini(CxbNotifyList *list);
/** cxb_notify_add() - Returns: an id for cxb_notify_remove(), never 0. */
guint cxb_notify_add(CxbNotifyList *list, CxbNotifyFn fn, void *opaque);
bool cxb_notify_remove(CxbNotifyList *list, guint id);
void cxb_notify_run(CxbNotifyList *list, CxbNotifyCall call, void *data);

#define CXB_NOTIFY_TYPE(Type, prefix, Data)                                                      \
	typedef struct {                                                                         \
		CxbNotifyList list;                                                              \
	} Type;                                                                                  \
	typedef void (*Type##Fn)(void *opaque, Data *data);                                      \
	static inline G_GNUC_UNUSED void prefix##_init(Type *t)                                  \
	{                                                                                        \
		cxb_notify_init(&t->list);                                                       \
	}                                                                                        \
	static inline G_GNUC_UNUSED void prefix##_fini(Type *t)                                  \
	{                                                                                        \
		cxb_notify_fini(&t->list);                                                       \
	}                                                                                        \
	static inline G_GNUC_UNUSED guint prefix##_add(Type *t, Type##Fn fn, void *opaque)       \
	{                                                                                        \
		return cxb_notify_add(&t->list, (CxbNotifyFn)fn, opaque);                        \
	}                                                                                        \
	static inline G_GNUC_UNUSED bool prefix##_remove(Type *t, guint id)                      \
	{                                                                                        \
		return cxb_notify_remove(&t->list, id);                                          \
	}                                                                                        \
	static inline G_GNUC_UNUSED void prefix##_call(CxbNotifyFn fn, void *opaque, void *data) \
	{                                                                                        \
		((Type##Fn)fn)(opaque, data);                                                    \
	}                                                                                        \
	static inline G_GNUC_UNUSED void prefix##_run(Type *t, Data *data)                       \
	{                                                                                        \
		cxb_notify_run(&t->list, prefix##_call, (void *)data);                           \
	}

#endif
