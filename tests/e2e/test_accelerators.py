# SPDX-License-Identifier: Apache-2.0
"""The built-in host and accelerators: memory that firmware has committed is found, used, and nobody else's."""

import tempfile
import unittest

from cxbpy.machine import Machine
from served_type2 import ServedType2

MIB, GIB = 1 << 20, 1 << 30
WINDOW = 0x3d0000000
TOP = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G", "-m", "1G,maxmem=8G,slots=4",
       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=1",
       "-device", "cxl-rp,port=1,bus=cxl.1,id=rp1,chassis=0,slot=2"]
MEMORY = ["-object", "memory-backend-ram,id=m1,size=256M",
          "-device", "cxl-type3,bus=rp1,id=mem,volatile-memdev=m1,num-dc-regions=1,dc-regions-total-size=1G"]


class Accelerators(unittest.TestCase):
    def start(self, *args):
        self.m = Machine([*TOP, *args], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)

    def own(self, base=WINDOW, size="512M", *more):
        self.start("-object", f"memory-backend-ram,id=m0,size={size}",
                   "-device", f"cxl-type2,bus=rp0,id=gpu,memdev=m0,firmware-base={base:#x}", *more)

    def found(self):
        host = self.m.qmp.cmd("query-cxl-host")
        self.assertEqual(host["state"], "ready")
        return host["accelerators"], host["regions"]

    def holds(self, *places):
        for n, hpa in enumerate(places):
            self.m.qtest.writeq(hpa, hpa | n)
        for n, hpa in enumerate(places):
            self.assertEqual(self.m.qtest.readq(hpa), hpa | n)

    def test_its_memory_is_found_and_used(self):
        self.own(WINDOW, "512M", *MEMORY)
        accelerators, regions = self.found()
        self.assertEqual(accelerators, [
            {"bdf": "0d:00.0", "vendor": 0x1234, "device": 0xc2c2, "decoder": 0, "hpa": WINDOW,
             "len": 512 * MIB, "mapped": True, "usable": True, "path": "/machine/peripheral/gpu"}])
        # Others get what is behind it.
        self.assertEqual([r["hpa"] for r in regions], [WINDOW + 512 * MIB, WINDOW + 768 * MIB])
        self.holds(WINDOW, WINDOW + 512 * MIB - 8, WINDOW + 512 * MIB, WINDOW + 768 * MIB - 8)
        self.assertEqual(self.m.qtest.readq(WINDOW + 8), 0)     # what was tried is as it was

    def test_it_is_so_again_after_a_reset(self):
        self.own(WINDOW + GIB, "256M", *MEMORY)
        before = self.found()
        self.assertEqual(before[0][0]["hpa"], WINDOW + GIB)
        self.holds(WINDOW + GIB)
        self.m.qmp.cmd("system_reset")
        self.assertEqual(self.found(), before)
        self.assertEqual(self.m.qtest.readq(WINDOW + GIB), WINDOW + GIB)

    def test_what_lies_in_no_window_is_not_used(self):
        self.own(0x2000000000, "256M", *MEMORY)
        accelerators, regions = self.found()
        self.assertEqual([(a["mapped"], a["usable"]) for a in accelerators], [(False, False)])
        self.assertEqual([r["hpa"] for r in regions], [WINDOW, WINDOW + 256 * MIB])

    def test_two_at_one_address_are_one(self):
        self.start("-object", "memory-backend-ram,id=m0,size=256M", "-object", "memory-backend-ram,id=m1,size=256M",
                   "-device", f"cxl-type2,bus=rp0,id=gpu,memdev=m0,firmware-base={WINDOW:#x}",
                   "-device", f"cxl-type2,bus=rp1,id=gpu2,memdev=m1,firmware-base={WINDOW:#x}")
        self.assertEqual([(a["path"][-4:], a["mapped"], a["usable"]) for a in self.found()[0]],
                         [("/gpu", True, True), ("gpu2", False, False)])

    def test_one_that_nobody_has_committed_is_none(self):
        self.start("-object", "memory-backend-ram,id=m0,size=256M",
                   "-device", "cxl-type2,bus=rp0,id=gpu,memdev=m0,firmware-committed=off")
        self.assertEqual(self.found()[0], [])

    def test_one_that_is_passed_through_is_one_like_others(self):
        with tempfile.TemporaryDirectory(prefix="cxlbox-") as path:
            for profile in ("emulated", "absorbed"):
                with self.subTest(profile):
                    a = ServedType2(f"{path}/{profile}.sock", profile=profile)
                    self.addCleanup(a.end)
                    self.start("-device", "vfio-user-pci,bus=rp0,id=gpu,socket.type=unix,"
                                          f"socket.path={a.path}", *MEMORY)
                    accelerators, regions = self.found()
                    self.assertEqual(
                        [(x["path"], x["hpa"], x["len"], x["usable"]) for x in accelerators],
                        [("/machine/peripheral/gpu", WINDOW, 256 * MIB, True)])
                    self.assertEqual([r["hpa"] for r in regions],
                                     [WINDOW + 256 * MIB, WINDOW + 512 * MIB])
                    self.holds(WINDOW + 64, WINDOW + 256 * MIB)
                    self.assertEqual(a.bytes_at(64, 8), (WINDOW + 64).to_bytes(8, "little"))


if __name__ == "__main__":
    unittest.main()
