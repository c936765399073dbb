# SPDX-License-Identifier: Apache-2.0
"""What takes long is done on a worker: while it is held up, in the system call that zeroes memory,
everything else is answered, and nobody gets the bytes."""

import json
import os
import unittest

from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.inject import FAIL_AT, Injector, binary
from cxbpy.machine import TUTORIAL, Machine
from cxbpy.qmp import Qmp, QmpError

MIB = 1 << 20
SIZE = 256 * MIB
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
DC_ADD, DC_RELEASE = 0x4802, 0x4803
SANITIZED, PUNCH = "MEMORY_BACKEND_SANITIZED", "fallocate64"
ZEROING = "memory backend 'tm0' is being sanitized"


class Case(unittest.TestCase):
    accel = "host"
    region = "num-dc-regions=1,dc-regions-total-size=4G"

    def setUp(self):
        self.injector = Injector()
        self.addCleanup(self.injector.close)
        self.start()

    def start(self):
        args = TUTORIAL[:-2] + self.machine() + ["-device", f"cxl-type3,bus=root_port13,id=cxl-vmem0,{self.region}",
                                "-accel", self.accel,
                                "-qmp", "unix:second.sock,server=on,wait=off"]
        self.m = Machine(args, tutorial=False, qtest=True, program=[binary()],
                         env=self.injector.environment())
        self.addCleanup(self.m.end)
        self.addCleanup(self.injector.hold, None)  # first: who waits in there does not end
        self.qmp, self.qtest = self.m.qmp, self.m.qtest
        self.second = Qmp(os.path.join(self.m.dir, "second.sock"))
        self.addCleanup(self.second.close)

    def machine(self):
        return []

    def backend(self, **more):
        self.qmp.cmd("object-add", id="tm0", size=SIZE, tag=TAG, share=True, prealloc=True,
                     **{"qom_type": "memory-backend-ram", **more})

    def add(self, qmp=None):
        (qmp or self.qmp).cmd("cxl-add-dynamic-capacity", **self.offer)

    offer = {"path": DEVICE, "host-id": 0, "region": 0, "tag": TAG, "selection-policy": "prescriptive",
             "extents": [{"offset": 0, "len": SIZE}]}

    def force(self, qmp=None):
        (qmp or self.qmp).cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                              tag=TAG, removal_policy="tag-based", forced_removal=True,
                              sanitize_on_release=True)

    def capacity(self):
        return self.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"]

    def memdev(self):
        """Who holds it, and how sanitizing goes."""
        tm0, = [m for m in self.qmp.cmd("query-memdev") if m["id"] == "tm0"]
        return tm0.get("holder"), tm0.get("sanitizing")

    def unclean(self):
        tm0, = [m for m in self.qmp.cmd("query-memdev") if m["id"] == "tm0"]
        return tm0.get("unclean")

    def bytes_at(self, *offsets):
        with open(f"/proc/{self.m.process.pid}/fd/{self.fd}", "rb") as f:
            return [os.pread(f.fileno(), 8, off) for off in offsets]

    @property
    def fd(self):
        tm0, = [m for m in self.qmp.cmd("query-memdev") if m["id"] == "tm0"]
        return os.path.basename(tm0["path"])

    def waits(self, command, **arguments):
        """The second client asks for what has no answer yet. It comes in one piece with what has."""
        self.second.send_raw('{"execute": "query-status"}' +
                             json.dumps({"execute": command, "arguments": arguments}))
        self.assertEqual(self.second.reply()["return"]["status"], "running")

    def goes_on(self):
        self.injector.hold(None)
        return self.qmp.wait_event(SANITIZED)["data"]


class ByForce(Case):
    def setUp(self):
        super().setUp()
        self.backend()
        self.add()
        self.qtest.write(WINDOW, b"secrets!")
        self.qtest.write(WINDOW + SIZE - 8, b"secrets!")
        self.assertEqual(self.memdev(), (DEVICE, None))

    def test_all_else_is_answered_meanwhile(self):
        self.injector.hold(PUNCH)
        self.force()
        self.assertEqual(self.capacity(), [])
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.assertEqual(self.unclean(), [{"offset": 0, "len": SIZE}])
        self.assertEqual(self.second.cmd("query-status")["status"], "running")
        status = self.second.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                                 region=0, tag=TAG)
        self.assertEqual(status["status"], "not-found")
        self.qtest.write(0x1000, b"elsewhere")
        self.assertEqual(self.qtest.read(0x1000, 9), b"elsewhere")
        self.assertEqual(self.qtest.read(WINDOW, 8), b"\xff" * 8)
        self.qmp.cmd("object-add", qom_type="memory-backend-ram", id="other", size=MIB)
        self.qmp.cmd("object-del", id="other")
        self.qmp.cmd("system_reset")
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.assertEqual(self.goes_on(), {"id": "tm0", "tag": TAG, "offset": 0, "len": SIZE})
        self.assertEqual((self.memdev(), self.unclean()), ((None, None), None))
        self.assertEqual(self.bytes_at(0, SIZE - 8), [bytes(8)] * 2)

    def test_a_second_offer_waits(self):
        self.injector.hold(PUNCH)
        self.force()
        self.waits("cxl-add-dynamic-capacity", **self.offer)
        self.assertEqual((self.memdev(), self.capacity()), ((DEVICE, "running"), []))
        self.goes_on()
        self.assertEqual(self.second.reply(), {"return": {}})
        self.assertEqual([e["state"] for e in self.capacity()], ["accepted"])
        self.assertEqual(self.qtest.read(WINDOW, 8), bytes(8))

    def test_a_deletion_waits_and_what_comes_behind_it(self):
        self.injector.hold(PUNCH)
        self.force()
        self.waits("object-del", id="tm0")
        self.second.send_raw('{"execute": "query-memdev"}')
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.goes_on()
        self.assertEqual(self.second.reply(), {"return": {}})
        self.assertEqual([m["id"] for m in self.second.reply()["return"]], ["pc.ram"])

    def test_one_who_leaves_while_waiting_is_forgotten(self):
        self.injector.hold(PUNCH)
        self.force()
        self.waits("object-del", id="tm0")
        self.second.close()
        self.goes_on()
        self.second = Qmp(os.path.join(self.m.dir, "second.sock"))
        self.addCleanup(self.second.close)
        self.second.cmd("query-status")

    def test_the_human_monitor_is_told_why(self):
        self.injector.hold(PUNCH)
        self.force()
        answer = self.qmp.cmd("human-monitor-command", command_line="object_del tm0")
        self.assertIn(ZEROING, answer)
        self.goes_on()
        self.assertEqual(self.qmp.cmd("human-monitor-command", command_line="object_del tm0"), "")

    def test_a_failure_is_told_and_tried_again(self):
        self.injector.hold(PUNCH)
        self.force()
        self.waits("cxl-add-dynamic-capacity", **self.offer)
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.injector.set_word(FAIL_AT, 1)  # nothing but the call that waits makes one
        event = self.goes_on()
        self.assertIn("cannot discard 0x0+0x4000000", event["error"])
        error = self.second.reply()["error"]["desc"]
        self.assertIn("memory backend tm0 is already mapped and cannot be reused", error)
        self.assertIn("it is tried again", error)
        self.assertNotIn("error", self.qmp.wait_event(SANITIZED)["data"])
        self.assertEqual(self.memdev(), (None, None))
        self.assertEqual(self.bytes_at(0, SIZE - 8), [bytes(8)] * 2)
        self.add()

    def test_what_failed_is_shown_with_its_reason(self):
        self.injector.hold(PUNCH)
        self.force()
        self.injector.set_word(FAIL_AT, 1)
        error = self.goes_on()["error"]
        self.assertEqual(self.memdev(), (DEVICE, "failed"))
        self.assertEqual(self.unclean(), [{"offset": 0, "len": SIZE, "error": error}])

    def test_the_device_may_go_meanwhile(self):
        self.injector.hold(PUNCH)
        self.force()
        self.qmp.cmd("device_del", id="cxl-vmem0")
        self.qmp.cmd("system_reset")
        while self.qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "cxl-vmem0":
            pass
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.waits("object-del", id="tm0")
        self.goes_on()
        self.assertEqual(self.second.reply(), {"return": {}})

    def test_the_program_ends_when_it_is_done(self):
        self.injector.hold(PUNCH)
        self.force()
        self.qmp.cmd("quit")
        self.injector.hold(None)
        self.assertEqual(self.m.process.wait(30), 0)


class ByTheHost(Case):
    """A host of ours, on a region that sanitizes whatever is released."""

    accel = "qtest"
    region = "dc-region.0.size=4G,dc-region.0.sanitize-on-release=on"

    def setUp(self):
        super().setUp()
        self.backend()
        self.add()
        self.host = CxlHost(self.qtest, bridge_bus=12, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(4096 * MIB)
        self.host.dc_list(DC_ADD, [(0, SIZE)])
        self.qtest.write(WINDOW, b"secrets!")

    def test_its_command_completes_and_its_mailbox_is_free(self):
        self.injector.hold(PUNCH)
        self.host.dc_list(DC_RELEASE, [(0, SIZE)])
        self.assertEqual(self.host.accepted()[1], [])
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.qmp.cmd("system_reset")
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.goes_on()
        self.assertEqual(self.memdev(), (None, None))
        self.assertEqual(self.bytes_at(0), [bytes(8)])


class Erasing(Case):
    """Sanitize of a device with static memory, by a host of ours."""

    accel = "qtest"
    region = "volatile-memdev=tm0"
    SANITIZE, BG_STATUS = 0x4400, 0x18

    def machine(self):
        return ["-object", f"memory-backend-ram,id=tm0,size={SIZE},share=on,prealloc=on"]

    def setUp(self):
        super().setUp()
        self.host = CxlHost(self.qtest, bridge_bus=12, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(SIZE)
        self.qtest.write(WINDOW, b"secrets!")
        self.injector.hold(PUNCH)
        with self.assertRaises(MailboxError):
            self.host.command(self.SANITIZE)
        self.qtest.cmd(f"clock_step {100 * 10 ** 9}")

    def state(self):
        """Of the operation: percentage and return code; whether media answers."""
        status = self.qtest.readq(self.host.mbox + self.BG_STATUS)
        media = self.qtest.readq(self.host.memdev_status) >> 2 & 3
        return status >> 16 & 0x7f, status >> 32 & 0xffff, media == 1

    def test_it_ends_when_all_is_erased(self):
        self.assertEqual(self.state(), (99, 0, False))
        self.assertEqual(self.second.cmd("query-status")["status"], "running")
        with self.assertRaisesRegex(QmpError, "tm0"):
            self.qmp.cmd("object-del", id="tm0")
        self.assertEqual(self.qtest.read(WINDOW, 8), b"\xff" * 8)
        self.injector.hold(None)
        while self.state()[0] == 99:
            pass
        self.assertEqual(self.state(), (100, 0, True))
        self.assertEqual(self.qtest.read(WINDOW, 8), bytes(8))

    def test_a_reset_gives_it_up(self):
        # It waits for the system call that zeroes.
        self.second.send_raw('{"execute": "system_reset"}')
        self.injector.hold(None)
        self.assertEqual(self.second.reply(), {"return": {}})
        self.host.enumerate()
        self.assertEqual(self.state(), (0, 0, False))

    def test_the_device_may_go_meanwhile(self):
        # Its slot is off, so it goes at once, as soon as the system call has returned.
        self.second.send_raw('{"execute": "device_del", "arguments": {"id": "cxl-vmem0"}}')
        self.injector.hold(None)
        while self.qmp.wait_event("DEVICE_DELETED")["data"].get("device") != "cxl-vmem0":
            pass
        self.qmp.cmd("object-del", id="tm0")

    def test_the_program_ends_when_it_is_done(self):
        self.qmp.cmd("quit")
        self.injector.hold(None)
        self.assertEqual(self.m.process.wait(30), 0)


class Killed(Case):
    def test_what_was_left_to_do_is_done_by_the_next(self):
        path = os.path.join(self.m.dir, "file")
        with open(path, "wb") as f:
            f.write(b"secrets!" * (SIZE // 8))
        try:
            os.setxattr(path, "user.cxlbox.test", b"")
        except OSError as error:
            self.skipTest(f"no extended attributes: {error}")
        more = {"qom_type": "memory-backend-file", "mem_path": path}
        self.backend(**more)
        self.add()
        self.injector.hold(PUNCH)
        self.force()
        self.assertEqual(self.memdev(), (DEVICE, "running"))
        self.assertEqual(os.getxattr(path, "user.cxlbox.sanitize.0"), b"%x" % SIZE)
        self.m.process.kill()
        self.m.process.wait(30)
        self.injector.hold(None)
        directory = self.m.dir
        with Machine(cwd=directory) as m:
            m.qmp.cmd("object-add", id="tm0", size=SIZE, tag=TAG, share=True, **more)
            with open(path, "rb") as f:
                self.assertEqual([os.pread(f.fileno(), 8, off) for off in (0, SIZE - 8)],
                                 [bytes(8)] * 2)


if __name__ == "__main__":
    unittest.main()
