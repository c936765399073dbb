# SPDX-License-Identifier: Apache-2.0
"""cxl-guest-window: the BARs of a window come to be where the window is once its guest uses it, in a QEMU that
is a stand-in, and after each of its resets again."""

import os
import socket
import subprocess
import time
import unittest

from cxbpy.machine import Machine, binary
from cxbpy.qmp import QmpError
from cxbpy.vfiouser import VfioUser
from servedmem import GIB, MIB, Device
from fakepci import GUESTS_ADDRESS, FakePci, Function

BARS, MORE = {0: GIB, 2: 2 * GIB, 4: GIB}, {0: GIB}
PLACED = {"w0": {0: 5 * GIB, 2: 6 * GIB, 4: 8 * GIB}, "w1": {0: 9 * GIB}}


def functions():
    return [Function("w0", BARS), Function("w1", MORE, function=2)]


class Place(unittest.TestCase):
    def start(self, there=None, use=True, **more):
        self.m = Machine(["-M", "x-remote", "-device", f"cxl-window,id=w0,base={5 * GIB:#x},size=4G",
                          "-device", f"cxl-window,id=w1,base={9 * GIB:#x},size=1G",
                          "-object", "memory-backend-ram,id=m0,size=512M", "-device", "cxl-type3,id=t0,volatile-memdev=m0",
                          "-object", "x-vfio-user-server,id=s0,path=s-t0,device=t0",
                          "-object", "memory-backend-ram,id=m1,size=256M", "-device", "cxl-type2,id=a0,memdev=m1",
                          "-object", "x-vfio-user-server,id=s1,path=s-a0,device=a0",
                          "-object", "cxl-guest-window,id=g0,qmp=unix:vm0,windows.0=w0,windows.1=w1"], tutorial=False)
        self.addCleanup(self.m.end)
        self.qmp = self.m.qmp
        self.qemu = None
        self.addCleanup(self.power_off)
        self.boot(there, use, **more)

    def boot(self, there=None, use=True, **more):
        self.device = Device(self.m.dir, "t0")
        # Its decoder is committed by firmware, which is no use of the window.
        self.accelerator = VfioUser(os.path.join(self.m.dir, "s-a0"))
        self.qemu = FakePci(os.path.join(self.m.dir, "vm0"), there or functions(), **more)
        self.until("waiting")
        if use:
            self.use()

    def use(self):
        self.device.commit(5 * GIB)

    def reset(self):
        """Of the machine; its operating system comes up and uses the window anew."""
        self.device.reset()
        self.qemu.reset()
        self.until("waiting")
        self.use()

    def power_off(self):
        if self.qemu:
            self.qemu.end()
            self.device.vm.close()
            self.accelerator.close()
        self.qemu = None

    def state(self):
        return self.qmp.cmd("qom-get", path="/objects/g0", property="state")

    def until(self, *states):
        for _ in range(2000):
            if self.state().startswith(states):
                return self.state()
            time.sleep(0.01)
        return self.fail(f"{self.state()}, not {states}")

    def ready(self):
        self.until("ready")
        self.assertEqual((self.qemu.placed(), self.qemu.stray), (PLACED, []))
        self.assertEqual((self.qemu.running, self.qemu.address), (True, GUESTS_ADDRESS))

    def test_nothing_happens_before_they_are_used(self):
        self.start(use=False)
        self.assertEqual((self.qemu.commands, self.qemu.placed()), (["qmp_capabilities"], {}))
        self.device.ask_to_commit(5 * GIB)
        for _ in range(100):
            if not self.device.committing():
                break
        self.ready()
        # They stay, whatever becomes of the decoder.
        done = len(self.qemu.commands)
        self.device.uncommit()
        self.use()
        self.assertEqual((self.state(), len(self.qemu.commands)), ("ready", done))

    def test_a_commit_shows_when_they_are_there(self):
        self.start(use=False)
        self.qemu.hold(True)
        start = time.monotonic()
        self.device.ask_to_commit(5 * GIB)
        # Unless so much time has passed that it shows, whether they are there or not.
        self.assertTrue(self.device.committing() or time.monotonic() - start > 0.007)
        self.qemu.hold(False)
        while self.device.committing():
            pass
        self.ready()

    def test_software_is_not_kept_longer_than_it_waits(self):
        self.start(use=False)
        self.qemu.hold(True)
        start = time.monotonic()
        self.use()
        self.assertGreater(time.monotonic() - start, 0.007)
        self.assertEqual((self.state(), self.qemu.placed()), ("placing", {}))
        self.qemu.hold(False)
        self.ready()

    def test_they_are_put_there_while_the_machine_stands(self):
        self.start()
        self.ready()
        names = self.qemu.commands
        self.assertEqual(names[:5], ["qmp_capabilities", "query-pci", "query-status", "stop", "human-monitor-command"])
        self.assertEqual(names[-2:], ["query-pci", "cont"])

    def test_a_reset_takes_them_and_they_come_again(self):
        self.start()
        self.ready()
        for _ in range(3):
            self.reset()
            self.ready()

    def test_a_reset_while_they_are_put_there(self):
        self.start()
        self.ready()
        steps = len(self.qemu.commands) - 1
        for step in range(steps):
            at = len(self.qemu.commands) + step
            self.qemu.fail = lambda number, name, at=at: self.qemu.reset() if number == at else None
            self.reset()
            self.qemu.wait(lambda at=at: len(self.qemu.commands) > at)
            self.qemu.fail = None
            self.ready()

    def test_a_machine_that_stands_stays_so(self):
        self.start(running=False)
        self.until("ready")
        self.assertEqual((self.qemu.placed(), self.qemu.running), (PLACED, False))
        self.assertNotIn("cont", self.qemu.commands)

    def test_whatever_fails_the_machine_goes_on(self):
        self.start()
        self.ready()
        steps = len(self.qemu.commands) - 1
        self.assertGreater(steps, 20)
        for step in range(steps):
            start = len(self.qemu.commands)
            # What fails once fails again: a monitor takes a command or does not.
            failing = {}
            self.qemu.fail = lambda number, name, at=start + step, failing=failing: (
                number >= at and failing.setdefault("name", name) == name)
            self.reset()
            said = self.until("failed: ")
            self.assertIn("was made to fail", said)
            self.qemu.fail = None
            if step < steps - 1:  # the last is what lets it go on
                self.assertTrue(self.qemu.running)
            self.qemu.running = True
            self.qemu.address = GUESTS_ADDRESS
            self.reset()
            self.ready()

    def test_answers_that_make_no_sense(self):
        self.start()
        self.ready()
        device = {"bus": 0, "slot": 29, "function": 1, "qdev_id": "w0"}
        for key, value, text in (
                ("query-pci", {}, "no device on a root bus there has the id 'w0'"),
                ("query-pci", [1, {"devices": [None, "x", {}]}], "no device on a root bus"),
                ("query-pci", [{"devices": [{**device, "slot": 32}]}], "does not say where device 'w0' is"),
                ("query-pci", [{"devices": [{**device, "bus": None}]}], "does not say where device 'w0' is"),
                ("query-pci", [{"devices": [device]}], "BAR 0 has 0x0 bytes, not 0x40000000"),
                ("query-pci", [{"devices": [{**device, "regions": [{"bar": -1}, {"bar": 9}, 7]}]}], "BAR 0 has 0x0"),
                ("i /w 0xcf8", "", "the answer is no port's value"),
                ("i /w 0xcf8", "portl[0x0cf8] = 0x100000000", "the answer is no port's value"),
                ("i /w 0xcf8", 7, "the answer is no port's value"),
                ("o /h 0xcfc 0x2", "unknown command: 'o'", "unknown command: 'o'"),
                ("o /w 0xcfc 0x2", "", "BAR 4 of 'w0' is not at 0x200000000"),
                ("query-pci", [{"devices": [d.describe(0) for d in functions()[:1]]}],
                 "no device on a root bus there has the id 'w1'")):
            with self.subTest(value):
                self.qemu.wrong = {key: value}
                self.reset()
                self.assertIn(text, self.until("failed: "))
                self.qemu.wait(lambda: self.qemu.running)
                self.qemu.wrong = {}
                self.reset()
                self.ready()

    def test_what_the_guest_would_find_is_refused(self):
        for there, text in (([Function("w0", BARS, function=0)], "the guest finds device 'w0'"),
                            ([*functions(), Function("", {}, function=0)], "the guest finds device 'w0'"),
                            ([Function("w2", BARS)], "no device on a root bus there has the id 'w0'"),
                            ([Function("w0", {0: 4 * GIB})],
                             "device 'w0' there is another one: BAR 0 has 0x100000000 bytes"),
                            ([functions()[0], Function("w1", MORE, slot=3, function=0)], "the guest finds device 'w1'")):
            with self.subTest(text):
                self.start(there)
                self.assertIn(text, self.until("failed: "))
                self.assertEqual((self.qemu.placed(), self.qemu.lines), ({}, []))
                self.power_off()
                self.m.end()

    def test_a_guest_that_goes_and_comes(self):
        self.start()
        self.ready()
        self.power_off()
        self.until("connecting")
        self.boot()
        self.ready()
        # In the middle of it.
        self.qemu.fail = lambda number, name: name == "human-monitor-command" and self.qemu.conn.shutdown(socket.SHUT_RDWR)
        self.reset()
        self.until("connecting")
        self.power_off()
        self.boot()
        self.ready()
        self.qmp.cmd("object-del", id="g0")
        self.qmp.cmd("object-add", qom_type="cxl-guest-window", id="g0", qmp="vm1", windows=["w0"])
        self.assertEqual(self.state(), "connecting")

    def halfway(self):
        """It is stopped, and asked for the address it was at; it answers nothing more."""
        def held(number, name):
            self.qemu.waiting |= name == "human-monitor-command"

        self.qemu.fail = held
        self.reset()
        self.qemu.wait(lambda: self.qemu.waiting)
        self.assertFalse(self.qemu.running)

    def test_a_guest_that_stands_still_is_looked_after(self):
        self.start()
        self.ready()
        self.halfway()
        with self.assertRaisesRegex(QmpError, "object 'g0' is in use: the guest stands still for it"):
            self.qmp.cmd("object-del", id="g0")
        self.qemu.fail = None
        self.qemu.hold(False)
        self.ready()
        self.qmp.cmd("object-del", id="g0")

    def test_a_guest_that_was_lost_while_it_stood_goes_on(self):
        self.start()
        self.ready()
        self.halfway()
        self.power_off()
        self.until("connecting")
        self.boot(use=False, running=False)
        self.qemu.wait(lambda: self.qemu.running)

    def test_what_it_cannot_be_is_said(self):
        self.start()
        for more, text in (({}, "Parameter 'qmp' is missing"), ({"qmp": "x"}, "Parameter 'windows' is missing"),
                           ({"qmp": "x", "windows": []}, "Parameter 'windows' is missing"),
                           ({"qmp": "x", "windows": [7]}, "Invalid parameter type for 'windows.0'"),
                           ({"qmp": "x", "windows": ["w0", "w9"]}, "Device 'w9' not found")):
            with self.assertRaises(QmpError) as caught:
                self.qmp.cmd("object-add", qom_type="cxl-guest-window", id="g1", **more)
            self.assertIn(text, str(caught.exception))
        for line, text in ((["-M", "x-remote", "-object", "cxl-guest-window,id=g1,qmp=x,windows.1=w0"],
                            "Parameter 'windows.0' missing"), (["-M", "q35"], "is of machine x-remote"),
                           (["-M", "x-remote", "-device", "cxl-type3,id=w0,num-dc-regions=1,dc-regions-total-size=256M"],
                            "Device 'w0' is not a cxl-window")):
            done = subprocess.run([binary(), *line, "-object", "cxl-guest-window,id=g0,qmp=x,windows.0=w0"],
                                  capture_output=True, text=True, timeout=30)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(text, done.stderr)


if __name__ == "__main__":
    unittest.main()
