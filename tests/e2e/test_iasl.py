# SPDX-License-Identifier: Apache-2.0
"""ACPICA's opinion of the tables in RAM: iasl disassembles MCFG and CEDT, the fields it shows are
those of the command line and of QEMU's q35 memory layout, and assembling its text again gives the
same bytes."""

import os
import struct
import tempfile
import unittest

import qemuline
from cxbpy import peers
from cxbpy.machine import TUTORIAL, Machine

peers.need(root=True)

GIB = 1 << 30
# What assembling replaces (ACPI 6.5 table 5.4): checksum, creator id and creator revision.
REPLACED = {9, *range(28, 36)}
RESTRICTIONS = 0x2f  # as QEMU 11.1


def bridges(*bus_numbers):
    args = []
    for i, number in enumerate(bus_numbers):
        args += ["-device", f"pxb-cxl,bus_nr={number},bus=pcie.0,id=cxl.{i}"]
    return args


def tables(q):
    """The tables in RAM by signature, found as an OS does (ACPI 6.5 5.2.5)."""
    area = q.read(0xe0000, 0x20000)
    at = next(i for i in range(0, len(area), 16) if area[i:i + 8] == b"RSD PTR ")
    xsdt = struct.unpack_from("<Q", area, at + 24)[0]

    def table(addr):
        return q.read(addr, struct.unpack("<I", q.read(addr + 4, 4))[0])

    found = [table(addr) for (addr,) in struct.iter_unpack("<Q", table(xsdt)[36:])]
    return {t[:4].decode(): t for t in found}


def parse(text):
    """The fields of a disassembled table, as text: its head's and those of each subtable."""
    sections = [[]]
    for line in text.splitlines():
        if not line.startswith("[") or " : " not in line:
            continue
        name, value = line.partition("]")[2].split(" : ", 1)
        if name.strip() == "Subtable Type":
            sections.append([])
        sections[-1].append((name.strip(), value.split("[")[0].strip()))
    return sections


def number(section, name):
    return int(dict(section)[name], 16)


class Iasl(unittest.TestCase):
    def judge(self, data):
        """Disassemble @data, assemble that again and compare; the fields."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "table"), "wb") as f:
                f.write(data)
            result = peers.run(directory, "iasl", "-d", "table")
            said = result.stdout + result.stderr
            self.assertEqual(result.returncode, 0, said)
            for word in ("Warning", "Error", "nvalid", "ncorrect"):
                self.assertNotIn(word, said)
            with open(os.path.join(directory, "table.dsl"), encoding="ascii") as f:
                text = f.read()
            self.assertNotIn("ncorrect", text)
            result = peers.run(directory, "iasl", "-p", "again", "table.dsl")
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
            self.assertIn("0 Errors, 0 Warnings, 0 Remarks", result.stdout)
            with open(os.path.join(directory, "again.aml"), "rb") as f:
                again = f.read()
        self.assertEqual(len(again), len(data))
        self.assertEqual(sum(data) & 0xff, 0)
        self.assertEqual([i for i in range(len(data)) if data[i] != again[i] and
                          i not in REPLACED], [])
        return parse(text)

    def check(self, args, hosts, windows, tutorial=False):
        """@hosts: (bus number, registers), newest first; @windows: (base, size, ig, bus numbers)."""
        with Machine(["-accel", "qtest", *args], tutorial=tutorial, qtest=True) as m:
            found = tables(m.qtest)
        self.assertEqual(sorted(found), ["CEDT", "MCFG"])

        mcfg, = self.judge(found["MCFG"])
        self.assertEqual([number(mcfg, name) for name in (
            "Base Address", "Segment Group Number", "Start Bus Number", "End Bus Number")],
            [0xb0000000, 0, 0, 255])

        self.check_cedt(found["CEDT"], hosts, windows)

    def check_cedt(self, data, hosts, windows):
        head, *subtables = self.judge(data)
        self.assertEqual(dict(head)["Signature"], '"CEDT"')
        self.assertEqual(number(head, "Table Length"), len(data))
        self.assertEqual([number(s, "Subtable Type") for s in subtables],
                         [0] * len(hosts) + [1] * len(windows))
        for s, (uid, registers) in zip(subtables, hosts):
            self.assertEqual([number(s, name) for name in (
                "Length", "Associated host bridge", "Specification version", "Register base",
                "Register length")], [0x20, uid, 1, registers, 0x10000])
        for s, (base, size, granularity, targets) in zip(subtables[len(hosts):], windows):
            ways = {1: 0, 2: 1, 4: 2, 8: 3}[len(targets)]
            self.assertEqual([number(s, name) for name in (
                "Length", "Window base address", "Window size", "Interleave Members",
                "Interleave Arithmetic", "Granularity", "Restrictions", "QtgId")],
                [0x24 + 4 * len(targets), base, size, ways, 0, granularity, RESTRICTIONS, 0])
            self.assertEqual([int(value, 16) for name, value in s if name.endswith("Target")],
                             targets)

    def test_tables_for_guests_of_qemu(self):
        """Windows are at the end of where QEMU lets memory be plugged, host bridges behind it."""
        self.check_cedt(qemuline.table(*TUTORIAL), [(12, 0x540000000)], [(0x3c0000000, 6 * GIB, 0, [12])])
        self.check_cedt(qemuline.table(
            "-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.targets.1=cxl.0,cxl-fmw.0.size=1G",
            "-M", "cxl-fmw.1.targets.0=cxl.0,cxl-fmw.1.size=2G", "-m", "1G", *bridges(12, 222)),
            [(222, 0x1c0000000), (12, 0x1c0010000)],
            [(0x100000000, GIB, 0, [222, 12]), (0x140000000, 2 * GIB, 0, [12])])

    def test_the_tutorials_machine(self):
        self.check([], [(12, 0x3c0000000)], [(0x3d0000000, 6 * GIB, 0, [12])], tutorial=True)

    def test_two_bridges_each_with_a_window(self):
        self.check(["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=4G,"
                    "cxl-fmw.1.targets.0=cxl.1,cxl-fmw.1.size=8G,"
                    "cxl-fmw.1.interleave-granularity=8k", "-m", "1G", *bridges(12, 222)],
                   [(222, 0x100000000), (12, 0x100010000)],
                   [(0x110000000, 4 * GIB, 0, [12]), (0x210000000, 8 * GIB, 5, [222])])

    def test_two_windows_to_one_bridge(self):
        self.check(["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.0,cxl-fmw.0.size=256M,"
                    "cxl-fmw.1.targets.0=cxl.0,cxl-fmw.1.size=512M", "-m", "3G", *bridges(128)],
                   [(128, 0x140000000)],
                   [(0x150000000, GIB // 4, 0, [128]), (0x160000000, GIB // 2, 0, [128])])

    def test_a_window_two_ways_and_one_beside_it(self):
        self.check(["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.targets.1=cxl.0,"
                    "cxl-fmw.0.size=4G,cxl-fmw.0.interleave-granularity=4k,"
                    "cxl-fmw.1.targets.0=cxl.0,cxl-fmw.1.size=8G", "-m", "4G",
                    *bridges(12, 222)],
                   [(222, 0x180000000), (12, 0x180010000)],
                   [(0x190000000, 4 * GIB, 4, [222, 12]), (0x290000000, 8 * GIB, 0, [12])])

    def test_a_window_four_ways(self):
        self.check(["-M", "q35,cxl=on,cxl-fmw.0.size=1G,cxl-fmw.0.interleave-granularity=16k," +
                    ",".join(f"cxl-fmw.0.targets.{i}=cxl.{i}" for i in range(4)), "-m", "256M",
                    *bridges(16, 32, 48, 64)],
                   [(64 - 16 * i, 0x100000000 + 0x10000 * i) for i in range(4)],
                   [(0x110000000, GIB, 6, [16, 32, 48, 64])])

    def test_bridges_and_no_window(self):
        self.check(["-M", "q35,cxl=on", "-m", "1G", *bridges(12)], [(12, 0x100000000)], [])


if __name__ == "__main__":
    unittest.main()
