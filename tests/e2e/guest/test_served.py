# SPDX-License-Identifier: Apache-2.0
"""Stock Linux in stock QEMU, with devices that cxlbox serves: the kernel's own drivers find and use them, and
what a guest accepts is memory of cxlbox's backends, at its address, at once."""

import json
import os
import signal
import struct
import threading
import unittest

from cxbpy.process import descriptors
from cxbpy.qmp import QmpError
from served import CEDT, GIB, MIB, WINDOW, WINDOW_SIZE, Case, pattern, tag


class Static(Case):
    """The kernel's own drivers."""

    def setUp(self):
        self.box(["-object", "memory-backend-ram,id=m0,size=512M,share=on",
                  "-device", "cxl-type3,id=t3,volatile-memdev=m0,sn=0x77"])
        self.guest = self.boot(front=CEDT, qemu_args=[
            "-object", f"memory-backend-ram,id=r0,size={GIB}", "-numa", "node,memdev=r0", "-numa", "node"])

    def test_linux_finds_and_uses_it(self):
        guest = self.guest
        listed, = json.loads(guest.check("cxl list -vvv"))
        device = listed["ports:root0"][0]["endpoints:port1"][0]["memdev"]
        self.assertEqual((device["serial"], device["ram_size"], device["host"]), (0x77, 512 * MIB, "0000:0d:00.0"))
        self.assertEqual(listed["decoders:root0"][0]["resource"], WINDOW)
        cdat = bytes.fromhex(guest.check("hexdump -ve '1/1 \"%02x\"' /sys/bus/cxl/devices/endpoint2/CDAT"))
        self.assertEqual((struct.unpack_from("<I", cdat)[0], sum(cdat) & 0xff), (len(cdat), 0))
        self.region_as_ram(guest)
        self.event(guest)
        self.healthy(guest)

    def region_as_ram(self, guest):
        """16,384 pages, written in the guest, are bytes of the backend."""
        guest.check("cxl create-region -t ram -d decoder0.0 -m mem0")
        guest.run("for i in $(seq 200); do daxctl list | grep -q system-ram && break; sleep 0.1; done")
        self.assertEqual([d["mode"] for d in json.loads(guest.check("daxctl list"))], ["system-ram"])
        self.assertEqual(self.b.state(prop="mapped"), 1)
        guest.check("""
            mkdir /cgroup && mount -t cgroup2 none /cgroup
            echo +cpuset >/cgroup/cgroup.subtree_control
            mkdir /cgroup/far && echo 1 >/cgroup/far/cpuset.mems
            (echo 0 >/cgroup/far/cgroup.procs && driver print 67108864 3 >/tmp/pattern)
        """, seconds=120)
        text = pattern(64 * MIB, 3)
        wanted = {text[at:at + 4096] for at in range(0, len(text), 4096)}
        self.assertEqual(len(wanted), 16384)
        have = self.b.bytes_of(0, 512 * MIB)
        found = {have[at:at + 4096] for at in range(0, len(have), 4096)}
        self.assertEqual(wanted - found, set())
        # And the other way: what is changed here is changed there.
        at = next(at for at in range(0, len(have), 4096) if have[at:at + 4096] == text[:4096])
        path = next(m["path"] for m in self.qmp.cmd("query-memdev") if m["id"] == "m0")
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(b"changed!")
        self.assertEqual(guest.check("head -c 8 /tmp/pattern"), "changed!")

    def event(self, guest):
        guest.check("mount -t tracefs none /sys/kernel/tracing; echo 1 >/sys/kernel/tracing/events/cxl/enable")
        for dpa in (0x1000, 0x2000):
            self.qmp.cmd("cxl-inject-general-media-event", path="t3", log="informational", flags=1, dpa=dpa,
                         descriptor=1, type=0, sub_type=0, transaction_type=4)
            seen = guest.check("for i in $(seq 200); do grep -q 'cxl_general_media.*dpa=%x' /sys/kernel/tracing/trace "
                               "&& break; sleep 0.1; done; cat /sys/kernel/tracing/trace" % dpa)
            self.assertIn("dpa=%x" % dpa, seen)  # the second only comes if the first was cleared


class Plug(Case):
    """With MSI, as this QEMU cannot unplug a device that has MSI-X."""

    def memdevs(self, count):
        return self.guest.check(f"for i in $(seq 200); do [ $(ls /sys/bus/cxl/devices 2>/dev/null | grep -c ^mem) = {count} ] && break; "
                                "sleep 0.1; done; ls /sys/bus/cxl/devices 2>/dev/null | grep ^mem; true").split()

    def test_it_is_unplugged_and_plugged_again(self):
        self.box(["-object", "memory-backend-ram,id=m0,size=512M,share=on",
                  "-device", "cxl-type3,id=t3,volatile-memdev=m0,msix=off"])
        guest = self.guest = self.boot(front=CEDT)
        for _ in range(2):
            self.assertEqual(len(self.memdevs(1)), 1)
            guest.qmp.cmd("device_del", id="t3")
            self.assertEqual(self.memdevs(0), [])
            while guest.qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "t3":
                pass
            guest.qmp.cmd("device_add", driver="vfio-user-pci", id="t3", bus="rp0",
                          socket={"type": "unix", "path": os.path.join(self.b.dir, "s0")})
        self.assertEqual(len(self.memdevs(1)), 1)
        self.healthy(guest)


class Dynamic(Case):
    """A kernel without dynamic capacity: a program in the guest is the driver."""

    DEVICE = ["-device", "cxl-type3,id=t3,num-dc-regions=1,dc-regions-total-size=2G"]

    def setUp(self):
        self.box(self.DEVICE)
        self.guest = self.boot(modules=())
        self.ready()

    def ready(self):
        self.assertEqual(self.b.state(), "ready")
        self.guest.check(f"driver commit {WINDOW} {2 * GIB}")

    def accept(self, extents, status=0):
        args = " ".join(f"{e['offset']} {e['len']}" for e in extents)
        self.assertEqual(self.guest.run(f"driver accept {args}")[0], status)

    def release(self, extents, status=0):
        args = " ".join(f"{e['offset']} {e['len']}" for e in extents)
        self.assertEqual(self.guest.run(f"driver release {args}")[0], status)

    def test_one_tag_in_pieces_and_by_force(self):
        sizes = [2 * MIB, 6 * MIB, 4 * MIB]
        self.b.backend(1, sum(sizes))
        extents = self.b.add(1, 0, sizes)
        self.accept(extents)
        self.guest.check(f"driver fill {WINDOW} {sum(sizes)} 5")
        self.assertEqual(self.b.bytes_of(1, sum(sizes)), pattern(sum(sizes), 5))
        # Asked back while it is in use: the host stays silent, the memory stays.
        self.b.remove(1)
        self.guest.check(f"driver verify {WINDOW} {sum(sizes)} 5")
        self.b.remove(1, forced_removal=True)
        self.guest.check(f"until driver scan {WINDOW} {sum(sizes)} 5 | grep -q '^0 0'; do usleep 50000; done")
        self.assertEqual(self.b.bytes_of(1, 4096), pattern(4096, 5))

    def test_a_guest_that_is_reset_takes_over(self):
        self.b.backend(1, 2 * MIB)
        extents = self.b.add(1, 0, [2 * MIB])
        self.accept(extents)
        self.guest.check(f"driver fill {WINDOW} {2 * MIB} 9")
        self.guest.reboot()
        self.guest.check("echo 1 >/sys/bus/pci/devices/0000:0d:00.0/enable")
        self.guest.check(f"driver scan {WINDOW} 4096 9 | grep -q '^0 0'")
        self.ready()
        self.guest.check(f"until driver verify {WINDOW} {2 * MIB} 9 >/dev/null; do usleep 50000; done")
        self.release(extents)

    def test_a_guest_that_is_killed(self):
        before = descriptors(self.b.m.process.pid)
        self.b.backend(1, 2 * MIB)
        self.accept(self.b.add(1, 0, [2 * MIB]))
        self.guest.process.send_signal(signal.SIGKILL)
        self.guest.process.wait(30)
        self.guest.close()
        self.b.remove(1, forced_removal=True)
        for _ in range(2000):
            try:
                self.qmp.cmd("object-del", id="m1")
                break
            except QmpError:
                pass
        self.guest = self.boot(modules=())
        self.ready()
        self.b.backend(2, 2 * MIB)
        self.accept(self.b.add(2, 0, [2 * MIB]))
        self.guest.check(f"driver scan {WINDOW} {2 * MIB} 0 | grep -q '^0 0'")
        after = descriptors(self.b.m.process.pid)
        after["/memfd"] = before.get("/memfd", 0)
        self.assertEqual({k: v for k, v in after.items() if "memfd" not in k},
                         {k: v for k, v in before.items() if "memfd" not in k})

    def test_a_server_that_is_killed_leaves_the_guest_alive(self):
        self.b.m.process.send_signal(signal.SIGKILL)
        self.b.m.process.wait(30)
        self.assertEqual(self.guest.check("echo alive"), "alive\n")
        self.guest.check("hexdump -n 4 -ve '1/4 \"%08x\"' /sys/bus/pci/devices/0000:0d:00.0/config | grep -q ffffffff")


class Two(Case):
    """Two guests on two heads of one device. Everything is written with its tag's number, plus 1."""

    SIZE, SHARED, PAGE = 2 * MIB, 512 * MIB, 4096

    def both(self, script):
        """@script(n) in each guest at the same time: what they said."""
        said = [None, None]

        def run(n):
            said[n] = self.guests[n].run(script(n), seconds=300)

        threads = [threading.Thread(target=run, args=(n,)) for n in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return said

    def give(self, n, guest, offset):
        """A private tag, written."""
        self.b.backend(n, self.SIZE)
        self.b.add(n, offset, [self.SIZE], host=guest)
        self.guests[guest].check(f"driver accept {offset} {self.SIZE} && "
                                 f"driver fill {WINDOW + offset} {self.SIZE} {n + 1}")

    def assert_found(self, tags, foreign):
        """How many tags, shared ones too, each guest finds in all of its window, a word in each page; of that of the
        other, none."""
        said = self.both(lambda n: f"driver scan {WINDOW} {WINDOW_SIZE} {foreign[n] + 1} {self.PAGE}")
        self.assertEqual(said, [(0, f"{n * self.SIZE // self.PAGE} 0\n") for n in tags])

    def share(self):
        self.b.backend(7, self.SIZE)
        self.b.add(7, 0, [self.SIZE], host=0, region=1)
        self.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=1, region=1, tag=tag(7),
                     selection_policy="enable-shared-access")
        for guest in self.guests:
            guest.check(f"driver accept {self.SHARED} {self.SIZE}")
        at = WINDOW + self.SHARED
        self.assertEqual(self.both(lambda n: f"driver talk {at} 10000 {1 - n}"), [(0, "")] * 2)
        self.assertEqual(struct.unpack_from("<Q", self.b.bytes_of(7, 8))[0], 20000)
        self.guests[0].check(f"driver fill {at} {self.SIZE} 8")
        self.guests[1].check(f"driver verify {at} {self.SIZE} 8")

    def test_private_stays_private_and_shared_is_one(self):
        self.box(["-device", "cxl-type3,id=t3,heads=2,dc-region.0.size=512M,dc-region.1.size=512M,dc-region.1.sharable=on",
                  "-device", "cxl-type3-head,id=h1,device=t3,head=1"], heads=2)
        self.guests = [self.boot(n, modules=()) for n in (0, 1)]
        for n, guest in enumerate(self.guests):
            guest.check(f"driver commit {WINDOW} {GIB}")
            self.give(n, n, 8 * MIB * (n + 1))
        self.share()
        self.assert_found([2, 2], foreign=[1, 0])
        # What one has given back is not there any more, and what comes to its place is the other's alone.
        self.guests[0].check(f"driver release {8 * MIB} {self.SIZE}")
        self.give(2, 1, 8 * MIB)
        self.assert_found([1, 3], foreign=[2, 0])
        self.assertEqual(self.b.bytes_of(0, self.SIZE), pattern(self.SIZE, 1))
        self.guests[0].process.send_signal(signal.SIGKILL)
        self.guests[0].process.wait(30)
        for n, offset in ((1, 16 * MIB), (2, 8 * MIB), (7, self.SHARED)):
            self.guests[1].check(f"driver verify {WINDOW + offset} {self.SIZE} {n + 1}")
        self.healthy(self.guests[1])


if __name__ == "__main__":
    unittest.main()
