# SPDX-License-Identifier: Apache-2.0
"""A CXL accelerator passed through to a machine: its memory in a window, its registers in a BAR."""

import os
import subprocess
import tempfile
import threading
import unittest

from accelerator import BLOCK, HDM_IN_ARRAY, MEMORY, Accelerator
from cxbpy.machine import Machine, binary
from served_type2 import ServedType2

MIB = 1 << 20
WINDOW = 0x110000000
BAR = 0xc8000000        # where the test places BAR 0
ONES = 0xffffffff


class Base(unittest.TestCase):
    absorbs = False
    hdm = HDM_IN_ARRAY      # the decoders, from the capability array on
    cxl_resets = True       # the guest's CXL reset is one of the device

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="cxlbox-")
        self.addCleanup(self.dir.cleanup)
        self.n = 0

    def accelerator(self, **knobs):
        self.n += 1
        a = Accelerator(f"{self.dir.name}/dev{self.n}.sock", absorbs=self.absorbs, **knobs)
        self.addCleanup(a.end)
        return a

    @staticmethod
    def device(a, port="rp0", **props):
        more = "".join(f",{k.replace('_', '-')}={v}" for k, v in props.items())
        return ["-device",
                f"vfio-user-pci,bus={port},id=gpu-{port},socket.type=unix,socket.path={a.path}{more}"]

    @staticmethod
    def line(*devices, window="1G"):
        fmw = f",cxl-fmw.0.targets.0=c,cxl-fmw.0.size={window}" if window else ""
        return ["-M", "q35,cxl=on" + fmw, "-m", "256M", "-accel", "qtest",
                "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=c,hdm_for_passthrough=on",
                "-device", "cxl-rp,port=0,bus=c,id=rp0,chassis=0,slot=1",
                "-device", "cxl-rp,port=1,bus=c,id=rp1,chassis=0,slot=2",
                *(word for d in devices for word in d)]

    def start(self, *devices, extra=(), **more):
        with open(f"{self.dir.name}/stderr", "w", encoding="utf-8") as stderr:
            m = Machine([*self.line(*devices, **more), *extra], tutorial=False, qtest=True,
                        stderr=stderr)
        self.addCleanup(m.end)
        return m

    def said(self, text):
        with open(f"{self.dir.name}/stderr", encoding="utf-8") as f:
            return f.read().count(text)

    def refused(self, text, *devices, **more):
        p = subprocess.run([binary(), *self.line(*devices, **more)], capture_output=True, text=True,
                           timeout=60, check=False, stdin=subprocess.DEVNULL)
        self.assertEqual(p.returncode, 1, p.stderr)
        self.assertIn(text, p.stderr)

    def config(self, m, bdf, off, value=None, size=4):
        at = 0xb0000000 | bdf << 12 | off
        if value is None:
            return m.qtest.readl(at)
        return getattr(m.qtest, "write" + {1: "b", 2: "w", 4: "l"}[size])(at, value)

    def place(self, m, bar=BAR, port=0):
        """Numbers, windows and the BAR, as firmware gives them."""
        rp = 12 << 8 | port << 3
        self.config(m, rp, 0x18, 0x000d0d0c)
        self.config(m, rp, 0x20, (bar >> 16 & 0xfff0) | (bar & 0xfff00000) + 0x100000 - 1 & 0xfff00000)
        self.config(m, rp, 0x04, 6, 2)
        self.config(m, 0xd00, 0x10, bar)
        self.config(m, 0xd00, 0x14, 0)
        self.config(m, 0xd00, 0x04, 6, 2)

    def regs(self, bar=BAR):
        """Where the decoders are."""
        return bar + BLOCK + 0x1000 + self.hdm

    def both_ways(self, m, a, base=WINDOW):
        for off in (0, MEMORY // 2, MEMORY - 4096):
            m.qtest.writeq(base + off, 0x1122334455667788 + off)
            self.assertEqual(a.bytes_at(off, 8),
                             (0x1122334455667788 + off).to_bytes(8, "little"))
            a.pattern(off + 8, bytes(range(8)))
            self.assertEqual(m.qtest.read(base + off + 8, 8), bytes(range(8)))

    def nowhere(self, m, a, base=WINDOW):
        before = a.bytes_at(0, 8)
        m.qtest.writeq(base, 0x5555aaaa5555aaaa)
        self.assertEqual(a.bytes_at(0, 8), before)
        self.assertEqual(m.qtest.readq(base), 0xffffffffffffffff)


class Emulated(Base):
    def test_memory_is_in_the_window_from_the_start(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.both_ways(m, a)
        # Behind it the window answers, and nothing is hurt.
        m.qtest.writeq(WINDOW + MEMORY, 1)
        self.assertEqual(m.qtest.readq(WINDOW + MEMORY), 0xffffffffffffffff)
        self.both_ways(m, a)

    def test_the_guest_reads_its_own_address(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        r = self.regs()
        self.assertEqual([m.qtest.readl(r + off) for off in (0x10, 0x14, 0x18, 0x1c, 0x20)],
                         [WINDOW & 0xf0000000, WINDOW >> 32, MEMORY, 0, 0x700])
        self.assertEqual(m.qtest.readq(r + 0x10), WINDOW)
        # Next to the block the BAR answers.
        self.assertEqual(m.qtest.readl(BAR + 0x100), 0x5c000100)
        m.qtest.writel(BAR + 0x100, 7)
        self.assertEqual(int.from_bytes(a.bar_at(0x100, 4), "little"), 7)
        # So it is where the BAR is moved to.
        self.place(m, BAR + 0x1000000)
        self.assertEqual(m.qtest.readl(self.regs(BAR + 0x1000000) + 0x14), WINDOW >> 32)

    def test_registers_are_accessed_by_dwords(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        a.log.clear()
        r = self.regs()
        self.assertEqual((m.qtest.readb(r + 0x20), m.qtest.readw(r + 0x20)), (0xff, 0xffff))
        m.qtest.writeb(r + 0x20, 0)
        m.qtest.writew(r + 0x20, 0)
        self.assertEqual(a.log, [])
        m.qtest.readq(r + 0x10)
        hdm = 0 if self.absorbs else self.hdm
        self.assertEqual(a.log, [("r", hdm + 0x10), ("r", hdm + 0x14)])
        self.both_ways(m, a)

    def test_the_guest_moves_memory(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        r, q = self.regs(), m.qtest
        q.writel(r + 0x20, 0x600)       # unlocked
        q.writel(r + 0x10, (WINDOW + MEMORY) & 0xf0000000)
        self.both_ways(m, a)
        q.writel(r + 0x20, 0x200)
        self.both_ways(m, a, WINDOW + MEMORY)
        self.nowhere(m, a)
        q.writel(r + 0x20, 0)
        self.nowhere(m, a, WINDOW + MEMORY)
        # In no window: nowhere, and nothing breaks.
        q.writel(r + 0x10, 0)
        q.writel(r + 0x20, 0x200)
        self.assertEqual(q.readl(r + 0x20), 0x600)
        q.writel(r + 0x20, 0)
        q.writel(r + 0x10, WINDOW & 0xf0000000)
        q.writel(r + 0x20, 0x200)
        self.both_ways(m, a)

    def test_a_reset_puts_it_back(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        for _ in range(2):
            self.place(m)
            m.qtest.writel(self.regs() + 0x20, 0x600)
            m.qtest.writel(self.regs() + 0x20, 0)
            self.nowhere(m, a)
            before = a.resets
            m.qmp.cmd("system_reset")
            self.assertEqual(a.resets, before + 1)
            self.both_ways(m, a)

    def test_resets_of_the_function_put_it_back(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        for off, value in ((0x110, 4), (0x88, 0x8000)):     # CXL reset, function level reset
            self.place(m)
            m.qtest.writel(self.regs() + 0x20, 0x600)
            m.qtest.writel(self.regs() + 0x20, 0)
            self.nowhere(m, a)
            before = a.resets
            self.config(m, 0xd00, off, value, 2)
            if off == 0x88 or self.cxl_resets:
                self.assertEqual(a.resets, before + 1)
                self.both_ways(m, a)
            else:
                self.assertEqual(a.resets, before)
                self.nowhere(m, a)

    def test_what_nobody_committed_the_guest_commits(self):
        a = self.accelerator(committed=False)
        m = self.start(self.device(a))
        self.place(m)
        self.nowhere(m, a)
        self.assertNotIn("w", [entry[0] for entry in a.log])
        r, q = self.regs(), m.qtest
        q.writeq(r + 0x10, WINDOW + MEMORY)
        q.writeq(r + 0x18, MEMORY)
        q.writel(r + 0x20, 0x300)
        self.both_ways(m, a, WINDOW + MEMORY)
        m.qmp.cmd("system_reset")
        self.nowhere(m, a, WINDOW + MEMORY)

    def test_it_comes_and_goes(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        for _ in range(3):
            self.both_ways(m, a)
            m.qmp.cmd("device_del", id="gpu-rp0")
            self.assertEqual(m.qmp.wait_event("DEVICE_DELETED")["data"]["device"], "gpu-rp0")
            self.nowhere(m, a)
            m.qmp.cmd("device_add", driver="vfio-user-pci", bus="rp0", id="gpu-rp0",
                      socket={"type": "unix", "path": a.path})
        self.both_ways(m, a)

    def test_a_device_that_dies_takes_its_memory_along(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        self.both_ways(m, a)
        a.kill()
        # It is noticed with the next access at the latest.
        self.assertEqual(m.qtest.readl(self.regs() + 0x10), ONES)
        self.nowhere(m, a)
        # Nor does a guest get it back that commits the decoder.
        for off, value in ((0x20, 0), (0x10, WINDOW & 0xf0000000), (0x14, WINDOW >> 32),
                           (0x18, MEMORY & 0xf0000000), (0x1c, MEMORY >> 32), (0x20, 0x200)):
            m.qtest.writel(self.regs() + off, value)
        self.nowhere(m, a)
        m.qmp.cmd("system_reset")
        self.nowhere(m, a)
        self.assertEqual(self.said("the device is lost"), 1)
        m.qmp.cmd("device_del", id="gpu-rp0")
        m.qmp.wait_event("DEVICE_DELETED")
        a.revive()
        m.qmp.cmd("device_add", driver="vfio-user-pci", bus="rp0", id="gpu-rp0",
                  socket={"type": "unix", "path": a.path})
        self.both_ways(m, a)

    def test_a_device_that_dies_under_load(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        self.both_ways(m, a)
        ended = threading.Event()

        def load():
            while not ended.is_set():
                m.qtest.writeq(WINDOW + 4096, 1)
                m.qtest.readq(WINDOW + 4096)
                m.qtest.readl(self.regs() + 0x10)

        t = threading.Thread(target=load)
        t.start()
        try:
            m.qmp.cmd("query-status")
            a.kill()
            m.qmp.cmd("system_reset")
        finally:
            ended.set()
            t.join()
        self.config(m, 12 << 8, 0x18, 0x000d0d0c)
        self.assertEqual(self.config(m, 0xd00, 0), ONES)
        self.nowhere(m, a)
        self.assertEqual(self.said("the device is lost"), 1)

    def test_memory_that_is_cut_short_is_a_failed_access(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.both_ways(m, a)
        os.ftruncate(a.mem, 0)
        self.assertEqual(m.qtest.readq(WINDOW), 0xffffffffffffffff)
        m.qtest.writeq(WINDOW, 1)
        os.ftruncate(a.mem, MEMORY)
        self.both_ways(m, a)

    def test_a_read_that_fails_is_all_ones(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        a.reads_fail(True)
        for _ in range(3):
            self.assertEqual(m.qtest.readl(self.regs() + 0x10), ONES)
        a.reads_fail(False)
        self.assertEqual(m.qtest.readl(self.regs() + 0x14), WINDOW >> 32)
        self.assertEqual(self.said("cannot be read: Input/output error"), 1)
        self.both_ways(m, a)

    def test_two_devices_share_no_address(self):
        a, b = self.accelerator(), self.accelerator()
        self.refused("overlaps that of '/machine/peripheral/gpu-rp0'", self.device(a),
                     self.device(b, "rp1"))
        a, b = self.accelerator(), self.accelerator()
        m = self.start(self.device(a), self.device(b, "rp1", cxl_fmws_base=WINDOW + MEMORY))
        self.both_ways(m, a)
        self.both_ways(m, b, WINDOW + MEMORY)

    def test_the_machine_does_not_start_without_the_memory(self):
        for text, props, more in (
                ("no fixed memory window leads to", {}, {"window": None}),
                ("is not a multiple of 256 MiB", {"cxl_fmws_base": WINDOW + 1}, {}),
                ("is in no fixed memory window", {"cxl_fmws_base": 1 << 40}, {}),
                ("runs past the end of cxl-fmw.0",
                 {"cxl_fmws_base": WINDOW + (1 << 30) - MEMORY // 2}, {})):
            with self.subTest(text):
                if "past" in text:
                    more = {"window": "256M"}
                    props = {}
                    a = self.accelerator(size=2 * MEMORY)
                else:
                    a = self.accelerator()
                self.refused(text, self.device(a, **props), **more)

    def test_what_is_wrong_with_it_is_said(self):
        for text, knobs in (
                ("has no region of device memory", {"mem_index": 300}),
                ("has no region of component registers", {"regs_index": 300}),
                ("cannot be mapped as a whole", {"mem_flags": 1 | 2 | 8}),
                ("is not a multiple of 256 MiB", {"size": MEMORY // 2}),
                ("cannot read", {"fail": {"r"}})):
            with self.subTest(text):
                self.refused(text, self.device(self.accelerator(**knobs)))

    def test_numbers_of_regions_mean_nothing(self):
        a = self.accelerator(mem_index=10, regs_index=9)
        m = self.start(self.device(a))
        self.both_ways(m, a)

    def test_what_happens_can_be_traced(self):
        a = self.accelerator()
        m = self.start(self.device(a), extra=["-trace", "vfio_cxl_*"])
        m.qmp.cmd("device_del", id="gpu-rp0")
        m.qmp.wait_event("DEVICE_DELETED")
        m.end()
        for event in ("vfio_cxl_setup_params", "vfio_cxl_bar_subregion", "vfio_cxl_locked_hdm",
                      "vfio_cxl_put_device"):
            self.assertTrue(self.said(event), event)

    def test_memory_of_a_virt_machine_is_let_where_it_is(self):
        a = self.accelerator()
        line = self.line(self.device(a))
        line[1] = line[1].replace("q35", "virt")
        m = Machine(line, tutorial=False, qtest=True)
        self.addCleanup(m.end)
        self.assertEqual(a.dma, [(0x40000000, 256 * MIB)])
        self.both_ways(m, a, 0x10000000000)

    def test_it_dies_while_it_is_looked_at(self):
        for at in range(1, 16, 3):
            with self.subTest(at):
                a = self.accelerator(die_at=at)
                self.refused("gpu-rp0: the device is lost", self.device(a))


class Absorbed(Emulated):
    absorbs = True


class EmulatedAlone(Base):
    """What only a device that emulates its registers can do wrong."""

    def test_one_slow_answer_after_the_other_is_too_much(self):
        """Each is in time, but the machine would stand still."""
        a = self.accelerator()
        m = self.start(self.device(a, x_msg_timeout=2000))
        self.place(m)
        a.delay = 1
        self.assertEqual(m.qtest.readl(self.regs() + 0x14), WINDOW >> 32)
        for _ in range(100):
            if m.qtest.readl(self.regs() + 0x14) == ONES:
                break
        self.assertEqual(self.said("the device is lost: its answers are late by more than 2000 ms together"), 1)
        self.nowhere(m, a)

    def test_accesses_are_those_that_were_published(self):
        a = self.accelerator(locked=True)
        self.start(self.device(a))
        self.assertEqual(self.said("the decoder was still locked"), 1)
        writes = [entry[1:] for entry in a.log if entry[0] == "w"]
        once = [(0x60, 0x600), (0x50, WINDOW & 0xf0000000), (0x54, WINDOW >> 32),
                (0x58, MEMORY), (0x5c, 0), (0x60, 0x700)]
        # When windows are there, and after the reset that a machine begins with.
        self.assertEqual(writes, once * 2)

    def test_a_decoder_that_does_not_move_is_refused(self):
        for text, knobs in (("did not take its base", {"stuck": True}),
                            ("does not commit in time", {"never": True}),
                            ("cannot write", {"fail": {"w"}}),
                            ("capability array has id", {"array": [2]}),
                            ("has no HDM decoder capability", {"array": [0x110001]}),
                            ("runs past the end", {"array": [0xff110001]})):
            with self.subTest(text):
                self.refused(text, self.device(self.accelerator(**knobs)))

    def test_each_access_that_fails_is_refused(self):
        for at in range(12, 34, 3):
            with self.subTest(at):
                a = self.accelerator(fail_at=at)
                self.refused("HDM decoder register", self.device(a))
                self.assertEqual(a.hdm[0x10], 0)


if __name__ == "__main__":
    unittest.main()
