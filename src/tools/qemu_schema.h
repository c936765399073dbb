/* SPDX-License-Identifier: Apache-2.0 */
/* Two answers to query-qmp-schema as one. */
#ifndef CXB_TOOLS_QEMU_SCHEMA_H
#define CXB_TOOLS_QEMU_SCHEMA_H

#include <json-c/json_object.h>

/**
 * qemu_schema_merge() - What is in @first, and the commands and events of @second that are not.
 *
 * Names of types mean something within one answer alone: those of @second get others. Both are arrays,
 * and stay as they are. Caller puts it.
 */
json_object *qemu_schema_merge(json_object *first, json_object *second);

#endif
