# SPDX-License-Identifier: Apache-2.0
"""The machine from outside, over qtest, by a host written in another language that shares nothing
with the built-in one: enumerate, BARs, decoders, mailbox, events, accept, window, release."""

import os
import struct
import tempfile
import unittest

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import Machine

GIB = 1 << 30
MIB = 1 << 20
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
TAG2 = "6be13bce-ae34-4a77-b6c3-16df975fcf1a"
NULL = "00000000-0000-0000-0000-000000000000"
DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
IRQ_AT, IRQ_DATA = 0x200000, 0x4711
INVALID_INPUT, INVALID_PA, PAYLOAD_LEN, INVALID_EXTENTS = 0x02, 0x0f, 0x16, 0x1e


class Wire(unittest.TestCase):
    def setUp(self):
        self.m = Machine(["-accel", "qtest"], qtest=True)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()

    def offer(self, tag, *extents, name=None):
        total = sum(n for _, n in extents)
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=name or f"b{tag[:2]}",
                       size=total, share=True, tag=tag)
        self.add(tag, *extents)

    def add(self, tag, *extents):
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=0, tag=tag,
                       extents=[{"offset": o, "len": n} for o, n in extents])

    def status(self, tag):
        return self.m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                              region=0, tag=tag)["status"]

    def code(self, call, *args):
        with self.assertRaises(MailboxError) as caught:
            call(*args)
        return caught.exception.code

    def test_tables_are_in_ram_and_sum_to_zero(self):
        q = self.m.qtest
        area = q.read(0xe0000, 0x20000)
        at = next(i for i in range(0, len(area), 16) if area[i:i + 8] == b"RSD PTR ")
        self.assertEqual(sum(area[at:at + 20]) & 0xff, 0)
        self.assertEqual(sum(area[at:at + 36]) & 0xff, 0)
        xsdt = struct.unpack_from("<Q", area, at + 24)[0]
        length = struct.unpack("<I", q.read(xsdt + 4, 4))[0]
        tables = {}
        for (addr,) in struct.iter_unpack("<Q", q.read(xsdt, length)[36:]):
            data = q.read(addr, struct.unpack("<I", q.read(addr + 4, 4))[0])
            self.assertEqual(sum(data) & 0xff, 0)
            tables[data[:4]] = data
        self.assertEqual(set(tables), {b"MCFG", b"CEDT"})
        cedt = tables[b"CEDT"]
        self.assertEqual(struct.unpack_from("<BxHIIIQQ", cedt, 36),
                         (0, 32, 12, 1, 0, CHBS, 0x10000))
        self.assertEqual(struct.unpack_from("<BxHIQQ", cedt, 68), (1, 40, 0, WINDOW, 6 * GIB))

    def test_offer_accept_window_release(self):
        host, q = self.host, self.m.qtest
        self.assertEqual(host.dc_regions(), [(0, 4 * GIB, 4 * GIB, 2 * MIB)])
        host.map_dpa(4 * GIB)
        host.msix(2, IRQ_AT, IRQ_DATA)
        host.command(cxlhost.SET_POLICY, bytes([1, 1, 1, 1, 1]))
        self.assertEqual(q.readl(IRQ_AT), 0)
        self.offer(TAG, (3 * GIB, 512 * MIB), (GIB, 256 * MIB), (0, 256 * MIB))
        self.assertEqual(q.readl(IRQ_AT), IRQ_DATA)  # empty -> not empty
        self.assertEqual(q.readl(host.status_reg), 1 << 4)
        records = [host.dc_record(r) for r in host.events()]
        self.assertEqual(q.readl(host.status_reg), 0)
        self.assertEqual([(r["type"], r["more"], r["dpa"], r["len"], r["tag"], r["seq"])
                          for r in records],
                         [(0, 1, 3 * GIB, 512 * MIB, TAG, 0), (0, 1, GIB, 256 * MIB, TAG, 0),
                          (0, 0, 0, 256 * MIB, TAG, 0)])
        self.assertEqual(self.status(TAG), "pending")
        self.assertEqual(q.readq(WINDOW), 2 ** 64 - 1)  # offered is not accepted
        self.assertEqual(host.accepted()[1], [])
        before = host.accepted()[0]
        host.dc_list(cxlhost.DC_ADD, [(r["dpa"], r["len"]) for r in records])
        generation, extents = host.accepted()
        self.assertNotEqual(generation, before)
        self.assertEqual(extents, [(3 * GIB, 512 * MIB, TAG, 0), (GIB, 256 * MIB, TAG, 0),
                                   (0, 256 * MIB, TAG, 0)])
        self.assertEqual(self.status(TAG), "committed")

        q.writeq(WINDOW + 3 * GIB, 0x1122334455667788)
        q.write(WINDOW + GIB + 3, b"unaligned")
        path = next(b for b in self.m.qmp.cmd("query-memdev") if b["id"] == "b5b")["path"]
        with open(path, "rb") as f:
            self.assertEqual(struct.unpack("<Q", f.read(8))[0], 0x1122334455667788)
            f.seek(512 * MIB + 3)
            self.assertEqual(f.read(9), b"unaligned")

        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                       removal_policy="tag-based", region=0, tag=TAG)
        self.assertEqual(self.status(TAG), "releasing")
        records = [host.dc_record(r) for r in host.events()]
        self.assertEqual([(r["type"], r["more"], r["tag"]) for r in records],
                         [(1, 1, TAG), (1, 1, TAG), (1, 0, TAG)])
        for i, r in enumerate(records):  # one by one, as Linux does
            self.assertEqual(self.status(TAG), "releasing")
            host.dc_list(cxlhost.DC_RELEASE, [(r["dpa"], r["len"])])
            self.assertEqual(q.readb(WINDOW + r["dpa"]), 0xff)
            self.assertEqual(len(host.accepted()[1]), 2 - i)
        self.assertEqual(self.status(TAG), "not-found")
        self.m.qmp.cmd("object-del", id="b5b")

    def test_alias_is_made_when_the_decoder_is_committed_late(self):
        self.offer(TAG, (0, GIB))
        self.host.dc_list(cxlhost.DC_ADD, [(0, GIB)])
        ext = self.m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"][0]
        self.assertNotIn("hpa", ext)
        self.host.map_dpa(4 * GIB)
        ext = self.m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"][0]
        self.assertEqual((ext["hpa"], ext["access"]), (WINDOW, "direct"))
        self.m.qtest.writel(WINDOW + 64, 0xcafe)
        # Uncommitted: nothing answers; committed elsewhere: the same bytes at another address.
        hdm = self.host.hdm(self.host.comp)
        self.m.qtest.writel(hdm + 0x20, 0)
        self.assertEqual(self.m.qtest.readl(WINDOW + 64), 0xffffffff)
        bridge = self.host.hdm(CHBS)
        self.m.qtest.writel(bridge + 0x20, 0)
        self.assertTrue(self.host.commit(bridge, 0, WINDOW + GIB, 4 * GIB))
        self.assertTrue(self.host.commit(hdm, 0, WINDOW + GIB, 4 * GIB))
        self.assertEqual(self.m.qtest.readl(WINDOW + GIB + 64), 0xcafe)
        self.assertEqual(self.m.qtest.readl(WINDOW + 64), 0xffffffff)

    def test_bad_responses_change_nothing(self):
        host = self.host
        self.assertEqual(host.dc_list(cxlhost.DC_ADD, []), b"")  # nothing offered: fine
        self.assertEqual(self.code(host.dc_list, cxlhost.DC_ADD, [(0, GIB)]), INVALID_PA)
        self.offer(TAG, (0, 512 * MIB), (GIB, 512 * MIB))
        add = cxlhost.DC_ADD
        for extents, code in [
            ([(0, 512 * MIB)], INVALID_PA),                       # part of a tag
            ([(0, 512 * MIB), (GIB, 256 * MIB)], INVALID_PA),     # cut
            ([(0, 512 * MIB), (2 * GIB, 512 * MIB)], INVALID_PA),  # never offered
            ([(0, 512 * MIB), (0, 512 * MIB)], INVALID_EXTENTS),  # twice
            ([(1 * MIB, 512 * MIB)], INVALID_EXTENTS),            # not on a block
            ([(8 * GIB, 512 * MIB)], INVALID_PA),                 # no such DPA
            ([(2 ** 64 - 2 * MIB, 4 * MIB)], INVALID_PA),         # wraps
        ]:
            with self.subTest(extents=extents):
                self.assertEqual(self.code(host.dc_list, add, extents), code)
                self.assertEqual(self.status(TAG), "pending")
                self.assertEqual(host.accepted()[1], [])
        for payload in (b"", b"\0" * 7, struct.pack("<IB3x", 2, 0) + b"\0" * 24,
                        struct.pack("<IB3x", 2 ** 32 - 1, 0) + b"\0" * 24):
            self.assertEqual(self.code(host.command, add, payload), PAYLOAD_LEN)
        host.dc_list(add, [(0, 512 * MIB)], True)  # collected over two commands
        host.dc_list(add, [(GIB, 512 * MIB)])
        self.assertEqual(self.status(TAG), "committed")
        self.assertEqual(self.code(host.command, cxlhost.DC_RELEASE,
                                   struct.pack("<IB3x", 0, 0)), INVALID_INPUT)
        self.assertEqual(self.code(host.dc_list, cxlhost.DC_RELEASE, [(0, 256 * MIB)]),
                         INVALID_PA)
        self.assertEqual(len(host.accepted()[1]), 2)

    def test_two_offers_are_answered_in_order(self):
        self.offer(TAG, (0, GIB))
        self.offer(TAG2, (GIB, GIB))
        self.assertEqual(self.code(self.host.dc_list, cxlhost.DC_ADD, [(GIB, GIB)]), INVALID_PA)
        self.host.dc_list(cxlhost.DC_ADD, [])  # the oldest is rejected
        self.assertEqual((self.status(TAG), self.status(TAG2)), ("not-found", "pending"))
        self.host.dc_list(cxlhost.DC_ADD, [(GIB, GIB)])
        self.assertEqual(self.status(TAG2), "committed")

    def test_reset_announces_again_with_fresh_handles(self):
        self.offer(TAG, (0, GIB))
        self.host.dc_list(cxlhost.DC_ADD, [(0, GIB)])
        self.offer(TAG2, (GIB, GIB))
        out = self.host.command(cxlhost.GET_EVENTS, bytes([4]))
        handle = out[0x20 + 0x80 + 0x14:][:2]
        generation = self.host.accepted()[0]
        self.m.qmp.cmd("system_reset")
        self.host.next_bar = 0xc0000000
        self.host.enumerate()
        self.assertEqual(self.host.accepted(), (generation, [(0, GIB, TAG, 0)]))
        stale = struct.pack("<BBB3x", 4, 0, 1) + handle
        self.assertEqual(self.code(self.host.command, cxlhost.CLEAR_EVENTS, stale), 0x0e)
        records = [self.host.dc_record(r) for r in self.host.events()]
        self.assertEqual([(r["type"], r["tag"]) for r in records], [(0, TAG2)])
        self.host.dc_list(cxlhost.DC_ADD, [(GIB, GIB)])
        self.assertEqual(self.status(TAG2), "committed")

    def test_what_a_reset_leaves_alone(self):
        host = self.host
        host.command(cxlhost.SET_TIMESTAMP, struct.pack("<Q", 1700000000 * 10 ** 9))
        host.command(cxlhost.SET_POLICY, bytes([1, 1, 1, 1, 1]))
        host.map_dpa(4 * GIB)
        self.m.qtest.cmd("clock_step 5")
        self.m.qmp.cmd("system_reset")
        host.next_bar = 0xc0000000
        host.enumerate()
        self.assertEqual(host.command(cxlhost.GET_TIMESTAMP),
                         struct.pack("<Q", 1700000000 * 10 ** 9 + 5))
        policy = host.command(cxlhost.GET_POLICY)
        self.assertEqual([p & 3 for p in policy], [0] * 5)
        self.assertEqual([p >> 4 for p in policy], [2, 3, 4, 5, 2])
        for at in (host.hdm(CHBS), host.hdm(host.comp)):
            self.assertEqual(self.m.qtest.readl(at + 4), 0)
            self.assertEqual(self.m.qtest.readl(at + 0x20), 0)

    def test_a_truncated_file_is_a_failed_access(self):
        self.host.map_dpa(4 * GIB)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "f")
            self.m.qmp.cmd("object-add", qom_type="memory-backend-file", id="f", size=4 * MIB,
                           share=True, tag=TAG, mem_path=path)
            self.add(TAG, (0, 4 * MIB))
            self.host.dc_list(cxlhost.DC_ADD, [(0, 4 * MIB)])
            self.m.qtest.writel(WINDOW + MIB, 1)
            os.truncate(path, 0)
            self.assertEqual(self.m.qtest.readl(WINDOW + MIB), 0xffffffff)
            self.m.qtest.writel(WINDOW + MIB, 1)
            self.assertEqual(self.m.qmp.cmd("query-status")["status"], "running")


if __name__ == "__main__":
    unittest.main()
