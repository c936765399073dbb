# SPDX-License-Identifier: Apache-2.0
"""cxlbox-host beside a Linux that knows no dynamic capacity, on QEMU's own device: it leaves PCI as
Linux placed it, accepts an extent, and what a program of the guest stores there is in the backend."""

import os
import unittest

import image
from guest import Guest
from hostproc import HOST

GIB, MIB = 1 << 30, 1 << 20
BOARD = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
         "-m", "1G,maxmem=8G,slots=4",
         "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
         "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2",
         "-object", f"memory-backend-file,id=dc,size={GIB},share=on,mem-path=dc",
         "-device", "cxl-type3,bus=rp0,num-dc-regions=1,volatile-dc-memdev=dc,id=t3,sn=0x1234"]
EXTENT = {"offset": 256 * MIB, "len": 128 * MIB}
NO_TAG = "00000000-0000-0000-0000-000000000000"


def said(guest, pattern):
    """What the host has said, once it has said @pattern."""
    return guest.check(f"until grep -q '{pattern}' /run/host; do usleep 10000; done; cat /run/host")


def change(guest, verb, policy):
    guest.qmp.cmd(f"cxl-{verb}-dynamic-capacity", path="/machine/peripheral/t3", host_id=0, region=0,
                  extents=[EXTENT], **{policy: "prescriptive"})


class Sysfs(unittest.TestCase):
    def guest(self, **more):
        files, self.host = image.program(HOST)
        self.host = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')} {self.host} --bus sysfs:/"
        guest = Guest(BOARD, files=files, **more)
        self.addCleanup(guest.close)
        return guest

    def start(self, guest):
        """The host in the background, ready."""
        guest.check(f"{self.host} >/run/host 2>&1 & echo $! >/run/pid")
        return said(guest, "^ready$")

    def end(self, guest):
        """What it says at its end."""
        return guest.check("pid=$(cat /run/pid); kill $pid; while test -d /proc/$pid; do usleep 10000; "
                           "done; cat /run/host").splitlines()

    def test_an_extent_of_qemus_device_is_used_by_a_program(self):
        guest = self.guest(modules=())
        placed = "hexdump -C -n 64 -s 16 /sys/bus/pci/devices/0000:0[cd]:00.0/config"
        before = guest.check(placed)
        lines = self.start(guest).splitlines()
        self.assertIn("function   0d:00.0 endpoint 8086:0d93 class 050210", lines)
        region, = [line for line in lines if line.startswith("region")]
        self.assertRegex(region, "^region mem0 dc0: dpa 0x0 len 0x40000000 .* decoder 0$")
        self.assertEqual(guest.check(placed), before)
        hpa = int(region.split(" hpa ")[1].split()[0], 16) + EXTENT["offset"]

        guest.check(f"devmem {hpa:#x} 64 0x1111111111111111")  # it is nobody's yet
        change(guest, "add", "selection_policy")
        said(guest, f"accepted tag {NO_TAG}: 1 extents, {128 * MIB:#x} bytes")
        last = hpa + EXTENT["len"] - 8
        guest.check(f"devmem {hpa:#x} 64 0x1122334455667788; devmem {last:#x} 64 0x99aabbccddeeff00")
        with open(guest.path("dc"), "rb") as backend:
            for offset, value in ((0, 0x1122334455667788), (EXTENT["len"] - 8, 0x99aabbccddeeff00)):
                backend.seek(EXTENT["offset"] + offset)
                self.assertEqual(int.from_bytes(backend.read(8), "little"), value)
        # The next host takes over what this one has accepted.
        held = (f"extent mem0 dc0: dpa {EXTENT['offset']:#x} len {EXTENT['len']:#x} tag {NO_TAG} seq 0 "
                f"hpa {hpa:#x} accepted")
        self.assertEqual(self.end(guest)[-1], held)
        self.assertIn(held, self.start(guest).splitlines())
        self.assertEqual(guest.check(f"devmem {hpa:#x} 64"), "0x1122334455667788\n")
        change(guest, "release", "removal_policy")
        said(guest, f"tag {NO_TAG} is gone")
        self.assertEqual(guest.check(f"devmem {hpa:#x} 64"), "0x0000000000000000\n")
        self.assertEqual(self.end(guest)[-1], f"mem0: tag {NO_TAG} is gone")
        status, output = guest.run(f"{self.host} --once --idle 0")
        self.assertEqual((status, output.splitlines()[-1]), (0, "ready"))

    def test_what_the_kernel_drives_is_left_alone(self):
        guest = self.guest()
        status, output = guest.run(f"{self.host} --once")
        self.assertEqual(status, 1)
        self.assertIn("0000:0d:00.0 is driven by cxl_pci: unbind it first", output)


if __name__ == "__main__":
    unittest.main()
