# SPDX-License-Identifier: Apache-2.0
"""The harness, by QEMU's own cxl-type3: what the guest's Linux finds is what QEMU was told, its memory
becomes RAM, and whatever happens to a guest is told."""

import base64
import json
import os
import struct
import unittest

import image
from guest import Guest, GuestError
from sparse import PAGE, pages

GIB, MIB = 1 << 30, 1 << 20
BOARD = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
         "-m", "1G,maxmem=8G,slots=4",
         "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
         "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2",
         "-device", "cxl-type3,bus=rp0,volatile-memdev=vm0,id=t3,sn=0x1234"]
RAM = ["-object", f"memory-backend-ram,id=vm0,size={512 * MIB},share=on"]
# With tables that name nodes, the memory of the device is a node of its own.
NODES = ["-object", f"memory-backend-ram,id=r0,size={GIB}", "-numa", "node,memdev=r0", "-numa", "node"]


def memdev(guest):
    """The one memory device that `cxl list` shows, and its root decoder."""
    listed, = json.loads(guest.check("cxl list -vvv"))
    device = listed["ports:root0"][0]["endpoints:port1"][0]["memdev"]
    return device, listed["decoders:root0"][0]


class Commands(unittest.TestCase):
    """One guest, which none of these changes."""

    @classmethod
    def setUpClass(cls):
        cls.guest = Guest([*BOARD, *RAM])
        cls.addClassCleanup(cls.guest.close)

    def test_linux_finds_what_qemu_was_told(self):
        device, decoder = memdev(self.guest)
        self.assertEqual((device["serial"], device["ram_size"]), (0x1234, 512 * MIB))
        self.assertEqual((decoder["size"], decoder["nr_targets"]), (4 * GIB, 1))
        self.assertEqual([line for line in self.guest.dmesg(3) if "cxl" in line.lower()], [])

    def test_modules_are_loaded_in_order(self):
        loaded = [line.split()[0] for line in self.guest.check("cat /proc/modules").splitlines()]
        self.assertEqual(loaded, list(reversed(image.MODULES)))

    def test_status_and_output_come_back(self):
        self.assertEqual(self.guest.run("echo out; echo err >&2; exit 7"), (7, "out\nerr\n"))
        self.assertEqual(self.guest.run("cat"), (0, ""))  # there is nothing to read
        with self.assertRaisesRegex(GuestError, "status 3 of: echo why; exit 3\nwhy"):
            self.guest.check("echo why; exit 3")

    def test_long_output_comes_whole(self):
        lines = [str(n) for n in range(1, 100001)]
        self.assertEqual(self.guest.check("seq 100000").splitlines(), lines)

    def test_what_takes_too_long_is_ended(self):
        status, _ = self.guest.run("sleep 1000", seconds=1)
        self.assertEqual(status, 143)
        # Nor does what it left running disturb those that come after it.
        self.guest.check("(until test -e /tmp/go; do usleep 1000; done; seq 100000; echo >/tmp/gone) &")
        self.assertEqual(self.guest.check("touch /tmp/go; until test -e /tmp/gone; do usleep 1000; done; "
                                          "echo done"), "done\n")
        self.assertEqual(self.guest.check("echo still"), "still\n")

    def test_its_messages_have_levels(self):
        self.guest.check("echo '<3>guest: an error' >/dev/kmsg; echo '<6>guest: a remark' >/dev/kmsg")
        self.assertIn("guest: an error", self.guest.dmesg(3))
        self.assertNotIn("guest: a remark", self.guest.dmesg(3))
        self.assertIn("guest: a remark", self.guest.dmesg())

    def test_two_at_once_and_a_table_of_our_own(self):
        """The second guest finds a window twice as large in its CEDT, and a file of ours."""
        first = self.guest
        table = bytearray(base64.b64decode(first.check("base64 /sys/firmware/acpi/tables/CEDT")))
        window = table.index(b"\1", 36 + 32)
        size, = struct.unpack_from("<Q", table, window + 16)
        self.assertEqual((table[36], size), (0, 4 * GIB))
        struct.pack_into("<Q", table, window + 16, 2 * size)
        struct.pack_into("<I", table, 24, 2)
        table[9] = 0
        table[9] = -sum(table) & 0xff
        second = Guest([*BOARD, *RAM], files={"etc/motto": b"ours\n"},
                       front=image.archive({"kernel/firmware/acpi/CEDT.aml": bytes(table)}))
        self.addCleanup(second.close)
        self.assertEqual(second.check("cat /etc/motto"), "ours\n")
        self.assertEqual([memdev(guest)[1]["size"] for guest in (first, second)], [4 * GIB, 8 * GIB])



class Lives(unittest.TestCase):
    def guest(self, *args, **more):
        guest = Guest([*BOARD, *args], **more)
        self.addCleanup(guest.close)
        return guest

    def test_a_region_is_ram(self):
        """Pages of a process that may use the device's node alone are bytes of the backend."""
        with Guest([*BOARD, *NODES, "-object", f"memory-backend-file,id=vm0,size={512 * MIB},share=on,"
                    "mem-path=vm0"]) as guest:
            total = "awk '/MemTotal/ { print $2 }' /proc/meminfo"
            before = int(guest.check(total))
            guest.check("cxl create-region -t ram -d decoder0.0 -m mem0")
            # The kernel takes the memory in a while after the region is there.
            guest.run(f"for i in $(seq 200); do [ $({total}) -gt {before} ] && break; sleep 0.1; done")
            self.assertEqual(int(guest.check(total)) - before, 512 * MIB >> 10)
            dax, = json.loads(guest.check("daxctl list"))
            self.assertEqual(dax["mode"], "system-ram")
            guest.check(f"""
                set -e
                mkdir /cgroup; mount -t cgroup2 none /cgroup
                echo +cpuset >/cgroup/cgroup.subtree_control
                mkdir /cgroup/far; echo {dax["target_node"]} >/cgroup/far/cpuset.mems
                (echo 0 >/cgroup/far/cgroup.procs && seq 1000000 | head -c 4194304 >/tmp/pattern)
            """)
            text = "".join(f"{n}\n" for n in range(1, 1000001)).encode()[:4 * MIB]
            expected = {text[at:at + PAGE] for at in range(0, len(text), PAGE)}
            self.assertEqual(len(expected), 1024)
            self.assertEqual(len(expected & pages(guest.path("vm0"))), 1024)
            self.assertEqual([line for line in guest.dmesg(3) if "cxl" in line or "dax" in line], [])

    def test_a_life_with_a_reset_and_a_panic(self):
        guest = self.guest(*RAM, modules=("cxl_pci", "libnvdimm"))
        self.assertIn("guest: cxl_pci does not load", guest.dmesg())  # it wants cxl_mem
        self.assertEqual(guest.check("cut -d' ' -f1 /proc/modules"), "libnvdimm\n")
        guest.check("echo here >/tmp/mark")
        guest.reboot()
        self.assertNotEqual(guest.run("cat /tmp/mark")[0], 0)
        with self.assertRaisesRegex(GuestError, "(?s)the guest is lost.*Kernel panic - not syncing"):
            guest.run("echo c >/proc/sysrq-trigger")

    def test_what_qemu_refuses_is_told(self):
        with self.assertRaisesRegex(GuestError, "'nosuch' is not a valid device model name"):
            self.guest(*RAM, "-device", "nosuch")


if __name__ == "__main__":
    unittest.main()
