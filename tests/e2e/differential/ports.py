# SPDX-License-Identifier: Apache-2.0
"""Where the root port and the memory device have their registers, and what of them several
subjects need. Offsets are those of both programs: configspace.py compares the chains."""

from cxbpy.cxlhost import ECAM

from observe import PORT_BUS

DEVICE_BUS = PORT_BUS + 1
# Root port: header, MSI, PCI Express, AER, DVSEC 3 (CXL 3.1 8.1.5).
COMMAND, SECONDARY, BUSES, BRIDGE_CONTROL = 0x04, 0x1c, 0x18, 0x3e
PORT_MSI, PORT_EXPRESS, PORT_AER, PORT_EXT_CONTROL = 0x60, 0x74, 0x100, 0x15c
# Memory device without a serial number: MSI-X, PCI Express, DVSEC 0 (8.1.3), AER.
DEVICE_MSIX, DEVICE_EXPRESS, DEVICE_DVSEC, DEVICE_AER = 0x40, 0x80, 0x100, 0x200
# Where the messages of the port are seen, and their data without the number of the message.
MESSAGE, DATA = 0x100000, 0x40


def cfg(bus, off):
    """The address of a register of function 0 in slot 0, by ECAM."""
    return ECAM + (bus << 20) + off


def messages_on(o, address=MESSAGE):
    """Bus mastering and both messages of the root port."""
    o.q.writew(cfg(PORT_BUS, COMMAND), 0x6)
    o.q.writel(cfg(PORT_BUS, PORT_MSI + 4), address)
    o.q.writew(cfg(PORT_BUS, PORT_MSI + 8), DATA)
    o.q.writew(cfg(PORT_BUS, PORT_MSI + 2), 0x0011)


def message(o, address=MESSAGE):
    """What has come since the last time, or "none"."""
    data = o.q.readl(address)
    o.q.writel(address, 0)
    return f"{data:x}h" if data else "none"
