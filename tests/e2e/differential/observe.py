# SPDX-License-Identifier: Apache-2.0
"""What a host and a management client see of a machine: a flat table of keys and values, made the
same way of QEMU and of cxlbox. Nothing here knows which of the two it talks to. Each subject is a
file of its own beside this one, of functions that take an Observer and fill it."""

from cxbpy.cxlhost import IDENTIFY, CxlHost
from cxbpy.qmp import QmpError

# Bus number of the first host bridge; its root port's bus is the next.
PORT_BUS = 12
# What is noted of a command that ends the program.
ENDS = "the program ends"
# Behind the capacities in Identify Memory Device (CXL 3.1 8.2.9.9.1.1): name, offset, bytes.
IDENTIFY_SIZES = [("information-log", 0x30, 2), ("warning-log", 0x32, 2), ("failure-log", 0x34, 2),
                  ("fatal-log", 0x36, 2), ("label-storage", 0x38, 4), ("poison-list", 0x3c, 3),
                  ("inject-limit", 0x3f, 2), ("poison-handling", 0x41, 1), ("qos", 0x42, 1),
                  ("dynamic-capacity-log", 0x43, 2)]


def hex32(value):
    return f"{value:08x}h"


class Observer:
    """Fills .seen through one machine's qtest (.q, .host) and QMP (.qmp); .dir is where it runs; .ended() waits
    for its end."""

    def __init__(self, machine, chbs):
        self.q, self.qmp, self.dir = machine.qtest, machine.qmp, machine.dir
        self.ended = machine.process.wait
        self.host = CxlHost(self.q, bridge_bus=PORT_BUS, chbs=chbs)
        self.seen = {}

    def note(self, key, value):
        assert key not in self.seen, key
        self.seen[key] = str(value)

    def run(self, key, opcode, payload=b""):
        """One mailbox command; its answer, payload with it, is noted. The device is enumerated."""
        q, m = self.q, self.host.mbox
        q.write(m + 0x20, bytes(0x200))
        if payload:
            q.write(m + 0x20, payload)
        q.writeq(m + 8, opcode | len(payload) << 16)
        q.writel(m + 4, 1)
        assert q.readl(m + 4) & 1 == 0, "the command did not complete"
        code = q.readq(m + 0x10) >> 32 & 0xffff
        out = q.read(m + 0x20, q.readq(m + 8) >> 16 & 0x1fffff) if code == 0 else b""
        if opcode == IDENTIFY and out:
            # The name without its version, which changes with each release.
            self.note(f"{key}/firmware", out[:16].split(b"\0")[0].split(b" ")[0].decode())
            self.note(f"{key}/capacity", out[0x10:0x30].hex())
            for field, at, size in IDENTIFY_SIZES:
                self.note(f"{key}/{field}", int.from_bytes(out[at:at + size], "little"))
            self.note(f"{key}/rest", out[0x43 + 2:].hex() or "nothing")
            out = b""
        self.note(key, f"{code:04x}h" + (f" {out.hex()}" if out else ""))

    def ask(self, key, command, **arguments):
        """One QMP command; what it returns, or the error, is noted as one line."""
        try:
            self.note(key, f"returns {self.qmp.cmd(command, **arguments)}")
        except QmpError as error:
            text = error.desc.replace("\n", "\\n")
            self.note(key, f"{error.error_class}: {text}")
