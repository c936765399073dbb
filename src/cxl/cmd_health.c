/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands 4200h to 4202h, CXL 3.1 8.2.9.9.3: health and alert thresholds. The device is always
 * well, so thresholds are kept and nothing ever crosses one. A reset leaves them alone.
 */
#include "memdev_impl.h"

#include "base/trace.h"
#include "wire/event.h"
#include "wire/mbox.h"

#define NO_TEMPERATURE 0x7fff /* there is no sensor (8.2.9.9.3.1) */

/* Ours; warnings lie on the good side of them. */
#define LIFE_CRITICAL  95  /* percent */
#define OVER_CRITICAL  90  /* degrees C */
#define UNDER_CRITICAL -10 /* below 0, so that a warning of 0 can be told */

void memdev_init_alerts(CxbMemdev *md)
{
	md->alerts = (struct wire_alert_config){
		.programmable = WIRE_ALERT_ALL,
		.life_critical = LIFE_CRITICAL,
		.over_critical = le16_put((uint16_t)OVER_CRITICAL),
		.under_critical = le16_put((uint16_t)UNDER_CRITICAL),
	};
}

static CxbRc get_health(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	struct wire_health_info *info = cxb_wr_room(out, sizeof(*info));

	if (!info)
		return CXB_RC_INTERNAL_ERROR;
	info->temperature = le16_put(NO_TEMPERATURE);
	return CXB_RC_SUCCESS;
}

static CxbRc get_alerts(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const CxbMemdev *md = opaque;

	return cxb_wr_copy(out, &md->alerts, sizeof(md->alerts)) ? CXB_RC_SUCCESS
								 : CXB_RC_INTERNAL_ERROR;
}

static int16_t degrees(le16 field)
{
	return (int16_t)le16_get(field);
}

static const char *wrong(const struct wire_set_alerts_in *req)
{
	if ((req->valid & WIRE_ALERT_LIFE) && req->life_warning >= LIFE_CRITICAL)
		return "life used";
	if ((req->valid & WIRE_ALERT_OVER) && degrees(req->over_warning) >= OVER_CRITICAL)
		return "over-temperature";
	if ((req->valid & WIRE_ALERT_UNDER) && degrees(req->under_warning) <= UNDER_CRITICAL)
		return "under-temperature";
	return NULL;
}

/* Only what "valid" names is looked at; all of it or nothing is taken. */
static CxbRc set_alerts(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	const struct wire_set_alerts_in *req = cxb_rd_take(in, sizeof(*req));
	struct wire_alert_config *alerts = &((CxbMemdev *)opaque)->alerts;
	const uint8_t valid = req->valid & WIRE_ALERT_ALL;
	const char *what = wrong(req);

	if (what) {
		cxb_guest_error("%s: set-alert-configuration: %s warning is not on this side of "
				"the critical threshold",
				cxb_cci_name(cci), what);
		return CXB_RC_INVALID_INPUT;
	}
	if (valid & WIRE_ALERT_LIFE)
		alerts->life_warning = req->life_warning;
	if (valid & WIRE_ALERT_OVER)
		alerts->over_warning = req->over_warning;
	if (valid & WIRE_ALERT_UNDER)
		alerts->under_warning = req->under_warning;
	if (valid & WIRE_ALERT_VOLATILE)
		alerts->volatile_warning = req->volatile_warning;
	if (valid & WIRE_ALERT_PERSISTENT)
		alerts->persistent_warning = req->persistent_warning;
	alerts->valid = (alerts->valid & ~valid) | (req->enable & valid);
	return CXB_RC_SUCCESS;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_HEALTH,
		.name = "get-health-info",
		.spec = "8.2.9.9.3.1",
		.out_max = sizeof(struct wire_health_info),
		.run = get_health,
	},
	{
		.opcode = CXB_OP_GET_ALERTS,
		.name = "get-alert-configuration",
		.spec = "8.2.9.9.3.2",
		.out_max = sizeof(struct wire_alert_config),
		.run = get_alerts,
	},
	{
		.opcode = CXB_OP_SET_ALERTS,
		.name = "set-alert-configuration",
		.spec = "8.2.9.9.3.3",
		.in_min = sizeof(struct wire_set_alerts_in),
		.in_max = sizeof(struct wire_set_alerts_in),
		.effects = CXB_EFFECT_POLICY_NOW,
		.run = set_alerts,
	},
};

void memdev_add_health(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
