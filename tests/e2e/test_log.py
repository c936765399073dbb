# SPDX-License-Identifier: Apache-2.0
"""-d guest_errors and -trace: what is written where, and that nothing else is."""

import os
import re
import struct
import subprocess
import unittest

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import Machine

GIB = 1 << 30
MIB = 1 << 20
TAGS = ["5be13bce-ae34-4a77-b6c3-16df975fcf1a", "6be13bce-ae34-4a77-b6c3-16df975fcf1a",
        "7be13bce-ae34-4a77-b6c3-16df975fcf1a"]
DEVICE = "/machine/peripheral/cxl-vmem0"
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
ADD, RELEASE = cxlhost.DC_ADD, cxlhost.DC_RELEASE


class Log(unittest.TestCase):
    def start(self, *args):
        self.m = Machine(["-accel", "qtest", *args], qtest=True, stderr=subprocess.PIPE)
        self.addCleanup(self.m.process.stderr.close)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.host.map_dpa(4 * GIB)
        self.seen = 0

    def new_lines(self, name="log"):
        """What the log has gained since the last look."""
        with open(os.path.join(self.m.dir, name), encoding="ascii") as f:
            text = f.read()
        self.assertTrue(text == "" or text.endswith("\n"))
        lines = text.splitlines()
        new, self.seen = lines[self.seen:], len(lines)
        return new

    def offer(self, tag, *extents):
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{tag[0]}",
                       size=sum(n for _, n in extents), share=True, tag=tag)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=0, tag=tag,
                       extents=[{"offset": o, "len": n} for o, n in extents])

    def ask_back(self, tag):
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                       removal_policy="tag-based", region=0, tag=tag)

    def refused(self, opcode, payload):
        with self.assertRaises(MailboxError):
            if isinstance(payload, bytes):
                self.host.command(opcode, payload)
            else:
                self.host.dc_list(opcode, payload)

    def good_and_bad(self):
        """Everything a host may do right or wrong, as (good or bad, opcode, its line's parts)."""
        host = self.host
        blocks = [(i * 2 * MIB, 2 * MIB) for i in range(4)]
        short = "payload of {} bytes is too short"
        claims = struct.pack("<IB3xQQ8x", 2, 0, 0, GIB)

        yield host.dc_list, ADD, []  # nothing offered, nothing taken
        yield ADD, [(0, GIB)], (0, GIB, "nothing is offered")
        yield RELEASE, [], (0, 0, "the list is empty")
        self.offer(TAGS[0], *blocks)
        self.offer(TAGS[1], (GIB, GIB))
        yield ADD, b"", (0, 0, short.format(0))
        yield ADD, bytes(7), (0, 0, short.format(7))
        yield ADD, claims, (0, 0, short.format(len(claims)))
        yield ADD, [(4 * GIB, 2 * MIB)], (4 * GIB, 2 * MIB, "not inside one region")
        yield ADD, [(2 ** 64 - 4096, 8192)], (2 ** 64 - 4096, 8192, "not inside one region")
        yield ADD, [(0, 0)], (0, 0, "not inside one region")
        yield ADD, [(4096, 2 * MIB)], (4096, 2 * MIB, "block size")
        yield ADD, [(0, 2 * MIB)] * 2, (0, 2 * MIB, "overlaps")
        yield ADD, [(2 * GIB, 2 * MIB)], (2 * GIB, 2 * MIB, "not offered to or accepted")
        yield ADD, blocks[:2], (*blocks[2], "not named while others of its tag are")
        yield ADD, [(GIB, GIB)], (GIB, GIB, "not of the oldest offered group")
        yield RELEASE, blocks, (*blocks[0], "offered and not accepted")
        yield host.dc_list, ADD, blocks
        yield ADD, blocks, (*blocks[0], "accepted already")
        yield host.dc_list, ADD, [(GIB, GIB)]
        yield RELEASE, b"", (0, 0, short.format(0))
        yield RELEASE, claims, (0, 0, short.format(len(claims)))
        yield RELEASE, [(GIB, 256 * MIB)], (GIB, 256 * MIB, "cuts an extent")
        yield RELEASE, [(3 * GIB, GIB)], (3 * GIB, GIB, "not offered to or accepted")
        yield RELEASE, [(5 * GIB, GIB)], (5 * GIB, GIB, "not inside one region")
        yield RELEASE, [(GIB + 4096, 4096)], (GIB + 4096, 4096, "block size")
        yield RELEASE, [(GIB, GIB)] * 2, (GIB, GIB, "overlaps")
        self.offer(TAGS[2], (3 * GIB, GIB))
        yield host.dc_list, ADD, []  # the whole group is rejected: an answer, not an error
        self.ask_back(TAGS[0])
        yield host.dc_list, RELEASE, blocks
        yield host.dc_list, RELEASE, [(GIB, GIB)]  # not asked for, and fine
        yield RELEASE, [(GIB, GIB)], (GIB, GIB, "not offered to or accepted")

    def test_each_refused_answer_is_one_line_that_says_why(self):
        self.start("-d", "guest_errors", "-D", "log")
        self.assertEqual(self.new_lines(), [])
        bad = 0
        for step in self.good_and_bad():
            with self.subTest(step=step[1:]):
                if callable(step[0]):
                    step[0](*step[1:])
                    self.assertEqual(self.new_lines(), [])
                    continue
                opcode, payload, (dpa, length, why) = step
                self.refused(opcode, payload)
                line, = self.new_lines()
                bad += 1
                self.assertTrue(line.startswith(
                    f"{DEVICE}: opcode {opcode:04X}h: dpa {dpa:#x} len {length:#x}: "), line)
                self.assertIn(why, line)
        self.assertEqual(bad, 23)

    def test_nothing_is_logged_unless_asked(self):
        for args in ([], ["-D", "log"], ["-D", "log", "-d", "unimp"]):
            with self.subTest(args=args):
                self.start(*args)
                for step in self.good_and_bad():
                    if callable(step[0]):
                        step[0](*step[1:])
                    else:
                        self.refused(*step[:2])
                self.assertEqual(self.m.quit(), 0)
                self.assertEqual(self.m.process.stderr.read(), b"")
                if args:
                    self.assertEqual(self.new_lines(), [])

    def test_without_a_file_it_goes_to_standard_error(self):
        self.start("-d", "guest_errors")
        self.refused(ADD, [(0, GIB)])
        self.assertEqual(self.m.quit(), 0)
        self.assertRegex(self.m.process.stderr.read().decode(),
                         r"\A" + DEVICE + r": opcode 4802h: dpa 0x0 len 0x40000000: [^\n]+\n\Z")

    # --- trace ---

    def whole_life(self):
        self.offer(TAGS[0], (GIB, GIB))
        self.host.dc_list(ADD, [(GIB, GIB)])
        self.ask_back(TAGS[0])
        self.host.dc_list(RELEASE, [(GIB, GIB)])

    def test_traces_tell_the_way_of_an_extent(self):
        self.start("-trace", "cxl_dc_op", "-trace", "enable=machine_al*", "-D", "log")
        self.new_lines()
        self.whole_life()
        lines = self.new_lines()
        at = f"hpa {WINDOW + GIB:#x} len {GIB:#x} dpa {GIB:#x}"
        want = [r"cxl_dc_op: .*: offer, 1 extents, first 0x40000000",
                r"machine_alias: add " + at,
                r"cxl_dc_op: .*: accept, 1 extents, first 0x40000000",
                r"cxl_dc_op: .*: request-release, 1 extents, first 0x40000000",
                r"machine_alias: remove " + at,
                r"cxl_dc_op: .*: release, 1 extents, first 0x40000000"]
        places = []
        for pattern in want:
            found = [i for i, line in enumerate(lines) if re.match(pattern, line)]
            self.assertEqual(len(found), 1, (pattern, lines))
            places += found
        offer, add, accept, request, remove, release = places
        self.assertLess(max(add, accept), request)
        self.assertLess(offer, min(add, accept))
        self.assertLess(request, min(remove, release))
        self.assertEqual({line.split(":")[0] for line in lines}, {"cxl_dc_op", "machine_alias"})

    def test_a_pattern_switches_on_what_it_matches_and_a_dash_off(self):
        self.start("-trace", "*", "-trace", "-machine_*", "-D", "log")
        self.whole_life()
        names = {line.split(":")[0] for line in self.new_lines()}
        self.assertLessEqual({"cxl_dc_op", "cxl_cci_run", "cxl_hdm_decoder"}, names)
        self.assertEqual([name for name in names if name.startswith("machine_")], [])

    def test_the_built_in_host_tells_what_it_does_and_why(self):
        self.m = Machine(["-trace", "host_say", "-D", "log"])
        self.addCleanup(self.m.end)
        self.seen = 0
        self.offer(TAGS[0], (GIB, GIB))
        self.m.qmp.cmd("cxl-inject-dynamic-capacity-event", path=DEVICE, host_id=0, type=0,
                       records=[{"dpa": MIB, "len": 2 * MIB, "tag": TAGS[1]}])
        self.assertEqual(self.m.quit(), 0)
        self.assertEqual(self.new_lines()[-2:],
                         [f"host_say: mem0: accepted tag {TAGS[0]}: 1 extents, 0x40000000 bytes",
                          f"host_say: mem0: refused tag {TAGS[1]}: "
                          "an extent is not aligned to 2 MiB"])

    def test_traces_are_off_by_default(self):
        for args in (["-D", "log"], ["-d", "guest_errors", "-D", "log"]):
            with self.subTest(args=args):
                self.start(*args)
                self.whole_life()
                self.assertEqual(self.m.quit(), 0)
                self.assertEqual(self.new_lines(), [])
                self.assertEqual(self.m.process.stderr.read(), b"")


if __name__ == "__main__":
    unittest.main()
