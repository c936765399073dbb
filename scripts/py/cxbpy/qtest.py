# SPDX-License-Identifier: Apache-2.0
"""A small qtest client."""

import base64

from .lines import Lines, connect_unix


class QtestError(Exception):
    """A reply that is not OK."""


class Qtest:
    """One connection; interrupts seen collect in .irqs as (level, line)."""

    def __init__(self, path=None, timeout=60, sock=None):
        self.sock = connect_unix(path, timeout) if sock is None else sock
        self.lines = Lines(self.sock)
        self.irqs = []

    def line(self):
        return self.lines.next().decode()

    def raw(self, command):
        """Send one line, return the reply as it is."""
        self.sock.sendall(command.encode() + b"\n")
        while True:
            line = self.line()
            if not line.startswith("IRQ "):
                return line
            _, level, number = line.split(" ")
            self.irqs.append((level, int(number)))

    def cmd(self, command):
        """Send one line; the words behind OK."""
        reply = self.raw(command)
        if reply != "OK" and not reply.startswith("OK "):
            raise QtestError(f"{command[:80]!r}: {reply}")
        return reply[3:]

    def read_n(self, letter, addr):
        return int(self.cmd(f"read{letter} {addr:#x}"), 0)

    def readb(self, addr):
        return self.read_n("b", addr)

    def readw(self, addr):
        return self.read_n("w", addr)

    def readl(self, addr):
        return self.read_n("l", addr)

    def readq(self, addr):
        return self.read_n("q", addr)

    def writeb(self, addr, value):
        self.cmd(f"writeb {addr:#x} {value:#x}")

    def writew(self, addr, value):
        self.cmd(f"writew {addr:#x} {value:#x}")

    def writel(self, addr, value):
        self.cmd(f"writel {addr:#x} {value:#x}")

    def writeq(self, addr, value):
        self.cmd(f"writeq {addr:#x} {value:#x}")

    def read(self, addr, size):
        return base64.b64decode(self.cmd(f"b64read {addr:#x} {size:#x}")) if size else b""

    def write(self, addr, data):
        if data:
            text = base64.b64encode(data).decode()
            self.cmd(f"b64write {addr:#x} {len(data):#x} {text}")

    def inl(self, port):
        return int(self.cmd(f"inl {port:#x}"), 0)

    def outl(self, port, value):
        self.cmd(f"outl {port:#x} {value:#x}")

    def outb(self, port, value):
        self.cmd(f"outb {port:#x} {value:#x}")

    def close(self):
        self.sock.close()
