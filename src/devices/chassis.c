/* SPDX-License-Identifier: Apache-2.0 */
/* Chassis and slot numbers of ports: a pair is taken by one port of a machine at a time. */
#include "devices.h"

#include "base/error.h"

#define SERVICE "cxl-chassis"

static GHashTable *table(CxbQom *qom)
{
	GHashTable *slots = cxb_qom_get_service(qom, SERVICE);

	if (!slots) {
		slots = g_hash_table_new(NULL, NULL);
		cxb_qom_set_service(qom, SERVICE, slots);
	}
	return slots;
}

static gpointer key(uint8_t chassis, uint16_t slot)
{
	return GUINT_TO_POINTER(1u << 24 | (unsigned)chassis << 16 | slot);
}

bool cxb_chassis_take(CxbQom *qom, uint8_t chassis, uint16_t slot, GError **errp)
{
	if (!g_hash_table_add(table(qom), key(chassis, slot)))
		return cxb_fail(errp, CXB_ERROR_INVALID,
				"Can't add chassis slot, error -16 (chassis %u, slot %u is taken)",
				chassis, slot);
	return true;
}

void cxb_chassis_give(CxbQom *qom, uint8_t chassis, uint16_t slot)
{
	GHashTable *slots = table(qom);

	g_hash_table_remove(slots, key(chassis, slot));
	if (!g_hash_table_size(slots)) {
		cxb_qom_set_service(qom, SERVICE, NULL);
		g_hash_table_unref(slots);
	}
}
