# SPDX-License-Identifier: Apache-2.0
"""The mailbox: every command with an input of the right length and of wrong ones."""

import struct
import uuid

from cxbpy.cxlhost import DC_CONFIG, IDENTIFY
from observe import ENDS, hex32

CEL = uuid.UUID("0da9c0b5-bf41-4b78-8f79-96b1623b3f17").bytes
GET_LOGS, GET_LOG = 0x0400, 0x0401
# Name, opcode, an input of the right length. 0400h and 0401h are looked at as a table of effects.
COMMANDS = [
    ("get-events", 0x0100, b"\0"), ("get-failure-events", 0x0100, b"\2"),
    ("get-events-of-no-log", 0x0100, b"\x77"),
    ("clear-events", 0x0101, bytes([0, 1, 0, 0, 0, 0])),
    ("clear-unknown-handle", 0x0101, bytes([0, 0, 1, 0, 0, 0, 0x34, 0x12])),
    ("get-policy", 0x0102, b""), ("set-policy", 0x0103, bytes([1, 1, 1, 1, 1])),
    ("get-policy-again", 0x0102, b""), ("set-bad-policy", 0x0103, bytes([3, 3, 3, 3, 3])),
    ("get-timestamp", 0x0300, b""), ("set-timestamp", 0x0301, struct.pack("<Q", 10 ** 18)),
    ("no-log", 0x0401, bytes(24)),
    ("log-past-the-end", 0x0401, CEL + struct.pack("<II", 0x10000, 4)),
    ("identify", 0x4000, b""), ("partition-info", 0x4100, b""),
    ("set-partition", 0x4101, struct.pack("<QB", 0, 0)),
    ("get-lsa", 0x4102, struct.pack("<II", 0, 0)), ("health", 0x4200, b""),
    ("poison-list", 0x4300, struct.pack("<QQ", 0, 8)),
    ("sanitize-nothing", 0x4401, b""), ("unlock", 0x4503, b"\0" * 32),
    ("dc-config", 0x4800, bytes([8, 0])), ("dc-config-past-the-end", 0x4800, bytes([1, 9])),
    ("dc-extents", 0x4801, struct.pack("<II", 8, 0)),
    ("dc-extents-past-the-end", 0x4801, struct.pack("<II", 8, 5)),
    ("dc-respond-unasked", 0x4802, struct.pack("<IIQQQ", 1, 0, 0, 2 << 20, 0)),
    ("dc-respond-empty-extent", 0x4802, struct.pack("<IIQQQ", 1, 0, 0, 0, 0)),
    ("dc-respond-past-the-end", 0x4802, struct.pack("<IIQQQ", 1, 0, 1 << 60, 2 << 20, 0)),
    ("dc-release-unknown", 0x4803, struct.pack("<IIQQQ", 1, 0, 0, 2 << 20, 0)),
    ("unknown", 0x7777, b""),
]

# What ends one of the programs: each is asked of a machine of its own.
FATAL = [("dc-respond-with-nothing", 0x4802, bytes(8)),
         ("dc-release-nothing", 0x4803, bytes(8))]


def mailbox(o, prefix="mailbox", opcodes=range(0x10000)):
    """Each command as it should be, a byte short and a byte long; then the log of effects."""
    o.host.enumerate()
    for name, opcode, good in COMMANDS:
        if opcode not in opcodes:
            continue
        key = f"{prefix}/{opcode:04x}-{name}"
        o.run(key, opcode, good)
        if good:
            o.run(f"{key}/short", opcode, good[:-1])
        o.run(f"{key}/long", opcode, good + b"\0")
    for opcode, effects in effects_log(o).items():
        if opcode in opcodes:
            o.note(f"{prefix}/effects/{opcode:04x}h", f"{effects:04x}h")


def effects_log(o):
    """The command effects log: {opcode: effects} (CXL 3.1 8.2.9.5.2.1)."""
    logs = o.host.command(GET_LOGS)
    size = struct.unpack_from("<I", logs, 8 + logs[8:].index(CEL) + 16)[0]
    log = o.host.command(GET_LOG, CEL + struct.pack("<II", 0, size))
    return dict(struct.iter_unpack("<HH", log))


def dc_mailbox(o):
    """As mailbox(), of a device with dynamic capacity and of what it has more."""
    mailbox(o, "dcmailbox", range(0x4800, 0x4900))


def described(prefix):
    """To look at what a device says of its capacity."""
    def look(o):
        o.host.enumerate()
        o.note(f"{prefix}/capacity", o.host.command(IDENTIFY)[0x10:0x30].hex())
        o.run(f"{prefix}/partition-info", 0x4100)
        # What is behind the regions, the numbers of extents and tags, is looked at in dc_mailbox().
        for count, first in ((8, 0), (8, 1), (1, 0)):
            out = o.host.command(DC_CONFIG, bytes([count, first]))
            o.note(f"{prefix}/{count}-regions-from-{first}", out[:-0x10].hex())
        dvsec = o.host.dvsec(o.host.ep, 0, 0)
        for off in range(0, 0x3c, 4):
            o.note(f"{prefix}/dvsec/{off:02x}", hex32(o.host.cfg_read32(o.host.ep, 0, dvsec + off)))
    return look


def last(command, prefix="fatal"):
    """To look at a command that may be the program's last."""
    name, opcode, payload = command

    def look(o):
        o.host.enumerate()
        try:
            o.run(f"{prefix}/{name}", opcode, payload)
        except (EOFError, ConnectionResetError):
            o.note(f"{prefix}/{name}", ENDS)
    return look
