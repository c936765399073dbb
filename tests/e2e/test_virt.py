# SPDX-License-Identifier: Apache-2.0
"""The ARM virt machine. Addresses are those that QEMU 11.1 shows (info mtree, "-cpu max")."""

import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

GIB = 1 << 30
MIB = 1 << 20
TAG = "00000000-0000-4000-8000-000000000001"
RAM = 0x40000000
TRANSLATER = 0x08090040

DEVICES = [
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=c",
    "-device", "cxl-rp,port=0,bus=c,id=rp",
    "-device", "cxl-type3,bus=rp,id=t3,num-dc-regions=1,dc-regions-total-size=1G",
]


class Virt(unittest.TestCase):
    def start(self, machine="", memory="1G"):
        m = Machine(["-M", "virt,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G" + machine,
                     "-m", memory, *DEVICES], tutorial=False, qtest=True)
        self.addCleanup(m.end)
        self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")
        return m

    def accepts(self, m, window):
        """Capacity that the host accepts is in the window; messages get to the host."""
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="b", size=2 * MIB, share=True,
                  tag=TAG)
        m.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=0,
                  selection_policy="prescriptive", region=0, tag=TAG,
                  extents=[{"offset": 0, "len": 2 * MIB}])
        extent = m.qmp.cmd("query-cxl-dynamic-capacity", path="t3")[0]["extents"][0]
        self.assertEqual((extent["state"], extent["access"], extent["hpa"]),
                         ("accepted", "direct", window), extent)
        m.qtest.writeq(window, 0x1122334455667788)
        path = next(b for b in m.qmp.cmd("query-memdev") if b.get("tag") == TAG)["path"]
        with open(path, "rb") as f:
            self.assertEqual(f.read(8), bytes.fromhex("8877665544332211"))

    def table(self, m, at):
        length = int.from_bytes(m.qtest.read(at + 4, 4), "little")
        table = m.qtest.read(at, length)
        self.assertEqual(sum(table) % 256, 0)
        return table

    def tables(self, m):
        area = m.qtest.read(RAM + 0xe0000, 0x20000)
        at = area.index(b"RSD PTR ")
        self.assertEqual(at % 16, 0)
        xsdt = self.table(m, int.from_bytes(area[at + 24:at + 32], "little"))
        return {t[:4]: t for t in (self.table(m, int.from_bytes(xsdt[i:i + 8], "little"))
                                   for i in range(36, len(xsdt), 8))}

    def u64(self, table, at):
        return int.from_bytes(table[at:at + 8], "little")

    def check(self, m, ecam, last_bus, window):
        tables = self.tables(m)
        mcfg, cedt = tables[b"MCFG"], tables[b"CEDT"]
        self.assertEqual((self.u64(mcfg, 44), mcfg[54], mcfg[55]), (ecam, 0, last_bus))
        # CHBS: base at 16; CFMWS behind it: base at 8, size at 16.
        self.assertEqual(self.u64(cedt, 36 + 16), 0x4004000000)
        self.assertEqual((self.u64(cedt, 68 + 8), self.u64(cedt, 68 + 16)), (window, 4 * GIB))
        # Configuration space is where MCFG says: host bridge, expander, root port.
        self.assertEqual(m.qtest.readl(ecam), 0x00081b36)
        self.assertEqual(m.qtest.readl(ecam + (1 << 15)), 0x000b1b36)
        self.assertEqual(m.qtest.readl(ecam + (12 << 20)), 0x70758086)
        self.accepts(m, window)

    def test_a_host_uses_capacity(self):
        m = self.start()
        self.check(m, 0x4010000000, 255, 0x10000000000)

    def test_configuration_space_below_4g_has_16_buses(self):
        m = self.start(",highmem-ecam=off")
        self.check(m, 0x3f000000, 15, 0x10000000000)
        self.assertEqual(m.qtest.readl(0x40000000 - 4), 0xffffffff)  # 0f:1f.7, and RAM behind it

    def test_without_a_high_aperture_windows_move_down(self):
        m = self.start(",highmem-mmio=off")
        self.check(m, 0x4010000000, 255, 0x4020000000)

    def test_a_larger_aperture_moves_windows_up(self):
        m = self.start(",highmem-mmio-size=1T")
        self.check(m, 0x4010000000, 255, 0x20000000000)

    def test_device_memory_is_reserved_behind_ram(self):
        m = self.start(memory="1G,maxmem=512G,slots=2")
        self.accepts(m, 0x18000000000)
        m.qtest.writel(RAM + GIB, 1)
        self.assertEqual(m.qtest.readl(RAM + GIB), 0)
        self.assertEqual(m.qmp.cmd("query-memory-size-summary")["base-memory"], GIB)

    def test_there_is_nothing_of_a_pc(self):
        m = self.start()
        q = m.qtest
        q.outl(0xcf8, 0x80000000)
        self.assertEqual((q.inl(0xcf8), q.inl(0xcfc)), (0xffffffff, 0xffffffff))
        q.outb(0xcf9, 6)
        q.outb(0x92, 1)
        self.assertEqual(q.raw("irq_intercept_in ioapic"), "FAIL Unknown device")
        m.qmp.cmd("query-status")
        self.assertNotIn("RESET", [e["event"] for e in m.qmp.events])

    def test_memory_is_where_a_pc_has_other_things(self):
        m = self.start(memory="4G")
        for hpa in (0xb0000000, 0xfee00000):
            m.qtest.writel(hpa, 0x12345678)
            self.assertEqual(m.qtest.readl(hpa), 0x12345678)
        self.accepts(m, 0x10000000000)

    def test_the_doorbell_of_messages_takes_anything(self):
        m = self.start()
        for value in (0, 1, 0xffff, 0xffffffff):
            m.qtest.writel(TRANSLATER, value)
        m.qtest.writeq(TRANSLATER, 0)
        m.qtest.writew(TRANSLATER, 0)
        m.qtest.writel(TRANSLATER - 0x40, 0)
        self.assertEqual(m.qtest.readl(TRANSLATER), 0)
        self.accepts(m, 0x10000000000)

    def test_a_reset_keeps_it_all(self):
        m = self.start()
        self.accepts(m, 0x10000000000)
        m.qmp.cmd("system_reset")
        extent = m.qmp.cmd("query-cxl-dynamic-capacity", path="t3")[0]["extents"][0]
        self.assertEqual((extent["state"], extent["hpa"]), ("accepted", 0x10000000000))
        self.assertEqual(m.qtest.readq(0x10000000000), 0x1122334455667788)
        self.assertEqual(m.qtest.readl(0x4010000000), 0x00081b36)

    def test_devices_come_and_go(self):
        m = self.start()
        with self.assertRaises(QmpError):
            m.qmp.cmd("device_add", driver="gpex-root", id="g")
        m.qmp.cmd("device_del", id="t3")
        self.assertEqual(m.qmp.wait_event("DEVICE_DELETED")["data"]["device"], "t3")
        m.qmp.cmd("device_add", driver="cxl-type3", bus="rp", id="t3", num_dc_regions=1,
                  dc_regions_total_size=GIB)
        self.assertEqual(m.qmp.cmd("qom-get", path="t3", property="num-dc-regions"), 1)


if __name__ == "__main__":
    unittest.main()
