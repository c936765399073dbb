# SPDX-License-Identifier: Apache-2.0
"""Every command of the fabric manager's interface with every return code that it has, over a socket; a
host in Python answers what is offered. Codes are those of CXL 3.1 8.2.8.4.5.1. Busy is not among them:
nothing in the program takes time while the fabric manager may ask."""

import os
import struct
import unittest
import uuid

import fabric
from cxbpy.cxlhost import DC_ADD, DC_CONFIG, DC_RELEASE, CxlHost
from cxbpy.machine import TUTORIAL, Machine

MIB, GIB = 1 << 20, 1 << 30
OK, INVALID, UNSUPPORTED, HANDLE, ADDRESS = 0, 2, 3, 0xE, 0xF
LENGTH, LOG, RESOURCES, LIST = 0x16, 0x17, 0x1D, 0x1E
CEL = bytes.fromhex("0da9c0b5bf414b788f7996b1623b3f17")
RECORDS = 8  # of the host's log
REGION1 = GIB


def tag(n):
    return uuid.UUID(int=0x5be13bceae344a77b6c3 << 48 | n).bytes


def extent(dpa, length, n):
    return fabric.extent(dpa, length, tag(n))


def tunnel(opcode, payload=b"", *, ld=0, target=0, size=None, category=0, length=None):
    message = struct.pack("<BBBHHBHH", category, 5, 0, opcode,
                          len(payload) if length is None else length, 0, 0, 0) + payload
    return struct.pack("<BBH", ld, target, len(message) if size is None else size) + message


def config(region, block, sanitize=0):
    return struct.pack("<B3xQB3x", region, block, sanitize)


def handles(*which, log=4):
    return struct.pack("<BBB3x", log, 0, len(which)) + b"".join(
        struct.pack("<H", h) for h in which)


FREE = 0
BLOCK = 2 * MIB
ONE = [extent(0, BLOCK, 1)]
# (opcode, payload, code); an entry of another form is what somebody else does in between.
STEPS = [
    (0x0001, b"", OK), (0x0001, b"\0", LENGTH),
    (0x0002, b"", OK), (0x0002, b"\0", LENGTH),
    (0x0003, b"", OK), (0x0003, b"\0", LENGTH),
    (0x0004, b"\x07", INVALID), (0x0004, b"\x0d", INVALID), (0x0004, b"", LENGTH),
    (0x0004, b"\x08", OK), (0x0004, b"\x0c", OK),
    (0x0100, b"\x04", OK), (0x0100, b"\x05", INVALID), (0x0100, b"", LENGTH),
    (0x0101, handles(log=9), INVALID), (0x0101, handles(7), HANDLE),
    (0x0101, handles(7)[:7], LENGTH), (0x0101, handles(), OK),
    (0x0300, b"", OK), (0x0300, b"\0", LENGTH),
    (0x0301, bytes(8), OK), (0x0301, bytes(7), LENGTH),
    (0x0400, b"", OK), (0x0400, b"\0", LENGTH),
    (0x0401, CEL + struct.pack("<II", 0, 4), OK),
    (0x0401, bytes(16) + struct.pack("<II", 0, 4), LOG),
    (0x0401, CEL + struct.pack("<II", 4096, 4), INVALID), (0x0401, CEL, LENGTH),
    (0x5300, tunnel(0x0001), OK), (0x5300, tunnel(0x5600), OK),
    (0x5300, tunnel(0x0001, b"\0"), OK), (0x5300, tunnel(0x0001, length=4), OK),
    (0x5300, tunnel(0x0001, ld=1), INVALID), (0x5300, tunnel(0x0001, target=1), INVALID),
    (0x5300, tunnel(0x0001, category=1), INVALID), (0x5300, tunnel(0x0001, size=11), LENGTH),
    (0x5300, tunnel(0x0001, size=13), LENGTH), (0x5300, tunnel(0x0001)[:-1], LENGTH),
    (0x5600, b"", OK), (0x5600, b"\0", LENGTH),
    (0x5601, struct.pack("<HBB", 0, 8, 0), OK), (0x5601, struct.pack("<HBB", 1, 8, 0), INVALID),
    (0x5601, struct.pack("<HBB", 0, 1, 2), INVALID), (0x5601, bytes(5), LENGTH),
    (0x5602, config(8, BLOCK), UNSUPPORTED), (0x5602, config(2, BLOCK), INVALID),
    (0x5602, config(0, 3 * MIB), INVALID), (0x5602, config(0, 32), INVALID),
    (0x5602, config(0, BLOCK)[:-1], LENGTH), (0x5602, config(0, BLOCK), OK),
    (0x5603, struct.pack("<HHII", 0, 0, 9, 0), OK),
    (0x5603, struct.pack("<HHII", 1, 0, 9, 0), INVALID),
    (0x5603, struct.pack("<HHII", 0, 0, 9, 1), INVALID), (0x5603, bytes(11), LENGTH),
    (0x5604, fabric.change(4, ONE), INVALID), (0x5604, fabric.change(2, ONE, host=1), INVALID),
    (0x5604, fabric.change(2), INVALID), (0x5604, fabric.change(2, ONE, count=2), LENGTH),
    (0x5604, fabric.change(2)[:-1], LENGTH),
    (0x5604, fabric.change(2, [extent(2 * GIB, BLOCK, 1)]), ADDRESS),
    (0x5604, fabric.change(2, [extent(MIB, BLOCK, 1)]), LIST),
    (0x5604, fabric.change(2, ONE + ONE), LIST),
    (0x5604, fabric.change(2, [extent(0, BLOCK, 9)]), INVALID),
    (0x5604, fabric.change(2, [extent(i * BLOCK, BLOCK, 3) for i in range(RECORDS + 1)]),
     RESOURCES),
    (0x5604, fabric.change(FREE, ONE, length=BLOCK, tag=tag(1)), INVALID),
    (0x5604, fabric.change(FREE, region=2, length=BLOCK, tag=tag(1)), INVALID),
    (0x5604, fabric.change(FREE, length=MIB, tag=tag(1)), INVALID),
    (0x5604, fabric.change(1, length=4 * GIB, tag=tag(4)), RESOURCES),
    (0x5604, fabric.change(3, tag=tag(9)), INVALID),
    (0x5604, fabric.change(2, ONE), OK),
    (0x5604, fabric.change(2, [extent(0, BLOCK, 2)]), LIST),
    (0x5605, fabric.change(1, ONE), ADDRESS),  # not answered yet
    (0x5602, config(0, BLOCK), UNSUPPORTED),
    (0x5606, tag(9), INVALID), (0x5606, tag(1)[:-1], LENGTH),
    (0x5607, tag(1), INVALID), (0x5607, tag(1)[:-1], LENGTH),
    ("host accepts", 0, BLOCK),
    (0x5606, tag(1), OK), (0x5606, tag(1), OK),  # as often as one likes
    (0x5608, struct.pack("<II", 0, 9), OK), (0x5608, struct.pack("<II", 2, 9), INVALID),
    (0x5608, bytes(7), LENGTH),
    (0x5605, fabric.change(2, ONE), INVALID), (0x5605, fabric.change(1, ONE, host=1), INVALID),
    (0x5605, fabric.change(1), INVALID), (0x5605, fabric.change(1, ONE, count=0), LENGTH),
    (0x5605, fabric.change(1)[:-1], LENGTH),
    (0x5605, fabric.change(1, [extent(2 * GIB, BLOCK, 1)]), ADDRESS),
    (0x5605, fabric.change(1, [extent(BLOCK, BLOCK, 1)]), ADDRESS),
    (0x5605, fabric.change(1, [extent(0, MIB, 1)]), LIST),
    (0x5605, fabric.change(1, ONE + ONE), LIST),
    (0x5605, fabric.change(1, [extent(0, BLOCK, 2)]), INVALID),
    (0x5605, fabric.change(0, length=BLOCK, tag=tag(2)), INVALID),
    (0x5605, fabric.change(0, length=MIB, tag=tag(1)), INVALID),
    # Each asking has a record, until the log is full.
    *[(0x5605, fabric.change(0, length=BLOCK, tag=tag(1)), OK)] * RECORDS,
    (0x5605, fabric.change(0, length=BLOCK, tag=tag(1)), RESOURCES),
    ("host releases", 0, BLOCK),
    (0x5602, config(0, BLOCK), UNSUPPORTED),  # the reference keeps it
    (0x5607, tag(1), OK),
    (0x5602, config(0, 4 * MIB, 1), OK),
    # Two tags in two regions at once, and all or nothing of them.
    (0x5604, fabric.change(2, [extent(0, 4 * MIB, 5), extent(REGION1, BLOCK, 9)]), INVALID),
    (0x5608, struct.pack("<II", 1, 9), INVALID),
    (0x5604, fabric.change(2, [extent(0, 4 * MIB, 5), extent(REGION1, BLOCK, 1)]), OK),
    (0x5605, fabric.change(0x11, [extent(REGION1, BLOCK, 1), extent(0, 4 * MIB, 5)]), OK),
    (0x1234, b"", UNSUPPORTED), (0x4801, bytes(8), UNSUPPORTED), (0x5700, b"", UNSUPPORTED),
]


class FmApi(unittest.TestCase):
    def setUp(self):
        device = "cxl-type3,bus=root_port13,id=cxl-vmem0,dc-region.0.size=1G," \
                 f"dc-region.1.size=512M,dc-region.1.sharable=on,dc-event-log-size={RECORDS}"
        self.m = Machine([*TUTORIAL[:-1], device, "-chardev",
                          "socket,id=fm0,path=fm,server=on,wait=off", "-device",
                          "cxl-mctp,chardev=fm0,target=cxl-vmem0", "-accel", "qtest"],
                         tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        for n, size in enumerate([BLOCK, BLOCK, (RECORDS + 1) * BLOCK, 4 * GIB, 4 * MIB], 1):
            self.m.qmp.cmd("object-add", qom_type="memory-backend-ram", id=f"tm{n}", size=size,
                           share=True, tag=str(uuid.UUID(bytes=tag(n))))
        self.host = CxlHost(self.m.qtest)
        self.host.enumerate()
        link = fabric.Link.unix(os.path.join(self.m.dir, "fm"))
        self.addCleanup(link.close)
        self.cci = fabric.Cci(link)

    def opcodes(self):
        """All that the effects log names."""
        size, = struct.unpack_from("<I", self.cci.command(0x0400)[1], 24)
        rc, out = self.cci.command(0x0401, CEL + struct.pack("<II", 0, size))
        self.assertEqual(rc, OK)
        return {opcode for opcode, _ in struct.iter_unpack("<HH", out)}

    def test_every_command_has_its_codes(self):
        seen = set()
        for step in STEPS:
            if step[0] == "host accepts":
                self.host.events()
                self.host.dc_list(DC_ADD, [step[1:]])
            elif step[0] == "host releases":
                self.host.events()
                self.host.dc_list(DC_RELEASE, [step[1:]])
            else:
                opcode, payload, want = step
                with self.subTest(opcode=f"{opcode:04x}h", payload=payload.hex()):
                    rc, out = self.cci.command(opcode, payload)
                    self.assertEqual(rc, want)
                    self.assertTrue(rc == OK or not out)
                seen.add(opcode)
        self.assertLessEqual(self.opcodes(), seen)
        self.assertEqual(self.m.qmp.cmd("query-cxl-dynamic-capacity",
                                        path="/machine/peripheral/cxl-vmem0")[0]["extents"], [])

    def test_the_tunnel_leads_to_ld_0(self):
        rc, out = self.cci.command(0x5300, tunnel(0x0001))
        size, header = struct.unpack_from("<H2x12s", out)
        self.assertEqual((rc, size, len(out)), (OK, 12 + 18, 4 + size))
        self.assertEqual(header.hex(), "0105000100120000" + "00000000")
        self.assertEqual(out[16:], self.cci.command(0x0001)[1])
        for message, code in [(tunnel(0x5600), UNSUPPORTED), (tunnel(0x0003), UNSUPPORTED),
                              (tunnel(0x0001, b"\0"), LENGTH), (tunnel(0x0001, length=1), LENGTH),
                              (tunnel(0x0401, CEL + bytes(8)), OK)]:
            with self.subTest(message=message.hex()):
                rc, out = self.cci.command(0x5300, message)
                self.assertEqual((rc, struct.unpack_from("<H", out, 12)[0]), (OK, code))
                self.assertEqual(struct.unpack_from("<H", out)[0], len(out) - 4)

    def test_one_head_is_no_pool(self):
        self.assertEqual(self.cci.command(0x5300, tunnel(0x5500, b"\0\1", target=1))[0], INVALID)
        self.assertEqual(self.cci.command(0x5500, b"\0\1")[0], UNSUPPORTED)

    def test_the_configuration_is_the_hosts(self):
        def fm(start=0, count=8):
            rc, out = self.cci.command(0x5601, struct.pack("<HBB", 0, count, start))
            self.assertEqual(rc, OK)
            available, returned = out[2:4]
            self.assertEqual((available, len(out)), (2, 4 + 0x28 * returned + 16))
            return [struct.unpack_from("<QQQQB3xB", out, 4 + 0x28 * i) for i in range(returned)], \
                out[-16:]

        def host():
            out = self.host.command(DC_CONFIG, struct.pack("<BB", 8, 0))
            return [struct.unpack_from("<QQQQ", out, 8 + 0x28 * i) for i in range(out[1])], \
                out[-16:]

        self.assertEqual([r[:4] for r in fm()[0]], host()[0])
        self.assertEqual(fm()[1], host()[1])
        self.assertEqual([r[4] & 8 for r in fm()[0]], [0, 8])  # the second is sharable
        self.assertEqual(fm(1)[0], fm()[0][1:])
        self.assertEqual(fm(0, 0)[0], [])
        self.assertEqual(self.cci.command(0x5602, config(1, 64, 1))[0], OK)
        self.assertEqual([r[3] for r in host()[0]], [BLOCK, 64])
        self.assertEqual([r[3] for r in fm()[0]], [BLOCK, 64])
        self.assertEqual([r[5] for r in fm()[0]], [0, 1])
        record, = self.host.events()
        self.assertEqual((record[0x30], record[0x34]), (3, 1))


class Heads(unittest.TestCase):
    """Of four heads, two are plugged, each of another width."""

    def setUp(self):
        self.m = Machine([*TUTORIAL[:-2], "-device", "cxl-rp,port=1,bus=cxl.1,id=rp1,chassis=0,slot=3",
                          "-device", "cxl-type3,bus=root_port13,id=cxl-vmem0,heads=4,"
                          "dc-region.0.size=1G",
                          "-device", "cxl-type3-head,bus=rp1,device=cxl-vmem0,head=2,x-width=4,"
                          "x-speed=16", "-chardev",
                          "socket,id=fm0,path=fm,server=on,wait=off", "-device",
                          "cxl-mctp,chardev=fm0,target=cxl-vmem0", "-accel", "qtest"],
                         tutorial=False, qtest=True)
        self.addCleanup(self.m.end)
        link = fabric.Link.unix(os.path.join(self.m.dir, "fm"))
        self.addCleanup(link.close)
        self.cci = fabric.Cci(link)

    def pool(self, opcode, payload):
        rc, out = self.cci.command(0x5300, tunnel(opcode, payload, target=1))
        self.assertEqual((rc, struct.unpack_from("<H", out)[0]), (OK, len(out) - 4))
        return struct.unpack_from("<H", out, 12)[0], out[16:]

    def test_each_logical_device_has_its_head(self):
        for start, limit, heads in (0, 255, "00010203"), (1, 2, "0102"), (3, 1, "03"), (0, 0, ""):
            with self.subTest(start=start, limit=limit):
                n = len(heads) // 2
                self.assertEqual(self.pool(0x5500, bytes([start, limit])), (
                    OK, bytes([4, 4, 0, 0, start, n, 0, 0]) + bytes.fromhex(heads)))
        self.assertEqual(self.pool(0x5500, b"\4\1"), (INVALID, b""))
        self.assertEqual(self.pool(0x5500, b"\0"), (LENGTH, b""))

    def test_heads_tell_of_their_links(self):
        plugged, narrow = "1010 1f 05 05 04 00 04", "0404 0f 04 04 04 00 04"
        links = [plugged, "00" * 8, narrow, "00" * 8]
        for start, count in (0, 4), (2, 1), (1, 0):
            with self.subTest(start=start, count=count):
                want = b"".join(bytes([i]) + bytes.fromhex(links[i])
                                for i in range(start, start + count))
                self.assertEqual(self.pool(0x5501, bytes([start, count])),
                                 (OK, bytes([count, 0, 0, 0]) + want))
        for payload, code in (b"\4\0", INVALID), (b"\3\2", INVALID), (b"\0\xff", INVALID), (b"\0", LENGTH):
            self.assertEqual(self.pool(0x5501, payload), (code, b""))

    def test_the_pool_is_not_the_rest(self):
        self.assertEqual(self.pool(0x0001, b"")[0], OK)
        self.assertEqual(self.pool(0x5600, b"")[0], UNSUPPORTED)
        self.assertEqual(self.cci.command(0x5500, b"\0\1")[0], UNSUPPORTED)
        rc, out = self.cci.command(0x5300, tunnel(0x5500, b"\0\1", target=0))
        self.assertEqual((rc, struct.unpack_from("<H", out, 12)[0]), (OK, UNSUPPORTED))


if __name__ == "__main__":
    unittest.main()
