# SPDX-License-Identifier: Apache-2.0
"""Static memory, volatile and persistent, and label storage, from outside: with the built-in host
and with the one in Python over qtest."""

import os
import struct
import subprocess
import tempfile
import unittest

from cxbpy import cxlhost
from cxbpy.cxlhost import CxlHost, MailboxError
from cxbpy.machine import Machine, binary

MIB, GIB = 1 << 20, 1 << 30
CHBS, WINDOW = 0x3c0000000, 0x3d0000000
GET_PARTITION, SET_PARTITION, GET_LSA, SET_LSA = 0x4100, 0x4101, 0x4102, 0x4103
GET_HEALTH, GET_ALERTS, SET_ALERTS = 0x4200, 0x4201, 0x4202
TOP = ["-M", "q35,cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=6G",
       "-m", "1G,maxmem=8G,slots=4",
       "-device", "pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1,hdm_for_passthrough=on",
       "-device", "cxl-rp,port=0,bus=cxl.1,id=rp,chassis=0,slot=2"]
BACKENDS = ["-object", "memory-backend-ram,id=v,size=512M,share=on",
            "-object", "memory-backend-ram,id=p,size=256M,share=on",
            "-object", "memory-backend-ram,id=l,size=64K,share=on"]
BOTH = "cxl-type3,bus=rp,id=t,volatile-memdev=v,persistent-memdev=p,lsa=l"
DC = ",num-dc-regions=1,dc-regions-total-size=1G"


class Case(unittest.TestCase):
    def start(self, *args):
        self.m = Machine([*TOP, *args], tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        return self.m

    def backend(self, name, offset, length):
        """Bytes of a backend as another process sees them."""
        path = next(b for b in self.m.qmp.cmd("query-memdev") if b["id"] == name)["path"]
        with open(path, "rb") as f:
            f.seek(offset)
            return f.read(length)


class BuiltInHost(Case):
    def regions(self):
        host = self.m.qmp.cmd("query-cxl-host")
        self.assertEqual(host["state"], "ready", host)
        return host, sorted(host["regions"], key=lambda r: r["dpa"])

    def check_bytes(self, region, name):
        for offset in (0, 4096, region["len"] - 8):
            self.m.qtest.writeq(region["hpa"] + offset, offset + 0x1234)
            self.assertEqual(self.backend(name, offset, 8), struct.pack("<Q", offset + 0x1234))

    def test_both_parts_and_a_region_are_mapped_in_order(self):
        self.start(*BACKENDS, "-device", BOTH + DC)
        host, (volatile, persistent, dynamic) = self.regions()
        self.assertEqual(host["memdevs"][0]["static-size"], 768 * MIB)
        self.assertEqual([(r["kind"], r["dpa"], r["len"], r["mapped"])
                          for r in (volatile, persistent, dynamic)],
                         [("static", 0, 512 * MIB, True), ("static", 512 * MIB, 256 * MIB, True),
                          ("dynamic", 768 * MIB, GIB, True)])
        self.check_bytes(volatile, "v")
        self.check_bytes(persistent, "p")
        self.assertEqual(self.backend("v", 0, 8), struct.pack("<Q", 0x1234))

    def test_persistent_memory_alone_by_either_name(self):
        for name in ("persistent-memdev", "memdev"):
            with self.subTest(name):
                self.start(*BACKENDS, "-device", f"cxl-type3,bus=rp,id=t,{name}=p,lsa=l")
                _, (persistent,) = self.regions()
                self.assertEqual((persistent["dpa"], persistent["mapped"]), (0, True))
                self.check_bytes(persistent, "p")
                self.m.end()

    def test_a_part_without_room_is_skipped(self):
        """The window holds the persistent part only: its decoder skips the volatile one."""
        self.start("-object", "memory-backend-ram,id=v,size=7G,share=on", *BACKENDS[2:],
                   "-device", BOTH)
        _, (volatile, persistent) = self.regions()
        self.assertEqual((volatile["mapped"], persistent["mapped"]), (False, True))
        self.assertEqual(persistent["dpa"], 7 * GIB)
        self.check_bytes(persistent, "p")


class Qtest(Case):
    def start(self, *args):
        m = super().start("-accel", "qtest", *args)
        self.host = CxlHost(m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        return m

    def refused(self, opcode, payload):
        with self.assertRaises(MailboxError) as caught:
            self.host.command(opcode, payload)
        return caught.exception.code

    def get(self, offset, length):
        return self.host.command(GET_LSA, struct.pack("<II", offset, length))

    def set(self, offset, data):
        return self.host.command(SET_LSA, struct.pack("<II", offset, 0) + data)

    def test_one_decoder_over_both_parts(self):
        self.start(*BACKENDS, "-device", BOTH)
        self.host.map_dpa(768 * MIB)
        q, edge = self.m.qtest, 512 * MIB
        q.write(WINDOW + edge - 4, bytes(range(1, 9)))
        self.assertEqual(self.backend("v", edge - 4, 4), bytes(range(1, 5)))
        self.assertEqual(self.backend("p", 0, 4), bytes(range(5, 9)))
        self.assertEqual(q.read(WINDOW + edge - 4, 8), bytes(range(1, 9)))
        q.writel(WINDOW + 768 * MIB - 4, 0x600df00d)
        self.assertEqual(self.backend("p", 256 * MIB - 4, 4), b"\x0d\xf0\x0d\x60")

    def test_a_skip_leads_to_the_persistent_part(self):
        self.start(*BACKENDS, "-device", BOTH)
        bridge, device = self.host.hdm(CHBS), self.host.hdm(self.host.comp)
        self.assertTrue(self.host.commit(bridge, 0, WINDOW, 256 * MIB))
        self.assertFalse(self.host.commit(device, 0, WINDOW, 256 * MIB, 768 * MIB))  # beyond
        self.assertTrue(self.host.commit(device, 0, WINDOW, 256 * MIB, 512 * MIB))
        for hdm in (bridge, device):
            self.m.qtest.writel(hdm + 4, 2)
        self.m.qtest.writel(WINDOW + 64, 0x600df00d)
        self.assertEqual(self.backend("p", 64, 4), b"\x0d\xf0\x0d\x60")
        self.assertEqual(self.backend("v", 64, 4), bytes(4))

    def test_capacities_are_told_apart(self):
        for props, volatile, persistent, lsa in (
                ("volatile-memdev=v", 2, 0, 0), ("persistent-memdev=p,lsa=l", 0, 1, 0x10000),
                ("volatile-memdev=v,memdev=p,lsa=l", 2, 1, 0x10000),
                ("lsa=l" + DC, 0, 0, 0x10000)):
            with self.subTest(props):
                self.start(*BACKENDS, "-device", "cxl-type3,bus=rp,id=t," + props)
                out = self.host.command(cxlhost.IDENTIFY)
                self.assertEqual(struct.unpack_from("<QQQQ", out, 0x10),
                                 (volatile + persistent, volatile, persistent, 0))
                self.assertEqual(struct.unpack_from("<I", out, 0x38), (lsa,))
                self.assertEqual(struct.unpack("<QQQQ", self.host.command(GET_PARTITION)),
                                 (volatile, persistent, 0, 0))
                if not lsa:
                    self.assertEqual(self.refused(GET_LSA, bytes(8)), 0x03)
                self.m.end()

    def test_labels_are_the_bytes_of_their_backend_and_stay_over_a_reset(self):
        self.start(*BACKENDS, "-device", BOTH + DC)
        label = bytes(range(256)) * 7
        self.assertEqual(self.get(0, 2048), bytes(2048))
        self.assertEqual(self.set(0x1001, label), b"")
        self.assertEqual(self.get(0x1000, len(label) + 2), b"\0" + label + b"\0")
        self.assertEqual(self.backend("l", 0x1001, len(label)), label)
        for opcode, payload, code in (
                (GET_LSA, struct.pack("<II", 0xffff, 2), 0x02),
                (GET_LSA, struct.pack("<II", 0, 2049), 0x02),
                (GET_LSA, struct.pack("<II", 0xffffffff, 0xffffffff), 0x02),
                (GET_LSA, bytes(7), 0x16), (GET_LSA, bytes(9), 0x16),
                (SET_LSA, struct.pack("<II", 0xffff, 0) + b"ab", 0x02),
                (SET_LSA, struct.pack("<II", 0xfffffff8, 0) + bytes(16), 0x02),
                (SET_LSA, bytes(7), 0x16)):
            self.assertEqual(self.refused(opcode, payload), code, (opcode, payload[:8]))
        self.m.qmp.cmd("system_reset")
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.assertEqual(self.get(0x1001, len(label)), label)

    def test_partitions_stay_as_they_are(self):
        self.start(*BACKENDS, "-device", BOTH)
        self.host.command(SET_PARTITION, bytes(9))
        self.host.command(SET_PARTITION, bytes(10))
        self.assertEqual(self.refused(SET_PARTITION, struct.pack("<QB", 1, 1)), 0x02)
        self.assertEqual(struct.unpack("<QQQQ", self.host.command(GET_PARTITION)), (2, 1, 0, 0))

    def test_thresholds_stay_over_a_reset(self):
        self.start(*BACKENDS, "-device", BOTH)
        self.assertEqual(self.host.command(GET_HEALTH),
                         struct.pack("<BBBBHIII", 0, 0, 0, 0, 0x7fff, 0, 0, 0))
        self.host.command(SET_ALERTS, struct.pack("<BBBxhhHH", 0x1f, 0x1e, 40, 60, -5, 7, 8))
        want = struct.pack("<BBBBhhhhHH", 0x1e, 0x1f, 95, 40, 90, -10, 60, -5, 7, 8)
        self.assertEqual(self.host.command(GET_ALERTS), want)
        self.assertEqual(self.refused(SET_ALERTS, struct.pack("<BBBxhhHH", 2, 2, 0, 90, 0, 0, 0)),
                         0x02)
        self.m.qmp.cmd("system_reset")
        self.host = CxlHost(self.m.qtest, chbs=CHBS, window=WINDOW)
        self.host.enumerate()
        self.assertEqual(self.host.command(GET_ALERTS), want)

    def test_labels_in_a_file_outlive_the_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            args = ["-object", f"memory-backend-file,id=l,size=64K,share=on,"
                    f"mem-path={os.path.join(folder, 'labels')}", *BACKENDS[:4], "-device", BOTH]
            self.start(*args)
            self.set(512, b"namespace")
            self.m.end()
            self.start(*args)
            self.assertEqual(self.get(512, 9), b"namespace")


class Refused(unittest.TestCase):
    def test_errors_are_those_of_qemu(self):
        for props, why in (
                ("sn=1", "at least one memdev property must be set"),
                ("persistent-memdev=p", "lsa property must be set for persistent devices"),
                ("volatile-memdev=p,memdev=p,lsa=l",
                 "memory backend p can't be used multiple times."),
                ("persistent-memdev=nomem,lsa=l", "Device 'nomem' not found")):
            run = subprocess.run([binary(), *TOP, *BACKENDS, "-accel", "qtest", "-device",
                                  "cxl-type3,bus=rp,id=t," + props], stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(run.returncode, 1, props)
            self.assertIn(why, run.stderr)


if __name__ == "__main__":
    unittest.main()
