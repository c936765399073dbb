/* SPDX-License-Identifier: Apache-2.0 */
#include "memdev_impl.h"

#include "wire/mbox.h"

CxbMemdev *cxb_memdev_new(const CxbMemdevConfig *config)
{
	CxbMemdev *md = g_new0(CxbMemdev, 1);

	g_assert(config->volatile_size % WIRE_CAPACITY_UNIT == 0);
	g_assert(config->persistent_size % WIRE_CAPACITY_UNIT == 0);
	g_assert(!config->lsa_size || (config->lsa_read && config->lsa_write));
	g_assert(!config->media.sanitize || (config->media.disable && config->media.answers &&
					     config->media.erase && config->media.stop));
	md->config = *config;
	memdev_init_firmware(md);
	memdev_init_features(md);
	memdev_init_alerts(md);
	return md;
}

void cxb_memdev_free(CxbMemdev *md)
{
	if (!md)
		return;
	g_free(md->erasing);
	g_free(md);
}

void cxb_memdev_set_logs(CxbMemdev *md, CxbEvLogs *logs)
{
	md->config.logs = logs;
}

void cxb_memdev_reset(CxbMemdev *md, CxbResetKind kind)
{
	if (kind == CXB_RESET_COLD)
		md->time_set = false;
	memdev_reset_firmware(md, kind);
	memdev_reset_features(md, kind);
}

void cxb_memdev_add_commands(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add_abort(cci);
	memdev_add_firmware(md, cci);
	cxb_memdev_add_timestamp(md, cci);
	cxb_memdev_add_logs(md, cci);
	memdev_add_features(md, cci);
	memdev_add_identify(md, cci);
	memdev_add_lsa(md, cci);
	memdev_add_health(md, cci);
	memdev_add_sanitize(md, cci);
	memdev_add_security(md, cci);
}
