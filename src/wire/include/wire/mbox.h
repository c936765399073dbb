/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands of a memory device's mailbox: opcodes and payloads, CXL 3.1 8.2.9. "_in" is what the
 * host sends, "_out" what it gets. Dynamic capacity is in wire/dc.h, firmware in
 * wire/firmware.h, features in wire/feature.h, sanitize and security in wire/sanitize.h, event records and
 * health (4200h) in wire/event.h.
 */
#ifndef CXB_WIRE_MBOX_H
#define CXB_WIRE_MBOX_H

#include "base/bytes.h"
#include "base/uuid.h"

enum {
	CXB_OP_REQUEST_ABORT = 0x0005,          /* 8.2.9.1.5 */
	CXB_OP_GET_EVENTS = 0x0100,             /* 8.2.9.2.2 */
	CXB_OP_CLEAR_EVENTS = 0x0101,           /* 8.2.9.2.3 */
	CXB_OP_GET_EVENT_POLICY = 0x0102,       /* 8.2.9.2.4 */
	CXB_OP_SET_EVENT_POLICY = 0x0103,       /* 8.2.9.2.5 */
	CXB_OP_GET_FW_INFO = 0x0200,            /* 8.2.9.3.1 */
	CXB_OP_TRANSFER_FW = 0x0201,            /* 8.2.9.3.2 */
	CXB_OP_ACTIVATE_FW = 0x0202,            /* 8.2.9.3.3 */
	CXB_OP_GET_TIMESTAMP = 0x0300,          /* 8.2.9.4.1 */
	CXB_OP_SET_TIMESTAMP = 0x0301,          /* 8.2.9.4.2 */
	CXB_OP_GET_SUPPORTED_LOGS = 0x0400,     /* 8.2.9.5.1 */
	CXB_OP_GET_LOG = 0x0401,                /* 8.2.9.5.2 */
	CXB_OP_GET_SUPPORTED_FEATURES = 0x0500, /* 8.2.9.6.1 */
	CXB_OP_GET_FEATURE = 0x0501,            /* 8.2.9.6.2 */
	CXB_OP_SET_FEATURE = 0x0502,            /* 8.2.9.6.3 */
	CXB_OP_IDENTIFY_MEMDEV = 0x4000,        /* 8.2.9.9.1.1 */
	CXB_OP_GET_PARTITION = 0x4100,          /* 8.2.9.9.2.1 */
	CXB_OP_SET_PARTITION = 0x4101,          /* 8.2.9.9.2.2 */
	CXB_OP_GET_LSA = 0x4102,                /* 8.2.9.9.2.3 */
	CXB_OP_SET_LSA = 0x4103,                /* 8.2.9.9.2.4 */
	CXB_OP_GET_HEALTH = 0x4200,             /* 8.2.9.9.3.1 */
	CXB_OP_GET_ALERTS = 0x4201,             /* 8.2.9.9.3.2 */
	CXB_OP_SET_ALERTS = 0x4202,             /* 8.2.9.9.3.3 */
	CXB_OP_GET_POISON = 0x4300,             /* 8.2.9.9.4.1 */
	CXB_OP_INJECT_POISON = 0x4301,          /* 8.2.9.9.4.2 */
	CXB_OP_CLEAR_POISON = 0x4302,           /* 8.2.9.9.4.3 */
	CXB_OP_GET_SCAN_CAPS = 0x4303,          /* 8.2.9.9.4.4 */
	CXB_OP_SCAN_MEDIA = 0x4304,             /* 8.2.9.9.4.5 */
	CXB_OP_GET_SCAN_RESULTS = 0x4305,       /* 8.2.9.9.4.6 */
	CXB_OP_SANITIZE = 0x4400,               /* 8.2.9.9.5.1 */
	CXB_OP_MEDIA_OPERATIONS = 0x4402,       /* 8.2.9.9.5.3 */
	CXB_OP_GET_SECURITY_STATE = 0x4500,     /* 8.2.9.9.6.1 */
	CXB_OP_GET_DC_CONFIG = 0x4800,          /* 8.2.9.9.9.1 */
	CXB_OP_GET_DC_EXTENTS = 0x4801,         /* 8.2.9.9.9.2 */
	CXB_OP_ADD_DC_RESPONSE = 0x4802,        /* 8.2.9.9.9.3 */
	CXB_OP_RELEASE_DC = 0x4803,             /* 8.2.9.9.9.4 */
};

/* 0100h Get Event Records. */
struct wire_get_events_in {
	uint8_t log;
};
WIRE_SIZE(wire_get_events_in, 1);

#define WIRE_EVENTS_OVERFLOW 0x01
#define WIRE_EVENTS_MORE     0x02

struct wire_get_events_out { /* wire_event_record follow, oldest first */
	uint8_t flags;
	uint8_t reserved1;
	le16 overflow_count;
	le64 first_overflow; /* ns */
	le64 last_overflow;
	le16 count; /* records behind this header */
	uint8_t reserved2[10];
};
WIRE_SIZE(wire_get_events_out, 0x20);
WIRE_AT(wire_get_events_out, overflow_count, 2);
WIRE_AT(wire_get_events_out, first_overflow, 4);
WIRE_AT(wire_get_events_out, last_overflow, 0x0c);
WIRE_AT(wire_get_events_out, count, 0x14);

/* 0101h Clear Event Records. */
#define WIRE_CLEAR_EVENTS_ALL 0x01

struct wire_clear_events_in {
	uint8_t log;
	uint8_t flags;
	uint8_t count;
	uint8_t reserved[3];
	le16 handle[]; /* @count, oldest record first */
};
WIRE_SIZE(wire_clear_events_in, 6);
WIRE_AT(wire_clear_events_in, count, 2);
WIRE_AT(wire_clear_events_in, handle, 6);

/* 0102h, 0103h: Event Interrupt Policy, one byte a log in order of log numbers. 4 bytes before
 * dynamic capacity, 5 since. */
#define WIRE_EVENT_POLICY_MODE 0x03
#define WIRE_EVENT_POLICY_MSG  0xf0 /* read-only */
enum { WIRE_EVENT_IRQ_NONE, WIRE_EVENT_IRQ_MSI, WIRE_EVENT_IRQ_FW };

struct wire_event_policy {
	uint8_t log[5];
};
WIRE_SIZE(wire_event_policy, 5);
#define WIRE_EVENT_POLICY_OLD_SIZE 4

/* 0300h out, 0301h in. */
struct wire_timestamp {
	le64 ns;
};
WIRE_SIZE(wire_timestamp, 8);

/* 0400h Get Supported Logs. */
struct wire_log_entry {
	CxbUuid uuid;
	le32 size; /* bytes */
};
WIRE_SIZE(wire_log_entry, 0x14);
WIRE_AT(wire_log_entry, size, 0x10);

struct wire_supported_logs_out {
	le16 count;
	uint8_t reserved[6];
	struct wire_log_entry log[];
};
WIRE_SIZE(wire_supported_logs_out, 8);
WIRE_AT(wire_supported_logs_out, log, 8);

/* 0401h Get Log. */
struct wire_get_log_in {
	CxbUuid uuid;
	le32 offset; /* bytes */
	le32 length;
};
WIRE_SIZE(wire_get_log_in, 0x18);
WIRE_AT(wire_get_log_in, offset, 0x10);
WIRE_AT(wire_get_log_in, length, 0x14);

/* 8.2.9.5.2.1: entry of the Command Effects Log. */
struct wire_cel_entry {
	le16 opcode;
	le16 effects;
};
WIRE_SIZE(wire_cel_entry, 4);

/* clang-format off */
static const CxbUuid wire_uuid_cel __attribute__((unused)) = { {
	0x0d, 0xa9, 0xc0, 0xb5, 0xbf, 0x41, 0x4b, 0x78, 0x8f, 0x79, 0x96, 0xb1, 0x62, 0x3b, 0x3f, 0x17 } };
static const CxbUuid wire_uuid_vendor_debug __attribute__((unused)) = { {
	0x5e, 0x18, 0x19, 0xd9, 0x11, 0xa9, 0x40, 0x0c, 0x81, 0x1f, 0xd6, 0x07, 0x19, 0x40, 0x3d, 0x86 } };
/* clang-format on */

/* 4000h Identify Memory Device. Capacities are in 256 MiB. */
struct wire_identify_memdev {
	char fw_revision[16];
	le64 total;
	le64 volatile_only;
	le64 persistent_only;
	le64 partition_align;   /* 0: not partitionable */
	le16 event_log_size[4]; /* records: informational, warning, failure, fatal */
	le32 lsa_size;          /* bytes */
	le24 poison_list_max;
	le16 inject_limit; /* 0: none of its own */
	uint8_t poison_caps;
	uint8_t qos_caps;
	le16 dc_event_log_size; /* CXL 3.0 */
};
WIRE_SIZE(wire_identify_memdev, 0x45);
WIRE_AT(wire_identify_memdev, total, 0x10);
WIRE_AT(wire_identify_memdev, partition_align, 0x28);
WIRE_AT(wire_identify_memdev, event_log_size, 0x30);
WIRE_AT(wire_identify_memdev, lsa_size, 0x38);
WIRE_AT(wire_identify_memdev, poison_list_max, 0x3c);
WIRE_AT(wire_identify_memdev, inject_limit, 0x3f);
WIRE_AT(wire_identify_memdev, poison_caps, 0x41);
WIRE_AT(wire_identify_memdev, dc_event_log_size, 0x43);
#define WIRE_CAPACITY_UNIT (256ull << 20)

/* 4100h Get Partition Info. In 256 MiB. */
struct wire_partition_info {
	le64 active_volatile;
	le64 active_persistent;
	le64 next_volatile; /* both next fields 0: no change pending */
	le64 next_persistent;
};
WIRE_SIZE(wire_partition_info, 0x20);
WIRE_AT(wire_partition_info, next_volatile, 0x10);

/* 4101h Set Partition Info. Some send a byte more. */
struct wire_set_partition_in {
	le64 volatile_capacity; /* of what can be partitioned, in 256 MiB */
	uint8_t flags;          /* bit 0: immediately */
};
WIRE_SIZE(wire_set_partition_in, 9);
WIRE_AT(wire_set_partition_in, flags, 8);
#define WIRE_SET_PARTITION_LONG_SIZE 10

/* 4102h Get LSA, 4103h Set LSA (data follows the header). */
struct wire_get_lsa_in {
	le32 offset;
	le32 length;
};
WIRE_SIZE(wire_get_lsa_in, 8);
WIRE_AT(wire_get_lsa_in, length, 4);

struct wire_set_lsa_in {
	le32 offset;
	le32 reserved;
	uint8_t data[];
};
WIRE_SIZE(wire_set_lsa_in, 8);
WIRE_AT(wire_set_lsa_in, data, 8);

/* Alerts, a bit each in all bytes below that name some. */
#define WIRE_ALERT_LIFE       0x01
#define WIRE_ALERT_OVER       0x02
#define WIRE_ALERT_UNDER      0x04
#define WIRE_ALERT_VOLATILE   0x08
#define WIRE_ALERT_PERSISTENT 0x10
#define WIRE_ALERT_ALL        0x1f

/* 4201h Get Alert Configuration. Temperatures are signed, in degrees C. */
struct wire_alert_config {
	uint8_t valid; /* those switched on */
	uint8_t programmable;
	uint8_t life_critical; /* percent */
	uint8_t life_warning;
	le16 over_critical;
	le16 under_critical;
	le16 over_warning;
	le16 under_warning;
	le16 volatile_warning; /* corrected errors */
	le16 persistent_warning;
};
WIRE_SIZE(wire_alert_config, 0x10);
WIRE_AT(wire_alert_config, over_critical, 4);
WIRE_AT(wire_alert_config, over_warning, 8);
WIRE_AT(wire_alert_config, persistent_warning, 0x0e);

/* 4202h Set Alert Configuration. */
struct wire_set_alerts_in {
	uint8_t valid; /* those that this is about */
	uint8_t enable;
	uint8_t life_warning;
	uint8_t reserved;
	le16 over_warning;
	le16 under_warning;
	le16 volatile_warning;
	le16 persistent_warning;
};
WIRE_SIZE(wire_set_alerts_in, 0x0c);
WIRE_AT(wire_set_alerts_in, over_warning, 4);
WIRE_AT(wire_set_alerts_in, persistent_warning, 0x0a);

/* 4300h Get Poison List, 4303h Get Scan Media Capabilities. Lines have 64 bytes. */
struct wire_poison_range {
	le64 dpa; /* of a line */
	le64 lines;
};
WIRE_SIZE(wire_poison_range, 0x10);
WIRE_AT(wire_poison_range, lines, 8);

enum {
	WIRE_POISON_INTERNAL = 2, /* the device found it */
	WIRE_POISON_INJECTED = 3, /* by 4301h */
};

struct wire_poison_record {
	le64 dpa; /* bits 63:6; bits 2:0: source */
	le32 lines;
	le32 reserved;
};
WIRE_SIZE(wire_poison_record, 0x10);
WIRE_AT(wire_poison_record, lines, 8);

#define WIRE_POISON_MORE     0x01
#define WIRE_POISON_OVERFLOW 0x02
#define WIRE_POISON_SCANNING 0x04

struct wire_get_poison_out { /* wire_poison_record follow */
	uint8_t flags;
	uint8_t reserved1;
	le64 overflow; /* when, in ns */
	le16 count;    /* records behind this header */
	uint8_t reserved2[20];
};
WIRE_SIZE(wire_get_poison_out, 0x20);
WIRE_AT(wire_get_poison_out, overflow, 2);
WIRE_AT(wire_get_poison_out, count, 0x0a);

/* 4301h Inject Poison. */
struct wire_inject_poison_in {
	le64 dpa;
};
WIRE_SIZE(wire_inject_poison_in, 8);

/* 4302h Clear Poison. */
struct wire_clear_poison_in {
	le64 dpa;
	uint8_t data[64]; /* what the line holds from now on */
};
WIRE_SIZE(wire_clear_poison_in, 0x48);
WIRE_AT(wire_clear_poison_in, data, 8);

/* 4303h Get Scan Media Capabilities. */
struct wire_scan_caps_out {
	le32 ms; /* an estimate */
};
WIRE_SIZE(wire_scan_caps_out, 4);

/* 4304h Scan Media. */
struct wire_scan_media_in {
	struct wire_poison_range range;
	uint8_t flags; /* bit 0: no event records */
};
WIRE_SIZE(wire_scan_media_in, 0x11);

/* 4305h Get Scan Media Results. */
#define WIRE_SCAN_MORE    0x01
#define WIRE_SCAN_STOPPED 0x02 /* before the end */

struct wire_scan_results_out { /* wire_poison_record follow */
	le64 restart_dpa;      /* where a scan that stopped is to go on */
	le64 restart_lines;
	uint8_t flags;
	uint8_t reserved1;
	le16 count; /* records behind this header */
	uint8_t reserved2[12];
};
WIRE_SIZE(wire_scan_results_out, 0x20);
WIRE_AT(wire_scan_results_out, flags, 0x10);
WIRE_AT(wire_scan_results_out, count, 0x12);

#endif
