/* SPDX-License-Identifier: Apache-2.0 */
#include "fmld_impl.h"

#include "wire/cci.h"

static uint64_t timestamp(void *opaque)
{
	return cxb_memdev_timestamp(((const CxbFmLd *)opaque)->config.memdev);
}

static CxbCci *cci_new(const CxbFmLd *fm)
{
	const CxbCciConfig config = { .name = fm->config.name,
				      .payload_size = CXB_FMLD_MESSAGE_MAX,
				      .clock = fm->config.clock };

	return cxb_cci_new(&config);
}

CxbFmLd *cxb_fmld_new(const CxbFmLdConfig *config)
{
	CxbFmLd *fm = g_new0(CxbFmLd, 1);
	const CxbEvLogsConfig logs = {
		.size = { [CXB_LOG_DC] = config->log_size },
		.timestamp = timestamp,
		.opaque = fm,
	};

	fm->config = *config;
	fm->config.name = g_strdup(config->name);
	fm->info.config = fm->ld0_info.config = fm->pool_info.config = &fm->config;
	fm->logs = cxb_evlogs_new(&logs);
	fm->cci = cci_new(fm);
	fmld_set_limit(&fm->info, fm->cci, FMLD_MESSAGE_MAX_LOG2);
	fmld_add_identify(&fm->info, fm->cci);
	fmld_add_status(&fm->info, fm->cci);
	cxb_evlogs_add_record_commands(fm->logs, fm->cci);
	cxb_memdev_add_timestamp(config->memdev, fm->cci);
	cxb_memdev_add_logs(config->memdev, fm->cci);
	fmld_add_tunnel(fm);
	if (config->dc) {
		fmld_add_dc(fm);
		cxb_dc_add_observer(config->dc, &fmld_events, fm);
	}
	fm->ld0 = cci_new(fm);
	fmld_add_identify(&fm->ld0_info, fm->ld0);
	cxb_memdev_add_logs(config->memdev, fm->ld0);
	if (config->heads > 1) {
		fm->pool = cci_new(fm);
		fmld_add_identify(&fm->pool_info, fm->pool);
		cxb_memdev_add_logs(config->memdev, fm->pool);
		fmld_add_heads(fm, fm->pool);
	}
	return fm;
}

void cxb_fmld_free(CxbFmLd *fm)
{
	if (!fm)
		return;
	if (fm->config.dc)
		cxb_dc_remove_observers(fm->config.dc, fm);
	cxb_cci_free(fm->pool);
	cxb_cci_free(fm->ld0);
	cxb_cci_free(fm->cci);
	cxb_evlogs_free(fm->logs);
	g_free((char *)fm->config.name);
	g_free(fm);
}

void cxb_fmld_reset(CxbFmLd *fm, CxbResetKind kind)
{
	if (kind != CXB_RESET_COLD)
		return;
	cxb_cci_reset(fm->cci, kind);
	cxb_evlogs_reset(fm->logs, kind);
	cxb_evlogs_clear_dc(fm->logs);
	fmld_set_limit(&fm->info, fm->cci, FMLD_MESSAGE_MAX_LOG2);
}

CxbCci *cxb_fmld_cci(CxbFmLd *fm)
{
	return fm->cci;
}
