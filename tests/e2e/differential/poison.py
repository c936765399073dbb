# SPDX-License-Identifier: Apache-2.0
"""Poison: injected by a management client and by the host, listed, cleared."""

import struct

from cxbpy.cxlhost import MailboxError

from background import status, step, take
from observe import ENDS

PATH = "/machine/peripheral/cxl-vmem0"
INJECT = "cxl-inject-poison"
GET, INJECT_LINE, CLEAR_LINE = 0x4300, 0x4301, 0x4302
SCAN_CAPS, SCAN, RESULTS, ABORT = 0x4303, 0x4304, 0x4305, 0x0005
# Of the machine these look at: static memory, then dynamic capacity.
STATIC, END = 512 << 20, (512 << 20) + (2 << 30)
LINE = 64


def listed(o, start=0, length=STATIC):
    """Flags and records of a range, the records by address: QEMU has the newest first."""
    try:
        out = o.host.command(GET, struct.pack("<QQ", start, length // LINE))
    except MailboxError as error:
        return f"{error.code:04x}h"
    count = struct.unpack_from("<H", out, 0x0a)[0]
    records = sorted(struct.iter_unpack("<QII", out[0x20:0x20 + 0x10 * count]))
    text = " ".join(f"{dpa:x}+{lines:x}" + (f"/{extra}" if extra else "")
                    for dpa, lines, extra in records)
    return f"flags {out[0]:x} count {count}: {text}"


def command(o, key, opcode, payload):
    try:
        out = o.host.command(opcode, payload)
        o.note(key, "done" + (f" {out.hex()}" if out else ""))
    except MailboxError as error:
        o.note(key, f"{error.code:04x}h")


def inject(o, key, start, length, path=PATH):
    o.ask(f"poison/qmp/{key}", INJECT, path=path, start=start, length=length)
    o.note(f"poison/qmp/{key}/list", listed(o))


def line(o, key, opcode, dpa):
    """One line, and the list around it."""
    data = bytes(range(LINE)) if opcode == CLEAR_LINE else b""
    command(o, f"poison/{key}", opcode, struct.pack("<Q", dpa) + data)
    o.note(f"poison/{key}/list", listed(o))


def poison(o):
    o.host.enumerate()
    inject(o, "four-lines", 0x1000, 4 * LINE)
    inject(o, "one-line", 0x1100, LINE)
    inject(o, "last-line", STATIC - LINE, LINE)
    inject(o, "overlap", 0x1080, LINE)
    inject(o, "overlap-below", 0xfc0, 2 * LINE)
    inject(o, "overlap-around", 0, 0x10000)
    inject(o, "not-a-line", 0x2000, 63)
    inject(o, "not-aligned", 0x2001, LINE)
    inject(o, "neither", 0x2001, 63)
    inject(o, "nowhere", 0x2000, LINE, "/nosuch")
    inject(o, "nowhere-not-aligned", 0x2001, LINE, "/nosuch")
    inject(o, "elsewhere", 0x2000, LINE, "/machine/peripheral/root_port13")
    inject(o, "text", "x", LINE)
    inject(o, "negative", -64, LINE)
    for name in ("path", "start", "length"):
        arguments = {"path": PATH, "start": 0x2000, "length": LINE}
        del arguments[name]
        o.ask(f"poison/qmp/no-{name}", INJECT, **arguments)

    line(o, "inject", INJECT_LINE, 0x3000)
    line(o, "inject-again", INJECT_LINE, 0x3000)
    line(o, "inject-poisoned", INJECT_LINE, 0x1040)
    line(o, "inject-neighbour", INJECT_LINE, 0x3040)
    line(o, "inject-beyond", INJECT_LINE, END)
    command(o, "poison/inject-short", INJECT_LINE, bytes(7))
    command(o, "poison/inject-long", INJECT_LINE, bytes(9))

    for name, start, length in (("one", 0x3000, LINE), ("none", 0x3080, LINE),
                                ("up-to-it", 0x2000, 0x1000), ("no-lines", 0x1000, 0),
                                ("end-cut", 0, 0x1080), ("whole", 0, END)):
        o.note(f"poison/query/{name}", listed(o, start, length))
    for name, start, lines in (("not-aligned", 0x1001, 1), ("beyond", END, 1),
                               ("past-the-end", END - LINE, 2)):
        command(o, f"poison/query/{name}", GET, struct.pack("<QQ", start, lines))
    command(o, "poison/query/short", GET, bytes(15))
    command(o, "poison/query/long", GET, bytes(17))

    line(o, "clear-in-the-middle", CLEAR_LINE, 0x1040)
    line(o, "clear-the-rest-below", CLEAR_LINE, 0x1000)
    line(o, "clear-at-the-end", CLEAR_LINE, 0x10c0)
    line(o, "clear-clean", CLEAR_LINE, 0x5000)
    line(o, "clear-beyond", CLEAR_LINE, END)
    command(o, "poison/clear-short", CLEAR_LINE, bytes(0x47))
    command(o, "poison/clear-long", CLEAR_LINE, bytes(0x49))


def poison_misplaced(o):
    """Where a device with dynamic capacity has no memory, and what is not by lines. Of these QEMU keeps
    records that later queries would stumble over: only the answers are compared."""
    o.host.enumerate()
    for name, start, length in (("nothing", 0x2000, 0), ("unaccepted", STATIC + 0x2000, LINE),
                                ("beyond", END, LINE), ("across", STATIC - LINE, 2 * LINE)):
        o.ask(f"misplaced/qmp-{name}", INJECT, path=PATH, start=start, length=length)
    for name, opcode, dpa in (("inject-not-aligned", INJECT_LINE, 0x3001),
                              ("inject-unaccepted", INJECT_LINE, STATIC + 0x1000),
                              ("clear-unaccepted", CLEAR_LINE, STATIC + 0x1000),
                              ("clear-not-aligned", CLEAR_LINE, 0x5001)):
        data = bytes(LINE) if opcode == CLEAR_LINE else b""
        command(o, f"misplaced/{name}", opcode, struct.pack("<Q", dpa) + data)


def poison_clipped(o):
    """A query that begins inside of a record."""
    o.host.enumerate()
    o.qmp.cmd(INJECT, path=PATH, start=0x1000, length=8 * LINE)
    o.note("clipped/start", listed(o, 0x1080, 0x1000))
    o.note("clipped/both", listed(o, 0x1080, LINE))
    o.note("clipped/behind", listed(o, 0x1200, LINE))


def poison_overflow(o):
    """More than the list holds, which is looked at in parts that fit one answer."""
    o.host.enumerate()
    for i in range(256):
        o.qmp.cmd(INJECT, path=PATH, start=0x1000 * i, length=2 * LINE)
    note_parts(o, "full")
    line_alone(o, "full/inject", INJECT_LINE, 0x200000)
    line_alone(o, "full/inject-poisoned", INJECT_LINE, 0x1000)
    line_alone(o, "full/clear-half", CLEAR_LINE, 0x1000)
    o.ask("listmax/full/qmp", INJECT, path=PATH, start=0x200000, length=4 * LINE)
    o.note("listmax/full/qmp/list", listed(o, 0x200000, 0x1000))
    line_alone(o, "full/make-room", CLEAR_LINE, 0x1040)
    o.ask("listmax/room/qmp", INJECT, path=PATH, start=0x200000, length=4 * LINE)
    line_alone(o, "room/clear-in-the-middle", CLEAR_LINE, 0x200040)
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    note_parts(o, "reset")


def line_alone(o, key, opcode, dpa):
    data = bytes(LINE) if opcode == CLEAR_LINE else b""
    command(o, f"listmax/{key}", opcode, struct.pack("<Q", dpa) + data)
    o.note(f"listmax/{key}/list", listed(o, dpa & ~0xfff, 0x1000))


def note_parts(o, key):
    for i in range(0, 256, 64):
        o.note(f"listmax/{key}/{i}", listed(o, i * 0x1000, 64 * 0x1000))


def last_list(o):
    """A list that is longer than an answer: it may be the program's last."""
    o.host.enumerate()
    for i in range(127):
        o.qmp.cmd(INJECT, path=PATH, start=0x1000 * i, length=LINE)
    try:
        o.note("longlist/first", listed(o)[:20])
        o.note("longlist/second", listed(o))
    except (EOFError, ConnectionResetError):
        o.note("longlist/first", ENDS)
        o.note("longlist/second", ENDS)


def lines(start, length, *flags):
    return struct.pack("<QQ", start, length // LINE) + bytes(flags)


def results(o, key):
    """Results of a scan, by address; QEMU's restart address and length mean nothing."""
    try:
        out = o.host.command(RESULTS)
    except MailboxError as error:
        o.note(key, f"{error.code:04x}h")
        return
    records = sorted(struct.iter_unpack("<QII", out[0x20:]))
    o.note(key, f"flags {out[0x10]:x} restart {out[:0x10].hex()} count {out[0x12]}:"
           + "".join(f" {dpa:x}+{n:x}" for dpa, n, _ in records))


def scan(o):
    """A scan of little, with the clock moved, and payloads that ask for no scan."""
    o.host.enumerate()
    results(o, "scan/results-at-first")
    for name, dpa, count in (("line", 0, 1), ("nothing", 0, 0), ("ms", 0, 3999), ("two-ms", 0, 4001),
                             ("all", 0, STATIC // LINE), ("not-aligned", 1, 1),
                             ("past-the-end", END - LINE, 2), ("beyond", END, 1),
                             ("around-the-end", 2 ** 64 - LINE, 2), ("lines", 0, 2 ** 58 + 1)):
        command(o, f"scan/caps/{name}", SCAN_CAPS, struct.pack("<QQ", dpa, count))
        # The last two are a scan for QEMU, and one of ages.
        if name in ("not-aligned", "past-the-end", "beyond"):
            command(o, f"scan/{name}", SCAN, struct.pack("<QQB", dpa, count, 1))
    for name, dpa, length in (("static", 0, STATIC), ("into-capacity", STATIC - LINE, 2 * LINE)):
        command(o, f"scan/caps/{name}", SCAN_CAPS, lines(dpa, length))
    o.qmp.cmd(INJECT, path=PATH, start=0x1000, length=4 * LINE)
    o.qmp.cmd(INJECT, path=PATH, start=0x3000, length=LINE)
    take(o, "scan", [
        ("caps-short", SCAN_CAPS, bytes(15)), ("caps-long", SCAN_CAPS, bytes(17)),
        ("short", SCAN, bytes(16)), ("long", SCAN, bytes(18)), ("results-long", RESULTS, b"\0"),
        ("start", SCAN, lines(0, 0x100000, 1)), ("status", None),
        ("again", SCAN, lines(0, 0x100000, 1)),
        ("get-meanwhile", GET, lines(0x3000, LINE))])
    results(o, "scan/results-meanwhile")
    command(o, "scan/clear-meanwhile", CLEAR_LINE, struct.pack("<Q", 0x1000) + bytes(LINE))
    command(o, "scan/inject-meanwhile", INJECT_LINE, struct.pack("<Q", 0x5000))
    o.ask("scan/qmp-meanwhile", INJECT, path=PATH, start=0x7000, length=LINE)
    o.note("scan/list-meanwhile", listed(o))
    step(o, 3000)
    status(o, "scan/done")
    results(o, "scan/results")
    results(o, "scan/results-again")
    o.note("scan/list", listed(o))
    take(o, "scan", [("flags", SCAN, lines(0, LINE, 0xff)), ("flags-done", 3000),
                     ("no-lines", SCAN, lines(0, 0, 1)), ("no-lines-done", 3000)])
    results(o, "scan/results-nothing")
    take(o, "scan", [("clipped", SCAN, lines(0x1080, 0x1000, 1)), ("clipped-done", 3000)])
    results(o, "scan/results-clipped")
    take(o, "scan", [("to-abort", SCAN, lines(0, STATIC, 1)), ("abort", ABORT, b""),
                     ("aborted", None)])
    results(o, "scan/results-aborted")
    o.run("scan/third", SCAN, lines(0, STATIC, 1))
    o.qmp.cmd("system_reset")
    o.host.enumerate()
    status(o, "scan/after-a-reset")
    results(o, "scan/results-after-a-reset")
    o.note("scan/list-after-a-reset", listed(o))


def scan_overflow(o):
    """More than the list holds, found by a scan when there is room again."""
    o.host.enumerate()
    for i in range(258):
        o.qmp.cmd(INJECT, path=PATH, start=0x1000 * i, length=LINE)
    o.note("scanlist/full", listed(o, 0x100000, 0x10000))
    for i in range(2, 256):
        o.host.command(CLEAR_LINE, struct.pack("<Q", 0x1000 * i) + bytes(LINE))
    o.note("scanlist/room", listed(o, 0x100000, 0x10000))
    take(o, "scanlist", [("scan", SCAN, lines(0, STATIC, 1)), ("done", 10000)])
    results(o, "scanlist/results")
    o.note("scanlist/found", listed(o, 0x100000, 0x10000))
    o.note("scanlist/all", listed(o))
