/* SPDX-License-Identifier: Apache-2.0 */
/* Commands 0100h-0103h, CXL 3.1 8.2.9.2.2 to 8.2.9.2.5. */
#include "evlog_impl.h"

#include "base/trace.h"

static CxbRc get_events(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbEvLogs *logs = opaque;
	const struct wire_get_events_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_get_events_out *hdr;
	const struct evlog *log;
	size_t n;

	if (req->log >= CXB_LOGS) {
		cxb_guest_error("%s: get-event-records: no log %u", cxb_cci_name(cci), req->log);
		return CXB_RC_INVALID_INPUT;
	}
	log = &logs->log[req->log];
	hdr = cxb_wr_room(out, sizeof(*hdr));
	if (!hdr)
		return CXB_RC_INTERNAL_ERROR;
	n = MIN(log->count, cxb_wr_left(out) / sizeof(struct wire_event_record));
	if (log->overflow_count)
		hdr->flags |= WIRE_EVENTS_OVERFLOW;
	if (n < log->count)
		hdr->flags |= WIRE_EVENTS_MORE;
	hdr->overflow_count = le16_put(log->overflow_count);
	hdr->first_overflow = le64_put(log->first_overflow);
	hdr->last_overflow = le64_put(log->last_overflow);
	hdr->count = le16_put(n);
	for (size_t i = 0; i < n; i++) {
		const struct wire_event_record *rec = cxb_evlogs_peek(logs, req->log, i);

		if (!cxb_wr_copy(out, rec, sizeof(*rec)))
			return CXB_RC_INTERNAL_ERROR;
	}
	return CXB_RC_SUCCESS;
}

/* Clear All is for a log that overflowed: there the host cannot know all handles. */
static CxbRc clear_all(CxbEvLogs *logs, CxbCci *cci, CxbLogId id)
{
	if (!logs->log[id].overflow_count) {
		cxb_guest_error("%s: clear-event-records: clear all of log %u, not in overflow",
				cxb_cci_name(cci), id);
		return CXB_RC_INVALID_INPUT;
	}
	evlog_drop(logs, id, logs->log[id].count);
	return CXB_RC_SUCCESS;
}

static CxbRc clear_events(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbEvLogs *logs = opaque;
	const struct wire_clear_events_in *req = cxb_rd_take(in, sizeof(*req));
	const le16 *handle = cxb_rd_take(in, req->count * sizeof(le16));

	if (!handle && !(req->flags & WIRE_CLEAR_EVENTS_ALL)) {
		cxb_guest_error("%s: clear-event-records: %u handles do not fit the payload",
				cxb_cci_name(cci), req->count);
		return CXB_RC_PAYLOAD_LEN;
	}
	if (req->log >= CXB_LOGS) {
		cxb_guest_error("%s: clear-event-records: no log %u", cxb_cci_name(cci), req->log);
		return CXB_RC_INVALID_INPUT;
	}
	if (req->flags & WIRE_CLEAR_EVENTS_ALL)
		return clear_all(logs, cci, req->log);
	for (unsigned i = 0; i < req->count; i++) {
		const struct wire_event_record *rec = cxb_evlogs_peek(logs, req->log, i);

		if (!rec || le16_get(rec->hdr.handle) != le16_get(handle[i])) {
			cxb_guest_error("%s: clear-event-records: handle %04xh is not next in log "
					"%u",
					cxb_cci_name(cci), le16_get(handle[i]), req->log);
			return CXB_RC_INVALID_HANDLE;
		}
	}
	if (req->count)
		evlog_drop(logs, req->log, req->count);
	return CXB_RC_SUCCESS;
}

static CxbRc get_policy(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbEvLogs *logs = opaque;
	const CxbEvLogsConfig *config = &logs->config;
	struct wire_event_policy *policy = cxb_wr_room(out, sizeof(*policy));

	if (!policy)
		return CXB_RC_INTERNAL_ERROR;
	for (unsigned i = 0; i < CXB_LOGS; i++) {
		const unsigned vector = config->vector[i];

		policy->log[i] =
			FIELD_PREP(WIRE_EVENT_POLICY_MODE, logs->log[i].mode) |
			FIELD_PREP(WIRE_EVENT_POLICY_MSG,
				   config->message ? config->message(config->opaque, vector)
						   : vector);
	}
	return CXB_RC_SUCCESS;
}

/* Four bytes (before dynamic capacity) leave the setting of log 4 alone. */
static CxbRc set_policy(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	CxbEvLogs *logs = opaque;
	const size_t n = in->left;
	const uint8_t *policy = cxb_rd_take(in, n);

	for (size_t i = 0; i < n; i++) {
		if ((policy[i] & WIRE_EVENT_POLICY_MODE) > WIRE_EVENT_IRQ_FW) {
			cxb_guest_error("%s: set-event-interrupt-policy: mode 3 for log %zu",
					cxb_cci_name(cci), i);
			return CXB_RC_INVALID_INPUT;
		}
	}
	for (size_t i = 0; i < n; i++)
		evlog_set_mode(logs, i, policy[i] & WIRE_EVENT_POLICY_MODE);
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd record_commands[] = {
	{
		.opcode = CXB_OP_GET_EVENTS,
		.name = "get-event-records",
		.spec = "8.2.9.2.2",
		.in_min = sizeof(struct wire_get_events_in),
		.in_max = sizeof(struct wire_get_events_in),
		.out_max = CXB_PAYLOAD_ANY,
		.flags = CXB_CMD_NEEDS_MEDIA,
		.run = get_events,
	},
	{
		.opcode = CXB_OP_CLEAR_EVENTS,
		.name = "clear-event-records",
		.spec = "8.2.9.2.3",
		.in_min = sizeof(struct wire_clear_events_in),
		.in_max = CXB_PAYLOAD_ANY,
		.effects = CXB_EFFECT_LOG_NOW,
		.run = clear_events,
	},
};

static const CxbCciCmd policy_commands[] = {
	{
		.opcode = CXB_OP_GET_EVENT_POLICY,
		.name = "get-event-interrupt-policy",
		.spec = "8.2.9.2.4",
		.out_max = sizeof(struct wire_event_policy),
		.run = get_policy,
	},
	{
		.opcode = CXB_OP_SET_EVENT_POLICY,
		.name = "set-event-interrupt-policy",
		.spec = "8.2.9.2.5",
		.in_min = WIRE_EVENT_POLICY_OLD_SIZE,
		.in_max = sizeof(struct wire_event_policy),
		.effects = CXB_EFFECT_CONFIG_NOW,
		.run = set_policy,
	},
};

void cxb_evlogs_add_record_commands(CxbEvLogs *logs, CxbCci *cci)
{
	cxb_cci_add(cci, record_commands, G_N_ELEMENTS(record_commands), logs);
}

void cxb_evlogs_add_commands(CxbEvLogs *logs, CxbCci *cci)
{
	cxb_evlogs_add_record_commands(logs, cci);
	cxb_cci_add(cci, policy_commands, G_N_ELEMENTS(policy_commands), logs);
}
