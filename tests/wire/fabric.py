# SPDX-License-Identifier: Apache-2.0
"""A fabric manager's end of an MCTP link, written from the specifications and without a line of the
program's: serial frames (DSP0253), packets and control messages (DSP0236), CCI messages (DSP0281,
DSP0234; CXL 3.1 7.6.3)."""

import os
import select
import socket
import struct
import termios
import time
import tty

FLAG, ESCAPE = 0x7E, 0x7D
CONTROL, FMAPI, CCI = 0, 7, 8
WAIT = 30  # seconds, for an answer that must come


def fcs(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc


def frame(packet):
    """A packet as a serial frame."""
    body = bytes([1, len(packet)])
    escaped = b"".join(bytes([ESCAPE, b ^ 0x20]) if b in (FLAG, ESCAPE) else bytes([b])
                       for b in packet)
    return (bytes([FLAG]) + body + escaped + struct.pack(">H", fcs(body + packet)) +
            bytes([FLAG]))


def packets(message, *, dest, source, tag, owner=True, seq=0):
    """The packets of a message, type byte included."""
    parts = [message[i:i + 64] for i in range(0, len(message), 64)]
    for i, part in enumerate(parts):
        flags = ((0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0) |
                 ((seq + i) & 3) << 4 | (8 if owner else 0) | tag)
        yield bytes([1, dest, source, flags]) + part


class Serial:
    """Frames out of a stream of bytes."""

    def __init__(self):
        self.buf = b""

    def feed(self, data):
        """Packets that are whole now. What comes from the program is never damaged, but for zeros
        and an empty frame in front of it all."""
        self.buf += data
        found = []
        while True:
            start = self.buf.find(b"\x7e\x01")
            if start < 0 or len(self.buf) < start + 6:
                return found
            count, at, packet = self.buf[start + 2], start + 3, b""
            while len(packet) < count and at < len(self.buf):
                byte = self.buf[at]
                if byte == ESCAPE:
                    if at + 1 == len(self.buf):
                        return found
                    at += 1
                    byte = self.buf[at] ^ 0x20
                packet += bytes([byte])
                at += 1
            if len(packet) < count or len(self.buf) < at + 3:
                return found
            tail = self.buf[at:at + 3]
            self.buf = self.buf[at + 3:]
            if not count:  # the frame that cures Linux's receiver; its FCS is no FCS
                continue
            assert tail == struct.pack(">H", fcs(bytes([1, count]) + packet)) + b"\x7e", tail
            found.append(packet)


class Tcp:
    """68 bytes a packet."""

    def __init__(self):
        self.buf = b""

    def feed(self, data):
        self.buf += data
        found = []
        while len(self.buf) >= 68:
            found.append(self.buf[:68])
            self.buf = self.buf[68:]
        return found


class Link:
    """A link over a file descriptor, and what came over it as messages."""

    def __init__(self, fd, framing, close):
        self.fd, self.close = fd, close
        self.tcp = framing == "tcp"
        self.rx = Tcp() if self.tcp else Serial()
        self.open = {}      # (source, dest, tag, owner) -> (next sequence number, bytes)
        self.messages = []  # (packet header fields, bytes)

    @classmethod
    def unix(cls, path, framing="serial"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        link = cls(s.fileno(), framing, s.close)
        link.socket = s
        return link

    @classmethod
    def inet(cls, port, framing="tcp"):
        s = socket.create_connection(("127.0.0.1", port))
        link = cls(s.fileno(), framing, s.close)
        link.socket = s
        return link

    @classmethod
    def pty(cls, path, framing="serial"):
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(fd, termios.TCSANOW)
        return cls(fd, framing, lambda: os.close(fd))

    def send_raw(self, data):
        while data:
            data = data[os.write(self.fd, data):]

    def framed(self, packet):
        return packet.ljust(68, b"\0") if self.tcp else frame(packet)

    def send(self, message, *, dest=0, source=8, tag=0, **more):
        for packet in packets(message, dest=dest, source=source, tag=tag, **more):
            self.send_raw(self.framed(packet))

    def packet(self, packet):
        assert packet[0] == 1 and len(packet) > 4, packet
        dest, source, flags = packet[1:4]
        key = (source, dest, flags & 7, bool(flags & 8))
        seq, body = self.open.pop(key, (None, b""))
        if flags & 0x80:
            assert seq is None
            seq = flags >> 4 & 3
        assert seq == flags >> 4 & 3, "sequence"
        body += packet[4:]
        if flags & 0x40:
            self.messages.append((key, body))
        else:
            assert len(packet) == 68
            self.open[key] = ((seq + 1) & 3, body)

    def receive(self):
        """The next message: (source, dest, tag, owner) and its bytes."""
        end = time.monotonic() + WAIT
        while not self.messages:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("no message")
            data = os.read(self.fd, 65536)
            if not data:
                raise EOFError
            for packet in self.rx.feed(data):
                self.packet(packet)
        return self.messages.pop(0)


class Cci:
    """Commands over a link; own and other's endpoint id."""

    def __init__(self, link, eid=0, source=8):
        self.link, self.eid, self.source = link, eid, source
        self.tag = 0

    def control(self, command, data=b"", instance=1, **more):
        """(completion code, data) of a control request."""
        self.link.send(bytes([CONTROL, 0x80 | instance, command]) + data, dest=self.eid,
                       source=self.source, **more)
        _, answer = self.link.receive()
        assert answer[:3] == bytes([CONTROL, instance, command]), answer
        return answer[3], answer[4:]

    def request(self, opcode, payload=b"", *, type=None, tag=None, mctp_tag=None):
        """Send a request; its CCI tag."""
        if tag is None:
            self.tag = (self.tag + 1) & 0xFF
            tag = self.tag
        if type is None:
            type = FMAPI if 0x51 <= opcode >> 8 <= 0x56 else CCI
        header = struct.pack("<BBBHHBHH", 0, tag, 0, opcode, len(payload) & 0xFFFF,
                             len(payload) >> 16, 0, 0xABCD)
        self.link.send(bytes([type]) + header + payload, dest=self.eid, source=self.source,
                       tag=tag & 7 if mctp_tag is None else mctp_tag)
        return tag

    def answer(self):
        """(type, tag, opcode, return code, payload) of the next answer."""
        _, message = self.link.receive()
        category, tag, _, opcode, low, high, rc, _ = struct.unpack_from("<BBBHHBHH", message, 1)
        # Jackrabbit's tools have it in the upper half.
        assert category == (0x11 if self.link.tcp else 1), message
        length = low | (high & 0xF) << 16
        payload = message[13:]
        if self.link.tcp:
            payload = payload[:length]
        assert length == len(payload), message
        return message[0], tag, opcode, rc, payload

    def command(self, opcode, payload=b"", **more):
        """(return code, payload) of a command."""
        tag = self.request(opcode, payload, **more)
        _, got, op, rc, out = self.answer()
        assert (got, op) == (tag, opcode), (got, op)
        return rc, out


def extent(dpa, length, tag=bytes(16), seq=0):
    return struct.pack("<QQ16sH6x", dpa, length, tag, seq)


def change(policy, extents=(), *, host=0, region=0, length=0, tag=bytes(16), count=None):
    """Payload of 5604h and 5605h."""
    return struct.pack("<HBBQ16sI", host, policy, region, length, tag,
                       len(extents) if count is None else count) + b"".join(extents)


def extents_of(payload):
    """[(dpa, length, tag, sequence)] of an answer to 5603h, and (total, generation)."""
    _, start, returned, total, generation = struct.unpack_from("<H2xIIII", payload)
    assert len(payload) == 0x18 + 0x28 * returned, payload
    return [struct.unpack_from("<QQ16sH", payload, 0x18 + 0x28 * i)
            for i in range(returned)], total, generation


def events_of(payload):
    """[(handle, type, dpa, length, tag, more)] of an answer to 0100h with dynamic-capacity records."""
    count, = struct.unpack_from("<H", payload, 0x14)
    records = [payload[0x20 + 0x80 * i:0xA0 + 0x80 * i] for i in range(count)]
    return [(struct.unpack_from("<H", r, 0x14)[0], r[0x30], *struct.unpack_from("<QQ16s", r, 0x38),
             r[0x35] & 1) for r in records]
