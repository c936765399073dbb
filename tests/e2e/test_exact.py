# SPDX-License-Identifier: Apache-2.0
"""cxl-window: loads and stores of a machine elsewhere as messages, decoded by its devices' own decoders. The
machine is a vfio-user client that programs them as its operating system would."""

import os
import subprocess
import unittest

from cxbpy.machine import Machine, binary
from cxbpy.qmp import QmpError
from cxbpy.vfiouser import CONFIG, MSI, MSIX, VfioUser
from servedmem import GIB, MIB, Device

BASE = 8 * GIB
PAGE, LINE = 4096, 64
ONES = b"\xff"
TAG = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"


def static(*names, size=512 * MIB):
    args = []
    for name in names:
        args += ["-object", f"memory-backend-ram,id=m-{name},size={size},share=on",
                 "-device", f"cxl-type3,id={name},volatile-memdev=m-{name}"]
    return args


class Window(unittest.TestCase):
    def start(self, names, devices=None, window=f"base={BASE:#x},size=4G"):
        serve = []
        for name in (*names, "w0"):
            serve += ["-object", f"x-vfio-user-server,id=s-{name},path=s-{name},device={name}"]
        self.m = Machine(["-M", "x-remote", *(devices or static(*names)), "-device", f"cxl-window,id=w0,{window}",
                          *serve], tutorial=False)
        self.addCleanup(self.m.end)
        self.qmp = self.m.qmp
        self.devices = [Device(self.m.dir, name) for name in names]
        for d in self.devices:
            self.addCleanup(d.vm.close)
        self.window = VfioUser(os.path.join(self.m.dir, "s-w0"))
        self.addCleanup(self.window.close)
        return self.devices

    def load(self, hpa, size=8, bar=0, base=BASE):
        return self.window.read(bar, hpa - base, size)

    def store(self, hpa, data, bar=0, base=BASE):
        self.window.write(bar, hpa - base, data)

    def counted(self):
        return tuple(self.qmp.cmd("qom-get", path="/machine/peripheral/w0", property=name)
                     for name in ("refused", "poisoned"))

    def bytes_of(self, backend, size, at=0):
        path = next(m["path"] for m in self.qmp.cmd("query-memdev") if m["id"] == backend)
        with open(path, "rb") as f:
            f.seek(at)
            return f.read(size)

    def put(self, backend, at, data):
        path = next(m["path"] for m in self.qmp.cmd("query-memdev") if m["id"] == backend)
        with open(path, "r+b") as f:
            f.seek(at)
            f.write(data)


class Function(Window):
    def test_what_it_is(self):
        """Nothing to be mapped, nothing that interrupts."""
        self.start(["t0"])
        c = self.window
        self.assertEqual([c.region(n)[:2] for n in range(6)], [(3, 4 * GIB)] + [(0, 0)] * 5)
        self.assertEqual([c.region(0)[3:], c.irq(MSI)[1], c.irq(MSIX)[1]], [([], None), 0, 0])
        c.write_int(CONFIG, 0x10, 4, 0xffffffff)
        c.write_int(CONFIG, 0x14, 4, 0xffffffff)
        self.assertEqual(c.read_int(CONFIG, 0x10, 8), (-4 * GIB & (1 << 64) - 1) | 0xc)

    def test_a_window_of_several_parts(self):
        base = 5 * GIB
        d, = self.start(["t0"], window=f"base={base:#x},size=4G")
        self.assertEqual([self.window.region(n)[1] for n in range(6)], [GIB, 0, 2 * GIB, 0, GIB, 0])
        for bar, at in ((0, base + 512 * MIB), (2, base + GIB), (4, base + 3 * GIB)):
            d.commit(at)
            first = {0: base, 2: base + GIB, 4: base + 3 * GIB}[bar]
            self.store(at + 16, b"%-8d" % bar, bar, first)
            self.assertEqual(self.bytes_of("m-t0", 8, 16), b"%-8d" % bar)
            d.uncommit()

    def refused(self, window, text, line=()):
        done = subprocess.run([binary(), "-M", "x-remote", *static("t0"), *line, "-device", "cxl-window,id=w0," + window],
                              capture_output=True, text=True, timeout=30)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(text, done.stderr)

    def test_what_it_cannot_be_is_said(self):
        for window, text in (
                ("base=0x180000000", "'cxl-window.size': 0x0 is not a multiple of 256 MiB"),
                ("base=0,size=100M", "'cxl-window.size': 0x6400000 is not a multiple"),
                ("base=0x8000000,size=1G", "'cxl-window.base': 0x8000000 is not a multiple of 256 MiB"),
                ("base=0xffffff0000000,size=1G", "below 2^52 behind it"),
                ("base=0x10000000,size=8G", "more than 3 powers of two"),
                ("base=0,size=1G,targets.0=t9", "Device 't9' not found"),
                ("base=0,size=1G,targets.1=t0", "Parameter 'targets.0' missing"),
                ("base=0,size=1G,targets.x=t0", "Parameter 'targets.x' is unexpected"),
                ("base=0,size=1G,targets.0=w1", "'w1' is not the id of a CXL memory device"),
                ("base=0,size=1G,refused=7", "'cxl-window.refused'")):
            with self.subTest(window):
                self.refused(window, text, ["-device", "cxl-window,id=w1,base=0,size=1G"])
        done = subprocess.run([binary(), "-M", "q35,cxl=on", "-device", "cxl-window,base=0,size=1G"],
                              capture_output=True, text=True, timeout=30)
        self.assertIn("cxl-window is of machine x-remote", done.stderr)


class OneWay(Window):
    def test_it_is_the_backend(self):
        d, = self.start(["t0"])
        self.assertEqual(self.load(BASE), ONES * 8)
        self.store(BASE, b"too soon")
        d.commit(BASE)
        self.assertEqual((self.load(BASE), self.counted()), (bytes(8), (2, 0)))
        for size in (1, 2, 4, 8, 24, 3 * PAGE + 5):
            data = bytes(range(1, 252)) * (size // 251 + 1)
            self.store(BASE + 7 * PAGE - 1, data[:size])
            self.assertEqual(self.bytes_of("m-t0", size, 7 * PAGE - 1), data[:size])
            self.assertEqual(self.load(BASE + 7 * PAGE - 1, size), data[:size])
        self.put("m-t0", 512 * MIB - 8, b"the last")
        self.assertEqual(self.load(BASE + 512 * MIB - 8), b"the last")
        self.assertEqual(self.counted(), (2, 0))
        # Half of it is beyond.
        self.assertEqual(self.load(BASE + 512 * MIB - 4), b"last" + ONES * 4)
        self.assertEqual(self.load(BASE + 4 * GIB - 8), ONES * 8)
        d.uncommit()
        self.assertEqual(self.load(BASE), ONES * 8)
        self.assertEqual(self.counted(), (5, 0))

    def test_two_devices_one_behind_the_other(self):
        first, second = self.start(["t0", "t1"])
        second.commit(BASE)
        first.commit(BASE + 512 * MIB)
        self.store(BASE + 512 * MIB - 4, b"pastover")
        self.assertEqual((self.bytes_of("m-t1", 4, 512 * MIB - 4), self.bytes_of("m-t0", 4)), (b"past", b"over"))

    def test_only_targets_have_it(self):
        first, second = self.start(["t0", "t1"], window=f"base={BASE:#x},size=4G,targets.0=t1")
        first.commit(BASE)
        self.assertEqual(self.load(BASE), ONES * 8)
        second.commit(BASE + GIB)
        self.assertEqual(self.load(BASE + GIB), bytes(8))

    def test_who_has_gone_does_not_answer(self):
        d, = self.start(["t0"])
        d.commit(BASE)
        d.vm.close()
        for _ in range(1000):
            if self.load(BASE) == ONES * 8:
                break
        self.assertEqual(self.load(BASE), ONES * 8)

    def test_poison_is_no_data(self):
        d, = self.start(["t0"])
        d.commit(BASE)
        self.put("m-t0", PAGE, b"x" * PAGE)
        self.qmp.cmd("cxl-inject-poison", path="t0", start=PAGE + LINE, length=2 * LINE)
        self.assertEqual(self.load(BASE + PAGE + LINE - 8), b"x" * 8)
        for at in (LINE, LINE + 56, 3 * LINE - 1):
            self.assertEqual(self.load(BASE + PAGE + at, 1), ONES)
        self.assertEqual(self.load(BASE + PAGE + 3 * LINE), b"x" * 8)
        self.assertEqual(self.counted(), (0, 3))
        # A store of less than a line leaves it bad.
        self.store(BASE + PAGE + LINE, b"y" * 8)
        self.assertEqual((self.load(BASE + PAGE + LINE), self.bytes_of("m-t0", 8, PAGE + LINE)), (ONES * 8, b"y" * 8))

    def test_only_accepted_capacity_answers(self):
        """A store is dropped, a load gives ones, next to an extent and after it has gone."""
        d, = self.start(["t0"], devices=["-device", "cxl-type3,id=t0,dc-region.0.size=512M,dc-region.1.size=512M,"
                                                    "dc-region.1.read-only=on"])
        d.commit(BASE, size=GIB)
        end = 2 * MIB
        for n, region in ((1, 0), (2, 1)):
            self.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"m{n}", size=end, share=True, tag=TAG[:-1] + str(n))
            self.put(f"m{n}", 0, b"offered!")
            self.qmp.cmd("cxl-add-dynamic-capacity", path="t0", host_id=0, region=region, tag=TAG[:-1] + str(n),
                         selection_policy="prescriptive", extents=[{"offset": 0, "len": end}])
            at = BASE + 512 * MIB * region
            self.assertEqual(self.load(at), ONES * 8)
            d.accept((at - BASE, end))
            self.assertEqual((self.load(at), self.load(at + end)), (b"offered!", ONES * 8))
        self.store(BASE + end - 8, b"accepted")
        self.store(BASE + end, b"rejected")
        self.store(BASE + 512 * MIB, b"readonly")
        self.assertEqual(self.load(BASE + end - 8), b"accepted")
        self.assertEqual(self.bytes_of("m2", 8), b"offered!")
        self.assertEqual(self.counted(), (6, 0))
        self.qmp.cmd("cxl-release-dynamic-capacity", path="t0", host_id=0, region=0, tag=TAG[:-1] + "1",
                     removal_policy="tag-based", forced_removal=True)
        self.assertEqual(self.load(BASE), ONES * 8)


class Interleaved(Window):
    def check(self, names, granularity):
        """Every granule of a stretch, both ways, by the arithmetic of CXL 3.1 8.2.4.20.13 with position 0
        first."""
        ways, span = len(names), 4 * len(names) * granularity
        data = b"".join(b"%08d" % n for n in range(span // 8))
        self.store(BASE, data)
        granules = [data[at:at + granularity] for at in range(0, span, granularity)]
        for position, name in enumerate(names):
            self.assertEqual(self.bytes_of("m-" + name, span // ways), b"".join(granules[position::ways]))
            self.put("m-" + name, 0, b"%-8s" % name.encode())
            self.assertEqual(self.load(BASE + position * granularity), b"%-8s" % name.encode())
        # Accesses of a processor, and one that goes over the border of two granules.
        for at in range(0, span, granularity):
            self.assertEqual(self.load(BASE + at + granularity - 8), data[at + granularity - 8:at + granularity])
        self.assertEqual(self.load(BASE + granularity - 8, 16)[:8], data[granularity - 8:granularity])

    def test_all_ways_and_granularities(self):
        names = [f"t{n}" for n in range(16)]
        devices = self.start(names, devices=static(*names, size=256 * MIB))
        for ways, granularity in ((2, 256), (2, 16384), (3, 4096), (4, 1024), (8, 256), (6, 512), (12, 256), (16, 256)):
            with self.subTest(ways=ways, granularity=granularity):
                order = list(range(ways))[::-1]
                for n in order:
                    devices[n].commit(BASE, size=256 * MIB * ways, ways=ways, granularity=granularity)
                self.check([names[n] for n in order], granularity)
                for n in order:
                    devices[n].uncommit()
        self.assertEqual(self.counted(), (0, 0))

    def test_a_set_answers_when_it_is_whole(self):
        first, second = self.start(["t0", "t1"])
        first.commit(BASE, size=GIB, ways=2)
        self.assertEqual(self.load(BASE), ONES * 8)
        second.commit(BASE, size=GIB, ways=2)
        self.assertEqual(self.load(BASE), bytes(8))
        self.store(BASE + GIB - 8, b"the last")
        self.assertEqual(self.bytes_of("m-t1", 8, 512 * MIB - 8), b"the last")
        second.vm.reset()
        self.assertEqual(self.load(BASE), ONES * 8)

    def test_poison_is_of_one_device(self):
        first, second = self.start(["t0", "t1"])
        for d in (second, first):
            d.commit(BASE, size=GIB, ways=2)
        self.qmp.cmd("cxl-inject-poison", path="t1", start=256, length=LINE)
        bad = [at for at in range(0, 2048, LINE) if self.load(BASE + at) == ONES * 8]
        self.assertEqual(bad, [512])

    def test_sets_one_behind_the_other(self):
        first, second = self.start(["t0", "t1"])
        for d in (first, second):
            d.commit(BASE, size=512 * MIB, ways=2)
        for d in (second, first):
            d.commit(BASE + 512 * MIB, size=512 * MIB, ways=2, granularity=4096, n=1)
        self.store(BASE + 256, b"position")
        self.store(BASE + 512 * MIB, b"and back")
        self.assertEqual((self.bytes_of("m-t1", 8), self.bytes_of("m-t1", 8, 256 * MIB)), (b"position", b"and back"))


if __name__ == "__main__":
    unittest.main()
