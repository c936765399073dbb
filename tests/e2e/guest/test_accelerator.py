# SPDX-License-Identifier: Apache-2.0
"""Stock Linux in stock QEMU with a cxl-type2 that cxlbox serves, as a PCI device: what lspci finds of CXL,
and a driver that runs its engine; what that did is in the backend's file."""

import os
import re
import shutil
import unittest

import image
from crc32c import crc32c
from cxbpy.machine import Machine
from guest import Guest

MIB = 1 << 20
SIZE = 256 * MIB
PCI = "0000:01:00.0"


class Accelerator(unittest.TestCase):
    """One guest, and one of these after the other."""

    @classmethod
    def setUpClass(cls):
        cls.m = Machine(["-M", "x-remote",
                         "-object", f"memory-backend-file,id=m0,size={SIZE},mem-path=m0,share=on",
                         "-device", "cxl-type2,id=gpu,memdev=m0,sn=0x1122334455667788",
                         "-object", "x-vfio-user-server,id=s0,path=s0,device=gpu"], tutorial=False)
        cls.addClassCleanup(cls.m.end)
        files = {"bin/engine": image.read(os.environ["CXLBOX_GUEST_ENGINE"])}
        if shutil.which("lspci"):
            more, cls.lspci = image.program(shutil.which("lspci"))
            files.update(more)
        path = os.path.join(cls.m.dir, "s0")
        cls.guest = Guest(["-M", "q35", "-m", "512M",
                           "-device", "pcie-root-port,id=rp0,bus=pcie.0,chassis=1,slot=1",
                           "-device", '{"driver":"vfio-user-pci","bus":"rp0","socket":{"type":"unix","path":"%s"}}'
                           % path], modules=(), files=files)
        cls.addClassCleanup(cls.guest.close)
        cls.guest.check(f"echo 1 >/sys/bus/pci/devices/{PCI}/enable")

    def engine(self, *args, status=0):
        got, said = self.guest.run(f"PCI={PCI} engine " + " ".join(map(str, args)))
        self.assertEqual(got, status, said)
        return said

    def bytes_at(self, off, length):
        with open(os.path.join(self.m.dir, "m0"), "rb") as f:
            return os.pread(f.fileno(), length, off)

    @unittest.skipUnless(shutil.which("lspci"), "no lspci (package pciutils)")
    def test_lspci_shows_what_it_has_of_cxl(self):
        said = self.guest.check(f"{self.lspci} -nvvv -s {PCI}")
        memory = r"Memory at \w+ \({}-bit, non-prefetchable\) \[size={}\]"
        for line in (r"0302: 1234:c2c2 \(rev 01\)", r"Subsystem: 1af4:1100", "Region 0: " + memory.format(64, "256K"),
                     "Region 2: " + memory.format(64, "4K"), "Region 4: " + memory.format(32, "4K"),
                     r"MSI-X: Enable. Count=4", r"Express \(v2\) Endpoint", r"FLReset\+",
                     r"Device Serial Number 11-22-33-44-55-66-77-88",
                     r"CXLCap:\s+Cache\+ IO\+ Mem\+.* HDMCount 1", r"CXLCtl:\s+Cache\+ IO\+ Mem\+",
                     r"Range1: 0000000000000000-000000000fffffff\s+Valid\+ Active\+",
                     r"Block1: BIR: bar0, ID: component registers, offset: 0000000000000000",
                     r"FBSta:\s+Cache\+ IO\+ Mem\+"):
            with self.subTest(line):
                self.assertRegex(said, line)
        self.assertEqual(re.findall(r"Designated Vendor-Specific: Vendor=1e98 ID=(\w+)", said), ["0000", "0008", "0007"])

    def test_its_registers_are_reached(self):
        self.assertEqual(self.engine("look").split(),
                         ["45425843", "00010000", f"{SIZE:x}", "5c010008", "12345678"])

    def test_the_engine_works_for_the_guest(self):
        self.engine("fill", 3, 2 * MIB + 1, 0x8877665544332211)
        pattern = (bytes.fromhex("1122334455667788") * (MIB // 4 + 1))[:2 * MIB + 1]
        self.assertTrue(self.bytes_at(0, 2 * MIB + 8) == bytes(3) + pattern + bytes(4))
        with open(os.path.join(self.m.dir, "m0"), "r+b") as f:
            f.seek(MIB)
            f.write(b"from outside")
        self.engine("copy", 0, 4096, 2 * MIB)
        self.assertEqual(self.bytes_at(MIB + 4096, 12), b"from outside")
        self.engine("copy", 4096, SIZE - 2 * MIB, 2 * MIB)
        self.assertTrue(self.bytes_at(4096, 2 * MIB) == self.bytes_at(SIZE - 2 * MIB, 2 * MIB))
        said = self.engine("checksum", MIB, 65536)
        self.assertEqual(int(said, 16), crc32c(self.bytes_at(MIB, 65536)))

    def test_errors_and_an_abort_reach_the_guest(self):
        self.engine("fill", 0, 0, status=2)
        self.engine("copy", SIZE, 0, 1, status=3)
        self.engine("copy", 0, SIZE, 1, status=4)
        self.engine("abort", SIZE, status=6)

    def test_an_interrupt_is_a_message_in_the_guest(self):
        self.assertEqual(self.engine("interrupt", 2).splitlines(),
                         ["pending 4, message 0", "message 1, pending 0", "message 1"])


if __name__ == "__main__":
    unittest.main()
