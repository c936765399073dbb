# SPDX-License-Identifier: Apache-2.0
"""One memory device for several hosts: the built-in host drives each head as a host of its own. What is
shared is the same bytes, what is private nobody else's; heads come and go."""

import json
import os
import random
import re
import shlex
import unittest
import uuid

from cxbpy.cxlhost import DC_ADD, CxlHost, MailboxError
from cxbpy.machine import Machine
from cxbpy.qmp import QmpError

MIB = 1 << 20
HEADS = 3
SIZE = 16 * MIB
ONES = b"\xff" * 8


def tag(n):
    return str(uuid.UUID(int=0x5be13bceae344a77b6c3_16df975fcf00 + n))


def topology(heads):
    args = ["-m", "1G,maxmem=16G,slots=4"]
    windows = []
    for i in range(HEADS):
        windows += [f"cxl-fmw.{i}.targets.0=cxl.{i}", f"cxl-fmw.{i}.size=2G"]
        args += ["-device", f"pxb-cxl,bus_nr={12 + 20 * i},bus=pcie.0,id=cxl.{i}",
                 "-device", f"cxl-rp,port=0,bus=cxl.{i},id=rp{i},chassis=0,slot={i}"]
    args += ["-device", f"cxl-type3,bus=rp0,id=dev,heads={HEADS},dc-region.0.size=512M,"
                        "dc-region.1.size=512M,dc-region.1.sharable=on"]
    for i in range(1, heads):
        args += ["-device", f"cxl-type3-head,bus=rp{i},id=head{i},device=dev,head={i}"]
    return ["-M", "q35,cxl=on," + ",".join(windows)] + args


class Heads(unittest.TestCase):
    def start(self, *more, heads=HEADS):
        self.m = Machine([*topology(heads), *more], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.qmp, self.q = self.m.qmp, self.m.qtest

    def backend(self, n, size=SIZE):
        self.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=size,
                     share=True, tag=tag(n))

    def add(self, n, host, region, policy="contiguous", size=SIZE):
        args = {} if policy == "enable-shared-access" else {"length": size}
        self.qmp.cmd("cxl-add-dynamic-capacity", path="dev", host_id=host, region=region,
                     selection_policy=policy, tag=tag(n), **args)

    def release(self, n, host, region, **more):
        self.qmp.cmd("cxl-release-dynamic-capacity", path="dev", host_id=host, region=region,
                     removal_policy="tag-based", tag=tag(n), **more)

    def extents(self, **want):
        """Those that match, by DPA."""
        device, = self.qmp.cmd("query-cxl-dynamic-capacity")
        return [e for e in device["extents"] if all(e[k] == v for k, v in want.items())]

    def hpa(self, n, host):
        extent, = self.extents(**{"tag": tag(n), "host-id": host})
        self.assertEqual((extent["state"], extent["access"]), ("accepted", "direct"))
        return extent["hpa"]

    def dax(self, **want):
        return [d for d in self.qmp.cmd("query-dax") if all(d[k] == v for k, v in want.items())]

    def host(self):
        return self.qmp.cmd("query-cxl-host")

    def test_one_tag_is_the_same_bytes_on_every_host(self):
        self.start()
        self.backend(1)
        self.add(1, 1, 1)
        for host in (0, 2):
            self.add(1, host, 1, "enable-shared-access")
        at = [self.hpa(1, host) for host in range(HEADS)]
        self.assertEqual(len(set(at)), HEADS)
        for turn in range(30):
            words = bytes([turn]) * 64
            self.q.write(at[turn % HEADS] + turn * 4096, words)
            for host in range(HEADS):
                self.assertEqual(self.q.read(at[host] + turn * 4096, 64), words)
        self.assertEqual(sorted(d["host-id"] for d in self.dax(uuid=tag(1))), [0, 1, 2])
        # One lets go, by force or not: the others keep it.
        self.release(1, 1, 1, forced_removal=True)
        self.release(1, 0, 1)
        self.assertEqual([d["host-id"] for d in self.dax(uuid=tag(1))], [2])
        self.assertEqual(self.q.read(at[2], 64), bytes(64))
        for host in (0, 1):
            self.assertEqual(self.q.read(at[host], 8), ONES)
        with self.assertRaisesRegex(QmpError, "m1"):
            self.qmp.cmd("object-del", id="m1")
        self.release(1, 2, 1)
        self.qmp.cmd("object-del", id="m1")

    def test_the_guide_does_what_it_says(self):
        guide = os.path.join(os.path.dirname(__file__), "../../docs/several-hosts.md")
        with open(guide, encoding="utf-8") as f:
            blocks = re.findall(r"^```(\w*)\n(.*?)^```", f.read(), re.M | re.S)
        args = shlex.split(blocks[0][1].replace("\\\n", ""))
        self.m = Machine(args[1:args.index("-qmp")], tutorial=False)
        self.addCleanup(self.m.end)
        self.qmp = self.m.qmp
        answers = []
        for _, block in blocks[1:]:
            for line in block.splitlines():
                request = json.loads(line)
                answers.append(self.qmp.cmd(request["execute"], **request.get("arguments", {})))
        self.assertEqual(answers[3][0]["hosts"], [0, 1])
        self.assertEqual([d["host-id"] for d in answers[4]], [0, 1])
        self.assertEqual([d["host-id"] for d in self.dax()], [1])

    def test_private_tags_stay_private(self):
        self.start()
        rng = random.Random(5)
        for n in range(12):
            self.backend(n)
            self.add(n, n % HEADS, rng.choice([0, 1]))
            self.q.write(self.hpa(n, n % HEADS), bytes([n + 1]) * 8)
        for n in range(12):
            own, = self.extents(tag=tag(n))
            self.assertEqual(own["host-id"], n % HEADS)
            self.assertEqual(self.q.read(own["hpa"], 8), bytes([n + 1]) * 8)
            # The same DPA, as the other hosts have decoded it.
            for host in range(HEADS):
                near = self.extents(**{"host-id": host, "region": own["region"]})
                if host == own["host-id"] or not near:
                    continue
                there = near[0]["hpa"] - near[0]["dpa"] + own["dpa"]
                self.assertEqual(self.q.read(there, 8), ONES)
                self.q.write(there, b"intruder")
            self.assertEqual(self.q.read(own["hpa"], 8), bytes([n + 1]) * 8)

    def test_refusals_say_what_is_wrong(self):
        self.start()
        self.backend(1)
        self.backend(2)
        self.add(1, 0, 0)
        for why, args in [
                ("region 0 is not sharable, and another host has tag",
                 (1, 1, 0, "enable-shared-access")),
                ("has no allocation with tag", (2, 1, 1, "enable-shared-access")),
                ("host id 3 is not known: .* has 3 heads", (2, 3, 1)),
                ("already mapped and cannot be reused", (1, 1, 1))]:
            with self.subTest(why=why), self.assertRaisesRegex(QmpError, why):
                self.add(*args)
        self.assertEqual(len(self.extents()), 1)

    def test_what_one_host_uses_another_may_give_back(self):
        self.start()
        self.backend(1)
        self.add(1, 0, 1)
        self.add(1, 1, 1, "enable-shared-access")
        self.qmp.cmd("dax-hold", uuid=tag(1), host_id=1)
        with self.assertRaisesRegex(QmpError, "host 2"):
            self.qmp.cmd("dax-hold", uuid=tag(1), host_id=2)
        for host in (0, 1):
            self.release(1, host, 1)
        self.assertEqual([d["host-id"] for d in self.dax(uuid=tag(1))], [1])
        self.qmp.cmd("dax-release", uuid=tag(1), host_id=1)
        self.assertEqual(self.dax(uuid=tag(1)), [])

    def test_a_reference_carries_bytes_from_host_to_host(self):
        self.start()
        self.backend(1)
        self.add(1, 0, 0)
        self.q.write(self.hpa(1, 0), b"carried!")
        self.qmp.cmd("cxl-add-dynamic-capacity-reference", path="dev", tag=tag(1))
        self.release(1, 0, 0)
        self.assertEqual(self.extents(), [])
        self.add(1, 2, 0, "enable-shared-access")
        self.qmp.cmd("cxl-remove-dynamic-capacity-reference", path="dev", tag=tag(1))
        self.assertEqual(self.q.read(self.hpa(1, 2), 8), b"carried!")
        self.release(1, 2, 0, sanitize_on_release=True)
        self.add(1, 1, 0)
        self.assertEqual(self.q.read(self.hpa(1, 1), 8), bytes(8))

    def test_a_reset_of_the_machine_keeps_what_all_have(self):
        self.start()
        self.backend(1)
        self.backend(2)
        self.add(1, 0, 1)
        self.add(1, 2, 1, "enable-shared-access")
        self.add(2, 1, 0)
        self.q.write(self.hpa(1, 0), b"survives")
        self.qmp.cmd("system_reset")
        self.assertEqual(self.q.read(self.hpa(1, 2), 8), b"survives")
        self.assertEqual(len(self.dax()), 3)

    def test_one_host_starts_anew_and_the_others_go_on(self):
        self.start("-accel", "host", "-accel", "qtest")
        for n, region in (1, 1), (2, 0), (3, 0):
            self.backend(n)
            self.add(n, n % 2, region)
        self.add(1, 0, 1, "enable-shared-access")
        for host in (0, 1):
            self.qmp.cmd("dax-hold", uuid=tag(1), host_id=host)
        self.q.write(self.hpa(1, 0), b"survives")
        before, regions = self.dax(**{"host-id": 0}), self.host()["regions"]
        self.qmp.cmd("cxl-host-restart", host_id=1)
        self.assertEqual(self.host()["state"], "booting")
        self.assertEqual((self.dax(**{"host-id": 0}), self.dax(**{"host-id": 1})), (before, []))
        for host, why in (1, "host 1 starts anew already"), (3, "host 3 has no memory device"):
            with self.assertRaisesRegex(QmpError, why):
                self.qmp.cmd("cxl-host-restart", host_id=host)
        # Offers to the others are answered meanwhile, those to it when it is there again.
        self.backend(4)
        self.add(4, 2, 0)
        self.backend(5)
        self.add(5, 1, 0)
        self.assertEqual([e["state"] for e in self.extents(tag=tag(4))], ["accepted"])
        self.assertEqual([e["state"] for e in self.extents(tag=tag(5))], ["offered"])
        self.q.cmd(f"clock_step {10 ** 9}")
        self.assertEqual(self.host()["state"], "ready")
        self.assertEqual(self.host()["regions"], regions)
        self.assertEqual({d["uuid"]: d["holders"] for d in self.dax(**{"host-id": 1})},
                         {tag(1): 0, tag(3): 0, tag(5): 0})
        self.assertEqual([d["holders"] for d in self.dax(uuid=tag(1))], [1, 0])
        for host in (0, 1):
            self.assertEqual(self.q.read(self.hpa(1, host), 8), b"survives")
            self.release(1, host, 1)
        self.assertEqual([d["host-id"] for d in self.dax(uuid=tag(1))], [0])

    def test_a_head_that_is_not_plugged_has_no_path(self):
        self.start(heads=2)
        device, = self.qmp.cmd("query-cxl-dynamic-capacity")
        self.assertEqual([h.get("path") for h in device["heads"]],
                         ["/machine/peripheral/dev", "/machine/peripheral/head1", None])
        self.backend(1)
        self.add(1, 2, 1)
        self.assertEqual([e["state"] for e in self.extents()], ["offered"])
        self.release(1, 2, 1, forced_removal=True)
        self.qmp.cmd("object-del", id="m1")


class Erasing(unittest.TestCase):
    """Two hosts that are scripts, each on a head; SANITIZE takes time, which the script has."""

    SANITIZE, BG_STARTED = 0x4400, 1
    SHARED, OWN = 512 * MIB, (0, 16 * MIB)  # DPA

    def setUp(self):
        self.m = Machine(["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=2G,"
                          "cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=2G",
                          "-m", "1G,maxmem=8G,slots=4", *topology(2)[4:], "-accel", "qtest"],
                         tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.hosts = [CxlHost(self.m.qtest, bridge_bus=12 + 20 * i, passthrough=True,
                              window=0x3d0000000 + 0x80000000 * i,
                              bar_base=0xc0000000 + 0x1000000 * i) for i in range(2)]
        for i, host in enumerate(self.hosts):
            host.enumerate()
            host.map_dpa(1 << 30)
            self.add(i, i, 0, "contiguous", length=SIZE)
            host.dc_list(DC_ADD, [(self.OWN[i], SIZE)])
        self.add(9, 0, 1, "contiguous", length=SIZE)
        self.add(9, 1, 1, "enable-shared-access")
        for i, host in enumerate(self.hosts):
            host.dc_list(DC_ADD, [(self.SHARED, SIZE)])
            self.write(i, self.OWN[i], b"own")
        self.write(0, self.SHARED, b"all")

    def add(self, n, host, region, policy, **more):
        if policy == "contiguous":
            self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=SIZE,
                           share=True, tag=tag(n))
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path="dev", host_id=host, region=region,
                       selection_policy=policy, tag=tag(n), **more)

    def write(self, i, dpa, data):
        self.m.qtest.write(self.hosts[i].window + dpa, data)

    def read(self, i, dpa):
        return self.m.qtest.read(self.hosts[i].window + dpa, 3)

    def test_a_sanitize_erases_what_its_host_has_and_no_more(self):
        with self.assertRaises(MailboxError) as caught:
            self.hosts[1].command(self.SANITIZE)
        self.assertEqual(caught.exception.code, self.BG_STARTED)
        # The other host is not disturbed meanwhile.
        self.assertEqual(self.read(1, self.SHARED), ONES[:3])
        self.assertEqual(self.read(0, self.SHARED), b"all")
        self.m.qtest.cmd(f"clock_step {100 * 10 ** 9}")
        self.assertEqual(self.read(1, self.SHARED), bytes(3))
        self.assertEqual(self.read(1, self.OWN[1]), bytes(3))
        self.assertEqual(self.read(0, self.SHARED), bytes(3))
        self.assertEqual(self.read(0, self.OWN[0]), b"own")


if __name__ == "__main__":
    unittest.main()
