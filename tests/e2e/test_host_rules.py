# SPDX-License-Identifier: Apache-2.0
"""The built-in host's rules of dynamic capacity: what it takes, what it refuses and says why. The
rules are those of CXL 3.1 9.13.3 and of Linux. Offers come from the device where it makes such
ones, else as records that no capacity stands behind."""

import os
import unittest

from cxbpy.machine import Machine

GIB = 1 << 30
MIB = 1 << 20
M2 = 2 * MIB
SECOND = 10 ** 9
DEVICE = "/machine/peripheral/t3"
ADD, RELEASE, FORCED = 0, 1, 2
NONE = "00000000-0000-0000-0000-000000000000"
SHARED = GIB  # base of the region that is sharable
MACHINE = [
    "-M", "q35,cxl=on,cxl-fmw.0.targets.0=c,cxl-fmw.0.size=4G", "-m", "256M",
    "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=c,hdm_for_passthrough=on",
    "-device", "cxl-rp,port=0,bus=c,id=rp",
    "-device", "cxl-type3,bus=rp,id=t3,dc-region.0.size=1G,dc-region.0.block-size=64K,"
               "dc-region.1.size=1G,dc-region.1.sharable=on"]


def uuid(n):
    return f"{n:08x}-1111-2222-3333-444444444444"


class Rules(unittest.TestCase):
    def setUp(self):
        self.start()

    def start(self, *args):
        self.m = Machine([*MACHINE, "-trace", "host_say", "-D", "log", *args], tutorial=False,
                         qtest=True)
        self.addCleanup(self.m.end)
        self.seen = 0
        host = self.m.qmp.cmd("query-cxl-host")
        self.assertEqual(host["state"], "ready", host)
        self.hpa = [r["hpa"] for r in host["regions"]]
        self.said()

    def said(self):
        """What the host has said since the last look."""
        self.m.qmp.cmd("query-status")  # what was asked for has come to rest
        with open(os.path.join(self.m.dir, "log"), encoding="ascii") as f:
            lines = [line.removeprefix("host_say: mem0: ").rstrip() for line in f]
        new, self.seen = lines[self.seen:], len(lines)
        return new

    def refused(self, tag, why):
        self.assertEqual(self.said(), [f"refused tag {tag}: {why}"])

    def wanted(self):
        """The host took an offer that no capacity stands behind, so its answer failed."""
        self.assertEqual(self.said(),
                         ["Add Dynamic Capacity Response: Invalid physical address"])

    def offer(self, n, *extents, region=0):
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"b{n}",
                       size=sum(length for _, length in extents), share=True, tag=uuid(n))
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0,
                       selection_policy="prescriptive", region=region, tag=uuid(n),
                       extents=[{"offset": o, "len": length} for o, length in extents])

    def raw(self, kind, *records, more=False):
        """Records of (dpa, len, tag, sequence); all but the last have "more"."""
        last = len(records) - 1
        self.m.qmp.cmd("cxl-inject-dynamic-capacity-event", path=DEVICE, host_id=0, type=kind,
                       records=[{"dpa": dpa, "len": length, "tag": tag, "sequence": seq,
                                 "more": more or i < last}
                                for i, (dpa, length, tag, seq) in enumerate(records)])

    def status(self, n, region=0):
        return self.m.qmp.cmd("cxl-release-dynamic-capacity-status", path=DEVICE, host_id=0,
                              region=region, tag=uuid(n))["status"]

    def extents(self):
        return [(e["dpa"], e["len"], e["tag"], e["state"])
                for e in self.m.qmp.cmd("query-cxl-host")["extents"]]

    def daxes(self):
        return {d["uuid"]: [(e["dpa"], e["len"]) for e in d["extents"]]
                for d in self.m.qmp.cmd("query-dax")}

    # --- regions ---

    def test_each_region_is_mapped_and_takes_allocations_of_its_own(self):
        self.assertEqual(self.hpa[1] - self.hpa[0], GIB)
        self.offer(1, (0, M2))
        self.offer(2, (0, M2), region=1)
        self.assertEqual(self.daxes(), {uuid(1): [(0, M2)], uuid(2): [(SHARED, M2)]})
        for n, hpa in enumerate(self.hpa):
            self.m.qtest.writeq(hpa, n + 1)
        self.assertEqual([self.m.qtest.readq(hpa) for hpa in self.hpa], [1, 2])
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0,
                       removal_policy="tag-based", region=0, tag=uuid(1))
        self.assertEqual(self.daxes(), {uuid(2): [(SHARED, M2)]})

    def test_an_allocation_lies_in_one_region(self):
        self.raw(ADD, (0, M2, uuid(1), 0), (SHARED, M2, uuid(1), 1))
        self.refused(uuid(1), "its extents lie in several regions")

    def test_an_extent_of_no_region_is_refused(self):
        for dpa, length in ((2 * GIB, M2), (2 * GIB - M2, 2 * M2), (GIB - M2, 2 * M2),
                            (1 << 62, M2), ((1 << 64) - M2, M2), (0, 0)):
            self.raw(ADD, (dpa, length, uuid(1), 0))
            self.refused(uuid(1), "an extent lies in no region")
        self.assertEqual(self.extents(), [])

    # --- tags ---

    def test_extents_of_one_tag_become_one_allocation_of_their_sum(self):
        self.offer(1, (8 * MIB, M2), (0, 2 * M2), (GIB // 2, M2))
        self.assertEqual(self.said(), [f"accepted tag {uuid(1)}: 3 extents, 0x800000 bytes"])
        dax, = self.m.qmp.cmd("query-dax")
        self.assertEqual(dax["size"], 4 * M2)

    def test_a_chain_of_several_tags_is_judged_tag_by_tag(self):
        self.raw(ADD, (0, M2, uuid(1), 0), (M2, M2 // 2, uuid(2), 0), (2 * M2, M2, uuid(1), 0))
        self.assertEqual(self.said(),
                         [f"refused tag {uuid(2)}: an extent is not aligned to 2 MiB",
                          "Add Dynamic Capacity Response: Invalid physical address"])

    def test_a_live_tag_is_not_used_again_and_its_allocation_stays(self):
        self.offer(1, (0, M2))
        before = self.daxes()
        self.said()
        for dpa in (8 * MIB, SHARED):
            self.raw(ADD, (dpa, M2, uuid(1), 0))
            self.refused(uuid(1), "the tag is already live")
        self.raw(ADD, (0, M2, uuid(1), 0), (M2, M2, uuid(1), 0))  # it does not grow either
        self.refused(uuid(1), "the tag is already live")
        self.assertEqual(self.daxes(), before)

    # --- sequences ---

    def test_sequences_of_shared_capacity_are_0_to_n_minus_1(self):
        for seq in ((1,), (1, 2), (0, 2), (0, 0), (0, 1, 3)):
            self.raw(ADD, *((SHARED + i * M2, M2, uuid(1), s) for i, s in enumerate(seq)))
            self.refused(uuid(1), "its sequence numbers are not 0 to n-1")
        for seq in ((0,), (1, 0), (2, 0, 1)):
            self.raw(ADD, *((SHARED + i * M2, M2, uuid(1), s) for i, s in enumerate(seq)))
            self.wanted()

    def test_sequences_mean_nothing_where_nothing_is_shared(self):
        self.raw(ADD, (0, M2, uuid(1), 7), (M2, M2, uuid(1), 7))
        self.wanted()

    def test_shared_capacity_has_a_tag(self):
        self.raw(ADD, (SHARED, M2, NONE, 0))
        self.refused(NONE, "the region is sharable and there is no tag")
        self.raw(ADD, (0, M2, NONE, 0))
        self.wanted()

    # --- alignment, overlap ---

    def test_a_misaligned_extent_drops_its_group(self):
        self.offer(1, (0, M2), (M2 + 65536, M2))
        self.refused(uuid(1), "an extent is not aligned to 2 MiB")
        self.assertEqual((self.status(1), self.daxes()), ("not-found", {}))
        self.offer(2, (0, M2))
        self.assertEqual(self.status(2), "committed")

    def test_an_overlap_is_refused_and_the_original_stays(self):
        self.offer(1, (M2, 2 * M2))
        self.m.qtest.writeq(self.hpa[0] + M2, 0x1234)
        self.said()
        for dpa, length in ((0, 2 * M2), (2 * M2, M2), (2 * M2, 4 * M2), (0, 8 * M2), (M2, 2 * M2)):
            self.raw(ADD, (dpa, length, uuid(2), 0))
            self.refused(uuid(2), "an extent overlaps an accepted one")
        self.assertEqual(self.daxes(), {uuid(1): [(M2, 2 * M2)]})
        self.assertEqual(self.status(1), "committed")
        self.assertEqual(self.m.qtest.readq(self.hpa[0] + M2), 0x1234)

    # --- chains ---

    def test_a_chain_is_staged_until_it_is_closed(self):
        self.raw(ADD, (0, M2, uuid(1), 0), (M2, M2, uuid(2), 0), more=True)
        self.assertEqual(self.extents(), [(0, M2, uuid(1), "staged"), (M2, M2, uuid(2), "staged")])
        self.assertEqual((self.said(), self.daxes()), ([], {}))
        self.raw(ADD, (2 * M2, M2, uuid(1), 0))
        self.wanted()
        self.assertEqual(self.extents(), [])

    def test_a_chain_that_stays_open_is_dropped_after_20_seconds(self):
        self.start("-accel", "host", "-accel", "qtest")
        self.raw(ADD, (0, M2, uuid(1), 0), more=True)
        self.m.qtest.cmd(f"clock_step {15 * SECOND}")
        self.raw(ADD, (M2, M2, uuid(1), 0), more=True)  # buys no time
        self.m.qtest.cmd(f"clock_step {5 * SECOND - 1}")
        self.assertEqual([e[3] for e in self.extents()], ["staged", "staged"])
        self.m.qtest.cmd("clock_step 1")
        self.assertEqual(self.said(),
                         ["dropped a chain of 2 extents: its end did not come within 20 s"])
        self.assertEqual(self.extents(), [])
        self.offer(1, (0, M2))  # its range and tag are free
        self.assertEqual(self.status(1), "committed")

    def test_a_reset_forgets_an_open_chain(self):
        self.raw(ADD, (0, M2, uuid(1), 0), more=True)
        self.m.qmp.cmd("system_reset")
        self.assertEqual(self.extents(), [])
        self.said()
        self.offer(2, (0, M2))
        self.assertEqual(self.said(), [f"accepted tag {uuid(2)}: 1 extents, 0x200000 bytes"])

    # --- release ---

    def test_a_release_that_names_any_extent_takes_the_whole_tag(self):
        places = [(0, M2), (4 * M2, M2), (8 * M2, 2 * M2)]
        for n, (dpa, length) in enumerate(places):
            self.offer(n, *places)
            self.offer(n + 10, (16 * M2, M2))
            self.said()
            # Any part of it will do.
            self.raw(RELEASE, (dpa + length // 2, 4096, uuid(n), 0))
            self.assertEqual(self.said(), [f"tag {uuid(n)} is gone"])
            self.assertEqual(self.status(n), "not-found")
            self.assertEqual(list(self.daxes()), [uuid(n + 10)])
            self.raw(RELEASE, (16 * M2, M2, uuid(n + 10), 0))
            self.assertEqual(self.daxes(), {})

    def test_a_release_by_another_tag_takes_nothing(self):
        self.offer(1, (0, M2))
        self.said()
        self.raw(RELEASE, (0, M2, uuid(2), 0))
        self.assertEqual(self.said(), ["asked to give back dpa 0x0 by another tag: ignored"])
        self.assertEqual(self.status(1), "committed")

    def test_a_release_of_what_is_not_the_hosts_is_answered(self):
        self.raw(RELEASE, (8 * M2, M2, uuid(1), 0))
        self.assertEqual(self.said(),
                         ["asked to give back dpa 0x1000000, which is not ours: done",
                          "Release Dynamic Capacity at dpa 0x1000000: Invalid physical address"])

    def test_a_release_while_the_device_is_held_is_deferred(self):
        self.offer(1, (0, M2), (4 * M2, M2))
        self.m.qmp.cmd("dax-hold", uuid=uuid(1))
        self.said()
        for _ in range(2):  # asked for again it is still held
            self.raw(RELEASE, (4 * M2, M2, uuid(1), 0))
            self.assertEqual(self.said(), [f"asked to give back tag {uuid(1)}: in use"])
        self.assertEqual({e[3] for e in self.extents()}, {"release-asked"})
        self.m.qmp.cmd("dax-release", uuid=uuid(1))
        self.assertEqual(self.said(), [f"tag {uuid(1)} is gone"])
        self.assertEqual((self.status(1), self.extents()), ("not-found", []))

    def test_what_was_taken_by_force_is_dropped_without_an_answer(self):
        self.offer(1, (0, M2))
        self.said()
        self.m.qmp.cmd("cxl-release-dynamic-capacity", path=DEVICE, host_id=0, forced_removal=True,
                       removal_policy="tag-based", region=0, tag=uuid(1))
        self.assertEqual(self.said(), ["dpa 0x0, 0x200000 bytes, was taken away",
                                       f"tag {uuid(1)} is gone"])

    # --- restart ---

    def test_a_host_that_starts_again_takes_over_what_the_device_lists(self):
        self.offer(1, (8 * MIB, M2), (0, M2))
        self.offer(2, (4 * M2, M2), (0, M2), region=1)
        before = self.m.qmp.cmd("query-dax")
        self.m.qtest.writeq(self.hpa[1], 0x5678)
        for _ in range(2):
            self.m.qmp.cmd("system_reset")
            self.assertEqual(self.m.qmp.cmd("query-dax"), before)
        self.assertEqual(self.m.qtest.readq(self.hpa[1]), 0x5678)
        self.said()
        # Its rules hold for them as before.
        self.raw(ADD, (0, M2, uuid(3), 0))
        self.refused(uuid(3), "an extent overlaps an accepted one")
        self.raw(ADD, (16 * M2, M2, uuid(2), 0))
        self.refused(uuid(2), "the tag is already live")
        self.raw(RELEASE, (0, M2, uuid(1), 0))
        self.assertEqual((self.status(1), list(self.daxes())), ("not-found", [uuid(2)]))

    def test_a_region_that_changed_is_read_again(self):
        self.raw(3, (0, 0, uuid(0), 0))
        self.assertEqual(self.said(), ["region 0 was reconfigured"])
        self.raw(9, (0, 0, uuid(0), 0))
        self.assertEqual(self.said(), ["dynamic-capacity event of type 9 ignored"])
        self.offer(1, (0, M2))
        self.assertEqual(self.status(1), "committed")


if __name__ == "__main__":
    unittest.main()
