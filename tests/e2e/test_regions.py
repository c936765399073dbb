# SPDX-License-Identifier: Apache-2.0
"""Regions described one by one (dc-region), by key=value, by JSON and by device_add; their bytes
through the window."""

import json
import struct
import unittest

from cxbpy.cxlhost import CxlHost, DC_ADD, DC_CONFIG
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB, GIB = 1 << 20, 1 << 30
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
ONES = 0xffffffffffffffff
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
TOP = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
       "-m", "1G,maxmem=8G,slots=4", "-accel", "qtest",
       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2",
       "-object", f"memory-backend-ram,id=tagged,size=4M,share=on,tag={TAG}",
       "-object", "memory-backend-ram,id=m,size=257M,share=on"]
REGIONS = [{"size": 512 * MIB}, {"size": GIB, "block-size": GIB, "sharable": True},
           {"size": 3 * MIB, "block-size": 4096, "read-only": True, "non-volatile": True,
            "hw-coherent": True, "sanitize-on-release": True}]
FLAGS = ["sharable", "hw-coherent", "read-only", "non-volatile", "sanitize-on-release"]
EXPECTED = [(0, 512 * MIB, 512 * MIB, 2 * MIB, []),
            (GIB, GIB, GIB, GIB, ["sharable"]),
            (2 * GIB, 256 * MIB, 3 * MIB, 4096, FLAGS[1:])]


def text(value):
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else value


def words(regions):
    """As key=value."""
    return "".join(f",dc-region.{i}.{key}={text(value)}"
                   for i, region in enumerate(regions) for key, value in region.items())


class Regions(unittest.TestCase):
    def start(self, *args):
        self.m = Machine([*TOP, *args], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.q, self.qmp = self.m.qtest, self.m.qmp

    def host(self, size):
        host = CxlHost(self.q, chbs=CHBS, window=WINDOW)
        host.enumerate()
        host.map_dpa(size)
        return host

    def query(self):
        answer, = self.qmp.cmd("query-cxl-dynamic-capacity", path="t")
        return answer

    def take(self, host, base, region, offset, size, **more):
        self.qmp.cmd("cxl-add-dynamic-capacity", path="t", host_id=0, region=region,
                     selection_policy="prescriptive",
                     extents=[{"offset": offset, "len": size}], **more)
        host.events()
        host.dc_list(DC_ADD, [(base + offset, size)])

    def check(self):
        got = [(r["base"], r["decode-length"], r["length"], r["block-size"],
                [flag for flag in FLAGS if r[flag]]) for r in self.query()["regions"]]
        self.assertEqual(got, EXPECTED)

    def test_key_and_value(self):
        self.start("-device", "cxl-type3,bus=rp,id=t" + words(REGIONS))
        self.check()

    def test_a_list_in_json(self):
        self.start("-device", json.dumps({"driver": "cxl-type3", "bus": "rp", "id": "t",
                                          "dc-region": REGIONS}))
        self.check()

    def test_device_add(self):
        self.start()
        for regions, why in [
                ([{}], "Parameter 'dc-region.0.size' is missing"),
                ([{"size": "1G"}], "Parameter 'dc-region.0.size' expects uint64"),
                ([{"size": GIB, "sharable": 1}],
                 "Invalid parameter type for 'dc-region.0.sharable', expected: boolean"),
                ([{"size": GIB, "size ": 1}], "Parameter 'dc-region.0.size ' is unexpected"),
                ([{"size": GIB}] * 9, "Parameter 'dc-region.8.size' is unexpected"),
                (GIB, "Parameter 'dc-region' is unexpected")]:
            with self.assertRaises(QmpError) as refused:
                self.qmp.cmd("device_add", driver="cxl-type3", bus="rp", id="t", dc_region=regions)
            self.assertIn(why, str(refused.exception))
        with self.assertRaises(QmpError) as refused:
            self.qmp.cmd("device_add", driver="cxl-type3", bus="rp", id="t", dc_region=[])
        self.assertIn("at least one memdev property must be set", str(refused.exception))
        self.qmp.cmd("device_add", driver="cxl-type3", bus="rp", id="t", dc_region=REGIONS)
        self.check()

    def test_limits_are_what_the_device_reports(self):
        self.start("-device", "cxl-type3,bus=rp,id=t,volatile-dc-memdev=m,dc-region.0.size=257M,"
                   "dc-region.0.block-size=1M,dc-max-extents=5,dc-max-tags=1,"
                   "dc-event-log-size=65535")
        host = self.host(512 * MIB)
        out = host.command(DC_CONFIG, b"\x08\x00")
        self.assertEqual(struct.unpack_from("<IIII", out, 8 + 0x28), (5, 5, 1, 1))
        self.take(host, 0, 0, 0, 2 * MIB, tag=TAG)
        for size, tag, why in [(5, None, "number of extents exceeds the limit of 5"),
                               (1, TAG[:-1] + "b", "number of tags exceeds the limit of 1")]:
            with self.assertRaises(QmpError) as refused:
                self.qmp.cmd("cxl-add-dynamic-capacity", path="t", host_id=0, region=0,
                             selection_policy="prescriptive", **({"tag": tag} if tag else {}),
                             extents=[{"offset": (2 + 4 * i) * MIB, "len": 2 * MIB}
                                      for i in range(size)])
            self.assertIn(why, str(refused.exception))
        out = host.command(DC_CONFIG, b"\x08\x00")
        self.assertEqual(struct.unpack_from("<IIII", out, 8 + 0x28), (5, 4, 1, 0))

    def test_65535_extents_are_one_group(self):
        self.start("-device", "cxl-type3,bus=rp,id=t,volatile-dc-memdev=m,dc-region.0.size=257M,"
                   "dc-region.0.block-size=64,dc-event-log-size=65535")
        extents = [{"offset": 128 * i, "len": 64} for i in range(65536)]
        arguments = {"path": "t", "host_id": 0, "region": 0, "selection_policy": "prescriptive"}
        with self.assertRaises(QmpError) as refused:
            self.qmp.cmd("cxl-add-dynamic-capacity", extents=extents, **arguments)
        self.assertIn("65536 records needed, 65535 left", str(refused.exception))
        self.qmp.cmd("cxl-add-dynamic-capacity", extents=extents[1:], **arguments)
        told = self.qmp.wait_event("CXL_DYNAMIC_CAPACITY")["data"]["extents"]
        self.assertEqual([e["dpa"] for e in told], [e["offset"] for e in extents[1:]])

    def test_blocks_of_64_bytes_are_decoded(self):
        self.start("-device", "cxl-type3,bus=rp,id=t,volatile-dc-memdev=m,"
                   "dc-region.0.size=256M,dc-region.0.block-size=64,dc-region.1.size=1M,"
                   "dc-region.1.block-size=4K")
        host = self.host(512 * MIB)
        self.take(host, 0, 0, 4096 - 64, 128)
        self.take(host, 256 * MIB, 1, 4096, 4096)
        self.assertEqual([(e["len"], e["access"]) for e in self.query()["extents"]],
                         [(128, "decoded"), (4096, "direct")])
        for at in (4096 - 64, 4096, 4096 + 56):
            self.q.writeq(WINDOW + at, at)
            self.assertEqual(self.q.readq(WINDOW + at), at)
        for at in (4096 - 72, 4096 + 64):
            self.q.writeq(WINDOW + at, at)
            self.assertEqual(self.q.readq(WINDOW + at), ONES)
        self.q.writeq(WINDOW + 256 * MIB + 4096, 7)
        path = next(b for b in self.qmp.cmd("query-memdev") if b["id"] == "m")["path"]
        with open(path, "rb") as f:
            f.seek(4096)
            self.assertEqual(int.from_bytes(f.read(8), "little"), 4096)
            f.seek(4096 + 64)
            self.assertEqual(f.read(8), bytes(8))
            f.seek(256 * MIB + 4096)
            self.assertEqual(int.from_bytes(f.read(8), "little"), 7)

    def test_what_is_read_only_is_mapped_so(self):
        self.start("-device", "cxl-type3,bus=rp,id=t,dc-region.0.size=256M,"
                   "dc-region.0.read-only=on")
        path = next(b for b in self.qmp.cmd("query-memdev") if b["id"] == "tagged")["path"]
        with open(path, "r+b") as f:
            f.write(b"unwritten")
        host = self.host(256 * MIB)
        self.take(host, 0, 0, 0, 4 * MIB, tag=TAG)
        before = self.q.readq(WINDOW)
        self.assertEqual(before.to_bytes(8, "little"), b"unwritte")
        self.q.writeq(WINDOW, 1)
        self.assertEqual(self.q.readq(WINDOW), before)
        self.assertEqual([e["access"] for e in self.query()["extents"]], ["direct"])
        self.assertEqual(self.query()["missed-accesses"], 0)


if __name__ == "__main__":
    unittest.main()
