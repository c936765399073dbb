# SPDX-License-Identifier: Apache-2.0
"""Dynamic capacity on one backend for all regions (volatile-dc-memdev), through the window and in
the backend; beside it a device whose capacity comes with its tags."""

import unittest

from cxbpy.cxlhost import CxlHost, DC_ADD, DC_RELEASE
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB, GIB = 1 << 20, 1 << 30
BLOCK = 2 * MIB
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
ONES = 0xffffffffffffffff
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
TOP = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
       "-m", "1G,maxmem=8G,slots=4",
       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2",
       "-object", "memory-backend-ram,id=m,size=2G,share=on",
       "-device", "cxl-type3,bus=rp,id=t,volatile-dc-memdev=m,num-dc-regions=2"]
LAZY = ["-device", "cxl-rp,port=1,bus=cxl.1,id=rp2,chassis=0,slot=3",
        "-device", "cxl-type3,bus=rp2,id=u,num-dc-regions=1,dc-regions-total-size=1G",
        "-object", f"memory-backend-ram,id=tagged,size=64M,share=on,tag={TAG}"]


class Case(unittest.TestCase):
    def start(self, *args, accel="qtest"):
        self.m = Machine([*TOP, *args, "-accel", accel], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.q, self.qmp = self.m.qtest, self.m.qmp

    def add(self, *ranges, device="t", region=0, **more):
        self.qmp.cmd("cxl-add-dynamic-capacity", path=device, host_id=0, region=region,
                     selection_policy="prescriptive",
                     extents=[{"offset": at, "len": n} for at, n in ranges], **more)

    def extents(self, device="t"):
        """Offset, length, state and kind of access of each, in order of address."""
        answer, = self.qmp.cmd("query-cxl-dynamic-capacity", path=device)
        return [(e["offset"], e["len"], e["state"], e.get("access")) for e in answer["extents"]]

    def backend(self, name, offset):
        path = next(b for b in self.qmp.cmd("query-memdev") if b["id"] == name)["path"]
        with open(path, "rb") as f:
            f.seek(offset)
            return int.from_bytes(f.read(8), "little")


class ByQtest(Case):
    def setUp(self):
        self.start()
        self.host = CxlHost(self.q, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(2 * GIB)

    def take(self, *ranges):
        self.add(*ranges)
        self.host.events()
        self.host.dc_list(DC_ADD, ranges)

    def test_a_piece_cut_out_leaves_the_rest_where_it_was(self):
        self.take((0, 8 * BLOCK))
        for block in range(8):
            self.q.writeq(WINDOW + block * BLOCK, 0x100 + block)
            self.assertEqual(self.backend("m", block * BLOCK), 0x100 + block)
        self.host.dc_list(DC_RELEASE, [(3 * BLOCK, 2 * BLOCK)])
        self.assertEqual(self.extents(), [(0, 3 * BLOCK, "accepted", "direct"),
                                          (5 * BLOCK, 3 * BLOCK, "accepted", "direct")])
        for block in range(8):
            self.assertEqual(self.q.readq(WINDOW + block * BLOCK),
                             ONES if block in (3, 4) else 0x100 + block)
        self.q.writeq(WINDOW + 3 * BLOCK, 7)
        self.assertEqual(self.backend("m", 3 * BLOCK), 0x103)
        # The bytes are those of the place, whoever has it next.
        self.take((4 * BLOCK, BLOCK))
        self.assertEqual(self.q.readq(WINDOW + 4 * BLOCK), 0x104)

    def test_sanitizing_zeroes_what_goes_and_no_more(self):
        self.take((0, 4 * BLOCK))
        for block in range(4):
            self.q.writeq(WINDOW + block * BLOCK, 0x100 + block)
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t", host_id=0, region=0,
                     removal_policy="prescriptive", sanitize_on_release=True,
                     extents=[{"offset": BLOCK, "len": BLOCK}])
        self.host.events()
        self.assertEqual(self.backend("m", BLOCK), 0x101)
        self.host.dc_list(DC_RELEASE, [(0, 4 * BLOCK)])
        self.assertEqual([self.backend("m", b * BLOCK) for b in range(4)], [0x100, 0, 0x102, 0x103])

    def test_a_forced_release_takes_a_part_at_once(self):
        self.take((0, 4 * BLOCK))
        self.q.writeq(WINDOW + 3 * BLOCK, 3)
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t", host_id=0, region=0,
                     removal_policy="prescriptive", forced_removal=True,
                     extents=[{"offset": BLOCK, "len": BLOCK}])
        record, = [self.host.dc_record(r) for r in self.host.events()]
        self.assertEqual((record["type"], record["dpa"], record["len"]), (2, BLOCK, BLOCK))
        self.assertEqual(self.q.readq(WINDOW + BLOCK), ONES)
        self.assertEqual(self.q.readq(WINDOW + 3 * BLOCK), 3)

    def test_a_reset_keeps_parts_and_announces_what_is_open(self):
        self.take((0, 4 * BLOCK))
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t", host_id=0, region=0,
                     removal_policy="prescriptive", extents=[{"offset": BLOCK, "len": BLOCK}])
        self.add((8 * BLOCK, BLOCK))
        self.qmp.cmd("system_reset")
        self.host = CxlHost(self.q, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.assertEqual([(r["type"], r["dpa"] // BLOCK, r["len"] // BLOCK)
                          for r in map(self.host.dc_record, self.host.events())],
                         [(0, 8, 1), (1, 1, 1)])
        self.assertEqual([(dpa // BLOCK, n // BLOCK) for dpa, n, _, _ in self.host.accepted()[1]],
                         [(0, 1), (1, 1), (2, 2)])


class ByBuiltInHost(Case):
    def test_beside_a_device_whose_capacity_comes_with_tags(self):
        self.start(*LAZY, accel="host")
        self.add((0, 64 * MIB), (128 * MIB, 64 * MIB), region=1)
        self.add((0, 64 * MIB), device="u", tag=TAG)
        self.assertEqual(self.extents(), [(0, 64 * MIB, "accepted", "direct"),
                                          (128 * MIB, 64 * MIB, "accepted", "direct")])
        self.assertEqual(self.extents("u"), [(0, 64 * MIB, "accepted", "direct")])
        hpa = {e["memdev"]: e["hpa"] for e in reversed(self.qmp.cmd("query-cxl-host")["extents"])}
        self.q.writeq(hpa[0], 1)
        self.q.writeq(hpa[1], 2)
        found = {self.backend("m", GIB), self.backend("tagged", 0)}
        self.assertEqual(found, {1, 2})
        # A tag names one allocation of a host, on whichever device.
        with self.assertRaisesRegex(QmpError, f"tag {TAG} is live on /machine/peripheral/u"):
            self.add((256 * MIB, 2 * MIB), tag=TAG)
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t", host_id=0, region=1,
                     removal_policy="prescriptive", extents=[{"offset": 2 * MIB, "len": 2 * MIB}])
        # The driver gives back the extent that it knows, and so the whole.
        self.assertEqual(self.extents(), [(128 * MIB, 64 * MIB, "accepted", "direct")])


if __name__ == "__main__":
    unittest.main()
