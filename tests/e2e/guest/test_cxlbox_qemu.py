# SPDX-License-Identifier: Apache-2.0
"""cxlbox-qemu with the command lines that people have, plus a Linux: the tutorial's, and one with static
memory that becomes RAM of the guest."""

import json
import os
import tempfile
import unittest

import qemuline
from cxbpy import peers
from cxbpy.machine import TUTORIAL
from cxbpy.qmp import QmpError
from guest import Guest
from sparse import PAGE, pages

GIB, MIB = 1 << 30, 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
BACKEND = {"qom-type": "memory-backend-ram", "id": "tm0", "size": GIB, "tag": TAG}
STATIC = [*TUTORIAL[:8], "-object", f"memory-backend-ram,id=m0,size={512 * MIB}",
          "-device", "cxl-type3,bus=root_port13,id=t3,volatile-memdev=m0,sn=0x1234"]
# With tables that name nodes, the memory of the device is a node of its own.
NODES = ["-object", f"memory-backend-ram,id=r0,size={GIB}", "-numa", "node,memdev=r0", "-numa", "node"]


class CxlboxQemu(unittest.TestCase):
    def start(self, line, *own):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        qemu = os.path.join(directory.name, "qemu")
        with open(qemu, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\nexec {peers.SCRIPT} qemu "$@"\n')
        os.chmod(qemu, 0o755)
        self.guest = Guest(line, program=[qemuline.PROGRAM, "--qemu", qemu, *own])
        self.addCleanup(self.guest.close)

    def listed(self):
        listed, = json.loads(self.guest.check("cxl list -vvv"))
        return listed

    def errors(self):
        return [line for line in self.guest.dmesg(3) if "cxl" in line.lower()]

    def memdevs(self, count):
        return self.guest.check(f"for i in $(seq 200); do [ $(ls /sys/bus/cxl/devices 2>/dev/null | grep -c ^mem) = {count} ] && break; "
                                "sleep 0.1; done; ls /sys/bus/cxl/devices 2>/dev/null | grep ^mem; true").split()

    def come_and_go(self):
        """A second device while the guest runs. With MSI, as this QEMU cannot unplug a device that has MSI-X."""
        cmd, wait = self.guest.qmp.cmd, self.guest.qmp.wait_event
        for _ in range(2):
            cmd("device_add", **{"driver": "cxl-type3", "id": "t1", "bus": "root_port14", "num-dc-regions": 1,
                                 "dc-regions-total-size": GIB, "msix": False})
            self.assertEqual(len(self.memdevs(2)), 2)
            self.assertEqual(len(cmd("query-cxl-dynamic-capacity")), 2)
            cmd("device_del", id="t1")
            while wait("DEVICE_DELETED")["data"].get("device") != "t1":
                pass
            # It is gone everywhere when that is told, which is once.
            self.assertEqual(len(cmd("query-cxl-dynamic-capacity")), 1)
            self.assertEqual(len(self.memdevs(1)), 1)
            self.assertEqual([e for e in self.guest.qmp.events if e["data"].get("device") == "t1"], [])
        for name in ("vfio-user.t1", "guest.t1"):
            with self.assertRaises(QmpError):
                cmd("object-del", id=name)

    def test_the_tutorials_line(self):
        self.start([*TUTORIAL, "-device", "cxl-rp,port=1,bus=cxl.1,id=root_port14,chassis=0,slot=3"])
        listed = self.listed()
        self.assertEqual(listed["ports:root0"][0]["endpoints:port1"][0]["memdev"]["memdev"], "mem0")
        root = listed["decoders:root0"][0]
        self.assertEqual((root["resource"], root["size"], root["nr_targets"]), (0x3c0000000, 6 * GIB, 1))
        self.assertEqual(self.errors(), [])
        # one monitor for both
        cmd = self.guest.qmp.cmd
        self.assertEqual(cmd("query-status")["status"], "running")
        self.assertEqual(cmd("object-add", **BACKEND), {})
        cmd("cxl-add-dynamic-capacity", **{
            "path": "/machine/peripheral/cxl-vmem0", "host-id": 0, "region": 0, "selection-policy": "prescriptive",
            "tag": TAG, "extents": [{"offset": 0, "len": GIB}]})
        self.assertEqual(self.guest.qmp.wait_event("CXL_DYNAMIC_CAPACITY")["data"]["tag"], TAG)
        self.come_and_go()
        self.assertEqual(self.errors(), [])

    def become_ram(self):
        """Pages of a process that may use the device's node alone are bytes of cxlbox's backend."""
        self.guest.check("cxl create-region -t ram -d decoder0.0 -m mem0")
        # The kernel takes the memory in a while after the region is there.
        self.guest.run("for i in $(seq 200); do daxctl list | grep -q system-ram && break; sleep 0.1; done")
        dax, = json.loads(self.guest.check("daxctl list"))
        self.assertEqual((dax["size"], dax["mode"]), (512 * MIB, "system-ram"))
        self.guest.check(f"""
            set -e
            mkdir /cgroup; mount -t cgroup2 none /cgroup
            echo +cpuset >/cgroup/cgroup.subtree_control
            mkdir /cgroup/far; echo {dax["target_node"]} >/cgroup/far/cpuset.mems
            (echo 0 >/cgroup/far/cgroup.procs && seq 1000000 | head -c 4194304 >/tmp/pattern)
        """)
        text = "".join(f"{n}\n" for n in range(1, 1000001)).encode()[:4 * MIB]
        expected = {text[at:at + PAGE] for at in range(0, len(text), PAGE)}
        backend = next(m for m in self.guest.qmp.cmd("query-memdev") if m["id"] == "m0")
        self.assertEqual(len(expected & pages(backend["path"])), len(expected))
        self.assertEqual(self.errors(), [])

    def test_static_memory_becomes_ram(self):
        self.start([*STATIC, *NODES])
        self.become_ram()
        self.guest.reboot()
        self.become_ram()

    def test_static_memory_without_ports_becomes_ram(self):
        self.start([*STATIC, *NODES], "--ports", "0")
        self.become_ram()


if __name__ == "__main__":
    unittest.main()
