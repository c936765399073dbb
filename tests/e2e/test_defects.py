# SPDX-License-Identifier: Apache-2.0
"""Defects that dynamic capacity is known to have had elsewhere, looked for from outside: by QMP as
an orchestrator, by qtest as a host. docs/coverage.md lists them all with the tests that look."""

import itertools
import struct
import unittest
import uuid

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import TUTORIAL, Machine
from cxbpy.qmp import QmpError

GIB = 1 << 30
MIB = 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
OTHER = "6be13bce-ae34-4a77-b6c3-16df975fcf1a"
NULL = "00000000-0000-0000-0000-000000000000"
DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
DC_RECORD = uuid.UUID("ca95afa7-f183-4018-8c2f-95268e101a2a")
PAYLOAD_LEN = 0x16


class Defects(unittest.TestCase):
    def start(self, device=""):
        args = TUTORIAL[:-1] + [TUTORIAL[-1] + device]
        self.m = Machine(args + ["-accel", "qtest"], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()

    def backend(self, tag, size, name="b"):
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=name, size=size,
                       share=True, tag=tag)

    def add(self, *extents, **more):
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                       selection_policy="prescriptive",
                       extents=[{"offset": o, "len": n} for o, n in extents], **more)

    def release(self, policy, **more):
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                       removal_policy=policy, **more)

    def status(self, tag):
        return self.m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                              region=0, tag=tag)["status"]

    def extents(self):
        return self.m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"]

    def test_a_missing_tag_is_an_error_and_ends_nothing(self):
        self.start()
        self.backend(TAG, GIB)
        for more in ({}, {"tag": ""}, {"tag": NULL}):
            with self.subTest(more=more):
                with self.assertRaisesRegex(QmpError, "must have a backing device: no tag"):
                    self.add((0, GIB), **more)
                with self.assertRaisesRegex(QmpError, "needs a tag"):
                    self.release("tag-based", **more)
                with self.assertRaisesRegex(QmpError, "non-existing DPA range"):
                    self.release("prescriptive", extents=[{"offset": 0, "len": GIB}], **more)
        self.assertEqual(self.status(""), "not-found")
        self.assertEqual(self.extents(), [])
        self.assertEqual(self.host.events(), [])
        self.add((0, GIB), tag=TAG)
        self.assertEqual(self.status(TAG), "pending")

    def test_every_byte_of_a_record_is_meant(self):
        """Requests that leave the tag out still send the extent's, and reserved bytes are 0."""
        self.start()
        self.backend(TAG, GIB)
        self.add((3 * GIB, GIB), tag=TAG)
        self.host.dc_list(cxlhost.DC_ADD, [(3 * GIB, GIB)])
        self.release("prescriptive", extents=[{"offset": 3 * GIB, "len": GIB}])
        self.release("prescriptive", forced_removal=True,
                     extents=[{"offset": 3 * GIB, "len": GIB}])
        supported = 512 << 10
        for kind, record in enumerate(self.host.events()):
            left = supported - (kind != 2)  # once taken, it counts no more
            self.assertEqual(
                record,
                DC_RECORD.bytes + bytes([0x80, 0, 0, 0]) + struct.pack("<HH", kind + 1, 0) +
                bytes(8 + 16) +                       # time never set; maintenance, ids
                struct.pack("<BBHBB2x", kind, 1, 0, 0, 0) +
                struct.pack("<QQ16sH6x", 3 * GIB, GIB, uuid.UUID(TAG).bytes, 0) +
                bytes(24) + struct.pack("<II", left, left))
        self.assertEqual(kind, 2)

    def test_a_tag_in_any_case_is_the_same_tag(self):
        self.start()
        self.backend(TAG.upper(), GIB)
        with self.assertRaisesRegex(QmpError, "taken by memory backend 'b'"):
            self.backend(TAG, GIB, "c")
        self.add((0, GIB), tag=TAG.title())
        for text in (TAG, TAG.upper(), TAG.title()):
            self.assertEqual(self.status(text), "pending")
        self.host.dc_list(cxlhost.DC_ADD, [(0, GIB)])
        self.release("prescriptive", tag=TAG.upper(), extents=[{"offset": 0, "len": GIB}])
        self.release("tag-based", tag=TAG.title())
        self.assertEqual(self.status(TAG), "releasing")

    def test_a_request_looks_beyond_the_first_group(self):
        self.start()
        for n, tag in enumerate((TAG, OTHER)):
            self.backend(tag, GIB, f"b{n}")
            self.add((n * GIB, GIB), tag=tag)
        self.backend("7" + TAG[1:], GIB, "b2")
        with self.assertRaisesRegex(QmpError, "still pending"):
            self.add((GIB, GIB), tag="7" + TAG[1:])
        with self.assertRaisesRegex(QmpError, "pending DPA range"):
            self.release("prescriptive", extents=[{"offset": GIB, "len": GIB}])
        self.assertEqual(self.status(OTHER), "pending")
        self.release("tag-based", tag=OTHER, forced_removal=True)
        self.assertEqual((self.status(TAG), self.status(OTHER)), ("pending", "not-found"))

    def test_the_alias_comes_with_the_last_of_the_decoders_whichever_it_is(self):
        """The extent is where the extent is, also when it does not begin where the decoder does."""
        for order in itertools.permutations(("accept", "bridge", "endpoint")):
            with self.subTest(order=order):
                self.start()
                self.backend(TAG, 2 * MIB)
                self.add((3 * GIB, 2 * MIB), tag=TAG)
                host, q = self.host, self.m.qtest
                for step in order:
                    self.assertEqual(q.readl(WINDOW + 3 * GIB + 8), 0xffffffff)
                    if step == "accept":
                        host.dc_list(cxlhost.DC_ADD, [(3 * GIB, 2 * MIB)])
                        continue
                    hdm = host.hdm(CHBS if step == "bridge" else host.comp)
                    q.writel(hdm + 4, 2)
                    self.assertTrue(host.commit(hdm, 0, WINDOW, 4 * GIB))
                ext = self.extents()[0]
                self.assertEqual((ext["hpa"], ext["access"]), (WINDOW + 3 * GIB, "direct"))
                q.writel(WINDOW + 3 * GIB + 8, 0xcafe)
                path = next(b for b in self.m.qmp.cmd("query-memdev") if b["id"] == "b")["path"]
                with open(path, "rb") as f:
                    f.seek(8)
                    self.assertEqual(f.read(4), b"\xfe\xca\0\0")
                self.m.end()

    def test_no_closing_record_is_lost_in_a_log_of_8(self):
        self.start(",dc-event-log-size=8")
        host = self.host
        nine = [(4 * MIB * n, 2 * MIB) for n in range(9)]
        self.backend(TAG, 18 * MIB, "nine")
        with self.assertRaisesRegex(QmpError, "event log is too full: 9 records needed, 8 left"):
            self.add(*nine, tag=TAG)
        self.assertEqual((self.status(TAG), host.events()), ("not-found", []))
        self.m.qmp.cmd("object-del", id="nine")

        self.backend(TAG, 16 * MIB, "eight")
        self.backend(OTHER, 2 * MIB, "one")
        self.add(*nine[:8], tag=TAG)
        with self.assertRaisesRegex(QmpError, "event log is too full"):
            self.add(nine[8], tag=OTHER)
        host.dc_list(cxlhost.DC_ADD, nine[:8])
        with self.assertRaisesRegex(QmpError, "event log is too full"):
            self.release("tag-based", tag=TAG)
        self.release("tag-based", tag=TAG, forced_removal=True)  # may not wait: its records do
        self.assertEqual(host.accepted()[1], [])
        for kind in (0, 2):
            records = [host.dc_record(r) for r in host.events()]
            self.assertEqual([(r["type"], r["more"]) for r in records],
                             [(kind, 1)] * 7 + [(kind, 0)])
        self.assertEqual(host.events(), [])

    def test_empty_and_lying_lists_end_nothing(self):
        self.start()
        self.backend(TAG, GIB)
        for offered in (False, True):
            for opcode in (cxlhost.DC_ADD, cxlhost.DC_RELEASE):
                for payload in (b"", b"\1", struct.pack("<IB2x", 0, 0),
                                struct.pack("<IB3x", 1, 0), struct.pack("<IB3x", 1, 1),
                                struct.pack("<IB3x", 0x0aaaaaab, 0) + bytes(24),
                                struct.pack("<IB3x", 0xffffffff, 0) + bytes(2040)):
                    with self.subTest(opcode=opcode, payload=payload[:8]):
                        with self.assertRaises(MailboxError) as caught:
                            self.host.command(opcode, payload)
                        self.assertEqual(caught.exception.code, PAYLOAD_LEN)
            if not offered:
                self.host.dc_list(cxlhost.DC_ADD, [])
                self.host.dc_list(cxlhost.DC_ADD, [], True)
                self.host.dc_list(cxlhost.DC_ADD, [])
                self.add((0, GIB), tag=TAG)
        self.assertEqual(self.status(TAG), "pending")
        self.host.dc_list(cxlhost.DC_ADD, [])
        self.assertEqual(self.status(TAG), "not-found")


if __name__ == "__main__":
    unittest.main()
