# SPDX-License-Identifier: Apache-2.0
"""The compute engine of cxl-type2, driven as docs/cxl-type2.md describes it: in a machine of its own over
qtest, where time moves by hand, and served over vfio-user, where it does not stand still."""

import os
import select
import unittest

from crc32c import crc32c
from cxbpy.machine import Machine
from cxbpy.vfiouser import CONFIG, EVENTFD, MSIX, TRIGGER, VfioUser

MIB = 1 << 20
SIZE = 256 * MIB
WINDOW = 0x3d0000000
ROOT, DEV = 12, 13
ENGINE, VECTORS = 0xe0100000, 0xe0200000    # BARs 2 and 4
(ID, VERSION, MEMORY, COMMAND, INTERRUPT, SRC, DST, LEN, PATTERN, RESULT, PROGRESS, STATUS, DOORBELL,
 ABORT) = (0, 4, 8, 0x10, 0x14, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x4c, 0x50)
FILL, COPY, CHECKSUM = 1, 2, 3
BUSY, DONE = 1, 2
NO_COMMAND, NO_LENGTH, BAD_SRC, BAD_DST, NO_MEMORY, ABORTED, RESET = (n << 8 | DONE for n in range(1, 8))
ENABLE = 1 << 31
ONES = (1 << 64) - 1
SLICE_NS = 100000                           # of a clock moved by hand, for a MiB
MESSAGE = 0x100000                          # in RAM: where messages go, 8 bytes for each vector
CTRL2, DEVICE_CONTROL, MSIX_CONTROL, PENDING = 0x110, 0x88, 0x42, VECTORS + 0x800
DEVICE = "cxl-type2,bus=rp0,id=gpu,memdev=m0,firmware-base=0x3d0000000"


def cfg(bus, off):
    return 0xb0000000 + (bus << 20) + off


class Engine(unittest.TestCase):
    def setUp(self):
        self.m = Machine(["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
                          "-m", "1G,maxmem=8G,slots=4", "-accel", "qtest",
                          "-object", f"memory-backend-file,id=m0,size={SIZE},mem-path=m0,share=on",
                          "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
                          "-device", "cxl-rp,port=0,bus=cxl.1,id=rp0,chassis=0,slot=2",
                          "-device", DEVICE], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.q = self.m.qtest
        self.file = open(os.path.join(self.m.dir, "m0"), "r+b", buffering=0)
        self.addCleanup(self.file.close)
        self.place()

    def place(self, command=6):
        """As firmware does; each vector's message is its number plus one."""
        self.q.writel(cfg(ROOT, 0x18), 0x000d0d0c)
        self.q.writel(cfg(ROOT, 0x20), 0xe020e000)
        self.q.writew(cfg(ROOT, 0x04), 6)
        for off, value in ((0x10, 0xe0000000), (0x14, 0), (0x18, ENGINE), (0x1c, 0), (0x20, VECTORS)):
            self.q.writel(cfg(DEV, off), value)
        self.q.writew(cfg(DEV, 0x04), command)
        for n in range(4):
            self.q.write(VECTORS + 16 * n,
                         b"".join(v.to_bytes(4, "little") for v in (MESSAGE + 8 * n, 0, n + 1, 0)))
        self.q.writew(cfg(DEV, MSIX_CONTROL), 0x8000)

    # --- registers ---

    def command(self, which, src=0, dst=0, length=0, pattern=0, interrupt=ENABLE):
        for reg, value in ((SRC, src), (DST, dst), (LEN, length), (PATTERN, pattern)):
            self.q.writeq(ENGINE + reg, value)
        self.q.writel(ENGINE + COMMAND, which)
        self.q.writel(ENGINE + INTERRUPT, interrupt)
        self.q.writel(ENGINE + DOORBELL, 1)

    def step(self, slices=300):
        self.q.cmd(f"clock_step {slices * SLICE_NS}")

    def status(self):
        return self.q.readl(ENGINE + STATUS)

    def run_command(self, *args, **more):
        self.command(*args, **more)
        self.step()
        return self.status()

    def messages(self):
        """Those that have come since the last time."""
        got = [self.q.readl(MESSAGE + 8 * n) for n in range(4)]
        self.q.write(MESSAGE, bytes(32))
        return [value for value in got if value]

    def bytes_at(self, off, length):
        return os.pread(self.file.fileno(), length, off)

    def filled(self, byte=0xff):
        """Where the first byte is that is not @byte, when all others are 0."""
        end = 0
        while self.bytes_at(end, MIB) == bytes([byte]) * MIB:
            end += MIB
        self.assertEqual(self.bytes_at(end, 8 * MIB), bytes(8 * MIB))
        return end

    # --- commands ---

    def test_it_says_what_it_is(self):
        self.assertEqual([self.q.readl(ENGINE + off) for off in range(0, 0x60, 4)],
                         [0x45425843, 0x10000, SIZE] + [0] * 21)
        self.assertEqual(self.q.readq(ENGINE + ID), 0x0001000045425843)
        self.assertEqual(self.q.readq(ENGINE + 0xff8), 0)

    def test_memory_is_filled_copied_and_checksummed(self):
        pattern, length = 0x8877665544332211, 3 * MIB + 5
        self.assertEqual(self.run_command(FILL, dst=0x1003, length=length, pattern=pattern), DONE)
        self.assertEqual(self.q.readq(ENGINE + PROGRESS), length)
        data = (pattern.to_bytes(8, "little") * (length // 8 + 1))[:length]
        self.assertEqual(self.bytes_at(0, 0x1003 + length + 8), bytes(0x1003) + data + bytes(8))
        self.assertEqual(self.q.read(WINDOW + 0x1003, 64), data[:64])
        self.q.write(WINDOW + 0x1003 + MIB, b"CXL")
        data = data[:MIB] + b"CXL" + data[MIB + 3:]
        end = SIZE - length
        self.assertEqual(self.run_command(COPY, src=0x1003, dst=end, length=length), DONE)
        self.assertEqual(self.bytes_at(end, length), data)
        length = 5000
        self.assertEqual(self.run_command(CHECKSUM, src=end + MIB - 7, length=length), DONE)
        self.assertEqual(self.q.readq(ENGINE + RESULT), crc32c(data[MIB - 7:MIB - 7 + length]))

    def test_copies_may_overlap(self):
        data = os.urandom(3 * MIB)
        for src, dst in ((0, 4321), (4321, 0), (MIB, MIB)):
            with self.subTest((src, dst)):
                os.pwrite(self.file.fileno(), data, src)
                self.assertEqual(self.run_command(COPY, src=src, dst=dst, length=len(data)), DONE)
                self.assertTrue(self.bytes_at(dst, len(data)) == data)

    def test_an_error_changes_nothing(self):
        self.run_command(CHECKSUM, length=1)
        self.messages()
        result = self.q.readq(ENGINE + RESULT)
        for error, args in ((NO_COMMAND, (0, 0, 0, 8)), (NO_COMMAND, (4, 0, 0, 8)), (NO_LENGTH, (FILL, 0, 0, 0)),
                            (BAD_SRC, (COPY, SIZE, 0, 1)), (BAD_SRC, (COPY, ONES, 0, 2)),
                            (BAD_SRC, (CHECKSUM, 1, 0, SIZE)), (BAD_DST, (COPY, 0, SIZE - 7, 8)),
                            (BAD_DST, (FILL, 0, 8, ONES)), (BAD_DST, (FILL, 0, 0, SIZE + 1))):
            with self.subTest(args):
                self.command(*args, pattern=ONES)
                self.assertEqual(self.status(), error)
                self.assertEqual(self.messages(), [1])
                self.assertEqual(self.q.readq(ENGINE + RESULT), result)
                self.assertEqual(self.q.readq(ENGINE + PROGRESS), 0)
        self.step()
        self.assertEqual(self.messages(), [])
        self.assertEqual(self.filled(), 0)

    def test_what_is_not_a_dword_is_no_access(self):
        self.q.writeb(ENGINE + COMMAND, 1)
        self.q.writew(ENGINE + DOORBELL, 1)
        self.assertEqual((self.q.readb(ENGINE + ID), self.q.readw(ENGINE + STATUS)), (0xff, 0xffff))
        self.assertEqual((self.q.readl(ENGINE + COMMAND), self.status()), (0, 0))

    def test_a_command_can_be_given_in_whole_words(self):
        self.q.writeq(ENGINE + COMMAND, (ENABLE | 3) << 32 | FILL)
        self.q.writeq(ENGINE + PATTERN, ONES)
        self.q.writel(ENGINE + LEN, MIB)
        self.q.writeq(ENGINE + STATUS, 1 << 32)
        self.step()
        self.assertEqual(self.status(), DONE)
        self.assertEqual(self.messages(), [4])
        self.assertEqual(self.filled(), MIB)

    def test_parameters_are_kept_while_it_is_busy(self):
        self.command(FILL, length=20 * MIB, pattern=ONES)
        self.step(10)
        self.command(CHECKSUM, src=1, dst=2, length=3, interrupt=0)
        self.assertEqual([self.q.readq(ENGINE + reg) for reg in (COMMAND, SRC, DST, LEN, PROGRESS)],
                         [ENABLE << 32 | FILL, 0, 0, 20 * MIB, 10 * MIB])
        self.step()
        self.assertEqual((self.status(), self.messages(), self.filled()), (DONE, [1], 20 * MIB))

    def test_commands_follow_each_other(self):
        self.command(FILL, length=4 * MIB, pattern=ONES, interrupt=ENABLE | 1)
        self.step(4)
        self.assertEqual((self.status(), self.messages()), (DONE, [2]))
        self.command(FILL, length=2 * MIB, pattern=0, interrupt=ENABLE | 2)
        self.assertEqual(self.status(), BUSY)
        self.step(2)
        self.assertEqual((self.status(), self.messages()), (DONE, [3]))
        self.assertEqual(self.bytes_at(MIB, 2 * MIB), bytes(MIB) + b"\xff" * MIB)

    # --- interrupts ---

    def test_a_masked_interrupt_is_pending(self):
        self.q.writel(VECTORS + 16 * 2 + 12, 1)
        self.run_command(FILL, length=1, interrupt=ENABLE | 2)
        self.assertEqual((self.messages(), self.q.readq(PENDING)), ([], 4))
        self.q.writel(VECTORS + 16 * 2 + 12, 0)
        self.assertEqual((self.messages(), self.q.readq(PENDING)), ([3], 0))
        self.q.writew(cfg(DEV, MSIX_CONTROL), 0xc000)
        self.run_command(FILL, length=1)
        self.assertEqual((self.messages(), self.q.readq(PENDING)), ([], 1))
        self.q.writew(cfg(DEV, MSIX_CONTROL), 0x8000)
        self.assertEqual((self.messages(), self.q.readq(PENDING)), ([1], 0))

    def test_without_an_interrupt_it_is_polled(self):
        self.assertEqual(self.run_command(FILL, length=1, interrupt=3), DONE)
        self.q.writew(cfg(DEV, MSIX_CONTROL), 0)
        self.assertEqual(self.run_command(FILL, length=1), DONE)
        self.q.writew(cfg(DEV, MSIX_CONTROL), 0x8000)
        self.assertEqual((self.messages(), self.q.readq(PENDING)), ([], 0))

    def test_it_works_on_when_it_may_not_master_the_bus(self):
        self.command(FILL, length=8 * MIB, pattern=ONES)
        self.step(4)
        self.q.writew(cfg(DEV, 0x04), 0)    # nor be reached
        self.step()
        self.assertEqual(self.filled(), 8 * MIB)
        self.q.writew(cfg(DEV, 0x04), 6)
        self.assertEqual((self.status(), self.messages(), self.q.readq(PENDING)), (DONE, [], 0))

    # --- ends of another kind ---

    def start_large(self):
        self.command(FILL, length=SIZE, pattern=ONES)
        self.step(10)
        self.assertEqual((self.status(), self.q.readq(ENGINE + PROGRESS)), (BUSY, 10 * MIB))

    def works(self):
        self.assertEqual(self.run_command(FILL, dst=100 * MIB, length=MIB, pattern=ONES), DONE)
        self.assertEqual(self.bytes_at(100 * MIB, MIB + 1), b"\xff" * MIB + b"\0")
        self.assertEqual(self.messages(), [1])

    def test_an_abort_ends_it_at_once(self):
        self.start_large()
        self.q.writel(ENGINE + ABORT, 1)
        self.assertEqual((self.status(), self.messages()), (ABORTED, [1]))
        self.q.writel(ENGINE + ABORT, 1)
        self.step()
        self.assertEqual((self.status(), self.messages(), self.filled()), (ABORTED, [], 10 * MIB))
        self.works()

    def gone(self):
        """Nothing is left of a command, and nothing was told."""
        self.place()
        self.assertEqual([self.q.readq(ENGINE + off) for off in range(COMMAND, 0x60, 8)], [0] * 10)
        self.step()
        self.assertEqual((self.messages(), self.filled()), ([], 10 * MIB))
        self.works()

    def test_a_function_level_reset_takes_it(self):
        self.start_large()
        self.q.writew(cfg(DEV, DEVICE_CONTROL), 0x8000)
        self.gone()

    def test_a_reset_of_the_bus_takes_it(self):
        self.start_large()
        self.q.writew(cfg(ROOT, 0x15c), 1)  # DVSEC 3 unmasks it
        self.q.writew(cfg(ROOT, 0x3e), 0x40)
        self.q.writew(cfg(ROOT, 0x3e), 0)
        self.gone()

    def test_a_reset_of_the_machine_takes_it(self):
        self.start_large()
        self.m.qmp.cmd("system_reset")
        self.gone()

    def test_a_cxl_reset_ends_it_before_memory_is_cleared(self):
        self.start_large()
        self.q.writew(cfg(DEV, CTRL2), 0xc)
        self.assertEqual((self.status(), self.messages()), (RESET, [1]))
        self.assertEqual(self.q.readq(ENGINE + PROGRESS), 10 * MIB)
        self.step()
        self.assertEqual(self.filled(), 0)
        self.works()

    def test_it_is_unplugged(self):
        self.start_large()
        self.m.qmp.cmd("device_del", id="gpu")
        self.step()
        self.assertEqual((self.messages(), self.filled()), ([], 10 * MIB))
        self.m.qmp.cmd("device_add", **dict((pair.partition("=")[::2]) for pair in
                                            ("driver=" + DEVICE).replace("_", "-").split(",")[:4]))
        self.place()
        self.works()

    def test_memory_is_lost(self):
        self.start_large()
        self.file.truncate(20 * MIB)
        self.step()
        self.assertEqual((self.status(), self.messages()), (NO_MEMORY, [1]))
        self.assertEqual(self.q.readq(ENGINE + PROGRESS), 20 * MIB)
        self.assertEqual(self.run_command(CHECKSUM, src=20 * MIB, length=1), NO_MEMORY)
        self.messages()
        self.file.truncate(SIZE)
        self.assertEqual(self.filled(), 20 * MIB)
        self.works()


class Served(unittest.TestCase):
    """The same device for a machine elsewhere."""

    def setUp(self):
        self.m = Machine(["-M", "x-remote", "-object", "memory-backend-memfd,id=m0,size=512M",
                          "-device", "cxl-type2,id=gpu,memdev=m0",
                          "-object", "x-vfio-user-server,id=s0,path=s0,device=gpu"], tutorial=False)
        self.addCleanup(self.m.end)
        self.c = VfioUser(os.path.join(self.m.dir, "s0"))
        self.addCleanup(self.c.close)
        self.fds = [os.eventfd(0) for _ in range(4)]
        for fd in self.fds:
            self.addCleanup(os.close, fd)
        self.c.write_int(CONFIG, 4, 2, 6)
        self.c.write_int(CONFIG, MSIX_CONTROL, 2, 0x8000)
        self.c.set_irqs(EVENTFD | TRIGGER, MSIX, 0, 4, fds=self.fds)

    def command(self, which, **parameters):
        for name, value in parameters.items():
            self.c.write_int(2, globals()[name], 8, value)
        self.c.write_int(2, COMMAND, 8, (ENABLE | 3) << 32 | which)
        self.c.write_int(2, DOORBELL, 4, 1)

    def told(self):
        """How often vector 3 was raised, at least once."""
        self.assertTrue(select.select([self.fds[3]], [], [], 60)[0], "no interrupt")
        return os.eventfd_read(self.fds[3])

    def test_commands_are_told_by_eventfd(self):
        self.assertEqual(self.c.region(2)[:2], (3, 0x1000))
        self.command(FILL, DST=5, LEN=2 * MIB, PATTERN=0x0101010101010101)
        self.assertEqual(self.told(), 1)
        self.assertEqual(self.c.read_int(2, STATUS, 4), DONE)
        self.command(CHECKSUM, SRC=0, LEN=4096)
        self.assertEqual(self.told(), 1)
        self.assertEqual(self.c.read_int(2, RESULT, 8), crc32c(bytes(5) + b"\1" * 4091))

    def test_nobody_waits_for_a_large_command(self):
        for _ in range(20):  # one may be through before we have looked often enough
            self.command(FILL, DST=0, LEN=512 * MIB, PATTERN=ONES)
            seen = set()
            while self.c.read_int(2, STATUS, 4) == BUSY and len(seen) < 3:
                self.m.qmp.cmd("query-status")
                seen.add(self.c.read_int(2, PROGRESS, 8))
            self.c.write_int(2, ABORT, 4, 1)
            self.assertIn(self.c.read_int(2, STATUS, 4), (DONE, ABORTED))
            self.assertEqual(self.told(), 1)
            if len(seen) == 3:
                return
        self.fail("it is not answered meanwhile")

    def test_a_client_goes_and_the_next_one_begins_anew(self):
        self.command(FILL, DST=0, LEN=512 * MIB, PATTERN=ONES)
        self.c.close()
        with VfioUser(os.path.join(self.m.dir, "s0")) as c:
            c.reset()
            self.assertEqual(c.read_int(2, STATUS, 4), 0)
            self.assertEqual(c.read_int(2, LEN, 8), 0)


if __name__ == "__main__":
    unittest.main()
