# SPDX-License-Identifier: Apache-2.0
"""CDAT over DOE from outside, through configuration space, as a kernel reads it: abort, then handle
0 for the header, then from handle to handle; lengths and checksum checked on the way."""

import os
import struct
import subprocess
import tempfile
import unittest

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost
from cxbpy.machine import Machine, binary
from cxbpy.qmp import QmpError

MIB, GIB = 1 << 20, 1 << 30
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
TOP = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
       "-m", "1G,maxmem=8G,slots=4", "-accel", "qtest",
       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1",
       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2"]
STATIC = ["-object", "memory-backend-ram,id=vm,size=512M,share=on"]
LAST = 0xffff
CTL, STATUS, WRITE, READ = 8, 0xc, 0x10, 0x14
ABORT, INT_EN, GO = 1, 2, 1 << 31
READY, ERROR, INT, BUSY = 1 << 31, 4, 2, 1
DSMAS, DSLBIS, DSEMTS = 0, 1, 4
IRQ_AT, IRQ_DATA = 0x200000, 0x815


def table(*structures, revision=1):
    """A CDAT of these structures, checksum right."""
    body = b"".join(structures)
    data = bytearray(struct.pack("<IBB6xI", 16 + len(body), revision, 0, 7) + body)
    data[5] = -sum(data) & 0xff
    return bytes(data)


def dsmas(handle, flags, base, length):
    return struct.pack("<BxHBBxxQQ", DSMAS, 24, handle, flags, base, length)


def dslbis(handle, kind, base, entry):
    return struct.pack("<BxHBBBxQHHHxx", DSLBIS, 24, handle, 0, kind, base, entry, 0, 0)


def dsemts(handle, kind, length):
    return struct.pack("<BxHBBxxQQ", DSEMTS, 24, handle, kind, 0, length)


def described(handle, flags, base, length, efi=1):
    """What is said of one range of memory, with QEMU's numbers."""
    return [dsmas(handle, flags, base, length), dslbis(handle, 1, 10000, 15),
            dslbis(handle, 2, 10000, 25), dslbis(handle, 4, 1000, 16),
            dslbis(handle, 5, 1000, 16), dsemts(handle, efi, length)]


class Doe:
    """The mailbox of the function at @bus, slot 0."""

    def __init__(self, host, bus):
        self.host, self.bus = host, bus
        self.off = next(off for cap, off in host.ext_caps(bus, 0) if cap == 0x2e)
        self.put(CTL, ABORT)
        assert self.get(STATUS) & ~INT == 0

    def get(self, reg):
        return self.host.cfg_read32(self.bus, 0, self.off + reg)

    def put(self, reg, value):
        self.host.cfg_write32(self.bus, 0, self.off + reg, value)

    def exchange(self, vendor, kind, *payload, go=GO):
        """The dwords of the answer behind its header; None if there is none."""
        for dword in (vendor | kind << 16, 2 + len(payload), *payload):
            self.put(WRITE, dword)
        self.put(CTL, go)
        if not self.get(STATUS) & READY:
            return None
        dwords = []
        while self.get(STATUS) & READY:
            dwords.append(self.get(READ))
            self.put(READ, 0)
        assert dwords[0] == vendor | kind << 16
        assert dwords[1] == len(dwords)
        return dwords[2:]

    def entry(self, handle):
        """Next handle and the bytes of an entry."""
        head, *body = self.exchange(0x1e98, 2, handle << 16)
        assert head & 0xffff == 0
        return head >> 16, struct.pack(f"<{len(body)}I", *body)

    def entries(self):
        handle, out = 0, []
        while handle != LAST:
            handle, data = self.entry(handle)
            if out:  # a structure says how long it is
                assert struct.unpack_from("<xxH", data)[0] == len(data)
            out.append(data)
        return out


class Case(unittest.TestCase):
    def start(self, *args):
        self.m = Machine(TOP + list(args), tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        return Doe(self.host, self.host.ep)

    def read_table(self, doe):
        header, *structures = doe.entries()
        self.assertEqual(len(header), 16)
        length, revision, _, sequence = struct.unpack("<IBB6xI", header)
        data = header + b"".join(structures)
        self.assertEqual(length, len(data))
        self.assertEqual(sum(data) & 0xff, 0)
        return revision, sequence, structures

    def handles_of_regions(self):
        """DSMAD handles as Get Dynamic Capacity Configuration gives them."""
        out = self.host.command(cxlhost.DC_CONFIG, struct.pack("<BB", 8, 0))
        return [struct.unpack_from("<I", out, 8 + 0x28 * i + 0x20)[0] for i in range(out[1])]


class Cdat(Case):
    def test_regions_are_described_before_there_is_a_byte_in_them(self):
        doe = self.start("-device", "cxl-type3,bus=rp,id=t,num-dc-regions=2,"
                         "dc-regions-total-size=4G")
        self.assertEqual(doe.off, 0x190)
        self.assertEqual(doe.get(4), 1)  # interrupts, vector 0
        revision, sequence, structures = self.read_table(doe)
        self.assertEqual((revision, sequence), (2, 0))
        self.assertEqual(structures, described(0, 0x20, 0, 2 * GIB) +
                         described(1, 0x20, 2 * GIB, 2 * GIB))
        self.assertEqual(self.handles_of_regions(), [0, 1])

    def test_static_memory_comes_first(self):
        doe = self.start(*STATIC, "-device", "cxl-type3,bus=rp,id=t,volatile-memdev=vm,"
                         "num-dc-regions=8,dc-regions-total-size=2G")
        want = described(0, 0, 0, 512 * MIB)
        for i in range(8):
            want += described(i + 1, 0x20, 512 * MIB + i * 256 * MIB, 256 * MIB)
        self.assertEqual(self.read_table(doe)[2], want)
        self.assertEqual(self.handles_of_regions(), list(range(1, 9)))

    def test_static_memory_alone(self):
        doe = self.start(*STATIC, "-device", "cxl-type3,bus=rp,volatile-memdev=vm")
        self.assertEqual(self.read_table(doe)[2], described(0, 0, 0, 512 * MIB))

    def test_persistent_memory_comes_between(self):
        doe = self.start(*STATIC, "-object", "memory-backend-ram,id=pm,size=256M,share=on",
                         "-object", "memory-backend-ram,id=lsa,size=64K",
                         "-device", "cxl-type3,bus=rp,id=t,volatile-memdev=vm,"
                         "persistent-memdev=pm,lsa=lsa,num-dc-regions=1,dc-regions-total-size=1G")
        self.assertEqual(self.read_table(doe)[2], described(0, 0, 0, 512 * MIB) +
                         described(1, 0x04, 512 * MIB, 256 * MIB, efi=2) +
                         described(2, 0x20, 768 * MIB, GIB))
        self.assertEqual(self.handles_of_regions(), [2])

    def test_persistent_memory_alone(self):
        doe = self.start("-object", "memory-backend-ram,id=pm,size=256M,share=on",
                         "-object", "memory-backend-ram,id=lsa,size=64K",
                         "-device", "cxl-type3,bus=rp,persistent-memdev=pm,lsa=lsa")
        self.assertEqual(self.read_table(doe)[2], described(0, 0x04, 0, 256 * MIB, efi=2))

    def test_a_serial_number_moves_the_mailbox(self):
        doe = self.start("-device", "cxl-type3,bus=rp,sn=0x1234,num-dc-regions=1,"
                         "dc-regions-total-size=1G")
        self.assertEqual(doe.off, 0x19c)
        caps = list(self.host.ext_caps(self.host.ep, 0))
        self.assertEqual(caps, [(0x03, 0x100), (0x23, 0x10c), (0x23, 0x148), (0x23, 0x16c),
                                (0x23, 0x17c), (0x2e, 0x19c), (0x01, 0x200)])
        self.assertEqual(self.read_table(doe)[2], described(0, 0x20, 0, GIB))

    def test_discovery_and_what_is_not_there(self):
        doe = self.start("-device", "cxl-type3,bus=rp,num-dc-regions=1,dc-regions-total-size=1G")
        self.assertEqual(doe.exchange(1, 0, 0), [0x01000001])
        self.assertEqual(doe.exchange(1, 0, 1), [0x00021e98])
        self.assertIsNone(doe.exchange(0x1e98, 2, 7 << 16))       # no such entry
        self.assertIsNone(doe.exchange(0x1e98, 2, LAST << 16))
        self.assertIsNone(doe.exchange(0x1e98, 2, 1))             # no such code
        self.assertIsNone(doe.exchange(0x1e98, 2, 1 << 8))        # no such table
        self.assertIsNone(doe.exchange(0x1e98, 2))                # too short
        self.assertIsNone(doe.exchange(0x1e98, 0, 0))             # compliance
        self.assertIsNone(doe.exchange(0x1e98, 2, 0, 0))          # longer than any
        self.assertEqual(doe.get(STATUS), ERROR)
        doe.put(CTL, ABORT)
        self.assertEqual(len(doe.entries()), 7)

    def test_an_interrupt_says_ready(self):
        doe = self.start("-device", "cxl-type3,bus=rp,num-dc-regions=1,dc-regions-total-size=1G")
        self.host.msix(0, IRQ_AT, IRQ_DATA)
        doe.exchange(0x1e98, 2, 0)
        self.assertEqual(self.m.qtest.readl(IRQ_AT), 0)
        doe.exchange(0x1e98, 2, 0, go=GO | INT_EN)
        self.assertEqual(self.m.qtest.readl(IRQ_AT), IRQ_DATA)
        self.assertEqual(doe.get(STATUS), INT)
        doe.put(STATUS, INT)
        self.assertEqual(doe.get(STATUS), 0)

    def test_a_reset_forgets_half_a_request_and_half_an_answer(self):
        doe = self.start("-device", "cxl-type3,bus=rp,num-dc-regions=1,dc-regions-total-size=1G")
        for left in (lambda: doe.put(WRITE, 0x00021e98), lambda: doe.put(CTL, GO)):
            for dword in (0x00021e98, 3, 0):
                doe.put(WRITE, dword)
            left()
            self.m.qmp.cmd("system_reset")
            self.host.next_bar = 0xc0000000
            self.host.enumerate()
            self.assertEqual(doe.get(STATUS), 0)
            self.assertEqual(doe.get(READ), 0)
            self.assertEqual(len(doe.entries()), 7)

    def test_the_table_survives_what_happens_to_capacity(self):
        doe = self.start("-device", "cxl-type3,bus=rp,id=t,num-dc-regions=1,"
                         "dc-regions-total-size=1G")
        before = doe.entries()
        tag = "5be13bce-ae34-4a77-b6c3-16df975fcf1a"
        self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="b", size=256 * MIB,
                       share=True, tag=tag)
        self.m.qmp.cmd("cxl-add-dynamic-capacity", path="/machine/peripheral/t", host_id=0,
                       selection_policy="prescriptive", region=0, tag=tag,
                       extents=[{"offset": 0, "len": 256 * MIB}])
        self.host.dc_list(cxlhost.DC_ADD, [(0, 256 * MIB)])
        self.assertEqual(doe.entries(), before)


class CdatFile(Case):
    """The table comes from a file as it is."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = os.path.join(directory.name, "cdat")

    def device(self, data):
        if data is not None:
            with open(self.path, "wb") as f:
                f.write(data)
        return ["-device", f"cxl-type3,bus=rp,id=t,num-dc-regions=1,dc-regions-total-size=1G,"
                f"cdat={self.path}"]

    def test_it_is_shown_byte_for_byte(self):
        structures = [dsmas(0, 0, 0, GIB), dslbis(0, 0, 1, 170),
                      struct.pack("<BxHBBxx", 3, 8, 1, 0),
                      struct.pack("<BxHBxxxQ", 5, 48, 0, 10) + bytes(32),
                      struct.pack("<BxH", 0x90, 4)]
        data = table(*structures)
        doe = self.start(*self.device(data))
        self.assertEqual(self.read_table(doe), (1, 7, structures))
        self.assertEqual(b"".join(doe.entries()), data)

    def test_a_header_alone_is_a_table(self):
        doe = self.start(*self.device(table()))
        self.assertEqual(doe.entry(0), (LAST, table()))

    def test_bad_files_are_refused_at_start(self):
        good = table(*described(0, 0, 0, GIB))
        for data, text in [
            (None, "No such file"),
            (b"", "0 bytes are too short for a header"),
            (good[:15], "15 bytes are too short for a header"),
            (good[:-1], "the header says 160 bytes, there are 159"),
            (good + b"\0", "the header says 160 bytes, there are 161"),
            (good[:5] + bytes([good[5] ^ 1]) + good[6:], "wrong checksum"),
            (table(b"\0" * 24), "structure of type 0 at offset 0x10 cannot be 0 bytes long"),
            (table(dsmas(0, 0, 0, GIB)[:20]), "is cut: 24 bytes, 20 left"),
            (table(b"\3"), "1 bytes behind the last structure"),
        ]:
            with self.subTest(text=text):
                done = subprocess.run([binary(), *TOP, *self.device(data)], text=True,
                                      capture_output=True, timeout=30, check=False,
                                      stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 1)
                self.assertIn("CDAT: ", done.stderr)
                self.assertIn(self.path, done.stderr)
                self.assertIn(text, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_bad_file_refuses_hotplug_and_leaves_nothing(self):
        m = Machine(TOP, tutorial=False)
        self.addCleanup(m.end)
        args = {"driver": "cxl-type3", "bus": "rp", "id": "t", "num-dc-regions": 1,
                "dc-regions-total-size": GIB, "cdat": self.path}
        for data, text in ((b"no", "2 bytes are too short"), (table(b"\3"), "behind the last")):
            with open(self.path, "wb") as f:
                f.write(data)
            with self.assertRaisesRegex(QmpError, text):
                m.qmp.cmd("device_add", **args)
        with open(self.path, "wb") as f:
            f.write(table())
        m.qmp.cmd("device_add", **args)


if __name__ == "__main__":
    unittest.main()
