# SPDX-License-Identifier: Apache-2.0
"""A vfio-user client that shares no code with the program."""

import array
import json
import os
import socket
import struct

(VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS, GET_IRQ_INFO, SET_IRQS,
 REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE, RESET) = range(1, 14)
REGION_WRITE_MULTI = 15

ROM, CONFIG = 6, 7
INTX, MSI, MSIX, ERR, REQ = range(5)
NONE, BOOL, EVENTFD, MASK, UNMASK, TRIGGER = (1 << n for n in range(6))
REPLY, NO_REPLY, ERROR = 1, 0x10, 0x20
HEADER = struct.Struct("=HHIII")

QEMU = {"capabilities": {
    "pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, "max_data_xfer_size": 1048576,
    "migration": {"max_bitmap_size": 268435456, "pgsize": 4096}, "write_multiple": True}}


class VfioUserError(OSError):
    """An error reply."""


class VfioUser:
    """One connection. Replies are checked to be those of the request: id, command, size, flags."""

    def __init__(self, path, negotiate=True, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.id = 0
        if negotiate:
            self.version()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    # --- messages ---

    def send(self, command, body=b"", flags=0, fds=(), size=None):
        """Send one message, of @size if that is to be a lie; returns its id."""
        self.id = (self.id + 1) & 0xffff
        data = HEADER.pack(self.id, command, HEADER.size + len(body) if size is None else size, flags, 0)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data + body], rights)
        if sent < len(data + body):  # the other end may have gone by now
            self.sock.sendall((data + body)[sent:])
        return self.id

    def take(self, count, fds=None):
        data = b""
        while len(data) < count:
            more, ancillary, _, _ = self.sock.recvmsg(count - len(data), 4096)
            for level, kind, content in ancillary:
                assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
                got = array.array("i")
                got.frombytes(content)
                assert fds is not None, "descriptors where none are expected"
                fds.extend(got)
            if not more:
                raise EOFError
            data += more
        return data

    def reply(self, number, command, fds=None):
        """The reply to message @number: its body."""
        got, cmd, size, flags, error = HEADER.unpack(self.take(HEADER.size, fds))
        assert (got, cmd) == (number, command), f"reply {got}/{cmd} to {number}/{command}"
        if flags & ERROR:
            assert size == HEADER.size and flags == REPLY | ERROR, (size, flags)
            raise VfioUserError(error, os.strerror(error))
        assert flags == REPLY and not error, (flags, error)
        return self.take(size - HEADER.size)

    def ask(self, command, body=b"", fds=(), reply_fds=None):
        return self.reply(self.send(command, body, 0, fds), command, reply_fds)

    # --- commands ---

    def version(self, major=0, minor=0, capabilities=QEMU):
        text = b"" if capabilities is None else json.dumps(capabilities).encode() + b"\0"
        body = self.ask(VERSION, struct.pack("=HH", major, minor) + text)
        assert body[-1:] == b"\0"
        return struct.unpack_from("=HH", body), json.loads(body[4:-1])

    def info(self):
        argsz, flags, regions, irqs = struct.unpack("=4I", self.ask(GET_INFO, struct.pack("=4I", 16, 0, 0, 0)))
        assert argsz == 16
        return flags, regions, irqs

    def region_caps(self, index):
        """(flags, size, {id: body}, fd or None), whatever capabilities there are."""
        fds = []
        body = self.ask(GET_REGION_INFO, struct.pack("=4I2Q", 4096, 0, index, 0, 0, 0), reply_fds=fds)
        _, flags, _, at, size, _ = struct.unpack_from("=4I2Q", body)
        caps = {}
        while at:
            kind, version, following = struct.unpack_from("=HHI", body, at)
            assert version == 1 and kind not in caps
            caps[kind] = body[at + 8:following or len(body)]
            at = following
        return flags, size, caps, fds[0] if fds else None

    def region(self, index, argsz=32):
        """(flags, size, offset, areas, fd or None)."""
        fds = []
        body = self.ask(GET_REGION_INFO, struct.pack("=4I2Q", argsz, 0, index, 0, 0, 0), reply_fds=fds)
        need, flags, got, cap, size, offset = struct.unpack_from("=4I2Q", body)
        assert got == index
        if need > argsz:
            assert cap == 32 and not fds and len(body) == 32
            return self.region(index, need)
        assert need == len(body)
        areas = []
        if cap:
            kind, version, following, count, reserved = struct.unpack_from("=HH3I", body, cap)
            assert (kind, version, following, reserved) == (1, 1, 0, 0)
            areas = [struct.unpack_from("=QQ", body, cap + 16 + 16 * n) for n in range(count)]
        return flags, size, offset, areas, fds[0] if fds else None

    def irq(self, index):
        argsz, flags, got, count = struct.unpack("=4I", self.ask(GET_IRQ_INFO, struct.pack("=4I", 16, 0, index, 0)))
        assert (argsz, got) == (16, index)
        return flags, count

    def set_irqs(self, flags, index, start, count, data=b"", fds=()):
        body = struct.pack("=5I", 20 + len(data), flags, index, start, count) + data
        assert self.ask(SET_IRQS, body, fds) == b""

    def read(self, region, offset, count):
        body = self.ask(REGION_READ, struct.pack("=QII", offset, region, count))
        assert struct.unpack_from("=QII", body) == (offset, region, count)
        assert len(body) == 16 + count
        return body[16:]

    def read_some(self, region, offset, count):
        """What there is of it."""
        body = self.ask(REGION_READ, struct.pack("=QII", offset, region, count))
        assert struct.unpack_from("=QII", body) == (offset, region, len(body) - 16)
        return body[16:]

    def write(self, region, offset, data, posted=False):
        body = struct.pack("=QII", offset, region, len(data)) + data
        if posted:
            self.send(REGION_WRITE, body, NO_REPLY)
        else:
            assert self.ask(REGION_WRITE, body) == body[:16]

    def read_int(self, region, offset, size):
        return int.from_bytes(self.read(region, offset, size), "little")

    def write_int(self, region, offset, size, value, posted=False):
        self.write(region, offset, value.to_bytes(size, "little"), posted)

    def write_multi(self, writes, posted=False):
        """@writes: (region, offset, bytes of at most 8)."""
        body = struct.pack("=Q", len(writes))
        for region, offset, data in writes:
            body += struct.pack("=QII8s", offset, region, len(data), data)
        if posted:
            self.send(REGION_WRITE_MULTI, body, NO_REPLY)
            return None
        return struct.unpack("=Q", self.ask(REGION_WRITE_MULTI, body))[0]

    def dma_map(self, address, size, flags=3, offset=0, fd=None):
        fds = () if fd is None else (fd,)
        assert self.ask(DMA_MAP, struct.pack("=2I3Q", 32, flags, offset, address, size), fds) == b""

    def dma_unmap(self, address, size, flags=0):
        body = struct.pack("=2I2Q", 24, flags, address, size)
        assert self.ask(DMA_UNMAP, body) == body

    def reset(self):
        assert self.ask(RESET) == b""
