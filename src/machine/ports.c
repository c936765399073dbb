/* SPDX-License-Identifier: Apache-2.0 */
/* I/O ports: configuration access (CF8h, CFCh), reset control (CF9h) and port 92h. */
#include "internal.h"

#define PORT_92       0x92
#define PORT_RESET    0xcf9
#define RESET_CPU     0x04 /* CF9h: 0 to 1 starts the reset */
#define PORT_92_RESET 0x01

static void guest_reset(void *opaque)
{
	cxb_machine_reset(opaque, CXB_RESET_GUEST);
}

bool cxb_machine_has_ports(const CxbMachine *m)
{
	return !machine_class(m->obj)->no_ports;
}

uint32_t cxb_machine_port_read(CxbMachine *m, uint16_t port, unsigned size)
{
	uint32_t val;

	if (cxb_machine_has_ports(m)) {
		if (size == 1 && port == PORT_92)
			return m->port92;
		if (size == 1 && port == PORT_RESET)
			return 0;
		if (cxb_pci_port_read(m->pci, port, size, &val))
			return val;
	}
	return size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
}

void cxb_machine_port_write(CxbMachine *m, uint16_t port, unsigned size, uint32_t val)
{
	bool reset = false;

	if (!cxb_machine_has_ports(m))
		return;
	if (size == 1 && port == PORT_92) {
		reset = (val & PORT_92_RESET) && !(m->port92 & PORT_92_RESET);
		m->port92 = val & ~PORT_92_RESET;
	} else if (size == 1 && port == PORT_RESET) {
		reset = val & RESET_CPU;
	} else {
		cxb_pci_port_write(m->pci, port, size, val);
	}
	/* Not from inside the access that asked for it. */
	if (reset) {
		cxb_workq_cancel(m->workq, guest_reset, m);
		cxb_workq_post(m->workq, guest_reset, m);
	}
}
