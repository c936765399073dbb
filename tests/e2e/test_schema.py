# SPDX-License-Identifier: Apache-2.0
"""What query-qmp-schema says is what is sent: replies and events are checked against it."""

import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB = 1 << 20
GIB = 1 << 30
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
DEVICE = "cxl-vmem0"
JSON_TYPES = {"string": str, "int": int, "boolean": bool, "value": object}


class Schema:
    def __init__(self, entries):
        self.entries = {e["name"]: e for e in entries}

    def names(self, meta_type):
        return {n for n, e in self.entries.items() if e["meta-type"] == meta_type}

    def problems(self, value, type_name, where=""):
        """What is wrong with a value of the named type, as a list of texts."""
        kind = self.entries[type_name]
        check = getattr(self, kind["meta-type"] + "_problems")
        return check(value, kind, where)

    @staticmethod
    def builtin_problems(value, kind, where):
        wanted = JSON_TYPES[kind["json-type"]]
        if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
            return []
        return [f"{where}: {value!r} is no {kind['name']}"]

    @staticmethod
    def enum_problems(value, kind, where):
        assert [m["name"] for m in kind["members"]] == kind["values"]
        return [] if value in kind["values"] else [f"{where}: {value!r} is no {kind['name']}"]

    def array_problems(self, value, kind, where):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [p for i, v in enumerate(value)
                for p in self.problems(v, kind["element-type"], f"{where}[{i}]")]

    def object_problems(self, value, kind, where):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        members = {m["name"]: m for m in kind["members"]}
        found = [f"{where}.{n} is not in {kind['name']}" for n in value if n not in members]
        found += [f"{where}.{n} is missing" for n, m in members.items()
                  if n not in value and "default" not in m]
        return found + [p for n, v in value.items() if n in members
                        for p in self.problems(v, members[n]["type"], f"{where}.{n}")]


class Replies(unittest.TestCase):
    def setUp(self):
        port = ["-device", "cxl-rp,port=1,bus=cxl.1,id=rp14,chassis=0,slot=3"]
        self.m = Machine(port + self.more())
        self.addCleanup(self.m.end)
        self.schema = Schema(self.m.qmp.cmd("query-qmp-schema"))

    @staticmethod
    def more():
        return []

    def run_checked(self, command, **arguments):
        kind = self.schema.entries[command]
        value = self.m.qmp.cmd(command, **arguments)
        self.assertEqual(self.schema.problems(value, kind["ret-type"], command), [])
        return value

    def needed(self, command):
        """The arguments that it cannot do without."""
        members = self.schema.entries[self.schema.entries[command]["arg-type"]]["members"]
        return [m["name"] for m in members if "default" not in m]

    def run_all_queries(self):
        queries = {n for n in self.schema.names("command")
                   if n.startswith("query-") and not self.needed(n)}
        self.assertGreater(len(queries), 10)
        for command in sorted(queries):
            self.run_checked(command)

    def check_events(self, *wanted):
        for event in self.m.qmp.events:
            kind = self.schema.entries[event["event"]]
            self.assertEqual(kind["meta-type"], "event")
            self.assertEqual(self.schema.problems(event.get("data", {}), kind["arg-type"],
                                                  event["event"]), [])
        self.assertLessEqual(set(wanted), {e["event"] for e in self.m.qmp.events})

    def offer(self):
        self.run_checked("object-add", qom_type="memory-backend-ram", id="tm0", size=256 * MIB,
                         share=True, tag=TAG)
        self.run_checked("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                         selection_policy="prescriptive", region=0, tag=TAG,
                         extents=[{"offset": 0, "len": 256 * MIB}])

    def status(self):
        return self.run_checked("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                                region=0, tag=TAG)["status"]

    def release(self):
        self.run_checked("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                         removal_policy="tag-based", region=0, tag=TAG)

    def test_every_query_answers_as_the_schema_says(self):
        self.run_all_queries()
        self.offer()
        self.assertEqual(self.status(), "committed")
        self.run_all_queries()
        self.release()
        self.assertEqual(self.status(), "not-found")
        self.run_checked("device_del", id=DEVICE)
        self.run_checked("system_reset")
        self.run_all_queries()
        self.check_events("CXL_DYNAMIC_CAPACITY", "DEVICE_DELETED", "RESET")

    def test_lists_and_properties_are_as_the_schema_says(self):
        for t in self.run_checked("qom-list-types", abstract=True):
            self.run_checked("qom-list-properties", typename=t["name"])
        for t in self.run_checked("qom-list-types", implements="device"):
            self.run_checked("device-list-properties", typename=t["name"])
        path = f"/machine/peripheral/{DEVICE}"
        for prop in self.run_checked("qom-list", path=path):
            try:
                self.run_checked("qom-get", path=path, property=prop["name"])
            except QmpError as e:
                self.assertRegex(e.desc, "has no value|is not readable")
        self.run_checked("human-monitor-command", command_line="info status")

    def test_arguments_are_those_of_the_schema(self):
        """A member that the schema does not have is refused, each that must be there is missed."""
        open_ended = {"object-add", "device_add"}
        for command in sorted(self.schema.names("command") - {"qmp_capabilities"}):
            needed = self.needed(command)
            if needed:
                with self.assertRaisesRegex(QmpError, f"Parameter '{needed[0]}' is missing"):
                    self.m.qmp.cmd(command)
            if not needed and command not in open_ended:
                with self.assertRaisesRegex(QmpError, "Parameter 'x' is unexpected"):
                    self.m.qmp.cmd(command, x=1)


class RepliesWhileTheHostAsks(Replies):
    @staticmethod
    def more():
        return ["-accel", "host,accept=ask,release=ask"]

    def test_every_query_answers_as_the_schema_says(self):
        self.offer()
        self.assertEqual(self.status(), "pending")
        self.run_all_queries()
        self.run_checked("cxl-host-respond", tag=TAG, response="accept")
        self.assertEqual(self.status(), "committed")
        self.release()
        self.assertEqual(self.status(), "releasing")
        self.run_all_queries()
        self.run_checked("cxl-host-respond", tag=TAG, response="release")
        self.assertEqual(self.status(), "not-found")
        self.check_events("CXL_DYNAMIC_CAPACITY")


class Validator(unittest.TestCase):
    """The judge itself: it must not let everything pass."""

    def test_wrong_values_are_found(self):
        with Machine() as m:
            schema = Schema(m.qmp.cmd("query-qmp-schema"))
            good = m.qmp.cmd("query-status")
        self.assertEqual(schema.problems(good, "StatusInfo"), [])
        for bad in ({}, [], None, {"status": "running"}, {**good, "more": 1},
                    {**good, "running": 1}, {**good, "status": "flying"}):
            self.assertNotEqual(schema.problems(bad, "StatusInfo"), [], bad)
        self.assertNotEqual(schema.problems(True, "int"), [])
        self.assertNotEqual(schema.problems([1], "[str]"), [])


if __name__ == "__main__":
    unittest.main()
