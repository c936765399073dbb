# SPDX-License-Identifier: Apache-2.0
"""cxl-guest after a change: it looks at what has changed and no more, and what is left is still right."""

import os
import unittest

from cxbpy.vfiouser import CONFIG
from test_guest_memory import ACCEPTED, HPA, MIB, SUCCESS, GuestMemory

SIZE = 2 * MIB
COUNT = 60


class Follow(GuestMemory):
    def mapped(self):
        """Where in the decoder memory is mapped, and how much."""
        return sorted((at - HPA, size) for at, (_, _, size) in self.qemu.memory().items())

    def until_mapped(self, *ranges):
        self.qemu.wait(lambda: sorted((d["memaddr"] - HPA, self.qemu.objects[d["memdev"]]["size"])
                                      for d in self.qemu.devices.values() if d["memdev"]) == sorted(ranges))

    def looked_at(self):
        """How many runs, each time since the last call."""
        self.qmp.cmd("query-status")  # what was queued is done
        with open(os.path.join(self.m.dir, "log"), encoding="ascii") as f:
            lines = f.read().splitlines()
        new, self.lines = lines[self.lines:], len(lines)
        return [int(line.split("vm0: ")[1].split()[0]) for line in new]

    def test_a_change_costs_what_has_changed(self):
        self.lines = 0
        self.start(ports=COUNT, args=["-trace", "guest_follow", "-D", "log"])
        self.commit()
        self.looked_at()
        for n in range(COUNT):
            self.assertEqual(self.accept(*self.add(n, offset=n * SIZE)), SUCCESS)
            looked = self.looked_at()
            self.assertTrue(looked)
            self.assertLessEqual(max(looked), 1)
        for n in range(0, COUNT, 2):
            self.assertEqual(self.release((n * SIZE, SIZE)), SUCCESS)
        self.force(1)
        self.assertLessEqual(max(self.looked_at()), 1)
        self.until_mapped(*[(n * SIZE, SIZE) for n in range(3, COUNT, 2)])
        # Decoders change everything.
        self.uncommit()
        self.commit()
        self.assertEqual(max(self.looked_at()), COUNT // 2 - 1)
        self.until_mapped(*[(n * SIZE, SIZE) for n in range(3, COUNT, 2)])

    def test_what_has_no_port_is_mapped_when_one_is_free(self):
        self.start()
        self.commit()
        for n in range(5):
            self.assertEqual(self.accept(*self.add(n, offset=n * SIZE)), SUCCESS)
        self.vm.close()
        self.power_off()
        self.until("connecting")
        self.boot(ports=2)
        self.vm.reset()
        self.vm.write_int(CONFIG, 4, 2, 6)
        self.commit()
        self.until_mapped((0, SIZE), (SIZE, SIZE))
        self.assertEqual(self.release((0, SIZE)), SUCCESS)
        self.until_mapped((SIZE, SIZE), (2 * SIZE, SIZE))
        self.force(3)  # it was waiting for a port
        self.assertEqual(self.release((SIZE, SIZE), (2 * SIZE, SIZE)), SUCCESS)
        self.until_mapped((4 * SIZE, SIZE))
        self.assertEqual(self.states(), [ACCEPTED])

    def test_the_rest_of_what_is_cut_stays_mapped(self):
        self.start(device="cxl-type3,id=t3,num-dc-regions=1,volatile-dc-memdev=m0",
                   args=["-object", "memory-backend-ram,id=m0,size=1G"])
        self.commit()
        self.qmp.cmd("cxl-add-dynamic-capacity", path="t3", host_id=0, region=0, selection_policy="prescriptive",
                     extents=[{"offset": 0, "len": 8 * SIZE}])
        self.assertEqual(self.accept((0, 8 * SIZE)), SUCCESS)
        self.assertEqual(self.mapped(), [(0, 8 * SIZE)])
        self.assertEqual(self.release((2 * SIZE, SIZE)), SUCCESS)
        self.until_mapped((0, 2 * SIZE), (3 * SIZE, 5 * SIZE))
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t3", host_id=0, region=0, removal_policy="prescriptive",
                     forced_removal=True, extents=[{"offset": 5 * SIZE, "len": SIZE}])
        self.until_mapped((0, 2 * SIZE), (3 * SIZE, 2 * SIZE), (6 * SIZE, 2 * SIZE))


if __name__ == "__main__":
    unittest.main()
