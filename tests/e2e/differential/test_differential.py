# SPDX-License-Identifier: Apache-2.0
"""QEMU and cxlbox, started alike and asked the same: every answer agrees, or the difference is in a
table of docs/differences-from-qemu.md with its reason. A difference that is not listed fails, and
so does a listed one that is gone."""

import os
import subprocess
import unittest

from compare import differences, judge, known
from cxbpy import peers
from cxbpy.machine import Machine, binary
from observe import FATAL, Observer

peers.need()

LIST = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                     "../../../docs/differences-from-qemu.md"))
# Where q35 has the component registers of the first CXL host bridge with this much memory.
CHBS = 0x3c0000000
MACHINE = [
    "-nodefaults", "-display", "none", "-accel", "qtest", "-qtest-log", "none",
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G",
    "-m", "1G,maxmem=8G,slots=4",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=true",
    "-device", "cxl-rp,port=0,bus=cxl.1,id=root_port13,chassis=0,slot=2",
]
TYPE3 = "cxl-type3,bus=root_port13,id=cxl-vmem0"
STATIC = MACHINE + ["-object", "memory-backend-ram,id=mem,size=512M,share=on",
                    "-device", f"{TYPE3},volatile-memdev=mem"]
# The same capacity, all of it dynamic: QEMU takes a backing for it, cxlbox backings as they come. The
# other backing is there to be named in requests.
DYNAMIC_QEMU = MACHINE + ["-object", "memory-backend-ram,id=dc,size=2G,share=on",
                          "-object", "memory-backend-ram,id=mem,size=512M,share=on",
                          "-device", f"{TYPE3},num-dc-regions=1,volatile-dc-memdev=dc,"
                                     "volatile-memdev=mem"]
DYNAMIC = MACHINE + ["-object", "memory-backend-ram,id=mem,size=512M,share=on",
                     "-device", f"{TYPE3},num-dc-regions=1,dc-regions-total-size=2G,"
                                "volatile-memdev=mem"]
QEMU, CXLBOX = [peers.SCRIPT, "qemu"], [binary()]


def observe(program, args, look):
    m = Machine(args, tutorial=False, program=program, qtest=True, stderr=subprocess.DEVNULL)
    observer = Observer(m, CHBS)
    try:
        look(observer)
    finally:
        try:
            m.end()
        except RuntimeError:
            # It crashed, as may be what a test is about.
            if "the program ends" not in observer.seen.values():
                raise
    return observer.seen


def listed(*prefixes):
    with open(LIST, encoding="utf-8") as f:
        rows = known(f.read())
    return {k: v for k, v in rows.items() if k.split("/")[0] in prefixes}


class Differential(unittest.TestCase):
    maxDiff = None

    def compare(self, prefixes, look, theirs=None, ours=None):
        ours, theirs = ours or STATIC, theirs or STATIC
        seen = observe(QEMU, theirs, look), observe(CXLBOX, ours, look)
        self.assertGreater(len(seen[0]), 0)
        self.assertEqual({k.split("/")[0] for k in seen[1]}, set(prefixes))
        self.assertEqual(judge(differences(*seen), listed(*prefixes)), [])

    def test_configuration_space(self):
        self.compare(["config", "chain", "writable"], Observer.config)

    def test_component_registers(self):
        self.compare(["component", "hdm-ras"], Observer.component)

    def test_commits_of_decoders(self):
        self.compare(["commit"], Observer.commits)

    def test_device_registers(self):
        self.compare(["device"], Observer.device)

    def test_mailbox(self):
        self.compare(["mailbox"], Observer.mailbox)

    def test_mailbox_with_dynamic_capacity(self):
        self.compare(["dcmailbox"], Observer.dc_mailbox, DYNAMIC_QEMU, DYNAMIC)

    def test_commands_that_may_be_the_last(self):
        seen = {}, {}
        for command in FATAL:
            for into, program, args in ((seen[0], QEMU, DYNAMIC_QEMU), (seen[1], CXLBOX, DYNAMIC)):
                into.update(observe(program, args, lambda o, c=command: o.fatal(c)))
        self.assertNotIn("the program ends", seen[1].values())
        self.assertEqual(judge(differences(*seen), listed("fatal")), [])

    def test_qmp_errors(self):
        self.compare(["qmp"], Observer.errors, DYNAMIC_QEMU, DYNAMIC)

    def test_cedt(self):
        self.compare(["acpi"], Observer.acpi)


class Judge(unittest.TestCase):
    """What finds differences finds them, and what compares the list with them does too."""

    FOUND = {"a/1": ("1", "2")}
    TEXT = "| key | field | QEMU | cxlbox | reason |\n| --- | --- | --- | --- | --- |\n"

    def test_a_listed_difference_is_right(self):
        listing = known(self.TEXT + "| `a/1` | one | `1` | `2` | why |\n")
        self.assertEqual(judge(self.FOUND, listing), [])

    def test_an_unlisted_difference_is_wrong(self):
        self.assertEqual(judge(self.FOUND, {}), ["unlisted: a/1 is 1 in QEMU, 2 here"])

    def test_a_vanished_difference_is_wrong(self):
        self.assertEqual(judge({}, self.FOUND), ["vanished: a/1"])

    def test_a_changed_difference_is_wrong(self):
        self.assertEqual(len(judge(self.FOUND, {"a/1": ("1", "3")})), 1)

    def test_a_row_without_reason_or_twice_is_refused(self):
        for rows in ("| `a` | f | 1 | 2 | |\n", "| `a` | f | 1 | 2 | r |\n" * 2):
            with self.assertRaises(ValueError):
                known(self.TEXT + rows)

    def test_what_one_side_lacks_is_a_difference(self):
        self.assertEqual(differences({"x": "1"}, {"y": "1"}),
                         {"x": ("1", "absent"), "y": ("absent", "1")})

    def test_registers_in_a_row_are_one_entry(self):
        theirs = {f"r/{4 * i:03x}": "1" for i in range(4)}
        ours = theirs | {"r/000": "2", "r/004": "2", "r/00c": "2"}
        self.assertEqual(differences(theirs, ours), {"r/000-004": ("1", "2"), "r/00c": ("1", "2")})

    def test_the_list_in_the_documentation_can_fail(self):
        """One real row taken away, and one added, are each noticed."""
        rows = listed("config", "chain", "writable")
        self.assertTrue(rows)
        fewer = dict(list(rows.items())[1:])
        self.assertEqual([w.split(":")[0] for w in judge(rows, fewer)], ["unlisted"])
        self.assertEqual([w.split(":")[0] for w in judge(fewer, rows)], ["vanished"])


if __name__ == "__main__":
    unittest.main()
