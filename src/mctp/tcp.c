/* SPDX-License-Identifier: Apache-2.0 */
#include "mctp/tcp.h"

#include <glib.h>
#include <string.h>

void cxb_mctp_tcp_rx(CxbMctpTcpRx *rx, const uint8_t *bytes, size_t len, CxbMctpPacketFn fn,
		     void *opaque)
{
	while (len) {
		const size_t n = MIN(len, sizeof(rx->packet) - rx->len);

		memcpy(rx->packet + rx->len, bytes, n);
		rx->len += n;
		bytes += n;
		len -= n;
		if (rx->len == sizeof(rx->packet)) {
			rx->len = 0;
			fn(opaque, rx->packet, sizeof(rx->packet));
		}
	}
}

size_t cxb_mctp_tcp_frame(const uint8_t *packet, size_t len, uint8_t frame[WIRE_MCTP_PACKET_MAX])
{
	g_assert(len <= WIRE_MCTP_PACKET_MAX);
	memcpy(frame, packet, len);
	memset(frame + len, 0, WIRE_MCTP_PACKET_MAX - len);
	return WIRE_MCTP_PACKET_MAX;
}
