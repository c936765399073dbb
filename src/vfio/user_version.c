/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation: what we take is told, what the device takes is checked. */
#include <string.h>

#include "base/error.h"
#include "io/json.h"
#include "user_impl.h"

#define JSON_MAX 4096u

static const char offer[] = "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
			    "\"pgsizes\":4096,\"max_dma_maps\":65535}}";

_Static_assert(CXB_VFU_SEND_FDS == 16 && VFU_DATA_DEFAULT == 1048576, "what is offered is true");

typedef struct {
	uint64_t fds, data, pgsizes, maps;
} Takes;

/* Numbers, what they are if they are not there, and what they may be. */
static const struct {
	const char *name;
	size_t offset;
	uint64_t def, min, max;
} numbers[] = {
	{ "max_msg_fds", offsetof(Takes, fds), VFU_FDS_DEFAULT, 1, UINT32_MAX },
	/* A register is accessed at once, whatever its size. */
	{ "max_data_xfer_size", offsetof(Takes, data), VFU_DATA_DEFAULT, 8, UINT32_MAX },
	{ "pgsizes", offsetof(Takes, pgsizes), VFU_PGSIZES_DEFAULT, 4096, UINT64_MAX },
	{ "max_dma_maps", offsetof(Takes, maps), VFU_DMA_MAPS_DEFAULT, 1, UINT32_MAX },
};

static bool number(json_object *caps, const char *name, uint64_t *out)
{
	g_auto(CxbScalar) s = { CXB_SCALAR_NULL };
	json_object *v;

	if (!json_object_object_get_ex(caps, name, &v))
		return true;
	if (!cxb_json_to_scalar(v, &s) || s.kind != CXB_SCALAR_UINT)
		return false;
	*out = s.u;
	return true;
}

static bool read_caps(json_object *root, Takes *takes, GError **errp)
{
	json_object *caps = NULL;

	if (root && !json_object_is_type(root, json_type_object))
		return cxb_fail(errp, CXB_ERROR_INVALID, "its capabilities are no JSON object");
	if (root && json_object_object_get_ex(root, "capabilities", &caps) &&
	    !json_object_is_type(caps, json_type_object))
		return cxb_fail(errp, CXB_ERROR_INVALID, "its capabilities are no JSON object");
	for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
		uint64_t *to = (uint64_t *)((char *)takes + numbers[i].offset);

		*to = numbers[i].def;
		if ((caps && !number(caps, numbers[i].name, to)) || *to < numbers[i].min ||
		    *to > numbers[i].max)
			return cxb_fail(errp, CXB_ERROR_INVALID,
					"its capability '%s' makes no sense", numbers[i].name);
	}
	if (takes->pgsizes % 4096)
		return cxb_fail(errp, CXB_ERROR_INVALID, "its capability 'pgsizes' makes no sense");
	return true;
}

/* An old device sends no text at all. */
static bool read_text(const char *text, size_t len, Takes *takes, GError **errp)
{
	json_object *root = NULL;
	bool ok;

	if (len && memchr(text, 0, len) != text + len - 1)
		return cxb_fail(errp, CXB_ERROR_INVALID, "its capabilities are no text");
	if (len) {
		GError *err = NULL;

		root = cxb_json_parse(text, len - 1, &err);
		if (err) {
			g_propagate_prefixed_error(errp, err, "its capabilities: ");
			return false;
		}
	}
	ok = read_caps(root, takes, errp);
	json_object_put(root);
	return ok;
}

bool user_negotiate(User *u, GError **errp)
{
	struct vfu_version version = { VFU_MAJOR, VFU_MINOR }, got;
	char text[JSON_MAX];
	const struct iovec iov[] = { { &version, sizeof(version) },
				     { (void *)offer, sizeof(offer) } };
	UserReply reply = {
		.head = &got, .head_len = sizeof(got), .data = text, .data_max = sizeof(text)
	};
	const int err = user_ask(u, VFU_VERSION, iov, G_N_ELEMENTS(iov), NULL, 0, &reply);
	Takes takes;

	if (err)
		return user_fail(u, err, "no agreement on a version", errp);
	if (got.major != VFU_MAJOR || got.minor > VFU_MINOR)
		return cxb_fail(errp, CXB_ERROR_INVALID, "it speaks version %u.%u, not %u.%u",
				got.major, got.minor, VFU_MAJOR, VFU_MINOR);
	if (!read_text(text, reply.data_len, &takes, errp))
		return false;
	u->fds_max = MIN(takes.fds, CXB_VFU_SEND_FDS);
	u->data_max = MIN(takes.data, USER_DATA_MAX);
	u->dev.dma_page = takes.pgsizes & -takes.pgsizes;
	u->dev.dma_max = takes.maps;
	return true;
}
