# SPDX-License-Identifier: Apache-2.0
"""The tagged-memory tutorial: what people paste, step by step, with the answers they expect."""

import json
import mmap
import unittest

from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

GIB = 1 << 30
MIB = 1 << 20
TAGS = ["5be13bce-ae34-4a77-b6c3-16df975fcf1a", "6be13bce-ae34-4a77-b6c3-16df975fcf1a"]
DEVICE = "/machine/peripheral/cxl-vmem0"
WINDOW = 0x3d0000000  # 1G, maxmem 8G, 4 slots: as QEMU's q35 places it


class Tutorial(unittest.TestCase):
    def start(self, *args, **kwargs):
        m = Machine(args, **kwargs)
        self.addCleanup(m.end)
        return m

    def backend(self, m, name, tag, size=GIB):
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=name, size=size, share=True,
                  tag=tag)

    def add(self, m, tag, *extents, **more):
        arguments = {"path": DEVICE, "host_id": 0, "selection_policy": "prescriptive",
                     "region": 0, "tag": tag,
                     "extents": [{"offset": o, "len": n} for o, n in extents]}
        arguments.update(more)
        return m.qmp.cmd("cxl-add-dynamic-capacity", **arguments)

    def release(self, m, policy, tag, extents=None, **more):
        arguments = {"path": DEVICE, "host_id": 0, "removal_policy": policy, "region": 0,
                     "tag": tag}
        if extents is not None:
            arguments["extents"] = [{"offset": o, "len": n} for o, n in extents]
        arguments.update(more)
        return m.qmp.cmd("cxl-release-dynamic-capacity", **arguments)

    def status(self, m, tag):
        return m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0, region=0,
                         tag=tag)["status"]

    def extents(self, m):
        return m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"]

    def refused(self, text, call, *args, **kwargs):
        with self.assertRaises(QmpError) as caught:
            call(*args, **kwargs)
        self.assertEqual(caught.exception.error_class, "GenericError")
        self.assertIn(text, caught.exception.desc)

    def test_pasted_script_behaves_like_a_typed_one(self):
        m = self.start(qtest=True)
        commands = [
            {"execute": "object-add", "arguments": {
                "qom-type": "memory-backend-ram", "id": f"tm{i}", "size": GIB, "share": True,
                "tag": TAGS[i]}} for i in range(2)
        ] + [
            {"execute": "cxl-add-dynamic-capacity", "arguments": {
                "path": DEVICE, "host-id": 0, "selection-policy": "prescriptive", "region": 0,
                "tag": TAGS[0], "extents": [{"offset": 0, "len": GIB}]}},
            {"execute": "cxl-release-dynamic-capacity-status", "arguments": {
                "path": DEVICE, "host-id": 0, "region": 0, "tag": TAGS[0]}},
        ]
        # One write: several objects, line breaks within and none between.
        m.qmp.send_raw("".join(json.dumps(c, indent=1) for c in commands))
        replies = [m.qmp.reply() for _ in commands]
        self.assertEqual([r.get("return") for r in replies[:3]], [{}, {}, {}])
        self.assertEqual(replies[3]["return"]["status"], "committed")
        self.assertEqual(self.extents(m)[0]["access"], "direct")

    def test_extents_out_of_order_and_not_adjacent_show_the_right_bytes(self):
        m = self.start(qtest=True)
        self.backend(m, "tm1", TAGS[1])
        self.add(m, TAGS[1], (3 * GIB, GIB // 2), (GIB, GIB // 2))
        ext = {e["dpa"]: e for e in self.extents(m)}
        self.assertEqual(ext[3 * GIB]["backend-offset"], 0)
        self.assertEqual(ext[GIB]["backend-offset"], GIB // 2)
        self.assertEqual(ext[GIB]["hpa"], WINDOW + GIB)
        self.assertEqual({e["access"] for e in ext.values()}, {"direct"})
        path = next(b for b in m.qmp.cmd("query-memdev") if b["id"] == "tm1")["path"]
        with open(path, "r+b") as f, mmap.mmap(f.fileno(), GIB) as mem:
            mem[0:5] = b"first"
            mem[GIB // 2:GIB // 2 + 6] = b"second"
            self.assertEqual(m.qtest.read(WINDOW + 3 * GIB, 5), b"first")
            self.assertEqual(m.qtest.read(WINDOW + GIB, 6), b"second")
            m.qtest.write(WINDOW + GIB + GIB // 2 - 4, b"tail")
            self.assertEqual(mem[GIB - 4:GIB], b"tail")
        # Between them nothing answers: all ones, and writes are dropped.
        self.assertEqual(m.qtest.read(WINDOW + 2 * GIB, 8), b"\xff" * 8)
        m.qtest.write(WINDOW + 2 * GIB, b"lost")
        self.assertEqual(m.qtest.read(WINDOW + 2 * GIB, 4), b"\xff" * 4)

    def test_release_by_tag_with_and_without_extents_and_prescriptive(self):
        m = self.start(qtest=True)
        for i, extents in enumerate([None, [], [(0, GIB)]]):
            self.backend(m, f"b{i}", TAGS[0])
            self.add(m, TAGS[0], (0, GIB))
            self.release(m, "tag-based", TAGS[0], extents)
            self.assertEqual(self.status(m, TAGS[0]), "not-found")
            self.assertEqual(self.extents(m), [])
            self.assertEqual(m.qtest.read(WINDOW, 4), b"\xff" * 4)
            m.qmp.cmd("object-del", id=f"b{i}")
        self.backend(m, "p", TAGS[1])
        self.add(m, TAGS[1], (0, GIB // 2), (GIB, GIB // 2))
        self.release(m, "prescriptive", TAGS[1], [(0, GIB // 2), (GIB, GIB // 2)])
        self.assertEqual(self.status(m, TAGS[1]), "not-found")

    def test_every_stage_is_seen_when_the_host_asks(self):
        m = self.start("-accel", "host,accept=ask,release=ask")
        self.backend(m, "tm0", TAGS[0])
        self.assertEqual(self.status(m, TAGS[0]), "not-found")
        self.add(m, TAGS[0], (0, GIB))
        self.assertEqual(self.status(m, TAGS[0]), "pending")
        self.refused("release request", m.qmp.cmd, "cxl-host-respond", tag=TAGS[0],
                     response="release")
        self.assertEqual(self.status(m, TAGS[0]), "pending")
        m.qmp.cmd("cxl-host-respond", tag=TAGS[0], response="accept")
        self.assertEqual(self.status(m, TAGS[0]), "committed")
        self.release(m, "tag-based", TAGS[0])
        self.assertEqual(self.status(m, TAGS[0]), "releasing")
        self.assertEqual(self.extents(m)[0]["access"], "direct")  # until the host lets go
        m.qmp.cmd("cxl-host-respond", tag=TAGS[0], response="release")
        self.assertEqual(self.status(m, TAGS[0]), "not-found")
        self.refused("waits for an answer", m.qmp.cmd, "cxl-host-respond", tag=TAGS[0],
                     response="accept")

    def test_a_rejected_offer_returns_to_the_pool(self):
        m = self.start("-accel", "host,accept=reject")
        self.backend(m, "tm0", TAGS[0])
        self.add(m, TAGS[0], (0, GIB))
        self.assertEqual(self.status(m, TAGS[0]), "not-found")
        self.assertEqual(self.extents(m), [])
        m.qmp.cmd("object-del", id="tm0")

    def test_bytes_survive_release_and_are_there_again_at_the_next_offer(self):
        m = self.start(qtest=True)
        self.backend(m, "tm0", TAGS[0])
        self.add(m, TAGS[0], (0, GIB))
        m.qtest.write(WINDOW + 4096, b"kept")
        self.release(m, "tag-based", TAGS[0])
        self.add(m, TAGS[0], (2 * GIB, GIB))
        self.assertEqual(m.qtest.read(WINDOW + 2 * GIB + 4096, 4), b"kept")

    def test_errors_name_what_is_wrong_and_change_nothing(self):
        m = self.start()
        self.backend(m, "tm0", TAGS[0])
        self.refused("Unable to resolve CXL type 3 device", self.add, m, TAGS[0], (0, GIB),
                     path="/machine/peripheral/none")
        self.refused("dynamic capacity must have a backing device", self.add, m,
                     "00000000-1111-2222-3333-444444444444", (0, GIB))
        self.refused("5be13bce", self.add, m, "5be13bce", (0, GIB))
        self.refused("does not match extent length", self.add, m, TAGS[0], (0, GIB // 2))
        self.refused("extent with 0 length is not allowed", self.add, m, TAGS[0], (0, 0))
        self.refused("not aligned to region block size", self.add, m, TAGS[0], (4096, GIB))
        self.refused("beyond the region end", self.add, m, TAGS[0], (4 * GIB - MIB * 2, GIB))
        self.refused("duplicate or overlapped extents", self.add, m, TAGS[0],
                     (0, GIB // 2), (GIB // 4, GIB // 2))
        self.refused("region id is too large", self.add, m, TAGS[0], (0, GIB), region=1)
        self.refused("host", self.add, m, TAGS[0], (0, GIB), host_id=1)
        self.refused("does not accept value 'any'", self.add, m, TAGS[0], (0, GIB),
                     selection_policy="any")
        self.assertEqual(self.status(m, TAGS[0]), "not-found")
        self.refused("", self.release, m, "tag-based", TAGS[0])
        self.add(m, TAGS[0], (0, GIB))
        self.refused("", self.add, m, TAGS[0], (2 * GIB, GIB))
        self.refused("", self.release, m, "prescriptive", TAGS[1], [(0, GIB)])
        self.refused("", self.release, m, "prescriptive", TAGS[0], [(0, GIB // 2)])
        self.refused("Cannot delete host memory backend 'tm0' which is mapped", m.qmp.cmd,
                     "object-del", id="tm0")
        self.assertEqual(self.status(m, TAGS[0]), "committed")

    def test_system_reset_keeps_accepted_extents(self):
        m = self.start(qtest=True)
        self.backend(m, "tm0", TAGS[0])
        self.add(m, TAGS[0], (GIB, GIB))
        m.qtest.write(WINDOW + GIB, b"before the reset")
        before = self.extents(m)
        m.qmp.cmd("system_reset")
        m.qmp.wait_event("RESET")
        self.assertEqual(self.extents(m), before)
        self.assertEqual(m.qmp.cmd("query-cxl-host")["state"], "ready")
        self.assertEqual([e["state"] for e in m.qmp.cmd("query-cxl-host")["extents"]],
                         ["accepted"])
        self.assertEqual(m.qtest.read(WINDOW + GIB, 16), b"before the reset")
        self.release(m, "tag-based", TAGS[0])
        self.assertEqual(self.status(m, TAGS[0]), "not-found")

    def test_events_tell_each_step(self):
        m = self.start()
        self.backend(m, "tm0", TAGS[0])
        self.add(m, TAGS[0], (0, GIB))
        self.release(m, "tag-based", TAGS[0])
        m.qmp.cmd("query-status")
        steps = [e["data"]["operation"] for e in m.qmp.events
                 if e["event"] == "CXL_DYNAMIC_CAPACITY"]
        self.assertEqual(steps, ["offer", "accept", "request-release", "release"])


if __name__ == "__main__":
    unittest.main()
