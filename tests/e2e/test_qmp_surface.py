# SPDX-License-Identifier: Apache-2.0
"""What QMP offers beyond dynamic capacity: devices at run time, lists of what there is."""

import os
import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB = 1 << 20
GIB = 1 << 30
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
OLD = "cxl-vmem0"
NEW = "/machine/peripheral/hot0"
PORTS = ["-device", "cxl-rp,port=1,bus=cxl.1,id=rp14,chassis=0,slot=3"]


def add_device(m, **more):
    m.qmp.send_raw('{"execute": "device_add", "arguments": {"driver": "cxl-type3", "id": "hot0", '
                   '"bus": "%s", "num-dc-regions": 1, "dc-regions-total-size": %d}}'
                   % (more.get("bus", "rp14"), GIB))
    reply = m.qmp.reply()
    if "error" in reply:
        raise QmpError(reply["error"])


def offer(m, path):
    m.qmp.cmd("cxl-add-dynamic-capacity", path=path, host_id=0, selection_policy="prescriptive",
              region=0, tag=TAG, extents=[{"offset": 0, "len": 256 * MIB}])


def status(m, path):
    return m.qmp.cmd("cxl-release-dynamic-capacity-status", path=path, host_id=0, region=0,
                     tag=TAG)["status"]


def backend(m):
    m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=256 * MIB, tag=TAG)


class HotPlug(unittest.TestCase):
    def test_a_new_device_is_used_after_a_reset(self):
        with Machine(PORTS) as m:
            add_device(m)
            self.assertEqual(len(m.qmp.cmd("query-cxl-host")["memdevs"]), 1)
            m.qmp.cmd("system_reset")
            self.assertEqual(len(m.qmp.cmd("query-cxl-host")["memdevs"]), 2)
            backend(m)
            offer(m, NEW)
            self.assertEqual(status(m, NEW), "committed")

    def test_a_device_goes_with_what_it_had_given(self):
        with Machine(PORTS) as m:
            backend(m)
            offer(m, OLD)
            self.assertEqual(status(m, OLD), "committed")
            m.qmp.cmd("device_del", id=OLD)
            event = m.qmp.wait_event("DEVICE_DELETED")
            self.assertEqual(event["data"], {"device": OLD, "path": f"/machine/peripheral/{OLD}"})
            with self.assertRaisesRegex(QmpError, "Unable to resolve CXL type 3 device"):
                offer(m, OLD)
            m.qmp.cmd("system_reset")
            self.assertEqual(m.qmp.cmd("query-cxl-host")["memdevs"], [])
            m.qmp.cmd("object-del", id="tm0")

    def test_a_slot_is_taken_again_and_its_memory_offered_again(self):
        with Machine(PORTS) as m:
            backend(m)
            for _ in range(3):
                add_device(m)
                m.qmp.cmd("system_reset")
                offer(m, NEW)
                self.assertEqual(status(m, NEW), "committed")
                m.qmp.cmd("device_del", id="hot0")
                m.qmp.wait_event("DEVICE_DELETED")

    def test_a_thousand_cycles_leave_everything_as_it_was(self):
        with Machine(PORTS) as m:
            def counts():
                proc = f"/proc/{m.process.pid}"
                with open(f"{proc}/maps", encoding="ascii") as f:
                    maps = sum("memfd" in line for line in f)
                tree = [len(m.qmp.cmd("qom-list", path=p)) for p in (
                    "/objects", "/machine", "/machine/peripheral", "/machine/peripheral/rp14")]
                return len(os.listdir(f"{proc}/fd")), maps, tree

            before = counts()
            for _ in range(1000):
                add_device(m)
                m.qmp.cmd("device_del", id="hot0")
                m.qmp.wait_event("DEVICE_DELETED")
            self.assertEqual(counts(), before)


class Lists(unittest.TestCase):
    def test_query_pci_shows_what_the_host_set_up(self):
        with Machine() as m:
            host = {f["bdf"] for f in m.qmp.cmd("query-cxl-host")["functions"]}
            found = {}

            def walk(devices):
                for d in devices:
                    found[f'{d["bus"]:02x}:{d["slot"]:02x}.{d["function"]:x}'] = d
                    walk(d.get("pci_bridge", {}).get("devices", []))

            for bus in m.qmp.cmd("query-pci"):
                walk(bus["devices"])
            self.assertLessEqual(host, set(found))
            type3 = next(d for d in found.values() if d["qdev_id"] == OLD)
            self.assertEqual([r["bar"] for r in type3["regions"]], [0, 2, 4])
            self.assertGreater(type3["regions"][0]["address"], 0)

    def test_every_pluggable_type_lists_its_properties(self):
        with Machine() as m:
            types = [t["name"] for t in m.qmp.cmd("qom-list-types", implements="device")]
            self.assertIn("cxl-type3", types)
            for name in types:
                names = [p["name"] for p in m.qmp.cmd("device-list-properties", typename=name)]
                self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
