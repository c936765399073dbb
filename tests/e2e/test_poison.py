# SPDX-License-Identifier: Apache-2.0
"""Poison from outside: what QMP and the host inject, list and clear, what memory holds meanwhile, and
what becomes of it with released capacity and over resets."""

import struct
import unittest

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB = 1 << 20
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
GET, INJECT, CLEAR = 0x4300, 0x4301, 0x4302
SCAN, RESULTS = 0x4304, 0x4305
MORE, OVERFLOW, SCANNING = 1, 2, 4
BG_STARTED, UNSUPPORTED = 1, 3
INVALID_PA = 0x0f
DEVICE = "/machine/peripheral/t"
TAG, TAG2 = "5be13bce-ae34-4a77-b6c3-16df975fcf1a", "6be13bce-ae34-4a77-b6c3-16df975fcf1a"
VOLATILE, STATIC, END = 256 * MIB, 512 * MIB, 1024 * MIB
LINE = 64
ARGS = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
        "-m", "1G,maxmem=8G,slots=4",
        "-object", "memory-backend-ram,id=v,size=256M,share=on",
        "-object", "memory-backend-ram,id=p,size=256M,share=on",
        "-object", "memory-backend-ram,id=l,size=64K,share=on",
        "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
        "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2",
        "-device", "cxl-type3,bus=rp,id=t,volatile-memdev=v,persistent-memdev=p,lsa=l,"
                   "num-dc-regions=1,dc-regions-total-size=512M"]


class Poison(unittest.TestCase):
    def setUp(self):
        self.m = Machine([*ARGS, "-accel", "qtest"], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.boot()

    def boot(self):
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(END)

    def found(self, start, length):
        self.m.qmp.cmd("cxl-inject-poison", path=DEVICE, start=start, length=length)

    def inject(self, dpa):
        self.host.command(INJECT, struct.pack("<Q", dpa))

    def clear(self, dpa, data):
        self.host.command(CLEAR, struct.pack("<Q", dpa) + data)

    def code(self, call, *args):
        with self.assertRaises(MailboxError) as caught:
            call(*args)
        return caught.exception.code

    def part(self, start=0, end=END):
        """One answer: flags, and records (DPA, source, lines)."""
        out = self.host.command(GET, struct.pack("<QQ", start, (end - start) // LINE))
        count = struct.unpack_from("<H", out, 0x0a)[0]
        self.assertEqual(len(out), 0x20 + 0x10 * count)
        return out[0], [(dpa & ~7, dpa & 7, lines)
                        for dpa, lines, _ in struct.iter_unpack("<QII", out[0x20:])]

    def list(self, *args):
        flags, records = self.part(*args)
        self.assertEqual(flags, 0)
        return records

    def offer(self, tag, *extents):
        """Offered, and accepted by the host; offsets in the region."""
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{tag[0]}",
                       size=sum(n for _, n in extents), share=True, tag=tag)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=0, tag=tag,
                       extents=[{"offset": o, "len": n} for o, n in extents])
        self.host.dc_list(cxlhost.DC_ADD, [(STATIC + o, n) for o, n in extents])

    def test_identify_tells_the_size_of_the_list(self):
        self.assertEqual(self.host.command(cxlhost.IDENTIFY)[0x3c:0x41],
                         struct.pack("<I", 256)[:3] + bytes(2))

    def test_both_ways_to_inject_and_their_sources(self):
        self.inject(0x3000)
        self.found(0x1000, 4 * LINE)
        self.assertEqual(self.list(), [(0x1000, 2, 4), (0x3000, 3, 1)])
        self.assertEqual(self.list(0x1040, 0x1080), [(0x1040, 2, 1)])

    def test_reading_gives_data_and_clearing_writes_it(self):
        q = self.m.qtest
        q.write(WINDOW + 0x1000, b"\x11" * 128)
        self.found(0x1000, 128)
        self.assertEqual(q.read(WINDOW + 0x1000, 128), b"\x11" * 128)
        self.clear(0x1000, bytes(range(LINE)))
        self.assertEqual(q.read(WINDOW + 0x1000, 128), bytes(range(LINE)) + b"\x11" * LINE)
        self.assertEqual(self.list(), [(0x1040, 2, 1)])
        # A write by the host is none of the list's business.
        q.write(WINDOW + 0x1040, bytes(LINE))
        self.assertEqual(self.list(), [(0x1040, 2, 1)])

    def test_the_backend_has_what_was_written(self):
        path = next(b for b in self.m.qmp.cmd("query-memdev") if b["id"] == "p")["path"]
        self.inject(VOLATILE + 0x40)
        self.clear(VOLATILE + 0x40, b"\x77" * LINE)
        with open(path, "rb") as f:
            self.assertEqual(f.read(0xc0), bytes(0x40) + b"\x77" * LINE + bytes(0x40))

    def test_a_long_list_comes_in_parts(self):
        for i in range(200):
            self.inject(2 * LINE * i)
        flags, first = self.part()
        self.assertEqual((flags, len(first)), (MORE, 126))
        flags, second = self.part()
        self.assertEqual((flags, len(second)), (0, 74))
        self.assertEqual(first + second, [(2 * LINE * i, 3, 1) for i in range(200)])
        self.assertEqual(self.part(), (MORE, first))

    def test_a_full_list_overflows_with_the_time(self):
        self.host.command(cxlhost.SET_TIMESTAMP, struct.pack("<Q", 10 ** 18))
        for i in range(256):
            self.inject(2 * LINE * i)
        self.assertEqual(self.code(self.inject, LINE), 0x10)
        self.m.qtest.cmd("clock_step 5000")
        self.found(LINE, LINE)
        out = self.host.command(GET, struct.pack("<QQ", LINE, 1))
        self.assertEqual(out, struct.pack("<BxQ22x", OVERFLOW, 10 ** 18 + 5000))

    def scan(self, start=0, end=END):
        """Starts one: what the list says is in progress."""
        with self.assertRaises(MailboxError) as caught:
            self.host.command(SCAN, struct.pack("<QQB", start, (end - start) // LINE, 1))
        self.assertEqual(caught.exception.code, BG_STARTED)
        self.assertEqual(self.part(start, start)[0] & SCANNING, SCANNING)

    def scanned(self, start=0, end=END):
        """The scan ends: its results, records as of the list."""
        self.m.qtest.cmd(f"clock_step {(end - start) // LINE * 500 + 10 ** 6}")
        out = self.host.command(RESULTS)
        self.assertEqual(out[:0x11], bytes(0x11))
        return [(dpa & ~7, dpa & 7, lines) for dpa, lines, _ in struct.iter_unpack("<QII", out[0x20:])]

    def test_a_scan_ends_an_overflow(self):
        self.assertEqual(self.code(self.host.command, RESULTS), UNSUPPORTED)
        for i in range(256):
            self.inject(2 * LINE * i)
        self.found(VOLATILE, 2 * LINE)
        self.assertEqual(self.part(VOLATILE), (OVERFLOW, []))
        # Full: found, and still not on the list.
        self.scan(VOLATILE)
        self.assertEqual(self.scanned(VOLATILE), [(VOLATILE, 2, 2)])
        self.assertEqual(self.part(VOLATILE), (OVERFLOW, []))
        self.clear(0, bytes(LINE))
        self.scan(VOLATILE)
        self.assertEqual(self.part(VOLATILE), (OVERFLOW | SCANNING, []))
        self.assertEqual(self.scanned(VOLATILE), [(VOLATILE, 2, 2)])
        self.assertEqual(self.list(VOLATILE), [(VOLATILE, 2, 2)])

    def test_a_scan_finds_what_came_meanwhile(self):
        self.inject(0)
        self.scan()
        self.clear(0, bytes(range(LINE)))
        self.assertEqual(self.m.qtest.read(WINDOW, LINE), bytes(range(LINE)))
        self.found(0x1000, LINE)
        self.assertEqual(self.scanned(), [(0x1000, 2, 1)])
        self.assertEqual(self.list(), [(0x1000, 2, 1)])

    def test_a_scan_finds_poison_of_capacity_while_it_is_there(self):
        self.offer(TAG, (0, 128 * MIB))
        self.found(STATIC, LINE)
        self.scan(STATIC)
        self.assertEqual(self.scanned(STATIC), [(STATIC, 2, 1)])
        self.scan(STATIC)
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                       removal_policy="tag-based", tag=TAG, forced_removal=True)
        self.assertEqual(self.scanned(STATIC), [])

    def test_a_reset_ends_a_scan(self):
        self.scan()
        self.m.qmp.cmd("system_reset")
        self.boot()
        self.m.qtest.cmd(f"clock_step {10 ** 11}")
        self.assertEqual(self.code(self.host.command, RESULTS), UNSUPPORTED)
        self.assertEqual(self.list(), [])

    def test_a_reset_keeps_the_list(self):
        self.found(0x1000, LINE)
        self.found(VOLATILE, LINE)
        self.m.qmp.cmd("system_reset")
        self.boot()
        self.assertEqual(self.list(), [(0x1000, 2, 1), (VOLATILE, 2, 1)])

    def test_there_is_nothing_at_the_top_of_all_addresses(self):
        for call in (self.inject, lambda dpa: self.clear(dpa, bytes(LINE))):
            for dpa in (END, 1 << 52, 2 ** 64 - LINE):
                self.assertEqual(self.code(call, dpa), INVALID_PA)
        for start, length in ((2 ** 64 - LINE, LINE), (2 ** 64 - LINE, 2 * LINE), (END, LINE)):
            with self.assertRaisesRegex(QmpError, "^Poison is for memory that the device has"):
                self.found(start, length)
        self.assertEqual(self.list(), [])

    def test_without_power_the_persistent_part_keeps_it(self):
        self.offer(TAG, (0, 2 * MIB))
        for dpa in (0x1000, VOLATILE, STATIC):
            self.inject(dpa)
        self.found(VOLATILE - LINE, LINE)
        self.found(STATIC - 2 * LINE, 2 * LINE)
        slot = self.host.pcie_cap(self.host.bus) + 0x18
        for control in (0x05c0, 0x01c0):
            self.host.cfg_write32(self.host.bus, 0, slot, control)
        self.boot()
        self.assertEqual(self.list(), [(VOLATILE, 3, 1), (STATIC - 2 * LINE, 2, 2)])

    def test_capacity_is_poisoned_while_it_is_there(self):
        for call in (self.inject, lambda dpa: self.clear(dpa, bytes(LINE))):
            self.assertEqual(self.code(call, STATIC), INVALID_PA)
        with self.assertRaisesRegex(QmpError, "^Poison is for memory that the device has"):
            self.found(STATIC, LINE)
        self.offer(TAG, (0, 2 * MIB), (4 * MIB, 2 * MIB))
        self.inject(STATIC)
        self.found(STATIC + 4 * MIB, LINE)
        self.clear(STATIC + LINE, b"\x55" * LINE)
        self.assertEqual(self.m.qtest.read(WINDOW + STATIC + LINE, LINE), b"\x55" * LINE)
        with self.assertRaisesRegex(QmpError, "^Poison is for memory that the device has"):
            self.found(STATIC + 2 * MIB - LINE, 2 * LINE)
        self.assertEqual(self.list(), [(STATIC, 3, 1), (STATIC + 4 * MIB, 2, 1)])

    def test_released_capacity_takes_its_poison_with_it(self):
        self.offer(TAG, (0, 2 * MIB), (2 * MIB, 2 * MIB))
        self.found(STATIC - LINE, 2 * LINE)
        self.found(STATIC + 2 * MIB - LINE, 2 * LINE)
        self.found(STATIC + 4 * MIB - LINE, LINE)
        # One extent by the host, the rest by force.
        self.host.dc_list(cxlhost.DC_RELEASE, [(STATIC, 2 * MIB)])
        self.assertEqual(self.list(), [(STATIC - LINE, 2, 1), (STATIC + 2 * MIB, 2, 1),
                                       (STATIC + 4 * MIB - LINE, 2, 1)])
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                       removal_policy="tag-based", tag=TAG, forced_removal=True)
        self.assertEqual(self.list(), [(STATIC - LINE, 2, 1)])
        # The next tag at the same addresses comes clean; so does the same one.
        self.offer(TAG2, (0, 4 * MIB))
        self.assertEqual(self.list(STATIC, END), [])

    def test_an_extent_that_is_asked_back_keeps_its_poison(self):
        self.offer(TAG, (0, 2 * MIB))
        self.inject(STATIC)
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                       removal_policy="tag-based", tag=TAG)
        self.assertEqual(self.list(), [(STATIC, 3, 1)])
        self.inject(STATIC + LINE)
        self.m.qmp.cmd("system_reset")
        self.boot()
        self.assertEqual(self.list(), [(STATIC, 3, 1), (STATIC + LINE, 3, 1)])


if __name__ == "__main__":
    unittest.main()
