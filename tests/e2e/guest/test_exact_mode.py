# SPDX-License-Identifier: Apache-2.0
"""cxlbox-qemu --exact: a stock Linux in a stock QEMU whose every load and store of CXL memory is decoded here."""

import json
import os
import tempfile
import unittest

import image
import qemuline
from cxbpy import peers
from guest import Guest
from served import GIB, MIB, driver, pattern

WINDOW, OTHER = 0x3c0000000, 0x4c0000000
SPAN = 8192
GRANULE, LINE = 256, 64
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
# Two devices to interleave, and one whose capacity comes and goes.
LINE_OF_QEMU = [
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G,cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=1G", "-m", "1G,maxmem=8G,slots=4",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
    *(word for n in range(3) for word in ("-device", f"cxl-rp,port={n},bus=cxl.1,id=rp{n},chassis=0,slot={n + 2}")),
    *(word for n in range(2) for word in (
        "-object", f"memory-backend-ram,id=m{n},size=256M",
        "-device", f"cxl-type3,bus=rp{n},id=t{n},volatile-memdev=m{n},sn={n + 1}")),
    "-device", "cxl-type3,bus=rp2,id=t2,num-dc-regions=1,dc-regions-total-size=1G"]
# Nobody but the test is to use the memory.
MODULES = tuple(m for m in image.MODULES if m != "kmem")


class Exact(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        qemu = os.path.join(directory.name, "qemu")
        with open(qemu, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\nexec {peers.SCRIPT} qemu "$@"\n')
        os.chmod(qemu, 0o755)
        self.guest = Guest(LINE_OF_QEMU, program=[qemuline.PROGRAM, "--qemu", qemu, "--exact"], modules=MODULES,
                           files=driver())
        self.addCleanup(self.guest.close)
        self.cmd, self.check = self.guest.qmp.cmd, self.guest.check

    def state(self):
        return self.cmd("qom-get", path="/objects/guest.cxlbox-windows", property="state")

    def counted(self, window=0):
        return [self.cmd("qom-get", path=f"/machine/peripheral/cxlbox-window{window}.0", property=name)
                for name in ("reads", "writes", "refused", "poisoned")]

    def backend(self, name):
        return next(m["path"] for m in self.cmd("query-memdev") if m["id"] == name)

    def bytes_of(self, name, size):
        with open(self.backend(name), "rb") as f:
            return f.read(size)

    def create_region(self, *serials):
        """Of the devices with these numbers, which Linux finds in any order."""
        listed = {m["serial"]: m["memdev"] for m in json.loads(self.check("cxl list -M"))}
        members = [listed[serial] for serial in serials]
        made = json.loads(self.check(f"cxl create-region -t ram -d decoder0.0 -w {len(members)} -m {' '.join(members)} 2>&1 "
                                     "| sed -n '/^{/,$p'"))
        self.assertEqual((made["resource"], made["interleave_ways"], made["interleave_granularity"], made["decode_state"]),
                         (WINDOW, len(members), GRANULE, "commit"))
        self.assertEqual(self.state(), "ready")

    def granules(self, data, position):
        return b"".join(data[at:at + GRANULE] for at in range(position * GRANULE, SPAN, 2 * GRANULE))

    def test_what_a_guest_sees_is_what_its_decoders_say(self):
        # Before anything is used the guest's tables say nothing of the window's function.
        self.assertEqual(self.state(), "waiting")
        self.create_region(2, 1)
        self.interleaved()
        self.poisoned()
        self.extents()
        # Firmware and Linux begin again, with the devices the other way round. Poison survives that.
        self.guest.reboot()
        self.assertEqual(self.state(), "waiting")
        self.create_region(1, 2)
        self.check(f"driver fill {WINDOW} {SPAN} 3")
        self.assertEqual([self.bytes_of(name, SPAN // 2) for name in ("m0", "m1")],
                         [self.granules(pattern(SPAN, 3), n) for n in range(2)])
        self.assertEqual(self.guest.run(f"driver verify {WINDOW} {SPAN} 3"),
                         (1, f"word {2 * GRANULE // 8} is {(1 << 64) - 1:#x}\n"))
        said = [line for line in self.guest.dmesg(3) if "cxl" in line.lower()]
        self.assertEqual(said, [])

    def interleaved(self):
        """Byte for byte, both ways; t1 is at position 0."""
        before = self.counted()
        self.check(f"driver fill {WINDOW} {SPAN} 7")
        written = pattern(SPAN, 7)
        self.assertEqual([self.bytes_of(name, SPAN // 2) for name in ("m1", "m0")],
                         [self.granules(written, n) for n in range(2)])
        other = pattern(SPAN, 9)
        for position, name in enumerate(("m1", "m0")):
            with open(self.backend(name), "r+b") as f:
                f.write(self.granules(other, position))
        self.check(f"driver verify {WINDOW} {SPAN} 9")
        words = SPAN // 8
        self.assertEqual([b - a for a, b in zip(before, self.counted())], [words, words, 0, 0])

    def poisoned(self):
        """The second granule of t0, which is at position 1: the fourth of the region."""
        self.cmd("cxl-inject-poison", path="/machine/peripheral/t0", start=GRANULE, length=LINE)
        status, said = self.guest.run(f"driver verify {WINDOW} {SPAN} 9")
        self.assertEqual((status, said), (1, f"word {3 * GRANULE // 8} is {(1 << 64) - 1:#x}\n"))
        words, before = SPAN // 8, self.counted()[3]
        self.assertEqual(self.check(f"driver scan {WINDOW} {SPAN} 9"), f"{words} {words - LINE // 8}\n")
        self.assertEqual(self.counted()[3] - before, LINE // 8)

    def extents(self):
        """This kernel has no dynamic capacity: a program is the driver of t2, one-way, in a window of its own."""
        size, hpa = 2 * MIB, OTHER
        self.check("echo 0000:0f:00.0 >/sys/bus/pci/drivers/cxl_pci/unbind; echo 1 >/sys/bus/pci/devices/0000:0f:00.0/enable")
        self.check(f"PCI=0000:0f:00.0 driver commit {hpa} {GIB}")
        before = self.counted(1)[2]
        self.assertEqual(self.check(f"driver scan {hpa} 4096 0"), "512 0\n")
        self.cmd("object-add", qom_type="memory-backend-ram", id="m2", size=size, share=True, tag=TAG)
        self.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/t2", host_id=0, region=0, tag=TAG,
                 selection_policy="prescriptive", extents=[{"offset": size, "len": size}])
        self.check(f"PCI=0000:0f:00.0 driver accept {size} {size}")
        self.check(f"driver fill {hpa + size} 4096 5 && driver verify {hpa + size} 4096 5")
        self.assertEqual(self.bytes_of("m2", 4096), pattern(4096, 5))
        for outside in (hpa + size - 4096, hpa + 2 * size):
            self.check(f"driver fill {outside} 4096 6")
            self.assertEqual(self.check(f"driver scan {outside} 4096 6"), "512 0\n")
        self.assertEqual(self.counted(1)[2] - before, 5 * 512)


if __name__ == "__main__":
    unittest.main()
