/* SPDX-License-Identifier: Apache-2.0 */
/* Negotiation: what the client offers is checked, what we can is told. */
#include <errno.h>
#include <string.h>

#include "io/json.h"
#include "session.h"

#define JSON_MAX 4096u

/* Capabilities that are numbers, and what they may be. What a client can take matters little: we
 * send one descriptor and as many bytes as it asks for. But one that makes no sense is refused. */
static const struct {
	const char *name;
	uint64_t min, max;
} numbers[] = {
	{ "max_msg_fds", 0, UINT32_MAX },
	{ "max_data_xfer_size", 0, UINT32_MAX },
	{ "max_dma_maps", 0, UINT32_MAX },
	{ "pgsizes", 1, UINT64_MAX },
};

static bool number_ok(json_object *caps, const char *name, uint64_t min, uint64_t max)
{
	g_auto(CxbScalar) s = { CXB_SCALAR_NULL };
	json_object *v;

	return !json_object_object_get_ex(caps, name, &v) ||
	       (cxb_json_to_scalar(v, &s) && s.kind == CXB_SCALAR_UINT && s.u >= min && s.u <= max);
}

/* Sets *@multi if the client would write several registers with one message. */
static bool capabilities_ok(json_object *root, bool *multi)
{
	json_object *caps, *v;

	if (!json_object_is_type(root, json_type_object))
		return false;
	if (!json_object_object_get_ex(root, "capabilities", &caps))
		return true;
	if (!json_object_is_type(caps, json_type_object))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (!number_ok(caps, numbers[i].name, numbers[i].min, numbers[i].max))
			return false;
	if (!json_object_object_get_ex(caps, "write_multiple", &v))
		return true;
	*multi = json_object_get_boolean(v);
	return json_object_is_type(v, json_type_boolean);
}

/* Old clients send no text at all. */
static bool text_ok(const uint8_t *text, size_t len, bool *multi)
{
	json_object *root;
	bool ok;

	if (!len)
		return true;
	if (len > JSON_MAX || memchr(text, 0, len) != text + len - 1)
		return false;
	root = cxb_json_parse((const char *)text, len - 1, NULL);
	ok = capabilities_ok(root, multi);
	json_object_put(root);
	return ok;
}

/* QEMU takes no answer longer than its own question, and every client wants the keys it knows. */
static const char *offer(bool multi)
{
	return multi ? "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		       "\"pgsizes\":4096,\"max_dma_maps\":65535,\"write_multiple\":true}}"
		     : "{\"capabilities\":{\"max_msg_fds\":16,\"max_data_xfer_size\":1048576,"
		       "\"pgsizes\":4096,\"max_dma_maps\":65535}}";
}

_Static_assert(MAX_FDS == 16 && VFU_DATA_DEFAULT == 1048576 && MAX_DMA_MAPS == 65535,
	       "what is offered is what there is");

int session_version(Session *s, CxbVfuMessage *msg, Answer *a)
{
	struct vfu_version version;
	bool multi = false;

	memcpy(&version, msg->body, sizeof(version));
	if (version.major != VFU_MAJOR ||
	    !text_ok(msg->body + sizeof(version), msg->len - sizeof(version), &multi))
		return EINVAL;
	a->head.version = (struct vfu_version){ VFU_MAJOR, MIN(version.minor, VFU_MINOR) };
	a->head_len = sizeof(version);
	a->data = offer(multi);
	a->data_len = strlen(a->data) + 1;
	s->negotiated = true;
	return 0;
}
