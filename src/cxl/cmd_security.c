/* SPDX-License-Identifier: Apache-2.0 */
/* Command 4500h, CXL 3.1 8.2.9.9.6: no passphrase can be set, so nothing is ever locked. */
#include "memdev_impl.h"

#include "wire/sanitize.h"

static CxbRc get_security_state(void *opaque, CxbCci *cci, CxbRd *in, CxbWr *out)
{
	return cxb_wr_room(out, sizeof(struct wire_security_state)) ? CXB_RC_SUCCESS
								    : CXB_RC_INTERNAL_ERROR;
}

static const CxbCciCmd commands[] = {
	{
		.opcode = CXB_OP_GET_SECURITY_STATE,
		.name = "get-security-state",
		.spec = "8.2.9.9.6.1",
		.out_max = sizeof(struct wire_security_state),
		.run = get_security_state,
	},
};

void memdev_add_security(CxbMemdev *md, CxbCci *cci)
{
	cxb_cci_add(cci, commands, G_N_ELEMENTS(commands), md);
}
