/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/rc.h"

#include <stddef.h>

static const struct {
	const char *text;
	int err;
} table[] = {
#define ROW(value, name, text, err) [value] = { text, err },
	CXB_RC_TABLE(ROW)
#undef ROW
};

#define N_CODES (sizeof(table) / sizeof(table[0]))

const char *cxb_rc_text(unsigned rc)
{
	if (rc < N_CODES && table[rc].text)
		return table[rc].text;
	return "unknown return code";
}

int cxb_rc_errno(unsigned rc)
{
	if (rc < N_CODES && table[rc].text)
		return table[rc].err;
	return EIO;
}
