# SPDX-License-Identifier: Apache-2.0
"""Machines of many shapes (topologies.py): the host finds and maps all there is, every byte is
where it should be, resets and hot plug change what they must. On cxlbox with its built-in host;
then with cxlbox-host on cxlbox and on QEMU, where it finds the same."""

import functools
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest
import uuid

from cxbpy import peers
from cxbpy.machine import Machine, binary, connect
from cxbpy.qtest import Qtest
from hostproc import Host, comparable
from topologies import MIB, REFUSED, TABLE, arguments, options, parts, type3

NOTHING = 2 ** 64 - 1
# How cxlbox-host prints a region.
REGION = re.compile(r"region (?P<memdev>mem\d+) (?P<part>static|dc\d+): dpa (?P<dpa>\S+) len \S+"
                    r"(?: block \S+)? (?:hpa (?P<hpa>\S+) decoder \d+|not mapped)$")
HOT = "cxl-type3,id=hot,vmem=256M,dc=1x256M,bus="


def hot_arguments(device):
    """What -device takes, as arguments of device_add."""
    words = dict(o.split("=", 1) for o in ("driver=" + device).split(","))
    return {k: int(v) if k in ("num-dc-regions", "dc-regions-total-size") else v
            for k, v in words.items()}


def tag(n):
    return f"00000000-0000-4000-8000-{n:012x}"


class Machines(unittest.TestCase):
    def folder(self):
        folder = tempfile.mkdtemp(prefix="cxlbox-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def start(self, text, *args, qemu=False):
        folder = self.folder()
        m = Machine([*arguments(text, folder, qemu), "-nodefaults", "-display", "none", *args],
                    tutorial=False, cwd=folder, qtest="-qtest" not in args,
                    program=[peers.SCRIPT, "qemu"] if qemu else None)
        self.addCleanup(m.end)
        return m

    def refusals(self, program):
        """What a program says of each of REFUSED is there in its last line."""
        for text, line in REFUSED.items():
            run = subprocess.run([*program, "-nodefaults", "-display", "none", "-accel", "qtest",
                                  "-m", "256M", *line.split()], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(run.returncode, 1, line)
            self.assertIn(text, run.stderr.strip().split("\n")[-1])

    def bytes_of(self, path, offset, length):
        with open(path, "rb") as f:
            f.seek(offset)
            return f.read(length)

    def check_static(self, qtest, folder, device, part, hpa):
        """Bytes written through the window are in the device's own file, at its own offset."""
        path = os.path.join(folder, f"{device}-{part.name}")
        for n, offset in enumerate((0, part.size // 2 - 4, part.size - 8)):
            value = struct.pack("<Q", hpa + offset + n)
            qtest.write(hpa + offset, value)
            self.assertEqual(self.bytes_of(path, offset, 8), value, (device, part.name, offset))
            self.assertEqual(qtest.read(hpa + offset, 8), value)


class Cxlbox(Machines):
    """On cxlbox, the built-in host beside the test."""

    def host(self, m):
        host = m.qmp.cmd("query-cxl-host")
        self.assertEqual(host["state"], "ready", host)
        host.pop("events")
        return host

    def devices(self, text):
        """{id: (bus number of its bridge, its parts)}"""
        buses = {b["id"]: int(b["bus_nr"]) for b in options(text, "pxb-cxl")} | {"pcie.0": 0}
        ports = {p["id"]: buses[p["bus"]] for p in options(text, "cxl-rp")} | {"pcie.0": 0}
        return {d["id"]: (ports[d["bus"]], parts(d)) for d in options(text, "cxl-type3")}

    def check_functions(self, text, host):
        """The tree is that of the command line, by ids. Ids of memory devices, by number."""
        found = {f["path"].rpartition("/")[2]: f for f in host["functions"]}
        for driver, role in (("pxb-cxl", "host-bridge"), ("cxl-rp", "root-port"),
                             ("cxl-type3", "endpoint")):
            self.assertEqual({o["id"] for o in options(text, driver)},
                             {i for i, f in found.items() if f["role"] == role} - {"mch"})
        by_bdf = {f["bdf"]: i for i, f in found.items()}
        return {md["memdev"]: by_bdf[md["bdf"]] for md in host["memdevs"]}

    def check_regions(self, text, host, unmapped):
        """Every part has its decoder and its place in a window that leads to it alone; nothing
        overlaps. {(device, part): region}"""
        ids, want, got, taken = self.check_functions(text, host), self.devices(text), {}, []
        for memdev, device in ids.items():
            bus, wanted = want[device]
            regions = [r for r in host["regions"] if r["memdev"] == memdev]
            self.assertEqual([(r["dpa"], r["len"]) for r in regions],
                             [(sum(p.size for p in wanted[:i]), p.size)
                              for i, p in enumerate(wanted)])
            for region, part in zip(regions, wanted):
                name = f"{device}/{part.name}"
                self.assertEqual(region["mapped"], name not in unmapped, name)
                got[device, part] = region
            regions = [r for r in regions if r["mapped"]]
            self.assertEqual([r["decoder"] for r in regions], list(range(len(regions))))
            self.assertEqual(regions, sorted(regions, key=lambda r: r["hpa"]))
            for r in regions:
                self.assertTrue(any(w["targets"] == [bus] and w["base"] <= r["hpa"] and
                                    r["hpa"] + r["len"] <= w["base"] + w["size"]
                                    for w in host["windows"]), r)
            taken += [(r["hpa"], r["hpa"] + r["len"]) for r in regions]
        taken.sort()
        self.assertTrue(all(a[1] <= b[0] for a, b in zip(taken, taken[1:])), taken)
        self.assertEqual({d for d, _ in got}, set(want))
        return got

    def offer(self, m, device, part, region, n):
        """An extent behind the start of a dynamic region: accepted, and its bytes its backend's."""
        size, offset = 2 * MIB, part.size - 4 * MIB
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"tm{n}", size=size, tag=tag(n),
                  share=True)
        m.qmp.cmd("cxl-add-dynamic-capacity", path=device, host_id=0,
                  selection_policy="prescriptive", region=int(part.name[2:]), tag=tag(n),
                  extents=[{"offset": offset, "len": size}])
        if not region["mapped"]:
            self.assertEqual(self.status(m, device, part, n), "not-found")
            return None
        self.assertEqual(self.status(m, device, part, n), "committed")
        hpa = region["hpa"] + offset
        path = next(b["path"] for b in m.qmp.cmd("query-memdev") if b["id"] == f"tm{n}")
        m.qtest.writeq(hpa + size - 8, n)
        self.assertEqual(self.bytes_of(path, size - 8, 8), struct.pack("<Q", n))
        self.assertEqual((m.qtest.readq(hpa - 8), m.qtest.readq(hpa + size)), (NOTHING,) * 2)
        return hpa + size - 8

    def status(self, m, device, part, n):
        return m.qmp.cmd("cxl-release-dynamic-capacity-status", path=device, host_id=0,
                         region=int(part.name[2:]), tag=tag(n))["status"]

    def release(self, m, device, part, n):
        m.qmp.cmd("cxl-release-dynamic-capacity", path=device, host_id=0,
                  removal_policy="tag-based", region=int(part.name[2:]), tag=tag(n))
        self.assertEqual(self.status(m, device, part, n), "not-found")

    def reset(self, m):
        m.qmp.cmd("system_reset")
        return self.host(m)

    def use(self, m, got, base=1):
        """All memory there is: looked at, kept over a reset, given back."""
        live = {}
        for n, ((device, part), region) in enumerate(got.items(), base):
            if not part.name.startswith("dc"):
                if region["mapped"]:
                    self.check_static(m.qtest, m.dir, device, part, region["hpa"])
                continue
            at = self.offer(m, device, part, region, n)
            if at:
                live[device, part, n] = at
        before = self.host(m)
        self.assertEqual({e["tag"] for e in before["extents"]}, {tag(n) for _, _, n in live})
        self.assertEqual(self.reset(m), before)
        for (device, part, n), at in live.items():
            self.assertEqual(m.qtest.readq(at), n)
            self.release(m, device, part, n)
            self.assertEqual(m.qtest.readq(at), NOTHING)
        for n in range(base, base + len(got)):
            if any(b["id"] == f"tm{n}" for b in m.qmp.cmd("query-memdev")):
                m.qmp.cmd("object-del", id=f"tm{n}")

    def plug(self, m, text, port):
        """A device more: there with the next reset, and gone again with one."""
        before = self.host(m)
        backends, device = type3(HOT + port, m.dir, False)
        for b in backends:
            m.qmp.cmd("object-add", **b)
        m.qmp.cmd("device_add", **hot_arguments(device))
        text += f" -device {HOT}{port}"
        got = self.check_regions(text, self.reset(m), ())
        self.use(m, got, 1000)
        m.qmp.cmd("device_del", id="hot")
        self.assertEqual(self.reset(m), before)
        for b in backends:
            m.qmp.cmd("object-del", id=b["id"])

    def test_wrong_ones_are_refused(self):
        self.refusals([binary()])

    def run_topology(self, topology):
        m = self.start(topology.text)
        self.use(m, self.check_regions(topology.text, self.host(m), topology.unmapped))
        if topology.free:
            self.plug(m, topology.text, topology.free)


class Qemu(Machines):
    """cxlbox-host on both: the same functions, windows, regions and places."""

    @classmethod
    def setUpClass(cls):
        peers.need()

    def names(self, m, lines):
        """{memN: id of the device}, by what the host and QMP say of the same function."""
        by_bdf = {f"{d['bus']:02x}:{d['slot']:02x}.{d['function']}": d["qdev_id"]
                  for d in flatten(m.qmp.cmd("query-pci"))}
        words = [line.split() for line in lines if line.startswith("memdev")]
        return {w[1].rstrip(":"): by_bdf[w[2]] for w in words}

    def flow(self, m, host, region, device, tagged):
        """Capacity of a dynamic region, taken and given back."""
        common = {"path": f"/machine/peripheral/{device}", "host_id": 0,
                  "region": int(region["part"][2:]),
                  "extents": [{"offset": 128 * MIB, "len": 2 * MIB}]}
        name = tag(0)
        if tagged:
            common["tag"] = name
        else:
            name = str(uuid.UUID(int=0))
        m.qmp.cmd("cxl-add-dynamic-capacity", selection_policy="prescriptive", **common)
        self.assertEqual(host.until("accepted|refused")[-1],
                         f"{region['memdev']}: accepted tag {name}: 1 extents, 0x200000 bytes")
        m.qmp.cmd("cxl-release-dynamic-capacity", removal_policy="prescriptive", **common)
        self.assertEqual(host.until("is gone|asked to give back")[-1],
                         f"{region['memdev']}: tag {name} is gone")

    def look(self, topology, qemu):
        """What the host says of a machine; all of its memory is used on the way."""
        m = self.start(topology.text, "-accel", "qtest", "-qtest-log", "none",
                       "-qtest", "unix:host.sock,server=on,wait=off", qemu=qemu)
        path = os.path.join(m.dir, "host.sock")
        host = Host(f"qtest:{path}")
        self.addCleanup(host.close)
        lines = host.until("^ready$")
        names, regions = self.names(m, lines), [r.groupdict() for r in map(REGION.match, lines) if r]
        if not qemu:
            m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm", size=2 * MIB,
                      tag=tag(0), share=True)
        for r in regions:
            if r["hpa"] and r["part"] != "static":
                self.flow(m, host, r, names[r["memdev"]], not qemu)
        self.assertEqual(host.end(signal.SIGTERM)[0], 0)
        # The socket is the test's now: it looks through what the host has left committed.
        qtest = connect(Qtest, path, m.process)
        self.addCleanup(qtest.close)
        devices = {d["id"]: parts(d) for d in options(topology.text, "cxl-type3")}
        for r in regions:
            if r["hpa"] and r["part"] == "static":
                device = names[r["memdev"]]
                part = next(p for i, p in enumerate(devices[device])
                            if sum(q.size for q in devices[device][:i]) == int(r["dpa"], 0))
                self.check_static(qtest, m.dir, device, part, int(r["hpa"], 0))
        self.assertEqual(len(regions), sum(map(len, devices.values())))
        self.assertEqual(sum(not r["hpa"] for r in regions), len(topology.unmapped))
        return comparable(lines)

    def test_wrong_ones_are_refused(self):
        self.refusals([peers.SCRIPT, "qemu"])

    def run_topology(self, topology):
        self.assertEqual(self.look(topology, False), self.look(topology, True))


def flatten(buses):
    """The devices of query-pci, those behind bridges too."""
    for bus in buses:
        for d in bus["devices"]:
            yield d
            yield from flatten([d["pci_bridge"]] if d.get("pci_bridge", {}).get("devices") else [])


for row, entry in TABLE.items():
    for suite in (Cxlbox, Qemu):
        setattr(suite, f"test_{row}", functools.partialmethod(suite.run_topology, entry))


if __name__ == "__main__":
    unittest.main()
