# SPDX-License-Identifier: Apache-2.0
"""What Linux's proposals say that a VMM finds of an accelerator, asked of a served cxl-type2 message by message."""

import errno
import mmap
import os
import tempfile
import unittest

from accelerator import CXL, MEMORY
from cxbpy.vfiouser import CONFIG, VfioUser
from served_type2 import ServedType2

PAGE = 4096
BLOCK, ARRAY, H = 0x10000, 0x11000, 0x128   # component-at=middle; the decoders, from the array on
BAR_SIZE = 0x40000
HOST_BASE = 0x2000000000
DVSEC = 0x100
CONTROL, STATUS, CONTROL2, STATUS2, LOCK = (DVSEC + n for n in (0xc, 0xe, 0x10, 0x12, 0x14))
RANGE1 = DVSEC + 0x18
RW, MMAP, CAPS = 3, 4, 8
SPARSE, TYPE, COMP_REGS = 1, 2, 6
ONES = 0xffffffff


class Any(unittest.TestCase):
    profile = None

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="cxlbox-")
        self.addCleanup(self.dir.cleanup)
        self.a = ServedType2(f"{self.dir.name}/dev.sock", profile=self.profile)
        self.addCleanup(self.a.end)
        self.c = self.connect()
        self.mem, self.regs = self.find(1), self.find(2)

    def connect(self):
        c = VfioUser(self.a.path)
        self.addCleanup(c.close)
        return c

    def find(self, subtype):
        """The region's number, flags, size, capabilities, file: by its type alone."""
        found = []
        for index in range(9, self.c.info()[1]):
            flags, size, caps, fd = self.c.region_caps(index)
            if caps[TYPE] == CXL.to_bytes(4, "little") + subtype.to_bytes(4, "little"):
                found.append((index, flags, size, caps, fd))
            elif fd is not None:
                os.close(fd)
        (one,) = found
        if one[4] is not None:
            self.addCleanup(os.close, one[4])
        return one

    def refused(self, number, call, *args):
        with self.assertRaises(OSError) as caught:
            call(*args)
        self.assertEqual(caught.exception.errno, number)

    def reg(self, off, value=None):
        """A register of the decoders."""
        at = off + self.hdm
        if value is None:
            return self.c.read_int(self.regs[0], at, 4)
        return self.c.write_int(self.regs[0], at, 4, value)

    def config(self, off, size, value=None):
        if value is None:
            return self.c.read_int(CONFIG, off, size)
        return self.c.write_int(CONFIG, off, size, value)

    def test_the_device_says_that_it_is_one(self):
        self.assertEqual(self.c.info(), (0x203, 11, 5))

    def test_memory_is_a_file_and_messages(self):
        index, flags, size, _, fd = self.mem
        self.assertEqual((flags, size), (RW | MMAP | CAPS, MEMORY))
        with mmap.mmap(fd, MEMORY) as m:
            for at in (0, MEMORY // 2, MEMORY - PAGE):
                m[at:at + 4] = b"map!"
                self.assertEqual(self.c.read(index, at, 4), b"map!")
                self.c.write(index, at + 4, b"by message")
                self.assertEqual(m[at + 4:at + 14], b"by message")
        self.assertEqual(len(self.c.read_some(index, MEMORY - 5, 16)), 5)
        for at in (MEMORY, MEMORY + PAGE, (1 << 64) - 8):
            self.refused(errno.EINVAL, self.c.read, index, at, 8)
            self.refused(errno.EINVAL, self.c.write, index, at, bytes(8))

    def test_registers_cannot_be_mapped_and_are_dwords(self):
        index, flags, size, _, fd = self.regs
        self.assertEqual((flags, fd), (RW | CAPS, None))
        for off, count in ((0, 1), (0, 2), (1, 4), (2, 4), (size, 4), (size + 4, 4), (0, 6), ((1 << 64) - 4, 4)):
            with self.subTest((off, count)):
                self.refused(errno.EINVAL, self.c.read, index, off, count)
                self.refused(errno.EINVAL, self.c.write, index, off, bytes(count))

    def test_size_is_that_of_the_region(self):
        self.assertEqual(self.reg(0x1c) << 32 | self.reg(0x18), self.mem[2])
        self.assertEqual(self.reg(0) & 0xf, 0)
        self.assertEqual(self.reg(4), 2)
        self.assertEqual(self.reg(0x20) & 0xff, 0)

    def test_control_2_is_a_doorbell(self):
        for size in (1, 2):
            self.config(CONTROL2, size, 4)
            self.assertEqual(self.config(CONTROL2, size), 0)
        self.config(CONTROL2, 2, 2)
        self.assertEqual(self.config(CONTROL2, 4), 0x10000 | self.config(STATUS2, 2) << 16 & 0xfffe0000)

    def test_neighbours_in_configuration_space_stay(self):
        self.config(CONTROL, 2, 0x7)
        before = self.config(CONTROL, 2)
        self.config(CONTROL + 1, 1, 0)
        self.assertEqual(self.config(CONTROL, 2) & 0xff, before & 0xff)
        self.config(CONTROL, 4, before)
        self.assertEqual(self.config(CONTROL, 2), before)
        for off in range(RANGE1, RANGE1 + 8, 4):
            was = self.config(off, 4)
            self.config(off, 4, ~was & ONES)
            self.assertEqual(self.config(off, 4), was)

    def test_what_a_guest_made_of_configuration_space_is_gone_with_it(self):
        def looks():
            return [self.config(off, 2) for off in range(DVSEC + 0xa, DVSEC + 0x38, 2)]

        def comes_again():
            self.c.close()
            self.c = self.connect()

        before = looks()
        for again in (comes_again, lambda: self.c.reset()):  # pylint: disable=unnecessary-lambda
            self.config(RANGE1 + 8, 4, 0x12345678)
            self.config(CONTROL2, 2, 9)
            self.config(LOCK, 2, 1)
            self.assertEqual(self.config(LOCK, 2), 0 if self.profile == "absorbed" else 1)
            self.assertEqual(self.config(RANGE1 + 8, 4), 0 if self.profile == "absorbed" else 0x12345678)
            again()
            now = looks()
            now[4] = before[4]      # Status 2 tells of the reset
            self.assertEqual(now, before)
            self.config(CONTROL, 2, 0)
            self.assertNotEqual(self.config(CONTROL, 2), before[1])
            comes_again()

    def test_what_is_not_said_to_be_there_is_not(self):
        for fault, index in (("no-memory", self.mem[0]), ("memory-empty", self.mem[0]), ("no-registers", self.regs[0])):
            self.a.set(fault=fault)
            self.assertEqual(self.c.region_caps(index)[1], 0)
            self.refused(errno.EINVAL, self.c.read, index, 0, 4)
            self.refused(errno.EINVAL, self.c.write, index, 0, bytes(4))
        self.a.set(fault="memory-odd")
        self.refused(errno.EINVAL, self.c.read, self.mem[0], MEMORY - PAGE, 4)
        self.a.set(fault="access-hangup")
        with self.assertRaises((EOFError, ConnectionError)):
            self.c.write_multi([(self.regs[0], self.hdm, bytes(4))])
        self.a.set(fault="none")
        self.connect().reset()

    def test_it_is_found_again_as_it_was(self):
        before = [self.reg(off) for off in (0, 4, 0x10, 0x14, 0x18, 0x1c, 0x20)]
        self.reg(0x10, 0x10000000)
        self.reg(0x20, 0)
        self.c.close()
        self.c = self.connect()
        self.assertEqual([self.reg(off) for off in (0, 4, 0x10, 0x14, 0x18, 0x1c, 0x20)], before)


class Emulated(Any):
    profile = "emulated"
    hdm = H

    def test_the_region_begins_with_the_array(self):
        self.assertEqual(self.regs[2], H + 0x30)
        self.assertEqual(self.c.read_int(self.regs[0], 0, 4) & 0xffff, 1)
        entries = [self.c.read_int(self.regs[0], 4 * n, 4)
                   for n in range(1, 1 + (self.c.read_int(self.regs[0], 0, 4) >> 24))]
        self.assertEqual({e & 0xffff: e >> 20 for e in entries}[5], H)
        self.assertNotIn(entries[0] & 0xffff, range(1, 16))     # one that is unknown comes first
        for off in (0, 4, H - 4):
            was = self.c.read_int(self.regs[0], off, 4)
            self.c.write_int(self.regs[0], off, 4, ~was & ONES)
            self.assertEqual(self.c.read_int(self.regs[0], off, 4), was)
        self.refused(errno.EINVAL, self.c.read, self.regs[0], 0, 8)

    def test_nothing_of_the_block_is_in_the_bar(self):
        flags, size, caps, fd = self.c.region_caps(0)
        os.close(fd)
        self.assertEqual((flags, size), (RW | MMAP | CAPS, BAR_SIZE))
        self.assertEqual(areas(caps[SPARSE]), [(0, BLOCK), (BLOCK + 0x10000, BAR_SIZE - BLOCK - 0x10000)])
        for off in (BLOCK, ARRAY, ARRAY + H, BLOCK + 0xfffc):
            self.c.write_int(0, off, 4, 0)
            self.assertEqual(self.c.read_int(0, off, 4), ONES)
        self.assertEqual(self.c.read_int(0, BLOCK - 4, 4), 0x5c000000 | BLOCK - 4)

    def test_a_decoder_that_takes_a_base_and_locks(self):
        self.assertEqual([self.reg(off) for off in (0x10, 0x14, 0x20)], [0, 0, 0x600])
        self.reg(0x10, 0x9abcd123)
        self.reg(0x14, 8)
        self.assertEqual([self.reg(0x10), self.reg(0x14)], [0x90000000, 8])
        self.reg(0x20, 0x700)
        self.assertEqual(self.reg(0x20), 0x700)
        for off in (0x10, 0x14, 0x18, 0x1c):
            was = self.reg(off)
            self.reg(off, ~was & ONES)
            self.assertEqual(self.reg(off), was)
        self.reg(0x20, 0x100)           # locked: not heard
        self.assertEqual(self.reg(0x20), 0x700)
        self.reg(0x20, 0)               # the lock alone goes
        self.assertEqual(self.reg(0x20), 0x600)
        self.reg(0x20, 0)
        self.assertEqual(self.reg(0x20), 0)
        self.reg(0x20, 0x200)
        self.assertEqual(self.reg(0x20), 0x600)
        for off, value in ((0, 5), (0x24, 7), (0x28, 7), (8, 7), (0xc, 7)):
            was = self.reg(off)
            self.reg(off, value)
            self.assertEqual(self.reg(off), was)
        self.reg(4, 1)
        self.assertEqual(self.reg(4), 0)    # poison on error is not one of its abilities

    def test_a_reset_begins_anew_and_leaves_memory(self):
        for reset in (self.c.reset, lambda: self.config(0x88, 2, 0x8000)):
            self.c.write(self.mem[0], 0, b"here")
            self.reg(0x10, 0x10000000)
            self.reg(0x20, 0x700)
            reset()
            self.assertEqual([self.reg(off) for off in (0x10, 0x14, 0x20)], [0, 0, 0x600])
            self.assertEqual(self.c.read(self.mem[0], 0, 4), b"here")


class Absorbed(Any):
    profile = "absorbed"
    hdm = 0

    def test_the_region_is_the_decoders_and_says_where(self):
        self.assertEqual(self.regs[2], 0x30)
        self.assertEqual(self.regs[3][COMP_REGS],
                         bytes(8) + (ARRAY + H).to_bytes(8, "little"))
        # The same as the register locator and the array, which is in the BAR, lead to.
        self.assertEqual([self.config(DVSEC + 0x3c + off, 4) for off in (0xc, 0x10)], [BLOCK | 0x100, 0])
        entries = [self.c.read_int(0, ARRAY + 4 * n, 4)
                   for n in range(1, 1 + (self.c.read_int(0, ARRAY, 4) >> 24))]
        self.assertEqual({e & 0xffff: e >> 20 for e in entries}[5], H)

    def test_several_dwords_are_the_same_as_one_each(self):
        index = self.regs[0]
        one = b"".join(self.c.read(index, off, 4) for off in range(0, 0x30, 4))
        self.assertEqual(self.c.read(index, 0, 0x30), one)
        self.assertEqual(self.c.read_some(index, 0x20, 64), one[0x20:])
        self.assertEqual(self.c.read(index, 0x10, 8), HOST_BASE.to_bytes(8, "little"))

    def test_what_is_written_changes_nothing(self):
        before = self.c.read(self.regs[0], 0, 0x30)
        self.assertEqual(self.reg(0x20), 0x700)
        for off in range(0, 0x30, 4):
            self.reg(off, 0)
            self.reg(off, ONES)
        self.assertEqual(self.c.read(self.regs[0], 0, 0x30), before)

    def test_the_hole_is_a_page_and_the_decoders_in_it_are_ones(self):
        flags, size, caps, fd = self.c.region_caps(0)
        self.addCleanup(os.close, fd)
        self.assertEqual((flags, size), (RW | MMAP | CAPS, BAR_SIZE))
        self.assertEqual(areas(caps[SPARSE]), [(0, ARRAY), (ARRAY + PAGE, BAR_SIZE - ARRAY - PAGE)])
        before = self.c.read(self.regs[0], 0, 0x30)
        for off in range(ARRAY + H, ARRAY + H + 0x30, 4):
            self.c.write_int(0, off, 4, 0)
            self.assertEqual(self.c.read_int(0, off, 4), ONES)
        self.assertEqual(self.c.read(self.regs[0], 0, 0x30), before)
        self.assertEqual(self.c.read_int(0, ARRAY, 4) & 0xffff, 1)
        # Around it both ways agree.
        for off in (BLOCK, ARRAY + PAGE, BLOCK + 0xfffc, BLOCK + 0x10008):
            self.c.write_int(0, off, 4, 0x1234)
            self.assertEqual(os.pread(fd, 4, off), b"\x34\x12\0\0")

    def test_every_reset_clears_memory_and_leaves_the_decoder(self):
        before = self.c.read(self.regs[0], 0, 0x30)
        for reset in (self.c.reset, lambda: self.config(0x88, 2, 0x8000)):
            self.c.write(self.mem[0], MEMORY - 4, b"here")
            reset()
            self.assertEqual(self.c.read(self.mem[0], MEMORY - 4, 4), bytes(4))
            self.assertEqual(self.config(STATUS2, 2) & 6, 2)
            self.assertEqual(self.c.read(self.regs[0], 0, 0x30), before)


def areas(body):
    n = int.from_bytes(body[:4], "little")
    words = [int.from_bytes(body[8 + 8 * i:16 + 8 * i], "little") for i in range(2 * n)]
    return list(zip(words[::2], words[1::2]))


del Any

if __name__ == "__main__":
    unittest.main()
