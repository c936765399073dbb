# SPDX-License-Identifier: Apache-2.0
"""A fabric manager of its own (fabric.py) at the other end of cxl-mctp: over unix sockets, TCP and a
pseudo terminal, with damage of every kind, and next to QMP."""

import ctypes
import os
import random
import shlex
import socket
import struct
import subprocess
import unittest
import uuid

import fabric
from cxbpy.machine import TUTORIAL, Machine, binary
from cxbpy.qmp import QmpError

GIB = 1 << 30
DEVICE = "/machine/peripheral/cxl-vmem0"
TAG = uuid.UUID("5be13bce-ae34-4a77-b6c3-16df975fcf1a")
SECOND = 10 ** 9
LIST = struct.pack("<HHII", 0, 0, 100, 0)


def sockets_of(pid):
    """The sockets of a child of ours, as sockets here (pidfd_getfd)."""
    libc = ctypes.CDLL(None, use_errno=True)
    process = os.pidfd_open(pid)
    try:
        for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                ours = libc.syscall(438, process, fd, 0)
                if ours < 0:
                    raise OSError(ctypes.get_errno(), "pidfd_getfd")
                yield socket.socket(fileno=ours)
    finally:
        os.close(process)


class Fabric(unittest.TestCase):
    def start(self, *args, chardev="socket,path=fm,server=on,wait=off", framing=None,
              host=False, **kwargs):
        args = list(args) + ["-chardev", f"id=fm0,backend={chardev}", "-device",
                             "cxl-mctp,chardev=fm0,target=cxl-vmem0,id=wire0" +
                             (f",framing={framing}" if framing else "")]
        if not host:  # time moves when told to
            args += ["-accel", "qtest"]
        m = Machine(args, qtest=True, **kwargs)
        self.addCleanup(m.end)
        return m

    def link(self, m, framing="serial"):
        link = fabric.Link.unix(os.path.join(m.dir, "fm"), framing)
        self.addCleanup(link.close)
        return link

    def alive(self, link):
        """It answers, and nothing came before the answer."""
        cci = fabric.Cci(link)
        rc, out = cci.command(0x0001, tag=0x7E)
        self.assertEqual((rc, out[:8].hex(), out[0x11]), (0, "8680930df41a0011", 3))

    def backend(self, m, size=GIB):
        m.qmp.cmd("object-add", qom_type="memory-backend-ram", id="tm0", size=size, share=True,
                  tag=str(TAG))

    def front_open(self, m):
        return next(c["frontend-open"] for c in m.qmp.cmd("query-chardev") if c["label"] == "fm0")

    def listed(self, m):
        return [(e["dpa"], e["len"], uuid.UUID(e["tag"]).bytes, e["seq"])
                for e in m.qmp.cmd("query-cxl-dynamic-capacity", path=DEVICE)[0]["extents"]]

    def test_a_bus_owner_brings_the_endpoint_up(self):
        link = self.link(self.start())
        cci = fabric.Cci(link)
        self.assertEqual(cci.control(0x02), (0, bytes([0, 0, 0])))
        self.assertEqual(cci.control(0x01, bytes([0, 9])), (0, bytes([0, 9, 0])))
        cci.eid = 9
        self.assertEqual(cci.control(0x05), (0, bytes([2, 7, 8])))
        self.assertEqual(cci.control(0x04, b"\x08"), (0, b"\x01\xf1\xf0\xff\x00"))
        code, out = cci.control(0x03)
        self.assertEqual((code, len(out)), (0, 16))
        self.assertNotEqual(out, bytes(16))
        self.assertEqual(cci.control(0x01, bytes([0, 255]))[0], 2)
        self.assertEqual(cci.control(0x0B)[0], 5)
        self.assertEqual(cci.command(0x0003), (0, b"\x0c"))

    def test_add_accept_and_release_are_what_qmp_shows(self):
        m = self.start(host=True)
        self.backend(m)
        cci = fabric.Cci(self.link(m))
        want = [(GIB, GIB // 2, TAG.bytes, 0), (0, GIB // 2, TAG.bytes, 0)]
        rc, _ = cci.command(0x5604, fabric.change(2, [fabric.extent(*e) for e in want]))
        self.assertEqual(rc, 0)
        self.assertEqual(sorted(self.listed(m)), sorted(want))  # the host has accepted
        rc, out = cci.command(0x5603, LIST)
        self.assertEqual((rc, sorted(fabric.extents_of(out)[0])), (0, sorted(want)))
        rc, out = cci.command(0x0100, b"\x04")
        told = fabric.events_of(out)
        self.assertEqual(sorted(t[2:5] for t in told), sorted(e[:3] for e in want))
        self.assertEqual([t[1] for t in told], [4, 4])
        # What QMP adds overlaps, and is known by its tag.
        with self.assertRaises(QmpError):
            m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                      selection_policy="prescriptive", tag=str(TAG),
                      extents=[{"offset": 0, "len": GIB}])
        rc, _ = cci.command(0x0101, struct.pack("<BBB3xHH", 4, 0, 2, 1, 2))
        self.assertEqual(rc, 0)
        rc, _ = cci.command(0x5605, fabric.change(0, length=GIB, tag=TAG.bytes))
        self.assertEqual(rc, 0)
        self.assertEqual(self.listed(m), [])
        rc, out = cci.command(0x5603, LIST)
        self.assertEqual((rc, fabric.extents_of(out)[0]), (0, []))
        told = fabric.events_of(cci.command(0x0100, b"\x04")[1])
        self.assertEqual(sorted(t[2:5] for t in told), sorted(e[:3] for e in want))
        self.assertEqual([t[1] for t in told], [5, 5])

    def test_what_qmp_added_is_released_by_force(self):
        m = self.start(host=True)
        self.backend(m)
        m.qmp.cmd("cxl-add-dynamic-capacity", path=DEVICE, host_id=0, region=0,
                  selection_policy="prescriptive", tag=str(TAG),
                  extents=[{"offset": GIB, "len": GIB}])
        self.assertEqual(self.listed(m), [(GIB, GIB, TAG.bytes, 0)])
        cci = fabric.Cci(self.link(m))
        self.assertEqual(cci.command(0x5605, fabric.change(
            0x11, [fabric.extent(GIB, GIB, TAG.bytes)])), (0, b""))
        self.assertEqual(self.listed(m), [])

    def test_damage_costs_what_it_hit(self):
        link = self.link(self.start())
        good = fabric.frame(bytes.fromhex("010008c8008002"))
        rng = random.Random(7)
        for damage in [good[:-3] + b"\0\0\x7e", good[:4], good[:-2], b"\x7e", b"\x7e\x01\xff",
                       b"\x7e\x02" + good[2:], b"\0" * 78, b"\x7e\x01\x05\x7d\x00",
                       bytes(rng.choice([0x7E, 0x7D, 1, 5, 0, 8]) for _ in range(5000))]:
            with self.subTest(damage=damage[:16].hex()):
                link.send_raw(damage)
                self.alive(link)
        # Without its closing flag it is whole with the opening flag of the next one.
        link.send_raw(good[:-1] + good)
        for _ in range(2):
            self.assertEqual(link.receive()[1][:4], bytes([fabric.CONTROL, 0, 2, 0]))
        self.alive(link)

    def test_lost_repeated_and_interleaved_fragments(self):
        link = self.link(self.start())
        header = struct.pack("<BBBHHBHH", 0, 9, 0, 0x5604, 200 - 12, 0, 0, 0)
        message = bytes([fabric.FMAPI]) + header + bytes(188)

        def parts(**more):
            return [link.framed(p) for p in fabric.packets(message, dest=0, source=8, **more)]

        first = parts(tag=1)
        for broken in [first[:1] + first[2:], first[:2] + first[1:], first[1:], first[:-1],
                       [first[0], first[0]]]:
            for part in broken:
                link.send_raw(part)
            self.alive(link)
        # Two tags, sequence numbers of their own; both are refused for what they say.
        for a, b in zip(parts(tag=2, seq=3), parts(tag=3)):
            link.send_raw(a + b)
        for tag in (2, 3):
            key, answer = link.receive()
            self.assertEqual(key[2:], (tag, False))
            self.assertEqual(answer[2:6] + answer[9:11], bytes([9, 0, 4, 0x56, 0x16, 0]))
        self.alive(link)

    def test_too_long_a_message_has_no_answer(self):
        link = self.link(self.start())
        link.send(bytes([fabric.CCI]) + bytes(4097), tag=1)
        self.alive(link)
        # The longest that there may be.
        header = struct.pack("<BBBHHBHH", 0, 1, 0, 0x0001, 4084, 0, 0, 0)
        link.send(bytes([fabric.CCI]) + header + bytes(4084), tag=1)
        self.assertEqual(link.receive()[1][9], 0x16)

    def test_a_message_in_parts_has_six_seconds(self):
        m = self.start()
        link = self.link(m)
        header = struct.pack("<BBBHHBHH", 0, 3, 0, 0x0003, 60, 0, 0, 0)
        first, last = [link.framed(p) for p in fabric.packets(
            bytes([fabric.CCI]) + header + bytes(60), dest=0, source=8, tag=5)]
        link.send_raw(first)
        self.alive(link)  # it has arrived
        m.qtest.cmd(f"clock_step {6 * SECOND - 1}")
        link.send_raw(last)
        self.assertEqual(link.receive()[1][9], 0x16)
        link.send_raw(first)
        self.alive(link)
        m.qtest.cmd(f"clock_step {6 * SECOND}")
        link.send_raw(last)
        self.alive(link)

    def test_answers_come_in_order_and_by_tag(self):
        cci = fabric.Cci(self.link(self.start()))
        asked = [(cci.request(op, mctp_tag=i % 8, tag=i), op)
                 for i, op in enumerate([1, 3, 0x400, 2, 0x5600, 1, 0x7777, 3])]
        got = [cci.answer() for _ in asked]
        self.assertEqual([(tag, op) for _, tag, op, _, _ in got], asked)
        self.assertEqual([rc for _, _, _, rc, _ in got], [0] * 6 + [3, 0])

    def test_a_command_on_the_wrong_type_is_unsupported(self):
        cci = fabric.Cci(self.link(self.start()))
        self.assertEqual(cci.command(0x5600, type=fabric.CCI), (3, b""))
        self.assertEqual(cci.command(0x5600, type=fabric.FMAPI)[0], 0)
        self.assertEqual(cci.command(0x0001, type=fabric.FMAPI)[0], 0)

    def test_who_does_not_read_is_not_listened_to(self):
        m = self.start()
        link = self.link(m)
        link.socket.setblocking(False)
        wanted = 0
        request = b"".join(link.framed(p) for p in fabric.packets(
            bytes([fabric.CCI]) + struct.pack("<BBBHHBHH16sII", 0, 1, 0, 0x0401, 24, 0, 0, 0,
                                              bytes.fromhex("0da9c0b5bf414b788f7996b1623b3f17"),
                                              0, 64), dest=0, source=8, tag=0))
        sent = b""
        while wanted < 64 << 20:
            try:
                sent = sent[link.socket.send(sent):] or request * 64
                wanted += len(request) * 64
            except BlockingIOError:
                break
        self.assertLess(wanted, 64 << 20)  # it stopped taking them
        self.assertEqual(m.qmp.cmd("query-status")["running"], True)
        with open(f"/proc/{m.process.pid}/statm", encoding="ascii") as f:
            self.assertLess(int(f.read().split()[1]) * 4096, 1 << 30)
        link.socket.close()
        self.alive(self.link(m))

    def test_a_pseudo_terminal(self):
        m = self.start(chardev="pty", stderr=subprocess.PIPE)
        self.addCleanup(m.process.stderr.close)
        line = m.process.stderr.readline().decode()
        link = fabric.Link.pty(line.split()[-1])
        self.addCleanup(link.close)
        self.alive(link)
        link.send_raw(b"noise\x7e\x01")
        self.alive(link)

    def test_jackrabbits_framing_over_tcp(self):
        m = self.start(chardev="socket,host=127.0.0.1,port=0,server=on,wait=off", framing="tcp")
        where = next(c["filename"] for c in m.qmp.cmd("query-chardev") if c["label"] == "fm0")
        port = int(where.split(",")[0].rsplit(":", 1)[1])
        link = fabric.Link.inet(port)
        self.addCleanup(link.close)
        cci = fabric.Cci(link, eid=77, source=0)
        self.assertEqual(cci.control(0x02)[1][:3], bytes(3))
        rc, out = cci.command(0x0400, type=fabric.FMAPI)
        self.assertEqual((rc, len(out)), (0, 28))
        # Half a packet, and the other half.
        packet = link.framed(next(fabric.packets(bytes([0, 0x83, 2]), dest=0, source=0, tag=0)))
        link.send_raw(packet[:33])
        link.send_raw(packet[33:])
        self.assertEqual(link.receive()[1][:4], bytes([0, 3, 2, 0]))

    def test_what_jack_sends_is_answered_where_it_looks(self):
        """Packets that Jackrabbit Labs' jack (f1a0cd8) sends, and what it reads out of the answers."""
        m = self.start(chardev="socket,host=127.0.0.1,port=0,server=on,wait=off", framing="tcp")
        where = next(c["filename"] for c in m.qmp.cmd("query-chardev") if c["label"] == "fm0")
        link = fabric.Link.inet(int(where.split(",")[0].rsplit(":", 1)[1]))
        self.addCleanup(link.close)

        def jack(request):
            link.send_raw(bytes.fromhex("010000c8" + request).ljust(68, b"\0"))
            return link.receive()[1]

        # The category in the upper half of its byte, opcode, length, return code.
        for request, code, length in (
                ("07 00 00 00 01", 0, 0x12),                           # show id
                ("07 00 00 00 02", 0, 8),                              # show bos
                ("07 00 00 00 03", 0, 1),                              # show limit
                ("07 00 00 00 04 00 01 00 00 00 00 00 00 0a", 0, 1),   # set limit -n 10
                ("07 00 00 00 04 00 01 00 00 00 00 00 00 19", 2, 0),   # set limit -n 25
                ("07 00 00 00 00 51", 3, 0),                           # show switch
                ("07 00 00 00 00 53 11 00 00 00 00 00 00 00 00 0d 00"
                 "08 00 00 00 00 54", 2, 0)):                          # show ld info -p 0
            out = jack(request)
            self.assertEqual(out[0], fabric.FMAPI)
            self.assertEqual(out[1] >> 4, 1, request)
            self.assertEqual(struct.unpack_from("<HHBH", out, 4),
                             (int.from_bytes(bytes.fromhex(request)[4:6].ljust(2, b"\0"), "little"),
                              length, 0, code))
        self.assertEqual(jack("00 80 02")[:5], bytes([0, 0, 2, 0, 0]))             # mctp -g
        self.assertEqual(jack("00 80 05")[:7], bytes([0, 0, 5, 0, 2, 7, 8]))       # mctp -t
        self.assertEqual(jack("00 80 04 07")[:6], bytes([0, 0, 4, 0, 1, 0xf1]))    # mctp -r 7
        self.assertEqual(jack("00 80 01 00 09")[:6], bytes([0, 0, 1, 0, 0, 9]))    # mctp -s 9

    def test_no_part_of_an_answer_waits_for_an_acknowledgement(self):
        m = self.start(chardev="socket,host=127.0.0.1,port=0,server=on,wait=off", framing="tcp")
        where = next(c["filename"] for c in m.qmp.cmd("query-chardev") if c["label"] == "fm0")
        link = fabric.Link.inet(int(where.split(",")[0].rsplit(":", 1)[1]))
        self.addCleanup(link.close)
        fabric.Cci(link).command(0x0001)
        found = 0
        for other in sockets_of(m.process.pid):
            with other:
                if other.family == socket.AF_INET and not other.getsockopt(
                        socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    self.assertNotEqual(other.getsockopt(socket.IPPROTO_TCP,
                                                         socket.TCP_NODELAY), 0)
                    found += 1
        self.assertEqual(found, 1)

    def test_a_new_peer_starts_anew(self):
        m = self.start()
        link = self.link(m)
        fabric.Cci(link).control(0x01, bytes([0, 9]))
        link.send_raw(b"\x7e\x01\x44")  # half a frame
        link.socket.close()
        link = self.link(m)
        self.alive(link)
        self.assertEqual(fabric.Cci(link, eid=9).control(0x02), (0, bytes([9, 0, 0])))

    def test_the_target_goes_and_the_wire_is_dead(self):
        m = self.start()
        link = self.link(m)
        self.alive(link)
        m.qmp.cmd("device_del", id="cxl-vmem0")
        link.send(bytes([fabric.CONTROL, 0x80, 2]))
        link.send(bytes([fabric.CCI]) + struct.pack("<BBBHHBHH", 0, 1, 0, 1, 0, 0, 0, 0))
        m.qmp.cmd("query-status")  # they have arrived
        self.assertEqual(self.front_open(m), True)
        m.qmp.cmd("device_del", id="wire0")
        self.assertEqual(self.front_open(m), False)
        m.qmp.cmd("device_add", driver="cxl-type3", bus="root_port13", id="again",
                  num_dc_regions=1, dc_regions_total_size=4 * GIB)
        m.qmp.cmd("device_add", driver="cxl-mctp", chardev="fm0", target="again", id="wire1")
        self.alive(link)

    def test_a_reset_of_the_machine_is_none_of_the_wires(self):
        m = self.start(host=True)
        self.backend(m)
        cci = fabric.Cci(self.link(m))
        cci.command(0x5604, fabric.change(2, [fabric.extent(0, GIB, TAG.bytes)]))
        self.assertEqual(cci.command(0x0004, b"\x09"), (0, b"\x09"))
        m.qmp.cmd("system_reset")
        self.assertEqual(cci.command(0x0003), (0, b"\x09"))
        self.assertEqual(len(fabric.events_of(cci.command(0x0100, b"\x04")[1])), 1)

    def test_wrong_properties_are_refused_by_name(self):
        good = ["-chardev", "null,id=a"]
        for args, text in [
            (["-device", "cxl-mctp,target=cxl-vmem0"], "'chardev' property not set"),
            (good + ["-device", "cxl-mctp,chardev=a"], "'target' property not set"),
            (["-device", "cxl-mctp,chardev=b,target=cxl-vmem0"],
             "Property 'cxl-mctp.chardev' can't find value 'b'"),
            (good + ["-device", "cxl-mctp,chardev=a,target=cxl-vmem0"] +
             ["-device", "cxl-mctp,chardev=a,target=cxl-vmem0"],
             "Property 'cxl-mctp.chardev' can't take value 'a', it's in use"),
            (good + ["-device", "cxl-mctp,chardev=a,target=nobody"], "nobody"),
            (good + ["-device", "cxl-mctp,chardev=a,target=root_port13"], "root_port13"),
            (good + ["-device", "cxl-mctp,chardev=a,target=cxl-vmem0,framing=usb"], "framing"),
            (good + ["-device", "cxl-mctp,chardev=a,target=cxl-vmem0,bus=pcie.0"], "bus"),
        ]:
            with self.subTest(args=args[-1]):
                result = subprocess.run([binary(), *TUTORIAL, *args], capture_output=True,
                                        text=True, timeout=30, check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(text, result.stderr)
                self.assertNotIn("Sanitizer", result.stderr)

    def test_the_guides_command_line_works(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "../../docs/fabric-manager.md"), encoding="utf-8") as f:
            block = f.read().split("```\n")[1]
        words = shlex.split(block.replace("\\\n", " "))
        self.assertEqual(words[0], "cxlbox")
        self.assertEqual(words[-2:], ["-qmp", "unix:qmp.sock,server=on,wait=off"])
        m = Machine(words[1:-2], tutorial=False)  # it adds just that
        self.addCleanup(m.end)
        self.alive(self.link(m))


if __name__ == "__main__":
    unittest.main()
