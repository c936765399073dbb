/* SPDX-License-Identifier: Apache-2.0 */
#include "base/notify.h"

typedef struct {
	guint id;
	CxbNotifyFn fn; /* NULL once removed; the item goes when no run is under way */
	void *opaque;
} Item;

static Item *item_find(const CxbNotifyList *list, guint id)
{
	for (GList *l = list->items; l; l = l->next) {
		Item *item = l->data;

		if (item->id == id && item->fn)
			return item;
	}
	return NULL;
}

static void sweep(CxbNotifyList *list)
{
	GList *l = list->items;

	while (l) {
		GList *next = l->next;
		Item *item = l->data;

		if (!item->fn) {
			list->items = g_list_delete_link(list->items, l);
			g_free(item);
		}
		l = next;
	}
}

void cxb_notify_init(CxbNotifyList *list)
{
	*list = (CxbNotifyList){ 0 };
}

void cxb_notify_fini(CxbNotifyList *list)
{
	if (!list)
		return;
	g_assert(!list->running);
	g_list_free_full(list->items, g_free);
	list->items = NULL;
}

guint cxb_notify_add(CxbNotifyList *list, CxbNotifyFn fn, void *opaque)
{
	Item *item = g_new(Item, 1);

	g_assert(fn);
	/* The counter may come round; an id in use is passed over. */
	do {
		list->last_id++;
	} while (!list->last_id || item_find(list, list->last_id));
	*item = (Item){ list->last_id, fn, opaque };
	list->items = g_list_append(list->items, item);
	return item->id;
}

bool cxb_notify_remove(CxbNotifyList *list, guint id)
{
	Item *item = item_find(list, id);

	if (!item)
		return false;
	item->fn = NULL;
	if (!list->running)
		sweep(list);
	return true;
}

void cxb_notify_run(CxbNotifyList *list, CxbNotifyCall call, void *data)
{
	/* No link goes away while the list runs, so the last one marks where this run ends. */
	GList *last = g_list_last(list->items);

	if (!last)
		return;
	list->running++;
	for (GList *l = list->items;; l = l->next) {
		const Item *item = l->data;

		if (item->fn)
			call(item->fn, item->opaque, data);
		if (l == last)
			break;
	}
	if (!--list->running)
		sweep(list);
}
