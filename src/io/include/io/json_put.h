/* SPDX-License-Identifier: Apache-2.0 */
/* Members of a JSON object that is being made, by the kind of their value. */
#ifndef CXB_IO_JSON_PUT_H
#define CXB_IO_JSON_PUT_H

#include <json-c/json_object.h>

#include "base/uuid.h"

static inline void cxb_json_put_u64(json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

static inline void cxb_json_put_bool(json_object *o, const char *key, bool v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

static inline void cxb_json_put_str(json_object *o, const char *key, const char *s)
{
	json_object_object_add(o, key, json_object_new_string(s));
}

static inline void cxb_json_put_uuid(json_object *o, const char *key, const CxbUuid *uuid)
{
	char text[CXB_UUID_STRLEN + 1];

	cxb_json_put_str(o, key, cxb_uuid_format(uuid, text));
}

#endif
