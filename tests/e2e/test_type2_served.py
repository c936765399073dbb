# SPDX-License-Identifier: Apache-2.0
"""A cxl-type2 of one cxlbox passed through to a machine of another: what holds of any accelerator holds of
it, and each thing that can be wrong with it is refused or does no harm."""

import unittest

import test_vfio_cxl as any_accelerator
from accelerator import MEMORY
from cxbpy.qmp import QmpError
from served_type2 import ServedType2

WINDOW, BAR = any_accelerator.WINDOW, any_accelerator.BAR
H = 0x128               # the decoders, from the capability array on
REFUSED = {
    "no-types": "has no region of device memory",
    "no-memory": "has no region of device memory",
    "no-registers": "has no region of component registers",
    "memory-unmappable": "cannot be mapped as a whole",
    "memory-empty": "device memory is empty",
    "memory-odd": "is not a multiple of 256 MiB",
    "memory-short": "the region's file of 0x8000000 bytes ends before",
    "two-decoders": "2 HDM decoders",
    "interleaved": "HDM decoder 0 is interleaved",
    "gated": "cannot read",
    "access-short": "cannot read",
    "access-eio": "cannot read",
    "access-einval": "cannot read",
    "access-hangup": "the device is lost",
    "areas-unaligned": "is not whole pages",
    "areas-wrap": "is not whole pages",
    "areas-many": "areas are more than it can have",
    "caps-loop": "is not behind it",
    "caps-back": "is not behind it",
    "caps-short": "cut short",
}
REFUSED_EMULATED = {
    "array-id": "capability array has id",
    "array-without-hdm": "has no HDM decoder capability",
    "array-pointer": "points to 0xfff, where it cannot be",
    "array-endless": "runs past the end",
    "base-ignored": "did not take its base",
    "never-committed": "does not commit in time",
    "commit-error": "does not commit: its error bit is set",
}
LIVED_WITH = ("areas-none", "areas-over-registers")


class Emulated(any_accelerator.Emulated):
    profile = "emulated"
    hdm = H
    cxl_resets = False
    faults = {**REFUSED, **REFUSED_EMULATED}

    def accelerator(self, committed=True, mem_index=9, regs_index=10, die_at=0, **props):
        self.n += 1
        if die_at:
            props.update(fault="access-hangup", fault_at=die_at)
        a = ServedType2(f"{self.dir.name}/dev{self.n}.sock", profile=self.profile,
                        firmware_committed="on" if committed else "off",
                        swap_regions="on" if mem_index > regs_index else "off", **props)
        self.addCleanup(a.end)
        return a

    def test_what_is_wrong_with_it_is_said(self):
        a = self.accelerator()
        for fault, text in self.faults.items():
            with self.subTest(fault):
                a.set(fault=fault)
                self.refused(text, self.device(a))
        a.set(fault="none")
        self.both_ways(self.start(self.device(a)), a)

    def test_what_is_odd_is_lived_with(self):
        a = self.accelerator()
        for fault in LIVED_WITH:
            with self.subTest(fault):
                a.set(fault=fault)
                m = self.start(self.device(a))
                self.place(m)
                self.both_ways(m, a)
                self.assertEqual(m.qtest.readl(self.regs() + 0x14), WINDOW >> 32)
                m.end()

    def test_each_access_that_fails_is_refused(self):
        a = self.accelerator()
        for kind in ("eio", "short", "einval"):
            for at in range(1, 14, 4):
                with self.subTest(kind=kind, at=at):
                    a.set(fault="access-" + kind, fault_at=at)
                    self.refused("cannot ", self.device(a))
        a.set(fault="none")
        self.both_ways(self.start(self.device(a)), a)

    def test_memory_of_a_virt_machine_is_let_where_it_is(self):
        a = self.accelerator()
        line = self.line(self.device(a))
        line[1] = line[1].replace("q35", "virt")
        m = any_accelerator.Machine(line, tutorial=False, qtest=True)
        self.addCleanup(m.end)
        self.both_ways(m, a, 0x10000000000)

    def test_a_reset_leaves_or_clears_memory(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        m.qtest.writeq(WINDOW + 64, 7)
        m.qmp.cmd("system_reset")
        self.assertEqual(m.qtest.readq(WINDOW + 64), 0 if self.absorbs else 7)

    def test_a_cxl_reset_of_the_guest_reads_as_done(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        m.qtest.writeq(WINDOW, 7)
        self.config(m, 0xd00, 0x110, 0xc, 2)    # with memory
        self.assertEqual(self.config(m, 0xd00, 0x110) & 0x20004, 0x20000 if self.absorbs else 0)
        self.assertEqual(m.qtest.readq(WINDOW), 0 if self.absorbs else 7)

    def test_what_is_beside_the_block_is_the_devices(self):
        a = self.accelerator()
        m = self.start(self.device(a))
        self.place(m)
        for off in (0x100, 0x20100):
            self.assertEqual(m.qtest.readl(BAR + off), 0x5c000000 | off)
        m.qtest.writel(BAR + 0x20100, 9)
        self.assertEqual(a.bar_at(0x20100, 4), b"\x09\0\0\0")

    # One that is unlocked is looked at, moved and looked at, each time.
    DECODER = [("r", H + off) for off in (0x20, 0x10, 0x14, 0x18, 0x1c)]
    LOOK = [("r", H), ("r", H + 4), *DECODER]
    WALK = [("r", off) for off in (0, 4, 8, 0xc, 0x10, H)]
    MOVE = [("w", H + 0x10, WINDOW & 0xf0000000), ("w", H + 0x14, WINDOW >> 32),
            ("w", H + 0x18, MEMORY), ("w", H + 0x1c, 0), ("w", H + 0x20, 0x700)]
    VERIFY = [("r", H + off) for off in (0x20, 0x10, 0x14, 0x18, 0x1c)]

    def test_accesses_are_these_and_no_others(self):
        a = self.accelerator()
        self.start(self.device(a))
        once = [*self.LOOK, *self.DECODER, *self.MOVE, *self.VERIFY]
        self.assertEqual(list(a.log), [*self.WALK, *self.LOOK, *once, *once])

    def test_a_lock_that_is_left_costs_one_more(self):
        a = self.accelerator(fault="lock-left")
        self.start(self.device(a))
        once = [*self.LOOK, *self.DECODER, ("w", H + 0x20, 0x600), *self.MOVE, *self.VERIFY]
        self.assertEqual(list(a.log), [*self.WALK, *self.LOOK, *once, *once])
        self.assertEqual(self.said("the decoder was still locked"), 1)


class Absorbed(Emulated):
    profile = "absorbed"
    absorbs = True
    cxl_resets = True
    faults = REFUSED

    def test_accesses_are_these_and_no_others(self):
        """All that is written is the machine's affair, but reads are live."""
        a = self.accelerator()
        self.start(self.device(a))
        look = [(kind, off - H) for kind, off in self.LOOK]
        decoder = [(kind, off - H) for kind, off in self.DECODER]
        once = [*look, *decoder, *decoder]
        self.assertEqual(list(a.log), [*look, *once, *once])

    def test_a_lock_that_is_left_costs_one_more(self):
        """It is left by all, and not to be seen by the guest."""
        a = self.accelerator()
        m = self.start(self.device(a))
        self.assertEqual(self.said("the decoder was still locked"), 0)
        self.place(m)
        self.assertEqual(m.qtest.readl(self.regs() + 0x20), 0x700)

    def test_faults_of_a_copy_are_not_of_it(self):
        a = self.accelerator()
        for fault in (*REFUSED_EMULATED, "lock-left"):
            with self.assertRaisesRegex(QmpError, f"fault {fault} is of devices with profile=emulated"):
                a.set(fault=fault)
        with self.assertRaisesRegex(QmpError, "rust"):
            a.set(fault="rust")
        self.both_ways(self.start(self.device(a)), a)


class Off(any_accelerator.Base):
    hdm = H

    def test_it_is_a_plain_function(self):
        a = ServedType2(f"{self.dir.name}/dev.sock", profile="off")
        self.addCleanup(a.end)
        m = self.start(self.device(a))
        self.place(m)
        self.nowhere(m, a)
        self.assertEqual(m.qtest.readl(BAR + any_accelerator.BLOCK + 0x1000) & 0xffff, 1)
        self.assertEqual(m.qtest.readl(self.regs() + 0x20) & 0x600, 0x600)
        with self.assertRaisesRegex(QmpError, "fault gated is of devices that machine x-remote serves, with a profile"):
            a.set(fault="gated")


if __name__ == "__main__":
    unittest.main()
