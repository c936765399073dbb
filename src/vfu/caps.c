/* SPDX-License-Identifier: Apache-2.0 */
#include "vfu/caps.h"

#include <string.h>

#define START sizeof(struct vfu_region_info)

/* The one that ends the chain so far, if there is one, leads to what comes now. */
static void lead_on(GByteArray *caps)
{
	const uint32_t next = START + caps->len;
	struct vfu_cap cap;

	for (size_t at = 0; caps->len; at = cap.next - START) {
		memcpy(&cap, caps->data + at, sizeof(cap));
		if (cap.next)
			continue;
		memcpy(caps->data + at + offsetof(struct vfu_cap, next), &next, sizeof(next));
		return;
	}
}

void cxb_vfu_caps_add(GByteArray *caps, uint16_t id, const void *body, size_t len)
{
	const struct vfu_cap cap = { .id = id, .version = 1 };

	g_assert(len % 8 == 0);
	lead_on(caps);
	g_byte_array_append(caps, (const uint8_t *)&cap, sizeof(cap));
	g_byte_array_append(caps, body, len);
}

void cxb_vfu_caps_add_sparse(GByteArray *caps, const struct vfu_area *areas, unsigned n)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	const uint32_t head[] = { n, 0 };

	g_byte_array_append(body, (const uint8_t *)head, sizeof(head));
	if (n)
		g_byte_array_append(body, (const uint8_t *)areas, n * sizeof(*areas));
	cxb_vfu_caps_add(caps, VFU_CAP_SPARSE_MMAP, body->data, body->len);
}

void cxb_vfu_caps_add_type(GByteArray *caps, uint32_t type, uint32_t subtype)
{
	const uint32_t body[] = { type, subtype };

	cxb_vfu_caps_add(caps, VFU_CAP_TYPE, body, sizeof(body));
}
