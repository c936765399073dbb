# SPDX-License-Identifier: Apache-2.0
"""QEMU and cxlbox, started alike and asked the same: every answer agrees, or the difference is in a
table of docs/differences-from-qemu.md with its reason. A difference that is not listed fails, and
so does a listed one that is gone."""

import os
import subprocess
import tempfile
import unittest
from typing import NamedTuple

import acpi
import background
import capacity
import configspace
import decode
import doe
import errors
import humanmonitor
import lines
import mailbox
import msix
import persistent
import poison
import properties
import records
import refusals
import registers
import requests
import resets
import slots
import wide
from compare import differences, judge, known, named
from cxbpy import peers
from cxbpy.machine import Machine, binary
from machines import (ALONE, BELOW_4G, BOTH, DYNAMIC, EMPTY_SLOT, FILE, PASS_THROUGH, PERSISTENT,
                      REGIONS, SET, STATIC, WIDE, Pair)
from observe import ENDS, Observer

peers.need()

LIST = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                     "../../../docs/differences-from-qemu.md"))
QEMU, CXLBOX = [peers.SCRIPT, "qemu"], [binary()]


class Scenario(NamedTuple):
    """One test of Differential. Each of @looks sees a machine of its own; the first words of the
    keys that they note are @prefixes, which no other scenario uses."""
    name: str
    prefixes: list
    looks: list
    machine: Pair = STATIC


SCENARIOS = [
    Scenario("configuration_space", ["config", "chain", "writable"], [configspace.config]),
    Scenario("component_registers", ["component", "hdm-ras"], [registers.component]),
    Scenario("commits_of_decoders", ["commit"], [registers.commits]),
    Scenario("device_registers", ["device"], [registers.device]),
    Scenario("mailbox", ["mailbox"], [mailbox.mailbox]),
    Scenario("mailbox_with_dynamic_capacity", ["dcmailbox"], [mailbox.dc_mailbox], DYNAMIC),
    Scenario("commands_that_may_be_the_last", ["fatal"], [mailbox.last(c) for c in mailbox.FATAL],
             DYNAMIC),
    Scenario("firmware", ["firmware"], [background.firmware]),
    Scenario("features", ["features"], [background.features]),
    Scenario("sanitize", ["sanitize"], [background.sanitize], PERSISTENT),
    Scenario("event_records", ["events"], [records.events]),
    Scenario("event_log_overflow", ["overflow"], [records.overflow]),
    Scenario("poison", ["poison", "misplaced", "clipped"],
             [poison.poison, poison.poison_misplaced, poison.poison_clipped], DYNAMIC),
    Scenario("poison_list_limits", ["listmax", "longlist"],
             [poison.poison_overflow, poison.last_list]),
    Scenario("scan_media", ["scan"], [poison.scan], DYNAMIC),
    Scenario("scan_media_after_an_overflow", ["scanlist"], [poison.scan_overflow]),
    Scenario("qmp_errors", ["qmp"], [refusals.refusals], DYNAMIC),
    Scenario("errors", ["errors"], [errors.errors]),
    Scenario("msix", ["msix"], [msix.msix], DYNAMIC),
    Scenario("resets", ["reset"], resets.LOOKS),
    Scenario("slots", ["slot"], [slots.slots], EMPTY_SLOT),
    Scenario("cedt", ["acpi"], [acpi.acpi]),
    Scenario("decode", ["decode"], decode.layouts("decode", decode.LAYOUTS), FILE),
    Scenario("decode_without_decoders_in_the_bridge", ["decode-pass-through"],
             decode.layouts("decode-pass-through", decode.PASS_THROUGH), PASS_THROUGH),
    Scenario("doe", ["doe"], [doe.exchange]),
    Scenario("cdat_of_persistent_memory", ["doe-persistent"], [doe.cdat("doe-persistent")],
             PERSISTENT),
    Scenario("cdat_of_both_memories", ["doe-both"], [doe.cdat("doe-both")], BOTH),
    Scenario("capacity", ["take", "give", "tag", "window"],
             [capacity.taking, capacity.giving, capacity.tagged, capacity.window], DYNAMIC),
    Scenario("cdat_of_a_region", ["doe-region"], [doe.cdat("doe-region")], DYNAMIC),
    Scenario("cdat_of_eight_regions", ["doe-regions"], [doe.cdat("doe-regions")], REGIONS),
    Scenario("eight_regions", ["regions"], [mailbox.described("regions")], REGIONS),
    Scenario("cdat_of_nothing_but_regions", ["doe-alone"], [doe.cdat("doe-alone")], ALONE),
    Scenario("nothing_but_regions", ["alone"], [mailbox.described("alone")], ALONE),
    Scenario("persistent_memory", ["persistent"], [persistent.persistent], PERSISTENT),
    Scenario("label_commands_that_may_be_the_last", ["fatal-label"],
             [mailbox.last(c, "fatal-label") for c in persistent.FATAL], PERSISTENT),
    Scenario("both_memories", ["both"], [persistent.both], BOTH),
    Scenario("types_of_properties", ["property"], [properties.types]),
    Scenario("effects_of_properties", ["set"], [properties.effects], SET),
    Scenario("less_ram_below_4_gib", ["below-4g"], [properties.below_4g], BELOW_4G),
    Scenario("two_bridges", ["wide"], [wide.wide], WIDE),
]


def observe(program, args, look, chbs):
    m = Machine(args, tutorial=False, program=program, qtest=True, stderr=subprocess.DEVNULL)
    observer = Observer(m, chbs)
    try:
        look(observer)
    finally:
        try:
            m.end()
        except RuntimeError:
            # It crashed, as may be what a test is about.
            if ENDS not in observer.seen.values():
                raise
    return observer.seen


def listed(*prefixes):
    with open(LIST, encoding="utf-8") as f:
        rows = known(f.read())
    return {k: v for k, v in rows.items() if k.split("/")[0] in prefixes}


class Differential(unittest.TestCase):
    """One test for each row of SCENARIOS."""

    maxDiff = None

    def compare(self, scenario):
        machine, theirs, ours = scenario.machine, {}, {}
        for look in scenario.looks:
            theirs |= observe(QEMU, machine.qemu, look, machine.chbs)
            ours |= observe(CXLBOX, machine.cxlbox, look, machine.chbs)
        self.assertGreater(len(theirs), 0)
        self.assertNotIn(ENDS, ours.values())
        self.assertEqual({k.split("/")[0] for k in ours}, set(scenario.prefixes))
        self.assertEqual(judge(differences(theirs, ours), listed(*scenario.prefixes)), [])


for row in SCENARIOS:
    setattr(Differential, f"test_{row.name}", lambda self, row=row: self.compare(row))


class CommandLines(unittest.TestCase):
    """What does not start: two programs for each line of lines.py."""

    maxDiff = None

    def test_what_must_fail(self):
        theirs, ours = (self.ends(program) for program in (QEMU, CXLBOX))
        self.assertGreater(len(theirs), 100)
        self.assertEqual(judge(differences(theirs, ours), listed(*lines.PREFIXES)), [])

    def ends(self, program):
        with tempfile.TemporaryDirectory() as directory:
            return lines.outcomes(program, directory)


def text_of_list():
    with open(LIST, encoding="utf-8") as f:
        return f.read()


class Requests(unittest.TestCase):
    """What requests.py asks, over QMP alone."""

    maxDiff = None

    def both(self, look):
        """What each of the two makes of @look, which may end them."""
        return [observe(program, DYNAMIC.qemu + requests.ARGS, look, DYNAMIC.chbs)
                for program in (QEMU, CXLBOX)]

    def compare(self, look, *prefixes):
        theirs, ours = requests.shared(*self.both(look))
        self.assertEqual({k.split("/")[0] for k in ours}, set(prefixes))
        self.assertEqual(judge(differences(theirs, ours), listed(*prefixes)), [])

    def test_the_protocol(self):
        self.compare(requests.protocol, "protocol")

    def test_requests_that_must_fail(self):
        self.compare(requests.bad, "bad")

    def test_whole_answers(self):
        self.compare(requests.good, "good")

    def test_events_in_their_order(self):
        self.compare(requests.events, "event-order")

    def test_commands_that_one_has_and_the_other_has_not(self):
        theirs, ours = (set(seen["commands"].split()) for seen in self.both(
            lambda o: o.note("commands", " ".join(sorted(requests.commands(o))))))
        self.assertEqual(theirs - ours, named(text_of_list(), "QMP commands of QEMU alone"))
        self.assertEqual(ours - theirs, named(text_of_list(), "QMP commands of cxlbox alone"))


class HumanMonitor(unittest.TestCase):
    """What humanmonitor.py asks: each look of a machine of its own."""

    maxDiff = None

    def test_what_is_printed(self):
        theirs, ours = {}, {}
        for look in humanmonitor.LOOKS:
            theirs |= observe(QEMU, STATIC.qemu, look, STATIC.chbs)
            ours |= observe(CXLBOX, STATIC.cxlbox, look, STATIC.chbs)
        self.assertEqual({k.split("/")[0] for k in ours}, set(humanmonitor.PREFIXES))
        self.assertEqual(judge(differences(theirs, ours), listed(*humanmonitor.PREFIXES)), [])

    def test_commands_that_one_has_and_the_other_has_not(self):
        for prefix, heading in (("", "Human monitor commands of QEMU alone"),
                                ("info ", "Subcommands of info of QEMU alone")):
            def look(o, prefix=prefix):
                o.note("commands", " ".join(sorted(humanmonitor.commands(o, prefix))))
            theirs, ours = (set(observe(program, STATIC.qemu, look, STATIC.chbs)["commands"].split())
                            for program in (QEMU, CXLBOX))
            self.assertEqual(theirs - ours, named(text_of_list(), heading))
            self.assertEqual(ours - theirs, set())


class Scenarios(unittest.TestCase):
    """The table, and the list in the documentation, hold together."""

    def test_no_two_share_a_name_or_a_prefix(self):
        names = [s.name for s in SCENARIOS]
        prefixes = [p for s in SCENARIOS for p in s.prefixes]
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(len(set(prefixes)), len(prefixes))

    def test_every_listed_difference_belongs_to_one(self):
        with open(LIST, encoding="utf-8") as f:
            rows = known(f.read())
        self.assertEqual({k.split("/")[0] for k in rows} -
                         {p for s in SCENARIOS for p in s.prefixes} -
                         set(lines.PREFIXES) - set(requests.PREFIXES) -
                         set(humanmonitor.PREFIXES), set())


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

    def test_names_stand_in_the_first_column_of_their_section(self):
        text = "## A\n| `a`, `b` | `c` |\n\n## B\n| `d` | e |\n"
        self.assertEqual(named(text, "A"), {"a", "b"})
        self.assertEqual(named(text, "B"), {"d"})
        for bad in ("C", "a"):
            with self.assertRaises(ValueError):
                named(text, bad)
        with self.assertRaises(ValueError):
            named("## A\n| `a` | x |\n| `a` | y |\n", "A")

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
