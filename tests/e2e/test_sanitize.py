# SPDX-License-Identifier: Apache-2.0
"""Sanitize and media operations over the wire: what becomes zero, and when."""

import struct
import unittest

from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import Machine

MIB = 1 << 20
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
GET_LSA, SET_LSA, SANITIZE, MEDIA_OPERATIONS = 0x4102, 0x4103, 0x4400, 0x4402
BG_STARTED, INVALID_INPUT, BUSY, MEDIA_DISABLED = 1, 2, 6, 7
BG_STATUS = 0x18
ARGS = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
        "-m", "1G,maxmem=8G,slots=4",
        "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
        "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2",
        "-object", "memory-backend-ram,id=v,size=512M,share=on",
        "-object", "memory-backend-ram,id=p,size=256M,share=on",
        "-object", "memory-backend-ram,id=l,size=64K,share=on",
        "-device", "cxl-type3,bus=rp,id=t,volatile-memdev=v,persistent-memdev=p,lsa=l"]
TAGS = [f"{i}da0a8a5-1d8b-4c8b-9f4e-0d1b3c5a7f01" for i in (1, 2)]
ADD_RESPONSE = 0x4802
PLACES = [0, 512 * MIB - 8, 512 * MIB, 768 * MIB - 8]


class Case(unittest.TestCase):
    def boot(self, args, size):
        self.m = Machine([*args, "-accel", "qtest"], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.q = self.m.qtest
        self.host = CxlHost(self.q, bridge_bus=12, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(size)

    def start(self, opcode, payload=b""):
        self.refused(BG_STARTED, opcode, payload)

    def refused(self, code, opcode, payload=b""):
        with self.assertRaises(MailboxError) as caught:
            self.host.command(opcode, payload)
        self.assertEqual(caught.exception.code, code)

    def step(self, seconds):
        self.q.cmd(f"clock_step {seconds * 10 ** 9}")

    def media(self):
        return self.q.readq(self.host.memdev_status) >> 2 & 3

    def background(self):
        """Opcode, percentage, return code."""
        status = self.q.readq(self.host.mbox + BG_STATUS)
        return status & 0xffff, status >> 16 & 0x7f, status >> 32 & 0xffff


class Static(Case):
    def setUp(self):
        self.boot(ARGS, 768 * MIB)
        for dpa in PLACES:
            self.q.writeq(WINDOW + dpa, dpa + 1)
        self.host.command(SET_LSA, struct.pack("<II", 0x100, 0) + b"label")

    def memory(self):
        return [self.q.readq(WINDOW + dpa) for dpa in PLACES]

    def labels(self):
        return self.host.command(GET_LSA, struct.pack("<II", 0x100, 5))

    def test_memory_and_labels_are_zero_afterwards(self):
        self.start(SANITIZE)
        self.step(4)
        self.assertEqual(self.background(), (SANITIZE, 50, 0))
        self.assertEqual(self.media(), 3)
        self.assertEqual(self.memory(), [0xffffffffffffffff] * 4)
        self.q.writeq(WINDOW, 7)
        self.refused(MEDIA_DISABLED, GET_LSA, struct.pack("<II", 0, 8))
        self.refused(BUSY, SANITIZE)
        self.step(4)
        self.assertEqual(self.background(), (SANITIZE, 100, 0))
        self.assertEqual(self.media(), 1)
        self.assertEqual(self.memory(), [0] * 4)
        self.assertEqual(self.labels(), bytes(5))
        self.q.writeq(WINDOW, 7)
        self.assertEqual(self.q.readq(WINDOW), 7)

    def test_a_reset_leaves_media_disabled_and_the_bytes_alone(self):
        self.start(SANITIZE)
        self.step(4)
        self.m.qmp.cmd("system_reset")
        self.host.enumerate()
        self.host.map_dpa(768 * MIB)
        self.assertEqual(self.background(), (0, 0, 0))
        self.step(100)
        self.assertEqual(self.media(), 3)
        self.assertEqual(self.memory(), [0xffffffffffffffff] * 4)
        self.start(SANITIZE)
        self.step(8)
        self.assertEqual(self.media(), 1)
        self.assertEqual(self.memory(), [0] * 4)

    def test_ranges_are_erased_alone(self):
        self.start(MEDIA_OPERATIONS, struct.pack("<BBHIQQ", 1, 0, 0, 1, 512 * MIB - 64, 128))
        self.assertEqual(self.memory(), [dpa + 1 for dpa in PLACES])
        self.assertEqual(self.media(), 1)
        self.step(4)
        self.assertEqual(self.memory(), [1, 0, 0, 768 * MIB - 7])
        self.assertEqual(self.labels(), b"label")


class Dynamic(Case):
    """256 MiB of static memory, and behind it two extents, one to be accepted later."""

    def setUp(self):
        tagged = [a for i, tag in enumerate(TAGS) for a in (
            "-object", f"memory-backend-ram,id=t{i},size=128M,share=on,tag={tag}")]
        self.boot(ARGS[:-8] + [
            "-object", "memory-backend-ram,id=v,size=256M,share=on", *tagged,
            "-device", "cxl-type3,bus=rp,id=t,volatile-memdev=v,num-dc-regions=1,"
                       "dc-regions-total-size=256M"], 512 * MIB)
        for i, tag in enumerate(TAGS):
            self.m.qmp.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/t", host_id=0,
                           selection_policy="prescriptive", region=0, tag=tag,
                           extents=[{"offset": i * 128 * MIB, "len": 128 * MIB}])
        self.accept(0)
        self.q.writeq(WINDOW + 256 * MIB, 5)

    def accept(self, i):
        self.host.dc_list(ADD_RESPONSE, [((256 + i * 128) * MIB, 128 * MIB)])

    def words(self):
        return [self.q.readq(WINDOW + (256 + i * 128) * MIB) for i in range(2)]

    def test_accepted_extents_are_erased_and_stay(self):
        self.start(SANITIZE)
        self.step(4)
        self.assertEqual(self.media(), 1)
        self.assertEqual(self.words(), [0, 0xffffffffffffffff])
        self.assertEqual([e[0] for e in self.host.accepted()[1]], [256 * MIB])
        self.q.writeq(WINDOW + 256 * MIB, 6)
        self.assertEqual(self.words()[0], 6)

    def test_what_is_accepted_meanwhile_answers_afterwards(self):
        self.start(SANITIZE)
        self.accept(1)
        self.q.writeq(WINDOW + 384 * MIB, 7)
        self.assertEqual(self.words(), [0xffffffffffffffff] * 2)
        self.step(4)
        self.assertEqual(self.words(), [0, 0])
        self.q.writeq(WINDOW + 384 * MIB, 7)
        self.assertEqual(self.words(), [0, 7])

    def test_a_range_is_erased_from_what_is_accepted_only(self):
        def erase(dpa, length):
            return struct.pack("<BBHIQQ", 1, 1, 0, 1, dpa, length)

        for dpa, length in ((384 * MIB, 64), (384 * MIB - 64, 128), (512 * MIB, 64)):
            self.refused(INVALID_INPUT, MEDIA_OPERATIONS, erase(dpa, length))
        self.start(MEDIA_OPERATIONS, erase(256 * MIB - 64, 128))
        self.step(4)
        self.assertEqual(self.words()[0], 0)


if __name__ == "__main__":
    unittest.main()
