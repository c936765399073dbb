# SPDX-License-Identifier: Apache-2.0
"""PCI as a host of its own uses it: resets under way, an error's way to the root port's message, a
device that is asked back. Registers at their offsets; values from PCIe 6.0 and CXL 3.1."""

import struct
import unittest

from cxbpy import cxlhost
from cxbpy.machine import Machine

GIB, MIB = 1 << 30, 1 << 20
WINDOW, CHBS = 0x3d0000000, 0x3c0000000
DEVICE = "/machine/peripheral/cxl-vmem0"
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
ROOT, DEV = 12, 13
# Root port: bridge control, PCI Express, MSI, AER, DVSEC 3; device: PCI Express, AER.
BRIDGE_CONTROL, EXPRESS, MSI, AER, PORT_EXT = 0x3e, 0x74, 0x60, 0x100, 0x15c
DEV_EXPRESS, DEV_AER = 0x80, 0x200
DEVICE_CONTROL, LINK_CONTROL, SLOT_CONTROL, SLOT_STATUS = 0x08, 0x10, 0x18, 0x1a
INITIATE_FLR = 0x8000
MESSAGE, DATA = 0x100000, 0x40


def cfg(bus, off):
    return cxlhost.ECAM + (bus << 20) + off


class Pci(unittest.TestCase):
    def setUp(self):
        self.m = Machine(["-accel", "qtest"], qtest=True)
        self.addCleanup(self.m.end)
        self.q = self.m.qtest
        self.host = cxlhost.CxlHost(self.q, chbs=CHBS, window=WINDOW)
        self.host.enumerate()

    def use(self):
        """One accepted extent behind committed decoders, with bytes in it."""
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="b", size=GIB, share=True,
                       tag=TAG)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0, tag=TAG,
                       selection_policy="prescriptive", extents=[{"offset": 0, "len": GIB}])
        self.host.map_dpa(4 * GIB)
        self.host.dc_list(cxlhost.DC_ADD, [(0, GIB)])
        self.q.writeq(WINDOW + 8, 0x1122334455667788)

    def enumerate_again(self):
        self.host.next_bar = 0xc0000000
        self.host.enumerate()

    def messages_on(self):
        self.q.writel(cfg(ROOT, MSI + 4), MESSAGE)
        self.q.writew(cfg(ROOT, MSI + 8), DATA)
        self.q.writew(cfg(ROOT, MSI + 2), 0x0011)

    def message(self):
        data = self.q.readl(MESSAGE)
        self.q.writel(MESSAGE, 0)
        return data

    # --- resets ---

    def test_memory_is_used_on_over_a_function_level_reset(self):
        self.use()
        self.host.command(cxlhost.SET_POLICY, bytes([1] * 5))
        accepted = self.host.accepted()
        self.q.writew(cfg(DEV, DEV_EXPRESS + DEVICE_CONTROL), INITIATE_FLR)
        self.assertEqual(self.q.readl(cfg(DEV, 0x10)), 4)  # BAR 0 has no place
        self.assertEqual(self.q.readq(WINDOW + 8), 0x1122334455667788)
        self.q.writeq(WINDOW + 16, 0x99)
        self.enumerate_again()
        self.assertEqual(self.host.accepted(), accepted)
        self.assertEqual([p & 3 for p in self.host.command(cxlhost.GET_POLICY)], [1] * 5)
        self.assertEqual(self.q.readq(WINDOW + 16), 0x99)

    def test_a_bus_reset_takes_the_way_and_leaves_the_bytes(self):
        self.use()
        accepted = self.host.accepted()
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0x40)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0)
        self.assertEqual(self.q.readq(WINDOW + 8), 0x1122334455667788)  # masked: nothing was
        self.q.writew(cfg(ROOT, PORT_EXT), 1)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0x40)
        self.assertEqual(self.q.readl(cfg(DEV, 0)), 0xffffffff)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0)
        self.assertEqual(self.q.readq(WINDOW + 8), 2 ** 64 - 1)
        self.enumerate_again()
        hdm = self.host.hdm(self.host.comp)
        self.assertEqual(self.q.readl(hdm + 0x20), 0)
        self.assertTrue(self.host.commit(hdm, 0, WINDOW, 4 * GIB))
        self.q.writel(hdm + 4, 2)
        self.assertEqual(self.q.readq(WINDOW + 8), 0x1122334455667788)
        self.assertEqual(self.host.accepted(), accepted)

    def test_nothing_is_reached_over_a_disabled_link(self):
        self.use()
        self.q.writew(cfg(ROOT, PORT_EXT), 2)
        self.q.writew(cfg(ROOT, EXPRESS + LINK_CONTROL), 0x10)
        self.assertEqual(self.q.readl(cfg(DEV, 0)), 0xffffffff)
        self.assertEqual(self.q.readq(WINDOW + 8), 2 ** 64 - 1)
        self.assertEqual(self.q.readw(cfg(ROOT, EXPRESS + LINK_CONTROL + 2)) & 0x2000, 0)
        self.q.writew(cfg(ROOT, EXPRESS + LINK_CONTROL), 0)
        self.assertEqual(self.q.readw(cfg(ROOT, EXPRESS + LINK_CONTROL + 2)) & 0x2000, 0x2000)
        self.enumerate_again()
        self.assertEqual([e[:3] for e in self.host.accepted()[1]], [(0, GIB, TAG)])

    def test_every_way_to_reset_may_be_taken_again_and_again(self):
        self.use()
        self.q.writew(cfg(ROOT, PORT_EXT), 3)
        accepted = self.host.accepted()
        for _ in range(20):
            self.q.writew(cfg(DEV, DEV_EXPRESS + DEVICE_CONTROL), INITIATE_FLR)
            self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0x40)
            self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0)
            self.q.writew(cfg(ROOT, EXPRESS + LINK_CONTROL), 0x10)
            self.q.writew(cfg(ROOT, EXPRESS + LINK_CONTROL), 0)
            self.q.writew(cfg(ROOT, EXPRESS + SLOT_CONTROL), 0x05c0)
            self.q.writew(cfg(ROOT, EXPRESS + SLOT_CONTROL), 0x01c0)
        self.enumerate_again()
        self.assertEqual(self.host.accepted(), accepted)

    # --- errors ---

    def test_an_error_becomes_a_message_of_the_root_port(self):
        self.messages_on()
        for bus, express in ((ROOT, EXPRESS), (DEV, DEV_EXPRESS)):
            self.q.writew(cfg(bus, express + DEVICE_CONTROL), 7)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 2)
        self.q.writel(cfg(ROOT, AER + 0x2c), 7)
        self.q.writel(cfg(DEV, DEV_AER + 0x08), 0)
        self.q.writel(self.host.comp + 0x1084, 0)
        self.m.qmp.cmd("cxl-inject-uncorrectable-errors", path=DEVICE, errors=[
            {"type": "mem-data-ecc", "header": [0xabcd]}, {"type": "internal", "header": []}])
        self.assertEqual(self.message(), DATA | 1)
        self.assertEqual(self.q.readl(cfg(ROOT, AER + 0x30)), 0x08000054)
        self.assertEqual(self.q.readl(cfg(ROOT, AER + 0x34)) >> 16, DEV << 8)
        self.assertEqual(self.q.readl(self.host.comp + 0x1080), 1 << 7 | 1 << 14)
        self.assertEqual(self.q.readl(self.host.comp + 0x1098), 0xabcd)
        # What happened is still told after a reset of the bus.
        self.q.writew(cfg(ROOT, PORT_EXT), 1)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 0x42)
        self.q.writew(cfg(ROOT, BRIDGE_CONTROL), 2)
        self.enumerate_again()
        self.assertEqual(self.q.readl(cfg(DEV, DEV_AER + 4)), 1 << 22)
        self.assertEqual(self.q.readl(self.host.comp + 0x1080), 1 << 7 | 1 << 14)

    # --- the slot ---

    def test_a_device_is_asked_back_and_another_comes(self):
        slot = cfg(ROOT, EXPRESS + SLOT_CONTROL)
        status = cfg(ROOT, EXPRESS + SLOT_STATUS)
        self.messages_on()
        self.q.writew(slot, 0x01c0 | 0x39)
        self.q.writew(status, 0x11f)
        self.message()
        self.m.qmp.cmd("device_del", id="cxl-vmem0")
        self.assertEqual(self.message(), DATA)
        self.assertEqual(self.q.readw(status), 0x0041)
        self.assertEqual(self.m.qmp.events, [])
        self.q.writew(status, 1)
        self.q.writew(slot, 0x07c0 | 0x39)
        self.assertEqual(self.m.qmp.wait_event("DEVICE_DELETED")["data"]["device"], "cxl-vmem0")
        self.assertEqual(self.q.readl(cfg(DEV, 0)), 0xffffffff)
        self.q.writew(status, 0x11f)
        self.message()
        self.m.qmp.cmd("device_add", driver="cxl-type3", bus="root_port13", id="next",
                       num_dc_regions=1, dc_regions_total_size=4 * GIB)
        self.assertEqual(self.message(), DATA)
        self.assertEqual(self.q.readw(status), 0x0049)
        self.assertEqual(self.q.readl(cfg(DEV, 0)), 0xffffffff)  # no power yet
        self.q.writew(slot, 0x01c0 | 0x39)
        self.assertEqual(self.q.readl(cfg(DEV, 0)), 0x0d938086)
        self.enumerate_again()
        self.assertEqual(struct.unpack_from("<I", self.host.command(cxlhost.DC_EXTENTS,
                                                                    bytes(8)), 4), (0,))


if __name__ == "__main__":
    unittest.main()
