# SPDX-License-Identifier: Apache-2.0
"""DAX devices of the built-in host: what accepted tags are for those who use them."""

import time
import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

LIMIT_SECONDS = 60
GIB = 1 << 30
MIB = 1 << 20
DEVICE = "/machine/peripheral/cxl-vmem0"
WINDOW = 0x3d0000000
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
OTHER = "6be13bce-ae34-4a77-b6c3-16df975fcf1a"
NONE = "00000000-0000-0000-0000-000000000000"


class Dax(unittest.TestCase):
    def start(self, *args):
        self.m = Machine(list(args), qtest=True)
        self.addCleanup(self.m.end)

    def offer(self, tag, *extents):
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{tag[0]}",
                       size=sum(n for _, n in extents), share=True, tag=tag)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=0, tag=tag,
                       extents=[{"offset": o, "len": n} for o, n in extents])

    def ask_back(self, tag, **more):
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                       **({"removal_policy": "tag-based", "region": 0, "tag": tag} | more))

    def status(self, tag):
        return self.m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                              region=0, tag=tag)["status"]

    def gone(self, tag):
        """What the host gives back is gone once nobody can read it any more."""
        end = time.monotonic() + LIMIT_SECONDS
        while self.status(tag) == "releasing" and time.monotonic() < end:
            time.sleep(0.001)
        self.assertEqual(self.status(tag), "not-found")

    def daxes(self):
        return self.m.qmp.cmd("query-dax")

    def refused(self, text, command, **args):
        with self.assertRaises(QmpError) as caught:
            self.m.qmp.cmd(command, **args)
        self.assertIn(text, str(caught.exception))

    def test_a_tag_of_several_extents_is_one_device_of_their_sum(self):
        self.start()
        self.assertEqual(self.daxes(), [])
        self.offer(TAG, (GIB, 4 * MIB), (0, 2 * MIB))
        self.assertEqual(self.daxes(), [{
            "uuid": TAG, "size": 6 * MIB, "host-id": 0, "memdev": 0, "path": DEVICE, "region": 0,
            "held": False, "holders": 0, "release-asked": False,
            "extents": [{"dpa": GIB, "hpa": WINDOW + GIB, "len": 4 * MIB},
                        {"dpa": 0, "hpa": WINDOW, "len": 2 * MIB}]}])
        self.ask_back(TAG)
        self.assertEqual(self.daxes(), [])

    def test_its_extents_one_behind_the_other_are_the_bytes_of_the_backend(self):
        self.start()
        self.offer(TAG, (GIB, 4 * MIB), (0, 2 * MIB), (6 * MIB, 2 * MIB))
        dax, = self.daxes()
        at, expected = 0, {}
        for e in dax["extents"]:
            self.m.qtest.writeq(e["hpa"], e["dpa"] + 1)
            self.m.qtest.writeq(e["hpa"] + e["len"] - 8, e["dpa"] + 2)
            expected[at] = e["dpa"] + 1
            at += e["len"]
            expected[at - 8] = e["dpa"] + 2
        self.assertEqual(at, dax["size"])
        path, = [b["path"] for b in self.m.qmp.cmd("query-memdev") if b.get("tag") == TAG]
        with open(path, "rb") as f:
            for offset, value in expected.items():
                f.seek(offset)
                self.assertEqual(int.from_bytes(f.read(8), "little"), value, hex(offset))

    def test_what_is_not_accepted_is_no_device(self):
        self.start("-accel", "host,accept=ask")
        self.offer(TAG, (0, 2 * MIB))
        self.assertEqual(self.daxes(), [])
        self.refused(f"no DAX device has uuid {TAG}", "dax-hold", uuid=TAG)
        self.m.qmp.cmd("cxl-host-respond", tag=TAG, response="accept")
        self.assertEqual([d["uuid"] for d in self.daxes()], [TAG])

    def test_a_release_while_it_is_held_completes_when_the_last_lets_go(self):
        self.start()
        self.offer(TAG, (0, 2 * MIB), (4 * MIB, 2 * MIB))
        self.offer(OTHER, (8 * MIB, 2 * MIB))
        for n in (1, 2):
            self.m.qmp.cmd("dax-hold", uuid=TAG)
            dax = self.daxes()[0]
            self.assertEqual((dax["held"], dax["holders"]), (True, n))
        self.ask_back(TAG)
        self.ask_back(OTHER)
        self.assertEqual((self.status(TAG), self.status(OTHER)), ("releasing", "not-found"))
        self.assertEqual([d["release-asked"] for d in self.daxes()], [True])
        self.m.qtest.writeq(WINDOW, 1)  # still memory
        self.assertEqual(self.m.qtest.readq(WINDOW), 1)
        self.m.qmp.cmd("dax-release", uuid=TAG.upper())
        self.ask_back(TAG)  # asked for again it is still held
        self.assertEqual(self.status(TAG), "releasing")
        self.m.qmp.cmd("dax-release", uuid=TAG)
        self.gone(TAG)
        self.assertEqual(self.daxes(), [])
        self.m.qmp.cmd("object-del", id=f"b{TAG[0]}")  # nobody has it any more

    def test_force_takes_what_is_held(self):
        self.start()
        self.offer(TAG, (0, 2 * MIB))
        self.m.qmp.cmd("dax-hold", uuid=TAG)
        self.ask_back(TAG, forced_removal=True)
        self.gone(TAG)
        self.assertEqual(self.daxes(), [])
        self.refused("no DAX device", "dax-release", uuid=TAG)

    def test_a_reset_keeps_the_devices_and_ends_all_holding(self):
        self.start()
        self.offer(TAG, (GIB, 4 * MIB), (0, 2 * MIB))
        before = self.daxes()
        self.m.qmp.cmd("dax-hold", uuid=TAG)
        self.m.qmp.cmd("system_reset")
        self.assertEqual(self.daxes(), before)
        self.refused(f"DAX device {TAG} is not held", "dax-release", uuid=TAG)
        self.ask_back(TAG)
        self.assertEqual(self.daxes(), [])

    def test_a_release_that_waits_is_done_by_the_host_that_comes_up_again(self):
        self.start()
        self.offer(TAG, (0, 2 * MIB))
        self.m.qmp.cmd("dax-hold", uuid=TAG)
        self.ask_back(TAG)
        self.m.qmp.cmd("system_reset")
        self.gone(TAG)
        self.assertEqual(self.daxes(), [])

    def test_when_the_host_asks_letting_go_gives_nothing_back(self):
        self.start("-accel", "host,release=ask")
        self.offer(TAG, (0, 2 * MIB))
        self.m.qmp.cmd("dax-hold", uuid=TAG)
        self.ask_back(TAG)
        self.refused("the memory is in use", "cxl-host-respond", tag=TAG, response="release")
        self.m.qmp.cmd("dax-release", uuid=TAG)
        self.assertEqual(self.status(TAG), "releasing")
        self.m.qmp.cmd("cxl-host-respond", tag=TAG, response="release")
        self.gone(TAG)

    def test_wrong_requests_change_nothing(self):
        self.start()
        self.offer(TAG, (0, 2 * MIB))
        self.refused(f"no DAX device has uuid {OTHER}", "dax-hold", uuid=OTHER)
        self.refused(f"no DAX device has uuid {NONE}", "dax-hold", uuid=NONE)
        self.refused("uuid 'x' is not a UUID", "dax-hold", uuid="x")
        self.refused("uuid '' is not a UUID", "dax-release", uuid="")
        self.refused(f"DAX device {TAG} is not held", "dax-release", uuid=TAG)
        self.refused("Parameter 'uuid' is missing", "dax-hold")
        self.m.qmp.cmd("stop")
        self.refused("The built-in host stands", "dax-hold", uuid=TAG)
        self.m.qmp.cmd("cont")
        self.assertEqual([d["holders"] for d in self.daxes()], [0])

    def test_without_the_host_there_are_none(self):
        self.start("-accel", "qtest")
        for command, args in (("query-dax", {}), ("dax-hold", {"uuid": TAG}),
                              ("dax-release", {"uuid": TAG})):
            self.refused("The built-in host is not there", command, **args)


if __name__ == "__main__":
    unittest.main()
