# SPDX-License-Identifier: Apache-2.0
"""A cxl-type3 that another cxlbox serves, passed through to a machine: what works with one of the machine's
own works with it, and a device that goes hurts nobody."""

import os
import signal
import tempfile
import time
import unittest

from cxbpy.cxlhost import CxlHost
from cxbpy.machine import TUTORIAL, Machine
from cxbpy.qmp import QmpError

TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
MIB = 1 << 20
LIMIT_SECONDS = 100
DEVICE = "cxl-type3,num-dc-regions=1,dc-regions-total-size=4G"
BOARD = TUTORIAL[:-2]
ECAM = 0xb0000000
ONES = 0xffffffff


class Passthrough(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="cxlbox-")
        self.addCleanup(self.dir.cleanup)
        self.path = os.path.join(self.dir.name, "t3.sock")

    def serve(self):
        m = Machine(["-M", "x-remote", "-device", DEVICE + ",id=t3", "-object",
                     f"x-vfio-user-server,id=s0,type=unix,path={self.path},device=t3"], tutorial=False)
        self.addCleanup(m.end)
        return m

    def passed(self, *args, **more):
        return [*BOARD, "-device", "vfio-user-pci,bus=root_port13,id=dev,socket.type=unix,"
                                   f"socket.path={self.path}" + "".join(f",{k}={v}" for k, v in more.items()),
                *args]

    def start(self, args, qtest=False):
        with open(f"{self.dir.name}/stderr", "w", encoding="utf-8") as stderr:
            m = Machine(args, tutorial=False, qtest=qtest, stderr=stderr)
        self.addCleanup(m.end)
        return m

    def said(self, text):
        with open(f"{self.dir.name}/stderr", encoding="utf-8") as f:
            return f.read().count(text)

    @staticmethod
    def until(what):
        end = time.monotonic() + LIMIT_SECONDS
        while not what():
            if time.monotonic() > end:
                raise AssertionError("it did not come")
            time.sleep(0.01)

    @staticmethod
    def extents(served):
        device, = served.qmp.cmd("query-cxl-dynamic-capacity")
        return [(e["tag"], e["state"]) for e in device["extents"]]

    def add(self, served):
        served.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=0, region=0, tag=TAG,
                       selection_policy="prescriptive", extents=[{"offset": 0, "len": 64 * MIB}])

    def config(self, m, off):
        return m.qtest.readl(ECAM | 0xd << 20 | off)

    def number(self, m):
        """The buses below the root port, as firmware numbers them."""
        m.qtest.writel(ECAM | 12 << 20 | 0x18, 0x000d0d0c)

    def test_the_host_takes_capacity_and_gives_it_back(self):
        served = self.serve()
        m = self.start(self.passed())
        served.qmp.cmd("object-add", qom_type="memory-backend-ram", id="m0", size=64 * MIB, share=True,
                       tag=TAG)
        for _ in range(2):
            # Its interrupt tells the host there, whose answers come back as messages.
            self.add(served)
            self.until(lambda: self.extents(served) == [(TAG, "accepted")])
            self.until(lambda: [(d["uuid"], d["size"]) for d in m.qmp.cmd("query-dax")] ==
                       [(TAG, 64 * MIB)])
            served.qmp.cmd("cxl-release-dynamic-capacity", path="t3", host_id=0, region=0, tag=TAG,
                           removal_policy="tag-based", extents=[])
            self.until(lambda: self.extents(served) == [])
            self.until(lambda: m.qmp.cmd("query-dax") == [])
        served.qmp.cmd("object-del", id="m0")

    def test_its_configuration_space_is_that_of_the_machines_own(self):
        own = self.start([*BOARD, "-device", DEVICE + ",bus=root_port13,id=dev", "-accel", "qtest"],
                         qtest=True)
        self.number(own)
        expected = [self.config(own, off) for off in range(0, 4096, 4)]
        self.serve()
        m = self.start(self.passed("-accel", "qtest"), qtest=True)
        self.number(m)
        got = [self.config(m, off) for off in range(0, 4096, 4)]
        self.assertEqual({hex(4 * i): (hex(a), hex(b))
                          for i, (a, b) in enumerate(zip(expected, got)) if a != b}, {})
        # BARs take addresses here, whatever the device makes of it.
        m.qtest.writel(ECAM | 0xd << 20 | 0x10, ONES)
        own.qtest.writel(ECAM | 0xd << 20 | 0x10, ONES)
        self.assertEqual(self.config(m, 0x10), self.config(own, 0x10))

    def test_a_device_that_dies_is_all_ones_and_can_be_had_again(self):
        served = self.serve()
        m = self.start(self.passed("-accel", "qtest"), qtest=True)
        self.number(m)
        self.assertEqual(self.config(m, 0), 0x0d938086)
        served.process.kill()
        served.process.wait()
        self.until(lambda: self.config(m, 0) == ONES)
        m.qmp.cmd("system_reset")
        self.number(m)
        self.assertEqual(self.config(m, 0), ONES)
        self.assertEqual(self.said("the device is lost"), 1)
        m.qmp.cmd("device_del", id="dev")
        m.qmp.wait_event("DEVICE_DELETED")
        with self.assertRaisesRegex(QmpError, "t3.sock"):
            self.plug(m)
        self.serve()
        self.plug(m)
        self.assertEqual(self.config(m, 0), 0x0d938086)

    def test_an_empty_slot_shows_it_as_it_shows_the_machines_own(self):
        # Power of a slot that was empty is off, whatever is put in; software switches it on.
        self.serve()
        seen = []
        for driver, more in (("cxl-type3", {"num_dc_regions": 1, "dc_regions_total_size": 4 << 30}),
                             ("vfio-user-pci", {"socket": {"type": "unix", "path": self.path}})):
            m = self.start([*BOARD, "-accel", "qtest"], qtest=True)
            host = CxlHost(m.qtest)
            host.open_config()
            self.number(m)
            states = [self.port(m)]
            m.qmp.cmd("device_add", driver=driver, bus="root_port13", id="dev", **more)
            states += [self.port(m), self.config(m, 0)]
            host.power_on(12)
            states += [self.port(m), [self.config(m, off) for off in range(0, 4096, 4)]]
            host.enumerate()
            states.append(host.dc_regions())
            m.qtest.writel(ECAM | 0xd << 20 | 4, 0)
            m.qmp.cmd("device_del", id="dev")           # on: the button is pressed
            states.append(self.port(m))
            slot = ECAM | 12 << 20 | host.pcie_cap(12) + 0x18
            m.qtest.writew(slot, 0x7c0)
            m.qmp.wait_event("DEVICE_DELETED")
            states += [self.port(m), self.config(m, 0)]
            seen.append(states)
            m.end()
        own, passed = seen
        self.assertEqual(own[2], ONES)
        self.assertEqual(own[4][0], 0x0d938086)
        self.assertEqual(own[5], [(0, 4 << 30, 4 << 30, 2 * MIB)])
        self.assertEqual(own[-1], ONES)
        self.assertEqual(passed, own)

    def port(self, m):
        """Registers of the root port, but for windows, which are as large as BARs need them."""
        return [m.qtest.readl(ECAM | 12 << 20 | off) for off in range(0, 4096, 4)
                if off not in (0x20, 0x24)]

    def plug(self, m):
        m.qmp.cmd("device_add", driver="vfio-user-pci", bus="root_port13", id="dev",
                  socket={"type": "unix", "path": self.path})

    def test_a_device_that_does_not_answer_is_lost(self):
        served = self.serve()
        m = self.start(self.passed("-accel", "qtest", **{"x-msg-timeout": 300}), qtest=True)
        self.number(m)
        served.process.send_signal(signal.SIGSTOP)
        try:
            self.assertEqual(self.config(m, 0x100), ONES)
            self.assertEqual(m.qmp.cmd("query-status")["status"], "running")
            self.assertEqual(self.said("the device is lost"), 1)
        finally:
            served.process.send_signal(signal.SIGCONT)

    def test_what_it_cannot_be_is_said(self):
        m = self.start([*BOARD, "-accel", "qtest"], qtest=True)
        for socket, text in (({"type": "unix", "path": self.path}, "t3.sock"),
                             ({"type": "unix"}, "'socket.path' is missing"),
                             ({"path": self.path}, "'socket.type' is missing"),
                             ({"type": "vsock", "path": self.path}, "Unsupported socket type vsock"),
                             ({"type": "unix", "path": self.path, "port": "1"}, "socket.port"),
                             (None, "No socket specified")):
            with self.subTest(text):
                args = {"socket": socket} if socket else {}
                with self.assertRaisesRegex(QmpError, text):
                    m.qmp.cmd("device_add", driver="vfio-user-pci", bus="root_port13", id="dev",
                              **args)
        self.serve()
        for prop, value, text in (("x-msg-timeout", 0, "x-msg-timeout 0"),
                                  ("x-pci-vendor-id", 0x10000, "x-pci-vendor-id 0x10000")):
            with self.subTest(text):
                with self.assertRaisesRegex(QmpError, text):
                    m.qmp.cmd("device_add", driver="vfio-user-pci", bus="root_port13", id="dev",
                              socket={"type": "unix", "path": self.path}, **{prop: value})
        self.plug(m)
        # One client at a time.
        with self.assertRaisesRegex(QmpError, "Duplicate|already"):
            self.plug(m)

    def test_other_numbers_are_shown(self):
        self.serve()
        ids = {"x-pci-vendor-id": 0x1234, "x-pci-device-id": 0x5678, "x-pci-class-code": 0x120000}
        m = self.start(self.passed("-accel", "qtest", **ids), qtest=True)
        self.number(m)
        self.assertEqual(self.config(m, 0), 0x56781234)
        self.assertEqual(self.config(m, 8) >> 8, 0x120000)


if __name__ == "__main__":
    unittest.main()
