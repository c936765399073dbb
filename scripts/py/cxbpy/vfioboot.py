# SPDX-License-Identifier: Apache-2.0
"""What QEMU 11.1 says to a vfio-user server, in its order, from a trace of a guest that boots, reboots
and loses its device."""

import array
import os
import socket
import struct

from . import vfiouser as v

# As it is on the wire, white space included.
CAPABILITIES = (b'{"capabilities": {"pgsizes": 4096, "max_msg_fds": 16, "max_dma_maps": 65535, '
                b'"max_data_xfer_size": 1048576, "migration": {"max_bitmap_size": 268435456, '
                b'"pgsize": 4096}, "write_multiple": true}}\0')
MIB = 1 << 20
EVENT, RAM = "event", "ram"  # kinds of descriptors
MSIX_CAP, VECTORS = 0x40, 8


class Message:
    """One request; @fds: kinds."""

    def __init__(self, command, body=b"", fds=(), flags=0):
        self.command, self.body, self.fds, self.flags = command, body, tuple(fds), flags

    def __repr__(self):
        return f"command {self.command}, {len(self.body)} bytes, {len(self.fds)} descriptors"

    def pack(self, number, size=None):
        size = v.HEADER.size + len(self.body) if size is None else size
        return v.HEADER.pack(number & 0xffff, self.command, size, self.flags, 0) + self.body


def version():
    return Message(v.VERSION, bytes(4) + CAPABILITIES)


def dma_map(address, size, offset=0, flags=3, fds=(RAM,)):
    return Message(v.DMA_MAP, struct.pack("=2I3Q", 32, flags, offset, address, size), fds)


def dma_unmap(address, size):
    return Message(v.DMA_UNMAP, struct.pack("=2I2Q", 24, 0, address, size))


def region_info(index, argsz=32):
    return Message(v.GET_REGION_INFO, struct.pack("=4I2Q", argsz, 0, index, 0, 0, 0))


def irq_info(index):
    return Message(v.GET_IRQ_INFO, struct.pack("=4I", 16, 0, index, 0))


def set_irqs(flags, index, start, count, fds=()):
    return Message(v.SET_IRQS, struct.pack("=5I", 20, flags, index, start, count), fds)


def read(offset, count, region=v.CONFIG):
    return Message(v.REGION_READ, struct.pack("=QII", offset, region, count))


def write(offset, count, value, region=v.CONFIG, flags=0):
    return Message(v.REGION_WRITE, struct.pack("=QII", offset, region, count) +
                   value.to_bytes(count, "little"), flags=flags)


def reset_block():
    return [set_irqs(v.NONE | v.TRIGGER, v.MSIX, 0, 0), read(4, 2), write(4, 2, 0),
            Message(v.RESET), read(0x3d, 1), *[write(0x10 + 4 * n, 4, 0) for n in range(6)]]


def churn():
    """The firmware's shadow below 1 MiB: taken apart and put together again."""
    for top in range(0xc4000, 0x100000, 0x4000):
        yield dma_unmap(0xc0000, 64 * MIB - 0xc0000)
        yield dma_map(0xc0000, top - 0xc0000, 0xc0000, flags=1)
        yield dma_map(top, 64 * MIB - top, top)
        yield dma_unmap(0xc0000, top - 0xc0000)
        yield dma_unmap(top, 64 * MIB - top)
        yield dma_map(0xc0000, 64 * MIB - 0xc0000, 0xc0000)


def start():
    return [version(), dma_map(0, 0xa0000), dma_map(0xc0000, 64 * MIB - 0xc0000, 0xc0000),
            dma_map(0xfffc0000, 0x40000, flags=1, fds=()), Message(v.GET_INFO, struct.pack("=4I", 16, 0, 0, 0)),
            *[region_info(n, argsz) for n in (0, 1, 2, 3, 4, 5, 7) for argsz in (32, 64)],
            irq_info(v.ERR), read(0, 4096),
            read(0x30, 4), write(0x30, 4, 0xfffff800), read(0x30, 4), write(0x30, 4, 0),
            *[read(0x10 + 4 * n, 4) for n in (0, 2, 4)],
            read(MSIX_CAP + 2, 2), read(MSIX_CAP + 4, 4), read(MSIX_CAP + 8, 4), irq_info(v.MSIX),
            read(0x3d, 1), read(0x3d, 1), set_irqs(v.EVENTFD | v.TRIGGER, v.ERR, 0, 1, [EVENT]),
            *reset_block(), *churn()]


def use():
    """A driver of the guest."""
    return [*[m for n in (0, 2, 4) for m in (write(0x10 + 4 * n, 4, 0xffffffff), read(0x10 + 4 * n, 4),
                                             write(0x10 + 4 * n, 4, 0xfe000000 + (n << 16)))],
            write(4, 2, 6), write(MSIX_CAP + 2, 2, 0x8000),
            set_irqs(v.NONE | v.TRIGGER, v.INTX, 0, 0), set_irqs(v.EVENTFD | v.TRIGGER, v.MSIX, 0, 1),
            set_irqs(v.EVENTFD | v.TRIGGER, v.MSIX, 0, VECTORS, [EVENT] * VECTORS),
            write(0x10, 4, 0x5a, region=0, flags=v.NO_REPLY),
            Message(v.REGION_WRITE_MULTI, struct.pack("=QQII8s", 1, 0x10, 0, 4, bytes(8)), flags=v.NO_REPLY)]


def reboot():
    return [*reset_block(), *churn(), *reset_block(), *churn()]


def unplug():
    return [set_irqs(v.NONE | v.TRIGGER, v.ERR, 0, 0), set_irqs(v.NONE | v.TRIGGER, v.INTX, 0, 0),
            dma_unmap(0, 0xa0000), dma_unmap(0xc0000, 64 * MIB - 0xc0000), dma_unmap(0xfffc0000, 0x40000)]


def life():
    return [*start(), *use(), *reboot(), *use(), *unplug()]


class Client:
    """Says messages, with descriptors of its own."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path)  # waits while others stand in line
        self.sock.settimeout(timeout)
        ram = os.memfd_create("ram")
        os.ftruncate(ram, 64 * MIB)
        self.fds = {EVENT: os.eventfd(0), RAM: ram}
        self.number = 0

    def close(self):
        self.sock.close()
        for fd in self.fds.values():
            os.close(fd)
        self.fds = {}

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def put(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.sock.sendmsg([data], rights)
        if sent < len(data):  # the other end may have gone by now
            self.sock.sendall(data[sent:])

    def say(self, message, step=None, fds=None):
        """In pieces of @step bytes; @fds: others than the message asks for. Returns its id."""
        data = message.pack(self.number)
        fds = [self.fds[kind] for kind in message.fds] if fds is None else fds
        for at in range(0, len(data), step or len(data)):
            self.put(data[at:at + (step or len(data))], fds if at == 0 else ())
        self.number += 1
        return (self.number - 1) & 0xffff

    def take(self, count):
        data = b""
        while len(data) < count:
            more, ancillary, _, _ = self.sock.recvmsg(count - len(data), 1024)
            for _, _, content in ancillary:
                for fd in memoryview(content).cast("i"):
                    os.close(fd)
            if not more:
                raise EOFError
            data += more
        return data

    def reply(self, message, number):
        """errno, 0 for success."""
        got, command, size, flags, error = v.HEADER.unpack(self.take(v.HEADER.size))
        assert (got, command) == (number, message.command), f"{got}/{command} to {message!r} {number}"
        assert flags in (v.REPLY, v.REPLY | v.ERROR), f"flags {flags:#x} in reply to {message!r}"
        body = self.take(size - v.HEADER.size)
        assert bool(error) == bool(flags & v.ERROR) and not (error and body)
        return error

    def ask(self, message, **how):
        number = self.say(message, **how)
        return 0 if message.flags & v.NO_REPLY else self.reply(message, number)

    def play(self, messages, step=None):
        """Every one must be granted."""
        for message in messages:
            error = self.ask(message, step=step)
            assert not error, f"{message!r}: {os.strerror(error)}"
